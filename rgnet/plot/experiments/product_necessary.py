"""Figure of the experiment "product-necessary"."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, styled, subplots

CAPTION = (
    "Can a smaller hidden layer multiply n numbers? Left: neurons of layers that are certified as product gates "
    "(filled), and of the same with a neuron removed, certified as none (crosses); open: layers outside the theorem's "
    "setting. Middle: share of random layers that are product gates, against their neurons in units of the number of "
    "conditions C(2n, n) − 1, with binomial errors. Right: time of an exact certificate."
)
ALT = "Sizes of certified product gates, share of random layers that are, and time of the certificates."


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Certified sizes, random layers, time."""
    figure, axes = subplots(3, 3.1)
    left, middle, right = axes[0]
    groups = results[0][1]
    removal, random, limits = groups["removal"], groups["random"], groups["limits"]
    n = np.unique(removal["n"].values)
    left.plot(n, 2.0**n, **EXACT, label="$2^n$")
    left.plot(n, 2.0 ** (n - 1), **{**EXACT, "linestyle": ":"}, label="$2^{n-1}$ (Waring)")
    for half, color, label in ((0, "C0", "one bias"), (1, "C1", "by parity")):
        one = removal.isel(layer=np.flatnonzero(removal["half"].values == half))
        left.plot(one["n"], one["neurons"], color=color, linestyle="none", marker="o", label=f"gate, {label}")
        none = one.isel(layer=np.flatnonzero((one["impossible"] == one["removed"]).values))
        left.plot(none["n"], none["neurons"] - 1, color=color, linestyle="none", marker="x", markersize=6)
        right.plot(one["n"], one["seconds"], color=color, marker="o", label=f"whole, {label}")
        right.plot(one["n"], one["seconds_removed"], color=color, marker="x", linestyle=":", label="one removed")
    chosen = limits.isel(row=np.flatnonzero(limits["possible"].values == 1))
    left.plot(
        chosen["n"], chosen["neurons"], color="C2", linestyle="none", marker="s", markerfacecolor="none",
        markersize=8, label="gate, outside",
    )  # fmt: skip
    left.set_yscale("log", base=2)
    left.set(xlabel="numbers multiplied, n", ylabel="neurons", title="certified")
    left.legend(fontsize=7)
    for i, number in enumerate(np.unique(random["n"].values)):
        one = random.isel(layer=np.flatnonzero(random["n"].values == number))
        share, draws = one["possible"].values, one["draws"].values
        # Agresti–Coull: an error bar also where all or none are
        centre = (share * draws + 2) / (draws + 4)
        middle.errorbar(
            one["neurons"] / one["conditions"], share, np.abs(np.stack([
                share - np.clip(centre - np.sqrt(centre * (1 - centre) / (draws + 4)), 0, share),
                np.clip(centre + np.sqrt(centre * (1 - centre) / (draws + 4)), share, 1) - share,
            ])), color=f"C{i}", marker="os^Dv"[i % 5], label=f"{number}",
        )  # fmt: skip
    middle.set(xlabel="neurons / conditions", ylabel="share of product gates", title="random layers")
    middle.legend(title="n", fontsize=8)
    right.set(yscale="log", xlabel="numbers multiplied, n", ylabel="time (s)", title="exact certificates")
    right.legend(fontsize=7)
    return figure
