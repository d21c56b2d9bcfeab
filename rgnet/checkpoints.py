"""Checkpoints of a sampling run: what is on disk is enough to go on, bit for bit.

A folder holds parts, each a sealed file (`rgnet.store`):

    part-FIRST.h5    the draws FIRST … of the run, and the whole state after them: the lattice and the random stream of
                     every chain, the stage (warm-up, pilot, settling, drawing), how far it is, and what was chosen

A part is written once the last one is a given time old, so that what is written is what was drawn, once. To go on,
parts are taken as long as each begins where the one before ended; the state is that of the last. A damaged part ends
the row, and what came after it is drawn again, to the same bits. For the same reason two processes may write to one
folder: whatever row of parts they leave is a row of the same run.
"""

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rgnet import store
from rgnet._jit import this_source
from rgnet.updates.chains import Chains


@dataclass
class Checkpoints:
    """Where a run keeps its state, which run it is, and how much of it is there.

    Attributes
    ----------
    folder : Path
        Made when the first checkpoint is written.
    every : float
        Seconds between checkpoints.
    identity : dict
        What tells this run from others.
    stored : int
        Draws on disk.
    since : float
        When the last checkpoint was written, or the run began (monotonic seconds).
    """

    folder: Path
    every: float
    identity: dict[str, Any]
    stored: int = 0
    since: float = field(default_factory=time.monotonic)

    def __call__(self, run: Chains) -> None:
        """Write a checkpoint if it is time to."""
        if time.monotonic() - self.since >= self.every:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.write(run)

    def finish(self, run: Chains) -> None:
        """Complete the checkpoints of a finished run that has some; a run that was short needs none."""
        if self.folder.exists() and self.stored < run.done:
            self.write(run)

    def write(self, run: Chains) -> None:
        """Write the draws that are not stored yet, and the state after them."""
        groups = {"state": _state(run)}
        if run.done > self.stored:
            new = slice(self.stored, run.done)
            variables = {
                name: (("chain", "draw", f"{name}_component")[: values.ndim], values[:, new])
                for name, values in run.quantities.items()
            }
            if run.configurations:
                variables["spin"] = (("chain", "draw", "number"), run.spins[:, new])
            groups["draws"] = xr.Dataset(variables)
        attrs = {
            "kind": "checkpoint",
            "run": self.identity,
            "stage": run.stage,
            "counts": run.counts,
            "settings": dict(run.move.settings),
            "chosen": run.attrs,
            "rng_state": _rng_states(run),
            "done": run.done,
            "mean_energy": run.mean_energy,
        }
        store.write(self.folder / f"part-{self.stored:012d}.h5", groups, attrs)
        self.stored, self.since = run.done, time.monotonic()


def start(folder: Path, every: float, run: Chains, asked: Mapping[str, Any]) -> Checkpoints:
    """Bring a run to where the folder's checkpoints are, if there are any.

    Parameters
    ----------
    folder : Path
    every : float
        Seconds between checkpoints.
    run : Chains
        At its start; changed in place.
    asked : mapping
        What makes this run another one than the next, beside the model and the streams with which it starts.

    Raises
    ------
    ValueError
        If ``every`` is no number of seconds, or the folder holds another run.
    """
    if isinstance(every, bool) or not isinstance(every, (int, float)) or not every >= 0 or math.isinf(every):
        raise ValueError(f"checkpoint_every={every!r}: give a number of seconds, such as 60")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"checkpoint={str(folder)!r} is a file; give a folder, which need not exist yet")
    store.remove_leftovers(folder)
    keeper = Checkpoints(folder, every, _identity(run, asked))
    _restore(keeper, run)
    return keeper


def _identity(run: Chains, asked: Mapping[str, Any]) -> dict[str, Any]:
    # An unseeded run is whichever the folder holds
    unseeded = asked["seed"] is None and run.attrs["draws"] == 0
    return {
        "model": json.loads(json.dumps(run.model.to_dict())),
        "chains": len(run.states),
        **asked,
        "begins": None if unseeded else hashlib.sha256(_rng_states(run).encode()).hexdigest(),
        "rgnet": this_source(),
    }


def _rng_states(run: Chains) -> str:
    return json.dumps([rng.bit_generator.state for rng in run.rngs])


def _state(run: Chains) -> xr.Dataset:
    variables: dict[str, Any] = {"lattice": (("chain", "padded_site"), run.states)}
    if run.series.size:
        variables["series"] = (("observable", "chain", "sweep"), run.series)
    return xr.Dataset(variables)


def _restore(keeper: Checkpoints, run: Chains) -> None:
    """Read the row of parts, and put the run where the last of them left it."""
    last: tuple[dict[str, Any], xr.Dataset] | None = None
    while (path := keeper.folder / f"part-{keeper.stored:012d}.h5").exists():
        try:
            tree = store.open(path)
            attrs, state = store.read_attrs(path), tree["state"].to_dataset().load()
            _check_identity(keeper, attrs["run"])
            if attrs["done"] > run.draws:
                raise ValueError(
                    f"draws={run.draws}: the checkpoints in {keeper.folder} hold {attrs['done']} draws of this run; "
                    f"ask for at least as many, or delete the folder to start anew"
                )
            if attrs["done"] > keeper.stored:
                new, draws = slice(keeper.stored, attrs["done"]), tree["draws"].to_dataset().load()
                if run.configurations:
                    run.spins[:, new] = draws["spin"].values
                for name, values in run.quantities.items():
                    values[:, new] = draws[name].values
        except (store.FileError, KeyError):
            break  # as if it were not there: what it held is drawn again
        last = attrs, state
        if attrs["done"] == keeper.stored:
            break
        keeper.stored = attrs["done"]
    if last is None:
        return
    attrs, state = last
    run.states = np.ascontiguousarray(state["lattice"].values)
    for rng, stored in zip(run.rngs, json.loads(attrs["rng_state"]), strict=True):
        rng.bit_generator.state = stored
    run.stage, run.counts, run.attrs = attrs["stage"], attrs["counts"], attrs["chosen"]
    run.move = replace(run.move, settings=attrs["settings"])
    run.series = state["series"].values if "series" in state else run.series
    run.done, run.mean_energy = attrs["done"], attrs["mean_energy"]


def _check_identity(keeper: Checkpoints, stored: dict[str, Any]) -> None:
    other = [name for name, value in keeper.identity.items() if stored.get(name) != value]
    if other:
        details = ", ".join(f"{name} {stored.get(name)} there, {keeper.identity[name]} now" for name in other)
        raise ValueError(
            f"checkpoint={str(keeper.folder)!r} holds another run ({details}); give another folder, or delete this one"
        )
