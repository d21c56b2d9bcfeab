"""Fisher information kept by level, one line a coarse-graining."""

from collections.abc import Mapping

import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import integer_ticks, styled, subplots


@styled
def information(tables: Mapping[str, Mapping[str, xr.Dataset]]) -> Figure:
    """Fraction of the Fisher information about K and h that each level keeps.

    Parameters
    ----------
    tables : mapping of "K" or "h" to a mapping of network name to Dataset over level
        As `rgnet.information.retained` returns them.
    """
    figure, axes = subplots(len(tables), 3.4)
    for ax, (about, networks) in zip(axes[0], tables.items(), strict=True):
        count = len(networks)
        for i, (name, table) in enumerate(networks.items()):
            shift = 0.08 * (i - (count - 1) / 2)
            ax.errorbar(table["level"] + shift, table["fraction"], table["fraction_stderr"], label=name)
        integer_ticks(ax, table["level"].values)
        ax.set_ylim(0.0, 1.04)
        ax.set_xlabel("level (0 = microscopic)")
        ax.set_title(f"about {'the coupling $K$' if about == 'K' else 'the field $h$'}")
    axes[0, 0].set_ylabel("Fisher information kept\n(fraction; lower bound beyond level 0)")
    axes[0, -1].legend()
    return figure
