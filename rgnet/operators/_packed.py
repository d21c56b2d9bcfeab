"""Operator sums of spins ±1 on words of 64 configurations: bit d of word i is set if spin i of configuration d is −1.

A product of spins is then the exclusive or of words, for 64 configurations at once, whatever the shape and boundary.
How often it is −1 in each configuration is counted in bit planes: plane p holds the bits of weight 2^p of 64 counters,
fed by a tree of carry-save adders (Harley–Seal; Warren, Hacker's Delight, 2nd ed., 2012, section 5-1), of which
`COLUMNS` run side by side, one in each column, so that LLVM finds vectors.
"""

from typing import Any

import numpy as np

from rgnet._jit import njit

LANES = 64  # configurations in a word
COLUMN_BITS = 5
COLUMNS = 1 << COLUMN_BITS
_BLOCK = 2048  # sites packed at a time: their bytes stay in the first cache


@njit
def pack(x: Any, words: Any) -> Any:
    """Fill ``words`` (N,) from x (n ≤ 64, N) int8; whether every value is ±1. Bits n and beyond repeat the last one."""
    last = x.shape[0] - 1
    planes = np.empty((8, _BLOCK), np.uint8)
    wrong = np.uint8(0)
    for start in range(0, x.shape[1], _BLOCK):
        stop = min(start + _BLOCK, x.shape[1])
        for p in range(8):
            plane = planes[p]
            x0, x1 = x[min(8 * p, last), start:stop], x[min(8 * p + 1, last), start:stop]
            x2, x3 = x[min(8 * p + 2, last), start:stop], x[min(8 * p + 3, last), start:stop]
            x4, x5 = x[min(8 * p + 4, last), start:stop], x[min(8 * p + 5, last), start:stop]
            x6, x7 = x[min(8 * p + 6, last), start:stop], x[min(8 * p + 7, last), start:stop]
            for i in range(stop - start):
                # 1 + 1 is 2 and −1 + 1 is 0; any other value leaves another bit
                odd = (x0[i] + 1) | (x1[i] + 1) | (x2[i] + 1) | (x3[i] + 1)
                odd |= (x4[i] + 1) | (x5[i] + 1) | (x6[i] + 1) | (x7[i] + 1)
                wrong |= np.uint8(odd & 0xFD)
                low = ((x0[i] < 0) * 1) | ((x1[i] < 0) * 2) | ((x2[i] < 0) * 4) | ((x3[i] < 0) * 8)
                high = ((x4[i] < 0) * 16) | ((x5[i] < 0) * 32) | ((x6[i] < 0) * 64) | ((x7[i] < 0) * 128)
                plane[i] = low | high
        for i in range(stop - start):
            low = np.uint32(planes[0, i]) | np.uint32(planes[1, i]) << 8
            low |= np.uint32(planes[2, i]) << 16 | np.uint32(planes[3, i]) << 24
            high = np.uint32(planes[4, i]) | np.uint32(planes[5, i]) << 8
            high |= np.uint32(planes[6, i]) << 16 | np.uint32(planes[7, i]) << 24
            words[start + i] = np.uint64(low) | np.uint64(high) << np.uint64(32)
    return wrong == 0


@njit
def spread(words: Any, rows: Any, length: int, halo: Any, padded: Any) -> None:
    """Copy words to the rows of a padded lattice, then its halo: ``halo`` (n, 2) says where to and where from."""
    for r in range(rows.size):
        start, place = r * length, rows[r]
        for j in range(length):
            padded[place + j] = words[start + j]
    for k in range(halo.shape[0]):
        padded[halo[k, 0]] = padded[halo[k, 1]]


@njit
def _add(a: Any, b: Any, c: Any) -> Any:
    """Sum and carry of three bits, in every bit of the words."""
    either = a ^ b
    return either ^ c, (a & b) | (either & c)


@njit
def _absorb(buffer: Any, planes: Any, carry: Any) -> None:
    """Add 16 rows of words (16, COLUMNS) to the counters ``planes`` (depth, COLUMNS)."""
    for k in range(COLUMNS):
        one, two, four, eight = planes[0, k], planes[1, k], planes[2, k], planes[3, k]
        one, two_a = _add(one, buffer[0, k], buffer[1, k])
        one, two_b = _add(one, buffer[2, k], buffer[3, k])
        two, four_a = _add(two, two_a, two_b)
        one, two_a = _add(one, buffer[4, k], buffer[5, k])
        one, two_b = _add(one, buffer[6, k], buffer[7, k])
        two, four_b = _add(two, two_a, two_b)
        four, eight_a = _add(four, four_a, four_b)
        one, two_a = _add(one, buffer[8, k], buffer[9, k])
        one, two_b = _add(one, buffer[10, k], buffer[11, k])
        two, four_a = _add(two, two_a, two_b)
        one, two_a = _add(one, buffer[12, k], buffer[13, k])
        one, two_b = _add(one, buffer[14, k], buffer[15, k])
        two, four_b = _add(two, two_a, two_b)
        four, eight_b = _add(four, four_a, four_b)
        eight, sixteen = _add(eight, eight_a, eight_b)
        planes[0, k], planes[1, k], planes[2, k], planes[3, k] = one, two, four, eight
        carry[k] = sixteen
    for p in range(4, planes.shape[0]):
        plane = planes[p]
        for k in range(COLUMNS):
            both = plane[k] & carry[k]
            plane[k] ^= carry[k]
            carry[k] = both


@njit
def _collect(planes: Any, out: Any) -> None:
    """Put the numbers that the planes hold into ``out`` (64,), added up over the columns; the planes are cleared."""
    width = COLUMNS // 2
    while width:
        for k in range(width):
            carry = np.uint64(0)
            for p in range(planes.shape[0]):
                planes[p, k], carry = _add(planes[p, k], planes[p, k + width], carry)
        width //= 2
    for d in range(LANES):
        out[d] = 0
    for p in range(planes.shape[0]):
        word = planes[p, 0]
        for k in range(COLUMNS):
            planes[p, k] = 0
        for d in range(LANES):
            out[d] += np.int64((word >> np.uint64(d)) & np.uint64(1)) << p


@njit
def negatives(padded: Any, spans: Any, terms: Any, rows: Any, offsets: Any, out: Any) -> None:
    """Put into ``out`` (64, operators) how many products of each operator are −1 in each configuration.

    Parameters
    ----------
    padded : uint64 array (padded sites,)
    spans : int64 array (operators, 3)
        Which of the terms are its own (begin, end), and how many products they have in all.
    terms : int64 array (terms, 5)
        Its rows among ``rows`` (begin, end), their length, its factors among ``offsets`` (begin, end).
    rows, offsets : int64 arrays, flat places in the padded lattice
    """
    planes = np.zeros((64, COLUMNS), np.uint64)
    carry = np.empty(COLUMNS, np.uint64)
    buffer = np.zeros((16, COLUMNS), np.uint64)
    flat = buffer.reshape(buffer.size)
    for operator in range(spans.shape[0]):
        depth, most = 5, (spans[operator, 2] // flat.size + 1) * 16  # one column counts no further
        while most >> depth:
            depth += 1
        filled, left = 0, spans[operator, 2]
        for t in range(spans[operator, 0], spans[operator, 1]):
            factors = offsets[terms[t, 3] : terms[t, 4]]
            for r in range(terms[t, 0], terms[t, 1]):
                done = 0
                while done < terms[t, 2]:
                    take = min(terms[t, 2] - done, flat.size - filled)
                    into, place = flat[filled : filled + take], rows[r] + done
                    first = padded[place + factors[0] : place + factors[0] + take]
                    if factors.size == 1:
                        for j in range(take):
                            into[j] = first[j]
                    else:
                        second = padded[place + factors[1] : place + factors[1] + take]
                        for j in range(take):
                            into[j] = first[j] ^ second[j]
                        for k in range(2, factors.size):
                            other = padded[place + factors[k] : place + factors[k] + take]
                            for j in range(take):
                                into[j] ^= other[j]
                    done, filled, left = done + take, filled + take, left - take
                    if filled == flat.size or left == 0:
                        for j in range(filled, flat.size):
                            flat[j] = 0
                        _absorb(buffer, planes[:depth], carry)
                        filled = 0
        _collect(planes[: depth + COLUMN_BITS], out[:, operator])
