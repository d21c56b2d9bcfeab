"""Products of bits: the neuron, its error, and polynomials."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.cheap import bits
from rgnet.cheap.errors import CheapError

SLOPE = 1 / (2 * math.log(10))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_largest_error_is_met_exactly(size):
    x = bits.strings(size)[0]
    with mpmath.workdps(60):
        for beta in (4, 31, 120):
            found = bits.bit_product(size, beta=beta).network.mp(x.tolist(), 60)
            errors = [abs(row[0] - int(point.all())) for row, point in zip(found, x, strict=True)]
            wanted = mpmath.exp(-mpmath.mpf(beta) / 2) / (1 + mpmath.exp(-mpmath.mpf(beta) / 2))
            assert mpmath.almosteq(max(errors), wanted, 1e-50)
            assert bits.gate_error(beta) == pytest.approx(float(wanted), rel=1e-14)


def test_correct_decimals_are_linear_in_beta():
    with mpmath.workdps(80):
        decimals = [
            -mpmath.log10(bits.bit_product(3, beta=beta).network.mp([[1, 0, 1]], 80)[0][0]) for beta in (40, 90, 140)
        ]
    steps = [float(b - a) / 50 for a, b in itertools.pairwise(decimals)]
    assert steps == pytest.approx([SLOPE, SLOPE], rel=1e-9)


def test_float64_leaves_no_error_of_ones_for_steep_neurons():
    ones = np.ones((1, 7))
    assert bits.bit_product(7, beta=70).network(ones)[0, 0] < 1
    assert bits.bit_product(7, beta=75).network(ones)[0, 0] == 1
    almost = ones.copy()
    almost[0, 3] = 0
    assert bits.bit_product(7, beta=400).network(almost)[0, 0] == pytest.approx(math.exp(-200), rel=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.floats(1e-280, 0.9), st.floats(1e-3, 1e6))
def test_beta_is_the_least_whole_number_that_keeps_a_tolerance(tolerance, total):
    beta = bits.beta_for(tolerance, total)
    assert beta == int(beta) >= 1
    assert bits.gate_error(beta) * total <= tolerance
    assert beta == 1 or bits.gate_error(beta - 1) * total > tolerance * (1 - 1e-12)


def test_one_neuron_a_product():
    found = bits.bit_product((4, 0, 0, 2), tolerance=1e-8)
    assert (found.network.neurons, found.network.synapses, found.network.depth) == (1, 4, 1)
    assert len(found.network.inputs) == 5
    assert found.report.points == 32
    assert found.report.achieved <= found.report.promised <= 1e-8
    assert found.report.promised > 0.5e-8


# Below 1e-280 coefficients are refused: see test_refusals
coefficients = st.floats(-10, 10).filter(lambda c: c == 0 or abs(c) >= 1e-280)
subsets = st.dictionaries(
    st.frozensets(st.integers(0, 5), max_size=6),
    st.one_of(st.integers(-9, 9), coefficients, st.fractions(-3, 3, max_denominator=7)),
    max_size=12,
)


@settings(deadline=None, max_examples=40)
@given(subsets)
def test_polynomials_keep_their_promise_on_all_strings(polynomial):
    found = bits.bit_polynomial({tuple(key): value for key, value in polynomial.items()}, 6)
    x, every = bits.strings(6)
    assert every
    exact = [
        sum((Fraction(value) for key, value in polynomial.items() if all(row[i] for i in key)), Fraction(0))
        for row in x.tolist()
    ]
    errors = [abs(Fraction(float(value)) - wanted) for value, wanted in zip(found(x)[:, 0], exact, strict=True)]
    assert max(errors) <= Fraction(found.report.promised)
    assert found.network.neurons == sum(1 for key, value in polynomial.items() if key and value)
    if all(Fraction(value).denominator == 1 for value in polynomial.values()):
        assert found.report.promised < 2.0**-53  # whole numbers are summed without rounding


def test_text_and_powers():
    found = bits.bit_polynomial("2*x**3*y - z*z + 1/2 + x*y", tolerance=1e-9)
    assert found.network.inputs == ("x", "y", "z")
    assert found.network.neurons == 2
    x = bits.strings(3)[0]
    assert np.allclose(found(x)[:, 0], 3 * x[:, 0] * x[:, 1] - x[:, 2] + 0.5, atol=1e-9, rtol=0)


def test_a_constant_needs_no_neuron():
    found = bits.bit_polynomial({(): 1.5}, 2)
    assert found.network.neurons == 0
    assert (found(np.zeros((4, 2))) == 1.5).all()


def test_many_bits_are_tried_at_random():
    found = bits.bit_product(40)
    assert "random" in found.report.notes["strings tried"]
    assert found.report.achieved <= found.report.promised
    assert found(np.ones((1, 40)))[0, 0] == 1


def test_spins_in_place_of_bits():
    rng = np.random.default_rng(3)
    signs = rng.choice([-1, 1], 12)
    units = bits.Units(6, np.repeat([0, 1, 2], 4), rng.integers(0, 6, 12), signs, np.array([4, 2, 1]))
    x = bits.strings(6)[0]
    plain, spun = units.layer(33.0), units.layer(33.0, spins=True)
    assert np.array_equal(plain(x.astype(float)), spun(2.0 * x - 1.0))
    assert np.abs(plain(x.astype(float)) - units(x)).max() <= bits.gate_error(33.0) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bits.bit_product(0), "how many bits"),
        (lambda: bits.bit_product((0, -1)), "whole numbers from 0 on"),
        (lambda: bits.bit_product(3, n=2), "at least 3"),
        (lambda: bits.bit_product(3, beta=0), "above 0"),
        (lambda: bits.bit_product(3, beta=float("nan")), "above 0"),
        (lambda: bits.bit_product(3, tolerance=0), "positive"),
        (lambda: bits.bit_product(3, tolerance=1e-307), "leaves float64"),
        (lambda: bits.bit_product(3, beta=9, tolerance=1e-3), "give one of them"),
        (lambda: bits.bit_polynomial("x*y*0.1", tolerance=1e-18), r"below the floor .*allow at least"),
        (lambda: bits.bit_polynomial("sin(x)"), "no polynomial"),
        (lambda: bits.bit_polynomial(3), "give a mapping"),
        (lambda: bits.bit_polynomial({(0,): float("inf")}), "finite"),
        (lambda: bits.bit_polynomial({(0,): "a"}), "finite"),
        (lambda: bits.bit_polynomial({(0,): 1e-300}), "in other units"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(CheapError, match=message):
        make()
