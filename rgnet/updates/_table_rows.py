"""The row kernel of table models: hypercubic lattices by colour, a row at a time, from precomputed probabilities.

Every state a of a neighbour has a code; the sum of the neighbours' codes tells how many are in each state, and with it
the probabilities of a site's next state are one row of a table (`rgnet.updates._table`). The sums are made for a whole
row of the lattice at once, and the random numbers for many sites at once, by 32 generators xoshiro256++ side by side
(Blackman & Vigna 2021), which every sweep seeds anew from the chain's own stream: 62 random bits a site.

Where there are two colours, every bond ends in a site of the second, so that the energy is one more table entry for
each of those when they are visited.
"""

from typing import Any

import numpy as np

from rgnet._jit import fill_from, njit

LANES = 32
_BLOCK = 1024  # random words made at a time, at least
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_17, _19, _23, _27, _30, _31, _41, _45 = (np.uint64(n) for n in (17, 19, 23, 27, 30, 31, 41, 45))
_2 = np.uint64(2)


@njit
def record(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    rows: Any,
    row_colors: Any,
    n_colors: int,
    length: int,
    periodic: bool,
    first: int,
    codes_of: Any,
    jump: int,
    cuts: Any,
    energies: Any,
    pairs: Any,
    bond: Any,
    site: Any,
    columns: Any,
) -> None:
    """The contract of `rgnet.updates.base`; tables as `rgnet.updates._table.row_tables` makes them."""
    n_sites = rows.shape[0] * length
    codes = np.zeros(n_sites + length, dtype=np.uint16)
    for i in range(n_sites):
        codes[i] = codes_of[state[i] - first]
    lanes = np.empty((4, LANES), dtype=np.uint64)
    words = np.empty(max(_BLOCK, (length // 2 // LANES + 1) * LANES), dtype=np.int64)
    field = np.zeros(length, dtype=np.uint16)
    counts = np.empty(bond.shape[0], dtype=np.int64)
    measure = measured.shape[1] > 0
    for k in range(measured.shape[0]):
        total = 0.0
        for sweep in range(every):
            seed(lanes, rng)
            place = words.size
            for color in range(n_colors):
                fused = measure and n_colors == 2 and color == 1 and sweep == every - 1
                for r in range(rows.shape[0]):
                    begin, end = _span(color, row_colors[r], n_colors, length, periodic)
                    if place + (end - begin + 1) // 2 > words.size:
                        fill(words, lanes)
                        place = 0
                    _sum_codes(field, codes, rows[r], r * length, length, periodic)
                    row = slice(r * length, r * length + length)
                    place, part = _visit(
                        state[row], codes[row], field, words, place, begin, end, first, codes_of, jump, cuts,
                        energies, fused,
                    )  # fmt: skip
                    total += part
        if measure:
            if n_colors != 2:
                total = pair_energy(state, pairs, bond, first)
            count_states(state, n_sites, first, counts)
            put(measured[k], total, counts, site, columns)
        if out.shape[1] > 0:
            fill_from(out[k], state)


@njit
def _span(color: int, row_color: int, n_colors: int, length: int, periodic: bool) -> tuple[int, int]:
    """First site of a colour in a row, and where it ends; sites are two apart."""
    # On an odd periodic row the last site has the third colour
    paired = length - 1 if periodic and length % 2 else length
    begin = (color - row_color) % n_colors
    if begin == 2:
        return paired, length
    return begin, paired


@njit
def _sum_codes(field: Any, codes: Any, row: Any, begin: int, length: int, periodic: bool) -> None:
    """Sums of the neighbours' codes for all sites of a row."""
    here = codes[begin : begin + length]
    for j in range(1, length - 1):
        field[j] = here[j - 1] + here[j + 1]
    if length == 1:
        field[0] = 0
    else:
        field[0] = here[1] + (here[length - 1] if periodic else 0)
        field[length - 1] = here[length - 2] + (here[0] if periodic else 0)
    for a in range(row.size):
        other = codes[row[a] : row[a] + length]
        for j in range(length):
            field[j] += other[j]


@njit
def _visit(
    state: Any,
    codes: Any,
    field: Any,
    words: Any,
    place: int,
    begin: int,
    end: int,
    first: int,
    codes_of: Any,
    jump: int,
    cuts: Any,
    energies: Any,
    fused: bool,
) -> tuple[int, float]:
    """Draw every second site of a row anew; the next random word, and the energy of these sites' bonds."""
    n_cuts = cuts.shape[1]
    total = 0.0
    for j in range(begin, end, 2):
        index = np.int64(field[j])
        if jump > 0:
            index += jump * (np.int64(state[j]) - first)
        word = words[place]
        place += 1
        new: Any = 0
        if n_cuts == 2:
            new = np.int64(word >= cuts[index, 0]) + np.int64(word >= cuts[index, 1])
        else:
            for cut in range(n_cuts):
                new += np.int64(word >= cuts[index, cut])
        state[j] = new + first
        codes[j] = codes_of[new]
        if fused:
            total += energies[np.int64(field[j]), new]
    return place, total


@njit
def seed(lanes: Any, rng: Any) -> None:
    """Fresh generators, each from 53 bits of the chain's stream by splitmix64."""
    for lane in range(LANES):
        z = np.uint64(np.int64(rng.random() * 9007199254740992.0)) * _GOLDEN
        for word in range(4):
            z += _GOLDEN
            mixed = (z ^ (z >> _30)) * _MIX_1
            mixed = (mixed ^ (mixed >> _27)) * _MIX_2
            lanes[word, lane] = mixed ^ (mixed >> _31)


@njit
def fill(words: Any, lanes: Any) -> None:
    """Random words of 62 bits, by xoshiro256++."""
    s0, s1, s2, s3 = lanes[0], lanes[1], lanes[2], lanes[3]
    for begin in range(0, words.size, LANES):
        part = words[begin : begin + LANES]
        for lane in range(LANES):
            a, b, c, d = s0[lane], s1[lane], s2[lane], s3[lane]
            mixed = a + d
            part[lane] = np.int64((((mixed << _23) | (mixed >> _41)) + a) >> _2)
            shifted = b << _17
            c ^= a
            d ^= b
            s1[lane] = b ^ c
            s0[lane] = a ^ d
            s2[lane] = c ^ shifted
            s3[lane] = (d << _45) | (d >> _19)


@njit
def pair_energy(state: Any, pairs: Any, bond: Any, first: int) -> float:
    """Σ over bonds of their log-weights."""
    total = 0.0
    for b in range(pairs.shape[0]):
        total += bond[state[pairs[b, 0]] - first, state[pairs[b, 1]] - first]
    return total


@njit
def count_states(state: Any, n_sites: int, first: int, counts: Any) -> None:
    """Number of sites in each state."""
    if counts.size <= 8:
        rest = n_sites
        for a in range(counts.size - 1):
            value = np.int8(a + first)
            number = 0
            for i in range(n_sites):
                number += state[i] == value
            counts[a] = number
            rest -= number
        counts[counts.size - 1] = rest
        return
    counts[:] = 0
    for i in range(n_sites):
        counts[state[i] - first] += 1


@njit
def put(row: Any, log_bonds: float, counts: Any, site: Any, columns: Any) -> None:
    """Energy, and what is linear in the numbers of sites in each state, into a row of what is measured."""
    weight = log_bonds
    for a in range(counts.size):
        weight += counts[a] * site[a]
    row[0] = 0.0 - weight
    for column in range(columns.shape[1]):
        total = 0.0
        for a in range(counts.size):
            total += counts[a] * columns[a, column]
        row[column + 1] = total
