"""The Gaussian field: closed forms against each other, and every way to draw it against them."""

import math

import numpy as np
import pytest
import scipy.stats

import rgnet as rg
from rgnet import lattice, stats, updates
from rgnet.exact import gaussian_field as exact
from rgnet.models import GaussianField
from rgnet.sampling import sample

GRAPH = rg.Graph([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)])
PLACES = [
    ((5,), {}),
    ((4, 6), {}),
    ((3, 4), {"boundary": "free"}),
    ((2, 5), {"boundary": ("free", "periodic")}),
    ((2, 3), {"boundary": ("periodic", "free")}),
    ((3, 2, 4), {"boundary": ("periodic", "free", "periodic")}),
    ((4, 3), {"lattice": "triangular"}),
    ((3, 3), {"lattice": "triangular", "boundary": "free"}),
    (GRAPH, {}),
]


def _where(shape, options):
    return lattice.geometry(shape, options.get("boundary", "periodic"), options.get("lattice", "hypercubic"))


def _place(shape, options):
    return shape, 0.3, options.get("boundary", "periodic"), options.get("lattice", "hypercubic")


@pytest.mark.parametrize(("shape", "options"), PLACES)
def test_closed_forms_agree_with_the_matrix(shape, options):
    model = GaussianField(shape, r=0.3, **options)
    A = exact.matrix(_where(shape, options), 0.3)
    x = np.random.default_rng(2).normal(size=model.shape)
    np.testing.assert_allclose(model.energy(x), 0.5 * x.ravel() @ A @ x.ravel())
    values = np.linalg.eigvalsh(A)
    np.testing.assert_allclose(np.sort(exact.eigenvalues(*_place(shape, options)).ravel()), values)
    np.testing.assert_allclose(exact.log_Z(*_place(shape, options)), 0.5 * np.log(2 * math.pi / values).sum())
    np.testing.assert_allclose(exact.covariance(*_place(shape, options)).trace(), exact.phi2(*_place(shape, options)))


def test_correlations_on_a_torus():
    C = exact.covariance((4, 6), 0.3).reshape(4, 6, 4, 6)
    np.testing.assert_allclose(exact.correlation((4, 6), 0.3), C[0, 0], atol=1e-12)
    r, side = 0.5, 40  # the infinite chain: C(x) = e^{-m|x|}/(2 sinh m), 2 sinh(m/2) = √r
    m = 2 * math.asinh(math.sqrt(r) / 2)
    np.testing.assert_allclose(
        exact.correlation(side, r)[:5], np.exp(-m * np.arange(5)) / (2 * math.sinh(m)), rtol=1e-9
    )


@pytest.mark.parametrize(("shape", "options"), PLACES)
def test_direct_draws_have_the_exact_covariance(shape, options):
    """A chi-square of all the field's eigenmodes: their squares over their variances, draw by draw independent."""
    model = GaussianField(shape, r=0.3, **options)
    data = sample(model, 2500, chains=1, update="direct", warmup=0, thin=1, seed=5)
    x = data["spin"].values.reshape(2500, -1)
    values, modes = np.linalg.eigh(exact.matrix(_where(shape, options), 0.3))
    squares = ((x @ modes) ** 2 * values).sum(axis=0)
    p = 2 * np.minimum(scipy.stats.chi2.sf(squares, 2500), scipy.stats.chi2.cdf(squares, 2500))
    assert p.min() > 1e-4 / (len(PLACES) * len(values))
    cross = np.corrcoef((x @ modes).T)
    assert np.abs(cross - np.eye(len(values))).max() < 5.5 / math.sqrt(2500)
    np.testing.assert_allclose(data["energy"].values[0], model.energy(data["spin"].values[0]), rtol=1e-10)
    for key, found in model.observe(data["spin"].values).items():
        np.testing.assert_allclose(data[key].values, found, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["metropolis", "heat-bath", "heat-bath+over-relaxation"])
def test_moves_give_the_propagator_at_every_wave_number(name):
    shape, r = (16, 16), 0.4
    data = sample(GaussianField(shape, r=r), 400, update=name, warmup=100, thin=8, seed=6)
    waves = np.abs(np.fft.fftn(data["spin"].values, axes=(2, 3))) ** 2 / 256
    G = exact.propagator(shape, r)
    folded = {}
    for k in np.ndindex(shape):
        folded.setdefault(round(float(G[k]), 9), []).append(k)
    z = [stats.mean(sum(waves[:, :, a, b] for a, b in ks) / len(ks)).z(value) for value, ks in folded.items()]
    assert max(np.abs(z)) < scipy.stats.norm.isf(1e-4 / (2 * 3 * len(z)))


def test_an_error_of_one_percent_in_the_mass_is_seen():
    data = sample(GaussianField((64, 64), r=3.03), 500, update="direct", warmup=0, thin=1, seed=7)
    assert abs(stats.mean(data["phi2"]).z(exact.phi2((64, 64), 3.0))) > 5
    assert abs(stats.mean(data["phi2"]).z(exact.phi2((64, 64), 3.03))) < 4


def test_wick():
    data = sample(GaussianField((16, 16), r=0.5), 1500, update="direct", warmup=0, thin=1, seed=8)
    assert abs(stats.mean(data["phi4"]).z(3 * 256 * (exact.phi2((16, 16), 0.5) / 256) ** 2)) < 4


def test_how_the_work_is_cut_changes_nothing():
    model = GaussianField((4, 4), r=0.3)
    move = updates.resolve("direct", model).prepare(model, 1)
    found = []
    for parts in ((6,), (2, 3, 1)):
        rng, state = np.random.default_rng(3), np.zeros((1, 20))
        for part in parts:
            move.run(state, rng, part, np.empty((1, 1, 0)), np.empty((1, 1, 4)))
        found.append(state.copy())
    np.testing.assert_array_equal(*found)


def test_large_lattices_without_waves_are_refused():
    ring = rg.Graph([(k, (k + 1) % 5000) for k in range(5000)])
    with pytest.raises(ValueError, match=r"Cholesky factor of 5000 > 4096 sites is too large"):
        updates.resolve("direct", GaussianField(ring, r=1.0))


@pytest.mark.parametrize("r", [0.0, -1.0, math.nan, math.inf])
def test_closed_forms_refuse_a_field_without_mass(r):
    with pytest.raises(ValueError, match=r"needs a finite r > 0"):
        exact.log_Z((4, 4), r)


def test_what_a_graph_and_a_single_row_have():
    for function in (exact.propagator, exact.correlation):
        with pytest.raises(ValueError, match=r"no translations, and so no waves; use covariance"):
            function(GRAPH, 0.5)
    assert exact.energy(GRAPH) == 2.5
    assert exact.energy((8, 1)) == 4.0
