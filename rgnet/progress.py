"""Progress of a run: a bar with running estimates on a terminal, a line now and then when it is not one."""

import math
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from rgnet.study import State

QUIET_SECONDS = 15.0  # without a terminal, say something at least this often


class ProgressDisplay:
    """Shows a `State` as it changes; an observer for `rgnet.study.run`, used as a context manager."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.reported = 0
        self.spoke = time.monotonic()
        self.progress: Progress | None = None
        if console.is_terminal:
            self.progress = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("points"),
                TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[now]}"),
                console=console, transient=True,
            )  # fmt: skip
            self.task = self.progress.add_task("sampling", total=total, now="")

    def __enter__(self) -> "ProgressDisplay":
        if self.progress is not None:
            self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.progress is not None:
            self.progress.stop()

    def __call__(self, state: State) -> None:
        """Show the state."""
        now = "  ".join(_running(name, entry) for name, entry in sorted(state.running.items()))
        for entry in state.finished[self.reported :]:
            # Points that finish together are counted one by one
            count = state.done - (len(state.finished) - 1 - state.finished.index(entry))
            self.console.print(
                f"\\[{count}/{state.total}] {entry['name']}  {_energy(entry['energy'])}  {entry['seconds']:.1f} s",
                highlight=False,
                soft_wrap=True,
            )
            for group, note in entry["notes"].items():
                self.console.print(f"    {group}: {note}", style="yellow", highlight=False, soft_wrap=True)
            self.spoke = time.monotonic()
        self.reported = len(state.finished)
        if self.progress is not None:
            partial = sum(entry["done"] for entry in state.running.values())
            self.progress.update(self.task, completed=state.done, now=now if partial else "")
        elif now and time.monotonic() - self.spoke > QUIET_SECONDS:
            self.console.print(f"\\[{state.done}/{state.total}] running: {now}", highlight=False, soft_wrap=True)
            self.spoke = time.monotonic()


def _energy(value: float) -> str:
    return f"energy/site {value:.4f}" if math.isfinite(value) else ""


def _running(name: str, entry: dict[str, float]) -> str:
    return f"{name} {entry['done']:.0%} {_energy(entry['energy'])}".rstrip()
