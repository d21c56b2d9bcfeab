"""The merged result file: every point's tables side by side, along a ``point`` dimension."""

import hashlib
import json
import math
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

    Groups: ``thermodynamics`` over all points of ensembles, of tempered ones a row for each replica; ``NETWORK/mcrg``
    and its like over the points that have them; ``ledger`` over all points of hierarchies; ``snapshots/POINT/NETWORK``,
    or ``snapshots/POINT`` without networks, of the first 200 points that have some; ``experiments/POINT/GROUP`` as in
    the points' files, with experiment and parameters in the attributes of ``experiments/POINT``. Coordinates of
    ``point``: its name, ensemble, K (NaN where the model has none), h and other parameters of the model, sides and
    number of sites; of a hierarchy's its name, section and parameters.

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
        if "snapshot" in found and len(pictured) < MOST_PICTURED:
            pictured.add(point.name)
            groups[f"snapshots/{point.name}"] = found["snapshot"].load()
        for name in names:
            if name in found and found[name].data_vars:
                tables.setdefault(name, []).extend((point, row) for row in _rows(found[name].load()))
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


def _rows(table: xr.Dataset) -> list[xr.Dataset]:
    """A table over replicas as one table for each, their couplings in the coordinate K; others as they are."""
    if "replica" not in table.dims:
        return [table]
    return [table.isel(replica=index).drop_vars("replica", errors="ignore") for index in range(table.sizes["replica"])]


def _shared(digests: set[str]) -> str:
    """The digest of the study file that all points came from, or nothing if they came from several."""
    return digests.pop() if len(digests) == 1 else ""


def _stack(rows: list[tuple[Point, xr.Dataset]]) -> xr.Dataset:
    """Tables of several points as one, missing entries NaN; attributes that differ go to ``by_point``."""
    # Text that is missing is no text, not NaN
    blank = {str(name): "" for _, table in rows for name, item in table.data_vars.items() if item.dtype.kind in "UO"}
    tables = [table.drop_vars("K") if "K" in table.coords else table for _, table in rows]
    stacked = xr.concat(
        tables, dim="point", join="outer", combine_attrs="drop_conflicts", data_vars="all",
        fill_value={**{str(name): np.nan for table in tables for name in table.data_vars}, **blank},
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
    models = [point.model for point in points]
    own = [float(table["K"]) if "K" in table.coords else math.nan for _, table in rows]  # of replicas
    couplings = [K if math.isfinite(K) else _number(model.get("K")) for K, model in zip(own, models, strict=True)]
    further = sorted({key for model in models for key in model} - {"K", "h"})
    columns = {key: [_number(model.get(key)) for model in models] for key in further}
    columns = {key: column for key, column in columns.items() if np.isfinite(column).any()}
    columns |= {"K": couplings, "h": [float(model.get("h", 0.0)) for model in models]}
    stacked = stacked.assign_coords({key: ("point", column) for key, column in columns.items()})
    return stacked.assign_coords(
        shape=("point", ["x".join(str(side) for side in model["shape"]) for model in models]),
        side=("point", [int(max(model["shape"])) for model in models]),
        sites=("point", [int(np.prod(model["shape"])) for model in models]),
        ndim=("point", [len(model["shape"]) for model in models]),
    )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def attributes(table: xr.Dataset, point: str) -> dict[str, Any]:
    """Attributes of one point of a merged table: those shared by all, and its own."""
    shared = {key: value for key, value in table.attrs.items() if key != "by_point"}
    return {**shared, **table.attrs.get("by_point", {}).get(point, {})}
