"""What `rgnet compare` asks of a study beyond what `rgnet run` asks, and the tables that it shows."""

from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from rgnet.study.experiment_rules import described
from rgnet.study.results import Results
from rgnet.study.schema import StudyError, load

COMPARISON = "comparison"


def check(path: str | Path) -> None:
    """Refuse a study that compares nothing.

    Raises
    ------
    StudyError
        If the study cannot be run, or has no experiment of that name.
    """
    if Path(path).suffix.lower() in (".h5", ".hdf5", ".nc"):
        raise StudyError(f"{path} is data: give the study (TOML); `rgnet report {path}` shows what a result.h5 holds")
    if not any(section.experiment == COMPARISON for section in load(path).experiments):
        raise StudyError(
            f'{path} has no experiment "{COMPARISON}", so there is nothing to compare: add [[experiments]] with '
            f'name = "networks" and experiment = "{COMPARISON}", as simulations/compare-small.toml has; '
            f"`rgnet run` runs every study"
        )


def tables(found: Mapping[str, Results]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, headings and rows of every table of every comparison; the title says what sets a point apart."""
    from rgnet.comparison.summary import PAIR_TITLES, summary

    points = found.get(COMPARISON, [])
    shared = {
        key for key, value in (points[0][0] if points else {}).items() if all(p.get(key) == value for p, _ in points)
    }
    made = []
    for parameters, groups in points:
        own = described({key: value for key, value in parameters.items() if key not in shared})
        for table in filter(_is_comparison, groups.values()):
            for title, (headings, rows) in zip(("The levels", *PAIR_TITLES.values()), summary(table), strict=True):
                made.append((f"{title[:1].upper()}{title[1:]}{f' ({own})' if own else ''}", headings, rows))
    return made


def _is_comparison(table: xr.Dataset) -> bool:
    return {"decodability", "decodability_back", "cka"} <= set(table.data_vars) and "network" in table.dims
