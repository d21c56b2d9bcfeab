"""The fast row kernel of table models: hypercubic lattices of two colours, each colour in an array of its own.

It does what `rgnet.updates._table_rows` does, where every periodic side and the last side are even. Sites of a colour
then lie side by side, and so do their neighbours, all of the other colour: sums of codes are sums of whole rows, and
nothing that is read was written just before. Only codes are kept between sweeps; a state is told by how many codes
its own reaches. Every bond ends in a site of the second colour, so that the energy is one more table entry for each of
those in the sweep that is measured.
"""

from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet.updates._table_rows import LANES, fill, put, seed

_BLOCK = 1024  # random words made at a time, at least


@njit
def record(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    rows: Any,
    row_colors: Any,
    periodic: bool,
    first: int,
    codes_of: Any,
    jump: int,
    cuts: Any,
    energies: Any,
    length: int,
    site: Any,
    columns: Any,
) -> None:
    """The contract of `rgnet.updates.base`; tables as `rgnet.updates._table` makes them."""
    n_rows, half = rows.shape[0], length // 2
    cells = np.zeros((2, n_rows + 1, half), dtype=np.uint16)
    _load(cells, state, row_colors, first, codes_of)
    lanes = np.empty((4, LANES), dtype=np.uint64)
    words = np.empty(max(_BLOCK, (half // LANES + 1) * LANES), dtype=np.int64)
    field = np.zeros(half, dtype=np.uint16)
    spent = np.zeros(half + 3)
    counts = np.empty(codes_of.size, dtype=np.int64)
    measure = measured.shape[1] > 0
    for k in range(measured.shape[0]):
        total = 0.0
        for sweep in range(every):
            seed(lanes, rng)
            place = words.size
            for color in range(2):
                fused = measure and color == 1 and sweep == every - 1
                for r in range(n_rows):
                    if place + half > words.size:
                        fill(words, lanes)
                        place = 0
                    _sum_codes(field, cells, 1 - color, rows, r, color ^ row_colors[r], periodic)
                    if jump > 0:
                        _add_jumps(field, cells, color, r, codes_of, jump)
                    if cuts.shape[1] == 2:
                        _visit_three(cells, color, r, field, words, place, cuts, codes_of, energies, spent, fused)
                    else:
                        _visit(cells, color, r, field, words, place, cuts, codes_of, energies, spent, fused)
                    if fused:
                        total += _sum(spent)
                    place += half
        if measure:
            _count(cells, codes_of, counts)
            put(measured[k], total, counts, site, columns)
        if out.shape[1] > 0:
            _store(cells, out[k], row_colors, first, codes_of)
    _store(cells, state, row_colors, first, codes_of)


@njit
def _load(cells: Any, state: Any, row_colors: Any, first: int, codes_of: Any) -> None:
    half = cells.shape[2]
    for r in range(row_colors.size):
        for color in range(2):
            begin = r * 2 * half + (color ^ row_colors[r])
            for k in range(half):
                cells[color, r, k] = codes_of[state[begin + 2 * k] - first]


@njit
def _store(cells: Any, state: Any, row_colors: Any, first: int, codes_of: Any) -> None:
    half = cells.shape[2]
    found = np.empty(half, dtype=np.int8)
    for r in range(row_colors.size):
        for color in range(2):
            here = cells[color, r]
            found[:] = first
            for a in range(1, codes_of.size):
                code = np.uint16(codes_of[a])
                for k in range(half):
                    found[k] += here[k] >= code
            begin = r * 2 * half + (color ^ row_colors[r])
            for k in range(half):
                state[begin + 2 * k] = found[k]


@njit
def _sum_codes(field: Any, cells: Any, color: int, rows: Any, r: int, offset: int, periodic: bool) -> None:
    """Sums of the neighbours' codes, of ``color``; ``offset`` is the place of the row's first site of the other."""
    half = field.size
    if offset == 0:
        for k in range(1, half):
            field[k] = cells[color, r, k] + cells[color, r, k - 1]
        field[0] = cells[color, r, 0] + (cells[color, r, half - 1] if periodic else 0)
    else:
        for k in range(half - 1):
            field[k] = cells[color, r, k] + cells[color, r, k + 1]
        field[half - 1] = cells[color, r, half - 1] + (cells[color, r, 0] if periodic else 0)
    for a in range(rows.shape[1]):
        near = rows[r, a]
        for k in range(half):
            field[k] += cells[color, near, k]


@njit
def _add_jumps(field: Any, cells: Any, color: int, r: int, codes_of: Any, jump: int) -> None:
    """The rows of the table that belong to the present states."""
    step = np.uint16(jump)
    for a in range(1, codes_of.size):
        code = np.uint16(codes_of[a])
        for k in range(field.size):
            field[k] += step if cells[color, r, k] >= code else np.uint16(0)


@njit
def _visit_three(
    cells: Any,
    color: int,
    r: int,
    field: Any,
    words: Any,
    place: int,
    cuts: Any,
    codes_of: Any,
    energies: Any,
    spent: Any,
    fused: bool,
) -> None:
    """Draw the sites of a row anew, of three states each, and look their bonds up if asked."""
    low, one, two = codes_of[0], codes_of[1] - codes_of[0], codes_of[2] - codes_of[1]
    for k in range(field.size):
        index = np.int64(field[k])
        word = words[place + k]
        first, second = np.int64(word >= cuts[index, 0]), np.int64(word >= cuts[index, 1])
        cells[color, r, k] = low + one * first + two * second
        if fused:
            spent[k] = energies[index, first + second]


@njit
def _visit(
    cells: Any,
    color: int,
    r: int,
    field: Any,
    words: Any,
    place: int,
    cuts: Any,
    codes_of: Any,
    energies: Any,
    spent: Any,
    fused: bool,
) -> None:
    """Draw the sites of a row anew, of any number of states, and look their bonds up if asked."""
    n_cuts = cuts.shape[1]
    for k in range(field.size):
        index = np.int64(field[k])
        word = words[place + k]
        new: Any = 0
        for cut in range(n_cuts):
            new += np.int64(word >= cuts[index, cut])
        cells[color, r, k] = codes_of[new]
        if fused:
            spent[k] = energies[index, new]


@njit
def _sum(spent: Any) -> float:
    """Sum of numbers of which the last three are 0, four at a time: an addition waits for the one before."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for k in range(0, spent.size - 3, 4):
        a += spent[k]
        b += spent[k + 1]
        c += spent[k + 2]
        d += spent[k + 3]
    return (a + b) + (c + d)


@njit
def _count(cells: Any, codes_of: Any, counts: Any) -> None:
    """Number of sites in each state."""
    n_rows, half = cells.shape[1] - 1, cells.shape[2]
    by_place = np.empty(half, dtype=np.uint16)  # short numbers, that many of them are added at once
    counts[:] = 0
    counts[0] = 2 * n_rows * half
    for a in range(1, codes_of.size):
        code = np.uint16(codes_of[a])
        number = 0
        for begin in range(0, n_rows, 1 << 14):
            by_place[:] = 0
            for r in range(begin, min(begin + (1 << 14), n_rows)):
                for color in range(2):
                    for k in range(half):
                        by_place[k] += cells[color, r, k] >= code
            for k in range(half):
                number += by_place[k]
        counts[a] = number
        counts[a - 1] -= number
