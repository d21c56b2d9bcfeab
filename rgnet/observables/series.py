"""Series of a sampled Dataset: what thermodynamics averages over draws, from configurations or from what was kept.

`series_of` gives columns (chain, draw), each intensive where that is possible. The structure factor is that at the
smallest momentum along the longest periodic side.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from rgnet import labels
from rgnet.models import dimers

_SITES_AT_ONCE = 1 << 22  # whose order field, up to m floats a site, is held at a time
FIELDS = ("Phi4", "GaussianField")  # real fields, whose H has no coupling K in front of S
Columns = dict[str, Any]


@dataclass
class Series:
    """What is averaged over draws.

    Attributes
    ----------
    columns : dict
        Name to (chain, draw); intensive where that is possible.
    watched : dict
        What must move fast compared with the blocks: energy and |M|, (chain, draw).
    components : int
        Independent components m of the order parameter.
    momentum : float
        k̂ of the structure factor, 0 where there is none.
    pairs : dict
        Columns of pairs of chains (pair, draw).
    """

    columns: Columns = field(default_factory=dict)
    watched: Columns = field(default_factory=dict)
    components: int = 1
    momentum: float = 0.0
    pairs: Columns = field(default_factory=dict)


def series_of(data: xr.Dataset, model: Any) -> Series:
    """The columns of a Dataset of one coupling.

    Raises
    ------
    ValueError
        If it is a part of a lattice, or holds neither configurations nor energies.
    """
    data = data if "chain" in data.dims else data.expand_dims("chain")
    series = Series(components=model.order_components)
    sites = model.n_sites
    if "spin" in data:
        bare = data.drop_attrs(deep=False).assign_attrs({k: v for k, v in data.attrs.items() if k != "values"})
        labels.check_whole(bare)  # of any model
        seen = _configurations(data, model, series)
    elif "energy" in data:
        known = "conjugate" in data  # of tempered data
        seen = {"S": data["conjugate"].transpose("chain", "draw").values if known else _conjugate_sum(data, model)}
        if "magnetization" in data:
            rest = [str(name) for name in data["magnetization"].dims if name not in ("chain", "draw")]
            seen["M"] = data["magnetization"].transpose("chain", "draw", *rest).values
    else:
        raise ValueError(
            f"neither spin nor energy in it (found: {', '.join(map(str, data.data_vars)) or 'nothing'}); give a "
            f"Dataset as rgnet.sample or rgnet.temper returns it"
        )
    own, columns = _observed(data), series.columns
    if type(model).__name__ in FIELDS:
        columns["energy"] = own["energy"] / sites if "energy" in own else _per_draw(data, model.energy) / sites
        series.watched["the energy"] = columns["energy"]
    else:
        bonds = seen["S"] / sites
        if np.isfinite(bonds).all():
            columns |= {"bonds": bonds, "bonds2": bonds**2}
            series.watched["the energy"] = bonds
    if "M" in seen:
        magnet = seen["M"] / sites
        if magnet.ndim == 2:
            size, square, fourth = np.abs(magnet), magnet**2, magnet**4
        else:
            square = (magnet**2).sum(axis=-1)
            size, fourth = np.sqrt(square), square**2
        columns |= {"m1": size, "m2": square, "m4": fourth}
        if not model.is_symmetric:
            each = magnet[..., None] if magnet.ndim == 2 else magnet
            columns |= {f"mean{k}": each[..., k] for k in range(each.shape[-1])}
        series.watched["|magnetisation|"] = size
    kept = {"phi2": own.get("phi2"), "phi4": own.get("phi4"), "occupation": own.get("occupied")}
    seen = {name: values / sites for name, values in kept.items() if values is not None} | seen
    columns |= {name: seen[name] for name in ("structure", *kept) if name in seen}
    _further(own, sites, columns)
    if type(model).__name__ == "SpinGlass" and "spin" in data and data.sizes["chain"] > 1:
        series.pairs = _pairs(data, sites)
    return series


def _observed(data: xr.Dataset) -> Columns:
    """What was kept of every draw, as arrays (chain, draw, …)."""
    kept = {}
    for name, values in data.data_vars.items():
        if name != "spin" and {"chain", "draw"} <= set(values.dims):
            rest = [other for other in values.dims if other not in ("chain", "draw")]
            kept[str(name)] = values.transpose("chain", "draw", *rest).values
    return kept


def _further(own: Columns, sites: int, columns: Columns) -> None:
    """Columns from what only some models and moves keep."""
    if "vortices" in own:
        columns["vortices"] = own["vortices"] / sites
    if "helicity_cos" in own and "helicity_sin" in own:
        columns["helicity_cos"] = own["helicity_cos"] / sites
        columns["helicity_sin2"] = own["helicity_sin"] ** 2 / sites
    for power in (2, 4):
        if f"cluster_m{power}" in own:
            columns[f"cluster_m{power}"] = own[f"cluster_m{power}"] / float(sites) ** power


def _per_draw(data: xr.Dataset, function: Callable[[Any], Any]) -> Any:
    """A function of configurations, for all draws."""
    return np.concatenate([function(x) for x in _pieces(data)], axis=0).reshape(data.sizes["chain"], -1)


def _pieces(data: xr.Dataset) -> Any:
    """Configurations (draws, …) in C order over (chain, draw), a few at a time."""
    spin = data["spin"]
    space = [str(name) for name in spin.dims if name not in labels.BATCH_DIMS]
    inner = ["component"] if "component" in spin.dims else []
    x = spin.transpose("chain", "draw", *inner, *space).values
    x = x.reshape(-1, *x.shape[2:])
    step = max(1, _SITES_AT_ONCE // max(1, math.prod(x.shape[1:])))
    for begin in range(0, len(x), step):
        yield x[begin : begin + step]


def _configurations(data: xr.Dataset, model: Any, series: Series) -> Columns:
    """S, M and the structure factor of all draws; moments of a real field, the occupation of spin-1."""
    kind = type(model).__name__
    space = tuple(range(-len(model.shape), 0))
    sums: dict[str, list[Any]] = {}
    longest = _longest(model)
    for x in _pieces(data):
        seen = {} if kind in FIELDS else {"S": model.conjugate(x)}
        if kind == "Dimers":
            seen["M"] = dimers.columnar(x) * model.n_sites
        elif hasattr(model, "order_field"):
            m = model.order_field(x)
            whole = {"dtype": np.int64} if m.dtype.kind in "iu" else {}
            total = m.sum(axis=space, **whole)
            seen["M"] = total[..., 0] if m.shape[1] == 1 else total
            for axis in _along(model, longest):
                others = tuple(other for other in space if other != axis)
                profile = m.sum(axis=others, **whole) if others else m
                seen[f"profile{axis}"] = profile[:, 0] if m.shape[1] == 1 else profile
        if kind in FIELDS:
            seen["phi2"], seen["phi4"] = (x**2).mean(axis=space), (x**4).mean(axis=space)
        if kind == "BlumeCapel":
            seen["occupation"] = (x != 0).mean(axis=space)
        for name, values in seen.items():
            sums.setdefault(name, []).append(values)
    chains = data.sizes["chain"]
    joined = {name: np.concatenate(parts) for name, parts in sums.items()}
    found = {name: values.reshape(chains, -1, *values.shape[1:]) for name, values in joined.items()}
    profiles = [found.pop(name) for name in list(found) if name.startswith("profile")]
    if profiles:
        found["structure"] = _structure_factor(profiles, longest, model.n_sites)
        stretch = 2.0 / math.sqrt(3.0) if getattr(model, "lattice", "") == "triangular" else 1.0
        series.momentum = stretch * 2.0 * math.sin(math.pi / longest)
    return found


def _longest(model: Any) -> int:
    """The longest periodic side, 0 if all are free."""
    periodic = [side for side, name in zip(model.shape, model.boundary, strict=True) if name == "periodic"]
    return max(periodic, default=0)


def _along(model: Any, longest: int) -> list[int]:
    """Axes of the periodic sides of that length, counted from the last; none where the mean M_k does not vanish."""
    if type(model).__name__ == "SpinGlass" and not model.is_symmetric:
        return []
    ends = zip(range(-len(model.shape), 0), model.shape, model.boundary, strict=True)
    return [axis for axis, side, name in ends if side == longest and name == "periodic"]


def _structure_factor(profiles: list[Any], longest: int, sites: int) -> Any:
    """|M_k|²/N² at the smallest momentum, from sums over all other axes: (chain, draw, [m], side) to (chain, draw)."""
    wave = np.exp(1j * (2.0 * math.pi / longest) * np.arange(longest))
    total = np.zeros(profiles[0].shape[:2])
    for profile in profiles:
        power = np.abs(profile @ wave) ** 2
        total += power if power.ndim == 2 else power.sum(axis=-1)
    return total / (len(profiles) * sites**2)


def _conjugate_sum(data: xr.Dataset, model: Any) -> Any:
    """S of every draw from its energy H, where nothing else is in H; NaN where H does not tell."""
    energy = data["energy"].transpose("chain", "draw").values
    if type(model).__name__ in FIELDS:
        return energy
    own = _observed(data)
    along, occupied = own.get("magnetization"), own.get("occupied")
    if along is not None and along.ndim > 2:  # the field acts on the first component, of Potts states on state 0
        along = along[..., 0]
        if type(model).__name__ == "Potts":
            along = ((model.q - 1) * along + model.n_sites) / model.q
    unknown = np.full(energy.shape, np.nan)
    for strength, total in ((getattr(model, "h", 0.0), along), (-getattr(model, "D", 0.0), occupied)):
        energy = energy if strength == 0 else unknown if total is None else energy + strength * total
    if getattr(model, "couplings", ()) or not getattr(model, "K", 0.0):
        return unknown
    return -energy / model.K


def _pairs(data: xr.Dataset, sites: int) -> Columns:
    """Overlap of the chains 0 and 1, 2 and 3, …: (pair, draw)."""
    space = [str(name) for name in data["spin"].dims if name not in labels.BATCH_DIMS]
    x = data["spin"].transpose("chain", "draw", *space).values
    x = x[: len(x) // 2 * 2].reshape(len(x) // 2, 2, x.shape[1], -1)
    q = np.stack([np.einsum("ds,ds->d", a, b, dtype=np.float64, casting="unsafe") for a, b in x]) / sites
    return {"overlap": np.abs(q), "overlap2": q**2, "overlap4": q**4}
