"""What ``rgnet verify`` does: run the board with a progress line, show it, and say by a status how it went."""

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rgnet.verify.board import SEED, Board, Progress, run
from rgnet.verify.showing import show, to_json

if TYPE_CHECKING:
    from rich.console import Console

QUIET_SECONDS = 15.0  # without a terminal, say something at least this often


def main(
    only: Sequence[str] | None = None,
    full: bool = False,
    as_json: bool = False,
    workers: int | None = None,
    seed: int = SEED,
    console: "Console | None" = None,
) -> int:
    """Run the board and print it: 0 if every row passes, else 1.

    Parameters
    ----------
    only, full, workers, seed
        As `rgnet.verify.run`.
    as_json : bool
        Print nothing but JSON on standard output; progress goes to standard error either way.
    console : rich Console, optional
        Where the table goes.

    Raises
    ------
    UnknownRowError
        If ``only`` names no row, before anything is measured.
    """
    from rich.console import Console

    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120  # a file is no narrow terminal
    shown = console or Console(width=wide)
    board = _watched(only, full, workers, seed)
    if as_json:
        print(to_json(board))
    else:
        show(board, shown)
    return 1 if board.failed else 0


def _watched(only: Sequence[str] | None, full: bool, workers: int | None, seed: int) -> Board:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeElapsedColumn())
        with Bar(*columns, TextColumn("{task.fields[now]}"), console=console, transient=True) as bar:
            task = bar.add_task("rows", total=None, now="")

            def show(progress: Progress) -> None:
                now = ", ".join(progress.running[:2])
                bar.update(task, total=progress.total, completed=len(progress.finished), now=now)

            return run(only, full, workers, seed, show)
    spoke = time.monotonic()

    def speak(progress: Progress) -> None:
        nonlocal spoke
        if time.monotonic() - spoke > QUIET_SECONDS:
            now = ", ".join(progress.running[:2])
            print(f"[{len(progress.finished)}/{progress.total}] {now}", file=sys.stderr, flush=True)
            spoke = time.monotonic()

    return run(only, full, workers, seed, speak)
