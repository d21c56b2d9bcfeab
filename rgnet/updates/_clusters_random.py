"""Random numbers of the cluster moves: xoshiro256++ in lanes, and bits that are 1 with a given probability.

The whole random state of a chain is its numpy Generator: at every sweep four numbers of 64 bits are drawn from it, and
word k of lane l of the generator of that sweep is splitmix64(number k + (l + 1) golden ratio). Nothing is kept.

A probability p is the whole number ⌊p 2⁶⁴⌋, at most 2⁶⁴ − 1, and u < p is decided bit by bit, highest first: after
eight bits of 64 comparisons at once, one in 256 is undecided, and is finished with a number of its own.

Source: Blackman & Vigna, ACM TOMS 47, 36 (2021), xoshiro256++; Steele, Lea & Flood (2014), splitmix64.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet._jit import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_ROUNDS = 8  # bits of every comparison that are decided 64 at once
MANY_LANES, FEW_LANES = 64, 16


def threshold(probability: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """⌊p 2⁶⁴⌋, at most 2⁶⁴ − 1, of each probability."""
    values = np.asarray(probability, dtype=np.float64)
    whole = [min(int(p * 2.0**64), 2**64 - 1) for p in values.ravel().tolist()]
    return np.array(whole, dtype=np.uint64).reshape(values.shape)


@njit
def _mixed(z: Any) -> Any:
    """splitmix64's output function."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit
def seed(rng: Any, lanes: Any) -> None:
    """The lanes (4, lanes) of a sweep, from four numbers of the chain's own stream."""
    for k in range(4):
        high = np.uint64(rng.random() * 4294967296.0)
        number = (high << np.uint64(32)) | np.uint64(rng.random() * 4294967296.0)
        for lane in range(lanes.shape[1]):
            lanes[k, lane] = _mixed(number + np.uint64(lane + 1) * _GOLDEN)


@njit
def _draw(s0: Any, s1: Any, s2: Any, s3: Any, out: Any) -> None:
    for lane in range(out.size):
        a, b, c, d = s0[lane], s1[lane], s2[lane], s3[lane]
        total = a + d
        out[lane] = ((total << np.uint64(23)) | (total >> np.uint64(41))) + a
        t = b << np.uint64(17)
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= t
        d = (d << np.uint64(45)) | (d >> np.uint64(19))
        s0[lane], s1[lane], s2[lane], s3[lane] = a, b, c, d


@njit
def draw(lanes: Any, out: Any) -> None:
    """One number of 64 bits from each lane."""
    _draw(lanes[0], lanes[1], lanes[2], lanes[3], out)


@njit
def one(lane: Any) -> Any:
    """The next number of a single lane (4,)."""
    a, b, c, d = lane[0], lane[1], lane[2], lane[3]
    total = a + d
    number = ((total << np.uint64(23)) | (total >> np.uint64(41))) + a
    t = b << np.uint64(17)
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << np.uint64(45)) | (d >> np.uint64(19))
    lane[0], lane[1], lane[2], lane[3] = a, b, c, d
    return number


@njit
def thin(words: Any, likely: Any, lanes: Any) -> None:
    """Keep every 1 bit of ``words`` with probability ``likely``/2⁶⁴, in place."""
    n_lanes = lanes.shape[1]
    s0, s1, s2, s3 = lanes[0], lanes[1], lanes[2], lanes[3]
    random = np.empty(n_lanes, dtype=np.uint64)
    open_ = np.empty(n_lanes, dtype=np.uint64)
    single = np.empty(n_lanes, dtype=np.uint64)
    used = n_lanes
    rest = likely << np.uint64(_ROUNDS)
    for begin in range(0, words.size, n_lanes):
        kept = words[begin : begin + n_lanes]
        for k in range(kept.size):
            open_[k] = kept[k]
            kept[k] = _ZERO
        for bit in range(63, 63 - _ROUNDS, -1):
            _draw(s0, s1, s2, s3, random)
            digit = _ZERO - ((likely >> np.uint64(bit)) & _ONE)  # all ones or all zeros
            for k in range(kept.size):
                undecided, word = open_[k], random[k]
                kept[k] |= undecided & ~word & digit
                open_[k] = undecided & (word ^ ~digit)
        for k in range(kept.size):
            undecided = open_[k]
            while undecided != _ZERO:
                if used == n_lanes:
                    _draw(s0, s1, s2, s3, single)
                    used = 0
                if single[used] < rest:
                    kept[k] |= undecided & (~undecided + _ONE)
                used += 1
                undecided &= undecided - _ONE


@njit
def states(out: Any, n: int, q: int, lanes: Any) -> None:
    """Fill the first n bytes of ``out`` with 0 … q−1, all equally likely; ``out`` has room for whole draws.

    16 bits times q, the high part, with Lemire's rejection (2019): those that fall in the incomplete part again.
    """
    words = np.empty(lanes.shape[1], dtype=np.uint64)
    pieces = words.view(np.uint16)
    size = pieces.size
    incomplete = np.uint32(65536 % q)
    for begin in range(0, n, size):
        draw(lanes, words)
        rejected: Any = False
        for k in range(size):
            product = np.uint32(pieces[k]) * np.uint32(q)
            out[begin + k] = product >> np.uint32(16)
            rejected |= (product & np.uint32(0xFFFF)) < incomplete
        if rejected:
            again = pieces.copy()
            for k in range(size):
                piece = again[k]
                while (np.uint32(piece) * np.uint32(q)) & np.uint32(0xFFFF) < incomplete:
                    draw(lanes, words)
                    piece = pieces[0]
                out[begin + k] = (np.uint32(piece) * np.uint32(q)) >> np.uint32(16)
