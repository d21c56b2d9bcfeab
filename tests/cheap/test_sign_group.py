"""The operators ∏(1 − g_i) and their Boolean analogues, against their definitions."""

import itertools

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.cheap import sign_group
from rgnet.cheap.errors import CheapError

X = sympy.symbols("x y z")
POLYNOMIALS = st.dictionaries(
    st.tuples(*[st.integers(0, 4)] * 3), st.fractions(-5, 5, max_denominator=7), min_size=1, max_size=8
)


def expression(terms):
    return sum(
        sympy.Rational(c.numerator, c.denominator) * sympy.prod(x**e for x, e in zip(X, powers, strict=True))
        for powers, c in terms.items()
    )


@settings(max_examples=8, deadline=None)
@given(POLYNOMIALS)
def test_annihilate_is_the_signed_sum_over_all_flips(terms):
    f = expression(terms)
    flips = itertools.product((1, -1), repeat=3)
    wanted = sum(
        s[0] * s[1] * s[2] * f.subs({x: k * x for x, k in zip(X, s, strict=True)}, simultaneous=True) for s in flips
    )
    found = sign_group.annihilate(f, X)
    assert sympy.expand(found - wanted) == 0
    odd = {powers: c for powers, c in terms.items() if all(e % 2 for e in powers)}
    assert sympy.expand(found - 8 * expression(odd)) == 0


@settings(max_examples=10, deadline=None)
@given(POLYNOMIALS)
def test_what_lacks_a_variable_is_sent_to_zero(terms):
    lacking = {powers: c for powers, c in terms.items() if 0 in powers}
    assert sign_group.annihilate(expression(lacking), X) == 0
    assert sign_group.difference(expression(lacking), X) == 0


@settings(max_examples=10, deadline=None)
@given(POLYNOMIALS)
def test_difference_is_the_last_moebius_coefficient(terms):
    values = [
        sum(c for powers, c in terms.items() if all(b or not e for b, e in zip(bits, powers, strict=True)))
        for bits in sign_group.states(3).tolist()
    ]
    last = sign_group.moebius(np.array(values, dtype=object))[-1]
    assert sign_group.difference(expression(terms), X) == sympy.Rational(last.numerator, last.denominator)


def test_of_low_degree_only_the_product_survives():
    # of (x + y + z)^k, k ≤ 3, what is left is 2³ 3! xyz; of degree 5 as many monomials as are counted
    total = sum(X)
    assert [sign_group.annihilate(total**k, X) for k in range(4)] == [0, 0, 0, 48 * X[0] * X[1] * X[2]]
    left = sympy.Poly(sign_group.annihilate(sympy.expand(total**5), X), *X)
    assert len(left.terms()) == sign_group.surviving(3, 5) == 3
    assert sign_group.surviving(3, 4) == sign_group.surviving(3, 1) == 0
    assert str(sign_group.annihilate("a*x*y + x", ["x", "y"])) == "4*a*x*y"
    assert str(sign_group.annihilate("a*x*y + x", X[:2])) == "4*a*x*y"
    assert sign_group.annihilate("x", X) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 5).flatmap(lambda n: st.lists(st.integers(-9, 9), min_size=2**n, max_size=2**n)))
def test_moebius_inverts_the_sum_over_subsets(values):
    coefficients = sign_group.moebius(values)
    sums = [sum(c for s, c in enumerate(coefficients) if s & x == s) for x in range(len(values))]
    assert sums == values


@pytest.mark.parametrize("n", [1, 2, 5])
def test_bits_need_no_exponential_layer(n):
    bits = sign_group.states(n)
    assert sign_group.moebius(sign_group.threshold_product(bits)).tolist() == [0] * (2**n - 1) + [1]
    assert (sign_group.parity(bits) == np.prod(1 - 2 * bits.astype(int), axis=1)).all()
    # what hears fewer than n bits contributes nothing to the last coefficient
    few = np.tanh(bits[:, 1:] @ np.arange(1.0, n))
    assert abs(sign_group.moebius(few)[-1]) < 1e-12


def test_refusals():
    with pytest.raises(CheapError, match="no polynomial in x"):
        sign_group.annihilate("exp(x)")
    with pytest.raises(CheapError, match="named twice"):
        sign_group.annihilate("x*y", ["x", "x"])
    with pytest.raises(CheapError, match="2\\^n states"):
        sign_group.moebius([1, 2, 3])
    with pytest.raises(CheapError, match="0 to 26"):
        sign_group.states(-1)
