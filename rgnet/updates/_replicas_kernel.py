"""The kernel of `_replicas`: class after class, 64 chains a word, eight sites at once."""

from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet.updates._bits import spins_of, words_of
from rgnet.updates._bits_mux import choose_eight, choose_five, count_four, count_six, pick
from rgnet.updates._bits_tally import HEAP, add_rest, add_sixteen, by_bit
from rgnet.updates._bits_words import fetch, load, splat, store
from rgnet.updates._lanes import ALL, POOL, fill, new_lanes, new_words, seed_lanes

BLOCK = 2048  # sites packed at a time


@njit
def pack(states: Any, words: Any, n_sites: int) -> None:
    """Word i = site i of up to 64 chains, from ``states`` (chains, at least N)."""
    flat = states.reshape(states.size)
    for begin in range(0, n_sites, BLOCK):
        end = min(begin + BLOCK, n_sites)
        words_of(flat, begin, states.shape[1], 1, states.shape[0], words[begin:end])


@njit
def unpack(words: Any, spins: Any, first: int, step: int, n_chains: int) -> None:
    """Site i of chain b to ``spins[first + b·step + i]``."""
    for begin in range(0, words.size, BLOCK):
        end = min(begin + BLOCK, words.size)
        spins_of(words[begin:end], spins, first + begin, step, 1, n_chains)


@njit
def _sort(words: Any, site: Any, in_order: Any) -> None:
    """Words by site from words by place."""
    for i in range(site.size):
        if site[i] >= 0:
            in_order[site[i]] = words[i]


@njit
def _neighbor(words: Any, runs: Any, places: Any, reverse: Any, glass: Any, d: int, i: int) -> Any:
    """The d-th neighbours of the sites i …, reversed where the coupling is negative (``glass`` = 1, else 0)."""
    at = d * words.size + i
    return fetch(words, runs, places, at >> 3) ^ load(reverse, glass * at)


@njit
def _update_four(
    words: Any,
    begin: int,
    end: int,
    runs: Any,
    places: Any,
    reverse: Any,
    planes: Any,
    leaf: Any,
    row: int,
    field: bool,
) -> None:
    """Update the sites from ``begin`` to ``end``, of up to four neighbours, with the planes' first words."""
    glass = np.int64(reverse.size > 8)
    for i in range(begin, end, 8):
        spin = load(words, i)
        b0, b1, b2 = count_four(
            spin ^ _neighbor(words, runs, places, reverse, glass, 0, i),
            spin ^ _neighbor(words, runs, places, reverse, glass, 1, i),
            spin ^ _neighbor(words, runs, places, reverse, glass, 2, i),
            spin ^ _neighbor(words, runs, places, reverse, glass, 3, i),
        )
        flip = choose_five(planes, leaf, row, i - begin, b0, b1, b2)
        if field:
            flip = pick(spin, choose_five(planes, leaf, row + 1, i - begin, b0, b1, b2), flip)
        store(words, i, spin ^ flip)


@njit
def _update_six(
    words: Any,
    begin: int,
    end: int,
    runs: Any,
    places: Any,
    reverse: Any,
    planes: Any,
    leaf: Any,
    row: int,
    field: bool,
) -> None:
    """The same for six neighbours."""
    glass = np.int64(reverse.size > 8)
    for i in range(begin, end, 8):
        spin = load(words, i)
        b0, b1, b2 = count_six(
            spin ^ _neighbor(words, runs, places, reverse, glass, 0, i),
            spin ^ _neighbor(words, runs, places, reverse, glass, 1, i),
            spin ^ _neighbor(words, runs, places, reverse, glass, 2, i),
            spin ^ _neighbor(words, runs, places, reverse, glass, 3, i),
            spin ^ _neighbor(words, runs, places, reverse, glass, 4, i),
            spin ^ _neighbor(words, runs, places, reverse, glass, 5, i),
        )
        flip = choose_eight(planes, leaf, row, i - begin, b0, b1, b2)
        if field:
            flip = pick(spin, choose_eight(planes, leaf, row + 1, i - begin, b0, b1, b2), flip)
        store(words, i, spin ^ flip)


@njit
def _update_any(
    words: Any,
    begin: int,
    end: int,
    runs: Any,
    places: Any,
    reverse: Any,
    degree: int,
    planes: Any,
    leaf: Any,
    row: int,
    field: bool,
) -> None:
    """The same for up to 15 neighbours; ``leaf`` has two rows of eight numbers for each spin."""
    zero = splat(np.uint64(0))
    glass = np.int64(reverse.size > 8)
    for i in range(begin, end, 8):
        spin = load(words, i)
        b0, b1, b2, b3 = zero, zero, zero, zero
        for d in range(degree):
            carry = spin ^ _neighbor(words, runs, places, reverse, glass, d, i)
            b0, carry = b0 ^ carry, b0 & carry
            b1, carry = b1 ^ carry, b1 & carry
            b2, carry = b2 ^ carry, b2 & carry
            b3 = b3 ^ carry
        flip = zero
        for value in range(2 if field else 1):
            low = choose_eight(planes, leaf, row + 2 * value, i - begin, b0, b1, b2)
            high = choose_eight(planes, leaf, row + 2 * value + 1, i - begin, b0, b1, b2)
            chosen = pick(b3, high, low)
            flip = pick(spin, chosen, flip) if value == 1 else chosen
        store(words, i, spin ^ flip)


@njit
def update(
    words: Any,
    begin: int,
    end: int,
    runs: Any,
    places: Any,
    reverse: Any,
    degree: int,
    planes: Any,
    leaf: Any,
    number: int,
    field: bool,
) -> None:
    """Update sites of class ``number``, from ``begin`` to ``end``."""
    if degree <= 4:
        _update_four(words, begin, end, runs, places, reverse, planes, leaf, 2 * number, field)
    elif degree == 6:
        _update_six(words, begin, end, runs, places, reverse, planes, leaf, 2 * number, field)
    else:
        _update_any(words, begin, end, runs, places, reverse, degree, planes, leaf, 4 * number, field)


@njit
def _measure(
    words: Any, counted: int, runs: Any, places: Any, reverse: Any, degree: int, heap: Any, bonds: Any, ups: Any
) -> None:
    """Count unsatisfied bonds of the sites from ``counted`` on, and up spins of all, for each chain."""
    held = 0
    glass = np.int64(reverse.size > 8)
    bonds[:] = 0
    ups[:] = 0
    for i in range(counted, words.size, 8):
        spin = load(words, i)
        if held > 16 - degree:
            add_rest(heap, held, bonds)
            held = 0
        for d in range(degree):
            store(heap, 8 * (held + d), spin ^ _neighbor(words, runs, places, reverse, glass, d, i))
        held += degree
    add_rest(heap, held, bonds)
    full = words.size // HEAP * HEAP
    for i in range(0, full, HEAP):
        add_sixteen(words[i : i + HEAP], ups)
    for i in range(full, words.size, 8):
        store(heap, i - full, load(words, i))
    add_rest(heap, (words.size - full) // 8, ups)


@njit
def advance(
    states: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    site: Any,
    ends: Any,
    runs: Any,
    places: Any,
    reverse: Any,
    leaf: Any,
    counted: int,
    field: bool,
    constants: Any,
    room: int,
    masks: Any,
    begin_with: Any,
    cdf: Any,
    guide: Any,
    rates: Any,
) -> None:
    """The contract of `rgnet.updates.base` for a group of chains, with arrays in C order."""
    n_chains, degree = states.shape[0], places.shape[0]
    n_sites = int(constants[4])
    follow = runs.reshape(runs.size)
    near, flips = places.reshape(places.size), reverse.reshape(reverse.size)
    words, in_order = new_words(site.size), new_words(n_sites)
    planes = new_words((masks.shape[0] + 2) * room)
    planes[planes.size - room :] = ALL
    lanes, pool, bits, heap = new_lanes(), new_words(POOL), new_words(8 * masks.shape[1]), new_words(HEAP)
    digits = 5
    while (1 << digits) <= site.size // 8 * degree:
        digits += 1
    bonds, ups = new_words(8 * digits), new_words(8 * digits)
    count, count_up = np.empty(64, dtype=np.int64), np.empty(64, dtype=np.int64)
    pack(states, in_order, n_sites)
    for i in range(site.size):
        words[i] = in_order[site[i]] if site[i] >= 0 else np.uint64(0)
    for row in range(measured.shape[1]):
        for _ in range(every):
            seed_lanes(rng, lanes)
            at = POOL
            begin = 0
            for c in range(ends.size):
                for first in range(begin, ends[c], room):
                    last = min(first + room, ends[c])
                    at = fill(lanes, planes, last - first, pool, at, bits, masks, begin_with, cdf, guide, rates)
                    update(words, first, last, follow, near, flips, degree, planes, leaf, c, field)
                begin = ends[c]
                for i in range(max(begin - 7, 0), begin):
                    if site[i] < 0:
                        words[i] = 0
        if measured.shape[2] > 0:
            _measure(words, counted, follow, near, flips, degree, heap, bonds, ups)
            by_bit(bonds, count)
            by_bit(ups, count_up)
            for b in range(n_chains):
                magnetization = 2 * count_up[b] - n_sites
                satisfied = constants[2] - 2.0 * constants[3] * count[b]
                measured[b, row, 0] = -constants[0] * satisfied - constants[1] * magnetization
                measured[b, row, 1] = magnetization
        if out.shape[2] > 0:
            _sort(words, site, in_order)
            unpack(in_order, out.reshape(out.size), row * n_sites, out.shape[1] * n_sites, n_chains)
    _sort(words, site, in_order)
    unpack(in_order, states.reshape(states.size), 0, states.shape[1], n_chains)
