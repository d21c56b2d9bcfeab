"""The rows of a comparison as one labelled Dataset, with what is known exactly beside."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from rgnet import models

_ALONE = (
    "scale", "components", "units", "parameters", "receptive_field", "microseconds", "unit_entropy",
    "correlation_length", "correlation_length_stderr", "correlation_length_micro", "correlation_length_micro_stderr",
    "environment", "environment_stderr", "environment_fraction", "environment_fraction_stderr",
)  # fmt: skip
_KEPT = ("information", "information_stderr", "fraction", "fraction_stderr")
_PAIR = ("decodability", "decodability_nats", "decodability_back", "decodability_back_nats", "cka", "cka_fluctuations")
_UNITS = {
    "microseconds": "µs a configuration", "environment": "nats", "unit_entropy": "nats", "decodability_nats": "nats",
    "decodability_back_nats": "nats", "receptive_field": "microscopic sites",
    "correlation_length": "sites of the level",
    "correlation_length_micro": "microscopic sites",
}  # fmt: skip
_METHODS = {
    "coupling": "maximum pseudo-likelihood on the level's spins; errors do not contain the truncation of operators",
    "correlation_length": "second moment of the level's spins",
    "environment": "lower bound: linear probe of a unit from cells of the ring beyond its buffer, held-out chains; "
    "never clipped, a little below 0 where there is nothing to find",
    "decodability": "lower bound: logistic regression of the RG spin from the units about it, held-out chains; never "
    "clipped, a little below 0 where there is nothing to find",
    "decodability_back": "lower bound: logistic regression of its spin from the RG units about it, held-out chains; "
    "never clipped, a little below 0 where there is nothing to find",
    "cka": "linear, from pairs of draws of different chains",
    "cka_fluctuations": "the same of the units less their mean over the lattice",
}
_ABOUT = {
    True: "Fisher information; regression of the score on the level's operator sums, cross-validated by blocks",
    False: "mutual information in nats; H(y_0) − cross-entropy of a classifier of the level's operator sums, held out",
}


def labelled(
    rows: Mapping[tuple[str, int], Mapping[str, Any]],
    coords: Mapping[str, list[Any]],
    roles: Sequence[str],
    fisher: Sequence[bool],
    attrs: Mapping[str, Any],
    data: xr.Dataset,
) -> xr.Dataset:
    """One Dataset of rows (network, level) -> {variable: number, list or text}; what is missing is NaN or ""."""
    own = {"coupling": "operator", "coupling_stderr": "operator", "kind": "target"}
    own |= dict.fromkeys(_KEPT, "target")
    own |= {item: "rg_level" for name in _PAIR for item in (name, f"{name}_stderr")}
    variables: dict[str, Any] = {}
    for name in (*_ALONE, *own, "spins", "note"):
        dims = ("network", "level", *((own[name],) if name in own else ()))
        text = name in ("spins", "note", "kind")
        table = np.full([len(coords[d]) for d in dims], "" if text else np.nan, dtype=object if text else np.float64)
        for (network, level), row in rows.items():
            if name in row:
                table[coords["network"].index(network), coords["level"].index(level)] = row[name]
        about = {"unit": _UNITS[name]} if name in _UNITS else {}
        if name in _METHODS:
            about["method"] = _METHODS[name]
        variables[name] = (dims, table.astype(str) if text else table, about)
    result = xr.Dataset(
        variables,
        coords={**coords, "role": ("network", list(roles))},
        attrs=dict(attrs),
    )
    result["method"] = ("target", np.array([_ABOUT[item] for item in fisher], dtype=str))
    return result.assign(_exact(result, data))


def _exact(table: xr.Dataset, data: xr.Dataset) -> dict[str, Any]:
    """Couplings and Fisher information of level 0 that are known without sampling."""
    size = [table.sizes["network"], table.sizes["level"]]
    coupling = np.full([*size, table.sizes["operator"]], np.nan)
    fisher = np.full([*size, table.sizes["target"]], np.nan)
    model = models.from_attrs(data.attrs) if "model" in data.attrs else None
    if isinstance(model, models.Ising):
        known = {item.terms: value for item, value in model.terms}
        from rgnet import operators as ops

        chosen = [ops.named(str(name), model.ndim) for name in table["operator"].values]
        if all(side > 2 for side in model.shape):
            coupling[0, 0] = [known.get(item.terms, 0.0) for item in chosen]
        if "K" in table["target"].values:
            fisher[0, 0, list(table["target"].values).index("K")] = _fisher_of_torus(model)
    return {
        "coupling_exact": (("network", "level", "operator"), coupling),
        "information_exact": (("network", "level", "target"), fisher),
    }


def _fisher_of_torus(model: models.Ising) -> float:
    """Var Σ_<ij> s_i s_j of the two-dimensional torus (Kaufman 1949), NaN for other models."""
    plain = not model.couplings and model.h == 0 and model.ndim == 2 and set(model.boundary) == {"periodic"}
    if not plain or model.K == 0 or min(model.shape) < 2:
        return math.nan
    from rgnet.exact import ising2d

    shape = (model.shape[0], model.shape[1])
    return float(ising2d.specific_heat(model.K, shape)) * math.prod(shape) / model.K**2


def shape_of(table: xr.Dataset) -> tuple[int, ...]:
    """Shape of level 0, empty where the table does not say."""
    return tuple(json.loads(table.attrs["model"])["shape"]) if "model" in table.attrs else ()
