"""Lower bounds as certificates: whether any output weights make a hidden layer a product gate.

For first-layer weights a (neurons, n), biases b and an activation σ, the network Σ_j w_j σ(b_j + Σ_i a_ji x_i) has the
Taylor coefficients of ∏ x_i up to degree n iff

    Σ_j w_j σ^{(|r|)}(b_j) ∏_i a_ji^{r_i} = δ_{r,(1…1)}    for all 1 ≤ |r| ≤ n

(a constant goes into the output's bias). `certificate` decides it with a proof that can be checked: the output weights,
or numbers y_r with Σ_r y_r (row r) = 0 and y_{(1…1)} = 1, which no w can meet. For rational weights and biases the
decision is exact (`rgnet.cheap.certificate_algebra`, `rgnet.cheap.certificate_field`).

*The theorem* of Lin, Tegmark & Rolnick (2017, appendix A.2) is about one common bias and σ_k ≠ 0 for 0 ≤ k ≤ n: the
2ⁿ × m matrix of the products ∏_{i∈S} a_ji must then have full row rank, so m ≥ 2ⁿ. Necessary, not sufficient; and its
proof uses the row r = 0, of a network without bias at its output. With one, the empty set drops out, and 2ⁿ − 1
neurons are enough: a_ji = 1 if i ∈ S_j else 0, over all S_j but the empty one (inclusion and exclusion).

*Beyond it* remains Waring's problem: the rows |r| = n say that ∏ x_i is a sum of n-th powers of m linear forms, and
that takes 2^{n−1} (Carlini, Catalisano & Geramita 2012, J. Algebra 370, 5, over the complex numbers). It is reached
where σ has the parity of n. With biases of their own three logistic neurons multiply two numbers:
weights (1, 1), (1, −1), (0, 1), biases 1, 1, 0.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy

from rgnet.cheap import activations, certificate_algebra, certificate_field, certificate_system
from rgnet.cheap.activations import Activation
from rgnet.cheap.certificate_system import Columns, System
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import to_mpf

_DIGITS = 50
_NUMERIC = 20_000_000  # rows · neurons² of the 100-digit elimination

Exponents = tuple[int, ...]


@dataclass(frozen=True)
class Certificate:
    """Whether a hidden layer can be a product gate, and the proof.

    Attributes
    ----------
    possible : bool
    exact : bool
        Whether that is proved; otherwise it is decided numerically, with 100 digits.
    condition : str
        Which condition fails, in words, or that none does.
    neurons : int
    rank : int
        Of the rows that must vanish.
    required : int
        Smallest rank of all rows with which the system can be solved: rank + 1.
    subset_rank : int
        Rank of the matrix of subset products ∏_{i∈S} a_ji.
    subset_required : int or None
        The rank that the theorem demands of it: 2ⁿ, or 2ⁿ − 1 where the output has a bias; None outside the theorem.
    witness : dict {exponents r: y_r}, or None
        Where impossible: Σ_r y_r (row r) = 0 with y_{(1…1)} = 1. At a common bias rows are without their factor
        σ^{(|r|)}(b). Fractions, or SymPy numbers for biases of their own. None where the rank is the number of neurons,
        which is proof enough, and the numbers would be too long.
    weights : tuple of mpf, or None
        Output weights where possible, to 50 digits.
    multiples : tuple of Fraction, or None
        At a common bias: weights · σ^{(n)}(b), exactly.
    unique : bool
        Whether these are the only output weights.
    """

    possible: bool
    exact: bool
    condition: str
    neurons: int
    rank: int
    required: int
    subset_rank: int
    subset_required: int | None
    witness: Mapping[Exponents, Any] | None
    weights: tuple[Any, ...] | None
    multiples: tuple[Fraction, ...] | None
    unique: bool

    @property
    def essential(self) -> tuple[int, ...] | None:
        """Neurons none of which can be removed, where the output weights are unique: those whose weight is not 0."""
        if not self.unique or self.weights is None:
            return None
        return tuple(j for j, w in enumerate(self.weights) if w)

    def __str__(self) -> str:
        kind = "proved" if self.exact else "numerically, 100 digits"
        verdict = "possible" if self.possible else "impossible"
        return f"{self.neurons} neurons: {verdict} ({kind}); {self.condition}"


@dataclass(frozen=True)
class _Found:
    """What the linear algebra says, in the system's own scaling."""

    possible: bool
    exact: bool
    rank: int
    unique: bool
    weights: tuple[Any, ...] | None
    multiples: tuple[Fraction, ...] | None
    witness: Mapping[Exponents, Any] | None


def certificate(
    weights: Any, biases: Any = 0, n: int | None = None, activation: Any = "logistic", *, output_bias: bool = True
) -> Certificate:
    """Decide whether any output weights make a hidden layer a product gate.

    Parameters
    ----------
    weights : table (neurons, n) of rational numbers
        int, Fraction, SymPy Rational, text such as "1/3", or floats, taken as the binary fractions they are.
    biases : number, or sequence (neurons,)
        Rational, or q + ln r as a SymPy number for logistic, tanh and softplus.
    n : int, optional
        Number of factors, 1 to 10: all inputs.
    activation : str, SymPy expression or Activation
    output_bias : bool
        Whether the output has a bias. Without one the constant Σ_j w_j σ(b_j) must vanish as well, as in the theorem.

    Raises
    ------
    CheapError
        For numbers that are not rational, tables that are none, n > 10, or a layer too large to be decided.

    Examples
    --------
    >>> certificate([[1, 1], [1, -1], [0, 1]], [1, 1, 0]).possible
    True
    >>> certificate([[1, 1], [1, -1]], [1, 1]).possible
    False
    """
    table, order = certificate_system.read_weights(weights, n)
    sigma = activations.get(activation)
    offsets = _biases(biases, len(table))
    common = all(b == offsets[0] for b in offsets)
    first = 1 if output_bias else 0
    known = certificate_system.columns(sigma, offsets[:1] if common else offsets, order)
    if known is not None and not output_bias and None in known.numerators[0]:
        known = None
    if common:
        degrees, sure = _degrees(sigma, offsets[0], known, first, order)
        matrix = certificate_system.system(table, degrees, None, False)
        if order not in degrees:
            found = _Found(False, sure, 0, False, None, None, {(1,) * order: Fraction(1)})
        else:
            found = _common(matrix, sigma, offsets[0], sure)
        within = sure and set(range(first, order + 1)) <= set(degrees)
    else:
        every = range(first, order + 1)
        if known is not None and known.rational:
            found = _rational(table, known, every)
        else:
            matrix = certificate_system.system(table, every, None, True)
            found = _individual(matrix, sigma, offsets, known)
        degrees, within = list(every), False
    subsets = _subset_rank(certificate_system.system(table, [], None, False))
    needed = (2**order - (1 if output_bias else 0)) if within else None
    exact = found.exact
    if not found.possible and len(table) < 2 ** (order - 1):
        exact = True  # by Waring's problem, whatever the numerics say
    condition = _condition(found, len(table), order, degrees, subsets, needed, sigma, common)
    return Certificate(
        found.possible, exact, condition, len(table), found.rank, found.rank + 1, subsets, needed, found.witness,
        found.weights, found.multiples, found.unique,
    )  # fmt: skip


def _biases(biases: Any, count: int) -> list[Any]:
    single = isinstance(biases, int | float | str | Fraction | sympy.Basic | np.generic)
    if not single and not hasattr(biases, "__len__"):
        raise CheapError(f"biases={biases!r}: give one rational number for all neurons, or one for each")
    values = [biases] * count if single else list(biases)
    if len(values) != count:
        raise CheapError(f"{len(values)} biases for {count} neurons: give one number for all, or one for each")
    return [_bias(value) for value in values]


def _bias(value: Any) -> Any:
    if isinstance(value, sympy.Basic) and not value.is_Rational and not value.is_Float:
        if value.is_number and value.is_real and value.is_finite:
            return value
        raise CheapError(f"bias {value}: a finite real number")
    return certificate_system.rational(value, "bias")


def _degrees(sigma: Activation, b: Any, known: Columns | None, first: int, order: int) -> tuple[list[int], bool]:
    """Those k with σ^{(k)}(b) ≠ 0, and whether that is proved."""
    if known is not None:
        return [k for k in range(first, order + 1) if known.numerators[k][0]], True
    found, sure = [], True
    point = sympy.Rational(b.numerator, b.denominator) if isinstance(b, Fraction) else b
    values = sigma.taylor(order, to_mpf(b) if isinstance(b, Fraction) else point, 2 * _DIGITS)
    for k in range(first, order + 1):
        if not activations.is_zero(values[k], 2 * _DIGITS):
            found.append(k)
        elif not _vanishes(sigma, k, point):
            sure = False
    return found, sure


def _vanishes(sigma: Activation, k: int, point: Any) -> bool:
    """Whether SymPy proves that σ^{(k)} vanishes at a point."""
    slope = sympy.diff(sigma.expression, activations.T, k).subs(activations.T, point)
    return bool(slope.is_zero) or sympy.simplify(slope) == 0


def _common(matrix: System, sigma: Activation, b: Any, sure: bool) -> _Found:
    made = certificate_algebra.decide(len(matrix.exponents), matrix.rows, matrix.residues, matrix.target(), matrix.size)
    product = math.prod(matrix.denominators)
    if made.weights is None:
        return _Found(False, sure, made.rank, False, None, None, _witness(matrix, made.combination))
    multiples = tuple(value * product for value in made.weights)
    with mpmath.workdps(_DIGITS):
        slope = sigma.taylor(matrix.n, to_mpf(b), _DIGITS)[matrix.n] * mpmath.factorial(matrix.n)
        values = tuple(to_mpf(value) / slope for value in multiples)
    return _Found(True, sure, made.rank, made.unique, values, multiples, None)


def _rational(table: list[list[Fraction]], known: Columns, degrees: Sequence[int]) -> _Found:
    """Biases of their own, with rational derivatives but for a factor of each neuron."""
    size, order = len(table), len(table[0])
    factors = np.zeros((order + 1, size), dtype=object)
    for k in degrees:
        factors[k] = [(item or {}).get(0, 0) for item in known.numerators[k]]
    matrix = certificate_system.system(table, degrees, factors, True)
    made = certificate_algebra.decide(len(matrix.exponents), matrix.rows, matrix.residues, matrix.target(), matrix.size)
    if made.weights is None:
        return _Found(False, True, made.rank, False, None, None, _witness(matrix, made.combination))
    product = math.prod(matrix.denominators)
    with mpmath.workdps(_DIGITS):
        factor = [to_mpf(certificate_field.number(c, known.element)) for c in known.common]
        values = tuple(to_mpf(w * product) * c for w, c in zip(made.weights, factor, strict=True))
    return _Found(True, True, made.rank, made.unique, values, None, None)


def _individual(matrix: System, sigma: Activation, biases: Sequence[Any], known: Columns | None) -> _Found:
    product = math.prod(matrix.denominators)
    if known is not None:
        proved = certificate_field.decide(matrix, known)
        if proved is not None:
            if not proved.possible:
                return _Found(False, True, proved.rank, False, None, None, _witness(matrix, proved.combination))
            with mpmath.workdps(_DIGITS):
                values = tuple(
                    to_mpf(certificate_field.number(w, known.element)) * product
                    * to_mpf(certificate_field.number(c, known.element))
                    for w, c in zip(proved.weights or (), known.common, strict=True)
                )  # fmt: skip
            return _Found(True, True, proved.rank, proved.unique, values, None, None)
    work = len(matrix.exponents) * matrix.size**2
    if work > _NUMERIC:
        raise CheapError(
            f"{matrix.size} neurons of {matrix.n} inputs with biases of their own: {len(matrix.exponents)} conditions "
            f"are too many for 100-digit numbers; take fewer neurons, or one common bias, which is decided exactly"
        )
    possible, rank, unique, solution = certificate_field.numerical(matrix, sigma, biases)
    with mpmath.workdps(_DIGITS):
        weights = None if solution is None else tuple(w * product for w in solution)
    return _Found(possible, False, rank, unique, weights, None, None)


def _witness(matrix: System, combination: Mapping[int, Any] | None) -> dict[Exponents, Any] | None:
    """y_r for rows of the weights as given: the system's are multiplied by denominators."""
    if combination is None:
        return None
    product = math.prod(matrix.denominators)
    found: dict[Exponents, Any] = {(1,) * matrix.n: Fraction(1)}
    for row, value in combination.items():
        exponents = tuple(int(e) for e in matrix.exponents[row])
        scale = Fraction(math.prod(d**e for d, e in zip(matrix.denominators, exponents, strict=True)), product)
        if not isinstance(value, Fraction):
            scale = sympy.Rational(scale.numerator, scale.denominator)
        found[exponents] = -value * scale
    return found


def _subset_rank(matrix: System) -> int:
    """Rank of the 2ⁿ × m matrix of subset products: modulo two primes, the larger (never above the true one)."""
    subsets = np.array(np.meshgrid(*[[0, 1]] * matrix.n, indexing="ij")).reshape(matrix.n, -1).T
    found = 0
    for prime in certificate_algebra.PRIMES[:2]:
        table = matrix.reduced(subsets, prime, None).astype(np.float64)
        found = max(found, len(certificate_algebra.eliminate(table, prime).rows))
        if found == min(table.shape):
            break
    return found


def _condition(
    found: _Found, m: int, n: int, degrees: Sequence[int], subsets: int, needed: int | None, sigma: Activation,
    common: bool,
) -> str:  # fmt: skip
    if found.possible:
        return "no condition fails" + (", and the output weights are unique" if found.unique else "")
    if n not in degrees:
        return f"σ_{n} of {sigma.name} vanishes at the bias: no neuron has a term of degree {n}"
    if m < 2 ** (n - 1):
        return f"x_1 … x_{n} is no sum of fewer than 2^{n - 1} = {2 ** (n - 1)} n-th powers of linear forms (Waring)"
    if needed is not None and subsets < needed:
        return f"the subset products of the weights have rank {subsets}, below the {needed} that the theorem demands"
    if found.rank == m:
        return f"the conditions that other monomials vanish have rank {found.rank}: they make all output weights zero"
    rows = [r for r in found.witness or {} if max(r) > 1 or sum(r) < n]
    few = ", ".join("".join(map(str, r)) for r in sorted(rows, key=sum)[:4])
    rest = f" and {len(rows) - 4} more" if len(rows) > 4 else ""
    how = f": those of the exponents {few}{rest}" if rows else ""
    where = "" if common else " at these biases"
    return f"the vanishing of other monomials{where} makes the coefficient of x_1 … x_{n} vanish{how}"
