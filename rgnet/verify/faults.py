"""Runs that are killed or stopped at random moments and started again: what is lost, and what differs.

A trial starts ``rgnet run`` on a small study, or goes on with one that an earlier trial left, and at a random moment
sends SIGKILL to the process itself, to one of its workers, or to all of them at once, as a power failure would; or
SIGINT to all, as Ctrl-C does; or SIGTERM to the process. After each, every file under a final name must be whole, and
what was complete must stay as it is. A run that comes to its end (the last attempt is left in peace) is compared with
one that was never interrupted, bit for bit: data, random states and tables; durations and dates aside.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rgnet import store
from rgnet.study.compute import NO_DATA

# What says when and how long, not what
_NO_DATA = NO_DATA | {"made_from", "points", "compute_seconds"}
_KINDS = ("parent", "worker", "all", "interrupt", "terminate")
# A stop that comes before Python has read rgnet ends the process as the system would
_STOPPED = {"interrupt": (signal.SIGINT, (130, -signal.SIGINT)), "terminate": (signal.SIGTERM, (143, -signal.SIGTERM))}
# The command as a shell in the foreground starts it: Ctrl-C is heard, whatever this process does with it
_COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
from rgnet.__main__ import main
main()
"""
_SLOWEST = 10.0  # seconds: one that takes longer to stop has not heard
_STUDY = """
name = "faults"
seed = 11
[sample]
draws = 200
chains = 2
[networks.majority]
layers = [{ layer = "majority", repeat = 2 }]
[[ensembles]]
name = "long"
shape = [64, 64]
K_over_K_c = 1
draws = 1500
warmup = 300
thin = 6
update = "metropolis"
networks = ["majority"]
[[ensembles]]
name = "chosen"
shape = [16, 16]
K = [0.35, 0.4]
update = "heat-bath"
networks = ["majority"]
analyses = ["mcrg", "couplings"]
[[ensembles]]
name = "short"
shape = [8, 8]
K = [0.2, 0.3, 0.4]
"""


@dataclass
class Faults:
    """What became of killed runs.

    Attributes
    ----------
    trials : int
        Kills, each followed by a restart (of the run, or of the worker by its run).
    runs : int
        Runs that were brought to their end so.
    lost : list of str
        Points that were complete and are gone, or were computed again.
    half : list of str
        Files under a final name that are not whole.
    differing : list of str
        What differs from the uninterrupted run.
    failed : list of str
        Runs that ended by themselves, but not well; and what they left behind.
    kinds : dict
        Trials of each kind: parent, worker, all, interrupt, terminate.
    slowest_stop : float
        Seconds from a SIGINT or SIGTERM to the end of the process, at most.
    """

    trials: int = 0
    runs: int = 0
    lost: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))
    slowest_stop: float = 0.0

    @property
    def wrong(self) -> int:
        """How much went wrong in all."""
        return len(self.lost) + len(self.half) + len(self.differing) + len(self.failed)


def kill_and_resume(trials: int, seed: int, folder: Path) -> Faults:
    """Kill runs of a small study that many times, and bring each to its end.

    Parameters
    ----------
    trials : int
        About 3 s each.
    seed : int
        Of the moments and of who is killed.
    folder : Path
        An empty folder for studies and results.
    """
    rng = np.random.default_rng(seed)
    study = folder / "faults.toml"
    study.write_text(_STUDY)
    reference = folder / "uninterrupted"
    _uninterrupted(study, folder / "first")  # compiles, which the others need not
    usual = _uninterrupted(study, reference)
    found = Faults()
    while found.trials < trials:
        data = folder / f"run-{found.runs}"
        known: dict[str, str] = {}
        while not _attempt(study, data, found, known, rng, usual, trials):
            pass
        _compare(reference / "faults", data / "faults", found)
        found.runs += 1
    return found


def _uninterrupted(study: Path, data: Path) -> float:
    """A run that nothing happens to: the seconds that it takes."""
    begin = time.monotonic()
    process = _start(study, data)
    _, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the uninterrupted run ended with status {process.returncode}: {errors}")
    return time.monotonic() - begin


def _start(study: Path, data: Path) -> "subprocess.Popen[str]":
    arguments = ["run", str(study), "--data", str(data), "--workers", "2", "--checkpoint-every", "0.1"]
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def _attempt(
    study: Path, data: Path, found: Faults, known: dict[str, str], rng: np.random.Generator, usual: float, trials: int
) -> bool:
    """Start the run and kill at random moments of its usual time, while trials are left: whether it ended.

    A run goes on without a worker that was killed, so that it may be hit once more; but not by a second such loss, for
    a point that loses three workers is given up, as it should be.
    """
    process = _start(study, data)
    kinds = list(_KINDS)
    while found.trials < trials and _outlives(process, float(rng.uniform(0, usual))):
        # Workers are there for a part of the time only: they are aimed at more often
        weights = np.array([3.0 if name == "worker" else 1.0 for name in kinds])
        kind = str(rng.choice(kinds, p=weights / weights.sum()))
        if kind == "worker" and not _kill_worker(process, rng):
            continue  # there was none at this moment
        found.trials += 1
        found.kinds[kind] += 1
        if kind == "worker":
            kinds.remove("worker")
            continue
        _end(process, kind, found)
        _take_stock(data / "faults", found, known)
        return False
    _, errors = process.communicate()
    if process.returncode != 0:
        found.failed.append(f"status {process.returncode}: {errors.strip()[-300:]}")
    _take_stock(data / "faults", found, known)
    return True


def _end(process: "subprocess.Popen[str]", kind: str, found: Faults) -> None:
    """Bring the process to its end, the hard way or the soft one."""
    if kind in _STOPPED:
        number, statuses = _STOPPED[kind]
        begin = time.monotonic()
        os.killpg(process.pid, number) if kind == "interrupt" else process.send_signal(number)
        _, errors = process.communicate()
        seconds = time.monotonic() - begin
        found.slowest_stop = max(found.slowest_stop, seconds)
        # 0: it had just come to its end
        if process.returncode not in (0, *statuses) or "Traceback" in errors or seconds > _SLOWEST:
            found.failed.append(f"{kind}: status {process.returncode} after {seconds:.1f} s: {errors.strip()[-300:]}")
        return
    process.kill() if kind == "parent" else os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _outlives(process: "subprocess.Popen[str]", moment: float | None) -> bool:
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        return True
    return False


def _kill_worker(process: "subprocess.Popen[str]", rng: np.random.Generator) -> bool:
    """Kill one of the processes that compute: whether there was one."""
    workers = [pid for pid in _children(process.pid) if b"spawn_main" in _command(pid)]
    with contextlib.suppress(ProcessLookupError):
        if workers:
            os.kill(int(rng.choice(workers)), signal.SIGKILL)
            return True
    return False


def _children(parent: int) -> list[int]:
    """Processes whose parent it is (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _take_stock(folder: Path, found: Faults, known: dict[str, str]) -> None:
    """Every file whole, and the points that were complete still as they were."""
    for path in sorted(folder.glob("*.h5")):
        try:
            digest = store.verify(path)
        except store.FileError as error:
            found.half.append(str(error))
            continue
        if path.name != "result.h5" and known.setdefault(path.name, digest) != digest:
            found.lost.append(f"{path} was computed again")
    found.lost += [f"{folder / name} is gone" for name in known if not (folder / name).exists()]


def _compare(reference: Path, folder: Path, found: Faults) -> None:
    for path in sorted(reference.glob("*.h5")):
        if not (folder / path.name).exists():
            found.lost.append(f"{folder / path.name} was never made")
            continue
        found.differing += [f"{path.name}: {what}" for what in store.same(path, folder / path.name, ignore=_NO_DATA)]
    expected = {path.name for path in reference.iterdir()}
    left = sorted({path.name for path in folder.iterdir()} - expected)
    found.failed += [f"{folder / name} was left behind" for name in left]
