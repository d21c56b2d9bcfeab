"""Draws in pairs, labels, units, and estimates from chains."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rgnet import Estimate, ShortChainError
from rgnet.information.samples import as_labels, as_points, over_chains, paired, spacing


def test_plain_arrays_are_independent_draws():
    (x, y), layout = paired([1, 2, 3], np.zeros((3, 4, 4)))
    assert x.shape == (3,)
    assert y.shape == (3, 4, 4)
    assert layout is None
    assert paired(np.zeros(12), chains=3)[1] == (3, 4)


def test_labelled_draws_are_chains_whatever_the_order_of_dimensions():
    values = np.arange(24).reshape(2, 3, 4)
    x = xr.DataArray(values, dims=("chain", "draw", "x")).transpose("x", "draw", "chain")
    y = xr.DataArray(values[..., 0].T, dims=("draw", "chain"))
    (a, b), layout = paired(x, y)
    assert layout == (2, 3)
    assert np.array_equal(a, values.reshape(6, 4))
    assert np.array_equal(b, values[..., 0].reshape(6))
    (a, b), layout = paired(x, values[..., 0])  # a plain array of the same chains
    assert np.array_equal(b, values[..., 0].reshape(6))


@pytest.mark.parametrize(
    ("variables", "options", "message"),
    [
        ((), {}, r"no variable given"),
        (([1, 2], [1, 2, 3]), {}, r"the variables have 2, 3 draws: draw i of each belongs together"),
        (([1.0, math.nan],), {}, r"variable 1 has 1 values that are not finite numbers: leave those draws out"),
        (([1, 2], np.array([1, None])), {}, r"variable 2 is an array of Python objects: give numbers, or labels"),
        (([],), {}, r"variable 1 has the shape \(0,\): give \(n,\)"),
        ((np.zeros((3, 0)),), {}, r"variable 1 has the shape \(3, 0\)"),
        (([1j, 2],), {}, r"variable 1 is complex"),
        ((np.zeros(5),), {"chains": 2}, r"chains=2: 5 draws are not so many chains of equal length"),
        ((np.zeros(5),), {"chains": 0}, r"chains=0: give the number of chains"),
        (
            (xr.DataArray(np.zeros((2, 3)), dims=("chain", "draw")), xr.DataArray(np.zeros(6), dims="draw")),
            {},
            r"\(1, 6\) and \(2, 3\) \(chain, draw\): they must agree",
        ),
        ((xr.DataArray(np.zeros((2, 3)), dims=("chain", "draw")),), {"chains": 3}, r"have 2 chains themselves"),
    ],
)
def test_what_is_refused(variables, options, message):
    with pytest.raises(ValueError, match=message):
        paired(*variables, **options)


@given(
    hnp.arrays(
        st.sampled_from([np.int8, np.uint8, np.int64, np.uint64, np.float64, np.bool_]),
        hnp.array_shapes(min_dims=1, max_dims=3, max_side=6),
        elements={"allow_nan": False},
    )
)
def test_labels_are_those_of_sorted_distinct_rows(array):
    labels, count = as_labels(array)
    rows = array.reshape(len(array), -1) + (0.0 if array.dtype.kind == "f" else array.dtype.type(0))  # −0 is 0
    _, expected = np.unique(rows, axis=0, return_inverse=True)
    assert labels.dtype == np.int64
    assert np.array_equal(labels, expected.reshape(-1))
    assert count == expected.max() + 1


@pytest.mark.parametrize("sites", [7, 100, 1000])
def test_configurations_are_labels(sites):
    rng = np.random.default_rng(1)
    few = rng.choice(np.array([-1, 1], dtype=np.int8), (5, sites))
    which = rng.integers(0, 5, 300)
    labels, count = as_labels(few[which].reshape(300, sites, 1))
    assert count == 5
    assert len(set(zip(labels, which, strict=True))) == 5


def test_labels_of_strings_and_of_wide_integers():
    assert as_labels(np.array(["b", "a", "b"]))[0].tolist() == [1, 0, 1]
    assert as_labels(np.array([2**63, 2**63 + 1, 2**63], dtype=np.uint64))[0].tolist() == [0, 1, 0]
    assert as_labels(np.array([-(2**62), 2**62]))[0].tolist() == [0, 1]


def test_points_are_real():
    assert as_points(np.zeros((3, 2, 2), dtype=np.int8)).shape == (3, 4)
    with pytest.raises(ValueError, match=r"values of type <U1 are no real numbers"):
        as_points(np.array(["a"]))


def test_an_estimate_in_bits():
    one = Estimate(math.log(2), 0.1 * math.log(2), unit="nats", n=10)
    bits = one.to("bits")
    assert (bits.value, bits.stderr, bits.unit) == (pytest.approx(1), pytest.approx(0.1), "bits")
    assert bits.interval == pytest.approx((1 - 0.196, 1 + 0.196), abs=1e-4)
    assert bits.to("nats").value == pytest.approx(math.log(2))
    assert one.to("nats") is one
    with pytest.raises(ValueError, match=r'unit=\'hartleys\': information is given in "nats" or "bits"'):
        one.to("hartleys")
    with pytest.raises(ValueError, match=r"this estimate has the unit '1'"):
        Estimate(1.0, 0.1).to("bits")


def mean_of(x):
    return Estimate(float(x.mean()), float(x.std(ddof=1) / math.sqrt(len(x))), method="mean", n=len(x), unit="nats")


def ar1(phi, chains, draws, seed):
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((chains, draws + 200))
    return lfilter([math.sqrt(1 - phi**2)], [1, -phi], noise, axis=1)[:, 200:]


def test_independent_draws_in_chains_are_used_whole():
    x = np.random.default_rng(2).standard_normal(4000)
    alone = over_chains(mean_of, [x], None, lambda x: x)
    chained = over_chains(mean_of, [x], (4, 1000), lambda x: x)
    assert chained.value == alone.value
    assert 3500 < chained.n_effective <= 4000
    assert alone.stderr <= chained.stderr < 1.08 * alone.stderr


def test_correlated_draws_are_thinned_and_the_error_is_honest():
    z = []
    for seed in range(200):
        x = ar1(0.8, 4, 1000, seed)
        found = over_chains(mean_of, [x.reshape(-1)], (4, 1000), lambda x: x)
        assert found.n == 4000
        assert 250 < found.n_effective < 800  # 4000/9 on average
        z.append(found.value / found.stderr)
    assert 0.8 < np.std(z) < 1.15  # a mean over offsets is at worst a little better than one of them
    assert "every" in found.method


def test_chains_that_are_too_short_say_how_long_they_should_be():
    x = ar1(0.99, 2, 400, 1)
    with pytest.raises(ShortChainError, match=r"information needs 50 and chains of 20 autocorrelation times: take"):
        over_chains(mean_of, [x.reshape(-1)], (2, 400), lambda x: x)


def test_chains_that_differ_by_design_are_not_correlated_for_ever():
    rng = np.random.default_rng(3)
    label = np.repeat([0, 1], 2000)
    x = rng.standard_normal(4000) + 3 * label
    found = over_chains(lambda y, x: mean_of(x), [label, x], (2, 2000), lambda y, x: x)
    assert found.n_effective > 3500
    with pytest.raises(ShortChainError):  # without the label they look stuck
        over_chains(mean_of, [x], (2, 2000), lambda x: x)


def test_stuck_chains_are_no_design():
    for x, y in (([0, 1, 0, 0], [1, 0, 1, 1]), ([0, 1, 0, 0], [0, 0, 0, 0])):
        arrays = [np.repeat(item, 1000) for item in (x, y)]
        with pytest.raises(ShortChainError):
            over_chains(lambda x, y: mean_of(x), arrays, (4, 1000), lambda x, y: x)
    with pytest.raises(ShortChainError):
        over_chains(mean_of, [np.repeat([0, 1, 0, 0], 1000)], (4, 1000), lambda x: x)


def test_many_short_chains_are_independent():
    bits = np.random.default_rng(4).integers(0, 2, 500)
    found = over_chains(mean_of, [np.repeat(bits, 5)], (500, 5), lambda x: x)
    assert found.value == pytest.approx(bits.mean())
    assert found.stderr == pytest.approx(mean_of(bits).stderr)
    assert found.n_effective == 500


@pytest.mark.parametrize("n", [100, 200])
def test_weak_correlation_is_in_the_error(n):
    z = []
    for seed in range(300):
        x = ar1(0.3, 1, n, seed)[0]
        try:
            found = over_chains(mean_of, [x], (1, n), lambda x: x)
        except ShortChainError:  # worth about 54 draws of 100, so that some have none to spare
            continue
        z.append(found.value / found.stderr)
    assert len(z) > 150
    assert 0.8 < np.std(z) < 1.3  # of the shortest, those whose τ was underestimated remain


def test_draws_that_do_not_correspond_are_refused():
    x = xr.DataArray(np.arange(5), dims="draw", coords={"draw": np.arange(5)})
    with pytest.raises(ValueError, match=r"different coordinates 'draw': align them first"):
        paired(x, x.isel(draw=slice(None, None, -1)))
    with pytest.raises(ValueError, match=r"variable 1 is a Dataset: choose one of its variables"):
        paired(xr.Dataset({"spin": x}))
    with pytest.raises(ValueError, match=r"variable 2 has masked values"):
        paired(np.arange(3), np.ma.masked_array(np.arange(3), mask=[0, 1, 0]))


def test_spacing():
    assert spacing(0.5, 100) == 1
    assert spacing(0.52, 10_000) == 1
    assert spacing(1.0, 10_000) == 2
    assert spacing(4.5, 10_000) == 9
