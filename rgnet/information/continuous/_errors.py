"""Errors of nearest-neighbour estimates, from disjoint subsets of the draws.

The local values of a nearest-neighbour estimate share neighbours, so their variance over n is too small (of KSG's
squared error by a third to a half, as simulation shows). But the variance of such an estimate falls as 1/n (Holmes &
Nemenman 2019, eq. 5), and disjoint subsets of the draws are independent: with the sample variance s² of G estimates
from m draws each, the squared error of the whole is s² m/n, and the interval a Student t with G − 1 degrees of freedom.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

SUBSETS = 8
LARGEST = 1000  # draws in a subset: more would only take longer
OPTIMISM = 1.25  # small subsets share fewer neighbours: by simulation their variance is up to so much too small


def subsets(n: int, smallest: int) -> list[npt.NDArray[np.int64]]:
    """Disjoint sets of equally many draws, each spread evenly over 0 … n − 1; none where fewer than four fit."""
    count = min(SUBSETS, n // smallest)
    if count < 4:
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
        NaN where the draws are too few for four subsets.
    """
    from scipy.stats import t

    n = len(arrays[0])
    parts = subsets(n, smallest)
    if not parts:
        return float("nan"), float("nan")
    values = np.array([function(*(array[part] for array in arrays)) for part in parts])
    stderr = float(np.sqrt(OPTIMISM * values.var(ddof=1) * parts[0].size / n))
    return stderr, float(t.ppf(0.975, len(parts) - 1)) * stderr
