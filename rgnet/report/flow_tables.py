"""Tables of what coarse-graining does: exponents, tangents of the critical manifold, couplings by level."""

import json
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.estimate import FAMILY, z_limit
from rgnet.exact import ising2d
from rgnet.flow.mcrg import FLAGS
from rgnet.report.gather import Result
from rgnet.report.markup import Html, join, section, symbol, table, tag
from rgnet.report.words import (
    NONE,
    Y_H,
    Y_T,
    exact_number,
    measured,
    score,
    scores,
    several,
    where,
)

MOST_ROWS = 200  # of one table
MOST_POINTS = 8  # with tables of their own in one section
_OPERATORS = {"third": "3rd", "fourth": "4th"}  # shorter heads


def together(result: Result, kind: str, made: Sequence[Html], left: int) -> Html:
    """Tables beside each other where there is room, and how many more there are."""
    rest = f"{several(left, 'further point')} with tables of this kind: group NETWORK/{kind} of {result.path.name}."
    return tag("div", *made, tag("p", rest, class_="below") if left > 0 else None, class_="tables")


def left_out(result: Result, rows: int, group: str) -> str | None:
    """How many rows of a group are not shown, and where they are; nothing if all are."""
    if rows <= 0:
        return None
    return (
        f"{several(rows, 'further row')} left out here. All are in the group {group} of {result.path.name}: "
        f'rgnet.open("{result.path.name}")["{group}"].'
    )


def exponents(result: Result) -> Html | None:
    """y_t and y_h for every pair of levels and every number of operators, with the exact values below."""
    names = result.names("mcrg")
    if not names:
        return None
    made = [
        item
        for network, _, row in result.rows("mcrg", names[:MOST_POINTS])
        for item in _exponent_tables(result, network, row)
    ]
    return section(
        "exponents", "Exponents",
        tag("p", Y_T, " and ", Y_H, " from the linearised flow between neighbouring levels, by Monte Carlo RG "
            "(Swendsen 1979). A column adds one more operator. Each entry is truncated to its operators, which no "
            "error bar contains: look for what stays put from column to column and from level to level."),
        together(result, "mcrg", made, len(names) - MOST_POINTS),
    )  # fmt: skip


def _exponent_tables(result: Result, network: str, row: xr.Dataset) -> list[Html]:
    known = result.at_critical(row)
    made = []
    for name, sign, sector, value in (
        ("y_t", Y_T, "even", known and known.y_t),
        ("y_h", Y_H, "odd", known and known.y_h),
    ):
        operators = json.loads(row.attrs.get(sector, "[]"))
        if name not in row or not operators:
            continue
        body = [
            [f"{int(level) - 1} → {int(level)}"]
            + [_exponent(row.sel(level=level, operators=n), name) for n in range(1, len(operators) + 1)]
            for level in row["level"].values
        ]
        head = ["levels", *(f"{'+ ' if i else ''}{_OPERATORS.get(o, o)}" for i, o in enumerate(operators))]
        made.append(
            table(
                join([sign, f", {sector} sector, network {network}; ", where(result, row)]),
                head,
                body,
                last=[known.source, *[f"{value:.7g}"] * len(operators)] if known else None,
                below=None if known else "No exact value is known at this coupling.",
            )
        )
    return made


def _exponent(entry: xr.Dataset, name: str) -> Html | str:
    shown = measured(entry[name], entry[f"{name}_stderr"])
    flag = f"flag_{name[-1]}"
    if shown != NONE or flag not in entry:
        return shown
    why = FLAGS[int(entry[flag])].replace("_", " ")
    return tag("span", NONE, " ", tag("small", why))


def tangent(result: Result) -> Html | None:
    """Ratios of the critical-manifold row by level, with their limits below."""
    points = result.names("tangent")
    if not points:
        return None
    made = []
    for network, _, row in result.rows("tangent", points[:MOST_POINTS]):
        names = [str(name) for name in row["operator"].values]
        plane = int(row["ndim"]) == 2 and result.at_critical(row) and row.attrs.get("reference", names[0]) == "nn"
        limits = [ising2d.TANGENT.get(name) for name in names] if plane else [None] * len(names)
        made.append(
            table(
                join([f"Ratios to {names[0]}, network {network}; ", where(result, row)]),
                ["level", *(_OPERATORS.get(name, name) for name in names)],
                [
                    [
                        str(int(level)),
                        *(
                            measured(entry["ratio"], entry["ratio_stderr"])
                            for entry in (row.sel(level=level, operator=name) for name in names)
                        ),
                    ]
                    for level in row["level"].values
                ],
                last=["limit", *(f"{limit:.5g}" if limit is not None else NONE for limit in limits)] if plane else None,
            )
        )
    return section(
        "tangent", "Tangent of the critical manifold",
        tag("p", "Which changes of the microscopic couplings leave a critical model critical: derivatives of one "
            "coarse operator by each coupling, relative to the first. These ratios are free of truncation; what is "
            "left at a finite level is the decay of irrelevant directions, and the finite size. The limit of many "
            "levels on the square lattice is that of Wu & Car (2019)."),
        together(result, "tangent", made, len(points) - MOST_POINTS),
    )  # fmt: skip


def couplings(result: Result) -> Html | None:
    """Couplings of every level of every point, one table a network."""
    tables = list(result.tables("couplings"))
    if not tables:
        return None
    made = [_coupling_table(result, network, group) for network, group in tables]
    return section(
        "couplings", "Couplings by level",
        tag("p", "The couplings that each level’s configurations obey, by maximum pseudo-likelihood within the "
            "operators listed. At level 0 they are those that were put in. Beyond it the true Hamiltonian has "
            "infinitely many terms, unless the layers are decimations of a chain, where tanh ", symbol("K"), "′ = tanh",
            tag("sup", symbol("b")), " ", symbol("K"), " is exact."),
        *made,
    )  # fmt: skip


def _coupling_table(result: Result, network: str, group: xr.Dataset) -> Html:
    names = [str(name) for name in group["operator"].values]
    body: list[list[object]] = []
    order = np.lexsort((group["K"].values, group["sites"].values, group["ndim"].values))
    total = len(order) * group.sizes["level"]
    recursion = _decimated_chains(result, network, group)
    compared = int(np.where(recursion, group.sizes["level"], 1).sum())
    limit = z_limit(compared)
    for i in order[: max(MOST_ROWS // group.sizes["level"], 1)]:
        row = group.isel(point=int(i))
        K, place = float(row["K"]), where(result, row)
        for level in row["level"].values:
            entry = row.sel(level=level)
            scale = int(entry["scale"])
            exact = K if level == 0 else math.atanh(math.tanh(K) ** scale) if recursion[i] else math.nan
            first = entry.isel(operator=0)
            z = float(scores(first["coupling"], first["coupling_stderr"], exact))
            body.append(
                [
                    place if level == 0 else tag("span", place, class_="again"), str(int(level)), str(scale),
                    *(measured(entry["coupling"][k], entry["coupling_stderr"][k]) for k in range(len(names))),
                    exact_number(exact), score(z, limit),
                ]
            )  # fmt: skip
    first_name = _OPERATORS.get(names[0], names[0])
    return table(
        f"Couplings, network {network}",
        ["point", "level", "scale", *(_OPERATORS.get(name, name) for name in names), f"exact {first_name}", "z"],
        body,
        below=join([
            f"z = (measured − exact)/error of {first_name}; beyond ±{limit:.2f} a score is marked, which happens by "
            f"chance in {100 * FAMILY:g} % of all runs. ",
            left_out(result, total - len(body), f"{network}/couplings"),
        ]),
    )  # fmt: skip


def _decimated_chains(result: Result, network: str, group: xr.Dataset) -> npt.NDArray[np.bool_]:
    """At which points the exact recursion holds: chains with K alone, under decimations alone."""
    layers = result.study["networks"][network]["layers"]
    model = result.study["model"]
    plain = model.get("name", "Ising") == "Ising" and not model.get("couplings")
    alone = plain and all(layer["layer"] == "decimation" for layer in layers)
    return np.asarray((group["ndim"].values == 1) & (group["h"].values == 0) & alone)
