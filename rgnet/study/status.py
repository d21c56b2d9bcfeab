"""How far a study is, read from its folder alone: by any process, on any machine that sees the folder."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rgnet import store
from rgnet.study import scratch as scratches
from rgnet.study.complete import is_complete
from rgnet.study.executors import available_cores
from rgnet.study.merge import RESULT
from rgnet.study.points import Point, points
from rgnet.study.schema import Study, StudyError, load

Stand = Literal["done", "running", "failed", "left"]

_THOROUGH = 300  # points of a study up to which every file is read
_SAMPLED = 12  # complete points whose durations are read for the estimate


@dataclass(frozen=True)
class PointStatus:
    """How far one point is.

    Attributes
    ----------
    name : str
    stand : "done", "running", "failed" or "left"
    fraction : float
        Of the point, 0 to 1.
    seconds : float
        How long it has been running (since its last restart), 0 where it is not.
    energy : float
        Running estimate of the energy per site, NaN where there is none.
    words : str
        What an experiment is at.
    reason : str
        Why it failed when it was last tried, or why its file will not do.
    checkpointed : bool
        Whether there are checkpoints to go on from.

    ``seconds``, ``energy`` and ``words`` are of points that run; those of complete ones are in their files.
    """

    name: str
    stand: Stand
    fraction: float = 0.0
    seconds: float = 0.0
    energy: float = math.nan
    reason: str = ""
    checkpointed: bool = False
    words: str = ""


@dataclass(frozen=True)
class Status:
    """How far a study is: its points, its folder, whether all is merged, and the seconds that are probably left.

    ``seconds_left`` is for as many workers as run now (for all cores of this machine, where none does): from the
    durations of complete points and the progress of running ones, by spin updates; NaN where nothing is known yet.
    """

    folder: Path
    points: tuple[PointStatus, ...]
    merged: bool
    seconds_left: float

    @property
    def counts(self) -> dict[Stand, int]:
        """How many points are done, running, failed, left."""
        found = Counter(point.stand for point in self.points)
        return {"done": found["done"], "running": found["running"], "failed": found["failed"], "left": found["left"]}


def status(study: Study | str | Path, *, data: str | Path = "data") -> Status:
    """How far a study is.

    Of up to 300 points every file is checked: one that is damaged, or was computed with other settings, counts as
    failed. Of more, files are taken as complete by their seal, and `run` checks them.

    Parameters
    ----------
    study : Study or path of a TOML file
    data : path
        Results lie in ``data/NAME/``.

    Raises
    ------
    StudyError
        If the study cannot be run.
    """
    checked = study if isinstance(study, Study) else load(study)
    folder = Path(data) / checked.name
    every = points(checked)
    found = tuple(_point(folder, point, len(every) <= _THOROUGH) for point in every)
    merged = (folder / RESULT).exists() and all(point.stand == "done" for point in found)
    return Status(folder, found, merged, _seconds_left(folder, every, found))


def _point(folder: Path, point: Point, thorough: bool) -> PointStatus:
    scratch, name = scratches.scratch_of(folder), point.name
    checkpointed = scratches.checkpoint_folder(scratch, name, point.digest).exists()
    if scratches.is_claimed(scratch, name):
        entry = scratches.progress_of(scratch, name) or {}
        done, seconds, energy = entry.get("done", 0.0), entry.get("seconds", 0.0), entry.get("energy", math.nan)
        words = str(entry.get("words", ""))
        return PointStatus(name, "running", done, seconds, energy, checkpointed=checkpointed, words=words)
    if store.is_sealed(folder / f"{name}.h5"):
        try:
            if thorough:
                is_complete(folder, point)
        except StudyError as error:
            return PointStatus(name, "failed", reason=str(error))
        return PointStatus(name, "done", 1.0)
    reason = scratches.failure_of(scratch, name)
    if reason is not None:
        return PointStatus(name, "failed", reason=reason, checkpointed=checkpointed)
    return PointStatus(name, "left", checkpointed=checkpointed)


def _seconds_left(folder: Path, every: list[Point], found: tuple[PointStatus, ...]) -> float:
    """Work left over speed: seconds of a worker for a spin update, from points done and points begun."""
    stands = dict(zip((point.name for point in every), found, strict=True))
    spent = work = 0.0
    for point in [p for p in every if stands[p.name].stand == "done"][-_SAMPLED:]:
        try:
            spent += float(store.read_attrs(folder / f"{point.name}.h5")["duration_s"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        work += point.work
    for point in every:
        now = stands[point.name]
        if now.stand == "running" and now.fraction > 0.02:
            spent, work = spent + now.seconds, work + now.fraction * point.work
    left = sum((1 - stands[p.name].fraction) * p.work for p in every if stands[p.name].stand in ("left", "running"))
    if left == 0:
        return 0.0
    workers = sum(point.stand == "running" for point in found) or min(available_cores(), len(every))
    return left * spent / work / workers if work else math.nan
