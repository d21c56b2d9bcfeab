"""What a scan of couplings measured, a panel each: energy, order parameter, fluctuations, correlation length."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rgnet.plot.style import EXACT, styled, subplots

_PANELS = {
    "energy": r"energy $e$ per site",
    "specific_heat": r"specific heat $c$ per site",
    "phi2": r"$\langle\phi^2\rangle$",
    "occupation": r"occupation $\langle s^2\rangle$",
    "vortex_density": r"vortices a site",
    "helicity_modulus": r"helicity modulus $\Upsilon/J$",
    "magnetization": r"order parameter $|m|$",
    "susceptibility": r"susceptibility $\chi$ per site",
    "binder": r"Binder cumulant $U_4$",
    "correlation_length": r"correlation length $\xi/L$",
    "overlap2": r"overlap $\langle q^2\rangle$",
    "overlap_binder": r"$U_4$ of the overlap",
}
_INSTEAD = {  # where these are measured, those are left out: they say less
    "helicity_modulus": ("magnetization", "binder"),
    "overlap2": ("magnetization", "susceptibility", "binder", "correlation_length"),
    "occupation": ("specific_heat",),
}
_MOST = 6
_THROUGH: dict[str, Any] = {**EXACT, "zorder": 5}
_DOTTED: dict[str, Any] = {**EXACT, "linestyle": ":"}


@styled
def thermodynamics(table: xr.Dataset, K_c: float | None = None, tuned: str = "K") -> Figure:
    """Up to six quantities against the coupling, one line a lattice size, exact values dashed.

    Parameters
    ----------
    table : Dataset over point, with coordinates ``K`` and ``side``, as in a result file
    K_c : float, optional
        Known critical coupling, drawn as a line.
    tuned : str
        The coordinate that is the coupling.
    """
    names = _shown(table)
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    figure, axes = subplots(columns, 2.9 if rows == 1 else 2.55 * rows, rows)
    sides = np.unique(table["side"].values)
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    for ax, name in zip(axes.flat, names, strict=False):
        for side in sides:
            places = np.flatnonzero(table["side"].values == side)
            part = table.isel(point=places[np.argsort(table[tuned].values[places])])
            factor = 1.0 / side if name == "correlation_length" else 1.0
            x = part[tuned].values
            ax.errorbar(x, factor * part[name], factor * part[f"{name}_stderr"], label=f"$L = {side}$")
            if f"{name}_exact" in part and side == sides[-1] and np.isfinite(part[f"{name}_exact"]).all():
                ax.plot(x, part[f"{name}_exact"], **_THROUGH)
        if name == "helicity_modulus":
            _jump(ax, table[tuned].values)
        if K_c is not None and table[tuned].min() < K_c < table[tuned].max():
            ax.axvline(K_c, label="$K_c$", **EXACT)
        if name == "susceptibility" and float(table[name].max()) > 20 * float(table[name].min()) > 0:
            ax.set_yscale("log")
        ax.set_xlabel(f"coupling ${tuned}$")
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.set_title(_PANELS[name])
    axes.flat[0].legend()
    return figure


def _shown(table: xr.Dataset) -> list[str]:
    """The quantities that are there, those left out that say less."""
    there = [name for name in _PANELS if name in table and np.isfinite(table[name]).any()]
    instead = {item for name in there for item in _INSTEAD.get(name, ())}
    return [name for name in there if name not in instead][:_MOST]


def _jump(ax: Axes, couplings: npt.NDArray[np.float64]) -> None:
    """The line 2/(πK) at which the modulus of the infinite lattice jumps to 0 (Nelson & Kosterlitz 1977)."""
    K = np.linspace(couplings[couplings > 0].min(), couplings.max(), 100)
    ax.plot(K, 2.0 / (math.pi * K), label=r"$2/(\pi K)$", **_DOTTED)
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.legend()
