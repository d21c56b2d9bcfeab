"""Coarse-graining maps: their definition, their channels, their labels."""

import itertools
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg

SPIN_LAYERS = [rg.Majority(2), rg.Majority(2, "first"), rg.Majority(3), rg.Kadanoff(2, 0.4), rg.Kadanoff(2, math.inf)]
ALL = [*SPIN_LAYERS, rg.Decimation(2), rg.Decimation(3), rg.BlockAverage(2), rg.BlockAverage(3, rescale=1.3)]


def spins(shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), size=shape)


def blocks(x, b, ndim):
    """Every block as one axis, by direct slicing."""
    shape = [side // b for side in x.shape[-ndim:]]
    out = np.empty((*x.shape[:-ndim], *shape, b**ndim), dtype=x.dtype)
    for place in itertools.product(*map(range, shape)):
        window = x[(..., *(slice(p * b, (p + 1) * b) for p in place))]
        out[(..., *place, slice(None))] = window.reshape(*x.shape[:-ndim], -1)
    return out


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("b", [2, 3])
def test_definitions(ndim, b):
    x = spins((5, *(b * n for n in (2, 3, 1)[:ndim])))
    members = blocks(x, b, ndim)
    np.testing.assert_array_equal(rg.Decimation(b)(x, ndim=ndim), members[..., 0])
    np.testing.assert_allclose(rg.BlockAverage(b, rescale=2.0)(x, ndim=ndim), 2.0 * members.mean(-1))
    total = members.sum(-1, dtype=int)
    y = rg.Majority(b)(x, rng=1, ndim=ndim)
    assert y.dtype == np.int8
    np.testing.assert_array_equal(y[total != 0], np.sign(total)[total != 0])
    y = rg.Majority(b, ties="first")(x, ndim=ndim)
    np.testing.assert_array_equal(y, np.where(total == 0, members[..., 0], np.sign(total)))


@pytest.mark.parametrize("layer", ALL)
def test_shapes_and_batches(layer):
    x = spins((2, 3, 12, 6))
    y = layer(x, rng=0, ndim=2)
    assert y.shape == (2, 3, 12 // layer.b, 6 // layer.b)
    assert layer(x[0, 0], rng=0).shape == (12 // layer.b, 6 // layer.b)
    assert layer.scale == layer.b


@pytest.mark.parametrize("layer", SPIN_LAYERS)
def test_channels_are_normalised_and_sampled(layer):
    """Σ_y p(y|x) = 1, and drawn frequencies match p(y|x) (chi-square below its 1e-6 quantile)."""
    b, n = layer.b, 20_000
    x = spins((2 * b, b), seed=3)
    every = np.array(list(itertools.product([-1, 1], repeat=2))).reshape(4, 2, 1)
    with np.errstate(divide="ignore"):
        p = np.exp(layer.log_prob(every, x, ndim=2))
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    y = layer(np.broadcast_to(x, (n, *x.shape)), rng=7, ndim=2)
    index = ((y.reshape(n, 2) + 1) // 2) @ np.array([2, 1])
    counts = np.bincount(index, minlength=4)
    assert np.all(counts[p == 0] == 0)
    chi2 = (((counts - n * p) ** 2)[p > 0] / (n * p[p > 0])).sum()
    assert chi2 < 32.0  # 3 degrees of freedom


def test_kadanoff_is_its_formula_and_tends_to_majority():
    x, y = spins((4, 4)), spins((2, 2), seed=5)
    total = blocks(x, 2, 2).sum(-1)
    weight = np.exp(0.7 * y * total)
    expected = np.log(weight / (weight + 1 / weight)).sum()
    assert rg.Kadanoff(2, 0.7).log_prob(y, x, ndim=2) == pytest.approx(expected, abs=1e-12)
    with np.errstate(divide="ignore"):
        limit = np.exp(rg.Majority(2).log_prob(y, x))
    assert np.exp(rg.Kadanoff(2, 200.0).log_prob(y, x)) == pytest.approx(limit, abs=1e-12)
    assert np.exp(rg.Kadanoff(2, 1e308).log_prob(y, x)) == pytest.approx(limit, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_symmetric_maps_commute_with_a_global_flip(seed):
    x = spins((6, 6), seed)
    for layer in (rg.Decimation(2), rg.Majority(3), rg.Majority(2, "first"), rg.BlockAverage(2)):
        np.testing.assert_array_equal(layer(-x), -layer(x))


def test_block_sums_do_not_overflow():
    x = np.full((32, 32), 127, dtype=np.int8)
    assert rg.BlockAverage(32)(x).item() == 127.0
    assert rg.Majority(32)(x).item() == 1
    assert rg.BlockAverage(16)(-x).tolist() == [[-127.0] * 2] * 2


def test_random_layers_are_seeded():
    x = spins((50, 8, 8))
    layer = rg.Majority(2)
    np.testing.assert_array_equal(layer(x, rng=3, ndim=2), layer(x, rng=3, ndim=2))
    assert np.any(layer(x, rng=3, ndim=2) != layer(x, rng=4, ndim=2))
    assert layer.is_random
    assert not rg.Majority(2, ties="first").is_random


def test_the_coin_is_fair():
    """10⁶ ties: a coin of 0.503 would be six standard deviations off."""
    x = np.tile(np.array([1, -1], dtype=np.int8), 1_000_000)
    y = rg.Majority(2)(x.reshape(-1, 2), rng=11, ndim=1)
    assert abs(float(y.sum(dtype=int))) < 5 * 1000


def test_any_whole_number_type():
    for kind in (np.uint8, np.uint64, np.int16, np.int32):
        x = np.arange(16).reshape(4, 4).astype(kind)
        np.testing.assert_array_equal(rg.BlockAverage(2)(x), blocks(x, 2, 2).mean(-1))
        np.testing.assert_array_equal(rg.Decimation(2)(x), x[::2, ::2])


def test_real_valued_input():
    x = np.random.default_rng(0).normal(size=(3, 4, 4))
    np.testing.assert_array_equal(rg.Majority(2)(x, ndim=2), np.sign(blocks(x, 2, 2).sum(-1)))
    with pytest.raises(ValueError, match="1 values of the configurations are not finite"):
        rg.Majority(2)(np.where(x == x[0, 0, 0], np.nan, x), ndim=2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rg.Majority(1), r"Majority\(b=1\): the block side b is a whole number of at least 2"),
        (lambda: rg.Decimation(2.0), "whole number of at least 2"),
        (lambda: rg.Decimation(True), "whole number of at least 2"),
        (lambda: rg.Majority(2, ties="coin"), "ties='coin'"),
        (lambda: rg.Kadanoff(2, -1.0), "rho is a number of at least 0"),
        (lambda: rg.Kadanoff(2, math.nan), "rho is a number of at least 0"),
        (lambda: rg.Kadanoff(2, None), "rho is a number of at least 0"),
        (lambda: rg.BlockAverage(2, rescale=[1]), "a finite factor other than 0"),
        (lambda: rg.Decimation(2)(np.ones((4, 4), dtype=bool)), "recode them as spins"),
        (lambda: rg.Network([rg.Decimation(2)]).levels(np.ones((4, 4)), ndim=9), "ndim=9 for an array of shape"),
        (lambda: rg.BlockAverage(2, rescale=0), "a finite factor other than 0"),
        (lambda: rg.Network([]), "give at least one layer"),
        (lambda: rg.Decimation(2)(np.zeros((4, 5))), "2 does not divide 5; 4 or 6 would do"),
        (lambda: rg.Decimation(2)(np.zeros((4, 4)), ndim=3), "from 1 to 2 axes can be space"),
        (lambda: rg.Decimation(2)(np.array(["a", "b"])), "takes whole or real numbers"),
        (lambda: rg.Majority(2).log_prob(np.zeros((2, 2)), spins((4, 4))), "values other than ±1"),
        (lambda: rg.Majority(2).log_prob(np.ones((4, 4)), spins((4, 4))), r"takes x of shape \(4, 4\) to"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_class_is_not_a_layer():
    with pytest.raises(TypeError, match="is not a layer; give objects"):
        rg.Network([rg.Majority])


class TestNetwork:
    data = xr.Dataset(
        {"spin": (("chain", "draw", "x", "y"), spins((3, 5, 16, 8)))},
        coords={"chain": [0, 1, 2], "draw": range(5)},
        attrs={"model": "{}", "boundary": '["periodic", "periodic"]', "level": 0, "scale": 1},
    )

    def test_levels_are_labelled(self):
        network = rg.Network([rg.Majority(2), rg.BlockAverage(2), rg.Decimation(2)])
        levels = network.levels(self.data, seed=1)
        assert levels[0] is self.data
        assert [level.attrs["scale"] for level in levels] == [1, 2, 4, 8]
        assert [level.attrs["level"] for level in levels] == [0, 1, 2, 3]
        assert [level.attrs.get("step") for level in levels] == [None, 2, 2, 2]
        assert dict(levels[3].sizes) == {"chain": 3, "draw": 5, "x": 2, "y": 1}
        assert levels[1].attrs["boundary"] == self.data.attrs["boundary"]
        assert network.scale == 8
        assert network.is_random

    def test_levels_compose(self):
        network = rg.Network([rg.Majority(2, "first")] * 2)
        levels = network.levels(self.data)
        xr.testing.assert_equal(levels[2], network(self.data))
        np.testing.assert_array_equal(levels[2]["spin"], network(self.data["spin"].values, ndim=2))

    def test_chains_have_streams_of_their_own(self):
        """A chain's levels do not depend on which other chains are there."""
        network = rg.Network([rg.Majority(2)] * 3)
        whole, part = network.levels(self.data, seed=2), network.levels(self.data.isel(chain=[2]), seed=2)
        for a, b in zip(whole, part, strict=True):
            xr.testing.assert_equal(a.isel(chain=[2]), b)
        same = xr.concat([self.data.isel(chain=0)] * 2, dim=xr.Variable("chain", [0, 1]))
        level = network.levels(same, seed=2)[1]["spin"]
        assert np.any(level.isel(chain=0).values != level.isel(chain=1).values)

    def test_parts_of_a_run_have_coins_of_their_own(self):
        network = rg.Network([rg.Majority(2)])
        same = xr.concat([self.data.isel(draw=[0])] * 2, dim=xr.Variable("draw", [0, 1]))
        first, second = (network.levels(same.isel(draw=[k]), seed=2)[1]["spin"].values for k in (0, 1))
        assert np.any(first != second)

    def test_a_labelled_array(self):
        network = rg.Network([rg.Majority(2)])
        xr.testing.assert_equal(network.levels(self.data["spin"], seed=2)[1], network.levels(self.data, seed=2)[1])

    def test_arrays(self):
        x = self.data["spin"].values
        levels = rg.Network([rg.BlockAverage(2)] * 3).levels(x, ndim=2)
        assert [level.shape for level in levels] == [(3, 5, 16, 8), (3, 5, 8, 4), (3, 5, 4, 2), (3, 5, 2, 1)]

    def test_sizes_are_checked_before_computing(self):
        with pytest.raises(
            ValueError, match=r"a network of 4 layers with scale 16 .* 16 does not divide 8; 16 would do"
        ):
            rg.Network([rg.Majority(2)] * 4).levels(self.data)
        with pytest.raises(ValueError, match="seed=-1"):
            rg.Network([rg.Majority(2)]).levels(self.data, seed=-1)
