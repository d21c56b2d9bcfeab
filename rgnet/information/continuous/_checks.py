"""What every estimator on real vectors asks of its input, and what it warns of."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.information.samples import InformationWarning, as_points

Floats = npt.NDArray[np.float64]

TIED = 0.01  # share of repeated values in a column from which on it is warned of


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


def warn_of_ties(**variables: Floats) -> bool:
    """Warn where values repeat, and say whether: nearest neighbours are then not those of a density."""
    found = False
    for name, rows in variables.items():
        ordered = np.sort(rows, axis=0)
        repeated = float((ordered[1:] == ordered[:-1]).mean(axis=0).max())
        if repeated > TIED:
            found = True
            warnings.warn(
                f"{repeated:.1%} of the values of {name} repeat earlier ones: this estimator is for continuous "
                "variables. If they are labels or partly discrete use discrete_continuous() or mixture(); if they are "
                "rounded or repeated draws, leave repetitions out or give the unrounded values (no noise is added)",
                InformationWarning,
                stacklevel=4,
            )
    return found
