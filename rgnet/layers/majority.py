"""Majority rule: the sign of the block sum (Niemeijer & van Leeuwen 1974).

y_I = sgn Σ_{i∈I} x_i. A tie is broken by a fair coin, or by the block's first site; both keep the symmetry x → −x.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.layers.layer import Array, BlockLayer, block_sum, paired, sum_space


@dataclass(frozen=True)
class Majority(BlockLayer):
    """Sign of the sum of each block of side ``b``, as int8.

    Parameters
    ----------
    b : int
    ties : "random" or "first"
        A fair coin, or the first site of the block in C order. A first site that is 0 leaves the tie to +1.
    """

    ties: Literal["random", "first"] = "random"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ties not in ("random", "first"):
            raise ValueError(
                f'Majority(ties={self.ties!r}): ties are broken by "random" (a fair coin) or "first" (a site)'
            )

    @property
    def is_random(self) -> bool:
        """Whether ties are broken by a coin. Odd numbers of spins ±1 have none, but zeros and real numbers may."""
        return self.ties == "random"

    def coarsen(self, x: Array, rng: np.random.Generator, ndim: int) -> Array:
        """Sign of each block sum."""
        if x.dtype.kind in "iu" and x.size and x.min() == 0 and x.max() == 1:
            raise ValueError("configurations of 0 and 1: a majority is of spins ±1; recode them as 1 - 2*x")
        total = block_sum(x, self.b, ndim)
        y = np.where(total > 0, np.int8(1), np.int8(-1))
        tied = total == 0
        if self.ties == "random":
            count = int(np.count_nonzero(tied))
            y[tied] = 2 * rng.integers(0, 2, size=count, dtype=np.int8) - 1
        else:
            first = next(lattice.block_members(x, self.b, ndim))
            y[tied] = np.where(first[tied] >= 0, np.int8(1), np.int8(-1))
        return y

    def log_prob(self, y: npt.ArrayLike, x: npt.ArrayLike, *, ndim: int | None = None) -> Array:
        """ln p(y|x) in nats, summed over blocks: shape of the batch axes.

        Raises
        ------
        ValueError
            If the shapes do not belong together or y has values other than ±1.
        """
        coarse, fine, d = paired(y, x, ndim, self)
        total = block_sum(fine, self.b, d)
        sign = np.sign(total)
        if self.ties == "first":
            first = np.where(next(lattice.block_members(fine, self.b, d)) >= 0, 1, -1)
            sign = np.where(sign == 0, first, sign)
        with np.errstate(divide="ignore"):
            return sum_space(np.log((1.0 + coarse * sign) / 2.0), d)
