"""The ledger of a hierarchy: information about the cause, states and time, level by level."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rgnet.plot.style import EXACT, integer_ticks, styled, subplots


@styled
def ledger(table: xr.Dataset, title: str = "") -> Figure:
    """What each level of each network knows of y_0, how many states it needs for that, and how much time.

    Parameters
    ----------
    table : Dataset over (network, level)
        As `rgnet.hierarchies.ledger` returns it.
    title : str
        Set above the figure.
    """
    figure, axes = subplots(3, 3.1, width_ratios=[2.2, 1, 1])
    left, middle, right = axes[0]
    names = [str(name) for name in table["network"].values]
    colors = [f"C{i}" for i in range(len(names))]
    levels = table["level"].values.astype(float)
    for i, (name, color) in enumerate(zip(names, colors, strict=True)):
        row = table.sel(network=name)
        shifted = levels + 0.12 * (i - (len(names) - 1) / 2)
        left.plot(shifted, row["exact"], **{**EXACT, "color": color})
        left.errorbar(shifted, row["information"], 1.96 * row["information_stderr"], fmt="o", color=color, label=name)
        left.errorbar(shifted, row["lower"], 1.96 * row["lower_stderr"], fmt="^", color=color, markerfacecolor="white")
        middle.plot(levels, row["states"], marker="o", color=color)
        right.plot(levels[1:], row["microseconds"][1:], marker="o", color=color)
    whole = float(table.attrs["entropy"])
    known = [table[name].values for name in ("information", "exact", "lower") if _any(table, name)]
    highest = float(np.nanmax(known)) if known else whole
    if highest > 0.6 * whole:
        left.axhline(whole, color="0.6", linewidth=0.8)
        left.annotate("$H(y_0)$", (levels[-1], whole), xytext=(0, -3), textcoords="offset points", ha="right", va="top")
    left.set_ylabel(f"information about $y_0$ kept ({table.attrs.get('unit', 'nats')})")
    left.axhline(0.0, color="0.8", linewidth=0.6, zorder=0)
    middle.set_ylabel("states among the draws")
    right.set_ylabel("µs a draw")
    for panel in axes[0]:
        integer_ticks(panel, levels)
        panel.set_xlabel("level (0 = data)")
    for panel, name in ((middle, "states"), (right, "microseconds")):
        if (table[name].values[:, 1 if name == "microseconds" else 0 :] > 0).any():
            panel.set_yscale("log")
    handles = [
        *(Line2D([], [], color=color, linewidth=4, marker="none", label=name)
          for name, color in zip(names, colors, strict=True)),
        Line2D([], [], color="0.25", marker="o", linestyle="none", label="estimate"),
        Line2D([], [], **EXACT, label="exact"),  # type: ignore[arg-type]
        Line2D([], [], color="0.25", marker="^", markerfacecolor="white", linestyle="none", label="lower bound"),
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, handlelength=1.2, columnspacing=1.1
    )
    if title:
        figure.suptitle(title, fontsize=9)
    return figure


def _any(table: xr.Dataset, name: str) -> bool:
    return bool(np.isfinite(table[name].values).any())
