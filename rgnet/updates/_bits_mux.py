"""Which of a site's Bernoulli bits flips it: counters of unsatisfied bonds in bit slices, and a choice by them.

Bit b of a word is one site (of one chain); b0, b1, b2 … are words with the binary digits of its number of unsatisfied
bonds. `choose` picks, bit by bit, the plane (`_lanes.fill`) that belongs to this number: ``leaf`` holds where the
planes begin for each number, one row of ``leaf`` for each value of the spin.
"""

from typing import Any

from rgnet._jit import njit
from rgnet.updates._bits_tally import full_add
from rgnet.updates._bits_words import load


@njit
def pick(bit: Any, if_one: Any, if_zero: Any) -> Any:
    """Bit by bit, one or the other."""
    return if_zero ^ (bit & (if_one ^ if_zero))


@njit
def count_four(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any]:
    """Digits of the number of ones among four."""
    one, carry = full_add(a, b, c)
    other = one & d
    return one ^ d, carry ^ other, carry & other


@njit
def count_six(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> tuple[Any, Any, Any]:
    """Digits of the number of ones among six."""
    one, carry = full_add(a, b, c)
    more, other = full_add(d, e, f)
    two, four = full_add(carry, other, one & more)
    return one ^ more, two, four


@njit
def choose_five(planes: Any, leaf: Any, s: int, i: int, b0: Any, b1: Any, b2: Any) -> Any:
    """The plane of a number from 0 to 4."""
    low = pick(b0, load(planes, leaf[s, 1] + i), load(planes, leaf[s, 0] + i))
    high = pick(b0, load(planes, leaf[s, 3] + i), load(planes, leaf[s, 2] + i))
    return pick(b2, load(planes, leaf[s, 4] + i), pick(b1, high, low))


@njit
def choose_eight(planes: Any, leaf: Any, s: int, i: int, b0: Any, b1: Any, b2: Any) -> Any:
    """The plane of a number from 0 to 7 (``s`` counts rows of eight)."""
    low = pick(b0, load(planes, leaf[s, 1] + i), load(planes, leaf[s, 0] + i))
    high = pick(b0, load(planes, leaf[s, 3] + i), load(planes, leaf[s, 2] + i))
    low = pick(b1, high, low)
    middle = pick(b0, load(planes, leaf[s, 5] + i), load(planes, leaf[s, 4] + i))
    high = pick(b0, load(planes, leaf[s, 7] + i), load(planes, leaf[s, 6] + i))
    return pick(b2, pick(b1, high, middle), low)
