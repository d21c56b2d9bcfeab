"""Polynomials in, networks out."""

import numpy as np
import pytest
import sympy

from rgnet.cheap import factoring, reading
from rgnet.cheap.errors import CheapError
from rgnet.cheap.polynomial import compile, floor
from rgnet.experiments.polynomials import Parameters, random_polynomial

X, Y, Z = sympy.symbols("x y z")


@pytest.mark.parametrize(
    ("given", "multiplications"),
    [
        ("x*y*z + 2*x**3", 3),  # x (y z + 2 x²)
        ("(x + y)**6", 3),  # a chain of powers of the sum
        (sympy.expand((X + Y) ** 6), 3),  # found again by factoring
        ("x**15", 5),  # addition chains: 14 by Horner
        ("x**2 + 2*x*y + y**2", 1),
        ("x*y + x*z + 3*x", 1),
        ([X * Y, X * Y * Z, (X * Y) ** 2], 3),  # shared
        ("1 + x + x^2 + x^3 + x^4 + x^5 + x^6 + x^7 + x^8 + x^9", 4),  # Paterson & Stockmeyer: 8 by Horner
        ("3", 0),
        ("x/3 - sqrt(2)*y", 0),
        (np.poly1d([1, 0, 2]), 1),
        (np.polynomial.Polynomial([0.0, 1.0]), 0),
        (np.polynomial.Chebyshev([0, 0, 0, 1]), 2),
        (np.array([[0.0, 0.0], [0.0, 2.0]]), 1),
        ([1.0, 2.0, 3.0], 1),
        (sympy.Poly(X**2 * Y - Y, X, Y), 2),
    ],
)
def test_few_multiplications(given, multiplications):
    report = compile(given, tolerance=1e-6).report
    assert report.notes["multiplications"] == multiplications
    assert report.neurons <= 4 * multiplications + 2 * report.notes["copies"]
    assert report.achieved <= report.promised <= 1e-6


def test_values_and_names():
    net = compile(["x*y", "x - 2*z"], variables=["z", "y", "x"], tolerance=1e-8)
    assert net.network.inputs == ("z", "y", "x")
    assert net([0.5, 0.25, -1.0]) == pytest.approx([-0.25, -2.0], abs=1e-8)
    many = compile("x10*x2 + x1", box={"x1": (0, 1), "x2": (-2, 2), "x10": (-1, 3)})
    assert many.network.inputs == ("x1", "x2", "x10")
    assert many.report.box == ((0, 1), (-2, 2), (-1, 3))


def test_coefficients_are_exact():
    report = compile("x*y/3 + pi*x**2 + sqrt(2)", tolerance=1e-25, dtype="mp", digits=50).report
    assert 0 < report.achieved <= 1e-25
    assert reading.read("(sqrt(2)*x)**2 - 2*x**2").tables == ({},)
    assert reading.read("0.1*x").tables[0][1,] * 10 == 1


def test_random_polynomials_keep_a_tolerance_of_one_millionth():
    """The recipe of the study: up to six variables and degree six."""
    for seed in range(8):
        table = random_polynomial(np.random.default_rng(seed), Parameters())
        report = compile(table, tolerance=1e-6).report
        assert report.achieved <= report.promised <= 1e-6
        assert report.neurons <= 4 * report.notes["multiplications"] + 2 * report.notes["copies"]


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["softplus", "tanh", "gelu"])
def test_a_hundred_random_polynomials(activation):
    for seed in range(100):
        table = random_polynomial(np.random.default_rng(seed), Parameters(terms=40))
        if floor(table, activation) > 1e-6:
            with pytest.raises(CheapError, match="below the floor"):
                compile(table, activation, tolerance=1e-6)
            continue
        report = compile(table, activation, tolerance=1e-6).report
        assert report.achieved <= report.promised <= 1e-6


def test_every_candidate_computes_the_polynomial():
    table = random_polynomial(np.random.default_rng(3), Parameters(terms=20, variables=3))
    given = reading.read(table)
    x = np.random.default_rng(0).uniform(-1, 1, (50, len(given.variables)))
    from rgnet.cheap.circuits import evaluate

    wanted = sum(float(c) * np.prod(x ** np.array(key), axis=1) for key, c in given.tables[0].items())
    names = []
    for name, circuit in factoring.candidates(given):
        names.append(name)
        assert evaluate(circuit, x)[:, 0] == pytest.approx(wanted, abs=1e-12)
    assert {"horner", "divide 2", "halves 2", "pairs"} <= set(names)


def test_chains_of_powers():
    products = [factoring._split(n)[0] for n in range(1, 17)]
    # Shortest addition chains, Knuth, The Art of Computer Programming, 4.6.3
    assert products == [0, 1, 2, 2, 3, 3, 4, 3, 4, 4, 5, 4, 5, 5, 5, 4]


def test_as_written_without_multiplying_out():
    with pytest.raises(CheapError, match=r"324632 terms.*expand=False"):
        compile("(a + b + c + d + f + g)**30")
    report = compile("(a + b + c + d + f + g)**30", expand=False, box=0.1).report
    assert report.notes["multiplications"] == 6
    assert report.achieved <= 1e-6


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ("x*y", {"tolerance": 1e-13}, r'below the floor: in float64 .* 5\.\de-11; give .*dtype="mp" with digits=25'),
        ("x*y", {"tolerance": 0}, "positive number"),
        ("x*y", {"box": (0, float("inf"))}, "all finite"),
        ("x*y", {"box": {"x": (0, 1)}}, "a pair for each of x, y"),
        ("x*y", {"activation": "relu"}, "not smooth"),
        ("x*y", {"activation": "sofplus"}, "did you mean 'softplus'"),
        ("sin(x)", {}, "is no polynomial"),
        ("1/x", {}, "is no polynomial"),
        ("x**y", {}, "is no polynomial"),
        (sympy.I * X, {}, "real numbers"),
        ("x + 1e300", {}, "real numbers below"),
        (None, {}, "is no polynomial"),
        (object(), {}, "is no polynomial"),
        ([], {}, "no polynomial is given"),
        ("x*y", {"variables": ["x"]}, "y occurs too"),
        ("x*y", {"variables": ["x", "x", "y"]}, "a name occurs twice"),
        (np.ones((80, 80)), {}, "6400 terms: at most 5000"),
        (np.ones(3), {"expand": False}, "give a formula"),
    ],
)
def test_bad_input(given, options, message):
    with pytest.raises(CheapError, match=message):
        compile(given, **options)


@pytest.mark.parametrize("given", ["x*y*z", "x**3 + x"])
def test_remedies_are_true(given):
    with pytest.raises(CheapError) as caught:
        compile(given, tolerance=2e-11)
    text = str(caught.value)
    ways = text.split("; give ")[1]
    tolerance = float(ways.split("tolerance=")[1].split(",")[0])
    assert compile(given, tolerance=tolerance).report.achieved <= tolerance
    digits = int(ways.split("digits=")[1])
    assert compile(given, tolerance=2e-11, dtype="mp", digits=digits).report.achieved <= 2e-11
    order = int(ways.split("order=")[1].split(" ")[0])
    assert compile(given, tolerance=2e-11, order=order).report.achieved <= 2e-11


def test_irrational_coefficients_keep_their_digits_whatever_mpmath_s_precision():
    """Factoring divides √2 by √2: with the 15 digits that mpmath has by default, the network is off by 1e-16."""
    text = "sqrt(2)*x**3*y**3*z**3 + sqrt(2)*x**3*y*z + x**2*y**3*z + x**2*y**2*z"
    found = compile(text, tolerance=None, dtype="mp", digits=40, order=6).report
    assert found.achieved <= found.promised < 1e-26


@pytest.mark.parametrize("activation", ["x**3", "x**2*exp(-x)"])
def test_tolerances_far_above_the_values_keep_the_promise(activation):
    """On a box of 1e-3 scales chosen for 1e-6 let values grow beyond the ranges that they were bounded on."""
    found = compile("x**2*y**3*z**2", activation, tolerance=1e-6, box=1e-3).report
    assert found.achieved <= found.promised <= 1e-6
