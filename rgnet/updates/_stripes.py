"""One periodic lattice of two or three dimensions in words of 64 spins: the layout, and the move's tables.

One axis of length L_0 = 64 R is striped: bit b of a word is a site of plane b·R + r along it. Another, the contiguous
axis of length 2 J, runs through the words; a third, if there is one, counts lines. A line is (r, y); the sites of
colour c (even or odd sum of coordinates) of a line are its words 0 … J − 1 of that colour: bit b of word j is at

    (b R + r, y, 2 j + o),    o = (c + b R + r + y) mod 2.

All neighbours of one colour's sites are of the other: word j of the same line, words j − 1 (where o = 0) or j + 1
(where o = 1) of it, and word j of the lines r ± 1 and y ± 1. Beyond r = 0 and r = R − 1 these are lines R − 1 and 0
with the bits rotated by one, kept as further lines, of which there are 2 for each y. A line has a word on either side
for what lies beyond its ends, and is padded to whole vectors. Any R ≥ 1 will do.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.models import Ising
from rgnet.updates import _lanes_tables
from rgnet.updates._stripes_kernel import record
from rgnet.updates.base import Move

WORD = 64
_SPINS_PER_CALL = 1 << 28


@dataclass(frozen=True)
class Layout:
    """Where the sites are.

    Attributes
    ----------
    size : int64 (5,)
        R, lines without rotated ones, J, words from one line to the next, 1 if R is odd.
    steps : int64 (3,)
        From a site to the next along the striped axis, along the contiguous one, and the number of sites.
    first : int64 (lines,)
        Site of each line with b = 0 at the beginning of the contiguous axis.
    parity : int64 (lines,)
        (r + y) mod 2.
    near : int64 (all lines, 2 (d − 1))
        Lines r − 1, r + 1, y − 1, y + 1.
    """

    size: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    parity: npt.NDArray[np.int64]
    near: npt.NDArray[np.int64]


def striped_axis(shape: tuple[int, ...], boundary: tuple[str, ...]) -> int | None:
    """The first axis that can be striped, or None if the lattice does not fit the layout."""
    if len(shape) not in (2, 3) or any(name != "periodic" for name in boundary) or any(side % 2 for side in shape):
        return None
    return next((axis for axis, side in enumerate(shape) if side % WORD == 0), None)


def fits(model: Ising) -> bool:
    """Whether the model's lattice fits the layout."""
    return model.lattice == "hypercubic" and striped_axis(model.shape, model.boundary) is not None


def layout(shape: tuple[int, ...], axis: int) -> Layout:
    """The layout of a lattice with this axis striped; the last of the others is contiguous."""
    strides = [math.prod(shape[a + 1 :]) for a in range(len(shape))]
    others = [a for a in range(len(shape)) if a != axis]
    contiguous, middle = others[-1], others[:-1]
    n_middle = math.prod(shape[a] for a in middle)
    R, J = shape[axis] // WORD, shape[contiguous] // 2
    pitch = -(-J // 8) * 8 + 8
    r, y = np.divmod(np.arange(R * n_middle), n_middle)
    lines = R * n_middle
    near = [np.where(r > 0, (r - 1) * n_middle + y, lines + y)]
    near.append(np.where(r < R - 1, (r + 1) * n_middle + y, lines + n_middle + y))
    first = r * strides[axis]
    for a in middle:  # one at most
        near += [r * n_middle + (y - 1) % n_middle, r * n_middle + (y + 1) % n_middle]
        first = first + y * strides[a]
    return Layout(
        np.array([R, lines, J, pitch, R % 2], dtype=np.int64),
        np.array([R * strides[axis], strides[contiguous], math.prod(shape)], dtype=np.int64),
        first.astype(np.int64),
        ((r + y) % 2).astype(np.int64),
        np.ascontiguousarray(np.stack(near, axis=1), dtype=np.int64),
    )


def leaves(table: npt.NDArray[np.float64], made: _lanes_tables.Planes, columns: int) -> npt.NDArray[np.int64]:
    """Where the plane of each probability of a table (spins, numbers) begins; numbers beyond repeat the last."""
    index = np.array([[made.index[float(p)] for p in row] for row in table], dtype=np.int64) * made.room
    return np.pad(index, ((0, 0), (0, columns - index.shape[1])), mode="edge")


def table(model: Any, degree: int, flip_probability: Any) -> npt.NDArray[np.float64]:
    """Flip probability by spin (−1, +1) and number of unsatisfied bonds, of a site with ``degree`` bonds."""
    unsatisfied = np.arange(degree + 1)
    spin = np.array([-1.0, 1.0])[:, None]
    return np.asarray(flip_probability(2.0 * (model.K * (degree - 2.0 * unsatisfied) + model.h * spin)))


def room_for(words: int) -> int:
    """Words of a chunk of planes, a power of two."""
    return max(8, min(_lanes_tables.ROOM, 1 << (int(words) - 1).bit_length()))


def prepare(model: Ising, flip_probability: Any) -> Move:
    """The move for one chain."""
    axis = striped_axis(model.shape, model.boundary)
    assert axis is not None
    place = layout(model.shape, axis)
    degree = 2 * model.ndim
    probabilities = table(model, degree, flip_probability)
    lines, J = int(place.size[1]), int(place.size[2])
    made = _lanes_tables.planes(probabilities.ravel().tolist(), room_for(lines * (-(-J // 8) * 8)))
    constants = np.array([model.K, model.h, model.ndim * model.n_sites], dtype=np.float64)
    return Move(
        "multispin-stripes",
        record,
        (
            place.size,
            place.steps,
            place.first,
            place.parity,
            place.near,
            leaves(probabilities, made, 8),
            model.h != 0,
            constants,
            made.room,
            *made.arrays,
        ),
        measures=("energy", "magnetization"),
        spins_per_call=_SPINS_PER_CALL,
    )
