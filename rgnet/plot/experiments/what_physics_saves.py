"""Figure of the experiment "what-physics-saves"."""

from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import styled, subplots

CAPTION = (
    "Top left: free parameters of a Hamiltonian of n spins on a square torus, by what is known of it; crosses by "
    "listing, lines by formula. Top right and bottom left: what each set of operators misses of the best held-out "
    "log-pseudo-likelihood, against its number of parameters, with paired errors (one standard error); open triangles "
    "are upper bounds (two errors) of sets as good as the best, which is a star below all others. Bottom right: what "
    "sets gain over independent spins on the bit planes of photographs."
)
ALT = (
    "Four panels: counts of parameters falling from exponential to constant, and held-out likelihood against number of "
    "parameters for Ising samples, block spins and bit planes."
)
_COUNTS = (
    ("general", "all: $2^n - 1$"),
    ("degree_4", "degree ≤ 4"),
    ("degree_2", "degree ≤ 2"),
    ("local", "in 2 × 2 cells"),
    ("translations", "and translations"),
    ("space_group", "and the point group"),
)


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Counts, and held-out gains of Ising samples, block spins and bit planes, of the first point."""
    groups = results[0][1]
    drawn, axes = subplots(2, 6.4, 2)
    _counts(axes[0, 0], groups["saved"])
    ising = groups["ising"]
    first = float(ising["K_over_K_c"].values[0])
    for ax, ratio in zip((axes[0, 1], axes[1, 0]), dict.fromkeys(ising["K_over_K_c"].values.tolist()), strict=False):
        rows = ising.isel(source=(ising["K_over_K_c"] == ratio).values)
        for index in range(rows.sizes["source"]):
            row = rows.isel(source=index)
            name = "samples" if int(row["level"]) == 0 else f"block spins, level {int(row['level'])}"
            missed(ax, row, name)
        ax.set_title(f"Ising, $K = {ratio:g}\\,K_c$" if ratio != first or first != 1 else "Ising, critical")
        ax.legend()
    if "photographs" in groups:
        _pictures(axes[1, 1], groups["photographs"])
    for ax in axes.flat[1:]:
        ax.set_xlabel("parameters")
        ax.set_ylabel("held-out nats per site missed")
    axes[1, 1].set_ylabel("held-out nats per site gained\nover independent spins")
    return drawn


@styled
def fits_figure(tables: dict[str, xr.Dataset]) -> Figure:
    """What each set misses of the best one, held out: a curve for each table of `rgnet.flow.hamiltonians`."""
    drawn, axes = subplots(1, 3.8)
    for name, table in tables.items():
        best = int(np.argmax(table["held_out"].values))
        missing = {
            new: ("set", table[old].values[best])
            for new, old in (("missed", "difference"), ("missed_stderr", "difference_stderr"))
        }
        missed(axes[0, 0], table.assign(missing), name)
    axes[0, 0].set_xlabel("parameters")
    axes[0, 0].set_ylabel("held-out nats per site missed")
    axes[0, 0].legend()
    return drawn


def missed(ax: Any, row: xr.Dataset, label: str) -> None:
    """Draw what the sets of one source miss of the best one, log-log.

    Of sets that are as good within two errors a bound is drawn, and the best one hangs below all others.
    """
    gap, error, count = (row[name].values.astype(float) for name in ("missed", "missed_stderr", "parameters"))
    known = np.isfinite(gap) & (count > 0)
    resolved = known & (gap > 2 * error) & (gap > 0)
    bounded = known & ~resolved & (gap + 2 * error > 0)
    shown = np.where(resolved, gap, gap + 2 * error)
    best = known & (gap == 0) & (error == 0)
    shown[best] = 0.5 * min(shown[resolved | bounded], default=1.0)
    order = np.flatnonzero(resolved | bounded | best)
    (line,) = ax.plot(count[order], shown[order], marker="none", label=label)
    color = line.get_color()
    ax.errorbar(count[resolved], gap[resolved], error[resolved], fmt="o", color=color)
    ax.plot(count[bounded], shown[bounded], linestyle="none", marker="v", markersize=6, color=color, mfc="white")
    ax.plot(count[best], shown[best], linestyle="none", marker="*", markersize=9, color=color)
    ax.set_xscale("log")
    ax.set_yscale("log")


def _counts(ax: Any, saved: xr.Dataset) -> None:
    n = saved["n"].values
    for name, label in _COUNTS:
        (line,) = ax.plot(n, saved[name].values, marker="none", label=label)
        if f"{name}_listed" in saved:
            ax.plot(n, saved[f"{name}_listed"].values, marker="x", linestyle="none", color=line.get_color())
    ax.set_yscale("log")
    ax.set_xlabel("spins $n$")
    ax.set_ylabel("free parameters")
    ax.set_title("what is known cuts parameters")
    ax.legend(fontsize=7.5)


def _pictures(ax: Any, table: xr.Dataset) -> None:
    planes = table["plane"].values
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.9, 8))
    seen: set[int] = set()
    for index in range(table.sizes["source"]):
        row, plane = table.isel(source=index), int(planes[index])
        name = str(row["source"].item()).split(",")[0]
        label = f"plane {plane}" if plane not in seen else None
        seen.add(plane)
        gain, error = row["gain"].values, row["gain_stderr"].values
        x = row["parameters"].values
        ax.errorbar(
            x[1:], gain[1:], error[1:], color=colors[plane], marker="o" if name == "china" else "s", label=label
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    counts = sorted(set(table["parameters"].values[0, 1:].tolist()))
    ax.set_xticks(counts, [str(count) for count in counts])
    ax.set_xticks([], minor=True)
    ax.set_title("bit planes: ● china, ■ flower")
    ax.legend(fontsize=7, ncols=2, loc="lower right")
