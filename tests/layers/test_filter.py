"""The filter: its channel by enumeration, its limits, its symmetry, its components."""

import itertools
import json
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet.layers.filter import Filter
from rgnet.layers.layer import Layer

RNG = np.random.default_rng(5)
FILTERS = {
    "1d soft": (Filter(RNG.normal(size=3), 0.3, sharp=False), (6,)),
    "1d sharp ties": (Filter([1.0, 1.0]), (8,)),
    "2d sharp": (Filter(RNG.normal(size=(2, 2))), (4, 4)),
    "2d soft": (Filter(RNG.normal(size=(2, 2)), -0.2, sharp=False), (4, 4)),
    "2d 1 to 2 soft": (Filter(RNG.normal(size=(2, 1, 2, 2)), [0.1, -0.4], sharp=False), (4, 2)),
    "2d 2 to 1 sharp": (Filter(np.ones((1, 2, 2, 2))), (4, 4)),
    "2d 3 to 2 soft": (Filter(RNG.normal(size=(2, 3, 2, 2)), sharp=False), (2, 4)),
    "3d sharp": (Filter(RNG.normal(size=(2, 2, 2))), (4, 2, 4)),
    "3d soft": (Filter(RNG.normal(size=(2, 2, 2)), sharp=False), (2, 4, 4)),
}


def spins(shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), size=shape)


def dataset(side):
    spin = (("chain", "draw", "x", "y"), spins((2, 6, side, side)))
    return xr.Dataset({"spin": spin}, coords={"chain": range(2), "draw": range(6)})


def fine_shape(layer, space):
    return ((layer.components[0],) if layer.components[0] > 1 else ()) + space


def coarse_shape(layer, space):
    coarse = tuple(side // layer.scale for side in space)
    return ((layer.components[1],) if layer.components[1] > 1 else ()) + coarse


def every(shape):
    n = math.prod(shape)
    return np.array(list(itertools.product([-1, 1], repeat=n))).reshape(2**n, *shape)


@pytest.mark.parametrize("name", FILTERS)
def test_probabilities_sum_to_one_and_are_those_of_the_draws(name):
    """Σ_y p(y|x) = 1 by enumeration; frequencies of 20 000 draws within χ² of p (quantile 1e-7 or rarer)."""
    layer, space = FILTERS[name]
    x = spins(fine_shape(layer, space), seed=1)
    all_y = every(coarse_shape(layer, space))
    p = np.exp(layer.log_prob(all_y, x, ndim=len(space)))
    assert p.shape == (len(all_y),)
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    n = 20_000
    drawn = layer(np.broadcast_to(x, (n, *x.shape)), rng=3, ndim=len(space))
    assert drawn.dtype == np.int8
    assert drawn.shape == (n, *coarse_shape(layer, space))
    index = ((drawn.reshape(n, -1) + 1) // 2) @ (1 << np.arange(all_y[0].size)[::-1])
    counts = np.bincount(index, minlength=len(all_y))
    assert np.all(counts[p == 0] == 0)
    expected = n * p[p > 0]
    chi2, degrees = ((counts[p > 0] - expected) ** 2 / expected).sum(), expected.size - 1
    assert chi2 < degrees + 5.5 * math.sqrt(2 * max(degrees, 1)) + 20


@pytest.mark.parametrize("name", FILTERS)
def test_definition_block_by_block(name):
    layer, space = FILTERS[name]
    d, b = len(space), layer.scale
    outer, inner = layer.components[1], layer.components[0]
    x = spins((4, *fine_shape(layer, space)), seed=2)
    whole = x.reshape(4, inner, *space).astype(float)
    weights = layer.weights.reshape(outer, inner, *(b,) * d)
    h = np.empty((4, outer, *(side // b for side in space)))
    for place in itertools.product(*(range(side // b) for side in space)):
        window = whole[(slice(None), slice(None), *(slice(p * b, (p + 1) * b) for p in place))]
        h[(slice(None), slice(None), *place)] = (
            np.tensordot(window, weights, axes=(range(1, d + 2), range(1, d + 2))) + layer.bias
        )
    np.testing.assert_allclose(layer.field(x, ndim=d).reshape(h.shape), h, atol=1e-14)
    y = layer(x, rng=0, ndim=d).reshape(h.shape)
    if layer.sharp:
        np.testing.assert_array_equal(y[np.abs(h) > 1e-9], np.sign(h[np.abs(h) > 1e-9]))
    terms = np.log((1 + y * np.sign(np.round(h, 12))) / 2) if layer.sharp else -np.log1p(np.exp(-2 * y * h))
    found = layer.log_prob(y.reshape(4, *coarse_shape(layer, space)), x, ndim=d)
    np.testing.assert_allclose(found, terms.reshape(4, -1).sum(1), atol=1e-12)


@pytest.mark.parametrize("b", [2, 3])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_unit_weights_are_the_majority_rule_with_the_same_coins(b, ndim):
    x = spins((200, *(2 * b,) * ndim), seed=b + ndim)
    layer = Filter(np.ones((b,) * ndim))
    np.testing.assert_array_equal(layer(x, rng=9, ndim=ndim), rg.Majority(b)(x, rng=9, ndim=ndim))
    y = rg.Majority(b)(x, rng=10, ndim=ndim)
    np.testing.assert_array_equal(layer.log_prob(y, x, ndim=ndim), rg.Majority(b).log_prob(y, x, ndim=ndim))


def test_soft_unit_weights_are_kadanoff_with_the_same_coins():
    x = spins((200, 4, 6))
    layer = Filter(np.full((2, 2), 0.35), sharp=False)
    np.testing.assert_array_equal(layer(x, rng=9, ndim=2), rg.Kadanoff(2, 0.35)(x, rng=9, ndim=2))
    y = layer(x, rng=10, ndim=2)
    np.testing.assert_allclose(layer.log_prob(y, x, ndim=2), rg.Kadanoff(2, 0.35).log_prob(y, x, ndim=2), atol=1e-12)


def test_steep_soft_filters_tend_to_the_sharp_one():
    weights, x = RNG.normal(size=(2, 2)), spins((50, 4, 4))
    np.testing.assert_array_equal(
        Filter(1e6 * weights, sharp=False)(x, rng=0, ndim=2), Filter(weights)(x, rng=0, ndim=2)
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.integers(1, 3), st.integers(1, 3))
def test_odd_without_bias(seed, sharp, inner, outer):
    """p(−y|−x) = p(y|x), and the field is odd bit for bit."""
    rng = np.random.default_rng(seed)
    layer = Filter(rng.choice([0.1, -0.3, 0.2, 0.7], size=(outer, inner, 2, 2)), sharp=sharp, ndim=2)
    shape = fine_shape(layer, (4, 4))
    x = rng.choice([-1, 1], size=(3, *shape))
    y = rng.choice([-1, 1], size=(3, *coarse_shape(layer, (4, 4))))
    np.testing.assert_array_equal(layer.log_prob(y, x, ndim=2), layer.log_prob(-y, -x, ndim=2))
    np.testing.assert_array_equal(layer.field(x, ndim=2), -layer.field(-x, ndim=2))


def test_ties_are_exact_in_spite_of_rounding():
    """0.1 + 0.2 − 0.3 ≠ 0 in floating point, yet it is a tie: both signs are drawn."""
    layer = Filter([0.1, 0.2, -0.3])
    x = np.ones((2000, 3), dtype=np.int8)
    assert not layer.field(x, ndim=1).any()
    assert abs(int(layer(x, rng=0, ndim=1).sum(dtype=int))) < 5 * math.sqrt(2000)
    assert layer.log_prob([1], x[0]) == pytest.approx(math.log(0.5))
    assert Filter([1.0, -1.0 + 1e-12]).field([1.0, 1.0], ndim=1)[0] == pytest.approx(1e-12, rel=1e-3)


def test_datasets_gain_and_lose_components():
    data = dataset(8)
    up = Filter(RNG.normal(size=(3, 1, 2, 2)), sharp=False)
    mixed = Filter(RNG.normal(size=(2, 3, 2, 2)))
    down = Filter(RNG.normal(size=(1, 2, 2, 2)))
    network = rg.Network([up, mixed, down])
    levels = network.levels(data, seed=4)
    assert [level["spin"].dims for level in levels] == [
        ("chain", "draw", "x", "y"),
        ("chain", "draw", "component", "x", "y"),
        ("chain", "draw", "component", "x", "y"),
        ("chain", "draw", "x", "y"),
    ]
    assert [dict(level["spin"].sizes).get("component") for level in levels] == [None, 3, 2, None]
    assert [level.attrs["scale"] for level in levels[1:]] == [2, 4, 8]
    assert (network.components, network.kernel, network.n_parameters) == ((1, 1), 8, 12 + 24 + 8)
    one_chain = network.levels(data.isel(chain=[1]), seed=4)
    xr.testing.assert_equal(one_chain[-1], levels[-1].isel(chain=[1]))
    arrays = network.levels(data["spin"].values, seed=4, ndim=2)
    assert [array.shape for array in arrays] == [(2, 6, 8, 8), (2, 6, 3, 4, 4), (2, 6, 2, 2, 2), (2, 6, 1, 1)]
    one = network.levels(data["spin"].values[0, 0], seed=4)
    assert [array.shape for array in one] == [(8, 8), (3, 4, 4), (2, 2, 2), (1, 1)]
    assert network(data["spin"].values[0, 0], rng=1).shape == (1, 1)


def test_block_layers_and_plain_filters_act_on_each_component():
    data = dataset(8)
    level = Filter(RNG.normal(size=(3, 1, 2, 2)))(data, rng=0)
    for layer in (rg.Majority(2, "first"), rg.Decimation(2), rg.BlockAverage(2), Filter([[2.0, 1.0], [1.0, 0.5]])):
        coarse = layer(level, rng=0)
        assert coarse["spin"].dims == ("chain", "draw", "component", "x", "y")
        alone = layer(level["spin"].values[:, :, 1], rng=0, ndim=2)
        if layer.scale == 2 and not isinstance(layer, Filter):
            np.testing.assert_array_equal(coarse["spin"].values[:, :, 1], alone)
        assert rg.Network([layer]).levels(level)[1]["spin"].sizes["component"] == 3
    turned = level.transpose("component", "chain", "draw", "x", "y")
    xr.testing.assert_equal(rg.Decimation(2)(turned), rg.Decimation(2)(level))


def test_contract():
    layer = Filter([[1.0, 2.0], [3.0, 4.0]], bias=0.5)
    assert isinstance(layer, Layer)
    assert (layer.scale, layer.kernel, layer.n_parameters, layer.components) == (2, 2, 5, (1, 1))
    assert Filter(np.ones((2, 2, 2))).ndim == 3
    assert Filter(np.ones((2, 2, 2)), ndim=1).components == (2, 2)
    assert Filter(np.ones((2, 2, 2, 2))).components == (2, 2)
    assert repr(layer) == "Filter([[1.0, 2.0], [3.0, 4.0]], bias=[0.5])"
    control = layer.randomized(3)
    np.testing.assert_array_equal(control.weights, layer.randomized(3).weights)
    assert control.weights.shape == (2, 2)
    assert np.all(control.weights != layer.weights)
    big = Filter(RNG.normal(size=(40, 40)), 0.1).randomized(1)
    assert np.std(big.weights) == pytest.approx(1.0, abs=0.1)
    again = Filter.from_state(json.loads(json.dumps(layer.config())), layer.state())
    np.testing.assert_array_equal(again.weights, layer.weights)
    assert again.config() == layer.config()
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Filter(np.ones((2, 3))), r"weights of shape \(2, 3\) for 0 space axes; give \(b,\)\*d"),
        (lambda: Filter([]), "weights of shape"),
        (lambda: Filter([1.0, math.nan]), "must be finite"),
        (lambda: Filter([1.0, 1.0], bias=[1.0, 2.0]), "one for each"),
        (lambda: Filter([1.0, 1.0], sharp=2), "sharp=2"),
        (lambda: Filter(np.ones((2, 2)))(spins((4, 5))), "2 does not divide 5"),
        (lambda: Filter(np.ones((2, 2)))(spins((3, 4, 4))), "takes 2 space axes"),
        (lambda: Filter(np.ones((1, 3, 2, 2)))(spins((2, 4, 4)), ndim=2), "takes 3 components"),
        (lambda: Filter(np.ones((1, 3, 2, 2)))(dataset(4)), "of 1 components: .*3"),
        (lambda: Filter(np.ones((2, 2)))(np.array([[1.0, np.inf], [0, 0]])), "not finite"),
        (lambda: Filter(np.ones((2, 2))).log_prob([[2]], spins((2, 2))), "values other than ±1"),
        (lambda: Filter(np.ones((3, 1, 2, 2))).log_prob(spins((1, 1)), spins((2, 2)), ndim=2), "gives 3 components"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
