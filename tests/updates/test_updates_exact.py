"""Every move against enumeration: chi-square of the states pooled by (E, M), and the mean energy."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

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
CASES = [(name, model) for model in MODELS + FURTHER for name in exact_for(model)]
P_LEAST = 1e-3 / (2 * len(CASES))  # two tests a case: one false alarm in a thousand runs of this file


def _pairs(shape, boundary, offset):
    """Ordered pairs (site, site at the offset), written with no help from the package."""
    sites = list(itertools.product(*(range(side) for side in shape)))
    number = {site: k for k, site in enumerate(sites)}
    for site in sites:
        other = [x + step for x, step in zip(site, offset, strict=True)]
        other = [x % side if name == "periodic" else x for x, side, name in zip(other, shape, boundary, strict=True)]
        if tuple(other) in number:
            yield number[site], number[tuple(other)]


def _states(n):
    return np.array(list(itertools.product((-1, 1), repeat=n)), dtype=np.int64)


def _standard_energy(model, x):
    """H of every row of x, from its definition."""
    bonds = np.zeros(len(x))
    for axis in range(model.ndim):
        for i, j in _pairs(model.shape, model.boundary, [int(a == axis) for a in range(model.ndim)]):
            bonds += x[:, i] * x[:, j]
    return -model.K * bonds - model.h * x.sum(axis=1)


def _energy(model, x):
    return model.energy(x.reshape(len(x), *model.shape)) if model.couplings else _standard_energy(model, x)


def _p_values(model, energy, magnetization, reference):
    """p-values of the chi-square over cells (E, M) and of the mean energy, for draws tested against ``reference``."""
    x = _states(model.n_sites)
    H, M = _energy(reference, x), x.sum(axis=1)
    p = np.exp(-(H - H.min()))
    p /= p.sum()
    shape_of = _energy(model, x)  # cells by the energy that the draws carry
    cells, index = np.unique(np.round(np.stack([shape_of, M], axis=1), 9), axis=0, return_inverse=True)
    expected = np.bincount(index.ravel(), weights=p) * energy.size
    key = {tuple(cell): k for k, cell in enumerate(cells)}
    pairs, counts = np.unique(
        np.round(np.stack([energy.ravel(), magnetization.ravel()], axis=1), 9), axis=0, return_counts=True
    )
    observed = np.zeros(len(cells))
    for pair, count in zip(pairs, counts, strict=True):
        observed[key[tuple(pair + 0.0)]] = count
    order = np.argsort(expected)  # the rarest cells are pooled until they hold ten draws
    few = order[: max(1, int(np.searchsorted(np.cumsum(expected[order]), 10.0)) + 1)]
    rest = np.setdiff1d(order, few)
    observed = np.append(observed[rest], observed[few].sum())
    expected = np.append(expected[rest], expected[few].sum())
    chi2 = ((observed - expected) ** 2 / expected).sum()
    mean = (p * shape_of).sum()
    sd = math.sqrt((p * shape_of**2).sum() - mean**2)
    z = (energy.mean() - mean) / (sd / math.sqrt(energy.size)) if sd > 0 else 0.0
    return float(scipy.stats.chi2.sf(chi2, len(expected) - 1)), float(2 * scipy.stats.norm.sf(abs(z)))


THIN = {"metropolis": 20, "heat-bath": 30, "wolff": 8, "swendsen-wang": 8}  # draws are then nearly independent


def _sample(model, name, seed=7):
    draws = DRAWS // 4 if model.couplings else DRAWS  # their kernel is slower
    return sample(model, draws, chains=CHAINS, update=name, warmup=100, thin=THIN[name], seed=seed)


@pytest.mark.parametrize(("name", "model"), CASES, ids=lambda v: v if isinstance(v, str) else None)
def test_states_and_energy_agree_with_enumeration(name, model):
    data = _sample(model, name)
    p_states, p_energy = _p_values(model, data["energy"].values, data["magnetization"].values, model)
    assert p_states > P_LEAST
    assert p_energy > P_LEAST


@pytest.mark.parametrize("name", exact_for(rg.Ising((3, 3), K=0.4)))
@pytest.mark.parametrize("h", [0.0, 0.15])
def test_an_error_of_one_percent_in_the_coupling_is_seen(name, h):
    data = _sample(rg.Ising((3, 3), K=0.404, h=h), name)
    claimed = rg.Ising((3, 3), K=0.4, h=h)
    spins = data["spin"].values.reshape(-1, 9).astype(np.int64)
    energy = _standard_energy(claimed, spins)
    assert min(_p_values(claimed, energy, spins.sum(axis=1), claimed)) < P_LEAST


def test_further_couplings_are_really_there():
    """The energy that the tests of further couplings lean on, by its definition: diagonal pairs and plaquettes."""
    model = FURTHER[1]
    x = _states(9)
    H = _standard_energy(model, x)
    for offset in ((1, 1), (1, -1)):
        for i, j in _pairs(model.shape, model.boundary, offset):
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
