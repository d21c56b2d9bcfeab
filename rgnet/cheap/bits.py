"""Functions of bits as networks with one hidden layer: one logistic neuron for each product of bits.

For bits x_i = 0, 1 and a set S of m of them, of which j are 0,

    σ( β (Σ_{i∈S} x_i − m + ½) ) = σ( β (½ − j) ) → [j = 0] = ∏_{i∈S} x_i ,   β → ∞                              (1)

with σ the logistic function (Lin, Tegmark & Rolnick 2017, J. Stat. Phys. 168, 1223). j = 0 falls short of 1 by
1 − σ(β/2), j = 1 exceeds 0 by σ(−β/2), which is the same number, and larger j exceed it by less. So for every m ≥ 1

    ε(β) = 1/(1 + e^{β/2}) = e^{−β/2}/(1 + e^{−β/2})                                                              (2)

is the largest error, met exactly; correct decimals −log10 ε = log10(1 + e^{β/2}) → β/(2 ln 10): a straight line of
slope 1/(2 ln 10) = 0.2171. A factor 1 − x_i takes −x_i in the sum and 1 less in the threshold, and costs nothing. In
spins s = 2x − 1 the field of (1) reads (β/2)(Σ ±s_i − m + 1).

*Any function of n bits* is f = c_∅ + Σ_S c_S ∏_{i∈S} x_i: one hidden unit for each monomial, c_∅ the output's bias. Its
error is at most ε(β) A with A = Σ_S |c_S|, so that a tolerance δ is kept by β = 2 ln(A/δ − 1).

*Floating point.* β is rounded up to a whole number: then the fields of bits are exact sums. From β = 75 on, 1 − ε
rounds to 1, and a neuron whose product is 1 says so exactly; one whose product is 0 says e^{−β/2} or less. Hence a
large β costs no precision (the opposite of the product gate, whose small λ does), and what is left is the rounding of
the output's sum, at most (N + 4) u (A + |c_∅|) with N monomials and u = 2⁻⁵³. Where all coefficients are whole numbers
and ε (A + |c_∅|) < 2⁻⁵⁴ even that is zero: a partial sum is either a whole number, which the small ones do not change,
or a sum of small ones alone.
"""

import itertools
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import sympy

from rgnet.cheap import activations, expressions, network
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralNetwork
from rgnet.cheap.reports import Compiled, Report

Array = npt.NDArray[Any]

ROUNDING = 2.0**-53
MOST_MONOMIALS = 1 << 20
_ALL_STRINGS = 16  # bits up to which every string is tried
_MOST_WORK = 1 << 26  # neurons times strings that are tried
_LARGEST_BETA = 1_400.0  # e^(-β/2) is a normal float64 up to here
_CHUNK = 1 << 22
_SMALLEST = 1e-280  # of Σ|c|, so that its rounding is a normal float64
LOGISTIC = activations.get("logistic")


@dataclass(frozen=True, eq=False)
class Units:
    """Hidden neurons that say whether at least k of their literals, x_i or 1 − x_i, are 1; all of them: a product.

    Attributes
    ----------
    n : int
        Number of bits.
    rows, columns : int array (literals,)
        Which unit has which bit, in order of rows.
    signs : int array (literals,)
        +1 for x_i, −1 for 1 − x_i.
    least : int array (units,)
        k of each unit.
    """

    n: int
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    signs: npt.NDArray[np.int64]
    least: npt.NDArray[np.int64]

    @property
    def number(self) -> int:
        """Number of units."""
        return len(self.least)

    def layer(self, beta: float, spins: bool = False) -> network.NeuralLayer:
        """The hidden layer (1), for inputs 0, 1 or ±1."""
        sizes, negated = (np.bincount(self.rows, w, self.number) for w in (None, self.signs < 0))
        weights = np.asarray(beta * (0.5 * self.signs if spins else self.signs), dtype=np.float64)
        biases = np.asarray(beta * ((0.5 * sizes if spins else negated) - self.least + 0.5), dtype=np.float64)
        return network.NeuralLayer(self.n, self.rows, self.columns, weights[None], biases[None], LOGISTIC)

    def __call__(self, x: Array) -> Array:
        """What they say without error, bool (strings, units), of bits (strings, n)."""
        met = np.asarray(x, dtype=bool)[:, self.columns] == (self.signs > 0)
        begins = np.searchsorted(self.rows, np.arange(self.number))
        return np.asarray(np.add.reduceat(met.astype(np.int64), begins, axis=1) >= self.least)


def products(subsets: Sequence[Sequence[int]], n: int) -> Units:
    """Plain products ∏_{i∈S} x_i of n bits, none of them empty."""
    sizes = np.array([len(item) for item in subsets], dtype=np.int64)
    columns = np.array([i for item in subsets for i in item], dtype=np.int64)
    return Units(n, np.repeat(np.arange(len(sizes)), sizes), columns, np.ones_like(columns), sizes)


def gate_error(beta: float) -> float:
    """Largest error ε(β) of one neuron, eq. (2)."""
    return float(LOGISTIC(np.float64(-beta / 2)))


def beta_for(tolerance: float, total: float = 1.0) -> float:
    """The smallest whole β with ε(β) · total ≤ tolerance.

    Raises
    ------
    CheapError
        If the tolerance is not positive, or so small that e^{−β/2} is no number of float64.
    """
    if not (is_number(tolerance) and tolerance > 0):
        raise CheapError(f"tolerance={tolerance!r}: give a positive number, such as 1e-9")
    ratio = min(total / tolerance, 1e308)
    beta = float(max(1, math.ceil(2 * math.log(ratio - 1)))) if ratio > 2 else 1.0
    while beta <= _LARGEST_BETA and gate_error(beta) * total > tolerance:
        beta += 1.0
    if beta > _LARGEST_BETA:
        raise CheapError(
            f"tolerance={tolerance:.3g} asks for β = {beta:.4g}, and e^(−β/2) leaves float64 beyond "
            f"{_LARGEST_BETA:.4g}: give a tolerance above {2 * total * math.exp(-_LARGEST_BETA / 2):.1g}"
        )
    return beta


def is_number(value: Any) -> bool:
    """Whether it is a finite real number."""
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and math.isfinite(value)


def bit_product(
    subset: int | Sequence[int], *, beta: float | None = None, tolerance: float | None = None, n: int | None = None
) -> Compiled:
    """The product of some bits: one neuron.

    Parameters
    ----------
    subset : int or sequence of int
        How many bits, or which ones, from 0 on; a bit twice is that bit, x² = x.
    beta, tolerance : float, optional
        One of them; with neither, β is so large that float64 sees no error in products that are 1.
    n : int, optional
        Number of inputs; by default no more than are needed.

    Raises
    ------
    CheapError
        If an index or number is impossible, or both β and tolerance are given.

    Examples
    --------
    >>> found = bit_product(3, tolerance=1e-6)
    >>> found.network.neurons, found.report.notes["beta"]
    (1, 28.0)
    """
    chosen = range(int(subset)) if isinstance(subset, int | np.integer) else subset
    if isinstance(subset, bool) or not np.iterable(chosen) or len(chosen) == 0:
        raise CheapError(f"subset={subset!r}: how many bits are multiplied, one or more, or which ones, such as (0, 2)")
    return bit_polynomial({tuple(chosen): 1}, n, beta=beta, tolerance=tolerance)


def bit_polynomial(
    polynomial: Any, n: int | None = None, *, beta: float | None = None, tolerance: float | None = None
) -> Compiled:
    """Any polynomial of bits: one hidden neuron for each monomial.

    Parameters
    ----------
    polynomial : mapping, text or SymPy expression
        {bits of the monomial: coefficient} such as ``{(0, 1): 2, (2,): -1, (): 0.5}``, or ``"2*x*y - z + 1/2"``, whose
        symbols are the inputs in alphabetical order. Powers of a bit are that bit.
    n : int, optional
        Number of inputs.
    beta, tolerance : float, optional
        One of them; with neither, β is so large that rounding alone is left.

    Returns
    -------
    Compiled
        Error promised, and achieved on all 2ⁿ strings (n ≤ 16, while there are few neurons; else on random ones).

    Raises
    ------
    CheapError
        If it is no polynomial, an index is impossible, or the tolerance is below the floor that float64 sets.
    """
    terms, names = monomials(polynomial, n)
    constant = terms.pop((), Fraction(0))
    hidden = products(list(terms), len(names))
    made, used, promised = assemble(
        hidden, np.array([list(terms.values())], dtype=object).reshape(1, -1), [constant], inputs=names,
        outputs=("f",), beta=beta, tolerance=tolerance,
    )  # fmt: skip
    values = np.array([float(value) for value in terms.values()], dtype=np.longdouble)

    def target(x: Array) -> Array:
        if not len(values):
            return np.full(len(x), float(constant))
        return np.asarray(hidden(x).astype(np.longdouble) @ values + np.longdouble(float(constant)))

    return Compiled(made, measure(made, target, promised, used, tolerance))


def monomials(polynomial: Any, n: int | None = None) -> tuple[dict[tuple[int, ...], Fraction], tuple[str, ...]]:
    """Multilinear monomials {sorted bits: coefficient ≠ 0} of a polynomial of bits, and the names of the inputs."""
    if isinstance(polynomial, Mapping):
        given: list[tuple[tuple[int, ...], Any]] = [(_subset(key), value) for key, value in polynomial.items()]
        least = 1 + max((index for key, _ in given for index in key), default=-1)
        names = tuple(f"x{i}" for i in range(_count(n, least)))
    else:
        expression = expressions.parse(polynomial) if isinstance(polynomial, str) else polynomial
        if not isinstance(expression, sympy.Basic):
            raise CheapError(f'polynomial={polynomial!r}: give a mapping such as {{(0, 1): 2}}, or "2*x*y - z"')
        symbols = sorted(expression.free_symbols, key=str)
        try:
            found = sympy.Poly(expression, *symbols).terms() if symbols else [((), expression)]
        except sympy.PolynomialError:
            raise CheapError(f"{expression} is no polynomial of bits: take sums and products of them") from None
        given = [(tuple(i for i, power in enumerate(powers) if power), value) for powers, value in found]
        names = padded(tuple(map(str, symbols)), n)
    terms: dict[tuple[int, ...], Fraction] = {}
    for key, value in given:
        terms[key] = terms.get(key, Fraction(0)) + _fraction(key, value)
    if len(terms) > MOST_MONOMIALS:
        raise CheapError(f"{len(terms)} monomials: at most {MOST_MONOMIALS} are compiled; write f as several networks")
    return {key: value for key, value in terms.items() if value}, names


def _subset(key: Any) -> tuple[int, ...]:
    items = tuple(key) if np.iterable(key) else (key,)
    if not all(isinstance(i, int | np.integer) and not isinstance(i, bool) and i >= 0 for i in items):
        raise CheapError(f"bits {items!r}: name them by whole numbers from 0 on, such as (0, 2)")
    return tuple(sorted({int(i) for i in items}))


def _count(n: int | None, least: int) -> int:
    if n is None:
        return least
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < least:
        raise CheapError(f"n={n!r}: the number of bits, here a whole number of at least {least}")
    return int(n)


def padded(names: tuple[str, ...], n: int | None) -> tuple[str, ...]:
    """Names of n inputs: these, and x0, x1, … as far as they are free."""
    count = _count(n, len(names))
    free = (name for i in itertools.count() if (name := f"x{i}") not in names)
    return (*names, *itertools.islice(free, count - len(names)))


def _fraction(key: tuple[int, ...], value: Any) -> Fraction:
    try:
        if isinstance(value, sympy.Basic):
            return Fraction(int(value.p), int(value.q)) if value.is_Rational else Fraction(float(value))
        if isinstance(value, np.floating | mpmath.mpf):
            return Fraction(*map(int, mpmath.libmp.to_rational(value._mpf_))) if isinstance(value, mpmath.mpf) else (
                Fraction(*value.as_integer_ratio())
            )  # fmt: skip
        return Fraction(value)
    except (TypeError, ValueError, OverflowError):
        raise CheapError(f"coefficient {value!r} of {key!r}: give a finite real number") from None


def assemble(
    hidden: Units,
    coefficients: Array,
    constants: Sequence[Any],
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    beta: float | None = None,
    tolerance: float | None = None,
    spins: bool = False,
    differences: bool = False,
) -> tuple[NeuralNetwork, float, float]:
    """The network Σ_S c_S ∏_S + c_∅ with its β and the largest error that is promised.

    Parameters
    ----------
    hidden : Units
    coefficients : array (outputs, units)
        float64, or exact numbers in an object array.
    constants : sequence (outputs,)
    beta, tolerance : float, optional
        Of which one at most is given.
    spins : bool
        The inputs are ±1 rather than 0, 1.
    differences : bool
        The error meant is that of differences between outputs, which is all that a softmax sees.

    Raises
    ------
    CheapError
        If both are given, β is not positive, or the tolerance is below the floor of float64.
    """
    if beta is not None and tolerance is not None:
        raise CheapError(f"beta={beta!r} and tolerance={tolerance!r}: each sets the other; give one of them")
    if beta is not None and not (is_number(beta) and 0 < beta <= _LARGEST_BETA):
        raise CheapError(f"beta={beta!r}: the steepness is a number above 0, at most {_LARGEST_BETA:.4g} in float64")
    if tolerance is not None and not (is_number(tolerance) and tolerance > 0):
        raise CheapError(f"tolerance={tolerance!r}: give a positive number, such as 1e-9")
    try:
        values = coefficients.astype(np.float64)
        fixed = np.array([float(item) for item in constants])
        with np.errstate(over="ignore", invalid="ignore"):
            largest = float((np.abs(values).sum(axis=1) + np.abs(fixed)).max())
    except OverflowError:
        largest = math.inf
    if not (largest == 0 or _SMALLEST <= largest <= 1 / _SMALLEST):
        raise CheapError(
            f"coefficients whose sizes add up to {largest:.3g}: float64 takes {_SMALLEST:g} to {1 / _SMALLEST:g}; "
            f"give them in other units"
        )
    if differences:
        total = max(float(np.abs(values - row).sum(axis=1).max(initial=0.0)) for row in values)
    else:
        total = float(np.abs(values).sum(axis=1).max(initial=0.0))
    floor = (hidden.number + 4) * ROUNDING * largest * (2.0 if differences else 1.0)
    whole = bool((values == np.rint(values)).all() and (fixed == np.rint(fixed)).all() and largest < 2.0**53)
    exact = largest / (0.99 * 2.0**-54)  # 1/ε from which sums of whole numbers are exact
    if beta is None:
        # Without a tolerance what outputs have in common is made exact too
        every = float(np.abs(values).sum(axis=1).max(initial=0.0))
        beta = _steepness(tolerance, total if tolerance is not None else every, floor, whole, exact)
    field = 1.0 + 4.0 * ROUNDING * beta * float(hidden.n) ** 2
    rest = 0.0 if whole and (total == 0 or gate_error(beta) * exact <= 1.0) else floor
    promised = gate_error(beta) * total * field + rest
    top = hidden.layer(beta, spins)
    last = network.layer(coefficients, list(constants)) if hidden.number else network.layer(
        {}, list(constants), n_inputs=0
    )  # fmt: skip
    return NeuralNetwork((top, last), tuple(inputs), tuple(outputs)), beta, promised


def _steepness(tolerance: float | None, total: float, floor: float, whole: bool, exact: float) -> float:
    if total == 0:
        return 1.0
    if whole and (tolerance is None or tolerance <= 4 * floor):
        # So steep that whole numbers are summed without rounding
        best = max(1.0, float(math.ceil(2 * math.log(exact))))
        return best if tolerance is None else max(best, beta_for(tolerance, total))
    if tolerance is None:
        return beta_for(0.1 * floor, total)
    if tolerance <= floor:
        raise CheapError(
            f"tolerance={tolerance:.3g} is below the floor {floor:.2g} that rounding of the output's sum sets in "
            f"float64, (N + 4)·2⁻⁵³·Σ|c|: allow at least {1.1 * floor:.2g}, or give beta= and evaluate the network "
            f"by network.mp(points, digits)"
        )
    return beta_for(tolerance - floor, total)


def strings(n: int, neurons: int = 1) -> tuple[Array, bool]:
    """All 2ⁿ bit strings (2ⁿ, n) and True; where they are too many, random ones of every density and False.

    In the order of `itertools.product`: the last bit is fastest.
    """
    if n <= _ALL_STRINGS and (neurons << n) <= _MOST_WORK:
        return ((np.arange(1 << n)[:, None] >> np.arange(n - 1, -1, -1)) & 1).astype(np.int8), True
    count = max(64, min(4096, _MOST_WORK // max(neurons, 4 * n, 1)))
    rng = np.random.default_rng(0)
    found = rng.random((count, n)) < rng.random((count, 1))
    found[0], found[1] = False, True
    return found.astype(np.int8), False


def measure(
    made: NeuralNetwork,
    target: Callable[[Array], Any],
    promised: float,
    beta: float,
    tolerance: float | None,
    *,
    spins: bool = False,
    error: Callable[[Array, Array], Array] = np.subtract,
    notes: Mapping[str, Any] | None = None,
) -> Report:
    """The report of a network of bits (or spins) against a target of them."""
    x, all_of_them = strings(len(made.inputs), made.neurons)
    worst, step = 0.0, max(1, _CHUNK // max(1, made.neurons, len(made.inputs)))
    for begin in range(0, len(x), step):
        part = x[begin : begin + step]
        given = 2 * part - 1 if spins else part
        found = made(given)
        wanted = np.asarray(target(given))
        worst = max(worst, float(np.abs(error(found, wanted.reshape(found.shape))).max(initial=0.0)))
    tried = f"all 2^{len(made.inputs)}" if all_of_them else f"{len(x)} random ones"
    return Report(
        made.neurons, made.synapses, made.depth, made.weight_range, promised, worst, tolerance,
        ((-1.0 if spins else 0.0, 1.0),) * len(made.inputs), len(x), "float64",
        {"beta": beta, "strings tried": tried, **(notes or {})},
    )  # fmt: skip
