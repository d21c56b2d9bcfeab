"""Shallow networks fitted to a target."""

import math

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from rgnet.cheap import activations
from rgnet.cheap.network import NeuralNetwork, layer
from rgnet.learn import _flatten_fit as fitting
from rgnet.learn.flattening import _search, flatten, shallow, synapses_of, usual_widths


def product(x):
    return np.prod(x, axis=1)


def best_single_sine():
    """Least error of c + w cos(a (x − y)) as xy, of unit variance, by quadrature: what one neuron can do."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x, y = np.meshgrid(nodes, nodes)
    p = np.outer(weights, weights) / 4

    def left(a):
        wave = np.cos(a * (x - y))
        wave -= (p * wave).sum()
        return np.sqrt(1 - (p * wave * 3 * x * y).sum() ** 2 / (p * wave**2).sum())

    return minimize_scalar(left, bounds=(0.1, 5), method="bounded").fun


@pytest.fixture(scope="module")
def two():
    return flatten(product, 2, widths=(1, 2, 4), restarts=4, groups=2, seed=1, steps=120)


def test_two_sines_multiply_two_numbers(two):
    """xy = [cos(x − y) − cos(x + y)]/2 to second order: two neurons suffice, one does not."""
    assert two["smallest"].values.tolist() == [[2.0, 2.0]]
    assert float(two["smallest_mean"][0]) == float(two["neurons_mean"][0]) == 2.0
    assert float(two["smallest_stderr"][0]) == 0.0
    assert int(two["censored"][0]) == 0
    assert float(two["success"].sel(width=1)[0]) == 0.0
    assert 0.3 < float(two["success"].sel(width=2)[0]) <= 1.0
    assert two["error"].sel(width=1).values.min() == pytest.approx(best_single_sine(), abs=0.005)
    assert (two["max_error"] >= two["error"]).where(two["error"].notnull(), True).all()
    assert two["synapses"].values.tolist() == [[3, 6, 12]]
    assert two["grown"].values.tolist() == [0, 1, 1, 1]


def test_same_seed_same_numbers(two):
    again = flatten(product, 2, widths=(1, 2, 4), restarts=4, groups=2, seed=1, steps=120)
    assert again.identical(two)


def test_relative_to_a_deep_network_and_censored():
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    hidden = layer(0.01 * signs, [0.0] * 4, activations.get("softplus"))
    gate = NeuralNetwork((hidden, layer(signs.prod(axis=1)[None] / 1e-4, [0.0])), ("x", "y"), ("xy",))
    found = flatten(gate, hidden_layers=(2, 1), widths=(1, 2), restarts=2, groups=2, steps=100, seed=2)
    reached = found["censored"].values == 0
    assert reached.any()
    np.testing.assert_allclose(found["C_n"].values[reached], found["neurons_mean"].values[reached] / 4)
    for depth, size in zip(found["hidden_layers"].values[reached], found["C_s"].values[reached], strict=True):
        assert size == pytest.approx(synapses_of(2, 2, int(depth)) / 12)
    none = flatten(gate, widths=(1,), restarts=1, grown=1, groups=2, steps=30)
    assert int(none["censored"][0]) == 1
    assert int(none["largest_tried"][0]) == 1
    assert np.isnan(none["smallest"]).all()
    assert np.isnan(none["C_n"]).all()


def test_the_best_network_as_data():
    """On a box of another size, and with a mean: the affine maps at both ends are folded into the weights."""
    net = shallow(
        lambda x: 3.0 + 10.0 * x[:, 0] * x[:, 1], 2, width=4, box=((0.0, 2.0), (-3.0, 1.0)), restarts=4, steps=120,
        tolerance=0.02,
    )  # fmt: skip
    assert (net.depth, net.widths, net.inputs) == (1, (4,), ("x1", "x2"))
    x = np.random.default_rng(0).uniform((0.0, -3.0), (2.0, 1.0), (4000, 2))
    wanted = 3.0 + 10.0 * x.prod(axis=1)
    assert np.sqrt(np.mean((net(x)[:, 0] - wanted) ** 2)) < 0.025 * wanted.std()


@settings(max_examples=8, deadline=None)
@given(st.sampled_from([*activations.NAMES, "x/sqrt(x**2 + 2)"]), st.integers(1, 3), st.integers(0, 100))
def test_jacobian_by_differences(name, depth, seed):
    rng = np.random.default_rng(seed)
    sigma = fitting.functions(activations.get(name))
    weights = [
        (w.double(), b.double()) for w, b in fitting.draw((2, *(3,) * depth, 1), 2, rng)
    ]  # fmt: skip
    weights = [(0.4 * w, b) for w, b in weights]
    x = torch.tensor(rng.uniform(-1, 1, (5, 2)))
    y, slopes = fitting.jacobian(weights, x, sigma)
    parameters = sum(w[0].numel() + b.shape[1] for w, b in weights)
    assert slopes.shape == (2, 5, parameters)
    step = torch.tensor(rng.normal(size=(2, parameters))) * 1e-5
    ahead, behind = (fitting.forward(fitting.moved(weights, s * step), x, sigma)[0] for s in (1, -1))
    expected = (slopes * step[:, None, :]).sum(2)
    np.testing.assert_allclose((ahead - behind) / 2, expected, rtol=2e-4, atol=2e-9)
    np.testing.assert_array_equal(y, fitting.forward(weights, x, sigma)[0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 128), min_size=3, max_size=3), st.sets(st.integers(1, 128), min_size=1, max_size=20))
def test_search_finds_each_smallest(least, grid):
    widths = sorted(grid)
    tried = set()

    def train(k):
        assert k not in tried
        tried.add(k)
        return [widths[k] >= group for group in least]

    _search(widths, train)
    for group in least:
        enough = [k for k in range(len(widths)) if widths[k] >= group]
        if enough:
            assert enough[0] in tried
            assert enough[0] == 0 or enough[0] - 1 in tried or all(w < group for w in widths[: enough[0]])
        else:
            assert len(widths) - 1 in tried


def test_counts():
    assert synapses_of(3, 5, 1) == 20
    assert synapses_of(3, 5, 3) == 70
    assert max(usual_widths(6, 1, 300)) == 40
    assert usual_widths(50, 1, 3) == (1,)


def test_bad_input():
    good = {"widths": (2,), "restarts": 1, "grown": 0, "steps": 10}
    for changed, words in (
        ({"hidden_layers": 0}, "hidden_layers=0.*at least 1"),
        ({"hidden_layers": (1, 1)}, "each depth once"),
        ({"widths": (4, 2)}, "rising order"),
        ({"widths": 8}, "widths=8: give a sequence"),
        ({"widths": (2000,)}, "6000 synapses.*smaller widths"),
        ({"grown": 2}, "grown=2 of restarts=1"),
        ({"groups": 1}, "groups=1.*at least 2"),
        ({"tolerance": 1.5}, "below 1, where a constant"),
        ({"activation": "relu"}, "not smooth"),
        ({"box": (1, 0)}, "low < high"),
        ({"seed": -1}, "seed=-1"),
    ):
        with pytest.raises(ValueError, match=words):
            flatten(product, 2, **(good | changed))
    for target, n, words in (
        (product, None, "say how many inputs"),
        (3, 2, "a function of points"),
        (lambda x: x, 2, r"shape \(16384, 2\)"),
        (lambda x: np.ones(len(x)), 2, "finite and not zero"),
        (lambda x: np.where(x[:, 0] > 0, math.inf, 0.0), 2, "target is inf at 8192 of 16384 points"),
    ):
        with pytest.raises(ValueError, match=words):
            flatten(target, n, **good)
    both = NeuralNetwork((layer(np.eye(2)),), ("x", "y"), ("u", "v"))
    with pytest.raises(ValueError, match="2 outputs"):
        flatten(both, **good)
