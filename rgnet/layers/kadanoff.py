"""Kadanoff's block spin with a soft rule (Kadanoff 1975; Mehta & Schwab 2014 read it as a network layer).

    p(y_I | x) ∝ exp(ρ y_I Σ_{i∈I} x_i) .

ρ → ∞ is the majority rule with ties broken by a coin, ρ = 0 pure noise. Tr_y p(y|x) = 1, so the partition function
is kept exactly for every ρ.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from rgnet.layers.layer import Array, BlockLayer, block_sum, paired, sum_space
from rgnet.layers.majority import Majority


@dataclass(frozen=True)
class Kadanoff(BlockLayer):
    """Random block spin ±1 of a block of side ``b`` with log-odds 2 ``rho`` Σ x; rho ≥ 0, ``math.inf`` allowed."""

    rho: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if (
            not isinstance(self.rho, (int, float, np.integer, np.floating))
            or isinstance(self.rho, bool)
            or not self.rho >= 0
        ):
            raise ValueError(f"Kadanoff(rho={self.rho!r}): rho is a number of at least 0 (inf is the majority rule)")
        object.__setattr__(self, "rho", float(self.rho))

    @property
    def is_random(self) -> bool:
        """Whether the output depends on ``rng``: always, up to ties at rho = inf."""
        return True

    def coarsen(self, x: Array, rng: np.random.Generator, ndim: int) -> Array:
        """A spin for each block."""
        if math.isinf(self.rho):
            return Majority(self.b).coarsen(x, rng, ndim)
        total = block_sum(x, self.b, ndim)
        with np.errstate(over="ignore"):  # a huge rho gives probability 1, as it should
            up = rng.random(total.shape) < expit(total * self.rho * 2.0)
        return np.where(up, np.int8(1), np.int8(-1))

    def log_prob(self, y: npt.ArrayLike, x: npt.ArrayLike, *, ndim: int | None = None) -> Array:
        """ln p(y|x) in nats, summed over blocks: shape of the batch axes.

        Raises
        ------
        ValueError
            If the shapes do not belong together or y has values other than ±1.
        """
        if math.isinf(self.rho):
            return Majority(self.b).log_prob(y, x, ndim=ndim)
        coarse, fine, d = paired(y, x, ndim, self)
        with np.errstate(over="ignore"):
            odds = coarse * block_sum(fine, self.b, d) * self.rho * 2.0
            return sum_space(-np.logaddexp(0.0, -odds), d)
