"""A study from file to results: which points are left, compute them, merge them."""

import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rgnet import store
from rgnet.study.compute import IGNORED_ATTRS, compute_point
from rgnet.study.executors import available_cores, process_pool
from rgnet.study.merge import merge
from rgnet.study.points import Point, from_json_dict, points
from rgnet.study.schema import Study, StudyError, load

Observer = Callable[["State"], None]


_WORKER_DIED = (
    "a worker process died: killed, out of memory (then give fewer workers), or started by a script without its "
    '`if __name__ == "__main__":` guard; complete points are kept, run again to go on'
)


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
        Name of each running point to {"done": fraction, "energy": running estimate}.
    finished : list of dict
        What each point finished in this run reported: name, seconds, energy, notes.
    """

    done: int
    total: int
    running: dict[str, dict[str, float]] = field(default_factory=dict)
    finished: list[dict[str, Any]] = field(default_factory=list)


def run(
    study: Study | str | Path,
    *,
    data: str | Path = "data",
    executor: Executor | None = None,
    workers: int | None = None,
    force: bool = False,
    observer: Observer | None = None,
) -> Path:
    """Compute what is left of a study and merge it.

    Complete points are skipped: to restart is to run again. In a script, the default process pool needs the usual
    ``if __name__ == "__main__":`` guard.

    Parameters
    ----------
    study : Study or path of a TOML file
    data : path
        Results go to ``data/NAME/``: one file for each point, and ``result.h5``.
    executor : concurrent.futures.Executor, optional
        Anything with ``submit`` whose workers share this file system; a process pool by default.
    workers : int, optional
        Size of the default pool; one process for each core by default.
    force : bool
        Compute complete points anew.
    observer : callable, optional
        Called with the `State` whenever it may have changed, at least five times a second.

    Returns
    -------
    Path
        The merged result file.

    Raises
    ------
    StudyError
        If the study cannot be run, or a file of that name was made by a different study.
    PointsFailedError
        If some points cannot be computed (such as chains too slow for a warm-up to be chosen); after all others are.
    """
    checked = study if isinstance(study, Study) else load(study)
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise StudyError(f"workers={workers!r}: a whole number of at least 1")
    every = points(checked)
    folder = Path(data) / checked.name
    left = every if force else [point for point in every if not is_complete(folder, point)]
    state = State(done=len(every) - len(left), total=len(every))
    failed: list[str] = []
    if left:
        _make_folder(folder)
        resolved = checked.model_dump(mode="json")
        try:
            with ExitStack() as stack:
                chosen = executor or stack.enter_context(process_pool(min(len(left), workers or available_cores())))
                failed = _compute(left, resolved, folder, chosen, state, observer)
        except BrokenExecutor:
            raise PointsFailedError(_WORKER_DIED) from None
        finally:
            store.remove_leftovers(folder)
    if observer is not None:
        observer(state)
    complete = [point for point in every if (folder / f"{point.name}.h5").exists()]
    result = merge(checked, complete, folder) if complete else None
    if failed or result is None:
        raise PointsFailedError("\n  ".join([f"{len(failed)} of {len(left)} points could not be computed:", *failed]))
    return result


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            f"{folder} cannot be made a folder for results ({error.strerror}); give another with --data (data=)"
        ) from None


def is_complete(folder: Path, point: Point) -> bool:
    """Whether the point's file is there, intact, and of this very point.

    Raises
    ------
    StudyError
        If the file belongs to a point with other settings, or is damaged.
    """
    path = folder / f"{point.name}.h5"
    if not path.exists():
        return False
    try:
        stored = store.read_attrs(path).get("point")
    except store.FileError as error:
        raise StudyError(str(error)) from None
    wanted = point.to_dict()
    if not isinstance(stored, dict):
        raise StudyError(f"{path} holds no point of a study; move it away, or compute all points anew with --force")
    if stored != wanted:
        changed = [key for key in wanted if stored.get(key) != wanted[key]]
        details = "; ".join(
            "the study's seed" if key == "seed" else f"{key}: {_brief(stored.get(key), wanted[key])}" for key in changed
        )
        raise StudyError(
            f"{path} was computed with other settings ({details}). Give the study another name, move the file away, or "
            f"compute all points anew with --force"
        )
    return True


def _brief(old: Any, new: Any) -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        return ", ".join(f"{key} {_brief(old.get(key), new.get(key))}" for key in keys)
    texts = [text if len(text) < 50 else text[:47] + "…" for text in (json.dumps(old), json.dumps(new))]
    return f"{texts[0]} there, {texts[1]} now"


def _compute(
    left: list[Point], study: dict[str, Any], folder: Path, executor: Executor, state: State, observer: Observer | None
) -> list[str]:
    """Compute points; those that cannot be, each with its reason."""
    scratch = folder / ".running"
    scratch.mkdir(exist_ok=True)
    waiting: dict[Future[dict[str, Any]], Point] = {}
    failed: list[str] = []
    try:
        for point in sorted(left, key=lambda p: -p.work):  # longest first, so that no core idles at the end
            path, progress = folder / f"{point.name}.h5", scratch / f"{point.name}.json"
            waiting[executor.submit(compute_point, point.to_dict(), study, str(path), str(progress))] = point
        while waiting:
            ready, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in ready:
                point = waiting.pop(future)
                try:
                    state.finished.append(future.result())
                    state.done += 1
                except np.linalg.LinAlgError:
                    raise
                except (ValueError, MemoryError) as error:  # this point's own trouble; others may do
                    failed.append(f"{point.name}: {error}")
                (scratch / f"{point.name}.json").unlink(missing_ok=True)
            state.running = _progress(scratch, [point.name for point in waiting.values()])
            if observer is not None:
                observer(state)
    finally:
        for future in waiting:
            future.cancel()
        for file in scratch.glob("*.json"):
            file.unlink(missing_ok=True)
        with suppress(OSError):  # another run on the same folder is using it
            scratch.rmdir()
    return failed


def _progress(scratch: Path, names: list[str]) -> dict[str, dict[str, float]]:
    running = {}
    for name in names:
        try:
            running[name] = json.loads((scratch / f"{name}.json").read_text())
        except (OSError, ValueError):
            continue  # not started, or just being rewritten
    return running


@dataclass(frozen=True)
class Repeat:
    """Outcome of computing a point again."""

    original: Path
    again: Path
    differing: list[str]
    seconds: float


def repeat(path: str | Path, observer: Observer | None = None) -> Repeat:
    """Compute a point again from the study stored in its file, beside it, and compare the two bit for bit.

    Parameters
    ----------
    path : path of a point's file
        The new file is called ``NAME.again.h5``; the old one is not touched.
    observer : callable, optional
        Called with the `State` about five times a second.

    Raises
    ------
    FileError
        If the file is damaged or not rgnet's.
    StudyError
        If it holds no point.
    PointsFailedError
        If it cannot be computed.
    """
    original = Path(path)
    attrs = stored_point(original)
    point = from_json_dict(attrs["point"])
    again = original.with_name(original.name.removesuffix(".h5") + ".again.h5")
    start = time.perf_counter()
    state = State(done=0, total=1)
    try:
        with process_pool(1) as pool, tempfile.TemporaryDirectory(prefix="rgnet-") as scratch:
            progress = Path(scratch) / f"{point.name}.json"
            future = pool.submit(compute_point, point.to_dict(), attrs["study"], os.fspath(again), os.fspath(progress))
            while not wait([future], timeout=0.2).done:  # short waits, so that Ctrl-C is seen at once
                state.running = _progress(Path(scratch), [point.name])
                if observer is not None:
                    observer(state)
            future.result()
    except BrokenExecutor:
        raise PointsFailedError(_WORKER_DIED) from None
    except ValueError as error:
        raise PointsFailedError(f"{point.name} could not be computed: {error}") from None
    finally:
        store.remove_leftovers(original.parent)
    return Repeat(original, again, store.same(original, again, ignore=IGNORED_ATTRS), time.perf_counter() - start)


def stored_point(path: Path) -> dict[str, Any]:
    """Root attributes of a point's file.

    Raises
    ------
    FileError
        If the file is damaged or not rgnet's.
    StudyError
        If it holds no single point.
    """
    attrs = store.read_attrs(path)
    if attrs.get("kind") != "point":
        raise StudyError(
            f"{path} holds no single point (it is a {attrs.get('kind', 'file')}); give the file of a point"
        )
    return attrs
