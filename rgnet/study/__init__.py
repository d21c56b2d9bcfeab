"""A TOML study -> points -> executor -> one HDF5 file a point -> one merged result."""

from rgnet.study.executors import ExecutorError, opened
from rgnet.study.merge import attributes
from rgnet.study.points import Point, points
from rgnet.study.repeating import Repeat, repeat, stored_point
from rgnet.study.results import experiments as experiment_results
from rgnet.study.runner import merge_complete, run
from rgnet.study.schema import Study, StudyError, load, parse
from rgnet.study.status import PointStatus, Status, status
from rgnet.study.work import PointsFailedError, State

__all__ = [
    "ExecutorError",
    "Point",
    "PointStatus",
    "PointsFailedError",
    "Repeat",
    "State",
    "Status",
    "Study",
    "StudyError",
    "attributes",
    "experiment_results",
    "load",
    "merge_complete",
    "opened",
    "parse",
    "points",
    "repeat",
    "run",
    "status",
    "stored_point",
]
