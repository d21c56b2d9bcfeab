"""Divergences: exact values; between chains, what correlated draws are worth and what is missing."""

import math

import numpy as np
import pytest
import scipy.stats

from rgnet.information.counts import Counts
from rgnet.information.divergences import jensen_shannon, kl_divergence
from rgnet.stats import ShortChainError

FUNCTIONS = (kl_divergence, jensen_shannon)


def rng_of(*key):
    return np.random.default_rng(np.random.SeedSequence(9, spawn_key=key))


def classes(rng, n, flip, chains=1):
    """Two states that flip rarely, in chains one after the other."""
    flips = rng.random((chains, n)) < flip
    flips[:, 0] = rng.random(chains) < 0.5
    return (np.cumsum(flips, axis=1) % 2).ravel()


def hidden(rng, n, flip):
    """Labels of two slow classes {0, 3} and {1, 2}: their mean, and that of every number linear in them, is fast."""
    slow, fast = classes(rng, n, flip), rng.integers(0, 2, n)
    return np.where(slow == 0, 3 * fast, 1 + fast)


def test_divergences_have_their_values():
    p, q = np.array([500, 300, 200]), np.array([100, 300, 600])
    x, y = np.repeat([0, 1, 2], p), np.repeat([0, 1, 2], q)
    exact = scipy.stats.entropy(p, q)
    assert kl_divergence(x, y, method="plug-in").value == pytest.approx(exact)
    assert kl_divergence(x, y).value == pytest.approx(exact, abs=0.02)
    assert kl_divergence(Counts.of(x), Counts.of(y)) == kl_divergence(x, y)
    middle = (p + q) / 2
    js = (scipy.stats.entropy(p, middle) + scipy.stats.entropy(q, middle)) / 2
    assert jensen_shannon(x, y, method="plug-in").value == pytest.approx(js)
    assert jensen_shannon(x, y).value == pytest.approx(jensen_shannon(y, x).value)
    assert jensen_shannon(x, y, unit="bits").value * math.log(2) == pytest.approx(jensen_shannon(x, y).value)
    apart = jensen_shannon(np.zeros(50), np.ones(70))
    assert apart.value == pytest.approx(math.log(2))
    assert kl_divergence(x, y, pseudocount=1.0).value == pytest.approx(scipy.stats.entropy(p + 1, q + 1))


def test_zhang_and_grabchak_by_their_sum():
    x, y = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1, 1, 2])
    n, m = 4, 6
    total = 0.0
    for n_i, m_i in ((3, 1), (1, 4)):
        first = sum(math.prod(1 - m_i / (m - j) for j in range(v)) / v for v in range(1, m - m_i + 1))
        second = sum(math.prod(1 - (n_i - 1) / (n - j) for j in range(1, v + 1)) / v for v in range(1, n - n_i + 1))
        total += n_i / n * (first - second)
    assert kl_divergence(x, y).value == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("names", [np.arange(4), np.array(["a", "b", "c", "d"])])
def test_slow_classes_of_fast_labels(function, names):
    inside = []
    for seed in range(40):
        rng = rng_of(1, seed)
        x, y = hidden(rng, 4000, 0.05), rng.integers(0, 4, 4000)
        try:
            found = function(names[x], names[y], chains=1)
        except ShortChainError:
            continue
        assert found.n == 8000
        assert 3500 < found.n_effective < 5500
        assert "of x (autocorrelation time" in found.method
        inside.append(found.interval[0] <= 0 <= found.interval[1])
    assert len(inside) >= 35
    assert np.mean(inside) > 0.9


@pytest.mark.parametrize("function", FUNCTIONS)
def test_independent_draws_in_chains_keep_their_worth(function):
    worth = []
    for seed in range(30):
        rng = rng_of(2, seed)
        worth.append(function(rng.integers(0, 8, 2000), rng.integers(0, 8, 2000), chains=2).n_effective / 4000)
    assert np.mean(worth) > 0.93
    assert np.mean(np.array(worth) == 1.0) > 0.75


def test_divergences_of_chains_are_honest():
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
    truth = float((p * np.log(p / q)).sum())
    inside = []
    for seed in range(60):
        rng = rng_of(3, seed)
        fresh = rng.choice(4, 6000, p=p)
        x = fresh[np.maximum.accumulate(np.where(rng.random(6000) < 0.2, np.arange(6000), 0))]
        found = kl_divergence(x, rng.choice(4, 6000, p=q), chains=1)
        inside.append(found.interval[0] <= truth <= found.interval[1])
    assert np.mean(inside) > 0.88


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "x",
    [
        classes(rng_of(4), 200, 0.01),
        np.repeat([0, 1, 0, 1], 100),  # frozen, at two places
        np.zeros(400, dtype=int),
        np.repeat(["a", "b"], 200),
    ],
)
def test_short_and_frozen_chains_raise(function, x):
    y = np.resize(np.unique(x), x.size)
    for pair in ((x, y), (y, x)):
        with pytest.raises(ShortChainError, match=r"take"):
            function(*pair, chains=1 if x.size == 200 else 2)


def test_what_is_missing_is_judged_on_all_draws():
    rng = rng_of(5)
    x = np.repeat(rng.integers(0, 3, 2000), 4)
    y = np.repeat(rng.choice(3, 2000, p=[0.5, 0.499, 0.001]), 4)
    y[0] = 2
    assert (y == 2).any()
    for method in ("auto", "zhang-grabchak", "plug-in"):
        found = kl_divergence(x, y, method=method, chains=1)
        assert found.kind == "estimate"
        assert math.isfinite(found.value)
        assert math.isfinite(found.stderr)
    plain = kl_divergence(x, y, method="plug-in")
    assert kl_divergence(x, y, method="plug-in", chains=1).value == pytest.approx(plain.value)
    y[y == 2] = 1
    assert kl_divergence(x, y, method="zhang-grabchak", chains=1).kind == "lower"
    infinite = kl_divergence(x, y, method="plug-in", chains=1)
    assert infinite.value == math.inf
    assert infinite.interval == (0.0, math.inf)
    with pytest.raises(ValueError, match=r"1 of the 3 symbols of x were never seen in y"):
        kl_divergence(x, y, chains=1)
