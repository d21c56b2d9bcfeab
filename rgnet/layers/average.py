"""Block average, the linear map of Wilson's field theory (Wilson & Kogut 1974).

    y_I = rescale · b^{−d} Σ_{i∈I} x_i .

Levels are real-valued. The total Σ x passes through up to a constant, so nothing about a uniform field is lost.
A field of scaling dimension Δ keeps its size at criticality with rescale = b^Δ (2D Ising: Δ = 1/8).
"""

import math
from dataclasses import dataclass
from typing import cast

import numpy as np

from rgnet.layers.layer import Array, BlockLayer, block_sum


def _is_factor(value: object) -> bool:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return number and math.isfinite(cast(float, value)) and value != 0


@dataclass(frozen=True)
class BlockAverage(BlockLayer):
    """Mean of each block of side ``b`` times ``rescale``, as float64."""

    rescale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_factor(self.rescale):
            raise ValueError(f"BlockAverage(rescale={self.rescale!r}): a finite factor other than 0, such as 2**0.125")
        object.__setattr__(self, "rescale", float(self.rescale))

    def coarsen(self, x: Array, rng: np.random.Generator, ndim: int) -> Array:
        """Rescaled mean of each block."""
        return np.asarray(block_sum(x, self.b, ndim) * (self.rescale / self.b**ndim))
