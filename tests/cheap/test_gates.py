"""Gates: counts, errors against their bounds, the power of λ."""

import itertools

import mpmath
import numpy as np
import pytest

from rgnet.cheap.errors import CheapError
from rgnet.cheap.gates import copy_gate, product_gate, square_gate


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["softplus", "tanh"])
@pytest.mark.parametrize(("gate", "neurons"), [(product_gate, 4), (square_gate, 2), (copy_gate, 2)])
def test_errors_keep_their_promise_and_are_not_far_below(gate, neurons, activation, dtype):
    found = gate(activation, dtype=dtype).report
    assert found.achieved <= found.promised <= 10 * found.achieved
    assert found.neurons == (1 if (gate, activation) == (copy_gate, "tanh") else neurons)
    assert found.depth == 1


def test_the_paper_s_gate():
    gate = product_gate("softplus", at=0, scale=0.01)
    hidden, out = gate.network.layers
    assert hidden.matrix().toarray() == pytest.approx(0.01 * np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]), rel=1e-15)
    assert not hidden.biases.any()
    # 1/(8 λ² σ_2) with σ_2 = 1/8
    assert out.matrix().toarray() == pytest.approx(1e4 * np.array([[1, -1, 1, -1]]), rel=1e-12)


@pytest.mark.parametrize(("options", "power"), [({"at": 0}, 2), ({}, 4), ({"order": 6}, 6), ({"at": 0, "order": 6}, 6)])
def test_error_falls_as_a_power_of_the_scale_in_arbitrary_precision(options, power):
    scales = [1e-2, 1e-4, 1e-6] if power == 2 else [1e-2, 1e-4]
    errors = [product_gate("softplus", scale=s, dtype="mp", digits=60, **options).report.achieved for s in scales]
    for large, small in itertools.pairwise(errors):
        assert np.log10(large / small) == pytest.approx(2 * power, abs=0.01)
    if power == 2:
        assert errors[0] / errors[-1] > 0.99e8  # eight decades


def test_softplus_copies_exactly():
    found = copy_gate("softplus", box=3).report
    assert found.notes["error falls as"] == "exact but for rounding"
    assert found.achieved < 1e-14


def test_the_gate_of_an_even_function_has_half_the_neurons():
    found = product_gate("gaussian", at=0).report
    assert found.neurons == 2
    assert found.achieved <= found.promised < 1e-6


def test_higher_orders_are_more_exact_and_have_more_neurons():
    reports = [product_gate("softplus", at=0, order=order).report for order in (2, 4, 6)]
    assert [item.neurons for item in reports] == [4, 8, 12]
    assert reports[0].achieved > 100 * reports[1].achieved > 1000 * reports[2].achieved


def test_values():
    gate = product_gate()
    assert gate([0.5, -0.25])[0] == pytest.approx(-0.125, abs=1e-10)
    assert square_gate(box=(0, 2))([1.5])[0] == pytest.approx(2.25, abs=1e-9)
    assert (
        float(product_gate(dtype="mp", digits=60).network.mp([["1/3", "1/7"]], 60)[0][0] - mpmath.mpf(1) / 21) < 1e-15
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "relu"}, "not smooth"),
        ({"activation": "tanh", "at": 0}, "σ_2 of 'tanh' vanishes"),
        ({"scale": -1}, "positive number"),
        ({"scale": 5.0}, "cannot be predicted"),
        ({"order": 5}, "one of 2, 4, 6"),
        ({"box": float("nan")}, "all finite"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(CheapError, match=message):
        product_gate(**options)
