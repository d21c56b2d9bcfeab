"""Thermodynamics of sampled configurations, with errors: what a lattice simulation reports.

With S the lattice sum conjugate to the coupling K (Σ_<ij> s_i s_j, Σ δ(q_i, q_j), Σ cos(θ_i − θ_j), …: the model's
``conjugate``), M = Σ_i m_i its order parameter of m independent components (the model's ``order_field``) and N sites,

    energy per site            e  = −⟨S⟩/N                     (the sign convention of `rgnet.exact`)
    specific heat per site     c  = K² Var(S)/N
    magnetisation per site     |m| = ⟨|M|⟩/N
    susceptibility per site    χ  = (⟨M²⟩ − ⟨|M|⟩²)/N          (all m components together)
    Binder cumulant            U₄ = 1 − m ⟨M⁴⟩/((m + 2) ⟨M²⟩²)
    correlation length         ξ  = √(⟨M²⟩/⟨|M_k|²⟩ − 1) / k̂,  k̂ = 2 sin(k/2), k = 2π/L  (Cooper et al. 1982)

U₄ is Binder's (1981) for m = 1; for any m it is 0 where M is Gaussian, deep in the disordered phase, and 2/(m + 2)
where |M| is sharp, deep in the ordered one. Potts states have m = q − 1 (the q corners of a simplex), clock and XY
spins 2, O(n) vectors n. ξ, of the second moment, is taken along the longest periodic side (averaged over sides of that
length) and is a correlation length in the disordered phase; it is NaN without a periodic side, and without
configurations. On the triangular lattice k̂ = (4/√3) sin(k/2), so that ξ is in lattice spacings. All are about the
uniform M, also for K < 0, where the order parameter is the staggered one. Errors are delete-one-block jackknife errors.

Beside them, by model and by what was kept:

    φ⁴, Gaussian field   e = ⟨H⟩/N, no c; ⟨φ²⟩, ⟨φ⁴⟩ per site
    XY                   vortices a site, ⟨Σ|n|⟩/N; helicity modulus along the first axis in units of J,
                         Υ = ⟨C⟩/N − K ⟨S²⟩/N, C and S the sums of cos and sin of the steps along it (Teitel &
                         Jayaprakash 1983), which jumps from 2/(πK) to 0 at the Kosterlitz–Thouless transition
                         (Nelson & Kosterlitz 1977); for a periodic axis without a field
    Blume–Capel          occupation ⟨s²⟩
    spin glass           overlap of pairs of chains, which share their bonds: q = Σ s^a s^b/N; ⟨|q|⟩, ⟨q²⟩ and its U₄
    dimers               M = N D, the order parameter of columns (`rgnet.models.dimers.columnar`)
    cluster moves        χ = ⟨M²⟩/N and U₄ from clusters instead of spins (``susceptibility_improved``,
                         ``binder_improved``; Wolff 1988): for the symmetric phase, where ⟨M⟩ = 0
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from warnings import warn

import numpy as np
import xarray as xr

from rgnet import labels, stats
from rgnet.models import dimers, from_attrs, tuned

QUANTITIES = ("energy", "specific_heat", "magnetization", "susceptibility", "binder", "correlation_length")
FURTHER = (
    "phi2", "phi4", "vortex_density", "helicity_modulus", "occupation", "overlap", "overlap2", "overlap_binder",
    "susceptibility_improved", "binder_improved",
)  # fmt: skip

_SITES_AT_ONCE = 1 << 22  # whose order field, up to m floats a site, is held at a time
_FIELDS = ("Phi4", "GaussianField")  # real fields, whose H has no coupling K in front of S
_Columns = dict[str, Any]


def thermodynamics(data: xr.Dataset, *, blocks: int = 64) -> xr.Dataset:
    """Thermodynamics of a sampled Dataset: scalars `QUANTITIES` and what else its model has, each with ``_stderr``.

    Parameters
    ----------
    data : Dataset
        As `rgnet.sample` returns it, with the attribute ``model`` and ``spin(chain, draw, *space)``; or without
        configurations (``configurations=False``), with ``energy`` and ``magnetization``; or of `rgnet.temper`, with a
        dimension ``replica``.
    blocks : int
        Number of jackknife blocks of consecutive draws, at least 20; fewer are used where they would be shorter than
        5 autocorrelation times.

    Returns
    -------
    Dataset of scalars
        With ``tau_energy`` and ``tau_magnetization``: integrated autocorrelation times in draws. Of tempered data, the
        same over ``replica``, with a coordinate ``K``; a replica whose chains are too short is NaN, with a warning.

    Raises
    ------
    ShortChainError
        If the chains are too short for the autocorrelation time of energy or |magnetisation|; not raised where a
        quantity never changes (a frozen lattice), whose error is then 0.
    ValueError
        If the Dataset is a coarse level, a part of a lattice, or one draw, or holds neither configurations nor
        energies.
    """
    if data.attrs.get("level", 0) != 0:
        raise ValueError(f"level {data.attrs['level']}: thermodynamics is about the sampled model, give level 0")
    if "replica" in data.dims:
        return _by_replica(data, blocks)
    model = from_attrs(data.attrs)
    series = _series(data, model)
    first = next(iter(series.watched.values()))
    if first.size < 2:
        raise ValueError("one draw: thermodynamics needs more, several hundred for useful errors")
    edges, _ = stats.long_blocks(series.watched, blocks)
    result = xr.Dataset(attrs={"shape": json.dumps(list(model.shape)), "draws": int(first.size)})
    if series.components != 1:
        result.attrs["order_parameter_components"] = series.components
    found = _jackknifed(series.columns, edges, _formulae(model, series))
    if "overlap" in series.pairs:
        try:
            edges, _ = stats.long_blocks({"the overlap": series.pairs["overlap"]}, blocks)
            found |= _jackknifed(series.pairs, edges, _overlaps)
        except stats.ShortChainError as error:
            warn(f"no overlap: {error}", stacklevel=2)
    for name in sorted(found, key=(*QUANTITIES, *FURTHER).index):
        result[name], result[f"{name}_stderr"] = ((), found[name][0]), ((), found[name][1])
    for name, values in series.watched.items():
        result[_TAU[name]] = ((), stats.autocorrelation_time(values))
    return result


_TAU = {"the energy": "tau_energy", "|magnetisation|": "tau_magnetization"}


@dataclass
class _Series:
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

    columns: _Columns = field(default_factory=dict)
    watched: _Columns = field(default_factory=dict)
    components: int = 1
    momentum: float = 0.0
    pairs: _Columns = field(default_factory=dict)


def _by_replica(data: xr.Dataset, blocks: int) -> xr.Dataset:
    """The tables of all replicas, each with the K at which it was sampled."""
    model = from_attrs(data.attrs)
    varied = tuned.name(model)
    couplings = [float(K) for K in np.atleast_1d(data[varied].values)]
    tables, reasons = [], []
    for index, K in enumerate(couplings):
        part = data.isel(replica=index).drop_vars((varied, "replica"), errors="ignore")
        attrs = {**data.attrs, "model": json.dumps(tuned.at(model, K).to_dict())}
        try:
            tables.append(thermodynamics(part.assign_attrs(attrs), blocks=blocks))
        except stats.ShortChainError as error:
            tables.append(xr.Dataset(attrs={}))
            reasons.append((K, error))
    if len(reasons) == len(tables):
        raise reasons[0][1]
    for K, reason in reasons:
        warn(f"{varied} = {K:.6g}: {reason}", stacklevel=2)
    names = list(dict.fromkeys(str(name) for table in tables for name in table.data_vars))
    columns = {
        name: ("replica", [float(table[name]) if name in table else math.nan for table in tables]) for name in names
    }
    attrs = next(table.attrs for table in tables if table.attrs)
    return xr.Dataset(columns, {"replica": np.arange(len(couplings)), varied: ("replica", couplings)}, attrs)


def _series(data: xr.Dataset, model: Any) -> _Series:
    data = data if "chain" in data.dims else data.expand_dims("chain")
    series = _Series(components=_components(model))
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
    if type(model).__name__ in _FIELDS:
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
        series.watched["|magnetisation|"] = size
    kept = {"phi2": own.get("phi2"), "phi4": own.get("phi4"), "occupation": own.get("occupied")}
    seen = {name: values / sites for name, values in kept.items() if values is not None} | seen
    columns |= {name: seen[name] for name in ("structure", *kept) if name in seen}
    _further(own, sites, columns)
    if type(model).__name__ == "SpinGlass" and "spin" in data and data.sizes["chain"] > 1:
        series.pairs = _pairs(data, sites)
    return series


def _components(model: Any) -> int:
    """Independent components of the order parameter."""
    name = type(model).__name__
    if name == "DiscreteModel":
        return int(model.q) - 1 if model.values is None else 1
    if name == "ContinuousModel":
        return 1 if model.domain is None else 2
    known = {"Potts": getattr(model, "q", 2) - 1, "Clock": min(2, getattr(model, "q", 3) - 1), "XY": 2, "Dimers": 2}
    return known.get(name, int(getattr(model, "components", 1)))


def _observed(data: xr.Dataset) -> _Columns:
    """What was kept of every draw, as arrays (chain, draw, …)."""
    kept = {}
    for name, values in data.data_vars.items():
        if name != "spin" and {"chain", "draw"} <= set(values.dims):
            rest = [other for other in values.dims if other not in ("chain", "draw")]
            kept[str(name)] = values.transpose("chain", "draw", *rest).values
    return kept


def _further(own: _Columns, sites: int, columns: _Columns) -> None:
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


def _configurations(data: xr.Dataset, model: Any, series: _Series) -> _Columns:
    """S, M and the structure factor of all draws; moments of a real field, the occupation of spin-1."""
    kind = type(model).__name__
    space = tuple(range(-len(model.shape), 0))
    sums: dict[str, list[Any]] = {}
    longest = _longest(model)
    for x in _pieces(data):
        seen = {} if kind in _FIELDS else {"S": model.conjugate(x)}
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
        if kind in _FIELDS:
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
    """Axes of the periodic sides of that length, counted from the last."""
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
    if type(model).__name__ in _FIELDS:
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


def _pairs(data: xr.Dataset, sites: int) -> _Columns:
    """Overlap of the chains 0 and 1, 2 and 3, …: (pair, draw)."""
    space = [str(name) for name in data["spin"].dims if name not in labels.BATCH_DIMS]
    x = data["spin"].transpose("chain", "draw", *space).values
    x = x[: len(x) // 2 * 2].reshape(len(x) // 2, 2, x.shape[1], -1)
    q = np.stack([np.einsum("ds,ds->d", a, b, dtype=np.float64, casting="unsafe") for a, b in x]) / sites
    return {"overlap": np.abs(q), "overlap2": q**2, "overlap4": q**4}


def _formulae(model: Any, series: _Series) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """All quantities from the means of the columns."""
    sites, m, K = model.n_sites, series.components, getattr(model, "K", math.nan)

    def quantities(mean: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if "bonds" in mean:
            e, e2 = mean["bonds"], mean["bonds2"]
            found |= {"energy": -e, "specific_heat": K**2 * sites * (e2 - e**2)}
        elif "energy" in mean:
            found["energy"] = mean["energy"]
        else:  # not to be had without configurations, from H of several terms
            found |= {"energy": math.nan, "specific_heat": math.nan}
        if "m2" in mean:
            am, m2, m4 = (mean[name] for name in ("m1", "m2", "m4"))
            xi = np.sqrt(m2 / mean["structure"] - 1.0) / series.momentum if "structure" in mean else math.nan
            found |= {
                "magnetization": am,
                "susceptibility": sites * (m2 - am**2),
                "binder": 1.0 - m * m4 / ((m + 2) * m2**2),
                "correlation_length": xi,
            }
        found |= {name: mean[name] for name in ("phi2", "phi4", "occupation") if name in mean}
        if "vortices" in mean:
            found["vortex_density"] = mean["vortices"]
        if "helicity_cos" in mean:
            found["helicity_modulus"] = mean["helicity_cos"] - K * mean["helicity_sin2"]
        if "cluster_m2" in mean:
            found["susceptibility_improved"] = sites * mean["cluster_m2"]
        if "cluster_m4" in mean:
            found["binder_improved"] = 1.0 - m * mean["cluster_m4"] / ((m + 2) * mean["cluster_m2"] ** 2)
        return found

    return quantities


def _overlaps(mean: Mapping[str, Any]) -> dict[str, Any]:
    q2 = mean["overlap2"]
    return {"overlap": mean["overlap"], "overlap2": q2, "overlap_binder": 1.0 - mean["overlap4"] / (3.0 * q2**2)}


def _jackknifed(
    columns: _Columns, edges: Any, quantities: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, tuple[float, float]]:
    """Value and error of every quantity."""
    names = list(columns)
    moments = stats.block_means(np.stack([columns[name] for name in names], axis=-1), edges)

    def function(means: Any) -> Any:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.array(list(quantities(dict(zip(names, means, strict=True))).values()))

    value, error = stats.jackknife(moments, function, edges[:, 2] - edges[:, 1])
    found = list(quantities(dict.fromkeys(names, 1.0)))
    return {name: (float(v), float(e)) for name, v, e in zip(found, value, error, strict=True)}
