"""Figures of result files, in one style: error bars, exact values beside, colours for the colour-blind.

Each function takes Datasets and returns a matplotlib Figure; `figures` draws all that a result file allows, and
`save_all` writes them.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet import store
from rgnet.exact import ising2d, ising3d
from rgnet.plot.configurations import configurations, coupling_label
from rgnet.plot.couplings import decimation, flow
from rgnet.plot.exponents import exponents, tangent
from rgnet.plot.information import information
from rgnet.plot.thermodynamics import thermodynamics

__all__ = [
    "configurations", "decimation", "exponents", "figures", "flow", "information", "save_all", "tangent",
    "thermodynamics",
]  # fmt: skip

_K_C = {2: ising2d.K_c, 3: ising3d.K_c}


def figures(result: str | Path) -> dict[str, Figure]:
    """Every figure that a result file has the data for, by name.

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
    made: dict[str, Figure] = {}
    shots = {name: group for name, group in groups.items() if name.startswith("snapshots/")}
    if shots:
        made["configurations"] = configurations(_rows(shots, networks[0]))
    for network in networks:
        suffix = "" if len([n for n in networks if f"{n}/mcrg" in groups]) < 2 else f"-{network}"
        if f"{network}/mcrg" in groups:
            table = groups[f"{network}/mcrg"]
            made[f"exponents{suffix}"] = exponents(table.isel(point=0), int(table["ndim"][0]))
        if f"{network}/tangent" in groups:
            table = groups[f"{network}/tangent"].isel(point=0)
            made[f"tangent{suffix}"] = tangent(table.assign_attrs(ndim=int(table["ndim"])))
        if f"{network}/couplings" in groups:
            table = groups[f"{network}/couplings"]
            plane = table.isel(point=np.flatnonzero(table["ndim"].values == 2))
            if plane.sizes["point"] > 1:
                made[f"flow{suffix}"] = flow(plane)
    chains = _decimated(groups, attrs["study"])
    if chains:
        made["decimation"] = decimation(chains)
    kept = {
        about: {
            n: groups[f"{n}/information_{about}"].isel(point=0)
            for n in networks
            if f"{n}/information_{about}" in groups
        }
        for about in ("K", "h")
    }
    if any(kept.values()):
        made["information"] = information({about: tables for about, tables in kept.items() if tables})
    scan = _scan(groups.get("thermodynamics"))
    if scan is not None:
        made["thermodynamics"] = thermodynamics(scan, _K_C.get(int(scan["ndim"][0])))
    return made


def save_all(result: str | Path, folder: str | Path) -> list[Path]:
    """Write every figure of a result file as PNG; each appears under its name when it is complete.

    Returns
    -------
    list of Path
        The files written.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures(result).items():
        path, temporary = target / f"{name}.png", target / f".{name}.{os.getpid()}.png"
        try:
            figure.savefig(temporary, dpi=200)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        paths.append(path)
    return paths


def _rows(shots: dict[str, xr.Dataset], network: str) -> list[tuple[str, xr.Dataset]]:
    """Snapshots by coupling, of one network where a point has several."""
    rows = []
    for name, shot in shots.items():
        _, point, of = name.split("/")
        if of == network or f"snapshots/{point}/{network}" not in shots:
            K = float(shot.attrs["K"])
            rows.append((K, coupling_label(K, _K_C.get(int(shot.attrs["ndim"]))), shot))
    return [(label, shot) for _, label, shot in sorted(rows, key=lambda row: row[0])]


def _decimated(groups: dict[str, xr.Dataset], study: dict[str, Any]) -> list[tuple[str, xr.Dataset, list[int]]]:
    """Couplings of chains without a field under networks of decimations only, with the scale of each level."""
    found = []
    for network, section in study["networks"].items():
        table = groups.get(f"{network}/couplings")
        if table is None or any(layer["layer"] != "decimation" for layer in section["layers"]):
            continue
        table = table.isel(point=np.flatnonzero((table["ndim"].values == 1) & (table["h"].values == 0)))
        steps = [layer["b"] for layer in section["layers"] for _ in range(layer["repeat"])]
        if table.sizes["point"]:
            found.append((network, table, [int(np.prod(steps[:k])) for k in range(len(steps) + 1)]))
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
