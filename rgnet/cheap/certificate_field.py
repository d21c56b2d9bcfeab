"""The certificate's linear algebra where neurons have biases of their own: over Q(E), or with 100 digits.

E is transcendental (`rgnet.cheap.certificate_system`), so that a determinant vanishes iff it vanishes as a polynomial
of E. At one value of E modulo a prime the rank is never above the true one; hence if there the rows that must vanish
have the rank of all m columns, they have it, and no output weights are left: impossible, proved. Otherwise that value
tells which square system to solve over Q(E), and the solution is put into all rows as polynomials of E.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import sympy
from sympy.polys.matrices import DomainMatrix

from rgnet.cheap import certificate_algebra as algebra
from rgnet.cheap.activations import Activation
from rgnet.cheap.certificate_system import Columns, Poly, System
from rgnet.cheap.network import to_mpf

Array = npt.NDArray[Any]

_E = sympy.Symbol("E")
_RING = sympy.ZZ[_E]
_FIELD = sympy.QQ.frac_field(_E)
_LARGEST, _LARGEST_WITNESS = 12, 5  # square systems over Q(E)
_POINTS = (1234567, 987654, 3141592)
_DIGITS = 100


@dataclass(frozen=True)
class Proved:
    """A decision over Q(E); weights and combination are elements of the field."""

    possible: bool
    rank: int
    unique: bool
    weights: tuple[Any, ...] | None
    combination: Mapping[int, Any] | None


def decide(matrix: System, known: Columns) -> Proved | None:
    """Whether output weights exist, proved; None where the systems are too large for that."""
    size = matrix.size
    for prime, point in zip(algebra.PRIMES, _POINTS, strict=False):
        factors = _at(known, point, prime)

        def residues(indices: Sequence[int], _: int, prime: int = prime, factors: Array = factors) -> Array:
            return matrix.reduced(matrix.exponents[list(indices)], prime, factors).astype(np.float64)

        pivots = algebra.independent(len(matrix.exponents), residues, size, prime)
        rank = len(pivots)
        target = matrix.reduced(np.ones((1, matrix.n), dtype=np.int64), prime, factors).astype(np.float64)
        basis = np.concatenate([residues(pivots, prime), target])
        found = algebra.eliminate(basis, prime)
        independent = rank in found.rows
        if rank == size and (rank > _LARGEST_WITNESS or _degree(known) * rank > 200):
            return Proved(False, rank, False, None, None)
        if rank + independent > _LARGEST:
            return None
        exponents = np.concatenate([matrix.exponents[pivots], np.ones((1, matrix.n), dtype=np.int64)])
        exact = [[_entry(matrix, known, r, j) for j in range(size)] for r in exponents]
        if independent:
            square = [[exact[i][j] for j in found.columns] for i in range(rank + 1)]
            solved = _solve(square, [_RING.zero] * rank + [_RING.one])
            if solved is None:
                continue
            weights = [_FIELD.zero] * size
            for column, value in zip(found.columns, solved, strict=True):
                weights[column] = value
            if _vanishes(matrix, known, found.columns, solved):
                return Proved(True, rank, rank + 1 == size, tuple(weights), None)
        else:
            order = sorted(found.rows)
            square = [[exact[i][j] for i in order] for j in found.columns]
            solved = _solve(square, [exact[-1][j] for j in found.columns])
            if solved is not None and all(
                sum((c * _lifted(exact[i][j]) for c, i in zip(solved, order, strict=True)), _FIELD.zero)
                == _lifted(exact[-1][j])
                for j in range(size)
            ):
                return Proved(
                    False, rank, False, None,
                    {pivots[i]: number(c, known.element) for c, i in zip(solved, order, strict=True) if c},
                )  # fmt: skip
    return None


def number(value: Any, element: Any) -> Any:
    """An element of Q(E), a polynomial of E as {power: coefficient}, or a SymPy number, as a SymPy number."""
    if isinstance(value, dict):
        return sum((c * element**e for e, c in value.items()), sympy.Integer(0))
    if isinstance(value, sympy.Basic):
        return value
    return _FIELD.to_sympy(value).subs(_E, element)


def numerical(matrix: System, sigma: Activation, biases: Sequence[Any]) -> tuple[bool, int, bool, list[Any] | None]:
    """Elimination with full pivoting at 100 digits: possible, rank, unique, output weights."""
    n, size = matrix.n, matrix.size
    with mpmath.workdps(_DIGITS):
        points = [to_mpf(b) for b in biases]
        factor = [[mpmath.factorial(k) * value for k, value in enumerate(sigma.taylor(n, b, _DIGITS))] for b in points]
        exponents = [*map(tuple, matrix.exponents.tolist()), (1,) * n]
        rows = [[factor[j][sum(r)] * _integer(matrix, r, j) for j in range(size)] + [mpmath.mpf(0)] for r in exponents]
        rows[-1][-1] = mpmath.mpf(1)
        for row in rows:
            top = max(abs(x) for x in row[:-1])
            if top:
                row[:] = [x / top for x in row]
        target, rows = rows[-1], rows[:-1]
        small = mpmath.mpf(10) ** (-_DIGITS // 2)
        done: list[tuple[int, list[Any]]] = []
        while rows and len(done) < size:
            i, j = max(
                ((i, j) for i in range(len(rows)) for j in range(size)), key=lambda place: abs(rows[place[0]][place[1]])
            )
            pivot = rows.pop(i)
            if abs(pivot[j]) < small:
                break
            done.append((j, pivot))
            for row in [*rows, target]:
                c = row[j] / pivot[j]
                if c:
                    row[:] = [x - c * y for x, y in zip(row, pivot, strict=True)]
                    row[j] = mpmath.mpf(0)
        rank = len(done)
        column = max(range(size), key=lambda j: abs(target[j]))
        if abs(target[column]) < small:
            return False, rank, False, None
        solution = [mpmath.mpf(0)] * size
        for j, row in [(column, target), *reversed(done)]:
            solution[j] = (row[-1] - sum(row[k] * solution[k] for k in range(size) if k != j)) / row[j]
        return True, rank, rank + 1 == size, solution


def _at(known: Columns, point: int, prime: int) -> Array:
    """Derivatives (n + 1, neurons) at a value of E modulo a prime."""
    values = [
        [sum(c * pow(point, e, prime) for e, c in (item or {}).items()) % prime for item in row]
        for row in known.numerators
    ]
    return np.array(values, dtype=np.int64)


def _degree(known: Columns) -> int:
    return max((max(item) for row in known.numerators for item in row if item), default=0)


def _integer(matrix: System, exponents: Sequence[int], j: int) -> int:
    value = 1
    for a, r in zip(matrix.weights[j], exponents, strict=True):
        value *= int(a) ** int(r)
    return value


def _polynomial(item: Poly | None) -> Any:
    return _RING.ring.from_dict({(e,): sympy.ZZ(int(c)) for e, c in (item or {}).items()})


def _entry(matrix: System, known: Columns, exponents: Any, j: int) -> Any:
    return _polynomial(known.numerators[int(sum(exponents))][j]) * _integer(matrix, exponents, j)


def _lifted(value: Any) -> Any:
    return _FIELD.convert_from(value, _RING)


def _solve(square: list[list[Any]], right: list[Any]) -> list[Any] | None:
    """The solution over Q(E) of a square system over Z[E]; None where it is singular."""
    size = len(square)
    table = DomainMatrix(square, (size, size), _RING)
    try:
        numerators, denominator = table.solve_den(DomainMatrix([[x] for x in right], (size, 1), _RING))
    except (ZeroDivisionError, ValueError, sympy.polys.matrices.exceptions.DMError):
        return None
    if not denominator:
        return None
    below = _lifted(denominator)
    return [_lifted(row[0]) / below for row in numerators.to_list()]


def _vanishes(matrix: System, known: Columns, columns: Sequence[int], solved: Sequence[Any]) -> bool:
    for r in matrix.exponents:
        total = _FIELD.zero
        for value, j in zip(solved, columns, strict=True):
            if value:
                total = total + value * _lifted(_entry(matrix, known, r, j))
        if total:
            return False
    return True
