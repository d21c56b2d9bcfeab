"""Chains in motion: where they start, how they advance in short calls, and how long they remember.

A kernel is never called for more than a fraction of a second, so that signals are heard; how the work is cut does not
change the random numbers. Whenever `Chains.report` is called, what a `Chains` holds is the whole state of the run: one
that is put back there, by `rgnet.checkpoints`, goes on as if nothing had happened.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rgnet import stats, updates
from rgnet.models import Model
from rgnet.models.model import padded
from rgnet.updates.base import Move, State, Update

Callback = Callable[[int, int, float], None]
Stage = Literal["warmup", "pilot", "settling", "drawing"]

_SPINS_PER_CALL = 1 << 22  # spin updates in one kernel call: well below half a second, so that signals are heard
_PILOT = 128  # sweeps with which the pilot begins
_PILOT_MOST = 1 << 20  # sweeps at which it gives up …
_PILOT_WORK = 1 << 32  # … or spin updates a chain, whichever comes first (but not before 1024 sweeps)
_PILOT_TIMES = 50.0  # length of the second half of the pilot, in units of τ


@dataclass
class Chains:
    """The chains of one run: where they are, how they move, and what has been reported of them.

    Attributes
    ----------
    spins, energy : ndarray
        What has been drawn, (chain, draw, N) and (chain, draw), of which ``done`` draws are filled.
    observed : dict of str to ndarray
        What the model keeps with every draw (`Model.observe`), (chain, draw) each.
    attrs : dict
        What has been found out and chosen so far; it ends as attributes of the Dataset.
    stage, counts, series
        Where the run is: warm-up, pilot, settling (the sweeps after the pilot), drawing; how far it is in that stage
        (such as ``sweeps`` of it); and the observables (observable, chain, sweep) of the pilot.
    keep : callable or None
        Told whenever the state is whole, to write a checkpoint now and then.
    """

    model: Model
    update: Update
    move: Move
    states: list[State]
    rngs: list[np.random.Generator]
    draws: int
    attrs: dict[str, Any] = field(default_factory=dict)
    callback: Callback | None = None
    keep: Callable[["Chains"], None] | None = None
    stage: Stage = "warmup"
    counts: dict[str, int] = field(default_factory=dict)
    series: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0, 0)))
    done: int = 0
    mean_energy: float = float("nan")

    def __post_init__(self) -> None:
        chains = len(self.states)
        self.spins = np.empty((chains, self.draws, self.model.n_sites), dtype=np.int8)
        self.energy = np.empty((chains, self.draws))
        names = self.model.observe(configurations(self.model, self.states[0]))
        self.observed = {name: np.empty((chains, self.draws), dtype=np.int64) for name in names}

    def enter(self, stage: Stage) -> None:
        """Begin a stage."""
        self.stage, self.counts, self.series = stage, {}, np.empty((0, 0, 0))

    def report(self) -> None:
        """Call back with draws done, draws wanted and the running energy per site; the state is whole."""
        if self.keep is not None:
            self.keep(self)
        if self.callback is not None:
            self.callback(self.done, self.draws, self.mean_energy)


def start(model: Model, chain: int, rng: np.random.Generator) -> State:
    """Starting state of a chain (`Model.start`), padded."""
    return padded(model, model.start(chain, rng))


def configurations(model: Model, spins: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Configurations (..., *shape) of states or rows (..., at least N)."""
    return spins[..., : model.n_sites].reshape(*spins.shape[:-1], *model.shape)


def advance(run: Chains, sweeps: int) -> None:
    """Sweeps that nobody looks at, from those that ``counts`` has; it counts them until something else follows."""
    scratch = np.empty((1, run.model.n_sites), dtype=np.int8)
    most = max(1, _SPINS_PER_CALL // run.model.n_sites)
    while (begin := run.counts.get("sweeps", 0)) < sweeps:
        step = min(most, sweeps - begin)
        for spins, rng in zip(run.states, run.rngs, strict=True):
            run.move.run(spins, rng, step, scratch)
        run.counts["sweeps"] = begin + step
        run.report()


def record(run: Chains, every: int, out: npt.NDArray[np.int8], first: int = 0) -> Iterator[tuple[int, int]]:
    """Fill out (chain, draw, N) from draw ``first``, one every so many sweeps; yields the stretches as they fill."""
    most = max(1, _SPINS_PER_CALL // run.model.n_sites)
    rows = max(1, most // every)
    before = (every - 1) // most * most  # of the sweeps to one draw, those that take calls of their own
    for begin in range(first, out.shape[1], rows):
        end = min(begin + rows, out.shape[1])
        if before:
            advance(run, before)
        for chain, (spins, rng) in enumerate(zip(run.states, run.rngs, strict=True)):
            run.move.run(spins, rng, every - before, out[chain, begin:end])
        run.counts.pop("sweeps", None)
        yield begin, end


def pilot(run: Chains) -> tuple[dict[str, float], int]:
    """Measure integrated autocorrelation times (`rgnet.stats`), in sweeps, by a run that grows until it can.

    Watched are the energy and what the model names in `Model.watch`, such as |magnetisation|. The run discards its
    first half and doubles until the second is at least 50 τ long in each chain, τ the largest of the times.

    Returns
    -------
    times : dict
        By name: energy, and the names of `Model.watch`.
    length : int
        Sweeps that this took, in each chain.

    Raises
    ------
    ValueError
        If 2²⁰ sweeps or 2³² spin updates a chain are not enough.
    """
    model, chains = run.model, len(run.states)
    limit = min(_PILOT_MOST, max(1024, _PILOT_WORK // model.n_sites))
    names = ("energy", *model.watch(configurations(model, run.states[0])))
    rows = max(1, _SPINS_PER_CALL // model.n_sites)
    if run.series.size == 0:
        run.series = np.empty((len(names), chains, 0))
    goal = run.counts.setdefault("goal", _PILOT)
    while True:
        while run.series.shape[2] < goal:
            part = np.empty((chains, min(rows, goal - run.series.shape[2]), model.n_sites), dtype=np.int8)
            for _ in record(run, 1, part):
                pass
            run.series = np.concatenate([run.series, _observables(model, part)], axis=2)
            run.mean_energy = float(run.series[0, :, run.series.shape[2] // 2 :].mean()) / model.n_sites
            run.report()
        kept = run.series[:, :, goal // 2 :]
        # A frozen lattice never changes: nothing is left to forget
        taus = [0.5 if np.ptp(x) == 0 else stats.autocorrelation_time(x) for x in kept]
        tau, slowest = max(zip(taus, names, strict=True))
        if kept.shape[2] >= _PILOT_TIMES * tau:
            return dict(zip(names, taus, strict=True)), goal
        if goal >= limit:
            raise ValueError(_too_slow(run, goal, tau, slowest))
        goal = run.counts["goal"] = min(limit, 2 * goal)


def _observables(model: Model, spins: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
    """What the pilot watches, (observable, chain, sweep)."""
    x = configurations(model, spins)
    return np.stack([model.energy(x), *model.watch(x).values()]).astype(np.float64)


def _too_slow(run: Chains, sweeps: int, tau: float, slowest: str) -> str:
    best = updates.resolve("auto", run.model).name
    other = f"use update={best!r}, or " if best != run.update.name else ""
    return (
        f"update={run.update.name!r}: after {sweeps} sweeps of pilot the autocorrelation time of the {slowest} is "
        f"about {tau:.3g} sweeps, too long to choose warm-up and thinning by it; {other}give warmup= and thin= yourself"
    )
