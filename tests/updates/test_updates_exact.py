"""Every move against enumeration: chi-square of the states pooled by (E, M), and the mean energy."""

import numpy as np
import pytest
import states

import rgnet as rg
from rgnet.sampling import sample
from rgnet.updates import exact_for

DRAWS, CHAINS = 12_500, 8
COUPLINGS = [(0.4, 0.0), (0.4, 0.15), (-0.4, 0.0), (-0.4, -0.3)]
SHAPES = [
    ((3, 3), "periodic", COUPLINGS),
    ((3, 3), "free", COUPLINGS),
    ((2, 2, 2), "periodic", COUPLINGS),
    ((4,), "periodic", COUPLINGS[::3]),
    ((5,), "periodic", COUPLINGS[::3]),
    ((3, 4), ("free", "periodic"), COUPLINGS[1:3]),
]
MODELS = [
    rg.Ising(shape, K=K, h=h, boundary=boundary) for shape, boundary, couplings in SHAPES for K, h in couplings
] + [
    rg.Ising((4, 4), K=0.0),  # where Metropolis that accepts every proposal flips everything in every sweep
    rg.Ising((4, 4), K=0.44),  # where it lets diagonal stripes cycle
    rg.Ising((3, 2), K=0.35, boundary=("free", "periodic")),
    rg.Ising((1, 4), K=0.35, h=0.2, boundary="free"),
]
FURTHER = [
    rg.Ising((3, 3), K=0.2, couplings={"nnn": 0.15}),
    rg.Ising((3, 3), K=-0.3, h=0.1, couplings={"plaquette": 0.4, "nnn": -0.2}, boundary="free"),
    rg.Ising((4, 3), K=0.3, couplings={"third": -0.15}),
    rg.Ising((3, 4), K=0.2, couplings={"corner": 0.1}, boundary=("periodic", "free")),
    rg.Ising((6,), K=0.2, couplings={"straight": 0.2, "nnn": 0.1}),
    rg.Ising((2, 3), K=0.2, couplings={"nnn": 0.2, "third": 0.3, "plaquette": -0.2}),
]
CASES = [
    # Without a field where K > 0 and with one where K < 0 for the slow tests, but for the last ones
    pytest.param(name, model, marks=pytest.mark.slow if (model.K, model.h) in COUPLINGS[::3] else ())
    for model in MODELS + FURTHER
    for name in exact_for(model)
]
P_LEAST = 1e-3 / (2 * len(CASES))  # two tests a case: one false alarm in a thousand runs of this file


def _sample(model, name, seed=7):
    draws = DRAWS // 4 if model.couplings else DRAWS  # their kernel is slower
    return sample(model, draws, chains=CHAINS, update=name, warmup=100, thin=states.THIN.get(name, 20), seed=seed)


@pytest.mark.parametrize(("name", "model"), CASES, ids=lambda v: v if isinstance(v, str) else None)
def test_states_and_energy_agree_with_enumeration(name, model):
    data = _sample(model, name)
    p_states, p_energy = states.p_values(model, data)
    assert p_states > P_LEAST
    assert p_energy > P_LEAST


@pytest.mark.parametrize("name", exact_for(rg.Ising((3, 3), K=0.4)))
@pytest.mark.parametrize("h", [0.0, 0.15])
def test_an_error_of_one_percent_in_the_coupling_is_seen(name, h):
    data = _sample(rg.Ising((3, 3), K=0.404, h=h), name)
    claimed = rg.Ising((3, 3), K=0.4, h=h)
    assert min(states.p_values(claimed, data["spin"].values)) < P_LEAST


def test_further_couplings_are_really_there():
    """The energy that the tests of further couplings lean on, by its definition: diagonal pairs and plaquettes."""
    model = FURTHER[1]
    x = states.states(model)
    H = states.energies(rg.Ising(model.shape, K=model.K, h=model.h, boundary=model.boundary), x)
    for offset in ((1, 1), (1, -1)):
        for i, j in states.pairs(model.shape, model.boundary, offset):
            H += 0.2 * x[:, i] * x[:, j]
    for corner in (0, 1, 3, 4):
        H -= 0.4 * x[:, [corner, corner + 1, corner + 3, corner + 4]].prod(axis=1)
    np.testing.assert_allclose(model.energy(x.reshape(-1, 3, 3)), H)


@pytest.mark.parametrize("shape", [(4,), (4, 4)])
def test_metropolis_that_accepts_every_proposal_would_cycle(shape, monkeypatch):
    """The trap is real: without the 15/16, ++−− on the chain and its stripes on the torus never equilibrate."""
    from rgnet.updates import metropolis

    model = rg.Ising(shape, K=0.44)
    stripes = np.where(np.indices(shape).sum(axis=0) % 4 < 2, 1, -1).astype(np.int8).ravel()

    def energies():
        spins = np.zeros(model.n_sites + 4, dtype=np.int8)
        spins[: model.n_sites] = stripes
        out = np.empty((200, model.n_sites), dtype=np.int8)
        move = metropolis.update.prepare(model, 1)
        move.run(spins[None], np.random.default_rng(1), 1, out[None], np.empty((1, 200, 0)))
        return np.unique(model.energy(out.reshape(-1, *shape))).size

    assert energies() > 1
    monkeypatch.setattr(metropolis, "PROPOSAL", 1.0)
    assert energies() == 1


def test_metropolis_and_heat_bath_satisfy_detailed_balance():
    from rgnet.updates import heat_bath, metropolis

    change = np.linspace(-8, 8, 33)
    for rule in (metropolis.flip_probability, heat_bath.flip_probability):
        np.testing.assert_allclose(rule(change), rule(-change) * np.exp(-change), rtol=1e-12)
        assert rule(np.array([-1000.0])) <= 1
        assert rule(np.array([1000.0])) == 0
