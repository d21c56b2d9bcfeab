"""Any torch module as a Network of layers."""

import numpy as np
import pytest
import xarray as xr

pytest.importorskip("torch")

import rgnet as rg
from rgnet.layers import Filter
from rgnet.layers.layer import Layer
from rgnet.learn._torch import fork_seed, torch
from rgnet.learn.adapters import TorchLayer, from_torch, to_torch

nn = torch.nn


def spins(shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), size=shape)


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
    for name, layer in {"majority": rg.Majority(2), "average": rg.BlockAverage(2), "soft": rg.Kadanoff(2, 0.5)}.items():
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
