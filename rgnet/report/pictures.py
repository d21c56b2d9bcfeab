"""Configurations level by level, as data for the page's script.

Spins ±1 travel as bits (eight to a byte, most significant first), real values as bytes from 0 for −limit to 255 for
+limit, states and angles as the numbers of their colours in a palette; vortices as row, column and sign. A
configuration of more than two dimensions shows its first plane, one larger than `WINDOW` its corner. The same
microscopic sites are shown at every level, so that blocks can be seen to grow.
"""

import base64
import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.plot import palettes
from rgnet.plot.configurations import coloured, states_of, values_of
from rgnet.report.gather import Result
from rgnet.report.markup import Html, section, tag
from rgnet.report.words import coupling_text, further_text, several, sides
from rgnet.study.sections import PARAMETERS
from rgnet.study.snapshots import levels_of

WINDOW = 512  # microscopic sites shown along a side
CHAIN = 256  # and along a chain
MOST_MARKS = 3000  # vortices of one picture
MOST_BYTES = 1 << 20  # of pictures in all, before base64

_WITH_PALETTE = ("states", "angles", "real")
_LEVELS = (
    "One configuration, and what a network of coarse-graining layers makes of it. Both pictures show the same piece of "
    "the lattice at the same size."
)
_ALONE = "The last configuration of each point."

_HOW = Html(
    "No configurations were kept. A study keeps them for the points of an ensemble with "
    '<code>analyses = ["snapshots"]</code>, and with <code>networks = ["NAME"]</code> their coarser levels.'
)


def pictures(result: Result) -> Html | None:
    """The section with its sliders; or how to get it; nothing where the study has no ensembles."""
    if not result.study["ensembles"]:
        return None
    shots = {
        name: group
        for name, group in result.groups.items()
        if name.startswith("snapshots/") and (name.count("/") == 1 or name.split("/")[-1] in result.networks)
    }
    if not shots:
        return section("configurations", "Configurations, level by level", tag("p", _HOW))
    rows, left = _chosen(shots)
    networks = [name for name in ("", *result.networks) if any(network == name for _, network, _ in rows)]
    values = sorted({values_of(shot) for _, _, shot in rows} - {""})
    data: dict[str, Any] = {
        "networks": [
            {"name": name, "points": [_point(result, *row) for row in rows if row[1] == name]} for name in networks
        ],
        "palettes": {
            name: palettes.text(palettes.of(name, _colours(rows, name))) for name in values if name in _WITH_PALETTE
        },
    }
    several_levels = any(len(levels_of(shot)) > 1 for _, _, shot in rows)
    note = (
        f"{several(left, 'further configuration')} left out here; all are in the groups snapshots/ of "
        f"{result.path.name}."
        if left
        else None
    )
    return section(
        "configurations", "Configurations, level by level" if several_levels else "Configurations",
        tag("p", _LEVELS if several_levels else _ALONE, " Move the sliders by mouse, touch or arrow keys."),
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
        tag("p",
            tag("span", tag("span", class_="swatch up"), " +1 ", tag("span", class_="swatch down"), " −1", id="spins"),
            tag("span", id="colours"), tag("span", id="greys"), class_="legend"),
        id="viewer",
    )  # fmt: skip


def _chosen(shots: dict[str, xr.Dataset]) -> tuple[list[tuple[str, str, xr.Dataset]], int]:
    """Point, network and snapshot by coupling, as many as fit, evenly over the couplings; and how many do not."""
    rows = [(name.split("/")[1], "".join(name.split("/")[2:]), shot) for name, shot in shots.items()]
    rows.sort(key=lambda row: _place(row[2]))
    size = sum(_bytes(shot) for _, _, shot in rows)
    if size <= MOST_BYTES:
        return rows, 0
    count = max(1, int(len(rows) * MOST_BYTES / size))
    picked = sorted({round(i) for i in np.linspace(0, len(rows) - 1, count)})
    return [rows[i] for i in picked], len(rows) - len(picked)


def _colours(rows: list[tuple[str, str, xr.Dataset]], values: str) -> int:
    """How many colours a palette has: states as many as the model, angles and fields one for each byte."""
    return max(states_of(shot) for _, _, shot in rows) if values == "states" else 256


def _place(shot: xr.Dataset) -> tuple[Any, ...]:
    """Where a snapshot stands on the slider: lattices of one kind together, then by coupling and field."""
    fine = shot["level_0"]
    own = _parameters(shot)
    K = float(shot.attrs["K"])
    return fine.ndim, fine.size, *own.values(), K if math.isfinite(K) else 0.0, float(shot.attrs.get("h", 0.0))


def _parameters(shot: xr.Dataset) -> dict[str, float]:
    """Parameters of a snapshot's model beside K and h."""
    model = json.loads(shot.attrs.get("model", "{}"))
    return {name: float(model[name]) for name in PARAMETERS if model.get(name) is not None}


def _bytes(shot: xr.Dataset) -> int:
    """How much a snapshot takes, levels of real values a byte a site; 600 for the words beside."""
    bits = 8 if values_of(shot) == "" else 1
    whole = sum(_part(shot, name).size // (bits if shot[name].dtype.kind == "i" else 1) for name in levels_of(shot))
    return 600 + whole + 8 * len(_marks(shot))


def _point(result: Result, point: str, network: str, shot: xr.Dataset) -> dict[str, Any]:
    shape = shot["level_0"].shape
    own = _parameters(shot)
    K, known = float(shot.attrs["K"]), result.critical(len(shape), **own)
    coupling = coupling_text(K, known, float(shot.attrs.get("h", 0.0)))
    of_critical = "" if known is None else f", {K / known.K_c:.4g} of critical"
    said = f"K = {K:.4g}{of_critical}" if math.isfinite(K) else ""
    further = further_text(own)
    return {
        "name": point,
        "label": ", ".join(text for text in (coupling, further) if text),
        "said": ", ".join(text for text in (said, further) if text),
        "note": _shown(shape, shot),
        **({"marks": _marks(shot)} if "vortices" in shot else {}),
        "levels": [_level(shot, name, shape) for name in levels_of(shot)],
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


def _marks(shot: xr.Dataset) -> list[list[int]]:
    """Row, column and sign of the vortices in the part that is shown."""
    if "vortices" not in shot:
        return []
    rows, columns = _part(shot, "level_0").shape
    signs = shot["vortices"].values[:rows, :columns]
    found = np.argwhere(signs != 0)
    return [[int(i), int(j), int(signs[i, j])] for i, j in found] if len(found) <= MOST_MARKS else []


def _part(shot: xr.Dataset, name: str) -> npt.NDArray[Any]:
    """The rows and columns of one level that are shown: the same microscopic sites at every level."""
    x = shot[name].values
    fine = shot["level_0"].shape
    coarsest = shot[levels_of(shot)[-1]].shape
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
    }
    values = values_of(shot)
    if values in ("states", "angles"):
        _, number = coloured(x, values, states_of(shot))
        size = {} if values == "states" else {"m": f"{abs(np.exp(1j * whole).mean()):.4f}"}
        return {**level, **size, "bytes": _encode(number), "palette": values}
    level["m"] = f"{whole.mean():+.4f}".replace("-", "−")
    if values == "real" and whole.dtype.kind == "f":
        _, number = coloured(x, values, 0)
        return {**level, "bytes": _encode(number), "palette": values, "limit": f"{float(np.abs(x).max()) or 1.0:.3g}"}
    if values == "" and whole.dtype.kind == "i":
        return {**level, "bits": _encode(np.packbits(x.ravel() > 0))}
    limit = float(np.abs(whole).max()) or 1.0
    grey = np.clip(np.rint((x / limit + 1.0) * 127.5), 0, 255).astype(np.uint8)
    return {**level, "bytes": _encode(grey), "limit": f"{limit:.3g}"}


def _encode(data: npt.NDArray[np.uint8]) -> str:
    return base64.b64encode(data.tobytes()).decode("ascii")
