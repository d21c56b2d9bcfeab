"""`mutual_information` of whatever is given: what counts as symbols, and what is refused or warned of."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.information.continuous import discrete_continuous
from rgnet.information.mutual import mutual_information
from rgnet.information.samples import InformationWarning


def rng_of(*key):
    return np.random.default_rng(np.random.SeedSequence(31, spawn_key=key))


def flipped(n, p, *key):
    """A fair bit, the bit flipped with probability p, and their mutual information."""
    rng = rng_of(*key)
    x = rng.integers(0, 2, size=n)
    return x, np.where(rng.random(n) < p, 1 - x, x), np.log(2) + p * np.log(p) + (1 - p) * np.log(1 - p)


def blocks(n, *key):
    """Means of 16 spins that each agree with y_0 with probability 0.7, y_0, and their mutual information."""
    rng = rng_of(*key)
    y_0 = rng.integers(0, 2, size=n)
    agree = rng.random((n, 16)) < 0.7
    spins = np.where(agree, 1.0, -1.0) * (2 * y_0 - 1)[:, None]
    from scipy.stats import binom

    law = np.stack([binom.pmf(np.arange(17), 16, p) for p in (0.7, 0.3)])
    mean = law.mean(axis=0)
    return spins.mean(axis=1), y_0, float(0.5 * (law * np.log(law / mean)).sum())


def test_floats_that_repeat_are_symbols_beside_symbols():
    x, y, truth = flipped(2000, 0.1, 1)
    exact = mutual_information(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InformationWarning)
        for a, b in ((2.0 * x - 1, y), (x, 2.0 * y - 1), (2.0 * x - 1, 2.0 * y - 1)):
            estimate = mutual_information(a, b)
            assert estimate.value == pytest.approx(exact.value, abs=1e-12)
    assert abs(exact.value - truth) < 4 * exact.stderr


def test_block_averages_beside_symbols():
    x, y, truth = blocks(4000, 2)
    estimate = mutual_information(x, y)
    assert abs(estimate.value - truth) < 4 * estimate.stderr + 0.003
    with pytest.warns(InformationWarning, match=r"repeat.*symbols"):
        ross = mutual_information(x, y, method="ross")
    assert abs(ross.value - truth) < 4 * ross.stderr + 0.003
    assert "Gao" in ross.method


def test_a_rare_repeated_float_beside_real_numbers():
    """A value that occurs once has no neighbour of its own: measured, not refused; as an integer it is refused."""
    x, _, _ = flipped(1000, 0.1, 3)
    y = x + 0.3 * rng_of(4).normal(size=1000)
    x[0] = 2
    with pytest.warns(InformationWarning, match=r"repeat"):
        estimate = mutual_information(1.0 * x, y)
    assert 0.4 < estimate.value < 0.8
    with pytest.raises(ValueError, match=r"occur once"):
        mutual_information(x, y)


def test_repeated_floats_beside_real_numbers_are_labels():
    x, _, _ = flipped(1000, 0.1, 5)
    y = x + 0.3 * rng_of(6).normal(size=1000)
    estimate = mutual_information(1.0 * x, y)
    assert "Ross" in estimate.method
    assert estimate.value == pytest.approx(mutual_information(x, y).value, abs=1e-12)


def test_rounded_measurements_are_measured():
    rng = rng_of(7)
    x = rng.normal(size=2000)
    y = 0.8 * x + 0.6 * rng.normal(size=2000)
    whole = mutual_information(x, y)
    for decimals in (1, 2):
        with pytest.warns(InformationWarning, match=r"a bias is possible that the interval does not hold"):
            estimate = mutual_information(x.round(decimals), y.round(decimals))
        assert "Gao" in estimate.method
        assert abs(estimate.value - whole.value) < 0.03
        with pytest.warns(InformationWarning):
            assert mutual_information(1e3 * x.round(decimals), y.round(decimals)).value == estimate.value


def test_symbols_are_refused_where_density_is_asked_for():
    x, y, _ = flipped(400, 0.1, 8)
    with pytest.raises(ValueError, match=r"400 of 400 draws coincide.*mixture"), pytest.warns(InformationWarning):
        mutual_information(2 * x - 1, 2 * y - 1, method="ksg")


def test_no_error_where_one_variable_determines_the_other():
    x = rng_of(9).normal(size=400)
    with pytest.warns(InformationWarning, match=r"same.*determines"):
        estimate = mutual_information(x, x, method="ksg")
    assert np.isnan(estimate.stderr)


def test_scales_do_not_matter_by_default():
    """A narrow column that knows the label beside a broad one that does not."""
    rng = rng_of(10)
    label = rng.integers(0, 2, size=1000)
    narrow, broad = label + 0.1 * rng.normal(size=1000), rng.normal(size=1000)
    like = mutual_information(np.stack([narrow, broad], axis=1), label)
    unlike = np.stack([0.01 * narrow, 100 * broad], axis=1)
    assert mutual_information(unlike, label).value == pytest.approx(like.value, abs=1e-12)
    assert like.value == pytest.approx(np.log(2), abs=0.05)
    assert "normal scores" in like.method
    with pytest.warns(InformationWarning, match=r"spreads of the columns differ"):
        discrete_continuous(label, unlike)
    with pytest.warns(InformationWarning, match=r"spreads of the columns differ"):
        mutual_information(1e3 * narrow, broad, method="ksg")
    with pytest.warns(InformationWarning, match=r"spreads of the columns differ"):
        mutual_information(1e3 * narrow, broad, method="mixture")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([np.exp, np.cbrt, lambda z: 3.0 * z - 7.0]))
def test_labels_beside_rising_functions_of_columns(seed, function):
    rng = rng_of(11, seed)
    label = rng.integers(0, 3, size=120)
    y = label[:, None] * np.array([1.0, 0.0]) + rng.normal(size=(120, 2))
    assert mutual_information(label, function(y)).value == pytest.approx(mutual_information(label, y).value, abs=1e-9)


@pytest.mark.parametrize("method", ["auto", "ksg", "mixture"])
@pytest.mark.parametrize("n", [24, 30, 47])
def test_too_few_draws_for_an_error_are_warned_of(method, n):
    rng = rng_of(12, n)
    with pytest.warns(InformationWarning, match=rf"{n} draws are too few for an error.*at least 48"):
        estimate = mutual_information(rng.normal(size=n), rng.normal(size=n), method=method)
    assert np.isfinite(estimate.value)
    assert np.isnan(estimate.stderr)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InformationWarning)
        enough = mutual_information(rng.normal(size=48), rng.normal(size=48), method=method)
    assert enough.stderr > 0


def test_a_constant_float_is_refused():
    x, y, _ = flipped(400, 0.1, 13)
    with pytest.raises(ValueError, match=r"never changes"):
        mutual_information(np.ones(400), y)
    with pytest.raises(ValueError, match=r"never changes"):
        mutual_information(1.0 * x, np.ones(400))
