"""Figure of the experiment "flattening"."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from rgnet.plot.style import EXACT, integer_ticks, styled, subplots

CAPTION = (
    "Hidden neurons with which trained networks of one, two and three hidden layers multiply n numbers (left; bars: "
    "1.96 errors, from the scatter between groups of restarts and the steps of the grid of widths; solid and dotted: "
    "exponential and linear fits; arrows: no width tried sufficed for every group of restarts), and the share of "
    "restarts that succeed (right)."
)
ALT = "Neurons needed against number of factors for one to three hidden layers, and success rate against neurons."


@styled
def figure(results: Sequence[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Neurons against n (left), success against neurons at the largest n (right); a row for each activation."""
    drawn, axes = subplots(2, 3.1 * len(results) + 0.4, len(results), width_ratios=[1.25, 1])
    for (left, right), (_, groups) in zip(axes, results, strict=True):
        widths, laws, success = groups["widths"], groups["fits"], groups["success"]
        _counts(left, widths, laws)
        _success(right, widths, success)
        left.set_title(f"trained with σ = {widths.attrs['activation']}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    extra = [
        Line2D([], [], color="0.3", marker="none", label="exponential fit"),
        Line2D([], [], color="0.3", marker="none", linestyle=":", label="linear fit"),
        Line2D([], [], color="0.3", linestyle="none", marker="_", markersize=9, label="construction"),
    ]
    drawn.legend(
        [*handles, *extra], [*labels, *(str(item.get_label()) for item in extra)], loc="outside lower center", ncols=4,
        fontsize=8,
    )  # fmt: skip
    return drawn


def _counts(ax: Any, widths: xr.Dataset, laws: xr.Dataset) -> None:
    n = widths["n"].values
    fine = np.linspace(n[0] - 0.2, n[-1] + 0.2, 100)
    for row, depth in enumerate(widths["hidden_layers"].values):
        table, colour = widths.isel(hidden_layers=row), f"C{row}"
        at = n + 0.09 * (row - 1)
        known = np.isfinite(table["neurons"].values)
        error = 1.96 * table["neurons"].values * table["ln_stderr"].values
        ax.errorbar(
            at[known], table["neurons"].values[known], error[known], linestyle="none", color=colour,
            marker="os^Dv"[row % 5], label=f"{depth} hidden layer{'s' if depth > 1 else ''}",
        )  # fmt: skip
        for x, bound in zip(at[~known], table["bound"].values[~known], strict=True):
            ax.annotate(
                "", (x, 1.6 * bound), (x, bound), arrowprops={"arrowstyle": "->", "color": colour, "shrinkA": 0}
            )
            ax.plot(x, bound, marker="_", markersize=7, color=colour)
        ax.plot(at, table["construction"].values, linestyle="none", marker="_", markersize=11, color=colour)
        law = laws.isel(hidden_layers=row)
        if int(law["points"]) >= 3:
            a, b = law["intercept"].values, law["slope"].values
            ax.plot(fine, np.exp(a[0] + b[0] * fine), color=colour, marker="none", linewidth=1)
            line = a[1] + b[1] * fine
            ax.plot(fine[line > 1], line[line > 1], color=colour, marker="none", linestyle=":", linewidth=1)
    ax.plot(fine, 2.0**fine, **EXACT)
    ax.plot(fine, 4.0 * fine, **EXACT)
    ax.annotate("$2^n$", (fine[-1], 2.0 ** fine[-1]), xytext=(3, -3), textcoords="offset points", fontsize=9)
    ax.annotate("$4n$", (fine[0], 4.0 * fine[0]), xytext=(0, 5), textcoords="offset points", fontsize=9)
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    integer_ticks(ax, n)
    ax.set_xlabel("factors $n$")
    ax.set_ylabel("hidden neurons needed")


def _success(ax: Any, widths: xr.Dataset, success: xr.Dataset) -> None:
    reached = widths["n"].values[(widths["censored"].values == 0).all(axis=0)]
    n = int(reached[-1]) if len(reached) else int(widths["n"].values[-1])
    for row, depth in enumerate(success["hidden_layers"].values):
        table = success.isel(hidden_layers=row).sel(n=n)
        for name, line, face in (("success", "-", f"C{row}"), ("success_full_box", ":", "white")):
            share = table[name].values
            known = np.isfinite(share)
            ax.plot(
                depth * table["width"].values[known], share[known], color=f"C{row}", markerfacecolor=face,
                linestyle=line, marker="os^Dv"[row % 5],
            )  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("hidden neurons")
    ax.set_ylabel("share of restarts that succeed")
    ax.set_title(f"n = {n} (open: full box from the start)")
