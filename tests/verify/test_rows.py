"""What rows lean on that is their own: digits evaluated apart, transition matrices, sums over states."""

import functools
from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.special import ellipe, ellipk

from rgnet.exact import ising2d
from rgnet.verify import checks
from rgnet.verify.rows import autocorrelation, exact, flow

ROWS = {row.name: row for item in checks() for row in item.rows}


@functools.cache
def pi():
    """Machin's formula."""

    def arctan_of_inverse(n):
        term = total = Decimal(1) / n
        for k in range(3, 400, 2):
            term /= -(n * n)
            total += term / k
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


def cosine(x):
    total = term = Decimal(1)
    for k in range(1, 60):
        term *= -x * x / ((2 * k - 1) * (2 * k))
        total += term
    return total


def log_Z_at_criticality(side):
    """Kaufman's four products at K_c, where sinh 2K = 1 and cosh γ_r = 2 − cos(πr/L), in 70 digits."""
    gammas = []
    for r in range(2 * side):
        c = 2 - cosine(pi() * min(r, 2 * side - r) / side)
        gammas.append((c + (c * c - 1).sqrt()).ln())
    products = []
    for parity, sign in ((1, 1), (1, -1), (0, 1), (0, -1)):
        product = Decimal(1)
        for gamma in gammas[parity::2]:
            half = gamma * side / 2
            product *= half.exp() + sign * (-half).exp()
        products.append(product)
    return (Decimal(2) ** (side * side // 2) * sum(products) / 2).ln()


@pytest.mark.parametrize("side", [4, 16, 32])
def test_the_digits_of_kaufman(side):
    with localcontext() as context:
        context.prec = 70
        assert ROWS[f"exact/log-Z-{side}"].expected == float(log_Z_at_criticality(side))


def test_onsager_by_elliptic_integrals_is_the_derivative_of_itself():
    step = 1e-4
    energy, heat = exact._elliptic(exact.K)
    slope = (exact._elliptic(exact.K + step)[0] - exact._elliptic(exact.K - step)[0]) / (2 * step)
    assert heat == pytest.approx(-(exact.K**2) * slope, rel=1e-6)
    assert float(ellipk(0)) == pytest.approx(np.pi / 2)
    assert float(ellipe(0)) == pytest.approx(np.pi / 2)
    assert energy == pytest.approx(-2 * np.tanh(exact.K), abs=0.3)  # two bonds a site, and a little from loops


@pytest.mark.parametrize("name", ["metropolis", "heat-bath", "swendsen-wang"])
def test_transition_matrices_leave_the_gibbs_distribution_alone(name):
    matrix = autocorrelation.clusters() if name == "swendsen-wang" else autocorrelation.single_spin(name)
    x = autocorrelation._states()
    p = np.exp(autocorrelation.K_C * np.sum([x[:, a] * x[:, b] for a, b in autocorrelation.BONDS], axis=0))
    p /= p.sum()
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(p @ matrix, p, rtol=1e-10)
    assert len(autocorrelation.BONDS) == 12


def test_an_exact_time_is_the_sum_of_its_autocorrelations():
    matrix = autocorrelation.single_spin("heat-bath")
    x = autocorrelation._states()
    p = np.exp(autocorrelation.K_C * np.sum([x[:, a] * x[:, b] for a, b in autocorrelation.BONDS], axis=0))
    p /= p.sum()
    f = x.sum(axis=1).astype(float)
    moved, total = f.copy(), 0.5
    for _ in range(200):
        moved = matrix @ moved
        total += (p * f) @ moved / (p @ f**2)
    assert autocorrelation.exact_time(matrix, "M") == pytest.approx(total, rel=1e-9)


def test_the_energies_that_are_integrated_give_log_Z_to_what_the_note_says():
    from rgnet.verify.rows import updates

    x, w = np.polynomial.legendre.leggauss(updates.NODES)
    nodes = (x + 1) / 2 * updates.K_C
    found = np.log(2) - (w / 2 * updates.K_C * ising2d.energy(nodes, (16, 16))).sum()
    assert abs(found - ROWS["updates/log-Z"].expected) == pytest.approx(4e-7, rel=0.1)


def test_published_errors_contain_what_they_claim():
    assert ROWS["flow/tangent-third"].expected_stderr == pytest.approx(0.004, rel=0.02)
    assert ROWS["flow/y_h-2-4"].expected_stderr == pytest.approx(1e-4 * np.sqrt(1 + 1 / 12))
    assert set(flow.TABLE) == {(1, 1), (1, 4), (2, 1), (2, 4), (3, 1), (3, 4), (4, 4)}
