"""Activations: values in every precision, Taylor coefficients against SymPy's series, refusals."""

import mpmath
import numpy as np
import pytest
import sympy

from rgnet.cheap import CheapError, activations


@pytest.mark.parametrize("name", activations.NAMES)
def test_taylor_coefficients_are_those_of_the_series(name):
    found = activations.get(name)
    coefficients = found.taylor(6, digits=40)
    series = sympy.series(found.expression, activations.T, 0, 7).removeO()
    with mpmath.workdps(50):
        for power, value in enumerate(coefficients):
            exact = mpmath.mpf(str(sympy.N(series.coeff(activations.T, power), 45)))
            assert abs(value - exact) < mpmath.mpf(10) ** -38


@pytest.mark.parametrize("at", ["1/3", 0.75, -2])
def test_taylor_series_elsewhere_sums_to_the_function(at):
    found = activations.get("gelu")
    with mpmath.workdps(40):
        point = mpmath.mpmathify(at)
        step = mpmath.mpf(1) / 64
        total = mpmath.polyval(found.taylor(20, at=at, digits=40)[::-1], step)
        assert abs(total - found.mp(point + step)) < mpmath.mpf(10) ** -34


@pytest.mark.parametrize("name", [*activations.NAMES, "x*exp(-x**2)", "t/(1+exp(-t))"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_keep_their_dtype_and_agree_with_many_digits(name, dtype):
    found = activations.get(name)
    x = np.array([-3.0, -0.5, 0.0, 0.25, 2.0], dtype=dtype)
    value = found(x)
    assert value.dtype == dtype
    exact = np.array([float(found.mp(item)) for item in x.tolist()])
    assert np.abs(value - exact).max() <= 8 * np.finfo(dtype).eps * max(1.0, np.abs(exact).max())


@pytest.mark.parametrize("name", [name for name in activations.NAMES if name != "exp"])
def test_named_activations_do_not_overflow(name):
    assert np.isfinite(activations.get(name)(np.array([-1e4, 1e4]))).all()


def test_parity_leaves_the_constant_out():
    parities = {name: activations.get(name).parity for name in activations.NAMES}
    odd = {"logistic": "odd", "tanh": "odd", "sin": "odd", "arctan": "odd"}
    assert parities == dict.fromkeys(activations.NAMES) | odd | {"gaussian": "even"}


def test_names_formulae_and_expressions_are_one():
    s = sympy.Symbol("s")
    assert activations.get("sigmoid") == activations.get("1/(1 + exp(-x))") == activations.get("logistic")
    assert activations.get(sympy.sin(s)) == activations.get("sin")
    assert activations.get(activations.get("tanh")) == activations.get("Tanh")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("relu", "not smooth: it is linear on either side"),
        ("max(x, 0)", "not smooth"),
        ("abs(x)", "not smooth"),
        ("softplsu", "did you mean 'softplus'"),
        ("x*y", "of 2 variables"),
        ("3", "of 0 variables"),
        ("2*x + 1", "is linear"),
        (7, "give a name"),
    ],
)
def test_what_is_no_activation_is_refused(given, said):
    with pytest.raises(CheapError, match=said):
        activations.get(given)


def test_where_there_is_no_series_is_refused():
    with pytest.raises(CheapError, match="no real Taylor series at 0"):
        activations.get("log(x)").taylor(2)
    with pytest.raises(CheapError, match="order=-1"):
        activations.get("sin").taylor(-1)
