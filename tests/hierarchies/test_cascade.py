"""Gaussian cascades against the joint covariance of all levels."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.hierarchies.cascade import Cascade


def random_cascade(seed, sizes=(2, 3, 4, 3), noise=1.0):
    rng = np.random.default_rng(seed)
    matrices = [rng.normal(size=(b, a)) for a, b in itertools.pairwise(sizes)]
    roots = [rng.normal(size=(d, d)) for d in sizes]
    noises = [noise * (root @ root.T + 0.1 * np.eye(len(root))) for root in roots[1:]]
    return Cascade(matrices, noises, roots[0] @ roots[0].T + 0.1 * np.eye(sizes[0]))


def joint_covariance(cascade):
    """Covariance of (y_0, …, y_n) together, from the independent noises."""
    sizes = cascade.level_sizes
    ends = np.cumsum([0, *sizes])
    columns = np.zeros((ends[-1], ends[-1]))  # y = columns · (independent parts)
    for k in range(len(sizes)):
        columns[ends[k] : ends[k + 1], ends[k] : ends[k + 1]] = np.eye(sizes[k])
        if k:
            columns[ends[k] : ends[k + 1]] += cascade.matrices[k - 1] @ columns[ends[k - 1] : ends[k]]
    parts = np.zeros_like(columns)
    for k, c in enumerate((cascade.prior, *cascade.noises)):
        parts[ends[k] : ends[k + 1], ends[k] : ends[k + 1]] = c
    return columns @ parts @ columns.T, [slice(a, b) for a, b in itertools.pairwise(ends)]


def log_det(c):
    return np.linalg.slogdet(c)[1]


@pytest.mark.parametrize("seed", range(5))
def test_information_is_that_of_the_joint_covariance(seed):
    cascade = random_cascade(seed)
    c, at = joint_covariance(cascade)
    for a, b in itertools.combinations(range(4), 2):
        both = np.r_[at[a], at[b]]
        exact = 0.5 * (log_det(c[at[a], at[a]]) + log_det(c[at[b], at[b]]) - log_det(c[np.ix_(both, both)]))
        found = cascade.mutual_information(b, a)
        assert found.value == pytest.approx(exact, rel=1e-9)
        assert (found.kind, found.unit, found.stderr) == ("exact", "nats", 0.0)
    assert cascade.mutual_information(2, 2).value == math.inf


@pytest.mark.parametrize("seed", range(5))
def test_posteriors_are_conditional_gaussians(seed):
    cascade = random_cascade(seed)
    c, at = joint_covariance(cascade)
    data = np.random.default_rng(seed).normal(size=(5, 3)) * 3
    for level in range(4):
        gain = c[at[level], at[3]] @ np.linalg.inv(c[at[3], at[3]])
        mean, covariance = cascade.posterior(data, level)
        assert np.allclose(mean, data @ gain.T, rtol=1e-8)
        assert np.allclose(covariance, c[at[level], at[level]] - gain @ c[at[3], at[level]], rtol=1e-7, atol=1e-9)
        assert np.allclose(cascade.covariance(level), c[at[level], at[level]])


def test_a_scalar_chain_has_its_textbook_information():
    a = 0.8
    cascade = Cascade.tree(5, 1, a)
    for k in range(1, 6):
        assert cascade.mutual_information(0, k).value == pytest.approx(-0.5 * math.log(1 - a ** (2 * k)), rel=1e-13)
    assert cascade.level_sizes == (1,) * 6
    assert np.allclose(cascade.covariance(5), 1)


def test_a_tree_has_unit_variances_and_correlations_by_common_ancestor():
    cascade = Cascade.tree(3, 2, [0.9, 0.8, 0.7])
    c = cascade.covariance(3)
    assert np.allclose(np.diag(c), 1)
    assert c[0, 1] == pytest.approx(0.49)
    assert c[0, 2] == pytest.approx(0.49 * 0.64)
    assert c[0, 7] == pytest.approx(0.49 * 0.64 * 0.81)
    assert cascade.level_sizes == (1, 2, 4, 8)
    assert cascade.alphabet == (None,) * 4
    assert Cascade.tree(2, 3, 0.5, noise=0.3).level_sizes == (1, 3, 9, 9)
    assert np.allclose(np.diag(Cascade.tree(2, 3, 0.5, noise=0.3).covariance(3)), 1.3)
    assert np.allclose(np.diag(Cascade.tree(1, 2, 0.5, sigma=2).covariance(1)), 0.25 + 0.75 * 4)


@pytest.mark.parametrize(("branching", "a", "noise"), [(2, 0.7, 0.5), (3, -0.4, 0.1), (2, 0.99, 2.0)])
def test_a_tree_agrees_with_the_recursion_for_its_root(branching, a, noise):
    """Precision of the evidence about a site: t' = b · 1/(1/t · …), level by level (Kalman filter upwards)."""
    depth = 4
    cascade = Cascade.tree(depth, branching, a, noise)
    precision = 1 / noise
    for _ in range(depth):  # through the child's own noise, and all children together
        precision = branching * a * a / (1 / precision + 1 - a * a)
    assert cascade.mutual_information(0, depth + 1).value == pytest.approx(0.5 * math.log1p(precision), rel=1e-12)
    assert cascade.posterior(np.zeros((1, branching**depth)))[1][0, 0] == pytest.approx(1 / (1 + precision), rel=1e-12)


def test_samples_have_the_covariances_and_the_posterior_is_calibrated():
    cascade = random_cascade(3)
    n = 100_000
    data = cascade.sample(n, seed=1)
    c, _ = joint_covariance(cascade)
    together = np.concatenate([data[f"y_{k}"].values for k in range(4)], axis=1)
    sampled = together.T @ together / n
    scale = np.sqrt(np.outer(np.diag(c), np.diag(c)) + c**2) / math.sqrt(n)
    assert np.abs((sampled - c) / scale).max() < 4.5
    mean, covariance = cascade.posterior(data, 0)
    error = (data["y_0"] - mean).values @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    assert scipy.stats.kstest(error.ravel(), "norm").pvalue > 1e-3
    assert mean.dims == ("draw", "site_0")
    assert data.identical(cascade.sample(n, seed=1))


def test_one_site_levels_have_no_site_dimension():
    data = Cascade.tree(2, 2, 0.5).sample(4)
    assert data["y_0"].dims == ("draw",)
    assert data["y_1"].dims == ("draw", "site_1")
    assert all(isinstance(value, (str, int, float)) for value in data.attrs.values())
    mean, covariance = Cascade.tree(2, 2, 0.5).posterior(data)
    assert mean.dims == ("draw",)
    assert covariance.shape == (1, 1)
    plain, _ = Cascade.tree(2, 2, 0.5).posterior(data["y_2"].values)
    assert plain.shape == (4,)
    single = Cascade.tree(3, 1, 0.5)
    assert single.posterior(np.zeros(5))[0].shape == (5,)


@pytest.mark.parametrize(
    ("cascade", "ranks"),
    [(Cascade.tree(3, 2, 0.7, 0.5), (1, 2, 4, 8, 8)), (random_cascade(1, (5, 2, 4)), (2, 2, 4))],
    ids=["tree", "bottleneck"],
)
def test_the_sufficient_statistic_keeps_all_information_in_the_fewest_numbers(cascade, ranks):
    for level, rank in enumerate(ranks):
        T = cascade.sufficient(level)
        assert T.matrix.shape == (rank, cascade.level_sizes[-1])
        assert T.count is None
        data = np.random.default_rng(0).normal(size=(6, cascade.level_sizes[-1]))
        assert np.allclose(T(data), data @ T.matrix.T)
        if level < cascade.steps:
            through = Cascade([*cascade.matrices, T.matrix], [*cascade.noises, 0.0], cascade.prior)
            kept = through.mutual_information(level, cascade.steps + 1).value
            assert kept == pytest.approx(cascade.mutual_information(level, cascade.steps).value, rel=1e-9)
        # Data that differ only outside the row space have the same posterior
        other = data + np.random.default_rng(1).normal(size=data.shape) @ (
            np.eye(data.shape[1]) - T.matrix.T @ T.matrix
        )
        assert np.allclose(cascade.posterior(data, level)[0], cascade.posterior(other, level)[0])
    tree = Cascade.tree(3, 2, 0.7, 0.5)
    assert tree.sufficient(0)(tree.sample(3)).dims == ("draw", "component")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), min_size=3, max_size=5), st.floats(1e-6, 1e3))
def test_data_processing_holds_to_rounding(seed, sizes, noise):
    cascade = random_cascade(seed, tuple(sizes), noise)
    for a, b, c in itertools.combinations(range(len(sizes)), 3):
        across = cascade.mutual_information(a, c).value
        least = min(cascade.mutual_information(a, b).value, cascade.mutual_information(b, c).value)
        assert across <= least * (1 + 1e-12) + 1e-12


def test_steps_without_noise():
    # A map that is one-to-one passes everything, and nothing is finite
    cascade = Cascade([np.eye(2), np.ones((1, 2))], [0.0, 1.0])
    assert cascade.mutual_information(0, 1).value == math.inf
    assert cascade.mutual_information(0, 2).value == pytest.approx(0.5 * math.log(3))
    assert cascade.mutual_information(1, 2).value == pytest.approx(0.5 * math.log(3))
    # Directions without any variance say nothing
    silent = Cascade([np.array([[1.0], [0.0]])], [[1.0, 0.0]], 1.0)
    assert silent.mutual_information(0, 1).value == pytest.approx(0.5 * math.log(2))
    assert silent.posterior(np.array([[1.0, 0.0]]))[0] == pytest.approx([0.5])
    # A copied parent: the data determine it
    copied = Cascade.tree(2, 2, 1.0)
    assert copied.mutual_information(0, 2).value == math.inf
    mean, covariance = copied.posterior(copied.sample(3, seed=1))
    assert np.allclose(mean, copied.sample(3, seed=1)["y_0"])
    assert np.allclose(covariance, 0, atol=1e-12)
    # No signal at all
    assert Cascade([np.zeros((2, 2))], [1.0]).mutual_information(0, 1).value == 0
    assert Cascade([np.eye(2)], [1.0], 0.0).mutual_information(0, 1).value == 0
    assert Cascade([np.zeros((2, 2))], [1.0]).sufficient().matrix.shape == (0, 2)


def test_tiny_information_keeps_its_digits():
    cascade = Cascade([[[1e-9]]], [1.0])
    assert cascade.mutual_information(0, 1).value == pytest.approx(0.5e-18, rel=1e-12)


BAD = [
    (([np.eye(2)], []), r"1 matrices and 0 noises"),
    (([], []), r"at least one"),
    (([np.eye(2), np.eye(3)], [1.0, 1.0]), r"matrices\[1\] has shape \(3, 3\): level 1 to 2 needs \(d, 2\)"),
    (([np.eye(2)], [np.ones(3)]), r"noises\[0\] has shape \(3,\)"),
    (([np.eye(2)], [-1.0]), r"noises\[0\] has the variance -1"),
    (([np.eye(2)], [[[1.0, 2.0], [2.0, 1.0]]]), r"variance -1"),
    (([np.eye(2)], [[[1.0, 2.0], [0.0, 1.0]]]), r"not symmetric"),
    (([[[math.nan]]], [1.0]), r"matrices\[0\] has 1 values that are not finite"),
    (([["a"]], [1.0]), r"matrices\[0\]: give real numbers"),
    (([np.eye(2)], [1.0], [1.0, 2.0, 3.0]), r"prior has shape \(3,\)"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_matrices_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Cascade(*arguments)


def test_bad_trees_and_data_are_refused():
    with pytest.raises(ValueError, match=r"more than 4096 sites"):
        Cascade.tree(13, 2, 0.5)
    with pytest.raises(ValueError, match=r"\|a\|=1.2"):
        Cascade.tree(3, 2, 1.2)
    with pytest.raises(ValueError, match=r"one for each of the 3 steps"):
        Cascade.tree(3, 2, [0.5, 0.5])
    with pytest.raises(ValueError, match=r"depth=0"):
        Cascade.tree(0, 2, 0.5)
    with pytest.raises(ValueError, match=r"noise has the variance -1"):
        Cascade.tree(2, 2, 0.5, noise=-1)
    with pytest.raises(ValueError, match=r"sigma="):
        Cascade.tree(2, 2, 0.5, sigma=-1)
    cascade = Cascade.tree(2, 2, 0.5)
    with pytest.raises(ValueError, match=r"give \(n, 4\)"):
        cascade.posterior(np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"not finite"):
        cascade.posterior(np.full((3, 4), np.nan))
    with pytest.raises(ValueError, match=r"level=4"):
        cascade.posterior(np.zeros((3, 4)), 4)
    with pytest.raises(ValueError, match=r"n=0"):
        cascade.sample(0)


@pytest.mark.parametrize(
    ("matrices", "noises", "truth"),
    [
        ([np.eye(2)], [[1e-10, 1e6]], 0.5 * (math.log1p(1e10) + math.log1p(1e-6))),
        ([np.eye(1)], [1e-14], 0.5 * math.log1p(1e14)),
        ([np.eye(1)], [1e-300], 150 * math.log(10)),
        ([np.eye(2), [[1.0, 1.0], [1.0, 1.0], [1.0, 2.0]]], [[1e-10, 1e6], 0.0], 0.5 * math.log1p(1e10)),
        ([np.eye(2), [[0.6, 0.8], [0.8, -0.6]]], [[1e-10, 1e6], 0.0], 0.5 * math.log1p(1e10)),
        ([np.diag([0.0, 1.0])], [[0.0, 1.0]], 0.5 * math.log(2)),
        ([np.eye(2)], [[0.0, 1.0]], math.inf),
        ([np.eye(2), [[1.0, -1.0]]], [np.ones((2, 2)), 0.0], math.inf),
        ([[[1.0], [0.3]]], [[[1.0, 0.3], [0.3, 0.09]]], 0.5 * math.log(2)),
        ([[[1.0], [1.0]]], [[[1.0, 0.3], [0.3, 0.09]]], math.inf),
    ],
)
def test_only_no_noise_is_infinite(matrices, noises, truth):
    """Silence is judged by each direction's own noise, not beside the signal or the noise of others."""
    found = Cascade(matrices, noises).mutual_information(0, len(matrices)).value
    assert found == truth or found == pytest.approx(truth, abs=1e-6)


def test_posterior_of_very_different_variances():
    mean, covariance = Cascade([np.eye(2)], [[1e-14, 1.0]], prior=[1e-14, 1.0]).posterior(np.ones((1, 2)))
    np.testing.assert_allclose(mean, [[0.5, 0.5]], rtol=1e-12)
    np.testing.assert_allclose(np.diag(covariance), [5e-15, 0.5], rtol=1e-12)
