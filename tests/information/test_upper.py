"""Exact posteriors and upper bounds against channels whose information is a sum or an integral."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from rgnet import stats
from rgnet.information.upper import (
    gaussian_mixture_bounds,
    information_of_posteriors,
    leave_one_out_bound,
    likelihood_information,
    posterior_information,
    variational_bound,
)

PRIOR = np.array([0.3, 0.7])
MEANS = np.array([0.0, 1.5])


def two_normals(n, seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < PRIOR[1]).astype(int)
    return rng.normal(MEANS[y]), y


def density(x):
    return PRIOR @ [norm.pdf(x, m) for m in MEANS]


EXACT = quad(lambda x: -density(x) * math.log(density(x)), -9, 11)[0] - norm.entropy()


def log_table(x):
    return np.stack([norm.logpdf(x, m) for m in MEANS], axis=1)


def test_the_posterior_route_is_exact_within_errors():
    x, _ = two_normals(20_000, 1)
    found = likelihood_information(log_table(x), PRIOR)
    assert found.kind == "estimate"
    assert found.unit == "nats"
    assert abs(found.z(EXACT)) < 3.5
    asked = likelihood_information(lambda x, c: norm.logpdf(x, c), PRIOR, x=x, classes=MEANS)
    assert asked.value == pytest.approx(found.value)
    weights = PRIOR * np.exp(log_table(x))
    posterior = weights / weights.sum(axis=1, keepdims=True)
    assert posterior_information(posterior, prior=PRIOR).value == pytest.approx(found.value)
    bits = posterior_information(posterior, prior=PRIOR, unit="bits")
    assert bits.value == pytest.approx(found.value / math.log(2))
    assert abs(posterior_information(posterior).z(EXACT)) < 3.5


def test_without_a_prior_the_bias_is_put_right():
    """2000 samples of 50 draws: the mean of the estimates is the exact value."""
    values, errors = [], []
    for seed in range(2000):
        x, _ = two_normals(50, seed)
        weights = PRIOR * np.exp(log_table(x))
        found = posterior_information(weights / weights.sum(axis=1, keepdims=True))
        values.append(found.value)
        errors.append(found.stderr)
    error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values) - EXACT) < 4 * error
    assert 0.85 < np.std(values) / np.mean(errors) < 1.15


def test_grouped_posteriors_give_the_information_of_the_group():
    """g = the sign of x − 1, few draws: unbiased, though each mean posterior is noisy."""
    p_right = np.array([norm.sf(1.0, m) for m in MEANS])
    joint = PRIOR[:, None] * np.stack([1 - p_right, p_right], axis=1)
    exact = float((joint * np.log(joint / np.outer(PRIOR, joint.sum(axis=0)))).sum())
    for prior in (PRIOR, None):
        values = []
        for seed in range(1000):
            x, _ = two_normals(60, seed)
            weights = PRIOR * np.exp(log_table(x))
            value, _, _ = information_of_posteriors(
                weights / weights.sum(axis=1, keepdims=True), (x > 1).astype(int), prior
            )
            values.append(value)
        assert abs(np.mean(values) - exact) < 4 * np.std(values) / math.sqrt(len(values)) + 3e-4


def test_impossible_classes_have_likelihood_zero():
    table = np.where(np.eye(3, dtype=bool)[np.arange(90) % 3], 0.0, -np.inf)
    found = likelihood_information(table, np.ones(3) / 3)
    assert (found.value, found.stderr) == (pytest.approx(math.log(3)), 0.0)
    labelled = xr.DataArray(table, dims=("draw", "state"))
    assert likelihood_information(labelled, np.ones(3) / 3).value == found.value
    table[5] = -np.inf
    with pytest.raises(ValueError, match="draw 5 has probability 0 under every class"):
        likelihood_information(table, np.ones(3) / 3)


def test_upper_bounds_lie_above():
    x, y = two_normals(20_000, 2)
    own = norm.logpdf(x, MEANS[y])
    r = norm(PRIOR @ MEANS, math.sqrt(1 + PRIOR.prod() * 1.5**2))
    gap = quad(lambda t: density(t) * (math.log(density(t)) - r.logpdf(t)), -9, 11)[0]
    loose = variational_bound(own, r.logpdf(x))
    assert loose.kind == "upper"
    assert abs(loose.z(EXACT + gap)) < 3.5
    assert abs(variational_bound(own, np.log(density(x))).z(EXACT)) < 3.5
    left = leave_one_out_bound(lambda x, y: norm.logpdf(x, MEANS[y]), x, y)
    assert left.kind == "upper"
    assert EXACT - 3 * left.stderr < left.value < EXACT + 0.02


def test_leave_one_out_is_above_on_average():
    """Batches of 4: the bias is up, and large; more draws in a mixture make it smaller."""
    x, y = two_normals(15_000, 3)
    values = [leave_one_out_bound(lambda x, y: norm.logpdf(x, MEANS[y]), x, y, batch=k) for k in (4, 16, 64)]
    assert values[0].value > values[1].value > values[2].value - 2 * values[2].stderr
    assert values[0].value > EXACT + 5 * values[0].stderr


def test_gaussian_vectors_leave_one_out():
    """x = y + noise in three dimensions: I = 3/2 ln 2."""
    rng = np.random.default_rng(4)
    y = rng.normal(size=(8000, 3))
    x = y + rng.normal(size=y.shape)
    found = leave_one_out_bound(lambda x, y: norm.logpdf(x, y).sum(axis=-1), x, y)
    assert -3 * found.stderr < found.value - 1.5 * math.log(2) < 0.1


def test_chains_have_larger_errors():
    """A hidden state that changes every 20th draw, one of three easy to tell: the errors grow by √(2τ)."""
    means, w = np.array([0.0, 0.5, 8.0]), np.full(3, 1 / 3)
    rng = np.random.default_rng(5)
    y = np.cumsum((rng.random((4, 10_000)) < 0.05) * rng.integers(1, 3, (4, 10_000)), axis=1) % 3
    x = rng.normal(means[y])
    p = w * np.exp(np.stack([norm.logpdf(x, m) for m in means], axis=-1))
    posterior = xr.DataArray(p / p.sum(axis=-1, keepdims=True), dims=("chain", "draw", "state"))
    found = posterior_information(posterior, prior=w)
    flat = posterior.values.reshape(-1, 3)
    plain = posterior_information(flat, prior=w)
    assert found.value == pytest.approx(plain.value)
    assert found.n_effective < 0.1 * found.n
    assert found.stderr > 3 * plain.stderr
    assert posterior_information(flat, prior=w, chains=4) == found
    exact = exact_mixture(means, np.ones(3), w)
    assert abs(found.z(exact)) < 3.5
    upper = leave_one_out_bound(lambda x, y: norm.logpdf(x, means[y]), x.ravel(), y.ravel(), chains=4)
    assert exact - 3 * upper.stderr < upper.value < exact + 0.05
    with pytest.raises(stats.ShortChainError):
        posterior_information(posterior.isel(draw=slice(10)), prior=w)


def exact_mixture(means, sigmas, w):
    def p(x):
        return float(np.dot(w, norm.pdf(x, means, sigmas)))

    def integrand(x):
        value = p(x)
        return -value * math.log(value) if value > 0 else 0.0

    total = quad(integrand, min(means) - 12 * max(sigmas), max(means) + 12 * max(sigmas), limit=400)[0]
    return total - float(np.dot(w, norm.entropy(means, sigmas)))


def test_pairwise_bounds_enclose_the_mixture():
    means, sigmas, w = np.array([0.0, 1.0, 4.0]), np.array([1.0, 0.7, 1.5]), np.array([0.2, 0.5, 0.3])
    low, high = gaussian_mixture_bounds(means[:, None], (sigmas**2)[:, None, None], w)
    exact = exact_mixture(means, sigmas, w)
    assert (low.kind, high.kind, low.stderr) == ("lower", "upper", 0.0)
    assert low.value < exact < high.value
    assert high.value - low.value < 0.5
    bits = gaussian_mixture_bounds(means[:, None], (sigmas**2)[:, None, None], w, unit="bits")[0]
    assert bits.value == pytest.approx(low.value / math.log(2))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-4, 4), min_size=2, max_size=4),
    st.floats(0.5, 2.0),
    st.lists(st.floats(0.1, 1.0), min_size=4, max_size=4),
)
def test_pairwise_bounds_enclose_any_mixture(means, sigma, weights):
    w = np.array(weights[: len(means)]) / sum(weights[: len(means)])
    low, high = gaussian_mixture_bounds(np.array(means)[:, None], [[sigma**2]], w)
    exact = exact_mixture(np.array(means), np.full(len(means), sigma), w)
    assert low.value - 1e-6 <= exact <= high.value + 1e-6


def test_bounds_are_tight_at_both_ends():
    far = gaussian_mixture_bounds([[0.0, 0.0], [100.0, 0.0]], np.eye(2), [0.5, 0.5])
    same = gaussian_mixture_bounds([[1.0, 2.0], [1.0, 2.0]], np.eye(2), [0.5, 0.5])
    assert [e.value for e in far] == pytest.approx([math.log(2)] * 2)
    assert [e.value for e in same] == pytest.approx([0.0, 0.0])


def test_bad_input():
    good = np.full((100, 2), 0.5)
    for bad, message in (
        (np.full((100, 2), 0.6), r"posterior 0 sums to one \+0.2"),
        (np.tile([1.5, -0.5], (100, 1)), r"posterior 0 has the entry -0.5"),
        (np.ones((100, 1)), r"give numbers, \(n, classes\)"),
        (np.full((100, 2), np.nan), r"not finite"),
        (np.tile([0.2, 0.8], (10, 1)) + np.linspace(0, 0.1, 10)[:, None] * [1, -1], r"10 draws: .* at least 50"),
    ):
        with pytest.raises(ValueError, match=message):
            posterior_information(bad, prior=[0.5, 0.5])
    with pytest.raises(ValueError, match=r"prior sums to 1 \+ 0.1"):
        posterior_information(good, prior=[0.5, 0.6])
    with pytest.raises(ValueError, match=r"prior of shape \(3,\): there are 2 classes"):
        posterior_information(good, prior=[0.5, 0.25, 0.25])
    with pytest.raises(ValueError, match="the prior gives 0"):
        posterior_information(good, prior=[1.0, 0.0])
    with pytest.raises(ValueError, match="give the draws"):
        likelihood_information(lambda x, c: x, [0.5, 0.5])
    with pytest.raises(ValueError, match="the bound is infinite"):
        variational_bound(np.zeros(3), np.array([0.0, -np.inf, 0.0]))
    with pytest.raises(ValueError, match="give one number a draw"):
        variational_bound(np.zeros((60, 2)), np.zeros((60, 2)))
    with pytest.raises(ValueError, match=r"batch=60: a whole number from 2 to 5"):
        leave_one_out_bound(lambda x, y: -((x - y) ** 2), np.zeros(100), np.zeros(100), batch=60)
    with pytest.raises(ValueError, match=r"gave an array of shape \(4, 1\)"):
        leave_one_out_bound(lambda x, y: 0.0 * x, np.zeros(100), np.zeros(100), batch=4)
    with pytest.raises(ValueError, match="impossible under every other"):
        leave_one_out_bound(lambda x, y: np.where(x == y, 0.0, -np.inf), np.arange(100), np.arange(100), batch=4)
    with pytest.raises(ValueError, match="covariance 1 is not symmetric and positive definite"):
        gaussian_mixture_bounds(np.zeros((2, 1)), [[[1.0]], [[-1.0]]], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"covariances of shape \(3,\)"):
        gaussian_mixture_bounds(np.zeros((2, 1)), np.ones(3), [0.5, 0.5])
    with pytest.raises(ValueError, match="unit='hartley'"):
        posterior_information(good, unit="hartley")


def test_a_component_of_weight_zero():
    means, cov = np.array([[0.0], [1.0], [50.0]]), np.eye(1)
    with_it = gaussian_mixture_bounds(means, cov, [0.5, 0.5, 0.0])
    without = gaussian_mixture_bounds(means[:2], cov, [0.5, 0.5])
    for one, other in zip(with_it, without, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-14)


def test_chains_that_each_have_a_cause():
    """Labels say that chains differ by design; without them the chains look stuck."""
    rng = np.random.default_rng(8)
    y = np.repeat(np.arange(16) % 2, 500)
    x = rng.normal([-1.5, 0.0], 1.0, (8000, 2))[np.arange(8000), y]
    p = np.stack([norm.pdf(x, -1.5), norm.pdf(x, 0.0)], axis=1)
    p /= p.sum(axis=1, keepdims=True)
    p = np.where((y == 0)[:, None], p, p @ [[0.9, 0.1], [0.1, 0.9]])  # so that the mean KL depends on the label
    found = posterior_information(p, prior=[0.5, 0.5], labels=y, chains=16)
    assert found.value == pytest.approx(posterior_information(p, prior=[0.5, 0.5]).value)
    assert found.n_effective > 4000
    of_chains = posterior_information(p, prior=[0.5, 0.5], labels=np.arange(16) % 2, chains=16)
    assert of_chains == found
    with pytest.raises(ValueError, match=r"labels of shape \(3,\): give one for each of 8000 draws"):
        posterior_information(p, labels=[0, 1, 0], chains=16)


def test_few_posteriors_are_too_few():
    for rows in ([[0.5, 0.5]], [[0.5, 0.5]] * 20, [[0.9, 0.1]] * 49):
        for prior in (None, [0.5, 0.5]):
            with pytest.raises(ValueError, match="an error bar needs at least 50"):
                posterior_information(rows, prior=prior)
    assert posterior_information([[0.9, 0.1]] * 50, prior=[0.5, 0.5]).stderr == 0.0
