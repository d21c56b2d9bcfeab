"""A supervised network beside block spins: information about the label, and how each is decodable from the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, integer_ticks, styled, subplots

NAMES = {"majority": "block spins", "trained": "trained network", "random": "random weights"}


@styled
def figure(results: Sequence[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Information about the label kept by level (left); R² of linear probes both ways (middle, right).

    Parameters
    ----------
    results : sequence of (parameters, groups)
        As `rgnet.experiments.cnn_layers.run` returns groups; one row of panels each.
    """
    drawn, axes = subplots(3, 2.7 * len(results) + 0.3, rows=len(results))
    for row, (given, groups) in zip(axes, results, strict=True):
        table, exact = groups["levels"], float(groups["optimum"]["information"])
        level = table["level"].values.astype(float)
        for i, name in enumerate(table["network"].values):
            cell, shift = table.sel(network=name), 0.06 * (i - 1)
            style = {"fmt": "o-" if name != "random" else "^:", "color": f"C{i}", "label": NAMES[str(name)]}
            row[0].errorbar(level + shift, cell["information"], 1.96 * cell["information_stderr"], **style)
            for panel, key in ((row[1], "spin_from_units"), (row[2], "units_from_spin")):
                if np.isfinite(cell[key].values).any():
                    panel.errorbar(level + shift, cell[key], 1.96 * cell[f"{key}_stderr"], **style)
        row[0].axhline(exact, **EXACT, label="exact $I(y; x)$")
        row[0].set_ylim(bottom=min(0.0, row[0].get_ylim()[0]))
        K = given.get("K", (0.42, 0.46))
        row[0].set_title(f"$K = {K[0]:g}$ or ${K[1]:g}$")
        row[0].set_ylabel("information about the label,\nlower bound (nats)")
        row[1].set_ylabel("$R^2$: block spins from units")
        row[2].set_ylabel("$R^2$: units from block spins")
        for panel in row:
            integer_ticks(panel, level)
            panel.set_xlabel("level (0 = spins)")
        for panel in row[1:]:
            panel.set_ylim(-0.05, 1.05)
    handles, names = axes[0][0].get_legend_handles_labels()
    drawn.legend(handles, names, loc="outside lower center", ncols=4, fontsize=8)
    return drawn
