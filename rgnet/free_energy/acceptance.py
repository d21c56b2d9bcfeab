"""Bennett's acceptance ratio, and ladders of simulations that overlap.

Two models a, b of one lattice differ in ln Z by what Bennett's acceptance ratio gives: with W(x) = H_b(x) − H_a(x) and
as many draws of either, ΔF = −ln Z_b/Z_a solves

    Σ_{x ~ a} f(W(x) − ΔF) = Σ_{x ~ b} f(ΔF − W(x)) ,      f(u) = 1/(1 + e^u) .

Bennett (1976), J. Comput. Phys. 22, 245, eqs. 12; Shirts & Chodera (2008). The two must overlap: between models whose
Jeffreys divergence J = ⟨W⟩_a − ⟨W⟩_b exceeds `OVERLAP` nats, the model halfway is simulated too, and so on; halving
the way divides J by about four.
"""

import itertools
import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit

from rgnet import stats
from rgnet.free_energy.path import Simulations

OVERLAP = 4.0  # nats of Jeffreys divergence between neighbouring simulations
_BLOCKS = 32


def bennett(work_a: npt.ArrayLike, work_b: npt.ArrayLike) -> float:
    """ΔF = −ln Z_b/Z_a from W = H_b − H_a on draws of a and on draws of b (Bennett 1976).

    Parameters
    ----------
    work_a, work_b : array (n_a,), (n_b,)

    Raises
    ------
    ValueError
        If one is empty, or a value is not finite.
    """
    a, b = (np.asarray(work, dtype=np.float64).ravel() for work in (work_a, work_b))
    for name, work in (("work_a", a), ("work_b", b)):
        if not work.size or not np.isfinite(work).all():
            raise ValueError(
                f"{name} has {work.size} values, {np.count_nonzero(~np.isfinite(work))} of them not finite: Bennett's "
                f"ratio takes finite energy differences on one draw or more of either model"
            )
    shift = math.log(len(a) / len(b))

    def excess(free: float) -> float:
        # Increasing in F: a draw of a counts more, one of b less, as F grows
        return float(expit(free - a - shift).sum() - expit(b + shift - free).sum())

    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    margin = 1.0 + abs(shift)
    while excess(low - margin) > 0 or excess(high + margin) < 0:
        margin *= 2.0
    return float(brentq(excess, low - margin, high + margin, xtol=1e-12, rtol=1e-14))


def rungs(runs: Simulations, a: float = 0.0, b: float = 1.0) -> list[float]:
    """Shares of the way from a to b whose neighbours overlap, both ends included."""
    divergence = (b - a) * float(runs.at(a).mean() - runs.at(b).mean())
    if divergence <= OVERLAP:
        return [a, b]
    middle = (a + b) / 2.0
    return rungs(runs, a, middle)[:-1] + rungs(runs, middle, b)


def along(runs: Simulations, start: float = 0.0) -> tuple[float, float, list[float]]:
    """Bennett's ΔF along the path, with ``start`` times ⟨H_2 − H_1⟩_1 added: value, error, shares of the way.

    The simulations are independent of one another: the variances that a delete-one-block jackknife within each gives
    add up.
    """
    steps = rungs(runs)
    work = [runs.at(t) for t in steps]

    def step(k: int, left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> float:
        length = steps[k + 1] - steps[k]
        return bennett(length * left.ravel(), length * right.ravel())

    free = [step(k, *pair) for k, pair in enumerate(itertools.pairwise(work))]
    value = start * float(work[0].mean()) + sum(free)
    variance = 0.0
    for k, series in enumerate(work):
        edges, _ = stats.long_blocks({"H_2 − H_1": series}, _BLOCKS)
        replicas = np.empty(len(edges))
        for row, (chain, first, last) in enumerate(edges):
            keep = np.ones(series.shape, dtype=bool)
            keep[chain, first:last] = False
            part = series[keep]
            replicas[row] = start * part.mean() if k == 0 else 0.0
            replicas[row] += step(k - 1, work[k - 1], part) if k else 0.0
            replicas[row] += step(k, part, work[k + 1]) if k + 1 < len(work) else 0.0
        variance += (len(edges) - 1) / len(edges) * float(((replicas - replicas.mean()) ** 2).sum())
    return value, math.sqrt(variance), steps
