"""`sample`: a model and a Monte Carlo move in, a labelled Dataset of configurations out.

What it decides, when not told:

- **Warm-up.** Chains start from different states, ordered and random in turn. A pilot run measures the largest
  integrated autocorrelation time τ, in sweeps, of energy and order parameters about the common mean of the chains,
  so that chains which still remember their start look correlated (`rgnet.updates.chains.pilot`; at least 50 τ are
  discarded, 50 τ measured). Then everything is frozen, and 20 τ more sweeps go by before the first draw.
- **Thinning.** One draw every max(1, round(τ)) sweeps, the same in all chains.

Random numbers: one stream for each chain, PCG64 on SeedSequence(seed, spawn_key=(chain,)), whose state is stored with
the draws, so that half a run, resumed, equals the whole run bit for bit. With ``checkpoint`` that holds at any moment:
a run that was killed goes on from its last checkpoint (`rgnet.checkpoints`), in warm-up as well as between two draws.
"""

import json
import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rgnet import __version__, checkpoints, stats, updates
from rgnet.models import MODELS, Model
from rgnet.models.model import padded
from rgnet.updates.asked import bar, check_memory, check_numbers
from rgnet.updates.chains import Callback, Chains, advance, configurations, kept, pilot, record, start

_TUNING = 50  # sweeps of warm-up for moves that tune themselves, before the pilot
_WARMUP_TIMES = 20.0  # sweeps after the pilot, in units of τ
_OF_A_RUN = (
    "model", "boundary", "level", "update", "kernel", "seed", "thin", "warmup", "chains", "swap_every", "couplings",
    "settings",
)  # fmt: skip
_ATTRS = ("model", "update", "seed", "warmup", "thin", "draws", "rng_state")


def sample(
    model: Model,
    draws: int,
    *,
    chains: int | None = None,
    update: str = "auto",
    warmup: int | None = None,
    thin: int | None = None,
    seed: int | None = None,
    resume: xr.Dataset | None = None,
    configurations: bool = True,
    progress: bool = False,
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 60.0,
) -> xr.Dataset:
    """Sample configurations of a model by Markov chain Monte Carlo.

    Parameters
    ----------
    model : Ising, Potts, XY, Phi4, … (see `rgnet.models`)
    draws : int
        Configurations from each chain.
    chains : int, optional
        Independent chains: 4 unless given.
    update : str
        Name of the move (see `rgnet.updates`), several joined by + to be done in turn, or ``"auto"``.
    warmup : int, optional
        Sweeps of each chain before its first draw (without ``thin``, the pilot that measures τ follows them);
        chosen from the measured autocorrelation time unless given.
    thin : int, optional
        Sweeps from one draw to the next; chosen likewise.
    seed : int, optional
        Non-negative. Unless given, fresh entropy from the system, which is stored.
    resume : Dataset, optional
        What an earlier call returned (or its last part): the result holds the draws that follow, bit for bit as if
        the run had not been interrupted. Chains, update, thinning and seed are those of the earlier call, and
        ``warmup`` has no say. `rgnet.join` makes one Dataset of the parts.
    configurations : bool
        Whether to keep the configurations. Without them the Dataset has the energy and what else the model observes,
        and the configurations after the last draw alone, as ``last_spin``; where the move measures energies in its
        sweep, as most do, that costs little more than the sweeps.
    progress : bool
        Show a progress bar with the running energy per site.
    callback : callable, optional
        ``callback(done, total, energy)`` after every stretch of work (a fraction of a second a chain): draws done and
        wanted in each chain, and the running mean of the energy H/N per site. During warm-up ``done`` is 0.
    checkpoint : path, optional
        A folder in which a run that takes longer than ``checkpoint_every`` keeps its state. If it holds the state of
        an interrupted run of this very call, the run goes on from there, and the result equals that of an
        uninterrupted run bit for bit. It is made when needed, and yours to delete once the result is stored.
    checkpoint_every : float
        Seconds between two checkpoints.

    Returns
    -------
    Dataset
        ``spin(chain, draw, *space)``, or ``spin(chain, draw, component, *space)`` where a site holds several numbers:
        ±1 for Ising; what it is for others the attribute ``values`` says. ``energy(chain, draw)`` = H (total,
        dimensionless), and what the model keeps of every draw (`Model.observe`), such as ``magnetization`` = Σ s for
        Ising; from cluster moves without a field ``cluster_m2``, an estimator of M² with a smaller variance
        (`rgnet.updates.swendsen_wang`). Without configurations ``last_spin(chain, *space)``, whose attribute ``draws``
        is the number of draws of each chain, since the run began, after which it is taken. Attributes: model, boundary,
        lattice (unless hypercubic), level, scale, values, update, kernel (which of the move's kernels ran), seed,
        warmup and thin (sweeps), draws (so far in each chain), chains, where a pilot was run its length ``pilot`` (part
        of ``warmup``), tau_energy and the τ of what else was watched, such as tau_magnetization (sweeps), what warm-up
        tuned, such as clusters_per_sweep, rng_state (after the last draw), rgnet_version.

    Raises
    ------
    ValueError
        If a number is out of range, the update is unknown or not exact for the model, the configurations would
        not fit in memory, ``resume`` or ``checkpoint`` is of another run, or the chains are too slow for the longest
        pilot.
    OSError
        If a checkpoint cannot be written.
    """
    if not isinstance(model, tuple(MODELS.values())):
        raise TypeError(f"model={model!r}: give a model, such as rg.Ising((64, 64), K=0.4)")
    if resume is not None and not isinstance(resume, xr.Dataset):
        raise TypeError(f"resume is a {type(resume).__name__}: give a Dataset as rgnet.sample returns it")
    check_numbers(draws, chains, warmup, thin, seed)
    if not isinstance(configurations, bool):
        raise ValueError(f"configurations={configurations!r}: give True or False")
    check_memory(model, draws, (chains or 4) if resume is None else int(resume.sizes.get("chain", 1)), configurations)
    if resume is None:
        run = _fresh(model, draws, chains or 4, update, seed, configurations)
    else:
        asked = {"chains": chains, "update": update, "thin": thin, "seed": seed}
        run = _resumed(model, draws, resume, configurations, asked)
    first = run.attrs["draws"]
    keeper = None
    if checkpoint is not None:
        named = None if seed is None else str(seed)
        asked = {"update": run.update.name, "warmup": warmup, "thin": thin, "seed": named}
        asked |= {} if configurations else {"configurations": False}
        keeper = run.keep = checkpoints.start(Path(checkpoint), checkpoint_every, run, asked)
    with bar(draws, callback) if progress else nullcontext(callback) as run.callback:
        _warm_up(run, warmup, thin)
        _draw(run)
    if keeper is not None:
        keeper.finish(run)
    return _dataset(run, first)


def _fresh(model: Model, draws: int, chains: int, name: str, seed: int | None, configurations: bool) -> Chains:
    """Chains at their start, and the first of their attributes."""
    update = updates.resolve(name, model)
    move = update.prepare(model, chains)
    entropy = np.random.SeedSequence().entropy if seed is None else int(seed)
    streams = [np.random.SeedSequence(entropy, spawn_key=(first,)) for first in range(0, chains, move.group)]
    rngs = [np.random.Generator(np.random.PCG64(stream)) for stream in streams]
    states = np.stack([start(model, chain, rngs[chain // move.group]) for chain in range(chains)])
    check_memory(model, draws, chains, configurations, kept(model, move, states[0]))
    attrs = {"seed": str(entropy), "draws": 0}
    return Chains(model, update, move, states, rngs, draws, attrs, configurations)


def _warm_up(run: Chains, warmup: int | None, thin: int | None) -> None:
    """Bring the chains to equilibrium, stage by stage; what was done and chosen goes to ``attrs``."""
    tuned = run.update.tune is not None
    given = _TUNING if warmup is None and tuned else warmup or 0
    if run.stage == "warmup":
        if run.update.tune is None:
            advance(run, given)
        else:
            while (move := run.update.tune(run.move, run.states, run.rngs, given, run.counts)) is None or (
                run.counts.pop("more", 0)
            ):
                run.move = move or run.move
                run.report()
            run.move = move
        if warmup is not None and thin is not None:
            run.attrs |= {"warmup": int(given), "thin": int(thin)}
            run.enter("drawing")
        else:
            run.enter("pilot")
    if run.stage == "pilot":
        times, length = pilot(run)
        tau = max(times.values())
        more = math.ceil(_WARMUP_TIMES * tau) if warmup is None else 0
        run.attrs |= {
            "warmup": int(given + length + more),
            "thin": max(1, round(tau)) if thin is None else int(thin),
            "pilot": length,
            **{f"tau_{name}": value for name, value in times.items()},
        }
        run.enter("settling")
    if run.stage == "settling":
        advance(run, run.attrs["warmup"] - run.attrs["pilot"] - given)
        run.enter("drawing")


def _draw(run: Chains) -> None:
    """Fill configurations (chain, draw, …), energies and what else is kept (chain, draw)."""
    for begin, end, found in record(run, run.attrs["thin"], run.spins, run.done):
        for name, values in found.items():
            run.quantities[name][:, begin:end] = values
        run.done = end
        run.mean_energy = float(run.quantities["energy"][:, :end].mean()) / run.model.n_sites
        run.report()


def _dataset(run: Chains, first: int) -> xr.Dataset:
    model = run.model
    chains, draws = run.quantities["energy"].shape
    component = () if model.components == 1 else ("component",)
    variables: dict[str, Any] = {}
    if run.configurations:
        variables["spin"] = (("chain", "draw", *component, *model.geometry.dims), configurations(model, run.spins))
    for name, values in run.quantities.items():
        variables[name] = (("chain", "draw", "component")[: values.ndim], values)
    if not run.configurations:
        last = configurations(model, run.states)
        variables["last_spin"] = (("chain", *component, *model.geometry.dims), last, {"draws": first + draws})
    kind = model.geometry.kind
    return xr.Dataset(
        variables,
        coords={"chain": np.arange(chains), "draw": np.arange(first, first + draws)},
        attrs={
            "model": json.dumps(model.to_dict()),
            "boundary": json.dumps(list(model.boundary)),
            **({} if kind == "hypercubic" else {"lattice": kind}),
            "level": 0,
            "scale": 1,
            **model.attributes,
            "update": run.update.name,
            "kernel": run.move.kernel,
            **run.move.settings,
            **run.attrs,
            "draws": first + draws,
            "chains": chains,
            "rng_state": json.dumps([rng.bit_generator.state for rng in run.rngs]),
            "rgnet_version": __version__,
        },
    )


def _resumed(model: Model, draws: int, data: xr.Dataset, keeps_configurations: bool, asked: dict[str, Any]) -> Chains:
    """The chains that ``data`` came from, as they were after its last draw, with their attributes."""
    missing = [name for name in _ATTRS if name not in data.attrs]
    if missing or not ("spin" in data or "last_spin" in data):
        raise ValueError(f"resume: no {', '.join(missing) or 'spin'} in it; give a Dataset as rgnet.sample returns it")
    stored = data.attrs
    if json.loads(stored["model"]) != json.loads(json.dumps(model.to_dict())):
        raise ValueError(
            f"resume: sampled from {stored['model']}, not from {json.dumps(model.to_dict())}; give that model"
        )
    asked["seed"] = None if asked["seed"] is None else str(asked["seed"])
    asked["update"] = None if asked["update"] == "auto" else asked["update"]
    for name, value in asked.items():
        had = data.sizes["chain"] if name == "chains" else stored[name]
        if value is not None and value != had:
            raise ValueError(f"resume: {name}={value} but the run had {name}={had}; leave it out to go on as before")
    chains = int(data.sizes["chain"])
    chosen = updates.resolve(stored["update"], model)
    move = chosen.prepare(model, chains)
    rng_states = json.loads(stored["rng_state"])
    if (
        data.sizes["draw"] == 0
        or int(data["draw"][-1]) + 1 != stored["draws"]
        or len(rng_states) != -(-chains // move.group)
        or stored.get("chains", chains) != chains  # several may share one random state
        or ("chain" in data.coords and not np.array_equal(data["chain"], np.arange(chains)))
    ):
        raise ValueError(
            f"resume: it holds {len(rng_states)} random states after {stored['draws']} draws, which do not belong to "
            f"the {chains} chains and draws in it; give the last part as rgnet.sample returned it, whole, or the parts "
            f"joined by rgnet.join"
        )
    if any(name not in stored for name in move.settings):
        raise ValueError(f"resume: no {', '.join(move.settings)} in it; give a Dataset as rgnet.sample returns it")
    move = replace(move, settings={name: type(value)(stored[name]) for name, value in move.settings.items()})
    component = () if model.components == 1 else ("component",)
    last = last_of(data)
    ordered = last.transpose("chain", *component, *model.geometry.dims).values
    states = np.stack([padded(model, configuration) for configuration in ordered])
    rngs = []
    for rng_state in rng_states:
        generator = np.random.PCG64()
        generator.state = rng_state
        rngs.append(np.random.Generator(generator))
    check_memory(model, draws, chains, keeps_configurations, kept(model, move, states[0]))
    known = {name: stored[name] for name in stored if name.startswith("tau_") or name in ("pilot", "seed")}
    attrs = {**known, **{name: int(stored[name]) for name in ("warmup", "thin", "draws")}}
    return Chains(model, chosen, move, states, rngs, draws, attrs, keeps_configurations, stage="drawing")


def last_of(data: xr.Dataset) -> xr.DataArray:
    """The configurations after the last draw.

    Parameters
    ----------
    data : Dataset
        As `sample` returns it, with ``spin`` or ``last_spin``.

    Returns
    -------
    DataArray
        (chain, [component], *space).

    Raises
    ------
    ValueError
        If ``last_spin`` is that of another draw, as `xarray.concat` of several parts makes it.
    """
    if "spin" in data:
        return data["spin"].isel(draw=-1)
    last: xr.DataArray = data["last_spin"]
    if "draw" in last.dims or int(last.attrs.get("draws", data.attrs["draws"])) != data.attrs["draws"]:
        raise ValueError(
            "resume: last_spin is not that of the last draw, as after xarray.concat; give the last part, or join the "
            "parts by rgnet.join"
        )
    return last


def join(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Parts of one run, each resumed from the one before, as one Dataset, from which the run can go on.

    Parameters
    ----------
    parts : sequence of Datasets
        As `rgnet.sample` or `rgnet.temper` returned them, in order.

    Returns
    -------
    Dataset
        Their draws; attributes and ``last_spin`` are those of the last part (`xarray.concat` alone takes those of the
        first, and spreads ``last_spin`` over all draws).

    Raises
    ------
    ValueError
        If there is none, or one is not the continuation of that before it: of other draws, another run, other variables
        or other chains.
    """
    parts = list(parts)
    if not parts or not all(isinstance(part, xr.Dataset) and part.sizes.get("draw", 0) for part in parts):
        raise ValueError(
            "parts: give the Datasets of one run in order, as rgnet.sample returns them, none without draws"
        )
    for number, (one, two) in enumerate(pairwise(parts)):
        reason = _not_following(one, two)
        if reason:
            raise ValueError(
                f"parts {number} and {number + 1} do not follow one another: {reason}; give the parts of one run in "
                f"order, the later made with resume="
            )
    last = parts[-1]
    along = [name for name, values in last.data_vars.items() if "draw" in values.dims]
    whole = xr.concat(
        [part[along] for part in parts], "draw", data_vars="minimal", coords="minimal", compat="override", join="exact"
    )
    whole = whole.assign({name: last[name] for name in last.data_vars if name not in along})[list(last.data_vars)]
    whole.attrs = dict(last.attrs)
    if "walker" in whole:
        whole.attrs["round_trips"] = json.dumps(stats.round_trips(whole["walker"]).tolist())
    return whole


def _not_following(one: xr.Dataset, two: xr.Dataset) -> str | None:
    """In what a part of a run does not go on from another, or None."""
    end, begin = int(one["draw"][-1]), int(two["draw"][0])
    if begin != end + 1:
        return f"draw {end} is followed by {begin}"
    for name in _OF_A_RUN:
        if one.attrs.get(name) != two.attrs.get(name):
            return f"{name} is {one.attrs.get(name)!r} and {two.attrs.get(name)!r}"
    if set(one.variables) != set(two.variables):
        return f"only one of them holds {', '.join(sorted(map(str, set(one.variables) ^ set(two.variables))))}"
    for axis in one.coords:
        if axis != "draw" and not one[axis].equals(two[axis]):
            return f"their {axis} differ"
    for axis, length in one.sizes.items():
        if axis != "draw" and two.sizes.get(axis) != length:
            return f"{axis} has {length} and {two.sizes.get(axis)}"
    return None
