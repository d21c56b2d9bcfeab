"""Figure of the experiment "rsmi": the learned filters, and what each rule knows about the environment."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, WIDTH, styled

_FIELD = "#0072B2"  # blue and vermilion are told apart by everyone (Okabe & Ito 2008)
_NOISE = "#D55E00"


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """One row a point: filters of RSMI, information of every rule, and for dimers what their filters couple to."""
    figure = Figure(figsize=(WIDTH, 2.7 * len(results)), layout="constrained")
    grid = figure.add_gridspec(len(results), 3, width_ratios=(1.2, 1.6, 1.2))
    for row, (values, groups) in enumerate(results):
        _filters(figure.add_subplot(grid[row, 0]), values, groups["filters"])
        _information(figure.add_subplot(grid[row, 1]), groups["rules"], groups["training"])
        last = figure.add_subplot(grid[row, 2])
        if "field_variance" in groups["rules"]:
            _couples(last, groups["rules"], bool(values["noise"]))
        elif "exact" in groups["rules"]:
            _exact(last, groups["rules"])
        else:
            last.set_axis_off()
    return figure


def _filters(axes: Any, values: dict[str, Any], filters: xr.Dataset) -> None:
    weights = filters["weights"].sel(rule="rsmi").values
    image = _tiled(weights)
    top = float(np.abs(weights).max())
    drawn = axes.imshow(image, cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest")
    axes.figure.colorbar(drawn, ax=axes, label="weight", fraction=0.05)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("0.9")
    shape = " × ".join(str(side) for side in values["shape"])
    name = "Ising" if values["system"] == "ising" else "dimers"
    axes.set_title(f"{name}, {shape}: RSMI", fontsize=8)
    if weights.shape[1] > 1:
        parts = ["links $x$", "links $y$", "noise"][: weights.shape[1]]
        axes.set_xlabel(", ".join(parts), fontsize=7)
    if weights.shape[0] > 1:
        axes.set_ylabel("hidden unit", fontsize=7)


def _tiled(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Units below each other, components side by side, with gaps of NaN."""
    units, components, b = weights.shape[:3]
    image = np.full((units * (b + 1) - 1, components * (b + 1) - 1), np.nan)
    for unit in range(units):
        for component in range(components):
            rows, columns = unit * (b + 1), component * (b + 1)
            image[rows : rows + b, columns : columns + b] = weights[unit, component]
    return image


def _information(axes: Any, rules: xr.Dataset, training: xr.Dataset) -> None:
    names = [str(name) for name in rules["rule"].values]
    place = np.arange(len(names))
    axes.errorbar(
        rules["information"], place, xerr=rules["information_stderr"], fmt="o", color=_FIELD, label="held out"
    )
    own = float(training.attrs["training"])
    axes.plot([own], [0], marker="x", linestyle="none", color=_NOISE, label="on training rows")
    axes.set_yticks(place, [name.replace(", ", ",\n") for name in names], fontsize=7)
    axes.set_yticks([], minor=True)
    axes.invert_yaxis()
    axes.axvline(0.0, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xlabel("$I(h;$ environment$)$\n(nats, lower bound)", fontsize=8)
    axes.legend(fontsize=7)


def _exact(axes: Any, rules: xr.Dataset) -> None:
    place = np.arange(rules.sizes["rule"])
    best = float(rules.attrs["best_odd"])
    axes.plot(rules["exact"] / best, place, marker="s", linestyle="none", color=_FIELD)
    axes.axvline(1.0, label="best odd rule", **EXACT)
    axes.set_yticks(place, [""] * len(place))
    axes.set_yticks([], minor=True)
    axes.invert_yaxis()
    axes.set_xlabel("exact, 4 × 6 torus\n(of the best odd rule)", fontsize=8)
    axes.legend(fontsize=7)


def _couples(axes: Any, rules: xr.Dataset, noise: bool) -> None:
    place = np.arange(rules.sizes["rule"])
    axes.barh(place - 0.2, rules["field_variance"], height=0.36, color=_FIELD, label="field")
    if noise:
        axes.barh(place + 0.2, rules["noise_variance"], height=0.36, color=_NOISE, hatch="//", label="noise")
    axes.set_yticks(place, [""] * len(place))
    axes.set_yticks([], minor=True)
    axes.invert_yaxis()
    axes.set_xlim(0.0, 1.0)
    axes.set_xlabel("share of the variance\nof the filters' sums", fontsize=8)
    axes.legend(fontsize=7)
