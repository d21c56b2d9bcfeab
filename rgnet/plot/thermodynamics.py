"""Susceptibility, Binder cumulant and correlation length against the coupling."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rgnet.plot.style import EXACT, styled, subplots

_PANELS = (
    ("susceptibility", r"susceptibility $\chi$ per site"),
    ("binder", r"Binder cumulant $U_4$"),
    ("correlation_length", r"correlation length $\xi/L$"),
)


@styled
def thermodynamics(table: xr.Dataset, K_c: float | None = None) -> Figure:
    """χ, U₄ and ξ/L against K, one line a lattice size.

    Parameters
    ----------
    table : Dataset over point, with coordinates ``K`` and ``side``, as in a result file
    K_c : float, optional
        Known critical coupling, drawn as a line.
    """
    figure, axes = subplots(3, 2.9)
    sides = np.unique(table["side"].values)
    for ax, (name, label) in zip(axes[0], _PANELS, strict=True):
        for side in sides:
            rows = np.flatnonzero(table["side"].values == side)
            rows = rows[np.argsort(table["K"].values[rows])]
            part = table.isel(point=rows)
            factor = 1.0 / side if name == "correlation_length" else 1.0
            ax.errorbar(part["K"], factor * part[name], factor * part[f"{name}_stderr"], label=f"$L = {side}$")
        if K_c is not None and table["K"].min() < K_c < table["K"].max():
            ax.axvline(K_c, label="$K_c$", **EXACT)
        ax.set_xlabel("coupling $K$")
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.set_title(label)
    axes[0, 0].set_yscale("log")
    axes[0, 0].legend()
    return figure
