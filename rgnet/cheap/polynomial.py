"""Polynomials compiled to neurons: about four a multiplication, whatever the accuracy.

Lin, Tegmark & Rolnick (2017, section 2.4): any polynomial of several variables is a network of fixed size, four neurons
for each multiplication, to any accuracy ε. Here the multiplications are made few (`rgnet.cheap.factoring`), laid out in
layers with what must be copied (`rgnet.cheap.scheduling`), and each gate has a scale of its own (`rgnet.cheap.bounds`).
Of the forms with the fewest multiplications, or at most a tenth more, the one with the fewest neurons is taken.
"Fixed size" is meant of neurons: the digits that their weights and sums need grow with ln 1/ε, so that every arithmetic
has a floor; a tolerance below it is refused, and the message says what would do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from rgnet.cheap import activations, bounds, circuits, factoring, network, precision, reading, reports
from rgnet.cheap.bounds import Budget
from rgnet.cheap.errors import CheapError
from rgnet.cheap.gates import Kind, Maker
from rgnet.cheap.precision import Arithmetic
from rgnet.cheap.reading import Polynomials, Terms
from rgnet.cheap.reports import Compiled
from rgnet.cheap.scheduling import DIGITS, Plan, plan

_TRIED, _SLACK = 8, 1.1  # layouts compared: so many, with at most so many times the fewest multiplications


def compile(
    polynomial: Any, activation: Any = "softplus", tolerance: float | None = 1e-6, box: Any = (-1.0, 1.0),
    dtype: str = "float64", *, digits: int | None = None, order: int | None = None, at: Any = None,
    variables: Sequence[str] | None = None, expand: bool = True,
) -> Compiled:  # fmt: skip
    """A network that computes a polynomial, or several.

    Parameters
    ----------
    polynomial : text, SymPy expression or Poly, numpy.poly1d or numpy.polynomial, array; or a list of such
        ``"x*y*z + 2*x**3"``; entry [i, j] of an array is the coefficient of x^i y^j. Coefficients are exact: decimals
        in texts and floats are the fractions they are, irrational ones have 64 digits.
    activation : str, SymPy expression or Activation
        As `rgnet.cheap.activations.get`. softplus is among the most exact, and copies without error.
    tolerance : float or None
        Largest error allowed on the box; None for the smallest that can be had.
    box : number, pair, a pair for each variable, or a dict {variable: pair}
    dtype : "float32", "float64" or "mp"
        The arithmetic in which the tolerance is kept.
    digits : int
        Of "mp".
    order : 2, 4, … 12, optional
        Power of λ that a gate's truncation error has at least. By default what four neurons give at the best point.
    at : number, optional
        Where products are expanded (0 in the paper); by default the best point, as it always is for copies.
    variables : sequence of str, optional
        The inputs, in order; by default sorted.
    expand : bool
        Whether to multiply out (at most 5000 terms) and look for a form with fewer multiplications; if not, the formula
        is compiled as it is written.

    Returns
    -------
    Compiled
        ``network``, and ``report`` with promised and achieved error.

    Raises
    ------
    CheapError
        If it is no polynomial or has too many terms, if the tolerance is below the floor, if the box is not finite or
        the activation unknown or unfit.

    Examples
    --------
    >>> net = compile("x*y*z + 2*x**3", tolerance=1e-6)
    >>> net.report.notes["multiplications"]
    3
    """
    found = choose(
        polynomial, activation, tolerance, box, dtype, digits=digits, order=order, at=at, variables=variables,
        expand=expand,
    )  # fmt: skip
    return build(found)


@dataclass(frozen=True)
class Forms:
    """A polynomial and the straight-line programs to choose from, by neurons; `compile` takes it for a polynomial."""

    given: Polynomials
    ranked: tuple[tuple[str, Plan], ...]


def forms(polynomial: Any, variables: Sequence[str] | None = None, expand: bool = True) -> Forms:
    """Read a polynomial and look for forms with few multiplications, once for several tolerances.

    Raises
    ------
    CheapError
        If it is no polynomial, or has too many terms.
    """
    with mpmath.workdps(DIGITS):  # coefficients such as √2 are factored with all their digits
        given = reading.read(polynomial, variables, expand)
        every = factoring.fewest(given)
        most = _SLACK * len(every[0][1].products)
        ranked = [(name, plan(circuit)) for name, circuit in every[:_TRIED] if len(circuit.products) <= most]
    return Forms(given, tuple(sorted(ranked, key=lambda item: (_neurons(item[1]), len(item[1].circuit.products)))))


@dataclass(frozen=True)
class Choice:
    """The form that `compile` takes, before it is made: what the command line explains."""

    given: Polynomials
    form: str
    laid: Plan
    makers: dict[Kind, Maker]
    budget: Budget
    sides: reports.Box
    how: Arithmetic
    tolerance: float | None


def choose(
    polynomial: Any, activation: Any = "softplus", tolerance: float | None = 1e-6, box: Any = (-1.0, 1.0),
    dtype: str = "float64", *, digits: int | None = None, order: int | None = None, at: Any = None,
    variables: Sequence[str] | None = None, expand: bool = True,
) -> Choice:  # fmt: skip
    """The form with the fewest neurons that keeps the tolerance; as `compile`, which makes it.

    Raises
    ------
    CheapError
        As `compile`.
    """
    how = precision.arithmetic(dtype, digits)
    circuits.check_tolerance(tolerance)
    sigma = activations.get(activation)
    known = polynomial if isinstance(polynomial, Forms) else forms(polynomial, variables, expand)
    sides = box_of(box, known.given.variables)
    refused = []
    for name, laid in known.ranked:
        makers = circuits.makers_for(laid, sigma, how, order, at)
        found = bounds.budget(laid, makers, sides, how, tolerance)
        if tolerance is None or found.promised <= tolerance:
            return Choice(known.given, name, laid, makers, found, sides, how, tolerance)
        refused.append((found.promised, laid, found))
    _, laid, found = min(refused, key=lambda item: item[0])
    assert tolerance is not None
    raise circuits.refusal(laid, sigma, sides, how, tolerance, found, order, at)


def floor(
    polynomial: Any, activation: Any = "softplus", box: Any = (-1.0, 1.0), dtype: str = "float64", *,
    digits: int | None = None, order: int | None = None, at: Any = None,
) -> float:  # fmt: skip
    """The smallest error that can be promised, of any form: what `compile` refuses is below it.

    Raises
    ------
    CheapError
        As `compile`.
    """
    known = polynomial if isinstance(polynomial, Forms) else forms(polynomial)
    how, sides = precision.arithmetic(dtype, digits), box_of(box, known.given.variables)
    sigma = activations.get(activation)
    return min(
        bounds.budget(laid, circuits.makers_for(laid, sigma, how, order, at), sides, how).promised
        for _, laid in known.ranked
    )


def build(chosen: Choice) -> Compiled:
    """The network of a choice."""
    tables = chosen.given.tables
    notes: dict[str, Any] = {"form": chosen.form}
    if tables is not None:
        notes = {"terms": sum(map(len, tables))} | notes
    return circuits.build(
        chosen.laid, chosen.makers, chosen.budget, chosen.sides, chosen.how, chosen.tolerance, target_of(chosen), notes
    )


def target_of(chosen: Choice) -> Callable[[Any], Any]:
    """The polynomials themselves at points (n, inputs) of float64 or mpf: (n, outputs)."""
    if chosen.given.tables is None:
        return lambda x: circuits.evaluate(chosen.laid.circuit, x)
    return _target(chosen.given.tables)


def box_of(box: Any, variables: Sequence[str]) -> reports.Box:
    """A pair for each variable; see `compile`.

    Raises
    ------
    CheapError
        If the box names other variables, or is not finite.
    """
    if not isinstance(box, Mapping):
        return reports.check_box(box, len(variables))
    if set(box) != set(variables):
        raise CheapError(f"box for {', '.join(map(str, box))}: give a pair for each of {', '.join(variables)}")
    return reports.check_box([box[name] for name in variables], len(variables))


def _neurons(laid: Plan) -> int:
    return 4 * laid.count("product") + 2 * laid.count("square") + 2 * laid.count("copy")


def _target(tables: Sequence[Terms]) -> Callable[[Any], Any]:
    """The polynomials themselves, term by term: in extended precision, or in mpf for object arrays."""

    def values(x: Any) -> Any:
        exact = x.dtype.kind == "O"
        points = x if exact else x.astype(np.longdouble)
        powers: dict[tuple[int, int], Any] = {}

        def power(i: int, k: int) -> Any:
            if (i, k) not in powers:
                powers[i, k] = points[:, i] ** k
            return powers[i, k]

        found = []
        for table in tables:
            total = np.zeros(len(x), dtype=points.dtype)
            for key, c in table.items():
                term = network.to_mpf(c) if exact else _long(c)
                for i, k in enumerate(key):
                    if k:
                        term = term * power(i, k)
                total = total + term
            found.append(total)
        stacked = np.stack(found, axis=1)
        return stacked if exact else stacked.astype(np.float64)

    return values


def _long(c: Any) -> Any:
    first = float(c)
    rest = float(c - Fraction(first)) if isinstance(c, Fraction) else float(c - first)
    return np.longdouble(first) + np.longdouble(rest)
