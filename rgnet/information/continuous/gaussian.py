"""Mutual information of Gaussian variables, and of variables with a Gaussian copula.

For jointly Gaussian x (d_x) and y (d_y) with canonical correlations ρ_i,

    I = ½ ln |Σ_x||Σ_y|/|Σ| = −½ Σ_i ln(1 − ρ_i²) .

With the sample covariance of n draws, E ln|S_d| = ln|Σ_d| + Σ_{j<d} ψ((n − 1 − j)/2) + d ln(2/(n − 1)), whatever Σ is
(Wishart; Anderson 2003, sec. 7.5), so that the bias of the plug-in value is known exactly and is taken off:

    Î = −½ Σ ln(1 − ρ̂_i²) − ½ [b(d_x) + b(d_y) − b(d_x + d_y)] ,   b(d) = Σ_{j<d} ψ((n − 1 − j)/2) .

Independent variables read 0 on average. To first order Î is the mean of the local values

    i(x, y) = ½ [x'Σ_x⁻¹x + y'Σ_y⁻¹y − z'Σ⁻¹z] + I ,   z = (x, y)

(they are its influence function, for data that are not Gaussian too); their variance, Σ ρ_i² for Gaussian data, over n,
plus the second-order term d_x d_y/2n² that is left where x and y are independent, is the squared error.

For data that are not Gaussian this is an estimate of another number: neither an upper nor a lower bound on I(x; y).
With *normal scores* Φ⁻¹((rank − ½)/n) in place of the values it is the information of the Gaussian copula with the
same rank correlations, invariant under rising transformations of each column.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.estimate import Estimate
from rgnet.information.continuous import _checks
from rgnet.information.samples import check_unit, over_chains, paired

Floats = npt.NDArray[np.float64]


def gaussian(x: Any, y: Any, *, copula: bool = False, chains: int | None = None, unit: str = "nats") -> Estimate:
    """Mutual information of variables that are jointly Gaussian, or have a Gaussian copula.

    Parameters
    ----------
    x, y : array (n,), (n, d), or DataArray with a dimension ``draw``
        Draws of the two variables, row i of each belonging together.
    copula : bool
        Replace each column by its normal scores first: right for any marginal distributions.
    chains : int, optional
        That the n rows are so many chains of consecutive correlated draws.
    unit : "nats" or "bits"

    Returns
    -------
    Estimate
        Unbiased for Gaussian data; can be negative. For other data it estimates another number than I(x; y).

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, a column is constant or a combination of others, or there are too
        few draws (n ≤ d_x + d_y + 1).
    """
    check_unit(unit)
    (x, y), layout = paired(x, y, chains=chains)

    def estimator(a: Any, b: Any) -> Estimate:
        rows = _prepared(a, b, copula)
        local, value = local_values(*rows), information(*rows)
        name = "Gaussian copula (normal scores)" if copula else "Gaussian (canonical correlations)"
        return Estimate(value, standard_error(local, *rows), method=f"{name}, bias-corrected", n=len(a), unit="nats")

    return over_chains(estimator, [x, y], layout, lambda a, b: local_values(*_prepared(a, b, copula))).to(unit)


def _prepared(x: Any, y: Any, copula: bool) -> tuple[Floats, Floats]:
    rows = _checks.points(x, "x"), _checks.points(y, "y")
    return (normal_scores(rows[0]), normal_scores(rows[1])) if copula else rows


def normal_scores(rows: Floats) -> Floats:
    """Φ⁻¹((rank − ½)/n) of each column (n, d); equal values share their mean rank."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return np.asarray(ndtri((rankdata(rows, axis=0) - 0.5) / len(rows)))


def whitened(rows: Floats, name: str) -> Floats:
    """Columns of unit variance without correlation (n, d), the same span.

    Raises
    ------
    ValueError
        If a column is a combination of others.
    """
    centred = rows - rows.mean(axis=0)
    centred /= centred.std(axis=0)
    n, d = rows.shape
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    if n <= d or s[-1] < 1e-10 * s[0]:
        raise ValueError(
            f"{name}: {d} columns in {n} draws are linearly dependent, so their covariance is singular; "
            "leave out columns that others determine, or take more draws"
        )
    return np.asarray(u * np.sqrt(n))


def canonical(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Canonical axes of x (n, d_x) and of y (n, d_y), uncorrelated with unit variance, and their correlations."""
    a, b = whitened(x, "x"), whitened(y, "y")
    n = len(a)
    if n <= a.shape[1] + b.shape[1] + 1:
        raise ValueError(
            f"{n} draws of {a.shape[1]} + {b.shape[1]} columns: canonical correlations need more draws than columns"
        )
    u, rho, v = np.linalg.svd(a.T @ b / n)
    if rho[0] > 1.0 - 1e-12:
        raise ValueError("a combination of x's columns determines one of y's: their mutual information is infinite")
    return a @ u, b @ v.T, rho


def bias(n: int, d_x: int, d_y: int) -> float:
    """Mean of the plug-in value minus the truth, n draws."""
    from scipy.special import digamma

    def b(d: int) -> float:
        return float(digamma((n - 1 - np.arange(d)) / 2).sum())

    return 0.5 * (b(d_x) + b(d_y) - b(d_x + d_y))


def of_correlations(rho: Floats) -> float:
    """−½ Σ ln(1 − ρ²)."""
    return float(-0.5 * np.log1p(-(rho**2)).sum())


def information(x: Floats, y: Floats) -> float:
    """Bias-corrected Gaussian mutual information of independent draws (n, d_x), (n, d_y), nats."""
    return of_correlations(canonical(x, y)[2]) - bias(len(x), x.shape[1], y.shape[1])


def local_values(x: Floats, y: Floats) -> Floats:
    """Pointwise Gaussian mutual information of each draw (n,), nats; their mean is the plug-in value."""
    a, b, rho = canonical(x, y)
    m = rho.size
    a, b = a[:, :m], b[:, :m]
    joint = (a**2 + b**2 - 2.0 * rho * a * b) / (1.0 - rho**2)
    return np.asarray(0.5 * (a**2 + b**2 - joint).sum(axis=1) + of_correlations(rho))


def standard_error(local: Floats, x: Floats, y: Floats) -> float:
    """Error of the Gaussian estimate from its local values, second order included."""
    n = len(local)
    return float(np.sqrt(local.var() / n + x.shape[1] * y.shape[1] / (2.0 * n**2)))


def null_probability(rho: Floats, n: int, d_x: int, d_y: int) -> float:
    """Probability of sample canonical correlations as large as these or larger where x and y are independent.

    Wilks' Λ = Π(1 − ρ²) by Rao's F approximation (Rao 1951; Anderson 2003, sec. 8.5), exact where d_x or d_y ≤ 2.
    """
    from scipy.special import fdtrc

    squares, product = d_x**2 + d_y**2, d_x * d_y
    s = np.sqrt((product**2 - 4.0) / (squares - 5.0)) if squares > 5 else 1.0
    freedom = (n - 1 - 0.5 * (d_x + d_y + 1)) * s - 0.5 * product + 1.0
    root = np.exp(-2.0 * of_correlations(rho) / s)
    return float(fdtrc(product, freedom, (1.0 - root) / root * freedom / product))


def null_variance(n: int, d_x: int, d_y: int) -> float:
    """Variance of the Gaussian estimate where x and y are independent, exact: about d_x d_y/2n² for many draws.

    −2 Î is then, but for a constant, the logarithm of a product of independent beta variables (Anderson 2003, 8.4).
    """
    from scipy.special import polygamma

    j = np.arange(d_y)
    return 0.25 * float((polygamma(1, (n - 1 - d_x - j) / 2) - polygamma(1, (n - 1 - j) / 2)).sum())
