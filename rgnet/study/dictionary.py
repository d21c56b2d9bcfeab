"""What `rgnet dictionary` asks of a study beyond what `rgnet run` asks, and the tables that it shows."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rgnet.estimate import parenthesis
from rgnet.study import asking
from rgnet.study.results import Results

DICTIONARY = "dictionary"
HEADINGS = ["pair", "quantity", "measured", "exact", "z", "verdict"]


def check(path: str | Path) -> None:
    """Refuse a study without the experiment.

    Raises
    ------
    StudyError
        If the study cannot be run, or has no experiment of that name.
    """
    asking.require(path, DICTIONARY, lacks="nothing to look up", name="pairs", example="simulations/dictionary.toml")


def tables(found: Mapping[str, Results]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, headings and rows of every dictionary; the title says what sets a point apart."""
    made = []
    for own, groups in asking.told_apart(found.get(DICTIONARY, [])):
        if "table" not in groups:
            continue
        table, rows, before = groups["table"], [], ""
        for k in range(table.sizes["row"]):
            row = {str(name): table[name].values[k].item() for name in table.data_vars}
            pair = f"{row['left']} ↔ {row['right']}"
            rows.append(["" if pair == before else pair, *_cells(row)])
            before = pair
        made.append((f"The dictionary{own}", HEADINGS, rows))
    return made


def _cells(row: Mapping[str, Any]) -> list[str]:
    """Quantity with its unit, measured value with its error, exact value, z, verdict."""
    value, stderr, expected, z = (float(row[name]) for name in ("value", "stderr", "expected", "z"))
    quantity = f"{row['quantity']}{', ' if row['unit'] else ''}{row['unit']}"
    measured, exact = parenthesis(value, stderr), f"{expected:.4g}" if math.isfinite(expected) else ""
    if row["rule"] in ("rounding", "count"):
        measured = f"{value:.0e}" if row["rule"] == "rounding" else f"{value:.0f}"
    return [
        quantity,
        measured,
        exact,
        f"{z:.1f}" if abs(z) < 100 else f"{z:.0f}" if math.isfinite(z) else "",
        str(row["verdict"]),
    ]
