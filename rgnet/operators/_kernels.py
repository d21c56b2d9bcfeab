"""The kernel of `rgnet.operators.sums`: products of shifted rows, which LLVM vectorises."""

from typing import Any

from rgnet._jit import njit


@njit
def accumulate(x: Any, rows: Any, length: int, offsets: Any, out: Any, column: int) -> None:
    """Add to ``out[n, column]`` the sum over sites and terms of the product of ``x[n]`` at the term's offsets.

    x : (n, padded sites) int8, int64 or float64; rows : start of each row; offsets : (terms, factors), flat.
    """
    degree = offsets.shape[1]
    for n in range(x.shape[0]):
        flat = x[n]
        total = out[n, column]
        for t in range(offsets.shape[0]):
            for r in range(rows.size):
                start = rows[r]
                first = flat[start + offsets[t, 0] : start + offsets[t, 0] + length]
                row = total - total  # zero of the right type
                if degree == 1:
                    for j in range(length):
                        row += first[j]
                elif degree == 2:
                    second = flat[start + offsets[t, 1] : start + offsets[t, 1] + length]
                    for j in range(length):
                        row += first[j] * second[j]
                elif degree == 3:
                    second = flat[start + offsets[t, 1] : start + offsets[t, 1] + length]
                    third = flat[start + offsets[t, 2] : start + offsets[t, 2] + length]
                    for j in range(length):
                        row += first[j] * second[j] * third[j]
                else:
                    for j in range(length):
                        product = first[j] * flat[start + j + offsets[t, 1]]
                        for k in range(2, degree):
                            product = product * flat[start + j + offsets[t, k]]
                        row += product
                total += row
        out[n, column] = total
