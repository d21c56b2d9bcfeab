"""The formulae for truncation, rounding, best scale and floor."""

import math

import numpy as np
import pytest

from rgnet.cheap import activations, precision
from rgnet.cheap.errors import CheapError
from rgnet.cheap.expansion import expand
from rgnet.cheap.precision import arithmetic, combination, fold, predict, product, series


def softplus(at=0):
    return series(activations.get("softplus"), at, 2)


@pytest.mark.parametrize(("dtype", "floor", "scale"), [("float64", 1.6e-8, 2e-4), ("float32", 4e-4, 0.03)])
def test_the_known_floors_by_prediction(dtype, floor, scale):
    """Four softplus neurons at b = 0 on the unit box: best errors and scales found by search elsewhere."""
    found = predict(softplus(), product(1.0, 1.0), arithmetic(dtype))
    assert 1 < found.error / floor < 2
    assert 0.5 < found.scale / scale < 2
    assert found.power == 2
    assert found.coefficient == pytest.approx(1 / 6, rel=1e-12)


def test_the_closed_form_of_the_best_scale():
    how, shape = arithmetic(), product(1.0, 1.0)
    found = predict(softplus(), shape, how)
    eps = 2 * how.unit
    expected = (found.noise * eps / found.coefficient) ** 0.25
    assert found.scale == pytest.approx(expected, rel=0.1)
    assert found.error == pytest.approx(2 * found.coefficient * expected**2, rel=0.02)
    # Nothing else is better
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert predict(softplus(), shape, how, factor * found.scale).error >= 0.989 * found.error


def test_spread_of_a_fold_is_that_of_a_product():
    for k in (4, 6, 8):
        assert fold(2).spread[k] == pytest.approx(product(1.0, 1.0).spread[k])
    assert fold(3).spread[5] == pytest.approx(10)  # k! [t^5] sinh³(t)/3! = 120/2/6


def test_combinations_leave_out_powers():
    sigma = softplus()
    ratios, factors = combination(sigma, 2, 3, 2.0**-53)
    assert float(sum(factors)) == pytest.approx(1)
    for power in (2, 4):
        assert abs(float(sum(c * r**power for r, c in zip(ratios, factors, strict=True)))) < 1e-15


def test_bits_grow_with_the_digits_wanted():
    shape = product(1.0, 1.0)
    bits = [precision.bits_for(softplus(), shape, 10.0**-n) for n in (3, 6, 9)]
    # error ∝ eps^{1/2}: two bits for every bit of the result
    assert bits[1] - bits[0] == pytest.approx(2 * 3 * math.log2(10), abs=2)
    assert bits[2] - bits[1] == pytest.approx(2 * 3 * math.log2(10), abs=2)
    best = [precision.bits_for(expand("softplus", arithmetic()), shape, 10.0**-n) for n in (3, 6)]
    assert best[1] - best[0] == pytest.approx(1.5 * 3 * math.log2(10), abs=2)


def test_values_of_a_function_have_errors_of_a_few_units():
    for name in activations.NAMES:
        for dtype in ("float32", "float64"):
            assert 2 <= precision.function_error(activations.get(name), 0.5, dtype) < 20
    # As it is written this loses digits near 0, and not elsewhere
    lossy = activations.get("log(cosh(x))")
    assert precision.function_error(lossy, 0.0, "float64") > 1e6
    assert precision.function_error(lossy, 1.0, "float64") < 20
    assert precision.function_error(lossy, 1.0, "mp", 40) < 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "half"}, 'give "float32", "float64"'),
        ({"dtype": "mp", "digits": 100}, "10 to 60"),
        ({"digits": 30}, 'belong to dtype="mp"'),
    ],
)
def test_bad_arithmetic(options, message):
    with pytest.raises(CheapError, match=message):
        arithmetic(**options)


def test_bad_powers_and_tolerances():
    with pytest.raises(CheapError, match="one of 2, 4, 6"):
        precision.scales_for(softplus(), 2, 1e-16, 3)
    assert np.isfinite(precision.largest_scale(softplus(), product(1.0, 1.0)))
