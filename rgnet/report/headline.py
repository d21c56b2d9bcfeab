"""The few numbers at the top of a report, each beside the exact one.

None is chosen for being close: exponents and tangents are those of all operators at the deepest level, with the levels
before it in small print, and of scores the largest is shown.
"""

import json

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.estimate import FAMILY, z_limit
from rgnet.exact import ising2d
from rgnet.report.gather import Result
from rgnet.report.ledgers import points
from rgnet.report.markup import Html, join, symbol, tag
from rgnet.report.words import NONE, Y_H, Y_T, measured, minus, scores

MOST_CARDS = 6


def headline(result: Result) -> Html | None:
    """A row of cards: what it is, the measured value, the exact one."""
    cards = [*_exponents(result), *_tangent(result), *_energies(result), *_decimation(result), *_information(result),
             *_ledger(result)]  # fmt: skip
    return tag("div", *cards[:MOST_CARDS], class_="cards") if cards else None


def _card(label: object, value: object, beside: object, small: object = None) -> Html:
    return tag(
        "div",
        tag("p", label, class_="label"),
        tag("p", value, class_="value"),
        tag("p", beside, class_="beside"),
        tag("p", small, class_="small") if small else None,
        class_="card",
    )


def _exponents(result: Result) -> list[Html]:
    """y_t and y_h of the first network that has a critical point's table."""
    for network, _, row in result.rows("mcrg", result.names("mcrg", at_critical=True)[:1]):
        known = result.at_critical(row)
        if known is None:
            continue
        made = []
        for name, sign, sector, value in (("y_t", Y_T, "even", known.y_t), ("y_h", Y_H, "odd", known.y_h)):
            shown = _by_level(row, name, len(json.loads(row.attrs.get(sector, "[]"))))
            if shown:
                level, last = shown[-1]
                before = "; ".join(f"level {n}: {text}" for n, text in shown[:-1])
                label = join([sign, f", {network}, level {level}"])
                made.append(_card(label, last, f"{known.source} {value:g}", before))
        return made
    return []


def _by_level(row: xr.Dataset, name: str, operators: int) -> list[tuple[int, str]]:
    """Level and value with the most operators that there is one for."""
    shown = []
    for level in row["level"].values:
        entry = row.sel(level=level)
        good = np.flatnonzero(np.isfinite(entry[name].values[:operators]))
        if good.size:
            k = int(good[-1])
            shown.append((int(level), measured(entry[name][k], entry[f"{name}_stderr"][k])))
    return shown


def _tangent(result: Result) -> list[Html]:
    for network, _, row in result.rows("tangent", result.names("tangent", at_critical=True)):
        names = [str(name) for name in row["operator"].values]
        if int(row["ndim"]) != 2 or row.attrs.get("reference", names[0]) != "nn" or "nnn" not in names:
            continue
        column = row.sel(operator="nnn")
        shown = [
            (int(level), measured(column["ratio"][k], column["ratio_stderr"][k]))
            for k, level in enumerate(row["level"].values)
        ]
        shown = [(level, text) for level, text in shown if text != NONE]
        if shown:
            before = "; ".join(f"level {level}: {text}" for level, text in shown[:-1])
            limit = f"limit {ising2d.TANGENT['nnn']:.5g}"
            return [_card(f"Tangent nnn : nn, {network}, level {shown[-1][0]}", shown[-1][1], limit, before)]
    return []


def _energies(result: Result) -> list[Html]:
    group = result.groups.get("thermodynamics")
    if group is None or "energy_exact" not in group:
        return []
    z = scores(group["energy"].values, group["energy_stderr"].values, group["energy_exact"].values)
    return _largest("Energies beside exact ones", z, "energies")


def _decimation(result: Result) -> list[Html]:
    """tanh K of decimated chains beside tanh^b K, over all networks of decimations."""
    found = []
    for network, group in result.tables("couplings"):
        chains = group.isel(point=np.flatnonzero((group["ndim"].values == 1) & (group["h"].values == 0)))
        if chains.sizes["point"] and all(
            layer["layer"] == "decimation" for layer in result.study["networks"][network]["layers"]
        ):
            nn = chains.sel(operator="nn").transpose("point", "level")
            tanh = np.tanh(nn["coupling"].values)
            exact = np.tanh(nn["K"].values)[:, None] ** nn["scale"].values[None, :]
            found.append(scores(tanh, (1 - tanh**2) * nn["coupling_stderr"].values, exact)[:, 1:].ravel())
    return _largest("tanh K after decimation", np.concatenate(found), "couplings") if found else []


def _largest(label: str, z: npt.NDArray[np.float64], what: str) -> list[Html]:
    """The largest |z| with the limit that belongs to the number of ``what`` was compared."""
    z = z[np.isfinite(z)]
    if z.size == 0:
        return []
    limit, largest = z_limit(z.size), float(np.abs(z).max())
    side = "within" if largest <= limit else "beyond"
    verdict = f"{side} {limit:.2f}, the {100 * (1 - FAMILY):g}\u00a0% limit"
    mean = minus(f"{z.mean():+.2f}")
    return [
        _card(
            f"{label}: largest |z|",
            f"{largest:.2f}",
            verdict if largest <= limit else tag("span", verdict, class_="far"),
            f"{z.size} {what}; mean z {mean}",
        )
    ]


def _information(result: Result) -> list[Html]:
    """What the first level keeps about K, network by network, of the first point."""
    first_point = result.names("information_K")[:1]
    rows = [(network, row) for network, _, row in result.rows("information_K", first_point) if row.sizes["level"] > 1]
    if not rows:
        return []
    kept = [
        (network, measured(row["fraction"][1], row["fraction_stderr"][1], row["kind"][1].item()))
        for network, row in rows
    ]
    first, *others = kept
    small = "; ".join(f"{network}: {text}" for network, text in others[:4])
    return [
        _card(
            join(["Fisher information about ", symbol("K"), f" kept by level 1, {first[0]}"]),
            first[1],
            f"of what level 0 holds, {first_point[0]}",
            small,
        )
    ]


def _ledger(result: Result) -> list[Html]:
    """What the data know of the cause, and how estimates compare with exact values, over all points."""
    table = result.groups.get("ledger")
    if table is None:
        return []
    name, row = points(result)[0]
    whole = row.isel(level=0, network=0)
    exact = float(whole["exact"])
    beside = f"exact {exact:.5g} nats" if np.isfinite(exact) else "no exact value"
    cards = [
        _card(
            join(["Information about ", symbol("y", "0"), f" in the data, {name}"]),
            measured(whole["information"], whole["information_stderr"]),
            beside,
            f"of {float(row.attrs['entropy']):.5g} nats of the cause itself",
        )
    ]
    once = table.where((table["level"] > 0) | (table["network"] == table["network"][0]))  # they share their data
    z = scores(once["information"].values, once["information_stderr"].values, once["exact"].values)
    return cards + _largest("Information beside exact values", z, "levels")
