"""Figure of the experiment "product-depth"."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.experiments.product_depth import line
from rgnet.plot.style import EXACT, styled, subplots

CAPTION = (
    "What depth saves. Left: neurons that multiply n numbers with k hidden layers (markers), "
    "n^((k−1)/k)·2^(n^(1/k)) (lines). Middle: trees that were built, and the straight line fitted to them. Right: "
    "largest error on the unit box in float64, of networks of every depth (markers) and as promised (lines)."
)
ALT = "Neurons against n for every depth, trees up to 1024 inputs, and errors by depth."


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Neurons by depth, trees, errors."""
    groups = results[0][1]
    counts, tree, layers = groups["counts"], groups["tree"], groups["layers"]
    figure, axes = subplots(3, 3.1)
    left, middle, right = axes[0]
    n = counts["n"].values
    shown = [i for i in range(len(n)) if n[i] in np.unique(np.geomspace(n[0], n[-1], 14).astype(int))]
    for i, depth in enumerate(counts["depth"].values):
        one = counts.sel(depth=depth)
        left.plot(n, one["formula"], color=f"C{i % 7}", marker="none", linewidth=1)
        left.plot(
            n[shown], one["neurons"].values[shown], color=f"C{i % 7}", linestyle="none", marker="os^DvPX"[i % 7],
            label=f"{depth}",
        )  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="numbers multiplied, n", ylabel="neurons", ylim=(3, 1e6))
    left.set_xscale("log", base=2)
    left.set_title("with k hidden layers")
    left.legend(title="k", fontsize=7, title_fontsize=8)
    slope, start, _ = line(tree)
    x = tree["n"].values
    middle.plot(x, slope * x + start, **EXACT, label=f"{slope:.2f} n {start:+.1f}")
    middle.plot(x, tree["neurons"], linestyle="none", marker="o", color="C0", label="neurons")
    middle.plot(x, tree["synapses"], linestyle="none", marker="s", color="C1", label="synapses")
    middle.set_xscale("log", base=2)
    middle.set(yscale="log", xlabel="numbers multiplied, n", title="the tree")
    middle.legend(fontsize=8)
    for i, depth in enumerate(np.unique(layers["depth"].values)):
        one = layers.isel(network=np.flatnonzero(layers["depth"].values == depth))
        right.plot(one["n"], one["promised"], color=f"C{i % 7}", marker="none", linewidth=1)
        right.plot(
            one["n"], one["achieved"], color=f"C{i % 7}", linestyle="none", marker="os^DvPX"[i % 7], label=f"{depth}"
        )
    right.plot(x, tree["promised"], color="0.4", marker="none", linewidth=1)
    right.plot(x, tree["achieved"], color="0.4", linestyle="none", marker=".", label="tree")
    right.set_xscale("log", base=2)
    right.set(yscale="log", xlabel="numbers multiplied, n", title="largest error, float64")
    right.legend(title="k", fontsize=7, title_fontsize=8)
    return figure
