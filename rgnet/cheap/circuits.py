"""Straight-line programs compiled to neurons: `Circuit` in, `rgnet.cheap.Compiled` out.

The layout is `rgnet.cheap.scheduling`'s, the gates are `rgnet.cheap.gates`', their scales and the promised error
`rgnet.cheap.bounds`'. A product of two different operands takes four neurons, a square two and one constant neuron for
all squares of a layer (a bias instead would be rounded differently in the neurons of the next layer that hear it with
opposite signs, an error that their gate multiplies by 1/λ), a value handed on two, or one of an odd function.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

from rgnet.cheap import activations, bounds, gates, network, precision, reports
from rgnet.cheap.activations import Activation
from rgnet.cheap.bounds import Budget
from rgnet.cheap.errors import CheapError
from rgnet.cheap.gates import Kind, Maker
from rgnet.cheap.network import NeuralLayer, NeuralNetwork
from rgnet.cheap.precision import Arithmetic
from rgnet.cheap.reports import Compiled
from rgnet.cheap.scheduling import DIGITS, Affine, Circuit, Plan, affine, plan

__all__ = ["Affine", "Circuit", "affine", "assemble", "evaluate", "plan"]

Heard = list[tuple[int, Any]]  # a value as a sum over neurons of the layer: (neuron, weight)


def assemble(
    circuit: Circuit, activation: Any = "softplus", *, box: Any = 1.0, tolerance: float | None = None,
    dtype: str = "float64", digits: int | None = None, order: int | None = None, at: Any = None,
    target: Callable[[Any], Any] | None = None, notes: dict[str, Any] | None = None,
) -> Compiled:  # fmt: skip
    """Compile a straight-line program.

    Parameters
    ----------
    circuit : Circuit
    activation : str, SymPy expression or Activation
    box : number, pair, or a pair for each input
        Where the error is bounded; see `rgnet.cheap.reports.check_box`.
    tolerance : float, optional
        Largest error allowed. Without one, the smallest error is sought.
    dtype, digits : the arithmetic: "float32", "float64", or "mp" with digits
    order : 2, 4, … 12, optional
        Power of λ that truncation has at least: more neurons for each multiplication.
    at : number, optional
        Where products are expanded; by default the best point.
    target : callable, optional
        What the network is measured against: from (n, inputs), of float64 (or mpf) to (n,) or (n, outputs). By default
        the circuit itself.
    notes : dict, optional
        Put first into the report.

    Raises
    ------
    CheapError
        If the tolerance is below the promised floor, the box or the activation is no such thing, …
    """
    how = precision.arithmetic(dtype, digits)
    check_tolerance(tolerance)
    sides = reports.check_box(box, len(circuit.inputs)) if circuit.inputs else ()
    sigma, laid = activations.get(activation), plan(circuit)
    makers = makers_for(laid, sigma, how, order, at)
    found = bounds.budget(laid, makers, sides, how, tolerance)
    if tolerance is not None and not found.promised <= tolerance:
        raise refusal(laid, sigma, sides, how, tolerance, found, order, at)
    return build(laid, makers, found, sides, how, tolerance, target, notes)


def build(
    laid: Plan, makers: dict[Kind, Maker], found: Budget, sides: Any, how: Arithmetic, tolerance: float | None,
    target: Callable[[Any], Any] | None, notes: dict[str, Any] | None,
) -> Compiled:  # fmt: skip
    """The network of a plan at given scales, and its report."""
    net = _emit(laid, makers, found)
    products, squares, copies = (laid.count(kind) for kind in ("product", "square", "copy"))
    used = [scale for node, scale in zip(laid.nodes, found.scales, strict=True) if node.kind in ("product", "square")]
    table: dict[str, Any] = dict(notes or {})
    table["multiplications"] = products + squares
    table["of these squares"] = squares
    table["copies"] = copies
    if used:
        gate = makers["product" if products else "square"]
        table["λ of products"] = f"{min(used):.3g} to {max(used):.3g}"
        table["expanded at"] = float(gate.sigma.at)
        table["truncation falls as"] = f"λ^{gate.power}" if gate.power else "nothing is left out"
    table["truncation"], table["rounding"] = found.truncation, found.rounding
    needed = None if tolerance is None or not used else bounds.bits(found, how, tolerance)
    if needed is not None:
        table["bits predicted"] = needed
    report = reports.measure(
        net, target or (lambda x: evaluate(laid.circuit, x)), sides, promised=found.promised, tolerance=tolerance,
        dtype=how.dtype, digits=how.digits, notes=table,
    )  # fmt: skip
    return Compiled(net, report)


def evaluate(circuit: Circuit, x: Any) -> Any:
    """The circuit itself at points (n, inputs): (n, outputs), in float64, or in mpf for an object array."""
    exact = np.asarray(x).dtype.kind == "O"
    take: Callable[[Any], Any] = network.to_mpf if exact else float

    def combine(side: Affine) -> Any:
        total = np.full(len(x), take(side.constant), dtype=object if exact else np.float64)
        for value, c in side.terms:
            total = total + values[value] * take(c)
        return total

    values: list[Any] = [x[:, i] for i in range(len(circuit.inputs))]
    for u, v in circuit.products:
        values.append(combine(u) * combine(v))
    return np.stack([combine(out) for out in circuit.outputs], axis=1)


def check_tolerance(tolerance: Any) -> None:
    """Refuse what is no positive number.

    Raises
    ------
    CheapError
        If so.
    """
    if tolerance is not None and not (isinstance(tolerance, int | float) and 0 < tolerance < float("inf")):
        raise CheapError(f"tolerance={tolerance!r}: a positive number, the largest error allowed, such as 1e-6")


def makers_for(laid: Plan, sigma: Activation, how: Arithmetic, order: int | None, at: Any) -> dict[Kind, Maker]:
    """The kinds of gates that a plan uses."""
    kinds: tuple[Kind, ...] = ("product", "square", "copy")
    return {
        kind: gates.maker(
            kind, sigma, how, at=at if kind != "copy" else None, order=order if kind != "copy" else _copy_order(order)
        )
        for kind in kinds
        if laid.count(kind)
    }


def _copy_order(order: int | None) -> int | None:
    """Copies are far more exact than products of the same order: only high orders need more neurons."""
    return None if order is None or order <= 4 else order - 2


def refusal(
    laid: Plan, sigma: Activation, sides: Any, how: Arithmetic, tolerance: float, found: Budget, order: int | None,
    at: Any,
) -> CheapError:  # fmt: skip
    """Say which floor the tolerance is below, and which order or precision would do."""
    ways = [f"tolerance={_up(found.promised)}"]
    makers = makers_for(laid, sigma, how, order, at)
    power = max((makers[kind].power for kind in ("product", "square") if kind in makers), default=0)
    for more in range(max(order or 2, power) + 2, 13 if power else 0, 2):
        makers = makers_for(laid, sigma, how, more, at)
        if bounds.budget(laid, makers, sides, how).promised <= tolerance:
            each = makers["product"].neurons if "product" in makers else makers["square"].neurons
            ways.append(f"order={more} ({each} neurons for a multiplication)")
            break
    if how.dtype == "float32" and _reaches(laid, sigma, sides, Arithmetic("float64"), tolerance, order, at):
        ways.append('dtype="float64"')
    else:
        # The floor falls as eps^{p/(p+2)}: where to begin looking
        unit = how.unit * (tolerance / found.promised) ** ((power + 2) / max(power, 2))
        guess = 5 * math.floor(-math.log10(max(unit, 1e-99)) / 5)
        for digits in range(max(guess, 20, how.digits + 1 if how.dtype == "mp" else 0), 61, 5):
            if _reaches(laid, sigma, sides, Arithmetic("mp", digits), tolerance, order, at):
                ways.append(f'dtype="mp" with digits={digits}')
                break
    if len(ways) == 1 and _reaches(laid, sigma, sides, Arithmetic("mp", 60), tolerance, 12, at):
        ways.append('dtype="mp" with digits=60 and order=12')
    gates_used = laid.count("product") + laid.count("square")
    what = f"{gates_used} multiplication{'s' * (gates_used != 1)}" if gates_used else "sums"
    return CheapError(
        f"tolerance={tolerance:.3g} is below the floor: in {how} the smallest error that can be promised for "
        f"{what} with {sigma.name} on this box is {found.promised:.2g}; give {', or '.join(ways)}"
    )


def _reaches(
    laid: Plan, sigma: Activation, sides: Any, how: Arithmetic, tolerance: float, order: int | None, at: Any
) -> bool:
    return bounds.budget(laid, makers_for(laid, sigma, how, order, at), sides, how).promised <= tolerance


def _up(value: float) -> str:
    """Two digits, rounded up."""
    return f"{value * 1.05:.1e}"


def _emit(laid: Plan, makers: dict[Kind, Maker], found: Budget) -> NeuralNetwork:
    """All layers, weights as mpf."""
    circuit = laid.circuit
    with mpmath.workdps(DIGITS):
        one = mpmath.mpf(1)
        said: dict[int, Heard] = {i: [(i, one)] for i in range(len(circuit.inputs))}
        width, layers = len(circuit.inputs), []
        by_layer: list[list[int]] = [[] for _ in range(laid.depth + 1)]
        for i, node in enumerate(laid.nodes):
            by_layer[node.layer].append(i)
        for layer in range(1, laid.depth + 1):
            hidden, spoken = _layer(laid, by_layer[layer], makers, found, said, width)
            layers.append(hidden)
            said, width = spoken, hidden.n_outputs
        rows = [_hear(side, one, said) for side in laid.outputs]
        weights = {(row, column): w for row, terms in enumerate(rows) for column, w in terms.items()}
        constants = [network.to_mpf(side.constant) for side in laid.outputs]
        layers.append(network.layer(weights, constants, None, width))
    return NeuralNetwork(tuple(layers), circuit.inputs, circuit.names)


def _layer(
    laid: Plan, members: Sequence[int], makers: dict[Kind, Maker], found: Budget, said: dict[int, Heard], width: int
) -> tuple[NeuralLayer, dict[int, Heard]]:
    """One hidden layer, and how the next one hears its values."""
    weights: dict[tuple[int, int], Any] = {}
    biases: list[Any] = []
    spoken: dict[int, Heard] = {}
    constant: int | None = None  # the neuron that squares share
    for i in members:
        node = laid.nodes[i]
        gate = makers[node.kind]  # type: ignore[index]
        alpha = mpmath.mpf(found.balance[i])
        u, v = _hear(node.u, alpha, said), _hear(node.v, 1 / alpha, said)
        c_u, c_v = (network.to_mpf(side.constant) for side in (node.u, node.v))
        heard: Heard = []
        for s_u, s_v, w in gates.units(gate, found.scales[i]):
            if not s_u:
                if constant is None:
                    constant = len(biases)
                    biases.append(gate.sigma.at)
                heard.append((constant, w))
                continue
            row = len(biases)
            for column in u.keys() | (v.keys() if s_v else ()):
                weight = s_u * u.get(column, 0) + s_v * v.get(column, 0)
                if weight:
                    weights[row, column] = weight
            biases.append(gate.sigma.at + s_u * alpha * c_u + s_v * c_v / alpha)
            heard.append((row, w))
        spoken[i] = heard
    sigma = next(iter(makers.values())).sigma.activation
    return network.layer(weights, biases, sigma, width), spoken


def _hear(side: Affine, factor: Any, said: dict[int, Heard]) -> dict[int, Any]:
    """A combination of values as one of neurons: {neuron: weight}."""
    found: dict[int, Any] = {}
    for value, c in side.terms:
        scaled = network.to_mpf(c) * factor
        for neuron, w in said[value]:
            found[neuron] = found[neuron] + scaled * w if neuron in found else scaled * w
    return found
