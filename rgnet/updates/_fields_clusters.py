"""Clusters of a real field's signs: Wolff's and Swendsen and Wang's moves by embedding.

With |φ| held fixed, H depends on the signs s_i alone, as that of an Ising model with the bonds J_ij = |φ_i φ_j| and the
fields h |φ_i|. A bond of two fields of equal sign is laid with probability 1 − exp(−2 φ_i φ_j), and clusters are
flipped as in the Ising model: Wolff's with probability min(1, exp(−2 h M_c)), those of Swendsen and Wang with
1/(1 + exp(2 h M_c)), M_c the sum of φ over the cluster. |φ| never changes: not ergodic alone.

Improved estimators, at h = 0: given the bonds, the signs of the clusters are independent coins, so that Swendsen and
Wang's clusters give ⟨M²⟩ = ⟨Σ_c M_c²⟩ and ⟨M⁴⟩ = ⟨3 (Σ_c M_c²)² − 2 Σ_c M_c⁴⟩.

Source: Brower & Tamayo (1989); Wolff (1989); Swendsen & Wang (1987).
"""

import math
from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet._union_find import root as find_root
from rgnet.updates._fields import finish


@njit
def _grow(state: Any, rng: Any, start: Any, near: Any, h: float, inside: Any, queue: Any) -> int:
    """Grow one cluster and flip it if accepted; its size. ``inside`` is false everywhere, before and after."""
    queue[0] = int(rng.random() * inside.size)
    inside[queue[0]] = True
    size = 1
    total = 0.0
    done = 0
    while done < size:
        i = queue[done]
        done += 1
        x = state[i]
        total += x
        for a in range(start[i], start[i + 1]):
            j = near[a]
            if not inside[j]:
                weight = 2.0 * x * state[j]
                if weight > 0.0 and rng.random() < -math.expm1(-weight):
                    inside[j] = True
                    queue[size] = j
                    size += 1
    flip = h == 0.0 or rng.random() < math.exp(min(0.0, -2.0 * h * total))
    for k in range(size):
        inside[queue[k]] = False
        if flip:
            state[queue[k]] = -state[queue[k]]
    return size


@njit
def grow_sites(state: Any, rng: Any, wanted: int, start: Any, near: Any, h: float) -> tuple[int, int]:
    """Grow clusters until they have at least ``wanted`` sites together; how many clusters, how many sites."""
    inside = np.zeros(start.size - 1, dtype=np.bool_)
    queue = np.empty(start.size - 1, dtype=np.int32)
    clusters = 0
    sites = 0
    while sites < wanted:
        sites += _grow(state, rng, start, near, h, inside, queue)
        clusters += 1
    return clusters, sites


@njit
def wolff(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    start: Any,
    near: Any,
    r: float,
    u: float,
    h: float,
    clusters_per_sweep: int,
) -> None:
    """The contract of `rgnet.updates.base`."""
    inside = np.zeros(start.size - 1, dtype=np.bool_)
    queue = np.empty(start.size - 1, dtype=np.int32)
    for k in range(measured.shape[0]):
        for _ in range(every * clusters_per_sweep):
            _grow(state, rng, start, near, h, inside, queue)
        finish(state, k, out, measured, start, near, r, u, h)


@njit
def _join(parent: Any, i: int, j: int) -> None:
    """Unite the clusters of two sites; the smaller root stays."""
    i = find_root(parent, i)
    j = find_root(parent, j)
    if i < j:
        parent[j] = i
    else:
        parent[i] = j


@njit
def swendsen_wang(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    start: Any,
    near: Any,
    r: float,
    u: float,
    h: float,
) -> None:
    """The contract of `rgnet.updates.base`; bonds are looked at from their site of larger number.

    Where there is room in ``measured``, the improved estimates of M² and M⁴ follow the four sums.
    """
    n_sites = start.size - 1
    parent = np.empty(n_sites, dtype=np.int32)
    sums = np.zeros(n_sites)
    flips = np.zeros(n_sites, dtype=np.bool_)  # at roots
    for k in range(measured.shape[0]):
        second = 0.0
        fourth = 0.0
        for _ in range(every):
            for i in range(n_sites):
                parent[i] = i
            for i in range(n_sites):
                x = state[i]
                for a in range(start[i], start[i + 1]):
                    j = near[a]
                    if j < i:
                        weight = 2.0 * x * state[j]
                        if weight > 0.0 and rng.random() < -math.expm1(-weight):
                            _join(parent, i, j)
            sums[:] = 0.0
            for i in range(n_sites):  # a root comes before its sites
                parent[i] = parent[parent[i]]
                sums[parent[i]] += state[i]
            second = 0.0
            fourth = 0.0
            for i in range(n_sites):
                if parent[i] == i:
                    flip = 0.5 if h == 0.0 else 1.0 / (1.0 + math.exp(min(700.0, 2.0 * h * sums[i])))
                    flips[i] = rng.random() < flip
                    square = sums[i] * sums[i]
                    second += square
                    fourth += square * square
                if flips[parent[i]]:
                    state[i] = -state[i]
        finish(state, k, out, measured, start, near, r, u, h)
        if measured.shape[1] > 4:
            measured[k, 4] = second
            measured[k, 5] = 3.0 * second * second - 2.0 * fourth
