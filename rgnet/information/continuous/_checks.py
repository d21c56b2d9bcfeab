"""What every estimator on real vectors asks of its input, and what it warns of."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.information.samples import InformationWarning, as_points

Floats = npt.NDArray[np.float64]

TIED = 0.01  # share of repeated values in a column from which on it is warned of
UNLIKE = 100.0  # ratio of the spreads of two columns from which on it is warned of


def points(array: npt.NDArray[Any], name: str) -> Floats:
    """Rows as real vectors (n, d), none of whose columns is constant.

    Raises
    ------
    ValueError
        If the values are not real numbers, or a column never changes.
    """
    rows = as_points(array)
    if len(rows) < 2:
        raise ValueError(f"{name} has one draw: an estimate of information needs several")
    constant = np.flatnonzero((rows == rows[0]).all(axis=0))
    if constant.size:
        which = f"column {', '.join(map(str, constant[:5]))} of {name}" if rows.shape[1] > 1 else name
        raise ValueError(f"{which} never changes (it is {rows[0, constant[0]]:g}): it has no density; leave it out")
    return rows


def neighbourhood(k: int, n: int) -> int:
    """Check k.

    Raises
    ------
    ValueError
        If k is not a whole number from 1 to n − 1.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k < n:
        raise ValueError(
            f"k={k!r} with {n} draws: a point has {n - 1} neighbours; give a whole k from 1 to {n - 1} (3 is usual)"
        )
    return int(k)


ADVICE = (
    "this estimator is for continuous variables. If they are labels or partly discrete use discrete_continuous() or "
    "mixture(); if they are rounded or repeated draws, leave repetitions out or give the unrounded values (no noise is "
    "added): else a bias is possible that the interval does not hold"
)


def repeated(rows: Floats) -> float:
    """The largest share of repeated values in a column."""
    ordered = np.sort(rows, axis=0)
    return float((ordered[1:] == ordered[:-1]).mean(axis=0).max())


def warn_of_ties(advice: str = ADVICE, **variables: Floats) -> bool:
    """Warn where values repeat, and say whether: nearest neighbours are then not those of a density."""
    found = False
    for name, rows in variables.items():
        share = repeated(rows)
        if share > TIED:
            found = True
            message = f"{share:.1%} of the values of {name} repeat earlier ones: {advice}"
            warnings.warn(message, InformationWarning, stacklevel=4)
    return found


def warn_of_scales(rows: Floats) -> None:
    """Warn where columns (n, d) have very different spreads: those of small spread are not seen in the maximum norm."""
    spreads = np.abs(rows - np.median(rows, axis=0)).mean(axis=0)
    spreads = spreads[spreads > 0]
    if spreads.size and spreads.max() > UNLIKE * spreads.min():
        warnings.warn(
            f"the spreads of the columns differ by a factor {spreads.max() / spreads.min():.3g}, and the neighbours of "
            "a point hardly depend on the narrow ones: bring columns to like scales first (divide each by its standard "
            "deviation), or use the default, which takes normal scores",
            InformationWarning,
            stacklevel=4,
        )


def refuse_coincidences(radii: Floats, k: int) -> None:
    """Raise where draws coincide with k others.

    Raises
    ------
    ValueError
        If a radius, the distance to the k-th neighbour, is 0.
    """
    if (radii == 0).any():
        raise ValueError(
            f"{np.count_nonzero(radii == 0)} of {len(radii)} draws coincide with {k} others: the variables are at "
            'least partly discrete, for which KSG has no value; use mixture() or the default ("auto"), for symbols '
            "alone a discrete method"
        )
