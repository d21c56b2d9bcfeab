"""What is simulated: one Hamiltonian a file.

A model is a frozen dataclass: a shape, boundaries and reduced couplings, nothing that changes. ``model.energy(x)`` is
H(x) of each configuration, total and dimensionless; ``model.to_dict()`` is plain data that `from_dict` reads back. What
sampling asks of it beside, such as where chains start, is `rgnet.models.model.Model`.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from rgnet import labels
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


def of_data(data: Any, model: Model | None = None) -> Model:
    """The model that a Dataset was sampled from: ``model`` where it is given, checked, or that of the attribute.

    Of tempered data ``model`` may be at any coupling of the ladder.

    Raises
    ------
    TypeError
        If ``model`` is no model.
    ValueError
        If it is not the one of the attribute, or, where there is no attribute, not of the shape of the configurations;
        or the attribute is asked for and cannot give it.
    """
    if model is None:
        return from_attrs(data.attrs)
    kinds: tuple[Any, ...] = tuple(MODELS.values())
    if not isinstance(model, kinds):
        raise TypeError(f"model={model!r}: give a model, such as rg.Ising((64, 64), K=0.4)")
    plain = json.loads(json.dumps(model.to_dict()))
    wanted = dict(zip(model.geometry.dims, model.shape, strict=True))
    wanted |= {} if model.components == 1 else {"component": model.components}
    if "model" in data.attrs:
        stored = json.loads(data.attrs["model"])
        tuned = next((name for name in ("K", "r") if name in stored), "") if "replica" in data.dims else ""
        if {k: v for k, v in plain.items() if k != tuned} != {k: v for k, v in stored.items() if k != tuned}:
            raise ValueError(
                f"model={json.dumps(plain)}, and the Dataset was sampled from {data.attrs['model']}; give that model"
            )
    elif "spin" in data:
        have = {
            str(name): size for name, size in data["spin"].sizes.items() if name not in ("chain", "draw", "replica")
        }
        if have != wanted:
            raise ValueError(
                f"model={json.dumps(plain)}: its configurations are of {wanted}, and spin is of {have}; give the model "
                f"that was sampled"
            )
    return cast(Model, model)


def order_field(data: Any, *, model: Model | None = None) -> Any:
    """A Dataset of configurations as one of their order parameter, which layers and operators can add.

    Parameters
    ----------
    data : Dataset
        As `rgnet.sample` returns it, of any model.
    model : Model, optional
        The model that was sampled, where the Dataset's attribute ``model`` cannot give it: a `ContinuousModel` whose
        functions cannot be imported.

    Returns
    -------
    Dataset
        ``spin(…, component, *space)``, float64 or int8, the order parameter of each site (`Model.order_field`), without
        ``component`` where it has one; ``values = "vectors"``, and of one component that of the configurations where
        they are numbers, such as "real", else none.

    Raises
    ------
    TypeError
        If ``model`` is no model.
    ValueError
        If the Dataset has no configurations, or is a coarse level, or the model is not the one that was sampled.
    """
    model = of_data(data, model)
    if "spin" not in data or data.attrs.get("level", 0) != 0:
        raise ValueError("no configurations of level 0 in it; give a Dataset as rgnet.sample returns it")
    space = model.geometry.dims
    inner = () if model.components == 1 else ("component",)
    batch = [str(name) for name in data["spin"].dims if name not in (*space, *inner)]
    field = model.order_field(data["spin"].transpose(*batch, *inner, *space).values)
    single = field.shape[-model.ndim - 1] == 1
    if single:
        field = field.squeeze(-model.ndim - 1)
    rest = data.drop_vars("spin").drop_dims("component", errors="ignore")
    rest = rest.assign(spin=((*batch, *(() if single else ("component",)), *space), field))
    if single and not labels.no_numbers(data):
        return rest
    rest.attrs.pop("values", None)
    return rest if single else rest.assign_attrs(values="vectors")


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
    "of_data",
    "order_field",
]
