"""The board as a reader sees it: a table for the terminal, plain text for a page, JSON for a program.

JSON, version 1: an object with

    schema            1
    rgnet, date       version of rgnet; when it was measured (UTC, ISO 8601)
    platform, python  where
    seed, full, workers, seconds
    family, limit     probability that a right board fails; largest |z| allowed of a row with a normal z
    passed            whether every row passed
    skipped           rows that were not measured: name, quantity, reason
    rows              name, quantity, kind (statistical, deterministic, count), expected, expected_stderr, source,
                      note, tolerance, measured, stderr, dof (of the error; null: normal), z, limit, passed, seconds
                      (of the check, which rows may share), check, error

A number that does not exist is null.
"""

import json
import math
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rgnet import __version__
from rgnet.estimate import FAMILY, parenthesis, z_limit
from rgnet.verify.board import Board, Outcome

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SCHEMA = 1


def table(board: Board) -> "Table":
    """The board as a rich table; at 120 columns a row is a line. Raised numbers at sources are those of `notes`."""
    from rich.table import Table
    from rich.text import Text

    view = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    view.add_column("row", no_wrap=True)
    view.add_column("quantity")
    for heading in ("expected", "measured", "z", "s"):
        view.add_column(heading, justify="right", no_wrap=True)
    view.add_column("source", min_width=12)
    group, numbers = "", {note: _raised(k) for k, note in enumerate(notes(board), 1)}
    for outcome, cells in _lines(board, numbers):
        if outcome.row.group != group:
            group = outcome.row.group
            view.add_row(Text(group, style="bold"))
        style = None if outcome.passed else "bold red"
        view.add_row(*(Text(cell) for cell in cells), style=style)
    return view


def notes(board: Board) -> list[str]:
    """The notes of all rows, each once, in order."""
    return list(dict.fromkeys(outcome.row.note for outcome in board.outcomes if outcome.row.note))


def text(board: Board, width: int = 120) -> str:
    """The board and its summary as plain text of that width, without colours."""
    import io

    from rich.console import Console

    file = io.StringIO()
    show(board, Console(file=file, width=width, color_system=None, legacy_windows=False))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def show(board: Board, console: "Console") -> None:
    """Print the table, its notes, and what it comes to."""
    console.print(table(board))
    console.print()
    for k, note in enumerate(notes(board), 1):
        console.print(f"{_raised(k)} {note}", highlight=False, markup=False)
    console.print()
    console.print(summary(board), highlight=False, markup=False)


def _raised(number: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(number))


def _lines(board: Board, numbers: dict[str, str]) -> Iterator[tuple[Outcome, tuple[str, ...]]]:
    """Each outcome with its cells. The time is that of the whole check, shown at the first of its rows."""
    previous = ""
    for outcome in board.outcomes:
        row = outcome.row
        name = row.name.partition("/")[2]
        seconds = f"{outcome.seconds:.1f}" if outcome.check != previous and math.isfinite(outcome.seconds) else ""
        previous = outcome.check
        if outcome.error is not None:
            expected = "" if math.isnan(outcome.expected) else f"{outcome.expected:.6g}"
            yield outcome, (f"  {name}", row.quantity, expected, "ERROR", "", seconds, outcome.error)
            continue
        mark = "" if outcome.passed else " FAIL"
        source = row.source + (f" {numbers[row.note]}" if row.note else "")
        yield outcome, (f"  {name}", row.quantity, *_numbers(outcome), _score(outcome) + mark, seconds, source)


def _numbers(outcome: Outcome) -> tuple[str, str]:
    """Expected and measured, with the digits that mean something."""
    row = outcome.row
    if row.kind == "count":
        return f"{outcome.expected:g}", f"{outcome.measured:g}"
    if row.kind == "deterministic":
        return f"{_rounded(outcome.expected):.10g}", f"{_rounded(outcome.measured):.10g}"
    measured = parenthesis(outcome.measured, outcome.stderr)
    if row.expected_stderr > 0:
        return parenthesis(outcome.expected, row.expected_stderr), measured
    places = min(15, max(0, 1 - math.floor(math.log10(outcome.stderr))))  # two digits of the error
    return f"{outcome.expected:.{places}f}", measured


def _rounded(value: float) -> float:
    """Rounding errors about 0 read 0: Δ tells them."""
    return round(value, 9) + 0.0


def _score(outcome: Outcome) -> str:
    if outcome.row.kind == "statistical":
        return f"{outcome.z:+.1f}"
    return "" if outcome.row.kind == "count" else f"Δ {abs(outcome.measured - outcome.expected):.0e}"


def summary(board: Board) -> str:
    """What the board comes to, in a few lines."""
    scores, judged = board.scores, [o for o in board.outcomes if o.row.kind == "statistical"]
    failed = board.failed
    lines = [f"{len(board.outcomes) - len(failed)} of {len(board.outcomes)} rows pass"]
    lines[0] += f"; failed: {', '.join(outcome.row.name for outcome in failed)}." if failed else "."
    if board.skipped:
        reasons = dict.fromkeys(one.reason for one in board.skipped)
        told = (
            f"{', '.join(one.row.name for one in board.skipped if one.reason == reason)}: {reason}"
            for reason in reasons
        )
        lines.append(f"{len(board.skipped)} skipped: {'; '.join(told)}.")
    if judged:
        few = max((outcome.limit for outcome in judged if math.isfinite(outcome.limit)), default=math.nan)
        allowed = z_limit(len(judged))
        wider = f" (up to {few:.2f} where the error itself is from few blocks)" if few > allowed + 0.005 else ""
        have = "row has" if len(judged) == 1 else "rows have"
        lines.append(
            f"{len(judged)} {have} a z; a row fails beyond |z| = {allowed:.2f}{wider}, which some row of a right board "
            f"does for {100 * FAMILY:g} % of all seeds (Bonferroni)."
        )
    if scores:
        mean = sum(scores) / len(scores)
        square = sum(z * z for z in scores)
        lines.append(
            f"Largest |z| {max(abs(z) for z in scores):.2f}, mean z {mean:+.2f}, χ² {square:.1f} of {len(scores)}"
            f" (for information: rows of one sample are correlated)."
        )
    lines.append("Errors are statistical, one standard deviation, with autocorrelation inside. Δ: no chance involved.")
    lines.append(
        f"rgnet {__version__}, seed {board.seed}, {board.workers} {'process' if board.workers == 1 else 'processes'}, "
        f"{board.seconds:.0f} s, {datetime.now(UTC):%Y-%m-%d}."
    )
    return "\n".join(lines)


def to_dict(board: Board) -> dict[str, Any]:
    """The board as plain data, of the schema above."""
    judged = sum(outcome.row.kind == "statistical" for outcome in board.outcomes)
    return {
        "schema": SCHEMA,
        "rgnet": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "seed": board.seed,
        "full": board.full,
        "workers": board.workers,
        "seconds": round(board.seconds, 3),
        "family": FAMILY,
        "limit": z_limit(judged) if judged else None,
        "passed": not board.failed,
        "skipped": [
            {"name": one.row.name, "quantity": one.row.quantity, "reason": one.reason} for one in board.skipped
        ],
        "rows": [_row(outcome) for outcome in board.outcomes],
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    row = outcome.row
    return {
        "name": row.name,
        "quantity": row.quantity,
        "kind": row.kind,
        "expected": _number(outcome.expected),
        "expected_stderr": row.expected_stderr,
        "source": row.source,
        "note": row.note,
        "tolerance": row.tolerance,
        "measured": _number(outcome.measured),
        "stderr": _number(outcome.stderr),
        "dof": _number(outcome.dof),
        "z": _number(outcome.z),
        "limit": _number(outcome.limit),
        "passed": outcome.passed,
        "seconds": _number(round(outcome.seconds, 3)),
        "check": outcome.check,
        "error": outcome.error,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def to_json(board: Board) -> str:
    """The board as JSON of the schema above."""
    return json.dumps(to_dict(board), indent=2, ensure_ascii=False, allow_nan=False)
