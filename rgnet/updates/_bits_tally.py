"""Counting bits of many words, bit position by bit position: carry-save adders (Harley & Seal).

A tally holds, for each of 8 × 64 bit positions of eight words, how many ones came by, as a binary number whose digit
l is a bit of its words 8 l … 8 l + 7. Planes (eight words) come sixteen at a time, from a heap: fifteen full adders
for sixteen planes, about two instructions each.
"""

from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet.updates._bits_words import load, popcount, splat, store

HEAP = 16 * 8  # words of a full heap


@njit
def full_add(a: Any, b: Any, c: Any) -> tuple[Any, Any]:
    """Sum and carry of three bits."""
    t = a ^ b
    return t ^ c, (a & b) | (t & c)


@njit
def _four(heap: Any, i: int, one: Any, two: Any) -> tuple[Any, Any, Any]:
    """Add the planes at i, i + 8, i + 16, i + 24: new digits 0 and 1, and a carry to digit 2."""
    one, a = full_add(one, load(heap, i), load(heap, i + 8))
    one, b = full_add(one, load(heap, i + 16), load(heap, i + 24))
    two, carry = full_add(two, a, b)
    return one, two, carry


@njit
def add_sixteen(heap: Any, tally: Any) -> None:
    """Add the sixteen planes of a heap."""
    one, two, four, eight = load(tally, 0), load(tally, 8), load(tally, 16), load(tally, 24)
    one, two, a = _four(heap, 0, one, two)
    one, two, b = _four(heap, 32, one, two)
    four, e = full_add(four, a, b)
    one, two, a = _four(heap, 64, one, two)
    one, two, b = _four(heap, 96, one, two)
    four, f = full_add(four, a, b)
    eight, carry = full_add(eight, e, f)
    store(tally, 0, one)
    store(tally, 8, two)
    store(tally, 16, four)
    store(tally, 24, eight)
    for i in range(32, tally.size, 8):
        digit = load(tally, i)
        store(tally, i, digit ^ carry)
        carry = digit & carry


@njit
def add_rest(heap: Any, held: int, tally: Any) -> None:
    """Add a heap of ``held`` ≤ 16 planes."""
    if held > 0:
        for i in range(held, 16):
            store(heap, 8 * i, splat(np.uint64(0)))
        add_sixteen(heap, tally)


def digits(most: int) -> int:
    """Digits of a tally that counts to at most ``most``."""
    return max(5, int(most).bit_length())


@njit
def total(tally: Any) -> int:
    """All ones, wherever they stood."""
    count = 0
    for i in range(tally.size):
        count += popcount(tally[i]) << (i // 8)
    return count


@njit
def by_bit(tally: Any, counts: Any) -> None:
    """Ones at each of 64 bits of a word, summed over the eight words, into ``counts`` int64 (64,)."""
    digits = tally.size // 8
    summed = np.zeros(digits + 3, dtype=np.uint64)
    for lane in range(8):
        carry = np.uint64(0)
        for digit in range(digits + 3):
            a, b = summed[digit], tally[8 * digit + lane] if digit < digits else np.uint64(0)
            summed[digit] = a ^ b ^ carry
            carry = (a & b) | (carry & (a ^ b))
    counts[:] = 0
    for digit in range(digits + 3):
        word, shift = summed[digit], np.uint64(digit)
        for bit in range(64):
            counts[bit] += np.int64(((word >> np.uint64(bit)) & np.uint64(1)) << shift)
