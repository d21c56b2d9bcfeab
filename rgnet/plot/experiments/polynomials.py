"""Figure of the experiment "polynomials"."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, styled, subplots

CAPTION = (
    "Random polynomials compiled to neurons. Left: the error promised over the one achieved, all arithmetics and "
    "tolerances together; one, the dashed line, is a promise just kept. Middle: neurons against multiplications (each "
    "activation set off a little); the line is four a multiplication, squares take fewer, and what is above it copies. "
    "Right: the floor, the smallest error that can be promised; tolerances below it are refused."
)
ALT = (
    "No ratio of promised to achieved error is below one, most are below five; neurons lie about the line of four for "
    "each multiplication; floors of float64 and float32 are many decades apart, and those of the paper's point higher."
)
_LINES = {"float64": "-", "float32": ":"}


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Promised and achieved error, neurons, floors."""
    figure, axes = subplots(3, 3.9)
    left, middle, right = axes[0]
    for rank, (_, groups) in enumerate(results):
        table = groups["polynomials"]
        name = f"{table.attrs['activation']}" + (", at 0" if table.attrs["point"] == "0" else "")
        color, marker = f"C{rank % 7}", ("o", "s", "^", "D", "v", "P", "X")[rank % 7]
        ratio = (table["promised"] / table["achieved"].where(table["achieved"] > 0)).values.ravel()
        ratio = np.sort(ratio[np.isfinite(ratio)])
        share = 100 * np.arange(1, len(ratio) + 1) / max(1, len(ratio))
        left.plot(ratio, share, color=color, marker="none", drawstyle="steps-post")
        left.plot([], [], marker=marker, color=color, label=name)
        first = table.isel(case=0)
        middle.plot(
            first["multiplications"] + 0.2 * rank, first["neurons"], linestyle="none", marker=marker, markersize=2.8,
            color=color,
        )  # fmt: skip
        for dtype in dict.fromkeys(map(str, table["dtype"].values)):
            case = int(np.flatnonzero(table["dtype"].values == dtype)[0])
            floors = np.sort(table["floor"].isel(case=case).values)
            share = 100 * np.arange(1, len(floors) + 1) / len(floors)
            right.plot(floors, share, _LINES[dtype], color=color, marker="none", drawstyle="steps-post")
    left.set_xscale("log")
    left.axvline(1.0, **EXACT)
    left.set_xlim(0.85, 40)
    left.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    left.set_xticks([], minor=True)
    left.set_xlabel("error promised / achieved")
    left.set_ylabel("networks below (%)")
    left.set_title("how tight the promise is")
    most = max(float(np.nanmax(groups["polynomials"]["multiplications"])) for _, groups in results)
    middle.plot([0, most], [0, 4 * most], **EXACT)
    middle.annotate("4 a multiplication", (0.62 * most, 2.4 * most), fontsize=8, ha="left", va="top", color="0.25")
    middle.set_xlabel("multiplications")
    middle.set_ylabel("neurons, copies included")
    middle.set_title("size")
    right.set_xscale("log")
    right.set_xlabel("floor of the error")
    right.set_ylabel("polynomials below (%)")
    right.set_title("floors")
    for dtype, line in _LINES.items():
        right.plot([], [], line, color="0.3", marker="none", label=dtype)
    right.set_xlim(1e-12, 1.0)
    right.set_ylim(0, 125)
    right.set_yticks([0, 25, 50, 75, 100])
    right.legend(loc="upper left", handlelength=1.4)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, markerscale=1.8)
    return figure
