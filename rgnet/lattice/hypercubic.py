"""Geometry of hypercubic lattices: shapes, boundaries, neighbours, colours and blocks.

A lattice is its ``shape``, a tuple of side lengths, and a boundary for each side, ``"periodic"`` or ``"free"``.
Configurations are arrays whose last ``len(shape)`` axes are space; sites are numbered in C order. Each bond is
counted once, except that a periodic side of length 2 has two bonds between its two sites, as Kaufman's (1949)
formula has.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Boundary = str | Sequence[str]
Shape = tuple[int, ...]

BOUNDARIES = ("periodic", "free")
_MOST_SITES = 2**31 - 2  # sites are int32


def dims(ndim: int) -> tuple[str, ...]:
    """Names of the space dimensions: x, y, z, w up to four, x1 … xd beyond."""
    return ("x", "y", "z", "w")[:ndim] if ndim <= 4 else tuple(f"x{axis + 1}" for axis in range(ndim))


def check_shape(shape: object) -> Shape:
    """Return ``shape`` as a tuple of positive integers; a whole number means a chain of that length.

    Raises
    ------
    ValueError
        If a side is not a whole number of at least 1, or if there are fewer than two sites.
    """
    sides = (shape,) if isinstance(shape, (int, np.integer)) else shape
    rule = "a lattice shape is one whole number of at least 1 for each dimension, such as (64, 64)"
    if isinstance(sides, (str, bytes)) or not isinstance(sides, Sequence | np.ndarray) or len(sides) == 0:
        raise ValueError(f"shape={shape!r}: {rule}")
    for side in sides:
        if isinstance(side, (bool, np.bool_)) or not isinstance(side, (int, np.integer)) or side < 1:
            raise ValueError(f"shape={shape!r}: {rule}; {side!r} is not")
    result = tuple(int(side) for side in sides)
    if math.prod(result) < 2:
        raise ValueError(f"shape={shape!r} has one site: a lattice needs at least two; give a longer side")
    if math.prod(result) > _MOST_SITES:
        raise ValueError(f"shape={shape!r}: more than {_MOST_SITES} sites cannot be numbered; give shorter sides")
    return result


def check_boundary(boundary: object, shape: Shape) -> tuple[str, ...]:
    """Return one boundary name for each side; one name stands for all sides.

    Raises
    ------
    ValueError
        If a name is unknown, their number is not the number of sides, or a periodic side has length 1.
    """
    rule = '"periodic" or "free", or one of them for each side'
    if isinstance(boundary, str):
        names: tuple[Any, ...] = (boundary,) * len(shape)
    elif isinstance(boundary, Sequence):
        names = tuple(boundary)
    else:
        raise ValueError(f"boundary={boundary!r}: give {rule}")
    if len(names) != len(shape) or any(name not in BOUNDARIES for name in names):
        raise ValueError(f"boundary={boundary!r} for shape {shape}: give {rule}")
    for side, name in zip(shape, names, strict=True):
        if side == 1 and name == "periodic":
            raise ValueError(
                f"shape={shape}: a periodic side of length 1 makes each site its own neighbour; "
                f"drop that side or make it free"
            )
    return names


def neighbors(shape: Shape, boundary: Sequence[str], offset: Sequence[int]) -> npt.NDArray[np.int32]:
    """Site numbers at ``offset`` from every site, shape (N,); N stands for a site beyond a free boundary."""
    grids = np.indices(shape)
    outside = np.zeros(shape, dtype=bool)
    flat = np.zeros(shape, dtype=np.int64)
    for grid, side, name, step in zip(grids, shape, boundary, offset, strict=True):
        moved = grid + step
        if name == "free":
            outside |= (moved < 0) | (moved >= side)
        flat = flat * side + moved % side
    flat[outside] = math.prod(shape)
    return flat.ravel().astype(np.int32)


def nearest_neighbors(shape: Shape, boundary: Sequence[str]) -> npt.NDArray[np.int32]:
    """Table of nearest neighbours, shape (2d, N): +1 and −1 along each axis in turn; N where there is none."""
    rows = []
    for axis, step in itertools.product(range(len(shape)), (1, -1)):
        rows.append(neighbors(shape, boundary, tuple(step if a == axis else 0 for a in range(len(shape)))))
    return np.stack(rows)


def axis_colors(shape: Shape, boundary: Sequence[str]) -> tuple[int, list[npt.NDArray[np.int8]]]:
    """Colours of which no two neighbours share one: a site's is the sum over axes modulo their number.

    Two colours (a checkerboard) where every periodic side is even, three where one is odd.

    Returns
    -------
    n_colors : int
    colors : list of arrays, one of shape (side,) for each axis
    """
    odd = [name == "periodic" and side % 2 == 1 for side, name in zip(shape, boundary, strict=True)]
    colors = []
    for side, is_odd in zip(shape, odd, strict=True):
        along = (np.arange(side) % 2).astype(np.int8)
        if is_odd:
            along[-1] = 2
        colors.append(along)
    return (3 if any(odd) else 2), colors


def is_bipartite(shape: Shape, boundary: Sequence[str]) -> bool:
    """Whether the sites split in two halves with all bonds between them (no odd periodic side)."""
    return axis_colors(shape, boundary)[0] == 2


def pad(x: npt.NDArray[Any], width: int, ndim: int, boundary: Sequence[str]) -> npt.NDArray[Any]:
    """Surround the last ``ndim`` axes by a halo: images across periodic sides, zeros beyond free ones.

    A product of spins that leaves a free lattice then vanishes by itself.
    """
    for axis, name in zip(range(x.ndim - ndim, x.ndim), boundary, strict=True):
        widths = [(width, width) if a == axis else (0, 0) for a in range(x.ndim)]
        x = np.pad(x, widths, mode="wrap") if name == "periodic" else np.pad(x, widths)
    return x


def coarse_shape(shape: Shape, b: int, who: str = "a block layer") -> Shape:
    """Shape of the lattice of b×b×… blocks.

    Raises
    ------
    ValueError
        If ``b`` does not divide every side; the message names the nearest sides that would do.
    """
    for side in shape:
        if side % b:
            below, above = side // b * b, (side // b + 1) * b
            would_do = f"{below} or {above}" if below else f"{above}"
            raise ValueError(f"{who} cannot take shape {shape}: {b} does not divide {side}; {would_do} would do")
    return tuple(side // b for side in shape)


def block_members(x: npt.NDArray[Any], b: int, ndim: int) -> Iterator[npt.NDArray[Any]]:
    """The b**ndim strided views of x that hold the first, second, … site of every block, in C order within a block."""
    for corner in itertools.product(range(b), repeat=ndim):
        index: tuple[Any, ...] = (..., *(slice(start, None, b) for start in corner))
        yield x[index]
