"""Hamiltonians of spins as networks of bit products."""

import numpy as np
import pytest

import rgnet as rg
from rgnet.cheap import spin_products
from rgnet.cheap.errors import CheapError
from rgnet.cheap.spin_products import hamiltonian_network
from rgnet.exact import states

FURTHER = {"nnn": 0.05, "third": 0.03, "plaquette": -0.07}
TRIANGLE = rg.operators.operator("corner", [(0, 0), (1, 0), (0, 1)])
MODELS = {
    "torus": rg.Ising((3, 4), K=0.44),
    "further": rg.Ising((3, 4), K=0.4, h=0.1, couplings=FURTHER),
    "free": rg.Ising((3, 3), K=-0.4, h=0.1, couplings=FURTHER, boundary="free"),
    "half free": rg.Ising((3, 4), K=0.4, couplings=FURTHER, boundary=("free", "periodic")),
    "side of two": rg.Ising((2, 5), K=0.3, h=-0.2),
    "side of one": rg.Ising((1, 4), K=0.3, boundary=("free", "periodic")),
    "odd operator": rg.Ising((3, 3), K=0.2, couplings={TRIANGLE: 0.11}),
    "cube": rg.Ising((2, 2, 3), K=0.22, boundary="free"),
    "triangular": rg.Ising((3, 3), K=0.27, h=0.05, lattice="triangular"),
    "graph": rg.Ising(rg.lattice.Graph([(0, 1), (1, 2), (0, 2), (2, 3)], 6), K=0.5, h=0.1),
    "glass": rg.SpinGlass((3, 4), K=0.7, J="gaussian", h=0.1, seed=3),
    "glass of two": rg.SpinGlass((2, 3), K=0.7, seed=3),
}


@pytest.mark.parametrize("name", MODELS)
def test_energies_equal_the_models(name):
    model = MODELS[name]
    found = hamiltonian_network(model)
    x = states(model.shape)
    difference = np.abs(found(x.reshape(len(x), -1))[:, 0] - model.energy(x)).max()
    assert difference <= found.report.promised < 1e-11
    assert found.report.achieved == difference
    assert found.report.points == len(x)


def test_one_neuron_a_bond_and_one_a_site():
    assert hamiltonian_network(MODELS["torus"]).network.neurons == 24 + 12
    assert hamiltonian_network(rg.Ising((16, 16), K=0.3)).network.neurons == 3 * 256
    assert hamiltonian_network(rg.Ising((2, 5), K=0.3)).network.neurons == 15 + 10  # two bonds are one neuron
    # A field that cancels what the bonds leave of single bits: H = −K Σ s s' + 4K Σ s has no linear terms in x
    assert hamiltonian_network(rg.Ising((4, 4), K=0.25, h=1.0)).network.neurons == 32


def test_a_mapping_of_couplings():
    found = hamiltonian_network({(0, 1, 2): 0.3, (1,): 0.2, (): 0.7}, tolerance=1e-9)
    s = states(3)
    wanted = -(0.3 * s.prod(axis=1) + 0.2 * s[:, 1] + 0.7)
    assert np.abs(found(s)[:, 0] - wanted).max() <= found.report.promised <= 1e-9


def test_products_of_spins_in_bits():
    found = spin_products.in_bits({(0, 1): 1})
    assert found == {(): 1, (0,): -2, (1,): -2, (0, 1): 4}
    assert spin_products.in_bits({(0,): 1, (): 1}) == {(0,): 2}


def test_translation_classes():
    shape = (3, 4)
    pairs = list(spin_products.couplings_of(MODELS["torus"]))
    assert len(set(spin_products.translation_classes(pairs, shape, ("periodic", "periodic")))) == 2
    assert len(set(spin_products.translation_classes(pairs, shape, ("free", "periodic")))) == 3 + 3
    assert len(set(spin_products.translation_classes(pairs, shape, ("free", "free")))) == len(pairs)


def test_refusals():
    with pytest.raises(CheapError, match="Potts: products of spins"):
        hamiltonian_network(rg.Potts((3, 3), q=3, K=1.0))
    with pytest.raises(CheapError, match="below the floor"):
        hamiltonian_network(MODELS["torus"], tolerance=1e-15)
    with pytest.raises(CheapError, match="at most 16 spins"):
        hamiltonian_network({tuple(range(17)): 1.0})
