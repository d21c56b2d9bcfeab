"""What is simulated: one Hamiltonian a file.

A model is a frozen dataclass: a shape, boundaries and reduced couplings, nothing that changes. ``model.energy(x)`` is
H(x) of each configuration, total and dimensionless; ``model.to_dict()`` is plain data that `from_dict` reads back. What
sampling asks of it beside, such as where chains start, is `rgnet.models.model.Model`.
"""

import json
from collections.abc import Mapping
from typing import Any

from rgnet.models.blume_capel import BlumeCapel
from rgnet.models.clock import Clock
from rgnet.models.continuous import ContinuousModel
from rgnet.models.dimers import Dimers
from rgnet.models.discrete import DiscreteModel
from rgnet.models.gaussian_field import GaussianField
from rgnet.models.ising import Ising
from rgnet.models.model import Model
from rgnet.models.on import ON
from rgnet.models.phi4 import Phi4
from rgnet.models.potts import Potts
from rgnet.models.spin_glass import SpinGlass
from rgnet.models.xy import XY

MODELS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        Ising,
        SpinGlass,
        Potts,
        Clock,
        XY,
        ON,
        BlumeCapel,
        Phi4,
        GaussianField,
        Dimers,
        DiscreteModel,
        ContinuousModel,
    )
}


def from_dict(data: Mapping[str, Any]) -> Model:
    """The model that ``to_dict`` described.

    Raises
    ------
    ValueError
        If the name is none of `MODELS`.
    """
    if data.get("name") not in MODELS:
        raise ValueError(f"model name={data.get('name')!r}: known are {', '.join(MODELS)}")
    model: Model = MODELS[data["name"]].from_dict(data)
    return model


def from_attrs(attrs: Mapping[str, Any]) -> Model:
    """The model stored as JSON in a Dataset's attribute ``model``."""
    if "model" not in attrs:
        raise ValueError("no attribute 'model': this Dataset does not say which model it was sampled from")
    return from_dict(json.loads(attrs["model"]))


__all__ = [
    "MODELS",
    "ON",
    "XY",
    "BlumeCapel",
    "Clock",
    "ContinuousModel",
    "Dimers",
    "DiscreteModel",
    "GaussianField",
    "Ising",
    "Model",
    "Phi4",
    "Potts",
    "SpinGlass",
    "from_attrs",
    "from_dict",
]
