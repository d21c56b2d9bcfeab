"""Linear centred kernel alignment of two levels, free of the bias of many features (Kornblith et al. 2019).

With the covariance C_xy between the units of two levels,

    CKA = ‖C_xy‖² / (‖C_xx‖ ‖C_yy‖) ,      ‖C_xy‖² = ⟨(x·x')(y·y')⟩  (Frobenius norms; x centred)

over independent pairs of draws (x, y), (x', y'). The usual estimate sums over all pairs of draws, also of each draw
with itself, and reads near 1 for independent data when features outnumber draws. Song et al. (2012, J. Mach. Learn.
Res. 13, 1393) leave those pairs out. Here pairs are moreover of different chains, each centred by its own mean: draws
that follow one another in a chain are no independent pair, and what they share would count as common structure. The
estimates of ‖C‖² are then unbiased up to a common factor, whatever the numbers of features and the autocorrelation.

CKA weighs a direction by the square of its variance. On a nearly critical lattice one direction, the uniform
magnetisation, outweighs all others together, and any two levels that know it align, also those of random weights. So
it is given twice: of the units, and of the units less their mean over the lattice, component by component.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def gram(values: Array, chain: Array, *, uniform: bool = True) -> Array:
    """Products x·x' of all pairs of draws, features centred chain by chain, up to a factor: float32 (n, n).

    Parameters
    ----------
    values : array (n, ...) or, without ``uniform``, (n, component, *space)
    chain : array (n,)
    uniform : bool
        Whether the mean over the lattice stays in.
    """
    x = values.astype(np.float32)
    if not uniform:
        x = x - x.mean(axis=tuple(range(2, x.ndim)), keepdims=True)
    x = x.reshape(len(x), -1)
    for number in np.unique(chain):
        x[chain == number] -= x[chain == number].mean(axis=0, dtype=np.float64).astype(np.float32)
    size = float(np.sqrt((x.astype(np.float32) ** 2).mean()))
    if size > 0:
        x /= np.float32(size * np.sqrt(x.shape[1]))
    return np.asarray(x @ x.T)


def by_block(x: Array, y: Array, member: Array, other: Array) -> Array:
    """Sums of (x·x')(y·y') over pairs of draws of each pair of blocks, from Gram matrices; 0 within a chain.

    Parameters
    ----------
    x, y : arrays (n, n), from `gram`
    member, other : arrays (blocks, n), (blocks, blocks)
        As `pairs` gives them.
    """
    sums = np.asarray(member @ (x * y) @ member.T, dtype=np.float64)
    return np.asarray(np.where(other, sums, 0.0))


def pairs(chain: Array, block: Array) -> tuple[Array, Array]:
    """Which draws are of which block (float32 0 or 1), and which blocks are of different chains.

    Parameters
    ----------
    chain, block : arrays (n,)
        Chain and jackknife block of each draw; a block lies within a chain.
    """
    numbers, first, inverse = np.unique(block, return_index=True, return_inverse=True)
    member = (np.arange(len(numbers))[:, None] == inverse).astype(np.float32)
    of = chain[first]
    return member, of[:, None] != of


def alignment(xy: Array, xx: Array, yy: Array) -> tuple[float, float]:
    """CKA of two levels and its error, from the sums of `by_block`.

    Returns
    -------
    value, stderr : float
        NaN where one of the levels has no structure that is common to two chains (it never changes).
    """
    sums = np.stack([xy, xx, yy])
    total = sums.sum(axis=(1, 2))
    # A block left out takes its row and its column with it; blocks of one chain make no pairs
    left_out = total[:, None] - 2.0 * sums.sum(axis=2)
    if not ((total[1:] > 0).all() and (left_out[1:] > 0).all()):
        return float("nan"), float("nan")
    value = float(total[0] / np.sqrt(total[1] * total[2]))
    replicas = left_out[0] / np.sqrt(left_out[1] * left_out[2])
    count = len(replicas)
    return value, float(np.sqrt((count - 1) / count * ((replicas - replicas.mean()) ** 2).sum()))


def cka(x: Array, y: Array, chain: Array, block: Array, *, uniform: bool = True) -> tuple[float, float]:
    """CKA of two levels and its error.

    Parameters
    ----------
    x, y : arrays (n, component, *space)
    chain, block : arrays (n,), as `pairs` takes them
    uniform : bool
        As `gram`.
    """
    a, b = (gram(values, chain, uniform=uniform) for values in (x, y))
    where = pairs(chain, block)
    return alignment(by_block(a, b, *where), by_block(a, a, *where), by_block(b, b, *where))
