"""Networks of rgnet.cheap as torch modules and back."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from rgnet.cheap import activations
from rgnet.cheap.network import NeuralNetwork, layer
from rgnet.learn import neural_network

NAMES = (*activations.NAMES, "x**2*exp(-x)", "x/sqrt(x**2 + 2)", "silu")


def network(activation="tanh", seed=0, sizes=(3, 5, 4, 2)):
    rng = np.random.default_rng(seed)
    layers = []
    for place, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        weights = np.where(rng.random((n_out, n_in)) < 0.6, rng.normal(size=(n_out, n_in)), 0.0)
        last = place == len(sizes) - 2
        layers.append(layer(weights, rng.normal(size=n_out), None if last else activations.get(activation)))
    return NeuralNetwork(tuple(layers), tuple("abcdefgh"[: sizes[0]]), tuple("uvwxyz"[: sizes[-1]]))


@pytest.mark.parametrize("name", NAMES)
def test_there_and_back(name):
    net = network(name)
    module = neural_network.to_torch(net)
    x = np.random.default_rng(1).normal(size=(50, 3)) * 2
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach(), net(x), rtol=1e-12, atol=1e-13)
    again = neural_network.from_torch(module, net.inputs, net.outputs)
    assert (again.inputs, again.outputs, again.synapses, again.widths) == (
        net.inputs,
        net.outputs,
        net.synapses,
        net.widths,
    )
    for one, other in zip(net.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)
        np.testing.assert_array_equal(one.columns, other.columns)
        np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(one.biases, other.biases)
        assert one.activation == other.activation
    np.testing.assert_array_equal(again(x), net(x))


def test_float32_and_gradients():
    net = network("softplus")
    module = neural_network.to_torch(net, "float32")
    x = np.random.default_rng(1).normal(size=(50, 3))
    found = module(torch.tensor(x, dtype=torch.float32))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.detach(), net(x), atol=3e-6)
    found.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_the_softplus_of_torch_is_exact_beyond_its_own_threshold():
    net = NeuralNetwork((layer([[1.0]], [0.0], activations.get("softplus")),), ("x",), ("y",))
    x = np.linspace(-40, 60, 41)[:, None]
    np.testing.assert_allclose(
        neural_network.to_torch(net)(torch.from_numpy(x)).detach(), net(x), rtol=1e-15, atol=1e-25
    )


def test_sparse_where_dense_would_be_absurd():
    n = 3000
    near = {(i, i): 1.0 + i for i in range(n)} | {(i, (i + 1) % n): -0.5 for i in range(n)}
    net = NeuralNetwork(
        (layer(near, np.ones(n), activations.get("sin"), n_inputs=n), layer({(0, 5): 2.0}, [0.0], None, n_inputs=n)),
        tuple(f"x{i}" for i in range(n)),
        ("y",),
    )
    module = neural_network.to_torch(net)
    assert isinstance(module[0], neural_network.SparseLinear)
    assert isinstance(module[2], torch.nn.Linear)
    assert sum(p.numel() for p in module[0].parameters()) == 3 * n
    x = np.random.default_rng(0).normal(size=(4, n))
    found = module(torch.from_numpy(x))
    np.testing.assert_allclose(found.detach(), net(x), rtol=1e-12)
    found.sum().backward()
    assert int((module[0].weight.grad != 0).sum()) == 2  # row 5 alone is heard
    again = neural_network.from_torch(module)
    assert again.synapses == net.synapses
    np.testing.assert_array_equal(again(x), net(x))


def test_users_modules():
    inner = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.SiLU())
    module = torch.nn.Sequential(inner, torch.nn.Identity(), torch.nn.Linear(3, 1, bias=False)).double()
    net = neural_network.from_torch(module)
    assert (net.inputs, net.outputs, net.depth, net.neurons) == (("x1", "x2"), ("y",), 1, 3)
    x = np.random.default_rng(0).normal(size=(9, 2))
    np.testing.assert_allclose(net(x), module(torch.from_numpy(x)).detach(), rtol=1e-13, atol=1e-14)
    bent = neural_network.from_torch(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), torch.nn.Tanh()))
    assert [item.activation is None for item in bent.layers] == [True, False]


def test_bad_input():
    linear = torch.nn.Linear(2, 2)
    for modules, words in (
        ([linear, torch.nn.ReLU()], "module 1 is ReLU, which is not smooth.*Softplus"),
        ([linear, torch.nn.BatchNorm1d(2)], "module 1 is BatchNorm1d.*leave BatchNorm1d out"),
        ([torch.nn.Tanh(), linear], "module 0 .Tanh. follows no Linear"),
        ([linear, torch.nn.Softplus(beta=2)], "beta=2.*put β into the weights"),
        ([linear, torch.nn.GELU("tanh")], "only GELU"),
        ([], "no Linear"),
    ):
        with pytest.raises(ValueError, match=words):
            neural_network.from_torch(torch.nn.Sequential(*modules))
    with pytest.raises(ValueError, match="2 names are needed"):
        neural_network.from_torch(linear, inputs="a")
    with pytest.raises(ValueError, match=r"float16.*float32"):
        neural_network.to_torch(network(), "float16")
    with pytest.raises(ValueError, match=r"compiled\.network"):
        neural_network.to_torch(linear)
    tiny = NeuralNetwork((layer([[1e-60]], [0.0]),), ("x",), ("y",))
    with pytest.raises(ValueError, match=r"1e-60.*float64"):
        neural_network.to_torch(tiny, "float32")
