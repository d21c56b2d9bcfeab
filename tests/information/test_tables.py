"""Exact tables: closed forms, scipy, invariants, bad input."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.information import tables


def random_table(shape, seed, zeros=0.3):
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=shape) * (rng.random(shape) > zeros)
    weights.flat[0] += 0.1
    return weights / weights.sum()


def test_closed_forms():
    flip = 0.2
    channel = np.array([[1 - flip, flip], [flip, 1 - flip]]) / 2
    h = -(flip * math.log(flip) + (1 - flip) * math.log(1 - flip))
    assert tables.entropy_of([0.5, 0.5]) == pytest.approx(math.log(2), abs=1e-15)
    assert tables.entropy_of([1, 0, 0]) == 0
    assert tables.mutual_information_of(channel) == pytest.approx(math.log(2) - h, abs=1e-15)
    assert tables.mutual_information_of(np.eye(7) / 7) == pytest.approx(math.log(7), abs=1e-15)
    assert tables.kl_of([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.5 * math.log(4 / 3), abs=1e-15)
    assert tables.kl_of([0.5, 0.5], [0, 1]) == math.inf
    assert tables.jensen_shannon_of([1, 0], [0, 1]) == pytest.approx(math.log(2), abs=1e-15)
    parity = np.zeros((2, 2, 2))
    for a in (0, 1):
        for b in (0, 1):
            parity[a, b, a ^ b] = 0.25
    assert tables.mutual_information_of(parity.sum(axis=2)) == pytest.approx(0, abs=1e-15)
    assert tables.conditional_mutual_information_of(parity) == pytest.approx(math.log(2), abs=1e-15)
    assert tables.multi_information_of(parity) == pytest.approx(math.log(2), abs=1e-15)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.integers(1, 4))
def test_definitions_by_entropies(seed, nx, ny, nz):
    p = random_table((nx, ny, nz), seed)
    h = tables.entropy_of
    xy = p.sum(axis=2)
    assert h(xy) == pytest.approx(scipy.stats.entropy(xy.ravel()), abs=1e-12)
    information = h(p.sum(axis=(1, 2))) + h(p.sum(axis=(0, 2))) - h(xy)
    assert tables.mutual_information_of(xy) == pytest.approx(information, abs=1e-12)
    assert tables.mutual_information_of(xy) >= -1e-14
    conditional = h(p.sum(axis=1)) + h(p.sum(axis=0)) - h(p) - h(p.sum(axis=(0, 1)))
    assert tables.conditional_mutual_information_of(p) == pytest.approx(conditional, abs=1e-12)
    # The chain rule: I(x; yz) = I(x;z) + I(x;y|z)
    whole = tables.mutual_information_of(p.reshape(nx, -1))
    parts = tables.mutual_information_of(p.sum(axis=1)) + tables.conditional_mutual_information_of(p)
    assert whole == pytest.approx(parts, abs=1e-12)
    total = sum(h(p.sum(axis=tuple({0, 1, 2} - {a}))) for a in range(3)) - h(p)
    assert tables.multi_information_of(p) == pytest.approx(total, abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_divergences_against_scipy(seed, n):
    p, q = random_table(n, seed), random_table(n, seed + 1)
    inside = (q > 0) | (p == 0)
    expected = scipy.stats.entropy(p, q) if inside.all() else math.inf
    assert tables.kl_of(p, q) == pytest.approx(expected, abs=1e-12)
    distance = scipy.spatial.distance.jensenshannon(p, q)
    if n > 1 and distance > 1e-6:
        assert tables.jensen_shannon_of(p, q) == pytest.approx(distance**2, abs=1e-12)
    assert tables.kl_of(p, p) == pytest.approx(0, abs=1e-15)


def test_tiny_probabilities_and_inexact_sums():
    p = np.array([[1e-300, 1e-200], [1e-200, 1.0]])
    assert tables.mutual_information_of(p) == pytest.approx(0, abs=1e-15)
    independent = np.outer(np.full(3, 1 / 3), np.full(5, 0.2)) * (1 + 5e-10)
    assert tables.mutual_information_of(independent) == pytest.approx(0, abs=1e-15)
    flat = np.full((2, 3, 4), (1 + 5e-10) / 24)
    assert tables.conditional_mutual_information_of(flat) == pytest.approx(0, abs=1e-15)


def test_a_large_independent_table_has_no_information():
    rng = np.random.default_rng(1)
    p = np.outer(rng.dirichlet(np.ones(500)), rng.dirichlet(np.full(1000, 0.1)))
    assert tables.mutual_information_of(p) == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([[0.5, 0.6]], r"sums to 1 \+ 0\.1: divide"),
        ([[0.5, 0.5 - 2e-9]], r"sums to 1 - 2e-09"),
        ([[0.5, -0.5, 1.0]], r"p_xy\[0, 1\] = -0\.5 \(1 such entries\)"),
        ([[0.5, float("nan")]], r"p_xy\[0, 1\] = nan"),
        ([[0.5, float("inf")]], r"p_xy\[0, 1\] = inf"),
        ([0.5, 0.5], r"shape \(2,\): a table of 2 variables has 2 axes"),
        (np.zeros((0, 2)), r"at least one entry"),
        ([["a", "b"]], r"holds real numbers"),
        (np.array([[0.5, 0.5]], dtype=object), r"dtype object"),
        ([[0.5 + 0j, 0.5]], r"complex128"),
    ],
)
def test_bad_tables(p, message):
    with pytest.raises(ValueError, match=message):
        tables.mutual_information_of(p)


def test_bad_rows_and_shapes():
    with pytest.raises(ValueError, match=r"row 1 of matrix sums to 1 - 0\.25"):
        tables.check_rows([[0.5, 0.5], [0.5, 0.25]], "matrix")
    with pytest.raises(ValueError, match=r"matrix\[0, 1\] = -0.5"):
        tables.check_rows([[1.5, -0.5]], "matrix")
    with pytest.raises(ValueError, match=r"two axes"):
        tables.check_rows([0.5, 0.5])
    with pytest.raises(ValueError, match=r"holds real numbers"):
        tables.check_rows([["a"]])
    with pytest.raises(ValueError, match=r"p has shape \(2,\), q has \(3,\)"):
        tables.kl_of([0.5, 0.5], [0.5, 0.5, 0])
    np.testing.assert_array_equal(tables.check_rows([[1, 0], [0, 1]]), np.eye(2))
