"""The site kernels of table models: any lattice, the sites in any order, by colour or in turn.

`record` looks the probabilities of a site's next state up by its neighbours' codes (`rgnet.updates._table`).
`record_weights` (heat bath) and `record_proposals` (Metropolis) compute them, for many states or many neighbours.
"""

import math
from typing import Any

import numpy as np

from rgnet._jit import fill_from, njit
from rgnet.updates._table_rows import count_states, pair_energy, put


@njit
def record(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    order: Any,
    start: Any,
    near: Any,
    first: int,
    codes_of: Any,
    jump: int,
    cuts: Any,
    pairs: Any,
    bond: Any,
    site: Any,
    columns: Any,
) -> None:
    """The contract of `rgnet.updates.base`; tables as `rgnet.updates._table.site_tables` makes them."""
    n_sites, n_cuts = order.size, cuts.shape[1]
    codes = np.empty(n_sites, dtype=np.int32)
    for i in range(n_sites):
        codes[i] = codes_of[state[i] - first]
    counts = np.empty(bond.shape[0], dtype=np.int64)
    for k in range(measured.shape[0]):
        for _ in range(every):
            for i in order:
                index = jump * (np.int64(state[i]) - first)
                for a in range(start[i], start[i + 1]):
                    index += codes[near[a]]
                u = rng.random()
                new: Any = 0
                for cut in range(n_cuts):
                    new += np.int64(u >= cuts[index, cut])
                state[i] = new + first
                codes[i] = codes_of[new]
        _finish(state, n_sites, out, measured, k, first, counts, pairs, bond, site, columns)


@njit
def record_weights(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    order: Any,
    start: Any,
    near: Any,
    first: int,
    factors: Any,
    site_factors: Any,
    logs: bool,
    pairs: Any,
    bond: Any,
    site: Any,
    columns: Any,
) -> None:
    """Heat bath; ``factors`` (q, q) and ``site_factors`` (q,) are weights, or log-weights where ``logs``."""
    n_sites, q = order.size, bond.shape[0]
    weights = np.empty(q)
    counts = np.empty(q, dtype=np.int64)
    for k in range(measured.shape[0]):
        for _ in range(every):
            for i in order:
                fill_from(weights, site_factors)
                for a in range(start[i], start[i + 1]):
                    factor = factors[state[near[a]] - first]
                    if logs:
                        for b in range(q):
                            weights[b] += factor[b]
                    else:
                        for b in range(q):
                            weights[b] *= factor[b]
                if logs:
                    top = weights.max()
                    for b in range(q):
                        weights[b] = math.exp(weights[b] - top)
                total = 0.0
                last = 0
                for b in range(q):
                    total += weights[b]
                    if weights[b] > 0.0:
                        last = b
                left = rng.random() * total
                new: Any = 0
                while new < last and left >= weights[new]:
                    left -= weights[new]
                    new += 1
                state[i] = new + first
        _finish(state, n_sites, out, measured, k, first, counts, pairs, bond, site, columns)


@njit
def record_proposals(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    order: Any,
    start: Any,
    near: Any,
    first: int,
    proposal: float,
    pairs: Any,
    bond: Any,
    site: Any,
    columns: Any,
) -> None:
    """Metropolis: one of the other states is proposed with probability ``proposal``."""
    n_sites, q = order.size, bond.shape[0]
    counts = np.empty(q, dtype=np.int64)
    for k in range(measured.shape[0]):
        for _ in range(every):
            for i in order:
                old = np.int64(state[i]) - first
                new = np.int64(rng.random() * (q - 1))
                new += new >= old
                gain = site[new] - site[old]
                for a in range(start[i], start[i + 1]):
                    other = bond[state[near[a]] - first]
                    gain += other[new] - other[old]
                u = rng.random()
                if u < proposal and (gain >= 0.0 or u < proposal * math.exp(gain)):
                    state[i] = new + first
        _finish(state, n_sites, out, measured, k, first, counts, pairs, bond, site, columns)


@njit
def _finish(
    state: Any,
    n_sites: int,
    out: Any,
    measured: Any,
    k: int,
    first: int,
    counts: Any,
    pairs: Any,
    bond: Any,
    site: Any,
    columns: Any,
) -> None:
    """What is kept of the configuration reached."""
    if measured.shape[1] > 0:
        count_states(state, n_sites, first, counts)
        put(measured[k], pair_energy(state, pairs, bond, first), counts, site, columns)
    if out.shape[1] > 0:
        fill_from(out[k], state)
