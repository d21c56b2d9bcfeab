"""The worm for dimers: one dimer is opened, and its end walks until it comes back.

    1. Choose a site t at random, the tail. Take away its dimer (t, j): t and the pivot j are uncovered.
    2. At the pivot j, which the worm entered by the bond a, choose a bond b = (j, k) with probability P(a → b), and
       put a dimer there. If k = t the covering is complete again. Else k had a dimer (k, l): take it away; l is the
       next pivot, entered by the bond (l, k). Repeat.

**Detailed balance.** Let w_b = exp(K n_b), n_b the number of plaquettes in which a dimer on b would face a parallel
one. A dimer never faces one that shares a site with it, so n_b does not depend on the dimer that k had, nor on which
bond of j is occupied. Let W(C) be the weight of a covering C. A worm C → C' that passes the pivots j_1 … j_m by the
bonds a_i → b_i has, reversed, the same tail, the pivots j_m … j_1 and the bonds b_i → a_i, with the same surroundings
at each pivot. Since W(C')/W(C) = Π w(b_i)/w(a_i), P with

    w_a P(a → b) = w_b P(b → a)

makes every worm as probable from C as its reverse from C': W(C) p(C → C') = W(C') p(C' → C), for any graph, boundary
and K (Sandvik & Moessner 2006; Alet et al. 2006; the argument above is theirs in other words).

**P with few bounces** (Frigessi, Hwang & Younes 1992; Pollet et al. 2004): the weights in ascending order, w_1 the
least, R_1 = 1, and for i = 1 … n − 1: y_i = R_i / Σ_{j>i} w_j, R_{i+1} = R_i − w_i y_i, P(i → j) = w_j y_i and
P(j → i) = w_i y_i for j > i. R_i stays non-negative, since w_i is no more than what is left of the sum. What remains,
P(n → n) = R_n, is the only bounce, from the likeliest bond.

**Every covering is reached.** Two coverings differ by closed loops of bonds occupied in turn by the one and by the
other. P(a → b) > 0 for a ≠ b, so a worm that starts on such a loop may walk it and nothing else, contractible or
winding: all winding sectors are reached. Each worm is left out with probability 1/16, without which two coverings of
a 2×2 lattice would alternate for ever.

One sweep is a fixed number of worms, ``worms_per_sweep`` = ⌈N / mean number of pivots⌉, found during warm-up and
frozen, as for Wolff's clusters. With no warm-up a sweep is one worm. Where K is very negative, open ends cost less than
parallel dimers, and the length of a worm grows as exp(−K): K below −10 is refused.

Measured on one core of a busy machine (benchmarks/dimers.py), beside random flips of plaquettes by Metropolis, which
cannot change the winding: 28 ns a pivot at T = 15, 64 ns at T = 0.65, where most worms turn back at once (25 to 27 ns a
flip tried). With τ in sweeps of N pivots or N flips, of N_∥ and of the columnar order abs D:

| L  | T    | worm: N_∥, abs D | flips: N_∥, abs D | time of an independent abs D, worm : flips |
|----|------|------------------|-------------------|--------------------------------------------|
| 32 | 15   | 0.9, 0.9         | 2.7, 9.8          | 0.10                                       |
| 64 | 15   | 1.2, 1.3         | 2.5, 10           | 0.15                                       |
| 32 | 0.65 | 3.8, 11          | 6.7, 29           | 0.87                                       |
| 64 | 0.65 | 4.4, 27          | 8.7, 96           | 0.65                                       |
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet._jit import fill_from, njit
from rgnet.models import Dimers
from rgnet.updates.base import Array, Move, Update

IDLE = 1 / 16  # probability with which a worm is left out
_MISSING = 3  # in place of n_b: no such bond
_PIVOTS_PER_CALL = 1 << 22
_LEAST_K = -10.0  # on 64×64, worms then take 6,000 pivots on average, and 6,000,000 at most


def _prepare(model: Dimers, chains: int) -> Move:
    if model.K < _LEAST_K:
        raise ValueError(
            f"K={model.K}: two open ends are then so much likelier than a covering that a worm comes back after "
            f"exp(−K) steps or so; give K of at least {_LEAST_K:g}"
        )
    rows = lattice.nearest_neighbors(model.shape, model.boundary)
    near = np.ascontiguousarray(rows[[0, 2, 1, 3]].T)  # +x, +y, −x, −y
    missing = ((near == model.n_sites) * (_MISSING << 2 * np.arange(4))).sum(axis=1).astype(np.uint8)
    return Move("worm", record, (near, missing, thresholds(model.K)), {"worms_per_sweep": 1})


def transition(weights: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """P(a → b) for weights of shape (n,), not all zero: shape (n, n), rows sum to 1, and w_a P(a → b) is symmetric."""
    weights = np.asarray(weights, dtype=np.float64)
    order = np.argsort(weights, kind="stable")
    matrix = np.zeros((weights.size, weights.size))
    left = 1.0
    for rank, i in enumerate(order[:-1]):
        later = order[rank + 1 :]
        y = left / weights[later].sum()
        matrix[i, later] = y * weights[later]
        matrix[later, i] = y * weights[i]
        left = max(0.0, left - y * weights[i])
    matrix[order[-1], order[-1]] = left
    return matrix


def thresholds(K: float) -> npt.NDArray[np.float64]:
    """P(a → b) as what the kernel compares a random number with.

    Returns
    -------
    array, shape (256, 4, 3)
        For the key Σ_b n_b 4^b (n_b = 3: no such bond) and the bond a of entry: b is the number of thresholds that do
        not exceed a uniform random number of [0, 1).
    """
    table = np.full((256, 4, 3), 2.0)
    for key in range(256):
        facing = np.array([(key >> 2 * b) & 3 for b in range(4)])
        bonds = np.flatnonzero(facing != _MISSING)
        if bonds.size == 0:
            continue
        exponents = K * facing[bonds]
        matrix = transition(np.exp(exponents - exponents.max()))
        for a, row in zip(bonds, matrix, strict=True):
            full = np.zeros(4)
            full[bonds] = row
            table[key, a, : bonds[-1]] = np.cumsum(full)[: bonds[-1]]  # from the last bond on: above any random number
    return table


def _tune(
    move: Move, states: Array, rngs: Sequence[np.random.Generator], sweeps: int, counts: dict[str, int]
) -> Move | None:
    """Worms of ``sweeps``·N pivots in each chain; the mean length in the second half sets the sweep."""
    sites = move.tables[0].shape[0]
    goal = sweeps * sites
    for name in ("chain", "walked", "worms", "pivots"):
        counts.setdefault(name, 0)
    if goal and counts["chain"] < len(states):
        chain, done = counts["chain"], counts["walked"]
        worms, pivots = walk(states[chain], rngs[chain], min(_PIVOTS_PER_CALL, goal - done), *move.tables)
        if 2 * done >= goal or pivots >= goal:
            counts["worms"], counts["pivots"] = counts["worms"] + worms, counts["pivots"] + pivots
        finished = done + pivots >= goal
        counts["chain"], counts["walked"] = (chain + 1, 0) if finished else (chain, done + pivots)
        return None
    if counts["pivots"] == 0:
        return move
    return replace(move, settings={"worms_per_sweep": math.ceil(sites * counts["worms"] / counts["pivots"])})


@njit
def _worm(spins: Any, rng: Any, near: Any, missing: Any, table: Any) -> int:
    """One worm, or none with probability `IDLE`; the number of its pivots."""
    start = rng.random()
    if start < IDLE:
        return 0
    tail = int((start - IDLE) / (1.0 - IDLE) * near.shape[0])
    back = spins[tail]  # opposite directions differ by 2
    pivot = near[tail, back]
    back ^= 2
    spins[tail] = -1
    pivots = 0
    while True:
        pivots += 1
        east, north, west, south = near[pivot, 0], near[pivot, 1], near[pivot, 2], near[pivot, 3]
        e, n, w, s = spins[east], spins[north], spins[west], spins[south]
        key = missing[pivot] | (
            (int(n == 0) + int(s == 0))
            + ((int(e == 1) + int(w == 1)) << 2)
            + ((int(n == 2) + int(s == 2)) << 4)
            + ((int(e == 3) + int(w == 3)) << 6)
        )
        u = rng.random()
        row = table[key, back]
        ahead = int(u >= row[0]) + int(u >= row[1]) + int(u >= row[2])
        site = near[pivot, ahead]
        spins[pivot] = ahead
        if site == tail:
            spins[tail] = ahead ^ 2
            return pivots
        back = spins[site]
        spins[site] = ahead ^ 2
        pivot = near[site, back]
        back ^= 2


@njit
def walk(spins: Any, rng: Any, n_wanted: int, near: Any, missing: Any, table: Any) -> tuple[int, int]:
    """Worms until they had at least ``n_wanted`` pivots together; how many worms, how many pivots."""
    worms = 0
    pivots = 0
    while pivots < n_wanted:
        pivots += _worm(spins, rng, near, missing, table)
        worms += 1
    return worms, pivots


@njit
def record(
    spins: Any, rng: Any, every: int, out: Any, measured: Any, near: Any, missing: Any, table: Any, worms_per_sweep: int
) -> None:
    """The contract of `rgnet.updates.base`."""
    for k in range(measured.shape[0]):
        for _ in range(every * worms_per_sweep):
            _worm(spins, rng, near, missing, table)
        if out.shape[1] > 0:
            fill_from(out[k], spins)


def _always(model: Dimers) -> None:
    return None


update = Update("worm", _always, _prepare, _tune, models=("Dimers",))
