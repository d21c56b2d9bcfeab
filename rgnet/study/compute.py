"""One point from start to file: sample, coarse-grain, measure, write. Runs in any process that can import rgnet."""

import json
import platform
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rgnet import exact, flow, information, labels, observables, store
from rgnet import operators as ops
from rgnet.models import Ising
from rgnet.sampling import sample
from rgnet.study.points import Point, from_json_dict, point_seed

IGNORED_ATTRS = frozenset({"duration_s", "finished", "platform", "versions", "rgnet_version"})


def compute_point(
    data: Mapping[str, Any], study: Mapping[str, Any], path: str, progress: str | None = None
) -> dict[str, Any]:
    """Compute a point and write its file.

    Parameters
    ----------
    data : dict
        ``Point.to_dict()``.
    study : dict
        The resolved study, stored in the file.
    path : str
        Final name of the file: what stands under it is complete.
    progress : str, optional
        A file that is rewritten about twice a second with {"done": fraction, "energy": running estimate}.

    Returns
    -------
    dict
        Name, seconds, energy per site, notes.
    """
    start = time.perf_counter()
    point = from_json_dict(data)
    groups, notes = measure_point(point, _reporter(progress))
    seconds = time.perf_counter() - start
    attrs = {
        "kind": "point",
        "study": dict(study),
        "point": point.to_dict(),
        "notes": notes,
        "duration_s": round(seconds, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "platform": platform.platform(),
        "versions": _versions(),
    }
    store.write(path, groups, attrs)
    energy = float(groups["thermodynamics"]["energy"]) if "thermodynamics" in groups else float("nan")
    return {"name": point.name, "seconds": seconds, "energy": energy, "notes": notes}


def measure_point(
    point: Point, report: Callable[[float, float], None] | None = None
) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
    """Everything that a point's file holds, by group; and notes on the analyses that its data did not allow."""
    model = point.build_model()
    data = sample(model, **point.sample, seed=point.seed, callback=_sampling(report, model))
    groups: dict[str, xr.Dataset] = {"samples": data}
    notes: dict[str, str] = {}

    def attempt(group: str, function: Callable[[], xr.Dataset]) -> None:
        with warnings.catch_warnings(record=True) as caught:
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
            groups[f"{name}/snapshot"] = _snapshot(levels, model)
        if report is not None:
            report(0.7 + 0.3 * (index + 1) / len(point.networks), float("nan"))
    return groups, notes


def _is_real(level: xr.Dataset) -> bool:
    return bool(level["spin"].dtype.kind == "f")


def _operators(level: xr.Dataset) -> tuple[ops.Operator, ...]:
    """Both sectors' standard operators; powers of φ only where levels are real-valued."""
    ndim, real = len(labels.space_dims(level)), _is_real(level)
    return ops.defaults(ndim, "even", real=real) + ops.defaults(ndim, "odd", real=real)


def _thermodynamics(data: xr.Dataset, model: Ising) -> xr.Dataset:
    result = observables.thermodynamics(data)
    for name, value in exact_values(model).items():
        result[f"{name}_exact"] = ((), value)
    return result


def exact_values(model: Ising) -> dict[str, float]:
    """Exact energy and specific heat per site of this very lattice, where a formula gives them."""
    if model.couplings or any(name != model.boundary[0] for name in model.boundary):
        return {}
    if model.ndim == 1:
        arguments = (model.K, model.h, model.shape[0], model.boundary[0])
        return {
            "energy": float(exact.chain1d.energy(*arguments)),
            "specific_heat": float(exact.chain1d.specific_heat(*arguments)),
        }
    if model.ndim == 2 and model.h == 0 and model.boundary[0] == "periodic":
        torus = (model.shape[0], model.shape[1])
        return {
            "energy": float(exact.ising2d.energy(model.K, shape=torus)),
            "specific_heat": float(exact.ising2d.specific_heat(model.K, shape=torus)),
        }
    return {}


def _snapshot(levels: list[xr.Dataset], model: Ising) -> xr.Dataset:
    """The last draw of the first chain at every level, each level with dimensions of its own."""
    variables = {}
    for k, level in enumerate(levels):
        spins = level["spin"].isel(chain=0, draw=-1)
        variables[f"level_{k}"] = (tuple(f"{name}_{k}" for name in spins.dims), spins.values)
    return xr.Dataset(variables, attrs={"K": model.K, "h": model.h, "ndim": model.ndim})


def _sampling(report: Callable[[float, float], None] | None, model: Ising) -> Callable[[int, int, float], None] | None:
    """Sampling is taken for 70 % of a point; H/N becomes −⟨Σ_<ij> ss⟩/N where H is that alone."""
    if report is None:
        return None
    bonds_only = model.K != 0 and model.h == 0 and not model.couplings
    return lambda done, total, energy: report(0.7 * done / total, energy / model.K if bonds_only else float("nan"))


def _reporter(path: str | None) -> Callable[[float, float], None] | None:
    """Writes the progress file, at most twice a second. Losing it loses nothing, so failures are ignored."""
    if path is None:
        return None
    last = [0.0]

    def report(done: float, energy: float) -> None:
        now = time.monotonic()
        if now - last[0] >= 0.5:
            last[0] = now
            with suppress(OSError):
                Path(path).write_text(json.dumps({"done": done, "energy": energy}))

    return report


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("numpy", "scipy", "numba", "xarray", "h5py", "h5netcdf")}
