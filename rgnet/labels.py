"""How a Dataset of configurations is labelled: which dimensions are space, its boundary, how coarse it is.

A Dataset of configurations has ``spin(chain, draw, [component], *space)`` and, as attributes, ``boundary`` (JSON list,
one name a side), ``lattice`` ("triangular" or "graph", unless hypercubic), ``level`` (0 = microscopic) and ``scale``
(lattice spacing in microscopic units). There is a dimension
``component`` if and only if a site holds more than one number, as the channels of a learned level.
"""

import json
from typing import Any

BATCH_DIMS = ("chain", "draw", "replica", "point", "component")

_NO_NUMBERS = {
    "directions": "directions of dimers, 0 to 3, and no spins: give rgnet.models.dimers.links(data), which has ±1 for "
    "the occupied and empty bonds of each site",
    "states": "states 0, 1, …, which are names and no numbers to add: give rgnet.models.order_field(data), which has "
    "the order parameter of each site",
    "periodic": "values of a periodic domain, which cannot be added across its ends: give "
    "rgnet.models.order_field(data), which has unit vectors",
    "angles": "angles, which cannot be added across ±π: give rgnet.models.order_field(data), which has unit vectors",
}


def space_dims(data: Any) -> tuple[str, ...]:
    """Names of the space dimensions of ``data["spin"]``, in order.

    Raises
    ------
    ValueError
        If there is no variable ``spin``, or it holds directions, states or angles, which are no numbers to add.
    """
    if "spin" not in getattr(data, "data_vars", ()):
        have = ", ".join(str(name) for name in data.data_vars) if hasattr(data, "data_vars") else type(data).__name__
        raise ValueError(f"no variable 'spin' (found: {have or 'none'}); give a Dataset as rgnet.sample returns it")
    if words := no_numbers(data):
        raise ValueError(f"spin holds {words}")
    return tuple(str(name) for name in data["spin"].dims if name not in BATCH_DIMS)


def no_numbers(data: Any) -> str:
    """Say what ``spin`` holds that cannot be added, and what to give instead; empty for numbers."""
    return _NO_NUMBERS.get(str(data.attrs.get("values")), "")


def check_whole(data: Any) -> None:
    """Refuse a level that was cropped: across a cut there are neither neighbours nor images.

    Raises
    ------
    ValueError
        If the sides are not those of the model's lattice at this scale (where the attributes tell).
    """
    if "model" not in data.attrs or "scale" not in data.attrs:
        return
    scale = int(data.attrs["scale"])
    whole = tuple(side // scale for side in json.loads(data.attrs["model"])["shape"])
    have = tuple(int(data["spin"].sizes[name]) for name in space_dims(data))
    if have != whole:
        raise ValueError(
            f"configurations of shape {have} are a part of a lattice of {whole}: sums over neighbours would join its "
            f"cut edges; give the whole lattice, or delete the attribute 'model' and set 'boundary' to '[\"free\", …]'"
        )


def lattice_kind(data: Any) -> str:
    """Return "hypercubic", "triangular" or "graph": the lattice of the sites, or of those that blocks were made of."""
    if "lattice" in data.attrs or "model" not in data.attrs:
        return str(data.attrs.get("lattice", "hypercubic"))
    model = json.loads(data.attrs["model"])
    return "graph" if "edges" in model else str(model.get("lattice", "hypercubic"))


def boundary(data: Any) -> tuple[str, ...]:
    """Boundary of each space dimension; periodic where the Dataset does not say.

    Raises
    ------
    ValueError
        If its sites are those of a graph, which has no translations, blocks or operators by offsets.
    """
    if lattice_kind(data) == "graph":
        raise ValueError(
            "configurations on a graph: blocks, and operators by offsets, are made for lattices of sides; measure with "
            "the model itself, such as model.energy"
        )
    ndim = len(space_dims(data)) if hasattr(data, "data_vars") else len(json.loads(data.attrs["shape"]))
    if "boundary" not in data.attrs:
        return ("periodic",) * ndim
    return tuple(json.loads(data.attrs["boundary"]))
