"""The comparison: heat maps of what network layers share with RG levels, and the flow of what each level is."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rgnet.plot.style import EXACT, OPERATOR_LABELS, integer_ticks, styled

Array = npt.NDArray[Any]
MAPS = (
    ("decodability", "block spins of the RG,\nread off the layer"),
    ("decodability_back", "a unit of the layer,\nread off the block spins"),
    ("cka", "alignment of layer\nand block spins (CKA)"),
    ("cka_fluctuations", "alignment without\nthe mean spin (CKA)"),
)
_ROW = 0.165  # inches
_COLORS = "cividis"


@styled
def comparison(table: xr.Dataset, title: str = "") -> Figure:
    """What the layers of networks share with the levels of an RG, and what each of them is.

    Parameters
    ----------
    table : Dataset over (network, level)
        As `rgnet.compare` returns it.
    title : str
        Set above the figure.
    """
    rows = rows_of(table)
    tall = _ROW * len(rows) + 1.15
    figure = Figure(figsize=(9.0, tall + 3.0), layout="constrained")
    top, bottom = np.atleast_1d(np.asarray(figure.subfigures(2, 1, height_ratios=[tall, 3.0])))
    maps = top.subplots(1, len(MAPS), sharey=True, squeeze=False)[0]
    for place, (ax, (name, words)) in enumerate(zip(maps, MAPS, strict=True)):
        image = _heat(ax, np.array([table[name].values[i, k] for i, k in rows]), _sides(table))
        ax.set_title(words, fontsize=9)
        _groups(ax, table, rows, place == 0)
    bar = top.colorbar(image, ax=maps, location="right", shrink=0.5, aspect=35, pad=0.01)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    bar.set_label("0 nothing, 1 everything", fontsize=8.5)
    top.supxlabel(
        f"side of the block spins of the RG ({table.attrs['reference']}) in sites, 1 = the samples; "
        "rows: the levels of each network",
        fontsize=8.5,
    )
    _panels(bottom, table)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _sides(table: xr.Dataset) -> Array:
    """Side of the block of each RG level, in microscopic sites."""
    sides = table["scale"].sel(network=table.attrs["reference"], level=table["rg_level"].values[1:]).values
    return np.concatenate([[1], sides]).astype(int)


def rows_of(table: xr.Dataset) -> list[tuple[int, int]]:
    """(network, level) of every row that exists, networks in order."""
    units = table["units"].values
    return [(i, k) for i in range(units.shape[0]) for k in range(units.shape[1]) if math.isfinite(units[i, k])]


def _heat(ax: Any, values: Array, columns: Array) -> Any:
    image = ax.imshow(values, aspect="auto", cmap=_COLORS, vmin=0.0, vmax=1.0, interpolation="nearest")
    ax.set_facecolor("0.85")
    for (row, column), value in np.ndenumerate(values):
        known = math.isfinite(value)
        color = "0.4" if not known else "black" if _light(value) else "white"
        ax.text(column, row, short(value), ha="center", va="center", fontsize=7.2, color=color)
    ax.set_xticks(range(len(columns)), [str(side) for side in columns], fontsize=8)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return image


def _light(value: float) -> bool:
    red, green, blue, _ = colormaps[_COLORS](min(max(value, 0.0), 1.0))
    return bool(0.299 * red + 0.587 * green + 0.114 * blue > 0.5)


def short(value: float) -> str:
    """A fraction in two digits: ".93", "1", "0", an en dash where there is none."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.2f}"
    return {"1.00": "1", "0.00": "0", "-0.00": "0"}.get(text, text.replace("0.", ".", 1))


def _groups(ax: Any, table: xr.Dataset, rows: list[tuple[int, int]], labelled: bool) -> None:
    """Lines between networks; their names and levels at the left of the first map."""
    numbers = np.array([i for i, _ in rows])
    for place in np.flatnonzero(np.diff(numbers)):
        ax.axhline(place + 0.5, color="white", linewidth=2.5, marker="none")
    if not labelled:
        return
    ax.set_yticks(range(len(rows)), [str(int(table["level"].values[k])) for _, k in rows], fontsize=7)
    for i in np.unique(numbers):
        where = np.flatnonzero(numbers == i)
        name = str(table["network"].values[i]).replace(" (random)", "\n(random)")
        control = str(table["role"].values[i]) == "control"
        ax.annotate(
            name, (0, float(where.mean())), xycoords=("axes fraction", "data"), xytext=(-20, 0),
            textcoords="offset points", ha="right", va="center", linespacing=1.0,
            fontsize=7 if control else 8, color="0.45" if control else "black",
        )  # fmt: skip


def _panels(figure: Any, table: xr.Dataset) -> None:
    """Coupling, information kept and environment by level, one line a network."""
    targets = [str(name) for name in table["target"].values][:2]
    axes = figure.subplots(1, 2 + len(targets), squeeze=False)[0]
    first = str(table["operator"].values[0])
    lines = [("coupling", {"operator": first})]
    lines += [("fraction", {"target": name}) for name in targets]
    lines += [("environment", {})]
    styles = _styles(table)
    for ax, (name, choice) in zip(axes, lines, strict=True):
        _lines(ax, table[name].sel(choice), table[f"{name}_stderr"].sel(choice), styles)
        integer_ticks(ax, table["level"].values)
        ax.set_xlabel("level, 0 = the samples", fontsize=8.5)
        ax.tick_params(labelsize=8)
    start = float(table["coupling_exact"].sel(operator=first).values[0, 0]) if "coupling_exact" in table else math.nan
    if math.isfinite(start):
        axes[0].axhline(start, **EXACT)
        axes[0].annotate("simulated", (1, start), xycoords=("axes fraction", "data"), fontsize=7.5, color="0.25",
                         xytext=(0, 2), textcoords="offset points", ha="right", va="bottom")  # fmt: skip
    axes[0].set_title(f"effective coupling\n{OPERATOR_LABELS.get(first, first)} (dimensionless)", fontsize=9)
    for ax, name in zip(axes[1:], targets, strict=False):
        what = "Fisher information" if name in ("K", "h") else "information"
        ax.set_title(f"{what}\non {name} kept (fraction)", fontsize=9)
        ax.set_ylim(min(0.0, ax.get_ylim()[0]), 1.05)
    axes[-1].set_title("a unit knows of its\nenvironment (nats, at least)", fontsize=9)
    axes[-1].set_ylim(min(0.0, axes[-1].get_ylim()[0]), None)
    handles = [
        Line2D([], [], color=color, marker=marker, markersize=4, linewidth=1.2, label=name)
        for name, (color, marker, control) in styles.items()
        if not control
    ]
    handles += [
        Line2D([], [], color="0.35", marker="o", markersize=4, markerfacecolor="white", linestyle=":", linewidth=1.2,
               label="the same with random weights")
    ] if any(control for _, _, control in styles.values()) else []  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=8, fontsize=8, handlelength=1.6, columnspacing=1.2)


def _styles(table: xr.Dataset) -> dict[str, tuple[str, str, bool]]:
    """Colour, marker, and whether it is a control, of each network beyond level 0; controls look like theirs."""
    markers = ("o", "s", "^", "D", "v", "P", "X")
    found: dict[str, tuple[str, str, bool]] = {}
    names = [(str(n), str(r)) for n, r in zip(table["network"].values, table["role"].values, strict=True)]
    for place, name in enumerate(n for n, r in names if r in ("reference", "network")):
        found[name] = (to_hex(f"C{place % 7}"), markers[place % 7], False)
    for name, role in names:
        if role == "control":
            color, marker, _ = found.get(name.removesuffix(" (random)"), ("#595959", "o", False))
            found[name] = (color, marker, True)
    return found


def _lines(ax: Any, value: xr.DataArray, error: xr.DataArray, styles: dict[str, tuple[str, str, bool]]) -> None:
    levels = value["level"].values.astype(float)
    start, start_error = float(value.values[0, 0]), float(error.values[0, 0])
    for place, (name, (color, marker, control)) in enumerate(styles.items()):
        y = np.append(start, value.sel(network=name).values[1:])
        e = np.append(np.nan, error.sel(network=name).values[1:])
        known = np.isfinite(y)
        shift = np.append(0.0, np.full(len(levels) - 1, 0.03 * (place - (len(styles) - 1) / 2)))
        look = {"linestyle": ":", "markerfacecolor": "white", "linewidth": 1.0} if control else {"linewidth": 1.2}
        ax.errorbar((levels + shift)[known], y[known], e[known], color=color, marker=marker, markersize=3.8, **look)
    ax.errorbar([0], [start], [start_error], color="black", marker="o", markersize=4, zorder=5)
