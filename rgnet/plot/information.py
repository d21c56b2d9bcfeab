"""Fisher information kept by level, one line a coarse-graining."""

from collections.abc import Mapping

import xarray as xr
from matplotlib.figure import Figure

from rgnet.estimate import parenthesis
from rgnet.plot.style import integer_ticks, styled, subplots


@styled
def information(tables: Mapping[str, Mapping[str, xr.Dataset]]) -> Figure:
    """Fraction of the Fisher information about K and h that each level keeps.

    Parameters
    ----------
    tables : mapping of "K" or "h" to a mapping of network name to Dataset over level
        As `rgnet.information.retained` returns them.
    """
    figure, axes = subplots(len(tables), 4.0)
    for ax, (about, networks) in zip(axes[0], tables.items(), strict=True):
        count = len(networks)
        for i, (name, table) in enumerate(networks.items()):
            shift = 0.08 * (i - (count - 1) / 2)
            ax.errorbar(table["level"] + shift, table["fraction"], table["fraction_stderr"], label=name)
        integer_ticks(ax, table["level"].values)
        lowest = min(float(table["fraction"].min()) for table in networks.values())
        ax.set_ylim(0.0 if lowest < 0.6 else 1.0 - 1.25 * max(1.0 - lowest, 0.01), None)
        ax.set_xlabel("level (0 = microscopic)")
        ax.set_title(f"about {'the coupling $K$' if about == 'K' else 'the field $h$'}")
    axes[0, 0].set_ylabel("Fisher information kept\n(fraction; lower bound beyond level 0)")
    axes[0, 0].legend(loc="lower left")
    figure.supxlabel(_caption(tables), fontsize=7.5, ha="left", x=0.02)
    return figure


def _caption(tables: Mapping[str, Mapping[str, xr.Dataset]]) -> str:
    """The numbers at the first and the last level, most information first."""
    lines = []
    for about, networks in tables.items():
        for place, which in ((1, "first level"), (-1, "last level")):
            ranked = sorted(networks.items(), key=lambda item: -float(item[1]["fraction"][place]))
            entries = [
                f"{name} {parenthesis(float(table['fraction'][place]), float(table['fraction_stderr'][place]))}"
                for name, table in ranked
            ]
            lines.append(f"About {about}, {which}: {', '.join(entries)}")
    return "\n".join(lines)
