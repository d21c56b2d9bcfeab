"""Theorem 2 of Lin, Tegmark & Rolnick (2017), executed: minimal sufficient statistics of a Markov chain compose.

For a Markov chain y_0 → y_1 → … → y_n let T_i be a minimal sufficient statistic of the data y_n for y_i. Then there
are functions f_i with

    T_i = f_i ∘ T_{i+1} ,      T_n = y_n ,      T_0 = (f_0 ∘ f_1 ∘ … ∘ f_{n−1})(y_n) ,      P(y_0|y_n) = g(T_0) :

inference can undo the chain one step at a time and forget, after each, all but T_i. The reason is the chain run
backwards: P(y_i|y_n) = Σ P(y_i|y_{i+1}) P(y_{i+1}|y_n) is a linear function of the posterior of y_{i+1}, so equal
posteriors of y_{i+1} make equal posteriors of y_i. (The theorem says nothing about what an f_i costs to compute.)

`distill` finds each T_i from the joint table of (y_i, y_n) alone and then looks whether T_i is a function of T_{i+1}.
With tables of Fractions that holds without exception. In floating point a tolerance decides which posteriors are one,
and near it two states may agree at i + 1 and not at i, since rounding and the tolerance's metric are not the chain's.
Such groups of T_i are then joined until f_i is a function (`Distillation.joined` counts the states of T_i that were
lost to it, 0 as a rule); what T_i loses by its tolerance is in `Distillation.lost`, exact as always.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.information import tables
from rgnet.information.grouping import in_order_of_appearance
from rgnet.information.sufficient import TOLERANCE, information_lost, minimal_sufficient

Table = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Distillation:
    """The statistics T_0 … T_n of a chain's data y_n, and the maps between them.

    Calling it takes data (states of y_n) through f_{n−1}, …, f_0 and returns T_0.

    Attributes
    ----------
    statistics : tuple of n + 1 arrays (states of y_n,) of int64
        T_i(y_n); −1 for data of probability zero. T_n numbers the data of positive probability.
    maps : tuple of n arrays of int64
        f_i as a table: ``statistics[i] == maps[i][statistics[i + 1]]``.
    counts : tuple of n + 1 int
        Number of values of each T_i.
    posterior : array (counts[0], states of y_0)
        g: P(y_0|T_0), Fractions for a rational chain.
    error : float
        Largest |P(y_0|y_n) − g(f_0(…f_{n−1}(y_n)…))| over all data: rounding and tolerance; 0 for a rational chain.
    kept, lost : arrays (n + 1,)
        I(y_i; T_i) and I(y_i; y_n) − I(y_i; T_i), nats.
    about_cause : array (n + 1,)
        I(y_0; T_i), nats: the same for every i when the theorem holds.
    joined : tuple of n + 1 int
        States of T_i that were joined so that f_i is a function, although their posteriors of y_i differ by a little
        more than the tolerance.
    """

    statistics: tuple[Ints, ...] = field(repr=False)
    maps: tuple[Ints, ...] = field(repr=False)
    counts: tuple[int, ...]
    posterior: Table = field(repr=False)
    error: float
    kept: npt.NDArray[np.float64]
    lost: npt.NDArray[np.float64]
    about_cause: npt.NDArray[np.float64]
    joined: tuple[int, ...]

    def __call__(self, data: Any) -> Ints:
        """T_0 of data, by the maps one after the other; −1 for data of probability zero.

        Raises
        ------
        ValueError
            If the data are not states of y_n.
        """
        states = np.asarray(data)
        size = self.statistics[-1].size
        if states.dtype.kind not in "iu" or (states.size and (states.min() < 0 or states.max() >= size)):
            raise ValueError(f"data of dtype {states.dtype}: give integers 0 … {size - 1}, the states of y_n")
        labels = self.statistics[-1][states]
        for f in reversed(self.maps):
            labels = _apply(f, labels)
        return np.asarray(labels)


def distill(prior: Any, matrices: Sequence[Any], *, tolerance: float = TOLERANCE) -> Distillation:
    """The statistics, maps and posterior of the theorem, for a chain given by its prior and matrices.

    Parameters
    ----------
    prior : array (k_0,)
        p(y_0).
    matrices : sequence of n ≥ 1 arrays (k_i, k_{i+1})
        ``matrices[i][a, b]`` = p(y_{i+1} = b | y_i = a). Prior and matrices of Fractions (or integers 0 and 1) only
        are treated exactly. Float rows that sum to one within 1e-9 are divided by their sums, so that what they miss
        does not add up along the chain.
    tolerance : float
        As in `rgnet.information.sufficient.minimal_sufficient`.

    Raises
    ------
    ValueError
        If there is no matrix, shapes do not follow each other, or something does not hold probabilities (which row
        sums to what is said).
    """
    first, steps = check_chain(prior, matrices)
    joints, mass = _joints(first, steps)
    possible = mass > 0
    statistics: list[Ints] = [np.where(possible, np.cumsum(possible) - 1, -1)]
    maps: list[Ints] = []
    joined = [0]
    for joint in reversed(joints):
        upper, found = statistics[0], minimal_sufficient(joint, tolerance=tolerance)
        labels = _joined(found.labels, upper)
        statistics.insert(0, labels)
        maps.insert(0, _map_between(upper, labels))
        joined.insert(0, found.count - _count(labels))
    merged = _merge(joints[0], statistics[0])
    pairs = list(zip(joints, statistics, strict=False))
    result = Distillation(
        statistics=tuple(statistics),
        maps=tuple(maps),
        counts=tuple(_count(labels) for labels in statistics),
        posterior=(merged / merged.sum(axis=0)).T,
        error=math.nan,
        kept=np.array([_kept(*pair) for pair in pairs] + [tables.entropy_of(mass.astype(np.float64))]),
        lost=np.array([_lost(*pair) for pair in pairs] + [0.0]),
        about_cause=np.array([_kept(joints[0], labels) for labels in statistics]),
        joined=tuple(joined),
    )
    data = np.flatnonzero(possible)
    direct = (joints[0][:, data] / mass[data]).T
    return replace(result, error=float(np.abs(direct - result.posterior[result(data)]).max()))


def check_chain(prior: Any, matrices: Sequence[Any]) -> tuple[Table, list[Table]]:
    """A chain's prior and matrices after their checks: all float, or all of Fractions.

    Raises
    ------
    ValueError
        As `distill`.
    """
    if len(matrices) == 0:
        raise ValueError("matrices=[]: a chain has at least one step")
    arrays = [np.asarray(prior), *(np.asarray(matrix) for matrix in matrices)]
    names = ["prior", *(f"matrices[{i}]" for i in range(len(matrices)))]
    exact = all(array.dtype.kind in "iuO" for array in arrays)
    if arrays[0].ndim != 1 or arrays[0].size == 0:
        raise ValueError(f"prior has shape {arrays[0].shape}: it has one axis, the states of y_0")
    for name, before, after in zip(names[1:], arrays, arrays[1:], strict=False):
        if after.ndim != 2 or after.size == 0 or after.shape[0] != before.shape[-1]:
            raise ValueError(
                f"{name} has shape {after.shape}: it has two axes, and a row for each of the {before.shape[-1]} "
                "states of the step before"
            )
    if not exact:
        rows = [tables.check_rows(array, name) for array, name in zip(arrays[1:], names[1:], strict=True)]
        first = tables.check_joint(arrays[0], 1, "prior")
        return first / first.sum(), [row / row.sum(axis=1, keepdims=True) for row in rows]
    return _fractions(arrays[0][None], "prior")[0], [
        _fractions(array, name) for array, name in zip(arrays[1:], names[1:], strict=True)
    ]


def _fractions(array: Table, name: str) -> Table:
    wrong = [entry for entry in array.flat if array.dtype.kind == "O" and not isinstance(entry, Rational)]
    if wrong:
        raise ValueError(f"{name} holds {wrong[0]!r}: exact chains hold Fractions; convert others with astype(float)")
    rows = [[Fraction(entry) for entry in row] for row in array.tolist()]
    for i, row in enumerate(rows):
        if sum(row) != 1 or min(row) < 0:
            raise ValueError(f"row {i} of {name} sums to {sum(row)} with the least entry {min(row)}: not probabilities")
    result = np.empty(array.shape, dtype=object)
    result[:] = rows
    return result


def _joints(prior: Table, matrices: list[Table]) -> tuple[list[Table], Table]:
    """p(y_i, y_n) for i = 0 … n − 1, and p(y_n)."""
    priors = [prior]
    for matrix in matrices:
        priors.append(priors[-1] @ matrix)
    to_data = matrices[-1]
    joints = [priors[-2][:, None] * to_data]
    for before, matrix in zip(reversed(priors[:-2]), reversed(matrices[:-1]), strict=True):
        to_data = matrix @ to_data
        joints.insert(0, before[:, None] * to_data)
    # Data whose probability underflows on one of these routes are impossible on all of them
    possible = np.logical_and.reduce([joint.sum(axis=0) > 0 for joint in joints])
    return [joint * possible for joint in joints], joints[0].sum(axis=0) * possible


def _joined(labels: Ints, upper: Ints) -> Ints:
    """The finest statistic that is coarser than ``labels`` and a function of ``upper``: as a rule ``labels`` itself."""
    if np.array_equal(_apply(_map_between(upper, labels), upper), labels):
        return labels
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    used = labels >= 0
    a, b = labels[used], upper[used]
    size = int(a.max()) + 1
    total = size + int(b.max()) + 1
    graph = coo_array((np.ones(a.size, dtype=np.int8), (a, size + b)), shape=(total, total))
    _, component = connected_components(graph, directed=False)
    result = np.full(labels.shape, -1, dtype=np.int64)
    result[used] = component[a]
    return in_order_of_appearance(result)


def _map_between(upper: Ints, lower: Ints) -> Ints:
    used = upper >= 0
    f = np.empty(int(upper.max()) + 1, dtype=np.int64)
    f[upper[used]] = lower[used]
    return f


def _apply(f: Ints, labels: Ints) -> Ints:
    return np.where(labels >= 0, f[np.maximum(labels, 0)], -1)


def _count(labels: Ints) -> int:
    return int(labels.max()) + 1


def _merge(joint: Table, labels: Ints) -> Table:
    """p(y, T) from p(y, x) and T(x)."""
    if joint.dtype.kind == "O":
        return np.stack([joint[:, labels == label].sum(axis=1) for label in range(_count(labels))], axis=1)
    used = labels >= 0
    return np.stack([np.bincount(labels[used], row[used]) for row in joint])


def _kept(joint: Table, labels: Ints) -> float:
    return tables.mutual_information_of(_merge(joint, labels).astype(np.float64))


def _lost(joint: Table, labels: Ints) -> float:
    """Zero for a rational chain, where T_i is what exact arithmetic found."""
    return 0.0 if joint.dtype.kind == "O" else information_lost(joint, labels)
