"""`compare`: levels of networks beside the levels of an RG, on the same samples, in one table."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import labels, stats
from rgnet import operators as ops
from rgnet.comparison import arguments, kept, measures
from rgnet.comparison.arguments import DATA, Entry, Target
from rgnet.comparison.cka import alignment, by_block, gram, pairs
from rgnet.comparison.decoding import decodability
from rgnet.comparison.environment import environment
from rgnet.comparison.geometry import Reach, reaches
from rgnet.comparison.probes import Bound, Frame, binary_entropy
from rgnet.comparison.spins import as_dataset, spinise, values_of

Array = npt.NDArray[Any]
Report = Callable[[float, str], None]
_ALIGNED = 1024  # draws in the matrices of CKA
ALIGNED = ("cka", "cka_fluctuations")
PAIRS = ("decodability", "decodability_nats", "decodability_back", "decodability_back_nats", *ALIGNED)


@dataclass(frozen=True)
class _Level:
    """A level of a network on the data."""

    raw: xr.Dataset
    values: Array
    spins: Array | None
    how: str
    reach: Reach
    grams: tuple[Array, Array]
    own: tuple[Array, Array]
    regular: bool


@dataclass(frozen=True)
class _Setting:
    """What every row of the table needs."""

    data: Array
    frame: Frame
    edges: Array
    operators: Sequence[Any]
    targets: Sequence[Target]
    scores: Mapping[str, Array]
    aligned: tuple[Array, Array]
    pairs: tuple[Array, Array]
    blocks: int
    buffer: int | None


def compare(
    data: Any,
    networks: Mapping[str, Any],
    targets: Mapping[str, Any] | None = None,
    *,
    reference: str | None = None,
    seed: int = 0,
    control: bool = True,
    blocks: int = 64,
    rows: int = 8192,
    buffer: int | None = None,
    report: Report | None = None,
) -> xr.Dataset:
    """Compare networks with a renormalization group, level by level, on the same samples.

    Parameters
    ----------
    data : Dataset with ``spin(chain, draw, *space)`` of ±1
        Samples of one model that no network was trained on, of at least two chains: probes are judged on chains that
        they have not seen.
    networks : mapping of name to Network, layer, or what ``fit`` of a specification in `rgnet.learn` returns
    targets : mapping of name to target, optional
        What information is kept about: "K" or "h" (Fisher information), labels (chain, draw) of the data, or a Dataset
        of its own with ``spin`` and ``y_0``. K and h by default.
    reference : str, optional
        The network whose levels are the RG that the others are compared with; the first hand-made one by default.
    seed : int
        Of random layers, of control weights, and of the sites that probes look at.
    control : bool
        Whether to add networks with random weights: "… (random)" of the same shape for each learned network, and
        "random", `Filter` layers at the scales of the hand-made ones.
    blocks : int
        Number of jackknife blocks of consecutive draws, none across chains, at least 20; fewer are used where they
        would be shorter than 5 autocorrelation times of energy and magnetisation.
    rows : int
        Examples (draw and site) for each probe, about.
    buffer : int, optional
        Sites between the receptive window of a unit and its environment; half a window by default.
    report : callable, optional
        ``report(fraction, words)``, called often.

    Returns
    -------
    Dataset over (network, level), and ``operator``, ``target`` or ``rg_level``
        The network "data" holds level 0, once; NaN where a network has fewer levels or a number does not exist, with
        the reason in ``note``. Each measured ``v`` has ``v_stderr``.

        - ``coupling`` (…, operator): of the level's own spins (``spins`` says how real or several components were
          turned into spins), by pseudo-likelihood; ``coupling_exact`` at level 0.
        - ``correlation_length`` in sites of the level, ``correlation_length_micro`` in microscopic ones.
        - ``information`` (…, target) about K or h (Fisher, dimensionless) or labels (mutual, nats), its ``fraction``
          of level 0's or of H(y_0), and its ``kind``; ``information_exact`` at level 0 of a torus.
        - ``environment``: nats that one unit has about the microscopic spins beyond a buffer, a lower bound, and
          ``environment_fraction`` of the unit's entropy.
        - ``decodability`` (…, rg_level): of the RG level's spins from the network's level by a linear probe, as a
          fraction of their entropy, ``decodability_nats``, and ``decodability_back…``, of the network's unit from
          the RG level; lower bounds; ``cka``, linear and debiased, and ``cka_fluctuations``, of the units less
          their mean over the lattice.
        - ``scale``, ``units``, ``components``, ``parameters`` (of all layers up to the level), ``receptive_field``
          (side, in microscopic sites), ``microseconds`` a configuration from level 0.

    Raises
    ------
    ValueError
        If there are fewer than two chains, values other than ±1, no networks, a network's scale does not divide the
        shape, there is no hand-made network and no reference, or a target is unknown.
    ShortChainError
        If the chains are too short for their autocorrelation time.
    """
    for name, value, least in (("seed", seed, 0), ("rows", rows, 256), ("buffer", 0 if buffer is None else buffer, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name}={value!r}: give a whole number of at least {least}")
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):  # thousands of small products: threads that wait for each other
        return _compared(data, networks, targets, reference, seed, control, blocks, rows, buffer, report)


def _compared(
    data: Any,
    networks: Mapping[str, Any],
    targets: Mapping[str, Any] | None,
    reference: str | None,
    seed: int,
    control: bool,
    blocks: int,
    rows: int,
    buffer: int | None,
    report: Report | None,
) -> xr.Dataset:
    tell = report or (lambda fraction, words: None)
    data = arguments.check_data(data)
    shape = tuple(int(data.sizes[name]) for name in labels.space_dims(data) if name != "component")
    found = arguments.entries(networks, shape, reference)
    asked = arguments.targets_of(targets, data)
    setting = _setting(data, asked, blocks, rows, int(seed), buffer)
    everyone = found + (arguments.controls(found, len(shape), int(seed)) if control else [])
    zero = [_level(data, setting, Reach(1, 1, 0), (0, 0))]
    rg = zero + _levels(everyone[0], data, setting, 1)[1]
    rows_of: dict[tuple[str, int], dict[str, Any]] = {}
    depth = sum(len(entry.layers) for entry in everyone)
    done = 0
    for number, entry in enumerate([Entry(DATA, (), "data"), *everyone]):
        tell(done / (depth + 1), f"levels of {entry.name}")
        times, levels = ([0.0], zero) if number == 0 else _levels(entry, data, setting, number)
        own = _on_other_data(entry, asked, int(seed))
        for place, level in enumerate(levels):
            index = place + (number > 0)
            tell((done + (number > 0)) / (depth + 1), f"{entry.name}, level {index}")
            row = _alone(level, setting, (number, index), entry, index)
            row |= _about(entry, level, index, own, setting)
            row |= _beside(level, rg, setting, (number, index))
            row["microseconds"] = times[place]
            rows_of[entry.name, index] = row
            done += number > 0
    tell(1.0, "compared")
    return _table(rows_of, everyone, rg, setting, data)


def _setting(data: xr.Dataset, asked: list[Target], blocks: int, rows: int, seed: int, buffer: int | None) -> _Setting:
    values = values_of(data)
    ndim = values.ndim - 3
    even = ops.measure(data.isel(component=0) if "component" in data.dims else data, ["nn", "m"])
    sums = np.asarray(even.transpose("chain", "draw", "operator").values, dtype=np.float64)
    edges, _ = stats.long_blocks({"the energy": sums[..., 0], "|magnetisation|": np.abs(sums[..., 1])}, blocks)
    block = np.empty(values.shape[:2], dtype=np.int64)
    for number, (chain, start, stop) in enumerate(edges):
        block[chain, start:stop] = number
    frame = Frame(block, rows, seed)
    model = arguments.model_of(data)
    operators = list(ops.defaults(ndim, "even"))
    if model is not None and hasattr(model, "is_symmetric") and not model.is_symmetric:
        operators += list(ops.defaults(ndim, "odd"))
    scores = {item.name: kept.score(data, item.name) for item in asked if item.labels is None}
    aligned = frame.draws(_ALIGNED)
    return _Setting(
        values, frame, edges, operators, asked, scores, aligned, pairs(aligned[0], block[aligned]), blocks, buffer
    )


def _level(raw: xr.Dataset, setting: _Setting, reach: Reach, key: tuple[int, int]) -> _Level:
    values = values_of(raw)
    chain, draw = setting.aligned
    spins, how = spinise(values, setting.data, setting.frame.rng(1, *key))
    side = min(setting.data.shape[3:])
    regular = all(
        many * reach.scale == all_ for many, all_ in zip(values.shape[3:], setting.data.shape[3:], strict=True)
    )
    some = values[chain, draw]
    grams = gram(some, chain), gram(some, chain, uniform=False)
    own = by_block(grams[0], grams[0], *setting.pairs), by_block(grams[1], grams[1], *setting.pairs)
    seen = Reach(reach.scale, min(reach.window, side), reach.parameters)
    return _Level(raw, values, spins, how, seen, grams, own, regular)


def _levels(entry: Entry, data: xr.Dataset, setting: _Setting, number: int) -> tuple[list[float], list[_Level]]:
    """Levels 1, 2, … of a network, and the time to each from level 0."""
    raw = entry.levels(data, setting.frame.seed)
    times = [measures.microseconds(layer, raw[k]) for k, layer in enumerate(entry.layers)]
    where = reaches(entry.layers)
    levels = [_level(raw[k], setting, where[k], (number, k)) for k in range(1, len(raw))]
    return np.cumsum(times).tolist(), levels


def _on_other_data(entry: Entry, asked: Sequence[Target], seed: int) -> dict[str, list[xr.Dataset]]:
    """Levels of the targets' own data."""
    own = [(item.name, item.data) for item in asked if item.data is not None]
    return {name: entry.levels(data, seed) if entry.layers else [data] for name, data in own}


def _alone(level: _Level, setting: _Setting, key: tuple[int, int], entry: Entry, index: int) -> dict[str, Any]:
    """What can be said of a level by itself."""
    side = level.values.shape[3:]
    notes = []
    count = len(setting.operators)
    row: dict[str, Any] = {
        "scale": level.reach.scale,
        "components": level.values.shape[2],
        "units": level.values.shape[2] * math.prod(side),
        "parameters": level.reach.parameters,
        "receptive_field": level.reach.window,
        "coupling": np.full(count, np.nan),
        "coupling_stderr": np.full(count, np.nan),
        "spins": level.how,
    }
    if level.spins is None:
        return row | {"note": "no component ever changes"}
    if not level.regular:
        shape = " x ".join(str(many) for many in side)
        notes.append(f"its {shape} sites are not those of blocks of side {level.reach.scale}: no probes")
    spins = as_dataset(level.spins, level.raw)
    row["coupling"], row["coupling_stderr"], note = measures.effective_couplings(
        spins, setting.operators, setting.blocks
    )
    notes.append(note)
    length, error, note = measures.correlation_length(level.spins, labels.boundary(spins), setting.edges)
    notes.append(note)
    row |= {"correlation_length": length, "correlation_length_stderr": error}
    scale = level.reach.scale
    row |= {"correlation_length_micro": scale * length, "correlation_length_micro_stderr": scale * error}
    row["unit_entropy"] = binary_entropy(float((level.spins > 0).mean()))
    if not level.regular:
        return row | {"note": "; ".join(text for text in notes if text)}
    known = environment(level.spins, level.reach, setting.data, setting.frame, (2, *key), setting.buffer)
    if isinstance(known, str):
        notes.append(known)
    else:
        row |= {"environment": known.nats, "environment_stderr": known.nats_stderr}
        row |= {"environment_fraction": known.fraction, "environment_fraction_stderr": known.fraction_stderr}
    return row | {"note": "; ".join(text for text in notes if text)}


def _about(
    entry: Entry, level: _Level, index: int, own: Mapping[str, list[xr.Dataset]], setting: _Setting
) -> dict[str, Any]:
    """What a level keeps about each target."""
    found = []
    for item in setting.targets:
        if item.labels is None:
            parity = kept.SCORES[item.name][1] if entry.hand_made else None
            columns = None if index == 0 else kept.regressors(level.raw, level.values, parity)
            found.append(
                (*kept.fisher(setting.scores[item.name], columns, setting.edges), "lower" if index else "estimate")
            )
            continue
        raw = own[item.name][index] if item.data is not None else level.raw
        columns = kept.regressors(raw, values_of(raw), None)
        value, error, _ = kept.about_labels(columns, item.labels, setting.frame.seed)
        entropy = kept.entropy_of(item.labels)
        found.append((value, error, value / entropy, error / entropy, "lower"))
    names = ("information", "information_stderr", "fraction", "fraction_stderr", "kind")
    return {name: [entry_[k] for entry_ in found] for k, name in enumerate(names)}


def _beside(level: _Level, rg: Sequence[_Level], setting: _Setting, key: tuple[int, int]) -> dict[str, Any]:
    """What a level shares with each RG level."""
    row = {name: np.full(len(rg), np.nan) for name in _with_errors(PAIRS)}
    for place, other in enumerate(rg):
        pairs = (("decodability", other, level, 3), ("decodability_back", level, other, 4))
        for name, target, source, stream in pairs:
            if target.spins is None or not (target.regular and source.regular):
                continue
            found = decodability(
                target.spins, target.reach.scale, source.values, source.reach.scale, setting.frame,
                (stream, *key, place),
            )  # fmt: skip
            if found is not None:
                _put(row, name, place, found)
        for k, name in enumerate(ALIGNED):
            common = by_block(other.grams[k], level.grams[k], *setting.pairs)
            row[name][place], row[f"{name}_stderr"][place] = alignment(common, other.own[k], level.own[k])
    return row


def _put(row: dict[str, Array], name: str, place: int, found: Bound) -> None:
    row[name][place], row[f"{name}_stderr"][place] = found.fraction, found.fraction_stderr
    row[f"{name}_nats"][place], row[f"{name}_nats_stderr"][place] = found.nats, found.nats_stderr


def _with_errors(names: Sequence[str]) -> list[str]:
    return [item for name in names for item in (name, f"{name}_stderr")]


def _table(
    rows: Mapping[tuple[str, int], Mapping[str, Any]],
    everyone: Sequence[Entry],
    rg: Sequence[_Level],
    setting: _Setting,
    data: xr.Dataset,
) -> xr.Dataset:
    """The Dataset of all rows."""
    from rgnet.comparison.labelled import labelled

    coords: dict[str, list[Any]] = {
        "network": [DATA, *(entry.name for entry in everyone)],
        "level": list(range(1 + max(len(entry.layers) for entry in everyone))),
        "operator": [item.name for item in setting.operators],
        "target": [item.name for item in setting.targets],
        "rg_level": list(range(len(rg))),
    }
    roles = ["data", *(entry.role for entry in everyone)]
    fisher = [item.labels is None for item in setting.targets]
    chains, draws = setting.frame.block.shape
    attrs: dict[str, str | int | float] = {
        "reference": everyone[0].name,
        "chains": chains,
        "draws": draws,
        "blocks": len(setting.edges),
        "rows": setting.frame.rows,
        "seed": setting.frame.seed,
        "aligned_draws": len(setting.aligned[0]),
        **{key: data.attrs[key] for key in ("model", "boundary") if key in data.attrs},
    }
    return labelled(rows, coords, roles, fisher, attrs, data)
