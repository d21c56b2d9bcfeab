"""A small network as a picture: every neuron a circle, every synapse a line.

Layers are columns. A line's colour is the sign of its weight, its width the magnitude on a logarithmic scale, as the
weights of compiled networks span many decades. The ring of a neuron is its bias, coloured and scaled in the same way.
"""

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from rgnet.cheap.errors import CheapError
from rgnet.plot.style import styled

MOST_NEURONS = 80
MOST_SYNAPSES = 1500
POSITIVE, NEGATIVE, NONE = "#d55e00", "#0072b2", "#9a9a9a"  # Okabe & Ito (2008)
_THIN, _THICK = 0.35, 2.8  # points
_STEP = 0.42  # inches from neuron to neuron where there is room
_TALLEST = 10.0  # inches
_COLUMN = 1.75  # inches from layer to layer, at least
_NUMBERED = 16  # neurons in a column up to which biases are written into the circles


@styled
def draw(network: Any, *, title: str | None = None) -> Figure:
    """Draw a network of at most 80 hidden neurons, inputs and outputs each, and 1500 synapses.

    Parameters
    ----------
    network : NeuralNetwork, or a Compiled that has one
    title : str, optional
        Its counts, unless given.

    Returns
    -------
    matplotlib Figure
        ``figure.savefig("network.png")``.

    Raises
    ------
    CheapError
        If the network is larger, or is none.
    """
    network = getattr(network, "network", network)
    if not hasattr(network, "layers") or not hasattr(network, "widths"):
        raise CheapError(f"draw({type(network).__name__}): give a rgnet.cheap.NeuralNetwork, or what `compile` returns")
    if network.neurons > MOST_NEURONS or network.synapses > MOST_SYNAPSES:
        raise CheapError(
            f"a network of {network.neurons} neurons and {network.synapses} synapses cannot be read as a drawing; up "
            f"to {MOST_NEURONS} neurons and {MOST_SYNAPSES} synapses can. Draw one of fewer inputs or terms; "
            f"network.widths and print(report) describe this one"
        )
    sizes = [len(network.inputs), *(item.n_outputs for item in network.layers)]
    if max(sizes) > MOST_NEURONS:
        raise CheapError(
            f"a network of {sizes[0]} inputs and {sizes[-1]} outputs cannot be read as a drawing; up to {MOST_NEURONS} "
            f"of each can. Draw a part of it; network.widths and print(report) describe this one"
        )
    step = min(_STEP, _TALLEST / max(sizes))
    height = step * max(sizes)
    radius = 0.36 * step
    column = max(_COLUMN, 0.34 * height)
    places = [_column(column * k, size, step, height) for k, size in enumerate(sizes)]
    low, high = _magnitudes(network)
    names = max((len(name) for name in (*network.inputs, *network.outputs)), default=1)
    margin = 0.5 + 0.075 * names
    width = column * (len(sizes) - 1) + 2 * margin
    figure = Figure(figsize=(max(width, 4.6), height + 1.55))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-margin, column * (len(sizes) - 1) + margin)
    axes.set_ylim(-height / 2 - 0.1, height / 2 + 0.6)
    for item, (left, right) in zip(network.layers, itertools.pairwise(places), strict=True):
        weights = item.weights.sum(axis=0)
        order = np.argsort(np.abs(weights))  # the largest on top
        ends = np.stack([left[item.columns], right[item.rows]], axis=1)[order]
        axes.add_collection(
            LineCollection(
                list(ends), colors=[_colour(w) for w in weights[order]],
                linewidths=[line_width(w, low, high) for w in weights[order]],
                alpha=0.85 if network.synapses < 300 else 0.6, zorder=1,
            )
        )  # fmt: skip
    for k, points in enumerate(places):
        biases = network.layers[k - 1].biases.sum(axis=0) if k else np.zeros(len(points))
        is_end = k in (0, len(places) - 1)
        for row, (point, bias) in enumerate(zip(points, biases, strict=True)):
            axes.add_patch(
                Circle(
                    (float(point[0]), float(point[1])), radius, facecolor="0.93" if is_end else "white",
                    edgecolor=_colour(bias) if bias else NONE,
                    linewidth=max(line_width(bias, low, high), 0.9) if bias else 0.7, zorder=2,
                )
            )  # fmt: skip
            if bias and len(points) <= _NUMBERED and step > 0.3:
                axes.text(point[0], point[1], _short(bias), ha="center", va="center", fontsize=5.5, zorder=3)
            if is_end:
                side = -1 if k == 0 else 1
                axes.text(
                    point[0] + side * 1.5 * radius, point[1], (network.inputs if k == 0 else network.outputs)[row],
                    ha="right" if k == 0 else "left", va="center", fontsize=9,
                )  # fmt: skip
        axes.text(
            points[0][0], height / 2 + 0.12, _heading(network, k), ha="center", va="bottom", fontsize=8, color="0.25"
        )
    axes.set_title(title or _counts(network))
    figure.legend(handles=_legend(low, high), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _column(x: float, size: int, step: float, height: float) -> npt.NDArray[np.float64]:
    """Centres (size, 2) of a layer's neurons: those of a small layer beside a tall one stand wider apart."""
    spacing = max(step, min(3.0 * step, 0.7 * height / size))
    return np.stack([np.full(size, x), spacing * ((size - 1) / 2 - np.arange(size))], axis=1)


def line_width(weight: float, low: float, high: float) -> float:
    """Width in points: linear in ln |weight| between the smallest and the largest."""
    if high <= low:
        return 0.5 * (_THIN + _THICK)
    share = math.log(abs(weight) / low) / math.log(high / low)
    return _THIN + (_THICK - _THIN) * min(max(share, 0.0), 1.0)


def _magnitudes(network: Any) -> tuple[float, float]:
    """Smallest and largest of all weights and biases that are not zero."""
    every: npt.NDArray[np.float64] = np.abs(
        np.concatenate([part.sum(axis=0) for item in network.layers for part in (item.weights, item.biases)])
    )
    every = every[every > 0]
    return (float(every.min()), float(every.max())) if len(every) else (1.0, 1.0)


def _heading(network: Any, k: int) -> str:
    if k == 0:
        return "inputs"
    activation = network.layers[k - 1].activation
    name = "linear" if activation is None else activation.name
    if len(name) > 18:
        name = name[:17] + "…"
    return f"outputs\n{name}" if k == len(network.layers) else f"layer {k}: {network.layers[k - 1].n_outputs}\n{name}"


def _counts(network: Any) -> str:
    layers = f"{network.depth} hidden layer{'s' if network.depth != 1 else ''}"
    neurons = f"{network.neurons} neuron{'s' if network.neurons != 1 else ''}"
    return f"{neurons}, {network.synapses} synapse{'s' if network.synapses != 1 else ''}, {layers}"


def _legend(low: float, high: float) -> list[Line2D]:
    levels = [high] if high <= low else [low, math.sqrt(low * high), high]
    widths = [
        Line2D([], [], color="0.3", linewidth=line_width(value, low, high), marker="none", label=f"|w| = {value:.3g}")
        for value in levels
    ]
    signs = [
        Line2D([], [], color=colour, linewidth=2.0, marker="none", label=label)
        for colour, label in ((POSITIVE, "positive"), (NEGATIVE, "negative"))
    ]
    ring = Line2D(
        [], [], linestyle="none", marker="o", markersize=8, markerfacecolor="white", markeredgecolor="0.3",
        label="ring: bias (grey: 0)",
    )  # fmt: skip
    return [*signs, ring, *widths]


def _colour(value: float) -> str:
    return POSITIVE if value > 0 else NEGATIVE


def _short(value: float) -> str:
    """At most five characters, as fit into a circle."""
    text = f"{value:.2g}"
    return text.replace("e+0", "e").replace("e-0", "e-").replace("e+", "e").replace("-", "−")
