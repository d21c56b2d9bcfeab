"""Input that nobody means: a clear refusal, or the right number, never a silent wrong one."""

import math

import mpmath
import numpy as np
import pytest
import sympy
import xarray as xr

from rgnet import exact
from rgnet.cheap import _free_energy, activations, bits, boolean_functions, expressions, linear, network, saving
from rgnet.cheap import fast_multiplication as fast
from rgnet.cheap.errors import CheapError
from rgnet.free_energy import bennett
from rgnet.models import Ising

X = sympy.Symbol("x")


def _network(activation="tanh"):
    hidden = network.layer([[1.0, 2.0]], [0.5], activations.get(activation))
    return network.NeuralNetwork((hidden, network.layer([[1.0]])), ("a", "b"), ("f",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0**-1", "not a finite number"),
        ("log(0)*x", "not a finite number"),
        ("x**(0**-1*0)", "not a finite number"),
        ("1e999999999*x", "999999999 digits"),
        ("(9**1000)**1000", "digits"),
        ("*".join(["9**1000"] * 6), "digits"),
        ("gamma(10**9)", "gamma"),
    ],
)
def test_numbers_that_are_infinite_or_endless_are_refused_at_once(text, words):
    with pytest.raises(CheapError, match=words):
        expressions.parse(text)


def test_parity_does_not_depend_on_the_size_of_the_activation():
    assert activations.get("1e-30*tanh(x)").parity == "odd"
    assert activations.get("1e-40*exp(x)").parity is None
    assert activations.get("1e-30*cos(x)").parity == "even"


@pytest.mark.parametrize("at", ["abc", None, "inf", math.nan])
def test_taylor_series_at_no_point(at):
    with pytest.raises(CheapError, match="point of a Taylor series"):
        activations.get("tanh").taylor(2, at)


def test_activations_of_complex_values_and_unfamiliar_names():
    with pytest.raises(CheapError, match="complex"):
        activations.get("sqrt(-1)*exp(x)")
    with pytest.raises(CheapError, match="linear"):
        activations.get("exp(log(x))")
    with pytest.raises(CheapError, match=r"unknown\. Known are"):
        activations.get("qqqqq")


def test_floats_of_a_formula_are_saved_to_the_last_digit(tmp_path):
    made = _network(sympy.tanh(sympy.Float(1) / 3 * X))
    saving.save(tmp_path / "n.h5", made)
    found = saving.load(tmp_path / "n.h5")
    assert found.mp([["1/7", 2]], 40) == made.mp([["1/7", 2]], 40)
    with mpmath.workdps(40):  # 1/3 of float64 is what was given
        wanted = mpmath.tanh(mpmath.mpf(1 / 3) * (mpmath.mpf(1) / 7 + 4 + mpmath.mpf("0.5")))
        assert abs(made.mp([["1/7", 2]], 40)[0][0] - wanted) < 1e-38


@pytest.mark.parametrize("formula", [sympy.sech(X), sympy.GoldenRatio * sympy.exp(X)])
def test_what_could_not_be_loaded_is_not_saved(tmp_path, formula):
    with pytest.raises(CheapError, match="read back"):
        saving.save(tmp_path / "n.h5", _network(formula))
    assert not (tmp_path / "n.h5").exists()


@pytest.mark.parametrize("points", [[[1]], [[1, 2, 3]], [1, 2]])
def test_points_of_another_number_of_inputs(points):
    with pytest.raises(CheapError, match="2 inputs a, b"):
        _network().mp(points)
    with pytest.raises(CheapError, match="2 inputs a, b"):
        network.bits_needed(_network(), lambda p: 0, 1e-3, points)


def test_no_points_and_no_digits():
    with pytest.raises(CheapError, match="no points"):
        network.bits_needed(_network(), lambda p: 0, 1e-3, [])
    with pytest.raises(CheapError, match="digits=0"):
        _network().mp([[1, 2]], 0)


def test_weights_that_are_no_numbers_and_zero_as_text():
    for weight in (None, 1j, "x"):
        with pytest.raises(CheapError, match="no real number"):
            network.layer([[weight]])
    assert network.layer([["0"]]).synapses == 0


def test_coefficients_of_any_kind():
    found = bits.bit_polynomial({(0,): np.float32(0.5), (1,): mpmath.mpf("0.25"), (0, 1): -2})
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_allclose(found(x)[:, 0], [0.0, 0.25, 0.5, -1.25], atol=1e-15)
    assert bits.monomials({(0,): mpmath.mpf("-0.1")})[0] == {(0,): -sympy.Rational(0.1)}


@pytest.mark.parametrize("size", ["10**400*x", {(0,): 1e308, (1,): 1e308}, {(0,): 1e-310}])
def test_coefficients_beyond_float64(size):
    with pytest.raises(CheapError, match="other units"):
        bits.bit_polynomial(size)


@pytest.mark.parametrize("options", [{"beta": "a"}, {"tolerance": "a"}, {"tolerance": True}, {"beta": math.inf}])
def test_steepness_and_tolerance_that_are_no_numbers(options):
    with pytest.raises(CheapError, match=next(iter(options))):
        bits.bit_polynomial("x*y", **options)
    with pytest.raises(CheapError, match=next(iter(options))):
        boolean_functions.boolean("x & y", **options)


@pytest.mark.parametrize("subset", [1.5, None])
def test_bits_that_cannot_be_counted(subset):
    with pytest.raises(CheapError, match="subset="):
        bits.bit_product(subset)
    with pytest.raises(CheapError, match="whole numbers"):
        bits.bit_polynomial({1.5: 1})


def test_products_and_counts_of_very_many_bits():
    assert len(bits.strings(100_000)[0]) < 1000
    with pytest.raises(CheapError, match="synapses"):
        boolean_functions.symmetric([0, 1] * 10_000)


def test_matrices_of_float32_are_of_low_rank_to_their_digits():
    rng = np.random.default_rng(0)
    matrix = (rng.normal(size=(20, 2)) @ rng.normal(size=(2, 20))).astype(np.float32)
    for columns in (False, True):
        found = linear.low_rank(matrix, 2, columns=columns)
        np.testing.assert_allclose(found.product.toarray(), matrix, atol=1e-5)
    assert linear.low_rank(np.ones((2, 2), dtype=np.float16)).cost == 1.0
    assert math.isnan(linear.sparse_product(2, 1e-9, rng).cost)


def test_fast_multiplication_of_what_it_would_round_silently():
    product = fast.strassen(1)
    for dtype in (np.uint64, object):
        with pytest.raises(CheapError, match="dtype"):
            product(np.ones((2, 2), dtype=dtype), np.eye(2))
    for scale in (0.0, math.nan, 1e-200, "a"):
        with pytest.raises(CheapError, match="scale="):
            product.network(scale=scale)


@pytest.mark.parametrize("work", [[], [math.nan], [math.inf, 1.0]])
def test_bennett_of_no_finite_energies(work):
    with pytest.raises(ValueError, match="work_b has"):
        bennett([1.0], work)


def _drawn(model, draws, *, chains, seed):
    """Independent draws from all states, in place of a simulation."""
    states = exact.enumerate.states(model.shape)
    p = exact.enumerate.distribution(model.energy, model.shape)
    chosen = np.random.default_rng(seed).choice(len(states), size=(chains, draws), p=p)
    return xr.Dataset({"spin": (("chain", "draw", "y", "x"), states[chosen])})


def test_free_energies_of_the_triangular_lattice_by_simulation(monkeypatch):
    known = _free_energy.exact_log_Z
    monkeypatch.setattr(_free_energy, "exact_log_Z", lambda model: known(model) if model.K == 0 else None)
    monkeypatch.setattr(_free_energy.sampling, "sample", _drawn)
    models = [Ising((3, 3), K=0.1, lattice="triangular"), Ising((3, 3), K=0.25, h=0.1, lattice="triangular")]
    found, _ = _free_energy.log_Z(models, draws=500)
    for model, item in zip(models, found, strict=True):
        assert abs(item.value - exact.log_Z(model.energy, model.shape)) < 4 * item.stderr < 0.5
