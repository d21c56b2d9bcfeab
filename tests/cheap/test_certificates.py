"""Certificates: their proofs are checked by SymPy and Fractions, layers inside and outside the theorem's setting."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.cheap import certificate_algebra as algebra
from rgnet.cheap import network
from rgnet.cheap.activations import get
from rgnet.cheap.certificates import certificate
from rgnet.cheap.errors import CheapError


def signs(n):
    return list(itertools.product((1, -1), repeat=n))


def row(layer, powers):
    return [math.prod(Fraction(a) ** r for a, r in zip(neuron, powers, strict=True)) for neuron in layer]


def monomials(n, degrees):
    return [r for r in itertools.product(range(n + 1), repeat=n) if sum(r) in degrees]


def check(layer, found, n, degrees):
    """A proof at a common bias, put into every condition."""
    one = (1,) * n
    if found.possible:
        for r in monomials(n, degrees):
            value = sum(w * x for w, x in zip(found.multiples, row(layer, r), strict=True))
            assert value == (r == one)
    else:
        assert found.witness[one] == 1
        assert set(map(sum, found.witness)) <= set(degrees) | {n}
        for j in range(len(layer)):
            total = sum(y * row(layer, r)[j] for r, y in found.witness.items() if sum(r) in degrees)
            assert total == 0


@pytest.mark.parametrize("n", [2, 3, 4])
def test_no_neuron_can_be_removed_from_the_full_layer(n):
    every = range(1, n + 1)
    layer = signs(n)
    whole = certificate(layer, 1, n, "logistic")
    assert whole.possible
    assert whole.exact
    assert whole.unique
    assert whole.subset_rank == 2**n
    assert len(whole.essential) == 2**n
    assert set(map(abs, whole.multiples)) == {Fraction(1, 2**n)}
    check(layer, whole, n, every)
    for j in range(2**n):
        fewer = layer[:j] + layer[j + 1 :]
        found = certificate(fewer, 1, n, "logistic")
        assert not found.possible
        assert found.exact
        assert found.condition
        check(fewer, found, n, every)


@pytest.mark.parametrize(("n", "sigma"), [(2, "gaussian"), (3, "tanh"), (4, "gaussian"), (5, "sin"), (3, "logistic")])
def test_half_of_them_by_parity_and_none_fewer(n, sigma):
    layer = signs(n)[: 2 ** (n - 1)]
    degrees = range(n % 2 or 2, n + 1, 2)
    whole = certificate(layer, 0, n, sigma)
    assert whole.possible
    assert whole.exact
    assert len(whole.essential) == 2 ** (n - 1)
    check(layer, whole, n, degrees)
    found = certificate(layer[1:], 0, n, sigma)
    assert not found.possible
    assert found.exact
    assert "Waring" in found.condition


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_random_layers_against_sympy(data):
    n = data.draw(st.integers(2, 3))
    m = data.draw(st.integers(1, 7))
    layer = data.draw(
        st.lists(st.lists(st.fractions(-3, 3, max_denominator=3), min_size=n, max_size=n), min_size=m, max_size=m)
    )
    found = certificate(layer, "1/3", n, "softplus")
    rows = [r for r in monomials(n, range(1, n + 1)) if r != (1,) * n]
    table = sympy.Matrix([[sympy.Rational(x.numerator, x.denominator) for x in row(layer, r)] for r in rows])
    target = sympy.Matrix([[sympy.Rational(x.numerator, x.denominator) for x in row(layer, (1,) * n)]])
    assert found.rank == table.rank()
    assert found.possible == (table.col_join(target).rank() > table.rank())
    assert found.exact
    check(layer, found, n, range(1, n + 1))


def test_inclusion_and_exclusion_saves_the_neuron_that_hears_nothing():
    for n in (2, 3, 4):
        layer = [s for s in itertools.product((0, 1), repeat=n) if any(s)]
        found = certificate(layer, 1, n, "exp")
        assert found.possible
        assert found.neurons == 2**n - 1 == found.subset_required
        inside = certificate(layer, 1, n, "exp", output_bias=False)
        assert not inside.possible
        assert inside.exact
        assert inside.subset_required == 2**n
        assert certificate([*layer, (0,) * n], 1, n, "exp", output_bias=False).possible


def taylor(layer, biases, weights, powers, sigma):
    """A Taylor coefficient (times ∏ r_i!) of the network, with 40 digits."""
    with mpmath.workdps(40):
        k = sum(powers)
        total = mpmath.mpf(0)
        for neuron, b, w in zip(layer, biases, weights, strict=True):
            slope = get(sigma).taylor(k, b, 40)[k] * mpmath.factorial(k)
            total += (
                w * slope * network.to_mpf(math.prod(Fraction(a) ** r for a, r in zip(neuron, powers, strict=True)))
            )
        return total


@pytest.mark.parametrize(
    ("layer", "biases", "sigma", "output_bias"),
    [
        ([(1, 1), (1, -1), (0, 1)], [1, 1, 0], "logistic", True),
        ([(1, 1), (1, -1), (0, 1)], ["2/3", "2/3", 0], "tanh", True),
        ([(1, 1), (1, -1), ("8/9", 0)], [sympy.log(2), -sympy.log(2), 0], "logistic", False),
        ([(1, 1), (1, -1), (0, 1)], ["1/2", "1/2", 0], "sin", True),
    ],
)
def test_three_neurons_with_their_own_biases_multiply_two_numbers(layer, biases, sigma, output_bias):
    found = certificate(layer, biases, 2, sigma, output_bias=output_bias)
    assert found.possible
    assert found.exact
    assert found.unique
    assert found.subset_required is None
    points = [sympy.Rational(b) if isinstance(b, str) else b for b in biases]
    for r in monomials(2, range(0 if not output_bias else 1, 3)):
        assert abs(taylor(layer, points, found.weights, r, sigma) - (r == (1, 1))) < 1e-30
    # a neuron less is impossible, whatever the biases: the slopes of logistic and tanh vanish nowhere
    if sigma != "sin":
        two = certificate(layer[:2], biases[:2], 2, sigma)
        assert not two.possible
        assert two.exact
    one = certificate(layer[:1], biases[:1], 2, sigma)
    assert not one.possible
    assert "Waring" in one.condition


def test_witness_with_biases_of_their_own():
    layer = [(1, 1), (1, -1)]
    found = certificate(layer, [1, 2])
    assert not found.possible
    assert found.exact
    for neuron, b in zip(layer, (1, 2), strict=True):
        total = sum(
            network.to_mpf(sympy.sympify(y)) * taylor([neuron], [b], [1], r, "logistic")
            for r, y in found.witness.items()
        )
        assert abs(total) < 1e-14


def test_where_the_derivative_below_vanishes_half_is_enough():
    half = signs(4)[:8]
    assert certificate(half, 0, activation="softplus").possible
    assert certificate(half, sympy.log(2 + sympy.sqrt(3)), activation="logistic").possible
    assert not certificate(half, 1, activation="logistic").possible
    assert certificate([(1, 1), (1, -1)], sympy.pi / 2, activation="sin").possible


def test_other_fields():
    layer = signs(2)
    assert certificate(layer, [1, 1, 1, "1/2"], activation="sin").exact
    arctan = certificate(layer, [1, 1, 1, "1/2"], activation="arctan")
    assert arctan.possible
    assert arctan.exact
    gelu = certificate(layer, [1, 1, 1, "1/2"], activation="gelu")
    assert gelu.possible
    assert not gelu.exact
    assert "numerically" in str(gelu)
    for found, sigma in ((arctan, "arctan"), (gelu, "gelu")):
        for r in monomials(2, (1, 2)):
            biases = [1, 1, 1, sympy.Rational(1, 2)]
            assert abs(taylor(layer, biases, found.weights, r, sigma) - (r == (1, 1))) < 1e-30
    rng = np.random.default_rng(4)
    wide = rng.integers(-9, 10, (8, 3))
    many = certificate(wide, [f"{p}/3" for p in range(8)])
    assert not many.possible
    assert many.exact
    assert many.rank == 8


def test_floats_are_the_fractions_they_are():
    layer = np.array([[0.1, 0.2], [0.3, 0.4], [0.1, 0.5], [0.7, 0.2], [0.5, 0.6]])
    found = certificate(layer, 0.3)
    assert found.possible
    assert found.exact
    check(layer, found, 2, (1, 2))
    assert not certificate(layer[:4], 0.3).possible


def test_eight_numbers_in_seconds():
    whole = certificate(signs(8), 1)
    assert whole.possible
    assert whole.exact
    assert len(whole.essential) == 256
    fewer = certificate(signs(8)[1:], 1)
    assert not fewer.possible
    assert fewer.exact
    assert fewer.rank == 255
    assert len(fewer.witness) == 256


@pytest.mark.slow
@pytest.mark.parametrize("n", [9, 10])
def test_the_largest(n):
    assert len(certificate(signs(n), 1).essential) == 2**n
    assert not certificate(signs(n)[:-1], 1).possible


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_lifting_solves_square_systems(data):
    size = data.draw(st.integers(1, 6))
    entry = st.integers(-50, 50)
    table = np.array(data.draw(st.lists(st.lists(entry, min_size=size, max_size=size), min_size=size, max_size=size)))
    right = data.draw(st.lists(entry, min_size=size, max_size=size))
    found = algebra.lift(table, right, algebra.PRIMES[0])
    if found is None:
        assert sympy.Matrix(table).det() % algebra.PRIMES[0] == 0
    else:
        assert all(sum(int(a) * x for a, x in zip(line, found, strict=True)) == b
                   for line, b in zip(table, right, strict=True))  # fmt: skip


def test_refusals():
    with pytest.raises(CheapError, match="rational"):
        certificate([[math.nan, 1]], 0)
    with pytest.raises(CheapError, match="rational"):
        certificate([[sympy.sqrt(2), 1]], 0)
    with pytest.raises(CheapError, match="all rows alike"):
        certificate([[1, 1], [1]], 0)
    with pytest.raises(CheapError, match="n=3 with weights of 2"):
        certificate([[1, 1]], 0, 3)
    with pytest.raises(CheapError, match="3 biases for 1"):
        certificate([[1, 1]], [1, 2, 3])
    with pytest.raises(CheapError, match="up to n=10"):
        certificate([[1] * 11], 0)
    with pytest.raises(CheapError, match="finite real"):
        certificate([[1, 1]], sympy.I)
    wrong = certificate(signs(2), 0, activation="tanh")
    assert not wrong.possible
    assert wrong.exact
    assert "σ_2 of tanh vanishes" in wrong.condition


def test_biases_are_numbers():
    with pytest.raises(CheapError, match="biases=None: give one rational number"):
        certificate([[1, 1]], None)
