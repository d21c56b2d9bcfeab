"""A study from file to results: which points are left, compute them, merge them."""

import hashlib
import math
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from contextlib import ExitStack
from pathlib import Path

from rgnet import store
from rgnet.experiments.catalogue import check_installed
from rgnet.study import scratch as scratches
from rgnet.study.complete import is_complete
from rgnet.study.compute import Job
from rgnet.study.executors import available_cores, process_pool
from rgnet.study.merge import RESULT, merge
from rgnet.study.points import Point, points
from rgnet.study.schema import Study, StudyError, load
from rgnet.study.work import EXECUTOR_GONE, WORKER_DIED, Observer, PointsFailedError, State, compute

CHECKPOINT_EVERY = 60.0  # seconds


def run(
    study: Study | str | Path,
    *,
    data: str | Path = "data",
    executor: Executor | None = None,
    workers: int | None = None,
    shard: tuple[int, int] | None = None,
    force: bool = False,
    checkpoint_every: float = CHECKPOINT_EVERY,
    observer: Observer | None = None,
) -> Path:
    """Compute what is left of a study and merge it.

    Complete points are skipped and points that were cut short go on from their last checkpoint: to restart is to run
    again. Several runs may share a folder; each takes points that no other has in hand. In a script, the default
    process pool needs the usual ``if __name__ == "__main__":`` guard.

    Parameters
    ----------
    study : Study or path of a TOML file
    data : path
        Results go to ``data/NAME/``: one file for each point, and ``result.h5``.
    executor : concurrent.futures.Executor, optional
        Anything with ``submit`` whose workers share this file system; a process pool by default, whose workers are
        replaced when they are killed.
    workers : int, optional
        Size of the default pool; one process for each core by default.
    shard : (int, int), optional
        (i, n): only the i-th of n shares of the points, i = 1 … n, such as one of a job array. The share that finds
        all points complete at its end merges them.
    force : bool
        Compute complete points anew.
    checkpoint_every : float
        Seconds between checkpoints of a point.
    observer : callable, optional
        Called with the `State` whenever it may have changed, at least five times a second.

    Returns
    -------
    Path
        The merged result file; of a shard that finds points missing that are not its own, the folder.

    Raises
    ------
    StudyError
        If the study cannot be run, or a file of that name was made by a different study.
    MissingExtraError
        If experiments that are left need what is not installed, before anything is computed.
    PointsFailedError
        If some points cannot be computed (such as chains too slow for a warm-up to be chosen); after all others are.
    """
    checked = study if isinstance(study, Study) else load(study)
    digest = "" if isinstance(study, Study) else hashlib.sha256(Path(study).read_bytes()).hexdigest()
    _check_options(workers, checkpoint_every)
    every = points(checked)
    folder = Path(data) / checked.name
    own = every if shard is None else share(every, shard)
    left = own if force else [point for point in own if not is_complete(folder, point)]
    check_installed((point.model["experiment"], point.model["parameters"]) for point in left if point.is_experiment)
    state = State(done=len(own) - len(left), total=len(own))
    failed: dict[str, str] = {}
    if observer is not None:
        observer(state)
    if left:
        job = Job(checked.model_dump(mode="json"), digest, str(folder.absolute()), float(checkpoint_every), force)
        _make_folder(folder)
        if force:
            for point in left:
                scratches.forget_checkpoints(scratches.scratch_of(folder), point.name)
        try:
            with ExitStack() as stack:
                chosen = executor or stack.enter_context(process_pool(min(len(left), workers or available_cores())))
                failed = compute(left, job, chosen, state, observer)
        except (BrokenExecutor, CancelledError):
            raise PointsFailedError(EXECUTOR_GONE if executor is not None else WORKER_DIED) from None
        finally:
            _tidy(folder)
    _tidy(folder)  # an earlier run may have been killed after its last point
    if observer is not None:
        observer(state)
    complete = [point for point in every if (folder / f"{point.name}.h5").exists()]
    missing = len(every) - len(complete)
    result = folder / RESULT
    if complete and (shard is None or not missing):
        result = merge(checked, complete, folder)
    if failed:
        reasons = [f"{name}: {reason}" for name, reason in failed.items()]
        others = f"\n  all others are complete, and merged in {result}" if result.exists() and not shard else ""
        head = f"{len(failed)} of {len(left)} points could not be computed:"
        raise PointsFailedError("\n  ".join([head, *reasons]) + others)
    return folder if missing else result


def _check_options(workers: object, checkpoint_every: float) -> None:
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise StudyError(f"workers={workers!r}: a whole number of at least 1")
    if isinstance(checkpoint_every, bool) or not 0 <= checkpoint_every < math.inf:
        raise StudyError(f"checkpoint_every={checkpoint_every!r}: a number of seconds, such as 60")


def share(every: list[Point], shard: tuple[int, int]) -> list[Point]:
    """The i-th of n shares of the points, i = 1 … n: every n-th point, so that long and short ones are spread.

    Raises
    ------
    StudyError
        If there is no such share.
    """
    rule = "give i/n with i from 1 to n, such as 3/8 (a job array from 1 to 8); in Python (3, 8)"
    if not isinstance(shard, tuple) or len(shard) != 2 or not all(type(k) is int for k in shard):
        raise StudyError(f"shard={shard!r}: {rule}")
    i, n = shard
    if not 1 <= i <= n:
        raise StudyError(f"shard {i}/{n}: {rule}")
    return every[i - 1 :: n]


def _tidy(folder: Path) -> None:
    """Remove what processes that are gone have left behind."""
    store.remove_leftovers(folder)
    scratches.clean(folder)


def _make_folder(folder: Path) -> None:
    try:
        scratches.scratch_of(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            f"{folder} cannot be made a folder for results ({error.strerror}); give another with --data (data=)"
        ) from None


def merge_complete(study: Study | str | Path, *, data: str | Path = "data") -> tuple[Path, list[str]]:
    """Merge the points that are complete: the result file, and the names of the points that are missing in it.

    Raises
    ------
    StudyError
        If the study cannot be run, a point was made by a different one or is damaged, or no point is complete.
    """
    checked = study if isinstance(study, Study) else load(study)
    folder = Path(data) / checked.name
    every = points(checked)
    complete = [point for point in every if is_complete(folder, point)]
    if not complete:
        raise StudyError(f"{folder} holds no complete point of {checked.name}; compute some with `rgnet run`")
    names = {point.name for point in complete}
    return merge(checked, complete, folder), [point.name for point in every if point.name not in names]
