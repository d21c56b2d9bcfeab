"""Gates: a few neurons that copy, square or multiply, by leaving one power of the Taylor series.

With σ(b + z) = Σ σ_k z^k, and z scaled down by λ so that higher powers are small,

    copy     u  = [σ(b+λu) − σ(b−λu)]/(2λσ_1)                                              + O(λ²)
    square   u² = [σ(b+λu) + σ(b−λu) − 2σ(b)]/(2λ²σ_2)                                     + O(λ²)
    product  uv = [σ(b+λ(u+v)) + σ(b−λ(u+v)) − σ(b+λ(u−v)) − σ(b−λ(u−v))]/(8λ²σ_2)         + O(λ²)

Four neurons multiply (Lin, Tegmark & Rolnick 2017, eq. 11 and figure 2, with σ_2 the plain coefficient σ''/2). Two
copy: the difference leaves out the even powers and needs no constant, and for softplus, GELU and SiLU at b = 0 it is
exact, σ(z) − σ(−z) = z. Half the neurons do where σ is even about b (product) or odd (copy): tanh copies with one.

*Higher order.* The sum over j of c_j times the gate at scale r_j λ, with Σ c_j = 1 and Σ c_j r_j^{k−n} = 0 for the
first powers, leaves λ⁴, λ⁶, … (`rgnet.cheap.precision.combination`): 4m neurons for m scales. A point b where σ_4
vanishes gives λ⁴ with four (`rgnet.cheap.expansion`). What λ costs in precision is in `rgnet.cheap.precision`.
"""

from dataclasses import dataclass
from typing import Any, Literal

import mpmath
import numpy as np

from rgnet.cheap import activations, expansion, network, precision, reports
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralNetwork
from rgnet.cheap.precision import Arithmetic, Series, Shape
from rgnet.cheap.reports import Compiled

Kind = Literal["copy", "square", "product"]
ORDERS: dict[Kind, int] = {"copy": 1, "square": 2, "product": 2}
_DIGITS = 80


@dataclass(frozen=True)
class Maker:
    """Everything about a kind of gate but its scale: one activation at one point, in one arithmetic."""

    kind: Kind
    sigma: Series
    how: Arithmetic
    function_error: float
    factors: tuple[tuple[float, ...], tuple[Any, ...]]

    @property
    def power(self) -> int:
        """Of λ in the truncation error; 0 where nothing is left out."""
        left = precision.powers_left(self.sigma, ORDERS[self.kind], self.how.unit)[len(self.factors[0]) - 1 :]
        return left[0] if left else 0

    @property
    def neurons(self) -> int:
        """Of one gate, a square's constant among them."""
        each = {"copy": 2 - self.sigma.odd(), "square": 2 - self.sigma.even(), "product": 4 - 2 * self.sigma.even()}
        return each[self.kind] * len(self.factors[0]) + (self.kind == "square")


def maker(kind: Kind, activation: Any, how: Arithmetic, *, at: Any = None, order: int | None = None) -> Maker:
    """What gates of a kind have in common.

    Raises
    ------
    CheapError
        If σ_1 (copy) or σ_2 vanishes at the point, or ``order`` is not even from 2 to 12.
    """
    n = ORDERS[kind]
    sigma = expansion.expand(activation, how, order=n, at=at)
    scales = precision.scales_for(sigma, n, how.unit, order)
    error = precision.function_error(sigma.activation, float(sigma.at), how.dtype, how.digits)
    return Maker(kind, sigma, how, error, precision.combination(sigma, n, scales, how.unit))


def shape(kind: Kind, u: float, v: float = 0.0) -> Shape:
    """The formulae of a kind of gate for |u| ≤ U, |v| ≤ V."""
    return precision.product(u, v) if kind == "product" else (precision.copy if kind == "copy" else precision.square)(u)


def units(gate: Maker, scale: float) -> list[tuple[Any, Any, Any]]:
    """Neurons σ(b + s_u u + s_v v) as (s_u, s_v, output weight), mpf; a square's constant comes last, with zeros."""
    n, sigma = ORDERS[gate.kind], gate.sigma
    with mpmath.workdps(_DIGITS):
        sigma_n = sigma.activation.taylor(n, sigma.at, _DIGITS - 10)[n]
        found: list[tuple[Any, Any, Any]] = []
        for ratio, factor in zip(*gate.factors, strict=True):
            s = mpmath.mpf(ratio) * mpmath.mpf(scale)
            w, zero = factor / (sigma_n * s**n), mpmath.mpf(0)
            if gate.kind == "copy":
                found += [(s, zero, w)] if sigma.odd() else [(s, zero, w / 2), (-s, zero, -w / 2)]
            elif gate.kind == "square":
                found += [(s, zero, w)] if sigma.even() else [(s, zero, w / 2), (-s, zero, w / 2)]
            elif sigma.even():
                found += [(s, s, w / 4), (s, -s, -w / 4)]
            else:
                found += [(s, s, w / 8), (s, -s, -w / 8), (-s, -s, w / 8), (-s, s, -w / 8)]
        if gate.kind == "square":
            found.append((mpmath.mpf(0), mpmath.mpf(0), -sum(w for _, _, w in found)))
        return found


def product_gate(
    activation: Any = "softplus", *, scale: float | None = None, at: Any = None, order: int | None = None,
    box: Any = 1.0, dtype: str = "float64", digits: int | None = None,
) -> Compiled:  # fmt: skip
    """Multiply two numbers with four neurons, or four for each of several scales.

    Parameters
    ----------
    activation : str, SymPy expression or Activation
    scale : float, optional
        λ; by default the one with the smallest error that `rgnet.cheap.precision` predicts.
    at : number, optional
        The point b, 0 in the paper; by default `rgnet.cheap.expansion.expansion_point`.
    order : 2, 4, … 12, optional
        Power of λ that the truncation error has at least; by default what four neurons give at this point.
    box : as `rgnet.cheap.reports.check_box` takes it
    dtype, digits
        The arithmetic that it is made for.

    Raises
    ------
    CheapError
        If σ_2 vanishes at the point, or everywhere; if the scale is not positive.

    Examples
    --------
    >>> gate = product_gate("softplus", at=0)
    >>> gate.network.neurons
    4
    """
    return _standalone("product", activation, scale, at, order, box, precision.arithmetic(dtype, digits))


def square_gate(
    activation: Any = "softplus", *, scale: float | None = None, at: Any = None, order: int | None = None,
    box: Any = 1.0, dtype: str = "float64", digits: int | None = None,
) -> Compiled:  # fmt: skip
    """Square a number with two neurons (for each scale); its constant is the output's bias. As `product_gate`."""
    return _standalone("square", activation, scale, at, order, box, precision.arithmetic(dtype, digits))


def copy_gate(
    activation: Any = "softplus", *, scale: float | None = None, at: Any = None, order: int | None = None,
    box: Any = 1.0, dtype: str = "float64", digits: int | None = None,
) -> Compiled:  # fmt: skip
    """Hand a number on with two neurons, or one where σ is odd about the point. As `product_gate`, with σ_1 ≠ 0."""
    return _standalone("copy", activation, scale, at, order, box, precision.arithmetic(dtype, digits))


def _standalone(
    kind: Kind, activation: Any, scale: float | None, at: Any, order: int | None, box: Any, how: Arithmetic
) -> Compiled:
    names = ("u", "v") if kind == "product" else ("u",)
    sides = reports.check_box(box, len(names))
    if scale is not None and not (isinstance(scale, int | float | mpmath.mpf) and 0 < scale < float("inf")):
        raise CheapError(f"scale={scale!r}: λ is a positive number; leave it out for the best one")
    gate = maker(kind, activations.get(activation), how, at=at, order=order)
    sizes = shape(kind, *(max(map(abs, side)) for side in sides))
    if scale is not None and scale > precision.largest_scale(gate.sigma, sizes):
        raise CheapError(
            f"scale={scale:.3g}: beyond {precision.largest_scale(gate.sigma, sizes):.3g} the gate leaves the part of "
            f"the Taylor series that is known, and its error cannot be predicted; give a smaller λ"
        )
    found = precision.predict(gate.sigma, sizes, how, scale, gate.factors)
    net = _network(gate, found.scale, names)

    def target(x: Any) -> Any:
        return x[:, 0] * x[:, -1] if kind != "copy" else x[:, 0]

    notes = {
        "λ": found.scale,
        "expanded at": float(gate.sigma.at),
        "error falls as": f"λ^{gate.power}" if gate.power else "exact but for rounding",
        "truncation": found.truncation,
        "rounding": found.rounding,
    }
    entry = 0.0 if how.dtype != "float32" else how.unit * sum(abs(x) for side in sides for x in side)
    report = reports.measure(
        net, target, sides, promised=found.error + entry, dtype=how.dtype, digits=how.digits, notes=notes
    )
    return Compiled(net, report)


def _network(gate: Maker, scale: float, names: tuple[str, ...]) -> NeuralNetwork:
    """One hidden layer, and the output; a square's constant as the output's bias."""
    every = units(gate, scale)
    constant: Any = 0
    if gate.kind == "square":
        with mpmath.workdps(_DIGITS):
            constant = every.pop()[2] * gate.sigma.activation.mp(gate.sigma.at)
    weights = {(row, column): s for row, unit in enumerate(every) for column, s in enumerate(unit[: len(names)])}
    hidden = network.layer(weights, [gate.sigma.at] * len(every), gate.sigma.activation, len(names))
    out = network.layer(np.array([[w for _, _, w in every]], dtype=object), [constant])
    return NeuralNetwork((hidden, out), names, ({"copy": "u", "square": "u²", "product": "uv"}[gate.kind],))
