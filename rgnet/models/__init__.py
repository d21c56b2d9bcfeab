"""What is simulated: one Hamiltonian a file.

A model is a frozen dataclass: a shape, boundaries and reduced couplings, nothing that changes. ``model.energy(x)`` is
H(x) of each configuration, total and dimensionless; ``model.to_dict()`` is plain data that `from_dict` reads back.
"""

import json
from collections.abc import Mapping
from typing import Any

from rgnet.models.ising import Ising

MODELS = {"Ising": Ising}


def from_dict(data: Mapping[str, Any]) -> Ising:
    """The model that ``to_dict`` described.

    Raises
    ------
    ValueError
        If the name is none of `MODELS`.
    """
    if data.get("name") not in MODELS:
        raise ValueError(f"model name={data.get('name')!r}: known are {', '.join(MODELS)}")
    return MODELS[data["name"]].from_dict(data)


def from_attrs(attrs: Mapping[str, Any]) -> Ising:
    """The model stored as JSON in a Dataset's attribute ``model``."""
    if "model" not in attrs:
        raise ValueError("no attribute 'model': this Dataset does not say which model it was sampled from")
    return from_dict(json.loads(attrs["model"]))


__all__ = ["MODELS", "Ising", "from_attrs", "from_dict"]
