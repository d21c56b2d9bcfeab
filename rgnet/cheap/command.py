"""What ``rgnet cheap "x*y*z + 2*x**3" --tolerance 1e-6`` prints: the network layer by layer, and what it is worth."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rgnet.cheap import network, polynomial, reports
from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import to_mpf
from rgnet.cheap.polynomial import Choice
from rgnet.cheap.reports import Compiled
from rgnet.cheap.scheduling import Affine, Node

_MOST_VALUES = 60  # that are listed one by one
_MOST_WORK = 80_000  # synapses times points, for the bits that are measured
_POINTS = 16  # inside, and as many corners at most


def run(
    expression: str, *, tolerance: float | None = 1e-6, activation: str = "softplus", dtype: str = "float64",
    digits: int | None = None, box: str = "-1,1", order: int | None = None, to: Path | None = None,
    draw: Callable[[Compiled], Any] | None = None,
) -> str:  # fmt: skip
    """Compile, draw, and say what came out.

    Parameters
    ----------
    expression : str
        One polynomial, or several separated by semicolons.
    tolerance, activation, dtype, digits, order
        As `rgnet.cheap.compile`.
    box : str
        ``"-1,1"``, or ``"x=-1,1; y=0,2"``.
    to : path, optional
        Picture to write, by ``draw(compiled).savefig(to)``.
    draw : callable, optional
        Such as `rgnet.plot.neural_network.draw`, which is above this package.

    Returns
    -------
    str
        Several lines.

    Raises
    ------
    CheapError
        As `rgnet.cheap.compile`, or if the box cannot be read, or the picture cannot be written.
    """
    parts = [part.strip() for part in expression.split(";") if part.strip()]
    if not parts:
        raise CheapError(f'{expression!r} is no expression: give a text such as "x*y*z + 2*x**3"')
    if to is not None and (Path(to).is_dir() or not Path(to).suffix):
        raise CheapError(f"{to} names no picture: give a path with its format, such as network.png or network.pdf")
    if to is not None and not Path(to).resolve().parent.is_dir():
        raise CheapError(f"{to}: there is no folder {Path(to).parent}; make it, or give a path such as network.png")
    try:
        chosen = polynomial.choose(
            parts if len(parts) > 1 else parts[0], activation, tolerance, parse_box(box), dtype, digits=digits,
            order=order,
        )  # fmt: skip
        made = polynomial.build(chosen)
    except CheapError as error:
        raise CheapError(for_shell(str(error))) from None
    lines = [
        *(f"{name} = {part}" for name, part in zip(made.network.outputs, parts, strict=True)),
        "",
        *layers(chosen, made),
        "",
        str(made.report),
    ]
    if tolerance is not None and (bits := measured_bits(chosen, made)) is not None:
        start = re.match(r"\S+ +", lines[-1])
        lines.append(f"{'bits needed':<{start.end() if start else 0}}{bits} (of the mantissa, measured)")
    if to is not None and draw is not None:
        lines += ["", _drawn(made, to, draw)]
    return "\n".join(lines)


def for_shell(message: str) -> str:
    """A message whose remedies are arguments of Python's, with the options of the command line instead."""
    for argument, option in (
        (r'dtype="(\w+)"', r"--dtype \1"),
        (r"with digits=(\d+)", r"--digits \1"),
        (r"give tolerance=", "give --tolerance "),
        (r"\border=(\d+)", r"--order \1"),
        (r"expand=False", "expand=False of rgnet.cheap.compile in Python"),
    ):
        message = re.sub(argument, option, message)
    return message


def parse_box(text: str) -> Any:
    """A box from ``"-1,1"`` or ``"x=-1,1; y=0,2"``.

    Raises
    ------
    CheapError
        If the text is neither.
    """
    try:
        if "=" not in text:
            low, high = map(float, text.split(","))
            return (low, high)
        found = {}
        for part in text.replace(";", " ").split():
            name, _, ends = part.partition("=")
            low, high = map(float, ends.split(","))
            found[name] = (low, high)
        return found
    except ValueError:
        raise CheapError(f'box={text!r}: give "-1,1" for all variables, or "x=-1,1; y=0,2"') from None


def layers(chosen: Choice, made: Compiled) -> list[str]:
    """One line a layer: its neurons, and the values that they carry."""
    laid, net = chosen.laid, made.network
    names = dict(enumerate(net.inputs))
    words: list[list[str]] = [[] for _ in range(laid.depth + 1)]
    counts: list[dict[str, int]] = [{} for _ in range(laid.depth + 1)]
    formed = 0
    for i, node in enumerate(laid.nodes):
        if node.kind == "input":
            continue
        counts[node.layer][node.kind] = counts[node.layer].get(node.kind, 0) + 1
        text = _value(node, names)
        if node.kind == "copy" and len(node.u.terms) == 1 and node.u.terms[0][1] == 1:
            names[i] = names[node.u.terms[0][0]]
            words[node.layer].append(f"copy {names[i]}")
            continue
        formed += 1
        names[i] = f"p{formed}"
        words[node.layer].append(f"{names[i]} = {text}")
    listed = len(laid.nodes) - len(net.inputs) <= _MOST_VALUES
    lines = [f"inputs    {', '.join(net.inputs)}"]
    for layer in range(1, laid.depth + 1):
        what = (
            "; ".join(words[layer])
            if listed
            else ", ".join(f"{number} × {kind}" for kind, number in sorted(counts[layer].items()))
        )
        lines.append(f"layer {layer:<3} {net.widths[layer - 1]} neurons: {what}")
    if listed:
        outs = (f"{name} = {_sum(side, names)}" for name, side in zip(net.outputs, laid.outputs, strict=True))
        lines.append(f"output    {'; '.join(outs)}")
    return lines


def measured_bits(chosen: Choice, made: Compiled) -> int | None:
    """Bits of the mantissa with which the tolerance is kept at some points; None where that takes too long."""
    assert chosen.tolerance is not None
    net = made.network
    if not net.neurons or 2 * net.synapses * _POINTS > _MOST_WORK:
        return None
    every = reports.points_of(chosen.sides, _POINTS).tolist()
    corners, inside = every[:-_POINTS], every[-_POINTS:]
    of = polynomial.target_of(chosen)

    def target(point: Any) -> Any:
        return list(of(np.array([list(point)], dtype=object))[0])

    return network.bits_needed(net, target, chosen.tolerance, [*corners[:_POINTS], *inside])


def _drawn(made: Compiled, to: Path, draw: Callable[[Compiled], Any]) -> str:
    try:
        draw(made).savefig(to, dpi=200)
    except CheapError as error:
        return f"not drawn: {error}"
    except (OSError, ValueError) as error:
        raise CheapError(f"{to}: the picture cannot be written ({error}); give a path such as network.png") from None
    return f"drawn: {to}"


def _value(node: Node, names: dict[int, str]) -> str:
    u = _sum(node.u, names)
    if node.kind == "copy":
        return u
    single = len(node.u.terms) == 1 and not node.u.constant and node.u.terms[0][1] == 1
    if node.kind == "square":
        return f"{u}²" if single else f"({u})²"
    v = _sum(node.v, names)
    return " · ".join(side if side.isidentifier() else f"({side})" for side in (u, v))


def _sum(side: Affine, names: dict[int, str]) -> str:
    """Such as 2 x − 0.5 p1 + 3."""
    parts = [(c, names[value]) for value, c in side.terms]
    if side.constant or not parts:
        parts.append((side.constant, ""))
    text = ""
    for k, (c, name) in enumerate(parts):
        size = f"{float(to_mpf(abs(c))):.4g}"
        body = name if name and size == "1" else f"{size} {name}".strip()
        sign = "−" if c < 0 else "+"
        text += (f"{sign} " if k else ("−" if c < 0 else "")) + body + " "
    return text.strip()
