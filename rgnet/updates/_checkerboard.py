"""The checkerboard kernel: every site of one colour, then every site of the next, in any dimension.

Sites of one colour are no neighbours of each other, so their order does not matter. There are two colours, three where
a periodic side is odd (`rgnet.lattice.axis_colors`). A move is a table: the probability of a flip by the sum of the
neighbours and the spin, ``table[2 (sum + 2d) + (spin + 1)/2]``.
"""

from typing import Any

import numpy as np

from rgnet import lattice
from rgnet._jit import njit
from rgnet.models import Ising
from rgnet.updates.base import row_neighbors


def tables(model: Ising, flip_probability: Any) -> tuple[Any, ...]:
    """Arguments of `record`; ``flip_probability`` maps an array of energy changes to probabilities."""
    n_colors, colors = lattice.axis_colors(model.shape, model.boundary)
    row_colors = np.zeros(model.shape[:-1], dtype=np.int64)
    for axis, along in enumerate(colors[:-1]):
        row_colors += along.reshape([-1 if a == axis else 1 for a in range(model.ndim - 1)])
    reach = 2 * model.ndim
    fields = np.arange(-reach, reach + 1)[:, None]
    change = 2.0 * np.array([-1, 1]) * (model.K * fields + model.h)
    periodic = model.boundary[-1] == "periodic"
    return (
        row_neighbors(model),
        row_colors.ravel() % n_colors,
        n_colors,
        model.shape[-1],
        periodic,
        flip_probability(change).ravel(),
    )


@njit
def record(
    spins: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    rows: Any,
    row_colors: Any,
    n_colors: int,
    length: int,
    periodic: bool,
    table: Any,
) -> None:
    """The contract of `rgnet.updates.base`."""
    n_rows, n_other = rows.shape
    n_sites = n_rows * length
    reach = n_other + 2
    # On an odd periodic row the last site has the third colour.
    paired = length - 1 if periodic and length % 2 else length
    field = np.zeros(length, dtype=np.int8)
    for k in range(measured.shape[0]):
        for _ in range(every):
            for color in range(n_colors):
                for r in range(n_rows):
                    first, last = (color - row_colors[r]) % n_colors, paired
                    if first == 2:
                        first, last = paired, length
                    begin = r * length
                    field[:] = reach
                    for a in range(n_other):
                        other = spins[rows[r, a] : rows[r, a] + length]
                        for j in range(length):
                            field[j] += other[j]
                    for j in range(first, last, 2):
                        i = begin + j
                        left = i - 1
                        right = i + 1
                        if j == 0:
                            left = begin + length - 1 if periodic else n_sites
                        if j == length - 1:
                            right = begin if periodic else n_sites
                        total = np.int64(field[j]) + spins[left] + spins[right]
                        spin = spins[i]
                        flip = rng.random() < table[2 * total + (spin > 0)]
                        spins[i] = -spin if flip else spin
        if out.shape[1] > 0:
            out[k] = spins[:n_sites]
