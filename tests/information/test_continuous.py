"""Continuous and mixed estimators against closed forms and integrals; their errors; their bad input."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from rgnet.information.continuous import (
    combined,
    differential_entropy,
    discrete_continuous,
    gaussian,
    mixture,
    mutual_information,
)
from rgnet.information.samples import InformationWarning

METHODS = ["auto", "ksg", "ksg2", "gaussian", "copula", "mixture"]


def rng_of(*key):
    return np.random.default_rng(np.random.SeedSequence(21, spawn_key=key))


def correlated(n, rho, d, *key):
    rng = rng_of(*key)
    x = rng.normal(size=(n, d))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=(n, d))


def exact(rho, d=1):
    return -0.5 * d * np.log1p(-(rho**2))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("rho", "d"), [(0.0, 1), (0.6, 1), (0.9, 1), (0.5, 2)])
def test_gaussian_values(method, rho, d):
    """24 comparisons: 3.5 errors."""
    estimate = mutual_information(*correlated(2000, rho, d, 1, d), method=method)
    assert abs(estimate.value - exact(rho, d)) < 3.5 * estimate.stderr + 0.006
    assert 0 < estimate.stderr < 0.06
    assert estimate.unit == "nats"
    assert estimate.n == 2000


def test_bits():
    x, y = correlated(500, 0.6, 1, 2)
    for method in METHODS:
        nats, bits = (mutual_information(x, y, method=method, unit=unit) for unit in ("nats", "bits"))
        assert bits.value == pytest.approx(nats.value / np.log(2))
        assert bits.unit == "bits"


@pytest.mark.parametrize(("n", "d_x", "d_y"), [(30, 1, 1), (60, 3, 2), (200, 10, 15)])
def test_gaussian_is_unbiased(n, d_x, d_y):
    """The plug-in value of n draws is not; 400 seeds, three comparisons."""
    values, plain = [], []
    for seed in range(400):
        rng = rng_of(3, n, seed)
        x = rng.normal(size=(n, d_x))
        y = rng.normal(size=(n, d_y))
        y[:, 0] += x[:, 0]
        values.append(gaussian.information(x, y))
        plain.append(values[-1] + gaussian.bias(n, d_x, d_y))
    error = np.std(values) / 20
    assert abs(np.mean(values) - 0.5 * np.log(2)) < 3 * error
    assert np.mean(plain) - 0.5 * np.log(2) > 3 * error


def test_entropies_of_known_densities():
    rng = rng_of(4)
    for sample, truth in (
        (rng.normal(size=20_000) * 3, stats.norm(scale=3).entropy()),
        (rng.exponential(size=20_000), 1.0),
        (rng.normal(size=(20_000, 2)), np.log(2 * np.pi * np.e)),
    ):
        estimate = differential_entropy(sample)
        assert abs(estimate.value - truth) < 3 * estimate.stderr + 0.003
    assert differential_entropy(10 * sample).value == pytest.approx(estimate.value + 2 * np.log(10))


def test_ross_and_gao_on_a_label_with_noise():
    """y = c + noise, c = 0, 1, 2 with unequal weights: I = h(y) − h(noise) by integration."""
    weights, scale = np.array([0.5, 0.3, 0.2]), 0.4

    def density(y):
        return float(weights @ stats.norm.pdf(y, np.arange(3), scale))

    entropy = integrate.quad(lambda y: -density(y) * np.log(density(y)), -2.5, 4.5, limit=200)[0]
    truth = entropy - stats.norm(scale=scale).entropy()
    rng = rng_of(5)
    c = rng.choice(3, size=5000, p=weights)
    y = c + scale * rng.normal(size=5000)
    ross, gao = discrete_continuous(c, y), mixture(c, y)
    assert abs(ross.value - truth) < 3 * ross.stderr + 0.003
    assert abs(gao.value - truth) < 3 * gao.stderr + 0.003
    names = np.array(["down", "middle", "up"])[c]
    assert discrete_continuous(names, y).value == pytest.approx(ross.value, abs=1e-12)
    shuffled = discrete_continuous(rng.permutation(c), y)
    assert abs(shuffled.value) < 3.5 * shuffled.stderr


def test_gao_on_discrete_variables_is_the_plug_in_value():
    rng = rng_of(6)
    x = rng.integers(0, 3, size=4000)
    y = (x + (rng.random(4000) < 0.2)) % 3
    table = np.histogram2d(x, y, bins=3)[0] / 4000
    plug_in = stats.entropy(table.sum(0)) + stats.entropy(table.sum(1)) - stats.entropy(table.ravel())
    assert mixture(x, y).value == pytest.approx(plug_in, abs=0.002)


def test_a_mixture_in_both_variables():
    """With probability 0.3 both are at an atom, else y is x and noise: I = H(0.3) + 0.7 I(x; x + noise)."""
    rng, noise = rng_of(7), 0.5
    x = rng.exponential(size=5000)
    y = x + noise * rng.normal(size=5000)
    atom = rng.random(5000) < 0.3
    estimate = mixture(np.where(atom, -9.0, x), np.where(atom, -9.0, y))
    grid = np.linspace(-4, 30, 20_001)
    density = stats.exponnorm(K=1 / noise, scale=noise).pdf(grid)
    inside = density > 0
    h = -integrate.trapezoid(density[inside] * np.log(density[inside]), grid[inside])
    truth = stats.entropy([0.3, 0.7]) + 0.7 * (h - stats.norm(scale=noise).entropy())
    assert abs(estimate.value - truth) < 3 * estimate.stderr + 0.01


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_draws_does_not_matter(method):
    x, y = correlated(400, 0.7, 2, 8)
    order = rng_of(9).permutation(400)
    value = mutual_information(x, y, method=method).value
    assert mutual_information(x[order], y[order], method=method).value == pytest.approx(value, abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([np.exp, np.cbrt, np.arctan, lambda z: z**3 + z]))
def test_rising_functions_of_columns_change_nothing(seed, function):
    x, y = correlated(300, 0.5, 2, 10, seed)
    for method in ("auto", "copula"):
        value = mutual_information(x, y, method=method).value
        assert mutual_information(function(x), y, method=method).value == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("d", [1, 5])
def test_independent_variables_read_zero(d):
    """Mean over 40 seeds within 3.5 errors, and the scatter is what the errors say."""
    estimates = [combined.combined(*correlated(500, 0.0, d, 12, d, seed)) for seed in range(40)]
    values, errors = (np.array([getattr(e, name) for e in estimates]) for name in ("value", "stderr"))
    assert abs(values.mean()) < 3.5 * values.std() / np.sqrt(40) + 0.002
    assert 0.65 < values.std() / errors.mean() < 1.4


def test_gaussian_variables_in_many_dimensions():
    """Where nearest neighbours alone see little, the control variate gives the exact value back."""
    x, y = correlated(2000, 0.5, 8, 13)
    truth = exact(0.5, 8)
    ours, plain = mutual_information(x, y), mutual_information(x, y, method="ksg")
    assert plain.value < 0.7 * truth
    assert "biased" in plain.method
    assert abs(ours.value - truth) < 4 * ours.stderr
    assert "Gaussian control variate" in ours.method


def test_what_is_shared_through_a_common_scale():
    """Student's distribution with independent columns: the truth by its entropies (as in Czyż et al. 2023)."""
    rng, nu, d = rng_of(14), 2, 4
    scale = np.sqrt(nu / rng.chisquare(nu, size=(4000, 1)))
    z = rng.normal(size=(4000, 2 * d)) * scale
    truth = 2 * stats.multivariate_t(shape=np.eye(d), df=nu).entropy()
    truth -= stats.multivariate_t(shape=np.eye(2 * d), df=nu).entropy()
    estimate = mutual_information(z[:, :d], z[:, d:])
    assert "lengths" in estimate.method
    assert abs(estimate.value - float(truth)) < 0.06


def test_shrunk_correlations_have_the_value():
    rho = np.array([0.9, 0.5, 0.1])
    smaller = combined.shrunk(rho, 0.5)
    assert gaussian.of_correlations(smaller) == pytest.approx(0.5, abs=1e-9)
    assert (smaller < rho).all()
    assert not combined.shrunk(rho, -0.01).any()


def test_surrogates_differ_between_data_sets():
    """And are the same for the same ranks, in any order; so means over data sets converge to the truth."""
    x, y = correlated(300, 0.6, 1, 18)
    order = rng_of(19).permutation(300)
    first = [combined.stream(*pair, 0).random() for pair in ((x, y), (x[order], y[order]), (np.exp(x), y**3))]
    assert len(set(first)) == 1
    assert combined.stream(x, y, 1).random() != first[0]
    assert combined.stream(x + 1e-2 * y, y, 0).random() != first[0]
    values = np.array([combined.combined(*correlated(300, 0.6, 1, 20, seed)).value for seed in range(150)])
    assert abs(values.mean() - exact(0.6)) < 3.5 * values.std() / np.sqrt(150)


@pytest.mark.parametrize(("n", "d", "seeds"), [(60, 25, 40), (100, 10, 60), (100, 5, 60)])
def test_few_draws_of_many_independent_columns(n, d, seeds):
    """No information is invented: the interval is above 0 in 2.5 % of the cases, or less; 5 of 60 is 3 errors."""
    above, values = 0, []
    for seed in range(seeds):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InformationWarning)
            estimate = mutual_information(*correlated(n, 0.0, d, 21, n, d, seed))
        values.append(estimate.value)
        above += estimate.interval[0] > 0
    assert above <= 5
    assert abs(np.mean(values)) < 0.05
    if n < 20 * d:
        with pytest.warns(InformationWarning, match=rf"at least {20 * d} draws"):
            mutual_information(*correlated(n, 0.0, d, 21, n, d, 0))


@pytest.mark.parametrize(("n", "d_x", "d_y"), [(30, 1, 1), (60, 4, 2), (100, 7, 9)])
def test_null_distribution_of_the_gaussian_estimate(n, d_x, d_y):
    """Wilks' probability is uniform and the variance exact where x and y are independent."""
    values, chances = [], []
    for seed in range(500):
        rng = rng_of(22, n, seed)
        x, y = rng.normal(size=(n, d_x)), rng.normal(size=(n, d_y))
        values.append(gaussian.information(x, y))
        chances.append(gaussian.null_probability(gaussian.canonical(x, y)[2], n, d_x, d_y))
    assert stats.kstest(chances, "uniform").pvalue > 1e-3
    ratio = np.var(values) / gaussian.null_variance(n, d_x, d_y)
    tails = np.sqrt((1.0 + 12.0 / (d_x * d_y)) / 250)  # that of a variance, of χ² with d_x d_y degrees of freedom
    assert abs(ratio - 1) < 3.5 * tails
    x, y = correlated(n, 0.5, 1, 23, n)
    r = float(np.corrcoef(x[:, 0], y[:, 0])[0, 1])
    expected = stats.pearsonr(x[:, 0], y[:, 0]).pvalue
    assert gaussian.null_probability(np.array([r]), n, 1, 1) == pytest.approx(expected, rel=1e-8)


def test_chains_give_larger_errors():
    """An AR(1) chain of pairs: τ = (1 + a²)/2(1 − a²) or so of the local values; not fewer errors than independent."""
    rng, a, n = rng_of(15), 0.9, 6000
    noise = rng.normal(size=(n, 2)) @ np.linalg.cholesky(np.array([[1.0, 0.6], [0.6, 1.0]])).T
    z = np.empty((n, 2))
    z[0] = noise[0]
    for t in range(1, n):
        z[t] = a * z[t - 1] + np.sqrt(1 - a * a) * noise[t]
    for method in ("auto", "ksg", "gaussian"):
        independent = mutual_information(z[:, 0], z[:, 1], method=method)
        chained = mutual_information(z[:, 0], z[:, 1], method=method, chains=2)
        assert chained.stderr > 1.5 * independent.stderr
        assert chained.n_effective < n / 5
        assert abs(chained.value - exact(0.6)) < 4 * chained.stderr


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (np.arange(5.0), np.arange(4.0), {}, r"draws"),
        (np.array([1.0, np.nan, 2.0]), np.arange(3.0), {}, r"finite"),
        (np.ones(10), np.arange(10.0), {}, r"never changes"),
        (np.arange(10.0), np.array([1.0] * 10), {"method": "gaussian"}, r"never changes"),
        (np.arange(3.0), np.arange(3.0)[::-1], {"method": "ksg"}, r"k=3 with 3 draws"),
        (np.arange(3.0), np.arange(3.0), {"k": 0}, r"k=0"),
        (np.array([1.0]), np.array([2.0]), {}, r"one draw"),
        (np.arange(10.0), np.arange(10.0), {"method": "best"}, r"method='best'"),
        (np.arange(10.0), np.arange(10.0), {"unit": "bans"}, r"unit='bans'"),
        (np.arange(10.0), np.arange(10.0), {"method": "gaussian"}, r"infinite"),
        (np.stack([np.arange(10.0)] * 2, axis=1), np.sin(np.arange(10.0)), {"method": "gaussian"}, r"dependent"),
        (np.array([None] * 5), np.arange(5.0), {}, r"objects"),
    ],
)
def test_bad_input(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        mutual_information(x, y, **options)


def test_bad_labels():
    y = np.arange(6.0)
    with pytest.raises(ValueError, match=r"one value only"):
        discrete_continuous(np.zeros(6, dtype=int), y)
    with pytest.raises(ValueError, match=r"occur once \(7 is one\)"):
        discrete_continuous(np.array([0, 0, 0, 1, 1, 7]), y)
    with pytest.raises(ValueError, match=r"coincide"), pytest.warns(InformationWarning):
        differential_entropy(np.repeat([1.0, 2.0, 3.0], [5, 1, 1]))


def test_repeated_values_warn_and_say_what_to_do():
    x, y = correlated(500, 0.6, 1, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InformationWarning)
        mutual_information(x, y, method="ksg")
    with pytest.warns(InformationWarning, match=r"repeat earlier ones.*mixture"):
        mutual_information(np.round(x, 1), y, method="ksg")
    with pytest.warns(InformationWarning, match=r"repeat"):
        estimate = mutual_information(np.round(x), y)
    assert "Gao" in estimate.method
    assert "because values repeat" in estimate.method


@pytest.mark.slow
@pytest.mark.parametrize("method", ["auto", "ksg", "ksg2", "gaussian", "copula"])
@pytest.mark.parametrize("rho", [0.0, 0.6])
@pytest.mark.parametrize("n", [400, 1000])
def test_intervals_cover(method, rho, n):
    """1000 seeds; at least 92 % (the error of a coverage of 95 % is 0.7 %)."""
    covered = 0
    for seed in range(1000):
        low, high = mutual_information(*correlated(n, rho, 1, 17, seed), method=method).interval
        covered += low <= exact(rho) <= high
    assert covered >= 920
