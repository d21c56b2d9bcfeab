"""Wolff's and Swendsen–Wang's moves for clock models, by the reflections that keep the q directions.

The reflections of θ = 2πx/q are R_m: x → m − x mod q, m = 0 … q−1, along r at the angle πm/q + π/2, so that
r·s_x = sin(π (2x − m)/q). For odd q every mirror passes through one direction. For even q those of even m pass
through two, and those of odd m between directions. m is drawn uniformly from all q, for every cluster or sweep; the
rest is as in `embedding`.

**Every configuration is reached.** R_m takes x to y if and only if m = x + y mod q; all m are drawn, and a cluster
may consist of any one site, so that any site can take any value. Mirrors through directions alone are not enough: for
even q and even m, x and m − x have the same parity, and no site would ever leave the even or the odd directions. A
mirror through a site's direction leaves it as it is (for even q those between directions leave none), so that no
parity of the number of moves survives, not even at K = 0.

Fields are exact as in `embedding`. Directions are spread evenly, r rᵀ averaging to 1/2, as the improved estimator
needs.

Source: Wolff (1989); Swendsen & Wang (1987).
"""

from typing import Any

import numpy as np

from rgnet import lattice
from rgnet._jit import njit
from rgnet.updates._embedding import CHUNK, exponentials, fill_exponentials, lay_bonds, turn_clusters, turns
from rgnet.updates._vectors_math import LANES, seed_lanes
from rgnet.updates.base import Move, Update, always_exact
from rgnet.updates.embedding import tune

SPINS_PER_CALL = 1 << 21


def projections(q: int) -> Any:
    """r·s_x by reflection and direction, (q, q): sin(π (2x − m)/q), exactly 0 on the mirror."""
    steps = (2 * np.arange(q)[None, :] - np.arange(q)[:, None]) % (2 * q)
    return np.where(steps % q == 0, 0.0, np.sin(np.pi * steps / q))


def _tables(model: Any) -> tuple[Any, ...]:
    near = np.ascontiguousarray(lattice.neighbor_table(model.geometry).T)
    pairs = lattice.bonds(model.geometry)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    first, second = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    components = np.ascontiguousarray(model.columns["magnetization"], dtype=np.float64)
    couplings = float(model.K), float(model.h)
    return projections(model.q), near, first, second, *couplings, components, exponentials(*near.shape)


def _measures(model: Any) -> tuple[str, ...]:
    return ("energy", "magnetization", "cluster_m2") if model.h == 0 else ("energy", "magnetization")


def _wolff(model: Any, chains: int) -> Move:
    settings = {"clusters_per_sweep": 1}
    return Move("embedded", record, _tables(model), settings, _measures(model), spins_per_call=SPINS_PER_CALL)


def _swendsen_wang(model: Any, chains: int) -> Move:
    tables, measures = _tables(model), _measures(model)
    return Move("embedded", record_swendsen_wang, tables, {}, measures, spins_per_call=SPINS_PER_CALL)


@njit
def _cluster(
    state: Any,
    rng: Any,
    near: Any,
    K: float,
    h: float,
    m: int,
    a: Any,
    queue: Any,
    inside: Any,
    lanes: Any,
    coins: Any,
    at: int,
) -> tuple[int, float, int]:
    """Grow a cluster, reflect it by R_m if that is accepted; its size, Σ_C r·s, and the next of the ``coins``.

    ``a`` is r·s_x of each direction; ``inside`` (N + 1) is False but beyond a free boundary.
    """
    size = near.shape[0]
    q = a.size
    queue[0] = int(rng.random() * size)
    inside[queue[0]] = True
    degree = near.shape[1]
    grown, done, total = 1, 0, 0.0
    while done < grown:
        if at + degree > coins.size:
            fill_exponentials(lanes, coins)
            at = 0
        i = queue[done]
        done += 1
        mine = a[state[i]]
        total += mine
        for k in range(degree):
            j = near[i, k]
            if not inside[j] and coins[at + k] < 2.0 * K * mine * a[state[j]]:
                inside[j] = True
                queue[grown] = j
                grown += 1
        at += degree
    field = h * -np.sin(np.pi * m / q)  # h r^1
    turned = h == 0.0 or turns(-2.0 * field * total, rng)
    for k in range(grown):
        i = queue[k]
        inside[i] = False
        if turned:
            state[i] = (m - state[i]) % q
    return grown, total, at


@njit
def _measure(state: Any, first: Any, second: Any, K: float, h: float, components: Any, total: Any) -> None:
    """Energy and magnetisation."""
    cosine, sine, bonds = 0.0, 0.0, 0.0
    for i in range(first.size):
        one, other = state[first[i]], state[second[i]]
        bonds += components[one, 0] * components[other, 0] + components[one, 1] * components[other, 1]
    size = state.size
    for i in range(size):
        cosine += components[state[i], 0]
        sine += components[state[i], 1]
    total[0] = -(K * bonds + h * cosine) + 0.0
    total[1], total[2] = cosine, sine


@njit
def record(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    projected: Any,
    near: Any,
    first: Any,
    second: Any,
    K: float,
    h: float,
    components: Any,
    n_coins: int,
    clusters_per_sweep: int,
) -> Any:
    """The contract of `rgnet.updates.base`, Swendsen–Wang if ``clusters_per_sweep`` is 0; how many sites Wolff grew."""
    size, q = near.shape[0], projected.shape[0]
    spins = state[:size]
    queue, coins = np.empty(size, dtype=np.int32), np.empty(n_coins)
    a, sums, turned = np.empty(size), np.empty(size), np.empty(size)
    work = np.empty((2, CHUNK + LANES))
    lanes = np.empty((4, LANES), dtype=np.uint64)
    inside = np.zeros(size + 1, dtype=np.bool_)
    inside[size] = True  # beyond a free boundary
    sites = 0
    for k in range(measured.shape[0]):
        m2 = 0.0
        for _ in range(every):
            seed_lanes(rng, lanes)
            m2, at = 0.0, n_coins
            if clusters_per_sweep == 0:
                m = int(rng.random() * q)
                along = projected[m]
                for i in range(size):
                    a[i] = along[spins[i]]
                lay_bonds(a, first, second, K, lanes, work[0], work[1], queue, sums)
                m2 = 2.0 * turn_clusters(queue, sums, h * -np.sin(np.pi * m / q), rng, turned)
                for i in range(size):
                    if turned[i] > 0.0:
                        spins[i] = (m - spins[i]) % q
            for _ in range(clusters_per_sweep):
                m = int(rng.random() * q)
                grown, total, at = _cluster(spins, rng, near, K, h, m, projected[m], queue, inside, lanes, coins, at)
                sites += grown
                m2 += 2.0 * size * total * total / grown / clusters_per_sweep
        if measured.shape[1] > 0:
            _measure(spins, first, second, K, h, components, measured[k])
            if h == 0.0:
                measured[k, 3] = m2
        if out.shape[1] > 0:
            out[k] = spins
    return sites


def record_swendsen_wang(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    projected: Any,
    near: Any,
    first: Any,
    second: Any,
    K: float,
    h: float,
    components: Any,
    n_coins: int,
) -> Any:
    """The same, Swendsen–Wang's sweeps."""
    return record(state, rng, every, out, measured, projected, near, first, second, K, h, components, n_coins, 0)


wolff = Update("wolff", always_exact, _wolff, tune, ("Clock",))
swendsen_wang = Update("swendsen-wang", always_exact, _swendsen_wang, None, ("Clock",))
