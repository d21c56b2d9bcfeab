"""The experiments of a report: each with what was found, its figure, and what its points were."""

import json
from typing import Any

from rgnet import plot
from rgnet.experiments import catalogue
from rgnet.report.figures import Pictures, card
from rgnet.report.gather import Result
from rgnet.report.markup import Html, join, section, table, tag
from rgnet.report.words import NONE, minus, several
from rgnet.study import comparing, dictionary
from rgnet.study.experiment_rules import described
from rgnet.study.results import Results, paragraphs

MOST_VALUES = 8  # of a parameter that are shown


def experiments(result: Result, pictures: Pictures) -> list[tuple[str, str, Html]]:
    """Anchor, short name and section of each experiment that the result holds."""
    words = paragraphs(result.experiments)
    return [
        (f"experiment-{name}", name, _section(name, points, words.get(name), pictures.experiments.get(name)))
        for name, points in result.experiments.items()
    ]


def _section(name: str, points: Results, words: str | None, picture: bytes | None) -> Html:
    summary = _summary(name)
    lines = words.split("\n\n") if words else ["This rgnet does not know the experiment; its groups are in the result."]
    return section(
        f"experiment-{name}", summary.rstrip("."),
        tag("p", "Experiment ", tag("code", name), f", {several(len(points), 'point')}.", class_="below"),
        *(tag("p", tag("strong", title), " ", line) for title, line in _claim(name)),
        *(tag("p", line) for line in lines),
        card(f"{plot.EXPERIMENT}{name}", picture, _alternative(name, summary), join([_caption(name, summary)]))
        if picture else None,
        *tables(name, points),
        _parameters(points),
    )  # fmt: skip


def tables(name: str, points: Results) -> list[Html]:
    """Tables of an experiment beyond its figure: those of a comparison, and of a dictionary."""
    if name == dictionary.DICTIONARY:
        return [table(title, headings, rows, labels=2) for title, headings, rows in dictionary.tables({name: points})]
    if name != comparing.COMPARISON:
        return []
    return [
        table(title, headings, [[*row[:2], *(minus(cell) or NONE for cell in row[2:])] for row in rows], labels=2)
        for title, headings, rows in comparing.tables({name: points})
    ]


def _summary(name: str) -> str:
    known = name in catalogue.EXPERIMENTS
    line = str(getattr(catalogue.module(name), "SUMMARY", name)) if known else name
    return line[:1].upper() + line[1:]


def _claim(name: str) -> list[tuple[str, str]]:
    """What is disputed, with its title; nothing for an experiment that this rgnet does not know."""
    claim = getattr(catalogue.module(name), "CLAIM", "") if name in catalogue.EXPERIMENTS else ""
    return [("The claim.", str(claim))] if claim else []


def _alternative(name: str, summary: str) -> str:
    """What the figure shows, for those who do not see it: the drawing module's ALT, or the experiment's line."""
    return str(getattr(_drawing(name), "ALT", f"Figure of the experiment {name}: {summary}"))


def _caption(name: str, summary: str) -> str:
    return str(getattr(_drawing(name), "CAPTION", summary))


def _drawing(name: str) -> Any:
    """The module of the figure; of an experiment that this rgnet does not know, none."""
    return plot.experiment_module(name) if name in catalogue.EXPERIMENTS else None


def _parameters(points: Results) -> Html:
    """Every parameter, with its different values over the points."""
    values: dict[str, dict[str, Any]] = {}
    for parameters, _ in points:
        for key, value in parameters.items():
            values.setdefault(key, {}).setdefault(json.dumps(value, sort_keys=True), value)
    rows = [[key, tag("span", _several(several_), class_="prose")] for key, several_ in values.items()]
    return table("Parameters of its points, defaults written out", ["parameter", "value"], rows)


def _several(values: dict[str, Any]) -> str:
    shown = [described({"": value}).removeprefix(" = ") or "none" for value in list(values.values())[:MOST_VALUES]]
    left = len(values) - len(shown)
    return "; ".join([*shown, *([f"… and {left} more"] if left else [])])
