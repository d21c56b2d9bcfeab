"""Swendsen and Wang's sweep on bits, for Ising and Potts models on hypercubic lattices, with what it measures.

State a of q is written in ⌈log2 q⌉ planes of bits (`_clusters_bits`); an Ising spin is state (s + 1)/2. The sweep of an
Ising model flips clusters, with probability 1/(1 + exp(2 h M_c)); that of a Potts model gives them new states, state 0
with weight exp(h n_c). Without a field no size is needed, and every cluster's new state is one of random bytes.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from rgnet._jit import fill_from, njit
from rgnet.updates._clusters_bits import count, label, popcount, resolve, satisfied, spread, valid_bits
from rgnet.updates._clusters_random import draw, seed, states, thin

_ZERO, _ONE = np.uint64(0), np.uint64(1)


class Rows(NamedTuple):
    """What the sweep knows of a model."""

    back: Any  # int64 (rows, axes): the row one step back along each axis but the last, −1 for none
    length: int  # sites of a row
    periodic: bool  # along the row
    q: int
    spins: bool  # ±1, else states 0 … q−1
    invert: Any  # uint64 ~0 where unequal neighbours are the satisfied ones, else 0
    likely: Any  # uint64, see `_clusters_random.threshold`
    K: float
    h: float
    n_bonds: int
    vectors: Any  # float64 (q, m): what a site in each state adds to the order parameter
    lanes: int


@njit
def pack(state: Any, length: int, spins: bool, planes: Any) -> None:
    """Write a state into planes (planes, rows, words)."""
    n_planes, n_rows, n_words = planes.shape
    for p in range(n_planes):
        for r in range(n_rows):
            for w in range(n_words):
                begin = r * length + 64 * w
                values = state[begin : min(begin + 64, (r + 1) * length)]
                word = _ZERO
                if spins:
                    for b in range(values.size):
                        word |= np.uint64(values[b] > 0) << np.uint64(b)
                else:
                    for b in range(values.size):
                        word |= np.uint64((values[b] >> p) & 1) << np.uint64(b)
                planes[p, r, w] = word


@njit
def unpack(planes: Any, length: int, spins: bool, state: Any) -> None:
    """The inverse of `pack`."""
    n_planes, n_rows, n_words = planes.shape
    for r in range(n_rows):
        for w in range(n_words):
            begin = r * length + 64 * w
            values = state[begin : min(begin + 64, (r + 1) * length)]
            word = planes[0, r, w]
            if spins:
                for b in range(values.size):
                    values[b] = np.int8(2 * np.int64((word >> np.uint64(b)) & _ONE) - 1)
                continue
            for b in range(values.size):
                values[b] = np.int8((word >> np.uint64(b)) & _ONE)
            for p in range(1, n_planes):
                word = planes[p, r, w]
                for b in range(values.size):
                    values[b] |= np.int8(((word >> np.uint64(b)) & _ONE) << np.uint64(p))


@njit
def cluster_sums(
    plane: Any, length: int, spins: bool, alternate: bool, start: Any, parent: Any, n_runs: int, where: Any, sums: Any
) -> None:
    """At roots: spins of a cluster summed, or its sites counted; 0 at other runs. Runs point to roots from then on.

    The spins of a run are equal, or ``alternate``. ``where`` has room for twice the first site of every run.
    """
    n_rows, n_words = start.shape
    resolve(parent, n_runs)
    i = 0
    for r in range(n_rows):
        for w in range(n_words):
            begin = r * length + 64 * w
            runs, up = start[r, w], plane[r, w]
            while runs != _ZERO:
                site = popcount((runs - _ONE) & ~runs)
                where[i] = 2 * (begin + site) + np.int64((up >> np.uint64(site)) & _ONE)
                runs &= runs - _ONE
                i += 1
    where[n_runs] = 2 * n_rows * length
    sums[:n_runs] = 0
    for i in range(n_runs):
        total = (where[i + 1] >> 1) - (where[i] >> 1)
        if alternate:
            total &= 1
        if spins:
            total *= 2 * (where[i] & 1) - 1
        sums[parent[i]] += total


@njit
def _choose(parent: Any, sums: Any, n_runs: int, q: int, h: float, spins: bool, rng: Any, values: Any) -> None:
    """New states in a field, for clusters of those sums: whether to flip, or the state."""
    for i in range(n_runs):
        if parent[i] != i:
            continue
        total = sums[i]
        if spins:
            values[i] = rng.random() < 1.0 / (1.0 + math.exp(2.0 * h * total))
        else:
            other = 1 + min(q - 2, int(rng.random() * (q - 1)))
            values[i] = 0 if rng.random() < 1.0 / (1.0 + (q - 1) * math.exp(-h * total)) else other


@njit
def counts(planes: Any, length: int, q: int, found: Any) -> None:
    """How many sites are in each of the q states."""
    n_planes, n_rows, n_words = planes.shape
    found[:] = 0
    for r in range(n_rows):
        for w in range(n_words):
            valid = valid_bits(length) if w == n_words - 1 else ~_ZERO
            for a in range(q):
                word = valid
                for p in range(n_planes):
                    word &= planes[p, r, w] if (a >> p) & 1 else ~planes[p, r, w]
                found[a] += popcount(word)


@njit
def moments(sums: Any, n: int, q: int) -> tuple[float, float]:
    """Improved estimators of |M|² and |M|⁴ from Σ over clusters; see `swendsen_wang`. ``sums`` has four zeros more."""
    sums[n : n + 3] = 0
    two_a = two_b = two_c = two_d = four_a = four_b = four_c = four_d = 0.0
    for i in range(0, n, 4):  # four sums at a time, or each addition waits for the last
        a, b = float(sums[i]) ** 2, float(sums[i + 1]) ** 2
        c, d = float(sums[i + 2]) ** 2, float(sums[i + 3]) ** 2
        two_a += a
        two_b += b
        two_c += c
        two_d += d
        four_a += a**2
        four_b += b**2
        four_c += c**2
        four_d += d**2
    second, fourth = two_a + two_b + two_c + two_d, four_a + four_b + four_c + four_d
    return second, second * second + 2.0 / (q - 1) * (second * second - fourth)


@njit
def record(state: Any, rng: Any, every: int, out: Any, measured: Any, rows: Any) -> None:
    """The contract of `rgnet.updates.base`."""
    n_rows, length, q, spins, h = rows.back.shape[0], rows.length, rows.q, rows.spins, rows.h
    n_sites, n_words = n_rows * length, (length + 63) // 64
    n_planes = 1
    while 1 << n_planes < q:
        n_planes += 1
    planes = np.empty((n_planes, n_rows, n_words), dtype=np.uint64)
    bonds = np.empty((1 + rows.back.shape[1], n_rows, n_words), dtype=np.uint64)
    start = np.empty((n_rows, n_words), dtype=np.uint64)
    first = np.empty((n_rows, n_words), dtype=np.int32)
    parent = np.empty(n_sites, dtype=np.int32)
    sums = np.empty(n_sites + 4, dtype=np.int32)
    where = np.empty(n_sites + 1, dtype=np.int64)
    lanes = np.empty((4, rows.lanes), dtype=np.uint64)
    words = np.empty(n_sites // 8 + 4 * rows.lanes, dtype=np.uint64)  # a byte for every run, in whole draws
    values = words.view(np.uint8)
    packed = np.empty(n_sites // 64 + 2, dtype=np.uint64)
    word = np.empty(n_rows * n_words, dtype=np.uint64)
    found = np.empty(q, dtype=np.int64)
    valid = valid_bits(length)
    improved = h == 0 and measured.shape[1] > 1 + rows.vectors.shape[1]  # else without their columns
    pack(state, length, spins, planes)
    for k in range(measured.shape[0]):
        for sweep in range(every):
            seed(rng, lanes)
            satisfied(planes, rows.back, rows.periodic, length, rows.invert, bonds)
            thin(bonds.ravel(), rows.likely, lanes)
            n_runs = label(bonds, rows.back, length, start, first, parent)
            if h != 0 or (improved and sweep == every - 1):
                cluster_sums(planes[0], length, spins, rows.invert != _ZERO, start, parent, n_runs, where, sums)
            if h != 0:
                _choose(parent, sums, n_runs, q, h, spins, rng, values)
            elif spins:
                for begin in range(0, n_runs // 8 + 1, rows.lanes):
                    draw(lanes, words[begin : begin + rows.lanes])
            else:
                states(values, n_runs, q, lanes)
            for i in range(n_runs):
                values[i] = values[parent[i]]
            for p in range(n_planes):
                spread(words, np.uint64(p), n_runs, start.ravel(), first.ravel(), packed, word)
                for r in range(n_rows):
                    word[(r + 1) * n_words - 1] &= valid
                    for w in range(n_words):
                        new = word[r * n_words + w]
                        planes[p, r, w] = planes[p, r, w] ^ new if spins else new
        if measured.shape[1] > 0:
            satisfied(planes, rows.back, rows.periodic, length, rows.invert, bonds)
            equal = count(bonds) if rows.invert == _ZERO else rows.n_bonds - count(bonds)
            counts(planes, length, q, found)
            if spins:
                measured[k, 0] = -(rows.K * (2 * equal - rows.n_bonds) + h * (found[1] - found[0]))
            else:
                measured[k, 0] = -(rows.K * equal + h * found[0])
            for m in range(rows.vectors.shape[1]):
                total = 0.0
                for a in range(q):
                    total += found[a] * rows.vectors[a, m]
                measured[k, 1 + m] = total
            if improved:
                second, fourth = moments(sums, n_runs, q)
                measured[k, 1 + rows.vectors.shape[1]] = second
                measured[k, 2 + rows.vectors.shape[1]] = fourth
        if out.shape[1] > 0:
            unpack(planes, length, spins, state)
            fill_from(out[k], state)
    unpack(planes, length, spins, state)
