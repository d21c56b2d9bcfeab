"""Training rows of RSMI: blocks and their environments, cut out of configurations at many places."""

import json
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import labels, lattice

Array = npt.NDArray[Any]

_CHUNK = 1 << 22  # sites cut out at a time
WIDEST = 4  # sites, of the environment's frame where no width is asked for


class Fine(NamedTuple):
    """Configurations (chains, draws, components, *space)."""

    spins: Array
    ndim: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Sides of the lattice."""
        return tuple(self.spins.shape[-self.ndim :])


def as_dataset(data: Any, ndim: int | None) -> Any:
    """An array of independent configurations (n, [components], *space) as a Dataset of one chain; others as they are.

    Raises
    ------
    ValueError
        If an array comes without ``ndim``, or with one that does not fit it.
    """
    if not isinstance(data, np.ndarray):
        return data
    if ndim is None or ndim < 1 or data.ndim - ndim not in (1, 2):
        raise ValueError(
            f"an array of shape {data.shape} with ndim={ndim}: arrays are configurations (n, *space) or "
            f"(n, components, *space), and ndim= is the number of space axes; or give a Dataset"
        )
    dims = ("chain", "draw", *(("component",) if data.ndim == ndim + 2 else ()), *lattice.dims(ndim))
    return xr.Dataset({"spin": (dims, data[None])}, attrs={"boundary": json.dumps(["periodic"] * ndim)})


def configurations(data: Any) -> Fine:
    """The spins of a Dataset as (chains, draws, components, *space).

    Raises
    ------
    ValueError
        If it has no spins, other dimensions, boundaries that are not periodic, or values that are not finite.
    """
    if hasattr(data, "to_dataset") and hasattr(data, "subtree"):
        data = data.to_dataset()
    if not isinstance(data, xr.Dataset) or "spin" not in data:
        raise ValueError(
            f"data of type {type(data).__name__}: give a Dataset with spin(chain, draw, [component], *space), such as "
            f"rgnet.sample returns"
        )
    space = labels.space_dims(data)
    spins = data["spin"]
    unknown = [name for name in spins.dims if name not in ("chain", "draw", "component", *space)]
    if unknown:
        raise ValueError(f"spin has the dimension {unknown[0]!r}: select one entry of it, as chains, draws are rows")
    boundary = json.loads(data.attrs["boundary"]) if "boundary" in data.attrs else ["periodic"] * len(space)
    if any(name != "periodic" for name in boundary):
        raise ValueError(f"boundary={boundary}: blocks are cut out at every place of a torus; sample periodic lattices")
    for name in ("component", "draw", "chain"):
        if name not in spins.dims:
            spins = spins.expand_dims(name)
    array = spins.transpose("chain", "draw", "component", *space).values
    if array.dtype.kind not in "iuf" or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise ValueError(f"spins of type {array.dtype} must be finite numbers, such as -1 and 1 of type int8")
    return Fine(array, len(space))


def default_width(width: int | None, block: int) -> int:
    """Width of the environment's frame: as asked, else the side of the block, at most 4 sites."""
    return min(block, WIDEST) if width is None else width


def places(fine: Fine, rows: int, seed: int, *, step: int = 1) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Origins of blocks: some at random in every configuration, none twice.

    Parameters
    ----------
    fine : Fine
    rows : int
        Wanted in all; every configuration gives equally many, at least one.
    seed : int
    step : int
        Origins are multiples of it.

    Returns
    -------
    origins : array (configurations, places, ndim)
    numbers : array (configurations, places)
        Numbers of the origins on the lattice of multiples of ``step``, in C order.
    """
    count = fine.spins.shape[0] * fine.spins.shape[1]
    grid = tuple(side // step for side in fine.shape)
    sites = math.prod(grid)
    per = min(sites, max(1, -(-rows // count)))
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(17,)))
    numbers = np.empty((count, per), dtype=np.int64)
    for row in range(count):
        numbers[row] = rng.choice(sites, size=per, replace=False, shuffle=False)
    return np.stack(np.unravel_index(numbers, grid), axis=-1) * step, numbers


def cut(fine: Fine, origins: npt.NDArray[np.int64], sites: npt.NDArray[np.int64]) -> Array:
    """Values at ``sites`` moved to each origin.

    Parameters
    ----------
    fine : Fine
    origins : array (configurations, places, ndim)
    sites : array of int
        Flat site numbers for the block at the origin of the lattice.

    Returns
    -------
    array (configurations, places, components · sites)
        Sites fastest.
    """
    count, per = origins.shape[:2]
    components = fine.spins.shape[2]
    offsets = np.stack(np.unravel_index(sites, fine.shape), axis=-1)
    spins = fine.spins.reshape(count, components, -1)
    result = np.empty((count, per, components, len(sites)), dtype=spins.dtype)
    step = max(1, _CHUNK // (per * len(sites)))  # configurations, so that the indices stay small
    for start in range(0, count, step):
        part = slice(start, start + step)
        moved = [(origins[part, :, axis, None] + offsets[:, axis]) % side for axis, side in enumerate(fine.shape)]
        flat = np.ravel_multi_index(tuple(moved), fine.shape)  # (configurations, per, sites)
        for component in range(components):
            taken = np.take_along_axis(spins[part, component], flat.reshape(len(flat), -1), axis=1)
            result[part, :, component] = taken.reshape(flat.shape)
    return result.reshape(count, per, -1)
