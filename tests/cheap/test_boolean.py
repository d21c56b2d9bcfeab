"""Boolean functions as one hidden layer."""

import itertools
import math

import numpy as np
import pytest
import sympy

from rgnet.cheap import bits
from rgnet.cheap.boolean_functions import boolean, mobius, symmetric, symmetric_values, zeta
from rgnet.cheap.errors import CheapError


def parity(x):
    return x.sum(axis=1) % 2


def test_mobius_is_the_sum_over_subsets():
    rng = np.random.default_rng(0)
    table = rng.integers(-5, 6, 32)
    brute = [
        sum((-1) ** (s ^ t).bit_count() * int(table[t]) for t in range(32) if t & s == t) for s in range(32)
    ]  # fmt: skip
    assert mobius(table).tolist() == brute
    assert zeta(mobius(table)).tolist() == table.tolist()


def test_parity_has_all_monomials():
    found = mobius(parity(bits.strings(5)[0]))
    sizes = np.bitwise_count(np.arange(1, 32)).astype(int)
    assert found[0] == 0
    assert found[1:].tolist() == [(-2) ** (size - 1) for size in sizes.tolist()]


def test_every_function_of_three_bits():
    x = bits.strings(3)[0]
    for number, table in enumerate(itertools.product((0, 1), repeat=8)):
        by = ("fewest", "monomials", "minterms")[number % 3]
        found = boolean(table, by=by)
        assert np.abs(found(x)[:, 0] - table).max() <= found.report.promised < 2.0**-53
        assert found.network.neurons <= (7 if by == "monomials" else 4)


@pytest.mark.parametrize(("by", "neurons"), [("monomials", 1023), ("minterms", 512), ("counts", 10), ("fewest", 10)])
def test_parity_by_each_expansion(by, neurons):
    found = boolean(parity, 10, by=by)
    assert found.network.neurons == neurons
    assert found.report.points == 1024
    assert found.report.achieved <= found.report.promised < 2.0**-53


def test_a_random_table_of_real_numbers():
    table = np.random.default_rng(2).standard_normal(128)
    for by in ("monomials", "minterms"):
        found = boolean(table, by=by)
        assert found.report.achieved <= found.report.promised < 1e-10
        assert found.network.neurons == 127


def test_a_tolerance_is_kept():
    found = boolean(np.random.default_rng(4).integers(0, 2, 64), by="monomials", tolerance=1e-3)
    assert found.report.achieved <= found.report.promised <= 1e-3
    assert found.report.notes["beta"] < 30


def test_rounding_of_the_transform_is_promised():
    table = np.random.default_rng(2).standard_normal(64)
    assert boolean(table, by="monomials", tolerance=1e-9).report.promised <= 1e-9
    with pytest.raises(CheapError, match="minterms"):
        boolean(table, by="monomials", tolerance=1e-14)
    assert boolean(table, by="minterms", tolerance=5e-12).report.achieved <= 5e-12
    large = 1e17 * table.round(3)  # whole numbers, as float64 has no others there
    assert boolean(large, by="monomials").report.promised > 1.0


def test_names_of_inputs():
    assert boolean("x1 & x2", 4).network.inputs == ("x1", "x2", "x0", "x3")
    assert bits.bit_polynomial("x1 * y", 3).network.inputs == ("x1", "y", "x0")


def test_expressions():
    found = boolean("x & ~y | z")
    assert found.network.inputs == ("x", "y", "z")
    x = bits.strings(3)[0].astype(bool)
    assert np.array_equal(found(x)[:, 0] > 0.5, (x[:, 0] & ~x[:, 1]) | x[:, 2])
    a, b, c = sympy.symbols("a b c")
    odd = boolean(sympy.Implies(a, sympy.Equivalent(b, c)))
    x = bits.strings(3)[0].astype(bool)
    assert np.array_equal(odd(x)[:, 0] > 0.5, ~x[:, 0] | (x[:, 1] == x[:, 2]))
    assert boolean("1 & x | 1").network.neurons == 0


def test_expressions_of_more_bits_than_tables_have():
    text = " & ".join(f"v{i}" for i in range(10, 40)) + " | u & w ^ t"
    found = boolean(text)
    assert found.network.neurons == 7  # of u·w, t, t·u·w, and each times the product of 30, and it alone
    assert found.report.achieved <= found.report.promised < 2.0**-53
    x = np.ones((2, 33))
    x[1, [0, 1, 5]] = 0
    assert found(x)[:, 0].tolist() == pytest.approx([1, 0], abs=1e-15)


def test_symmetric_functions_of_many_bits():
    found = symmetric([0, 1] * 150)
    assert (found.network.neurons, len(found.network.inputs)) == (299, 299)
    assert found.report.achieved <= found.report.promised < 2.0**-53
    majority = symmetric([0] * 51 + [1] * 50)
    assert majority.network.neurons == 1
    assert symmetric_values(np.array([0, 1, 2, 1])) is None
    assert symmetric_values(np.array([0.0, 2.0, 2.0, 1.0])).tolist() == [0, 2, 1]


def test_a_wide_table():
    found = boolean(lambda x: x[:, 0] * x[:, 15], 16)
    assert found.network.neurons == 1
    assert found.report.points == 1 << 16
    assert found.report.achieved <= math.exp(-37)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: boolean(parity, 21), r"2\^21 values; .*several functions"),
        (lambda: boolean(np.zeros(1 << 21)), r"go up to 20 bits"),
        (lambda: boolean(" ^ ".join(f"v{i}" for i in range(24))), "more monomials than can be enumerated"),
        (lambda: boolean(" & ".join(f"v{i}" for i in range(24)), by="minterms"), "needs a table"),
        (lambda: boolean(parity), "give n="),
        (lambda: boolean(lambda x: x, 3), "returned shape"),
        (lambda: boolean([0, 1, 1]), "2ⁿ values"),
        (lambda: boolean([0, 1], 3), "one of 1 bits"),
        (lambda: boolean([0, np.nan]), "finite"),
        (lambda: boolean(["a", "b"]), "finite"),
        (lambda: boolean("x +"), "no expression"),
        (lambda: boolean("x + y"), "not understood"),
        (lambda: boolean(sympy.Symbol("x") + 1), "no Boolean expression"),
        (lambda: boolean("x & ~y", by="counts"), "symmetric"),
        (lambda: boolean("x & y", by="best"), "it is one of"),
        (lambda: boolean([0.1, 0.2, 0.3, 0.7], tolerance=1e-18), "below the floor"),
        (lambda: symmetric([]), "finite numbers"),
        (lambda: symmetric([[0, 1]]), "finite numbers"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(CheapError, match=message):
        make()
