"""The ledger: what each level of each network keeps of the cause, how many states that takes, and how much time.

For a hierarchy y_0 → … → y_n and maps f_1, f_2∘f_1, … of the data y_n, the data-processing inequality says
I(y_0; f_k) ≤ I(y_0; y_n), with equality for sufficient statistics. The ledger has one row a level, with

- the exact value, where one exists (`rgnet.hierarchies.exact_levels`);
- an estimate from draws, by the method that `rgnet.information.retained` chooses;
- a lower bound, the cross-entropy of a classifier on draws that it was not trained on;
- the number of different states among the draws, and the time from the data to the level.

The first network is always ``sufficient``: the hierarchy undone step by step by its own minimal sufficient statistics
T_{n−1}, …, T_0, which lose nothing (Lin, Tegmark & Rolnick 2017, Theorem 2; claims B2, B3).
"""

import json
import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import lattice
from rgnet.estimate import Estimate
from rgnet.hierarchies.exact_levels import information_by_level, spin_values
from rgnet.information.classifier import classifier_bound
from rgnet.information.grouping import group_rows
from rgnet.information.kept import retained
from rgnet.information.samples import InformationWarning, as_labels
from rgnet.layers import Network

Array = npt.NDArray[Any]

SUFFICIENT = "sufficient"
_COLUMNS = (
    "exact", "information", "information_stderr", "lower", "lower_stderr", "sites", "states", "microseconds",
)  # fmt: skip
_SAME = 1e-9  # posteriors that differ by less are one state
_NARROW = 1e-4  # bounds that differ by less are as good as exact
_REPEATS = 10  # draws a symbol, on average, from which on symbols are counted
_ONE_BY_ONE = 64  # symbols
_NO_ESTIMATE = {"information": math.nan, "information_stderr": math.nan, "kind": "", "method": ""}


def ledger(
    hierarchy: Any,
    networks: Mapping[str, Any] | None = None,
    *,
    draws: int = 10_000,
    seed: int = 0,
    data: xr.Dataset | None = None,
) -> xr.Dataset:
    """Information about y_0, states and time at every level of every network.

    Parameters
    ----------
    hierarchy : Tree, RandomHierarchy, LatticeHierarchy or their like
    networks : mapping of name to Network, optional
        Maps of the data beside the sufficient one. A tree's leaves are a chain of sites, the children of one parent
        side by side, so that a layer of scale b merges families of b. States 0 and 1 are spins +1 and −1.
    draws, seed : int
        Of the hierarchy.
    data : Dataset, optional
        Draws that `hierarchy.sample` returned, in place of new ones.

    Returns
    -------
    Dataset over (network, level)
        ``exact``, ``information``, ``lower`` (nats, NaN where there is none), the last two with ``_stderr``;
        ``sites``, ``states`` (different ones among the draws), ``microseconds`` (from the data to the level, a draw),
        ``kind`` and ``method`` of ``information``, or why there is none. Level 0 is the data. Attributes:
        ``entropy``, that of y_0 among all causes; ``draws``, ``unit``, ``hierarchy``, ``parameters``.

    Raises
    ------
    ValueError
        If a network is called "sufficient", or its scale does not fit the data.
    """
    networks = _checked(hierarchy, networks)
    data = hierarchy.sample(draws, seed=seed) if data is None else data
    y0, y_n = data["y_0"], data[f"y_{hierarchy.steps}"]
    made = {SUFFICIENT: _undone(hierarchy, y_n)}
    made |= {name: _coarse_grained(hierarchy, network, y_n, seed) for name, network in networks.items()}
    first = None
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, levels in made.items():
        rows[name] = _rows(hierarchy, levels, y0, y_n, seed, first)
        first = rows[name][0]  # the data, the same for all
    depth = max(len(row) for row in rows.values())
    return xr.Dataset(
        {
            **{
                column: (("network", "level"), [_padded(row, column, depth, math.nan) for row in rows.values()])
                for column in _COLUMNS
            },
            **{
                column: (("network", "level"), [_padded(row, column, depth, "") for row in rows.values()])
                for column in ("kind", "method")
            },
        },
        coords={"network": list(rows), "level": np.arange(depth)},
        attrs={
            "entropy": float(-np.sum([p * math.log(p) for p in np.asarray(hierarchy.prior, dtype=float) if p > 0])),
            "unit": "nats",
            "draws": int(y0.size),
            "hierarchy": type(hierarchy).__name__,
            "parameters": json.dumps(_parameters(data)),
        },
    )


def _checked(hierarchy: Any, networks: Any) -> dict[str, Network]:
    if not hasattr(hierarchy, "prior") or hierarchy.alphabet[0] is None:
        raise ValueError(
            f"{type(hierarchy).__name__}: a ledger is kept about a cause of few states; of a Gaussian cascade use "
            f"mutual_information and information.gaussian_bottleneck"
        )
    if networks is not None and not isinstance(networks, Mapping):
        raise ValueError('networks: give names and Networks, such as {"majority": rg.Network([rg.Majority(2)] * 4)}')
    if SUFFICIENT in (networks or {}):
        raise ValueError(f"a network is called {SUFFICIENT!r}: that is the name of the hierarchy's own; rename it")
    made = {str(k): v if isinstance(v, Network) else Network(v) for k, v in (networks or {}).items()}
    shape = getattr(hierarchy, "shape", (hierarchy.level_sizes[-1],))
    for name, network in made.items():
        lattice.coarse_shape(shape, network.scale, f"network {name!r} (scale {network.scale})")
    return made


def _padded(row: list[dict[str, Any]], column: str, depth: int, blank: Any) -> list[Any]:
    return [entry[column] for entry in row] + [blank] * (depth - len(row))


def _parameters(data: xr.Dataset) -> dict[str, Any]:
    """What the hierarchy says of itself, long tables left out."""
    said = {str(key): value for key, value in data.attrs.items() if key not in ("hierarchy", "seed")}
    return {key: value for key, value in said.items() if len(str(value)) <= 80}


@dataclass(frozen=True)
class _Level:
    """One level as it was made: what a classifier sees, symbols to count, size, and what it took."""

    features: Array
    symbols: Array
    exact: float
    seconds: float
    sites: int


def _undone(hierarchy: Any, y_n: xr.DataArray) -> list[_Level]:
    """The data, then the sufficient statistics of y_{n−1} … y_0, each of which keeps all there is."""
    whole = _whole(hierarchy)
    draws = y_n.values.shape[: y_n.values.ndim - _space(hierarchy, y_n)]
    levels = [_Level(_spins(hierarchy, y_n), y_n.values, whole, 0.0, hierarchy.level_sizes[-1])]
    for level in range(hierarchy.steps - 1, -1, -1):
        try:
            hierarchy.posterior(y_n.isel(draw=slice(1)), level=level)  # a first call may compile
            start = time.perf_counter()
            posterior = np.asarray(hierarchy.posterior(y_n, level=level).values)
        except ValueError:  # no exact inference for this level
            continue
        seconds = time.perf_counter() - start
        marginals = posterior[..., :-1].reshape(math.prod(draws), -1)  # the last state's is one minus the others
        labels = group_rows(marginals, _SAME).reshape(draws)
        levels.append(_Level(marginals.reshape(*draws, -1), labels, whole, seconds, hierarchy.level_sizes[level]))
    return levels


def _coarse_grained(hierarchy: Any, network: Any, y_n: xr.DataArray, seed: int) -> list[_Level]:
    """The data, then every level of a network."""
    exact = information_by_level(hierarchy, network)
    x, space = _spins(hierarchy, y_n), _space(hierarchy, y_n)
    levels = [_Level(x, y_n.values, exact[0], 0.0, hierarchy.level_sizes[-1])]
    for k, layer in enumerate(network.layers):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
        start = time.perf_counter()
        x = layer(x, rng, ndim=space)
        seconds = levels[-1].seconds + time.perf_counter() - start
        levels.append(_Level(x, x, exact[k + 1], seconds, math.prod(x.shape[x.ndim - space :])))
    return levels


def _space(hierarchy: Any, y_n: xr.DataArray) -> int:
    """How many dimensions of the data are sites."""
    return len([name for name in y_n.dims if name not in ("chain", "draw")])


def _spins(hierarchy: Any, y_n: xr.DataArray) -> Array:
    """The data as layers take them."""
    x = np.asarray(y_n.values)
    if hierarchy.alphabet[-1] == 2 and x.dtype.kind in "iu" and x.min(initial=0) >= 0:
        return np.asarray(np.asarray(spin_values(2), dtype=np.int8)[x])
    return x.astype(np.int64) if x.dtype.kind == "u" else x


def _whole(hierarchy: Any) -> float:
    """I(y_0; y_n), NaN where it is not known exactly."""
    try:
        found = hierarchy.mutual_information(0, hierarchy.steps)
    except ValueError:
        return math.nan
    interval = found.interval or (found.value, found.value)
    return float(found.value) if found.kind == "exact" or 0 < interval[1] - interval[0] < _NARROW else math.nan


def _rows(
    hierarchy: Any,
    levels: list[_Level],
    y0: xr.DataArray,
    y_n: xr.DataArray,
    seed: int,
    first: dict[str, Any] | None,
) -> list[dict[str, Any]]:
    """The ledger of one network: estimates and bounds beside what is exact; ``first``: level 0, where it is known."""
    symbols = [_symbols(level.symbols.reshape(y0.size, -1)) for level in levels]
    few = [0] + [k for k, (_, count) in enumerate(symbols) if k and count * _REPEATS <= y0.size]
    labelled = [y_n] + [xr.DataArray(symbols[k][0].reshape(y0.shape), dims=y0.dims) for k in few[1:]]
    estimates = dict(zip(few, _estimates(labelled, y0, hierarchy), strict=True))
    rows = []
    for k, (level, (labels, count)) in enumerate(zip(levels, symbols, strict=True)):
        if k == 0 and first is not None:
            rows.append(first)
            continue
        lower = _lower(level, labels, count, y0, seed)
        rows.append(
            {
                "exact": level.exact,
                **estimates.get(k, {**_NO_ESTIMATE, "method": f"{count} states are too many to count"}),
                "lower": math.nan if lower is None else lower.value,
                "lower_stderr": math.nan if lower is None else lower.stderr,
                "sites": float(level.sites),
                "states": float(count),
                "microseconds": 1e6 * level.seconds / y0.size,
            }
        )
    return rows


def _symbols(rows: Array) -> tuple[Array, int]:
    """Rows as labels, and how many there are; real numbers that differ by rounding alone are equal."""
    if rows.dtype.kind != "f":
        return as_labels(rows)
    labels = group_rows(rows, _SAME * max(1.0, float(np.abs(rows).max())))
    return labels, int(labels.max()) + 1


def _estimates(levels: list[xr.DataArray], y0: xr.DataArray, hierarchy: Any) -> list[dict[str, Any]]:
    """Value, error, kind and method of each level; nothing where the draws allow none."""
    with warnings.catch_warnings():  # the ledger says itself how many states and draws there are
        warnings.simplefilter("ignore", InformationWarning)
        try:
            found = retained(levels, about=y0, posterior=hierarchy, prior=hierarchy.prior)
        except ValueError as error:  # ShortChainError is one
            return [{**_NO_ESTIMATE, "method": str(error)}] * len(levels)
    methods = json.loads(found.attrs["methods"])
    return [
        {
            "information": float(found["information"][k]),
            "information_stderr": float(found["information_stderr"][k]),
            "kind": str(found["kind"][k].item()),
            "method": str(methods[k]),
        }
        if found["kind"][k] != "lower"
        else {**_NO_ESTIMATE, "method": "bound only"}
        for k in range(len(levels))
    ]


def _lower(level: _Level, labels: Array, count: int, y0: xr.DataArray, seed: int) -> Estimate | None:
    """A classifier's bound; few symbols are shown to it one by one."""
    features = level.features.reshape(*y0.shape, -1)
    if count <= _ONE_BY_ONE:
        features = np.eye(count)[labels].reshape(*y0.shape, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InformationWarning)
        try:
            return classifier_bound(xr.DataArray(features, dims=(*y0.dims, "feature")), y0, seed=seed % 2**31)
        except ValueError:
            return None
