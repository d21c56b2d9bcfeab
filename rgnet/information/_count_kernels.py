"""Counting small non-negative integers in one pass."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet._jit import njit

Array = npt.NDArray[Any]

LANES = 4  # tables that take turns: a symbol that repeats does not wait for its own last store


@njit
def count_small(x: Array, tables: Array) -> bool:
    """Add the counts of x to (lanes, size) tables, size a power of two.

    False, and the tables spoilt, where a value is not in [0, size).
    """
    # As unsigned numbers negative ones are large. No branch inside: what is too large is seen at the end
    mask = np.uint64(tables.shape[1] - 1)
    first, second, third, fourth = tables[0], tables[1], tables[2], tables[3]
    whole = x.size - x.size % 4
    bits = np.uint64(0)
    for i in range(0, whole, 4):
        a = np.uint64(x[i])
        b = np.uint64(x[i + 1])
        c = np.uint64(x[i + 2])
        d = np.uint64(x[i + 3])
        bits |= (a | b) | (c | d)
        first[a & mask] += 1
        second[b & mask] += 1
        third[c & mask] += 1
        fourth[d & mask] += 1
    for i in range(whole, x.size):
        a = np.uint64(x[i])
        bits |= a
        first[a & mask] += 1
    return bool(bits <= mask)
