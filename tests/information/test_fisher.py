"""The sampled Fisher fractions against exact enumeration on 4×4, and their being lower bounds."""

import math

import numpy as np
import pytest
import xarray as xr

import rgnet as rg
from rgnet import exact, operators, stats

LAYERS = [rg.Majority(2), rg.Majority(2, "first"), rg.Decimation(2), rg.Kadanoff(2, 0.5), rg.BlockAverage(2)]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("about", ["K", "h"])
@pytest.mark.parametrize("K", [0.3, rg.exact.ising2d.K_c])
def test_never_above_the_exact_value(exact_samples, layer, about, K):
    """20 comparisons: no bound exceeds the exact fraction by more than 3.5 errors, and none is far below it."""
    model = rg.Ising((4, 4), K=K)
    network = rg.Network([layer])
    truth = exact.retained(model, network, about)
    data = exact_samples(model, 10_000, 4, seed=5)
    kept = rg.information.retained(network.levels(data), about)
    assert list(kept["kind"].values) == ["exact", "lower"]
    assert float(kept["fraction"][0]) == 1.0
    assert abs(float(kept["fisher"][0]) - truth.fisher[0]) < 4 * float(kept["fisher_stderr"][0])
    value, error = float(kept["fraction"][1]), float(kept["fraction_stderr"][1])
    assert value < truth.fraction[1] + 3.5 * error + 1e-9
    assert value > 0.9 * truth.fraction[1] - 3.5 * error
    assert 0 < error < 0.02 or value == pytest.approx(1.0, abs=1e-9)


def test_the_block_average_loses_nothing_about_h(exact_samples):
    data = exact_samples(rg.Ising((4, 4), K=0.4), 2000, 2, seed=1)
    kept = rg.information.retained(rg.Network([rg.BlockAverage(2)] * 2).levels(data), "h")
    np.testing.assert_allclose(kept["fraction"], 1.0, atol=1e-9)


def test_useless_regressors_do_not_raise_the_bound(exact_samples):
    """A level that knows nothing (pure noise): cross-validation keeps the fraction at or below zero within errors."""
    data = exact_samples(rg.Ising((4, 4), K=0.4), 2500, 4, seed=2)
    z = []
    for seed in range(20):
        levels = rg.Network([rg.Kadanoff(2, 0.0)]).levels(data, seed=seed)
        kept = rg.information.retained(levels, "K")
        z.append(float(kept["fraction"][1] / kept["fraction_stderr"][1]))
    assert np.mean(z) < 0.2
    assert max(z) < 3.5


def test_errors_are_honest(exact_samples):
    """60 independent samples: the spread of the bounds is what their errors say."""
    model = rg.Ising((4, 4), K=0.4)
    values, errors = [], []
    for seed in range(60):
        levels = rg.Network([rg.Majority(2)]).levels(exact_samples(model, 1000, 4, seed), seed=seed)
        kept = rg.information.retained(levels, "K")
        values.append(float(kept["fraction"][1]))
        errors.append(float(kept["fraction_stderr"][1]))
    assert 0.75 < np.std(values) / np.mean(errors) < 1.3


def test_measured_sums_serve_as_levels(exact_samples):
    data = exact_samples(rg.Ising((4, 4), K=0.4), 1000, 4, seed=3)
    levels = rg.Network([rg.Majority(2)]).levels(data)
    sums = [operators.measure(level, ["nn", "nnn", "plaquette", "third", "m"]) for level in levels]
    xr.testing.assert_allclose(rg.information.retained(sums, "K"), rg.information.retained(levels, "K"))


def test_bad_input(exact_samples):
    data = exact_samples(rg.Ising((4, 4), K=0.4), 500, 2, seed=4)
    levels = rg.Network([rg.Majority(2)]).levels(data)
    with pytest.raises(ValueError, match='about=\'T\': Fisher information is kept about "K" or "h"'):
        rg.information.retained(levels, about="T")
    with pytest.raises(ValueError, match="give at least the microscopic level"):
        rg.information.retained([])
    with pytest.raises(ValueError, match="the first level given is level 1"):
        rg.information.retained(levels[1:])
    with pytest.raises(ValueError, match="they must correspond"):
        rg.information.retained([levels[0], levels[1].isel(draw=slice(100))])
    with pytest.raises(stats.ShortChainError):
        rg.information.retained([level.isel(draw=slice(5)) for level in levels])


def test_exact_fractions_obey_the_data_processing_inequality():
    model = rg.Ising((4, 4), K=0.4)
    for about in ("K", "h"):
        for first in LAYERS:
            kept = exact.retained(model, rg.Network([first, rg.Majority(2)]), about).fraction
            assert kept[0] == pytest.approx(1.0, abs=1e-12)
            assert np.all(np.diff(kept) <= 1e-12)
            assert not math.isnan(kept[-1])


@pytest.mark.parametrize("about", ["K", "h"])
def test_errors_are_honest_on_correlated_chains(about):
    """Chains a few autocorrelation times of |m| long per block; about h the sign of m forgets itself long before."""
    model = rg.Ising((16, 16), K=rg.exact.ising2d.K_c)
    values, errors = [], []
    for seed in range(60):
        data = rg.sample(model, 500, chains=4, seed=seed, warmup=100, thin=1)
        kept = rg.information.retained([data], about)
        values.append(float(kept["fisher"][0]))
        errors.append(float(kept["fisher_stderr"][0]))
    # Three standard deviations of the spread of 60 normal numbers
    assert abs(np.std(values) / np.mean(errors) - 1) < 3 / np.sqrt(2 * 60)


def test_exact_fractions_are_exact_where_a_random_rule_meets_real_numbers():
    """An odd block of averages can tie, so its coin is a channel like any other: the same fraction every time."""
    network = rg.Network([rg.BlockAverage(2), rg.Majority(3)])
    model = rg.Ising((6, 2), K=0.4, boundary="free")
    with pytest.raises(ValueError, match="3 does not divide 1"):
        exact.retained(model, network, "h")
    chain = rg.Ising(12, K=0.4)
    first, again = (exact.retained(chain, network, "h").fraction for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first[2] < first[1]
