"""One point from start to file: sample, coarse-grain, measure, write. Runs in any process that can import rgnet."""

import math
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rgnet import flow, hierarchies, information, labels, observables, store
from rgnet import operators as ops
from rgnet.models import Model, from_dict
from rgnet.provenance import provenance
from rgnet.sampling import sample
from rgnet.study import experimenting
from rgnet.study import scratch as scratches
from rgnet.study.complete import is_complete
from rgnet.study.exact_values import exact_values
from rgnet.study.points import Point, from_json_dict, point_seed
from rgnet.study.scratch import Report
from rgnet.study.snapshots import snapshot
from rgnet.tempering import temper

NO_DATA = frozenset(
    {
        "duration_s",
        "finished",
        "provenance",
        "study_sha256",
        "platform",
        "versions",
        "microseconds",
        "seconds",
        "seconds_removed",
    }
)  # attributes and variables


_WARNINGS = threading.Lock()  # catching them is for the whole process, and a Dask worker has several threads


@dataclass(frozen=True)
class Job:
    """What a worker needs to compute a point, apart from the point: plain data, the same for all points of a run.

    Attributes
    ----------
    study : dict
        The resolved study, stored in the file.
    study_sha256 : str
        Digest of the study file, "" where there was none.
    folder : str
        Absolute path of the folder of results.
    checkpoint_every : float
        Seconds between checkpoints of a point.
    force : bool
        Compute points whose file is there.
    """

    study: dict[str, Any]
    study_sha256: str
    folder: str
    checkpoint_every: float = 60.0
    force: bool = False


def compute_point(data: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """Compute a point and write its file, unless another process has it in hand.

    Parameters
    ----------
    data : dict
        ``Point.to_dict()``.
    job : Job

    Returns
    -------
    dict
        ``name``; ``busy``: another process is computing it, ask again later; ``elsewhere``: another process has
        completed it meanwhile; seconds, energy per site, and notes where it was computed here.
    """
    point = from_json_dict(data)
    folder = Path(job.folder)
    path, scratch = folder / f"{point.name}.h5", scratches.scratch_of(folder)
    entry = {"name": point.name, "busy": False, "elsewhere": False, "seconds": 0.0, "energy": math.nan, "notes": {}}
    with scratches.claim(scratch, point.name) as mine:
        if not mine:
            return {**entry, "busy": True}
        if not job.force and is_complete(folder, point):  # the runner saw none
            return {**entry, "elsewhere": True}
        scratches.forget_failure(scratch, point.name)
        try:
            done = write_point(
                point, job, path,
                report=scratches.reporter(scratch, point.name),
                checkpoint=scratches.checkpoint_folder(scratch, point.name, point.digest),
            )  # fmt: skip
        except (ValueError, MemoryError) as error:
            scratches.record_failure(scratch, point.name, str(error) or type(error).__name__)
            raise
        scratches.forget_checkpoints(scratch, point.name)
    return {**entry, **done}


def write_point(
    point: Point,
    job: Job,
    path: Path,
    report: Report | None = None,
    checkpoint: Path | None = None,
) -> dict[str, Any]:
    """Compute a point into a file: seconds, energy per site and notes."""
    start = time.perf_counter()
    groups, notes = measure_point(point, report, checkpoint, job.checkpoint_every)
    seconds = time.perf_counter() - start
    attrs = {
        "kind": "point",
        "study": job.study,
        "study_sha256": job.study_sha256,
        "point": point.to_dict(),
        "notes": notes,
        "duration_s": round(seconds, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "provenance": provenance(),
    }
    store.write(path, groups, attrs)
    measured = groups.get("thermodynamics")
    energy = math.nan if measured is None or measured["energy"].ndim else float(measured["energy"])  # one, not a ladder
    return {"seconds": seconds, "energy": energy, "notes": notes}


def measure_point(
    point: Point,
    report: Report | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: float = 60.0,
) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
    """Everything that a point's file holds, by group; and notes on the analyses that its data did not allow."""
    if point.is_hierarchy:
        return measure_hierarchy(point, report)
    if point.is_experiment:
        return measure_experiment(point, report, checkpoint, checkpoint_every)
    model = point.build_model()
    if report is not None:
        report(0.0, math.nan)
    how: dict[str, Any] = {"seed": point.seed, "callback": _sampling(report, model), "checkpoint": checkpoint}
    how |= {"checkpoint_every": checkpoint_every}
    data = tempered(model, point.sample, how) if "tempering" in point.sample else sample(model, **point.sample, **how)
    groups: dict[str, xr.Dataset] = {"samples": data}
    notes: dict[str, str] = {}

    def attempt(group: str, function: Callable[[], xr.Dataset]) -> None:
        with _WARNINGS, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                groups[group] = function()
            except np.linalg.LinAlgError:
                raise  # a bug, whatever its base class says
            except ValueError as error:  # too short a chain, dependent operators: said, and the rest is kept
                notes[group] = str(error)
        for entry in caught:
            notes[group] = "; ".join([text for text in (notes.get(group), str(entry.message)) if text])

    if data["energy"].size > 1:  # one draw is a picture
        attempt("thermodynamics", lambda: _thermodynamics(data, model))
    if "snapshots" in point.analyses and not point.networks:
        groups["snapshot"] = snapshot([data], model)
    for index, name in enumerate(point.networks):
        network = point.build_network(name)
        seed = point_seed(point.seed, name)
        levels = network.levels(data, seed=seed)
        sums = [ops.measure(level, _operators(level)) for level in levels]
        for k, (level, values) in enumerate(zip(levels, sums, strict=True)):
            keep = k > 0 and point.networks[name]["keep_levels"]
            group = level if keep else xr.Dataset(attrs={**level.attrs, "level": k})
            group = group.assign_attrs(levels_seed=str(seed))  # 128 bits: more than an HDF5 integer holds
            groups[f"{name}/level_{k}"] = group.assign(operator_sum=values)
        spins_only = not any(_is_real(level) for level in levels)
        analyses: dict[str, Callable[[], xr.Dataset]] = {
            "mcrg": lambda sums=sums: flow.mcrg(sums),  # type: ignore[misc]
            "tangent": lambda sums=sums: flow.tangent(sums),  # type: ignore[misc]
            "couplings": lambda levels=levels: flow.couplings(levels),  # type: ignore[misc]
        }
        for analysis, function in analyses.items():
            if analysis in point.analyses and spins_only:
                attempt(f"{name}/{analysis}", function)
        left_out = [analysis for analysis in analyses if analysis in point.analyses and not spins_only]
        if left_out:
            notes[name] = f"{', '.join(left_out)} left out: they take levels of spins ±1, these are real-valued"
        if "information" in point.analyses:
            for about in ("K", "h"):
                attempt(f"{name}/information_{about}", lambda s=sums, a=about: information.retained(s, a))  # type: ignore[misc]
        if "snapshots" in point.analyses:
            groups[f"{name}/snapshot"] = snapshot(levels, model)
        if report is not None:
            report(0.7 + 0.3 * (index + 1) / len(point.networks), float("nan"))
    return groups, notes


def measure_hierarchy(point: Point, report: Report | None = None) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
    """Every level of a hierarchy's draws, and its ledger."""
    hierarchy = point.build_hierarchy()
    if report is not None:
        report(0.0, math.nan)
    data = hierarchy.sample(int(point.sample["draws"]), seed=point.seed)
    if report is not None:
        report(0.2, math.nan)
    networks = {name: point.build_network(name) for name in point.networks}
    seed = point_seed(point.seed, "ledger")
    with _WARNINGS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = hierarchies.ledger(hierarchy, networks, data=data, seed=seed)
    notes = {"ledger": "; ".join(dict.fromkeys(str(item.message) for item in caught))} if caught else {}
    return {"samples": data, "ledger": table}, notes


def measure_experiment(
    point: Point,
    report: Report | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: float = 60.0,
) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
    """The groups of an experiment, and what it warned of."""

    def say(fraction: float, words: str) -> None:
        if report is not None:
            report(min(1.0, max(0.0, float(fraction))), math.nan, str(words))

    say(0.0, "")
    return experimenting.measure(
        point.model["experiment"], point.model["parameters"], point.seed, say, checkpoint, checkpoint_every, _WARNINGS
    )


def _is_real(level: xr.Dataset) -> bool:
    return bool(level["spin"].dtype.kind == "f")


def _operators(level: xr.Dataset) -> tuple[ops.Operator, ...]:
    """Both sectors' standard operators; powers of φ only where levels are real-valued."""
    ndim, real = len(labels.space_dims(level)), _is_real(level)
    return ops.defaults(ndim, "even", real=real) + ops.defaults(ndim, "odd", real=real)


def tempered(model: Model, settings: Mapping[str, Any], how: Mapping[str, Any]) -> xr.Dataset:
    """Draws of all replicas of a ladder of couplings."""
    rest = {name: value for name, value in settings.items() if name != "tempering"}
    report = how["callback"]
    told = None if report is None else lambda done, total, _: report(done, total, math.nan)  # a mean over couplings
    return temper(model, **settings["tempering"], **rest, **{**how, "callback": told})


def _thermodynamics(data: xr.Dataset, model: Model) -> xr.Dataset:
    """What was measured, with exact values beside where they are known; of replicas a row each."""
    result = observables.thermodynamics(data)
    if "replica" not in result.dims:
        return result.assign({f"{name}_exact": ((), value) for name, value in exact_values(model).items()})
    plain = model.to_dict()
    rows = [exact_values(from_dict({**plain, "K": float(K)})) for K in result["K"].values]
    return result.assign({f"{name}_exact": ("replica", [row[name] for row in rows]) for name in rows[0]})


def _sampling(report: Report | None, model: Any) -> Callable[[int, int, float], None] | None:
    """Sampling is taken for 70 % of a point; H/N becomes −⟨S⟩/N where H is −K S alone."""
    if report is None:
        return None
    K = getattr(model, "K", 0.0)
    further = [getattr(model, name, 0.0) for name in ("h", "D")]
    alone = K != 0 and not any(further) and not getattr(model, "couplings", ())
    return lambda done, total, energy: report(0.7 * done / total, energy / K if alone else float("nan"))
