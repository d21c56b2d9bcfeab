"""Wolff's and Swendsen–Wang's moves for XY and O(n), by reflections.

A direction r is drawn uniformly, one for every cluster (Wolff) or one for a sweep (Swendsen–Wang), and the Ising model
of the signs of r·s_i is moved (`_embedding`). Every field and every sign of K is exact; where bonds are frustrated the
moves are slow. Swendsen–Wang orients its clusters by the fields they feel; Wolff's cluster is grown without the field
and reflected with probability min(1, exp(−2 h r^1 Σ_C a)).

**Every configuration is reached.** Any cluster may consist of one site, since a bond is laid with probability below 1,
and the reflections of a unit vector by all r take it to any other.

One sweep of Wolff is a fixed number of clusters, ``clusters_per_sweep`` = ⌈N / mean cluster⌉, found during warm-up and
frozen. Warm-up is counted in sites.

Source: Wolff (1989); improved estimators: Hasenbusch (1990).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rgnet import lattice
from rgnet._jit import fill_from, njit
from rgnet.updates._embedding import CHUNK, exponentials, fill_exponentials, lay_bonds, turn_clusters, turns
from rgnet.updates._vectors import MODELS, SPINS_PER_CALL
from rgnet.updates._vectors_math import LANES, seed_lanes, sincos
from rgnet.updates._vectors_plan import load, measure, measured_by, plan, store
from rgnet.updates.base import Array, Move, Update, always_exact


def _tables(model: Any) -> tuple[Any, ...]:
    """The plan, neighbours of every place of it (N, degree), and the two ends of every bond."""
    layout = plan(model)
    size = model.n_sites
    place = np.empty(size + 1, dtype=np.int32)
    place[layout.order] = np.arange(size, dtype=np.int32)
    place[size] = size
    near = np.ascontiguousarray(place[lattice.neighbor_table(model.geometry)[:, layout.order]].T)
    pairs = lattice.bonds(model.geometry)
    pairs = place[pairs[np.argsort(pairs[:, 0], kind="stable")]]
    first, second = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    return layout, near, first, second, exponentials(*near.shape)


def _measures(model: Any, layout: Any) -> tuple[str, ...]:
    return measured_by(layout) + (("cluster_m2",) if model.h == 0 else ())


def _wolff(model: Any, chains: int) -> Move:
    tables = _tables(model)
    measures = _measures(model, tables[0])
    return Move(
        "embedded", record, tables, {"clusters_per_sweep": 1}, measures, spins_per_call=SPINS_PER_CALL // tables[0].n
    )


def _swendsen_wang(model: Any, chains: int) -> Move:
    tables = _tables(model)
    measures = _measures(model, tables[0])
    return Move("embedded", record_swendsen_wang, tables, {}, measures, spins_per_call=SPINS_PER_CALL // tables[0].n)


def tune(
    move: Move, states: Array, rngs: Sequence[np.random.Generator], sweeps: int, counts: dict[str, int]
) -> Move | None:
    """Grow clusters of ``sweeps``·N sites in each chain; the mean cluster of the second half sets the sweep."""
    size = move.tables[1].shape[0]
    goal = sweeps * size
    for name in ("chain", "grown", "clusters", "sites", "last_clusters", "last_sites"):
        counts.setdefault(name, 0)
    if goal and counts["chain"] < len(states):
        chain, done = counts["chain"], counts["grown"]
        # As many clusters as may take what is left, guessed from the last ones, in a call of a fraction of a second
        left = goal - done if 2 * done >= goal else (goal + 1) // 2 - done
        wanted = min(move.spins_per_call, left)
        mean = max(1, counts["last_sites"] // max(1, counts["last_clusters"]))
        clusters = max(1, min(wanted // mean, 8 * counts["last_clusters"] + 1))
        nothing = np.empty((1, 0))
        kernel: Any = move.record
        sites = int(kernel(states[chain], rngs[chain], 1, nothing, nothing, *move.tables, clusters))
        if 2 * done >= goal or done + sites >= goal:
            counts["clusters"], counts["sites"] = counts["clusters"] + clusters, counts["sites"] + sites
        finished = done + sites >= goal
        counts["chain"], counts["grown"] = (chain + 1, 0) if finished else (chain, done + sites)
        counts["last_clusters"], counts["last_sites"] = (0, 0) if finished else (clusters, sites)
        return None
    if counts["sites"] == 0:
        return move
    return replace(move, settings={"clusters_per_sweep": math.ceil(size * counts["clusters"] / counts["sites"])})


@njit
def _direction(r: Any, rng: Any) -> None:
    """A direction, uniform on the sphere."""
    if r.size == 2:
        r[1], r[0] = sincos(math.pi * (2.0 * rng.random() - 1.0))
        return
    square = 0.0
    while square < 1e-20:
        square = 0.0
        for a in range(r.size):
            r[a] = rng.standard_normal()
            square += r[a] * r[a]
    for a in range(r.size):
        r[a] /= math.sqrt(square)


@njit
def _cluster(
    v: Any,
    rng: Any,
    near: Any,
    K: float,
    h: float,
    r: Any,
    queue: Any,
    a: Any,
    inside: Any,
    lanes: Any,
    coins: Any,
    at: int,
) -> tuple[int, float, int]:
    """Grow a cluster along r, reflect it if that is accepted; its size, Σ_C a, and the next of the ``coins``.

    ``inside`` (N + 1) is False but beyond a free boundary.
    """
    n, degree = r.size, near.shape[1]
    x, y, along_x, along_y = v[0], v[1], r[0], r[1]
    queue[0] = int(rng.random() * near.shape[0])
    size, done, total = 1, 0, 0.0
    inside[queue[0]] = True
    a[0] = 0.0
    for b in range(n):
        a[0] += r[b] * v[b, queue[0]]
    while done < size:
        if at + degree > coins.size:
            fill_exponentials(lanes, coins)
            at = 0
        i, twice = queue[done], 2.0 * K * a[done]
        total += a[done]
        done += 1
        for k in range(degree):
            j = near[i, k]
            if inside[j]:
                continue
            projection = along_x * x[j] + along_y * y[j]
            for b in range(2, n):
                projection += r[b] * v[b, j]
            if coins[at + k] < twice * projection:
                inside[j] = True
                queue[size] = j
                a[size] = projection
                size += 1
        at += degree
    turned = h == 0.0 or turns(-2.0 * h * along_x * total, rng)
    for k in range(size):
        inside[queue[k]] = False
    if turned:
        for b in range(n):
            z, along = v[b], 2.0 * r[b]
            for k in range(size):
                z[queue[k]] -= along * a[k]
    return size, total, at


@njit
def _reflect_clusters(
    v: Any,
    rng: Any,
    lanes: Any,
    plan: Any,
    first: Any,
    second: Any,
    r: Any,
    a: Any,
    parent: Any,
    sums: Any,
    turned: Any,
    work: Any,
) -> float:
    """One sweep of Swendsen–Wang; Σ_C (Σ_C a)²."""
    size = parent.size
    _direction(r, rng)
    for i in range(size):
        a[i] = 0.0
    for b in range(plan.n):
        x, along = v[b], r[b]
        for i in range(size):
            a[i] += along * x[i]
    lay_bonds(a, first, second, plan.K, lanes, work[0], work[1], parent, sums)
    total = turn_clusters(parent, sums, plan.h * r[0], rng, turned)
    for i in range(size):
        turned[i] *= 2.0 * a[i]
    for b in range(plan.n):
        x, along = v[b], r[b]
        for i in range(size):
            x[i] -= along * turned[i]
    return total


@njit
def _normalise(v: Any, length: Any) -> None:
    """One Newton step of every length towards 1."""
    size = length.size
    for i in range(size):
        length[i] = 0.0
    for b in range(v.shape[0]):
        x = v[b]
        for i in range(size):
            length[i] += x[i] * x[i]
    for b in range(v.shape[0]):
        x = v[b]
        for i in range(size):
            x[i] *= 1.5 - 0.5 * length[i]


@njit
def record(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    plan: Any,
    near: Any,
    first: Any,
    second: Any,
    n_coins: int,
    clusters_per_sweep: int,
) -> Any:
    """The contract of `rgnet.updates.base`, Swendsen–Wang if ``clusters_per_sweep`` is 0; how many sites Wolff grew."""
    n, size = plan.n, plan.order.size
    v = np.zeros((n, size + max(plan.longest, plan.half)))
    field = np.empty((n, plan.longest))
    block_sums = np.empty((2 + n, plan.longest))
    queue = np.empty(size, dtype=np.int32)
    a, sums, spare = np.empty(size), np.empty(size), np.empty(size)
    lanes, coins = np.empty((4, LANES), dtype=np.uint64), np.empty(n_coins)
    work = np.empty((2, CHUNK + LANES))
    inside = np.zeros(size + 1, dtype=np.bool_)
    inside[size] = True
    r = np.empty(n)
    sites = 0
    if not plan.angles:
        load(state, v, plan)
    for k in range(measured.shape[0]):
        m2 = 0.0
        for _ in range(every):
            if plan.angles:
                load(state, v, plan)
            seed_lanes(rng, lanes)
            m2, at = 0.0, n_coins
            if clusters_per_sweep == 0:
                m2 = n * _reflect_clusters(v, rng, lanes, plan, first, second, r, a, queue, sums, spare, work)
            for _ in range(clusters_per_sweep):
                _direction(r, rng)
                grown, total, at = _cluster(v, rng, near, plan.K, plan.h, r, queue, a, inside, lanes, coins, at)
                sites += grown
                m2 += n * size * total * total / grown / clusters_per_sweep
            if plan.angles:
                store(v, state, spare, plan)
            else:
                _normalise(v, spare)
        if measured.shape[1] > 0:
            measure(v, state, field, block_sums, measured[k], plan)
            if plan.h == 0.0:
                measured[k, 1 + n + (2 if plan.ahead.shape[0] else 0) + (1 if plan.ahead.shape[0] > 1 else 0)] = m2
        if out.shape[1] > 0:
            if not plan.angles:
                store(v, state, spare, plan)
            fill_from(out[k], state)
    if not plan.angles:
        store(v, state, spare, plan)
    return sites


def record_swendsen_wang(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    plan: Any,
    near: Any,
    first: Any,
    second: Any,
    n_coins: int,
) -> Any:
    """The same, Swendsen–Wang's sweeps."""
    return record(state, rng, every, out, measured, plan, near, first, second, n_coins, 0)


wolff = Update("wolff", always_exact, _wolff, tune, MODELS)
swendsen_wang = Update("swendsen-wang", always_exact, _swendsen_wang, None, MODELS)
