"""A TOML study -> points -> executor -> one HDF5 file a point -> one merged result."""

from rgnet.study.points import Point, points
from rgnet.study.runner import PointsFailedError, Repeat, State, repeat, run
from rgnet.study.schema import Study, StudyError, load, parse

__all__ = [
    "Point",
    "PointsFailedError",
    "Repeat",
    "State",
    "Study",
    "StudyError",
    "load",
    "parse",
    "points",
    "repeat",
    "run",
]
