"""How many Ising configurations of a lattice have a given bond sum and magnetisation: the density of states.

    g(S, M) = #{s : Σ_<ij> s_i s_j = S, Σ_i s_i = M} .

(S, M) is sufficient for (K, h), so that everything about the couplings follows from g: ln Z = ln Σ g e^{K S + h M}, and
the mutual information of the couplings and the configuration. Small lattices are enumerated; on longer strips a
transfer matrix adds site by site, its entries being polynomials in the number of broken bonds (and of down spins),
once for each first row up to symmetry where the strip closes. Counts are sums of positive numbers, so that relative
errors stay at rounding. Sources: Binder (1972), Physica 62, 508; Bhanot (1990), J. Stat. Phys. 60, 55 (polynomial
transfer matrices).
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rgnet._jit import njit
from rgnet.exact import enumerate as full
from rgnet.exact.marginals import bond_sum

Floats = npt.NDArray[np.float64]

_ENUMERATED = 18  # sites
_WORK = 5.0e9  # additions in a transfer matrix: some seconds
_MAX_SITES = 1000  # 2^N is a float


class Density(NamedTuple):
    """States by bond sum and magnetisation: ``bonds`` (k,), ``spins`` (k,), ``log_count`` (k,)."""

    bonds: npt.NDArray[np.int64]
    spins: npt.NDArray[np.int64]
    log_count: Floats


def density(shape: tuple[int, ...], boundary: tuple[str, ...], with_spins: bool) -> Density | None:
    """The density of states, or None where it would take more than seconds.

    Parameters
    ----------
    shape, boundary : tuples
        As `rgnet.lattice`.
    with_spins : bool
        Whether the magnetisation is wanted; else ``spins`` is 0, and states of all magnetisations count together.
    """
    sites = int(np.prod(shape))
    if sites <= _ENUMERATED:
        return _enumerated(shape, boundary, with_spins)
    sides, ends = (*shape, 1)[:2], (*boundary, "free")[:2]
    if len(shape) > 2 or min(sides) > 12 or sites > _MAX_SITES:
        return None
    if sides[1] > sides[0]:
        sides, ends = sides[::-1], ends[::-1]
    rows = _first_rows(sides[1], ends, with_spins)
    if _work(sides, len(rows), with_spins) > _WORK:
        return None
    return _strip(sides, ends, with_spins)


@functools.lru_cache(maxsize=16)
def _enumerated(shape: tuple[int, ...], boundary: tuple[str, ...], with_spins: bool) -> Density:
    sums = full.evaluate(lambda x: bond_sum(x, boundary), shape)
    spins = full.evaluate(lambda x: x.reshape(len(x), -1).sum(axis=1) * with_spins, shape)
    pairs, count = np.unique(np.column_stack([sums, spins]).astype(np.int64), axis=0, return_counts=True)
    return Density(pairs[:, 0], pairs[:, 1], np.log(count))


def _bonds(sides: Sequence[int], ends: Sequence[str]) -> int:
    length, width = sides
    down = width * (length if ends[0] == "periodic" else length - 1)
    return down + length * (width if ends[1] == "periodic" else width - 1)


def _work(sides: Sequence[int], rows: int, with_spins: bool) -> float:
    sites = sides[0] * sides[1]
    return 2.0 * rows * sites * 2.0 ** sides[1] * (2 * sites + 1) * (sites + 1 if with_spins else 1)


def _first_rows(width: int, ends: Sequence[str], with_spins: bool) -> dict[int, int]:
    """First rows that are not each other's images, with the size of their orbits; {-1: 1} if the strip is open."""
    if ends[0] == "free":
        return {-1: 1}
    rows = (np.arange(2**width)[:, None] >> np.arange(width)) & 1
    images = [rows, rows[:, ::-1]]
    if ends[1] == "periodic":
        images = [np.roll(x, k, axis=1) for x in images for k in range(width)]
    if not with_spins:
        images += [1 - x for x in images]
    least = np.min([x @ (1 << np.arange(width)) for x in images], axis=0)
    kinds, sizes = np.unique(least, return_counts=True)
    return {int(k): int(n) for k, n in zip(kinds, sizes, strict=True)}


@functools.lru_cache(maxsize=16)
def _strip(sides: tuple[int, int], ends: tuple[str, str], with_spins: bool) -> Density:
    length, width = sides
    states, closed = np.arange(2**width), ends[1] == "periodic"
    down = np.bitwise_count(states).astype(np.int64)
    left = np.bitwise_count((states ^ (states >> 1)) & (2 ** (width - 1) - 1)).astype(np.int64)
    if closed:
        left += (states ^ (states >> (width - 1))) & 1
    bonds, sites = _bonds(sides, ends), length * width
    shape = (2**width, sites + 1 if with_spins else 1, bonds + 1)
    total = np.zeros(shape[1:])
    for first, size in _first_rows(width, ends, with_spins).items():
        counts = np.zeros(shape)
        begin = states if first < 0 else states[first : first + 1]
        counts[begin, down[begin] * with_spins, left[begin]] = 1.0
        for _ in range(length - 1):
            for column in range(width):
                longer = np.zeros(shape)
                _add_site(counts, longer, column, width, closed, with_spins)
                counts = longer
        if first < 0:
            total += counts.sum(axis=0)
            continue
        across = np.bitwise_count(states ^ first).astype(np.int64)
        for state in states:
            shift = int(across[state])
            total[:, shift:] += size * counts[state, :, : total.shape[1] - shift]
    spins_down, broken = np.nonzero(total)
    spins = sites - 2 * spins_down if with_spins else np.zeros_like(spins_down)
    return Density(bonds - 2 * broken, spins, np.log(total[spins_down, broken]))


@njit
def _add_site(old: Any, new: Any, column: int, width: int, closed: bool, with_spins: bool) -> None:
    """Put a new spin (bit 1 is down) at a column of the last row, over the old one; count its broken bonds."""
    for state in range(old.shape[0]):
        bit = (state >> column) & 1
        beside = 0
        if column > 0 and ((state >> (column - 1)) & 1) != bit:
            beside += 1
        if closed and column == width - 1 and (state & 1) != bit:
            beside += 1
        right = bit if with_spins else 0
        for spin in range(2):
            source = state ^ ((bit ^ spin) << column)
            broken = beside + (bit ^ spin)
            for d in range(old.shape[1] - right):
                for u in range(old.shape[2] - broken):
                    new[state, d + right, u + broken] += old[source, d, u]
