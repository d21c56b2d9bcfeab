"""Averages over the hyperparameter of a prior: a grid that finds its own peak, and what it says of the entropy.

A family of priors has one parameter, η = ln θ; each value has its evidence and, given the counts, its posterior mean
and variance of the entropy. Hyperparameters are weighed so that the entropy expected beforehand is uniform between 0
and ln k (Nemenman, Shafee & Bialek 2002), since otherwise the prior, not the data, decides. The posterior of the
entropy is then a mixture of narrow bells, cut off at 0 and at ln k.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.special

Array = npt.NDArray[Any]

POINTS = 17  # of a grid over η
_DROP = 12.0  # below the peak, in ln: what is left out weighs e^{-12}
_ROUNDS = 12
_CELLS = 1024  # of the grid on which intervals are found


class Components(NamedTuple):
    """Bells: log weights (their logsumexp is the log evidence), means and variances of the entropy."""

    log_weight: Array
    mean: Array
    variance: Array

    @property
    def evidence(self) -> float:
        """Logarithm of the total weight."""
        return float(scipy.special.logsumexp(self.log_weight))


Evaluate = Callable[[Array], tuple[Array, Array, Array]]


def refine(evaluate: Evaluate, low: float, high: float) -> Components:
    """Components on a uniform grid over the part of [low, high] that carries the weight.

    Parameters
    ----------
    evaluate : callable
        Maps η (g,) to the log posterior density in η, and mean and variance of the entropy.
    """
    for _ in range(_ROUNDS):
        eta = np.linspace(low, high, POINTS)
        density, mean, variance = evaluate(eta)
        kept = np.flatnonzero(density > density.max() - _DROP)
        if kept.size == 0:  # impossible throughout
            break
        first, last = max(int(kept[0]) - 1, 0), min(int(kept[-1]) + 1, POINTS - 1)
        if last - first >= POINTS // 2:
            break
        low, high = float(eta[first]), float(eta[last])
    weight = np.full(POINTS, eta[1] - eta[0])
    weight[[0, -1]] /= 2.0
    possible = np.flatnonzero(np.isfinite(density))
    if possible.size:
        mean = np.interp(np.arange(POINTS), possible, mean[possible])
    spread = variance + np.gradient(mean) ** 2 / 12.0  # a point of the grid stands for what is around it
    return Components(density + np.log(weight), mean, spread)


def join(parts: list[Components]) -> Components:
    """One mixture of several families, each as likely as another beforehand."""
    return Components(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def summary(parts: Components, top: float) -> tuple[float, float, tuple[float, float]]:
    """Posterior mean, standard deviation, and the shortest interval that holds 95 %, of an entropy in [0, top].

    The shortest interval, not the one with equal tails, because where the data favour equal probabilities the density
    rises up to the very end, ln k, which equal tails would always leave out.
    """
    possible = np.isfinite(parts.log_weight)
    log_weight, mean, variance = (column[possible] for column in parts)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    value = float(weight @ mean)
    stderr = float(np.sqrt(weight @ (variance + (mean - value) ** 2)))
    if stderr <= 1e-14 * max(1.0, abs(value)):
        return value, stderr, (value, value)
    sigma = np.maximum(np.sqrt(variance), 1e-3 * stderr)
    edges = np.linspace(max(0.0, value - 9.0 * stderr), min(top, value + 9.0 * stderr), _CELLS + 1)
    below = weight @ scipy.special.ndtr((edges - mean[:, None]) / sigma[:, None])
    below = (below - below[0]) / (below[-1] - below[0])
    right = np.searchsorted(below, below + 0.95 * (1.0 - 1e-12))
    right = np.where(right <= _CELLS, right, 4 * _CELLS)
    left = int(np.argmin(right - np.arange(_CELLS + 1)))
    return value, stderr, (float(edges[left]), float(edges[int(right[left])]))
