"""Small lattices, exactly: weights of all configurations carried from level to level of a lattice hierarchy.

A level is its configurations (n, *shape) with k weights each. Noise acts on every spin alone, so that it is applied one
axis at a time to the table of all 2^N states; layers are those of `rgnet.exact.marginals`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.exact import _push
from rgnet.exact import enumerate as full

Array = npt.NDArray[Any]
Level = tuple[Array, npt.NDArray[np.float64]]  # configurations (n, *shape), weights (n, k)

MAX_STATES = 1 << 20


class Noise:
    """Every spin alone: erased (0) with probability ``erasure``, else flipped with probability ``flip``."""

    scale = 1

    def __init__(self, flip: float, erasure: float) -> None:
        self.is_random = True
        self.values = (-1, 0, 1) if erasure > 0 else (-1, 1)
        seen = [(1 - erasure) * (1 - flip), (1 - erasure) * flip]
        rows = [seen[0], erasure, seen[1]] if erasure > 0 else seen
        self.matrix = np.array([rows, rows[::-1]])  # (spin −1 or +1, value seen)

    def __call__(self, x: Array, rng: np.random.Generator, *, ndim: int | None = None) -> Array:
        """Noisy spins, int8."""
        cumulated = np.cumsum(self.matrix, axis=1)[:, :-1]
        where = (rng.random(x.shape)[..., None] >= cumulated[(x > 0).astype(np.int64)]).sum(axis=-1)
        return np.asarray(np.array(self.values, dtype=np.int8)[where])

    def carry(self, level: Level) -> Level:
        """Push the table of all 2^N states, in the order of `rgnet.exact.enumerate.states`."""
        configurations, weights = level
        shape = configurations.shape[1:]
        sites, columns = int(np.prod(shape)), weights.shape[1]
        table = weights
        for _ in range(sites):  # the first site goes to the end, as what is seen of it
            table = table.reshape(2, -1, columns)
            table = np.einsum("sv,srk->rvk", self.matrix, table)
        return full.states(shape, values=self.values), table.reshape(-1, columns)


def carry(level: Level, channels: Sequence[Any]) -> Level:
    """Carry a level through noise and layers, in sequence."""
    for channel in channels:
        level = channel.carry(level) if isinstance(channel, Noise) else _layer(level, channel)
    return level


def _layer(level: Level, layer: Any) -> Level:
    return _push.push(_push.chunks(*level), _push.steps(layer))


def find(configurations: Array, data: Array) -> npt.NDArray[np.int64]:
    """Number of each row of the data among the configurations, −1 for those that are not there."""
    every = np.concatenate([configurations.reshape(len(configurations), -1), data.reshape(len(data), -1)])
    every = np.ascontiguousarray(every + every.dtype.type(0))
    packed = every.view(np.dtype((np.void, every.dtype.itemsize * every.shape[1])))[:, 0]
    kinds, group = np.unique(packed, return_inverse=True)
    place = np.full(len(kinds), -1)
    place[group[: len(configurations)]] = np.arange(len(configurations))
    return np.asarray(place[group[len(configurations) :]])
