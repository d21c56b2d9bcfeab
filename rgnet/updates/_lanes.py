"""Random words for multi-spin kernels: eight xoshiro256++ generators side by side, and words of Bernoulli bits.

**Lanes.** Eight generators (Blackman & Vigna 2021) run in step, one in each 64-bit lane of a vector; the j-th step of
all eight is the j-th group of eight words. ++, not +: here every bit is a spin. At the beginning of every sweep all
lanes are seeded from the chain's own numpy Generator: four numbers d_0 … d_3 of 64 bits (two 32-bit halves each), and
word k of lane l is Steele, Lea & Flood's (2014) splitmix64 finaliser of d_k + (l + 1)·0x9E3779B97F4A7C15. So the
numpy generator is the whole random state of a chain between two sweeps, and how the work is cut changes nothing.

**Bernoulli words** (`fill`): words whose bits are one with probability p, for several p at once. K random words u, the
least significant first, give r ← r | u or r & u as the bits of a = p̃ 2^K say: bits of probability p̃. All p share the
random words, since a site uses one of them only. What p̃ misses is put right by rare events (`_lanes_tables`): their
number in a chunk of n places is Poisson(λ n), each falls on any place, and sets its bit (p̃ < p) or clears it (p̃ > p).
A place is spared with probability e^{−λ}, independently of all others, so that with λ = −ln(1 − δ) the probabilities
are p, exactly.
"""

from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet.updates._bits_words import (
    left_17,
    load,
    right_27,
    right_30,
    right_31,
    rotate_23,
    rotate_45,
    splat,
    store,
)

POOL = 64  # random words kept at hand for rare events
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit
def _expanded(word: Any, multiples: Any) -> Any:
    """splitmix64 of word + multiples."""
    z = splat(word) + multiples
    z = (z ^ right_30(z)) * splat(np.uint64(0xBF58476D1CE4E5B9))
    z = (z ^ right_27(z)) * splat(np.uint64(0x94D049BB133111EB))
    return z ^ right_31(z)


@njit
def seed_lanes(rng: Any, lanes: Any) -> None:
    """Seed the eight generators, ``lanes`` = uint64 (40,): 32 words of state, then (l + 1)·GOLDEN (`new_lanes`)."""
    multiples = load(lanes, 32)
    for k in range(4):
        high = np.uint64(rng.random() * 4294967296.0)
        low = np.uint64(rng.random() * 4294967296.0)
        store(lanes, 8 * k, _expanded((high << np.uint64(32)) | low, multiples))


@njit
def new_words(n_words: int) -> Any:
    """Zeros that begin where a cache line does."""
    room = np.zeros(n_words + 8, dtype=np.uint64)
    begin = (64 - room.ctypes.data % 64) % 64 // 8
    return room[begin : begin + n_words]


@njit
def new_lanes() -> Any:
    """Room for `seed_lanes`."""
    lanes = new_words(40)
    for lane in range(8):
        lanes[32 + lane] = np.uint64(lane + 1) * GOLDEN
    return lanes


@njit
def draw(lanes: Any, out: Any, n_words: int) -> None:
    """The next ``n_words`` (a multiple of eight) random words."""
    s0, s1, s2, s3 = load(lanes, 0), load(lanes, 8), load(lanes, 16), load(lanes, 24)
    for i in range(0, n_words, 8):
        store(out, i, rotate_23(s0 + s3) + s0)
        t = left_17(s1)
        s2 = s2 ^ s0
        s3 = s3 ^ s1
        s1 = s1 ^ s2
        s0 = s0 ^ s3
        s2 = s2 ^ t
        s3 = rotate_45(s3)
    store(lanes, 0, s0)
    store(lanes, 8, s1)
    store(lanes, 16, s2)
    store(lanes, 24, s3)


@njit
def _compare(r: Any, u: Any, mask: Any) -> Any:
    """One step of the comparison: r | u where the mask is ones, r & u where it is zeros."""
    return (r & u) | (mask & (r | u))


@njit
def _bulk(lanes: Any, planes: Any, room: int, n_words: int, masks: Any, first: Any, bits: Any) -> None:
    """Bits of probability p̃, and in plane T of probability 15/16 (the last four random words or-ed)."""
    n_planes, n_bits = masks.shape
    s0, s1, s2, s3 = load(lanes, 0), load(lanes, 8), load(lanes, 16), load(lanes, 24)
    start0, start1 = splat(first[0]), splat(first[1])
    for i in range(0, n_words, 8):
        r0, r1 = start0, start1
        most = splat(np.uint64(0))
        for k in range(n_bits):
            u = rotate_23(s0 + s3) + s0
            t = left_17(s1)
            s2 = s2 ^ s0
            s3 = s3 ^ s1
            s1 = s1 ^ s2
            s0 = s0 ^ s3
            s2 = s2 ^ t
            s3 = rotate_45(s3)
            r0 = _compare(r0, u, splat(masks[0, k]))
            r1 = _compare(r1, u, splat(masks[1, k]))
            if k >= n_bits - 4:
                most = most | u
            if n_planes > 2:
                store(bits, 8 * k, u)
        store(planes, i, r0)
        store(planes, room + i, r1)
        store(planes, n_planes * room + i, most)
        for p in range(2, n_planes):
            r0 = splat(first[p])
            for k in range(n_bits):
                r0 = _compare(r0, load(bits, 8 * k), splat(masks[p, k]))
            store(planes, p * room + i, r0)
    store(lanes, 0, s0)
    store(lanes, 8, s1)
    store(lanes, 16, s2)
    store(lanes, 24, s3)


@njit
def _rare(lanes: Any, planes: Any, room: int, pool: Any, at: int, cdf: Any, guide: Any, rates: Any) -> int:
    """Set or clear bits at rare events; ``at`` is how much of the pool is used up, and so is the result."""
    if at == POOL:
        draw(lanes, pool, POOL)
        at = 0
    word = pool[at]
    at += 1
    events = guide[word >> np.uint64(56)]
    while events < cdf.size and word >= cdf[events]:
        events += 1
    n_planes = rates.shape[0]
    shift = np.uint64(58)
    for _ in range(events):
        if at > POOL - 2:
            draw(lanes, pool, POOL)
            at = 0
        place, kind = pool[at], pool[at + 1]
        at += 2
        bit = np.uint64(1) << (place >> shift)
        i = np.int64(place & np.uint64(room - 1))
        for p in range(n_planes):
            # The same event is one of plane p with probability λ_p / λ
            hit = bit & (np.uint64(0) - np.uint64(kind <= rates[p, 0]))
            planes[p * room + i] = (planes[p * room + i] | (hit & rates[p, 1])) & ~(hit & rates[p, 2])
    return at


@njit
def fill(
    lanes: Any,
    planes: Any,
    n_words: int,
    pool: Any,
    at: int,
    bits: Any,
    masks: Any,
    first: Any,
    cdf: Any,
    guide: Any,
    rates: Any,
) -> int:
    """Fill the first ``n_words`` of every plane with Bernoulli bits (`_lanes_tables.Planes`).

    ``planes`` is uint64, one row of ``room`` words for each p, then one of probability 15/16, then one of ones.
    """
    room = planes.size // (masks.shape[0] + 2)
    _bulk(lanes, planes, room, n_words, masks, first, bits)
    if cdf.size > 0:
        at = _rare(lanes, planes, room, pool, at, cdf, guide, rates)
    return at


@njit
def stream(rng: Any, lanes: Any, out: Any, per_sweep: int) -> None:
    """The random words of sweeps that use ``per_sweep`` words each, as kernels meet them: seeded anew for each."""
    for i in range(0, out.size, per_sweep):
        seed_lanes(rng, lanes)
        draw(lanes, out[i : i + per_sweep], per_sweep)
