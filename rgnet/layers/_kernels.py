"""Kernels of the majority of spins ±1: bytes in, bytes out, in loops of which LLVM makes vectors."""

from typing import Any

import numpy as np

from rgnet._jit import njit

_GROUP = 1 << 14  # bytes of block sums at a time: they stay in the first cache


@njit
def block_signs(x: Any, rows: Any, length: int, b: int, out: Any) -> Any:
    """Sign of the sum of each block of spins ±1, with 0 for a tie; whether all spins are ±1 indeed.

    Parameters
    ----------
    x : int8 array (n, N)
    rows : int64 array (coarse rows, b**(d − 1))
        Where the fine rows begin that make each coarse row; in one dimension twice the same.
    length, b : sites of a fine row, side of a block; b**d is below 64
    out : int8 array (n, coarse sites)
    """
    sites = length // b
    group = max(1, _GROUP // length)
    total = np.empty(min(group, rows.shape[0]) * length, np.int8)
    wrong = np.uint8(0)
    for n in range(x.shape[0]):
        for begin in range(0, rows.shape[0], group):
            end = min(begin + group, rows.shape[0])
            for r in range(begin, end):
                one = x[n, rows[r, 0] : rows[r, 0] + length]
                two = x[n, rows[r, 1] : rows[r, 1] + length]
                into = total[(r - begin) * length : (r - begin + 1) * length]
                for j in range(length):
                    # 1 + 1 is 2 and −1 + 1 is 0; any other value leaves another bit
                    wrong |= np.uint8(((one[j] + 1) | (two[j] + 1)) & 0xFD)
                    into[j] = one[j] + two[j]
                for k in range(2, rows.shape[1]):
                    more = x[n, rows[r, k] : rows[r, k] + length]
                    for j in range(length):
                        wrong |= np.uint8((more[j] + 1) & 0xFD)
                        into[j] += more[j]
            signs = out[n, begin * sites : end * sites]
            if b == 2:
                for j in range(signs.size):
                    s = total[2 * j] + total[2 * j + 1]
                    signs[j] = min(max(s, -1), 1)
            elif b == 3:
                for j in range(signs.size):
                    s = total[3 * j] + total[3 * j + 1] + total[3 * j + 2]
                    signs[j] = min(max(s, -1), 1)
            else:
                for j in range(signs.size):
                    s = total[b * j]
                    for k in range(1, b):
                        s += total[b * j + k]
                    signs[j] = min(max(s, -1), 1)
    return wrong == 0


@njit
def take_first(x: Any, rows: Any, length: int, b: int, signs: Any) -> None:
    """Replace each 0 of ``signs`` by the first spin of its block."""
    sites = length // b
    for n in range(x.shape[0]):
        for r in range(rows.shape[0]):
            one = x[n, rows[r, 0] : rows[r, 0] + length]
            into = signs[n, r * sites : (r + 1) * sites]
            for j in range(sites):
                into[j] = one[b * j] if into[j] == 0 else into[j]


@njit
def toss(signs: Any, coins: Any) -> None:
    """Replace each 0 of ``signs`` by the next of the coins 0 and 1, as −1 and 1; ``coins`` end with one to spare."""
    used = np.uint64(0)
    for i in range(np.uint64(signs.size)):
        sign, coin = signs[i], coins[used]
        signs[i] = 2 * coin - 1 if sign == 0 else sign
        used += np.uint64(sign == 0)
