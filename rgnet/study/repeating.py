"""A point once more, from the study stored in its file."""

import os
import tempfile
import time
from concurrent.futures import BrokenExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rgnet import store
from rgnet.experiments.catalogue import check_installed
from rgnet.study import scratch as scratches
from rgnet.study.compute import NO_DATA, Job, write_point
from rgnet.study.executors import process_pool
from rgnet.study.points import from_json_dict
from rgnet.study.schema import StudyError
from rgnet.study.work import TICK, WORKER_DIED, Observer, PointsFailedError, State


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
        If it holds no point, or its folder cannot be written.
    MissingExtraError
        If it is an experiment's and needs what is not installed.
    PointsFailedError
        If it cannot be computed.
    """
    original = Path(path)
    attrs = stored_point(original)
    point = from_json_dict(attrs["point"])
    if point.is_experiment:
        check_installed([(point.model["experiment"], point.model["parameters"])])
    again = original.with_name(original.name.removesuffix(".h5") + ".again.h5")
    if not os.access(original.parent, os.W_OK):
        raise StudyError(f"{original.parent} cannot be written, and {again.name} would go there; copy the file first")
    start = time.perf_counter()
    state = State(done=0, total=1)
    try:
        with process_pool(1) as pool, tempfile.TemporaryDirectory(prefix="rgnet-") as scratch:
            future = pool.submit(_recompute, attrs, os.fspath(again), scratch)
            while not wait([future], timeout=TICK).done:  # short waits, so that Ctrl-C is seen at once
                state.running = scratches.running(Path(scratch))
                if observer is not None:
                    observer(state)
            future.result()
    except BrokenExecutor:
        raise PointsFailedError(WORKER_DIED) from None
    except np.linalg.LinAlgError:
        raise  # a bug, whatever its base class says
    except (ValueError, MemoryError) as error:
        raise PointsFailedError(f"{point.name} could not be computed: {error}") from None
    finally:
        store.remove_leftovers(original.parent)
    return Repeat(original, again, store.same(original, again, ignore=NO_DATA), time.perf_counter() - start)


def _recompute(attrs: dict[str, Any], path: str, scratch: str) -> None:
    """A stored point into another file; without checkpoints, since it is there to be compared."""
    point = from_json_dict(attrs["point"])
    job = Job(attrs["study"], attrs.get("study_sha256", ""), str(Path(path).parent))
    write_point(point, job, Path(path), report=scratches.reporter(Path(scratch), point.name))


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
