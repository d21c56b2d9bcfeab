"""Progress of a run: a bar with running estimates on a terminal, a line now and then when it is not one."""

import math
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from rgnet.study import State

QUIET_SECONDS = 15.0  # without a terminal, say something at least this often


class ProgressDisplay:
    """Shows a `State` as it changes; an observer for `rgnet.study.run`, used as a context manager."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.state = State(done=0, total=0)
        self.reported = self.restarted = 0
        self.spoke = time.monotonic()
        self.progress: Progress | None = None
        if console.is_terminal:
            self.progress = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("points"),
                TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[now]}"),
                console=console, transient=True,
            )  # fmt: skip
            self.task = self.progress.add_task("sampling", total=None, now="")

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
        self.state = state
        now = "  ".join(_running(name, entry) for name, entry in sorted(state.running.items()))
        for name in state.restarted[self.restarted :]:
            self._say(f"{name}: its worker died; begun again, from its last checkpoint if it has one", style="yellow")
        self.restarted = len(state.restarted)
        for number, entry in enumerate(state.finished[self.reported :], self.reported + 1):
            # Points that finish together are counted one by one
            count = state.done - (len(state.finished) - number)
            what = "by another run" if entry["elsewhere"] else f"{_energy(entry['energy'])}  {entry['seconds']:.1f} s"
            self._say(f"[{count}/{state.total}] {entry['name']}  {what}")
            for group, note in entry["notes"].items():
                self._say(f"    {group}: {note}", style="yellow")
        self.reported = len(state.finished)
        if self.progress is not None:
            partial = sum(entry["done"] for entry in state.running.values())
            self.progress.update(self.task, total=state.total, completed=state.done, now=now if partial else "")
        elif now and time.monotonic() - self.spoke > QUIET_SECONDS:
            self._say(f"[{state.done}/{state.total}] running: {now}")

    def _say(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
        self.spoke = time.monotonic()


def _energy(value: float) -> str:
    return f"energy/site {value:.4f}" if math.isfinite(value) else ""


def _running(name: str, entry: dict[str, Any]) -> str:
    return f"{name} {entry['done']:.0%} {_energy(entry['energy'])}{entry.get('words', '')}".rstrip()
