"""Figure of the experiment "maximum-entropy"."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.experiments.what_physics_saves import missed
from rgnet.plot.style import EXACT, styled, subplots

CAPTION = (
    "Gaussian and φ⁴ fields, and averages of their blocks: what each set of operators misses of the best held-out "
    "log-pseudo-likelihood, against its number of parameters, for sets without and with powers above φ²; paired errors "
    "(one standard error), open triangles are upper bounds (two errors), a star the best set, below its curve. Last: "
    "couplings of the models' own terms fitted, over their exact values."
)
ALT = (
    "Panels of held-out likelihood missed against number of parameters, for Gaussian and φ⁴ fields and their block "
    "averages; a last panel compares fitted couplings with exact ones."
)
_TITLES = {"Gaussian": "Gaussian", "phi4": "φ⁴"}


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """What sets of operators miss, a panel for each field and level, and couplings beside exact ones."""
    groups = results[0][1]
    fits = groups["fits"]
    panels = fits.sizes["source"] + 1
    rows = -(-panels // 3)
    drawn, axes = subplots(3, 2.7 * rows, rows)
    for ax, source in zip(axes.flat, fits["source"].values, strict=False):
        row = fits.sel(source=source)
        for is_quadratic, label in ((1, "quadratic"), (0, "with φ⁴")):
            missed(ax, row.isel(set=(row["quadratic"].values == is_quadratic)), label)
        name, _, level = str(source).partition(", level ")
        ax.set_title(_TITLES.get(name, name) + (f": averages of {2 ** int(level)}²" if level != "0" else " field"))
        ax.set_xlabel("parameters")
        if ax in axes[:, 0]:
            ax.set_ylabel("held-out nats\nper site missed")
    axes[0, 0].legend()
    last = axes.flat[panels - 1]
    known = groups["known"]
    y = np.arange(known.sizes["coupling"])[::-1]
    last.errorbar(
        known["value"] / known["exact"], y, xerr=np.abs(known["value_stderr"] / known["exact"]), linestyle="none"
    )
    last.axvline(1.0, **EXACT)
    last.set_yticks(
        y,
        [
            str(name).replace("phi4", "φ⁴").replace("phi2", "φ²").replace(": ", "\n")
            for name in known["coupling"].values
        ],
    )
    last.set_xlabel("fitted / exact coupling")
    last.set_title("the models' own terms")
    for ax in axes.flat[panels:]:
        ax.set_axis_off()
    return drawn
