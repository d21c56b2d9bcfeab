"""Configurations level by level."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rgnet.plot import palettes
from rgnet.plot.style import WIDTH, styled

_MOST_MARKS = 3000  # vortices of a picture
_MOST_COLUMNS = 4  # of pictures without further levels
_MOST_PICTURES = 12  # of them


@styled
def configurations(rows: Sequence[tuple[str, xr.Dataset]]) -> Figure:
    """One row of pictures for each coupling, one column for each level; where there is one level, several to a row.

    Spins: black is +1. States have a colour each, angles a hue, real fields go from blue to red; vortices of XY spins
    are marked, filled ones turn to the left.

    Parameters
    ----------
    rows : sequence of (label, Dataset with level_0, level_1, …)
        Two-dimensional configurations, or of three dimensions, of which the first plane is shown.
    """
    levels = max(len(_levels(snapshot)) for _, snapshot in rows)
    rows = rows if levels > 1 else _some(rows)
    several_sizes = len({snapshot["level_0"].shape for _, snapshot in rows}) > 1
    columns = levels if levels > 1 or len(rows) == 1 else min(_MOST_COLUMNS, len(rows))
    lines = len(rows) if levels > 1 else math.ceil(len(rows) / columns)
    width = WIDTH if levels > 1 or len(rows) > 1 else WIDTH / 2
    figure = Figure(figsize=(width, width / columns * lines + 0.35), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_visible(False)
    for i, (label, snapshot) in enumerate(rows):
        for k in range(levels):
            ax = axes[i, k] if levels > 1 else axes[i // columns, i % columns]
            if f"level_{k}" not in snapshot:
                continue
            ax.set_visible(True)
            _picture(ax, snapshot, k)
            sides = "×".join(str(s) for s in snapshot[f"level_{k}"].shape)
            if levels == 1:
                ax.set_title(f"{label}, {sides}" if several_sizes else label, fontsize=9)
            elif i == 0 or k == 0:
                ax.set_title(f"level {k}\n{sides}" if i == 0 else "", fontsize=9)
        if levels > 1:
            axes[i, 0].set_ylabel(label)
    return figure


def _picture(ax: Axes, snapshot: xr.Dataset, k: int) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_color("0.6")
    x = _plane(snapshot[f"level_{k}"].values)
    values = values_of(snapshot)
    aspect: Any = "equal" if x.shape[0] > 1 else "auto"
    if values in ("states", "angles", "real"):
        colours, index = coloured(x, values, states_of(snapshot))
        ax.imshow(colours[index], interpolation="nearest", aspect=aspect)
    else:
        limit = max(1.0, float(abs(x).max()))
        ax.imshow(x, vmin=-limit, vmax=limit, interpolation="nearest", aspect=aspect)
    if k == 0 and "vortices" in snapshot:
        for sign, face in ((1, "white"), (-1, "black")):
            rows, columns = np.nonzero(_plane(snapshot["vortices"].values) == sign)
            if len(rows) <= _MOST_MARKS:
                size = max(1.0, min(5.0, 160.0 / max(x.shape)))
                ax.plot(
                    columns + 0.5, rows + 0.5, marker="o", linestyle="none", markersize=size, markerfacecolor=face,
                    markeredgecolor="black" if sign > 0 else "white", markeredgewidth=0.15 * size, clip_on=True,
                )  # fmt: skip
        ax.set_xlim(-0.5, x.shape[1] - 0.5)
        ax.set_ylim(x.shape[0] - 0.5, -0.5)


def _some(rows: Sequence[tuple[str, xr.Dataset]]) -> list[tuple[str, xr.Dataset]]:
    """As many as one page shows, evenly over all."""
    picked = sorted({round(i) for i in np.linspace(0, len(rows) - 1, _MOST_PICTURES)})
    return [rows[i] for i in picked]


def _levels(snapshot: xr.Dataset) -> list[str]:
    return [str(name) for name in snapshot.data_vars if str(name).startswith("level_")]


def _plane(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    while x.ndim > 2:
        x = x[..., 0]
    return x if x.ndim == 2 else x[None, :]


def values_of(snapshot: xr.Dataset) -> str:
    """What the sites of a snapshot hold; "" for spins ±1."""
    values = str(snapshot.attrs.get("values", ""))
    return "states" if values == "directions" else values  # of dimers


def states_of(snapshot: xr.Dataset) -> int:
    """How many states a site has."""
    model: Mapping[str, Any] = json.loads(snapshot.attrs.get("model", "{}"))
    return 4 if model.get("name") == "Dimers" else int(model.get("q", 2))


def coloured(x: npt.NDArray[Any], values: str, states: int) -> tuple[palettes.Colours, npt.NDArray[np.uint8]]:
    """A palette, and of each site the number of its colour."""
    if values == "states":
        return palettes.states(states), np.asarray(x, dtype=np.uint8)
    if values == "angles":
        return palettes.hues(), np.floor((x + math.pi) * (128.0 / math.pi)).astype(np.int64).astype(np.uint8)
    limit = float(np.abs(x).max()) or 1.0
    return palettes.diverging(), np.clip(np.rint((x / limit + 1.0) * 127.5), 0, 255).astype(np.uint8)


def coupling_label(K: float, K_c: float | None) -> str:
    """How a row is called: K and, where known, how it stands to K_c."""
    if K_c is None:
        return f"$K = {K:.4g}$"
    if math.isclose(K, K_c, rel_tol=1e-9):
        return "$K = K_c$"
    return rf"$K = {K / K_c:.3g}\,K_c$"
