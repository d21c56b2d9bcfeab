"""Replicas in motion: how they move, exchange configurations and are judged; what `rgnet.tempering` is made of.

A round is ``swap_every`` sweeps of every replica and one attempt to exchange the configurations of neighbours, of the
pairs (0, 1), (2, 3), … and (1, 2), (3, 4), … in turn. Replica r stays at its coupling; it is configurations that
travel, and ``walker`` says which of them is where. Row r·chains + chain of ``states`` and of ``rngs`` is replica r; the
last stream is that of the exchanges. Whenever `Replicas.report` is called the state of the run is whole, and is kept
and put back as that of an ordinary run is (`rgnet.checkpoints`), whose names its attributes have therefore.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from rgnet import stats
from rgnet.models import Model, tuned
from rgnet.updates.base import Array, Move, Update
from rgnet.updates.chains import Callback, Kept, Stage, configurations

_SPINS = 1 << 22  # spin updates between two reports …
_ROUNDS = 256  # … or rounds
_BYTES = 1 << 24  # of configurations that wait to be looked at
_PILOT = 128  # rounds with which the pilot begins
_PILOT_MOST = 1 << 18  # rounds at which it gives up …
_PILOT_WORK = 1 << 32  # … or spin updates of each chain, whichever comes first (but not before 1024 rounds)
_PILOT_TIMES = 50.0  # length of the second half of the pilot, in units of τ


@dataclass
class Replicas:
    """The replicas of one run, as `rgnet.updates.chains.Chains` is the chains of one.

    Attributes
    ----------
    models, updates, moves : lists over replicas
    couplings : float array (R,)
    states : array (R·chains, S)
    rngs : list of R·chains + 1 Generators
    chains, draws, swap_every : int
    walker : int64 array (chain, R)
        Which configuration is at replica r, named after the replica where it started.
    rounds : int
        Done since the run began; its parity says which pairs are next.
    odds, tries : arrays (R − 1,)
        Sum of the acceptance probabilities of each pair's exchanges, and their number, since they were last cleared.
    """

    models: list[Model]
    updates: list[Update]
    moves: list[Move]
    couplings: Array
    states: Array
    rngs: list[np.random.Generator]
    chains: int
    draws: int
    swap_every: int = 1
    attrs: dict[str, Any] = field(default_factory=dict)
    configurations: bool = True
    callback: Callback | None = None
    keep: Callable[[Any], None] | None = None
    stage: Stage = "warmup"
    counts: dict[str, int] = field(default_factory=dict)
    series: Array = field(default_factory=lambda: np.empty((0, 0, 0)))
    done: int = 0
    mean_energy: float = float("nan")
    rounds: int = 0

    def __post_init__(self) -> None:
        R = len(self.models)
        self.walker = np.tile(np.arange(R), (self.chains, 1))
        self.odds, self.tries = np.zeros(R - 1), np.zeros(R - 1)
        width = R * self.size if self.configurations else 0
        self.spins = np.empty((self.chains, self.draws, width), dtype=self.model.dtype)
        self.kept = kept(self.model, self.states[0])
        # Flat over replicas and components, so that every one is (chain, draw, number)
        self.quantities = {
            name: np.empty((self.chains, self.draws, R * int(np.prod(shape, dtype=int))), dtype=dtype)
            for name, (shape, dtype) in self.kept.items()
        }
        self._waiting: list[Array] = []
        self._since = [0, 0]
        self._key: tuple[int, ...] = ()
        self._prepared: tuple[list[Any], list[Array]] = ([], [])

    @functools.cached_property
    def recipes(self) -> list[Array] | None:
        """How S follows from what the moves measure, if it does at every replica."""
        found = [_recipe(self, model, move) for model, move in zip(self.models, self.moves, strict=True)]
        return None if any(recipe is None for recipe in found) else cast(list[Array], found)

    @property
    def model(self) -> Model:
        """The model at the lowest coupling."""
        return self.models[0]

    @property
    def size(self) -> int:
        """Numbers of a configuration."""
        return self.model.components * self.model.n_sites

    @property
    def move(self) -> Move:
        """What stands for the moves of all replicas where their settings are kept: name_r."""
        settings = {f"{name}_{r}": v for r, move in enumerate(self.moves) for name, v in move.settings.items()}
        return Move("tempering", self.moves[0].record, (), settings)

    @move.setter
    def move(self, whole: Move) -> None:
        self.moves = [
            replace(move, settings={name: type(v)(whole.settings[f"{name}_{r}"]) for name, v in move.settings.items()})
            for r, move in enumerate(self.moves)
        ]

    def calls(self) -> tuple[list[Any], list[Array]]:
        """The kernel calls of a round, made anew where the states or the moves are other ones."""
        key = (id(self.states), *map(id, self.moves))
        if key != self._key:
            self._key, self._prepared = key, _calls(self)
        return self._prepared

    def of(self, r: int) -> slice:
        """Rows of replica r."""
        return slice(r * self.chains, (r + 1) * self.chains)

    def x(self) -> Array:
        """Configurations of all replicas, (R·chains, [component], *shape)."""
        return configurations(self.model, self.states)

    def clear(self) -> None:
        """Begin to count exchanges anew."""
        self.odds[:], self.tries[:] = 0.0, 0.0

    def enter(self, stage: Stage) -> None:
        """Begin a stage."""
        self.stage, self.counts, self.series = stage, {}, np.empty((0, 0, 0))

    def report(self) -> None:
        """Keep a checkpoint and call back; what was drawn is measured first, so that the state is whole."""
        measure(self)
        self._since = [0, 0]
        if self.keep is not None:
            exchanges = {"walker": self.walker.tolist(), "odds": self.odds.tolist(), "tries": self.tries.tolist()}
            self.attrs |= {"exchanges": exchanges, "rounds": self.rounds}
            self.keep(self)
        if self.callback is not None:
            self.callback(self.done, self.draws, self.mean_energy)

    def restored(self) -> None:
        """Take over what a checkpoint put into ``attrs``."""
        exchanges = self.attrs.pop("exchanges", None)
        if exchanges is not None:
            self.walker = np.array(exchanges["walker"])
            self.odds, self.tries = np.array(exchanges["odds"]), np.array(exchanges["tries"])
            self.rounds = self.attrs["rounds"]


def kept(model: Model, state: Array) -> Kept:
    """Shape and type of one draw of a replica, of everything that is kept beside configurations.

    Parameters
    ----------
    model : Model
        At any of the couplings.
    state : array (at least components·N,)
        That of one chain, padded or not.

    Returns
    -------
    dict
        Name to (shape, dtype): energy, conjugate, walker, and what the model observes.
    """
    x = configurations(model, state)
    return {
        "energy": ((), np.dtype(float)),
        "conjugate": ((), np.asarray(model.conjugate(x[None])).dtype),
        "walker": ((), np.dtype(np.int64)),
        **{name: (np.shape(value), np.asarray(value).dtype) for name, value in model.observe(x).items()},
    }


def advance(run: Replicas, rounds: int, look: Callable[[Array], None] | None = None) -> None:
    """Rounds from those that ``counts`` has; it counts them until something else follows.

    Reports go out now and then; not where ``look`` is shown S (R, chain) after every round, which keeps account itself.
    """
    calls, measured = run.calls()
    work = _work(run)
    while run.counts.get("rounds", 0) < rounds:
        for kernel, arguments, most, rest in calls:
            left = run.swap_every
            while left > 0:
                kernel(*arguments, min(left, most), *rest)
                left -= most
        S = exchange(run, _sums(run, measured))
        run.counts["rounds"] = run.counts.get("rounds", 0) + 1
        if look is not None:
            look(S)
            continue
        run._since = [run._since[0] + work, run._since[1] + 1]
        if run._since[0] >= _SPINS or run._since[1] >= _ROUNDS:
            run.report()


def exchange(run: Replicas, S: Array) -> Array:
    """Try to exchange neighbours of the parity whose turn it is; from S (R, chain) before it to S after it.

    With total sums S a pair is exchanged with probability min(1, exp((K_a − K_b)(S_b − S_a))).
    """
    R = len(run.models)
    low = np.arange(run.rounds % 2, R - 1, 2)
    run.rounds += 1
    if low.size:
        gap = (run.couplings[low] - run.couplings[low + 1])[:, None]
        odds = np.exp(np.minimum(gap * (S[low + 1] - S[low]), 0.0))
        run.odds[low] += odds.sum(axis=1)
        run.tries[low] += run.chains
        pair, chain = np.nonzero(run.rngs[-1].random(odds.shape) < odds)
        a = low[pair]
        first, second = a * run.chains + chain, (a + 1) * run.chains + chain
        run.states[np.concatenate([first, second])] = run.states[np.concatenate([second, first])]
        run.walker[chain, a], run.walker[chain, a + 1] = run.walker[chain, a + 1], run.walker[chain, a]
        S[a, chain], S[a + 1, chain] = S[a + 1, chain], S[a, chain]
    return S


def draw(run: Replicas, rounds: int) -> None:
    """All draws that are left, one every so many rounds."""
    R = len(run.models)
    while run.done < run.draws:
        advance(run, rounds)
        x = run.states[:, : run.size].reshape(R, run.chains, run.size).swapaxes(0, 1)
        if run.configurations:
            run.spins[:, run.done] = x.reshape(run.chains, -1)
        run._waiting.append(x.copy())
        run.quantities["walker"][:, run.done] = run.walker
        run.counts.pop("rounds", None)
        run.done += 1
        if len(run._waiting) * run.states.nbytes > _BYTES:
            run.report()
    run.report()


def measure(run: Replicas) -> None:
    """Fill in what is kept of the draws that wait for it, which are the last."""
    if not run._waiting:
        return
    new = slice(run.done - len(run._waiting), run.done)
    rows = np.stack(run._waiting, axis=1)  # (chain, draw, R, number)
    run._waiting = []
    x = configurations(run.model, rows)
    energy = np.stack([run.models[r].energy(x[:, :, r]) for r in range(len(run.models))], axis=-1)
    run.quantities["energy"][:, new] = energy
    run.quantities["conjugate"][:, new] = run.model.conjugate(x)
    for name, values in run.model.observe(x).items():
        run.quantities[name][:, new] = np.asarray(values).reshape(*energy.shape[:2], -1)
    run.mean_energy = float(run.quantities["energy"][:, : run.done].mean()) / run.model.n_sites


def tune(run: Replicas, sweeps: int) -> None:
    """Let every move that can tune itself do so, replica by replica, without exchanges."""
    while (r := run.counts.get("tempered", 0)) < len(run.moves):
        update, counts = run.updates[r], {name: n for name, n in run.counts.items() if name != "tempered"}
        if update.tune is not None:
            rows = run.of(r)
            move = update.tune(run.moves[r], run.states[rows], run.rngs[rows], sweeps, counts)
            if move is None:
                run.counts = {"tempered": r, **counts}
                run.report()
                continue
            run.moves[r] = move
        run.counts = {"tempered": r + 1}
    run.counts = {}


def pilot(run: Replicas) -> tuple[dict[str, float], float, int]:
    """Measure autocorrelation times, in rounds, by a run that grows until it can.

    Watched are, at every replica, S and what the model names in `Model.watch`; and the place of every walker, which
    knows whether configurations travel. As in `rgnet.updates.chains.pilot` the first half is discarded, and the second
    must be 50 τ long.

    Returns
    -------
    times : dict
        The longest τ over replicas, by name: conjugate, and the names of `Model.watch`.
    walk : float
        τ of the walkers' places.
    length : int
        Rounds that this took.

    Raises
    ------
    ValueError
        If 2¹⁸ rounds or 2³² spin updates a chain are not enough.
    """
    R, watcher = len(run.models), run.models[int(np.argmax(np.abs(run.couplings)))]
    rounds = max(1, min(_ROUNDS, _SPINS // _work(run)))
    limit = min(_PILOT_MOST, max(1024, _PILOT_WORK // (run.model.n_sites * R * run.swap_every)))
    watched = tuple(watcher.watch(run.x()))
    names = ("conjugate", *watched, "place")
    if run.series.size == 0:
        run.series = np.empty((len(names), R * run.chains, 0))
    goal = run.counts.setdefault("goal", _PILOT)
    while True:
        while run.series.shape[2] < goal:
            found: list[Array] = []
            advance(run, min(rounds, goal - run.series.shape[2]), functools.partial(_note, found, run, watcher))
            run.counts.pop("rounds")
            part = np.stack(found, axis=-1).reshape(len(names), R * run.chains, -1)
            run.series = np.concatenate([run.series, part], axis=2)
            run.report()
        kept = run.series[:, :, goal // 2 :].reshape(len(names), R, run.chains, -1)
        times = {name: max(_tau(x) for x in series) for name, series in zip(names, kept, strict=True)}
        # Walkers are equal: one time for all of them
        times["place"] = _tau(kept[-1].reshape(R * run.chains, -1))
        tau, slowest = max((t, name) for name, t in times.items())
        if kept.shape[-1] >= _PILOT_TIMES * tau:
            walk = times.pop("place")
            return times, walk, goal
        if goal >= limit:
            raise ValueError(_too_slow(run, goal, tau, slowest))
        goal = run.counts["goal"] = min(limit, 2 * goal)


def _calls(run: Replicas) -> tuple[list[Any], list[Array]]:
    """The kernel calls of a round, ready to be made, and the arrays (chain, 1, column) into which they measure."""
    calls, measured = [], []
    for r, move in enumerate(run.moves):
        columns = sum(int(np.prod(run.kept[name][0], dtype=int)) if name in run.kept else 1 for name in move.measures)
        measured.append(np.zeros((run.chains, 1, columns)))
        most = max(1, move.spins_per_call // run.model.n_sites)
        for chain in range(run.chains):
            row = r * run.chains + chain
            state, out, here = run.states[row], np.empty((1, 0), dtype=run.model.dtype), measured[-1][chain]
            if move.group > 1:
                state, out, here = state[None], out[None], here[None]
            rest = (out, here, *move.tables, *move.settings.values())
            calls.append((move.record, (state, run.rngs[row]), most, rest))
    return calls, measured


def _sums(run: Replicas, measured: list[Array]) -> Array:
    """S of every configuration, (R, chain): from what the kernels measured where that gives it, else by itself."""
    recipes = run.recipes
    if recipes is None:
        return np.asarray(run.model.conjugate(run.x())).reshape(len(run.models), run.chains)
    S = np.stack([here[:, 0] @ recipe for here, recipe in zip(measured, recipes, strict=True)])
    return np.rint(S) if run.kept["conjugate"][1].kind == "i" else S


def _recipe(run: Replicas, model: Model, move: Move) -> Array | None:
    """Coefficients of what a move measures that give S, if they do."""
    names = tuned.from_measured(model, move.measures)
    if names is None:
        return None
    columns = [np.full(int(np.prod(run.kept[name][0], dtype=int)) if name in run.kept else 1, names.get(name, 0.0))
               for name in move.measures]  # fmt: skip
    return np.concatenate(columns)


def _note(found: list[Array], run: Replicas, watcher: Model, S: Array) -> None:
    found.append(_seen(run, watcher, S))


def _seen(run: Replicas, watcher: Model, S: Array) -> Array:
    """S, what is watched, and the places of the walkers, (name, R, chain)."""
    watched = [np.reshape(values, S.shape) for values in watcher.watch(run.x()).values()]
    return np.stack([S, *watched, np.argsort(run.walker, axis=1).T]).astype(np.float64)


def _tau(x: Array) -> float:
    # A frozen lattice never changes: nothing is left to forget
    return 0.5 if np.ptp(x) == 0 else stats.autocorrelation_time(x)


def _work(run: Replicas) -> int:
    """Spin updates of a round."""
    return len(run.states) * run.model.n_sites * run.swap_every


def _too_slow(run: Replicas, rounds: int, tau: float, slowest: str) -> str:
    if slowest == "place":
        odds = run.odds / np.maximum(run.tries, 1)
        r = int(odds.argmin())
        return (
            f"after {rounds} rounds of pilot the configurations do not travel along the ladder (autocorrelation time "
            f"of their places {tau:.3g} rounds): the exchange of {run.couplings[r]:.6g} and {run.couplings[r + 1]:.6g} "
            f"is accepted with probability {odds[r]:.2g}; put more couplings there, or give K=(low, high) to have the "
            f"ladder chosen; or give warmup= and thin= yourself"
        )
    return (
        f"after {rounds} rounds of pilot the autocorrelation time of the {slowest} is about {tau:.3g} rounds, too long "
        f"to choose warm-up and thinning by it; begin the ladder where the model is quick, use another update, or give "
        f"warmup= and thin= yourself"
    )
