"""What an Estimate says of itself."""

import math

import pytest

from rgnet import Estimate
from rgnet.estimate import parenthesis


@pytest.mark.parametrize(
    ("value", "stderr", "text"),
    [
        (0.9683, 0.0021, "0.968(2)"),
        (0.9683, 0.0124, "0.968(12)"),
        (1.8812, 0.00009, "1.88120(9)"),
        (1.5, 0.0096, "1.500(10)"),
        (1.5, 0.096, "1.50(10)"),
        (-1.4239384, 0.0003, "-1.4239(3)"),
        (12.345, 1.4, "12.3(1.4)"),
        (12345.0, 210.0, "12300(200)"),
        (12345.0, 96.0, "12340(100)"),
        (0.5, 0.0, "0.5"),
        (0.25, math.nan, "0.25(?)"),
        (math.nan, 0.1, "nan"),
        (3.0, 2.04, "3(2)"),
    ],
)
def test_parenthesis(value, stderr, text):
    assert parenthesis(value, stderr) == text


def test_interval_and_z():
    estimate = Estimate(1.0, 0.5, n=10)
    assert estimate.interval == pytest.approx((0.02, 1.98), abs=1e-3)
    assert estimate.z(0.0) == 2.0
    assert Estimate(1.0, 0.0, kind="exact").z(1.0) == 0.0
    assert Estimate(1.0, 0.0, kind="exact").z(2.0) == -math.inf
    assert Estimate(**estimate.to_dict()) == estimate


def test_kind_is_shown():
    assert str(Estimate(0.5, 0.02, kind="lower", unit="nats")) == "≥ 0.50(2) nats"
    with pytest.raises(ValueError, match="kind='guess': an Estimate is one of exact, estimate, lower, upper"):
        Estimate(0.5, 0.1, kind="guess")
