"""What one unit of a level knows of the microscopic spins beyond a buffer: the target of Koch-Janusz & Ringel (2018).

I(unit; environment) is bounded from below by a linear probe that predicts the unit's spin from its environment, on
held-out chains (`rgnet.comparison.probes`): the same for all networks. The environment is the ring that begins half a
receptive window beyond the window (the buffer) and is as wide as the window, or as wide as the lattice allows; the
probe sees, in cells of half a window, the mean of the spins and the mean product of neighbours that both lie in the
ring, so that even units have something to be known by.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.comparison import geometry
from rgnet.comparison.probes import Bound, Frame, Rows, bound

Array = npt.NDArray[Any]
_MOST = 1 << 25  # microscopic spins looked at


def environment(
    spins: Array, reach: geometry.Reach, data: Array, frame: Frame, key: tuple[int, ...], buffer: int | None = None
) -> Bound | str:
    """Lower bound on the information of one unit about its environment, or why there is none.

    Parameters
    ----------
    spins : array (chain, draw, *space) of ±1
        The units.
    reach : Reach
        Their spacing and receptive field.
    data : array (chain, draw, component, *space)
        Level 0.
    key : tuple of int
        Names the stream of random sites.
    buffer : int, optional
        Width of the buffer in microscopic sites; half a receptive window (at least 1) if None.
    """
    sides = data.shape[3:]
    ndim, least = len(sides), min(sides)
    found = geometry.ring(reach.window, reach.scale, least, buffer)
    if found is None:
        return f"no environment: a window of {reach.window} and its buffer fill the side of {least} sites"
    start, box, width = found
    mask = geometry.ring_mask(start, box, reach.window, reach.scale, width, ndim)
    rng = frame.rng(*key)
    rows = max(256, min(frame.rows, _MOST // (mask.size * data.shape[2])))
    chain, draw, place = frame.places(int(np.prod(spins.shape[2:])), rows, rng)
    site = np.unravel_index(place, spins.shape[2:])
    y = spins[(chain, draw, *site)]
    around = [(reach.scale * s[:, None] + start + np.arange(box)) % side for s, side in zip(site, sides, strict=True)]
    seen = geometry.gather(data, chain, draw, around)
    of = geometry.cells(box, max(1, reach.window // 2), ndim)
    columns = []
    for component in range(data.shape[2]):
        part = seen[..., component]
        columns.append(_cell_means(part[:, mask], of[mask]))
        columns += [_cell_means(products, of[place]) for products, place in geometry.neighbours_in(part, mask)]
    result = bound([Rows(np.concatenate(columns, axis=1), y, chain, draw, frame.block[chain, draw])])
    return "the unit never changes" if result is None else result


def _cell_means(values: Array, cell: Array) -> Array:
    """Means (rows, cells) of values (rows, sites) over the sites of each cell that occurs."""
    numbers, inverse, count = np.unique(cell, return_inverse=True, return_counts=True)
    member = np.zeros((len(cell), len(numbers)), dtype=np.float32)
    member[np.arange(len(cell)), inverse] = 1.0 / count[inverse]
    result = np.empty((len(values), len(numbers)), dtype=np.float32)
    for first in range(0, len(values), 1024):
        result[first : first + 1024] = values[first : first + 1024].astype(np.float32) @ member
    return result
