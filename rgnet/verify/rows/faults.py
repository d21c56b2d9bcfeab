"""Runs that are killed and started again (`rgnet.verify.faults`)."""

import tempfile
from pathlib import Path

from rgnet.verify.registry import Row, check

_SOURCE = "the uninterrupted run"


def _killed(trials: int, seed: int) -> list[int]:
    from rgnet.verify.faults import kill_and_resume

    with tempfile.TemporaryDirectory(prefix="rgnet-") as folder:
        found = kill_and_resume(trials, seed, Path(folder))
    return [len(found.lost) + len(found.half), len(found.differing), len(found.failed)]


@check(
    Row("faults/lost-500", "500 kills: points lost or half", 0.0, _SOURCE, tolerance=0),
    Row("faults/differing-500", "500 kills: data that differ", 0.0, _SOURCE, tolerance=0),
    Row("faults/failed-500", "500 kills: runs that did not end", 0.0, _SOURCE, tolerance=0),
    cost=2000,
    full=True,
)
def killed_500(seed: int) -> list[int]:
    """Parent, worker or all of them, at random moments."""
    return _killed(500, seed)
