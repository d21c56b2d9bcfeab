"""Decimation: keep one site of each block (Kadanoff & Houghton 1975).

y_I = x at the first site of block I. In one dimension it is exact and closed: tanh K' = tanh^b K.
"""

from dataclasses import dataclass

import numpy as np

from rgnet import lattice
from rgnet.layers.layer import Array, BlockLayer


@dataclass(frozen=True)
class Decimation(BlockLayer):
    """Keep the first site of each block of side ``b``; values and dtype pass through."""

    def coarsen(self, x: Array, rng: np.random.Generator, ndim: int) -> Array:
        """First site of each block."""
        return np.ascontiguousarray(next(lattice.block_members(x, self.b, ndim)))
