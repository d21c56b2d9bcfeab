r"""Dimers on the square lattice: how many coverings, and how many pairs of parallel neighbours.

    free m×n        Z = Π_{j=1}^{⌈m/2⌉} Π_{k=1}^{⌈n/2⌉} [4 cos²(πj/(m+1)) + 4 cos²(πk/(n+1))]      (Kasteleyn 1961)
    torus, even     Z = ½ (Z_{½½} + Z_{0½} + Z_{½0}),
                    Z_{ab} = Π_{j=0}^{m−1} Π_{k=0}^{n−1} [4 sin²(2π(j+a)/m) + 4 sin²(2π(k+b)/n)]^{1/4}
    entropy         ln Z/N → G/π = 0.29156090…, G Catalan's constant, a site

(Z_{00} of the torus vanishes.) The number of weighted coverings, Z(K) = Σ exp(K N_∥), N_∥ the number of plaquettes
with two parallel dimers, comes from a transfer matrix over rows of up to eight sites, with its first two derivatives,
which give the mean and the variance of N_∥. `coverings` lists them all. A periodic side of length 2 has two bonds
between its two sites. Configurations are those of `rgnet.models.dimers`: directions 0, 1, 2, 3 = +x, +y, −x, −y.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rgnet import lattice

Jet = tuple[Any, Any, Any]
"""A quantity and its first two derivatives by K."""

CATALAN = 0.915965594177219015054603514932384110774
ENTROPY = CATALAN / math.pi
"""Entropy a site of the infinite lattice, in nats."""

WIDEST = 8
MAX_COVERINGS = 1 << 21


class Parallel(NamedTuple):
    """ln Z of the weighted coverings, and mean and variance of N_∥."""

    log_Z: float
    mean: float
    variance: float


def log_count(shape: Sequence[int], boundary: str = "periodic") -> float:
    """Logarithm of the number of coverings of a free rectangle or of a torus with even sides; −∞ if there is none.

    Raises
    ------
    ValueError
        If the shape has not two sides, or the boundary is neither free nor periodic on both, or a periodic side is odd.
    """
    sides, names = _checked(shape, boundary)
    m, n = sides
    if names == ("free", "free"):
        if m * n % 2:
            return -math.inf
        along = [np.arange(1, (side + 1) // 2 + 1) * (math.pi / (side + 1)) for side in sides]
        return float(np.log(4 * np.cos(along[0])[:, None] ** 2 + 4 * np.cos(along[1]) ** 2).sum())
    if names != ("periodic", "periodic") or m % 2 or n % 2:
        raise ValueError(
            f"shape={sides}, boundary={names}: the formulae are for free rectangles and for tori with even sides; "
            f"for others use parallel(shape, 0.0, boundary).log_Z"
        )
    terms = []
    for a, b in ((0.5, 0.5), (0.0, 0.5), (0.5, 0.0)):
        theta, phi = 2 * math.pi * (np.arange(m) + a) / m, 2 * math.pi * (np.arange(n) + b) / n
        modes = 4 * np.sin(theta)[:, None] ** 2 + 4 * np.sin(phi) ** 2
        terms.append(0.25 * float(np.log(modes).sum()) if modes.min() > 1e-9 else -math.inf)
    return float(np.logaddexp.reduce(terms)) - math.log(2)


def count(shape: Sequence[int], boundary: str = "periodic") -> int:
    """Number of coverings, as `log_count`.

    Raises
    ------
    ValueError
        As `log_count`, or if the number is above 2⁴⁰, where rounding could tell (use `log_count`).
    """
    log = log_count(shape, boundary)
    if log > 40 * math.log(2):
        raise ValueError(f"shape={tuple(shape)}: e^{log:.6g} coverings, more than 2^40; use log_count")
    return round(math.exp(log))


def coverings(shape: Sequence[int], boundary: str | Sequence[str] = "periodic") -> npt.NDArray[np.int8]:
    """Every covering, (number, *shape), as directions.

    Raises
    ------
    ValueError
        If the last side is longer than 8, a boundary impossible, or there are more than 2²¹ partial ones on the way.
    """
    sides, names = _checked(shape, boundary)
    _check_width(sides[1], sides)
    states, up, down = _rows(sides[1], names[1])
    after = [np.flatnonzero(down == mask) for mask in up]
    chosen = np.arange(len(states))[:, None]
    if names[0] == "free":
        chosen = chosen[down == 0]
    for _ in range(sides[0] - 1):
        following = [after[last] for last in chosen[:, -1]]
        number = [len(rows) for rows in following]
        if sum(number) > MAX_COVERINGS:
            raise ValueError(f"shape={sides}: more than 2^21 coverings on the way; use parallel, or sample")
        chosen = np.column_stack([np.repeat(chosen, number, axis=0), np.concatenate([*following, np.empty(0, int)])])
    closing = 0 if names[0] == "free" else down[chosen[:, 0]]
    return np.asarray(states[chosen[up[chosen[:, -1]] == closing].astype(np.int64)], dtype=np.int8)


def parallel(shape: Sequence[int], K: float, boundary: str | Sequence[str] = "periodic") -> Parallel:
    """Exact ln Z(K) and the mean and variance of the number N_∥ of plaquettes with two parallel dimers.

    Parameters
    ----------
    shape : tuple of two ints
        The shorter one at most 8.
    K : float
    boundary : "periodic", "free", or one of them for each side

    Raises
    ------
    ValueError
        If both sides are longer than 8, there is no covering, or K is so large that no weight is left.
    """
    sides, names = _checked(shape, boundary)
    if sides[1] > sides[0]:
        sides, names = (sides[1], sides[0]), (names[1], names[0])
    _check_width(sides[1], sides)
    states, up, down = _rows(sides[1], names[1])
    steps = sides[0] - (names[0] == "free")
    facing = ((states[:, None] == 1) & (states[None] == 1)).sum(axis=-1)
    beside = (states == 0) & (np.roll(states, -1, axis=1) == 0)
    if names[1] == "free":
        beside[:, -1] = False
    half = beside.sum(axis=1) / 2.0  # a gap's pairs are shared by the steps that meet in it, which keeps weights even
    pairs = facing + half[:, None] + half
    fits = up[:, None] == down
    top = max(0.0, float((K * pairs).max(where=fits, initial=-np.inf)))  # the largest exponent, taken out
    weight = np.where(fits, np.exp(np.minimum(K * pairs - top, 0.0)), 0.0)
    step: Jet = (weight, pairs * weight, pairs**2 * weight)
    if names[0] == "free":
        first = np.where(down == 0, np.exp(K * half), 0.0)
        row, scale = _along((first, half * first, half**2 * first), step, steps)
        total = tuple(float(part[up == 0].sum()) for part in row)
    else:
        power, scale = _power(step, steps)
        total = tuple(float(np.trace(part)) for part in power)
    if not total[0] > 0:
        raise ValueError(
            f"shape={sides}, boundary={names}, K={K}: there is no covering by dimers, or none whose weight is a "
            f"floating-point number; give an even number of sites, and a smaller K"
        )
    mean = total[1] / total[0]
    return Parallel(math.log(total[0]) + scale + top * steps, mean, total[2] / total[0] - mean**2)


def _along(row: Jet, step: Jet, steps: int) -> tuple[Jet, float]:
    """A row times the step matrix, so many times, and the logarithm of what was taken out."""
    scale = 0.0
    for _ in range(steps):
        row, log = _reduced(_product(row, step))
        scale += log
    return row, scale


def _power(step: Jet, steps: int) -> tuple[Jet, float]:
    """The step matrix to a power, by squaring, and the logarithm of what was taken out."""
    if steps == 1:
        return step, 0.0
    half, scale = _power(step, steps // 2)
    whole, log = _reduced(_product(half, half))
    scale = 2 * scale + log
    if steps % 2:
        whole, log = _reduced(_product(whole, step))
        scale += log
    return whole, scale


def _product(a: Jet, b: Jet) -> Jet:
    return a[0] @ b[0], a[0] @ b[1] + a[1] @ b[0], a[0] @ b[2] + 2 * (a[1] @ b[1]) + a[2] @ b[0]


def _reduced(a: Jet) -> tuple[Jet, float]:
    largest = float(a[0].max())
    if largest <= 0:
        return a, 0.0
    return (a[0] / largest, a[1] / largest, a[2] / largest), math.log(largest)


def _rows(width: int, boundary: str) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Every row of directions, with the bits of its dimers to the next row and of those to the previous one."""
    rows = np.indices((4,) * width, dtype=np.int8).reshape(width, -1).T
    there, back = rows == 1, np.roll(rows == 3, -1, axis=1)
    fits = (there == back).all(axis=1)
    if boundary == "free":
        fits &= ~there[:, -1]
    rows = np.ascontiguousarray(rows[fits])
    bits = 1 << np.arange(width)
    return rows, ((rows == 0) * bits).sum(axis=1), ((rows == 2) * bits).sum(axis=1)


def _checked(shape: Sequence[int], boundary: str | Sequence[str]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    sides = lattice.check_shape(shape)
    if len(sides) != 2:
        raise ValueError(f"shape={shape!r}: dimers on the square lattice; give two sides, such as (8, 8)")
    return sides, lattice.check_boundary(boundary, sides)


def _check_width(width: int, sides: tuple[int, ...]) -> None:
    if width > WIDEST:
        raise ValueError(f"shape={sides}: rows of {width} sites have too many states; give one side of at most 8")
