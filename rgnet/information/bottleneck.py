"""Approximate distillers: the information about y that few states of x can keep, with the loss of every merger exact.

Past the minimal sufficient statistic a state can be saved only by losing information. Merging groups a and b of states
loses exactly

    ΔI = p_a KL(p(y|a) ‖ p(y|ab)) + p_b KL(p(y|b) ‖ p(y|ab)) ≥ 0 ,

and the losses of successive mergers add up to I(y;x) − I(y;T). Three ways to choose what to merge:

- `agglomerative`: the cheapest pair, again and again (Slonim & Tishby 1999). All numbers of states in one pass; greedy.
  Time n² for n states, n ln n for two classes.
- `deterministic_bottleneck`: minimise H(T) − β I(y;T) over maps T with a given number of states (Strouse & Schwab
  2017): every state goes to the t with the largest ln q(t) − β KL(p(y|x)‖q(y|t)), centres follow, until nothing moves;
  then single states move one by one (as in Slonim, Friedman & Tishby 2002), which leaves fewer poor optima. β = ∞, the
  default, asks for the largest I(y;T). The best of several starts is a lower bound on what that many states can keep.
- `optimal`: for two classes the best T consists of intervals of the posterior (Burshtein et al. 1992; Kurkoski & Yagi
  2014), so that dynamic programming finds it: exact, for every number of states up to the largest asked.

All start from the minimal sufficient statistic, whose states are free to merge.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.information import tables
from rgnet.information.grouping import in_order_of_appearance
from rgnet.information.sufficient import TOLERANCE, Sufficient, information_lost, minimal_sufficient

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

METHODS = ("iterate", "optimal")
MOST_STATES = 20_000  # where all pairs are compared
MOST_COUNTS = 5_000  # a curve of n points over n states has n² labels
PAIRS_PER_CALL = 5_000_000
MERGERS_PER_CALL = 500_000
SWEEPS = 1000


@dataclass(frozen=True)
class Curve:
    """Information kept against number of states.

    Attributes
    ----------
    states : array (m,) of int64
        Numbers of states of T, falling.
    kept, lost : arrays (m,)
        I(y;T) and I(y;x) − I(y;T), nats, exact for the maps found.
    groups : array (m, statistic.count)
        The maps, from values of the minimal sufficient statistic to values of T.
    statistic : Sufficient
        The minimal sufficient statistic from which merging started.
    method : str
    """

    states: Ints
    kept: Floats
    lost: Floats
    groups: npt.NDArray[np.int32] = field(repr=False)
    statistic: Sufficient = field(repr=False)
    method: str

    def labels(self, count: int) -> Ints:
        """T of every state of the table, for ``count`` states; −1 for states of probability zero.

        Raises
        ------
        ValueError
            If the curve has no point of that many states.
        """
        where = np.flatnonzero(self.states == count)
        if where.size == 0:
            raise ValueError(f"count={count}: the curve has points at {self.states[::-1].tolist()} states")
        base = self.statistic.labels
        groups = self.groups[where[0]].astype(np.int64)
        return in_order_of_appearance(np.where(base >= 0, groups[np.maximum(base, 0)], -1))


@dataclass(frozen=True)
class Bottleneck:
    """A map T of the states of x to few values.

    Attributes
    ----------
    labels : array (states,) of int64
        T(x) = 0 … count − 1 in order of first appearance; −1 for states of probability zero.
    count : int
        Number of values that occur.
    kept, lost : float
        I(y;T) and I(y;x) − I(y;T), nats, exact for this map.
    entropy : float
        H(T), nats: the cost of naming T.
    posterior, weights : arrays (count, classes) and (count,)
        p(y|T) and p(T).
    method : str
        How it was found, and whether it is the optimum.
    """

    labels: Ints = field(repr=False)
    count: int
    kept: float
    lost: float
    entropy: float
    posterior: Floats = field(repr=False)
    weights: Floats = field(repr=False)
    method: str


def agglomerative(joint: Any, counts: Sequence[int] | None = None, *, tolerance: float = TOLERANCE) -> Curve:
    """Information kept against number of states, by merging the cheapest pair again and again.

    Parameters
    ----------
    joint : array (classes, states)
        p(y, x), or exact, as in `rgnet.information.sufficient.minimal_sufficient`.
    counts : sequence of int, optional
        Numbers of states to report; by default every number from 1 to that of the minimal sufficient statistic, which
        must then be at most 5000.
    tolerance : float
        Of the minimal sufficient statistic at the start; larger ones start from fewer states.

    Raises
    ------
    ValueError
        If the table is none, a count is out of range, no counts are given where more than 5000 states have distinct
        posteriors, or, for three or more classes, more than 20 000 have.
    """
    start = minimal_sufficient(joint, tolerance=tolerance)
    n = start.count
    if counts is None and n > MOST_COUNTS:
        raise ValueError(f"{n} states have distinct posteriors: say which counts to report (all, up to {MOST_COUNTS})")
    wanted = _counts(counts, n)
    weights, posterior = start.weights.astype(np.float64), start.posterior.astype(np.float64)
    merges, losses = (_of_neighbours if posterior.shape[1] == 2 else _of_pairs)(weights, posterior)
    groups, parent, done = np.empty((wanted.size, n), dtype=np.int32), np.arange(n), 0
    for row, count in zip(groups, wanted, strict=True):
        parent[merges[done : n - count, 1]] = merges[done : n - count, 0]
        while not np.array_equal(parent, parent[parent]):
            parent = parent[parent]
        row[:], done = parent, n - count
    lost = start.lost + np.concatenate(([0.0], np.cumsum(losses)))[n - wanted]
    return Curve(wanted, start.kept + start.lost - lost, lost, groups, start, "agglomerative")


def _of_pairs(weights: Floats, posterior: Floats) -> tuple[Ints, Floats]:
    """The greedy mergers (kept, merged away) and what each loses, all pairs compared."""
    from rgnet.information._bottleneck_kernels import find_partners, merge_some

    n = weights.size
    if n > MOST_STATES:
        raise ValueError(
            f"{n} states have distinct posteriors: agglomeration over three or more classes compares all pairs and "
            f"takes at most {MOST_STATES}; raise the tolerance"
        )
    weights, posterior = weights.copy(), posterior.copy()
    alive, best, cost = np.ones(n, dtype=np.bool_), np.full(n, -1), np.full(n, np.inf)
    step = max(1, PAIRS_PER_CALL // n)
    for begin in range(0, n, step):
        find_partners(weights, posterior, alive, best, cost, begin, min(begin + step, n))
    merges, losses, done = np.zeros((n - 1, 2), dtype=np.int64), np.zeros(n - 1), 0
    while done < n - 1:
        done = int(merge_some(weights, posterior, alive, best, cost, merges, losses, done, PAIRS_PER_CALL))
    return merges, losses


def _of_neighbours(weights: Floats, posterior: Floats) -> tuple[Ints, Floats]:
    """The same for two classes, where the cheapest pair are neighbours in the order of their posteriors.

    For posteriors a < b < c let m be the mean of a and c, and b ≤ m, say. Then merging a and b costs at most
    p_a KL(a‖b) ≤ p_a KL(a‖m), which is part of what merging a and c costs.
    """
    from rgnet.information._bottleneck_kernels import fill_tournament, merge_neighbours

    n = weights.size
    order = np.argsort(posterior[:, 1], kind="stable")
    weights, posterior = weights[order], posterior[order]
    before = np.arange(n) - 1
    after = np.append(np.arange(1, n), -1)
    tree = np.full(2 * (1 << (n - 1).bit_length()), np.inf)
    fill_tournament(weights, posterior, after, tree)
    merges, losses, done = np.zeros((n - 1, 2), dtype=np.int64), np.zeros(n - 1), 0
    while done < n - 1:
        done = int(merge_neighbours(weights, posterior, before, after, tree, merges, losses, done, MERGERS_PER_CALL))
    return order[merges], losses


def optimal(joint: Any, counts: Sequence[int], *, tolerance: float = TOLERANCE) -> Curve:
    """The most information that each number of states can keep about a y of two classes: exact.

    Parameters
    ----------
    joint : array (2, states)
        p(y, x), or exact, as in `rgnet.information.sufficient.minimal_sufficient`.
    counts : sequence of int
        Numbers of states; time and memory grow with the largest times the number of distinct posteriors.
    tolerance : float
        Of the minimal sufficient statistic at the start.

    Raises
    ------
    ValueError
        If the table is none, y has not two classes, or a count is out of range.
    """
    from rgnet.information._bottleneck_kernels import best_cuts

    start = minimal_sufficient(joint, tolerance=tolerance)
    if start.posterior.shape[1] != 2:
        raise ValueError(
            f"y has {start.posterior.shape[1]} classes: intervals of the posterior are optimal for two; "
            'use agglomerative, or deterministic_bottleneck(method="iterate")'
        )
    wanted, n = _counts(counts, start.count), start.count
    posterior = start.posterior.astype(np.float64)
    order = np.argsort(posterior[:, 1], kind="stable")
    table = (posterior * start.weights.astype(np.float64)[:, None])[order]
    first, second = (np.concatenate(([0.0], np.cumsum(column))) for column in table.T)
    value = np.concatenate(([0.0], np.full(n, np.inf)))
    choices = np.zeros((int(wanted.max()) + 1, n + 1), dtype=np.int32)
    for k in range(1, choices.shape[0]):
        now = np.full(n + 1, np.inf)
        best_cuts(first, second, value, now, choices[k])
        value = now
    groups = np.empty((wanted.size, n), dtype=np.int32)
    for row, count in zip(groups, wanted, strict=True):
        end = n
        for k in range(count, 0, -1):
            begin = choices[k, end]
            row[order[begin:end]] = k - 1
            end = begin
    merged = (start.posterior * start.weights[:, None]).T.astype(np.float64)
    lost = start.lost + np.array([information_lost(merged, row) for row in groups])
    return Curve(wanted, start.kept + start.lost - lost, lost, groups, start, "optimal")


def deterministic_bottleneck(
    joint: Any,
    states: int,
    *,
    beta: float = math.inf,
    method: str = "iterate",
    seed: int = 0,
    restarts: int = 10,
    tolerance: float = TOLERANCE,
) -> Bottleneck:
    """A map to at most ``states`` values with the least H(T) − β I(y;T) that was found.

    Parameters
    ----------
    joint : array (classes, states)
        p(y, x), or exact, as in `rgnet.information.sufficient.minimal_sufficient`.
    states : int
        The most values T may have; a finite β may use fewer.
    beta : float
        What a nat about y is worth in nats of H(T); ∞ asks for the largest I(y;T).
    method : "iterate" or "optimal"
        Iteration from several starts, or the exact optimum (two classes and β = ∞ only).
    seed, restarts : int
        Random starts, besides the one from `agglomerative` (left out above 2000 distinct posteriors).
    tolerance : float
        Of the minimal sufficient statistic at the start.

    Raises
    ------
    ValueError
        If the table is none, or an argument is out of range.
    """
    if method not in METHODS:
        raise ValueError(f'method={method!r}: it is "iterate" or "optimal"')
    if not beta > 0:
        raise ValueError(f"beta={beta!r}: a positive number, or infinity for the largest I(y;T)")
    if restarts < 0:
        raise ValueError(f"restarts={restarts}: zero or more random starts")
    start = minimal_sufficient(joint, tolerance=tolerance)
    if states != int(states) or states < 1:
        raise ValueError(f"states={states!r}: T has a whole number of values, at least one")
    count = min(int(states), start.count)
    if method == "optimal":
        if beta != math.inf:
            raise ValueError(f'beta={beta!r}: method="optimal" maximises I(y;T), beta=math.inf')
        groups = optimal(joint, [count], tolerance=tolerance).groups[0].astype(np.int64)
        return _bottleneck(start, groups, "optimal")
    weights, posterior = start.weights.astype(np.float64), start.posterior.astype(np.float64)
    starts = [_random_start(weights, posterior, count, seed, r) for r in range(restarts)]
    if start.count <= 2000 or not starts:
        starts.insert(0, agglomerative(joint, [count], tolerance=tolerance).groups[0].astype(np.int64))
    best, least = starts[0], math.inf
    for labels in starts:
        labels = in_order_of_appearance(labels)
        _iterate(weights, posterior, labels, count, beta)
        found = _bottleneck(start, labels, "")
        objective = found.entropy / beta + found.lost
        if objective < least:
            best, least = labels, objective
    return _bottleneck(start, best, f"iterated, best of {len(starts)} starts")


def _counts(counts: Sequence[int] | None, most: int) -> Ints:
    """The counts asked for, each once, falling."""
    wanted = np.arange(1, most + 1) if counts is None else np.unique(np.asarray(counts))
    if wanted.size == 0 or wanted.dtype.kind not in "iu" or wanted[0] < 1 or wanted[-1] > most:
        raise ValueError(
            f"counts={counts!r}: whole numbers from 1 to {most}, the number of states of the minimal sufficient "
            "statistic"
        )
    return wanted[::-1].astype(np.int64)


def _random_start(weights: Floats, posterior: Floats, count: int, seed: int, restart: int) -> Ints:
    """Random states as centres, weighty and far ones more likely, and every state to the nearest (in Hellinger's)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(restart,)))
    roots = np.sqrt(posterior)
    labels, distance = np.zeros(weights.size, dtype=np.int64), np.ones(weights.size)
    for t in range(count):
        chances = weights * distance
        if not chances.sum() > 0:
            break
        centre = roots[rng.choice(weights.size, p=chances / chances.sum())]
        away = ((roots - centre) ** 2).sum(axis=1)
        nearer = away < distance if t else np.ones(weights.size, dtype=np.bool_)
        labels[nearer], distance[nearer] = t, away[nearer]
    return labels


def _iterate(weights: Floats, posterior: Floats, labels: Ints, count: int, beta: float) -> None:
    """Changes ``labels`` until neither the joint step nor a single move lowers the objective."""
    from rgnet.information._bottleneck_kernels import move_one_by_one, nearest

    for _ in range(SWEEPS):
        if nearest(weights, posterior, labels, count, beta) == 0:
            break
    for _ in range(SWEEPS):
        if move_one_by_one(weights, posterior, labels, count, beta) == 0:
            break


def _bottleneck(start: Sufficient, groups: Ints, method: str) -> Bottleneck:
    groups = in_order_of_appearance(groups)  # T is numbered in order of appearance, so its composition is too
    joint = (start.posterior * start.weights[:, None]).T.astype(np.float64)
    merged = np.stack([np.bincount(groups, row) for row in joint])
    weights = merged.sum(axis=0)
    lost = start.lost + information_lost(joint, groups)
    return Bottleneck(
        labels=np.where(start.labels >= 0, groups[np.maximum(start.labels, 0)], -1),
        count=weights.size,
        kept=tables.mutual_information_of(merged),
        lost=lost,
        entropy=tables.entropy_of(weights),
        posterior=(merged / weights).T,
        weights=weights,
        method=method,
    )
