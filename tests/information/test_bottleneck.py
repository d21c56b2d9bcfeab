"""Bottlenecks against the enumeration of all partitions, against each other, and as exact bookkeeping."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.information import tables
from rgnet.information.bottleneck import (
    _of_neighbours,
    _of_pairs,
    agglomerative,
    deterministic_bottleneck,
    optimal,
)
from rgnet.information.sufficient import information_lost, minimal_sufficient


def random_joint(seed, classes, states):
    return np.random.default_rng(seed).dirichlet(np.full(classes * states, 0.5)).reshape(classes, states)


def partitions(states, count):
    """All maps of the states onto exactly ``count`` values, each partition once."""
    for labels in itertools.product(range(count), repeat=states):
        first = [labels.index(t) for t in range(count) if t in labels]
        if len(first) == count and first == sorted(first):
            yield np.array(labels)


def merged(joint, labels):
    used = labels >= 0
    return np.stack([np.bincount(labels[used], row[used]) for row in joint])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_optimum_of_two_classes_is_that_of_all_partitions(seed, count):
    joint = random_joint(seed, 2, 8)
    best = min(information_lost(joint, labels) for labels in partitions(8, count))
    curve = optimal(joint, [count])
    assert curve.lost[0] == pytest.approx(best, abs=1e-15)
    found = deterministic_bottleneck(joint, count, method="optimal")
    assert (found.lost, found.count) == (pytest.approx(best, abs=1e-15), count)
    iterated = deterministic_bottleneck(joint, count, seed=seed)
    assert best - 1e-15 <= iterated.lost <= agglomerative(joint, [count]).lost[0] + 1e-15


def test_iteration_finds_the_optimum_of_most_small_tables():
    """Three classes, seven states, three values: at most 2 of 20 tables end in a poorer optimum, none above 1 %."""
    missed = 0
    for seed in range(20):
        joint = random_joint(100 + seed, 3, 7)
        best = min(information_lost(joint, labels) for labels in partitions(7, 3))
        found = deterministic_bottleneck(joint, 3)
        assert best - 1e-15 <= found.lost <= 1.01 * best + 1e-15
        missed += found.lost > best + 1e-12
    assert missed <= 2


def test_a_finite_beta_by_enumeration():
    """H(T) − β I(y;T) over all partitions of six states into at most six, β across the range where merging pays."""
    joint = random_joint(7, 2, 6)
    counts = []
    for beta in (0.5, 3.0, 10.0, 30.0, 1e4):

        def objective(labels, beta=beta):
            table = merged(joint, labels)
            return tables.entropy_of(table.sum(axis=0)) - beta * tables.mutual_information_of(table)

        best = min(objective(labels) for k in range(1, 7) for labels in partitions(6, k))
        found = deterministic_bottleneck(joint, 6, beta=beta, restarts=20)
        assert objective(found.labels) == pytest.approx(best, abs=1e-12)
        assert found.entropy == pytest.approx(tables.entropy_of(merged(joint, found.labels).sum(axis=0)), abs=1e-14)
        counts.append(found.count)
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert counts[-1] >= 5


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 25))
def test_every_reported_loss_is_the_loss_of_its_map(seed, classes, states):
    joint = random_joint(seed, classes, states)
    whole = tables.mutual_information_of(joint)
    curve = agglomerative(joint)
    np.testing.assert_array_equal(curve.states, np.arange(curve.statistic.count, 0, -1))
    assert (np.diff(curve.lost) >= 0).all()  # each merger loses, none gains
    assert curve.lost[-1] == pytest.approx(whole, abs=1e-12)
    np.testing.assert_allclose(curve.kept + curve.lost, whole, atol=1e-12)
    for count, lost, kept in zip(curve.states, curve.lost, curve.kept, strict=True):
        labels = curve.labels(int(count))
        assert len(set(labels.tolist())) == count
        assert information_lost(joint, labels) == pytest.approx(lost, abs=1e-13)
        assert tables.mutual_information_of(merged(joint, labels)) == pytest.approx(kept, abs=1e-12)
    count = 1 + seed % curve.statistic.count
    found = deterministic_bottleneck(joint, count, restarts=2, seed=seed)
    assert found.lost == pytest.approx(information_lost(joint, found.labels), abs=1e-13)
    assert found.lost <= curve.lost[curve.states == count][0] + 1e-13
    assert found.kept + found.lost == pytest.approx(whole, abs=1e-12)
    assert found.count <= count
    np.testing.assert_allclose((found.posterior * found.weights[:, None]).T, merged(joint, found.labels), atol=1e-14)
    if classes == 2:
        best = optimal(joint, range(1, curve.statistic.count + 1))
        assert (best.lost <= curve.lost + 1e-13).all()


def test_the_cheapest_pair_goes_first():
    """The first merger is the least of all pairs, compared by brute force."""
    for seed in range(10):
        joint = random_joint(seed, 3, 12)
        pairs = itertools.combinations(range(12), 2)
        least = min(information_lost(joint, np.where(np.arange(12) == b, a, np.arange(12))) for a, b in pairs)
        assert agglomerative(joint, [11]).lost[0] == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_greedy_mergers_by_brute_force(seed, classes):
    joint = random_joint(seed, classes, 10)
    labels, lost = np.arange(10), []
    while len(set(labels)) > 1:
        trials = [np.where(labels == b, a, labels) for a, b in itertools.combinations(sorted(set(labels)), 2)]
        labels = min(trials, key=lambda trial: information_lost(joint, trial))
        lost.append(information_lost(joint, labels))
    np.testing.assert_allclose(agglomerative(joint).lost[1:], lost, atol=1e-14)


def test_neighbours_suffice_for_two_classes():
    """The fast route for two classes and the comparison of all pairs lose the same, merger by merger."""
    for seed in range(5):
        start = minimal_sufficient(random_joint(seed, 2, 200))
        _, losses = _of_pairs(start.weights, start.posterior)
        _, same_losses = _of_neighbours(start.weights, start.posterior)
        np.testing.assert_allclose(losses, same_losses, rtol=1e-9, atol=1e-18)


def test_equal_posteriors_and_impossible_states_are_free():
    joint = np.array([[0.1, 0.2, 0.0, 0.1, 0.05], [0.1, 0.2, 0.0, 0.2, 0.05]])
    curve = agglomerative(joint)
    np.testing.assert_array_equal(curve.states, [2, 1])
    np.testing.assert_array_equal(curve.labels(2), [0, 0, -1, 1, 0])
    assert curve.lost[0] == pytest.approx(0, abs=1e-25)
    found = deterministic_bottleneck(joint, 10)
    np.testing.assert_array_equal(found.labels, [0, 0, -1, 1, 0])
    assert found.count == 2


def test_a_rational_table():
    joint = np.array([[Fraction(k, 30) for k in (1, 2, 3, 4)], [Fraction(k, 30) for k in (8, 6, 4, 2)]], dtype=object)
    for curve in (agglomerative(joint), optimal(joint, [1, 2, 3, 4])):
        np.testing.assert_array_equal(curve.states, [4, 3, 2, 1])
        assert curve.lost[0] == 0
    assert deterministic_bottleneck(joint, 2).count == 2


def test_larger_tables():
    joint = random_joint(1, 2, 600)
    curve, best = agglomerative(joint), optimal(joint, range(1, 17))
    greedy = curve.lost[np.isin(curve.states, best.states)]
    assert (best.lost <= greedy + 1e-15).all()
    found = deterministic_bottleneck(joint, 16, restarts=3)
    assert best.lost[0] - 1e-14 <= found.lost <= greedy[0] + 1e-14
    assert found.lost < 1.1 * best.lost[0]
    # Everything repeats with its seed
    again = deterministic_bottleneck(joint, 16, restarts=3)
    np.testing.assert_array_equal(found.labels, again.labels)


def test_dynamic_programming_against_its_quadratic_form():
    joint = random_joint(2, 2, 60)
    start = minimal_sufficient(joint)
    order = np.argsort(start.posterior[:, 1])
    table = (start.posterior * start.weights[:, None])[order]

    def cost(i, j):
        a, b = table[i:j].sum(axis=0)
        return -a * math.log(a / (a + b)) - b * math.log(b / (a + b))

    costs = {(i, j): cost(i, j) for i in range(60) for j in range(i + 1, 61)}
    value = [0.0] + [math.inf] * 60
    expected = []
    for _ in range(8):
        value = [math.inf] + [min(value[i] + costs[i, j] for i in range(j)) for j in range(1, 61)]
        expected.append(value[60] - sum(cost(i, i + 1) for i in range(60)))
    np.testing.assert_allclose(optimal(joint, range(1, 9)).lost[::-1], expected, atol=1e-13)


JOINT = [[0.2, 0.3], [0.4, 0.1]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: agglomerative([[0.5, 0.6]]), r"sums to 1 \+ 0\.1"),
        (lambda: agglomerative([0.5, 0.5]), r"shape \(2,\)"),
        (lambda: agglomerative(JOINT, [3]), r"counts=\[3\]: whole numbers from 1 to 2"),
        (lambda: agglomerative(JOINT, [0]), r"counts=\[0\]"),
        (lambda: agglomerative(JOINT, []), r"counts=\[\]"),
        (lambda: agglomerative(JOINT, [1.5]), r"counts=\[1\.5\]"),
        (lambda: agglomerative(JOINT, [1]).labels(2), r"count=2: the curve has points at \[1\] states"),
        (lambda: agglomerative(random_joint(0, 2, 6_000)), r"\d+ states .* say which counts"),
        (lambda: agglomerative(random_joint(0, 3, 30_000), [2]), r"\d+ states .* at most 20000"),
        (lambda: optimal(np.full((3, 2), 1 / 6), [1]), r"y has 3 classes"),
        (lambda: deterministic_bottleneck(JOINT, 0), r"states=0"),
        (lambda: deterministic_bottleneck(JOINT, 1.5), r"states=1\.5"),
        (lambda: deterministic_bottleneck(JOINT, 2, beta=0), r"beta=0"),
        (lambda: deterministic_bottleneck(JOINT, 2, beta=math.nan), r"beta=nan"),
        (lambda: deterministic_bottleneck(JOINT, 2, restarts=-1), r"restarts=-1"),
        (lambda: deterministic_bottleneck(JOINT, 2, method="best"), r"method='best'"),
        (lambda: deterministic_bottleneck(JOINT, 2, method="optimal", beta=2.0), r"beta=2\.0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
