"""Any level as spins ±1, so that couplings, probes and environments mean the same for every network.

A level of spins ±1 of one component stays as it is. Of any other, each component is cut at its median (at its mean
where the median is its smallest or largest value, as for rectified units that are mostly 0), values at the cut by a
fair coin; the component whose spins correlate most with the average of the microscopic block stands for the level,
with the sign of that correlation.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import labels

Array = npt.NDArray[Any]
COMPONENT = "component"


def values_of(level: xr.Dataset) -> Array:
    """The units of a level as (chain, draw, component, *space)."""
    spin = level["spin"]
    space = [name for name in labels.space_dims(level) if name != COMPONENT]
    if COMPONENT not in spin.dims:
        spin = spin.expand_dims(COMPONENT)
    return np.asarray(spin.transpose("chain", "draw", COMPONENT, *space).values)


def is_spin(values: Array) -> bool:
    """Whether all values are ±1."""
    return bool(np.isin(np.unique(values), (-1, 1)).all())


def spinise(values: Array, data: Array, rng: np.random.Generator) -> tuple[Array | None, str]:
    """Spins (chain, draw, *space) that stand for a level, and how they were made; None if no component ever changes.

    Parameters
    ----------
    values : array (chain, draw, component, *space)
    data : array (chain, draw, component, *space)
        Level 0.
    """
    if values.shape[2] == 1 and is_spin(values):
        spins = values[:, :, 0].astype(np.int8)
        return (None, "never changes") if np.ptp(spins) == 0 else (spins, "")
    average = _block_average(data[:, :, 0], values.shape[3:])
    best, strength, chosen, changing = None, -1.0, 0, 0
    for component in range(values.shape[2]):
        spins = values[:, :, component].astype(np.int8) if is_spin(values[:, :, component]) else _cut(
            values[:, :, component], rng
        )  # fmt: skip
        if np.ptp(spins) == 0:
            continue
        changing += 1
        overlap = _correlation(spins, average)
        if abs(overlap) > strength + 1e-12:
            best, strength, chosen = (spins if overlap >= 0 else -spins), abs(overlap), component
    if best is None:
        return None, "never changes"
    words = "" if is_spin(values) else "cut at its median; "
    several = f"component {chosen} of {values.shape[2]}, " if values.shape[2] > 1 else ""
    return best, f"{words}{several}correlation {strength:.3f} with the block average"


def _cut(x: Array, rng: np.random.Generator) -> Array:
    level = float(np.median(x))
    if level in (x.min(), x.max()):
        level = float(x.mean(dtype=np.float64))
    spins = np.where(x > level, np.int8(1), np.int8(-1))
    tied = x == level
    if tied.any() and np.ptp(x) > 0:
        spins[tied] = 2 * rng.integers(0, 2, size=int(tied.sum()), dtype=np.int8) - 1
    return spins


def _block_average(x: Array, shape: tuple[int, ...]) -> Array:
    """Averages (chain, draw, *shape) of x (chain, draw, *space) over blocks."""
    if any(side % many for side, many in zip(x.shape[2:], shape, strict=True)):  # no blocks: the lattice as one
        whole = x.mean(axis=tuple(range(2, x.ndim)), keepdims=True, dtype=np.float32)
        return np.broadcast_to(whole, (*x.shape[:2], *shape))
    split = [size for side, many in zip(x.shape[2:], shape, strict=True) for size in (many, side // many)]
    axes = tuple(range(3, 3 + 2 * len(shape), 2))
    return np.asarray(x.reshape(*x.shape[:2], *split).mean(axis=axes, dtype=np.float32))


def _correlation(spins: Array, average: Array) -> float:
    a, b = spins.astype(np.float32).ravel(), average.ravel()
    a, b = a - a.mean(dtype=np.float64), b - b.mean(dtype=np.float64)
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0


def as_dataset(spins: Array, like: xr.Dataset) -> xr.Dataset:
    """Spins as a level with the labels of another."""
    space = [name for name in labels.space_dims(like) if name != COMPONENT]
    attrs = {key: like.attrs[key] for key in ("model", "boundary", "level", "scale") if key in like.attrs}
    return xr.Dataset({"spin": (("chain", "draw", *space), spins)}, attrs=attrs)
