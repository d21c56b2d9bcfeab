"""Configurations level by level, as data for the page's script.

Spins ±1 travel as bits (eight to a byte, most significant first), real values as bytes from 0 for −limit to 255 for
+limit. A configuration of more than two dimensions shows its first plane, one larger than `WINDOW` its corner. The same
microscopic sites are shown at every level, so that blocks can be seen to grow.
"""

import base64
import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.report.gather import Result
from rgnet.report.markup import Html, section, tag
from rgnet.report.words import coupling_text, several, sides

WINDOW = 512  # microscopic sites shown along a side
CHAIN = 256  # and along a chain
MOST_BYTES = 1 << 20  # of pictures in all, before base64

_HOW = Html(
    "No configurations were kept. A study keeps them for the points of an ensemble with "
    '<code>networks = ["NAME"]</code> and <code>analyses = ["snapshots"]</code>.'
)


def pictures(result: Result) -> Html | None:
    """The section with its sliders; or how to get it; nothing where the study has no ensembles."""
    if not result.study["ensembles"]:
        return None
    shots = {
        name: group
        for name, group in result.groups.items()
        if name.startswith("snapshots/") and name.split("/")[-1] in result.networks
    }
    if not shots:
        return section("configurations", "Configurations, level by level", tag("p", _HOW))
    rows, left = _chosen(shots)
    networks = [name for name in result.networks if any(network == name for _, network, _ in rows)]
    data = {
        "networks": [
            {"name": name, "points": [_point(result, *row) for row in rows if row[1] == name]} for name in networks
        ]
    }
    note = (
        f"{several(left, 'further configuration')} left out here; all are in the groups snapshots/ of "
        f"{result.path.name}."
        if left
        else None
    )
    return section(
        "configurations", "Configurations, level by level",
        tag("p", "One configuration, and what a network of coarse-graining layers makes of it. Both pictures show the "
            "same piece of the lattice at the same size. Move the sliders by mouse, touch or arrow keys."),
        _controls(data["networks"]),
        tag("p", note, class_="below") if note else None,
        # No "<" inside, so that nothing in it can end the element
        tag("script", Html(json.dumps(data, ensure_ascii=True).replace("<", "\\u003c")), type="application/json",
            id="shots"),
        tag("noscript", tag("p", "The sliders need JavaScript; the figure below shows the same configurations.")),
    )  # fmt: skip


def _controls(networks: list[dict[str, Any]]) -> Html:
    """The two canvases with their captions, and what moves them. Sliders that have nothing to choose are left out."""
    points = max(len(network["points"]) for network in networks)
    levels = max(len(point["levels"]) for network in networks for point in network["points"])
    choice = tag(
        "label", "Network ", tag("select", *(tag("option", n["name"], value=str(i)) for i, n in enumerate(networks)),
                                 id="network"),
    )  # fmt: skip
    sliders = [
        tag("div", tag("label", label, for_=name), tag("input", type="range", id=name, min="0", max=str(most),
            value=str(min(start, most)), step="1", aria_describedby="shown"), class_="slider")
        for name, label, most, start in (
            ("level", "Level", levels - 1, 1), ("coupling", "Coupling", points - 1, points // 2),
        )
        if most > 0
    ]  # fmt: skip
    panes = [
        tag("figure", tag("canvas", id=f"{name}-canvas", role="img", aria_labelledby=f"{name}-caption"),
            tag("figcaption", id=f"{name}-caption"), class_="pane")
        for name in ("original", "blocked")
    ]  # fmt: skip
    return tag(
        "div",
        tag("p", tag("output", id="shown", aria_live="polite"), class_="shown"),
        tag("div", *sliders, choice if len(networks) > 1 else None, class_="controls"),
        tag("div", *panes, class_="panes"),
        tag("p", tag("span", class_="swatch up"), " +1 ", tag("span", class_="swatch down"),
            " −1", tag("span", id="greys"), class_="legend"),
        id="viewer",
    )  # fmt: skip


def _chosen(shots: dict[str, xr.Dataset]) -> tuple[list[tuple[str, str, xr.Dataset]], int]:
    """Point, network and snapshot by coupling, as many as fit, evenly over the couplings; and how many do not."""
    rows = [(name.split("/")[1], name.split("/")[2], shot) for name, shot in shots.items()]
    rows.sort(key=lambda row: _place(row[2]))
    size = sum(_bytes(shot) for _, _, shot in rows)
    if size <= MOST_BYTES:
        return rows, 0
    count = max(1, int(len(rows) * MOST_BYTES / size))
    picked = sorted({round(i) for i in np.linspace(0, len(rows) - 1, count)})
    return [rows[i] for i in picked], len(rows) - len(picked)


def _place(shot: xr.Dataset) -> tuple[Any, ...]:
    """Where a snapshot stands on the slider: lattices of one kind together, then by coupling and field."""
    fine = shot["level_0"]
    return fine.ndim, fine.size, float(shot.attrs["K"]), float(shot.attrs.get("h", 0.0))


def _bytes(shot: xr.Dataset) -> int:
    """How much a snapshot takes, levels of real values a byte a site; 600 for the words beside."""
    return 600 + sum(_part(shot, name).size // (8 if shot[name].dtype.kind == "i" else 1) for name in _levels(shot))


def _levels(shot: xr.Dataset) -> list[str]:
    return sorted((str(name) for name in shot.data_vars), key=lambda name: int(name.removeprefix("level_")))


def _point(result: Result, point: str, network: str, shot: xr.Dataset) -> dict[str, Any]:
    shape = shot["level_0"].shape
    K, known = float(shot.attrs["K"]), result.critical(len(shape))
    return {
        "name": point,
        "label": coupling_text(K, known, float(shot.attrs.get("h", 0.0))),
        "said": f"K = {K:.4g}" + ("" if known is None else f", {K / known.K_c:.4g} of critical"),
        "note": _shown(shape, shot),
        "levels": [_level(shot, name, shape) for name in _levels(shot)],
    }


def _shown(shape: tuple[int, ...], shot: xr.Dataset) -> str:
    """Which part of the lattice the pictures show, if not all of it."""
    rows, columns = _part(shot, "level_0").shape
    notes = []
    if len(shape) > 2:
        axes = "z = 0" if len(shape) == 3 else "through the origin of the further axes"
        notes.append(f"the plane {axes} of {sides(shape)}")
    if columns * rows < math.prod(shape[:2]):
        notes.append(f"the first {columns}{f'×{rows}' if len(shape) > 1 else ''} sites of {sides(shape[:2])}")
    return "; ".join(notes)


def _part(shot: xr.Dataset, name: str) -> npt.NDArray[Any]:
    """The rows and columns of one level that are shown: the same microscopic sites at every level."""
    x = shot[name].values
    fine = shot["level_0"].shape
    coarsest = shot[_levels(shot)[-1]].shape
    while x.ndim > 2:
        x = x[..., 0]
    if x.ndim == 1:
        x = x[None, :]
        fine, coarsest = (1, *fine), (1, *coarsest)
    cut = []
    for axis in (0, 1):
        whole, scale = fine[axis], fine[axis] // coarsest[axis]
        most = CHAIN if fine[0] == 1 else WINDOW
        side = whole if whole <= most else max(most // scale, 1) * scale
        cut.append(slice(0, side * x.shape[axis] // whole))
    return x[tuple(cut)]


def _level(shot: xr.Dataset, name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    x, whole = _part(shot, name), shot[name].values
    level = {
        "rows": x.shape[0],
        "columns": x.shape[1],
        "shape": sides(whole.shape),
        "scale": shape[0] // whole.shape[0],
        "m": f"{whole.mean():+.4f}".replace("-", "−"),
    }
    if whole.dtype.kind == "i":
        return {**level, "bits": _encode(np.packbits(x.ravel() > 0))}
    limit = float(np.abs(whole).max()) or 1.0
    grey = np.clip(np.rint((x / limit + 1.0) * 127.5), 0, 255).astype(np.uint8)
    return {**level, "bytes": _encode(grey), "limit": f"{limit:.3g}"}


def _encode(data: npt.NDArray[np.uint8]) -> str:
    return base64.b64encode(data.tobytes()).decode("ascii")
