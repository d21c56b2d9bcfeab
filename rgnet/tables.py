"""Short tables for the terminal: what was measured next to what is exact, and how far a study is."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.box import SIMPLE_HEAD
from rich.table import Table

from rgnet import store
from rgnet.estimate import FAMILY, parenthesis, z_limit
from rgnet.study import Status, attributes, comparing, dictionary, models, results
from rgnet.study.sections import PARAMETERS

_MOST = 12  # points that get a table of their own


def tables(result: str | Path) -> list[Table]:
    """Tables of the result: exponents, couplings of decimated chains, and energies beside exact ones, as present."""
    tree = store.open(result)
    made: list[Table] = []
    for node in tree.subtree:
        network, _, kind = node.path.strip("/").rpartition("/")
        if network not in tree.attrs["study"]["networks"]:
            continue  # such as a group of an experiment
        if kind == "mcrg":
            made += _exponents(network, node.to_dataset().load(), tree.attrs["study"])
        elif kind == "couplings":
            made += _decimated(network, node.to_dataset().load(), tree.attrs["study"])
    if "thermodynamics" in tree:
        table = tree["thermodynamics"].to_dataset().load()
        made += _energies(table, _too_short(tree.attrs["notes"])) or _thermodynamics(table)
    if "ledger" in tree:
        made += _ledger(tree["ledger"].to_dataset().load())
    return made


def paragraphs(result: str | Path) -> dict[str, str]:
    """What each experiment of a result file found, in words."""
    return results.paragraphs(results.experiments(result))


def comparisons(result: str | Path, width: int = 80) -> list[Table]:
    """The tables of each comparison of networks: a row for every level of every network.

    A table wider than ``width`` characters is cut into several, each with the names of the rows. CKA is left to the
    report.
    """
    made = []
    for title, headings, rows in comparing.tables(results.experiments(result)):
        if title.startswith("CKA"):
            continue
        for part, columns in enumerate(_cut(headings, rows, width)):
            view = Table(title=f"{title}, continued" if part else title, title_justify="left", box=SIMPLE_HEAD)
            for k in columns:
                view.add_column(headings[k], justify="right" if k else "left", min_width=_width(headings, rows, k))
            for row in rows:
                view.add_row(*(row[k] for k in columns))
            made.append(view)
    return made


def dictionaries(result: str | Path) -> list[Table]:
    """The table of each dictionary of physics and machine learning: a row for every number of every pair."""
    made = []
    for title, headings, rows in dictionary.tables(results.experiments(result)):
        view = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
        view.add_column(headings[1])
        for heading in headings[2:]:
            to_right = heading in ("measured", "exact", "z")
            view.add_column(heading, justify="right" if to_right else "left", no_wrap=to_right)
        for pair, *cells in rows:
            if pair:  # a line of its own, above the numbers of the pair
                view.add_row(pair, style="bold")
            view.add_row(f"  {cells[0]}", *cells[1:])
        made.append(view)
    return made


def _width(headings: list[str], rows: list[list[str]], column: int) -> int:
    """Characters that a column needs, its heading broken at spaces."""
    return max(len(word) for word in [*headings[column].split(), *(row[column] for row in rows), ""])


def _cut(headings: list[str], rows: list[list[str]], width: int) -> list[list[int]]:
    """The columns of each part of a table, the first two in every part."""
    between = 3  # a space on both sides of a column, and one for the line that this box does not draw
    names = [0, 1]
    parts: list[list[int]] = [[]]
    room = width - 1 - sum(_width(headings, rows, k) + between for k in names)
    left = room
    for k in range(2, len(headings)):
        need = _width(headings, rows, k) + between
        if need > left and parts[-1]:
            parts.append([])
            left = room
        parts[-1].append(k)
        left -= need
    return [[*names, *part] for part in parts]


def _ledger(table: xr.Dataset) -> list[Table]:
    """Information about the cause by network and level: exact, estimated, bound from below."""
    made = []
    for index, point in enumerate(table["point"].values[:_MOST]):
        row = table.isel(point=index)
        view = Table(title=f"Information about y_0 (nats): {point}", title_justify="left")
        view.add_column("network")
        for heading in ("level", "sites", "exact", "estimate", "bound", "states"):
            view.add_column(heading, justify="right")
        for name in row["network"].values:
            for level in row["level"].values:
                if level == 0 and name != row["network"].values[0]:
                    continue  # the data, the same for all
                entry = {key: item.item() for key, item in row.sel(network=name, level=level).data_vars.items()}
                if not math.isfinite(entry["sites"]):
                    continue
                view.add_row(
                    str(name), str(int(level)), f"{entry['sites']:.0f}", _number(entry["exact"]),
                    _number(entry["information"], entry["information_stderr"]),
                    _number(entry["lower"], entry["lower_stderr"]), _number(entry["states"]),
                )  # fmt: skip
        own = attributes(table, str(point))
        view.caption = (
            f"H(y_0) = {own['entropy']:.5g}; level 0: the data; states: different ones among {own['draws']} draws; "
            "bound: at least so much, with an error of its own"
        )
        view.caption_justify = "left"
        made.append(view)
    if table.sizes["point"] > _MOST:
        made[-1].caption = f"{made[-1].caption}; {table.sizes['point'] - _MOST} more points are in the result file"
    return made


def _number(value: float, error: float = 0.0) -> str:
    return "" if not math.isfinite(value) else parenthesis(value, error) if error else f"{value:.6g}"


def _exponents(network: str, table: xr.Dataset, study: dict[str, Any]) -> list[Table]:
    made = []
    for index, point in enumerate(table["point"].values[:_MOST]):
        row = table.isel(point=index)
        view = Table(title=f"Exponents by level: {network}, {point}", title_justify="left")
        for heading in ("level", "operators", "y_t", "y_h"):
            view.add_column(heading, justify="right")
        for level in row["level"].values:
            entry = row.sel(level=level)
            t, h = _last(entry, "y_t"), _last(entry, "y_h")
            view.add_row(str(int(level)), f"{t[0]} even, {h[0]} odd", t[1], h[1])
        known = models.critical_point(study["model"], int(row["ndim"]))
        if known is not None and float(row["h"]) == 0 and math.isclose(float(row["K"]), known.K_c, rel_tol=1e-7):
            view.add_row(known.source, "", f"{known.y_t:g}", f"{known.y_h:g}", style="bold")
        made.append(view)
    if table.sizes["point"] > _MOST:
        made[-1].caption = f"{table.sizes['point'] - _MOST} more points of {network} are in the result file"
    return made


def _last(entry: xr.Dataset, name: str) -> tuple[int, str]:
    """The value with most operators that there is: how many, and how it reads."""
    values = entry[name].values
    errors = entry[f"{name}_stderr"].values
    good = np.flatnonzero(np.isfinite(values) & np.isfinite(errors))
    if good.size == 0:
        return 0, "none"
    last = int(good[-1])
    return int(entry["operators"].values[last]), parenthesis(float(values[last]), float(errors[last]))


def _decimated(network: str, table: xr.Dataset, study: dict[str, Any]) -> list[Table]:
    """tanh K' of decimated chains beside tanh^b K."""
    layers = study["networks"][network]["layers"]
    chains = [i for i, d in enumerate(table["ndim"].values) if d == 1]
    if not chains or any(layer["layer"] != "decimation" for layer in layers) or np.any(table["h"].values != 0):
        return []
    view = Table(title=f"tanh K by level: {network}", title_justify="left")
    for heading in ("K", "level", "scale", "tanh K'", "exact tanh^b K", "z"):
        view.add_column(heading, justify="right")
    for i in chains:
        row = table.isel(point=i)
        K = float(row["K"])
        for level in row["level"].values:
            entry = row.sel(level=level, operator="nn")
            scale = int(entry["scale"])
            value, error = float(entry["coupling"]), float(entry["coupling_stderr"])
            tanh, slope = np.tanh(value), 1 - np.tanh(value) ** 2
            exact = np.tanh(K) ** scale
            shown = f"{exact:.5f}" if exact > 1e-3 else f"{exact:.0e}"
            view.add_row(
                f"{K:g}", str(int(level)), str(scale), parenthesis(tanh, slope * error), shown,
                f"{(tanh - exact) / (slope * error):+.1f}",
            )  # fmt: skip
    return [view]


def _too_short(notes: dict[str, dict[str, str]]) -> int:
    """How many points have no row of thermodynamics because their chains allow no error bar."""
    return sum("thermodynamics" in of_point for of_point in notes.values())


def _energies(table: xr.Dataset, short: int) -> list[Table]:
    """How the energies of all points compare with the exact ones: one line."""
    if "energy_exact" not in table:
        return []
    z = (table["energy"] - table["energy_exact"]) / table["energy_stderr"]
    z = z.values[np.isfinite(z.values)]
    if z.size == 0:
        return []
    view = Table(title="Energies beside exact ones", title_justify="left")
    for heading in ("points", "mean z", "largest |z|", f"{100 * (1 - FAMILY):g} % limit"):
        view.add_column(heading, justify="right")
    limit = z_limit(z.size)  # over all points together
    view.add_row(str(z.size), f"{z.mean():+.2f}", f"{np.abs(z).max():.2f}", f"{limit:.2f}")
    remarks = []
    if np.abs(z).max() > limit:
        remarks.append("Beyond the limit, as one right run in a hundred is.")
    if short:
        remarks.append(
            f"{short} more points have chains too short for error bars (see their notes): these are a selection."
        )
    view.caption, view.caption_justify = " ".join(remarks) or None, "left"
    return [view]


_SHORT = {
    "energy": "e", "phi2": "phi^2", "vortex_density": "vortices", "helicity_modulus": "helicity", "overlap2": "q^2",
    "magnetization": "|m|", "susceptibility": "chi", "binder": "U4",
}  # fmt: skip
_MOST_COLUMNS = 4


def _thermodynamics(table: xr.Dataset) -> list[Table]:
    """What was measured at the first points, where no exact energies stand beside."""
    there = [name for name in _SHORT if name in table and np.isfinite(table[name].values).any()][:_MOST_COLUMNS]
    if not there:
        return []
    own = [name for name in ("K", "h", *PARAMETERS) if name in table.coords and len(np.unique(table[name].values)) > 1]
    view = Table(title="Thermodynamics, a site", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("lattice", *own, *(_SHORT[name] for name in there)):
        view.add_column(heading, justify="right")
    for index in range(min(table.sizes["point"], _MOST)):
        row = table.isel(point=index)
        cells = [_number(float(row[name]), float(row[f"{name}_stderr"])) for name in there]
        view.add_row(str(row["shape"].item()), *(f"{float(row[name]):.6g}" for name in own), *cells)
    if table.sizes["point"] > _MOST:
        view.caption, view.caption_justify = (
            f"{table.sizes['point'] - _MOST} more points are in the result file",
            "left",
        )
    return [view]


def status_text(found: Status) -> str:
    """How far a study is, in a few lines."""
    counts, total = found.counts, len(found.points)
    lines = [
        f"{found.folder}: {counts['done']} of {total} points done, {counts['running']} running, {counts['failed']} "
        f"failed, {counts['left']} left"
    ]
    for point in found.points:
        if point.stand == "running":
            energy = f"  energy/site {point.energy:.4f}" if math.isfinite(point.energy) else ""
            energy += f"  {point.words}" if point.words else ""
            lines.append(f"running  {point.name}  {point.fraction:.0%}{energy}  since {duration(point.seconds)}")
        elif point.stand == "failed":
            lines.append(f"failed   {point.name}: {point.reason}")
        elif point.checkpointed:
            lines.append(f"paused   {point.name}: goes on from its last checkpoint")
    if counts["running"] + counts["left"] and math.isfinite(found.seconds_left):
        workers = f"{counts['running']} running" if counts["running"] else "all cores of this machine"
        lines.append(f"about {duration(found.seconds_left)} left with {workers}")
    if counts["done"] == total:
        lines.append("merged in result.h5" if found.merged else "not merged yet: `rgnet merge`, or `rgnet run` again")
    return "\n".join(lines)


def status_json(found: Status) -> str:
    """How far a study is, for programs; what is not known is null."""
    points = [
        {key: None if value != value else value for key, value in asdict(point).items()} for point in found.points
    ]
    return json.dumps(
        {
            "folder": str(found.folder),
            "counts": found.counts,
            "merged": found.merged,
            "seconds_left": found.seconds_left if math.isfinite(found.seconds_left) else None,
            "points": points,
        },
        indent=2,
        ensure_ascii=False,
    )


def duration(seconds: float) -> str:
    """Seconds as a person says them: 12 s, 3 min, 5 h, 2 days."""
    for unit, size, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172800)):
        if seconds < most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
