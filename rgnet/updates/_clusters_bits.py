"""Clusters on bits: the connected components of planes of bonds, 64 sites a word along the last axis.

Bit b of word w in row r is site 64 w + b of that row. Plane 0 of ``bonds`` holds the bonds to the next site of the row
(the last one's goes to the next row's end: to site 0 of the same row, across a periodic side), plane 1 + a those to the
row ``back[r, a]``, one step back along axis a.

The nodes of the union-find forest are *runs*: sites of one word that bonds of plane 0 connect, numbered in raster
order; on the square lattice at T_c there is one for two sites. Of several bonds between the same two runs only the
first counts; the first bond of a run backwards links it to what is there, without a search; only the others, 0.09 a
site, unite two trees. First bits of segments are found by a carry: in each segment, v & −v with −v = ~v + 1.
"""

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from rgnet._jit import njit

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_TOP = np.uint64(63)


@intrinsic
def _population(context: Any, word: Any) -> Any:
    """How many bits of a word are 1."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.ctpop(arguments[0]), ir.IntType(64))

    return types.int64(types.uint64), build


@njit
def popcount(word: Any) -> int:
    """How many bits of a uint64 are 1."""
    return _population(word)  # type: ignore[call-arg]


@njit
def valid_bits(length: int) -> Any:
    """The bits that the last word of a row uses."""
    return ~_ZERO >> (_TOP - np.uint64((length - 1) & 63))


@njit
def satisfied(planes: Any, back: Any, periodic: bool, length: int, invert: Any, bonds: Any) -> None:
    """Bonds between equal states of ``planes`` (planes, rows, words); between unequal ones if ``invert`` is ~0."""
    n_rows, n_words = planes.shape[1:]
    last = np.uint64((length - 1) & 63)
    valid = valid_bits(length)
    inner = valid >> _ONE
    row = bonds[0].ravel()
    for p in range(planes.shape[0]):
        plane = planes[p].ravel()
        for k in range(row.size - 1):
            equal = ~(plane[k] ^ ((plane[k] >> _ONE) | (plane[k + 1] << _TOP))) ^ invert
            row[k] = equal if p == 0 else row[k] & equal
        for a in range(back.shape[1]):
            for r in range(n_rows):
                t = back[r, a]
                here, there, found = planes[p, r], planes[p, max(t, 0)], bonds[1 + a, r]
                missing = _ZERO if t < 0 else ~_ZERO
                for w in range(n_words):
                    equal = (~(here[w] ^ there[w]) ^ invert) & missing
                    found[w] = equal if p == 0 else found[w] & equal
                found[n_words - 1] &= valid
    for r in range(n_rows):
        equal = inner | (_ONE << last if periodic else _ZERO)
        for p in range(planes.shape[0]):
            word = planes[p, r, n_words - 1]
            after = ((word >> _ONE) & inner) | ((planes[p, r, 0] & _ONE) << last)
            equal &= ~(word ^ after) ^ invert
        bonds[0, r, n_words - 1] = equal


@njit
def count(bonds: Any) -> int:
    """How many bits of an array of words are 1."""
    words = bonds.ravel()
    total = 0
    for k in range(words.size):
        total += popcount(words[k])
    return total


@njit
def label(bonds: Any, back: Any, length: int, start: Any, first: Any, parent: Any) -> Any:
    """The forest of the clusters; how many runs there are.

    Parameters
    ----------
    bonds : uint64 (1 + axes, rows, words)
    back : int64 (rows, axes)
        −1 where a row has none.
    length : int
        Sites of a row.
    start : uint64 (rows, words)
        Is filled with the first sites of the runs.
    first : int32 (rows, words)
        Is filled with the number of the first run of every word.
    parent : int32 array
        Is filled, for each run, with a run of the same cluster and no larger number: itself, for the smallest.
    """
    n_rows, n_words = start.shape
    last, valid = np.uint64((length - 1) & 63), valid_bits(length)
    n_runs: Any = 0
    for r in range(n_rows):
        for w in range(n_words):
            runs = ~(bonds[0, r, w] << _ONE)
            if w == n_words - 1:
                runs &= valid
            start[r, w] = runs
            first[r, w] = n_runs
            n_runs += popcount(runs)
    for run in range(n_runs):
        parent[run] = run
    for wrapped in range(2):  # bonds to rows before, then those across a periodic side, which need no fresh runs
        for r in range(n_rows):
            for a in range(back.shape[1]):
                t = back[r, a]
                if t < 0 or (t > r) != wrapped:
                    continue
                for w in range(n_words):
                    inner = bonds[0, r, w] & ~(_ONE << (last if w == n_words - 1 else _TOP))
                    both = inner & bonds[0, t, w]
                    v = bonds[1 + a, r, w]
                    v &= ((~v & both) + ~(both << _ONE)) ^ (~v & ~both)  # the first of every two runs
                    here, there = start[r, w], start[t, w]
                    i, j = np.int64(first[r, w]) - 1, np.int64(first[t, w]) - 1
                    links = v & (((~v & inner) + here) ^ (~v & ~inner))  # the first of every run
                    links = links if a == 0 and wrapped == 0 else _ZERO
                    v ^= links
                    while links != _ZERO:
                        upto = links ^ (links - _ONE)
                        links &= links - _ONE
                        parent[i + popcount(here & upto)] = parent[j + popcount(there & upto)]
                    while v != _ZERO:
                        upto = v ^ (v - _ONE)
                        v &= v - _ONE
                        _unite(parent, i + popcount(here & upto), j + popcount(there & upto))
    for r in range(n_rows):
        for w in range(n_words):
            if (bonds[0, r, w] >> (last if w == n_words - 1 else _TOP)) & _ONE:
                end = np.int64(first[r, w]) + popcount(start[r, w]) - 1
                _unite(parent, end, np.int64(first[r, w + 1 if w + 1 < n_words else 0]))
    return n_runs


@njit
def _unite(parent: Any, i: Any, j: Any) -> None:
    """Unite two trees; the smaller root stays. Nearly always both roots are within three steps, without a branch."""
    a, b = parent[parent[i]], parent[parent[j]]
    while True:
        up, over = parent[a], parent[b]
        if (up == a) & (over == b):
            break
        a, b = up, over
    low, high = min(a, b), max(a, b)
    parent[high] = low
    parent[i] = low
    parent[j] = low


@njit
def resolve(parent: Any, n_runs: int) -> None:
    """Let every run point to its root."""
    for i in range(n_runs):
        parent[i] = parent[parent[i]]


@njit
def _running_xor(word: Any) -> Any:
    """Bit b is the exclusive or of bits 0 … b."""
    word ^= word << np.uint64(1)
    word ^= word << np.uint64(2)
    word ^= word << np.uint64(4)
    word ^= word << np.uint64(8)
    word ^= word << np.uint64(16)
    return word ^ (word << np.uint64(32))


@njit
def spread(values: Any, bit: Any, n_runs: int, start: Any, first: Any, packed: Any, out: Any) -> None:
    """``out`` (rows × words): at every site, bit ``bit`` of its run's value.

    ``values`` are bytes, seen as words; ``packed`` has room for n_runs bits and a word. The bits are packed, those
    of a word's runs cut out, changes from run to run deposited where runs begin (Warren, Hacker's Delight, §7-5), and
    summed.
    """
    ones, places = np.uint64(0x0101010101010101), np.uint64(0x0102040810204080)
    for k in range(n_runs // 64 + 1):
        word = _ZERO
        for byte in range(8):
            bits = (values[8 * k + byte] >> bit) & ones
            word |= ((bits * places) >> np.uint64(56)) << np.uint64(8 * byte)
        packed[k] = word
    packed[n_runs // 64 + 1] = _ZERO
    for k in range(out.size):
        i = np.int64(first[k])
        shift = np.uint64(i & 63)
        mine = (packed[i >> 6] >> shift) | ((packed[(i >> 6) + 1] << _ONE) << (_TOP - shift))
        out[k] = mine ^ (mine << _ONE)
    for k in range(out.size):
        m, x = start[k], out[k]
        skip = ~m << _ONE
        p = _running_xor(skip)
        a0 = p & m
        m = (m ^ a0) | (a0 >> np.uint64(1))
        skip &= ~p
        p = _running_xor(skip)
        a1 = p & m
        m = (m ^ a1) | (a1 >> np.uint64(2))
        skip &= ~p
        p = _running_xor(skip)
        a2 = p & m
        m = (m ^ a2) | (a2 >> np.uint64(4))
        skip &= ~p
        p = _running_xor(skip)
        a3 = p & m
        m = (m ^ a3) | (a3 >> np.uint64(8))
        skip &= ~p
        p = _running_xor(skip)
        a4 = p & m
        m = (m ^ a4) | (a4 >> np.uint64(16))
        skip &= ~p
        a5 = _running_xor(skip) & m
        x ^= (x ^ (x << np.uint64(32))) & a5
        x ^= (x ^ (x << np.uint64(16))) & a4
        x ^= (x ^ (x << np.uint64(8))) & a3
        x ^= (x ^ (x << np.uint64(4))) & a2
        x ^= (x ^ (x << np.uint64(2))) & a1
        x ^= (x ^ (x << np.uint64(1))) & a0
        out[k] = _running_xor(x & start[k])
