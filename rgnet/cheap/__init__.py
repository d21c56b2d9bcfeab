"""Networks compiled from formulae: nothing is trained.

NeuralNetwork       a network as data: sparse weights, biases, an activation; float32, float64 or any precision
Activation          a smooth function as a formula, with its Taylor coefficients at any point
compile             a polynomial in any number of variables as a network of product gates
product             n numbers multiplied, by one hidden layer, a tree, or anything between
certificate         whether any output weights can make a given hidden layer a product gate
bit_product, boolean, hamiltonian_network    functions of bits: one neuron for each monomial
classifier          the exact classifier of several lattice ensembles: their Hamiltonians and one softmax
classifier_network  the same down to neurons
EnergyClassifier    what `classifier` returns: posteriors, cross-entropies, ln Z with its error
sample_classes      labelled draws of several models
save, load          networks in HDF5 files

Names are loaded on first use: SymPy is slow to start.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rgnet.cheap.activations import Activation
    from rgnet.cheap.classification import EnergyClassifier, classifier, sample_classes
    from rgnet.cheap.errors import CheapError
    from rgnet.cheap.network import NeuralLayer, NeuralNetwork
    from rgnet.cheap.reports import Compiled, Report
    from rgnet.cheap.saving import load, save

_NAMES = {
    "Activation": "activations",
    "CheapError": "errors",
    "Compiled": "reports",
    "EnergyClassifier": "classification",
    "NeuralLayer": "network",
    "NeuralNetwork": "network",
    "Report": "reports",
    "classifier": "classification",
    "load": "saving",
    "sample_classes": "classification",
    "save": "saving",
}

__all__ = [
    "Activation", "CheapError", "Compiled", "EnergyClassifier", "NeuralLayer", "NeuralNetwork", "Report", "classifier",
    "load", "sample_classes", "save",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'rgnet.cheap' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"rgnet.cheap.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
