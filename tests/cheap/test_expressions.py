"""Formulae as text: what is read, and what is refused without being evaluated."""

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.cheap import CheapError, expressions

x, y, z = sympy.symbols("x y z", real=True)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("x*y*z + 2*x**3", x * y * z + 2 * x**3),
        ("x^2 - -y", x**2 + y),
        ("0.1*x", x / 10),
        ("1e-3 * pi", sympy.pi / 1000),
        ("(x + y)/3", (x + y) / 3),
        ("sqrt(2)*x", sympy.sqrt(2) * x),
        ("exp(-x**2)", sympy.exp(-(x**2))),
        ("+x", x),
    ],
)
def test_formulae_are_read_exactly(text, meant):
    assert expressions.parse(text) == meant


def test_boolean_formulae_are_read():
    a, b = sympy.symbols("a b")
    assert expressions.parse("a & ~b", boolean=True) == sympy.And(a, sympy.Not(b))
    assert expressions.parse("a ^ b | 0", boolean=True) == sympy.Xor(a, b)
    assert expressions.parse("a or not b", boolean=True) == sympy.Or(a, sympy.Not(b))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no expression: give a text"),
        ("x +", "is no expression"),
        ("__import__('os').system('true')", "not understood"),
        ("open('file')", "the function 'open'"),
        ("x.y", "not understood"),
        ("[x for x in y]", "not understood"),
        ("x / 0", "divides by zero"),
        ("9**9**9", "powers go up to 1000"),
        ("sin(x, y)", "sin of 2 arguments"),
        ("x" * 200_000, "at most 100000"),
        ("(" * 5000 + "x" + ")" * 5000, "is no expression"),
        ("'text'", "not understood"),
        ("True", "not understood"),
    ],
)
def test_other_texts_are_refused_by_name(text, said):
    with pytest.raises(CheapError, match=said):
        expressions.parse(text)


@given(st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_refused(text):
    for boolean in (False, True):
        try:
            found = expressions.parse(text, boolean=boolean)
        except CheapError:
            continue
        assert isinstance(found, sympy.Basic)
