"""XY and O(n): what their energies, windings and coordinates are, and the single-vector moves against closed forms."""

import functools
import itertools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

import rgnet as rg
from rgnet import stats, updates
from rgnet.models import from_dict
from rgnet.models.on import ON
from rgnet.models.xy import XY, from_vectors, vectors, vortices, wrapped

RING = rg.Graph([(0, 1), (1, 2), (2, 0)])
PAIR = rg.Graph([(0, 1)])
SINGLE = ("metropolis", "heat-bath", "metropolis-sequential", "heat-bath-sequential", "heat-bath+over-relaxation")
NAMES = (*SINGLE, "wolff", "swendsen-wang", "wolff+over-relaxation")
THIN = {"metropolis": 8, "metropolis-sequential": 8, "heat-bath": 4, "heat-bath-sequential": 4, "swendsen-wang": 4}


def alignment(n, K):
    """A_n(K) = ⟨s·F̂⟩ of one vector in a field of strength K."""
    return scipy.special.iv(n / 2, K) / scipy.special.iv(n / 2 - 1, K)


def ring_energy(K, sites):
    """⟨cos Δ⟩ per bond of XY on a ring: d/dK ln Σ_k I_k(K)^N / N."""
    k = np.arange(-40, 41)
    weights, slopes = scipy.special.iv(k, K), scipy.special.ivp(k, K)
    return (weights ** (sites - 1) * slopes).sum() / (weights**sites).sum()


@functools.cache
def torus_energy(K, shape, points):
    """⟨Σ cos Δ⟩ of XY on a torus by transfer matrix, each angle on a grid: the trapezoid rule, exact to rounding."""
    length, width = shape
    angles = 2 * math.pi * np.arange(points) / points

    def log_Z(K):
        link = np.exp(K * np.cos(np.subtract.outer(angles, angles)))
        rows = np.ones((points,) * width)
        for axis in range(width):
            shape = [points if a in (axis, (axis + 1) % width) else 1 for a in range(width)]
            rows = rows * link.reshape(shape)
        step = link
        for _ in range(width - 1):
            step = np.kron(step, link)
        matrix = np.sqrt(rows.ravel())[:, None] * step * np.sqrt(rows.ravel())
        largest = np.abs(matrix).max()
        values = np.linalg.eigvalsh(matrix / largest)
        return math.log((values**length).sum()) + length * math.log(largest)

    return (log_Z(K + 1e-4) - log_Z(K - 1e-4)) / 2e-4


EXACT = {  # model, exact mean of Σ s·s, or with K = 0 of Σ s^1
    "chain": (XY((6,), K=0.9, boundary="free"), 5 * alignment(2, 0.9)),
    "antiferromagnetic chain": (XY((6,), K=-0.9, boundary="free"), -5 * alignment(2, 0.9)),
    "ring": (XY((5,), K=1.2), 5 * ring_energy(1.2, 5)),
    "triangle, K < 0": (XY(RING, K=-1.0), 3 * ring_energy(-1.0, 3)),
    "O(2)": (ON((6,), n=2, K=0.9, boundary="free"), 5 * alignment(2, 0.9)),
    "O(3)": (ON((6,), n=3, K=1.1, boundary="free"), 5 * (1 / math.tanh(1.1) - 1 / 1.1)),
    "O(5)": (ON((6,), n=5, K=2.0, boundary="free"), 5 * alignment(5, 2.0)),
}


def names(*quick, of=NAMES):
    """Names of moves, all but a few of them for the slow tests."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in of]


def _sample(model, name, draws, seed=5):
    return rg.sample(model, draws, chains=4, update=name, warmup=60, thin=THIN.get(name, 2), seed=seed)


@pytest.mark.parametrize(("case", "name"), list(zip(EXACT, NAMES, strict=False)))
def test_energy_is_exact(case, name):
    _energy_is_exact(case, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", EXACT)
def test_energy_is_exact_by_every_move(case, name):
    _energy_is_exact(case, name)


def _energy_is_exact(case, name):
    model, exact = EXACT[case]
    found = stats.mean(_sample(model, name, 1500)["energy"])
    assert abs(found.z(-model.K * exact)) < 4.2  # 56 comparisons


@pytest.mark.parametrize("name", names("heat-bath+over-relaxation", "swendsen-wang"))
def test_torus(name):
    model = XY((4, 3), K=0.8)
    exact = torus_energy(0.8, (4, 3), 10)
    assert abs(stats.mean(_sample(model, name, 2000)["energy"]).z(-0.8 * exact)) < 3.5


def test_torus_energy_is_exact():
    """Against the grid's own convergence, and the strong-coupling series of a long ring."""
    assert torus_energy(0.8, (4, 3), 10) == pytest.approx(torus_energy(0.8, (4, 3), 8), abs=4e-4)
    # A width of 2 with two bonds across is a ladder; at K → 0 every bond gives K/2, a double one twice that
    assert torus_energy(0.01, (5, 2), 8) == pytest.approx(10 * 0.005 + 5 * 2 * 0.01, rel=2e-3)


@pytest.mark.parametrize("name", names("heat-bath", of=("metropolis", *NAMES[1:4:2], "wolff", "swendsen-wang")))
@pytest.mark.parametrize("n", [1, 2, 3, 4])  # 1 stands for XY
def test_two_vectors_in_a_field(n, name):
    """Angle of the bond against its density, and ⟨s^1⟩ by quadrature; the field h is along the first axis."""
    K, h = 1.3, 0.7
    model = XY(PAIR, K=K, h=h) if n == 1 else ON(PAIR, n=n, K=K, h=h)
    n = max(n, 2)
    data = _sample(model, name, 1500, seed=n)
    spins = model.order_field(data["spin"].values)
    cosine = (spins[..., 0] * spins[..., 1]).sum(axis=-1).ravel()

    def log_Y(f):  # of one vector in a field
        return math.log(scipy.special.ive(n / 2 - 1, f)) + f - (n / 2 - 1) * math.log(f)

    def density(angle):  # of the angle of the bond: the pair feels h |s_1 + s_2|
        return math.sin(angle) ** (n - 2) * math.exp(K * math.cos(angle) + log_Y(2 * h * math.cos(angle / 2) + 1e-12))

    total = scipy.integrate.quad(density, 0, math.pi)[0]
    edges = np.linspace(0, math.pi, 13)
    p = np.array([scipy.integrate.quad(density, a, b)[0] for a, b in itertools.pairwise(edges)]) / total
    angle = np.arccos(np.clip(cosine, -1, 1))
    tau = max(1.0, stats.autocorrelation_time(cosine.reshape(4, -1)) * 2)
    counts = np.histogram(angle, edges)[0] / tau
    assert scipy.stats.chisquare(counts, p * counts.sum()).pvalue > 1e-4
    first = spins[..., 0, :].mean(axis=-1)

    def along(angle):
        f = 2 * h * math.cos(angle / 2) + 1e-12
        return density(angle) * math.cos(angle / 2) * alignment(n, f)

    exact = scipy.integrate.quad(along, 0, math.pi)[0] / total
    assert abs(stats.mean(first).z(exact)) < 4


@pytest.mark.parametrize("name", names("heat-bath", "wolff"))
def test_an_error_of_one_percent_in_the_coupling_is_seen(name):
    """Draws of an open chain at 1.01 K, tested against K."""
    claimed = XY((512,), K=0.8, boundary="free")
    drawn = XY((512,), K=0.808, boundary="free")
    bonds = rg.sample(drawn, 800, chains=4, update=name, warmup=60, thin=3, seed=3)["energy"] / -drawn.K
    assert abs(stats.mean(bonds).z(511 * alignment(2, drawn.K))) < 4
    assert abs(stats.mean(bonds).z(511 * alignment(2, claimed.K))) > 4


@pytest.mark.parametrize(
    "model",
    [
        XY((4, 6), K=0.8, h=0.1),
        XY((4, 5), K=0.8, boundary=("periodic", "free")),
        XY((3, 4, 2), K=0.5),
        XY((8,), K=0.5),
        XY((3, 3), K=0.5, lattice="triangular"),
        ON((4, 4), n=3, K=0.8, h=0.2),
    ],
    ids=lambda model: f"{type(model).__name__}-{model.shape}",
)
@pytest.mark.parametrize("name", names("metropolis", of=("metropolis", "heat-bath+over-relaxation", "swendsen-wang")))
def test_what_kernels_measure_is_what_the_model_says(model, name):
    data = rg.sample(model, 20, chains=2, update=name, warmup=10, thin=1, seed=8)
    x = data["spin"].values
    np.testing.assert_allclose(data["energy"], model.energy(x), atol=1e-10)
    for key, values in model.observe(x).items():
        np.testing.assert_allclose(data[key], values, atol=1e-10, err_msg=key)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", [XY((6, 4), K=0.9, h=0.1), ON((3, 5), n=4, K=0.9)], ids=["XY", "O(4)"])
def test_resumed_bit_for_bit(model, name):
    options = {"chains": 2, "update": name, "warmup": 12, "thin": 3}
    whole = rg.sample(model, 9, seed=2, **options)
    first = rg.sample(model, 4, seed=2, **options)
    second = rg.sample(model, 5, resume=first)
    both = np.concatenate([first["spin"], second["spin"]], axis=1)
    np.testing.assert_array_equal(both, whole["spin"])
    assert second.attrs["rng_state"] == whole.attrs["rng_state"]


@pytest.mark.parametrize("name", NAMES)
def test_sweeps_do_not_depend_on_how_they_are_cut(name):
    from rgnet.models.model import padded

    model = XY((6, 6), K=0.9)
    states = []
    for cut in ((7,), (1, 2, 4)):
        move = updates.resolve(name, model).prepare(model, 1)
        rng = np.random.default_rng(1)
        state = padded(model, model.start(1, np.random.default_rng(2)))[None]
        for sweeps in cut:
            move.run(state, rng, sweeps, np.empty((1, 1, 0)), np.empty((1, 1, 512)))
        states.append(state)
    np.testing.assert_array_equal(*states)


def test_over_relaxation_keeps_the_energy_and_is_refused_alone():
    from rgnet.models.model import padded
    from rgnet.updates import over_relaxation

    for model in (XY((6, 6), K=0.9, h=0.3), ON((5, 5), n=3, K=0.9, h=0.3)):
        move = over_relaxation.update.prepare(model, 1)
        rng = np.random.default_rng(1)
        state = padded(model, model.start(1, rng))[None]
        out = np.empty((1, 200, model.components * model.n_sites))
        move.run(state, rng, 5, out, np.empty((1, 200, 512)))
        x = out.reshape(200, *model.start(0, rng).shape)
        assert np.ptp(model.energy(x)) < 1e-10
        assert np.abs(x[-1] - x[0]).max() > 0.1
        assert np.abs((model.order_field(x) ** 2).sum(axis=1) - 1).max() < 1e-14  # after 1000 sweeps
        with pytest.raises(ValueError, match=r"does not reach every configuration by itself"):
            rg.sample(model, 2, update="over-relaxation")


def test_step_is_tuned_to_accept_half():
    data = rg.sample(XY((16, 16), K=2.0), 2, update="metropolis", warmup=200, thin=1, seed=1)
    assert 0.6 < data.attrs["step"] < 1.6  # about 1.0, where half are accepted
    assert data.attrs["kernel"] == "half-rows"
    free = rg.sample(XY((3, 3), K=0.0), 2, update="metropolis", warmup=60, thin=1, seed=1)
    assert free.attrs["step"] == pytest.approx(math.pi)  # all are accepted, and the step is as long as it can be


def test_xy_is_o2_in_other_coordinates():
    rng = np.random.default_rng(0)
    x = rng.uniform(-math.pi, math.pi, (3, 4, 5))
    xy, on = XY((4, 5), K=0.7, h=0.2), ON((4, 5), n=2, K=0.7, h=0.2)
    by_hand = -0.7 * sum(np.cos(x - np.roll(x, 1, axis)).sum(axis=(1, 2)) for axis in (1, 2)) - 0.2 * np.cos(x).sum(
        (1, 2)
    )
    np.testing.assert_allclose(xy.energy(x), by_hand, rtol=1e-12)
    np.testing.assert_allclose(on.energy(xy.order_field(x)), by_hand, rtol=1e-12)
    np.testing.assert_allclose(from_vectors(vectors(x)), x, atol=1e-15)
    assert from_dict(xy.to_dict()) == xy
    assert from_dict(on.to_dict()) == on
    assert XY((4, 5), T=2.0).K == 0.5


def test_windings():
    x, y = np.indices((8, 8)) - 3.5
    single = np.arctan2(y, x)
    found = vortices(single, ("free", "free"))
    assert found[3, 3] == 1
    assert np.abs(found).sum() == 1
    assert vortices(-single, ("free", "free"))[3, 3] == -1
    rng = np.random.default_rng(1)
    random = rng.uniform(-math.pi, math.pi, (50, 6, 7))
    by_hand = sum(
        wrapped(b - a)
        for a, b in itertools.pairwise(
            [random, np.roll(random, -1, 1), np.roll(random, -1, (1, 2)), np.roll(random, -1, 2), random]
        )
    )
    found = vortices(random)
    np.testing.assert_array_equal(found, np.rint(by_hand / (2 * math.pi)))
    assert (found.sum(axis=(1, 2)) == 0).all()
    # Four independent differences: a third of the plaquettes of random angles have a winding
    assert np.abs(found).mean() == pytest.approx(1 / 3, abs=0.02)
    assert vortices(np.zeros((2, 3, 4)), ("periodic",) * 3).shape == (3, 2, 3, 4)


def test_datasets_of_angles_and_of_vectors():
    data = rg.sample(XY((4, 6), K=0.5), 3, chains=2, seed=1, warmup=5, thin=1)
    assert data.attrs["values"] == "angles"
    both = vectors(data)
    assert both["spin"].dims == ("chain", "draw", "component", "x", "y")
    assert both.attrs["values"] == "vectors"
    np.testing.assert_allclose(from_vectors(both)["spin"], data["spin"], atol=1e-15)
    np.testing.assert_allclose(both["spin"].sum(("x", "y")), data["magnetization"], atol=1e-12)
    np.testing.assert_array_equal(np.abs(vortices(data)).sum(axis=(-2, -1)), data["vortices"])
    with pytest.raises(ValueError, match=r"takes angles"):
        vectors(both)
    with pytest.raises(ValueError, match=r"defined of angles"):
        vortices(both)


def test_helicity_modulus_of_a_ring():
    """Υ/k_B T = (K⟨C⟩ − K²⟨S²⟩)/N = −N d²/dα² of ln Σ_k I_k(K)^N e^{ikα}/N: the variance of the winding number."""
    K, sites = 1.5, 4
    data = rg.sample(XY((sites,), K=K), 4000, update="heat-bath", warmup=50, thin=6, seed=6)
    found = stats.mean((K * data["helicity_cos"] - K**2 * data["helicity_sin"] ** 2) / sites)
    k = np.arange(-20, 21)
    weights = scipy.special.iv(k, K) ** sites
    exact = sites * (weights * k**2).sum() / weights.sum()
    assert abs(found.z(exact)) < 3.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: XY((4, 4)), r"give the coupling K or the temperature"),
        (lambda: XY((4, 4), K=math.nan), r"K=nan: a coupling is a finite real number"),
        (lambda: XY((4, 4), K=1.0, h=math.inf), r"h=inf: a coupling is a finite real number"),
        (lambda: XY((1,), K=1.0), r"one site|its own neighbour"),
        (lambda: ON((4, 4), n=1, K=1.0), r"n=1: give a number of components from 2"),
        (lambda: ON((4, 4), n=2.5, K=1.0), r"n=2.5: give a number of components"),
        (lambda: ON((4, 4), K=1.0, T=1.0), r"one of the two"),
        (lambda: XY((4, 4), K=1.0).energy(np.zeros((4, 5))), r"this model's lattice is \(4, 4\)"),
        (lambda: XY((2, 2), K=1.0).energy([[0.0, math.nan], [0.0, 0.0]]), r"no finite numbers"),
        (lambda: ON((2, 2), K=1.0).energy(np.ones((3, 2, 2))), r"no unit vectors"),
        (lambda: ON((2, 2), K=1.0).energy(np.ones((2, 2, 2))), r"give \(..., 3, \*shape\)"),
        (lambda: vortices(np.zeros(5)), r"plaquettes need two dimensions"),
        (lambda: from_vectors(np.zeros((3, 4, 4))), r"the component axis first"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
