"""φ⁴ and the Gaussian field: definitions, refusals, and every move against quadrature and closed forms."""

import math

import numpy as np
import pytest
import scipy.stats

import rgnet as rg
from rgnet import stats, updates
from rgnet.exact import gaussian_field, quadrature
from rgnet.models import GaussianField, Phi4
from rgnet.sampling import sample

GRAPH = rg.Graph([(0, 1), (1, 2), (2, 0), (2, 3)])
NAMES = ("energy", "magnetization", "phi2", "phi4")
MOVES = [
    "metropolis",
    "heat-bath",
    "metropolis-sequential",
    "heat-bath-sequential",
    "heat-bath+wolff",
    "heat-bath+swendsen-wang",
    "heat-bath+over-relaxation",
]
# Shape or graph, options, r, u, h: one well, two deep ones, in a field, nearly free
SYSTEMS = [
    ((2,), {}, -1.0, 1.0, 0.0),
    ((3,), {}, -1.5, 0.8, 0.25),
    ((4,), {"boundary": "free"}, -1.5, 1.0, 0.1),
    ((2, 2), {}, -0.5, 0.5, 0.0),
    ((2, 2), {"lattice": "triangular", "boundary": "free"}, -2.0, 2.0, -0.1),
    (GRAPH, {}, 0.5, 0.2, 0.3),
]
CELLS = [(name, number) for name in MOVES for number in range(len(SYSTEMS)) if number < 2 or "+" not in name]
P_LEAST = 1e-3 / (len(NAMES) * len(CELLS))


def _exact(shape, options, r, u, h):
    return quadrature.phi4(shape, r, u, h, options.get("boundary", "periodic"), options.get("lattice", "hypercubic"))


def _p_values(data, exact):
    return [2 * scipy.stats.norm.sf(abs(stats.mean(data[name]).z(getattr(exact, name)))) for name in NAMES]


@pytest.mark.parametrize(("name", "number"), CELLS)
def test_moments_agree_with_quadrature(name, number):
    shape, options, r, u, h = SYSTEMS[number]
    draws = 400 if "+" in name else 10_000
    data = sample(Phi4(shape, r, u, h, **options), draws, update=name, warmup=100, thin=5, chains=4, seed=11)
    assert min(_p_values(data, _exact(*SYSTEMS[number]))) > P_LEAST


@pytest.mark.parametrize("name", ["metropolis", "heat-bath"])
def test_an_error_of_one_percent_in_the_coupling_is_seen(name):
    data = sample(Phi4(3, -1.515, 0.8, 0.25), 60_000, update=name, warmup=100, thin=8, seed=5)
    assert min(_p_values(data, _exact(3, {}, -1.5, 0.8, 0.25))) < P_LEAST


@pytest.mark.parametrize("shape", [(8,), (6, 2)])
def test_chains_and_strips_agree_with_the_transfer_operator(shape):
    data = sample(Phi4(shape, -1.0, 1.0, 0.1), 4000, update="heat-bath", warmup=200, thin=5, seed=6)
    assert min(_p_values(data, quadrature.phi4(shape, -1.0, 1.0, 0.1))) > 1e-4


@pytest.mark.slow
def test_moves_agree_on_a_larger_lattice():
    """Rows, scalar Metropolis, heat bath and clusters on 16 × 16, two wells: energies and φ² within their errors."""
    model = Phi4((16, 16), r=-1.3, u=1.0)
    found = {}
    for name, draws in (("metropolis", 3000), ("metropolis-sequential", 500), ("heat-bath+swendsen-wang", 300)):
        data = sample(model, draws, update=name, warmup=300, thin=3, seed=8)
        found[name] = [stats.mean(data[key]) for key in ("energy", "phi2", "phi4")]
    for name in list(found)[1:]:
        for a, b in zip(found["metropolis"], found[name], strict=True):
            assert abs(a.value - b.value) < 4.5 * math.hypot(a.stderr, b.stderr)


def test_energy_is_what_the_formula_says():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 2, 3))
    H = -0.7 * x.sum(axis=(1, 2)) + 0.5 * -1.2 * (x**2).sum(axis=(1, 2)) + 0.25 * 0.9 * (x**4).sum(axis=(1, 2))
    bonds = [((0, j), (1, j)) for j in range(3)] * 2 + [((i, j), (i, (j + 1) % 3)) for i in range(2) for j in range(3)]
    for a, b in bonds:
        H += 0.5 * (x[:, a[0], a[1]] - x[:, b[0], b[1]]) ** 2
    model = Phi4((2, 3), r=-1.2, u=0.9, h=0.7)
    np.testing.assert_allclose(model.energy(x), H)
    np.testing.assert_allclose(model.conjugate(x), -0.5 * (x**2).sum(axis=(1, 2)))
    open_ = Phi4((2, 3), r=-1.2, u=0.9, h=0.7, boundary=("free", "periodic"))
    np.testing.assert_allclose(model.energy(x) - open_.energy(x), 0.5 * ((x[:, 0] - x[:, 1]) ** 2).sum(axis=1))
    assert open_.order_field(x).shape == (3, 1, 2, 3)
    np.testing.assert_allclose(Phi4((2, 3), r=0.4, u=0.0).energy(x), GaussianField((2, 3), r=0.4).energy(x))


def test_models_travel_as_plain_data():
    for model in (
        Phi4((4, 6), r=-1.0, u=0.5, h=0.1, boundary=("free", "periodic")),
        Phi4(GRAPH, r=1.0, u=0.5),
        GaussianField((3, 3), r=0.2, lattice="triangular"),
    ):
        assert rg.models.from_dict(model.to_dict()) == model


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Phi4((4, 4), r=math.nan, u=1.0), r"r=nan: a coupling is a finite real number"),
        (lambda: Phi4((4, 4), r=1.0, u=math.inf), r"u=inf"),
        (lambda: Phi4((4, 4), r=1.0, u=-0.5), r"u=-0.5: .* give u > 0, or u = 0 with r > 0"),
        (lambda: Phi4((4, 4), r=-1.0, u=0.0), r"u=0, r=-1.0: .* give u > 0, or r > 0"),
        (lambda: Phi4((4, 4), r=-1.0, u=1e-60), r"overflow; give couplings and ratios below 1e50"),
        (lambda: GaussianField((4, 4), r=0.0), r"r=0.0: .* unless r > 0"),
        (lambda: GaussianField((4, 4), r=-1.0), r"r=-1.0: .* unless r > 0"),
        (lambda: GaussianField(1, r=1.0), r"one site"),
        (lambda: Phi4((4, 4), r=1.0, u=1.0).energy(np.full((4, 4), np.nan)), r"NaN or infinite values"),
        (lambda: Phi4((4, 4), r=1.0, u=1.0).energy(np.zeros((3, 4))), r"shape \(3, 4\)"),
    ],
)
def test_bad_input_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("name", ["wolff", "swendsen-wang", "over-relaxation", "wolff+over-relaxation"])
def test_moves_that_do_not_reach_everything_are_refused_alone(name):
    with pytest.raises(ValueError, match=r"does not reach every configuration by itself"):
        updates.resolve(name, Phi4((4, 4), r=-1.0, u=1.0))


@pytest.mark.parametrize("name", ["metropolis", "heat-bath", "heat-bath+wolff", "direct"])
def test_half_a_run_resumed_is_the_whole_run(name):
    model = GaussianField((16, 16), r=0.3) if name == "direct" else Phi4((16, 16), r=-1.3, u=1.0)
    options = {"update": name, "warmup": 20, "thin": 2, "chains": 2, "seed": 3}
    whole = sample(model, 12, **options)
    half = sample(model, 5, **options)
    rest = sample(model, 7, resume=half)
    for key in ("spin", *NAMES):
        np.testing.assert_array_equal(whole[key].values[:, 5:], rest[key].values)
    assert all(isinstance(whole.attrs[key], float) for key in whole.attrs if key == "step")


def test_deep_wells_are_an_ising_model():
    """r → −∞ at −(r + 4)/u = m²: the signs are Ising spins with K = m²; exact enumeration of 3 × 3."""
    K, u = 0.4, 2000.0
    model = Phi4((3, 3), r=-4.0 - K * u, u=u)
    data = sample(model, 1000, update="heat-bath+swendsen-wang", warmup=50, thin=2, seed=4)
    signs = np.sign(data["spin"].values).astype(np.int8)
    ising = rg.Ising((3, 3), K=K)
    exact = float(rg.exact.moments(ising.energy, ising.energy, (3, 3)).mean[0])
    assert abs(stats.mean(ising.energy(signs)).z(exact)) < 4
    assert np.abs(data["spin"].values ** 2 - K).max() < 0.2


def test_improved_estimators_agree_with_the_plain_ones():
    data = sample(Phi4((8, 8), r=-1.3, u=1.0), 1500, update="heat-bath+swendsen-wang", warmup=100, thin=2, seed=9)
    for power, name in ((2, "cluster_m2"), (4, "cluster_m4")):
        difference = stats.mean(data["magnetization"] ** power - data[name])
        assert abs(difference.z(0.0)) < 4


def test_quadrature_of_the_gaussian_field_is_its_closed_form():
    for shape, boundary in (((3,), "periodic"), ((6,), "free"), ((2, 2), ("free", "periodic"))):
        found = quadrature.phi4(shape, 1.5, 0.0, boundary=boundary, nodes=48)
        n_sites = math.prod(shape)
        np.testing.assert_allclose(found.log_Z, gaussian_field.log_Z(shape, 1.5, boundary), rtol=1e-6)
        np.testing.assert_allclose(found.energy, n_sites / 2, rtol=1e-6)
        np.testing.assert_allclose(found.phi2, gaussian_field.phi2(shape, 1.5, boundary), rtol=1e-6)
