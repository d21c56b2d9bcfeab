"""Minimal sufficient statistics of finite tables, with the information they lose as the proof.

A statistic T(x) is sufficient for y when p(y|x) depends on x through T alone; then I(y;T) = I(y;x). The coarsest such
T merges exactly the states with one posterior p(y|x) (Lehmann & Scheffé 1950; Cover & Thomas 2006, § 2.9). In floating
point "one posterior" needs a tolerance: states are linked when no class differs by more than it in

    u = √(p(y|x) + 10 · tolerance) ,

and groups are the connected components (`rgnet.information.grouping`; no rounding grid, so no pair of equal posteriors
can be split by one). The square root measures what a merger costs: a difference δu loses of the order of δu² nats. The
shift makes u smooth at zero: at the default tolerance 1e-9 probabilities that differ by 2e-13 or less near 0, or by
2e-9 or less near 1, merge, which holds rounding errors of tables of thousands of states; differences of 1e-5 stay.

What merging loses is then computed exactly, as a sum of terms that cannot be negative,

    I(y;x) − I(y;T) = Σ_x p(x) KL(p(y|x) ‖ p(y|T(x))) ,

each to relative precision, so that a loss of 1e-20 reads 1e-20. Tables of integers or of ``fractions.Fraction`` take
no tolerance: states merge when their posteriors are equal rationals, and the loss is 0.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.information import tables
from rgnet.information.grouping import group_rows

__all__ = [
    "Sufficient",
    "group_rows",
    "information_lost",
    "minimal_sufficient",
    "minimal_sufficient_of_posteriors",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TOLERANCE = 1e-9
SMALL = 3e-3  # relative differences below which the loss is summed as a series
BLOCK = 1 << 20  # numbers in the temporary arrays of one block of states


@dataclass(frozen=True)
class Sufficient:
    """A statistic T of the states x of a finite table, and what it keeps about y.

    Calling it maps states (integers) to labels.

    Attributes
    ----------
    labels : array (states,) of int64
        T(x) = 0 … count − 1, numbered in order of first appearance; −1 for states of probability zero.
    count : int
        Number of values of T.
    posterior : array (count, classes)
        p(y|T); Fractions where the table was rational.
    weights : array (count,)
        p(T); Fractions where the table was rational.
    kept, lost : float
        I(y;T), and I(y;x) − I(y;T) ≥ 0, in nats.
    tolerance : float
        What posteriors were allowed to differ by (0 for rational tables).
    """

    labels: Ints = field(repr=False)
    count: int
    posterior: npt.NDArray[Any] = field(repr=False)
    weights: npt.NDArray[Any] = field(repr=False)
    kept: float
    lost: float
    tolerance: float

    def __call__(self, states: Any) -> Ints:
        """Labels of states.

        Parameters
        ----------
        states : array of integers, any shape
            Indices of states of the table.

        Raises
        ------
        ValueError
            If they are not integers, or outside the table.
        """
        index = np.asarray(states)
        if index.dtype.kind not in "iu":
            raise ValueError(f"states of dtype {index.dtype}: give the integers that number the table's states")
        if index.size and (index.min() < 0 or index.max() >= self.labels.size):
            raise ValueError(f"states {index.min()} … {index.max()}: the table has states 0 … {self.labels.size - 1}")
        return np.asarray(self.labels[index])


def minimal_sufficient(joint: Any, *, tolerance: float = TOLERANCE) -> Sufficient:
    """Minimal sufficient statistic of x for y, and the information it loses.

    Parameters
    ----------
    joint : array (classes, states)
        p(y, x): rows are the classes of y, columns the states of x. Floats sum to one. ``Fraction`` objects sum to
        exactly one; a table of integers only is one of counts, which stand for their exact fractions of the total.
    tolerance : float
        What two posteriors may differ by, in √(p + 10·tolerance), to count as one; 0 merges equal floats only.
        Rational tables ignore it.

    Returns
    -------
    Sufficient

    Raises
    ------
    ValueError
        If the table is empty, has not two axes, holds anything but real numbers, is negative, not finite, or does not
        sum to one.
    """
    array = np.asarray(joint)
    if array.dtype.kind in "iuO":
        return _of_rationals(array)
    table = tables.check_joint(array, 2, "joint")
    mass = table.sum(axis=0)
    positive = mass > 0
    posterior = (table[:, positive] / mass[positive]).T
    return _grouped(posterior, mass, positive, tolerance)


def minimal_sufficient_of_posteriors(posteriors: Any, weights: Any, *, tolerance: float = TOLERANCE) -> Sufficient:
    """The same from a list of posteriors, one for each state.

    Parameters
    ----------
    posteriors : array (states, classes)
        p(y|x), each row summing to one (rows of weight zero too).
    weights : array (states,)
        p(x), summing to one.
    tolerance : float
        As in `minimal_sufficient`.

    Raises
    ------
    ValueError
        If a row, or the weights, are no probabilities, or there are not as many rows as weights.
    """
    rows = tables.check_rows(posteriors, "posteriors")
    mass = tables.check_joint(weights, 1, "weights")
    if len(rows) != len(mass):
        raise ValueError(f"{len(rows)} posteriors and {len(mass)} weights: give one weight for each posterior")
    positive = mass > 0
    return _grouped(rows[positive], mass, positive, tolerance)


def information_lost(joint: Any, labels: Any) -> float:
    """I(y;x) − I(y;f(x)) of any map f of the states of x, in nats: exact, never negative, 0 iff f is sufficient.

    Parameters
    ----------
    joint : array (classes, states)
        p(y, x); Fractions are read as floats.
    labels : array (states,) of integers
        f(x) ≥ 0; states of probability zero may have −1.

    Raises
    ------
    ValueError
        If the table is none (see `minimal_sufficient`), or the labels are not such integers.
    """
    array = np.asarray(joint)
    if array.dtype.kind == "O":
        _check_rationals(array)
        array = array.astype(np.float64)
    table = tables.check_joint(array, 2, "joint")
    index = np.asarray(labels)
    if index.shape != table.shape[1:] or index.dtype.kind not in "iu":
        raise ValueError(
            f"labels of shape {index.shape}, dtype {index.dtype}: give one integer for each of the {table.shape[1]} "
            "states"
        )
    mass = table.sum(axis=0)
    positive = mass > 0
    if (index[positive] < 0).any():
        raise ValueError("a state of positive probability has a negative label: only impossible states may have −1")
    _, local = np.unique(index[positive], return_inverse=True)
    posterior = (table[:, positive] / mass[positive]).T
    centres, _ = _centres(posterior, mass[positive], local)
    return _loss(posterior, mass[positive], centres[local])


def _grouped(posterior: Floats, mass: Floats, positive: npt.NDArray[np.bool_], tolerance: float) -> Sufficient:
    """From the posteriors (states of positive mass, classes) and the mass of all states."""
    number = isinstance(tolerance, int | float | np.integer | np.floating) and not isinstance(tolerance, bool)
    if not (number and math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance={tolerance!r}: a finite number, zero or positive")
    local = group_rows(np.sqrt(posterior + 10.0 * tolerance) if tolerance else posterior, tolerance)
    weights = mass[positive]
    centres, total = _centres(posterior, weights, local)
    labels = np.full(mass.size, -1, dtype=np.int64)
    labels[positive] = local
    return Sufficient(
        labels=labels,
        count=total.size,
        posterior=centres,
        weights=total,
        kept=tables.mutual_information_of(centres * total[:, None]),
        lost=_loss(posterior, weights, centres[local]),
        tolerance=float(tolerance),
    )


def _centres(posterior: Floats, weights: Floats, labels: Ints) -> tuple[Floats, Floats]:
    """Posterior and weight of each group."""
    joint = np.stack([np.bincount(labels, weights * column) for column in posterior.T], axis=1)
    # Divided by its own sum, not by Σ p(x): a row then sums to one whatever rounding did to p(x)
    total = joint.sum(axis=1)
    return joint / total[:, None], total


def _loss(posterior: Floats, weights: Floats, centres: Floats) -> float:
    """Σ p(x) KL(p(·|x) ‖ q(·|x)), summed as q[(1+t) ln(1+t) − t] ≥ 0 with t = p/q − 1."""
    total = 0.0
    step = max(1, BLOCK // posterior.shape[1])
    for begin in range(0, len(posterior), step):
        p, q = posterior[begin : begin + step], centres[begin : begin + step]
        t = (p - q) / np.where(q > 0, q, 1.0)
        near, gone = np.abs(t) < SMALL, t <= -1.0
        term = t * t * (0.5 - t * (1 / 6 - t * (1 / 12 - t * (1 / 20 - t / 30))))
        if not near.all():
            far = np.where(near | gone, 0.0, t)
            term = np.where(near, term, np.where(gone, 1.0, (1.0 + far) * np.log1p(far) - far))
        total += float(((q * term).sum(axis=1) * weights[begin : begin + step]).sum())
    return total


def _of_rationals(array: npt.NDArray[Any]) -> Sufficient:
    """The exact route: a table of Fractions that sum to one, or of counts."""
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"joint has shape {array.shape}: a table has two axes, (classes, states)")
    if array.dtype.kind == "O":
        _check_rationals(array)
    negative = int((array < 0).sum())
    if negative:
        raise ValueError(f"joint has {negative} negative entries: probabilities are not negative")
    # NumPy's integers, which `tolist` leaves in an array of objects, would wrap around
    columns = [[int(e) if isinstance(e, np.integer) else e for e in column] for column in array.T.tolist()]
    total = Fraction(sum(sum(column) for column in columns))
    whole = all(entry.denominator == 1 for column in columns for entry in column)
    if total == 0 or (total != 1 and not whole):
        raise ValueError(f"joint sums to {total}, not to one: divide a table of weights by its sum first")
    found: dict[tuple[int, ...], int] = {}
    labels = np.full(len(columns), -1, dtype=np.int64)
    weights: list[Any] = []
    for x, column in enumerate(columns):
        key = _in_lowest_terms(column)
        if key:
            labels[x] = label = found.setdefault(key, len(found))
            if label == len(weights):
                weights.append(0)
            weights[label] += sum(column)
    posterior = np.array([[Fraction(entry, sum(row)) for entry in row] for row in found], dtype=object)
    mass = np.array([Fraction(weight) / total for weight in weights], dtype=object)
    return Sufficient(
        labels=labels,
        count=len(found),
        posterior=posterior,
        weights=mass,
        kept=tables.mutual_information_of((posterior * mass[:, None]).astype(np.float64)),
        lost=0.0,
        tolerance=0.0,
    )


def _check_rationals(array: npt.NDArray[Any]) -> None:
    wrong = [entry for entry in array.flat if not isinstance(entry, Rational)]
    if wrong:
        raise ValueError(
            f"joint has dtype object and holds {wrong[0]!r}: exact tables hold Fractions or integers; "
            "convert others with astype(float)"
        )


def _in_lowest_terms(column: list[Any]) -> tuple[int, ...]:
    """The smallest integers in the ratios of a column; empty for a column of zeros."""
    scale = math.lcm(*(entry.denominator for entry in column))
    integers = [int(entry * scale) for entry in column]
    divisor = math.gcd(*integers)
    return tuple(entry // divisor for entry in integers) if divisor else ()
