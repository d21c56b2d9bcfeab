"""The closed form against determinants, numerical minimisation, the published curve, and Gaussian fields."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.information.gaussian_bottleneck import gaussian_bottleneck


def random_covariances(rng, nx, ny):
    root = rng.standard_normal((nx + ny, nx + ny)) + 0.5 * np.eye(nx + ny)
    joint = root @ root.T
    return joint[:nx, :nx], joint[nx:, nx:], joint[:nx, nx:]


def by_determinants(a, x, y, xy):
    """I(T;x) and I(T;y) of T = A x + unit noise, by the definition."""

    def half_log_det(matrix):
        return 0.5 * np.linalg.slogdet(matrix)[1]

    given_y = x - xy @ np.linalg.solve(y, xy.T)
    unit = np.eye(len(a))
    about_x = half_log_det(a @ x @ a.T + unit)
    return about_x, about_x - half_log_det(a @ given_y @ a.T + unit)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.floats(1.0, 1e4))
def test_against_determinants(seed, nx, ny, beta):
    x, y, xy = random_covariances(np.random.default_rng(seed), nx, ny)
    solution = gaussian_bottleneck(x, y, xy)
    given_y = x - xy @ np.linalg.solve(y, xy.T)
    np.testing.assert_allclose(
        solution.eigenvalues, np.sort(np.linalg.eigvals(given_y @ np.linalg.inv(x)).real), rtol=1e-6, atol=1e-9
    )
    v = solution.directions
    np.testing.assert_allclose(v @ x @ v.T, np.eye(nx), atol=1e-8)
    np.testing.assert_allclose(v @ given_y @ v.T, np.diag(solution.eigenvalues), atol=1e-7)
    np.testing.assert_allclose(
        solution.information(beta), by_determinants(solution.projection(beta), x, y, xy), rtol=1e-6, atol=1e-7
    )
    joint = np.block([[x, xy], [xy.T, y]])
    total = 0.5 * (np.linalg.slogdet(x)[1] + np.linalg.slogdet(y)[1] - np.linalg.slogdet(joint)[1])
    assert solution.total() == pytest.approx(total, rel=1e-6, abs=1e-9)
    about_x, about_y = solution.information(beta)
    assert -1e-12 <= about_y <= min(about_x, solution.total()) + 1e-12


def test_one_direction_by_hand():
    """ρ² = ½: λ = ½, β_c = 2; at β = 3, α² = 1 and both informations follow."""
    solution = gaussian_bottleneck([[4.0]], [[1.0]], [[2.0 * np.sqrt(0.5)]])
    np.testing.assert_allclose(solution.eigenvalues, [0.5], atol=1e-15)
    np.testing.assert_allclose(solution.critical, [2.0], atol=1e-14)
    np.testing.assert_allclose(solution.projection(3.0), [[0.5]], atol=1e-14)
    np.testing.assert_allclose(solution.information(3.0), [0.5 * np.log(2), 0.5 * np.log(2 / 1.5)], atol=1e-14)
    assert solution.information(1.999) == (0.0, 0.0)
    assert solution.projection(1.999).shape == (0, 1)
    assert solution.total() == pytest.approx(0.5 * np.log(2), abs=1e-15)


@pytest.mark.parametrize("beta", [1.5, 4.0, 30.0])
def test_no_numerical_optimum_is_better(beta):
    rng = np.random.default_rng(4)
    x, y, xy = random_covariances(rng, 3, 2)
    solution = gaussian_bottleneck(x, y, xy)

    def objective(flat):
        about_x, about_y = by_determinants(flat.reshape(3, 3), x, y, xy)
        return about_x - beta * about_y

    about_x, about_y = solution.information(beta)
    found = [scipy.optimize.minimize(objective, rng.standard_normal(9), method="BFGS").fun for _ in range(4)]
    assert min(found) == pytest.approx(about_x - beta * about_y, abs=1e-6)
    assert min(found) > about_x - beta * about_y - 1e-8


def test_the_published_information_curve():
    """Chechik et al. 2005, eq. 31, between the second and the third critical β: I(T;y) as a function of I(T;x)."""
    x, y, xy = random_covariances(np.random.default_rng(8), 4, 4)
    solution = gaussian_bottleneck(x, y, xy)
    lam = solution.eigenvalues[:2]
    betas = np.linspace(solution.critical[1], solution.critical[2], 7)[1:]
    about_x, about_y = solution.curve(betas)
    expected = about_x - np.log(np.prod(1 - lam) ** 0.5 + np.exp(about_x) * np.prod(lam) ** 0.5)
    np.testing.assert_allclose(about_y, expected, atol=1e-12)


def test_the_slope_of_the_curve_is_one_over_beta():
    x, y, xy = random_covariances(np.random.default_rng(9), 3, 5)
    solution = gaussian_bottleneck(x, y, xy)
    for beta in (2.0, 5.0, 50.0):
        if beta > solution.critical[0]:
            about_x, about_y = solution.curve([beta * (1 - 1e-5), beta * (1 + 1e-5)])
            assert np.diff(about_y) / np.diff(about_x) == pytest.approx(1 / beta, rel=1e-4)
    assert solution.information(1e9)[1] == pytest.approx(solution.total(), abs=1e-7)


def test_directions_appear_one_by_one():
    x, y, xy = random_covariances(np.random.default_rng(10), 5, 3)
    solution = gaussian_bottleneck(x, y, xy)
    assert (np.diff(solution.critical[:3]) > 0).all()
    assert np.isinf(solution.critical[3:]).all()  # three numbers y cannot speak of more than three directions
    for i in range(3):
        assert len(solution.projection(solution.critical[i] * (1 - 1e-9))) == i
        assert len(solution.projection(solution.critical[i] * (1 + 1e-9))) == i + 1


@pytest.mark.parametrize("relevant", ["long", "short"])
def test_a_lattice_field_is_integrated_out_shell_by_shell(relevant):
    """A massive field on a ring of 16 sites: of a smoothed field T keeps long waves, of curvature short ones."""
    n, noise = 16, 0.1
    k = 2 * np.pi * np.fft.fftfreq(n)
    spectrum = 1 / (0.1 + 4 * np.sin(k / 2) ** 2)
    kernel = np.exp(-2 * k**2) if relevant == "long" else 4 * np.sin(k / 2) ** 2
    fourier = np.fft.fft(np.eye(n)) / np.sqrt(n)

    def matrix(diagonal):
        return (fourier.conj().T @ np.diag(diagonal) @ fourier).real

    x, filtered = matrix(spectrum), matrix(kernel)
    solution = gaussian_bottleneck(x, filtered @ x @ filtered.T + noise * np.eye(n), x @ filtered.T)
    ratio = np.sort(kernel**2 * spectrum / noise)[::-1]  # s(k), signal to noise of each mode
    np.testing.assert_allclose(solution.eigenvalues, 1 / (1 + ratio), rtol=1e-9)
    np.testing.assert_allclose(1 / solution.critical, ratio / (1 + ratio), rtol=1e-6, atol=1e-14)
    # What T holds: whole shells of momenta, in the order of their wavelength
    power = np.abs(np.fft.fft(solution.directions, axis=1)) ** 2
    shells = np.abs(k)[power.argmax(axis=1)]
    shells = shells[solution.critical < 1e6]
    assert (np.diff(shells) > -1e-9).all() if relevant == "long" else (np.diff(shells) < 1e-9).all()
    gains = solution.gains(1.5)
    assert ((gains > 0) == (solution.critical < 1.5)).all()
    assert 0 < np.count_nonzero(gains) < n


def test_units_of_the_components_do_not_matter():
    x, y, xy = random_covariances(np.random.default_rng(12), 4, 3)
    units = np.array([1e-8, 1.0, 1e5, 1e9])
    plain = gaussian_bottleneck(x, y, xy)
    scaled = gaussian_bottleneck(x * np.outer(units, units), y, xy * units[:, None])
    np.testing.assert_allclose(scaled.eigenvalues, plain.eigenvalues, rtol=1e-9)
    np.testing.assert_allclose(scaled.information(20.0), plain.information(20.0), rtol=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "xy", "message"),
    [
        ([[1.0]], [[1.0]], [[1.0]], r"canonical correlation of x and y is 1"),
        ([[1.0]], [[1.0]], [[1.5]], r"of no joint Gaussian"),
        ([[1.0]], [[1.0]], [[0.1, 0.2]], r"covariance_xy has shape \(1, 2\): x and y have 1 and 1"),
        ([[1.0, 0.5]], [[1.0]], [[0.1]], r"covariance_x has shape \(1, 2\): a covariance matrix is square"),
        ([[1.0, 0.5], [0.4, 1.0]], [[1.0]], [[0.1], [0.1]], r"not symmetric: .* 0\.1"),
        ([[1.0, 1.0], [1.0, 1.0]], [[1.0]], [[0.1], [0.1]], r"covariance_x is not positive definite"),
        ([[0.0]], [[1.0]], [[0.0]], r"variance 0: drop constant components"),
        ([[np.nan]], [[1.0]], [[0.0]], r"1 entries that are not finite"),
        ([1.0], [[1.0]], [[0.0]], r"shape \(1,\)"),
        (np.array([["a"]]), [[1.0]], [[0.0]], r"matrix of real numbers"),
        (np.zeros((0, 0)), [[1.0]], [[0.0]], r"matrix of real numbers"),
    ],
)
def test_bad_covariances(x, y, xy, message):
    with pytest.raises(ValueError, match=message):
        gaussian_bottleneck(x, y, xy)


@pytest.mark.parametrize("beta", [0.5, np.inf, np.nan])
def test_bad_beta(beta):
    with pytest.raises(ValueError, match=r"at least 1"):
        gaussian_bottleneck([[1.0]], [[1.0]], [[0.5]]).projection(beta)
