"""Exponents and the critical-manifold tangent, by level and number of operators."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.exact import critical, ising2d
from rgnet.plot.style import EXACT, integer_ticks, styled, subplots


@styled
def exponents(table: xr.Dataset, ndim: int | None = None) -> Figure:
    """y_t and y_h against the number of operators, one line a level, the known value beside.

    Parameters
    ----------
    table : Dataset over (level, operators), as `rgnet.flow.mcrg` returns it
    ndim : int, optional
        Dimension of the critical Ising model, for the known values; none are drawn without.
    """
    known = None if ndim is None else critical(ndim)
    figure, axes = subplots(2, 3.2)
    for k, (name, title) in enumerate((("y_t", "even sector"), ("y_h", "odd sector"))):
        ax = axes[0, k]
        levels = [n for n in table["level"].values if np.isfinite(table[name].sel(level=n)).any()]
        for i, level in enumerate(levels):
            row = table.sel(level=level)
            shift = 0.06 * (i - (len(levels) - 1) / 2)  # so that error bars do not hide each other
            ax.errorbar(
                table["operators"] + shift, row[name], row[f"{name}_stderr"], label=f"{int(level) - 1} → {int(level)}"
            )
        if known is not None:
            value = (known.y_t, known.y_h)[k]
            ax.axhline(value, label=f"{known.source} {value:g}", **EXACT)
        integer_ticks(ax, table["operators"].values)
        ax.set_xlabel(r"operators in the sector, $N_c$")
        ax.set_ylabel(f"${name}$")
        ax.set_title(title)
    labelled = [ax for ax in axes[0] if ax.get_legend_handles_labels()[0]]
    if labelled:  # a sector may have no operator left
        labelled[0].legend(title="between levels")
    return figure


@styled
def tangent(table: xr.Dataset, limits: bool = True) -> Figure:
    """Ratios of the critical-manifold row against the level, for the square lattice with their limits (Wu & Car 2019).

    Parameters
    ----------
    table : Dataset over (level, operator), as `rgnet.flow.tangent` returns it
    limits : bool
        Whether the samples are of the critical nearest-neighbour model, to which the limits belong.
    """
    others = [name for name in table["operator"].values if not np.allclose(table["ratio"].sel(operator=name), 1.0)]
    figure, axes = subplots(len(others), 2.8)
    for ax, name in zip(axes[0], others, strict=True):
        row = table.sel(operator=name)
        ax.errorbar(table["level"], row["ratio"], row["ratio_stderr"], linestyle="none")
        applies = limits and table.attrs["ndim"] == 2 and table.attrs["reference"] == "nn"
        limit = ising2d.TANGENT.get(str(name)) if applies else None
        if limit is not None:
            ax.axhline(limit, label=rf"limit {limit:g}", **EXACT)
            ax.legend()
        integer_ticks(ax, table["level"].values)
        ax.set_xlabel("level $n$")
        ax.set_title(rf"{name} : {table.attrs['reference']}")
    axes[0, 0].set_ylabel("ratio of derivatives")
    return figure
