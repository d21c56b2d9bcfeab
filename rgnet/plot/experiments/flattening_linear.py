"""Figure of the experiment "flattening-linear": counted costs of flattening beside their formulae."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, styled, subplots

CAPTION = (
    "What flattening multiplies the number of synapses by, counted (symbols) beside the formulae (dashed): the fast "
    "Fourier transform, a matrix of rank k, a product of two random sparse matrices (bars: scatter of single products; "
    "errors of the means are smaller than the symbols), and matrix multiplication, as schoolbook synapses over those "
    "of Strassen's algorithm, deep, with blocks, and flattened."
)
ALT = (
    "Four panels of flattening cost: rising with n for the Fourier transform, falling with rank, following the formula "
    "for sparse matrices, and crossing one only at large n for Strassen's algorithm."
)


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Draw the first point's four cases."""
    groups = results[0][1]
    drawn, axes = subplots(2, 5.4, rows=2)
    _fourier(axes[0, 0], groups["fourier"])
    _rank(axes[0, 1], groups["rank"])
    _sparse(axes[1, 0], groups["sparse"])
    _multiplication(axes[1, 1], groups["multiplication"])
    return drawn


def _fourier(ax: Any, table: xr.Dataset) -> None:
    ax.plot(table["n"], table["cost"], linestyle="none", label="counted")
    ax.plot(table["n"], table["formula"], label=r"$n/(2\log_2 n)$", **EXACT)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlabel("n")
    ax.set_ylabel("$C_s$")
    ax.set_title("Fourier transform")
    ax.legend()


def _rank(ax: Any, table: xr.Dataset) -> None:
    n, k = int(table.attrs["n"]), np.arange(1, int(table.attrs["n"]) + 1)
    ax.plot(table["k"], table["cost"], linestyle="none", label="two factors")
    ax.plot(table["k"], table["cost_columns"], linestyle="none", label="one with a unit matrix")
    ax.plot(k, n / (2 * k), label="$n/2k$", **EXACT)
    ax.plot(k, n * n / (k * (2 * n - k + 1)), **EXACT)
    ax.axhline(1.0, color="0.7", linewidth=0.8)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlabel("rank k")
    ax.set_ylabel("$C_s$")
    ax.set_title(f"rank k, n = {n}")
    ax.legend()


def _sparse(ax: Any, table: xr.Dataset) -> None:
    n, p = table["n"].values, table["p"].values
    for index, density in enumerate(np.unique(p)):
        here = p == density
        style = {"color": f"C{index}", "linestyle": "none", "label": f"p = {density:g}"}
        ax.errorbar(n[here], table["mean_of_ratios"].values[here], table["scatter"].values[here], **style)
        line = np.geomspace(n.min(), n.max(), 50)
        ax.plot(line, -np.expm1(line * np.log1p(-density * density)) / (2 * density), **{**EXACT, "color": f"C{index}"})
    ax.axhline(1.0, color="0.7", linewidth=0.8)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlabel("n")
    ax.set_ylabel("$C_s$")
    ax.set_title("two sparse matrices of density p")
    ax.legend(ncols=2, fontsize=8)


def _multiplication(ax: Any, table: xr.Dataset) -> None:
    n = table["n"].values
    for index, (name, label) in enumerate(
        (("deep", "Strassen, deep"), ("blocks", "with blocks"), ("flat", "Strassen, flattened"))
    ):
        formula = table["schoolbook_formula"].values / table[f"{name}_formula"].values
        ax.plot(n, formula, **{**EXACT, "color": f"C{index}"}, label=None if name != "blocks" else label)
        if name != "blocks":
            ax.plot(n, table["schoolbook"].values / table[name].values, color=f"C{index}", linestyle="none",
                    marker="os"[index > 0], label=label)  # fmt: skip
    ax.axhline(1.0, color="0.7", linewidth=0.8)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_ylim(1e-3, 20)
    ax.set_xlabel("n")
    ax.set_ylabel("schoolbook / algorithm")
    ax.set_title("synapses of matrix multiplication")
    ax.legend(fontsize=8)
