"""Which method reads a level's mutual information with labels, in the order of trust, and the reading itself."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import stats
from rgnet.estimate import Estimate
from rgnet.information import _training
from rgnet.information.classifier import held_out_bound
from rgnet.information.samples import Layout, as_labels, slowest, spacing
from rgnet.information.upper import check_posterior, information_of_posteriors, within_labels

Array = npt.NDArray[Any]
METHODS = ("posterior", "discrete", "mixed", "classifier")
FEW = 30  # draws for each symbol, or joint symbol, that make an alphabet small
LOW = 3  # dimensions in which nearest neighbours are trusted


@dataclass(frozen=True)
class Target:
    """What is asked about: ``labels`` 0 … m − 1 (None if y is real), the values ``y``, and how draws hang together.

    ``stratified``: each chain has its own label, by design.
    """

    y: Array
    labels: npt.NDArray[np.int64] | None
    prior: npt.NDArray[np.float64] | None
    layout: Layout
    stratified: bool = False

    @cached_property
    def known(self) -> npt.NDArray[np.float64] | None:
        """The prior of the labels that occur, where they are all that it has."""
        occur = 0 if self.labels is None else int(self.labels.max()) + 1
        return None if self.prior is None or len(self.prior) != occur else self.prior

    @cached_property
    def reweighted(self) -> bool:
        """Whether the labels have frequencies by design, or too far from the prior for chance: draws need weights."""
        if self.known is None or self.labels is None:
            return False
        share = np.bincount(self.labels) / len(self.labels)
        return self.contradicts or (self.stratified and bool(np.abs(share - self.known).max() > 1e-9))

    @cached_property
    def contradicts(self) -> bool:
        """Whether a frequency lies more than 5 standard deviations from the prior."""
        if self.prior is None or self.labels is None:
            return False
        p, share = self.prior, np.zeros(len(self.prior))
        if self.known is not None:
            share = np.bincount(self.labels) / len(self.labels)
        else:  # states that never occur: the values number them
            share = np.bincount(self.y.astype(np.int64), minlength=len(p)) / len(self.labels)
        worth = independent(self.labels, replace(self, prior=None)) if not self.stratified else self.layout[0]  # type: ignore[index]
        # One count more or less is no contradiction where next to none are expected
        return bool((np.abs(share - p) > 5.0 * np.sqrt(p * (1.0 - p) / worth) + 5.0 / worth * (p < 25.0 / worth)).any())


@dataclass(frozen=True)
class Reading:
    """An Estimate in nats, the method's short name, why it was chosen, the plug-in value beside it.

    ``local`` (n,): contributions of the draws, where their mean is all that the estimate is.
    """

    estimate: Estimate
    method: str
    why: str
    plugin: float = math.nan
    local: Array | None = None


def independent(x: Array, target: Target) -> float:
    """Number of independent draws that n draws are worth, by the slowest variable."""
    if target.layout is None or target.layout[1] < 2:
        return float(len(x))
    tau = slowest([x], target.layout, stratified=target.stratified)
    return float(len(x)) if spacing(tau, len(x)) == 1 else len(x) / (2.0 * tau)


def choose(x: Array, target: Target, posterior: Array | None, first: bool) -> tuple[str, str]:
    """The method for a level of configurations x (n, ...), and why."""
    if posterior is not None and first:
        return "posterior", "an exact posterior is given"
    worth = independent(x, target)
    groups, count = as_labels(x)
    if posterior is not None and count * FEW <= worth:
        return "posterior", f"an exact posterior is given, and the level has only {count} symbols"
    if target.labels is not None:
        joint = as_labels(np.stack([groups, target.labels], axis=1))[1]
        if joint * FEW <= worth:
            return "discrete", f"small alphabet: {joint} joint symbols for {worth:.0f} independent draws"
    low = x[0].size <= LOW and x.dtype.kind in "biuf"
    if low and target.reweighted and count > 0.9 * len(x):
        return "classifier", "the labels' frequencies are not the prior, under which neighbours cannot be counted"
    if low and (target.labels is None or count > 0.9 * len(x)):
        return "mixed", f"{x[0].size} real number{'s' if x[0].size > 1 else ''} a draw"
    if target.labels is None:
        raise ValueError(
            f"y is real and a level has {x[0].size} numbers a draw: neighbours tell nothing in so many dimensions; "
            f"give labels (y cut into bins), or reduce= the levels to a few numbers"
        )
    return "classifier", f"{count} different configurations in {worth:.0f} independent draws: only a bound can be had"


def read(
    x: Array, sums: Array, target: Target, posterior: Array | None, first: bool, method: str, classifier: Any, seed: int
) -> Reading:
    """The mutual information of a level with the target, in nats.

    ``x`` (n, ...), ``sums`` (n, k) the operator sums that go with it, for a classifier.
    """
    why = f"method={method!r} was asked for"
    if method == "auto":
        method, why = choose(x, target, posterior, first)
    if target.contradicts and (method in ("posterior", "mixed") or target.known is None):
        raise ValueError(
            f"method={method!r}: the frequencies of the labels are not those of the prior, and this method cannot "
            f"weigh draws; draw the labels from the prior, give their frequencies as prior=, or take method='discrete' "
            f"or 'classifier'"
        )
    if method == "posterior":
        if posterior is None:
            raise ValueError("method='posterior': give posterior=, p(y|x) of level 0, a function or a hierarchy")
        estimate, local = _by_posterior(x, posterior, target, first)
        return Reading(estimate, method, why, local=local)
    if method == "mixed":
        return Reading(_mixed(x, target), method, why)
    if target.labels is None:
        raise ValueError(f"method={method!r}: y is real, give labels (y cut into bins)")
    if method == "discrete":
        return _discrete(x, target, why)
    raw, extra = _training.features_of(x, "raw" if sums.shape[1] else "auto", classifier is not None)
    if sums.shape[1]:
        extra = np.concatenate([_training.summary(x), sums], axis=1)
    found = held_out_bound(raw, extra, target.labels, target.known, target.layout, classifier=classifier, seed=seed)
    return Reading(found, method, why)


def _by_posterior(x: Array, posterior: Array, target: Target, first: bool) -> tuple[Estimate, Array]:
    n = len(posterior)
    groups = np.arange(n) if first else as_labels(x)[0]
    value, local, name = information_of_posteriors(posterior, groups, target.prior)
    what = "mean of KL(p(y|x) ‖ " if first else "exact posteriors averaged within symbols, mean of KL(p(y|symbol) ‖ "
    method = f"{what}{name})"
    if np.ptp(local) <= 1e-12:
        return Estimate(value, 0.0, None, "estimate", method, n, float(n), "nats"), local
    error, worth = error_of_mean(local, target)
    value = float(local.mean()) + (value - float(local.mean())) * max(1.0, n / worth)
    return Estimate(value, error, None, "estimate", method, n, worth, "nats"), local


def error_of_mean(local: Array, target: Target) -> tuple[float, float]:
    """Standard error of the mean of contributions (n,), and the number of independent ones."""
    n = len(local)
    if np.ptp(local) <= 1e-12:
        return 0.0, float(n)
    if target.layout is None or target.layout[1] < 2:
        if n < stats.MIN_EFFECTIVE:
            raise ValueError(f"{n} draws: an error bar needs at least {stats.MIN_EFFECTIVE:g}")
        return float(local.std(ddof=1)) / math.sqrt(n), float(n)
    if target.stratified and target.labels is not None:
        # Which labels there are is by design: only what varies within one is noise
        local = within_labels(local, target.labels)
        if np.ptp(local) <= 1e-12:
            return 0.0, float(n)
    found = stats.mean(local.reshape(target.layout))
    return found.stderr, float(found.n_effective or n)


def _discrete(x: Array, target: Target, why: str) -> Reading:
    from rgnet.information.discrete import mutual_information

    chains = None if target.layout is None else target.layout[0]
    assert target.labels is not None
    groups = as_labels(x)[0]
    if target.reweighted and target.known is not None:
        found, plain = _weighted(groups, target, target.known)
        return Reading(found, "discrete", why, plain)
    found = mutual_information(groups, target.labels, chains=chains)
    if target.stratified:
        found = replace(found, method=f"{found.method}, labels by design")
    plain = mutual_information(groups, target.labels, method="plug-in").value
    return Reading(found, "discrete", why, plain)


def _weighted(groups: Array, target: Target, prior: Array) -> tuple[Estimate, float]:
    """I(x; y) = Σ_y p(y) KL(p(x|y) ‖ Σ_y p(y) p(x|y)) with counted p(x|y) and a known p(y); and its plug-in value.

    By the second order of its expansion, the plug-in misses by Σ_y p(y) (m_y − 1)/2n_y, m_y the symbols met with y,
    less Σ_x Var p(x)/2p(x).
    """
    assert target.labels is not None
    n, y = len(groups), target.labels
    counts = np.zeros((len(prior), int(groups.max()) + 1))
    np.add.at(counts, (y, groups), 1.0)
    total = counts.sum(axis=1)
    given = counts / total[:, None]
    p = prior @ given
    local = np.log(given[y, groups] / p[groups])
    plugin = float(prior @ (np.bincount(y, weights=local) / total))
    noise = within_labels((prior * n / total)[y] * local, y)
    size = total * independent(groups, target) / n
    excess = float((prior * (np.count_nonzero(counts, axis=1) - 1) / (2.0 * size)).sum())
    excess -= float((((prior**2 / size) @ (given * (1.0 - given))) / p).sum()) / 2.0
    error, worth = error_of_mean(noise, target)
    method = "plug-in of p(x|y) under the prior, less its bias to order 1/n"
    return Estimate(plugin - excess, error, None, "estimate", method, n, worth, "nats"), plugin


def _mixed(x: Array, target: Target) -> Estimate:
    from rgnet.information.continuous import combined, mixed

    chains = None if target.layout is None else target.layout[0]
    points = _scaled(x)
    if points.shape[1] == 0:
        raise ValueError(
            "method='mixed': a level is the same in every draw, and neighbours need numbers that vary; it keeps "
            "nothing, and method='discrete' says so"
        )
    if target.labels is None:
        found: Estimate = combined.mutual_information(points, _scaled(target.y), chains=chains)
    else:
        found = mixed.discrete_continuous(target.labels, points, chains=chains)
    return found


def _scaled(x: Array) -> Array:
    """Columns of unit spread, the scale of which nearest neighbours depend on; constant ones left out."""
    columns = x.reshape(len(x), -1).astype(np.float64)
    spread = columns.std(axis=0)
    keep = spread > 1e-12 * np.maximum(1.0, np.abs(columns).max(axis=0))
    return np.asarray((columns[:, keep] - columns[:, keep].mean(axis=0)) / spread[keep])


def check_against_labels(posterior: Array, columns: npt.NDArray[np.int64], target: Target) -> None:
    """Raise where the posterior cannot be that of these labels: ⟨p(y_i|x_i)⟩ must be ⟨Σ_y p(y|x_i)²⟩ within errors.

    ``columns``: which of the posterior's columns is each draw's label.
    """
    n = len(posterior)
    difference = posterior[np.arange(n), columns] - (posterior**2).sum(axis=1)
    worth = independent(posterior, target)
    error = float(difference.std()) / math.sqrt(worth)
    if target.stratified and target.layout is not None:  # the labels of few chains: a draw of their own
        error = math.hypot(error, float(difference.reshape(target.layout).mean(axis=1).std()) / target.layout[0] ** 0.5)
    if abs(float(difference.mean())) > 6.0 * error + 1e-9:
        raise ValueError(
            f"the posterior gives the labels that occurred a mean probability of "
            f"{float(posterior[np.arange(n), columns].mean()):.4g}, and were it theirs it would be "
            f"{float((posterior**2).sum(axis=1).mean()):.4g}: its columns are not the sorted labels, its prior is not "
            f"how they were drawn, or its draws are not these"
        )


def posterior_rows(found: Any, n: int, classes: int) -> Array:
    """A posterior as a caller's object gave it, as checked (n, classes)."""
    if isinstance(found, tuple):
        raise ValueError("posterior gave a tuple (mean and covariance?): labels need probabilities, (n, classes)")
    if hasattr(found, "dims"):
        found = found.transpose(*(name for name in ("chain", "draw") if name in found.dims), ...).values
    rows = np.asarray(found)
    rows = rows.reshape(-1, rows.shape[-1]) if rows.ndim == 3 else rows
    if rows.ndim != 2 or len(rows) != n or rows.shape[1] < classes:
        raise ValueError(
            f"posterior gave an array of shape {np.shape(found)}: it must give ({n}, classes), one column for each of "
            f"the {classes} labels, sorted"
        )
    return check_posterior(rows)
