"""The last draw of a point as a picture: what its levels look like, and what else can be marked on it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr


def snapshot(levels: Sequence[xr.Dataset], model: Any) -> xr.Dataset:
    """The last draw of the first chain at every level, each level with dimensions of its own.

    Of tempered data the replica of the largest coupling. A site of several numbers shows the first two as an angle,
    and what they are says the attribute ``values``; vortices of XY spins are kept as ``vortices``.
    """
    variables: dict[str, Any] = {}
    values = str(levels[0].attrs.get("values", ""))
    for k, level in enumerate(levels):
        spins = level["spin"].isel(draw=-1) if "spin" in level else level["last_spin"]
        spins = spins.isel(
            {name: -1 if name == "replica" else 0 for name in ("chain", "replica") if name in spins.dims}
        )
        if "component" in spins.dims:
            spins = xr.apply_ufunc(np.arctan2, spins.isel(component=1), spins.isel(component=0))
            values = "angles"
        variables[f"level_{k}"] = (tuple(f"{name}_{k}" for name in spins.dims), spins.values)
    if values == "angles" and type(model).__name__ == "XY" and model.ndim == 2 and model.lattice == "hypercubic":
        from rgnet.models.xy import vortices

        dims, angles = variables["level_0"]
        variables["vortices"] = (dims, vortices(angles, model.boundary))
    attrs = {"K": float(getattr(model, "K", np.nan)), "h": float(getattr(model, "h", 0.0)), "ndim": model.ndim}
    if type(model).__name__ != "Ising":
        attrs |= {"model": json.dumps(model.to_dict()), "values": values}
    return xr.Dataset(variables, attrs=attrs)


def levels_of(shot: xr.Dataset) -> list[str]:
    """Names of the levels of a snapshot, the microscopic one first."""
    names = [str(name) for name in shot.data_vars if str(name).startswith("level_")]
    return sorted(names, key=lambda name: int(name.removeprefix("level_")))
