"""A TOML study -> points -> executor -> one HDF5 file a point -> one merged result."""

from rgnet.study.merge import attributes
from rgnet.study.points import Point, points
from rgnet.study.runner import PointsFailedError, Repeat, State, repeat, run, stored_point
from rgnet.study.schema import Study, StudyError, load, parse

__all__ = [
    "Point",
    "PointsFailedError",
    "Repeat",
    "State",
    "Study",
    "StudyError",
    "attributes",
    "load",
    "parse",
    "points",
    "repeat",
    "run",
    "stored_point",
]
