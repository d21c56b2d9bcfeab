"""NSB: the posterior of the entropy under symmetric Dirichlet priors, averaged over their concentration.

For a Dirichlet prior with parameter β on each of k states, N draws have the evidence

    P(counts | β) = Γ(kβ)/Γ(N + kβ) ∏_i Γ(n_i + β)/Γ(β) ,

the entropy is expected to be ξ(β) = ψ(kβ + 1) − ψ(β + 1) before and, with a_i = n_i + β and A = N + kβ,

    E H = ψ(A + 1) − Σ (a_i/A) ψ(a_i + 1)

after them; its variance is that of Wolpert & Wolf (1995), written about E H so that nothing large cancels. Nemenman,
Shafee & Bialek (2002) give every ξ the same weight beforehand, which is what `posterior` does. Its intervals hold for
draws from these priors; on a power law they are far too narrow (see `rgnet.information.entropies.laws`).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from rgnet.information.entropies.fingerprint import Fingerprint
from rgnet.information.entropies.posterior import Components, refine

Array = npt.NDArray[Any]

_FEWEST = 1e-4  # pseudo-draws kβ at the lower end
_MOST = 1e3  # β at the upper end, in units of N + 1


def log_rising(x: npt.ArrayLike, n: npt.ArrayLike) -> Array:
    """ln [Γ(x + n) / (Γ(x) xⁿ)], which is n²/2x for large x, without cancellation."""
    x, n = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64))
    large = x > 1e3
    big, small = np.where(large, x, 1e3), np.where(large, 1.0, x)
    stirling = (big + n - 0.5) * np.log1p(n / big) - n + (1.0 / (big + n) - 1.0 / big) / 12.0
    direct = scipy.special.gammaln(small + n) - scipy.special.gammaln(small) - n * np.log(small)
    return np.asarray(np.where(large, stirling, direct))


def _trigamma(x: Array) -> Array:
    return np.asarray(scipy.special.zeta(2.0, x))  # ψ'


def moments(seen: Fingerprint, k: int, beta: npt.ArrayLike) -> tuple[Array, Array]:
    """Posterior mean and variance of the entropy at each β (g,)."""
    beta = np.atleast_1d(np.asarray(beta, dtype=np.float64))
    psi = scipy.special.psi
    total = seen.n + k * beta
    a = np.append(seen.sizes, 0)[:, None] + beta
    times = np.append(seen.times, k - seen.states)[:, None] * a
    digamma = psi(a + 1.0)
    mean = psi(total + 1.0) - (times * digamma).sum(axis=0) / total
    first = digamma - psi(total + 2.0) + mean
    second = first + 1.0 / (a + 1.0)  # ψ(a + 2)
    common = _trigamma(total + 2.0)
    diagonal = (times * (a + 1.0) * (second**2 + _trigamma(a + 2.0) - common)).sum(axis=0)
    crossed = (times * first).sum(axis=0) ** 2 - (times * a * first**2).sum(axis=0)
    crossed -= common * (total**2 - (times * a).sum(axis=0))
    return mean, np.maximum((crossed + diagonal) / (total * (total + 1.0)), 0.0)


def posterior(seen: Fingerprint, k: int) -> Components:
    """The NSB posterior of the entropy with k states, k ≥ 2."""

    def evaluate(eta: Array) -> tuple[Array, Array, Array]:
        beta = np.exp(eta)
        evidence = seen.times @ log_rising(beta, seen.sizes[:, None])
        evidence -= log_rising(k * beta, seen.n) + seen.n * np.log(k)
        slope = k * beta * _trigamma(k * beta + 1.0)
        slope -= beta * _trigamma(beta + 1.0)  # dξ/dη
        density = evidence + np.log(np.maximum(slope, 1e-300) / np.log(k))
        return (density, *moments(seen, k, beta))

    return refine(evaluate, float(np.log(_FEWEST / k)), float(np.log(_MOST * (seen.n + 1.0))))
