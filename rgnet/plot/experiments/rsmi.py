"""Figure of the experiment "rsmi": the filters, what each rule knows about the environment, what it couples to."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, WIDTH, styled

_FIELD = "#0072B2"  # blue and vermilion are told apart by everyone (Okabe & Ito 2008)
_NOISE = "#D55E00"
_PARTS = ("links\nalong $x$", "links\nalong $y$", "noise")
_DRAWN = ("rsmi", "rbm", "pca")  # rules whose filters are shown
_NAMES = {"rsmi": "RSMI", "rbm": "RBM", "pca": "PCA"}


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """One row a point: filters, information of every rule, and what the rules are beside what is known."""
    figure = Figure(figsize=(WIDTH * 1.25, 2.9 * len(results)), layout="constrained")
    rows = figure.subfigures(len(results), 1, squeeze=False)[:, 0]
    for part, (values, groups) in zip(rows, results, strict=True):
        part.suptitle(_title(values), fontsize=9)
        left, middle, right = part.subplots(1, 3, gridspec_kw={"width_ratios": (1.7, 1.3, 1.1)})
        _filters(left, groups["filters"])
        rules, machine = groups["rules"], groups.get("machine")
        _information(middle, rules, groups["training"])
        if "field_variance" in rules:
            _couples(right, rules, machine, bool(values["noise"]))
        elif "exact" in rules:
            _exact(right, rules)
        else:
            right.set_axis_off()
        labels = [_NAMES.get(str(name), str(name)).replace(", ", ",\n") for name in rules["rule"].values]
        if machine is not None:
            labels += [f"each unit of\n{size} of an RBM" for size in _sizes(machine)[1:]]
        for axes in (middle, right):
            axes.set_yticks(range(len(labels)), labels if axes is middle else [""] * len(labels), fontsize=7)
            axes.set_yticks([], minor=True)
            axes.set_ylim(len(labels) - 0.4, -0.6)
    return figure


def _title(values: dict[str, Any]) -> str:
    shape = " × ".join(str(side) for side in values["shape"])
    if values["system"] == "ising":
        what = f"Ising, $K = {values['K_over_K_c']:g}\\,K_c$"
    else:
        what = f"dimers, $T = {values['T']:g}${', with noise spins' if values['noise'] else ''}"
    b = values["block"]
    return f"{what}, {shape}: blocks of {b} × {b}, buffer {values['buffer']}"


def _filters(axes: Any, filters: xr.Dataset) -> None:
    """Weights as pictures, in units of each rule's largest: a row a rule, a picture for each unit and component."""
    names = [name for name in _DRAWN if name in filters["rule"].values]
    weights = [filters["weights"].sel(rule=name).values for name in names]
    units, components, b = weights[0].shape[:3]
    image = np.concatenate([_strip(w / np.abs(w).max()) for w in weights])[:-1]
    drawn = axes.imshow(image, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    axes.figure.colorbar(drawn, ax=axes, label="weight (of the largest)", shrink=0.8, fraction=0.04)
    axes.set_facecolor("white")
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_yticks([row * (b + 1) + (b - 1) / 2 for row in range(len(names))], [_NAMES[name] for name in names])
    if components == 1:
        axes.set_xticks([])
    else:
        middle = [
            _column(unit, part, components, b) + (b - 1) / 2 for unit in range(units) for part in range(components)
        ]
        axes.set_xticks(middle, list(_PARTS[:components]) * units, fontsize=6)
    axes.minorticks_off()
    axes.tick_params(length=0)
    for unit in range(units):
        at = (_column(unit, 0, components, b) + _column(unit, components - 1, components, b) + b - 1) / 2
        text = f"unit {unit + 1}" if units > 1 else "filter"
        axes.annotate(text, (at, -0.5), (0, 3), textcoords="offset points", ha="center", fontsize=7)


def _column(unit: int, component: int, components: int, b: int) -> int:
    return unit * (components * (b + 1) + 1) + component * (b + 1)


def _strip(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Units and their components side by side, gaps of NaN between them and below."""
    units, components, b = weights.shape[:3]
    image = np.full((b + 1, _column(units - 1, components - 1, components, b) + b), np.nan)
    for unit in range(units):
        for component in range(components):
            start = _column(unit, component, components, b)
            image[:b, start : start + b] = weights[unit, component]
    return image


def _information(axes: Any, rules: xr.Dataset, training: xr.Dataset) -> None:
    place = np.arange(rules.sizes["rule"])
    errors = rules["information_stderr"]
    axes.errorbar(rules["information"], place, xerr=errors, fmt="o", color=_FIELD, label="held out: a lower bound")
    own = float(training.attrs["training"])
    axes.plot([own], [0], marker="x", linestyle="none", color=_NOISE, label="on training rows: no bound")
    axes.axvline(0.0, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xlabel("$I(h;$ environment$)$ (nats)", fontsize=8)
    axes.legend(fontsize=6, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _exact(axes: Any, rules: xr.Dataset) -> None:
    best = float(rules.attrs["best_odd"])
    axes.plot(rules["exact"] / best, np.arange(rules.sizes["rule"]), marker="s", linestyle="none", color=_FIELD)
    axes.axvline(1.0, label="best odd rule", **EXACT)
    axes.set_xlabel("exact $I$ on 4 × 6\n(of the best odd rule's)", fontsize=8)
    axes.legend(fontsize=6, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _sizes(machine: xr.Dataset) -> list[int]:
    return list(dict.fromkeys(int(size) for size in machine["units"].values))


def _couples(axes: Any, rules: xr.Dataset, machine: xr.Dataset | None, noise: bool) -> None:
    place = np.arange(rules.sizes["rule"])
    axes.barh(place - 0.2, rules["field_variance"], height=0.36, color=_FIELD, label="field")
    if noise:
        axes.barh(place + 0.2, rules["noise_variance"], height=0.36, color=_NOISE, hatch="//", label="noise")
    if machine is not None:
        for row, size in enumerate(_sizes(machine)[1:], start=len(place)):
            own = machine.where(machine["units"] == size, drop=True)
            for name, shift, color in (("field_variance", -0.2, _FIELD), ("noise_variance", 0.2, _NOISE)):
                shares = np.sort(own[name].values)
                axes.plot(shares, np.full(size, row + shift), marker="|", linestyle="none", color=color)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("share of the variance\nof the filters' sums", fontsize=8)
    axes.legend(fontsize=6, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
