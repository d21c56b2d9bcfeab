"""Entropies from counts: pure functions of a `Fingerprint` (counts of counts) and the number of states.

Every estimator maps ``(seen, k)`` to nats; `estimate` adds the error and the interval. What each assumes and where it
is from stands in its file: `classical`, `coverage`, `dirichlet`, `laws`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from rgnet.information.entropies import classical, coverage, dirichlet, laws
from rgnet.information.entropies.fingerprint import Fingerprint, fingerprint
from rgnet.information.entropies.posterior import Components, summary

__all__ = [
    "FORMULAE",
    "METHODS",
    "POSTERIORS",
    "Entropy",
    "Fingerprint",
    "estimate",
    "fingerprint",
    "if_unseen",
    "local_variance",
    "lower_limit",
]

Formula = Callable[[Fingerprint, int | None], float]

FORMULAE: dict[str, Formula] = {
    "plug-in": classical.plug_in,
    "miller-madow": classical.miller_madow,
    "grassberger": classical.grassberger,
    "jackknife": classical.jackknife,
    "zhang": coverage.zhang,
    "chao-shen": coverage.chao_shen,
    "chao-wang-jost": coverage.chao_wang_jost,
}
POSTERIORS: dict[str, Callable[[Fingerprint, int], Components]] = {
    "nsb": dirichlet.posterior,
    "laws": laws.posterior,
}
METHODS = (*FORMULAE, "shrinkage", *POSTERIORS)
NEED_K = ("shrinkage", *POSTERIORS)
MOST_STATES = 10**15  # beyond, doubles no longer tell the laws apart
_ONE_SIDED = 2.24  # errors; 1.96 would do for many draws, with 30 the limit is too high in 4 % of samples


@dataclass(frozen=True)
class Entropy:
    """Value, standard error and 95 % interval, in nats."""

    value: float
    stderr: float
    interval: tuple[float, float]


def local_variance(p: npt.NDArray[Any], local: npt.NDArray[Any], n: float, freedom: float) -> float:
    """Variance of a plug-in information Σ p·local from n draws, its second order included.

    The first order is Var(local)/n. It vanishes for equal probabilities, or independent variables, where the
    estimate is a χ² with ``freedom`` degrees of freedom over 2n, whose variance is freedom/2n²; there the observed
    Var(local) is all noise, freedom/n, which is taken off.
    """
    mean = float((p * local).sum())
    first = max(float((p * (local - mean) ** 2).sum()) - freedom / n, 0.0)
    return first / n + freedom / (2.0 * n * n)


def estimate(seen: Fingerprint, method: str, k: int | None = None) -> Entropy:
    """Entropy by a named method.

    Parameters
    ----------
    seen : Fingerprint
        Of at least one draw.
    method : one of `METHODS`
    k : int, optional
        Number of states; "shrinkage", "nsb" and "laws" need it.

    Raises
    ------
    ValueError
        If the method is unknown, needs ``k`` and has none, or if more than ``k`` states were seen.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}: entropies are estimated by {', '.join(METHODS)}")
    if method in NEED_K and k is None:
        raise ValueError(
            f"method={method!r} needs the number of states: give k=, or use zhang, which is a lower limit where "
            "states may be unseen"
        )
    if k is not None and k > MOST_STATES:
        raise ValueError(f"k={k}: at most 10^15 states; without k= the result is a lower limit, whatever their number")
    if k is not None and k < seen.states:
        raise ValueError(f"k={k}: {seen.states} states were seen, so there are at least so many")
    if k == 1:
        return Entropy(0.0, 0.0, (0.0, 0.0))
    if method in POSTERIORS and k is not None:
        value, error, (low, high) = summary(POSTERIORS[method](seen, k), float(np.log(k)))
        if method == "laws" and seen.states == 1:  # the laws all but exclude one state of 0.97 and some rare ones
            high = max(high, if_unseen(seen.n, k))
        return Entropy(value, error, (low, high))
    value = classical.shrinkage(seen, k) if method == "shrinkage" and k is not None else FORMULAE[method](seen, k)
    p = seen.sizes / seen.n
    error = float(np.sqrt(local_variance(seen.times * p, -np.log(p), seen.n, seen.states - 1)))
    return Entropy(value, error, (value - 1.959963984540054 * error, value + 1.959963984540054 * error))


def lower_limit(seen: Fingerprint) -> Entropy:
    """Entropy at least so large, whatever the number of states: `coverage.zhang`, whose mean is below the entropy.

    The lower end of the interval is below the entropy in at least 97 % of samples; the upper end is infinite. Noise
    is not taken off the variance as in `local_variance`: states seen once do not contribute as a χ² does.
    """
    p = seen.sizes / seen.n
    weight, local = seen.times * p, -np.log(p)
    mean = float((weight * local).sum())
    variance = float((weight * (local - mean) ** 2).sum()) / max(seen.n - 1, 1)
    error = float(np.sqrt(variance + (seen.states - 1) / (2.0 * seen.n**2)))
    value = coverage.zhang(seen)
    return Entropy(value, error, (value - _ONE_SIDED * error, float("inf")))


def if_unseen(n: int, k: int) -> float:
    """Largest entropy of k states that is likely where n draws were all of one state.

    The others then hold at most 1 − 0.025^{1/n} together (97.5 %); the entropy is largest where each holds as much.
    """
    if k < 2:
        return 0.0
    share = min(-float(np.expm1(np.log(0.025) / n)), (k - 1.0) / k)
    return float(scipy.special.entr(share) + scipy.special.entr(1.0 - share) + share * np.log(k - 1.0))
