"""The ledgers of hierarchies: for each point a table of information, states and time by network and level."""

import json
import math
from typing import Any

import xarray as xr

from rgnet.report.gather import Result
from rgnet.report.markup import Html, join, section, symbol, table, tag
from rgnet.report.words import NONE, count, exact_number, measured, several

MOST_POINTS = 12


def ledgers(result: Result) -> Html | None:
    """Every point's table, each entry with what it is: exact, an estimate, or a bound."""
    group = result.groups.get("ledger")
    if group is None:
        return None
    rows = [row for _, row in points(result)][:MOST_POINTS]
    left = group.sizes["point"] - len(rows)
    return section(
        "ledger", "Ledger: information about the cause",
        tag("p", "What every level still knows of the cause ", symbol("y", "0"), ", by network, beside what it takes: "
            "how many states occur among the draws, and how long it takes from the data to the level. Level 0 is the "
            "data. Entries of the column “exact” have no statistical error; “how” says how the estimate was made, or "
            "why there is none; a lower bound is the cross-entropy of a classifier on draws that it was not trained "
            "on, and two lower bounds do not rank two maps by themselves."),
        *(_table(row) for row in rows),
        tag("p", f"{several(left, 'further point')} in the group ledger of {result.path.name}.", class_="below")
        if left > 0 else None,
    )  # fmt: skip


def points(result: Result) -> list[tuple[str, xr.Dataset]]:
    """Name and ledger of each point, with its own attributes."""
    from rgnet.study import attributes

    group = result.groups.get("ledger")
    if group is None:
        return []
    return [
        (str(name), group.isel(point=index).assign_attrs(attributes(group, str(name))))
        for index, name in enumerate(group["point"].values)
    ]


def _table(row: xr.Dataset) -> Html:
    head = ["network", "level", "sites", "exact", "estimate", "lower bound", "states", "µs a draw", "how"]
    body = []
    for name in row["network"].values:
        for level in row["level"].values:
            entry = row.sel(network=name, level=level)
            if not math.isfinite(float(entry["sites"])):
                continue
            value, error = float(entry["information"]), float(entry["information_stderr"])
            lower, spread = float(entry["lower"]), float(entry["lower_stderr"])
            body.append(
                [
                    str(name), str(int(level)), count(int(entry["sites"])), exact_number(entry["exact"]),
                    measured(value, error), measured(lower, spread, "lower"), _states(entry["states"]),
                    f"{float(entry['microseconds']):.3g}" if level > 0 else NONE,
                    tag("span", str(entry["method"].item()), class_="prose"),
                ]
            )  # fmt: skip
    parameters = json.loads(str(row["model"].item()))
    told = ", ".join(f"{key} = {_shown(value)}" for key, value in parameters.items() if key != "hierarchy")
    entropy = float(row.attrs["entropy"])
    return table(
        f"{row['point'].item()}: {parameters['hierarchy']}, {told}", head, body, labels=2,
        below=join(["In ", row.attrs.get("unit", "nats"), "; the cause itself has ", symbol("H"), "(", symbol("y", "0"),
                    f") = {entropy:.6g}. From {count(int(row.attrs['draws']))} draws."]),
    )  # fmt: skip


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _states(value: xr.DataArray) -> str:
    return count(int(value)) if math.isfinite(float(value)) else NONE
