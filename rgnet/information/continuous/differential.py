"""Differential entropy from nearest neighbours (Kozachenko & Leonenko 1987).

With ε_i twice the distance of draw i to its k-th neighbour in the maximum norm, the ball's volume is ε_i^d and

    ĥ = ψ(N) − ψ(k) + d ⟨ln ε_i⟩

(Kraskov, Stögbauer & Grassberger 2004, eq. 20). Densities with heavy tails, sharp edges or in many dimensions bias it;
the interval holds the scatter only. Entropies of densities depend on units: h(a x) = h(x) + d ln|a|.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.estimate import Estimate
from rgnet.information.continuous import _checks, _errors, knn
from rgnet.information.samples import check_unit, over_chains, paired

Floats = npt.NDArray[np.float64]

BIASED = 5


def differential_entropy(x: Any, *, k: int = 3, chains: int | None = None, unit: str = "nats") -> Estimate:
    """Differential entropy −∫ p ln p of a continuous variable (Kozachenko–Leonenko, maximum norm).

    Parameters
    ----------
    x : array (n,), (n, d), or DataArray with a dimension ``draw``
    k : int
        Neighbours: fewer give less bias, more give less scatter.
    chains : int, optional
        That the n rows are so many chains of consecutive correlated draws.
    unit : "nats" or "bits"

    Returns
    -------
    Estimate
        Can be negative, as the entropy of a density is. From 5 dimensions its bias can exceed the interval.

    Raises
    ------
    ValueError
        If a value is not finite, a column is constant, k ≥ n, or a point coincides with k others (no density).

    Warns
    -----
    InformationWarning
        If more than 1 % of a column's values repeat earlier ones, or the draws are too few for an error (16 k), which
        is then NaN.
    """
    check_unit(unit)
    (x,), layout = paired(x, chains=chains)

    def local(a: Any) -> Floats:
        rows = _checks.points(a, "x")
        return local_values(rows, _checks.neighbourhood(k, len(rows)))

    def estimator(a: Any) -> Estimate:
        rows = _checks.points(a, "x")
        _checks.warn_of_ties(x=rows)
        values = local(rows)
        stderr, half = _errors.subsampled(lambda part: float(local_values(part, k).mean()), [rows], 4 * k)
        method = f"Kozachenko–Leonenko (k={k}, maximum norm)"
        if rows.shape[1] >= BIASED:
            method += f"; in {rows.shape[1]} dimensions biased, which the interval does not contain"
        value = float(values.mean())
        return Estimate(value, stderr, (value - half, value + half), method=method, n=len(rows), unit="nats")

    return over_chains(estimator, [x], layout, local).to(unit)


def local_values(x: Floats, k: int = 3) -> Floats:
    """Local values (n,) whose mean is the Kozachenko–Leonenko entropy of independent draws (n, d), nats.

    Raises
    ------
    ValueError
        If a point coincides with k others.
    """
    from scipy.special import digamma

    n, d = x.shape
    radii = knn.neighbours(x, k)[0][:, -1]
    if (radii == 0).any():
        raise ValueError(
            f"{np.count_nonzero(radii == 0)} of {n} draws coincide with {k} others: their distribution has no density "
            "and its entropy is −∞; leave repetitions out, or use a discrete entropy"
        )
    return np.asarray(digamma(n) - digamma(k) + d * np.log(2.0 * radii))
