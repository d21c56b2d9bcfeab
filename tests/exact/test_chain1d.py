"""The chain against enumeration, against published closed forms, and against itself at infinite length."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.exact import chain1d

FUNCTIONS = (chain1d.log_Z, chain1d.energy, chain1d.specific_heat, chain1d.magnetization, chain1d.susceptibility)
GRID_K = np.array([-2.0, -0.7, -0.1, 0.0, 0.3, 1.1])[:, None]
GRID_H = np.array([-1.0, 0.0, 0.4])


def enumerated(K, h, n, boundary):
    x = np.array(list(itertools.product((1, -1), repeat=n)))
    bonds = (x * np.roll(x, 1, axis=1)).sum(1) if boundary == "periodic" else (x[:, 1:] * x[:, :-1]).sum(1)
    total = x.sum(1)
    weight = np.exp(K * bonds + h * total)
    p = weight / weight.sum()

    def variance(a):
        return p @ (a - p @ a) ** 2

    sums = (-p @ bonds / n, K**2 * variance(bonds) / n, p @ total / n, variance(total) / n)
    return (np.log(weight.sum()), *sums), x, p


@pytest.mark.parametrize(
    ("n", "boundary"), [(2, "periodic"), (3, "periodic"), (8, "periodic"), (1, "free"), (7, "free")]
)
def test_finite_chain_is_enumeration(n, boundary):
    for K, h in itertools.product(GRID_K.ravel(), GRID_H):
        expected, x, p = enumerated(K, h, n, boundary)
        assert [f(K, h, n, boundary) for f in FUNCTIONS] == pytest.approx(expected, abs=2e-13, rel=1e-12)
        for r in range(n):
            connected = p @ (x[:, 0] * x[:, r]) - (p @ x[:, 0]) * (p @ x[:, r])
            assert chain1d.correlation(r, K, h, n, boundary) == pytest.approx(connected, abs=1e-13)


def test_infinite_chain_is_the_limit_of_long_rings():
    n = 1 << 20
    for f in FUNCTIONS:
        long = f(GRID_K, GRID_H, n) / (n if f is chain1d.log_Z else 1)
        np.testing.assert_allclose(f(GRID_K, GRID_H), long, rtol=1e-11, atol=1e-13)
    for r in (0, 1, 6):
        np.testing.assert_allclose(
            chain1d.correlation(r, GRID_K, GRID_H), chain1d.correlation(r, GRID_K, GRID_H, n), atol=1e-13
        )


def test_without_field_the_textbook_formulae_hold():
    K = np.array([-1.3, -0.2, 0.5, 2.0])
    np.testing.assert_allclose(chain1d.log_Z(K), np.log(2 * np.cosh(K)), rtol=1e-14)
    np.testing.assert_allclose(chain1d.energy(K), -np.tanh(K), rtol=1e-13)
    np.testing.assert_allclose(chain1d.specific_heat(K), (K / np.cosh(K)) ** 2, rtol=1e-13)
    np.testing.assert_allclose(chain1d.susceptibility(K), np.exp(2 * K), rtol=1e-13)
    np.testing.assert_allclose(chain1d.correlation(3, K), np.tanh(K) ** 3, rtol=1e-12)
    np.testing.assert_allclose(chain1d.correlation_length(K), -1 / np.log(np.abs(np.tanh(K))), rtol=1e-12)
    np.testing.assert_allclose(chain1d.log_Z(K, 0.0, 9, "free"), 9 * np.log(2) + 8 * np.log(np.cosh(K)), rtol=1e-14)


@pytest.mark.parametrize(("K", "h"), [(0.6, 0.3), (-0.6, 0.3), (-0.6, -1.2), (0.01, 2.0)])
def test_correlation_length_is_the_ratio_of_the_transfer_matrix_eigenvalues(K, h):
    matrix = [[np.exp(K + h), np.exp(-K)], [np.exp(-K), np.exp(K - h)]]
    small, large = sorted(np.linalg.eigvalsh(matrix), key=abs)
    assert chain1d.correlation_length(K, h) == pytest.approx(-1 / np.log(abs(small / large)), rel=1e-11)


def test_correlation_length_keeps_its_digits_at_low_temperature():
    assert chain1d.correlation_length([-20.0, 20.0]) == pytest.approx(np.exp(40.0) / 2, rel=1e-13)
    assert chain1d.correlation_length(0.0) == 0


@settings(max_examples=60, deadline=None)
@given(st.floats(-350, 350), st.floats(-3000, 3000), st.sampled_from([None, 2, 3, 100, 12345]))
def test_nothing_overflows(K, h, n):
    for f in FUNCTIONS:
        assert np.isfinite(f(K, h, n))
    assert -1 <= chain1d.energy(K, h, n) <= 1
    assert abs(chain1d.magnetization(K, h, n)) <= 1


def test_decimation_without_field():
    K = np.linspace(-2, 2, 9)
    for b in (1, 2, 3, 4, 7):
        K_b, h_b, _ = chain1d.decimate(K, b=b)
        np.testing.assert_allclose(np.tanh(K_b), np.tanh(K) ** b, atol=1e-15)
        assert not h_b.any()


@settings(max_examples=60, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.sampled_from([2, 3, 5]))
def test_decimation_keeps_the_partition_function(K, h, b):
    K_b, h_b, constant = chain1d.decimate(K, h, b)
    n = 4
    assert chain1d.log_Z(K_b, h_b, n) + n * constant == pytest.approx(float(chain1d.log_Z(K, h, n * b)), abs=1e-11)
    assert chain1d.magnetization(K_b, h_b, n) == pytest.approx(float(chain1d.magnetization(K, h, n * b)), abs=1e-11)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="n=1: a periodic chain has a whole number of spins, at least 2"):
        chain1d.log_Z(0.5, n=1)
    with pytest.raises(ValueError, match='boundary=\'open\': give "periodic" or "free"'):
        chain1d.energy(0.5, n=4, boundary="open")
    with pytest.raises(ValueError, match="K=nan: a coupling is a finite real number"):
        chain1d.energy(float("nan"))
    with pytest.raises(ValueError, match="b=0: a scale factor is a whole number of at least 1"):
        chain1d.decimate(0.5, b=0)
    with pytest.raises(
        ValueError, match=r"r=5: a distance is a whole number from 0 on, below the number of spins \(5\)"
    ):
        chain1d.correlation(5, 0.5, n=5)
