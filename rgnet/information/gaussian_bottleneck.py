"""The Gaussian information bottleneck in closed form, and its reading as a renormalization group.

Of all T = A x + ξ, ξ ~ N(0, 1), which one minimises I(T;x) − β I(T;y), for jointly Gaussian x and y? (For these the
best T is such a linear one with noise.) With λ_i and v_i the eigenvalues and left eigenvectors of Σ_{x|y} Σ_x⁻¹
(Chechik, Globerson, Tishby & Weiss 2005, theorem 3.1), normalised to v_iᵀ Σ_x v_i = 1,

    A(β) = rows α_i v_iᵀ ,     α_i² = [β(1 − λ_i) − 1]/λ_i where β > β_i = 1/(1 − λ_i), else 0 ,

    I(T;x) = ½ Σ_{β>β_i} ln[(β − 1)(1 − λ_i)/λ_i] ,     I(T;y) = I(T;x) − ½ Σ_{β>β_i} ln[β(1 − λ_i)] .

1 − λ_i = ρ_i² are the squared canonical correlations, here found as singular values of L_x⁻¹ Σ_xy L_y⁻ᵀ (L: Cholesky
factors), so that no matrix is squared or inverted.

**As a renormalization group.** Directions appear one by one as β grows, the most relevant first, and the others are
forgotten: what y is decides which those are. Let x be a translation-invariant field and let y be what is asked of it,
with the momenta independent, so that the v_i are Fourier modes and λ = 1/(1 + s(k)), s(k) the signal-to-noise ratio of
mode k in y. If s falls with |k| then T at β holds the modes |k| < k_c(β) and no others, with β s(k_c)/(1 + s(k_c)) = 1:
lowering β is integrating out short wavelengths, with α(k)² as the soft cutoff profile that a Wilsonian scheme has to
choose, here derived (Kline & Palmer 2022, "Gaussian information bottleneck and the non-perturbative renormalization
group"). Whether a direction is relevant depends on y: with a y that speaks of short wavelengths the order is reversed.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ASYMMETRY = 1e-9  # relative
LEAST_EIGENVALUE = 1e-13  # of λ; below it y fixes a direction of x for all that float64 can tell


@dataclass(frozen=True)
class GaussianBottleneck:
    """The solution for every β.

    Attributes
    ----------
    eigenvalues : array (nx,)
        λ_i of Σ_{x|y} Σ_x⁻¹, rising: the fraction of the variance of direction i that y leaves open.
    critical : array (nx,)
        β_i = 1/(1 − λ_i) at which direction i appears, rising; infinite for directions of which y knows nothing.
    directions : array (nx, nx)
        v_i as rows, most relevant first; v_iᵀ Σ_x v_i = 1, and different ones are uncorrelated. The first entry of the
        largest modulus is positive.
    """

    eigenvalues: Floats
    critical: Floats
    directions: Floats = field(repr=False)

    def gains(self, beta: float) -> Floats:
        """α_i(β)² of each direction, shape (nx,): its signal-to-noise ratio in T; 0 below β_i.

        Raises
        ------
        ValueError
            If β is not a finite number of at least 1. (Below 1 nothing is worth its cost, at 1 the same.)
        """
        if not (np.isfinite(beta) and beta >= 1):
            raise ValueError(f"beta={beta!r}: a finite number, at least 1")
        return np.maximum((beta * (1.0 - self.eigenvalues) - 1.0) / self.eigenvalues, 0.0)

    def projection(self, beta: float) -> Floats:
        """A(β), shape (directions that have appeared, nx): T = A x + unit noise.

        Raises
        ------
        ValueError
            As `gains`.
        """
        gains = self.gains(beta)
        used = gains > 0
        return np.asarray(np.sqrt(gains[used])[:, None] * self.directions[used])

    def information(self, beta: float) -> tuple[float, float]:
        """I(T;x) and I(T;y) at β, nats.

        Raises
        ------
        ValueError
            As `gains`.
        """
        gains = self.gains(beta)
        about_x = 0.5 * np.log1p(gains)
        about_y = about_x - 0.5 * np.log1p(gains * self.eigenvalues)
        return float(about_x.sum()), float(about_y.sum())

    def total(self) -> float:
        """I(x;y), nats: what I(T;y) tends to as β grows."""
        return float(-0.5 * np.log(self.eigenvalues).sum())

    def curve(self, betas: Any) -> tuple[Floats, Floats]:
        """I(T;x) and I(T;y) at many β, two arrays of their shape (m,): the information curve.

        Raises
        ------
        ValueError
            As `gains`.
        """
        points = np.array([self.information(float(beta)) for beta in np.atleast_1d(betas)])
        return points[:, 0], points[:, 1]


def gaussian_bottleneck(covariance_x: Any, covariance_y: Any, covariance_xy: Any) -> GaussianBottleneck:
    """Solve the Gaussian information bottleneck of x about y.

    Parameters
    ----------
    covariance_x : array (nx, nx)
    covariance_y : array (ny, ny)
    covariance_xy : array (nx, ny)
        Cov(x_i, y_j).

    Raises
    ------
    ValueError
        If shapes disagree, something is not finite, a covariance is not symmetric and positive definite, or y fixes a
        direction of x without noise (then I(x;y) is infinite).
    """
    x, y = _covariance(covariance_x, "covariance_x"), _covariance(covariance_y, "covariance_y")
    xy = _finite(covariance_xy, "covariance_xy")
    if xy.shape != (len(x), len(y)):
        raise ValueError(f"covariance_xy has shape {xy.shape}: x and y have {len(x)} and {len(y)} components")
    from scipy.linalg import solve_triangular

    # Unit variances first: the units of the components then cost no digits
    scale_x, scale_y = np.sqrt(np.diag(x)), np.sqrt(np.diag(y))
    root_x = _cholesky(x / np.outer(scale_x, scale_x), "covariance_x")
    root_y = _cholesky(y / np.outer(scale_y, scale_y), "covariance_y")
    half = solve_triangular(root_x, xy / np.outer(scale_x, scale_y), lower=True)
    whitened = solve_triangular(root_y, half.T, lower=True).T
    vectors, singular, _ = np.linalg.svd(whitened, full_matrices=True)
    correlations = np.zeros(len(x))
    correlations[: singular.size] = singular
    correlations[correlations < len(x) * np.finfo(np.float64).eps] = 0.0
    eigenvalues = (1.0 - correlations) * (1.0 + correlations)
    if eigenvalues.min() < LEAST_EIGENVALUE:
        raise ValueError(
            f"a canonical correlation of x and y is {correlations.max():.15g}: y fixes a direction of x, and I(x;y) is "
            "infinite (or the covariances are of no joint Gaussian); add the noise that y has, or drop that direction"
        )
    directions = solve_triangular(root_x, vectors, lower=True, trans="T").T / scale_x
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    with np.errstate(divide="ignore"):
        critical = 1.0 / correlations**2
    return GaussianBottleneck(eigenvalues, critical, directions * np.sign(largest))


def _finite(matrix: Any, name: str) -> Floats:
    array = np.asarray(matrix)
    if array.dtype.kind not in "biuf" or array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}, dtype {array.dtype}: give a matrix of real numbers")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has {np.count_nonzero(~np.isfinite(array))} entries that are not finite")
    return array.astype(np.float64)


def _covariance(matrix: Any, name: str) -> Floats:
    array = _finite(matrix, name)
    if array.shape[0] != array.shape[1]:
        raise ValueError(f"{name} has shape {array.shape}: a covariance matrix is square")
    asymmetry = float(np.abs(array - array.T).max())
    if asymmetry > ASYMMETRY * float(np.abs(array).max()):
        raise ValueError(f"{name} is not symmetric: entries (i, j) and (j, i) differ by up to {asymmetry:.3g}")
    if np.diag(array).min() <= 0:
        raise ValueError(f"{name} has the variance {np.diag(array).min():.3g}: drop constant components")
    return 0.5 * (array + array.T)


def _cholesky(matrix: Floats, name: str) -> Floats:
    try:
        return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        least = float(np.linalg.eigvalsh(matrix)[0])
        raise ValueError(
            f"{name} is not positive definite (least eigenvalue of its correlation matrix {least:.3g}): "
            "drop components that others determine"
        ) from None
