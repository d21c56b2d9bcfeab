"""The linear system that decides whether a hidden layer can be a product gate, in exact numbers.

For first-layer weights a and biases b the output weights w must satisfy, for every monomial r with 1 ≤ |r| ≤ n,

    Σ_j w_j σ^{(|r|)}(b_j) ∏_i a_ij^{r_i} = δ_{r,(1…1)} ,

C(2n, n) − 1 rows; r = 0 is left to the output's bias, or is one row more. With one common bias b the σ^{(k)}(b) are
factors of rows: those that vanish take their rows away, the others do not matter. Rows that are multiples of each
other are kept once: where all |a_ij| of an input are alike, powers r_i and r_i + 2 are, and 184 755 rows become 1024.

*Biases of their own.* For rational b_j = p_j/d the derivatives of logistic, tanh and softplus (k ≥ 1) are rational
functions of E = e^{1/d}, those of sin of E = tan(1/2d). Both are transcendental (Lindemann 1882), so that E may be
taken as a variable and linear algebra over Q(E) is exact. Derivatives of exp and of the Gaussian are rational but for
a factor of each neuron's own, those of arctan (k ≥ 1) and of rational functions are rational. b_j = q + ln r with
rational q and r, written as a SymPy number, serves logistic, tanh and softplus as well: e^b = r e^q.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from rgnet.cheap.activations import Activation, T
from rgnet.cheap.errors import CheapError

Array = npt.NDArray[Any]
Poly = dict[int, int]  # of E: {power: coefficient}, no zeros

_MOST_FACTORS = 10  # C(20, 10) = 184 756 rows


@dataclass(frozen=True, eq=False)
class Columns:
    """σ^{(k)}(b_j) = numerators[k][j](E)/common[j](E), k from the first on.

    Attributes
    ----------
    numerators : tuple over k of tuples over neurons of Poly
        From k = 0; those of k = 0 are None where they are no such function.
    common : tuple of Poly, or of SymPy numbers
    element : SymPy expression
        What E is.
    """

    numerators: tuple[tuple[Poly | None, ...], ...]
    common: tuple[Any, ...]
    element: Any

    @property
    def rational(self) -> bool:
        """Whether E is absent."""
        return all(not item or max(item) == 0 for row in self.numerators for item in row if item is not None)


@dataclass(frozen=True, eq=False)
class System:
    """Rows that must vanish, and the one that must be 1, as products of powers of whole numbers.

    Attributes
    ----------
    weights : array (neurons, n) of Python's whole numbers
        a_ji · denominators_i.
    denominators : tuple of int
    exponents : int array (rows, n)
        One representative of all rows that are multiples of each other; the target is not among them.
    factors : array (n + 1, neurons) of whole numbers, or None
        Rational derivatives; None where a common bias makes them factors of rows.
    """

    weights: Array
    denominators: tuple[int, ...]
    exponents: npt.NDArray[np.int64]
    factors: Array | None

    @property
    def n(self) -> int:
        """Number of inputs."""
        return int(self.weights.shape[1])

    @property
    def size(self) -> int:
        """Number of neurons."""
        return len(self.weights)

    @cached_property
    def _tables(self) -> list[Array]:
        """Powers of each input's weights: (n + 1, neurons), int64 where every row fits."""
        top = max((abs(int(x)) for x in self.weights.ravel()), default=1) ** self.n
        if self.factors is not None:
            top *= max(abs(int(x)) for x in self.factors.ravel())
        kind = np.int64 if top < 2**62 else object
        return [np.array([self.weights[:, i] ** e for e in range(self.n + 1)], dtype=kind) for i in range(self.n)]

    def rows(self, indices: Sequence[int]) -> Array:
        """Rows in whole numbers."""
        exponents = self.exponents[list(indices)]
        return self._products(exponents, self._tables, self.factors, None)

    def residues(self, indices: Sequence[int], prime: int) -> Array:
        """The same modulo a prime, as float64."""
        factors = None if self.factors is None else (self.factors % prime).astype(np.int64)
        return self.reduced(self.exponents[list(indices)], prime, factors).astype(np.float64)

    def reduced(self, exponents: Array, prime: int, factors: Array | None) -> Array:
        """Rows of any exponents modulo a prime, as int64."""
        tables = [(table % prime).astype(np.int64) for table in self._tables]
        return self._products(exponents, tables, factors, prime)

    def target(self) -> Array:
        """The row of x_1 ⋯ x_n."""
        return np.asarray(self._products(np.ones((1, self.n), dtype=np.int64), self._tables, self.factors, None)[0])

    def _products(self, exponents: Array, tables: list[Array], factors: Array | None, prime: int | None) -> Array:
        if factors is None:
            found = np.ones((len(exponents), self.size), dtype=tables[0].dtype)
        else:
            found = factors[exponents.sum(axis=1)].astype(tables[0].dtype)
        for i, table in enumerate(tables):
            found = found * table[exponents[:, i]]
            if prime is not None:
                found %= prime
        return np.asarray(found)


def rational(value: Any, what: str) -> Fraction:
    """A number as the exact fraction that it is; a float is the binary fraction that it is.

    Raises
    ------
    CheapError
        If it is no finite rational number.
    """
    try:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, sympy.Basic):
            if value.is_Rational:
                return Fraction(int(value.p), int(value.q))
            if value.is_Float:
                return Fraction(float(value))
        elif isinstance(value, int | float | Fraction | str) and not isinstance(value, bool):
            return Fraction(value)
    except (ValueError, OverflowError, ZeroDivisionError):
        pass
    raise CheapError(
        f"{what} {value!r}: give rational numbers (int, Fraction, SymPy Rational, text such as '1/3', or a float, "
        f"which is taken as the binary fraction it is)"
    )


def read_weights(weights: Any, n: int | None) -> tuple[list[list[Fraction]], int]:
    """Weights (neurons, n) as fractions.

    Raises
    ------
    CheapError
        If they are no such table, or n is not from 1 to 10.
    """
    rows = weights.tolist() if isinstance(weights, np.ndarray | sympy.MatrixBase) else weights
    try:
        table = [[rational(value, "weight") for value in row] for row in rows]
    except TypeError:
        raise CheapError("weights: one row a neuron, one column an input, such as [[1, 1], [1, -1]]") from None
    if not table or any(len(row) != len(table[0]) for row in table) or not table[0]:
        raise CheapError("weights: one row a neuron, one column an input, all rows alike, such as [[1, 1], [1, -1]]")
    inputs = len(table[0])
    if n is not None and n != inputs:
        raise CheapError(f"n={n} with weights of {inputs} inputs: the product is of all inputs; leave out n")
    if inputs > _MOST_FACTORS:
        raise CheapError(
            f"n={inputs}: {math.comb(2 * inputs, inputs) - 1} conditions are too many; up to n={_MOST_FACTORS} are "
            f"decided (fewer than 2^(n−1) = {2 ** (inputs - 1)} neurons never suffice, by Waring's problem)"
        )
    return table, inputs


def system(table: list[list[Fraction]], degrees: Sequence[int], factors: Array | None, each_degree: bool) -> System:
    """The rows of the given degrees.

    Parameters
    ----------
    table : (neurons, n) of Fraction
    degrees : sequence of int
        Those whose σ^{(k)} do not vanish (at a common bias), or all.
    factors : array (n + 1, neurons) of whole numbers, or None
    each_degree : bool
        Whether neurons differ in their biases, so that rows of different degree are no multiples of each other.
    """
    n = len(table[0])
    denominators = tuple(math.lcm(*(row[i].denominator for row in table)) for i in range(n))
    whole = np.array([[int(value * d) for value, d in zip(row, denominators, strict=True)] for row in table], object)
    alike = [_alike(whole[:, i], n) for i in range(n)]
    known: dict[tuple[int, ...], tuple[int, ...]] = {}
    for degree in sorted(degrees):
        for chosen in itertools.combinations_with_replacement(range(n), degree):
            powers = [0] * n
            for i in chosen:
                powers[i] += 1
            if degree == n and max(powers) == 1:
                continue
            key = tuple(same[e] for same, e in zip(alike, powers, strict=True))
            known.setdefault((degree, *key) if each_degree else key, tuple(powers))
    exponents = np.array(list(known.values()), dtype=np.int64).reshape(len(known), n)
    return System(whole, denominators, exponents, factors)


def _alike(column: Array, n: int) -> list[int]:
    """For each power e the first one that is a multiple of it over all neurons."""
    powers = [[int(x) ** e for x in column] for e in range(n + 1)]
    found: list[int] = []
    for e, values in enumerate(powers):
        same = next((f for f in range(e) if _parallel(values, powers[f])), e)
        found.append(found[same] if same < e else e)
    return found


def _parallel(u: list[int], v: list[int]) -> bool:
    place = next((i for i, x in enumerate(u) if x), None)
    if place is None or not v[place]:
        return False
    return all(x * v[place] == y * u[place] for x, y in zip(u, v, strict=True))


def columns(activation: Activation, biases: Sequence[Any], order: int) -> Columns | None:
    """σ^{(k)}(b_j), k = 0 … order, as functions of one E; None where no way is known.

    Parameters
    ----------
    activation : Activation
    biases : sequence of Fraction or SymPy numbers
    order : int
    """
    maker = {"logistic": _of_exponential, "softplus": _of_exponential, "tanh": _of_exponential, "sin": _sin}.get(
        activation.name, _plain
    )
    return maker(activation, biases, order)


def _of_exponential(activation: Activation, biases: Sequence[Any], order: int) -> Columns | None:
    """With e^b = (u/v) e^q: s = A/(A + B), where A/B = e^b; tanh t = (A − B)/(A + B) with A/B = e^{2b}."""
    double = 2 if activation.name == "tanh" else 1
    parts = [_exponential(double * b) for b in biases]
    if any(part is None for part in parts):
        return None
    known = [part for part in parts if part is not None]
    d = math.lcm(*(q.denominator for _, q in known))
    p = [int(q * d) for _, q in known]
    g = math.gcd(*p) or 1
    numerators: list[list[Poly | None]] = [[] for _ in range(order + 1)]
    common = []
    for (ratio, _), power in zip(known, (value // g for value in p), strict=True):
        a: Poly = {max(power, 0): ratio.numerator}
        b: Poly = {max(-power, 0): ratio.denominator}
        total = _add(a, b)
        top = _add(a, {e: -c for e, c in b.items()}) if activation.name == "tanh" else a
        polynomials = _derivatives(activation.name, order)
        for k, coefficients in enumerate(polynomials):
            item: Poly | None = None
            if coefficients is not None:
                item = {}
                for i, c in enumerate(coefficients):
                    term = _times(_power(top, i), _power(total, order + 1 - i))
                    item = _add(item, {e: c * x for e, x in term.items()})
            numerators[k].append(item)
        common.append(_power(total, order + 1))
    return Columns(tuple(map(tuple, numerators)), tuple(common), sympy.exp(sympy.Rational(g, d)))


def _derivatives(name: str, order: int) -> list[list[int] | None]:
    """σ^{(k)} as polynomials of s (logistic, softplus from k = 1 on; s' = s − s²) or t (tanh; t' = 1 − t²)."""
    rule = [1, 0, -1] if name == "tanh" else [0, 1, -1]
    found: list[list[int] | None] = [None] if name == "softplus" else []
    current = [0, 1]
    while len(found) <= order:
        found.append(current)
        slope = [i * c for i, c in enumerate(current)][1:]
        current = [0] * (len(slope) + 2)
        for i, x in enumerate(slope):
            for j, y in enumerate(rule):
                current[i + j] += x * y
    return found


def _exponential(b: Any) -> tuple[Fraction, Fraction] | None:
    """(r, q) with e^b = r e^q."""
    if isinstance(b, Fraction):
        return Fraction(1), b
    ratio, rest = sympy.powsimp(sympy.exp(b)).as_coeff_Mul()
    power = sympy.log(rest)
    if not (ratio.is_Rational and ratio > 0 and power.is_Rational):
        return None
    return Fraction(int(ratio.p), int(ratio.q)), Fraction(int(power.p), int(power.q))


def _sin(activation: Activation, biases: Sequence[Any], order: int) -> Columns | None:
    """Cos + i sin of p/d is (1 + iE)^{2p}/(1 + E²)^p with E = tan(1/2d)."""
    if not all(isinstance(b, Fraction) for b in biases):
        return _plain(activation, biases, order)
    d = math.lcm(*(b.denominator for b in biases))
    p = [int(b * d) for b in biases]
    g = math.gcd(*p) or 1
    numerators: list[list[Poly | None]] = [[] for _ in range(order + 1)]
    common = []
    for power in (value // g for value in p):
        size, sign = abs(power), -1 if power < 0 else 1
        both: tuple[Poly, Poly] = ({}, {})  # real and imaginary part
        for k in range(2 * size + 1):
            value = math.comb(2 * size, k) * (-1) ** (k // 2)
            both[k % 2][k] = value if k % 2 == 0 else sign * value
        cosine, sine = both
        minus = ({e: -c for e, c in sine.items()}, {e: -c for e, c in cosine.items()})
        for k in range(order + 1):
            numerators[k].append((sine, cosine, minus[0], minus[1])[k % 4])
        common.append(_power({0: 1, 2: 1}, size))
    return Columns(tuple(map(tuple, numerators)), tuple(common), sympy.tan(sympy.Rational(g, 2 * d)))


def _plain(activation: Activation, biases: Sequence[Any], order: int) -> Columns | None:
    """Derivatives that are rational, but for a factor that each neuron has of its own."""
    own = activation.expression if activation.name in ("exp", "gaussian") else sympy.Integer(1)
    if activation.name == "exp":
        slopes = [sympy.Integer(1)] * (order + 1)
    elif activation.name == "gaussian":
        slopes = [(-1) ** k * sympy.hermite(k, T) for k in range(order + 1)]
    else:
        slopes = [activation.expression]
        for _ in range(order):
            slopes.append(sympy.together(sympy.diff(slopes[-1], T)))
    numerators: list[list[Poly | None]] = [[] for _ in range(order + 1)]
    common = []
    for b in biases:
        point = sympy.Rational(b.numerator, b.denominator) if isinstance(b, Fraction) else b
        values = [slope.subs(T, point) for slope in slopes]
        if not all(value.is_Rational for value in values[1:]):
            return None
        known = [Fraction(int(v.p), int(v.q)) if v.is_Rational else None for v in values]
        d = math.lcm(*(value.denominator for value in known if value is not None))
        for k, value in enumerate(known):
            numerators[k].append(None if value is None else ({0: int(value * d)} if value else {}))
        common.append(d / own.subs(T, point))
    return Columns(tuple(map(tuple, numerators)), tuple(common), sympy.Integer(1))


def _add(a: Poly, b: Poly) -> Poly:
    found = dict(a)
    for e, c in b.items():
        found[e] = found.get(e, 0) + c
    return {e: c for e, c in found.items() if c}


def _times(a: Poly, b: Poly) -> Poly:
    found: Poly = {}
    for e, c in a.items():
        for f, x in b.items():
            found[e + f] = found.get(e + f, 0) + c * x
    return {e: c for e, c in found.items() if c}


def _power(a: Poly, k: int) -> Poly:
    found: Poly = {0: 1}
    for _ in range(k):
        found = _times(found, a)
    return found
