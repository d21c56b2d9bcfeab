"""The group Z_2ⁿ of sign flips, whose operators leave a product of all variables and nothing else of low degree.

g_i turns x_i into −x_i. The one-layer product gate of Lin, Tegmark & Rolnick (2017, appendix A) is

    ∏_i (1 − g_i) σ(b + λ Σ_i x_i) ,

and (1 − g_i) sends every monomial to 0 that has an even power of x_i, to twice itself otherwise. So

    ∏_i (1 − g_i) f = 2ⁿ · (the terms of f with an odd power of every variable),

and of degree at most n that is the term of x_1 ⋯ x_n alone.

*Bits.* For x_i ∈ {0, 1} the part of 1 − g_i is taken by the difference D_i f = f(x_i=1) − f(x_i=0), and every function
of n bits is a sum of c_S ∏_{i∈S} x_i with the Möbius coefficients

    c_S = Σ_{U⊆S} (−1)^{|S|−|U|} f(U) ,     ∏_i D_i f = c_{1…n} = Σ_x (−1)^{n−|x|} f(x) .

D_i sends every monomial without x_i to 0, as before. But the bound on neurons does not carry over: it counts Taylor
coefficients, of which a smooth neuron has all those of low degree, each to be cancelled, and a function of bits has
2ⁿ values and no Taylor series. One threshold neuron, θ(Σ x_i − n + ½), *is* ∏ x_i: its Möbius coefficients are 0 but
the last. The product of n spins s_i = 1 − 2 x_i is the parity of the bits, and takes n thresholds (`parity`). What does
carry over is the degree: ∏ D_i f = 0 for any sum of functions that each depend on fewer than n bits, so no number of
neurons that hear n − 1 inputs at most computes either (Minsky & Papert 1969: parity is of order n).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from rgnet.cheap.errors import CheapError

Array = npt.NDArray[Any]

_MOST_BITS = 26


def annihilate(polynomial: Any, variables: Sequence[Any] | None = None) -> Any:
    """Apply ∏ (1 − g_i) to a polynomial.

    Parameters
    ----------
    polynomial : SymPy expression, Poly, or text
    variables : sequence of symbols or names, optional
        Those whose signs are flipped; all by default.

    Returns
    -------
    SymPy expression
        2ⁿ times the terms with an odd power of every variable.

    Raises
    ------
    CheapError
        If it is no polynomial in these variables, or a variable is named twice.

    Examples
    --------
    >>> annihilate("3*x*y + x**2*y + x + 1")
    12*x*y
    """
    table, symbols = _terms(polynomial, variables)
    for i in range(len(symbols)):
        flipped = {powers: (-1) ** powers[i] * c for powers, c in table.items()}
        table = {powers: c - flipped[powers] for powers, c in table.items()}
    return _expression(table, symbols)


def difference(polynomial: Any, variables: Sequence[Any] | None = None) -> Any:
    """Apply ∏ D_i, D_i f = f(x_i=1) − f(x_i=0): for bits the coefficient of the product of the variables.

    Parameters, errors as `annihilate`.

    Examples
    --------
    >>> difference("3*x*y + x**2*y + x + 1")
    4
    """
    table, symbols = _terms(polynomial, variables)
    for i in range(len(symbols)):
        found: dict[tuple[int, ...], Any] = {}
        for powers, c in table.items():
            if powers[i]:  # x_i^r is 1 − 0 for every r ≥ 1, and 1 − 1 for r = 0
                rest = (*powers[:i], 0, *powers[i + 1 :])
                found[rest] = found.get(rest, 0) + c
        table = found
    return _expression(table, symbols)


def moebius(values: npt.ArrayLike) -> Array:
    """Möbius coefficients c_S of a function of n bits.

    Parameters
    ----------
    values : array (2ⁿ,)
        f at x, in the order of the numbers whose binary digits are x_1 … x_n, the first the most significant.

    Returns
    -------
    array (2ⁿ,)
        c_S in the same order, S = {i: x_i = 1}; whole numbers stay whole.

    Raises
    ------
    CheapError
        If the length is no power of two.
    """
    table = np.array(values)
    n = max(table.size.bit_length() - 1, 0)
    if table.ndim != 1 or table.size != 2**n or n > _MOST_BITS:
        raise CheapError(
            f"values of shape {table.shape}: one value for each of the 2^n states of n bits, n at most {_MOST_BITS}"
        )
    if table.dtype == bool or table.dtype.kind == "u":
        table = table.astype(np.int64)
    shape = table.shape
    table = table.reshape((2,) * n)
    for i in range(n):
        low, high = np.take(table, 0, axis=i), np.take(table, 1, axis=i)
        table = np.stack([low, high - low], axis=i)
    return np.asarray(table.reshape(shape))


def states(n: int) -> Array:
    """All states of n bits in the order of `moebius`: int8 array (2ⁿ, n).

    Raises
    ------
    CheapError
        If n is none of 0 … 26.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 0 <= n <= _MOST_BITS:
        raise CheapError(f"n={n!r}: a number of bits from 0 to {_MOST_BITS}")
    numbers = np.arange(2 ** int(n))
    return ((numbers[:, None] >> np.arange(int(n))[::-1]) & 1).astype(np.int8)


def threshold_product(x: npt.ArrayLike) -> Array:
    """∏ x_i of bits (..., n) by one threshold neuron."""
    bits = np.asarray(x)
    return np.asarray(bits.sum(axis=-1) - bits.shape[-1] + 0.5 > 0).astype(np.int64)


def parity(x: npt.ArrayLike) -> Array:
    """∏ (1 − 2 x_i) of bits (..., n) by n threshold neurons: 1 + 2 Σ_k (−1)^k θ(Σ x_i − k + ½), k = 1 … n."""
    bits = np.asarray(x)
    total = bits.sum(axis=-1)[..., None]
    k = np.arange(1, bits.shape[-1] + 1)
    return np.asarray(1 + 2 * (np.where(total - k + 0.5 > 0, 1, 0) * (-1) ** k).sum(axis=-1))


def surviving(n: int, degree: int) -> int:
    """Monomials of n variables of a degree that ∏ (1 − g_i) does not send to 0: every power odd.

    C((degree − n)/2 + n − 1, n − 1) where the degree is n, n + 2, …; none otherwise.
    """
    extra = degree - n
    return math.comb(extra // 2 + n - 1, n - 1) if extra >= 0 and extra % 2 == 0 and n else 0


def _terms(polynomial: Any, variables: Sequence[Any] | None) -> tuple[dict[tuple[int, ...], Any], tuple[Any, ...]]:
    from rgnet.cheap import expressions

    value = expressions.parse(polynomial) if isinstance(polynomial, str) else polynomial
    if isinstance(value, sympy.Poly):
        value = value.as_expr()
    expression = sympy.sympify(value)
    free = {symbol.name: symbol for symbol in expression.free_symbols}
    given = sorted(free) if variables is None else [str(item) for item in variables]
    if len(set(given)) < len(given):
        raise CheapError(f"variables={given}: one is named twice")
    symbols = tuple(
        item if item in expression.free_symbols else free.get(str(item), sympy.Symbol(str(item)))
        for item in (given if variables is None else variables)
    )
    if not symbols:
        return {(): expression}, ()
    try:
        poly = sympy.Poly(expression, *symbols)
    except sympy.PolynomialError:
        raise CheapError(f"{expression} is no polynomial in {', '.join(given)}") from None
    return dict(poly.terms()), symbols


def _expression(table: dict[tuple[int, ...], Any], symbols: tuple[Any, ...]) -> Any:
    kept = {powers: c for powers, c in table.items() if c != 0}
    if not symbols:
        return kept.get((), sympy.Integer(0))
    return sympy.Poly.from_dict(kept, *symbols).as_expr() if kept else sympy.Integer(0)
