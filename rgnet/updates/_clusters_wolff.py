"""Wolff's sweeps with the two ways of `_clusters_grow`, and what they measure."""

import math
from typing import Any

import numpy as np

from rgnet._jit import fill_from, njit
from rgnet.updates._clusters_graph import Pairs, measure
from rgnet.updates._clusters_grow import Links, Steps, another, grow_four, grow_linked, grow_six, refused, uniform
from rgnet.updates._clusters_random import seed

_STATE = np.uint8(0x7F)


@njit
def _encode(state: Any, spins: bool, x: Any) -> None:
    for i in range(x.size):
        x[i] |= np.uint8(state[i] > 0) if spins else np.uint8(state[i])


@njit
def _decode(x: Any, spins: bool, state: Any) -> None:
    for i in range(x.size):
        value = np.int8(x[i] & _STATE)
        state[i] = 2 * value - 1 if spins else value


@njit
def _quick(x: Any, lane: Any, links: Steps, model: Pairs, queue: Any) -> int:
    origin = int(uniform(lane) * model.n_sites)
    old = x[origin] & _STATE
    new = another(old, model.q, lane)
    if links.steps.size == 4:
        size = grow_four(x, lane, origin, new, links, queue)
    else:
        size = grow_six(x, lane, origin, new, links, queue)
    if model.h != 0 and refused(model.h, model.spins, old, new, size, lane):
        for k in range(size):
            x[queue[k]] ^= old ^ new
    return size


@njit
def _linked(x: Any, lane: Any, links: Links, model: Pairs, queue: Any) -> int:
    origin = int(uniform(lane) * model.n_sites)
    old = x[origin]
    new = another(old, model.q, lane)
    size = grow_linked(x, lane, origin, old ^ new, links, queue)
    if model.h == 0:
        return size
    if model.spins:
        total = 0
        for k in range(size):
            total += 2 * int(x[queue[k]]) - 1
        undone = uniform(lane) >= math.exp(min(0.0, 2.0 * model.h * total))
    else:
        undone = refused(model.h, False, old, new, size, lane)
    if undone:
        for k in range(size):
            x[queue[k]] ^= old ^ new
    return size


@njit
def _row(state: Any, x: Any, model: Pairs, sizes: int, clusters: int, out: Any, measured: Any) -> None:
    """What is kept of a draw."""
    columns = measured.size
    if columns == 0 and out.size == 0:
        return
    _decode(x, model.spins, state)
    if columns > 0:
        measure(state, model, measured)
        if model.improved:
            measured[columns - 1] = model.n_sites * (sizes / clusters)
    if out.size > 0:
        fill_from(out, state)


@njit
def record_quick(
    state: Any, rng: Any, every: int, out: Any, measured: Any, links: Steps, model: Pairs, clusters_per_sweep: int
) -> None:
    """The contract of `rgnet.updates.base`, with fixed steps."""
    x = links.rim.copy()
    _encode(state, model.spins, x)
    queue = np.empty(model.n_sites + 1, dtype=np.int32)
    lanes = np.empty((4, 1), dtype=np.uint64)
    lane = lanes.reshape(4)
    for k in range(measured.shape[0]):
        sizes = 0
        for _ in range(every):
            seed(rng, lanes)
            sizes = 0
            for _ in range(clusters_per_sweep):
                sizes += _quick(x, lane, links, model, queue)
        _row(state, x, model, sizes, clusters_per_sweep, out[k], measured[k])
    _decode(x, model.spins, state)


@njit
def record_linked(
    state: Any, rng: Any, every: int, out: Any, measured: Any, links: Links, model: Pairs, clusters_per_sweep: int
) -> None:
    """The contract of `rgnet.updates.base`, on any graph."""
    x = np.zeros(model.n_sites, dtype=np.uint8)
    _encode(state, model.spins, x)
    queue = np.empty(model.n_sites + 1, dtype=np.int32)
    lanes = np.empty((4, 1), dtype=np.uint64)
    lane = lanes.reshape(4)
    for k in range(measured.shape[0]):
        sizes = 0
        for _ in range(every):
            seed(rng, lanes)
            sizes = 0
            for _ in range(clusters_per_sweep):
                sizes += _linked(x, lane, links, model, queue)
        _row(state, x, model, sizes, clusters_per_sweep, out[k], measured[k])
    _decode(x, model.spins, state)


@njit
def grow_quick(state: Any, rng: Any, n_wanted: int, links: Steps, model: Pairs) -> tuple[int, int]:
    """Grow clusters until they have at least ``n_wanted`` sites together; how many clusters, how many sites."""
    x = links.rim.copy()
    _encode(state, model.spins, x)
    queue = np.empty(model.n_sites + 1, dtype=np.int32)
    lanes = np.empty((4, 1), dtype=np.uint64)
    lane = lanes.reshape(4)
    clusters = sites = 0
    while sites < n_wanted:
        seed(rng, lanes)
        sites += _quick(x, lane, links, model, queue)
        clusters += 1
    _decode(x, model.spins, state)
    return clusters, sites


@njit
def grow_any(state: Any, rng: Any, n_wanted: int, links: Links, model: Pairs) -> tuple[int, int]:
    """The same on any graph."""
    x = np.zeros(model.n_sites, dtype=np.uint8)
    _encode(state, model.spins, x)
    queue = np.empty(model.n_sites + 1, dtype=np.int32)
    lanes = np.empty((4, 1), dtype=np.uint64)
    lane = lanes.reshape(4)
    clusters = sites = 0
    while sites < n_wanted:
        seed(rng, lanes)
        sites += _linked(x, lane, links, model, queue)
        clusters += 1
    _decode(x, model.spins, state)
    return clusters, sites
