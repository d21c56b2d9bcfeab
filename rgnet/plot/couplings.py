"""Flows of couplings: in the (K_nn, K_nnn) plane, and of decimated chains beside the exact recursion."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.exact import ising2d
from rgnet.plot.style import EXACT, OPERATOR_LABELS, WIDTH, styled, subplots

LARGEST_ERROR = 0.03


@styled
def flow(table: xr.Dataset, along: tuple[str, str] = ("nn", "nnn")) -> Figure:
    """Flow of two of the couplings, one path for each starting coupling.

    Levels whose error exceeds `LARGEST_ERROR` are left out: deep in the ordered phase block spins hardly flip.

    Parameters
    ----------
    table : Dataset over (point, level, operator) with ``coupling``, as in a result file
    """
    figure = Figure(figsize=(0.72 * WIDTH, 4.2), layout="constrained")
    ax = figure.subplots()
    order = np.argsort(table["K"].values)
    for rank, i in enumerate(order):
        row = table.isel(point=int(i))
        x, y = (row["coupling"].sel(operator=name).values for name in along)
        ex, ey = (row["coupling_stderr"].sel(operator=name).values for name in along)
        known = np.maximum(ex, ey) <= LARGEST_ERROR  # False for NaN
        x, y, ex, ey = x[known], y[known], ex[known], ey[known]
        critical = np.isclose(float(row["K"]), ising2d.K_c, rtol=1e-6)
        label = rf"$K = {float(row['K']):.4g}$" + (r" $= K_c$" if critical else "")
        line = ax.plot(x, y, linewidth=2.2 if critical else 1.0, markersize=0, zorder=3 if critical else 2)[0]
        marker = ("o", "s", "^", "D", "v", "P", "X")[rank % 7]
        ax.errorbar(x, y, ey, ex, fmt=marker, color=line.get_color(), label=label, zorder=4)
        for k in range(len(x) - 1):
            middle = np.array([x[k] + x[k + 1], y[k] + y[k + 1]]) / 2
            ahead = middle + 1e-3 * np.array([x[k + 1] - x[k], y[k + 1] - y[k]])
            arrow = {"arrowstyle": "-|>", "color": line.get_color(), "mutation_scale": 11}
            ax.annotate("", tuple(ahead), tuple(middle), arrowprops=arrow, zorder=5)
    ax.axhline(0.0, color="0.6", linewidth=0.8, marker="none")
    ax.set_xlabel(f"nearest-neighbour coupling {OPERATOR_LABELS.get(along[0], along[0])}")
    ax.set_ylabel(f"next-nearest-neighbour coupling {OPERATOR_LABELS.get(along[1], along[1])}")
    ax.legend(title="start (level 0)")
    ax.set_title(f"levels with errors above {LARGEST_ERROR} left out", fontsize=8, color="0.4", loc="right")
    return figure


@styled
def decimation(tables: Sequence[tuple[str, xr.Dataset, Sequence[int]]]) -> Figure:
    """tanh K of decimated chains against their scale, beside tanh^b K.

    Parameters
    ----------
    tables : sequence of (name, Dataset over (point, level, operator), scale of each level)
    """
    figure, axes = subplots(len(tables), 3.0, sharey=True)
    for ax, (name, table, scales) in zip(axes[0], tables, strict=True):
        smooth = np.linspace(1, max(scales), 200)
        for i in np.argsort(table["K"].values):
            row = table.isel(point=int(i)).sel(operator="nn")
            value = np.tanh(row["coupling"].values)
            K = float(row["K"])
            line = ax.errorbar(
                scales, value, (1 - value**2) * row["coupling_stderr"].values, linestyle="none", label=f"$K = {K:g}$"
            )
            ax.plot(smooth, np.tanh(K) ** smooth, **{**EXACT, "color": line[0].get_color()})
        ax.set_xscale("log", base=2)
        ax.set_xticks(list(scales), [str(s) for s in scales])
        ax.set_xlabel("scale (lattice spacings)")
        ax.set_title(name.replace("_", " "))
    axes[0, 0].set_ylabel(r"$\tanh K_\mathrm{nn}$ (dashed: $\tanh^b K$)")
    axes[0, 0].legend()
    return figure
