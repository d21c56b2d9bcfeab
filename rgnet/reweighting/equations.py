"""The equations of multi-histogram reweighting, on arrays: their solution, the weights of draws, what ties the data.

n_r independent draws are from coupling K_r, r = 1 … R, where p_r(x) = exp(K_r S(x) − … )/Z_r. All draws together are as
if from the mixture Σ_r n_r p_r, so that with f_r = −ln Z_r and D(S) = ln Σ_r n_r exp(f_r + K_r S)

    ln Z(K) = ln Σ_i exp(K S_i − D(S_i)) ,      ⟨A⟩_K = Σ_i A_i w_i ,      w_i = exp(K S_i − D(S_i)) / Z(K) ,

and the f_r are those at which −ln Z(K_r) = f_r. They minimise the convex function

    F(f) = Σ_i D(S_i) − Σ_r n_r f_r ,    ∂F/∂f_r = Σ_i W_ir − n_r ,    ∂²F/∂f_r∂f_s = Σ_i W_ir (δ_rs − W_is) ,

W_ir = n_r exp(f_r + K_r S_i − D_i) being the probability that draw i is of set r; so Newton's method finds them. Draws
of the same S are alike here, and are counted instead of listed: on a lattice of integer S the work is that of a
histogram. Between the sets up to r and those after it, Σ_i P_i (1 − P_i) with P_i = Σ_{s≤r} W_is is the information
about the ratio of their Z (Bennett's): a number of draws, which must not be small.

Source: Ferrenberg & Swendsen (1989), eq. 6–7; Shirts & Chodera (2008), eq. 11; Bennett (1976).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet._jit import njit

Array = npt.NDArray[np.float64]

_STEPS = 100
_SMALL = 1e-7  # of a Newton step in f, after which the error is its square


class NoOverlapError(ValueError):
    """Two neighbouring sets share no draws, and nothing fixes the ratio of their Z."""


@njit
def _newton(levels: Any, counts: Any, couplings: Any, heights: Any, gradient: Any, hessian: Any) -> float:
    """Σ_i D_i, Σ_i W_ir and Σ_i W_ir (δ_rs − W_is); heights = ln n_r + f_r, −inf where n_r = 0."""
    n = couplings.shape[0]
    share = np.empty(n)
    gradient[:] = 0.0
    hessian[:] = 0.0
    total = 0.0
    for b in range(levels.shape[0]):
        if counts[b] == 0:
            continue
        most = -np.inf
        for r in range(n):
            share[r] = heights[r] + couplings[r] * levels[b]
            most = max(most, share[r])
        mass = 0.0
        for r in range(n):
            share[r] = np.exp(share[r] - most)
            mass += share[r]
        total += counts[b] * (most + np.log(mass))
        for r in range(n):
            share[r] /= mass
            if share[r] == 0.0:
                continue
            gradient[r] += counts[b] * share[r]
            hessian[r, r] += counts[b] * share[r]
            for s in range(r + 1):
                hessian[r, s] -= counts[b] * share[r] * share[s]
    for r in range(n):
        for s in range(r):
            hessian[s, r] = hessian[r, s]
    return total


def _heights(f: Array, numbers: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(numbers) + f)


def first_guess(couplings: Array, means: Array, variances: Array) -> Array:
    """f_r − f_0 from the means of S and its variances: the trapezium rule with its first correction."""
    step = np.diff(couplings)
    rise = step * (means[1:] + means[:-1]) / 2 - step**2 * np.diff(variances) / 12
    return -np.concatenate([[0.0], np.cumsum(rise)])


def solve(levels: Array, counts: Array, couplings: Array, numbers: Array, f: Array) -> Array:
    """The f_r with f_0 = 0, from a guess.

    Parameters
    ----------
    levels, counts : array (B,)
        Values of S, and how many draws have each.
    couplings, numbers : array (R,)
        K_r, increasing, and n_r; a set without draws takes no part, and its f is meaningless.
    f : array (R,)
        Where to begin.

    Raises
    ------
    NoOverlapError
        If Newton's method does not converge, which takes sets that share nothing.
    """
    f = f.copy()
    there = np.flatnonzero(numbers > 0)[1:]  # the first is fixed
    gradient, hessian = np.empty(f.size), np.empty((f.size, f.size))
    trial_gradient, trial_hessian = np.empty_like(gradient), np.empty_like(hessian)

    def objective(f: Array, gradient: Array, hessian: Array) -> float:
        return float(_newton(levels, counts, couplings, _heights(f, numbers), gradient, hessian) - (numbers * f).sum())

    value = objective(f, gradient, hessian)
    for _ in range(_STEPS if there.size else 0):
        step = np.zeros(f.size)
        try:
            step[there] = np.linalg.solve(hessian[np.ix_(there, there)], (gradient - numbers)[there])
        except np.linalg.LinAlgError as error:
            raise NoOverlapError("the equations are singular") from error
        for _halving in range(40):
            trial = objective(f - step, trial_gradient, trial_hessian)
            if trial <= value + 1e-12 * abs(value):
                break
            step /= 2
        f, value = f - step, trial
        gradient, trial_gradient = trial_gradient, gradient
        hessian, trial_hessian = trial_hessian, hessian
        if np.abs(step).max() < _SMALL:
            return np.asarray(f - f[0])
    if not there.size:
        return np.asarray(f - f[0])
    raise NoOverlapError("the equations have no solution")


@njit
def denominators(levels: Any, couplings: Any, heights: Any) -> Any:
    """D(S) of every level."""
    result = np.empty(levels.shape[0])
    for b in range(levels.shape[0]):
        most = -np.inf
        for r in range(couplings.shape[0]):
            most = max(most, heights[r] + couplings[r] * levels[b])
        mass = 0.0
        for r in range(couplings.shape[0]):
            mass += np.exp(heights[r] + couplings[r] * levels[b] - most)
        result[b] = most + np.log(mass)
    return result


def reweighted(
    levels: Array, counts: Array, sums: Array, couplings: Array, numbers: Array, f: Array, targets: Array
) -> tuple[Array, Array]:
    """ln Z and means at other couplings.

    Parameters
    ----------
    sums : array (B, A)
        Sums of observables over the draws of each level.
    targets : array (T,)
        Couplings.

    Returns
    -------
    log_Z : array (T,)
        Relative to that of the first set.
    means : array (T, A)
    """
    D = denominators(levels, couplings, _heights(f, numbers))
    log_Z, means = np.empty(targets.size), np.empty((targets.size, sums.shape[1]))
    filled = counts > 0
    for t, K in enumerate(targets):
        exponent = K * levels - D
        most = exponent[filled].max()
        weights = np.exp(np.where(filled, exponent - most, -np.inf))
        mass = weights @ counts
        log_Z[t] = most + np.log(mass)
        means[t] = weights @ sums / mass
    return log_Z, means


def effective(
    levels: Array, counts: Array, inefficiency: Array, couplings: Array, numbers: Array, f: Array, targets: Array
) -> Array:
    """Number of independent draws that the weights at each target leave: (Σ w)² / Σ g w² (Kish), shape (T,).

    ``inefficiency`` (B,) is the sum of g = 2τ over the draws of each level.
    """
    D = denominators(levels, couplings, _heights(f, numbers))
    result = np.empty(targets.size)
    for t, K in enumerate(targets):
        weights = np.exp(K * levels - D - (K * levels - D).max())
        result[t] = (weights @ counts) ** 2 / (weights**2 @ inefficiency)
    return result


def ties(levels: Array, counts: Array, couplings: Array, numbers: Array, f: Array) -> Array:
    """Number of draws that tie the sets up to r to those after it, shape (R − 1,)."""
    heights = _heights(f, numbers)
    D = denominators(levels, couplings, heights)
    before = np.zeros(levels.size)
    result = np.empty(couplings.size - 1)
    for r in range(couplings.size - 1):
        before += np.exp(heights[r] + couplings[r] * levels - D)
        result[r] = (counts * before * np.maximum(1.0 - before, 0.0)).sum()
    return result
