"""Parallel tempering: replicas of a model at a ladder of couplings, which exchange their configurations.

    p(x_0, …, x_{R−1}) ∝ Π_r exp(K_r S(x_r) − …) ,

S the lattice sum conjugate to K (`Model.conjugate`; r for the fields φ⁴ and Gaussian: read r for K). Each replica moves
by an update that is exact at its coupling; then neighbours a, b exchange configurations with probability

    min(1, exp((K_a − K_b)(S_b − S_a))) ,     S total, not per site,

pairs (0, 1), (2, 3), … and (1, 2), (3, 4), … in turn, which leaves the joint law unchanged. What is stuck at a large
coupling travels to a small one, forgets, and comes back.

Random numbers: one stream for each replica of each chain, PCG64 on SeedSequence(seed, spawn_key=(chain, replica)), and
one for the exchanges. Half a run, resumed, equals the whole run bit for bit, and so does one that was killed and goes
on from its checkpoint.

Source: Swendsen & Wang (1986); Geyer (1991); Hukushima & Nemoto (1996), eq. 10.
"""

import itertools
import json
import math
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import __version__, checkpoints, stats, store, updates
from rgnet.models import MODELS, Model, from_attrs, tuned
from rgnet.models.model import padded
from rgnet.sampling import last_of
from rgnet.tempering.ladder import choose
from rgnet.tempering.replicas import Replicas, advance, draw, kept, pilot, tune
from rgnet.updates.asked import bar, check_memory, check_numbers
from rgnet.updates.chains import Callback, configurations, start

_TUNING = 50  # sweeps of warm-up for moves that tune themselves
_WARMUP_TIMES = 20.0  # rounds after the pilot, in units of τ
_EXCHANGES = (0, 0, 1)  # spawn keys: chains have one number, replicas two
_ATTRS = ("model", "update", "seed", "warmup", "thin", "draws", "rng_state", "couplings", "swap_every", "settings")


def temper(
    model: Model,
    K: Sequence[float] | npt.NDArray[Any] | None = None,
    draws: int = 1000,
    *,
    replicas: int | None = None,
    chains: int | None = None,
    update: str = "auto",
    warmup: int | None = None,
    thin: int | None = None,
    seed: int | None = None,
    resume: xr.Dataset | None = None,
    swap_every: int | None = None,
    configurations: bool = True,
    progress: bool = False,
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 60.0,
) -> xr.Dataset:
    """Sample a model at a ladder of couplings by parallel tempering.

    Parameters
    ----------
    model : Ising, SpinGlass, Potts, Clock, XY, ON, BlumeCapel, Phi4, GaussianField
        Its own coupling has no say.
    K : sequence of float
        The couplings, increasing; or (low, high), between which a ladder of even acceptance is chosen by short runs and
        then frozen (`rgnet.tempering.ladder`). For the fields it is r.
    draws : int
        Draws from each chain, each of all replicas.
    replicas : int, optional
        With K=(low, high), the number of couplings: as many as give an acceptance of 0.35, unless given.
    chains : int, optional
        Independent sets of replicas: 4 unless given.
    update : str
        Name of the move (see `rgnet.updates`); ``"auto"`` chooses at every coupling by itself.
    warmup, thin : int, optional
        Sweeps before the first draw (after moves have tuned themselves), and from one draw to the next; rounded up to
        whole rounds. Chosen from measured autocorrelation times unless given.
    seed : int, optional
        Non-negative. Unless given, fresh entropy from the system, which is stored.
    resume : Dataset, optional
        What an earlier call returned (or its last part): the result holds the draws that follow, bit for bit as if
        the run had not been interrupted. Ladder, chains, update, thinning, exchanges and seed are those of the earlier
        call. `rgnet.join` makes one Dataset of the parts.
    swap_every : int, optional
        Sweeps between two attempts to exchange: 1 unless given.
    configurations : bool
        Whether configurations are kept; else only what is measured of them, and the last ones.
    progress, callback, checkpoint, checkpoint_every
        As in `rgnet.sample`; the running energy is the mean over replicas.

    Returns
    -------
    Dataset
        ``spin(chain, draw, replica, [component], *space)``, ``energy(chain, draw, replica)`` = H at the replica's own
        coupling, ``conjugate`` = S, what the model keeps of every draw, and ``walker``, which configuration is there,
        named after the replica where it started. Coordinates: ``replica`` 0 … R − 1 with increasing coupling, and that
        coupling, ``K(replica)`` (or r). Attributes: model (at the lowest coupling), couplings, update, kernel, seed,
        warmup, thin and swap_every (sweeps), acceptance (mean probability of exchange of each pair of neighbours),
        round_trips (of each chain, as its draws show them, `rgnet.stats.round_trips`), where a pilot was run its
        length ``pilot``, the longest tau_… over replicas and tau_place of the walkers' places (sweeps), settings,
        rng_state.

    Raises
    ------
    ValueError
        If a number is out of range, the ladder is not increasing, the update is unknown or not exact at some coupling,
        the draws would not fit in memory, ``resume`` or ``checkpoint`` is of another run, or configurations do not
        travel along the ladder, or forget too slowly, for the longest pilot.
    OSError
        If a checkpoint cannot be written.
    """
    if not isinstance(model, tuple(MODELS.values())):
        raise TypeError(f"model={model!r}: give a model, such as rg.Ising((16, 16), K=0.4)")
    if resume is not None and not isinstance(resume, xr.Dataset):
        raise TypeError(f"resume is a {type(resume).__name__}: give a Dataset as rgnet.temper returns it")
    check_numbers(draws, chains, warmup, thin, seed, swap_every)
    tuned.name(model)
    asked: dict[str, Any] = {"K": None if K is None else tuned.finite(K, "K"), "replicas": replicas, "update": update}
    if resume is None:
        entropy = np.random.SeedSequence().entropy if seed is None else int(seed)
        couplings, is_open = _ladder(asked["K"], replicas)
        check_memory(model, draws, (chains or 4) * (replicas or couplings.size), configurations)
        if is_open:
            had = None if checkpoint is None else _kept_ladder(Path(checkpoint))
            couplings = np.array(had) if had else choose(
                lambda trial, k: _fresh(model, trial, 0, 2, update, swap_every or 1, entropy, (2 + k,)),
                couplings[0], couplings[-1], replicas,
            )  # fmt: skip
        run = _fresh(model, couplings, draws, chains or 4, update, swap_every or 1, entropy, (), configurations)
    else:
        asked_again = {**asked, "chains": chains, "thin": thin, "swap_every": swap_every, "seed": seed}
        run = _resumed(model, draws, resume, configurations, asked_again)
    first = run.attrs["draws"]
    keeper = None
    if checkpoint is not None:
        asked |= {"warmup": warmup, "thin": thin, "seed": None if seed is None else str(seed)}
        asked |= {"swap_every": run.swap_every, "configurations": configurations, "model": tuned.without(model)}
        keeper = run.keep = checkpoints.start(Path(checkpoint), checkpoint_every, cast(Any, run), asked)
        run.restored()
    with bar(draws, callback) if progress else nullcontext(callback) as run.callback:
        _warm_up(run, warmup, thin)
        draw(run, run.attrs["thin"] // run.swap_every)
    if keeper is not None:
        keeper.finish(cast(Any, run))
    return _dataset(run, first)


def one(data: xr.Dataset, replica: int) -> xr.Dataset:
    """The draws at one coupling, as those of `rgnet.sample`: without the replica dimension, with the model there."""
    chosen = data.isel(replica=replica)
    model = from_attrs(data.attrs)
    there = tuned.at(model, float(chosen[tuned.name(model)]))
    own = ("couplings", "acceptance", "round_trips", "settings", "rng_state", "rounds", "swap_every", "tau_place")
    attrs = {name: value for name, value in data.attrs.items() if name not in own}
    names = [str(name) for name in chosen.coords if name not in ("chain", "draw")]
    return chosen.drop_vars([*names, "walker"]).assign_attrs(attrs).assign_attrs(model=json.dumps(there.to_dict()))


def _ladder(K: list[float] | None, replicas: int | None) -> tuple[np.ndarray[Any, Any], bool]:
    """The couplings as asked for, and whether they are only the ends."""
    if K is None or len(K) < 2:
        raise ValueError(f"K={K}: give an increasing sequence of couplings, or (low, high) to have a ladder chosen")
    for r, (a, b) in enumerate(itertools.pairwise(K)):
        if a >= b:
            what = "is there twice" if a == b else f"comes after {a:.6g}"
            raise ValueError(f"K: coupling {b:.6g} (number {r + 1}) {what}; give them in increasing order, each once")
    if replicas is None:
        return np.array(K), len(K) == 2
    if len(K) != 2:
        raise ValueError(f"replicas={replicas}: {len(K)} couplings are given; leave it out, or give K=(low, high)")
    if isinstance(replicas, bool) or not isinstance(replicas, (int, np.integer)) or not 2 <= replicas <= 4096:
        raise ValueError(f"replicas={replicas!r}: give a whole number from 2 to 4096")
    return np.array(K), True


def _kept_ladder(folder: Path) -> list[float] | None:
    """The ladder of the run whose checkpoints a folder holds, so that it is not chosen again."""
    path = folder / "part-000000000000.h5"
    try:
        couplings: list[float] = json.loads(store.read_attrs(path)["chosen"]["couplings"])
    except (store.FileError, OSError, KeyError, TypeError):
        return None  # as if it were not there
    return couplings


def _fresh(
    model: Model, couplings: Any, draws: int, chains: int, name: str, swap_every: int, entropy: Any,
    key: tuple[int, ...], keeps_configurations: bool = False,
) -> Replicas:  # fmt: skip
    """Replicas at their start; ``key`` tells the streams of trial runs from those of the run."""
    models = [tuned.at(model, K) for K in couplings]
    chosen = [updates.resolve(name, one) for one in models]
    moves = [update.prepare(one, 1) for update, one in zip(chosen, models, strict=True)]
    spawn = [(c, r) for r in range(len(models)) for c in range(chains)]
    rngs = [_generator(entropy, (*where, *key)) for where in spawn]
    states = np.stack([start(models[r], c, rng) for (c, r), rng in zip(spawn, rngs, strict=True)])
    rngs.append(_generator(entropy, (*_EXCHANGES, *key)))
    check_memory(model, draws, chains * len(models), keeps_configurations, kept(models[0], states[0]))
    ladder = np.asarray(couplings, dtype=np.float64)
    attrs = {"seed": str(entropy), "draws": 0, "couplings": json.dumps(ladder.tolist())}
    return Replicas(
        models, chosen, moves, ladder, states, rngs, chains, draws, swap_every, attrs,
        keeps_configurations,
    )  # fmt: skip


def _generator(entropy: Any, key: tuple[int, ...]) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy, spawn_key=key)))


def _warm_up(run: Replicas, warmup: int | None, thin: int | None) -> None:
    """Bring the replicas to equilibrium, stage by stage; what was done and chosen goes to ``attrs``."""
    every = run.swap_every
    given = -(-(warmup or 0) // every)
    if run.stage == "warmup":
        if "rounds" not in run.counts:
            tune(run, _TUNING if warmup is None else warmup)
        advance(run, given)
        if warmup is not None and thin is not None:
            run.attrs |= {"warmup": given * every, "thin": -(-thin // every) * every}
            run.enter("drawing")
        else:
            run.enter("pilot")
    if run.stage == "pilot":
        times, walk, length = pilot(run)
        tau = max(times.values())
        more = math.ceil(_WARMUP_TIMES * max(tau, walk)) if warmup is None else 0
        run.attrs |= {
            "warmup": (given + length + more) * every,
            "thin": every * (max(1, round(tau)) if thin is None else -(-thin // every)),
            "pilot": length * every,
            **{f"tau_{name}": value * every for name, value in {**times, "place": walk}.items()},
        }
        run.enter("settling")
    if run.stage == "settling":
        advance(run, (run.attrs["warmup"] - run.attrs["pilot"]) // every - given)
        run.enter("drawing")
    if run.done == 0 and "rounds" not in run.counts:
        run.clear()


def _dataset(run: Replicas, first: int) -> xr.Dataset:
    model, R = run.model, len(run.models)
    component = () if model.components == 1 else ("component",)
    space = (*component, *model.geometry.dims)
    variables: dict[str, Any] = {}
    sizes = (run.chains, run.draws, R)
    if run.configurations:
        rows = run.spins.reshape(*sizes, run.size)
        variables["spin"] = (("chain", "draw", "replica", *space), configurations(model, rows))
    for name, values in run.quantities.items():
        shape = run.kept[name][0]
        dims = ("chain", "draw", "replica", "component")[: 3 + len(shape)]
        variables[name] = (dims, values.reshape(*sizes, *shape))
    if not run.configurations:
        last = run.states.reshape(R, run.chains, -1).swapaxes(0, 1)
        ends = {"draws": first + run.draws}
        variables["last_spin"] = (("chain", "replica", *space), configurations(model, last), ends)
    names = {update.name for update in run.updates}
    kernels = {move.kernel for move in run.moves}
    kind = model.geometry.kind
    run.attrs.pop("exchanges", None)
    result = xr.Dataset(
        variables,
        coords={
            "chain": np.arange(run.chains),
            "draw": np.arange(first, first + run.draws),
            "replica": np.arange(R),
            tuned.name(model): ("replica", run.couplings),
        },
        attrs={
            "model": json.dumps(model.to_dict()),
            "boundary": json.dumps(list(model.boundary)),
            **({} if kind == "hypercubic" else {"lattice": kind}),
            "level": 0,
            "scale": 1,
            **model.attributes,
            "update": names.pop() if len(names) == 1 else json.dumps([update.name for update in run.updates]),
            "kernel": kernels.pop() if len(kernels) == 1 else json.dumps([move.kernel for move in run.moves]),
            "swap_every": run.swap_every,
            **run.attrs,
            "acceptance": json.dumps((run.odds / np.maximum(run.tries, 1)).round(6).tolist()),
            "settings": json.dumps([dict(move.settings) for move in run.moves]),
            "draws": first + run.draws,
            "rounds": run.rounds,
            "rng_state": json.dumps([rng.bit_generator.state for rng in run.rngs]),
            "rgnet_version": __version__,
        },
    )
    return result.assign_attrs(round_trips=json.dumps(stats.round_trips(result["walker"]).tolist()))


def _resumed(model: Model, draws: int, data: xr.Dataset, keeps_configurations: bool, asked: dict[str, Any]) -> Replicas:
    """The replicas that ``data`` came from, as they were after its last draw, with their attributes."""
    missing = [name for name in _ATTRS if name not in data.attrs]
    if missing or not ("spin" in data or "last_spin" in data) or "walker" not in data:
        raise ValueError(f"resume: no {', '.join(missing) or 'spin'} in it; give a Dataset as rgnet.temper returns it")
    stored = data.attrs
    if tuned.without(from_attrs(stored)) != tuned.without(model):
        raise ValueError(f"resume: sampled from {stored['model']}, not from {json.dumps(model.to_dict())}")
    couplings, R, chains = json.loads(stored["couplings"]), int(data.sizes["replica"]), int(data.sizes["chain"])
    asked["seed"] = None if asked["seed"] is None else str(asked["seed"])
    asked["update"] = None if asked["update"] == "auto" else asked["update"]
    asked["K"] = None if asked["K"] in (None, [couplings[0], couplings[-1]]) else asked["K"]
    every = int(stored["swap_every"])
    asked["thin"] = None if asked["thin"] is None else -(-asked["thin"] // every) * every  # as it was rounded
    had = {"K": couplings, "replicas": R, "chains": chains}
    had |= {name: stored[name] for name in ("update", "thin", "swap_every", "seed")}
    for name, value in asked.items():
        if value is not None and value != had[name]:
            raise ValueError(
                f"resume: {name}={value} but the run had {name}={had[name]}; leave it out to go on as before"
            )
    rng_states = json.loads(stored["rng_state"])
    if (
        data.sizes["draw"] == 0
        or int(data["draw"][-1]) + 1 != stored["draws"]
        or len(rng_states) != R * chains + 1
        or not np.array_equal(data["replica"], np.arange(R))
        or not np.array_equal(data["chain"], np.arange(chains))
    ):
        raise ValueError(
            f"resume: it holds {len(rng_states)} random states after {stored['draws']} draws, which do not belong to "
            f"the {chains} chains of {R} replicas and the draws in it; give the last part as rgnet.temper returned it, "
            f"or the parts joined by rgnet.join"
        )
    several = stored["update"].startswith("[")
    names = json.loads(stored["update"]) if several else [stored["update"]] * R
    run = _fresh(
        model, couplings, draws, chains, "auto" if several else names[0], every, int(stored["seed"]), (),
        keeps_configurations,
    )  # fmt: skip
    if several:
        run.updates = [updates.resolve(name, there) for name, there in zip(names, run.models, strict=True)]
        run.moves = [update.prepare(there, 1) for update, there in zip(run.updates, run.models, strict=True)]
    settings = {f"{name}_{r}": v for r, own in enumerate(json.loads(stored["settings"])) for name, v in own.items()}
    run.move = type(run.move)("tempering", run.moves[0].record, (), settings)
    component = () if model.components == 1 else ("component",)
    ordered = last_of(data).transpose("replica", "chain", *component, *model.geometry.dims).values
    run.states = np.stack([padded(model, x) for row in ordered for x in row])
    for rng, state in zip(run.rngs, rng_states, strict=True):
        rng.bit_generator.state = state
    run.walker = data["walker"].isel(draw=-1).transpose("chain", "replica").values.copy()
    run.rounds = int(stored["rounds"])
    known = {name: stored[name] for name in stored if name.startswith("tau_") or name in ("pilot", "seed", "couplings")}
    run.attrs = {**known, **{name: int(stored[name]) for name in ("warmup", "thin", "draws")}}
    run.stage = "drawing"
    return run
