"""A study from file to results: which points are left, compute them, merge them."""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rgnet import store
from rgnet.study.compute import IGNORED_ATTRS, compute_point
from rgnet.study.executors import available_cores, process_pool
from rgnet.study.merge import merge
from rgnet.study.points import Point, from_json_dict, points
from rgnet.study.schema import Study, StudyError, load

Observer = Callable[["State"], None]


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
    if left:
        folder.mkdir(parents=True, exist_ok=True)
        resolved = checked.model_dump(mode="json")
        try:
            with ExitStack() as stack:
                chosen = executor or stack.enter_context(process_pool(min(len(left), workers or available_cores())))
                _compute(left, resolved, folder, chosen, state, observer)
        finally:
            store.remove_leftovers(folder)
    if observer is not None:
        observer(state)
    return merge(checked, every, folder)


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
        raise StudyError(f"{error}\nMove the file away, or compute all points anew with --force") from None
    wanted = point.to_dict()
    if not isinstance(stored, dict):
        raise StudyError(f"{path} holds no point of a study; move it away, or compute all points anew with --force")
    if stored != wanted:
        changed = [key for key in wanted if stored.get(key) != wanted[key]]
        details = "; ".join(f"{key}: {_brief(stored.get(key), wanted[key])}" for key in changed)
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
) -> None:
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
                except ValueError as error:  # this point's own trouble; others may do
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
    if failed:
        raise PointsFailedError("\n  ".join([f"{len(failed)} of {len(left)} points could not be computed:", *failed]))


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


def repeat(path: str | Path) -> Repeat:
    """Compute a point again from the study stored in its file, beside it, and compare the two bit for bit.

    Parameters
    ----------
    path : path of a point's file
        The new file is called ``NAME.again.h5``; the old one is not touched.

    Raises
    ------
    FileError
        If the file is damaged or not rgnet's.
    StudyError
        If it holds no point.
    """
    original = Path(path)
    attrs = store.read_attrs(original)
    if attrs.get("kind") != "point":
        raise StudyError(
            f"{original} holds no single point (it is a {attrs.get('kind', 'file')}); give the file of a point"
        )
    again = original.with_name(original.name.removesuffix(".h5") + ".again.h5")
    point = from_json_dict(attrs["point"])
    start = time.perf_counter()
    with process_pool(1) as pool:
        future = pool.submit(compute_point, point.to_dict(), attrs["study"], os.fspath(again))
        while not wait([future], timeout=0.2).done:
            pass  # short waits, so that Ctrl-C is seen at once
        future.result()
    return Repeat(original, again, store.same(original, again, ignore=IGNORED_ATTRS), time.perf_counter() - start)
