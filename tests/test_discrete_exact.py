"""Enumeration of any model, transfer matrices, and Baxter's numbers, against each other and closed forms."""

import math

import numpy as np
import pytest
import states

import rgnet as rg
from rgnet import lattice
from rgnet.exact import enumerate as full
from rgnet.exact import ising2d, potts2d, transfer, transfer_glass
from rgnet.models import BlumeCapel, Clock, DiscreteModel, Potts, SpinGlass

HARD = [[0, 0], [0, -math.inf]]
MODELS = [
    Potts((3, 3), q=3, K=0.7, h=0.2),
    Potts((2, 3), q=3, K=-0.7),
    Potts((4, 3), q=2, K=0.3, h=0.1, boundary=("periodic", "free")),
    Potts(5, q=4, K=0.6),
    Clock((2, 3), q=5, K=0.6, boundary=("free", "periodic")),
    Clock((2, 2), q=7, K=0.6, h=0.1),
    Clock(4, q=9, K=0.4, boundary="free"),
    BlumeCapel((3, 3), K=0.5, D=0.3, boundary=("free", "periodic")),
    BlumeCapel((3, 2), K=0.5, D=0.3, h=0.1, boundary="free"),
    BlumeCapel((1, 6), K=0.5, D=0.3, h=0.1, boundary=("free", "periodic")),
    DiscreteModel((3, 4), HARD, [0, 0.5]),
    DiscreteModel((3, 3), [[0.1, 0.2, 0], [0.2, -1, 0.4], [0, 0.4, 0.5]], [0, 0.1, -0.3]),
    rg.Ising((3, 4), K=0.4, h=-0.1),
    rg.Ising(7, K=-0.4, h=0.1),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_transfer_matrices_agree_with_enumeration_and_that_with_the_definition(model):
    energy = states.energies(model, states.states(model))
    energy = energy[np.isfinite(energy)]
    p = np.exp(-energy)
    Z = p.sum()
    mean = (p * energy).sum() / Z
    expected = (math.log(Z), mean, (p * (energy - mean) ** 2).sum() / Z)
    np.testing.assert_allclose(full.thermal(model), expected, rtol=1e-11)
    np.testing.assert_allclose(transfer.of_model(model), expected, rtol=1e-10)


def test_any_sum_has_its_mean_and_variance():
    model = Potts((3, 4), q=3, K=0.6, h=0.3, boundary=("free", "periodic"))
    bond, site = transfer.tables_of(model)
    for of, observable in (
        ((np.eye(3), np.zeros(3)), model.conjugate),
        ((np.zeros((3, 3)), [1, 0, 0]), lambda x: (x == 0).sum(axis=(-1, -2))),
        ((np.zeros((3, 3)), [0, 1, 5]), lambda x: (x == 1).sum(axis=(-1, -2)) + 5 * (x == 2).sum(axis=(-1, -2))),
    ):
        found = transfer.sums(bond, site, model.shape, model.boundary, of)
        exact = full.model_moments(model, observable)
        np.testing.assert_allclose(found[1:], (exact.mean[0], exact.covariance[0, 0]), rtol=1e-10)


@pytest.mark.parametrize("shape", [(8, 8), (6, 12), (12, 5), (2, 7)])
def test_ising_tori_are_kaufmans(shape):
    for K in (0.3, ising2d.K_c, -0.5):
        found = transfer.of_model(rg.Ising(shape, K=K))
        assert found.log_Z == pytest.approx(ising2d.log_Z(K, shape), rel=1e-12)
        assert found.mean / (K * math.prod(shape)) == pytest.approx(float(ising2d.energy(K, shape=shape)), rel=1e-11)


def test_clocks_are_ising_and_potts_models():
    shape, K = (4, 5), 0.8
    ising = transfer.of_model(rg.Ising(shape, K=K))
    np.testing.assert_allclose(transfer.of_model(Clock(shape, q=2, K=K)), ising, rtol=1e-11)
    two = transfer.of_model(Potts(shape, q=2, K=2 * K))
    np.testing.assert_allclose(two, np.add(ising, (40 * K, -40 * K, 0)), rtol=1e-11)
    half = transfer.of_model(rg.Ising(shape, K=K / 2))
    np.testing.assert_allclose(transfer.of_model(Clock(shape, q=4, K=K)), 2 * np.array(half), rtol=1e-11)
    potts = transfer.of_model(Potts(shape, q=3, K=1.5 * K))
    np.testing.assert_allclose(
        transfer.of_model(Clock(shape, q=3, K=K)), np.add(potts, (-20 * K, 20 * K, 0)), rtol=1e-11
    )


def test_chains_have_their_closed_forms():
    for q, K, N in ((3, 0.7, 9), (5, -0.4, 30)):
        Z = (math.exp(K) + q - 1) ** N + (q - 1) * (math.exp(K) - 1) ** N
        assert transfer.of_model(Potts(N, q=q, K=K)).log_Z == pytest.approx(math.log(Z), rel=1e-12)
    independent = transfer.of_model(BlumeCapel((3, 40), K=0.0, D=0.7, h=0.2)).log_Z
    assert independent == pytest.approx(120 * math.log(1 + 2 * math.exp(-0.7) * math.cosh(0.2)), rel=1e-12)
    deep = transfer.of_model(BlumeCapel((4, 4), K=0.4, D=-40.0)).log_Z
    assert deep - 16 * 40 == pytest.approx(ising2d.log_Z(0.4, (4, 4)), rel=1e-10)


@pytest.mark.parametrize(("q", "charge", "within"), [(2, 1 / 2, 2e-5), (3, 4 / 5, 2e-5), (4, 1, 3e-4), (6, None, None)])
def test_strips_at_the_transition_have_the_energy_of_duality_and_baxters_free_energy(q, charge, within):
    K = potts2d.K_c(q)
    free = {}
    for L in (4, 6, 8) if q < 4 else (4, 6):
        found = transfer.strip(K * np.eye(q), 0, L, of=(np.eye(q), np.zeros(q)))
        assert found.mean / L == pytest.approx(potts2d.energy(q), rel=1e-9)
        free[L] = found.log_Z / L
    if charge is not None:  # ln Z/N = f + πc/6L² + a/L⁴ (Blöte, Cardy & Nightingale 1986), a from the last two widths
        (m, at_m), (n, at_n) = ((L, f - math.pi * charge / (6 * L**2)) for L, f in list(free.items())[-2:])
        assert (n**4 * at_n - m**4 * at_m) / (n**4 - m**4) == pytest.approx(potts2d.log_Z(q), abs=within)
    else:
        assert free[6] > potts2d.log_Z(q) > free[6] - 2 * (free[4] - free[6])


def test_baxters_numbers():
    assert potts2d.log_Z(2) - potts2d.K_c(2) == pytest.approx(0.92969539834161, abs=1e-11)
    assert potts2d.log_Z(1) == pytest.approx(2 * math.log(2), abs=1e-11)
    assert potts2d.log_Z(4 - 1e-7) == pytest.approx(potts2d.log_Z(4), abs=1e-6)
    assert potts2d.log_Z(4 + 1e-7) == pytest.approx(potts2d.log_Z(4), abs=1e-6)
    assert potts2d.latent_heat(10) == pytest.approx(0.6961, abs=1e-4)
    assert potts2d.latent_heat(4) == 0
    with pytest.raises(ValueError, match=r"q=-1: a number of states"):
        potts2d.K_c(-1)


def test_exponents_of_a_strip():
    """2π x_σ = L ln(λ_0/λ_1): 1/8, 2/15, 1/8 (Cardy 1984)."""
    for q, x, L, tolerance in ((2, 1 / 8, 8, 0.01), (3, 2 / 15, 8, 0.03)):
        gap = transfer.strip(potts2d.K_c(q) * np.eye(q), 0, L).gap
        assert gap * L / (2 * math.pi) == pytest.approx(x, rel=tolerance)


@pytest.mark.parametrize("J", ["±J", "gaussian"])
@pytest.mark.parametrize("boundary", ["free", "periodic", ("periodic", "free"), ("free", "periodic")])
def test_spin_glasses_by_transfer_matrix_agree_with_enumeration(J, boundary):
    for shape, h in (((4, 3), 0.0), ((3, 5), 0.2), ((2, 3), 0.2)):
        model = SpinGlass(shape, K=0.7, J=J, h=h, boundary=boundary, seed=2)
        ground = full.ground_states(model)
        assert transfer_glass.log_Z(model) == pytest.approx(full.thermal(model).log_Z, rel=1e-11)
        assert transfer_glass.ground_energy(model) == pytest.approx(ground.energy, rel=1e-11)
        np.testing.assert_allclose(model.energy(ground.states), ground.energy)


def test_spin_glass_limits():
    chain = SpinGlass(12, K=0.7, J="gaussian", boundary="free")
    assert transfer_glass.log_Z(chain) == pytest.approx(
        12 * math.log(2) + np.log(np.cosh(chain.bond_couplings())).sum()
    )
    ferromagnet = SpinGlass((6, 9), K=0.4, p=1.0)
    assert transfer_glass.log_Z(ferromagnet) == pytest.approx(ising2d.log_Z(0.4, (6, 9)), rel=1e-12)
    assert transfer_glass.ground_energy(ferromagnet) == pytest.approx(-0.4 * 108)
    nearly_zero = SpinGlass((6, 6), K=40.0, J="gaussian", seed=1)
    log_Z, energy = transfer_glass.log_Z(nearly_zero), transfer_glass.ground_energy(nearly_zero)
    assert log_Z == pytest.approx(-energy + math.log(2), abs=0.1)


@pytest.mark.parametrize("shape", [(15, 8), (8, 15), (9, 16), (17, 9)])
def test_rows_of_glasses_are_the_side_that_fits(shape):
    """Along the long side periodic: rows of 8 or 9 that close fit, though free rows of 15 and more are less work."""
    boundary = ("periodic", "free") if shape[0] > shape[1] else ("free", "periodic")
    model = SpinGlass(shape, K=0.5, p=1.0, h=0.1, boundary=boundary)
    expected = transfer.of_model(rg.Ising(shape, K=0.5, h=0.1, boundary=boundary)).log_Z
    assert transfer_glass.log_Z(model) == pytest.approx(expected, rel=1e-12)


def test_nishimoris_line():
    """Every average over samples of the energy at e^{2K} = p/(1−p) is −B K tanh K: 300 samples of 3×3, |z| < 3.5."""
    p = 0.8
    K = 0.5 * math.log(p / (1 - p))
    energies = np.array([full.thermal(SpinGlass((3, 3), K=K, p=p, seed=seed)).energy for seed in range(300)])
    z = (energies.mean() + 18 * K * math.tanh(K)) / (energies.std() / math.sqrt(300))
    assert abs(z) < 3.5


def test_the_ground_state_is_found_by_sampling_and_nothing_below_it():
    for J in ("±J", "gaussian"):
        model = SpinGlass((4, 5), K=1.5, J=J, seed=7)
        data = rg.sample(model, 300, chains=8, update="heat-bath", warmup=50, thin=5, seed=1, configurations=False)
        assert float(data["energy"].min()) == pytest.approx(transfer_glass.ground_energy(model))


def test_graphs_are_enumerated():
    ring = lattice.Graph([(k, (k + 1) % 6) for k in range(6)])
    found = full.thermal(Potts(ring, q=3, K=0.7))
    np.testing.assert_allclose(found, transfer.of_model(Potts(6, q=3, K=0.7)), rtol=1e-11)
    frustrated = full.ground_states(SpinGlass(lattice.Graph([(0, 1), (1, 2), (2, 0)]), K=1.0, J=[1.0, 1.0, -1.0]))
    assert frustrated.energy == -1
    assert frustrated.states.shape == (6, 3)


BAD = [
    (lambda: transfer.of_model(Potts((4, 4, 4), q=3, K=1.0)), r"shape=\(4, 4, 4\): .*one or two dimensions"),
    (lambda: transfer.of_model(Potts((12, 12), q=3, K=1.0)), r"rows of 12 sites have 3\^12 states.*at most 10"),
    (lambda: transfer.of_model(Potts((3, 3), lattice="triangular", K=1.0)), r"lattice='triangular'"),
    (lambda: transfer.of_model(SpinGlass((3, 3), K=1.0)), r"SpinGlass: it is not told by one table"),
    (lambda: transfer.of_model(rg.Ising((3, 3), K=1.0, couplings={"nnn": 0.1})), r"Ising: it is not told by one"),
    (lambda: transfer.sums([[0, 1], [2, 0]], 0, 4), r"give a symmetric table"),
    (lambda: transfer.sums([[0, math.nan], [math.nan, 0]], 0, 4), r"bond"),
    (lambda: transfer.sums(np.eye(2), [0, math.inf], 4), r"finite tables"),
    (lambda: transfer.sums(np.eye(2), [0, 1j], 4), r"site has the entry 1j: log-weights are real"),
    (lambda: transfer.sums(np.eye(2), 0, 4, of=(np.eye(2) + 2j, 0)), r"of\[0\] has the entry \(1\+2j\)"),
    (lambda: transfer.strip(np.eye(2) + 0j, 0, 4), r"bond has the entry \(1\+0j\)"),
    (lambda: transfer_glass.log_Z(SpinGlass((12, 12), K=1.0)), r"rows of 12 spins.*9 where"),
    (lambda: transfer_glass.log_Z(SpinGlass((3, 3), K=1.0, lattice="triangular")), r"chains and square"),
    (lambda: full.thermal(Potts((5, 5), q=3, K=1.0)), r"3\^25 = .*at most 2\^24"),
    (lambda: full.thermal(rg.XY((2, 2), K=1.0)), r"XY: enumeration takes models whose sites"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_strips_are_turned_to_the_side_that_fits(monkeypatch):
    """Of two sides, the rows are the one whose transfer matrix can be had, even if the other is cheaper."""
    bond = 0.3 * np.array([[1.0, -1.0], [-1.0, 1.0]])
    shape, boundary = (5, 6), ("periodic", "free")
    narrow = transfer.sums(bond, 0.0, shape[::-1], boundary[::-1])
    monkeypatch.setattr(transfer, "MAX_ROWS", 2**5)  # along the free side rows of 5 sites close: dearer, but they fit
    np.testing.assert_allclose(transfer.sums(bond, 0.0, shape, boundary), narrow)
    np.testing.assert_allclose(transfer.sums(bond, 0.0, (6, 5), ("free", "periodic")), narrow)
    monkeypatch.setattr(transfer, "MAX_ROWS", 2**4)
    with pytest.raises(ValueError, match=r"at most 16; give one side of at most 4"):
        transfer.sums(bond, 0.0, shape, boundary)


@pytest.mark.parametrize(("shape", "boundary"), [((3, 4), ("free", "periodic")), ((4, 3), ("periodic", "free"))])
def test_glasses_on_cylinders(shape, boundary):
    model = SpinGlass(shape, K=0.5, seed=3, boundary=boundary)
    assert transfer_glass.log_Z(model) == pytest.approx(full.thermal(model).log_Z)


def test_cylinders_of_glasses_as_wide_as_open_strips():
    """10 sites around are too many for rows that close, and 12 along are not for rows that do not."""
    model = SpinGlass((12, 10), K=1.0, boundary=("free", "periodic"), J=np.ones(11 * 10 + 120))
    assert transfer_glass.ground_energy(model) == -(11 * 10 + 120)
    turned = SpinGlass((10, 12), K=1.0, boundary=("periodic", "free"), J=np.ones(11 * 10 + 120))
    assert transfer_glass.ground_energy(turned) == -(11 * 10 + 120)


def test_the_narrowest_strip_is_a_chain():
    K, spins = 0.4, np.array([[1.0, -1.0], [-1.0, 1.0]])
    found = transfer.strip(K * spins, 0.0, 1, of=(spins, np.zeros(2)))
    assert found == pytest.approx((math.log(2 * math.cosh(K)), math.tanh(K), -math.log(math.tanh(K))))
    with pytest.raises(ValueError, match="give real tables"):
        transfer.sums(1j * spins, 0.0, 4)
