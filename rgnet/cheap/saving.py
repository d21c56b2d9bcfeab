"""Networks in sealed HDF5 files: one group a layer, every digit of the weights; formulae as text, never code.

Any netCDF reader sees ``weights(part, synapse)`` with their ``row`` and ``column``, and ``biases(part, neuron)``; the
sum over parts is the number. Names of inputs and outputs are attributes of the file.
"""

import os
from typing import Any

import numpy as np
import xarray as xr

from rgnet import store
from rgnet.cheap import activations, expressions
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralLayer, NeuralNetwork

KIND = "neural network"
_LINEAR = "linear"


def save(path: str | os.PathLike[str], network: NeuralNetwork) -> None:
    """Write a network to an HDF5 file, all or nothing; `load` gives it back bit for bit.

    Raises
    ------
    TypeError
        If it is no NeuralNetwork (of a compiled one, give its ``network``).
    CheapError
        If the formula of an activation is not one that `load` reads back.
    OSError
        If the file cannot be written; an older one is kept.
    """
    if not isinstance(network, NeuralNetwork):
        raise TypeError(f"{type(network).__name__} is no NeuralNetwork: of what compile returned, give its .network")
    for item in network.layers:
        _check_formula(item)
    groups = {f"layer_{number}": _group(item) for number, item in enumerate(network.layers)}
    store.write(path, groups, {"kind": KIND, "inputs": list(network.inputs), "outputs": list(network.outputs)})


def load(path: str | os.PathLike[str]) -> NeuralNetwork:
    """Read what `save` wrote.

    Raises
    ------
    FileNotFoundError
    FileError
        If the file is damaged or foreign. A ValueError.
    CheapError
        If it holds no network.
    """
    attrs = store.read_attrs(path)
    if attrs.get("kind") != KIND:
        raise CheapError(f"{os.fspath(path)} holds no network that rgnet.cheap.save wrote; rgnet.open reads other data")
    tree = store.open(path)
    try:
        layers = tuple(_layer(tree[f"layer_{number}"].to_dataset()) for number in range(len(tree.children)))
        return NeuralNetwork(layers, tuple(map(str, attrs["inputs"])), tuple(map(str, attrs["outputs"])))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise CheapError(f"{os.fspath(path)} holds a network that makes no sense ({error}): save it again") from None


def _check_formula(item: NeuralLayer) -> None:
    """Refuse what could not be read, before it is written."""
    if item.activation is None or item.activation.name in activations.NAMES:
        return
    formula = str(item.activation.expression)
    try:
        same = activations.get(formula).expression == item.activation.expression
    except CheapError:
        same = False
    if not same:
        raise CheapError(
            f"the activation {formula!r} cannot be written so that it is read back: write it in the functions "
            f"{', '.join(expressions.FUNCTIONS)}"
        )


def _group(item: NeuralLayer) -> xr.Dataset:
    activation = item.activation
    return xr.Dataset(
        {
            "row": ("synapse", item.rows),
            "column": ("synapse", item.columns),
            "weights": (("part", "synapse"), item.weights),
            "biases": (("bias_part", "neuron"), item.biases),
        },
        attrs={
            "n_inputs": item.n_inputs,
            "activation": _LINEAR if activation is None else activation.name,
            "formula": "" if activation is None else str(activation.expression),
        },
    )


def _layer(data: xr.Dataset) -> NeuralLayer:
    name, formula = str(data.attrs["activation"]), str(data.attrs["formula"])
    known = name in activations.NAMES
    activation = None if name == _LINEAR else activations.get(name if known else formula)
    if activation is not None and not known:
        activation = activations.Activation(name, activation.expression)
    rows, columns = (np.asarray(data[key].values, dtype=np.int64) for key in ("row", "column"))
    weights, biases = (np.asarray(data[key].values, dtype=np.float64) for key in ("weights", "biases"))
    n_inputs = int(data.attrs["n_inputs"])
    ends: tuple[tuple[Any, int], ...] = ((rows, biases.shape[1]), (columns, n_inputs))
    if any(places.size and not 0 <= places.min() <= places.max() < size for places, size in ends):
        raise CheapError("a synapse leads nowhere")
    if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
        raise CheapError("a weight is not finite")
    return NeuralLayer(n_inputs, rows, columns, weights, biases, activation)
