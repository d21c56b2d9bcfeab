"""Getting it right: coupling and configuration simulated together (Geweke 2004), for one model of each kind.

The coupling K has a uniform prior on a few values, and p(x, K) = p(x | K)/m. The successive-conditional simulator takes
in turn a sweep of x at the present K, by the move under test, and a draw of K given x, with probabilities proportional
to exp(K S(x))/Z(K), from the exact Z. It leaves p(x, K) unchanged only if the move leaves p(x | K) unchanged at every
K, the bonds that S adds up are those of the move, and Z is that of the model. Its means of K, K², S, S² and K S are
compared with the exact ones, so that there is no marginal-conditional simulator with an error of its own.
"""

import itertools

import numpy as np
import pytest
import scipy.special
import states

import rgnet as rg
from rgnet.models import tuned

STEPS = 3000
LIMIT = 4.6  # some 300 scores are judged, slow tests included: a normal one is beyond this in 4 of a million times


def enumerated(model, S_of):
    """Z of a discrete model without terms beyond K S, from every state."""
    S = S_of(states.states(model))
    return lambda K: scipy.special.logsumexp(np.multiply.outer(K, S), axis=-1)


def pairs_of(model):
    i, j = np.array(states.bonds(model)).T
    return i, j


def products(model, J=1.0):
    i, j = pairs_of(model)
    return lambda x: (J * x[..., i].astype(float) * x[..., j]).sum(axis=-1)


def equal(model):
    i, j = pairs_of(model)
    return lambda x: (x[..., i] == x[..., j]).sum(axis=-1).astype(float)


def cosines(model, unit=1.0):
    i, j = pairs_of(model)
    return lambda x: np.cos(unit * (x[..., i] - x[..., j])).sum(axis=-1)


def half_squares(x):
    return -0.5 * (x**2).sum(axis=-1)


def ring_of_rotators(n):
    """Z/(2π)^n = Σ_k I_k(K)^n."""
    k = np.arange(-60, 61)
    return lambda K: np.log((scipy.special.iv(k, np.asarray(K)[:, None]) ** n).sum(axis=1))


def open_chain_of_phi4(n, u):
    """Z(r) by quadrature with a transfer matrix, exp(−½ (φ − φ')²), on a grid that both ends leave at e^−50."""
    phi = np.linspace(-5.5, 5.5, 221)
    bond = np.exp(-0.5 * np.subtract.outer(phi, phi) ** 2)

    def log_Z(r):
        found = []
        for one in np.atleast_1d(r):
            site = np.exp(-0.5 * one * phi**2 - 0.25 * u * phi**4) * (phi[1] - phi[0])
            row = site
            for _ in range(n - 1):
                row = (row @ bond) * site
            found.append(np.log(row.sum()))
        return np.array(found)

    return log_Z


def ring_of_gaussians(n):
    squared = 2 - 2 * np.cos(2 * np.pi * np.arange(n) / n)
    return lambda r: -0.5 * np.log(np.add.outer(np.asarray(r), squared)).sum(axis=1)


def kinds():
    """Name -> model, the couplings, S of rows (..., N), ln Z of the couplings."""
    ising, triangle = rg.Ising((3, 3), K=0.3), rg.Ising((3, 2), K=0.3, boundary="free")
    glass, potts = rg.SpinGlass((3, 3), K=0.5, J="gaussian", seed=2), rg.Potts((2, 3), q=3, K=0.8)
    clock, xy = rg.Clock((2, 3), q=5, K=0.5), rg.XY((5,), K=1.0)
    phi4 = rg.Phi4((3,), r=0.0, u=1.0, boundary="free")
    bonds_J = np.asarray(glass.bond_couplings()) / glass.K
    positive, both = (0.1, 0.3, 0.6), (-0.4, 0.2, 0.5)
    return {
        "Ising": (ising, positive, products(ising), enumerated(ising, products(ising))),
        "Ising of both signs": (triangle, both, products(triangle), enumerated(triangle, products(triangle))),
        "SpinGlass": (glass, (0.3, 0.7, 1.2), products(glass, bonds_J), enumerated(glass, products(glass, bonds_J))),
        "Potts": (potts, (0.3, 0.7, 1.2), equal(potts), enumerated(potts, equal(potts))),
        "Clock": (clock, positive, cosines(clock, 2 * np.pi / 5), enumerated(clock, cosines(clock, 2 * np.pi / 5))),
        "XY": (xy, (0.3, 0.9, 1.8), cosines(xy), ring_of_rotators(5)),
        "Phi4": (phi4, (-1.5, 0.0, 1.0), half_squares, open_chain_of_phi4(3, 1.0)),
        "Gaussian": (rg.GaussianField((4,), r=1.0), (0.5, 1.0, 2.0), half_squares, ring_of_gaussians(4)),
    }  # fmt: skip


KINDS = kinds()
CASES = [
    (kind, update)
    for kind, (model, values, *_) in KINDS.items()
    for update in rg.updates.exact_for(model)
    if all(update in rg.updates.exact_for(tuned.at(model, K)) for K in values)
]
QUICK = [(kind, update) for kind, update in CASES if kind == "Ising" or update in ("metropolis", "heat-bath", "direct")]


def simulate(kind, update, steps, seed, wrong=1.0):
    """Scores of the means of K, K², S, S² and K S; ``wrong`` multiplies the couplings at which x moves."""
    model, values, S_of, log_Z = KINDS[kind]
    K, rng = np.array(values), np.random.default_rng(seed)
    moves = [rg.updates.resolve(update, tuned.at(model, wrong * k)).prepare(tuned.at(model, wrong * k), 1) for k in K]
    state = rg.models.model.padded(model, model.start(1, rng))[None]
    size = model.components * model.n_sites
    nothing, normaliser, here = np.empty((1, 1, 0), dtype=model.dtype), log_Z(K), 0
    scratch = np.empty((1, 1, 64))
    series = np.empty((2, steps))
    for step in range(-50, steps):
        move = moves[here]
        move.run(state, rng, 1, nothing, scratch)
        S = float(S_of(state[0, :size]))
        odds = K * S - normaliser
        odds = np.cumsum(np.exp(odds - odds.max()))
        here = int(np.searchsorted(odds, rng.random() * odds[-1], side="right"))
        if step >= 0:
            series[:, step] = K[here], S
    k, S = series
    h = 1e-3
    up, down = log_Z(K + h), log_Z(K - h)
    mean = (up - down) / (2 * h)
    square = (up - 2 * normaliser + down) / h**2 + mean**2
    exact = (K.mean(), (K**2).mean(), mean.mean(), square.mean(), (K * mean).mean())
    return [rg.stats.mean(x).z(value) for x, value in zip((k, k**2, S, S**2, k * S), exact, strict=True)]


@pytest.mark.parametrize(("kind", "update"), QUICK)
def test_coupling_and_configuration_together(kind, update):
    assert np.abs(simulate(kind, update, STEPS, seed=5)).max() < LIMIT


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "update"), CASES)
def test_coupling_and_configuration_together_for_longer(kind, update):
    assert np.abs(simulate(kind, update, 30 * STEPS, seed=6)).max() < LIMIT


@pytest.mark.parametrize(("kind", "update"), [("Ising", "metropolis"), ("Potts", "heat-bath"), ("XY", "metropolis")])
def test_a_wrong_coupling_is_seen(kind, update):
    """A planted error of thirty percent in the couplings at which the configuration moves."""
    assert np.abs(simulate(kind, update, 4 * STEPS, seed=5, wrong=1.3)).max() > LIMIT


def test_every_kind_is_there():
    assert {kind for kind, _ in CASES} == set(KINDS)
    assert len(set(itertools.chain.from_iterable(c[1:] for c in CASES))) >= 4
