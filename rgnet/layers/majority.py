"""Majority rule: the sign of the block sum (Niemeijer & van Leeuwen 1974).

y_I = sgn Σ_{i∈I} x_i. A tie is broken by a fair coin, or by the block's first site; both keep the symmetry x → −x.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.layers.layer import Array, BlockLayer, block_sum, paired, sum_space

_SPINS_PER_CALL = 1 << 27  # a call takes a tenth of a second


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
        if x.dtype == np.int8 and x.size and self.b**ndim < 64:
            y = _majority_of_spins(x, self.b, ndim, None if self.ties == "first" else rng)
            if y is not None:
                return y
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


def _majority_of_spins(x: Array, b: int, ndim: int, rng: np.random.Generator | None) -> Array | None:
    """Block majorities of int8 spins ±1, with the coins of ``rng`` or the first sites; None if there are other values.

    The coins are those that `Majority.coarsen` draws for any numbers: one for each tie, in C order.
    """
    from rgnet.layers._kernels import block_signs, take_first, toss  # Numba only when something is computed

    *batch, length = x.shape
    space = tuple(batch[len(batch) - ndim + 1 :])
    flat = np.ascontiguousarray(x).reshape(-1, length * math.prod(space))
    index = np.arange(math.prod(space)).reshape(space) * length
    rows = np.stack([member.ravel() for member in lattice.block_members(index, b, ndim - 1)], axis=1)
    rows = np.repeat(rows, 2, axis=1) if ndim == 1 else rows  # the kernel adds at least two; a double has its sign
    y = np.empty((len(flat), flat.shape[1] // b**ndim), dtype=np.int8)
    step = max(1, _SPINS_PER_CALL // flat.shape[1])
    for start in range(0, len(flat), step):
        some = slice(start, start + step)
        if not block_signs(flat[some], rows, length, b, y[some]):
            return None
        if rng is None:
            take_first(flat[some], rows, length, b, y[some])
    if rng is not None:
        ties = y.size - int(np.count_nonzero(y))
        coins = rng.integers(0, 2, size=ties, dtype=np.int8)
        toss(y.reshape(-1), np.append(coins, np.int8(0)))
    return y.reshape(*x.shape[: x.ndim - ndim], *(side // b for side in (*space, length)))
