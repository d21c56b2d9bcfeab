"""The merged result file: every point's tables side by side, along a ``point`` dimension."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rgnet import store
from rgnet.provenance import provenance
from rgnet.study import results
from rgnet.study.complete import check_settings
from rgnet.study.points import Point
from rgnet.study.schema import Study

RESULT = "result.h5"
MOST_PICTURED = 200  # points whose snapshots are in the result: many small groups are slow to open
LEDGER = "ledger"
TABLES = ("mcrg", "tangent", "couplings", "information_K", "information_h")


def merge(study: Study, points: list[Point], folder: Path) -> Path:
    """Write ``folder/result.h5`` from the points' files, unless it was made from these very files already.

    Groups: ``thermodynamics`` over all points of ensembles; ``NETWORK/mcrg`` and its like over the points that have
    them; ``ledger`` over all points of hierarchies; ``snapshots/POINT/NETWORK``, of the first 200 points that have
    some; ``experiments/POINT/GROUP`` as in the points' files, with experiment and parameters in the attributes of
    ``experiments/POINT``. Coordinates of ``point``: its name, ensemble, K, h, sides and number of sites; of a
    hierarchy's its name, section and parameters.

    Raises
    ------
    StudyError
        If the file of a point holds another one, such as of the study as it was before it was edited.
    """
    path = folder / RESULT
    files = {point.name: folder / f"{point.name}.h5" for point in points}
    sources = {name: store.digest(file) for name, file in files.items()}
    resolved = study.model_dump(mode="json")
    fingerprint = hashlib.sha256(json.dumps([resolved, sources], sort_keys=True).encode()).hexdigest()
    if path.exists():
        try:
            if store.read_attrs(path).get("made_from") == fingerprint:
                return path
        except store.FileError:
            pass  # damaged: made anew below, the points are the originals
    tables: dict[str, list[tuple[Point, xr.Dataset]]] = {}
    groups: dict[str, xr.Dataset] = {}
    notes: dict[str, Any] = {}
    seconds = 0.0
    digests, finished = set(), ""
    pictured: set[str] = set()
    for point in points:
        tree = store.open(files[point.name])
        attrs = tree.attrs
        check_settings(files[point.name], attrs.get("point"), point)
        seconds += float(attrs["duration_s"])
        digests.add(attrs.get("study_sha256", ""))
        finished = max(finished, str(attrs.get("finished", "")))  # of the last point
        if attrs["notes"]:
            notes[point.name] = attrs["notes"]
        names = ["thermodynamics", LEDGER] + [f"{net}/{table}" for net in point.networks for table in TABLES]
        found = {node.path.strip("/"): node.to_dataset(inherit=False) for node in tree.subtree}
        if point.is_experiment:
            inner = {name: group.load() for name, group in found.items() if name and (group.variables or group.attrs)}
            groups |= results.merged(point.name, point.model, inner)
            continue
        for name in names:
            if name in found and found[name].data_vars:
                tables.setdefault(name, []).append((point, found[name].load()))
        for net in point.networks if len(pictured) < MOST_PICTURED or point.name in pictured else ():
            if f"{net}/snapshot" in found:
                pictured.add(point.name)
                groups[f"snapshots/{point.name}/{net}"] = found[f"{net}/snapshot"].load()
    for name, rows in tables.items():
        groups[name] = _stack(rows)
    root = {
        "kind": "result",
        "study": resolved,
        "points": {point.name: {"file": files[point.name].name, "sha256": sources[point.name]} for point in points},
        "made_from": fingerprint,
        "notes": notes,
        "compute_seconds": round(seconds, 3),
        "study_sha256": _shared(digests),
        "finished": finished,
        "provenance": provenance(),
    }
    store.write(path, groups, root)
    return path


def _shared(digests: set[str]) -> str:
    """The digest of the study file that all points came from, or nothing if they came from several."""
    return digests.pop() if len(digests) == 1 else ""


def _stack(rows: list[tuple[Point, xr.Dataset]]) -> xr.Dataset:
    """Tables of several points as one, missing entries NaN; attributes that differ go to ``by_point``."""
    # Text that is missing is no text, not NaN
    blank = {str(name): "" for _, table in rows for name, item in table.data_vars.items() if item.dtype.kind in "UO"}
    stacked = xr.concat(
        [table for _, table in rows], dim="point", join="outer", combine_attrs="drop_conflicts", data_vars="all",
        fill_value={**{str(name): np.nan for _, table in rows for name in table.data_vars}, **blank},
    )  # fmt: skip
    differing = {
        point.name: {key: value for key, value in table.attrs.items() if key not in stacked.attrs}
        for point, table in rows
    }
    if any(differing.values()):
        stacked.attrs["by_point"] = differing
    points = [point for point, _ in rows]
    stacked = stacked.assign_coords(
        point=("point", [point.name for point in points]),
        ensemble=("point", [point.ensemble for point in points]),
    )
    if any(point.is_hierarchy for point in points):  # a table has points of one sort
        return stacked.assign_coords(model=("point", [json.dumps(point.model) for point in points]))
    return stacked.assign_coords(
        K=("point", [float(point.model["K"]) for point in points]),
        h=("point", [float(point.model["h"]) for point in points]),
        shape=("point", ["x".join(str(side) for side in point.model["shape"]) for point in points]),
        side=("point", [int(max(point.model["shape"])) for point in points]),
        sites=("point", [int(np.prod(point.model["shape"])) for point in points]),
        ndim=("point", [len(point.model["shape"]) for point in points]),
    )


def attributes(table: xr.Dataset, point: str) -> dict[str, Any]:
    """Attributes of one point of a merged table: those shared by all, and its own."""
    shared = {key: value for key, value in table.attrs.items() if key != "by_point"}
    return {**shared, **table.attrs.get("by_point", {}).get(point, {})}
