"""Entropies from counts: pure functions of a `Fingerprint` (counts of counts) and the number of states.

Every estimator maps ``(seen, k)`` to nats; `estimate` adds the error and the interval. What each assumes and where it
is from stands in its file: `classical`, `coverage`, `dirichlet`, `laws`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.information.entropies import classical, coverage, dirichlet, laws
from rgnet.information.entropies.fingerprint import Fingerprint, fingerprint
from rgnet.information.entropies.posterior import Components, summary

__all__ = ["FORMULAE", "METHODS", "POSTERIORS", "Entropy", "Fingerprint", "estimate", "fingerprint", "local_variance"]

Formula = Callable[[Fingerprint, int | None], float]

FORMULAE: dict[str, Formula] = {
    "plug-in": classical.plug_in,
    "miller-madow": classical.miller_madow,
    "grassberger": classical.grassberger,
    "jackknife": classical.jackknife,
    "chao-shen": coverage.chao_shen,
    "chao-wang-jost": coverage.chao_wang_jost,
}
POSTERIORS: dict[str, Callable[[Fingerprint, int], Components]] = {
    "nsb": dirichlet.posterior,
    "laws": laws.posterior,
}
METHODS = (*FORMULAE, "shrinkage", *POSTERIORS)
NEED_K = ("shrinkage", *POSTERIORS)


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
            f"method={method!r} needs the number of states: give k=, or use chao-wang-jost, which is a lower limit "
            "where states may be unseen"
        )
    if k is not None and k < seen.states:
        raise ValueError(f"k={k}: {seen.states} states were seen, so there are at least so many")
    if k == 1:
        return Entropy(0.0, 0.0, (0.0, 0.0))
    if method in POSTERIORS and k is not None:
        return Entropy(*summary(POSTERIORS[method](seen, k), float(np.log(k))))
    value = classical.shrinkage(seen, k) if method == "shrinkage" and k is not None else FORMULAE[method](seen, k)
    p = seen.sizes / seen.n
    error = float(np.sqrt(local_variance(seen.times * p, -np.log(p), seen.n, seen.states - 1)))
    return Entropy(value, error, (value - 1.959963984540054 * error, value + 1.959963984540054 * error))
