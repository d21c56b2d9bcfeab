"""Straight-line programs: layouts, copies, bounds, and networks that compute what the program says."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.cheap import bounds
from rgnet.cheap.circuits import Circuit, affine, assemble, evaluate, plan
from rgnet.cheap.errors import CheapError


def tree(n):
    """A binary tree of products."""
    row, products = list(range(n)), []
    while len(row) > 1:
        products += [(affine({row[i]: 1}), affine({row[i + 1]: 1})) for i in range(0, len(row), 2)]
        row = list(range(n + len(products) - len(row) // 2, n + len(products)))
    return Circuit(tuple(f"x{i}" for i in range(n)), tuple(products), (affine({row[0]: 1}),), ("p",))


def test_a_tree_needs_no_copies_and_four_neurons_a_product():
    made = assemble(tree(64))
    assert plan(tree(64)).count("copy") == 0
    assert made.report.neurons == 4 * 63
    assert made.report.depth == 6
    assert made.report.achieved <= made.report.promised < 1e-8


def test_values_used_alike_are_copied_as_one():
    # ((xy)(zw)) + x + 2y: x and y are wanted by the output alone, in one sum
    circuit = Circuit(
        ("x", "y", "z", "w"),
        ((affine({0: 1}), affine({1: 1})), (affine({2: 1}), affine({3: 1})), (affine({4: 1}), affine({5: 1}))),
        (affine({6: 1, 0: 1, 1: 2}, 3),),
        ("f",),
    )
    laid = plan(circuit)
    assert [laid.count(kind) for kind in ("product", "copy")] == [3, 2]
    made = assemble(circuit, tolerance=1e-6)
    x = np.array([[0.5, -0.25, 0.75, 0.1]])
    assert made(x)[0, 0] == pytest.approx(0.5 * -0.25 * 0.75 * 0.1 + 3, abs=1e-6)


def test_the_schedule_with_fewer_copies():
    # ((x y) z) w + (u v): u v may be formed first, and copied twice, or last, with u and v copied
    circuit = Circuit(
        tuple("xyzwuv"),
        (
            (affine({0: 1}), affine({1: 1})),
            (affine({6: 1}), affine({2: 1})),
            (affine({7: 1}), affine({3: 1})),
            (affine({4: 1}), affine({5: 1})),
        ),
        (affine({8: 1, 9: 1}),),
        ("f",),
    )  # fmt: skip
    laid = plan(circuit)
    assert laid.count("copy") == 5  # z, w, w and uv, uv
    assert laid.nodes[-1].layer == 3


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_random_programs_keep_their_promise(data):
    n, count = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
    numbers = st.integers(-3, 3).map(lambda k: Fraction(k, 2))
    products = []
    for i in range(count):
        sides = []
        for _ in range(2):
            terms = data.draw(st.dictionaries(st.integers(0, n + i - 1), numbers, min_size=1, max_size=3))
            sides.append(affine(terms, data.draw(numbers)))
        products.append((sides[0], sides[1]))
    outputs = tuple(
        affine(data.draw(st.dictionaries(st.integers(0, n + count - 1), numbers, max_size=4)), 1) for _ in range(2)
    )
    circuit = Circuit(tuple("xyz"[:n]), tuple(products), outputs, ("f", "g"))
    made = assemble(circuit)
    assert made.report.achieved <= made.report.promised
    x = np.random.default_rng(0).uniform(-1, 1, (20, n))
    scale = 1 + np.abs(evaluate(circuit, x)).max()
    assert np.abs(made(x) - evaluate(circuit, x)).max() < 1e-6 * scale**2


def test_the_tolerance_sets_the_scale_and_the_bits():
    circuit = tree(8)
    loose, tight = (assemble(circuit, tolerance=t) for t in (1e-4, 1e-7))
    assert loose.report.notes["bits predicted"] < tight.report.notes["bits predicted"] <= 53
    assert loose.report.weight_range[1] < tight.report.weight_range[1]
    assert loose.report.achieved <= 1e-4
    assert tight.report.achieved <= 1e-7 < loose.report.achieved


def test_bounds_scale_with_the_box():
    laid = plan(tree(2))
    from rgnet.cheap import activations, precision
    from rgnet.cheap.circuits import makers_for

    how = precision.arithmetic()
    makers = makers_for(laid, activations.get("softplus"), how, None, None)
    one, ten = (bounds.budget(laid, makers, [(-a, a)] * 2, how).promised for a in (1.0, 10.0))
    assert ten == pytest.approx(100 * one, rel=0.02)
    lopsided = bounds.budget(laid, makers, [(-100, 100), (-0.01, 0.01)], how).promised
    assert lopsided < 3 * one  # operands are balanced


def test_all_arithmetics():
    for options in ({"dtype": "float32"}, {"dtype": "mp", "digits": 40}, {"order": 6}, {"activation": "tanh"}):
        report = assemble(tree(4), **options).report
        assert report.achieved <= report.promised <= 10 * report.achieved


def test_refusals():
    with pytest.raises(CheapError, match=r"below the floor: in float64 .* 3 multiplications .* digits="):
        assemble(tree(4), tolerance=1e-13)
    with pytest.raises(CheapError, match=r'give tolerance=.*, or dtype="float64"'):
        assemble(tree(4), tolerance=1e-6, dtype="float32")
    with pytest.raises(CheapError, match="product 0 uses value 5"):
        assemble(Circuit(("x",), ((affine({5: 1}), affine({0: 1})),), (affine({1: 1}),), ("f",)))
    with pytest.raises(CheapError, match="real numbers below"):
        affine({0: float("nan")})
