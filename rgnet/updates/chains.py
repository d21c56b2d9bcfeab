"""Chains in motion: where they start, how they advance in short calls, and how long they remember.

A kernel is never called for more than a fraction of a second, so that signals are heard; how the work is cut does not
change the random numbers. Whenever `Chains.report` is called, what a `Chains` holds is the whole state of the run: one
that is put back there, by `rgnet.checkpoints`, goes on as if nothing had happened.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from rgnet import stats, updates
from rgnet.models import ContinuousModel, DiscreteModel, Model
from rgnet.models.model import padded
from rgnet.updates.base import Array, Move, Update

Callback = Callable[[int, int, float], None]
Kept = dict[str, tuple[tuple[int, ...], Any]]
Stage = Literal["warmup", "pilot", "settling", "drawing"]

_SWEEPS_PER_CALL = 1 << 16  # a sweep of the smallest lattice still takes some microseconds
_BYTES_PER_CALL = 1 << 24  # of configurations that a call writes where nobody asked for them
_PILOT = 128  # sweeps with which the pilot begins
_PILOT_MOST = 1 << 20  # sweeps at which it gives up …
_PILOT_WORK = 1 << 32  # … or spin updates a chain, whichever comes first (but not before 1024 sweeps)
_PILOT_TIMES = 50.0  # length of the second half of the pilot, in units of τ


@dataclass
class Chains:
    """The chains of one run: where they are, how they move, and what has been reported of them.

    Attributes
    ----------
    states : ndarray
        (chain, S), see `rgnet.updates.base`.
    rngs : list of Generator
        One for each group of chains that moves together.
    spins : ndarray
        What has been drawn, (chain, draw, components·N), of which ``done`` draws are filled; (chain, draw, 0) where
        configurations are not kept.
    quantities : dict of str to ndarray
        What is kept with every draw, (chain, draw) or (chain, draw, component): ``energy``, what the model observes
        (`Model.observe`), and what the move alone knows (`Move.measures`).
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
    states: Array
    rngs: list[np.random.Generator]
    draws: int
    attrs: dict[str, Any] = field(default_factory=dict)
    configurations: bool = True
    callback: Callback | None = None
    keep: Callable[["Chains"], None] | None = None
    stage: Stage = "warmup"
    counts: dict[str, int] = field(default_factory=dict)
    series: Array = field(default_factory=lambda: np.empty((0, 0, 0)))
    done: int = 0
    mean_energy: float = float("nan")

    def __post_init__(self) -> None:
        chains = len(self.states)
        width = self.size if self.configurations else 0
        self.spins = np.empty((chains, self.draws, width), dtype=self.model.dtype)
        self.quantities: dict[str, Array] = {
            name: np.empty((chains, self.draws, *shape), dtype=dtype) for name, (shape, dtype) in self.kept.items()
        }

    @property
    def size(self) -> int:
        """Numbers of a configuration."""
        return self.model.components * self.model.n_sites

    @functools.cached_property
    def kept(self) -> Kept:
        """Shape and type of one draw of everything that is kept."""
        return kept(self.model, self.move, self.states[0])

    @property
    def measures_all(self) -> bool:
        """Whether the move measures everything that is kept, so that nobody has to look at configurations."""
        return set(self.kept) <= set(self.move.measures)

    def groups(self) -> Iterator[tuple[slice, np.random.Generator]]:
        """The chains that move together, and their stream."""
        for number, rng in enumerate(self.rngs):
            yield slice(number * self.move.group, (number + 1) * self.move.group), rng

    def report(self) -> None:
        """Call back with draws done, draws wanted and the running energy per site; the state is whole."""
        if self.keep is not None:
            self.keep(self)
        if self.callback is not None:
            self.callback(self.done, self.draws, self.mean_energy)

    def enter(self, stage: Stage) -> None:
        """Begin a stage."""
        self.stage, self.counts, self.series = stage, {}, np.empty((0, 0, 0))


def kept(model: Model, move: Move, state: Array) -> Kept:
    """Shape and type of one draw of everything that is kept beside configurations."""
    observed = model.observe(configurations(model, state))
    own = {name: (np.shape(value), np.asarray(value).dtype) for name, value in observed.items()}
    only_known_to_the_move = {name: ((), np.dtype(float)) for name in move.measures if name not in own}
    return {"energy": ((), np.dtype(float)), **own, **only_known_to_the_move}


def start(model: Model, chain: int, rng: np.random.Generator) -> Array:
    """Starting state of a chain (`Model.start`), padded."""
    return padded(model, model.start(chain, rng))


def configurations(model: Model, rows: Array) -> Array:
    """Configurations (..., *shape) or (..., component, *shape) of states or rows (..., at least their size)."""
    shape = model.shape if model.components == 1 else (model.components, *model.shape)
    return rows[..., : model.components * model.n_sites].reshape(*rows.shape[:-1], *shape)


def width(run: Chains) -> int:
    """Columns that the move measures."""
    return sum(int(np.prod(run.kept[name][0], dtype=int)) for name in run.move.measures)


def _sweeps_per_call(run: Chains) -> int:
    # A group costs the same however few chains are in it
    most = run.move.spins_per_call // (run.model.n_sites * run.move.group)
    return max(1, min(most, _SWEEPS_PER_CALL))


def _run(run: Chains, every: int, out: Array, measured: Array) -> None:
    for chains, rng in run.groups():
        run.move.run(run.states[chains], rng, every, out[chains], measured[chains])


def advance(run: Chains, sweeps: int) -> None:
    """Sweeps that nobody looks at, from those that ``counts`` has; it counts them until something else follows."""
    nothing = np.empty((len(run.states), 1, 0), dtype=run.model.dtype)
    unmeasured = np.empty((len(run.states), 1, 0))
    most = _sweeps_per_call(run)
    while (begin := run.counts.get("sweeps", 0)) < sweeps:
        step = min(most, sweeps - begin)
        _run(run, step, nothing, unmeasured)
        run.counts["sweeps"] = begin + step
        run.report()


def record(run: Chains, every: int, out: Array, first: int = 0) -> Iterator[tuple[int, int, dict[str, Array]]]:
    """Make draws, one every so many sweeps; yields what is kept of them, stretch by stretch.

    Parameters
    ----------
    run : Chains
    every : int
    out : (chain, draw, components·N) array, or (chain, draw, 0)
        Filled from draw ``first``, if it has columns.

    Yields
    ------
    begin, end : int
    quantities : dict of arrays (chain, end − begin), or with a component at the end
    """
    most, chains = _sweeps_per_call(run), len(run.states)
    rows = max(1, most // every)
    needs_scratch = out.shape[2] == 0 and not run.measures_all
    if needs_scratch:
        rows = max(1, min(rows, _BYTES_PER_CALL // (chains * run.size * run.spins.itemsize)))
    columns = width(run)
    before = (every - 1) // most * most  # of the sweeps to one draw, those that take calls of their own
    for begin in range(first, out.shape[1], rows):
        end = min(begin + rows, out.shape[1])
        if before:
            advance(run, before)
        part = np.empty((chains, end - begin, run.size), dtype=out.dtype) if needs_scratch else out[:, begin:end]
        measured = np.empty((chains, end - begin, columns))
        _run(run, every - before, part, measured)
        run.counts.pop("sweeps", None)
        yield begin, end, quantities(run, part, measured)


def quantities(run: Chains, rows: Array, measured: Array) -> dict[str, Array]:
    """What is kept of draws: from what the move measured, the rest from the configurations."""
    found, column = {}, 0
    for name in run.move.measures:
        shape, dtype = run.kept[name]
        size = int(np.prod(shape, dtype=int))
        values = measured[..., column : column + size].astype(dtype)
        found[name] = values.reshape(*measured.shape[:-1], *shape)
        column += size
    missing = set(run.kept) - set(found)
    if missing:
        x = configurations(run.model, rows)
        if "energy" in missing:
            found["energy"] = run.model.energy(x)
        if missing - {"energy"}:
            found = {**run.model.observe(x), **found}
    return found


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
    watched = tuple(model.watch(configurations(model, run.states[0])))
    names = ("energy", *watched)
    blind = run.measures_all and watched == ("magnetization",)
    rows = _sweeps_per_call(run)
    if not blind:
        rows = max(1, min(rows, _BYTES_PER_CALL // (chains * run.size * run.spins.itemsize)))
    if run.series.size == 0:
        run.series = np.empty((len(names), chains, 0))
    goal = run.counts.setdefault("goal", _PILOT)
    while True:
        while run.series.shape[2] < goal:
            more = min(rows, goal - run.series.shape[2])
            part = np.empty((chains, more, 0 if blind else run.size), model.dtype)
            found = [_watched(model, found, part[:, begin:end]) for begin, end, found in record(run, 1, part)]
            run.series = np.concatenate([run.series, *found], axis=2)
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


def _watched(model: Model, found: Mapping[str, Array], rows: Array) -> Array:
    """What the pilot watches, (observable, chain, sweep)."""
    if rows.shape[-1]:
        watched = model.watch(configurations(model, rows))
    else:
        magnetization = found["magnetization"]
        if magnetization.ndim > 2:
            first, length = magnetization[..., 0], np.linalg.norm(magnetization, axis=-1)
        else:
            first, length = magnetization, np.abs(magnetization)
        watched = {"magnetization": length if model.is_symmetric else first}
    return np.stack([found["energy"], *watched.values()]).astype(np.float64)


def _too_slow(run: Chains, sweeps: int, tau: float, slowest: str) -> str:
    best = updates.resolve("auto", run.model).name
    other = f"use update={best!r}, or " if best != run.update.name else ""
    return (
        f"update={run.update.name!r}: after {sweeps} sweeps of pilot the autocorrelation time of the {slowest} is "
        f"about {tau:.3g} sweeps, too long to choose warm-up and thinning by it; {other}give warmup= and thin= yourself"
        f"{_doubt(run.model)}"
    )


def _doubt(model: Model) -> str:
    """What may be wrong with a model of one's own that does not settle."""
    if isinstance(model, ContinuousModel) and model.domain is None:
        return (
            "; or the weight cannot be normalised, and the values run away: see that bond= and site= together fall off "
            "for large values, or give domain=(low, high) if they are angles"
        )
    if isinstance(model, DiscreteModel) and np.isinf(model.unit).any():
        return "; or pairs are forbidden so that hardly a site can move: see the -inf of bond="
    return ""
