"""The comparison as short tables for a terminal."""

import math

import xarray as xr

from rgnet.estimate import parenthesis

Rows = tuple[list[str], list[list[str]]]


def summary(table: xr.Dataset) -> list[Rows]:
    """Headings and rows as text: levels by themselves, decodability both ways, CKA.

    Parameters
    ----------
    table : Dataset
        As `compare` returns it.
    """
    return [_alone(table), *(_pairs(table, name, title) for name, title in PAIR_TITLES.items())]


PAIR_TITLES = {
    "decodability": "RG spins from the level",
    "decodability_back": "level from RG spins",
    "cka": "CKA",
    "cka_fluctuations": "CKA less means",
}


def number(row: xr.Dataset, name: str) -> str:
    """A value with its error, nothing where there is none."""
    value, error = float(row[name]), float(row[f"{name}_stderr"])
    return "" if not math.isfinite(value) else parenthesis(value, error)


def _entries(table: xr.Dataset) -> list[xr.Dataset]:
    """The rows that exist, networks in order."""
    found = [table.isel(network=i, level=k) for i in range(table.sizes["network"]) for k in range(table.sizes["level"])]
    return [row for row in found if math.isfinite(float(row["units"]))]


def _alone(table: xr.Dataset) -> Rows:
    targets = [str(name) for name in table["target"].values]
    first = str(table["operator"].values[0])
    headings = [
        "network", "level", "units", "sees", "parameters", "µs", f"K_{first}", "ξ (sites)",
        *(f"kept of {name}" for name in targets), "environment (nats)",
    ]  # fmt: skip
    rows = []
    for row in _entries(table):
        coupling = row.sel(operator=first)
        rows.append(
            [
                str(row["network"].item()),
                str(int(row["level"])),
                f"{int(row['units'])}",
                f"{int(row['receptive_field'])}",
                f"{int(row['parameters'])}",
                f"{float(row['microseconds']):.3g}",
                number(coupling, "coupling"),
                number(row, "correlation_length"),
                *(number(row.sel(target=name), "fraction") for name in targets),
                number(row, "environment"),
            ]
        )
    return headings, rows


def _pairs(table: xr.Dataset, name: str, title: str) -> Rows:
    headings = ["network", "level", *(f"{title}: RG {int(level)}" for level in table["rg_level"].values)]
    rows = [
        [
            str(row["network"].item()),
            str(int(row["level"])),
            *(number(row.sel(rg_level=level), name) for level in table["rg_level"].values),
        ]
        for row in _entries(table)
    ]
    return headings, rows
