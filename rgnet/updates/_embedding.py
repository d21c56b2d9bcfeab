"""Clusters of the Ising model that is embedded in a model of vectors: what the moves of `embedding` share.

Along a direction r every vector has a projection a_i = r·s_i, and reflections s → s − 2 (r·s) r change their signs.
With |a_i| and the rest of the vectors held, the signs σ_i are Ising spins with couplings K |a_i||a_j| and fields
h r^1 |a_i|. A bond is laid with probability 1 − exp(−2 K a_i a_j) where K a_i a_j > 0, for either sign of K (Wolff
1989). Given the bonds, a cluster C is reflected with probability 1/(1 + exp(2 h r^1 Σ_C a)), a coin without a field
(Swendsen & Wang 1987; the ghost spin of Griffiths 1967 summed out).

The orientation of each cluster being a fair coin at h = 0, ⟨(r·M)²⟩ given the bonds is Σ_C (Σ_{i∈C} a_i)², and with
directions spread evenly, r rᵀ averaging to 1/n, n Σ_C (Σ_C a)² is an improved estimator of M² (Hasenbusch 1990). For
single clusters from a random site that is n N (Σ_C a)²/|C|.
"""

from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet._union_find import root as find_root
from rgnet.updates._vectors_math import LANES, exp_below_one, fill, minus_log

CHUNK = 256  # bonds that are tried at once


@njit
def lay_bonds(
    a: Any, first: Any, second: Any, K: float, lanes: Any, uniform: Any, laid: Any, parent: Any, sums: Any
) -> None:
    """Clusters of projections ``a``: ``parent`` names the root of each site, ``sums`` at roots is Σ_C a.

    ``uniform`` and ``laid`` are scratch, at least CHUNK + LANES long.
    """
    size = parent.size
    for i in range(size):
        parent[i] = i
    for begin in range(0, first.size, CHUNK):
        count = min(CHUNK, first.size - begin)
        ends, others = first[begin : begin + count], second[begin : begin + count]
        fill(lanes, uniform, count)
        for b in range(count):
            laid[b] = -2.0 * K * a[ends[b]] * a[others[b]]
        for b in range(count):
            laid[b] = 1.0 if uniform[b] < 1.0 - exp_below_one(min(laid[b], 0.0)) else 0.0
        for b in range(count):
            if laid[b] > 0.0:
                one, other = find_root(parent, ends[b]), find_root(parent, others[b])
                # A site points to one of smaller number, so that one pass in order finds every root
                if one < other:
                    parent[other] = one
                else:
                    parent[one] = other
    for i in range(size):
        above = parent[parent[i]]
        parent[i] = above
        if above == i:
            sums[i] = 0.0
        sums[above] += a[i]


@njit
def turn_clusters(parent: Any, sums: Any, field: float, rng: Any, turned: Any) -> float:
    """Choose the clusters that are reflected: ``turned`` at every site, 1 or 0; returns Σ_C (Σ_C a)²."""
    total = 0.0
    for i in range(parent.size):
        above = parent[i]
        if above == i:
            total += sums[i] * sums[i]
            flip = 0.5
            if field != 0.0:
                flip = 1.0 / (1.0 + np.exp(2.0 * field * sums[i]))
            turned[i] = 1.0 if rng.random() < flip else 0.0
        else:
            turned[i] = turned[above]
    return total


@njit
def fill_exponentials(lanes: Any, out: Any) -> None:
    """Exponential variates E: a bond with 2 K a_i a_j = x is laid if E < x, with probability 1 − e^{−x}, 0 if x < 0."""
    fill(lanes, out, out.size)
    for i in range(out.size):
        out[i] = minus_log(1.0 - out[i])


def exponentials(size: int, degree: int) -> int:
    """How many are drawn at a time: enough for the neighbours of any site, few for small lattices; whole lanes."""
    return -(-max(degree, min(1024, size * degree)) // LANES) * LANES


@njit
def turns(gain: float, rng: Any) -> bool:
    """Whether a single cluster is reflected, the fields gaining −``gain`` in H."""
    return gain >= 0.0 or rng.random() < np.exp(gain)
