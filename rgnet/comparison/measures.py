"""What a level looks like as a lattice of spins: effective couplings and correlation length; and what it costs."""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import stats
from rgnet.flow.couplings import couplings
from rgnet.operators import Operator

Array = npt.NDArray[Any]
_TIMED = 64  # configurations for a timing


def effective_couplings(level: xr.Dataset, operators: Sequence[Operator], blocks: int) -> tuple[Array, Array, str]:
    """Couplings of a level of spins by pseudo-likelihood, their errors, and a note where there are none.

    Where the lattice is too small to tell the operators apart, the first two are fitted alone.
    """
    nothing = np.full(len(operators), np.nan)
    if min(level["spin"].shape[2:]) < 3:
        return nothing, nothing, "couplings: sides shorter than 3 sites"
    why = ""
    for count in dict.fromkeys((len(operators), min(2, len(operators)))):
        try:
            found = couplings([level], list(operators[:count]), blocks)
        except (ValueError, np.linalg.LinAlgError) as error:
            why = why or f"couplings: {str(error).split(';')[0]}"
            continue
        value, error_ = nothing.copy(), nothing.copy()
        value[:count], error_[:count] = found["coupling"].values[0], found["coupling_stderr"].values[0]
        few = ", ".join(item.name for item in operators[:count])
        return value, error_, "" if count == len(operators) else f"couplings: only {few} (the others coincide here)"
    return nothing, nothing, why


def correlation_length(spins: Array, boundary: Sequence[str], edges: Array) -> tuple[float, float, str]:
    """Second-moment correlation length in units of the level's sites (as `rgnet.observables`), error, note.

    ξ = √(Var M/⟨|M_k|²⟩ − 1) / (2 sin(k/2)) ,  k = 2π/L along the longest periodic sides.
    """
    shape = spins.shape[2:]
    periodic = [side for side, name in zip(shape, boundary, strict=True) if name == "periodic"]
    if not periodic or max(periodic) < 4:
        return math.nan, math.nan, "correlation length: no periodic side of 4 sites"
    longest = max(periodic)
    wave = np.exp(2j * math.pi / longest * np.arange(longest))
    axes = [
        a for a, (side, name) in enumerate(zip(shape, boundary, strict=True)) if (side, name) == (longest, "periodic")
    ]
    structure = np.zeros(spins.shape[:2])
    for axis in axes:
        others = tuple(2 + a for a in range(len(shape)) if a != axis)
        structure += np.abs(spins.sum(axis=others, dtype=np.int64) @ wave) ** 2 / len(axes)
    magnet = spins.sum(axis=tuple(range(2, spins.ndim)), dtype=np.int64).astype(np.float64)
    moments = stats.block_means(np.stack([magnet, magnet**2, structure], axis=-1), edges)

    def length(mean: Array) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.sqrt((mean[1] - mean[0] ** 2) / mean[2] - 1.0) / (2.0 * math.sin(math.pi / longest)))

    value, error = stats.jackknife(moments, length, edges[:, 2] - edges[:, 1])
    if not (math.isfinite(float(value)) and math.isfinite(float(error))):
        return math.nan, math.nan, "correlation length: shorter than its errors"
    return float(value), float(error), ""


def microseconds(layer: Any, level: xr.Dataset) -> float:
    """Time that a layer takes for one configuration: the better of two runs on some draws, in microseconds."""
    some = level.isel(draw=slice(0, max(1, _TIMED // level.sizes["chain"])))
    count = some.sizes["chain"] * some.sizes["draw"]
    best = math.inf
    for _ in range(2):
        start = time.perf_counter()
        layer(some, np.random.default_rng(0))
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / count
