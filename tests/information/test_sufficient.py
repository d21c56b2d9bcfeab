"""Minimal sufficient statistics: enumeration, planted symmetries, exact rationals, near-ties, bad input."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse.csgraph
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.information import tables
from rgnet.information.grouping import in_order_of_appearance
from rgnet.information.sufficient import (
    group_rows,
    information_lost,
    minimal_sufficient,
    minimal_sufficient_of_posteriors,
)


def planted(rng, classes, count, states):
    """A joint table whose minimal sufficient statistic is known, and its labels."""
    posterior = rng.dirichlet(np.ones(classes), size=count)
    posterior[0] = np.eye(classes)[0]
    labels = np.concatenate([np.arange(count), rng.integers(count, size=states - count)])
    rng.shuffle(labels)
    mass = rng.dirichlet(np.ones(states))
    return (posterior[labels] * mass[:, None]).T, in_order_of_appearance(labels)


def same_partition(a, b):
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(set(a.tolist())) == len(set(b.tolist()))


# --- grouping


def linked(rows, tolerance):
    """The oracle: every pair compared, components by SciPy."""
    near = np.abs(rows[:, None] - rows[None]).max(axis=-1) <= tolerance
    return scipy.sparse.csgraph.connected_components(near)[1]


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 80), st.integers(1, 4), st.sampled_from(["spread", "repeated", "grid"]))
def test_groups_are_the_components_of_all_pairs(seed, n, d, kind):
    rng = np.random.default_rng(seed)
    rows = rng.random((n, d))
    if kind == "repeated":
        rows = rows[rng.integers(n, size=n)] + 1e-15 * rng.standard_normal((n, d))
    if kind == "grid":
        rows = np.round(rows, 1)
    tolerance = 0.05 + 0.3 * rng.random()
    found = group_rows(rows, tolerance)
    # The tolerance is sharp to one percent: the groups lie between those of a smaller and of a larger one
    for coarse, fine in ((found, linked(rows, 0.97 * tolerance)), (linked(rows, 1.03 * tolerance), found)):
        assert len(set(zip(fine.tolist(), coarse.tolist(), strict=True))) == len(set(fine.tolist()))
    np.testing.assert_array_equal(found, in_order_of_appearance(found))


def test_interleaved_gaps_are_told_apart_pair_by_pair():
    """No coordinate shows a gap between these four, and none is within the tolerance of another."""
    rows = np.array([[0, 0.9], [0.9, 2.7], [1.8, 0], [2.7, 1.8]])
    np.testing.assert_array_equal(group_rows(rows, 1.0), [0, 1, 2, 3])
    many = np.repeat(rows, 50, axis=0) + 1e-13 * np.random.default_rng(0).random((200, 2))
    np.testing.assert_array_equal(group_rows(many, 1.0), np.repeat([0, 1, 2, 3], 50))
    chain = np.vstack([rows, [[0.45, 1.8]]])  # links the first two
    np.testing.assert_array_equal(group_rows(chain, 1.0), [0, 0, 1, 2, 0])


def test_no_rounding_grid_splits_equal_rows():
    """Pairs around every multiple of the tolerance, where a grid has its lines."""
    lines = np.arange(1, 2000) * 1e-9 * 100
    pairs = np.stack([lines - 1e-15, lines + 1e-15], axis=1).ravel()
    np.testing.assert_array_equal(group_rows(pairs, 1e-9), np.repeat(np.arange(1999), 2))


def test_a_million_rows():
    rng = np.random.default_rng(1)
    base = np.sqrt(rng.dirichlet(np.ones(4), size=1000))
    labels = rng.integers(1000, size=10**6)
    found = group_rows(base[labels] * (1 + 1e-14 * rng.standard_normal((10**6, 4))), 1e-9)
    np.testing.assert_array_equal(found, in_order_of_appearance(labels))


def test_zero_tolerance_groups_equal_rows_only():
    rows = np.array([[0.1, 0.2, 0.3], [0.1, 0.2, np.nextafter(0.3, 1)], [0.1, 0.2, 0.3]])
    np.testing.assert_array_equal(group_rows(rows, 0), [0, 1, 0])
    np.testing.assert_array_equal(group_rows([3, 1, 3], 0), [0, 1, 0])


@pytest.mark.parametrize(
    ("rows", "tolerance", "message"),
    [
        (np.zeros((0, 2)), 1e-9, r"shape \(0, 2\)"),
        (np.zeros((2, 0)), 1e-9, r"n and d ≥ 1"),
        ([["a"]], 1e-9, r"real vectors"),
        (np.zeros((2, 2, 2)), 1e-9, r"real vectors as \(n, d\)"),
        ([[math.nan], [1.0]], 1e-9, r"1 entries that are not finite"),
        ([[1.0]], -1.0, r"tolerance=-1.0"),
        ([[1.0]], math.inf, r"tolerance=inf"),
    ],
)
def test_bad_rows(rows, tolerance, message):
    with pytest.raises(ValueError, match=message):
        group_rows(rows, tolerance)


# --- minimal sufficient statistics


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 12), st.integers(0, 60))
def test_planted_statistics_are_found_and_lose_nothing(seed, classes, count, extra):
    rng = np.random.default_rng(seed)
    count = count if classes > 1 else 1
    joint, labels = planted(rng, classes, count, count + extra)
    found = minimal_sufficient(joint)
    np.testing.assert_array_equal(found.labels, labels)
    whole = tables.mutual_information_of(joint)
    assert found.kept == pytest.approx(whole, abs=1e-12)
    assert 0 <= found.lost < 1e-25
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1, atol=1e-14)
    np.testing.assert_allclose(found.weights, np.bincount(labels, joint.sum(axis=0)), atol=1e-15)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 30))
def test_generic_tables_keep_every_state(seed, classes, states):
    joint = np.random.default_rng(seed).dirichlet(np.ones(classes * states)).reshape(classes, states)
    found = minimal_sufficient(joint)
    np.testing.assert_array_equal(found.labels, np.arange(states))
    np.testing.assert_allclose((found.posterior * found.weights[:, None]).T, joint, atol=1e-15)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 40), st.integers(1, 10))
def test_data_processing_inequality(seed, classes, states, values):
    """Any map loses what the two mutual informations differ by, never less than nothing."""
    rng = np.random.default_rng(seed)
    joint = rng.dirichlet(np.full(classes * states, 0.3)).reshape(classes, states)
    labels = rng.integers(values, size=states)
    merged = np.stack([np.bincount(labels, row, minlength=values) for row in joint])
    lost = information_lost(joint, labels)
    assert lost >= 0
    difference = tables.mutual_information_of(joint) - tables.mutual_information_of(merged)
    assert lost == pytest.approx(difference, abs=1e-12)
    # The same map after the sufficient statistic or before it: the statistic is what decides
    found = minimal_sufficient(joint)
    assert information_lost(joint, found.labels) == pytest.approx(found.lost, abs=1e-25)
    assert found.lost < 1e-12


def test_minimality_by_enumeration():
    """Of all partitions of six states those that lose nothing are refinements of T; no two labels share a posterior."""
    joint, _ = planted(np.random.default_rng(3), 3, 3, 6)
    found = minimal_sufficient(joint)
    coarsest = 6
    for partition in itertools.product(range(3), repeat=6):
        if information_lost(joint, np.array(partition)) < 1e-15:
            pairs = set(zip(partition, found.labels.tolist(), strict=True))
            assert len(pairs) == len(set(partition))
            coarsest = min(coarsest, len(pairs))
    assert coarsest == found.count == 3
    for a, b in itertools.combinations(range(found.count), 2):
        assert np.abs(found.posterior[a] - found.posterior[b]).max() > 1e-3


def test_a_binary_tree_by_enumeration():
    """Leaves of the depth-2 binary tree: T keeps, for each cherry, the number of ones, up to swapping the cherries."""
    flip = 0.2
    channel = np.array([[1 - flip, flip], [flip, 1 - flip]])
    joint = np.zeros((2, 16))
    for root, a, b, *leaves in itertools.product((0, 1), repeat=7):
        p = 0.5 * channel[root, a] * channel[root, b]
        for parent, leaf in zip((a, a, b, b), leaves, strict=True):
            p *= channel[parent, leaf]
        joint[root, leaves[0] * 8 + leaves[1] * 4 + leaves[2] * 2 + leaves[3]] += p
    found = minimal_sufficient(joint)
    # The log-odds of the cherries (−c, 0 or c) add up: −2c, −c, 0, c, 2c
    ones = np.array([[int(c) for c in f"{x:04b}"] for x in range(16)])
    total = ones.sum(axis=1)
    assert found.count == 5
    assert same_partition(found.labels, total)
    assert found.kept == pytest.approx(tables.mutual_information_of(joint), abs=1e-15)


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_near_ties(classes):
    """Posteriors that differ by 1e-5 stay apart, rounding noise merges, in tables of a thousand states."""
    rng = np.random.default_rng(classes)
    base = rng.dirichlet(np.full(classes, 0.5), size=50)
    base[0], base[1] = np.eye(classes)[0], np.full(classes, 1 / classes)
    shifted = base.copy()
    at = base.argmax(axis=1)
    shifted[np.arange(50), at] -= 1e-5
    shifted[np.arange(50), (at + 1) % classes] += 1e-5
    both = np.concatenate([base, shifted])
    labels = np.concatenate([np.arange(100), rng.integers(100, size=900)])
    joint = (both[labels] / 1000).T
    noise = rng.uniform(-1, 1, joint.shape) * np.where(joint > 0, 1e-15, 0) * joint * 100
    found = minimal_sufficient((joint + noise) / (joint + noise).sum())
    np.testing.assert_array_equal(found.labels, labels)
    assert found.lost < 1e-20
    # Absolute errors of 1e-16 in the table, 1e-13 in the posteriors, zeros among them
    joint = joint + 1e-16 * rng.random(joint.shape)
    found = minimal_sufficient(joint / joint.sum())
    np.testing.assert_array_equal(found.labels, labels)


def test_the_tolerance_is_the_users():
    joint = np.array([[0.25, 0.25 + 1e-4], [0.25, 0.25 - 1e-4]])
    assert minimal_sufficient(joint).count == 2
    merged = minimal_sufficient(joint, tolerance=1e-2)
    assert merged.count == 1
    assert merged.lost == pytest.approx(tables.mutual_information_of(joint), rel=1e-6)
    assert merged.lost == pytest.approx(2e-8, rel=1e-3)
    assert minimal_sufficient([[0.2, 0.4, 0.4]], tolerance=0).count == 1


def test_a_million_states():
    rng = np.random.default_rng(5)
    joint, labels = planted(rng, 2, 2000, 10**6)
    found = minimal_sufficient(joint)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.lost < 1e-20


def test_states_of_probability_zero():
    found = minimal_sufficient([[0.0, 0.25, 0.0, 0.25], [0.0, 0.25, 0.0, 0.25]])
    np.testing.assert_array_equal(found.labels, [-1, 0, -1, 0])
    np.testing.assert_array_equal(found([[0, 1], [3, 3]]), [[-1, 0], [0, 0]])
    assert (found.count, found.kept, found.lost) == (1, pytest.approx(0, abs=1e-15), pytest.approx(0, abs=1e-15))


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 10), st.integers(1, 30))
def test_rational_tables_are_exact(seed, classes, count, states):
    """Fractions and counts against a dictionary of exact posteriors, and against floats."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 4, size=(count, classes))
    counts = (rows[rng.integers(count, size=states)] * rng.integers(1, 10**6, size=(states, 1))).T
    if counts.sum() == 0:
        counts[0, 0] = 1
    total = int(counts.sum())
    joint = np.array([[Fraction(int(c), total) for c in row] for row in counts], dtype=object)
    exact, by_counts = minimal_sufficient(joint), minimal_sufficient(counts)
    np.testing.assert_array_equal(exact.labels, by_counts.labels)
    assert (exact.posterior == by_counts.posterior).all()
    assert exact.lost == 0.0
    assert sum(exact.weights) == 1
    assert all(sum(row) == 1 for row in exact.posterior)
    for x, label in enumerate(exact.labels):
        mass = sum(joint[:, x])
        assert (label == -1) == (mass == 0)
        if mass:
            assert [p / mass for p in joint[:, x]] == list(exact.posterior[label])
    floats = minimal_sufficient(joint.astype(float))
    np.testing.assert_array_equal(floats.labels, exact.labels)
    assert floats.kept == pytest.approx(exact.kept, abs=1e-12)


def test_exact_tables_tell_apart_what_no_float_can():
    tiny = Fraction(1, 10**40)
    joint = np.array([[Fraction(1, 4) + tiny, Fraction(1, 4)], [Fraction(1, 4) - tiny, Fraction(1, 4)]], dtype=object)
    assert minimal_sufficient(joint).count == 2
    assert minimal_sufficient(joint.astype(float)).count == 1


def test_lists_of_posteriors():
    rng = np.random.default_rng(2)
    joint, labels = planted(rng, 3, 5, 20)
    mass = joint.sum(axis=0)
    found = minimal_sufficient_of_posteriors((joint / mass).T, mass)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.kept == pytest.approx(tables.mutual_information_of(joint), abs=1e-14)
    with pytest.raises(ValueError, match=r"row 0 of posteriors sums to 1 - 0\.1"):
        minimal_sufficient_of_posteriors([[0.5, 0.4]], [1.0])
    with pytest.raises(ValueError, match=r"1 posteriors and 2 weights"):
        minimal_sufficient_of_posteriors([[0.5, 0.5]], [0.5, 0.5])


@pytest.mark.parametrize(
    ("joint", "message"),
    [
        ([[0.5, -0.1, 0.6]], r"joint\[0, 1\] = -0\.1"),
        ([[0.5, math.nan]], r"joint\[0, 1\] = nan"),
        ([[0.5, 0.4]], r"sums to 1 - 0\.1"),
        ([0.5, 0.5], r"shape \(2,\)"),
        ([1, 1], r"shape \(2,\)"),
        (np.zeros((2, 0)), r"at least one entry"),
        (np.zeros((2, 0), dtype=int), r"shape \(2, 0\)"),
        ([["a", "b"]], r"real numbers"),
        (np.array([["a", 0.5]], dtype=object), r"holds 'a'"),
        (np.array([[0.5, Fraction(1, 2)]], dtype=object), r"holds 0\.5: exact tables hold Fractions"),
        (np.array([[Fraction(1, 2), Fraction(1, 3)]], dtype=object), r"sums to 5/6, not to one"),
        (np.array([[Fraction(3, 2), Fraction(-1, 2)]], dtype=object), r"1 negative entries"),
        ([[3, -1]], r"1 negative entries"),
        ([[0, 0]], r"sums to 0, not to one"),
    ],
)
def test_bad_tables(joint, message):
    with pytest.raises(ValueError, match=message):
        minimal_sufficient(joint)


def test_bad_states_and_labels():
    found = minimal_sufficient([[0.25, 0.25], [0.0, 0.5]])
    with pytest.raises(ValueError, match=r"states 0 … 2: the table has states 0 … 1"):
        found([0, 2])
    with pytest.raises(ValueError, match=r"dtype float64"):
        found([0.5])
    with pytest.raises(ValueError, match=r"one integer for each of the 2 states"):
        information_lost([[0.5, 0.5]], [0, 1, 2])
    with pytest.raises(ValueError, match=r"positive probability has a negative label"):
        information_lost([[0.5, 0.5]], [0, -1])
    with pytest.raises(ValueError, match=r"tolerance=-1"):
        minimal_sufficient([[0.5, 0.5]], tolerance=-1)


def test_the_depth_four_tree_has_its_known_information():
    """Sixteen leaves, flip 0.2: I(root; leaves) = 0.0749 nats by 65536 states, and by the 85 values of T."""
    channel = np.array([[0.8, 0.2], [0.2, 0.8]])
    leaves = np.eye(2)
    for _ in range(4):
        child = channel @ leaves
        leaves = np.einsum("ra,rb->rab", child, child).reshape(2, -1)
    found = minimal_sufficient(leaves / 2)
    assert found.count == 85
    assert found.kept == pytest.approx(tables.mutual_information_of(leaves / 2), abs=1e-13)
    assert found.kept == pytest.approx(0.0749, abs=5e-5)
    assert found.lost < 1e-20


def test_numpy_integers_do_not_wrap_around():
    big = 2**62
    table = np.array([[np.int64(big), np.int64(big)], [np.int64(big), np.int64(big - 1)]], dtype=object)
    found = minimal_sufficient(table)
    assert found.labels.tolist() == [0, 1]
    assert float(sum(found.weights)) == 1.0
    assert found.posterior[1, 0] == Fraction(big, 2 * big - 1)


def test_what_is_lost_of_fractions():
    table = np.array([[Fraction(1, 2), Fraction(0)], [Fraction(0), Fraction(1, 2)]], dtype=object)
    assert information_lost(table, [0, 0]) == pytest.approx(np.log(2))
    assert information_lost(table, [0, 1]) == 0.0
    with pytest.raises(ValueError, match="exact tables hold Fractions or integers"):
        information_lost(np.array([["a", "b"], ["c", "d"]], dtype=object), [0, 0])
    with pytest.raises(ValueError, match="tolerance='a': a finite number"):
        minimal_sufficient(np.eye(2) / 2, tolerance="a")
