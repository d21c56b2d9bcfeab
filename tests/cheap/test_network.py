"""Networks as data: values in every precision, counts, bits, and what is refused."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.cheap import CheapError, NeuralNetwork, activations, network, reports

TANH = activations.get("tanh")


def two_layers(seed=0, widths=(3, 5, 2)):
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(widths[1], widths[0])) * (rng.random((widths[1], widths[0])) < 0.6)
    second = rng.normal(size=(widths[2], widths[1]))
    layers = (network.layer(first, rng.normal(size=widths[1]), TANH), network.layer(second))
    names = [tuple(f"{letter}{k}" for k in range(n)) for letter, n in (("x", widths[0]), ("y", widths[2]))]
    return NeuralNetwork(layers, *names), first, second


def test_values_are_those_of_dense_matrices():
    net, first, second = two_layers()
    x = np.random.default_rng(1).normal(size=(4, 7, 3))
    wanted = np.tanh(x @ first.T + net.layers[0].biases[0]) @ second.T
    np.testing.assert_allclose(net(x), wanted, rtol=1e-13, atol=1e-14)
    single = net(x, "float32")
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, wanted, rtol=1e-4, atol=1e-5)
    many = net.mp(x[0].tolist(), digits=30)
    np.testing.assert_allclose(np.array(many, dtype=float), wanted[0], rtol=1e-13, atol=1e-14)


def test_counts():
    net, first, second = two_layers()
    assert (net.neurons, net.widths, net.depth) == (5, (5,), 1)
    assert net.synapses == np.count_nonzero(first) + second.size
    sizes = np.abs(np.concatenate([first[first != 0], second.ravel()]))
    assert net.weight_range == (sizes.min(), sizes.max())
    # A network whose last layer is curved has its neurons hidden as well
    assert NeuralNetwork(net.layers[:1], net.inputs, tuple("abcde")).depth == 1


@given(st.fractions(max_denominator=10**9).filter(bool))
@settings(max_examples=30, deadline=None)
def test_weights_keep_sixty_digits(value):
    net = NeuralNetwork((network.layer([[value]]),), ("x",), ("y",))
    ((found,),) = net.mp([[1]], digits=80)
    with mpmath.workdps(80):
        exact = mpmath.mpf(value.numerator) / value.denominator
        assert abs(found - exact) <= abs(exact) * mpmath.mpf(10) ** -60
    assert net(np.ones(1))[0] == pytest.approx(float(value), rel=2e-16)


def test_a_dict_and_a_table_are_the_same_layer():
    dense = network.layer([[1, 0], [0, "1/3"]], [0, 1])
    sparse = network.layer({(1, 1): Fraction(1, 3), (0, 0): 1, (0, 1): 0}, [0, 1], n_inputs=2)
    for name in ("rows", "columns", "weights", "biases"):
        np.testing.assert_array_equal(getattr(dense, name), getattr(sparse, name))


def test_no_synapses_no_inputs():
    constant = NeuralNetwork((network.layer({}, [Fraction(1, 2)], n_inputs=0),), (), ("c",))
    assert constant(np.zeros((3, 0))).tolist() == [[0.5]] * 3
    assert constant.synapses == constant.neurons == 0
    assert np.isnan(constant.weight_range).all()


def test_bits_needed_are_enough_and_one_fewer_is_not():
    third = NeuralNetwork((network.layer([[Fraction(1, 3)]]),), ("x",), ("y",))
    # 1/3 rounded to b bits is off by 2^-(b+1)/3·(1 or 2); b = 20: 2^-22·(2/3)... in any case between these two
    bits = network.bits_needed(third, lambda point: point[0] / 3, 2.0**-21, [[1]])
    with mpmath.workprec(200):
        exact = mpmath.mpf(1) / 3
    errors = []
    for used in (bits, bits - 1):
        with mpmath.workprec(used):
            rounded = mpmath.mpf(1) / 3
        with mpmath.workprec(200):
            errors.append(abs(rounded - exact))
    assert errors[0] <= 2.0**-21 < errors[1]


def test_bits_do_not_help_a_network_that_is_wrong():
    net = NeuralNetwork((network.layer([[1]]),), ("x",), ("y",))
    with pytest.raises(CheapError, match="however many bits"):
        network.bits_needed(net, lambda point: 2 * point[0], 1e-3, [[1]])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: NeuralNetwork((), (), ()), "no layers"),
        (lambda: NeuralNetwork((network.layer([[1, 1]]),), ("x",), ("y",)), "takes 2 numbers and is given 1"),
        (lambda: NeuralNetwork((network.layer([[1]]),), ("x",), ("y", "z")), "2 names for 1 outputs"),
        (lambda: network.layer([1, 2]), "one row a neuron"),
        (lambda: network.layer([[1]], [0, 0]), "2 biases"),
        (lambda: network.layer({(0, 0): 1}), "give biases and n_inputs"),
        (lambda: network.layer({(0, 3): 1}, [0], n_inputs=2), "beyond 1 neurons of 2 inputs"),
        (lambda: network.layer([[np.inf]]), "not finite or beyond"),
        (lambda: network.layer([["1e400"]]), "not finite or beyond"),
        (lambda: network.layer([["1e-400"]]), "not finite or beyond"),
        (lambda: two_layers()[0](np.zeros(2)), "the last axis has the 3 inputs"),
        (lambda: two_layers()[0](np.zeros(3), "float16"), "float32"),
    ],
)
def test_what_is_no_network_is_refused(make, said):
    with pytest.raises(CheapError, match=said):
        make()


def test_reports_measure_at_corners_and_inside():
    net = NeuralNetwork((network.layer([[1, 1]]),), ("u", "v"), ("s",))
    # |u + v − uv − 1| = |1 − u||1 − v| is largest, 4, at one corner alone
    found = reports.measure(net, lambda x: x[:, 0] * x[:, 1] + 1, 1, promised=4.0, notes={"multiplications": 1})
    assert found.achieved == 4.0
    assert found.points == 4 + 4096
    assert "error promised   4" in str(found)
    assert "multiplications  1" in str(found)
    exact = reports.measure(net, lambda x: x[:, 0] + x[:, 1], ((0, 1), (2, 3)), promised=0.0, dtype="mp", digits=30)
    assert exact.achieved == 0.0
    assert exact.dtype == "30 digits"


@pytest.mark.parametrize("box", [0, (1, 1), ((0, 1),), (0, np.nan), "wide", ((0, 1), (1, 0))])
def test_boxes_are_checked(box):
    with pytest.raises(CheapError, match="give a > 0"):
        reports.check_box(box, 2)
