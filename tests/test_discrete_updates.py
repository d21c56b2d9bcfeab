"""Heat bath and Metropolis of table models and spin glasses, by colour and in turn, against enumeration."""

import math

import numpy as np
import pytest
import states

import rgnet as rg
from rgnet import lattice, stats
from rgnet.exact import transfer
from rgnet.models import BlumeCapel, Clock, DiscreteModel, Potts, SpinGlass
from rgnet.sampling import sample
from rgnet.updates import _bonds, _table

NAMES = ("metropolis", "heat-bath", "metropolis-sequential", "heat-bath-sequential")
GRAPH = lattice.Graph([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)], n_sites=6)  # site 5 has no bond
HARD = [[0, 0], [0, -math.inf]]
PLACES = {
    "chain": {"shape": 6},
    "torus": {"shape": (3, 3)},
    "even": {"shape": (4, 2)},
    "free": {"shape": (2, 3), "boundary": "free"},
    "triangular": {"shape": (3, 3), "lattice": "triangular"},
    "cube": {"shape": (2, 2, 2), "boundary": ("free", "periodic", "free")},
    "graph": {"shape": GRAPH},
}
MAKERS = {
    "Potts": lambda h, **w: Potts(q=3, K=0.4, h=2 * h, **w),
    "antiferromagnet": lambda h, **w: Potts(q=3, K=-0.6, h=h, **w),
    "Clock": lambda h, **w: Clock(q=4 if w["shape"] in (6, GRAPH) else 3, K=0.35, h=h, **w),
    "BlumeCapel": lambda h, **w: BlumeCapel(K=0.3, D=0.2, h=h, **w),
    "gas": lambda h, **w: DiscreteModel(bond=HARD, site=[0, 0.3 + h], values=[0, 1], **w),
    "±J": lambda h, **w: SpinGlass(K=0.3, h=h, seed=3, **w),
    "gaussian": lambda h, **w: SpinGlass(K=0.3, J="gaussian", h=h, seed=3, **w),
}
GLASSES = ("±J", "gaussian")
CASES = [
    (maker, place, name, "look up", 0.2 * ((i + j + k) % 2))
    for i, maker in enumerate(MAKERS)
    for j, place in enumerate(PLACES)
    for k, name in enumerate(NAMES)
]
CASES += [
    (maker, place, name, "rows", 0.2 * ((i + j) % 2))
    for i, maker in enumerate(MAKERS)
    for j, place in enumerate(("chain", "torus", "even", "free", "cube"))
    for name in NAMES[:2]
    if maker not in GLASSES
]
CASES += [
    (maker, place, name, way, 0.1)
    for maker, way in (("Potts", "weights"), ("BlumeCapel", "logarithms"), ("gas", "weights"), ("gas", "logarithms"))
    for place in ("torus", "graph")
    for name in NAMES
    if way == "weights" or "heat" in name
]
P_LEAST = 1e-3 / (2 * len(CASES))  # two tests a case: one false alarm in a thousand runs of this file


def prepared(model, name, monkeypatch, way="look up"):
    """The Move, by the kernel that is asked for whatever the size of lattice and tables."""
    monkeypatch.setattr(_table, "_ROWS_FROM", 0 if way == "rows" else 1 << 30)
    if way in ("weights", "logarithms"):
        monkeypatch.setattr(_table, "_MOST_ENTRIES", 0)
        monkeypatch.setattr(_table, "_WIDEST", 600.0 if way == "weights" else -1.0)
    if isinstance(model, SpinGlass):
        rule, in_turn = name.removesuffix("-sequential"), name.endswith("-sequential")
        move = _bonds.move(model.geometry, model.bond_couplings(), model.h, rule, in_turn)
    else:
        move = next(update for update in _table.updates if update.name == name).prepare(model, 1)
    expected = {"look up": ("table sites", "bonds"), "rows": ("table rows", "table halves")}.get(
        way, ("weights", "proposals")
    )
    assert move.kernel in expected
    return move


def columns(model):
    return 1 + sum(np.size(value) for value in model.observe(model.start(0, np.random.default_rng(0))).values())


def quick(number):
    """Half of the cases, such that all names meet all models and all lattices."""
    return (number // len(NAMES) + number) % 2 == 0


@pytest.mark.parametrize(
    ("maker", "place", "name", "way", "h"),
    [pytest.param(*case, marks=() if quick(k) else pytest.mark.slow) for k, case in enumerate(CASES)],
)
def test_states_and_energy_agree_with_enumeration(maker, place, name, way, h, monkeypatch):
    model = MAKERS[maker](h, **PLACES[place])
    move = prepared(model, name, monkeypatch, way)
    x, measured = states.moved(move, model, 1500, thin=15, chains=2, width=columns(model))
    states.check_measured(move, model, x[:200], measured[:200])
    p_states, p_energy = states.p_of(model, *(measured[:, :2].T if columns(model) == 2 else _found(model, x)))
    assert p_states > P_LEAST
    assert p_energy > P_LEAST


def _found(model, x):
    rows = x.reshape(len(x), model.n_sites)
    return states.energies(model, rows), states.orders(model, rows)


@pytest.mark.parametrize(
    ("name", "true", "claimed"),
    [
        ("metropolis", Potts((3, 3), q=3, K=0.808), Potts((3, 3), q=3, K=0.8)),
        ("heat-bath-sequential", Potts((3, 3), q=3, K=0.808), Potts((3, 3), q=3, K=0.8)),
        ("heat-bath", BlumeCapel((3, 3), K=0.707, D=0.5), BlumeCapel((3, 3), K=0.7, D=0.5)),
        ("metropolis-sequential", Clock((3, 3), q=3, K=0.505), Clock((3, 3), q=3, K=0.5)),
        ("metropolis", SpinGlass((3, 3), K=0.404, J="gaussian"), SpinGlass((3, 3), K=0.4, J="gaussian")),
        ("heat-bath-sequential", SpinGlass((3, 3), K=0.404), SpinGlass((3, 3), K=0.4)),
    ],
)
def test_an_error_of_one_percent_in_a_coupling_is_seen(name, true, claimed, monkeypatch):
    move = prepared(true, name, monkeypatch)
    x, _ = states.moved(move, true, 75_000, thin=8, chains=2, width=columns(true))
    assert min(states.p_values(claimed, x)) < P_LEAST


@pytest.mark.parametrize("shape", [pytest.param((8, 8), marks=pytest.mark.slow), (6, 12)])
@pytest.mark.parametrize("way", ["look up", "rows"])
@pytest.mark.parametrize("name", NAMES[:2])
def test_energies_of_tori_agree_with_transfer_matrices(name, way, shape, monkeypatch):
    for model in (Potts(shape, q=3, K=0.9), BlumeCapel(shape, K=0.8, D=0.8, h=0.05)):
        move = prepared(model, name, monkeypatch, way)
        _, measured = states.moved(move, model, 3000, thin=4, chains=2, width=columns(model))
        exact = transfer.of_model(model)
        found = stats.mean(measured[:, 0].reshape(2, -1))
        assert abs(found.value - exact.mean) < 3.5 * found.stderr


def test_the_row_kernel_runs_by_itself_where_it_pays():
    for model, kernel in (
        (Potts((32, 32), K=0.9), "table halves"),
        (BlumeCapel((9, 15, 7), K=0.3, D=0.5), "table rows"),
        (Clock((26, 26), q=4, K=0.5, boundary=("free", "periodic")), "table halves"),
        (Clock((26, 25), q=4, K=0.5), "table rows"),
    ):
        data = sample(model, 3, chains=2, update="heat-bath", warmup=20, thin=2, seed=3)
        assert data.attrs["kernel"] == kernel
        np.testing.assert_allclose(data["energy"], model.energy(data["spin"].values))
        np.testing.assert_allclose(data["magnetization"], model.observe(data["spin"].values)["magnetization"])
    assert _table.updates[0].prepare(Potts((32, 32), q=9, K=0.9), 1).kernel == "proposals"
    assert _table.updates[1].prepare(Potts((32, 32), q=9, K=0.9), 1).kernel == "weights"
    assert _table.updates[1].prepare(Potts((32, 32), lattice="triangular", K=0.9), 1).kernel == "table sites"


def test_the_row_kernel_agrees_with_the_transfer_matrix_of_long_tori():
    for shape in ((96, 6), (6, 96), (5, 111)):
        model = Potts(shape, q=3, K=0.9)
        data = sample(model, 1500, chains=2, update="heat-bath", warmup=100, thin=5, seed=3, configurations=False)
        assert data.attrs["kernel"] == ("table rows" if shape[0] == 5 else "table halves")
        found = rg.stats.mean(data["energy"])
        assert abs(found.value - transfer.of_model(model).mean) < 3.5 * found.stderr


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "model", [Potts((24, 24), K=0.9), Clock((4, 5), q=11, K=0.9), SpinGlass((5, 6), K=0.7, J="gaussian")], ids=str
)
def test_a_resumed_run_equals_the_whole_one_bit_for_bit(name, model):
    options = {"chains": 2, "update": name, "seed": 5, "warmup": 10, "thin": 3}
    whole = sample(model, 9, **options)
    first = sample(model, 4, **options)
    rest = sample(model, 5, resume=first)
    np.testing.assert_array_equal(np.concatenate([first["spin"], rest["spin"]], axis=1), whole["spin"])
    np.testing.assert_array_equal(np.concatenate([first["energy"], rest["energy"]], axis=1), whole["energy"])
    assert rest.attrs["rng_state"] == whole.attrs["rng_state"]
    lean = sample(model, 9, configurations=False, **options)
    np.testing.assert_array_equal(lean["energy"], whole["energy"])
    np.testing.assert_array_equal(lean["last_spin"], whole["spin"][:, -1])


def test_couplings_without_effect_move_every_state():
    """At K = 0 the sites are independent and even; a kernel that cycles in a fixed order would not be."""
    for name in NAMES:
        model = Potts((4, 4), q=3, K=0.0)
        move = next(update for update in _table.updates if update.name == name).prepare(model, 1)
        x, _ = states.moved(move, model, 4000, thin=4, chains=1, width=3)
        joint = np.bincount((3 * x[:, 0, 0] + x[:, 0, 1]).astype(int), minlength=9)
        assert states._chi_square(joint.astype(float), np.full(9, 4000 / 9)) > 1e-4


def test_hard_constraints_hold_and_are_left_by_no_move():
    model = DiscreteModel((30, 30), HARD, site=[0, 1.5], values=[0, 1])
    for name in NAMES:
        data = sample(model, 20, chains=2, update=name, warmup=20, thin=1, seed=1)
        x = data["spin"].values
        assert not (x & np.roll(x, 1, axis=-1)).any()
        assert not (x & np.roll(x, 1, axis=-2)).any()
        assert np.isfinite(data["energy"]).all()
        assert np.ptp(x.sum(axis=(-2, -1)), axis=1).all()


def test_huge_couplings_overflow_nothing():
    for model in (
        Potts((4, 4), q=3, K=1e6),
        Potts((4, 4), q=12, K=-1e6),
        SpinGlass((4, 4), K=1e6),
        Clock(5, q=9, K=1e5),
    ):
        for name in NAMES:
            data = sample(model, 5, chains=2, update=name, warmup=5, thin=1, seed=1)
            assert np.isfinite(data["energy"]).all()
            assert (data["energy"][0, -1] <= model.energy(model.start(0, np.random.default_rng(0)))).all()
