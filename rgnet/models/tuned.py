"""The one coupling that is varied of a model: what `Model.conjugate` is conjugate to, H = −K S − ….

It is K, and r for the fields, whose S is −½ Σ φ². A model at another value of it is another model, made from its plain
data.
"""

import json
import math
from collections.abc import Collection
from typing import Any

import numpy as np

from rgnet import models
from rgnet.models.model import Model

_SCALAR = ("Ising", "SpinGlass")
_PLAIN = (*_SCALAR, "Potts", "Clock", "XY", "ON")  # H = −K S − h M, and for the last four M is no simple sum


def name(model: Model) -> str:
    """``"K"`` or ``"r"``.

    Raises
    ------
    ValueError
        If the model has neither, as one that is given by tables or functions.
    """
    data = model.to_dict()
    found = [name for name in ("K", "r") if name in data]
    if not found:
        raise ValueError(
            f"model {data['name']} has no coupling K (or r) to vary: its couplings are inside what defines it; build "
            f"it anew for every coupling"
        )
    return found[0]


def value(model: Model) -> float:
    """Value of the coupling."""
    return float(model.to_dict()[name(model)])


def at(model: Model, coupling: float) -> Model:
    """The same model at another coupling."""
    return models.from_dict({**model.to_dict(), name(model): float(coupling)})


def without(model: Model) -> dict[str, Any]:
    """The model's plain data, but for the coupling."""
    data: dict[str, Any] = json.loads(json.dumps(model.to_dict()))
    del data[name(model)]
    return data


def from_measured(model: Model, names: Collection[str]) -> dict[str, float] | None:
    """S as a sum of quantities that were measured, name -> coefficient; None where the ``names`` do not give it."""
    data = model.to_dict()
    if "r" in data and "phi2" in names:
        return {"phi2": -0.5}
    if data["name"] not in _PLAIN or data.get("couplings") or data["K"] == 0 or "energy" not in names:
        return None
    if not data.get("h"):
        return {"energy": -1.0 / data["K"]}
    if data["name"] in _SCALAR and "magnetization" in names:
        return {"energy": -1.0 / data["K"], "magnetization": -data["h"] / data["K"]}
    return None


def finite(values: Any, label: str) -> list[float]:
    """Couplings as a list of floats.

    Raises
    ------
    ValueError
        If one is no finite number, or there is none.
    """
    alone = isinstance(values, str) or not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0
    result = []
    for entry in [values] if alone else values:
        if isinstance(entry, (str, bool, np.bool_)) or entry is None or np.iscomplexobj(entry):
            raise ValueError(f"{label}={entry!r}: a coupling is a finite number")
        try:
            number = float(entry)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{label}={entry!r}: a coupling is a finite number") from error
        if not math.isfinite(number):
            raise ValueError(f"{label}={number}: a coupling is a finite number")
        result.append(number)
    if not result:
        raise ValueError(f"{label} is empty: give a coupling, or an increasing sequence of them")
    return result
