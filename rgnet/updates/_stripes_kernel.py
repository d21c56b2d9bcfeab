"""The kernel of `_stripes`: both colours in turn, 64 spins a word, eight words at once."""

from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet.updates._bits import spins_of, words_of
from rgnet.updates._bits_mux import choose_eight, choose_five, count_four, count_six, pick
from rgnet.updates._bits_tally import HEAP, add_rest, add_sixteen, total
from rgnet.updates._bits_words import load, rotate_1, rotate_63, splat, store
from rgnet.updates._lanes import ALL, POOL, fill, new_lanes, new_words, seed_lanes

EVEN = np.uint64(0x5555555555555555)


@njit
def left_mask(color: int, parity: int, odd: int) -> Any:
    """Bits of a line whose sites have o = 0, so that word j − 1 is the neighbour on the left."""
    even = (color + parity) % 2 == 0
    if odd == 1:
        return EVEN if even else ~EVEN
    return ALL if even else np.uint64(0)


@njit
def pack(state: Any, words: Any, size: Any, steps: Any, first: Any, parity: Any) -> None:
    """Fill both colours' words, halos included, from spins in C order."""
    lines, J, pitch, odd = size[1], size[2], size[3], size[4]
    one_color = words.size // 2
    line = np.empty(2 * J, dtype=np.uint64)
    for number in range(lines):
        words_of(state, first[number], steps[0], steps[1], 64, line)
        mask = left_mask(0, parity[number], odd)
        begin = 8 + number * pitch
        for j in range(J):
            a, b = line[2 * j], line[2 * j + 1]
            words[begin + j] = (a & mask) | (b & ~mask)
            words[one_color + begin + j] = (a & ~mask) | (b & mask)
    close(words[:one_color], size)
    close(words[one_color:], size)


@njit
def unpack(words: Any, spins: Any, size: Any, steps: Any, first: Any, parity: Any) -> None:
    """The inverse of `pack`."""
    lines, J, pitch, odd = size[1], size[2], size[3], size[4]
    one_color = words.size // 2
    line = np.empty(2 * J, dtype=np.uint64)
    for number in range(lines):
        mask = left_mask(0, parity[number], odd)
        begin = 8 + number * pitch
        for j in range(J):
            a, b = words[begin + j], words[one_color + begin + j]
            line[2 * j] = (a & mask) | (b & ~mask)
            line[2 * j + 1] = (a & ~mask) | (b & mask)
        spins_of(line, spins, first[number], steps[0], steps[1], 64)


@njit
def close(words: Any, size: Any) -> None:
    """Words beyond the ends of the lines of one colour, then the rotated lines."""
    R, lines, J, pitch = size[0], size[1], size[2], size[3]
    for number in range(lines):
        begin = 8 + number * pitch
        words[begin - 1] = words[begin + J - 1]
        words[begin + J] = words[begin]
    n_middle = lines // R
    below, above = 8 + lines * pitch, 8 + (lines + n_middle) * pitch
    last = 8 + (lines - n_middle) * pitch
    for i in range(0, n_middle * pitch, 8):
        store(words, below + i, rotate_1(load(words, last + i)))
        store(words, above + i, rotate_63(load(words, 8 + i)))


@njit
def _flips_4(
    own: Any, other: Any, i: int, below: int, above: int, mask: Any, planes: Any, leaf: Any, k: int, field: bool
) -> Any:
    spin = load(own, i)
    side = pick(mask, load(other, i - 1), load(other, i + 1))
    b0, b1, b2 = count_four(
        spin ^ load(other, i), spin ^ side, spin ^ load(other, below + i), spin ^ load(other, above + i)
    )
    if field:
        return spin ^ pick(
            spin, choose_five(planes, leaf, 1, k, b0, b1, b2), choose_five(planes, leaf, 0, k, b0, b1, b2)
        )
    return spin ^ choose_five(planes, leaf, 0, k, b0, b1, b2)


@njit
def _flips_6(
    own: Any,
    other: Any,
    i: int,
    below: int,
    above: int,
    near: int,
    far: int,
    mask: Any,
    planes: Any,
    leaf: Any,
    k: int,
    field: bool,
) -> Any:
    spin = load(own, i)
    side = pick(mask, load(other, i - 1), load(other, i + 1))
    b0, b1, b2 = count_six(
        spin ^ load(other, i),
        spin ^ side,
        spin ^ load(other, below + i),
        spin ^ load(other, above + i),
        spin ^ load(other, near + i),
        spin ^ load(other, far + i),
    )
    if field:
        return spin ^ pick(
            spin, choose_eight(planes, leaf, 1, k, b0, b1, b2), choose_eight(planes, leaf, 0, k, b0, b1, b2)
        )
    return spin ^ choose_eight(planes, leaf, 0, k, b0, b1, b2)


@njit
def update_line(
    own: Any,
    other: Any,
    begin: int,
    shifts: Any,
    mask: Any,
    planes: Any,
    leaf: Any,
    used: int,
    n_words: int,
    field: bool,
) -> None:
    """Update ``n_words`` words of one colour from ``begin`` on, with the planes from word ``used`` on.

    ``shifts`` are the distances to the same word of the neighbouring lines.
    """
    left = splat(mask)
    if shifts.size == 2:
        for k in range(0, n_words, 8):
            i = begin + k
            new = _flips_4(own, other, i, shifts[0], shifts[1], left, planes, leaf, used + k, field)
            store(own, i, new)
    else:
        for k in range(0, n_words, 8):
            i = begin + k
            new = _flips_6(
                own, other, i, shifts[0], shifts[1], shifts[2], shifts[3], left, planes, leaf, used + k, field
            )
            store(own, i, new)


@njit
def _measure(words: Any, size: Any, parity: Any, near: Any, heaps: Any, bonds: Any, ups: Any, tail: Any) -> None:
    """Count unsatisfied bonds and up spins; every bond joins a site of colour 1 to one of colour 0."""
    lines, J, pitch, odd = size[1], size[2], size[3], size[4]
    one_color = words.size // 2
    other, own = words[:one_color], words[one_color:]
    bond_heap, up_heap = heaps[:HEAP], heaps[HEAP:]
    held, held_up = 0, 0
    bonds[:] = 0
    ups[:] = 0
    for number in range(lines):
        left = splat(left_mask(1, parity[number], odd))
        begin = 8 + number * pitch
        for k in range(0, J, 8):
            i = begin + k
            inside = load(tail, 8) if k + 8 > J else load(tail, 0)
            spin = load(own, i)
            partner = load(other, i)
            side = pick(left, load(other, i - 1), load(other, i + 1))
            below = load(other, i + (near[number, 0] - number) * pitch)
            above = load(other, i + (near[number, 1] - number) * pitch)
            store(bond_heap, 8 * held, (spin ^ partner) & inside)
            store(bond_heap, 8 * held + 8, (spin ^ side) & inside)
            store(bond_heap, 8 * held + 16, (spin ^ below) & inside)
            store(bond_heap, 8 * held + 24, (spin ^ above) & inside)
            held += 4
            if held == 16:
                add_sixteen(bond_heap, bonds)
                held = 0
            if near.shape[1] == 4:
                front = load(other, i + (near[number, 2] - number) * pitch)
                back = load(other, i + (near[number, 3] - number) * pitch)
                store(bond_heap, 8 * held, (spin ^ front) & inside)
                store(bond_heap, 8 * held + 8, (spin ^ back) & inside)
                held += 2
                if held == 14:  # no room for four more
                    add_rest(bond_heap, held, bonds)
                    held = 0
            store(up_heap, 8 * held_up, spin & inside)
            store(up_heap, 8 * held_up + 8, partner & inside)
            held_up += 2
            if held_up == 16:
                add_sixteen(up_heap, ups)
                held_up = 0
    add_rest(bond_heap, held, bonds)
    add_rest(up_heap, held_up, ups)


@njit
def record(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    size: Any,
    steps: Any,
    first: Any,
    parity: Any,
    near: Any,
    leaf: Any,
    field: bool,
    constants: Any,
    room: int,
    masks: Any,
    begin_with: Any,
    cdf: Any,
    guide: Any,
    rates: Any,
) -> None:
    """The contract of `rgnet.updates.base`."""
    R, lines, J, pitch, odd = size[0], size[1], size[2], size[3], size[4]
    all_lines = lines + 2 * (lines // R)
    padded = pitch - 8
    one_color = 16 + all_lines * pitch
    words = new_words(2 * one_color)
    planes = new_words((masks.shape[0] + 2) * room)
    planes[planes.size - room :] = ALL
    lanes = new_lanes()
    pool, bits = new_words(POOL), new_words(8 * masks.shape[1])
    heaps, tail = new_words(2 * HEAP), new_words(16)
    digits = 5
    while (1 << digits) <= lines * (padded // 8) * 2 * near.shape[1]:
        digits += 1
    bonds, ups = new_words(8 * digits), new_words(8 * digits)
    tail[:8] = ALL
    tail[8 : 8 + J % 8 if J % 8 else 16] = ALL
    shifts = (near - np.arange(lines).reshape(lines, 1)) * pitch
    pack(state, words, size, steps, first, parity)
    for row in range(measured.shape[0]):
        for _ in range(every):
            seed_lanes(rng, lanes)
            at = POOL
            for color in range(2):
                own = words[color * one_color : (color + 1) * one_color]
                other = words[(1 - color) * one_color : (2 - color) * one_color]
                left, have, used = lines * padded, 0, 0
                for number in range(lines):
                    mask = left_mask(color, parity[number], odd)
                    begin = 8 + number * pitch
                    done = 0
                    while done < padded:
                        if used == have:
                            have, used = min(room, left), 0
                            left -= have
                            at = fill(lanes, planes, have, pool, at, bits, masks, begin_with, cdf, guide, rates)
                        n_words = min(padded - done, have - used)
                        update_line(own, other, begin + done, shifts[number], mask, planes, leaf, used, n_words, field)
                        done += n_words
                        used += n_words
                close(own, size)
        if measured.shape[1] > 0:
            _measure(words, size, parity, near, heaps, bonds, ups, tail)
            magnetization = 2 * total(ups) - steps[2]
            unsatisfied = total(bonds)
            measured[row, 0] = -constants[0] * (constants[2] - 2.0 * unsatisfied) - constants[1] * magnetization
            measured[row, 1] = magnetization
        if out.shape[1] > 0:
            unpack(words, out[row], size, steps, first, parity)
    unpack(words, state, size, steps, first, parity)
