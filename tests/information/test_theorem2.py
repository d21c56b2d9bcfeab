"""Theorem 2 on a thousand random chains with planted symmetries, exactly on rational ones, and at near-ties."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from rgnet.information import tables
from rgnet.information.sufficient import minimal_sufficient
from rgnet.information.theorem2 import distill


def symmetric_matrix(rng, rows, columns):
    """A stochastic matrix with repeated rows and proportional columns, permuted, so that statistics merge."""
    core = rng.dirichlet(np.ones(max(1, columns // 2)), size=max(1, rows // 2))
    core[rng.random(core.shape) < 0.2] = 0
    core[:, 0] += 1e-2
    core /= core.sum(axis=1, keepdims=True)
    copies = rng.integers(core.shape[1], size=columns)
    copies[: core.shape[1]] = np.arange(core.shape[1])
    shares = rng.dirichlet(np.ones(columns))
    shares /= np.bincount(copies, shares)[copies]
    matrix = core[rng.integers(core.shape[0], size=rows)][:, copies] * shares
    return matrix[:, rng.permutation(columns)]


def random_chain(rng, generic=False, steps=None):
    sizes = rng.integers(2, 9, size=(steps or int(rng.integers(1, 6))) + 1)
    make = (lambda a, b: rng.dirichlet(np.ones(b), size=a)) if generic else lambda a, b: symmetric_matrix(rng, a, b)
    return rng.dirichlet(np.ones(sizes[0])), [make(a, b) for a, b in itertools.pairwise(sizes)]


def joint_with_data(prior, matrices, i):
    """p(y_i, y_n) by the definition."""
    before, after = prior, np.eye(matrices[i - 1].shape[1] if i else len(prior))
    for matrix in matrices[:i]:
        before = before @ matrix
    for matrix in matrices[i:]:
        after = after @ matrix
    return before[:, None] * after


def check(prior, matrices, result):
    n = len(matrices)
    possible = joint_with_data(prior, matrices, 0).sum(axis=0) > 0
    data = np.flatnonzero(possible)
    whole = tables.mutual_information_of(joint_with_data(prior, matrices, 0))
    for i in range(n):
        joint = joint_with_data(prior, matrices, i)
        # T_i is minimal sufficient, found without looking at the other levels
        np.testing.assert_array_equal(result.statistics[i], minimal_sufficient(joint).labels)
        np.testing.assert_array_equal(
            result.statistics[i][data], result.maps[i][result.statistics[i + 1][data]], err_msg=f"f_{i}"
        )
        assert result.kept[i] == pytest.approx(tables.mutual_information_of(joint), abs=1e-12)
        assert 0 <= result.lost[i] < 1e-12
    assert result.joined == (0,) * (n + 1)
    assert list(result.counts) == sorted(result.counts)  # information is forgotten on the way up
    np.testing.assert_array_equal(result(data), result.statistics[0][data])
    joint = joint_with_data(prior, matrices, 0)
    np.testing.assert_allclose(
        result.posterior[result(data)], (joint[:, data] / joint[:, data].sum(axis=0)).T, atol=1e-12
    )
    assert result.error < 1e-12
    np.testing.assert_allclose(result.about_cause, whole, atol=1e-12)
    # The data-processing inequality along the chain, in exact tables
    assert (np.diff(result.kept) > -1e-12).all()


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_thousand_chains_with_planted_symmetries(count):
    rng = np.random.default_rng(2017)
    trivial = 0
    for _ in range(count):
        prior, matrices = random_chain(rng)
        result = distill(prior, matrices)
        check(prior, matrices, result)
        trivial += len(set(result.counts)) == 1
    assert trivial < count / 20  # nearly every chain has a statistic that merges something


def test_generic_chains():
    rng = np.random.default_rng(7)
    for _ in range(100):
        prior, matrices = random_chain(rng, generic=True)
        result = distill(prior, matrices)
        check(prior, matrices, result)
        assert set(result.counts) == {matrices[-1].shape[1]}


def test_rational_chains_are_exact():
    rng = np.random.default_rng(11)
    merged = 0
    for _ in range(100):
        sizes = rng.integers(2, 6, size=4)
        rows = [rng.integers(0, 3, size=(a, b)) for a, b in itertools.pairwise(sizes)]
        for table in rows:
            table[:, 0] += 1
        matrices = [
            np.array([[Fraction(int(e), int(row.sum())) for e in row] for row in table], dtype=object) for table in rows
        ]
        prior = np.array([Fraction(1, int(sizes[0]))] * sizes[0], dtype=object)
        result = distill(prior, matrices)
        assert result.error == 0.0
        assert result.joined == (0, 0, 0, 0)
        assert (result.lost == 0).all()
        assert isinstance(result.posterior[0, 0], Fraction)
        joint = prior[:, None] * (matrices[0] @ matrices[1] @ matrices[2])
        for x in range(sizes[-1]):
            mass = sum(joint[:, x])
            assert not mass or [p / mass for p in joint[:, x]] == list(result.posterior[result(x)])
        floats = distill(prior.astype(float), [m.astype(float) for m in matrices])
        assert floats.counts == result.counts
        for a, b in zip(floats.statistics, result.statistics, strict=True):
            np.testing.assert_array_equal(a, b)
        merged += result.counts[0] < result.counts[-1]
    assert merged > 10


def test_the_posterior_of_each_level_is_a_linear_function_of_the_next():
    """The reason for the theorem, by hand: P(y_i|x) = Σ P(y_i|y_{i+1}) P(y_{i+1}|x)."""
    rng = np.random.default_rng(3)
    prior, matrices = random_chain(rng, steps=3)
    result = distill(prior, matrices)
    for i in range(2):
        here, above = (joint_with_data(prior, matrices, k) for k in (i, i + 1))
        marginal = above.sum(axis=1)
        pair = here.sum(axis=1)[:, None] * matrices[i]
        backwards = np.divide(pair, marginal, out=np.zeros_like(pair), where=marginal > 0)
        data = result.statistics[-1] >= 0
        posterior = (above / np.where(data, above.sum(axis=0), 1))[:, data]
        np.testing.assert_allclose(backwards @ posterior, (here / np.where(data, here.sum(axis=0), 1))[:, data])


def test_near_ties_are_joined_until_f_is_a_function():
    """Posteriors of y_1 = (y_0, a coin) that differ by a little less than the tolerance, of y_0 by a little more."""
    delta = 1e-6
    first = np.array([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])
    second = 0.5 + 2 * delta * np.array([[1, -1], [1, -1], [-1, 1], [-1, 1]])
    result = distill([0.5, 0.5], [first, second], tolerance=2.4 * delta)
    assert minimal_sufficient(0.5 * first @ second, tolerance=2.4 * delta).count == 2
    assert result.counts == (1, 1, 2)
    assert result.joined == (1, 0, 0)
    np.testing.assert_array_equal(result([0, 1]), [0, 0])
    assert result.error == pytest.approx(2 * delta, rel=1e-3)
    assert result.lost[0] == pytest.approx(tables.mutual_information_of(0.5 * first @ second), rel=1e-3)
    apart = distill([0.5, 0.5], [first, second])
    assert (apart.counts, apart.joined) == ((2, 2, 2), (0, 0, 0))


def test_impossible_data():
    matrices = [np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.array([[0.5, 0.5, 0], [0.25, 0.75, 0], [0, 0, 1.0]])]
    result = distill([0.5, 0.5], matrices)
    np.testing.assert_array_equal(result([0, 1, 2]), [0, 1, -1])
    assert result.counts == (2, 2, 2)


@pytest.mark.parametrize(
    ("prior", "matrices", "message"),
    [
        ([0.5, 0.5], [], r"at least one step"),
        ([0.5, 0.6], [np.eye(2)], r"prior sums to 1 \+ 0\.1"),
        ([0.5, 0.5], [[[0.5, 0.5], [0.5, 0.4]]], r"row 1 of matrices\[0\] sums to 1 - 0\.1"),
        ([0.5, 0.5], [np.eye(2), np.eye(3)], r"matrices\[1\] has shape \(3, 3\).* each of the 2 states"),
        ([0.5, 0.5], [[0.5, 0.5]], r"matrices\[0\] has shape \(2,\)"),
        ([[0.5, 0.5]], [np.eye(2)], r"prior has shape \(1, 2\)"),
        ([0.5, 0.5], [[[1.5, -0.5], [0, 1]]], r"matrices\[0\]\[0, 1\] = -0\.5"),
        ([0.5, np.nan], [np.eye(2)], r"prior\[1\] = nan"),
        (np.array([Fraction(1, 2), Fraction(1, 3)]), [np.eye(2, dtype=int)], r"row 0 of prior sums to 5/6"),
        (np.array([1, "a"], dtype=object), [np.eye(2, dtype=int)], r"prior holds 'a'"),
    ],
)
def test_bad_chains(prior, matrices, message):
    with pytest.raises(ValueError, match=message):
        distill(prior, matrices)


def test_bad_data():
    result = distill([0.5, 0.5], [np.eye(2)])
    with pytest.raises(ValueError, match=r"integers 0 … 1"):
        result([2])
    with pytest.raises(ValueError, match=r"integers 0 … 1"):
        result([0.5])
