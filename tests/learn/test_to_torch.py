"""Layers as torch modules and torch modules as layers: the same numbers both ways."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import rgnet as rg
from rgnet.layers import Filter
from rgnet.learn._adapters_blocks import BlockModule
from rgnet.learn._torch import fork_seed, torch
from rgnet.learn.adapters import to_torch

nn = torch.nn
N = 10_000


def spins(shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), size=shape)


def layers_of(b, ndim):
    rng = np.random.default_rng(b + 10 * ndim)
    weights = rng.normal(size=(b,) * ndim)
    return {
        "majority": rg.Majority(b),
        "majority first": rg.Majority(b, "first"),
        "decimation": rg.Decimation(b),
        "average": rg.BlockAverage(b, rescale=2**0.125),
        "kadanoff": rg.Kadanoff(b, 0.37),
        "kadanoff inf": rg.Kadanoff(b, math.inf),
        "kadanoff 0": rg.Kadanoff(b, 0.0),
        "filter": Filter(weights, 0.1),
        "filter ties": Filter(np.full((b,) * ndim, 0.1)),
        "filter soft": Filter(weights, -0.2, sharp=False),
    }


# Lattices of different sides, so that a transposed axis is noticed
SHAPES = {(1, 2): (12,), (1, 3): (12,), (2, 2): (6, 4), (2, 3): (6, 9), (3, 2): (4, 2, 6), (3, 3): (6, 3, 9)}


@pytest.mark.parametrize("name", list(layers_of(2, 1)))
@pytest.mark.parametrize(("ndim", "b"), list(SHAPES))
def test_modules_equal_layers_on_ten_thousand_inputs(name, ndim, b):
    """Bit for bit on 10⁴ random configurations; random layers with the coins of the same generator."""
    layer = layers_of(b, ndim)[name]
    x = spins((N, *SHAPES[ndim, b]), seed=ndim + b)
    module = to_torch(layer, ndim)
    expected = layer(x, rng=11, ndim=ndim)
    found = module(torch.from_numpy(x), rng=11)
    assert found.dtype == torch.float64
    np.testing.assert_array_equal(found.numpy(), expected)
    assert not list(module.parameters())


@pytest.mark.parametrize("name", list(layers_of(2, 1)))
def test_components_floats_and_networks(name):
    """With an axis of components, as float32 and float64, and in a Network, on one stream of coins."""
    layer = layers_of(2, 2)[name]
    x = spins((500, 3, 8, 4))
    expected = layer(x, rng=5, ndim=2)
    for dtype in (torch.float64, torch.int64):
        found = to_torch(layer)(torch.from_numpy(x).to(dtype), rng=5)
        np.testing.assert_array_equal(found.numpy(), expected)
    found = to_torch(layer)(torch.from_numpy(x).float(), rng=5)
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), expected.astype(np.float32))
    network = rg.Network([rg.Majority(2), layer])
    np.testing.assert_array_equal(
        to_torch(network)(torch.from_numpy(x), rng=6).numpy(), network(x, rng=6, ndim=2).astype(float)
    )


@pytest.mark.parametrize("sharp", [True, False])
def test_filters_with_components(sharp):
    rng = np.random.default_rng(0)
    x = spins((1000, 4, 4))
    first = Filter(rng.normal(size=(3, 1, 2, 2)), [0.1, 0.0, -0.1], sharp)
    last = Filter(rng.normal(size=(1, 3, 2, 2)), sharp=sharp)
    network = rg.Network([first, last])
    levels = network.levels(x, ndim=2)
    coins = np.random.default_rng(3)
    y = first(x, rng=3, ndim=2)
    np.testing.assert_array_equal(to_torch(first)(torch.from_numpy(x), rng=3).numpy(), y)
    np.testing.assert_array_equal(to_torch(first)(torch.from_numpy(x[:, None]), rng=3).numpy(), y)
    module = to_torch(network)
    expected = last(first(x, coins, ndim=2), coins, ndim=2)
    found = module(torch.from_numpy(x), rng=3)
    assert found.shape == (1000, 1, 1, 1)  # the last filter was given an axis of components
    np.testing.assert_array_equal(found.numpy()[:, 0], expected)
    assert levels[-1].shape == (1000, 1, 1)


@pytest.mark.parametrize("name", ["kadanoff", "kadanoff inf", "majority", "filter soft", "filter ties"])
@pytest.mark.parametrize("source", ["generator", "global"])
def test_coins_of_torch_have_the_right_distribution(name, source):
    """Every output of a 4×2 lattice, χ² against exp(log_prob); and probabilities() is p(y = +1|x)."""
    layer, n = layers_of(2, 2)[name], 20_000
    x = np.array([[1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.int8)
    module = to_torch(layer)
    many = torch.from_numpy(np.broadcast_to(x, (n, 4, 2)).copy())
    rng = torch.Generator().manual_seed(1) if source == "generator" else None
    with fork_seed(4):
        y = module(many, rng).numpy().reshape(n, 2)
    every = np.array(list(itertools.product([-1, 1], repeat=2)))
    p = np.exp(layer.log_prob(every.reshape(4, 2, 1), x, ndim=2))
    counts = np.bincount(((y + 1) // 2 @ [2, 1]).astype(int), minlength=4)
    assert np.all(counts[p == 0] == 0)
    chi2 = (((counts - n * p) ** 2)[p > 0] / (n * p[p > 0])).sum()
    assert chi2 < 35.0  # 3 degrees of freedom, quantile 1e-7
    up = module.probabilities(many[:1]).numpy().ravel()
    np.testing.assert_allclose(up, [p[2] + p[3], p[1] + p[3]], atol=1e-12)


def test_probabilities_at_ties_by_the_first_site():
    module = to_torch(rg.Majority(2, "first"), 1)
    np.testing.assert_array_equal(module.probabilities(torch.tensor([[1, -1, -1, 1, 1, 1]])), [[1, 0, 1]])


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_gradients_of_linear_layers_are_exact(ndim):
    shape = {1: (6,), 2: (4, 6), 3: (2, 4, 2)}[ndim]
    for layer, gradient in ((rg.BlockAverage(2, rescale=3.0), 3.0 / 2**ndim), (rg.Decimation(2), None)):
        x = torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
        assert torch.autograd.gradcheck(to_torch(layer, ndim), (x,))
        to_torch(layer, ndim)(x).sum().backward()
        if gradient is not None:
            np.testing.assert_allclose(x.grad, gradient, rtol=1e-14)
        else:
            expected = np.zeros(x.shape)
            expected[(slice(None), *(slice(None, None, 2),) * ndim)] = 1.0
            np.testing.assert_array_equal(x.grad, expected)


def test_straight_through_gradients_are_those_of_the_stand_in():
    x0 = torch.from_numpy(spins((50, 4, 4))).double()
    weights = np.random.default_rng(1).normal(size=(2, 2))
    average = to_torch(rg.BlockAverage(2))
    soft = Filter(weights, 0.3, sharp=False)
    kernel = torch.from_numpy(weights)[None, None]

    def mean_of_soft(x):
        return torch.tanh(nn.functional.conv2d(x[:, None], kernel, stride=2)[:, 0] + 0.3)

    def scaled(x):
        return nn.functional.conv2d(x[:, None], kernel, stride=2)[:, 0] / np.abs(weights).sum()

    def mean_of_kadanoff(x):
        return torch.tanh(0.7 * 4 * average(x))

    cases = [
        (rg.Majority(2), average), (rg.Majority(2, "first"), average), (rg.Kadanoff(2, math.inf), average),
        (rg.Kadanoff(2, 0.7), mean_of_kadanoff), (soft, mean_of_soft), (Filter(weights), scaled),
    ]  # fmt: skip
    for layer, stand_in in cases:
        gradients = []
        module = to_torch(layer, gradient="straight-through")
        for function, coins in ((module, (2,)), (stand_in, ())):
            x = x0.clone().requires_grad_()
            y = function(x, *coins)
            (y * torch.arange(y.numel()).reshape(y.shape)).sum().backward()
            gradients.append(x.grad)
        np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-12)
        value = to_torch(layer, gradient="straight-through")(x0, rng=2)
        np.testing.assert_array_equal(value, to_torch(layer)(x0, rng=2))
        assert not to_torch(layer)(x0.clone().requires_grad_(), rng=2).requires_grad
    x = x0.clone().requires_grad_()
    assert torch.autograd.gradcheck(to_torch(soft).probabilities, (x[:2].detach().requires_grad_(),))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.sampled_from([2, 3]), st.booleans())
def test_any_lattice_any_filter(seed, ndim, b, sharp):
    rng = np.random.default_rng(seed)
    shape = tuple(b * int(k) for k in rng.integers(1, 4, size=ndim))
    layer = Filter(rng.choice([-0.3, 0.1, 0.2, 1.7], size=(b,) * ndim), float(rng.choice([0.0, 0.1])), sharp)
    x = rng.choice([-1, 1], size=(20, *shape))
    y = to_torch(layer)(torch.from_numpy(x), rng=1)
    np.testing.assert_array_equal(y.numpy(), layer(x, rng=1, ndim=ndim))


def test_a_block_module_without_a_rule_is_none():
    class NoRule(BlockModule):
        pass

    for kind in (BlockModule, NoRule):
        with pytest.raises(TypeError, match=r"abstract"):
            kind(rg.Majority(2), 2, np.ones((1, 1, 2, 2)), "none")
