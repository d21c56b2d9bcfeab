"""Compiled networks as torch modules, and torch modules as networks of `rgnet.cheap`.

A `rgnet.cheap.NeuralNetwork` is a chain of affine maps and elementwise activations, hence a ``torch.nn.Sequential``:
`to_torch` writes it as one, to be trained further or exported, `from_torch` reads one back, so that the counts, the
arbitrary precision and the drawing of `rgnet.cheap` serve trained networks as well. Weights survive the way there and
back bit for bit in float64 (digits beyond float64, which a compiled network may have, are rounded away).
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy

from rgnet.cheap import activations
from rgnet.cheap.activations import Activation
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralLayer, NeuralNetwork, layer
from rgnet.learn._torch import torch

__all__ = ["Elementwise", "SparseLinear", "from_torch", "to_torch"]

DENSE = 1 << 22  # weights, zeros included: 32 MiB in float64; beyond, a matrix that is mostly zeros is kept sparse
FULL = 0.1  # share of non-zero weights from which on a matrix is kept dense whatever its size
_LINEAR_FROM = 50.0  # where softplus(x) = x to the last bit of float64; torch's own threshold, 20, is 2e-9 off
_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sin": torch.sin,
    "exp": torch.exp,
    "arctan": torch.atan,
    "gaussian": lambda x: torch.exp(-x * x),
}


class Elementwise(torch.nn.Module):
    """An activation for which torch has no module of its own.

    Parameters
    ----------
    activation : Activation, name or formula in one variable
        As `rgnet.cheap.activations.get` takes it.
    """

    def __init__(self, activation: Any) -> None:
        super().__init__()
        self.activation = activations.get(activation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """σ(x), of the shape and dtype of x."""
        return _function(self.activation)(x)

    def extra_repr(self) -> str:
        """What ``print(module)`` shows."""
        return self.activation.name


class SparseLinear(torch.nn.Module):
    """y = W x + b with a matrix that is mostly zeros; only the weights given are kept, and trained.

    Parameters
    ----------
    rows, columns : int tensors (synapses,)
        Places, ordered by row.
    weight : tensor (synapses,)
    bias : tensor (out_features,)
    in_features : int
    """

    rows: torch.Tensor
    columns: torch.Tensor

    def __init__(
        self, rows: torch.Tensor, columns: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, in_features: int
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, len(bias)
        self.register_buffer("rows", rows)
        self.register_buffer("columns", columns)
        self.weight = torch.nn.Parameter(weight)
        self.bias = torch.nn.Parameter(bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (..., out_features) for inputs (..., in_features)."""
        places = torch.stack([self.rows, self.columns])
        matrix = torch.sparse_coo_tensor(
            places, self.weight, (self.out_features, self.in_features), check_invariants=False
        )
        flat = x.reshape(-1, self.in_features)
        found: torch.Tensor = torch.sparse.mm(matrix, flat.T).T
        return found.reshape(*x.shape[:-1], self.out_features) + self.bias

    def extra_repr(self) -> str:
        """What ``print(module)`` shows."""
        return f"in_features={self.in_features}, out_features={self.out_features}, synapses={len(self.weight)}"


def to_torch(network: NeuralNetwork, dtype: str = "float64") -> torch.nn.Sequential:
    """A compiled network as a ``torch.nn.Sequential`` of affine maps and activations.

    Parameters
    ----------
    network : NeuralNetwork
    dtype : "float64" or "float32"

    Returns
    -------
    torch.nn.Sequential
        Takes (..., inputs) of that dtype and gives (..., outputs). ``torch.nn.Linear``, or `SparseLinear` where a
        matrix has over 2^22 places and fewer than a tenth of them are used. Gradients are on. In torch sums are made in
        another order, so outputs agree with the network's to rounding, which the weights of a gate amplify.

    Raises
    ------
    CheapError
        If the dtype is another, or a weight lies beyond the range of float32.
    """
    if not isinstance(network, NeuralNetwork):
        raise CheapError(
            f"to_torch({type(network).__name__}): give a rgnet.cheap.NeuralNetwork, such as compiled.network"
        )
    if dtype not in _DTYPES:
        raise CheapError(f'dtype={dtype!r}: "float64" or "float32"')
    modules: list[torch.nn.Module] = []
    for place, item in enumerate(network.layers):
        modules.append(_linear(item, _DTYPES[dtype], f"layer {place}"))
        if item.activation is not None:
            modules.append(activation_module(item.activation))
    return torch.nn.Sequential(*modules)


def from_torch(
    module: torch.nn.Module, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None
) -> NeuralNetwork:
    """A chain of torch layers as a network of `rgnet.cheap`; weights that are exactly zero are no synapses.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of Linear and `SparseLinear`, each followed by at most one of Sigmoid, Tanh, Softplus(beta=1), GELU(), SiLU or
        `Elementwise`; Sequentials inside it and Identity are seen through.
    inputs, outputs : sequence of str, optional
        Names; x1, x2, … and y, or y1, y2, …, unless given.

    Raises
    ------
    CheapError
        If it holds another module, one that is not smooth (ReLU), or they stand in no such order.
    """
    steps = _flat(module, "")
    layers: list[NeuralLayer] = []
    pending: Any = None  # the affine map whose activation may follow
    for name, step in steps:
        if isinstance(step, torch.nn.Linear | SparseLinear):
            if pending is not None:
                layers.append(_layer(pending, None))
            pending = step
            continue
        found = _activation(name, step)
        if pending is None:
            raise CheapError(
                f"{name} ({type(step).__name__}) follows no Linear: each activation needs one of its own before it"
            )
        layers.append(_layer(pending, found))
        pending = None
    if pending is not None:
        layers.append(_layer(pending, None))
    if not layers:
        raise CheapError(f"{type(module).__name__} has no Linear in it: a network needs one affine map at least")
    n_in, n_out = layers[0].n_inputs, layers[-1].n_outputs
    given = tuple(inputs) if inputs is not None else tuple(f"x{i + 1}" for i in range(n_in))
    named = (
        tuple(outputs) if outputs is not None else ("y",) if n_out == 1 else tuple(f"y{i + 1}" for i in range(n_out))
    )
    if len(given) != n_in:
        raise CheapError(f"inputs={list(given)}: {n_in} names are needed, one for each input of the module")
    return NeuralNetwork(tuple(layers), given, named)


def activation_module(activation: Any) -> torch.nn.Module:
    """The module of an activation: torch's own where there is one that is exact, else `Elementwise`."""
    found = activations.get(activation)
    own: dict[str, Callable[[], torch.nn.Module]] = {
        "logistic": torch.nn.Sigmoid,
        "tanh": torch.nn.Tanh,
        "softplus": functools.partial(torch.nn.Softplus, threshold=_LINEAR_FROM),
        "gelu": torch.nn.GELU,
    }
    return own[found.name]() if found.name in own else Elementwise(found)


def _linear(item: NeuralLayer, dtype: torch.dtype, name: str) -> torch.nn.Module:
    weights, biases = (torch.from_numpy(table.sum(axis=0)) for table in (item.weights, item.biases))
    if dtype == torch.float32:
        for value in (weights, biases):
            rounded = value.to(dtype)
            lost = ~torch.isfinite(rounded) | ((rounded == 0) & (value != 0))
            if lost.any():
                raise CheapError(
                    f"{name} has a weight of {float(value[lost][0]):.3g}, beyond the range of float32 (1e-45 to 3e38): "
                    f'take dtype="float64", or build the network with a larger scale λ'
                )
    weights, biases = weights.to(dtype), biases.to(dtype)
    rows, columns = torch.from_numpy(item.rows.copy()), torch.from_numpy(item.columns.copy())
    places = item.n_outputs * item.n_inputs
    if places > DENSE and item.synapses < FULL * places:
        return SparseLinear(rows, columns, weights, biases, item.n_inputs)
    linear = torch.nn.Linear(item.n_inputs, item.n_outputs, dtype=dtype, device="meta")  # draws no random numbers
    matrix = torch.zeros(item.n_outputs, item.n_inputs, dtype=dtype)
    matrix[rows, columns] = weights
    linear.weight, linear.bias = torch.nn.Parameter(matrix), torch.nn.Parameter(biases)
    return linear


def _layer(step: Any, activation: Activation | None) -> NeuralLayer:
    weight = step.weight.detach().cpu().double().numpy()
    n_out = int(step.out_features)
    biases: Any = np.zeros(n_out) if step.bias is None else step.bias.detach().cpu().double().numpy()
    if isinstance(step, SparseLinear):
        places = zip(step.rows.tolist(), step.columns.tolist(), strict=True)
        table = dict(zip(places, weight.tolist(), strict=True))
        return layer(table, biases, activation, n_inputs=step.in_features)
    return layer(weight, biases, activation)


def _flat(module: Any, prefix: str) -> list[tuple[str, torch.nn.Module]]:
    """The modules in the order in which they act, with their names."""
    if isinstance(module, torch.nn.Sequential):
        return [pair for name, child in module.named_children() for pair in _flat(child, f"{prefix}{name}.")]
    if isinstance(module, torch.nn.Identity):
        return []
    return [(f"module {prefix.rstrip('.') or '0'}", module)]


def _activation(name: str, step: Any) -> Activation:
    kind = type(step).__name__
    if isinstance(step, Elementwise):
        return step.activation
    if isinstance(step, torch.nn.Softplus):
        if step.beta != 1 or step.threshold < 20:
            raise CheapError(
                f"{name} is Softplus(beta={step.beta:g}, threshold={step.threshold:g}): only beta=1 and a threshold of "
                f"20 or more are the softplus of rgnet.cheap; put β into the weights, softplus(βx)/β"
            )
        return activations.get("softplus")
    if isinstance(step, torch.nn.GELU) and step.approximate != "none":
        raise CheapError(
            f"{name} is GELU(approximate={step.approximate!r}): only GELU(), with the error function, is known"
        )
    known: dict[type, str] = {
        torch.nn.Sigmoid: "logistic",
        torch.nn.Tanh: "tanh",
        torch.nn.GELU: "gelu",
        torch.nn.SiLU: "silu",
    }
    if type(step) in known:
        return activations.get(known[type(step)])
    if isinstance(step, torch.nn.ReLU | torch.nn.LeakyReLU | torch.nn.ELU | torch.nn.Hardtanh):
        raise CheapError(
            f"{name} is {kind}, which is not smooth: rgnet.cheap expands activations in Taylor series, and those of "
            f"{kind} have a kink; train the network with Softplus(), GELU() or SiLU() instead"
        )
    raise CheapError(
        f"{name} is {kind}: a network of rgnet.cheap is a Sequential of Linear and Sigmoid, Tanh, Softplus, GELU, SiLU "
        f"or rgnet.learn.neural_network.Elementwise(formula); leave {kind} out, or fold it into the weights"
    )


@functools.cache
def _function(activation: Activation) -> Callable[[torch.Tensor], torch.Tensor]:
    if activation.name in _FUNCTIONS:
        return _FUNCTIONS[activation.name]
    found: Callable[[torch.Tensor], torch.Tensor] = sympy.lambdify(
        activations.T, activation.expression.subs(sympy.E, math.e), [{"sqrt": _sqrt}, torch]
    )
    return found


def _sqrt(x: Any) -> Any:
    """Of a tensor, or of a number that a formula holds."""
    return torch.sqrt(x) if isinstance(x, torch.Tensor) else math.sqrt(x)
