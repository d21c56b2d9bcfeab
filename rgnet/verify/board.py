"""The board is run: every row measured in a pool of processes, then all judged by one limit.

A statistical row has z = (measured − expected)/√(stderr² + expected_stderr²). If all numbers and all error bars are
right, the largest |z| of n rows exceeds

    limit(n) = the two-sided quantile at α/n ,    α = 1 % ,

with probability of at most α, whatever the correlations between rows (Bonferroni). An error bar from few blocks makes
z a Student t; its row then has the quantile of that t. Deterministic rows and counts have no part in α.

A row's seed derives from the board's seed and the name of its check alone, so rows may come and go without changing
the others, and a sceptic can ask for another seed.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from rgnet.estimate import z_limit
from rgnet.experiments.catalogue import INSTALL, missing
from rgnet.verify.registry import Check, Measured, Row, checks, select

SEED = 2017


@dataclass(frozen=True)
class Outcome:
    """A row after its measurement: what came out, and whether it passes.

    Attributes
    ----------
    row : Row
    expected, measured, stderr, dof : float
        NaN where the measurement failed. ``expected`` is the row's, or what the measurement computed.
    seconds : float
        Time of the whole check, compilation included; rows of one check share it.
    check : str
        Name of the check.
    error : str or None
        Why there is no measurement, in one line.
    limit : float
        Largest |z| allowed, NaN for rows without z.
    passed : bool
    """

    row: Row
    expected: float
    measured: float
    stderr: float
    dof: float
    seconds: float
    check: str
    error: str | None = None
    limit: float = math.nan
    passed: bool = False

    @property
    def z(self) -> float:
        """(measured − expected) over both errors; NaN for rows without errors."""
        error = math.hypot(self.stderr, self.row.expected_stderr)
        return (self.measured - self.expected) / error if self.row.tolerance is None and error > 0 else math.nan


@dataclass(frozen=True)
class Skipped:
    """A row that was not measured, since something is not installed here, and what."""

    row: Row
    reason: str


@dataclass
class Progress:
    """How far a run of the board is; the observer's argument."""

    total: int
    finished: list[Outcome] = field(default_factory=list)
    running: list[str] = field(default_factory=list)


Observer = Callable[[Progress], None]


@dataclass(frozen=True)
class Board:
    """All outcomes, in the order of the registry, and how they came about; what was skipped fails nothing."""

    outcomes: list[Outcome]
    seed: int
    full: bool
    workers: int
    seconds: float
    skipped: tuple[Skipped, ...] = ()

    @property
    def failed(self) -> list[Outcome]:
        """Rows that did not pass."""
        return [outcome for outcome in self.outcomes if not outcome.passed]

    @property
    def scores(self) -> list[float]:
        """z of every statistical row that was measured."""
        return [outcome.z for outcome in self.outcomes if math.isfinite(outcome.z)]


def run(
    only: Sequence[str] | None = None,
    full: bool = False,
    workers: int | None = None,
    seed: int = SEED,
    observer: Observer | None = None,
    *,
    every: Iterable[Check] | None = None,
    executor: Executor | None = None,
) -> Board:
    """Measure rows and judge them.

    Parameters
    ----------
    only : names, groups or glob patterns, optional
        Such as ``["flow", "updates/energy-*"]``; every row unless given.
    full : bool
        The long rows too.
    workers : int, optional
        Number of processes; one for each core unless given.
    seed : int
        Any whole number of at least 0: the board must pass with nearly all of them.
    observer : callable, optional
        Called with the `Progress` at least five times a second.
    every : checks, optional
        Instead of those of `rgnet.verify.rows`.
    executor : Executor, optional
        Where to measure, anything with ``submit``; spawned processes unless given.

    Raises
    ------
    UnknownRowError
        If ``only`` names no row.
    ValueError
        If the seed or the number of workers is out of range.
    """
    _whole("seed", seed, 0)
    if workers is not None:
        _whole("workers", workers, 1)
    begun = time.monotonic()
    selected = select(checks() if every is None else every, only, full)
    lacking = {item.name: missing(item.requires) for item in dict.fromkeys(selected.values())}
    rows = {name: item for name, item in selected.items() if not lacking[item.name]}
    wanted = list(dict.fromkeys(rows.values()))
    progress = Progress(total=len(rows))

    from rgnet.study.executors import available_cores, process_pool
    from rgnet.study.points import point_seed

    jobs = [(item, point_seed(seed, item.name)) for item in sorted(wanted, key=lambda item: -item.cost)]
    count = max(1, min(len(jobs), workers or available_cores()))

    def finish(outcomes: list[Outcome]) -> None:
        progress.finished += [outcome for outcome in outcomes if outcome.row.name in rows]

    def notify() -> None:
        if observer is not None:
            observer(progress)

    if executor is not None:
        left = _compute(jobs, executor, progress, finish, notify)
    else:
        with process_pool(count) as pool:
            left = _compute(jobs, pool, progress, finish, notify)
    for job in left:  # a process died and took the pool with it: each on its own, to see which
        with process_pool(1) as pool:
            if _compute([job], pool, progress, finish, notify):
                finish(_failed(job[0], "the process that measured it died (out of memory, or a crash)", math.nan))
    notify()
    done = {outcome.row.name: outcome for outcome in progress.finished}
    skipped = tuple(
        Skipped(row, f"{' and '.join(lacking[item.name])} not installed ({INSTALL})")
        for name, item in selected.items()
        if lacking[item.name]
        for row in item.rows
        if row.name == name
    )
    return Board(judge([done[name] for name in rows]), seed, full, count, time.monotonic() - begun, skipped)


def judge(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes with ``limit`` and ``passed`` set: the more statistical rows there are, the larger the limit."""
    count = sum(outcome.row.tolerance is None for outcome in outcomes)
    return [_judged(outcome, count) for outcome in outcomes]


def _judged(outcome: Outcome, count: int) -> Outcome:
    tolerance = outcome.row.tolerance
    if outcome.error is not None:
        return replace(outcome, passed=False)
    if tolerance is not None:
        return replace(outcome, passed=abs(outcome.measured - outcome.expected) <= tolerance)
    # Welch and Satterthwaite: the expected value's error counts as known
    dof = outcome.dof * (1 + (outcome.row.expected_stderr / outcome.stderr) ** 2) ** 2
    allowed = z_limit(count, dof)
    return replace(outcome, limit=allowed, passed=abs(outcome.z) <= allowed)


def measure(item: Check, seed: int) -> list[Outcome]:
    """Run one check: an outcome for each of its rows, failures included."""
    begun = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)
            found = item.measure(seed)
        measured = [_measured(one) for one in _as_list(found)]
        if len(measured) != len(item.rows):
            raise ValueError(f"{len(measured)} measurements for {len(item.rows)} rows; return one for each, in order")
        seconds = time.monotonic() - begun
        return [_outcome(item, row, one, seconds) for row, one in zip(item.rows, measured, strict=True)]
    except Exception as error:  # one row's trouble must not end the board
        message = next(iter(str(error).splitlines()), "")
        return _failed(item, f"{type(error).__name__}: {message}", time.monotonic() - begun)


def _as_list(found: Any) -> list[Any]:
    return list(found) if isinstance(found, list | tuple) and not isinstance(found, Measured) else [found]


def _measured(found: Any) -> Measured:
    """A number, an Estimate or a Measured, as a Measured."""
    if isinstance(found, Measured):
        return found
    if not hasattr(found, "stderr"):
        return Measured(float(found))
    # A self-consistent window of about 10 τ: the squared error is known to (20 τ + 1)/n of itself, twice (Sokal 1997)
    dof = math.inf if found.n_effective is None else found.n / (10 * found.n / found.n_effective + 1)
    return Measured(float(found.value), float(found.stderr), dof)


def _outcome(item: Check, row: Row, one: Measured, seconds: float) -> Outcome:
    expected = row.expected if row.expected is not None else one.expected
    if expected is None:
        raise ValueError(f"{row.name} has no expected value; give it in the row, or as Measured(…, expected=…)")
    trouble = None
    if not (math.isfinite(one.value) and math.isfinite(expected)):
        trouble = f"measured {one.value}, expected {expected}: not a finite number"
    elif row.tolerance is None and not (math.isfinite(one.stderr) and one.stderr > 0):
        trouble = f"an error bar of {one.stderr}: a statistical row needs a positive one"
    return Outcome(row, expected, one.value, one.stderr, one.dof, seconds, item.name, trouble)


def _failed(item: Check, error: str, seconds: float) -> list[Outcome]:
    nan = math.nan
    return [
        Outcome(row, nan if row.expected is None else row.expected, nan, nan, nan, seconds, item.name, error)
        for row in item.rows
    ]


Job = tuple[Check, int]


def _compute(
    jobs: Sequence[Job],
    executor: Executor,
    progress: Progress,
    finish: Callable[[list[Outcome]], None],
    notify: Callable[[], None],
) -> list[Job]:
    """Measure checks in the order given; returns those left undone because a process died."""
    waiting: dict[Future[list[Outcome]], Job] = {}
    left = list(jobs)
    try:
        with suppress(BrokenExecutor):  # what could not be sent is left
            for job in jobs:
                waiting[executor.submit(measure, *job)] = job
        while waiting:
            ready, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in ready:
                job = waiting.pop(future)
                try:
                    finish(future.result())
                except BrokenExecutor:
                    continue
                except Exception as error:  # it could not be sent there, such as a lambda
                    finish(_failed(job[0], f"{type(error).__name__}: {error}".splitlines()[0], math.nan))
                left.remove(job)
            progress.running = [item.name for future, (item, _) in waiting.items() if future.running()]
            notify()
    finally:
        for future in waiting:
            future.cancel()
    return left


def _whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}={value!r}: give a whole number of at least {least}")
