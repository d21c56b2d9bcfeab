"""Layers as torch modules and torch modules as layers: the same numbers both ways."""

import itertools
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import rgnet as rg
from rgnet.layers import Filter
from rgnet.layers.layer import Layer
from rgnet.learn._torch import fork_seed, torch
from rgnet.learn.adapters import TorchLayer, from_torch, to_torch

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


def convolutional():
    with fork_seed(1):
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular"),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Sequential(nn.Conv2d(4, 8, 2, stride=2), nn.BatchNorm2d(8), nn.Tanh()),
            nn.Flatten(),
            nn.Linear(32, 5),
        )


class Residual(nn.Module):
    """c(b(a) + a): a connection around b, none around a."""

    def __init__(self):
        super().__init__()
        with fork_seed(2):
            self.a, self.b = nn.Conv2d(1, 4, 2, stride=2), nn.Conv2d(4, 4, 1)
            self.c, self.unused = nn.Conv2d(4, 2, 2, stride=2), nn.Linear(3, 3)
            self.gain = nn.Parameter(torch.full((), 1.5))

    def forward(self, x):
        a = torch.relu(self.a(x))
        return self.c(self.gain * (self.b(a) + a))


def reference(module, name, x):
    """The activation by a hook of torch, on the whole batch at once."""
    found = []
    handle = module.get_submodule(name).register_forward_hook(lambda m, i, out: found.append(out.clone()))
    with torch.no_grad():
        module.eval()(x)
    handle.remove()
    return found[0].numpy()


def test_a_sequential_module_is_a_network():
    module, names = convolutional(), ["2", "3.2", "5"]
    network = from_torch(module, names, shape=(8, 8))
    assert isinstance(network, rg.Network)
    assert all(isinstance(layer, Layer) for layer in network.layers)
    assert [layer.scale for layer in network.layers] == [2, 2, 2]
    assert [layer.components for layer in network.layers] == [(1, 4), (4, 8), (8, 5)]
    assert [layer.kernel for layer in network.layers] == [4, 2, 2]  # 3×3, then a pool of 2×2
    assert [layer.n_parameters for layer in network.layers] == [40, 136 + 16, 165]
    assert not network.is_random
    x = spins((300, 8, 8))
    levels = network.levels(x, ndim=2)
    given = torch.from_numpy(x[:, None]).float()
    for level, name in zip(levels[1:], names, strict=True):
        assert level.dtype == np.float32
        expected = reference(module, name, given)
        np.testing.assert_allclose(level.reshape(expected.shape), expected, atol=1e-5)
    assert levels[3].shape == (300, 5, 1, 1)
    data = xr.Dataset({"spin": (("chain", "draw", "x", "y"), spins((2, 5, 8, 8)))})
    found = network.levels(data)
    assert found[1]["spin"].dims == ("chain", "draw", "component", "x", "y")
    assert dict(found[3]["spin"].sizes) == {"chain": 2, "draw": 5, "component": 5, "x": 1, "y": 1}
    assert (found[3].attrs["level"], found[3].attrs["scale"]) == (3, 8)
    assert repr(network.layers[1]) == "TorchLayer(3.2: 4 components of 4×4 -> 8 components of 2×2)"
    whole = from_torch(module, [""], shape=(8, 8))
    np.testing.assert_allclose(whole(x, ndim=2), levels[3], atol=1e-5)
    assert whole.layers[0].kernel == 8


def test_any_other_module_is_run_with_hooks():
    module = Residual()
    network = from_torch(module, ["a", "c"], shape=(8, 4))
    x = spins((50, 8, 4))
    levels = network.levels(x, ndim=2)
    given = torch.from_numpy(x[:, None]).float()
    for level, name in zip(levels[1:], ["a", "c"], strict=True):
        np.testing.assert_allclose(level, reference(module, name, given), atol=1e-5)
    assert [layer.n_parameters for layer in network.layers] == [20, 20 + 34 + 1]
    assert [layer.kernel for layer in network.layers] == [2, 2]
    assert set(network.layers[1].state()) == {"b.weight", "b.bias", "c.weight", "c.bias", "gain"}
    assert not any(module._forward_hooks for module in module.modules())


def test_a_connection_around_a_level_is_refused():
    message = r"'c' does not follow from 'b' alone.*name levels each computed from the one before alone"
    with pytest.raises(ValueError, match=message):
        from_torch(Residual(), ["a", "b", "c"], shape=(8, 8))


@pytest.mark.parametrize("layer", [rg.Majority(2, "first"), rg.Decimation(2), rg.BlockAverage(2), rg.Majority(3)])
def test_there_and_back_again(layer):
    network = rg.Network([layer, rg.Decimation(2)])
    again = from_torch(to_torch(network), ["0", "1"], shape=(12, 12))
    x = spins((40, 12, 12))
    for a, b in zip(again.levels(x, ndim=2)[1:], network.levels(x, ndim=2)[1:], strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.layers[0].kernel <= layer.b
    assert again.scale == network.scale


def test_modules_that_draw_random_numbers_are_seeded_by_rng():
    network = from_torch(to_torch(rg.Network([rg.Kadanoff(2, 0.3), rg.Decimation(2)])), ["0", "1"], shape=(8, 8))
    assert [layer.is_random for layer in network.layers] == [True, False]
    x = spins((50, 8, 8))
    state = torch.get_rng_state()
    first = network(x, rng=1, ndim=2)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(first, network(x, rng=1, ndim=2))
    assert np.any(first != network(x, rng=2, ndim=2))


def test_other_inputs_and_dimensions():
    """Without an axis of channels, with components, in one and three dimensions, whole numbers, double precision."""

    class NoChannels(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(8, 4)

        def forward(self, x):
            assert x.ndim == 2
            return self.inner(x)

    network = from_torch(NoChannels(), ["inner"], shape=(8,))
    assert network(spins((3, 8)), ndim=1).shape == (3, 4)
    network = from_torch(nn.Sequential(nn.Conv3d(2, 1, 2, stride=2)), ["0"], shape=(4, 4, 4), components=2)
    assert network(spins((5, 2, 4, 4, 4)), ndim=3).shape == (5, 2, 2, 2)
    assert network(spins((2, 4, 4, 4))).shape == (2, 2, 2)

    class Sign(nn.Module):
        def forward(self, x):
            return torch.sign(x).to(torch.int8)

    network = from_torch(nn.Sequential(Sign()), ["0"], shape=(4, 4))
    assert network(spins((3, 4, 4)), ndim=2).dtype == np.int8
    network = from_torch(nn.Sequential(nn.Conv1d(1, 2, 2).double()), ["0"], shape=(6,))
    level = network(spins((3, 6)), ndim=1)
    assert (level.dtype, level.shape) == (np.float64, (3, 2, 5))  # sides that do not divide: scale 1, shape its own
    assert network.scale == 1
    with pytest.raises(ValueError, match=r"cannot take shape \(8,\): it was made for \(6,\)"):
        network(spins((3, 8)), ndim=1)


def test_another_default_dtype_and_no_change_to_the_module():
    module = convolutional().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    x = spins((20, 8, 8))
    expected = from_torch(module, ["2"], shape=(8, 8))(x, ndim=2)
    majority = rg.Majority(2)(x, rng=1, ndim=2)
    torch.set_default_dtype(torch.float64)
    try:
        np.testing.assert_array_equal(from_torch(module, ["2"], shape=(8, 8))(x, ndim=2), expected)
        np.testing.assert_array_equal(to_torch(rg.Majority(2))(torch.from_numpy(x), rng=1), majority)
    finally:
        torch.set_default_dtype(torch.float32)
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(parameter.requires_grad for parameter in module.parameters())


class Signs(nn.Module):
    def forward(self, x):
        return torch.sign(x).to(torch.int8)


class Double(nn.Module):
    """Whole numbers between two steps in double precision, in no Sequential."""

    def __init__(self):
        super().__init__()
        with fork_seed(3):
            self.a, self.sign, self.b = nn.Conv2d(1, 2, 2, stride=2), Signs(), nn.Conv2d(2, 1, 2, stride=2)
        self.double()

    def forward(self, x):
        return self.b(self.sign(self.a(x)).double())


def test_whole_numbers_between_steps_in_double_precision():
    module, x = Double(), spins((20, 8, 4))
    levels = from_torch(module, ["sign", "b"], shape=(8, 4)).levels(x, ndim=2)
    assert [level.dtype for level in levels] == [np.int8, np.int8, np.float64]
    given = torch.from_numpy(x[:, None]).double()
    np.testing.assert_allclose(levels[2], reference(module, "b", given)[:, 0], atol=1e-12)


def test_weights_used_in_two_layers_count_in_each():
    shared = nn.Conv2d(2, 2, 1)
    module = nn.Sequential(nn.Conv2d(1, 2, 2, stride=2), shared, nn.Tanh(), shared, nn.ReLU())
    network = from_torch(module, ["0", "2", "4"], shape=(4, 4))
    assert [layer.n_parameters for layer in network.layers] == [10, 6, 6]


def test_batches_bound_the_memory(monkeypatch):
    """No more than the rows of a batch are in the module at once, and the result does not depend on them."""
    sizes = []

    class Spy(nn.Module):
        def forward(self, x):
            sizes.append(len(x))
            return x[:, :, ::2, ::2]

    network = from_torch(nn.Sequential(Spy()), ["0"], shape=(4, 4))
    layer = network.layers[0]
    small = TorchLayer(layer.module, layer.inner, layer.outer, layer.origin, layer.is_random, rows=7)
    sizes.clear()
    x = spins((30, 4, 4))
    np.testing.assert_array_equal(small(x, ndim=2), x[:, ::2, ::2])
    assert sizes == [7, 7, 7, 7, 2]
    wide = from_torch(nn.Sequential(nn.Conv2d(1, 64, 3, padding=1), Spy()), ["1"], shape=(64, 64))
    assert wide.layers[0].rows * 64 * 64 * 64 <= 1 << 24
    assert small(x[:0], ndim=2).shape == (0, 2, 2)


def test_the_control_has_the_same_shape_and_other_weights():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.full((40, 16), 3.0))

        def forward(self, x):
            return x.flatten(1) @ self.w.T

    for module, names, shape in (
        (convolutional(), ["2", "5"], (8, 8)),
        (Residual(), ["a", "c"], (8, 8)),
        (Own(), [""], (4, 4)),
    ):
        network = from_torch(module, names, shape=shape)
        before = network(spins((5, *shape)), ndim=2)
        control, again = network.randomized(7), network.randomized(7)
        x = spins((20, *shape))
        for a, b, c in zip(network.layers, control.layers, again.layers, strict=True):
            assert (a.components, a.scale, a.n_parameters) == (b.components, b.scale, b.n_parameters)
            states = a.state(), b.state(), c.state()
            assert all(np.array_equal(states[1][k], states[2][k]) for k in states[1])
            assert any(not np.array_equal(states[0][k], states[1][k]) for k in states[1])
        assert np.any(control(x, ndim=2) != network(x, ndim=2))
        np.testing.assert_array_equal(network(spins((5, *shape)), ndim=2), before)
    own = from_torch(Own(), [""], shape=(4, 4)).randomized(1).layers[0].state()["w"]
    assert own.std() == pytest.approx(3.0, rel=0.2)


def test_modules_on_a_gpu_are_copied():
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    module = convolutional()
    expected = from_torch(module, ["2", "5"], shape=(8, 8))
    found = from_torch(module.cuda(), ["2", "5"], shape=(8, 8))
    x = spins((20, 8, 8))
    np.testing.assert_array_equal(found(x, ndim=2), expected(x, ndim=2))
    assert next(module.parameters()).is_cuda
    for name, layer in layers_of(2, 2).items():
        y = to_torch(layer).cuda()(torch.from_numpy(x).cuda(), rng=1)
        np.testing.assert_array_equal(y.cpu().numpy(), layer(x, rng=1, ndim=2), err_msg=name)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.relu, self.idle = nn.Conv2d(1, 1, 1), nn.ReLU(), nn.ReLU()

    def forward(self, x):
        return self.relu(self.a(self.relu(x)))


class Tuple(nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: from_torch(convolutional(), ["conv9"], shape=(8, 8)), r"has no 'conv9'; it has 0, 1, 2, 3, 3\.0, "),
        (lambda: from_torch(convolutional(), [], shape=(8, 8)), "no names; name the activations"),
        (lambda: from_torch(convolutional(), ["2", "2"], shape=(8, 8)), "one of them twice"),
        (
            lambda: from_torch(convolutional(), ["2"], shape=(8, 8), components=3),
            r"does not take an input of shape \(4, 3, 8, 8\).*expected input\[4, 3, .* to have 1 channels.*give the",
        ),
        (lambda: from_torch(convolutional(), ["5"], shape=(8, 16)), r"input of shape \(4, 1, 8, 16\).*mat1 and mat2"),
        (lambda: from_torch(convolutional(), ["2"], shape=(8, 0)), "whole number of at least 1"),
        (lambda: from_torch(convolutional(), ["2"], shape=(8, 8), components=0), "components=0"),
        (lambda: from_torch(convolutional(), ["3.2", "2"], shape=(8, 8)), "not in the order of computation|given in"),
        (lambda: from_torch(Shared(), ["relu"], shape=(8, 8)), "'relu' is called more than once"),
        (lambda: from_torch(Shared(), ["idle"], shape=(8, 8)), "'idle' is not called"),
        (lambda: from_torch(nn.Sequential(Tuple()), ["0"], shape=(4, 4)), "is of type tuple; a level is"),
        (lambda: from_torch(nn.Sequential(nn.Flatten(2)), ["0"], shape=(4, 4)), r"is of shape \(4, 1, 16\)"),
        (lambda: from_torch(convolutional(), ["2"], shape=(8, 8))(spins((4, 4))), "it was made for"),
        (lambda: to_torch(rg.Majority(2), 4), "in 1, 2 and 3 dimensions"),
        (lambda: to_torch(rg.Majority(2), gradient="soft"), '"none" or "straight-through"'),
        (lambda: to_torch(Filter(np.ones((2, 2))), 3), "the filter is for 2 space axes"),
        (lambda: to_torch(rg.Majority(2))(torch.zeros(2, 5, 4)), "2 does not divide 5"),
        (lambda: to_torch(rg.Majority(2))(torch.zeros(4, 4)), r"takes \(n, \*space\) or \(n, C, \*space\)"),
        (lambda: to_torch(rg.Majority(2))(torch.ones(1, 4, 4, dtype=torch.bool)), "recode them as spins"),
        (lambda: to_torch(rg.Majority(2))(torch.arange(16).reshape(1, 4, 4) % 2), "recode them as 1 - 2"),
        (lambda: to_torch(Filter(np.ones((1, 2, 2, 2))))(torch.ones(1, 4, 4)), "of 1 components: .* takes 2"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_wrong_types():
    with pytest.raises(TypeError, match=r"give a torch.nn.Module"):
        from_torch(rg.Majority(2), ["0"], shape=(4, 4))
    with pytest.raises(TypeError, match=r"TorchScript shows no activations"):
        from_torch(torch.jit.ScriptModule(), ["0"], shape=(8, 8))
    with pytest.raises(TypeError, match=r"hand-made layers .* become modules"):
        to_torch(convolutional())
