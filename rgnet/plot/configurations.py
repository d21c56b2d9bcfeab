"""Configurations level by level."""

import math
from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import WIDTH, styled


@styled
def configurations(rows: Sequence[tuple[str, xr.Dataset]]) -> Figure:
    """One row of pictures for each coupling, one column for each level; black is +1.

    Parameters
    ----------
    rows : sequence of (label, Dataset with level_0, level_1, …)
        Two-dimensional configurations, or of three dimensions, of which the first plane is shown.
    """
    columns = max(len(snapshot.data_vars) for _, snapshot in rows)
    figure = Figure(figsize=(WIDTH, WIDTH / columns * len(rows) + 0.35), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for i, (label, snapshot) in enumerate(rows):
        for k in range(columns):
            ax = axes[i, k]
            ax.set_xticks([])
            ax.set_yticks([])
            ax.grid(visible=False)
            for spine in ax.spines.values():
                spine.set_visible(True)
                spine.set_color("0.6")
            if f"level_{k}" not in snapshot:
                ax.set_visible(False)
                continue
            x = snapshot[f"level_{k}"].values
            while x.ndim > 2:
                x = x[..., 0]
            x = x if x.ndim == 2 else x[None, :]
            limit = max(1.0, float(abs(x).max()))
            ax.imshow(x, vmin=-limit, vmax=limit, interpolation="nearest", aspect="equal" if x.shape[0] > 1 else "auto")
            if i == 0 or k == 0:
                sides = "×".join(str(s) for s in snapshot[f"level_{k}"].shape)
                ax.set_title(f"level {k}\n{sides}" if i == 0 else "", fontsize=9)
        axes[i, 0].set_ylabel(label)
    return figure


def coupling_label(K: float, K_c: float | None) -> str:
    """How a row is called: K and, where known, how it stands to K_c."""
    if K_c is None:
        return f"$K = {K:.4g}$"
    if math.isclose(K, K_c, rel_tol=1e-9):
        return "$K = K_c$"
    return rf"$K = {K / K_c:.3g}\,K_c$"
