"""Spins as bits: int8 ±1 from and to words of 64 bits, a bit set for +1.

`words_of` and `spins_of` take 64 rows of spins (bit b of word j is spin j of row b) in loops that LLVM vectorises.
"""

from typing import Any

import numpy as np

from rgnet._jit import njit


@njit
def words_of(spins: Any, begin: int, row: int, step: int, n_rows: int, words: Any) -> None:
    """Bit b of ``words[j]`` from ``spins[begin + b·row + j·step]``, b < n_rows ≤ 64; other bits are 0."""
    words[:] = 0
    for b in range(n_rows):
        first = begin + b * row
        shift = np.uint64(b)
        if step == 1:
            line = spins[first : first + words.size]
            for j in range(words.size):
                words[j] |= np.uint64(line[j] > 0) << shift
        else:
            for j in range(words.size):
                words[j] |= np.uint64(spins[first + j * step] > 0) << shift


@njit
def spins_of(words: Any, spins: Any, begin: int, row: int, step: int, n_rows: int) -> None:
    """The inverse of `words_of`."""
    one = np.uint64(1)
    for b in range(n_rows):
        first = begin + b * row
        shift = np.uint64(b)
        if step == 1:
            line = spins[first : first + words.size]
            for j in range(words.size):
                line[j] = np.int8(np.int64((words[j] >> shift) & one) * 2 - 1)
        else:
            for j in range(words.size):
                spins[first + j * step] = np.int8(np.int64((words[j] >> shift) & one) * 2 - 1)
