"""What the commands share that ask for one experiment of a study, such as `rgnet compare` and `rgnet dictionary`."""

from pathlib import Path

import xarray as xr

from rgnet.study.experiment_rules import described
from rgnet.study.results import Results
from rgnet.study.schema import StudyError, load


def require(path: str | Path, experiment: str, *, lacks: str, name: str, example: str) -> None:
    """Refuse a study without an experiment.

    Parameters
    ----------
    path : str or Path
    experiment : str
    lacks : str
        What cannot be done then, such as "nothing to compare".
    name, example : str
        A name for its section, and a study that has it.

    Raises
    ------
    StudyError
        If the study cannot be run, or has no experiment of that name.
    """
    if Path(path).suffix.lower() in (".h5", ".hdf5", ".nc"):
        raise StudyError(f"{path} is data: give the study (TOML); `rgnet report {path}` shows what a result.h5 holds")
    if not any(section.experiment == experiment for section in load(path).experiments):
        raise StudyError(
            f'{path} has no experiment "{experiment}", so there is {lacks}: add [[experiments]] with name = "{name}" '
            f'and experiment = "{experiment}", as {example} has; `rgnet run` runs every study'
        )


def told_apart(points: Results) -> list[tuple[str, dict[str, xr.Dataset]]]:
    """The groups of each point, with its parameters that others do not share as text in brackets."""
    shared = {
        key for key, value in (points[0][0] if points else {}).items() if all(p.get(key) == value for p, _ in points)
    }
    owns = [described({key: value for key, value in given.items() if key not in shared}) for given, _ in points]
    return [(f" ({own})" if own else "", groups) for own, (_, groups) in zip(owns, points, strict=True)]
