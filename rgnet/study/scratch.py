"""What is going on with the points of a study: claims, progress, failures, checkpoints.

All of it lies in the hidden folder ``.running`` beside the points' files, and none of it is needed: without it points
are merely begun anew.

    POINT.lock       held (flock) by the process that computes the point: the system lets go of it when that process
                     ends, however it ends, so a claim is never stale
    POINT.json       its progress, rewritten about twice a second: {"done", "energy", "words", "seconds",
                     "pid"}
    POINT.failed     why the point could not be computed, when it was last tried
    POINT@DIGEST/    checkpoints of its sampling (`rgnet.checkpoints`), by the digests of its settings and of rgnet
"""

import importlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from rgnet._jit import this_source

fcntl: Any = None  # where there are no such locks, two runs may compute a point twice, to the same bits
with suppress(ImportError):
    fcntl = importlib.import_module("fcntl")


class Report(Protocol):
    """Says how far a point is: its fraction, the running estimate of its energy, what it is at."""

    def __call__(self, done: float, energy: float, words: str = "", /) -> None:  # noqa: D102
        ...


FOLDER = ".running"
_SECONDS = 0.5  # between two reports of progress


def scratch_of(folder: Path) -> Path:
    """The scratch folder of a folder of results."""
    return folder / FOLDER


@contextmanager
def claim(scratch: Path, name: str) -> Iterator[bool]:
    """Whether this process has the point to itself, for the length of the ``with`` block."""
    path = scratch / f"{name}.lock"
    descriptor = _lock(path)
    if descriptor is None:
        yield False
        return
    try:
        yield True
    finally:
        _remove(path, scratch / f"{name}.json")
        os.close(descriptor)


def _lock(path: Path) -> int | None:
    """A descriptor of the locked file, or None where another process holds it."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except (FileNotFoundError, FileExistsError):
            if path.parent.parent.is_dir() and not path.parent.is_file():
                continue  # another run has just tidied the folder up
            raise
        try:
            if not _try_lock(descriptor):
                os.close(descriptor)
                return None
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass  # whoever held it has just finished and removed it: lock the next one
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _try_lock(descriptor: int, shared: bool = False) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def is_claimed(scratch: Path, name: str) -> bool:
    """Whether some process is computing the point now."""
    try:
        descriptor = os.open(scratch / f"{name}.lock", os.O_RDONLY)  # another user may ask as well
    except OSError:
        return False
    try:
        return not _try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


def progress_of(scratch: Path, name: str) -> dict[str, Any] | None:
    """The last report of a point, or None where there is none (or one that is just being written)."""
    try:
        entry = json.loads((scratch / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) and {"done", "energy", "seconds", "pid"} <= set(entry) else None


def running(scratch: Path) -> dict[str, dict[str, Any]]:
    """The last report of every point that has one."""
    names = [path.name.removesuffix(".json") for path in scratch.glob("*.json")]
    found = ((name, progress_of(scratch, name)) for name in names)
    return {name: entry for name, entry in found if entry is not None}


def reporter(scratch: Path, name: str) -> Report:
    """A function of (fraction done, running energy, words) that reports now and then.

    Losing a report loses nothing, so failures are ignored.
    """
    start, last = time.monotonic(), -_SECONDS

    def report(done: float, energy: float, words: str = "", /) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS:
            last = now
            entry = {"done": done, "energy": energy, "words": words, "seconds": now - start, "pid": os.getpid()}
            with suppress(OSError):
                (scratch / f"{name}.json").write_text(json.dumps(entry))

    return report


def record_failure(scratch: Path, name: str, reason: str) -> None:
    """Note why a point could not be computed."""
    with suppress(OSError):
        scratch.mkdir(parents=True, exist_ok=True)
        (scratch / f"{name}.failed").write_text(reason)


def forget_failure(scratch: Path, name: str) -> None:
    """A point is tried again, or done."""
    _remove(scratch / f"{name}.failed")


def failure_of(scratch: Path, name: str) -> str | None:
    """Why a point could not be computed when it was last tried."""
    try:
        return (scratch / f"{name}.failed").read_text(errors="replace")
    except OSError:
        return None


def checkpoint_folder(scratch: Path, name: str, digest: str) -> Path:
    """Where the checkpoints of a point with these settings lie: those of other sources of rgnet are of another run."""
    return scratch / f"{name}@{digest}-{this_source()}"


def forget_progress(scratch: Path, name: str) -> None:
    """The process that reported is gone."""
    _remove(scratch / f"{name}.json")


def forget_checkpoints(scratch: Path, name: str) -> None:
    """Remove the checkpoints of a point that is complete, those of earlier settings included."""
    for folder in scratch.glob(f"{name}@*"):
        shutil.rmtree(folder, ignore_errors=True)


def clean(folder: Path) -> None:
    """Remove what processes that are gone have left behind, and the scratch folder if nothing is left in it.

    Checkpoints and failures of points that are not complete stay.
    """
    scratch = scratch_of(folder)
    names = {re.split(r"@|\.(?:json|lock|failed)$", path.name)[0] for path in scratch.glob("*")}
    for name in names:
        if is_claimed(scratch, name):
            continue
        with claim(scratch, name) as mine:  # which removes lock and progress at its end
            if mine and (folder / f"{name}.h5").exists():
                forget_checkpoints(scratch, name)
                forget_failure(scratch, name)
    with suppress(OSError):  # there are checkpoints or failures, or another run is at work
        scratch.rmdir()


def _remove(*paths: Path) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
