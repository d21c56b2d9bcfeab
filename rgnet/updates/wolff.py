"""Wolff's move: one cluster is grown from a random site, and flipped.

A bond is satisfied if K s_i s_j > 0, and then joins its sites with probability 1 − exp(−2|K|); exact for either sign of
K, frustrated or not. With a field the cluster is grown as without, and the flip accepted with probability
min(1, exp(−2 h M_c)), M_c the sum of its spins before. At K = 0 every cluster is one site, so that the number of
clusters fixes the parity of the number of up spins: refused.

One sweep is a fixed number of clusters, ``clusters_per_sweep`` = ⌈N / mean cluster⌉, found during warm-up and frozen:
to measure after "at least N flipped sites" would favour configurations in which a large cluster ended the count.
Warm-up is counted in sites, since from a random start clusters are small. With no warm-up a sweep is one cluster.

Source: Wolff (1989).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rgnet import lattice
from rgnet._jit import njit
from rgnet.models import Ising
from rgnet.updates.base import Array, Move, Update, no_further_couplings

_SITES_PER_CALL = 1 << 22


def _prepare(model: Ising, chains: int) -> Move:
    near = np.ascontiguousarray(lattice.neighbor_table(model.geometry).T)
    return Move("cluster", record, (near, model.K, model.h), {"clusters_per_sweep": 1})


def _check(model: Ising) -> str | None:
    if model.K == 0:
        return "at K = 0 every cluster is one site, and the number of clusters fixes the parity of the up spins"
    return no_further_couplings(model)


def _tune(
    move: Move, states: Array, rngs: Sequence[np.random.Generator], sweeps: int, counts: dict[str, int]
) -> Move | None:
    """Grow clusters of ``sweeps``·N sites in each chain; the mean cluster of the second half sets the sweep."""
    goal = sweeps * move.tables[0].shape[0]
    for name in ("chain", "grown", "clusters", "sites"):
        counts.setdefault(name, 0)
    if goal and counts["chain"] < len(states):
        chain, done = counts["chain"], counts["grown"]
        grown, size = grow_sites(states[chain], rngs[chain], min(_SITES_PER_CALL, goal - done), *move.tables)
        if 2 * done >= goal or size >= goal:
            counts["clusters"], counts["sites"] = counts["clusters"] + grown, counts["sites"] + size
        finished = done + size >= goal
        counts["chain"], counts["grown"] = (chain + 1, 0) if finished else (chain, done + size)
        return None
    if counts["sites"] == 0:
        return move
    per_sweep = math.ceil(move.tables[0].shape[0] * counts["clusters"] / counts["sites"])
    return replace(move, settings={"clusters_per_sweep": per_sweep})


@njit
def _grow(spins: Any, rng: Any, near: Any, K: float, h: float, probability: float, queue: Any) -> int:
    """Grow one cluster and flip it if accepted; its size. Spins that the cluster has reached are ±2 meanwhile."""
    sign = np.int8(1 if K > 0 else -1)
    queue[0] = int(rng.random() * near.shape[0])
    spins[queue[0]] *= 2
    size = 1
    total = 0
    done = 0
    while done < size:
        i = queue[done]
        done += 1
        spin = spins[i] >> 1
        total += spin
        for a in range(near.shape[1]):
            j = near[i, a]
            if spins[j] == sign * spin and rng.random() < probability:
                spins[j] *= 2
                queue[size] = j
                size += 1
    flip = -1 if h == 0 or rng.random() < math.exp(min(0.0, -2.0 * h * total)) else 1
    for k in range(size):
        spins[queue[k]] = flip * (spins[queue[k]] >> 1)
    return size


@njit
def grow_sites(spins: Any, rng: Any, n_wanted: int, near: Any, K: float, h: float) -> tuple[int, int]:
    """Grow clusters until they have at least ``n_wanted`` sites together; how many clusters, how many sites."""
    probability = -math.expm1(-2.0 * abs(K))
    queue = np.empty(near.shape[0], dtype=np.int32)
    clusters = 0
    sites = 0
    while sites < n_wanted:
        sites += _grow(spins, rng, near, K, h, probability, queue)
        clusters += 1
    return clusters, sites


@njit
def record(
    spins: Any, rng: Any, every: int, out: Any, measured: Any, near: Any, K: float, h: float, clusters_per_sweep: int
) -> None:
    """The contract of `rgnet.updates.base`."""
    probability = -math.expm1(-2.0 * abs(K))
    queue = np.empty(near.shape[0], dtype=np.int32)
    for k in range(measured.shape[0]):
        for _ in range(every * clusters_per_sweep):
            _grow(spins, rng, near, K, h, probability, queue)
        if out.shape[1] > 0:
            out[k] = spins[: near.shape[0]]


update = Update("wolff", _check, _prepare, _tune)
