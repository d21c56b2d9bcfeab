"""What the verification board checks: rows, each a number that is known, and the measurement that must give it.

A `Check` is one computation and the rows that it fills; a sample that gives energy and specific heat is drawn once.
Every file of `rgnet.verify.rows` is one group of checks, found by its name alone:

    @check(Row("flow/chain", "tanh K' of the chain, K = 0.8, b = 2", math.tanh(0.8) ** 2, "Kramers & Wannier 1941"))
    def decimated(seed: int) -> Measured:
        ...

Three kinds of row:

    statistical     value ± error against a number that may have an error too: |z| below the board's limit
    deterministic   ``tolerance=``: |measured − expected| ≤ tolerance, no chance involved
    count           ``tolerance=0`` and ``expected=0``: so many trials, none may fail

A check of what an extra installs says so, ``requires=("torch",)``, and imports it inside its function.

Checks travel to other processes, so a function is a module's own (or a `functools.partial` of one), never a lambda.
"""

import difflib
import fnmatch
import importlib
import math
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Measure = Callable[[int], Any]
"""From a seed to what was measured: a number, an Estimate or a `Measured`, or a sequence of them, one for each row."""


class UnknownRowError(ValueError):
    """No row of that name, or none that would run."""


class Measured(NamedTuple):
    """A measured value.

    ``dof`` is the number of degrees of freedom of the error itself (one less than the blocks it is from): with few,
    z is a Student t and not a normal. ``expected`` is for rows whose expectation is computed beside the measurement.
    """

    value: float
    stderr: float = 0.0
    dof: float = float("inf")
    expected: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of the board.

    Attributes
    ----------
    name : str
        Group and name, such as ``"updates/energy-16-wolff"``.
    quantity : str
        What is measured, as a reader sees it.
    expected : float or None
        What it must be; None if the measurement computes it on the way (by enumeration), as ``Measured.expected``.
    source : str
        Author and year, or how ``expected`` was obtained; short, as it stands in the table.
    expected_stderr : float
        Error of the expected value, 0 if exact.
    tolerance : float or None
        None: judged by z. A number: largest difference allowed.
    note : str
        What a reader must know beyond the source, such as what ``expected_stderr`` contains; shown below the table.
    """

    name: str
    quantity: str
    expected: float | None
    source: str
    expected_stderr: float = 0.0
    tolerance: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        group, _, rest = self.name.partition("/")
        if not group or not rest or any(character.isspace() for character in self.name):
            raise ValueError(f"row {self.name!r}: a name is GROUP/NAME without spaces, such as 'flow/chain'")
        if not self.source or not self.quantity:
            raise ValueError(f"row {self.name!r}: say the quantity, and the source (author and year, or the method)")

    @property
    def group(self) -> str:
        """The part of the name before the slash."""
        return self.name.partition("/")[0]

    @property
    def kind(self) -> str:
        """Statistical, deterministic or count."""
        if self.tolerance is None:
            return "statistical"
        return "count" if self.tolerance == 0 else "deterministic"


_SHORT = {"metropolis": "metro", "heat-bath": "HB", "swendsen-wang": "SW", "over-relaxation": "OR", "wolff": "Wolff"}


def short(update: str) -> str:
    """An update's name as quantities have it, ``"heat-bath+over-relaxation"`` -> ``"HB+OR"``."""
    return "+".join(_SHORT.get(name, name) for name in update.split("+"))


def published(text: str, wider: float = 0.0) -> tuple[float, float]:
    """Value and error of a number as it was printed, ``"0.968(2)"``: the last digit's rounding is part of the error.

    ``wider`` is what else the value may be off by.
    """
    digits, _, error = text.rstrip(")").partition("(")
    unit = 10.0 ** -len(digits.partition(".")[2])
    return float(digits), math.hypot(float(error or 0) * unit, unit / math.sqrt(12), wider)


@dataclass(frozen=True)
class Check:
    """One computation and the rows that it fills, in order.

    Attributes
    ----------
    cost : float
        Rough time in seconds: the longest start first.
    full : bool
        Whether it runs only when the full board is asked for.
    requires : tuple of str
        Packages beyond the core that it imports; where one is missing, its rows are skipped, and said to be.
    """

    rows: tuple[Row, ...]
    measure: Measure
    cost: float = 1.0
    full: bool = False
    requires: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """That of its first row; the seed derives from it."""
        return self.rows[0].name


_CHECKS: list[Check] = []


def check(
    *rows: Row, cost: float = 1.0, full: bool = False, requires: tuple[str, ...] = ()
) -> Callable[[Measure], Measure]:
    """Register the decorated function as the measurement of these rows."""

    def register(measure: Measure) -> Measure:
        _CHECKS.append(Check(rows, measure, cost, full, requires))
        return measure

    return register


def checks() -> list[Check]:
    """Every check there is, in the order of the board: files by name, checks as they stand in them."""
    package = importlib.import_module("rgnet.verify.rows")
    for found in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{found}")
    names = [row.name for item in _CHECKS for row in item.rows]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"rows of the same name: {', '.join(twice)}; a row's name is its own")
    return sorted(_CHECKS, key=lambda item: item.rows[0].group)


def select(every: Iterable[Check], only: Sequence[str] | None = None, full: bool = False) -> dict[str, Check]:
    """The rows to run, by name, each with the check that fills it.

    Parameters
    ----------
    only : names, groups or glob patterns, optional
        A row that is named in full runs whether or not ``full`` is given.

    Raises
    ------
    UnknownRowError
        If a pattern fits no row, or only rows that need ``full``.
    """
    rows = {row.name: item for item in every for row in item.rows}
    if only is None:
        return {name: item for name, item in rows.items() if full or not item.full}
    chosen: set[str] = set()
    for pattern in only:
        fits = {name for name in rows if _fits(name, pattern)}
        runs = {name for name in fits if full or name == pattern or not rows[name].full}
        if not fits:
            raise UnknownRowError(_unknown(pattern, rows))
        if not runs:
            raise UnknownRowError(f"--only {pattern}: every row of it is a long one; add --full to run it")
        chosen |= runs
    return {name: item for name, item in rows.items() if name in chosen}


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or name.startswith(pattern.rstrip("/") + "/") or fnmatch.fnmatchcase(name, pattern)


def _unknown(pattern: str, rows: Iterable[str]) -> str:
    groups = sorted({name.partition("/")[0] for name in rows})
    near = difflib.get_close_matches(pattern, [*groups, *rows], n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return (
        f"--only {pattern}: no row, group or pattern of that name{hint}; groups are {', '.join(groups)}, and a row is "
        f"GROUP/NAME as the board shows it"
    )
