"""Figure of the experiment "product-gate"."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import styled, subplots

CAPTION = (
    "Largest error of the product gate on [−1, 1]² against the scale λ of its inputs. Points: measured; lines: the "
    "bound predicted from Taylor coefficients and eps; stars: the predicted best λ and floor. Left: the paper's gate, "
    "expanded at 0 (at ½ where σ₂(0) = 0). Middle: expanded where the floor is lowest. Right: sums of gates at several "
    "scales."
)
ALT = (
    "Error against scale on logarithmic axes: each curve falls with a power of the scale and rises again as its "
    "inverse square where rounding takes over; only in arbitrary precision does it fall on."
)
_LINES = {"float32": ":", "float64": "-", "mp": "--"}
_FLOOR = 1e-40


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Error against λ: the paper's gate, the best point, and higher orders."""
    table = xr.concat([groups["curves"] for _, groups in results], "curve")
    digits = int(table.attrs["digits"])
    points = table["point"].values
    figure, axes = subplots(3, 4.4, sharey=True)
    panels = (
        ("as in the paper", points == "plain"),
        ("at the best point", points == "best"),
        ("sums of gates", np.array([str(point).startswith("order") for point in points])),
    )
    names = list(dict.fromkeys(map(str, table["activation"].values)))
    for ax, (title, chosen) in zip(axes[0], panels, strict=True):
        labels = names if not title.startswith("sums") else list(dict.fromkeys(map(str, points[chosen])))
        for curve in np.flatnonzero(chosen):
            row = table.isel(curve=curve)
            label = str(row["point"].item()) if title.startswith("sums") else str(row["activation"].item())
            color = f"C{labels.index(label)}"
            kind = str(row["arithmetic"].item())
            error = np.maximum(row["error"].values, _FLOOR)
            ax.plot(row["scale"], row["promised"], _LINES[kind], color=color, marker="none", linewidth=0.9)
            ax.plot(
                row["scale"], error, linestyle="none", color=color, markersize=2.6,
                marker=("o", "s", "^", "D", "v", "P", "X")[labels.index(label) % 7],
                label=label if kind == "float64" else None,
            )  # fmt: skip
            if kind != "mp":
                ax.plot(row["best_scale"], row["floor"], "*", color=color, markersize=9, markeredgecolor="k")
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("scale λ")
        ax.set_title(title)
        ax.set_ylim(1e-36, 30)
        if ax.get_legend_handles_labels()[1]:
            ax.legend(loc="lower right", markerscale=1.6, handletextpad=0.2)
    axes[0, 0].set_ylabel("largest |gate − uv| on [−1, 1]²")
    for kind, line in _LINES.items():
        axes[0, 0].plot([], [], line, color="0.3", marker="none", label=kind if kind != "mp" else f"{digits} digits")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    count = len(_LINES)
    axes[0, 0].legend(handles[:-count], labels[:-count], loc="lower right", markerscale=1.6, handletextpad=0.2)
    star = axes[0, 0].plot([], [], "*", color="w", markeredgecolor="k", markersize=9)[0]
    figure.legend(
        [*handles[-count:], star], [*(f"bound, {label}" for label in labels[-count:]), "predicted best λ and floor"],
        loc="outside lower center", ncols=4,
    )  # fmt: skip
    return figure
