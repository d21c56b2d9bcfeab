"""Errors of nearest-neighbour estimates, from disjoint subsets of the draws.

The local values of a nearest-neighbour estimate share neighbours, so their variance over n is too small (of KSG's
squared error by a third to a half, as simulation shows). But the variance of such an estimate falls as 1/n (Holmes &
Nemenman 2019, eq. 5), and disjoint subsets of the draws are independent: with the sample variance s² of G estimates
from m draws each, the squared error of the whole is s² m/n, and the interval a Student t with G − 1 degrees of freedom.

Small subsets share fewer neighbours each than the whole does, so s² is too small: by simulation of independent and of
correlated Gaussian variables by a factor of about 1.2 + 15/m, which is put in.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.information.samples import InformationWarning

FEWEST = 4  # subsets
SUBSETS = 8
LARGEST = 1000  # draws in a subset: more would only take longer
OPTIMISM = 1.2, 15.0  # the factor by which s² is too small: the first, plus the second over m


def subsets(n: int, smallest: int) -> list[npt.NDArray[np.int64]]:
    """Disjoint sets of equally many draws, each spread evenly over 0 … n − 1; none where fewer than four fit."""
    count = min(SUBSETS, n // smallest)
    if count < FEWEST:
        return []
    size = min(n // count, LARGEST)
    return [np.arange(size) * (n // size) + offset for offset in range(count)]


def subsampled(function: Callable[..., float], arrays: list[npt.NDArray[Any]], smallest: int) -> tuple[float, float]:
    """Standard error of an estimate and the half width of its 95 % interval.

    Parameters
    ----------
    function : callable
        Maps arrays (m, ...) of independent draws to the estimate.
    arrays : list of arrays (n, ...)
    smallest : int
        Draws that the estimate needs at least.

    Returns
    -------
    (stderr, half) : floats
        NaN where the draws are too few for four subsets, or all subsets give the same number.

    Warns
    -----
    InformationWarning
        If the error is NaN.
    """
    from scipy.stats import t

    n = len(arrays[0])
    parts = subsets(n, smallest)
    if not parts:
        return _unknown(
            f"{n} draws are too few for an error, which is taken from disjoint subsets: it and the interval are NaN; "
            f"take at least {FEWEST * smallest} draws"
        )
    values = np.array([function(*(array[part] for array in arrays)) for part in parts])
    if np.ptp(values) <= 1e-12:
        return _unknown(
            f"all {len(parts)} subsets of the draws give the same, {values[0]:.4g}: no error can be given (NaN); "
            "one variable determines the other, so that the information of continuous variables is infinite, or the "
            "values are discrete: use a discrete method for symbols, mixture() for numbers that repeat"
        )
    m = parts[0].size
    stderr = float(np.sqrt((OPTIMISM[0] + OPTIMISM[1] / m) * values.var(ddof=1) * m / n))
    return stderr, float(t.ppf(0.975, len(parts) - 1)) * stderr


def _unknown(message: str) -> tuple[float, float]:
    warnings.warn(message, InformationWarning, stacklevel=5)
    return float("nan"), float("nan")
