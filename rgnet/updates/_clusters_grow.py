"""Growing one cluster from a site: a quick way where most neighbours are at fixed steps, and one for any graph.

Sites wait in a queue, each meets its neighbours once. In the quick way one number of 64 bits serves a site: its pieces
of 16 bits (four neighbours) or 10 (six) are compared with the leading bits of the probability, and a piece that equals
them is finished with a number of its own, so that the comparison is exact. A neighbour is written to the end of the
queue whether it joins or not, and the end moves if it does: nothing is left to be mispredicted. Sites at the rim, whose
neighbours are elsewhere, and the rare undecided pieces go through a table.

The generator is a single xoshiro256++ (`_clusters_random`), seeded from the chain's stream at every sweep.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from rgnet._jit import njit
from rgnet.updates._clusters_random import one

_RIM = np.uint8(0x80)  # marks sites whose neighbours are not at the fixed steps; in any graph, those in the cluster
_STATE = np.uint8(0x7F)
_ONE = np.uint64(1)


class Steps(NamedTuple):
    """Where neighbours are, for the quick way: K > 0 everywhere the same, four or six neighbours inside."""

    near: Any  # int32 (N, z): neighbours, N for none
    steps: Any  # int64 (z,): what leads to them inside
    rim: Any  # uint8 (N,): `_RIM` where something else does, else 0
    likely: Any  # uint64: see `_clusters_random.threshold`


class Links(NamedTuple):
    """Where neighbours are, on any graph: `rgnet.lattice.adjacency`."""

    start: Any  # int64 (N + 1,)
    near: Any  # int32 (2 B,)
    likely: Any  # uint64 (2 B,)
    unlike: Any  # uint8 (2 B,): 1 where the satisfied bond joins unequal states


@njit
def _piece(word: Any, k: int, width: int) -> Any:
    return (word >> np.uint64(width * k)) & ((_ONE << np.uint64(width)) - _ONE)


@njit
def _slowly(x: Any, lane: Any, i: Any, word: Any, width: int, links: Steps, old: Any, change: Any, queue: Any) -> int:
    """Neighbours of site i that join, by the table; they go to the front of ``queue``."""
    high, low = links.likely >> np.uint64(64 - width), links.likely << np.uint64(width)
    size = 0
    for k in range(links.near.shape[1]):
        j = links.near[i, k]
        if j == x.size or (x[j] & _STATE) != old:
            continue
        piece = _piece(word, k, width)
        if piece < high or (piece == high and one(lane) < low):
            x[j] ^= change
            queue[size] = j
            size += 1
    return size


@njit
def _meet(x: Any, j: Any, joins: bool, old: Any, change: Any, queue: Any, size: Any) -> Any:
    """Site j joins if ``joins`` and its state is the old one; the new size."""
    value = x[j]
    taken = joins & ((value & _STATE) == old)
    queue[size] = j
    x[j] = value ^ (change if taken else np.uint8(0))
    return size + taken


@njit
def grow_four(x: Any, lane: Any, origin: int, new: Any, links: Steps, queue: Any) -> int:
    """Grow a cluster that takes its new state at once, with four neighbours inside; its size."""
    up, down, right, left = links.steps[0], links.steps[1], links.steps[2], links.steps[3]
    high = links.likely >> np.uint64(48)
    old = x[origin] & _STATE
    change = old ^ new
    x[origin] ^= change
    queue[0] = origin
    size, done = 1, 0
    while done < size:
        i = np.int64(queue[done])
        done += 1
        word = one(lane)
        a, b, c, d = _piece(word, 0, 16), _piece(word, 1, 16), _piece(word, 2, 16), _piece(word, 3, 16)
        if (x[i] >= _RIM) | (a == high) | (b == high) | (c == high) | (d == high):
            size += _slowly(x, lane, i, word, 16, links, old, change, queue[size:])
            continue
        size = _meet(x, i + up, a < high, old, change, queue, size)
        size = _meet(x, i + down, b < high, old, change, queue, size)
        size = _meet(x, i + right, c < high, old, change, queue, size)
        size = _meet(x, i + left, d < high, old, change, queue, size)
    return size


@njit
def grow_six(x: Any, lane: Any, origin: int, new: Any, links: Steps, queue: Any) -> int:
    """Grow a cluster that takes its new state at once, with six neighbours inside; its size."""
    s0, s1, s2 = links.steps[0], links.steps[1], links.steps[2]
    s3, s4, s5 = links.steps[3], links.steps[4], links.steps[5]
    high = links.likely >> np.uint64(54)
    old = x[origin] & _STATE
    change = old ^ new
    x[origin] ^= change
    queue[0] = origin
    size, done = 1, 0
    while done < size:
        i = np.int64(queue[done])
        done += 1
        word = one(lane)
        a, b, c = _piece(word, 0, 10), _piece(word, 1, 10), _piece(word, 2, 10)
        d, e, f = _piece(word, 3, 10), _piece(word, 4, 10), _piece(word, 5, 10)
        tie = (a == high) | (b == high) | (c == high) | (d == high) | (e == high) | (f == high)
        if (x[i] >= _RIM) | tie:
            size += _slowly(x, lane, i, word, 10, links, old, change, queue[size:])
            continue
        size = _meet(x, i + s0, a < high, old, change, queue, size)
        size = _meet(x, i + s1, b < high, old, change, queue, size)
        size = _meet(x, i + s2, c < high, old, change, queue, size)
        size = _meet(x, i + s3, d < high, old, change, queue, size)
        size = _meet(x, i + s4, e < high, old, change, queue, size)
        size = _meet(x, i + s5, f < high, old, change, queue, size)
    return size


@njit
def grow_linked(x: Any, lane: Any, origin: int, change: Any, links: Links, queue: Any) -> int:
    """Grow a cluster on any graph, and change its states by exclusive or with ``change``; its size.

    Sites in the cluster are marked meanwhile: where bonds are frustrated, the new state would be mistaken for an old.
    """
    x[origin] |= _RIM
    queue[0] = origin
    size, done = 1, 0
    while done < size:
        i = queue[done]
        done += 1
        state = x[i] & _STATE
        for k in range(links.start[i], links.start[i + 1]):
            j = links.near[k]
            if x[j] == state ^ links.unlike[k] and one(lane) < links.likely[k]:
                x[j] |= _RIM
                queue[size] = j
                size += 1
    for k in range(size):
        x[queue[k]] = (x[queue[k]] & _STATE) ^ change
    return size


@njit
def uniform(lane: Any) -> float:
    """A number in [0, 1)."""
    return float(one(lane) >> np.uint64(11)) * 2.0**-53


@njit
def another(old: Any, q: int, lane: Any) -> Any:
    """One of the other q − 1 states."""
    if q == 2:
        return np.uint8(1) - old
    step = 1 + min(q - 2, int(uniform(lane) * (q - 1)))
    return np.uint8((np.int64(old) + step) % q)


@njit
def refused(h: float, spins: bool, old: Any, new: Any, size: int, lane: Any) -> bool:
    """Whether the field refuses that ``size`` equal sites go from one state to another."""
    gained = 2 * (int(new) - int(old)) if spins else int(new == 0) - int(old == 0)
    gain = h * size * gained
    return uniform(lane) >= math.exp(min(0.0, gain))
