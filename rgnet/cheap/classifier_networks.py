"""The exact classifier of lattice ensembles, down to neurons.

    p(y|x) = softmax_y( −H_y(x) − μ_y − ln Z_y ) ,      H_y = −Σ_S J^y_S ∏_{i∈S} s_i ,      μ_y = −ln p(y)

(Lin, Tegmark & Rolnick 2017, eqs. 6-8). The products of spins are products of bits, each one logistic neuron
(`rgnet.cheap.spin_products`, `rgnet.cheap.bits`), shared by all classes: where they differ in the strength of their
couplings alone, a class costs output weights and no neurons. The outputs are the logits ln p(x, y); a softmax follows.

*Error.* An error of the logits by which their differences change by at most D changes the log odds of a class by at
most D, and its probability by no more than tanh(D/4), since [1/(1 + e^{−a−D/2}) − 1/(1 + e^{−a+D/2})] is largest at
a = 0. With ε(β) the error of a neuron, D = ε(β) max_{y,y'} Σ_S |c^y_S − c^{y'}_S|, and what rounding adds.

*Convolution.* Translations along periodic sides map neurons onto neurons. Those of one orbit whose output weights are
equal are one filter, its outputs summed over the lattice: the number of filters does not grow with the lattice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from rgnet.cheap import bits, spin_products
from rgnet.cheap.classification import EnergyClassifier, classifier
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralNetwork
from rgnet.cheap.reports import Report
from rgnet.lattice import Graph

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ClassifierNetwork:
    """A compiled classifier; made by `classifier_network`.

    Attributes
    ----------
    network : NeuralNetwork
        From the spins, in C order, to the logits ln p(x, y).
    report : Report
        Its errors are those of the posterior, against `exact`.
    exact : EnergyClassifier
    """

    network: NeuralNetwork
    report: Report
    exact: EnergyClassifier

    def logits(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return ln p(x, y): configurations (..., *shape) of ±1 to (..., classes)."""
        array, shape = np.asarray(x), self.exact.shape
        if array.shape[array.ndim - len(shape) :] != shape:
            raise CheapError(f"configurations of shape {array.shape}: the last axes are the lattice {shape}")
        return np.asarray(self.network(array.reshape(*array.shape[: array.ndim - len(shape)], -1)))

    def log_posterior(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return ln p(y|x) in nats. Shapes as `logits`."""
        return np.asarray(log_softmax(self.logits(x), axis=-1))

    def posterior(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """p(y|x). Shapes as `logits`."""
        return np.asarray(softmax(self.logits(x), axis=-1))

    def __str__(self) -> str:
        return str(self.report)


def classifier_network(
    classes: EnergyClassifier | Sequence[Any],
    prior: Sequence[float] | None = None,
    *,
    beta: float | None = None,
    tolerance: float | None = None,
) -> ClassifierNetwork:
    """The exact classifier as a network: spins, one hidden layer, logits, softmax.

    Parameters
    ----------
    classes : EnergyClassifier or sequence of models
        Ising models or spin glasses on one lattice; `rgnet.cheap.classifier` finds their ln Z, by simulation where no
        formula is known, and takes further options.
    prior : sequence of float, optional
        With models: p(y), uniform unless given.
    beta, tolerance : float, optional
        One of them: the steepness, or the largest error of p(y|x), which an error that all logits share does not
        change; with neither, rounding alone is left, in the logits too.

    Raises
    ------
    CheapError
        If a model is of another kind, the tolerance is below the floor of float64, or options contradict each other.
    ValueError
        As `rgnet.cheap.classifier`.

    Examples
    --------
    >>> import rgnet as rg
    >>> found = classifier_network([rg.Ising((4, 4), K=0.3), rg.Ising((4, 4), K=0.5)])
    >>> found.network.widths, found.report.notes["filters"]
    ((48,), 3)
    """
    if isinstance(classes, EnergyClassifier):
        if prior is not None:
            raise CheapError(f"prior={prior!r}: this classifier has its own, {classes.prior}; give models with a prior")
        exact = classes
    else:
        exact = classifier(classes, prior)
    if tolerance is not None and not (bits.is_number(tolerance) and 0 < tolerance < 1):
        raise CheapError(f"tolerance={tolerance!r}: the largest error of a probability, above 0 and below 1")
    if tolerance is not None and beta is not None:
        raise CheapError(f"beta={beta!r} and tolerance={tolerance!r}: each sets the other; give one of them")
    terms = [spin_products.in_bits(spin_products.couplings_of(model)) for model in exact.models]
    constants = [
        term.pop((), Fraction(0)) + Fraction(float(bias)) for term, bias in zip(terms, exact.biases, strict=True)
    ]
    every = sorted({key for term in terms for key in term}, key=lambda key: (len(key), key))
    weights = np.empty((len(terms), len(every)), dtype=object)
    for y, term in enumerate(terms):
        weights[y] = [term.get(key, Fraction(0)) for key in every]
    n = int(math.prod(exact.shape))
    names: dict[str, tuple[str, ...]] = {
        "inputs": tuple(f"s{i}" for i in range(n)),
        "outputs": tuple(f"ln p(x, {y})" for y in range(len(terms))),
    }
    spread_allowed = None if tolerance is None else 4 * math.atanh(tolerance)
    try:
        made, used, spread = bits.assemble(
            bits.products(every, n), weights, constants, **names, beta=beta, tolerance=spread_allowed, spins=True,
            differences=True,
        )  # fmt: skip
    except CheapError as error:
        if tolerance is None:
            raise
        raise CheapError(f"p(y|x) within {tolerance:.3g}, logits within four times that: {error}") from None

    def target(s: Array) -> Array:
        return exact.logits(s.reshape(-1, *exact.shape))

    def change(a: Array, b: Array) -> Array:
        return np.asarray(softmax(a, axis=-1) - softmax(b, axis=-1))

    report = bits.measure(
        made, target, math.tanh(spread / 4) + 4 * bits.ROUNDING, used, tolerance, spins=True, error=change,
        notes=_sharing(exact, every, weights, made),
    )  # fmt: skip
    return ClassifierNetwork(made, report, exact)


def _sharing(
    exact: EnergyClassifier, every: Sequence[tuple[int, ...]], weights: Array, made: NeuralNetwork
) -> dict[str, Any]:
    """How few numbers the weights are."""
    first = exact.models[0]
    values = np.concatenate([item.weights.sum(axis=0) for item in made.layers])
    result = {"classes": len(exact.models), "distinct weights": len(np.unique(values))}
    if isinstance(first.lattice, Graph):
        return result
    periodic = [
        "periodic" if all(model.boundary[axis] == "periodic" for model in exact.models) else "free"
        for axis in range(len(exact.shape))
    ]
    labels = spin_products.translation_classes(every, exact.shape, periodic)
    return {
        **result,
        "filters": len({(label, *column) for label, column in zip(labels, weights.T.tolist(), strict=True)}),
    }
