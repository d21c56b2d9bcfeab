"""What `rgnet dictionary` asks of a study beyond what `rgnet run` asks, and the tables that it shows."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rgnet.estimate import parenthesis
from rgnet.study.experiment_rules import described
from rgnet.study.results import Results
from rgnet.study.schema import StudyError, load

DICTIONARY = "dictionary"
HEADINGS = ["pair", "quantity", "measured", "exact", "z", "verdict"]


def check(path: str | Path) -> None:
    """Refuse a study without the experiment.

    Raises
    ------
    StudyError
        If the study cannot be run, or has no experiment of that name.
    """
    if Path(path).suffix.lower() in (".h5", ".hdf5", ".nc"):
        raise StudyError(f"{path} is data: give the study (TOML); `rgnet report {path}` shows what a result.h5 holds")
    if not any(section.experiment == DICTIONARY for section in load(path).experiments):
        raise StudyError(
            f'{path} has no experiment "{DICTIONARY}", so there is nothing to look up: add [[experiments]] with '
            f'name = "pairs" and experiment = "{DICTIONARY}", as simulations/dictionary.toml has; `rgnet run` runs '
            f"every study"
        )


def tables(found: Mapping[str, Results]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, headings and rows of every dictionary; the title says what sets a point apart."""
    points = found.get(DICTIONARY, [])
    shared = {
        key for key, value in (points[0][0] if points else {}).items() if all(p.get(key) == value for p, _ in points)
    }
    made = []
    for parameters, groups in points:
        if "table" not in groups:
            continue
        own = described({key: value for key, value in parameters.items() if key not in shared})
        table, rows, before = groups["table"], [], ""
        for k in range(table.sizes["row"]):
            row = {str(name): table[name].values[k].item() for name in table.data_vars}
            pair = f"{row['left']} ↔ {row['right']}"
            rows.append(["" if pair == before else pair, *_cells(row)])
            before = pair
        made.append((f"The dictionary{f' ({own})' if own else ''}", HEADINGS, rows))
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
