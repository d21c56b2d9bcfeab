"""Polynomials as tables of terms, read from text, SymPy, NumPy and arrays of coefficients.

A term is {exponents: coefficient}; coefficients are Fractions, so that 1/3 and every float are exact, or mpf of 80
digits where they are irrational (π, √2).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy

from rgnet.cheap import expressions
from rgnet.cheap.errors import CheapError
from rgnet.cheap.scheduling import DIGITS, number

Exponents = tuple[int, ...]
Terms = dict[Exponents, Any]

MOST_TERMS = 5_000
_NEGLIGIBLE = 10.0 ** (10 - DIGITS)


@dataclass(frozen=True)
class Polynomials:
    """Several polynomials of the same variables.

    Attributes
    ----------
    variables : tuple of str
    formulae : tuple of SymPy expressions or None
        As they were written; None for coefficients.
    tables : tuple of dict, or None
        Terms of each, unless they were not to be expanded.
    """

    variables: tuple[str, ...]
    formulae: tuple[Any, ...]
    tables: tuple[Terms, ...] | None


def read(given: Any, variables: Sequence[str] | None = None, expand: bool = True) -> Polynomials:
    """Read one polynomial or several.

    Parameters
    ----------
    given : text, SymPy expression or Poly, numpy.poly1d, a class of numpy.polynomial, array; or a list of such
        Entry [i, j, …] of an array of coefficients is that of x^i y^j …; a list of numbers is such an array.
    variables : sequence of str, optional
        The inputs, in order; by default those that occur, sorted.
    expand : bool
        Multiply out. If not, only formulae can be read.

    Raises
    ------
    CheapError
        If something is no polynomial, has more than 5000 terms, or other variables than given.
    """
    items = list(given) if isinstance(given, list | tuple) and not _all_numbers(given) else [given]
    if not items:
        raise CheapError("no polynomial is given: give one, or a list of at least one")
    formulae = [_formula(item) for item in items]
    arrays = [
        None if formula is not None else _coefficients(item) for item, formula in zip(items, formulae, strict=True)
    ]
    occurring = {str(symbol) for formula in formulae if formula is not None for symbol in formula.free_symbols}
    dimensions = max((array.ndim for array in arrays if array is not None), default=0)
    occurring |= set(_axes(dimensions, occurring))
    names = tuple(sorted(occurring, key=_natural)) if variables is None else tuple(map(str, variables))
    if len(set(names)) < len(names):
        raise CheapError(f"variables={list(names)}: a name occurs twice; give each once")
    if missing := sorted(occurring - set(names)):
        raise CheapError(f"variables={list(names)}: {', '.join(missing)} occurs too; name every variable")
    names = names or ("x",)
    if not expand:
        if any(formula is None for formula in formulae):
            raise CheapError("expand=False: coefficients are expanded already; give a formula")
        for formula in formulae:
            _check(formula)
        return Polynomials(names, tuple(formulae), None)
    tables = []
    for formula, array in zip(formulae, arrays, strict=True):
        if formula is not None:
            place = {name: i for i, name in enumerate(names)}
            tables.append(_clean(_terms(formula, place)))
        else:
            tables.append(_from_array(array, names))
    return Polynomials(names, tuple(formulae), tuple(tables))


def _all_numbers(given: Any) -> bool:
    return bool(given) and all(isinstance(item, int | float | np.number | Fraction) for item in given)


def _natural(name: str) -> tuple[Any, ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name) if part)


def _axes(dimensions: int, taken: set[str]) -> list[str]:
    """Names of an array's axes: x, y, z, or x0, x1, and so on."""
    if not dimensions:
        return []
    return ["x", "y", "z"][:dimensions] if dimensions <= 3 else [f"x{i}" for i in range(dimensions)]


def _formula(item: Any) -> Any:
    """A SymPy expression, or None for what is coefficients."""
    if isinstance(item, str):
        return expressions.parse(item)
    if isinstance(item, sympy.Poly):
        return item.as_expr()
    if isinstance(item, sympy.Expr):
        return item
    if isinstance(item, int | float | Fraction | np.number) and not isinstance(item, bool):
        return sympy.sympify(number(item))
    return None


def _coefficients(item: Any) -> Any:
    """An array of coefficients, lowest powers first."""
    if isinstance(item, np.poly1d):
        item = item.coeffs[::-1]
    elif hasattr(item, "convert") and hasattr(item, "domain"):
        plain = item.convert(kind=np.polynomial.Polynomial)
        item = plain.coef if isinstance(item, np.polynomial.Polynomial) else np.trim_zeros(plain.coef, "b")
    elif isinstance(item, list | tuple):
        item = np.array([number(value) for value in item], dtype=object)
    array = np.asarray(item)
    if array.ndim == 0 or array.size == 0 or array.dtype.kind not in "iufO":
        raise CheapError(
            f'{type(item).__name__} {str(item)[:60]!r} is no polynomial: give a text such as "x*y*z + 2*x**3", a SymPy '
            f"expression, a NumPy polynomial, or an array whose entry [i, j] is the coefficient of x^i y^j"
        )
    return array


def _from_array(array: Any, names: Sequence[str]) -> Terms:
    axes = [list(names).index(name) for name in _axes(array.ndim, set())]
    if int((array != 0).sum()) > MOST_TERMS:
        raise _too_many(int((array != 0).sum()), formula=False)
    found: Terms = {}
    for place in np.argwhere(array != 0).tolist():
        powers = [0] * len(names)
        for axis, power in zip(axes, place, strict=True):
            powers[axis] = power
        found[tuple(powers)] = number(array[tuple(place)])
    return found


def _not_polynomial(part: Any) -> CheapError:
    return CheapError(
        f"{str(part)[:60]!r} is no polynomial: only sums, products and whole powers from 0 on of the variables are "
        f"compiled; take a Taylor series of it first, as sympy.series(…).removeO() does"
    )


def _check(formula: Any) -> None:
    """Refuse what is no polynomial, without multiplying out."""
    if not formula.free_symbols:
        number(formula)
    elif formula.is_Add or formula.is_Mul:
        for part in formula.args:
            _check(part)
    elif formula.is_Pow and formula.exp.is_Integer and formula.exp > 0:
        _check(formula.base)
    elif not formula.is_Symbol:
        raise _not_polynomial(formula)


def _terms(formula: Any, place: dict[str, int]) -> Terms:
    """Multiply out."""
    zero = (0,) * len(place)
    if not formula.free_symbols:
        value = number(formula)
        return {zero: value} if value else {}
    if formula.is_Symbol:
        powers = [0] * len(place)
        powers[place[str(formula)]] = 1
        return {tuple(powers): Fraction(1)}
    if formula.is_Add:
        total: Terms = {}
        for part in formula.args:
            for powers_, c in _terms(part, place).items():
                total[powers_] = _plus(total.get(powers_, 0), c)
        return _clean(_limited(total))
    if formula.is_Mul:
        result: Terms = {zero: Fraction(1)}
        for part in sorted((_terms(part, place) for part in formula.args), key=len):
            result = _times(result, part)
        return result
    if formula.is_Pow and formula.exp.is_Integer and formula.exp > 0:
        base, power = _terms(formula.base, place), int(formula.exp)
        degree, n = power * max((sum(key) for key in base), default=0), len(place)
        most = min(math.comb(len(base) - 1 + power, power), math.comb(n + degree, n)) if base else 0
        if most > MOST_TERMS:
            raise _too_many(most)
        result = {zero: Fraction(1)}
        for bit in bin(power)[2:]:
            result = _times(result, result)
            result = _times(result, base) if bit == "1" else result
        return result
    raise _not_polynomial(formula)


def _plus(a: Any, b: Any) -> Any:
    with mpmath.workdps(DIGITS):
        return a + b


def _times(a: Terms, b: Terms) -> Terms:
    found: Terms = {}
    if len(a) * len(b) > 400 * MOST_TERMS:
        raise _too_many(len(a) * len(b))
    with mpmath.workdps(DIGITS):
        for left, c in a.items():
            for right, d in b.items():
                key = tuple(i + j for i, j in zip(left, right, strict=True))
                found[key] = found[key] + c * d if key in found else c * d
    return _clean(_limited(found))


def _clean(terms: Terms) -> Terms:
    """Without zeros, and without what is left where irrational coefficients cancel."""
    size = max((float(abs(c)) for c in terms.values()), default=0.0)
    return {
        key: c
        for key, c in terms.items()
        if c and (isinstance(c, Fraction) or float(abs(c)) > size * _NEGLIGIBLE)
    }  # fmt: skip


def _limited(terms: Terms) -> Terms:
    if len(terms) > MOST_TERMS:
        raise _too_many(len(terms))
    return terms


def _too_many(count: int, formula: bool = True) -> CheapError:
    way = "; expand=False compiles the formula as it is written, without multiplying it out" if formula else ""
    return CheapError(f"a polynomial of up to {count} terms: at most {MOST_TERMS} are enumerated{way}")
