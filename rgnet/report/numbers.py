"""The tables of a report: whole, never the best entry alone, with exact values beside."""

import xarray as xr

from rgnet.report.flow_tables import MOST_POINTS, MOST_ROWS, couplings, exponents, tangent, together
from rgnet.report.gather import Result
from rgnet.report.ledgers import ledgers
from rgnet.report.markup import Html, join, section, symbol, table, tag
from rgnet.report.thermodynamics import thermodynamics
from rgnet.report.words import NONE, measured, several, where


def numbers(result: Result) -> list[tuple[str, str, Html]]:
    """Anchor, short name and section of all tables that the result has the data for."""
    made = (
        ("exponents", "Exponents", exponents(result)),
        ("tangent", "Tangent", tangent(result)),
        ("couplings", "Couplings", couplings(result)),
        ("thermodynamics", "Thermodynamics", thermodynamics(result)),
        ("information", "Information", information(result)),
        ("ledger", "Ledger", ledgers(result)),
        ("notes", "Notes", notes(result)),
    )
    return [(anchor, name, part) for anchor, name, part in made if part]


def information(result: Result) -> Html | None:
    """What every level of every network keeps, each with what it is: exact, or a bound."""
    points = list(dict.fromkeys(result.names("information_K") + result.names("information_h")))
    by_point: dict[str, dict[str, dict[str, xr.Dataset]]] = {}  # point, coupling, network
    methods: list[str] = []
    for about in ("K", "h"):
        for network, point, row in result.rows(f"information_{about}", points[:MOST_POINTS]):
            by_point.setdefault(point, {}).setdefault(about, {})[network] = row
            method = str(row.attrs.get("method", ""))
            methods += [method] if method and method not in methods else []
    made = [_information_table(result, about, kept) for point in by_point.values() for about, kept in point.items()]
    if not made:
        return None
    return section(
        "information", "Fisher information kept",
        tag("p", "What each level still knows about the coupling ", symbol("K"), " and the field ", symbol("h"),
            ", as a fraction of what the microscopic configuration knows. An entry with ≥ is a lower bound: the level "
            "holds at least that much, and two bounds do not rank two maps by themselves. An entry with = is exact.",
            f" Method: {'; '.join(methods)}." if methods else ""),
        together(result, "information_K and _h", made, len(points) - MOST_POINTS),
    )  # fmt: skip


def _information_table(result: Result, about: str, kept: dict[str, xr.Dataset]) -> Html:
    row = next(iter(kept.values()))
    whole = measured(row["fisher"][0], row["fisher_stderr"][0])
    levels = sorted({int(level) for entry in kept.values() for level in entry["level"].values})
    body = [
        [
            network,
            *(
                _kept(entry.sel(level=level)) if level in entry["level"].values else NONE
                for level in levels
            ),
        ]
        for network, entry in kept.items()
    ]  # fmt: skip
    return table(
        join(["Kept about ", symbol(about), "; ", where(result, row)]),
        ["network", *(f"level {level}" for level in levels)],
        body,
        below=join(["Level 0 holds ", symbol("I", "0"), f" = {whole} per squared unit of ", symbol(about), "."]),
    )


def _kept(entry: xr.Dataset) -> str:
    return measured(entry["fraction"], entry["fraction_stderr"], entry["kind"].item())


def notes(result: Result) -> Html | None:
    """What analyses said: why one could not be done, or what to beware of."""
    said_by = result.attrs.get("notes") or {}
    lines = [(point, group, said) for point, groups in said_by.items() for group, said in groups.items()]
    if not lines:
        return None
    shown = lines[:MOST_ROWS]
    return section(
        "notes", "Notes of the analyses",
        tag("p", "What an analysis could not do, or warned of, while the rest of its point was computed."),
        table("Notes by point", ["point", "analysis", "what it said"],
              [[point, group, tag("span", said, class_="prose")] for point, group, said in shown], labels=2,
              below=f"{several(len(lines) - len(shown), 'further note')} in the attribute notes of {result.path.name}."
              if len(lines) > len(shown) else None),
    )  # fmt: skip
