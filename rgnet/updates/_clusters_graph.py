"""Swendsen and Wang's sweep on any graph, with a coupling of its own for every bond: one pass over the bonds.

A bond with K_b s_i s_j > 0, or between equal states, is laid with probability 1 − exp(−2|K_b|), or 1 − exp(−K_b). It
unites two trees of a union-find forest in which every site points to one of no larger number. Spins 0 have no bonds.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from rgnet._jit import fill_from, njit
from rgnet.updates._clusters_random import draw, seed
from rgnet.updates._clusters_rows import moments


class Pairs(NamedTuple):
    """What the sweep knows of a model."""

    pairs: Any  # int32 (B, 2)
    couplings: Any  # float64 (B,)
    likely: Any  # uint64 (B,), see `_clusters_random.threshold`
    n_sites: int
    q: int
    spins: bool  # ±1 or 0, else states 0 … q−1
    h: float
    vectors: Any  # float64 (q, m): what a site in each state adds to the order parameter
    improved: bool  # whether the moments of M are estimated from the clusters


@njit
def _root(parent: Any, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit
def lay(state: Any, model: Pairs, lanes: Any, parent: Any) -> None:
    """Lay bonds; then every site points to the root of its cluster."""
    pairs, couplings, likely, spins = model.pairs, model.couplings, model.likely, model.spins
    for i in range(model.n_sites):
        parent[i] = i
    words = np.empty(lanes.shape[1], dtype=np.uint64)
    for begin in range(0, len(pairs), words.size):
        draw(lanes, words)
        for k in range(min(words.size, len(pairs) - begin)):
            b = begin + k
            i, j = pairs[b, 0], pairs[b, 1]
            joined = couplings[b] * (np.int64(state[i]) * np.int64(state[j])) > 0 if spins else state[i] == state[j]
            if joined & (words[k] < likely[b]):
                a, c = _root(parent, i), _root(parent, j)
                parent[max(a, c)] = min(a, c)
    for i in range(model.n_sites):
        parent[i] = parent[parent[i]]


@njit
def _renew(state: Any, model: Pairs, rng: Any, parent: Any, sums: Any, new: Any) -> None:
    """Give every cluster a new state; ``sums`` are those of its spins, or its number of sites."""
    n_sites, q, h = model.n_sites, model.q, model.h
    for i in range(n_sites):
        if parent[i] == i:
            if model.spins:
                flip = 0.5 if h == 0 else 1.0 / (1.0 + math.exp(2.0 * h * sums[i]))
                new[i] = -1 if rng.random() < flip else 1
            elif h == 0:
                new[i] = min(q - 1, int(rng.random() * q))
            else:
                other = 1 + min(q - 2, int(rng.random() * (q - 1)))
                new[i] = 0 if rng.random() < 1.0 / (1.0 + (q - 1) * math.exp(-h * sums[i])) else other
        root = parent[i]
        state[i] = state[i] * new[root] if model.spins else new[root]


@njit
def measure(state: Any, model: Any, row: Any) -> None:
    """Energy and order parameter of a configuration, in the first columns of ``row``."""
    pairs, couplings, h, n_sites = model.pairs, model.couplings, model.h, model.n_sites
    total = 0.0
    field = 0.0
    row[: 1 + model.vectors.shape[1]] = 0.0
    if model.spins:
        for b in range(len(pairs)):
            total += couplings[b] * (np.int64(state[pairs[b, 0]]) * np.int64(state[pairs[b, 1]]))
        up = 0
        for i in range(n_sites):
            up += state[i]
        row[1] = up
        field = float(up)
    else:
        for b in range(len(pairs)):
            total += couplings[b] if state[pairs[b, 0]] == state[pairs[b, 1]] else 0.0
        counts = np.zeros(model.q, dtype=np.int64)
        for i in range(n_sites):
            counts[state[i]] += 1
        for m in range(model.vectors.shape[1]):
            for a in range(model.q):
                row[1 + m] += counts[a] * model.vectors[a, m]
        field = float(counts[0])
    row[0] = 0.0 - (total + h * field)


@njit
def record(state: Any, rng: Any, every: int, out: Any, measured: Any, model: Pairs, n_lanes: int) -> None:
    """The contract of `rgnet.updates.base`."""
    n_sites = model.n_sites
    parent = np.empty(n_sites, dtype=np.int32)
    sums = np.zeros(n_sites + 4, dtype=np.int32)
    new = np.empty(n_sites, dtype=np.int8)
    lanes = np.empty((4, n_lanes), dtype=np.uint64)
    columns = measured.shape[1]
    for k in range(measured.shape[0]):
        for sweep in range(every):
            seed(rng, lanes)
            lay(state, model, lanes, parent)
            if model.h != 0 or (model.improved and sweep == every - 1):
                sums[:] = 0
                for i in range(n_sites):
                    sums[parent[i]] += state[i] if model.spins else 1
            _renew(state, model, rng, parent, sums, new)
        if columns > 0:
            measure(state, model, measured[k])
            if model.improved:
                measured[k, columns - 2], measured[k, columns - 1] = moments(sums, n_sites, model.q)
        if out.shape[1] > 0:
            fill_from(out[k], state)
