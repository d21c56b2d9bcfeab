"""The tables of a report: whole, never the best entry alone, with exact values beside."""

import numpy as np
import xarray as xr

from rgnet.estimate import FAMILY, z_limit
from rgnet.report.flow_tables import MOST_POINTS, MOST_ROWS, couplings, exponents, left_out, tangent, together
from rgnet.report.gather import Result
from rgnet.report.ledgers import ledgers
from rgnet.report.markup import Html, join, section, symbol, table, tag
from rgnet.report.words import (
    K_C,
    NONE,
    count,
    exact_number,
    measured,
    score,
    scores,
    several,
    where,
)


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


def thermodynamics(result: Result) -> Html | None:
    """Energies and their like of every point, with exact values and scores beside."""
    group = result.groups.get("thermodynamics")
    if group is None:
        return None
    columns = [name for name in ("energy", "specific_heat") if f"{name}_exact" in group]
    every = {
        name: scores(group[name].values, group[f"{name}_stderr"].values, group[f"{name}_exact"].values)
        for name in columns
    }
    compared = int(sum(np.isfinite(z).sum() for z in every.values()))
    limit = z_limit(compared)
    quantities: list[tuple[str, object]] = [
        ("energy", join(["energy ", symbol("e")])), ("specific_heat", join(["specific heat ", symbol("c")])),
        ("magnetization", join(["|", symbol("m"), "|"])), ("susceptibility", join(["susceptibility ", symbol("χ")])),
        ("binder", join(["Binder ", symbol("U", "4")])), ("correlation_length", join(["length ", symbol("ξ")])),
    ]  # fmt: skip
    quantities = [(name, label) for name, label in quantities if name in group]
    head: list[object] = ["ensemble", "lattice", symbol("K"), join([symbol("K"), "/", K_C])]
    field = bool(np.any(group["h"].values != 0))
    head += [symbol("h")] if field else []
    for name, label in quantities:
        head += [label, *(["exact", "z"] if name in columns else [])]
    head += ["τ of e, draws"] if "tau_energy" in group else []
    body: list[list[object]] = []
    columns_of = {str(name): group[name].values for name in group.variables}
    for i in range(min(group.sizes["point"], MOST_ROWS)):
        row = {name: values[i] for name, values in columns_of.items()}
        known = result.critical(int(row["ndim"]))
        cells: list[object] = [
            row["ensemble"], str(row["shape"]).replace("x", "×"), f"{row['K']:.6g}",
            f"{row['K'] / known.K_c:.4g}" if known else NONE,
        ]  # fmt: skip
        cells += [f"{row['h']:.6g}"] if field else []
        for name, _ in quantities:
            cells.append(measured(row[name], row[f"{name}_stderr"]))
            if name in columns:
                cells += [exact_number(row[f"{name}_exact"]), score(every[name][i], limit)]
        cells += [f"{row['tau_energy']:.2g}"] if "tau_energy" in row else []
        body.append(cells)
    note: list[object] = ["Per site, from the microscopic configurations; ", symbol("e"), " = −⟨Σ ", symbol("s"),
                          symbol("s"), "⟩/", symbol("N"), "."]  # fmt: skip
    if compared:
        note += [
            f" Exact are the values on this very finite lattice. If measured values and errors are right, z = "
            f"(measured − exact)/error is a standard normal: of {count(compared)} scores the largest exceeds "
            f"{limit:.2f} in {100 * FAMILY:g} % of all runs. A score beyond that is marked with an exclamation mark."
        ]
    else:
        note += [" No exact values are known on these finite lattices."]
    return section(
        "thermodynamics", "Thermodynamics", tag("p", *note),
        table("Measured, with exact values beside where they are known", head, body,
              below=left_out(result, group.sizes["point"] - len(body), "thermodynamics")),
    )  # fmt: skip


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
