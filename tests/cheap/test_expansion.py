"""Where activations are expanded: zeros of the next coefficient, and what is refused."""

import mpmath
import numpy as np
import pytest

from rgnet.cheap import activations, precision
from rgnet.cheap.errors import CheapError
from rgnet.cheap.expansion import expand, expansion_point


@pytest.mark.parametrize(
    ("name", "order", "expected"),
    [
        # s(1 − s) has no second derivative at s = (3 − √3)/6
        ("softplus", 2, mpmath.log((3 - mpmath.sqrt(3)) / (3 + mpmath.sqrt(3)))),
        ("tanh", 2, mpmath.log((3 - mpmath.sqrt(6)) / 3) / 2 - mpmath.log((3 + mpmath.sqrt(6)) / 3) / 2),
        ("softplus", 1, 0),  # softplus(z) − softplus(−z) = z
        ("tanh", 1, 0),  # σ_0 = 0: rounding is relative
        ("exp", 2, 0),  # σ_k/σ_2 is the same everywhere
        ("x**2*exp(-x)", 2, 0),
    ],
)
def test_the_best_point(name, order, expected):
    found = expansion_point(name, order=order)
    if name == "tanh" and order == 2:
        values = activations.get(name).taylor(4, found, 40)
        assert abs(values[4]) < 1e-15
        assert found < 0
    else:
        assert abs(found - expected) < 1e-15


def test_every_order_has_a_point_and_a_vanishing_next_coefficient():
    sigma = activations.get("logistic")
    for order in (3, 4, 5):
        values = sigma.taylor(order + 2, expansion_point("logistic", order=order), 40)
        assert abs(values[order + 2]) < 1e-14
        assert abs(values[order]) > 1e-5


def test_the_point_is_exact_in_its_arithmetic():
    found = float(expansion_point("softplus", dtype="float32"))
    assert float(np.float32(found)) == found
    many = expansion_point("softplus", dtype="mp", digits=50)
    with mpmath.workdps(60):
        assert abs(activations.get("softplus").taylor(4, many, 60)[4]) < mpmath.mpf(10) ** -48


def test_a_polynomial_activation_has_no_high_order():
    with pytest.raises(CheapError, match="σ_3 vanishes at every point tried"):
        expansion_point("x**2", order=3)
    with pytest.raises(CheapError, match=r"σ_2 of 'tanh' vanishes there.*leave out `at`"):
        expand("tanh", precision.arithmetic(), order=2, at=0)


@pytest.mark.parametrize("order", [0, -1, 1.5, True])
def test_bad_orders(order):
    with pytest.raises(CheapError, match="number of factors"):
        expansion_point("softplus", order=order)


@pytest.mark.parametrize("at", ["a", float("inf"), 1j, [1]])
def test_bad_points(at):
    with pytest.raises(CheapError, match="one finite real number"):
        expand("softplus", precision.arithmetic(), at=at)


def test_factorials_are_no_zeros():
    """σ_16 of exp is 1/16!, which a threshold on plain coefficients takes for nothing."""
    assert float(expansion_point("exp", order=16)) == pytest.approx(float(expansion_point("exp", order=4)), abs=4.0)
