"""Kernels of `rgnet.flow.couplings`: the local field of every spin as one whole number, and its histogram."""

from typing import Any

from rgnet._jit import njit


@njit
def local_keys(
    x: Any, rows: Any, length: int, offsets: Any, starts: Any, weights: Any, shift: int, halve: int, keys: Any
) -> None:
    """keys[n, site] = (s Σ_p weights[p] Π_k x[site + offsets[k]] + shift) >> halve, k from starts[p] to starts[p + 1].

    x : (n, padded sites) int8; rows : start of each row; keys : (n, sites) int64, also the workspace. A product of no
    factors is 1. Products are added row by row, which LLVM vectorises.
    """
    for n in range(x.shape[0]):
        flat = x[n]
        for r in range(rows.size):
            start = rows[r]
            row = keys[n, r * length : (r + 1) * length]
            row[:] = 0
            for p in range(weights.size):
                weight = weights[p]
                k = starts[p]
                degree = starts[p + 1] - k
                if degree == 0:
                    for j in range(length):
                        row[j] += weight
                elif degree == 1:
                    first = flat[start + offsets[k] : start + offsets[k] + length]
                    for j in range(length):
                        row[j] += weight * first[j]
                elif degree == 2:
                    first = flat[start + offsets[k] : start + offsets[k] + length]
                    second = flat[start + offsets[k + 1] : start + offsets[k + 1] + length]
                    for j in range(length):
                        row[j] += weight * (first[j] * second[j])
                elif degree == 3:
                    first = flat[start + offsets[k] : start + offsets[k] + length]
                    second = flat[start + offsets[k + 1] : start + offsets[k + 1] + length]
                    third = flat[start + offsets[k + 2] : start + offsets[k + 2] + length]
                    for j in range(length):
                        row[j] += weight * (first[j] * second[j] * third[j])
                else:
                    for j in range(length):
                        product = weight
                        for q in range(k, k + degree):
                            product = product * flat[start + j + offsets[q]]
                        row[j] += product
            own = flat[start : start + length]
            for j in range(length):
                row[j] = (own[j] * row[j] + shift) >> halve


@njit
def tally(keys: Any, counts: Any) -> None:
    """Add to ``counts`` the number of occurrences of each key (flat)."""
    for j in range(keys.size):
        counts[keys[j]] += 1


@njit
def tally_hashed(keys: Any, weights: Any, table: Any, counts: Any) -> int:
    """Add the weight of each key (flat arrays) to its count; returns how many keys were new.

    ``table`` holds the keys met so far, −1 where free; its size is a power of two and it never fills up. A key's search
    begins at the high bits of its product with 2⁶⁴/golden ratio (Fibonacci hashing, Knuth) and moves on by one.
    """
    mask = table.size - 1
    new = 0
    for j in range(keys.size):
        key = keys[j]
        slot = ((key * -7046029254386353131) >> 24) & mask
        while table[slot] != key:
            if table[slot] == -1:
                table[slot] = key
                new += 1
                break
            slot = (slot + 1) & mask
        counts[slot] += weights[j]
    return new
