"""Error bars against an autoregressive process, whose autocorrelation time is known: τ = (1 + a)/(2(1 − a))."""

import emcee
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from rgnet import stats


def autoregressive(a, chains, draws, rng, burn=500):
    noise = rng.normal(size=(chains, draws + burn))
    return lfilter([np.sqrt(1 - a * a)], [1, -a], noise, axis=1)[:, burn:]


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9, -0.5])
def test_autocorrelation_time(a):
    x = autoregressive(a, 8, 50_000, np.random.default_rng(1))
    exact = 0.5 * (1 + a) / (1 - a)
    assert stats.autocorrelation_time(x) == pytest.approx(exact, rel=0.06 if a >= 0 else 0.1)


def test_autocorrelation_time_agrees_with_emcee():
    """emcee's time is 2τ; it does not correct for the subtracted mean, so agreement is to (2W + 1)/N."""
    rng = np.random.default_rng(2)
    for a in (0.3, 0.8, 0.95):
        x = autoregressive(a, 1, 20_000, rng)[0]
        theirs = emcee.autocorr.integrated_time(x, c=5, tol=0)[0]
        assert 2 * stats.autocorrelation_time(x) == pytest.approx(theirs, rel=0.05)


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9])
def test_errors_are_honest(a):
    """400 seeds: z is a standard normal; its deviation has a relative error of 3.5 %, its mean one of 0.05."""
    rng = np.random.default_rng(3)
    z = np.array([stats.mean(autoregressive(a, 4, 2500, rng)).z(0.0) for _ in range(400)])
    assert abs(z.mean()) < 0.2
    assert 0.88 < z.std() < 1.13


def test_errors_are_honest_at_the_shortest_allowed():
    """120 τ in one chain: without the corrections for the subtracted mean the deviation of z would be larger."""
    rng = np.random.default_rng(12)
    z = []
    for _ in range(1500):
        try:
            estimate = stats.mean(autoregressive(0.9, 1, 1140, rng))
        except stats.ShortChainError as error:
            estimate = error.estimate
        z.append(estimate.z(0.0))
    assert abs(np.mean(z)) < 0.12
    assert 0.97 < np.std(z) < 1.12  # exactly 1 needs infinitely long chains; uncorrected it is 1.15


def test_long_blocks():
    """Blocks follow the slowest of all series, and the size of a series whose sign is random."""
    rng = np.random.default_rng(13)
    slow, quick = autoregressive(0.95, 4, 4000, rng), rng.normal(size=(4, 4000))
    signs = rng.choice([-1.0, 1.0], size=(4, 4000))
    edges, tau = stats.long_blocks({"quick": quick})
    assert len(edges) == 64
    assert tau < 0.7
    _, tau = stats.long_blocks({"quick": quick, "slow": slow})
    assert tau == pytest.approx(19.5, rel=0.3)
    edges, hidden = stats.long_blocks({"hidden": signs * np.exp(slow)})
    assert hidden > 5
    assert np.min(edges[:, 2] - edges[:, 1]) >= 5 * hidden
    with pytest.raises(stats.ShortChainError, match=r"the autocorrelation time of slow is .* take at least"):
        stats.long_blocks({"slow": slow[:, :300]})
    assert len(stats.long_blocks({"many": rng.normal(size=(100, 3))})[0]) == 100


def test_chains_that_disagree_are_seen():
    """Two chains stuck in different wells: the common mean makes it visible."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 400)) + np.array([[0.0], [8.0]])
    with pytest.raises(stats.ShortChainError):
        stats.mean(x)


def test_short_chain_carries_its_estimate():
    x = autoregressive(0.98, 1, 500, np.random.default_rng(5))
    with pytest.raises(stats.ShortChainError, match="independent ones; an error bar needs 50") as caught:
        stats.mean(x)
    assert caught.value.estimate.value == pytest.approx(x.mean())
    assert caught.value.estimate.n == 500
    assert isinstance(caught.value, ValueError)


def test_frozen_series_has_no_error():
    with pytest.raises(stats.ShortChainError, match="a series that never changes") as caught:
        stats.mean(np.ones((2, 50)))
    assert caught.value.estimate.value == 1.0
    assert np.isnan(stats.autocorrelation_time(np.ones(50)))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0], "at least two draws"),
        ([1.0, np.nan, 2.0], "1 values that are not finite"),
        (np.zeros((2, 3, 4)), r"give \(draw,\) or \(chain, draw\)"),
        (xr.DataArray(np.zeros((2, 3)), dims=("draw", "x")), r"not \('draw', 'x'\)"),
    ],
)
def test_impossible_series(x, message):
    with pytest.raises(ValueError, match=message):
        stats.mean(x)


def test_labelled_series_in_any_order():
    x = autoregressive(0.2, 3, 1000, np.random.default_rng(6))
    array = xr.DataArray(x.T, dims=("draw", "chain"))
    assert stats.mean(array) == stats.mean(x)


def test_binning_rises_to_the_error():
    x = autoregressive(0.9, 4, 50_000, np.random.default_rng(7))
    sizes, errors = stats.binning(x)
    assert sizes[0] == 1
    naive, settled = errors[0], errors[sizes == 512][0]
    assert settled / naive == pytest.approx(np.sqrt(19.0), rel=0.15)  # √(2τ)
    assert stats.mean(x).stderr == pytest.approx(settled, rel=0.15)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 7), st.integers(1, 300), st.integers(1, 100))
def test_blocks_cover_every_draw_once(chains, draws, blocks):
    edges = stats.block_edges(chains, draws, blocks)
    count = np.zeros((chains, draws), dtype=int)
    for chain, start, stop in edges:
        assert stop > start
        count[chain, start:stop] += 1
    assert np.all(count == 1)
    lengths = edges[:, 2] - edges[:, 1]
    assert lengths.max() - lengths.min() <= 1


def test_jackknife_of_the_mean_is_the_standard_error():
    x = np.random.default_rng(8).normal(size=40)
    value, error = stats.jackknife(x, lambda m: m)
    assert value == pytest.approx(x.mean())
    assert error == pytest.approx(x.std(ddof=1) / np.sqrt(40))


def test_jackknife_error_of_a_variance():
    """Errors of a nonlinear function, calibrated over 300 seeds of 64 blocks."""
    rng = np.random.default_rng(9)
    z = []
    for _ in range(300):
        x = autoregressive(0.8, 4, 4000, rng)
        edges = stats.block_edges(4, 4000, 64)
        means = stats.block_means(np.stack([x, x * x], axis=-1), edges)
        value, error = stats.jackknife(means, lambda m: m[1] - m[0] ** 2, edges[:, 2] - edges[:, 1])
        z.append((value - 1.0) / error)
    assert abs(np.mean(z)) < 0.25
    assert 0.88 < np.std(z) < 1.15


def test_weights_of_unequal_blocks():
    rng = np.random.default_rng(10)
    x = rng.normal(size=(1, 10))
    edges = stats.block_edges(1, 10, 3)
    means = stats.block_means(x, edges)
    value, _ = stats.jackknife(means, lambda m: m, edges[:, 2] - edges[:, 1])
    assert value == pytest.approx(x.mean())


def test_bootstrap_by_chain():
    rng = np.random.default_rng(11)
    x = autoregressive(0.9, 64, 500, rng)
    rows = stats.block_means(x, stats.block_edges(64, 500, 64))
    value, error, interval = stats.bootstrap(rows, lambda m: m, seed=1)
    assert value == pytest.approx(x.mean())
    assert error == pytest.approx(rows.std(ddof=1) / 8.0, rel=0.15)
    assert interval[0] < value < interval[1]
    again = stats.bootstrap(rows, lambda m: m, seed=1)
    assert error == again[1]


@pytest.mark.parametrize("function", [stats.jackknife, stats.bootstrap])
def test_one_block_is_too_few(function):
    with pytest.raises(ValueError, match="needs at least two"):
        function(np.ones((1, 2)), lambda m: m)
