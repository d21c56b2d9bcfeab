"""The variational RG of Mehta & Schwab, by enumeration: what holds for any RBM, and what only for a perfect one."""

import math

import numpy as np
import pytest

pytest.importorskip("torch")

import rgnet as rg
from rgnet.exact import enumerate as full
from rgnet.learn import variational
from rgnet.learn.annealing import kl, log_Z
from rgnet.learn.rbm import RBMLayer


def machine(seed: int, tied: bool = False, size: float = 0.5) -> RBMLayer:
    rng = np.random.default_rng(seed)
    if tied:
        return RBMLayer(rng.normal(0, size, (2, 1, 2, 2)), rng.normal(0, size, 1), rng.normal(0, size, 2), b=1)
    weights = rng.normal(0, size, (5, 1, 1, 1, 3, 3))
    return RBMLayer(weights, rng.normal(0, size, (1, 3, 3)), rng.normal(0, size, (5, 1, 1)), tied=False)


MODEL = rg.Ising((3, 3), K=0.4, h=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_rg_hamiltonian_is_the_machines_for_any_parameters(seed):
    layer = machine(seed)
    h = full.states((5, 1, 1))
    by_definition = variational.hidden_hamiltonian(layer, h, MODEL.energy)
    np.testing.assert_allclose(by_definition, variational.hidden_hamiltonian(layer, h), rtol=0, atol=1e-12)
    # Both are the marginal of the joint energy, summed here a third way
    v = full.states((3, 3))
    E = layer.energy(v[:, None], h[None])
    np.testing.assert_allclose(-np.logaddexp.reduce(-E, axis=0), by_definition, atol=1e-11)
    # whatever Hamiltonian was put in
    other = rg.Ising((3, 3), K=-0.7)
    np.testing.assert_allclose(variational.hidden_hamiltonian(layer, h, other.energy), by_definition, atol=1e-12)


@pytest.mark.parametrize("tied", [False, True])
def test_log_trace_by_enumeration(tied):
    layer = machine(3, tied)
    v = full.states((3, 3))[::37]
    h = full.states((2, 3, 3) if tied else (5, 1, 1))
    if tied:
        h = h[:: 2**4]  # not all: compare energies instead
        T = variational.projection(layer, MODEL.energy, v[:, None], h[None])
        expected = MODEL.energy(v)[:, None] - layer.energy(v[:, None], h[None])
        np.testing.assert_allclose(T, expected, atol=1e-12)
    else:
        T = variational.projection(layer, MODEL.energy, v[:, None], h[None])
        traced = np.logaddexp.reduce(T, axis=1)
        np.testing.assert_allclose(variational.log_trace(layer, MODEL.energy, v), traced, atol=1e-12)


def test_violation_free_energy_and_kl_belong_together():
    layer = machine(7)
    p = full.distribution(MODEL.energy, (3, 3))
    found = variational.trace_violation(layer, MODEL.energy, full.states((3, 3)), p)
    assert float(found["weight"] @ found["violation"]) == pytest.approx(0, abs=1e-12)
    difference = variational.free_energy_difference(layer, MODEL)
    assert difference.kind == "exact"
    expected = -float(found["mean_log_trace"]) - difference.value
    assert kl(layer, MODEL).value == pytest.approx(expected, abs=1e-12)
    assert difference.value == pytest.approx(full.log_Z(MODEL.energy, (3, 3)) - log_Z(layer).value, abs=1e-12)
    quantile = found["quantile"].values
    assert (np.diff(quantile) >= 0).all()
    assert float(found["largest"]) == pytest.approx(np.abs(quantile[[0, -1]]).max())


def test_violation_vanishes_iff_the_machine_reproduces_the_model():
    # A chain of 4 spins with a hidden unit on every bond is exact: cosh 2w = e^{2K} (star-bond decimation)
    K = 0.3
    chain = rg.Ising(4, K=K)
    w = 0.5 * math.acosh(math.exp(2 * K))
    weights = np.zeros((4, 1, 1, 4))
    for bond in range(4):
        weights[bond, 0, 0, [bond, (bond + 1) % 4]] = w
    layer = RBMLayer(weights, tied=False)
    p = full.distribution(chain.energy, 4)
    v = full.states(4)
    assert float(variational.trace_violation(layer, chain.energy, v, p)["largest"]) < 1e-13
    assert kl(layer, chain).value == pytest.approx(0, abs=1e-13)
    # The tied form of it: one filter of two sites at stride 1
    tied = RBMLayer(np.full((1, 1, 2), w), b=1)
    assert kl(tied, chain).value == pytest.approx(0, abs=1e-13)
    # A constant in E makes ΔF whatever is wanted, and ΔF = 0 does not make a machine exact
    worse = RBMLayer(weights * 0.5, tied=False)
    assert float(variational.trace_violation(worse, chain.energy, v, p)["standard_deviation"]) > 0.05
    # near the optimum half the variance is KL
    near = RBMLayer(weights * 0.98, tied=False)
    spread = float(variational.trace_violation(near, chain.energy, v, p)["standard_deviation"])
    assert spread**2 / 2 == pytest.approx(kl(near, chain).value, rel=0.05)


def test_bad_input():
    layer = machine(0)
    v = full.states((3, 3))
    with pytest.raises(ValueError, match="one probability for each of 512"):
        variational.trace_violation(layer, MODEL.energy, v, np.full(512, 1.0))
    tied = RBMLayer(np.ones((1, 1, 2, 2)))
    with pytest.raises(ValueError, match="for up to 22"):
        variational.hidden_hamiltonian(tied, np.ones((3, 3), dtype=int), MODEL.energy, space=(6, 6))
