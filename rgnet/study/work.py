"""Points through an executor: what is submitted when, and what becomes of points whose worker dies."""

import queue
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rgnet.study import scratch as scratches
from rgnet.study.compute import Job, compute_point
from rgnet.study.executors import WorkerPool
from rgnet.study.points import Point

Observer = Callable[["State"], None]

TICK = 0.2  # seconds between two looks at what runs
WORKER_DIED = (
    "a worker process died: killed, out of memory (then give fewer workers), or started by a script without its "
    '`if __name__ == "__main__":` guard; complete points are kept, run again to go on'
)
_ASK_AGAIN = 1.0  # seconds until a point that another run has in hand is asked for again
EXECUTOR_GONE = "the executor has lost its workers, or its scheduler; complete points are kept, run again to go on"
_MOST_DEATHS = 3  # a point whose worker died so often is given up
_MOST_UNEXPLAINED = 3  # workers that died with no point in hand, such as while they started


class PointsFailedError(RuntimeError):
    """Points that could not be computed, each with its reason; all others are complete."""


@dataclass
class State:
    """How far a run is, as an observer sees it.

    Attributes
    ----------
    done, total : int
        Points complete and in all.
    running : dict
        Name of each running point to {"done": fraction, "energy": running estimate, "words": what it is at,
        "seconds": time so far}.
    finished : list of dict
        What each point finished in this run reported: name, seconds, energy, notes, and ``elsewhere`` where another
        run on the same folder did it.
    restarted : list of str
        Points that were begun again since their worker died, once for each time.
    """

    done: int
    total: int
    running: dict[str, dict[str, Any]] = field(default_factory=dict)
    finished: list[dict[str, Any]] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)


@dataclass
class _Queue:
    """Points on their way: to be submitted, in flight, in the hands of another run.

    When a pool of rgnet's own loses a worker, all points in flight come back. The one that the dead worker had in hand,
    which its report of progress tells, is tried last, and given up after three deaths; the others lose nothing.
    """

    executor: Executor
    job: Job
    fresh: deque[Point]
    busy: deque[tuple[float, Point]] = field(default_factory=deque)
    waiting: dict[Future[dict[str, Any]], Point] = field(default_factory=dict)
    ready: queue.SimpleQueue[Future[dict[str, Any]]] = field(default_factory=queue.SimpleQueue)
    deaths: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> bool:
        return bool(self.fresh or self.busy or self.waiting)

    def fill(self) -> None:
        """Submit as many points as the executor should have: to one of rgnet's own, one more than it has workers."""
        window = self.executor.workers + 1 if isinstance(self.executor, WorkerPool) else None
        while window is None or len(self.waiting) < window:
            if self.fresh:
                point = self.fresh.popleft()
            elif self.busy and time.monotonic() >= self.busy[0][0]:
                point = self.busy.popleft()[1]
            else:
                break
            future = self.executor.submit(compute_point, point.to_dict(), self.job)
            self.waiting[future] = point
            future.add_done_callback(self.ready.put)

    def next(self, seconds: float) -> tuple[Future[dict[str, Any]], Point] | None:
        """The next call that ended, or None if there is none within that time."""
        try:
            future = self.ready.get(timeout=seconds)
        except queue.Empty:
            return None
        return future, self.waiting.pop(future)


def compute(left: list[Point], job: Job, executor: Executor, state: State, observer: Observer | None) -> dict[str, str]:
    """Compute points; those that cannot be, each with its reason.

    Raises
    ------
    BrokenExecutor
        If no worker ever starts, or the executor is not rgnet's own and has lost its workers.
    """
    scratch = scratches.scratch_of(Path(job.folder))
    # Longest first, so that no core idles at the end
    work = _Queue(executor, job, deque(sorted(left, key=lambda p: -p.work)))
    failed: dict[str, str] = {}
    looked = -TICK
    try:
        while work.left:
            work.fill()
            ended = work.next(TICK)
            if ended is not None:
                _take(work, *ended, state, failed)
            if time.monotonic() - looked >= TICK:
                looked = time.monotonic()
                names = {point.name for point in work.waiting.values()}
                state.running = {name: entry for name, entry in scratches.running(scratch).items() if name in names}
                if observer is not None:
                    observer(state)
    finally:
        for future in work.waiting:
            future.cancel()
    state.running = {}
    return failed


def _take(work: _Queue, future: Future[dict[str, Any]], point: Point, state: State, failed: dict[str, str]) -> None:
    """What became of a point: done, failed, to be tried again."""
    scratch = scratches.scratch_of(Path(work.job.folder))
    try:
        entry = future.result()
    except np.linalg.LinAlgError:
        raise  # a bug, whatever its base class says
    except (ValueError, MemoryError) as error:  # this point's own trouble; others may do
        failed[point.name] = str(error) or type(error).__name__
    except BrokenExecutor:
        if not isinstance(work.executor, WorkerPool):
            raise
        _revive(work, work.executor, point, state, failed)
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # Dask's word for the same, after tries of its own
            raise
        failed[point.name] = f"the Dask workers that computed it died: {error}"
        scratches.record_failure(scratch, point.name, failed[point.name])
    else:
        if entry["busy"]:
            work.busy.append((time.monotonic() + _ASK_AGAIN, point))
        else:
            state.finished.append(entry)
            state.done += 1


def _revive(work: _Queue, pool: WorkerPool, point: Point, state: State, failed: dict[str, str]) -> None:
    """A point that was in flight when a worker died comes back, or is given up."""
    scratch = scratches.scratch_of(Path(work.job.folder))
    pool.bury()
    report = scratches.progress_of(scratch, point.name)
    scratches.forget_progress(scratch, point.name)
    if report is None or report["pid"] not in pool.dead:
        if pool.losses - sum(work.deaths.values()) > _MOST_UNEXPLAINED:
            raise BrokenExecutor  # workers die, but not of points
        work.fresh.appendleft(point)
        return
    work.deaths[point.name] += 1
    if work.deaths[point.name] < _MOST_DEATHS:
        work.fresh.append(point)
        state.restarted.append(point.name)
        return
    failed[point.name] = (
        f"its worker died {_MOST_DEATHS} times: killed, or out of memory (then give fewer workers, or fewer draws)"
    )
    scratches.record_failure(scratch, point.name, failed[point.name])
