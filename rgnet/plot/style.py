"""The one style of every figure, and the words they share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

_Arguments = ParamSpec("_Arguments")

EXACT = {"color": "0.25", "linewidth": 1.0, "linestyle": (0, (5, 3)), "marker": "none"}  # every exact line
WIDTH = 7.0  # inches: two columns of a journal

OPERATOR_LABELS = {
    "nn": r"$K_\mathrm{nn}$",
    "nnn": r"$K_\mathrm{nnn}$",
    "plaquette": r"$K_\square$",
    "third": r"$K_\mathrm{3rd}$",
}


def styled(function: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Draw in rgnet's style without touching the user's settings, and without a display."""

    @functools.wraps(function)
    def wrapper(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Figure:
        style = mpl.rc_params_from_file(Path(__file__).with_name("rgnet.mplstyle"), use_default_template=False)
        with mpl.rc_context(dict(style)):
            figure = function(*args, **kwargs)
            for line in figure.findobj(Line2D):
                _fix_colors(line)
            figure.draw_without_rendering()  # fixes the layout while the style holds
            return figure

    return wrapper


def _fix_colors(line: Any) -> None:
    """Put values for names such as "C0", which would be looked up again when the figure is saved, the style left."""
    marker, edge = to_rgba(line.get_markerfacecolor()), to_rgba(line.get_markeredgecolor())
    line.set_color(to_rgba(line.get_color()))
    line.set_markerfacecolor(marker)
    line.set_markeredgecolor(edge)


def subplots(columns: int, height: float = 3.0, rows: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A figure of the standard width with a grid of axes, always as a 2-D array."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def integer_ticks(axes: Any, values: Any) -> None:
    """Ticks at whole numbers, for levels and counts."""
    axes.set_xticks([int(value) for value in values])
    axes.set_xticks([], minor=True)
