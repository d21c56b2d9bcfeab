"""Figures of result files, in one style: error bars, exact values beside, colours for the colour-blind.

Each function takes Datasets and returns a matplotlib Figure; `figures` draws all that a result file allows, and
`save_all` writes them.
"""

import importlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet import store
from rgnet.exact import critical, is_critical
from rgnet.experiments.catalogue import EXPERIMENTS
from rgnet.plot.comparison import comparison
from rgnet.plot.configurations import configurations, coupling_label
from rgnet.plot.couplings import decimation, flow
from rgnet.plot.exponents import exponents, tangent
from rgnet.plot.information import information
from rgnet.plot.ledger import ledger
from rgnet.plot.thermodynamics import thermodynamics
from rgnet.study import attributes, experiment_results

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
    plain = not attrs["study"]["model"].get("couplings")  # what is known of K_c is known of nearest neighbours alone
    made: dict[str, Figure] = {}
    shots = {name: group for name, group in groups.items() if name.startswith("snapshots/")}
    if shots:
        made["configurations"] = configurations(_rows(shots, networks[0]))
    for _, label, row in _by_point(groups, networks, "mcrg"):
        made[f"exponents{label}"] = exponents(row, int(row["ndim"]) if plain and _at_critical(row) else None)
    for name, label, row in _by_point(groups, networks, "tangent"):
        row = row.assign_attrs(attributes(groups[name], str(row["point"].item())))
        made[f"tangent{label}"] = tangent(row, limits=plain and _at_critical(row))
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
    scan = _scan(groups.get("thermodynamics"))
    if scan is not None:
        known = critical(int(scan["ndim"][0])) if plain else None
        made["thermodynamics"] = thermodynamics(scan, None if known is None else known.K_c)
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


def _at_critical(row: xr.Dataset) -> bool:
    return is_critical(int(row["ndim"]), float(row["K"]), float(row["h"]))


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


def _rows(shots: dict[str, xr.Dataset], network: str) -> list[tuple[str, xr.Dataset]]:
    """Snapshots by coupling, of one network where a point has several."""
    rows = []
    for name, shot in shots.items():
        _, point, of = name.split("/")
        if of == network or f"snapshots/{point}/{network}" not in shots:
            K, known = float(shot.attrs["K"]), critical(int(shot.attrs["ndim"]))
            rows.append((K, coupling_label(K, None if known is None else known.K_c), shot))
    return [(label, shot) for _, label, shot in sorted(rows, key=lambda row: row[0])]


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


def _scan(table: xr.Dataset | None) -> xr.Dataset | None:
    """Points without a field of the ensemble that scans most couplings, if they are at least three."""
    if table is None or "binder" not in table:
        return None
    names = table["ensemble"].values
    usable = (table["h"].values == 0) & np.isfinite(table["binder"].values)
    scanned = {name: len(np.unique(table["K"].values[usable & (names == name)])) for name in names}
    widest = max(scanned, key=lambda name: scanned[name])
    return table.isel(point=np.flatnonzero(usable & (names == widest))) if scanned[widest] >= 3 else None
