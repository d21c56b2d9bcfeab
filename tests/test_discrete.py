"""Models of q states and spin glasses: energies by definition, limits, order parameters, starts, plain data, errors."""

import json
import math

import numpy as np
import pytest
import states

import rgnet as rg
from rgnet import lattice
from rgnet.models import BlumeCapel, Clock, DiscreteModel, Potts, SpinGlass, from_dict
from rgnet.models._states import simplex

GRAPH = lattice.Graph([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)])
HARD = [[0, 0], [0, -math.inf]]
PLACES = {
    "chain": {"shape": 5},
    "torus": {"shape": (3, 4)},
    "two": {"shape": (2, 2)},
    "free": {"shape": (2, 3), "boundary": "free"},
    "mixed": {"shape": (3, 2), "boundary": ("free", "periodic")},
    "triangular": {"shape": (3, 3), "lattice": "triangular"},
    "cube": {"shape": (2, 3, 2)},
    "graph": {"shape": GRAPH},
}
MAKERS = {
    "Potts": lambda **w: Potts(q=4, K=0.7, h=0.2, **w),
    "Clock": lambda **w: Clock(q=5, K=-0.7, h=0.2, **w),
    "BlumeCapel": lambda **w: BlumeCapel(K=0.7, D=0.5, h=-0.2, **w),
    "gas": lambda **w: DiscreteModel(bond=HARD, site=[0, 0.3], values=[0, 1], **w),
    "table": lambda **w: DiscreteModel(bond=[[0.1, 0.2, 0], [0.2, -1, 0.4], [0, 0.4, 0.5]], **w),
    "±J": lambda **w: SpinGlass(K=0.7, p=0.7, h=0.3, **w),
    "gaussian": lambda **w: SpinGlass(K=0.7, J="gaussian", seed=3, **w),
}


def some(model, number=60, seed=1):
    """Configurations of states drawn evenly, and as rows."""
    rows = np.random.default_rng(seed).choice(states.values(model), size=(number, model.n_sites))
    return rows.reshape(number, *model.shape).astype(np.int8), rows


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("maker", MAKERS)
def test_energy_order_and_starts_are_those_of_the_definition(maker, place):
    model = MAKERS[maker](**PLACES[place])
    x, rows = some(model)
    space = tuple(range(-model.ndim, 0))
    np.testing.assert_allclose(model.energy(x), states.energies(model, rows), atol=1e-12)
    order = np.asarray(model.observe(x)["magnetization"])
    np.testing.assert_allclose(order.reshape(60, -1)[:, 0], states.orders(model, rows), atol=1e-12)
    np.testing.assert_allclose(model.order_field(x).sum(axis=space), order.reshape(60, -1), atol=1e-12)
    assert from_dict(json.loads(json.dumps(model.to_dict()))) == model
    for chain in range(4):
        start = model.start(chain, np.random.default_rng(chain))
        assert start.shape == model.shape
        assert start.dtype == np.int8
        assert np.isfinite(model.energy(start))
    assert np.isfinite(list(model.watch(x).values())).all()
    if hasattr(model, "K"):
        zero = {"h": 0.0, **({"D": 0.0} if maker == "BlumeCapel" else {})}
        plain = from_dict({**model.to_dict(), **zero})
        np.testing.assert_allclose(plain.energy(x), -model.K * plain.conjugate(x), atol=1e-12)


def test_ordered_starts_have_the_lowest_energy_of_two_colours():
    rng = np.random.default_rng(0)
    assert (Potts((4, 4), q=5, K=1.0).start(0, rng) == 0).all()
    assert (Potts((4, 4), q=3, K=1.0, h=-1.0).start(0, rng) == 1).all()
    assert Potts((4, 4), q=3, K=-1.0).conjugate(Potts((4, 4), q=3, K=-1.0).start(0, rng)) == 0
    assert (BlumeCapel((4, 4), K=1.0).start(0, rng) == 1).all()
    assert (BlumeCapel((4, 4), K=1.0, D=9.0).start(0, rng) == 0).all()
    assert np.abs(BlumeCapel((4, 4), K=-1.0).start(2, rng).sum()) == 0
    clock = Clock((4, 4), q=6, K=-1.0)
    assert clock.energy(clock.start(0, rng)) == pytest.approx(-32)
    gas = DiscreteModel((4, 4), HARD, [0, 2.0], [0, 1])
    assert gas.start(0, rng).sum() == 8


def test_clocks_of_two_three_and_four_states_are_ising_potts_and_two_ising_models():
    rng = np.random.default_rng(2)
    s, t = (1 - 2 * rng.integers(0, 2, size=(50, 4, 4)) for _ in range(2))
    ising = rg.Ising((4, 4), K=0.3, h=0.1)
    np.testing.assert_allclose(Clock((4, 4), q=2, K=0.3, h=0.1).energy((1 - s) // 2), ising.energy(s))
    half = rg.Ising((4, 4), K=0.15, h=0.05)
    four = np.where(s == t, 1 - s, 2 - s)  # (s, t) = ++ 0, +− 1, −− 2, −+ 3
    np.testing.assert_allclose(Clock((4, 4), q=4, K=0.3, h=0.1).energy(four), half.energy(s) + half.energy(t))
    x = rng.integers(0, 3, size=(50, 4, 4))
    shifted = Potts((4, 4), q=3, K=0.45, h=0.15).energy(x) - Clock((4, 4), q=3, K=0.3, h=0.1).energy(x)
    np.testing.assert_allclose(shifted, -0.15 * 32 - 0.05 * 16)
    two = Potts((4, 4), q=2, K=0.6, h=0.2).energy((1 - s) // 2) - ising.energy(s)
    np.testing.assert_allclose(two, -0.3 * 32 - 0.1 * 16)


@pytest.mark.parametrize("q", [2, 3, 4, 7])
def test_simplex_vectors(q):
    v = simplex(q)
    np.testing.assert_allclose(v @ v.T, (q * np.eye(q) - 1) / (q - 1), atol=1e-14)
    ordered = Potts((3, 3), q=q, K=1.0).observe(np.full((3, 3), q - 1))["magnetization"]
    assert np.linalg.norm(ordered) == pytest.approx(9)
    assert ordered.shape == (q - 1,)


def test_blume_capel_keeps_what_tells_its_bonds():
    model = BlumeCapel((4, 4), K=1.6, D=3.2, h=0.1)
    x, _ = some(model)
    kept = model.observe(x)
    assert kept["occupied"].dtype == np.int64
    bonds = (-model.energy(x) + model.D * kept["occupied"] - model.h * kept["magnetization"]) / model.K
    np.testing.assert_allclose(bonds, model.conjugate(x), atol=1e-12)


def test_tables_tell_their_symmetry():
    assert Potts(4, q=3, K=1.0).is_symmetric
    assert not Clock(4, q=3, K=1.0, h=0.1).is_symmetric
    assert DiscreteModel(4, [[1, 0], [0, 1]], values=[-1, 1]).is_symmetric
    assert not DiscreteModel(4, [[1, 0], [0, 1]], values=[0, 1]).is_symmetric
    assert not DiscreteModel(4, [[1, 0], [0, 2]]).is_symmetric
    assert BlumeCapel(4, K=1.0, D=1.0).is_symmetric


def test_spin_glass_couplings_are_drawn_once_and_are_their_law():
    glass = SpinGlass((40, 40), K=0.5, seed=4, p=0.8)
    assert set(np.unique(glass.disorder)) == {-1.0, 1.0}
    assert abs((glass.disorder > 0).mean() - 0.8) < 4 * math.sqrt(0.16 / 3200)
    assert (glass.disorder == SpinGlass((40, 40), K=2.0, J="pm", seed=4, p=0.8).disorder).all()
    assert (glass.disorder != SpinGlass((40, 40), K=2.0, seed=5, p=0.8).disorder).any()
    np.testing.assert_array_equal(glass.bond_couplings(), 0.5 * glass.disorder)
    normal = SpinGlass((40, 40), K=1.0, J="gaussian").disorder
    assert abs(normal.mean()) < 4 / math.sqrt(3200)
    assert abs(normal.var() - 1) < 4 * math.sqrt(2 / 3200)
    given = SpinGlass((40, 40), K=1.0, J=normal)
    np.testing.assert_array_equal(given.disorder, normal)
    assert not glass.disorder.flags.writeable


BAD = [
    (lambda: Potts((4, 4), q=1, K=1.0), r"q=1: give a number of states from 2 to 127"),
    (lambda: Potts((4, 4), q=3.0, K=1.0), r"q=3.0: give a number of states"),
    (lambda: Clock((4, 4), q=128, K=1.0), r"q=128: give a number of directions"),
    (lambda: Potts((4, 4), q=3), r"K=None, T=None: give the coupling K or"),
    (lambda: Potts((4, 4), q=3, K=math.nan), r"K=nan: a coupling is a finite"),
    (lambda: Clock((4, 4), q=3, K=1.0, h=math.inf), r"h=inf: a coupling is a finite"),
    (lambda: BlumeCapel((4, 4), K=1.0, D=-math.inf), r"D=-inf: a coupling is a finite"),
    (lambda: Potts((4, 4), q=3, T=0), r"T=0: the reduced coupling"),
    (lambda: Potts(1, q=3, K=1.0), r"one site"),
    (lambda: BlumeCapel((4, 4), K=1.0, lattice="kagome"), r"lattice='kagome'"),
    (lambda: DiscreteModel(4, [1, 2]), r"bond of shape \(2,\): give a square table"),
    (lambda: DiscreteModel(4, [[1]]), r"bond of shape \(1, 1\)"),
    (lambda: DiscreteModel(4, [["a", 1], [1, 2]]), r"bond=.*array of real numbers"),
    (lambda: DiscreteModel(4, [[0, 1], [2, 0]]), r"bond\[0, 1\]=1.0 and bond\[1, 0\]=2.0: .*symmetric"),
    (lambda: DiscreteModel(4, [[0, math.nan], [math.nan, 0]]), r"bond\[0, 1\]=nan: a log-weight is a number"),
    (lambda: DiscreteModel(4, [[0, math.inf], [math.inf, 0]]), r"bond\[0, 1\]=inf: a log-weight"),
    (lambda: DiscreteModel(4, [[-math.inf, 0], [0, -math.inf]]), r"every state is forbidden next to some.*-15"),
    (lambda: DiscreteModel(4, np.eye(2), site=[0, 0, 1]), r"site of shape \(3,\): bond has 2 states"),
    (lambda: DiscreteModel(4, np.eye(2), site=[0, -math.inf]), r"site\[1\]=-inf: .*leave out a state"),
    (lambda: DiscreteModel(4, np.eye(2), values=[0, math.nan]), r"values\[1\]=nan: give a finite number"),
    (lambda: SpinGlass((4, 4), K=1.0, J="bimodal"), r"J='bimodal': give '±J'"),
    (lambda: SpinGlass((4, 4), K=1.0, J=np.ones(5)), r"J of shape \(5,\): this lattice has 32 bonds"),
    (lambda: SpinGlass(2, K=1.0, J=[1.0, math.nan]), r"J\[1\]=nan: a coupling is a finite"),
    (lambda: SpinGlass(4, K=1.0, J=["a"] * 4), r"J=.*an array of one real coupling"),
    (lambda: SpinGlass(4, K=1.0, J=np.full(4, 1 + 2j)), r"J=.*an array of one real coupling"),
    (lambda: DiscreteModel(4, 1j * np.eye(2)), r"array of real numbers"),
    (lambda: Potts(4, q=3, K=np.complex128(1 + 2j)), r"K=.*a coupling is a finite real number"),
    (lambda: SpinGlass((4, 4), K=1.0, p=1.5), r"p=1.5: the probability"),
    (lambda: SpinGlass((4, 4), K=1.0, seed=-1), r"seed=-1: give a whole number"),
    (lambda: Potts((4, 4), K=1.0).energy(np.full((4, 4), 3)), r"no states; give whole numbers 0 … 2"),
    (lambda: BlumeCapel((4, 4), K=1.0).energy(np.full((4, 4), 0.5)), r"no states; give whole numbers -1 … 1"),
    (lambda: Potts((4, 4), K=1.0).energy(np.zeros((3, 4))), r"configurations of shape \(3, 4\)"),
    (lambda: SpinGlass((4, 4), K=1.0).energy(np.zeros((4, 4))), r"values other than ±1"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()
