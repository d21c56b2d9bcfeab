"""Cluster moves against enumeration, every kernel on every kind of lattice; what they measure; improved estimators."""

import numpy as np
import pytest
from states import check_measured, energies, moved, p_of, p_values, states

import rgnet as rg
from rgnet.models import BlumeCapel, Ising, Potts, SpinGlass
from rgnet.updates import resolve, swendsen_wang, wolff
from rgnet.updates.combined import combined

GRAPH = rg.Graph([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 0), (1, 4)])
BITS = [
    Ising((3, 3), K=0.4),
    Ising((3, 4), K=-0.4, h=0.2, boundary=("free", "periodic")),
    Ising((3, 3), K=-0.4),
    Ising((2, 2, 2), K=0.25, h=-0.15),
    Ising((2, 1, 4), K=0.4, boundary="free"),
    Ising((5,), K=0.4, h=0.1),
    Ising((4, 1), K=0.7, boundary="free"),
    Potts((3, 3), q=3, K=0.6),
    Potts((2, 2, 2), q=3, K=0.4, h=0.3),
    Potts((3, 2), q=4, K=0.7, boundary=("periodic", "free")),
    Potts((2, 3), q=5, K=0.9, h=-0.4),
]
STEPS = [
    Ising((3, 3), K=0.4),
    Ising((4, 4), K=0.3, h=0.1, boundary=("free", "periodic")),
    Ising((3, 3), K=0.2, lattice="triangular"),
    Ising((2, 2, 3), K=0.2, h=-0.1),
    Potts((3, 3), q=3, K=0.6, h=0.2),
    Potts((2, 2, 2), q=3, K=0.4),
]
ANY = [
    Ising((3, 3), K=-0.3, lattice="triangular"),
    Ising((3, 3), K=0.25, h=0.1, boundary="free", lattice="triangular"),
    Ising(GRAPH, K=-0.5, h=0.2),
    Ising((2, 2), K=0.3),
    Ising((6,), K=0.5),
    SpinGlass((3, 3), K=0.6, seed=3),
    SpinGlass((2, 4), K=0.6, J="gaussian", h=0.2, boundary=("free", "periodic")),
    SpinGlass(GRAPH, K=0.5, J="gaussian"),
    Potts(GRAPH, q=3, K=0.7),
    Potts((2, 3), q=4, K=0.4, h=0.3, boundary="free", lattice="triangular"),
]
CASES = (
    [("swendsen-wang", "cluster-bits", model) for model in BITS]
    + [("wolff", "cluster-steps", model) for model in STEPS]
    + [(name, "cluster", model) for model in ANY for name in ("swendsen-wang", "wolff")]
)
P_LEAST = 1e-3 / (2 * len(CASES) + 8)  # two tests a case: one false alarm in a thousand runs of this file


@pytest.fixture
def tiny(monkeypatch):
    """The fast kernels on lattices that are too small for them."""
    monkeypatch.setattr(swendsen_wang, "_SHORTEST_ROW", 1)
    monkeypatch.setattr(wolff, "_INSIDE", 0.0)


def prepared(name, model, clusters=2):
    """The move, and where it grows clusters, so many in a sweep."""
    update = {"swendsen-wang": swendsen_wang.update, "wolff": wolff.update}[name]
    move = update.prepare(model, 1)
    for key in move.settings:
        move.settings[key] = clusters
    return move


def columns(move, model):
    order = model.q - 1 if isinstance(model, Potts) else 1
    return sum(order if name == "magnetization" else 1 for name in move.measures)


def draws(name, model, kernel=None, **options):
    """The move, draws straight from its kernel, and what it measured."""
    move = prepared(name, model)
    assert kernel in (None, move.kernel)
    return move, *moved(move, model, thin=5, chains=2, width=columns(move, model), **options)


@pytest.mark.parametrize(("name", "kernel", "model"), CASES, ids=lambda v: v if isinstance(v, str) else None)
def test_states_and_energy_agree_with_enumeration(name, kernel, model, request):
    if kernel != "cluster":
        request.getfixturevalue("tiny")
    move, x, measured = draws(name, model, kernel, draws=6000)
    assert min(p_values(model, x)) > P_LEAST
    check_measured(move, model, x[:200], measured[:200])
    if "cluster_m2" in move.measures:
        every_state = states(model)
        weight = np.exp(-energies(model, every_state))
        order = np.asarray(model.observe(every_state.reshape(-1, *model.shape).astype(np.int8))["magnetization"])
        square = (order.reshape(len(every_state), -1).astype(float) ** 2).sum(axis=1)
        for number, power in (("cluster_m2", 1), ("cluster_m4", 2)):
            if number in move.measures:
                values = measured[:, _column(move, model, number)]
                exact = (weight * square**power).sum() / weight.sum()
                assert abs(values.mean() - exact) < 4.5 * _error(values)


def _column(move, model, name):
    before = move.measures[: move.measures.index(name)]
    return sum(model.q - 1 if part == "magnetization" and isinstance(model, Potts) else 1 for part in before)


def _error(values):
    """Standard error by blocks of 100 draws."""
    blocks = values.reshape(-1, 100).mean(axis=1)
    return blocks.std(ddof=1) / np.sqrt(len(blocks))


@pytest.mark.parametrize("name", ["swendsen-wang", "wolff"])
@pytest.mark.parametrize("kind", ["Ising", "Potts"])
def test_an_error_of_one_percent_in_the_coupling_is_seen(name, kind, tiny):
    make = (lambda K: Ising((3, 3), K=K)) if kind == "Ising" else (lambda K: Potts((3, 3), q=3, K=2 * K))
    _, x, _ = draws(name, make(0.404), draws=50_000)
    claimed = make(0.4)
    rows = x.reshape(-1, 9)
    first = claimed.observe(x)["magnetization"].reshape(len(x), -1)[:, 0]
    assert min(p_of(claimed, energies(claimed, rows), first)) < P_LEAST


def test_blume_capel_clusters_go_with_a_move_of_the_vacancies():
    model = BlumeCapel((3, 3), K=0.5, D=0.4, h=0.1)
    assert not swendsen_wang.blume_capel.ergodic
    move = swendsen_wang.blume_capel.prepare(model, 1)
    state = np.array([1, 0, -1, 1, 1, 0, -1, -1, 1, 0, 0, 0], dtype=np.int8)
    out = np.empty((4000, 9), dtype=np.int8)
    move.record(state, np.random.default_rng(1), 1, out, np.empty((4000, 0)), *move.tables)
    assert ((out == 0) == (np.array([1, 0, -1, 1, 1, 0, -1, -1, 1]) == 0)).all()
    assert len(np.unique(out, axis=0)) > 100  # of the 128 orientations of seven spins
    both = combined([resolve("heat-bath", model), swendsen_wang.blume_capel]).prepare(model, 1)
    x, _ = moved(both, model, draws=4000, thin=10, width=1)
    assert min(p_values(model, x)) > P_LEAST


def test_the_public_sampler_runs_both_and_keeps_their_estimators():
    model = Potts((16, 16), q=3, K=0.9)
    for name, extra in (("swendsen-wang", {"cluster_m2", "cluster_m4"}), ("wolff", {"cluster_m2"})):
        data = rg.sample(model, 40, chains=2, update=name, warmup=20, thin=2, seed=3)
        assert extra <= set(data.data_vars)
        np.testing.assert_allclose(data["energy"], model.energy(data["spin"].values))


@pytest.mark.parametrize(
    ("name", "model", "reason"),
    [
        ("wolff", Ising((4, 4), K=0.0), r"at K = 0 every cluster is one site"),
        ("wolff", Potts((4, 4), q=3, K=0.0), r"at K = 0 every cluster is one site"),
        ("wolff", Potts((4, 4), q=3, K=-0.5), r"join equal states, which K < 0 keeps apart"),
        ("swendsen-wang", Potts((4, 4), q=3, K=-0.5), r"join equal states, which K < 0 keeps apart"),
        ("swendsen-wang", Ising((4, 4), K=0.5, couplings={"nnn": 0.1}), r"clusters know K and h alone.*nnn"),
    ],
)
def test_what_would_not_be_exact_is_refused(name, model, reason):
    with pytest.raises(ValueError, match=reason):
        rg.sample(model, 10, update=name)
