"""n numbers multiplied: by one hidden layer, by the binary tree, or by anything between.

    depth = 1          2ⁿ neurons (2^{n−1} by parity), ∏(r_i + 1) for powers        `rgnet.cheap.product_gates`
    depth = k          about n^{(k−1)/k}·2^{n^{1/k}} neurons in groups              `rgnet.cheap.product_layers`
    depth = None       the tree: about 4n neurons, ⌈log2 n⌉ hidden layers           `rgnet.cheap.circuits`

(Lin, Tegmark & Rolnick 2017, appendix A; Rolnick & Tegmark 2017.) Fewer neurons for more layers is not the only
difference: one layer multiplies by λ^{−n}, a tree by λ^{−2} in each layer. With rounding u = 2^−bits and all |x_i| ≤ 1

    error ≤ λ² n(n+2)(n+1)/6 · |σ_{n+2}/σ_n| + … + u (a + 2) |σ_0|/(n! |σ_n| λⁿ) + … ,

`rgnet.cheap.precision` for all the terms, so that the best λ and the least error are

    λ* = (n R u/(2c))^{1/(n+2)} ,    floor = (1 + 2/n) c λ*² :

the bits needed for an error ε grow as (1 + n/2) log2(1/ε). Between the two the error goes from layer to layer,

    δ' = e + [∏(1 + δ_i) − 1] + u |λ Σ_i N_i| D/(g! |σ_g| λ^g) ,    D = Σ_k k |σ_k| (λg)^{k−1} over k ≡ g (mod 2) ,

with e the gate's own error and N_i the sum of |weights · neurons| that the difference behind input i cancels: neurons
of a group round it differently, but those of opposite signs oppositely, hence only powers of the parity of g.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from rgnet.cheap import activations, circuits, network, precision, product_gates, product_layers, reports
from rgnet.cheap.activations import Activation
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralLayer, NeuralNetwork
from rgnet.cheap.precision import Arithmetic
from rgnet.cheap.product_gates import Gate
from rgnet.cheap.reports import Compiled

Array = npt.NDArray[Any]

MOST_NEURONS = 1 << 20
_MOST_SYNAPSES = 1 << 24
_ROUNDINGS = 3  # of each term of a sum between layers: weight, product, partial sum


@dataclass(frozen=True)
class _Level:
    """One hidden layer: the gate of each size, the sizes in order, and λ of its inputs relative to [−1, 1]."""

    gates: dict[int, Gate]
    sizes: tuple[int, ...]
    scale: float


def product(
    n: int | None = None, activation: Any = "softplus", depth: int | None = None, *,
    powers: Sequence[int] | None = None, scale: float | None = None, at: Any = None, box: Any = 1.0,
    dtype: str = "float64", digits: int | None = None,
) -> Compiled:  # fmt: skip
    """Multiply n numbers, x_1 · x_2 ⋯ x_n, or powers of them.

    Parameters
    ----------
    n : int
        How many; may be left out where powers are given.
    activation : str, SymPy expression or Activation
    depth : int, optional
        Hidden layers, from 1 to ⌈log2 n⌉; by default that many: the tree.
    powers : sequence of int, optional
        r_i ≥ 1 of ∏ x_i^{r_i}, in one layer.
    scale : float, optional
        λ of a single layer for inputs in [−1, 1]; by default the best.
    at : number, optional
        Where σ is expanded; by default 0 where the parity of σ saves half of the neurons, else the best point.
    box : number, pair, or a pair for each input
        Where the error is bounded and measured.
    dtype, digits : the arithmetic: "float32", "float64", or "mp" with digits

    Returns
    -------
    Compiled
        The report's notes have λ, the two parts of the promised error, and ``bits predicted``: the bits of the mantissa
        at which rounding is no more than truncation at this λ.

    Raises
    ------
    CheapError
        If σ_n vanishes (as it must where σ has the other parity), if 2ⁿ is more than 2^20, or if an argument makes no
        sense.

    Examples
    --------
    >>> product(4, "exp", depth=1).network.neurons
    16
    >>> product(3, "tanh", depth=1).network.neurons
    4
    """
    factors = _factors(n, powers)
    count = len(factors)
    product_layers.check(count, depth)
    if any(r > 1 for r in factors) and depth not in (1, None):
        raise CheapError(
            f"depth={depth} with powers={list(factors)}: powers are built in one layer (depth=1); for a deep network "
            f"use rgnet.cheap.compile"
        )
    how, sides = precision.arithmetic(dtype, digits), reports.check_box(box, count)
    _refuse_range(factors, sides, how)
    if scale is not None and not (isinstance(scale, int | float | mpmath.mpf) and 0 < scale < float("inf")):
        raise CheapError(f"scale={scale!r}: λ is a positive number; leave it out for the best one")
    sigma = activations.get(activation)
    single = depth == 1 or count == 1 or any(r > 1 for r in factors)
    if not single and scale is not None:
        raise CheapError(f"scale={scale}: λ may be given for one layer (depth=1); deeper ones have one for each layer")
    if single:
        return _shallow(factors, sigma, how, sides, scale, at)
    if depth is None or depth == product_layers.deepest(count):
        return _tree(count, sigma, how, sides, at)
    return _between(count, depth, sigma, how, sides, at)


def _factors(n: Any, powers: Any) -> tuple[int, ...]:
    if powers is None:
        product_layers.check(n, None)
        return (1,) * int(n)
    found = tuple(powers)
    if not found or any(isinstance(r, bool) or not isinstance(r, int | np.integer) or r < 1 for r in found):
        raise CheapError(f"powers={list(found)}: whole numbers r_i ≥ 1 of ∏ x_i^r_i, such as [2, 1, 1]")
    if n is not None and n != len(found):
        raise CheapError(f"n={n} with {len(found)} powers: leave out n, or give one power for each number")
    return tuple(int(r) for r in found)


def _shallow(
    factors: tuple[int, ...], sigma: Activation, how: Arithmetic, sides: reports.Box, scale: Any, at: Any
) -> Compiled:
    _refuse_giants(factors)
    order, reach = sum(factors), [max(map(abs, side)) for side in sides]
    gate = product_gates.gate(factors, sigma, how, at)
    shape, a = product_gates.shape(order), precision.function_error(sigma, float(gate.sigma.at), how.dtype, how.digits)
    sums = 2.0 if set(factors) == {1} else 3.0  # weights of different sizes are rounded apart
    lam = precision.best(gate.sigma, shape, how.unit, a, sums=sums) if scale is None else float(scale)
    if lam > precision.largest_scale(gate.sigma, shape):
        raise CheapError(
            f"scale={lam:.3g}: beyond {precision.largest_scale(gate.sigma, shape):.3g} the gate leaves the part of the "
            f"Taylor series that is known, and its error cannot be predicted; give a smaller λ"
        )
    cut = float(precision.truncation(gate.sigma, shape, lam))
    noise = float(precision.rounding(gate.sigma, shape, lam, how.unit, a, sums=sums))
    noise += _unlike(gate, lam, how.unit * lam * order)
    size = math.prod(b**r for b, r in zip(reach, factors, strict=True))
    scales = [lam / b for b in reach]
    hidden = network.layer(
        gate.signs * np.array(scales), [gate.sigma.at] * gate.neurons, sigma, len(factors)
    )  # exact: the output's weights are made for the float64 that λ/b is
    with mpmath.workdps(80):
        change = math.prod((mpmath.mpf(lam) / mpmath.mpf(s)) ** r for s, r in zip(scales, factors, strict=True))
        unit, constant = gate.unit(lam) * change, gate.constant(lam) * change
        out = network.layer(np.array([[int(c) * unit for c in gate.counts]], dtype=object), [constant])
    net = NeuralNetwork((hidden, out), _names(factors), ("product",))
    notes = {
        "neurons by formula": f"{'∏(r_i+1)' if sums > 2 else '2^n'}{'/2' if gate.half else ''} = {gate.neurons}",
        "λ": lam,
        "expanded at": float(gate.sigma.at),
        "truncation": cut * size,
        "rounding": noise * size,
        "bits predicted": _bits(cut, noise / how.unit),
    }
    promised = (cut + noise + _entry(how, order)) * size
    return Compiled(net, _measure(net, factors, sides, how, promised, notes))


def _refuse_range(factors: Sequence[int], sides: reports.Box, how: Arithmetic) -> None:
    """Refuse products that are beyond the range of the arithmetic, or vanish in it."""
    if how.dtype == "mp":
        return
    decades = sum(r * math.log10(max(map(abs, side))) for r, side in zip(factors, sides, strict=True))
    limits = np.finfo(np.float32 if how.dtype == "float32" else np.float64)
    if not math.log10(limits.tiny) + 3 < decades < math.log10(limits.max) - 3:
        raise CheapError(
            f"on this box the product is up to 1e{decades:+.0f}, beyond the range of {how.dtype}: give variables "
            f'nearer 1, or dtype="{"float64" if how.dtype == "float32" else "mp"}"'
        )


def _unlike(gate: Gate, lam: float, difference: float) -> float:
    """What a sum z costs that the neurons of a gate round differently by so much, relative to the unit box."""
    values, order = np.abs(np.array(gate.sigma.coefficients)), gate.order
    z = lam * order
    slope = sum(k * values[k] * z ** (k - 1) for k in range(1, len(values)) if (k - order) % 2 == 0)
    return float(difference * slope / (math.factorial(order) * values[order] * lam**order))


def _tree(n: int, sigma: Activation, how: Arithmetic, sides: reports.Box, at: Any) -> Compiled:
    names = _names((1,) * n)
    values, pairs = list(range(n)), []
    while len(values) > 1:
        left = values[len(values) - len(values) % 2 :]
        pairs += list(zip(values[0:-1:2], values[1::2], strict=False))
        values = [n + len(pairs) - len(values) // 2 + i for i in range(len(values) // 2)] + left
    circuit = circuits.Circuit(
        names, tuple((_alone(u), _alone(v)) for u, v in pairs), (_alone(values[0]),), ("product",)
    )
    return circuits.assemble(
        circuit, sigma, box=sides, dtype=how.dtype, digits=how.digits if how.dtype == "mp" else None, at=at,
        target=partial(_target, (1,) * n),
    )  # fmt: skip


def _alone(value: int) -> circuits.Affine:
    return circuits.Affine(Fraction(0), ((value, Fraction(1)),))


def _between(n: int, depth: int, sigma: Activation, how: Arithmetic, sides: reports.Box, at: Any) -> Compiled:
    layers = product_layers.groups(n, depth)
    _refuse_giants((1,) * max(map(max, layers)))
    gates = {g: product_gates.gate((1,) * g, sigma, how, at if g > 1 else None) for sizes in layers for g in sizes}
    found, cut, noise = _scaled([_Level(gates, sizes, 1.0) for sizes in layers], how)
    net = _emit(found, [max(map(abs, side)) for side in sides])
    size = math.prod(max(map(abs, side)) for side in sides)
    notes = {
        "neurons by formula": f"n^((k−1)/k) · 2^(n^(1/k)) = {product_layers.formula(n, depth):.4g}",
        "groups": " → ".join(_counted(sizes) for sizes in layers),
        "λ of layers": ", ".join(f"{level.scale:.3g}" for level in found),
        "truncation": cut * size,
        "rounding": noise * size,
        "bits predicted": _bits(cut, noise / how.unit),
    }
    promised = (cut + noise + _entry(how, n)) * size
    return Compiled(net, _measure(net, (1,) * n, sides, how, promised, notes))


def _scaled(levels: list[_Level], how: Arithmetic) -> tuple[list[_Level], float, float]:
    """The levels with λ each that make the promised error small, and its two parts."""
    tops = [
        min(precision.largest_scale(level.gates[g].sigma, product_gates.shape(g)) for g in set(level.sizes))
        for level in levels
    ]
    errors = {
        g: precision.function_error(gate.sigma.activation, float(gate.sigma.at), how.dtype, how.digits)
        for g, gate in levels[0].gates.items()
    }
    scales = [
        min(top, precision.best(gate.sigma, product_gates.shape(g), how.unit, errors[g]))
        for level, top in zip(levels, tops, strict=True)
        for g, gate in [(max(level.sizes), level.gates[max(level.sizes)])]
    ]

    def at(trial: Sequence[float]) -> list[_Level]:
        return [_Level(level.gates, level.sizes, s) for level, s in zip(levels, trial, strict=True)]

    def total(trial: Sequence[float]) -> float:
        cut, noise = _promise(at(trial), how, errors)
        return cut + noise

    best = total(scales)
    for factor in (4.0, 2.0, 1.4, 1.1):
        moved = True
        while moved:
            moved = False
            for i, step in ((i, s) for i in range(len(levels)) for s in (factor, 1 / factor)):
                trial = list(scales)
                trial[i] = min(tops[i], trial[i] * step)
                value = total(trial)
                if value < 0.999 * best:
                    scales, best, moved = trial, value, True
    found = at(scales)
    return found, *_promise(found, how, errors)


def _promise(levels: Sequence[_Level], how: Arithmetic, errors: dict[int, float]) -> tuple[float, float]:
    """Truncation and rounding of the output, at most, on the unit box."""
    cut = noise = spread = 0.0
    for place, level in enumerate(levels):
        last = place == len(levels) - 1
        worst = [0.0, 0.0, 0.0]
        for g in set(level.sizes):
            gate, shape, lam = level.gates[g], product_gates.shape(g), level.scale
            wide = (1 + cut + noise) ** g
            if not math.isfinite(wide) or wide > 1e6:
                return math.inf, math.inf
            lost = float(precision.truncation(gate.sigma, shape, lam)) * wide
            own = float(precision.rounding(gate.sigma, shape, lam, how.unit, errors[g], sums=2.0 if last else 0.0))
            difference = how.unit * lam * g * (1 + _ROUNDINGS * spread)
            # (1 + δ)^g − 1 by its logarithm: in many digits δ is far below the last of float64
            kept = math.expm1(g * math.log1p(cut))
            found = (
                lost + kept,
                own
                + (1 + kept) * math.expm1(g * math.log1p(noise / (1 + cut)))
                + _unlike(gate, lam, difference) * wide,
                precision.gain(gate.sigma, shape, lam),
            )
            worst = [max(a, b) for a, b in zip(worst, found, strict=True)]
        cut, noise, spread = worst
    return cut, noise


def _emit(levels: Sequence[_Level], reach: Sequence[float]) -> NeuralNetwork:
    """All layers; a layer hears the results of the one before as sums over its neurons."""
    layers: list[NeuralLayer] = []
    with mpmath.workdps(80):
        one = mpmath.mpf(1)
        heard = [([(i, 1)], one / mpmath.mpf(b), mpmath.mpf(0)) for i, b in enumerate(reach)]
        width = len(reach)
        for level in levels:
            weights: dict[tuple[int, int], Any] = {}
            biases: list[Any] = []
            said, begin = [], 0
            lam = mpmath.mpf(level.scale)
            for g in level.sizes:
                gate, inputs = level.gates[g], heard[begin : begin + g]
                begin += g
                first = len(biases)
                for row, signs in enumerate(gate.signs.tolist(), start=first):
                    for sign, (terms, unit, _) in zip(signs, inputs, strict=True):
                        for column, count in terms:
                            weights[row, column] = sign * count * (lam * unit)
                    shift = sum(sign * c for sign, (_, _, c) in zip(signs, inputs, strict=True))
                    biases.append(mpmath.mpf(gate.sigma.at) + lam * shift)
                counts = enumerate(gate.counts.tolist(), start=first)
                said.append((list(counts), gate.unit(level.scale), gate.constant(level.scale)))
            layers.append(network.layer(weights, biases, levels[0].gates[level.sizes[0]].sigma.activation, width))
            heard, width = said, len(biases)
        ((terms, unit, constant),) = heard
        size = math.prod(mpmath.mpf(b) for b in reach)
        out = {(0, column): count * unit * size for column, count in terms}
        layers.append(network.layer(out, [constant * size], None, width))
    return NeuralNetwork(tuple(layers), _names((1,) * len(reach)), ("product",))


def _measure(
    net: NeuralNetwork, factors: tuple[int, ...], sides: reports.Box, how: Arithmetic, promised: float, notes: Any
) -> reports.Report:
    return reports.measure(
        net, partial(_target, factors), sides, promised=promised, dtype=how.dtype, digits=how.digits, notes=notes
    )


def _target(factors: tuple[int, ...], x: Array) -> Any:
    """∏ x_i^{r_i} of points (n, inputs)."""
    return np.prod(x ** np.array(factors), axis=1) if x.dtype != object else [_power(row, factors) for row in x]


def _power(row: Any, factors: tuple[int, ...]) -> Any:
    return math.prod(value**r for value, r in zip(row, factors, strict=True))


def _entry(how: Arithmetic, order: int) -> float:
    """What rounding the inputs to float32 costs."""
    return order * how.unit if how.dtype == "float32" else 0.0


def _bits(cut: float, noise_per_unit: float) -> int | None:
    return None if cut <= 0 else max(2, math.ceil(-math.log2(cut / noise_per_unit)))


def _names(factors: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(1, len(factors) + 1))


def _counted(sizes: Sequence[int]) -> str:
    return " + ".join(f"{sizes.count(g)}×{g}" for g in sorted(set(sizes), reverse=True))


def _refuse_giants(factors: tuple[int, ...]) -> None:
    count = math.prod(r + 1 for r in factors)
    if count <= MOST_NEURONS and count * len(factors) <= _MOST_SYNAPSES:
        return
    n = len(factors)
    if set(factors) == {1}:
        tree = product_layers.neurons(n)
        ways = [f"depth=None, the tree of {tree} neurons in {product_layers.deepest(n)} hidden layers"]
        if 4 < n <= 128 and product_layers.neurons(n, 2) <= MOST_NEURONS:
            ways.insert(0, f"depth=2 with {product_layers.neurons(n, 2)} neurons")
        way, rule = " or ".join(ways), f"2^{n}"
    else:
        way, rule = "rgnet.cheap.compile, which multiplies pairs", "∏(r_i + 1)"
    raise CheapError(f"one hidden layer needs {rule} = {_short(count)} neurons, and at most 2^20 are built: take {way}")


def _short(count: int) -> str:
    return str(count) if count < 10**9 else f"{mpmath.nstr(mpmath.mpf(count), 3)}"
