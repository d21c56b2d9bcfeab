"""The square lattice against enumeration, elliptic integrals, published numbers, and decimal arithmetic."""

import itertools
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ellipe, ellipkm1

from rgnet import lattice
from rgnet.exact import _frustrated, ising2d

K_c = ising2d.K_c
SHAPES = [(2, 2), (2, 3), (3, 2), (2, 5), (5, 2), (3, 3), (3, 4), (4, 3), (3, 5), (4, 4)]
COUPLINGS = [-5.0, -2.0, -1.0, -0.6, -K_c, -0.2, -1e-3, 0.0, 1e-4, 0.3, K_c, 0.4406, 0.5, 1.0, 3.0]


@pytest.mark.parametrize("shape", SHAPES)
def test_torus_is_enumeration_for_either_sign(shape):
    n = shape[0] * shape[1]
    x = (1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)).reshape(-1, *shape)
    bonds = (x * np.roll(x, 1, 1) + x * np.roll(x, 1, 2)).sum((1, 2))
    for K in COUPLINGS:
        top = (K * bonds).max()
        log_z = top + np.log(np.exp(K * bonds - top).sum())
        p = np.exp(K * bonds - log_z)
        mean = p @ bonds
        assert ising2d.log_Z(K, shape) == pytest.approx(log_z, abs=5e-14, rel=1e-14)
        assert ising2d.energy(K, shape) == pytest.approx(-mean / n, abs=5e-14)
        assert ising2d.specific_heat(K, shape) == pytest.approx(K**2 * (p @ (bonds - mean) ** 2) / n, abs=2e-13)


@pytest.mark.parametrize(
    ("side", "log_z"),
    [(4, 15.521915458755), (16, 238.642256635133), (32, 952.648079548543), (64, 3808.672283419809)],
)
def test_published_log_Z_at_criticality(side, log_z):  # Kaufman's formula, evaluated independently
    assert ising2d.log_Z(K_c, (side, side)) == pytest.approx(log_z, abs=1e-12, rel=1e-15)


def test_energy_at_criticality():
    assert ising2d.energy(K_c, (64, 64)) == pytest.approx(-1.4239384, abs=5e-8)
    assert ising2d.energy(K_c, (128, 128)) == pytest.approx(-1.41908, abs=5e-6)
    assert ising2d.energy(K_c) == pytest.approx(-np.sqrt(2), abs=1e-14)
    assert ising2d.log_Z(K_c) == pytest.approx(0.92969539834161, abs=1e-14)
    assert np.isinf(ising2d.specific_heat(K_c))
    assert pytest.approx(np.log(1 + np.sqrt(2)) / 2, abs=1e-16) == K_c


def in_decimals(K, M, N):
    """The ln Z, energy and specific heat by 150 digits and differences over 1e-20, for K > 0."""

    def log_Z(K):
        s = ((2 * K).exp() - (-2 * K).exp()) / 2
        (A, B), (C, D) = (_frustrated._sector(s, M, N, parity) for parity in (1, 0))
        return ((A + B + C - D) * Decimal(2) ** (M * N - 1)).ln()

    with localcontext(Context(prec=150, Emax=MAX_EMAX, Emin=MIN_EMIN)):
        step = Decimal(10) ** -20
        below, here, above = log_Z(Decimal(K) - step), log_Z(Decimal(K)), log_Z(Decimal(K) + step)
        slope, bend = (above - below) / (2 * step), (above - 2 * here + below) / step**2
        return float(here), -float(slope) / (M * N), K**2 * float(bend) / (M * N)


@pytest.mark.parametrize("shape", [(8, 8), (7, 32), (2, 200), (64, 64)])
@pytest.mark.parametrize("K", [1e-3, 0.4, K_c, K_c + 1e-9, 0.45, 1.0])
def test_twelve_digits(shape, K):
    log_z, energy, heat = in_decimals(K, *shape)
    assert ising2d.log_Z(K, shape) == pytest.approx(log_z, rel=1e-13)
    assert ising2d.energy(K, shape) == pytest.approx(energy, rel=1e-12)
    assert ising2d.specific_heat(K, shape) == pytest.approx(heat, rel=1e-11)


def test_infinite_lattice_is_onsagers_closed_form():
    K = np.array([0.1, 0.3, 0.43, 0.441, 0.5, 1.0, 2.0])
    s, tanh2 = np.sinh(2 * K), np.tanh(2 * K) ** 2
    first, second = ellipkm1(((1 - s**2) / (1 + s**2)) ** 2), ellipe(4 * s**2 / (1 + s**2) ** 2)
    energy = -(1 + 2 / np.pi * (2 * tanh2 - 1) * first) / np.tanh(2 * K)
    bracket = first - second - (1 - tanh2) * (np.pi / 2 + (2 * tanh2 - 1) * first)
    np.testing.assert_allclose(ising2d.energy(K), energy, rtol=1e-13)
    np.testing.assert_allclose(ising2d.specific_heat(K), 4 / np.pi * (K / np.tanh(2 * K)) ** 2 * bracket, atol=2e-12)
    np.testing.assert_allclose(ising2d.log_Z(K[:3]), ising2d.log_Z(K[:3], (4096, 4096)) / 4096**2, rtol=1e-13)


def test_antiferromagnet_mirrors_the_ferromagnet_on_even_and_infinite_lattices():
    K = np.array([0.2, K_c, 0.7])
    for shape in (None, (4, 6)):
        np.testing.assert_array_equal(ising2d.log_Z(-K, shape), ising2d.log_Z(K, shape))
        np.testing.assert_array_equal(ising2d.energy(-K, shape), -ising2d.energy(K, shape))


@pytest.mark.parametrize("shape", [(31, 31), (31, 30), (30, 31)])
def test_frustrated_tori_reach_their_ground_state(shape):
    # Every odd ring has one unsatisfied bond: the rows if N is odd, the columns if M is
    M, N = shape
    unsatisfied = M * (N % 2) + N * (M % 2)
    assert ising2d.energy(-12.0, shape) == pytest.approx(2 - 2 * unsatisfied / (M * N), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.9, 0.9), st.tuples(st.integers(2, 40), st.integers(2, 40)))
def test_transposed_tori_agree_and_derivatives_fit(K, shape):
    assert ising2d.log_Z(K, shape) == pytest.approx(float(ising2d.log_Z(K, shape[::-1])), rel=1e-12)
    step = 1e-4
    below, above = ising2d.log_Z([K - step, K + step], shape) / (shape[0] * shape[1])
    assert -ising2d.energy(K, shape) == pytest.approx((above - below) / (2 * step), abs=2e-5)
    left, right = ising2d.energy([K - step, K + step], shape)
    assert ising2d.specific_heat(K, shape) == pytest.approx(-(K**2) * (right - left) / (2 * step), abs=2e-4)


def test_extreme_couplings_and_vectors():
    K = np.array([[-400.0, -1e-20], [0.0, 400.0]])
    for shape in (None, (6, 8), (2, 3)):
        assert ising2d.log_Z(K, shape).shape == (2, 2)
        assert np.isfinite(ising2d.specific_heat(K, shape)).all()
    assert ising2d.energy(K, (6, 8)) == pytest.approx(np.array([[2.0, 0.0], [0.0, -2.0]]), abs=1e-15)
    assert ising2d.log_Z(0.0, (6, 8)) == pytest.approx(48 * np.log(2), rel=1e-15)


def test_spontaneous_magnetization():
    assert ising2d.magnetization(0.5) == pytest.approx((1 - np.sinh(1.0) ** -4) ** 0.125, rel=1e-14)
    np.testing.assert_array_equal(ising2d.magnetization([-1.0, 0.4, K_c]), 0)
    near = ising2d.magnetization(K_c + np.array([1e-6, 1e-10]))
    assert np.log(near[0] / near[1]) / np.log(1e4) == pytest.approx(1 / 8, abs=1e-5)


def test_tangent_nnn_is_the_ratio_of_the_singular_parts():
    # Diagonal neighbours: <s s> = 2/π E(k) above K_c, k = 1/s² (McCoy & Wu 1973); nn: −energy/2. Slopes over a decade
    K = K_c + np.array([1e-8, 1e-9])
    diagonal = (1 - 2 / np.pi * ellipe(np.sinh(2 * K) ** -4)) - (1 - 2 / np.pi)
    nearest = -(ising2d.energy(K) + np.sqrt(2)) / 2
    slope = np.diff(diagonal / (K - K_c)) / np.diff(nearest / (K - K_c))
    assert abs(slope[0]) == pytest.approx(ising2d.TANGENT["nnn"], rel=1e-5)


def test_bad_input_is_refused():
    for shape in ((64,), (1, 8), (4, 4.0), 16, "ab"):
        with pytest.raises(ValueError, match="the torus has two sides, whole numbers of at least 2"):
            ising2d.log_Z(0.4, shape)
    with pytest.raises(ValueError, match="K=inf: a coupling is a finite real number"):
        ising2d.energy(float("inf"))


def test_bonds_of_a_side_of_two_are_counted_as_the_lattice_does():
    for shape in itertools.product((2, 3, 4), repeat=2):
        bonds = lattice.nearest_neighbors(shape, ("periodic", "periodic")).size // 2
        assert ising2d.specific_heat(1e-5, shape) / 1e-10 * (shape[0] * shape[1]) == pytest.approx(
            # d² ln Z/dK² at K = 0: each bond 1, and two bonds between the same sites 2 more
            bonds + 2 * sum(shape[0] * shape[1] // 2 for side in shape if side == 2),
            rel=1e-3,
        )
