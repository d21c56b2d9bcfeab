"""Figure of the experiment "product-sufficient"."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, styled, subplots

CAPTION = (
    "One hidden layer that multiplies n numbers. Left: neurons. Middle: largest error on the unit box against the "
    "scale λ, in float64 (filled) and with 50 digits (open), and the sum of truncation and rounding that is predicted "
    "(lines). Right: the least error predicted for so many bits of the mantissa, and what float64 achieves."
)
ALT = "Neurons, errors against the scale, and floors by precision of one-layer products."


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Neurons, error against λ, and floors, one row for each activation."""
    figure, axes = subplots(3, 2.9 * len(results), rows=len(results))
    for row, (values, groups) in zip(axes, results, strict=True):
        table, scales, floors = groups["networks"], groups["scales"], groups["floors"]
        n = table["n"].values
        row[0].plot(n, 2.0**n, **EXACT, label="$2^n$")
        row[0].plot(n, 2.0 ** (n - 1), **{**EXACT, "linestyle": ":"}, label="$2^{n-1}$")
        row[0].plot(n, table["neurons"], linestyle="none", marker="o", color="C0", label="built")
        row[0].set_yscale("log", base=2)
        row[0].set_ylabel("neurons")
        row[0].set_title(values["activation"])
        for i, curve in enumerate(scales["curve"].values):
            one = scales.sel(curve=curve)
            total = one["truncation"] + one["rounding"]
            row[1].plot(one["scale"], np.minimum(total, 1e3), color=f"C{i}", marker="none")
            row[1].plot(one["scale"], one["achieved"], color=f"C{i}", linestyle="none", marker="o", label=f"{curve}")
            row[1].plot(one["scale"], one["exact"], color=f"C{i}", linestyle="none", marker="D", markerfacecolor="none")
        row[1].set(xscale="log", yscale="log", xlabel="scale λ", ylabel="largest error", ylim=(1e-14, 1e2))
        row[1].legend(title="n", fontsize=7, title_fontsize=8, loc="lower right")
        for i, bits in enumerate(floors["bits"].values):
            row[2].plot(n, floors["floor"].sel(bits=bits), color=f"C{i}", marker="none", label=f"{bits} bits")
        row[2].plot(n, table["achieved"], color="C1", linestyle="none", marker="o", label="float64")
        row[2].set(yscale="log", ylabel="least error")
        row[2].legend(fontsize=7, loc="lower right")
        for ax in (row[0], row[2]):
            ax.set_xlabel("numbers multiplied, n")
            ax.set_xticks(n[::2])
    axes[0][0].legend(fontsize=8)
    axes[0][1].set_title("error against scale")
    axes[0][2].set_title("floor by precision")
    return figure
