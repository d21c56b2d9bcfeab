"""Networks compiled from formulae: nothing is trained.

compile             a polynomial in any number of variables as a network of product gates
product             n numbers multiplied, by one hidden layer, a tree, or anything between
product_gate, square_gate, copy_gate    the gates that they are made of, with the best scale λ at a given precision
expansion_point     where an activation is best expanded
certificate         whether any output weights can make a given hidden layer a product gate
bit_product, bit_polynomial, boolean, hamiltonian_network    functions of bits: one neuron for each monomial
classifier          the exact classifier of several lattice ensembles: their Hamiltonians and one softmax
classifier_network  the same down to neurons
NeuralNetwork       a network as data: sparse weights, biases, an activation; float32, float64 or any precision
Activation          a smooth function as a formula, with its Taylor coefficients at any point
Compiled, Report    a network with its counts, and the error promised and achieved on a box
bits_needed         bits of the mantissa with which a network reaches a tolerance
EnergyClassifier    what `classifier` returns: posteriors, cross-entropies, ln Z with its error
sample_classes      labelled draws of several models
save, load          networks in HDF5 files

Beside them: `counts` (parameters of Hamiltonians, by Burnside's lemma and by enumeration), `linear` and
`fast_multiplication` (what flattening linear networks costs), `sign_group` (the operators ∏(1 − g_i) of Z_2ⁿ),
`circuits` (straight-line programs as data). Names are loaded on first use: SymPy is slow to start.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rgnet.cheap import circuits, counts, fast_multiplication, linear, sign_group
    from rgnet.cheap.activations import Activation
    from rgnet.cheap.bits import bit_polynomial, bit_product
    from rgnet.cheap.boolean_functions import boolean
    from rgnet.cheap.certificates import Certificate, certificate
    from rgnet.cheap.classification import EnergyClassifier, classifier, sample_classes
    from rgnet.cheap.classifier_networks import ClassifierNetwork, classifier_network
    from rgnet.cheap.errors import CheapError
    from rgnet.cheap.expansion import expansion_point
    from rgnet.cheap.gates import copy_gate, product_gate, square_gate
    from rgnet.cheap.network import NeuralLayer, NeuralNetwork, bits_needed
    from rgnet.cheap.polynomial import compile
    from rgnet.cheap.products import product
    from rgnet.cheap.reports import Compiled, Report
    from rgnet.cheap.saving import load, save
    from rgnet.cheap.scheduling import Circuit
    from rgnet.cheap.spin_products import hamiltonian_network

_MODULES = ("circuits", "counts", "fast_multiplication", "linear", "sign_group")
_NAMES = {
    "Activation": "activations",
    "Certificate": "certificates",
    "CheapError": "errors",
    "Circuit": "scheduling",
    "ClassifierNetwork": "classifier_networks",
    "Compiled": "reports",
    "EnergyClassifier": "classification",
    "NeuralLayer": "network",
    "NeuralNetwork": "network",
    "Report": "reports",
    "bit_polynomial": "bits",
    "bit_product": "bits",
    "bits_needed": "network",
    "boolean": "boolean_functions",
    "certificate": "certificates",
    "classifier": "classification",
    "classifier_network": "classifier_networks",
    "compile": "polynomial",
    "copy_gate": "gates",
    "expansion_point": "expansion",
    "hamiltonian_network": "spin_products",
    "load": "saving",
    "product": "products",
    "product_gate": "gates",
    "sample_classes": "classification",
    "save": "saving",
    "square_gate": "gates",
}

__all__ = [
    "Activation", "Certificate", "CheapError", "Circuit", "ClassifierNetwork", "Compiled", "EnergyClassifier",
    "NeuralLayer", "NeuralNetwork", "Report", "bit_polynomial", "bit_product", "bits_needed", "boolean", "certificate",
    "circuits", "classifier", "classifier_network", "compile", "copy_gate", "counts", "expansion_point",
    "fast_multiplication", "hamiltonian_network", "linear", "load", "product", "product_gate", "sample_classes",
    "save", "sign_group", "square_gate",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"rgnet.cheap.{name}")
    if name not in _NAMES:
        raise AttributeError(f"module 'rgnet.cheap' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"rgnet.cheap.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
