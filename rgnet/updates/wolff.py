"""Wolff's move: one cluster is grown from a random site, and flipped.

A bond of an Ising model or spin glass is satisfied if K s_i s_j > 0, and then joins its sites with probability
1 − exp(−2|K|); exact for either sign of K, frustrated or not. One of a Potts model, K > 0, joins equal states with
probability 1 − exp(−K), and the cluster goes to one of the other q − 1 states. With a field the cluster is grown as
without, and its change accepted with probability min(1, exp(−2 h M_c)), M_c the sum of its spins before; of a Potts
cluster of n_c sites min(1, exp(± h n_c)), + if it goes to state 0, − if it leaves it. At K = 0 every cluster is one
site, so that the number of clusters fixes the parity of the number of up spins: refused.

One sweep is a fixed number of clusters, ``clusters_per_sweep`` = ⌈N / mean cluster⌉, found during warm-up and frozen:
to measure after "at least N flipped sites" would favour configurations in which a large cluster ended the count.
Warm-up is counted in sites, since from a random start clusters are small. With no warm-up a sweep is one cluster.

**Improved estimator:** a random site's cluster has n_c sites with probability n_c/N, so that without a field
⟨|M|²⟩ = ⟨cluster_m2⟩, cluster_m2 = N times the mean n_c of the sweep's clusters, for bonds that all favour equal states
(Ising K > 0, Potts). It belongs to the sweep, not to the configuration after it: not for reweighting.

On lattices with four or six neighbours and K > 0 the quick way of `_clusters_grow` is taken (kernel "cluster-steps"),
elsewhere the one for any graph ("cluster").

Source: Wolff (1989).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rgnet import lattice
from rgnet.models import SpinGlass
from rgnet.updates import _clusters_wolff as kernels
from rgnet.updates._clusters_grow import Links, Steps
from rgnet.updates.base import Array, Move, Update, spins_per_call
from rgnet.updates.swendsen_wang import check, pair_table

_SITES_PER_CALL = 1 << 20
_ODD = 0x9E3779B97F4A7C15
_INSIDE = 0.5  # share of the sites with their neighbours at the same steps from which on the quick way is quicker


def _prepare(model: Any, chains: int) -> Move:
    pairs = pair_table(model)
    improved = model.h == 0 and not isinstance(model, SpinGlass) and model.K > 0
    names = ("energy", "magnetization", *(("cluster_m2",) if improved else ()))
    pairs = pairs._replace(improved=improved)
    steps = None if isinstance(model, SpinGlass) or model.K < 0 else _steps(model, pairs.likely)
    links, quick = (_links(model, pairs), False) if steps is None else (steps, True)
    name, record = ("cluster-steps", kernels.record_quick) if quick else ("cluster", kernels.record_linked)
    return Move(
        name, record, (links, pairs), {"clusters_per_sweep": 1}, names, spins_per_call=spins_per_call(model.geometry)
    )


def _steps(model: Any, likely: Array) -> Steps | None:
    """The quick way's tables, or None where too few sites have their neighbours at the same steps."""
    near = lattice.neighbor_table(model.geometry).T
    n_sites, degree = near.shape
    if degree not in (4, 6):
        return None
    away = np.sort(near - np.arange(n_sites)[:, None], axis=1)
    # One number for each row, which is much quicker to sort; that rows are equal is seen below
    keys = away.astype(np.uint64) @ np.array([pow(_ODD, k, 1 << 64) for k in range(degree)], dtype=np.uint64)
    _, first, number = np.unique(keys, return_index=True, return_counts=True)
    steps = away[first[number.argmax()]].astype(np.int64)
    inside = (away == steps).all(axis=1) & (near < n_sites).all(axis=1)
    if inside.mean() < _INSIDE:
        return None
    rim = np.where(inside, 0, 0x80).astype(np.uint8)
    return Steps(np.ascontiguousarray(np.sort(near, axis=1)), steps, rim, likely[0])


def _links(model: Any, pairs: Any) -> Links:
    start, near, bond = (np.ascontiguousarray(table) for table in lattice.adjacency(model.geometry))
    unlike = (pairs.couplings < 0) if pairs.spins else np.zeros(len(pairs.couplings), dtype=bool)
    return Links(start, near, pairs.likely[bond], unlike[bond].astype(np.uint8))


def _check(model: Any) -> str | None:
    couplings = model.bond_couplings() if isinstance(model, SpinGlass) else np.array([model.K])
    if not couplings.any():
        return "at K = 0 every cluster is one site, and the number of clusters fixes the parity of the up spins"
    return check(model)


def grow_sites(state: Array, rng: np.random.Generator, n_wanted: int, *tables: Any) -> tuple[int, int]:
    """Grow clusters until they have at least ``n_wanted`` sites together; how many clusters, how many sites.

    ``tables`` are those of the `Move`.
    """
    grow = kernels.grow_quick if isinstance(tables[0], Steps) else kernels.grow_any
    clusters, sites = grow(state, rng, n_wanted, *tables)
    return int(clusters), int(sites)


def _tune(
    move: Move, states: Array, rngs: Sequence[np.random.Generator], sweeps: int, counts: dict[str, int]
) -> Move | None:
    """Grow clusters of ``sweeps``·N sites in each chain; the mean cluster of the second half sets the sweep."""
    n_sites = move.tables[1].n_sites
    goal = sweeps * n_sites
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
    per_sweep = math.ceil(n_sites * counts["clusters"] / counts["sites"])
    return replace(move, settings={"clusters_per_sweep": per_sweep})


update = Update("wolff", _check, _prepare, _tune, models=("Ising", "SpinGlass", "Potts"))
