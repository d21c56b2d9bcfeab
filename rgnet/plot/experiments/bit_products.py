"""Figure of the experiment "bit-products": decimals against β, what functions cost, what was promised."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, styled, subplots

CAPTION = (
    "Correct decimals of one logistic neuron as a product of m bits against its steepness β, with 80 digits (symbols) "
    "and in float64 for products that are 1 (open circles, up to where no error is left); neurons of parity and of "
    "random Boolean functions by three expansions; errors achieved on all strings beside those promised."
)
ALT = (
    "Three panels: a straight line of decimals against β on which all sizes fall; neurons against number of bits, "
    "exponential by monomials and minterms, linear by counts; achieved errors all below the promised ones."
)


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Draw the first point's gate, functions and Hamiltonians."""
    groups = results[0][1]
    gate, functions, models = groups["gate"], groups["functions"], groups["hamiltonians"]
    drawn, axes = subplots(3, 3.5)
    _gate(axes[0, 0], gate)
    _neurons(axes[0, 1], functions)
    _errors(axes[0, 2], functions, models)
    return drawn


def _gate(ax: Any, gate: xr.Dataset) -> None:
    beta = gate["beta"].values
    for index, m in enumerate(gate["m"].values):
        part = slice(index, None, len(gate["m"]))  # the sizes agree: in turn, or they hide each other
        ax.plot(beta[part], gate["decimals_exact"].values[index][part], linestyle="none", label=f"m = {m}")
    ax.plot(beta, gate["formula"], label="formula", **EXACT)
    ones = gate["error_of_ones"].values
    seen = ones > 0
    ax.plot(beta[seen], -np.log10(ones[seen]), linestyle="none", marker="o", markersize=8, markerfacecolor="none",
            color="0.5", label="float64, ones")  # fmt: skip
    if not seen.all():
        end = beta[~seen][0]
        ax.axvline(end, color="0.7", linewidth=0.8)
        style = {"fontsize": 8, "color": "0.4", "ha": "right", "va": "top"}
        ax.text(end - 3, 0.9 * gate["formula"].values[-1], "no error\nleft in\nfloat64", **style)
    ax.set_xlabel("steepness β")
    ax.set_ylabel("correct decimals")
    ax.set_title("one neuron, m bits")
    ax.legend(fontsize=7, loc="lower right", borderpad=0.1, handletextpad=0.4)


def _neurons(ax: Any, functions: xr.Dataset) -> None:
    n = functions["n"].values
    parity, random = (functions.sel(function=name) for name in ("parity", "random"))
    ax.plot(n, parity["monomials"], label="parity, monomials")
    ax.plot(n, parity["minterms"], label="parity, minterms")
    ax.plot(n, parity["counts"], label="parity, counts")
    ax.errorbar(n, random["monomials"], random["random_sd"], fmt="D:", color="C3", label="random, monomials")
    ax.plot(n, random["minterms"], linestyle=":", color="C4", marker="v", label="random, minterms")
    ax.plot(n, 2.0**n, label="$2^n$", **EXACT)
    ax.set_yscale("log")
    ax.set_ylim(top=60.0 * 2.0 ** n[-1])
    ax.set_xticks(n[:: 2 if len(n) > 6 else 1])
    ax.set_xlabel("bits n")
    ax.set_ylabel("neurons")
    ax.set_title("Boolean functions")
    ax.legend(fontsize=7, loc="upper left")


def _errors(ax: Any, functions: xr.Dataset, models: xr.Dataset) -> None:
    for label, table in (("functions of bits", functions), ("spin models", models)):
        promised, achieved = table["promised"].values.ravel(), table["achieved"].values.ravel()
        ax.plot(promised, np.maximum(achieved, 1e-22), linestyle="none", label=label)
    low, high = 1e-17, 3 * float(models["promised"].max())
    ax.plot([low, high], [low, high], label="achieved = promised", **EXACT)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(top=1e4 * high)
    ax.set_xlabel("error promised")
    ax.set_ylabel("error achieved")
    ax.set_title("all strings, float64")
    ax.legend(fontsize=7, loc="upper left")
