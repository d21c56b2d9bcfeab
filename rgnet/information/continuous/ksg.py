"""Mutual information of continuous variables from nearest neighbours (Kraskov, Stögbauer & Grassberger 2004).

With the maximum norm in each space and over the two, and for each draw i the distance ε_i to its k-th neighbour in the
joint space, let n_x(i) be the number of other draws with |x_j − x_i| < ε_i, strictly. Their first estimator (eq. 8) is

    Î₁ = ψ(k) + ψ(N) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩ ,

and the second (eq. 9), with ε_x and ε_y the largest distances in x and in y among the k neighbours, and n_x now the
number of other draws with |x_j − x_i| ≤ ε_x,

    Î₂ = ψ(k) − 1/k + ψ(N) − ⟨ψ(n_x) + ψ(n_y)⟩ .

Both read about 0 where x and y are independent, in any dimension, and their bias is small where d_x + d_y ≤ 4 and
I is not large. Beyond, they read too little: −0.18 at d_x = d_y = 5 and N = 10⁴ (I = 1), nearly everything in 25
dimensions. The interval holds the scatter, not this bias.

The error is that of `rgnet.information.continuous._errors`: from disjoint subsets of the draws.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rgnet.estimate import Estimate
from rgnet.information.continuous import _checks, _errors, knn
from rgnet.information.samples import check_unit, over_chains, paired

Floats = npt.NDArray[np.float64]

BIASED = 5  # columns together from which on the method says that the interval does not hold the bias


def ksg(
    x: Any, y: Any, *, k: int = 3, algorithm: Literal[1, 2] = 1, chains: int | None = None, unit: str = "nats"
) -> Estimate:
    """Mutual information of continuous variables by nearest neighbours (KSG 1 or 2), in the maximum norm.

    Distances are taken as the columns are: bring them to like scales first (unit variance, or normal scores).

    Parameters
    ----------
    x, y : array (n,), (n, d), or DataArray with a dimension ``draw``
        Draws of the two variables, row i of each belonging together.
    k : int
        Neighbours: fewer give less bias, more give less scatter.
    algorithm : 1 or 2
        Which of the paper's two estimators.
    chains : int, optional
        That the n rows are so many chains of consecutive correlated draws.
    unit : "nats" or "bits"

    Returns
    -------
    Estimate
        Can be negative. Its interval holds the scatter; from 5 columns together, or for strong dependence, the bias
        (downwards) can be larger, and the method says so.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, a column is constant, k ≥ n, or a draw coincides with k others.

    Warns
    -----
    InformationWarning
        If more than 1 % of a column's values repeat earlier ones, spreads of columns differ by more than 100, the
        draws are too few for an error (16 k), or it is 0 (as where one variable determines the other): it is then NaN.
    """
    check_unit(unit)
    if algorithm not in (1, 2):
        raise ValueError(f"algorithm={algorithm!r}: Kraskov, Stögbauer & Grassberger give estimators 1 and 2")
    (x, y), layout = paired(x, y, chains=chains)
    _checks.warn_of_scales(np.concatenate([_checks.points(x, "x"), _checks.points(y, "y")], axis=1))

    def local(a: Any, b: Any) -> Floats:
        rows = _checks.points(a, "x"), _checks.points(b, "y")
        return local_values(*rows, _checks.neighbourhood(k, len(rows[0])), algorithm)

    def estimator(a: Any, b: Any) -> Estimate:
        a, b = _checks.points(a, "x"), _checks.points(b, "y")
        _checks.warn_of_ties(x=a, y=b)
        values = local(a, b)
        columns = a.shape[1] + b.shape[1]
        method = f"KSG {algorithm} (k={k}, maximum norm)"
        if columns >= BIASED:
            method += f"; in {columns} dimensions biased towards 0, which the interval does not contain"
        stderr, half = _errors.subsampled(lambda c, d: float(local_values(c, d, k, algorithm).mean()), [a, b], 4 * k)
        value = float(values.mean())
        return Estimate(value, stderr, (value - half, value + half), method=method, n=len(values), unit="nats")

    return over_chains(estimator, [x, y], layout, local).to(unit)


def local_values(x: Floats, y: Floats, k: int = 3, algorithm: int = 1) -> Floats:
    """Local values (n,) whose mean is the KSG estimate, nats, from independent draws (n, d_x) and (n, d_y).

    Raises
    ------
    ValueError
        If a draw coincides with k others.
    """
    from scipy.special import digamma

    distances, indices = knn.neighbours(np.concatenate([x, y], axis=1), k)
    _checks.refuse_coincidences(distances[:, -1], k)
    constant = digamma(k) + digamma(len(x))
    if algorithm == 1:
        radii = np.ascontiguousarray(distances[:, -1])
        return np.asarray(constant - digamma(knn.counts(x, radii) + 1) - digamma(knn.counts(y, radii) + 1))
    result = np.full(len(x), constant - 1.0 / k)
    for points in (x, y):
        radii = np.zeros(len(x))
        for column in range(k):
            radii = np.maximum(radii, np.abs(points[indices[:, column]] - points).max(axis=1))
        result -= digamma(knn.counts(points, radii, closed=True))
    return result


def information(x: Floats, y: Floats, k: int = 3) -> float:
    """KSG 1 of independent draws (n, d_x) and (n, d_y), nats."""
    return float(local_values(x, y, k).mean())
