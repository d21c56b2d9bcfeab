"""A point of an experiment: run with one thread of torch, its warnings kept, its groups checked."""

import importlib
import inspect
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr
from threadpoolctl import threadpool_limits

from rgnet.experiments import catalogue

_GROUP = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*")
Report = Callable[[float, str], None]


def measure(
    name: str,
    parameters: dict[str, Any],
    seed: int,
    report: Report,
    checkpoint: Path | None,
    checkpoint_every: float,
    lock: threading.Lock,
) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
    """The groups of an experiment, and what it warned of.

    ``checkpoint`` (a folder) and ``checkpoint_every`` (seconds) go to experiments whose ``run`` takes them. The lock is
    held throughout: warnings, and torch's random numbers and threads, are those of the whole process.

    Raises
    ------
    MissingExtraError
        If what it needs is not installed.
    TypeError
        If what it returns is no table of groups.
    """
    catalogue.check_installed([(name, parameters)])
    run = catalogue.module(name).run
    offered = {"checkpoint": checkpoint, "checkpoint_every": checkpoint_every}
    taken = {key: value for key, value in offered.items() if key in inspect.signature(run).parameters}
    with lock, warnings.catch_warnings(record=True) as caught, _one_thread("torch" in needed(name, parameters)):
        warnings.simplefilter("always")
        groups = run(catalogue.parameters(name, parameters), seed, report, **taken)
    _check(name, groups)
    # Of the user's concern are rgnet's own; what libraries say of themselves comes and goes with their versions
    said = dict.fromkeys(str(item.message) for item in caught if not issubclass(item.category, DeprecationWarning))
    return dict(groups), {"experiment": "; ".join(said)} if said else {}


def needed(name: str, parameters: dict[str, Any]) -> tuple[str, ...]:
    """Packages beyond the core."""
    return catalogue.requirements(name, parameters)


@contextmanager
def _one_thread(wanted: bool) -> Iterator[None]:
    """One thread in here: sums over several differ in their last bits with the number of cores."""
    if wanted:
        importlib.import_module("torch")
    torch_ = sys.modules.get("torch")
    with threadpool_limits(1):  # linear algebra, and the OpenMP of what is loaded
        if torch_ is None:
            yield
            return
        before = torch_.get_num_threads()
        torch_.set_num_threads(1)
        try:
            yield
        finally:
            torch_.set_num_threads(before)


def _check(name: str, groups: Any) -> None:
    """Refuse what cannot be stored: a mistake of the experiment's."""
    if not isinstance(groups, dict) or not groups:
        raise TypeError(f"the experiment {name!r} returned {type(groups).__name__}; it should be a dict of Datasets")
    for group, data in groups.items():
        if not isinstance(group, str) or not _GROUP.fullmatch(group) or not isinstance(data, xr.Dataset):
            raise TypeError(f"the experiment {name!r}: {group!r} is no group: a-z, 0-9, _ and /, each a Dataset")
