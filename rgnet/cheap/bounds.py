"""Error bounds of a circuit of gates, and the scale λ of each.

Every gate g of a plan adds an error e_g of its own (`rgnet.cheap.precision`), and so does every combination of values
that is summed. By the mean value theorem the error of an output is Σ_g ∂out/∂g · e_g, the derivatives taken somewhere
between the exact and the computed values:

    |error| ≤ Σ_g max|∂out/∂g| e_g + (rounding of the last sum) .

Ranges of all values and derivatives come from interval arithmetic (Moore 1966), forward and backward, the ranges
widened by the errors themselves; for one output and few common sub-expressions they are close to what is reached.
A combination Σ c_i x_i of gates whose output weights add up to G_i is rounded by u Σ|c_i|(2 G_i + …|x_i|): the terms
that the gate's differences cancel are rounded before they do. That is the price of a small λ, G ∝ λ^−2.

*Scales.* Without a tolerance each gate takes the λ of its least error. With one, half the tolerance is shared out
evenly among the gates, each divided by its derivative, and a gate takes the largest λ whose truncation stays within its
share (never smaller than the best λ): larger λ, smaller weights, fewer bits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.cheap import gates, precision
from rgnet.cheap.gates import Kind, Maker
from rgnet.cheap.precision import Arithmetic
from rgnet.cheap.scheduling import Affine, Node, Plan

Array = npt.NDArray[np.float64]
Range = tuple[float, float]
Side = tuple[float, tuple[tuple[int, float], ...]]

_SMALLEST = 1e-9  # an operand's range is taken as no smaller than this part of the other's

_WIDENINGS, _CLOSE = 30, 1.02  # times that ranges are widened; how well they contain their errors in the end
_RUNAWAY = 1e3  # growth of errors by widening beyond which there is no bound


@dataclass(frozen=True)
class Budget:
    """Scales of all nodes (0 for inputs) and the bound that they give.

    Attributes
    ----------
    scales : tuple of float
    balance : tuple of float
        α: a product is formed of αu and v/α, a power of two that makes their ranges alike.
    truncation, rounding : float
        The two parts of the bound, of the worst output.
    """

    scales: tuple[float, ...]
    balance: tuple[float, ...]
    truncation: float
    rounding: float

    @property
    def promised(self) -> float:
        """Bound on the largest error of any output."""
        return self.truncation + self.rounding


@dataclass(frozen=True)
class _Job:
    """What the passes share."""

    plan: Plan
    sides: tuple[tuple[Side, Side], ...]
    outputs: tuple[Side, ...]
    makers: Mapping[Kind, Maker]
    box: Sequence[Range]
    how: Arithmetic


def budget(
    plan: Plan, makers: Mapping[Kind, Maker], box: Sequence[Range], how: Arithmetic, tolerance: float | None = None
) -> Budget:
    """Choose the scales and bound the error; the bound may be larger than the tolerance."""
    sides = tuple((_floats(node.u), _floats(node.v)) for node in plan.nodes)
    job = _Job(plan, sides, tuple(map(_floats, plan.outputs)), makers, box, how)
    exact = _ranges(job, None)
    balance = tuple(
        _balance(exact, *pair) if node.kind == "product" else 1.0 for node, pair in zip(plan.nodes, sides, strict=True)
    )
    best = _scales(job, exact, balance, None)
    found = _bound(job, exact, balance, best)
    if tolerance is None or found.promised > tolerance / 2:
        return found
    shares = tolerance / 2 / max(1, sum(node.kind != "input" for node in plan.nodes))
    slopes = _derivatives(job, exact).max(axis=1)
    allowed = [shares / slope if slope > 0 else math.inf for slope in slopes]
    relaxed = _bound(job, exact, balance, _scales(job, exact, balance, allowed, best))
    return relaxed if relaxed.promised <= tolerance else found


def bits(found: Budget, how: Arithmetic, tolerance: float) -> int | None:
    """Bits of the mantissa at which the bound is the tolerance, at these scales; None where none suffices."""
    left = tolerance - found.truncation
    return None if left <= 0 else max(2, math.ceil(-math.log2(left * how.unit / found.rounding)))


def _floats(side: Affine) -> Side:
    return float(side.constant), tuple((node, float(c)) for node, c in side.terms)


def _sum(side: Side, values: Sequence[Range]) -> Range:
    low = high = side[0]
    for node, c in side[1]:
        a, b = values[node]
        low, high = (low + c * a, high + c * b) if c > 0 else (low + c * b, high + c * a)
    return low, high


def _size(values: Range) -> float:
    return max(abs(values[0]), abs(values[1]))


def _ranges(job: _Job, errors: Sequence[float] | None) -> list[Range]:
    """Ranges of all nodes, widened by the errors of what they are made of where these are given."""
    found: list[Range] = []
    for i, (node, (u, v)) in enumerate(zip(job.plan.nodes, job.sides, strict=True)):
        if node.kind == "input":
            low, high = job.box[i]
        elif node.kind == "copy":
            low, high = _sum(u, found)
        elif node.kind == "square":
            a, b = _sum(u, found)
            low, high = 0.0 if a <= 0 <= b else min(a * a, b * b), max(a * a, b * b)
        else:
            (a, b), (c, d) = _sum(u, found), _sum(v, found)
            ends = [a * c, a * d, b * c, b * d]
            low, high = min(ends), max(ends)
        wide = 0.0 if errors is None else errors[i]
        found.append((low - wide, high + wide))
    return found


def _derivatives(job: _Job, values: Sequence[Range]) -> Array:
    """Largest |∂out/∂node|, (nodes, outputs)."""
    n, m = len(job.plan.nodes), len(job.outputs)
    low, high = np.zeros((n, m)), np.zeros((n, m))
    for out, (_, terms) in enumerate(job.outputs):
        for place, c in terms:
            low[place, out] += c
            high[place, out] += c
    for i in reversed(range(n)):
        node = job.plan.nodes[i]
        if node.kind == "input" or not (low[i].any() or high[i].any()):
            continue
        u, v = job.sides[i]
        if node.kind == "copy":
            pairs = [(u, (1.0, 1.0))]
        elif node.kind == "square":
            a, b = _sum(u, values)
            pairs = [(u, (2 * a, 2 * b))]
        else:
            pairs = [(u, _sum(v, values)), (v, _sum(u, values))]
        for (_, terms), (a, b) in pairs:
            four = np.stack([low[i] * a, low[i] * b, high[i] * a, high[i] * b])
            least, most = four.min(axis=0), four.max(axis=0)
            for other, c in terms:
                low[other] += c * (least if c > 0 else most)
                high[other] += c * (most if c > 0 else least)
    return np.maximum(np.abs(low), np.abs(high))


def _balance(values: Sequence[Range], u: Side, v: Side) -> float:
    a, b = _size(_sum(u, values)), _size(_sum(v, values))
    return 2.0 ** round(math.log2(b / a) / 2) if a > 0 and b > 0 else 1.0


def _operands(node: Node, pair: tuple[Side, Side], values: Sequence[Range], balance: float) -> tuple[float, float]:
    """Sizes U and V, of αu and v/α, never quite zero."""
    a = _size(_sum(pair[0], values)) * balance
    b = _size(_sum(pair[1], values)) / balance if node.kind == "product" else a
    least = max(a, b, 1e-100) * _SMALLEST
    return max(a, least), max(b, least)


def _scales(
    job: _Job, values: Sequence[Range], balance: Sequence[float], allowed: Sequence[float] | None,
    least: Sequence[float] = (),
) -> list[float]:  # fmt: skip
    """λ of every node: the best, or the largest whose truncation is allowed (at least the given one)."""
    known: dict[Any, float] = {}
    found = []
    for i, (node, pair) in enumerate(zip(job.plan.nodes, job.sides, strict=True)):
        if node.kind == "input":
            found.append(0.0)
            continue
        gate = job.makers[node.kind]
        sizes = _operands(node, pair, values, balance[i])
        constants = bool(pair[0][0] or pair[1][0])
        key = (node.kind, sizes, constants, None if allowed is None else (allowed[i], least[i]))
        if key not in known:
            shape = gates.shape(node.kind, sizes[0], sizes[1])
            if allowed is None:
                known[key] = precision.best(
                    gate.sigma, shape, job.how.unit, gate.function_error, gate.factors, constants=constants
                )
            else:
                grid = np.geomspace(least[i], precision.largest_scale(gate.sigma, shape) * (1 + 1e-12), 129)
                good = precision.truncation(gate.sigma, shape, grid, gate.factors) <= allowed[i]
                known[key] = float(grid[good].max(initial=least[i]))
        found.append(known[key])
    return found


def _bound(job: _Job, exact: Sequence[Range], balance: Sequence[float], scales: Sequence[float]) -> Budget:
    """The bound at these scales, ranges widened by the errors until they contain those that arise on them."""
    found = _contained(job, exact, balance, scales)
    if found is None:
        return Budget(tuple(scales), tuple(balance), math.inf, math.inf)
    values, cut, rounded = found
    slopes = _derivatives(job, values)
    last = np.array([_heard(job, side, values, _gains(job, values, balance, scales)) for side in job.outputs])
    truncation, rounding = np.array(cut) @ slopes, np.array(rounded) @ slopes + last
    worst = int(np.argmax(truncation + rounding))
    return Budget(tuple(scales), tuple(balance), float(truncation[worst]), float(rounding[worst]))


def _contained(
    job: _Job, exact: Sequence[Range], balance: Sequence[float], scales: Sequence[float]
) -> tuple[list[Range], list[float], list[float]] | None:
    """Ranges that contain the errors arising on them, with every node's own; None where errors feed on themselves."""
    errors = np.array(_errors(job, exact, balance, scales)[0])
    most = _RUNAWAY * errors.max(initial=0.0)
    with np.errstate(over="ignore", invalid="ignore"):  # what runs away is given up below
        for _ in range(_WIDENINGS):
            values = _ranges(job, errors.tolist())
            again, cut, rounded = _errors(job, values, balance, scales)
            if (np.array(again) <= _CLOSE * errors).all():
                return values, cut, rounded
            errors = np.maximum(errors, again) * _CLOSE
            if not errors.max() < most:
                break
    return None


def _gains(job: _Job, values: Sequence[Range], balance: Sequence[float], scales: Sequence[float]) -> list[float]:
    """Σ|output weight · neuron| of every node (times 3/2 for squares, whose constant is shared with others)."""
    found, known = [], {}
    for i, (node, pair) in enumerate(zip(job.plan.nodes, job.sides, strict=True)):
        if node.kind == "input":
            found.append(_size(values[i]))
            continue
        gate, sizes = job.makers[node.kind], _operands(node, pair, values, balance[i])
        key = (node.kind, sizes, scales[i])
        if key not in known:
            shape = gates.shape(node.kind, sizes[0], sizes[1])
            gain = precision.gain(gate.sigma, shape, scales[i], gate.factors)
            known[key] = gain * (1.5 if node.kind == "square" else 1.0)
        found.append(known[key])
    return found


def _heard(job: _Job, side: Side, values: Sequence[Range], gains: Sequence[float]) -> float:
    """Rounding error of a combination: products and sums of what is cancelled, weights, and the constant."""
    constant, terms = side
    unit = job.how.unit
    large = sum(abs(c) * 2 * gains[node] for node, c in terms)
    small = sum(abs(c) * _size(values[node]) for node, c in terms)
    return unit * (large + (2 + len(terms)) * small + 2 * abs(constant))


def _errors(
    job: _Job, values: Sequence[Range], balance: Sequence[float], scales: Sequence[float]
) -> tuple[list[float], list[float], list[float]]:
    """Of every node: its error with those of all before it, its own truncation, its own rounding."""
    gains = _gains(job, values, balance, scales)
    total: list[float] = []
    cut: list[float] = []
    rounded: list[float] = []
    known: dict[Any, tuple[float, float]] = {}
    for i, (node, (u, v)) in enumerate(zip(job.plan.nodes, job.sides, strict=True)):
        if node.kind == "input":
            entry = job.how.unit * _size(values[i]) if job.how.dtype == "float32" else 0.0
            total.append(entry)
            cut.append(0.0)
            rounded.append(entry)
            continue
        gate = job.makers[node.kind]
        sizes = _operands(node, (u, v), values, balance[i])
        constants = bool(u[0] or v[0])
        key = (node.kind, sizes, scales[i], constants)
        if key not in known:
            shape = gates.shape(node.kind, sizes[0], sizes[1])
            known[key] = (
                float(precision.truncation(gate.sigma, shape, scales[i], gate.factors)),
                float(
                    precision.rounding(
                        gate.sigma, shape, scales[i], job.how.unit, gate.function_error, gate.factors, sums=0.0,
                        constants=constants,
                    )
                ),
            )  # fmt: skip
        truncation, own = known[key]
        heard_u = _heard(job, u, values, gains)
        before_u = sum(abs(c) * total[k] for k, c in u[1])
        if node.kind == "copy":
            own, carried = own + heard_u, before_u
        elif node.kind == "square":
            size = _size(_sum(u, values))
            own, carried = own + 2 * size * heard_u, 2 * size * before_u + before_u**2
        else:
            heard_v = _heard(job, v, values, gains)
            before_v = sum(abs(c) * total[k] for k, c in v[1])
            size_u, size_v = _size(_sum(u, values)), _size(_sum(v, values))
            both = max(sizes) * (balance[i] * heard_u + heard_v / balance[i])
            own, carried = own + both, size_u * before_v + size_v * before_u + before_u * before_v
        cut.append(truncation)
        rounded.append(own)
        total.append(truncation + own + carried)
    return total, cut, rounded
