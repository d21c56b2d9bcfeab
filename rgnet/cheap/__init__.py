"""Networks compiled from formulae: nothing is trained.

classifier          the exact classifier of several lattice ensembles: their Hamiltonians and one softmax
EnergyClassifier    what it returns: posteriors, cross-entropies, ln Z with its error
sample_classes      labelled draws of several models
"""

from rgnet.cheap.classifier import EnergyClassifier, classifier, sample_classes

__all__ = ["EnergyClassifier", "classifier", "sample_classes"]
