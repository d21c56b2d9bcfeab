"""Exact linear algebra over the rationals: whether one row is a combination of others, and which.

Given rows A' that must vanish on w and one row t with t·w = 1, there are two cases, each with its own proof:

    possible     w with A'w = 0 and t·w = 1 ,
    impossible   c with cA' = t : then t·w = c(A'w) = 0 for every such w.

Which of the two it is, and by which rows and columns, is read from an elimination modulo a prime below 2^22, so that
float64 holds every product of 64 terms and BLAS can be used. The square system that is left is solved over the
rationals by p-adic lifting (Dixon 1982, Numer. Math. 40, 137), and the answer is checked in whole numbers: the
decision never rests on the prime. A rank modulo a prime is never above the true one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt, lcm
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.cheap.errors import CheapError

Array = npt.NDArray[Any]
Rows = Callable[[Sequence[int]], Array]  # indices -> whole numbers (rows, m), int64 or Python's
Residues = Callable[[Sequence[int], int], Array]  # indices and a prime -> the same modulo it, as float64

PRIMES = (4194301, 4194287, 4194277, 4194271, 4194247)
_PANEL = 64
_CHUNK = 2048
_INT64 = 2**62
_MOST_EFFORT = 2e9


@dataclass(frozen=True)
class Elimination:
    """Pivots of a matrix modulo a prime."""

    rows: list[int]
    columns: list[int]
    table: Array


@dataclass(frozen=True)
class Decision:
    """What `decide` proves.

    Attributes
    ----------
    weights : list of Fraction, or None
        w, where possible.
    combination : dict {row: Fraction}, or None
        c, where impossible. None as well where the rows have the rank of all columns, which is proof enough, and the
        fractions would be too long.
    rank : int
        Of the rows that must vanish.
    unique : bool
        Whether w is the only solution.
    """

    weights: list[Fraction] | None
    combination: dict[int, Fraction] | None
    rank: int
    unique: bool


def decide(count: int, rows: Rows, residues: Residues, target: Array, size: int) -> Decision:
    """Whether some w has rows·w = 0 and target·w = 1, with the proof.

    Parameters
    ----------
    count : int
        Number of rows that must vanish.
    rows, residues : callables
        Rows by their indices, exactly and modulo a prime.
    target : array (size,) of whole numbers
    size : int
        Number of columns.

    Raises
    ------
    CheapError
        If five primes in turn mislead (which chance does not do).
    """
    for prime in PRIMES:
        pivots = independent(count, residues, size, prime)
        rank = len(pivots)
        basis = np.concatenate([np.asarray(rows(pivots)).reshape(rank, size), np.asarray(target)[None]])
        found = eliminate(modulo(basis, prime), prime)
        if rank in found.rows:
            order = [*sorted(set(found.rows) - {rank}), rank]
            square = basis[np.ix_(order, found.columns)]
            if effort(square) > 5 * _MOST_EFFORT:
                raise CheapError(
                    f"a layer of {size} neurons with weights of so many digits takes too long: round them (floats are "
                    f"taken as binary fractions of 53 bits), to whole numbers for instance"
                )
            solution = lift(square, [0] * rank + [1], prime)
            if solution is None:
                continue
            weights = [Fraction(0)] * size
            for column, value in zip(found.columns, solution, strict=True):
                weights[column] = value
            if _vanishes(count, rows, weights):
                return Decision(weights, None, rank, rank + 1 == size)
        else:
            square = basis[np.ix_(found.rows, found.columns)]
            if rank == size and effort(square) > _MOST_EFFORT:
                # all columns independent modulo a prime, so they are: no w but 0. That is proof enough
                return Decision(None, None, rank, False)
            solution = lift(square.T, [int(x) for x in target[found.columns]], prime)
            if solution is not None and _combines(basis[found.rows], solution, target):
                kept = {pivots[row]: value for row, value in zip(found.rows, solution, strict=True) if value}
                return Decision(None, kept, rank, False)
    raise CheapError("the primes tried divide the determinants of this layer: scale its weights by other numbers")


def independent(count: int, residues: Residues, size: int, prime: int) -> list[int]:
    """Indices of rows that span all of them modulo a prime; no more are read once they span everything."""
    pivots: list[int] = []
    chunk = max(_CHUNK, 2 * size)
    for begin in range(0, count, chunk):
        trial = [*pivots, *range(begin, min(begin + chunk, count))]
        pivots = [trial[row] for row in sorted(eliminate(residues(trial, prime), prime).rows)]
        if len(pivots) == size:
            break
    return pivots


def eliminate(matrix: Array, prime: int) -> Elimination:
    """Gauss–Jordan elimination in place modulo a prime, in panels of columns.

    Parameters
    ----------
    matrix : float64 array (r, m), entries 0 … prime − 1

    Returns
    -------
    Elimination
        Row and column of each pivot in order, and the table: where the matrix is square and regular,
        inverse[k, rows[l]] = table[rows[k], l].
    """
    table = np.array(matrix, dtype=np.float64)
    free = np.ones(len(table), dtype=bool)
    rows: list[int] = []
    columns: list[int] = []
    for begin in range(0, table.shape[1], _PANEL):
        panel = table[:, begin : begin + _PANEL].copy()
        used: list[int] = []
        places: list[int] = []
        for j in range(panel.shape[1]):
            choices = np.flatnonzero(free & (panel[:, j] != 0))
            if not len(choices):
                continue
            row = int(choices[0])
            inverse = pow(int(panel[row, j]), -1, prime)
            line = panel[row] * inverse % prime
            line[j] = inverse
            factor = panel[:, j].copy()
            factor[row] = 0
            panel[:, j] = 0
            touched = np.flatnonzero(factor)
            panel[touched] = (panel[touched] - factor[touched, None] * line) % prime
            panel[row] = line
            free[row] = False
            used.append(row)
            places.append(j)
        if not used:
            continue
        moved = panel[:, places]
        heads = table[used]
        table[used] = 0
        # at most 64 products below 2^44 each: exact in float64
        table = (table + moved @ heads) % prime
        table[:, begin : begin + _PANEL] = panel
        rows += used
        columns += [begin + j for j in places]
    return Elimination(rows, columns, table)


def lift(square: Array, right: Sequence[int], prime: int) -> list[Fraction] | None:
    """The rational solution x of square · x = right, or None where the matrix is singular modulo the prime."""
    size = len(square)
    if not size:
        return []
    found = eliminate(modulo(square, prime), prime)
    if len(found.rows) < size:
        return None
    inverse = np.empty((size, size))
    inverse[np.ix_(range(size), found.rows)] = found.table[found.rows]
    largest = max(int(np.abs(square).max()), 1)
    fast = size * largest * prime < _INT64
    exact = square.astype(np.int64 if fast else object)
    rest = np.array([int(x) for x in right], dtype=object)
    value = np.zeros(size, dtype=object)
    power, attempt, digits = 1, 2, 0
    bits = size * (largest.bit_length() + size.bit_length()) + 64  # of Hadamard's bound and the right side
    bits += max(int(abs(x)).bit_length() for x in rest) * 2
    while True:
        digit = _times(inverse, (rest % prime).astype(np.float64), prime).astype(np.int64)
        value = value + digit.astype(object) * power
        step = exact @ (digit if fast else digit.astype(object))
        rest = (rest - step.astype(object)) // prime
        power *= prime
        digits += 1
        enough = power.bit_length() > 2 * bits + 128
        if digits >= attempt or enough:
            attempt = 2 * digits
            solution = _rational(value, power)
            if solution is not None and _solves(exact, solution, right):
                return solution
            if enough:
                return None


def effort(square: Array) -> float:
    """Multiplications that `lift` takes at most; those of long numbers count fifty."""
    size = max(len(square), 1)
    bits = max((int(abs(x)) for x in square.ravel()), default=1).bit_length()
    digits = 2 * size * (bits + size.bit_length()) / 22
    return digits * size**2 * (1 if square.dtype != object and bits + 22 + size.bit_length() < 62 else 50)


def modulo(matrix: Array, prime: int) -> Array:
    """Whole numbers modulo a prime, as float64."""
    return np.asarray(np.asarray(matrix) % prime, dtype=np.float64)


def _times(matrix: Array, vector: Array, prime: int) -> Array:
    """Matrix times vector modulo the prime; 256 products below 2^44 are exact in float64."""
    total = np.zeros(len(matrix))
    for begin in range(0, len(vector), 256):
        total += (matrix[:, begin : begin + 256] @ vector[begin : begin + 256]) % prime
    return total % prime


def _rational(values: Array, modulus: int) -> list[Fraction] | None:
    """Fractions of numerator and denominator below √(modulus/2) that the residues stand for, if there are."""
    bound = isqrt(modulus // 2)
    common, result = 1, []
    for value in values:
        scaled = int(value) * common % modulus
        if scaled > modulus // 2:
            scaled -= modulus
        if abs(scaled) <= bound:
            result.append(Fraction(scaled, common))
            continue
        a, b, u, v = modulus, scaled % modulus, 0, 1
        while b > bound:
            q = a // b
            a, b, u, v = b, a - q * b, v, u - q * v
        if v == 0 or abs(v) * common > bound:
            return None
        result.append(Fraction(b, v) / common)
        common *= abs(v)
    return result


def whole(values: Sequence[Fraction]) -> tuple[Array, int]:
    """Fractions as whole numbers over one denominator."""
    denominator = lcm(*(value.denominator for value in values)) if values else 1
    return np.array([int(value * denominator) for value in values], dtype=object), denominator


def _product(matrix: Array, vector: Array) -> Array:
    """Matrix times a vector of Python's whole numbers, in int64 where that cannot overflow."""
    if matrix.dtype != object:
        top = max(int(np.abs(matrix).max(initial=0)), 1)
        if top * max((abs(int(x)) for x in vector), default=0) * max(len(vector), 1) < _INT64:
            return np.asarray(matrix @ vector.astype(np.int64))
    return np.asarray(matrix.astype(object) @ vector)


def _solves(square: Array, solution: list[Fraction], right: Sequence[int]) -> bool:
    numbers, denominator = whole(solution)
    return all(int(a) == int(b) * denominator for a, b in zip(_product(square, numbers), right, strict=True))


def _combines(basis: Array, solution: list[Fraction], target: Array) -> bool:
    return _solves(basis.T, solution, [int(x) for x in target])


def _vanishes(count: int, rows: Rows, weights: list[Fraction]) -> bool:
    numbers, _ = whole(weights)
    for begin in range(0, count, _CHUNK):
        if (_product(rows(range(begin, min(begin + _CHUNK, count))), numbers) != 0).any():
            return False
    return True
