"""What `rgnet compare` asks of a study beyond what `rgnet run` asks, and the tables that it shows."""

from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from rgnet.study import asking
from rgnet.study.results import Results

COMPARISON = "comparison"


def check(path: str | Path) -> None:
    """Refuse a study that compares nothing.

    Raises
    ------
    StudyError
        If the study cannot be run, or has no experiment of that name.
    """
    asking.require(
        path, COMPARISON, lacks="nothing to compare", name="networks", example="simulations/compare-small.toml"
    )


def tables(found: Mapping[str, Results]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, headings and rows of every table of every comparison; the title says what sets a point apart."""
    from rgnet.comparison.summary import PAIR_TITLES, summary

    made = []
    for own, groups in asking.told_apart(found.get(COMPARISON, [])):
        for table in filter(_is_comparison, groups.values()):
            for title, (headings, rows) in zip(("The levels", *PAIR_TITLES.values()), summary(table), strict=True):
                made.append((f"{title[:1].upper()}{title[1:]}{own}", headings, rows))
    return made


def _is_comparison(table: xr.Dataset) -> bool:
    return {"decodability", "decodability_back", "cka"} <= set(table.data_vars) and "network" in table.dims
