"""Figures of result files, in one style: error bars, exact values beside, colours for the colour-blind.

Each function takes Datasets and returns a matplotlib Figure; `figures` draws all that a result file allows, and
`save_all` writes them.
"""

import importlib
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet import store
from rgnet.exact import Critical
from rgnet.experiments.catalogue import EXPERIMENTS
from rgnet.plot.comparison import comparison
from rgnet.plot.configurations import configurations, coupling_label
from rgnet.plot.couplings import decimation, flow
from rgnet.plot.exponents import exponents, tangent
from rgnet.plot.information import information
from rgnet.plot.ledger import ledger
from rgnet.plot.thermodynamics import thermodynamics
from rgnet.study import attributes, experiment_results, models
from rgnet.study.sections import PARAMETERS

__all__ = [
    "comparison", "configurations", "decimation", "exponents", "figures", "flow", "information", "ledger", "save_all",
    "tangent", "thermodynamics", "up_to_date",
]  # fmt: skip

EXPERIMENT = "experiment-"  # begins the names of their figures
_RECORD = ".drawn.json"  # which figures, of which result
_MOST = 12  # points that get figures of their own


def figures(result: str | Path) -> dict[str, Figure]:
    """Every figure that a result file has the data for, by name.

    Where figures are of single points (exponents, tangents, information), the first 12 points of a table get theirs.

    Raises
    ------
    FileError
        If the file is damaged or not rgnet's.
    """
    tree = store.open(result)
    attrs = tree.attrs
    found = {node.path.strip("/"): node.to_dataset(inherit=False) for node in tree.subtree}
    groups = {name: group.load() for name, group in found.items() if group.data_vars}
    networks = list(attrs["study"]["networks"])
    model = dict(attrs["study"]["model"])
    made: dict[str, Figure] = {}
    shots = {name: group for name, group in groups.items() if name.startswith("snapshots/")}
    if shots:
        made["configurations"] = configurations(_rows(shots, networks[0] if networks else "", model))
    for _, label, row in _by_point(groups, networks, "mcrg"):
        made[f"exponents{label}"] = exponents(row, int(row["ndim"]) if _at_critical(row, model) else None)
    for name, label, row in _by_point(groups, networks, "tangent"):
        row = row.assign_attrs(attributes(groups[name], str(row["point"].item())))
        made[f"tangent{label}"] = tangent(row, limits=_at_critical(row, model))
    planes = {n: _plane(groups[f"{n}/couplings"]) for n in networks if f"{n}/couplings" in groups}
    planes = {network: plane for network, plane in planes.items() if plane.sizes["point"] > 1}
    for network, plane in planes.items():
        made["flow" if len(planes) == 1 else f"flow-{network}"] = flow(plane)
    chains = _decimated(groups, attrs["study"])
    if chains:
        made["decimation"] = decimation(chains)
    kept: dict[str, dict[str, dict[str, xr.Dataset]]] = {}  # point, coupling, network
    for about in ("K", "h"):
        for name, _, row in _by_point(groups, networks, f"information_{about}"):
            kept.setdefault(row["point"].item(), {}).setdefault(about, {})[name.split("/")[0]] = row
    for point, tables in kept.items():
        made["information" if len(kept) == 1 else f"information-{point}"] = information(tables)
    if "ledger" in groups:
        table = groups["ledger"]
        names = [str(name) for name in table["point"].values[:_MOST]]
        for index, name in enumerate(names):
            row = table.isel(point=index).assign_attrs(attributes(table, name))
            told = json.loads(str(row["model"].item()))
            kind = str(told.pop("hierarchy")).replace("_", " ")
            title = f"{kind}: {', '.join(f'{key} = {value}' for key, value in told.items())}"
            made["ledger" if len(names) == 1 else f"ledger-{name}"] = ledger(row, title)
    for experiment, points in experiment_results(tree).items():
        if experiment in EXPERIMENTS:  # another version of rgnet may know others
            made[f"{EXPERIMENT}{experiment}"] = experiment_module(experiment).figure(points)
    tuned = models.tuned(model["name"]) if model.get("name") in models.names() else "K"
    for label, scan in _scans(groups.get("thermodynamics"), tuned):
        known = _critical(scan.isel(point=0), model) if tuned == "K" else None
        made[f"thermodynamics{label}"] = thermodynamics(scan, None if known is None else known.K_c, tuned)
    return made


def experiment_module(experiment: str) -> Any:
    """The module that draws an experiment."""
    return importlib.import_module(f"rgnet.plot.experiments.{EXPERIMENTS[experiment].rpartition('.')[2]}")


def _by_point(groups: dict[str, xr.Dataset], networks: list[str], table: str) -> list[tuple[str, str, xr.Dataset]]:
    """Every point of every network's table: group, label for the figure's name where there are several, row."""
    present = [f"{network}/{table}" for network in networks if f"{network}/{table}" in groups]
    several = any(groups[name].sizes["point"] > 1 for name in present)
    return [
        (
            name,
            (f"-{name.split('/')[0]}" if len(present) > 1 else "") + (f"-{point}" if several else ""),
            groups[name].isel(point=index),
        )
        for name in present
        for index, point in enumerate(groups[name]["point"].values[:_MOST])
    ]


def _critical(row: xr.Dataset, model: dict[str, Any]) -> Critical | None:
    """The known critical point of a row's model, which may have parameters of its own."""
    own = {key: row[key].item() for key in ("q", "n") if key in row.coords}
    return models.critical_point({**model, **own}, int(row["ndim"]))


def _at_critical(row: xr.Dataset, model: dict[str, Any]) -> bool:
    known = _critical(row, model)
    return known is not None and float(row["h"]) == 0 and math.isclose(float(row["K"]), known.K_c, rel_tol=1e-7)


def _plane(table: xr.Dataset) -> xr.Dataset:
    """The points on two-dimensional lattices."""
    return table.isel(point=np.flatnonzero(table["ndim"].values == 2))


def save_all(result: str | Path, folder: str | Path) -> list[Path]:
    """Write every figure of a result file as PNG; each appears under its name when it is complete.

    Returns
    -------
    list of Path
        The files written.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    store.remove_leftovers(target)
    paths = []
    for name, figure in figures(result).items():
        image = io.BytesIO()
        figure.savefig(image, dpi=200, format="png")
        paths.append(target / f"{name}.png")
        store.write_bytes(paths[-1], image.getvalue())
    record = {"drawn_from": store.verify(result), "figures": [path.name for path in paths]}
    store.write_bytes(target / _RECORD, json.dumps(record).encode())
    return paths


def up_to_date(result: str | Path, folder: str | Path) -> list[Path]:
    """The figures of a result file in a folder, drawn anew only if one is missing or the result has changed."""
    target = Path(folder)
    try:
        record = json.loads((target / _RECORD).read_text())
        # Names in this folder only: a record from elsewhere could name any file, and reports show what it names
        paths = [target / Path(name).name for name in record["figures"] if name.endswith(".png")]
        if record["drawn_from"] == store.verify(result) and all(path.exists() for path in paths):
            return paths
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no record, or a damaged one: drawn anew
    return save_all(result, target)


def _rows(shots: dict[str, xr.Dataset], network: str, model: dict[str, Any]) -> list[tuple[str, xr.Dataset]]:
    """Snapshots by coupling, of one network where a point has several."""
    rows = []
    for name, shot in shots.items():
        _, point, *of = name.split("/")
        if of in ([], [network]) or f"snapshots/{point}/{network}" not in shots:
            rows.append((*_told(shot, model), shot))
    return [(label, shot) for _, label, shot in sorted(rows, key=lambda row: row[0])]


def _told(shot: xr.Dataset, model: dict[str, Any]) -> tuple[tuple[float, ...], str]:
    """Where a snapshot stands among others, and what its couplings are."""
    own = json.loads(shot.attrs.get("model", "{}"))
    told = {key: own[key] for key in (*PARAMETERS, "h") if own.get(key) and own[key] != model.get(key)}
    further = ", ".join(f"${key} = {value:.4g}$" for key, value in told.items())
    K = float(shot.attrs["K"])
    known = models.critical_point({**model, **own}, int(shot.attrs["ndim"]))
    label = coupling_label(K, None if known is None else known.K_c) if math.isfinite(K) else ""
    place = (*told.values(), K if math.isfinite(K) else 0.0)
    return place, ", ".join(item for item in (label, further) if item)


def _decimated(groups: dict[str, xr.Dataset], study: dict[str, Any]) -> list[tuple[str, xr.Dataset, list[int]]]:
    """Couplings of chains without a field under networks of decimations only, with the scale of each level."""
    found = []
    for network, section in study["networks"].items():
        table = groups.get(f"{network}/couplings")
        if table is None or any(layer["layer"] != "decimation" for layer in section["layers"]):
            continue
        table = table.isel(point=np.flatnonzero((table["ndim"].values == 1) & (table["h"].values == 0)))
        if table.sizes["point"]:
            found.append((network, table, [int(scale) for scale in table["scale"].values]))
    return found


def _scans(table: xr.Dataset | None, tuned: str) -> list[tuple[str, xr.Dataset]]:
    """Points without a field of the ensemble that scans most couplings, if they are at least three.

    One table for each choice of the other parameters, with a label for the figure's name where there are several.
    """
    if table is None or tuned not in table.coords:
        return []
    names = table["ensemble"].values
    quantity = "binder" if "binder" in table else "energy"
    usable = (table["h"].values == 0) & np.isfinite(table[quantity].values)
    scanned = {name: len(np.unique(table[tuned].values[usable & (names == name)])) for name in names}
    widest = max(scanned, key=lambda name: scanned[name])
    chosen = table.isel(point=np.flatnonzero(usable & (names == widest)))
    others = [key for key in PARAMETERS if key in chosen.coords and key != tuned and len(np.unique(chosen[key])) > 1]
    kinds = list(dict.fromkeys(zip(*(chosen[key].values.tolist() for key in others), strict=True))) if others else [()]
    parts = []
    for kind in kinds:
        here = np.ones(chosen.sizes["point"], dtype=bool)
        for key, value in zip(others, kind, strict=True):
            here &= chosen[key].values == value
        label = "".join(f"-{key}{value:.7g}" for key, value in zip(others, kind, strict=True))
        parts.append((label, chosen.isel(point=np.flatnonzero(here))))
    return [(label, part) for label, part in parts[:_MOST] if len(np.unique(part[tuned])) >= 3]
