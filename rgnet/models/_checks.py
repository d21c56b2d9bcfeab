"""What the constructors of models share: checked couplings, and the lattice as fields and as plain data."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rgnet import lattice
from rgnet.lattice import Geometry, Graph

Place = int | Sequence[int] | Graph
_LARGEST = 1e50


def finite(name: str, value: object) -> float:
    """``value`` as a float.

    Raises
    ------
    ValueError
        If it is no finite number.
    """
    rule = "a coupling is a finite real number"
    if isinstance(value, (bool, np.bool_, str, complex, np.complexfloating)) or value is None:
        raise ValueError(f"{name}={value!r}: {rule}")
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}={value!r}: {rule}") from error
    if not math.isfinite(number):
        raise ValueError(f"{name}={number}: {rule}; for a limit, use a large value")
    return number


def reals(name: str, values: Any, rule: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """``values`` as an array of float64.

    Raises
    ------
    ValueError
        If they are no real numbers, with the ``rule``.
    """
    try:
        if np.iscomplexobj(values):
            raise TypeError("complex numbers")
        return np.asarray(values, dtype=np.float64) + 0.0
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}={values!r}: {rule}") from error


def coupling_or_temperature(K: object, T: object) -> float:
    """The coupling K, or 1/T.

    Raises
    ------
    ValueError
        If not exactly one of them is given, it is no finite number, or T is 0 or so near to it that 1/T overflows.
    """
    if (K is None) == (T is None):
        raise ValueError(f"K={K!r}, T={T!r}: give the coupling K or the temperature T = 1/K, one of the two")
    if T is None:
        return finite("K", K)
    temperature = finite("T", T)
    if temperature == 0 or math.isinf(1.0 / temperature):
        raise ValueError(f"T={T!r}: the reduced coupling K = 1/T would be infinite; give a temperature farther from 0")
    return 1.0 / temperature


def moderate(T: object = None, **couplings: float) -> None:
    """Refuse couplings with which energies or their squares would overflow; T is the temperature that gave K, if any.

    Raises
    ------
    ValueError
        If one is beyond ±1e50.
    """
    for name, value in couplings.items():
        if abs(value) > _LARGEST:
            if name == "K" and T is not None:
                raise ValueError(
                    f"T={T!r}: energies would overflow at K = 1/T = {value:g}; give |T| above {1 / _LARGEST:g}"
                )
            raise ValueError(f"{name}={value}: energies would overflow; give couplings below {_LARGEST:g}")


def whole(name: str, value: object, least: int, most: int, what: str = "a whole number") -> int:
    """``value`` as an int between two bounds.

    Raises
    ------
    ValueError
        If it is none.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise ValueError(f"{name}={value!r}: give {what} from {least} to {most}")
    return int(value)


def place(
    shape: Place, boundary: str | Sequence[str], kind: str | Graph
) -> tuple[tuple[int, ...], tuple[str, ...], str | Graph]:
    """The fields ``shape``, ``boundary`` and ``lattice`` of a model, checked (`rgnet.lattice.geometry`)."""
    if isinstance(kind, Graph):
        if not isinstance(shape, Graph) and tuple(np.atleast_1d(np.asarray(shape))) != (kind.n_sites,):
            raise ValueError(f"shape={shape!r}: a graph is given in place of the shape, which here is {kind.n_sites}")
        shape, kind = kind, "hypercubic"
    found = lattice.geometry(shape, boundary, kind)
    return found.shape, found.boundary, shape if isinstance(shape, Graph) else found.kind


def geometry(model: Any) -> Geometry:
    """The geometry that a model's fields describe."""
    if isinstance(model.lattice, Graph):
        return Geometry(model.shape, model.boundary, "graph", model.lattice.edges)
    return Geometry(model.shape, model.boundary, model.lattice)


def geometry_dict(model: Any) -> dict[str, Any]:
    """Shape, boundary and, unless it is hypercubic, the lattice as plain data."""
    data: dict[str, Any] = {"shape": list(model.shape), "boundary": list(model.boundary)}
    if isinstance(model.lattice, Graph):
        data["edges"] = [list(pair) for pair in model.lattice.edges]
    elif model.lattice != "hypercubic":
        data["lattice"] = model.lattice
    return data


def geometry_from(data: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments ``shape``, ``boundary`` and ``lattice`` from what `geometry_dict` returned."""
    if "edges" in data:
        return {"shape": Graph(data["edges"], n_sites=data["shape"][0])}
    kind = data.get("lattice", "hypercubic")
    return {"shape": data["shape"], "boundary": data["boundary"], "lattice": kind}


def check_values(x: Any, shape: tuple[int, ...], *, components: int = 1) -> Any:
    """``x`` as an array whose last axes are the lattice, with the components in front of it where there are several.

    Raises
    ------
    ValueError
        If it has another shape.
    """
    x = np.asarray(x)
    wanted = shape if components == 1 else (components, *shape)
    if x.shape[max(0, x.ndim - len(wanted)) :] != wanted:
        axes = "(..., *shape)" if components == 1 else f"(..., {components}, *shape)"
        raise ValueError(f"configurations of shape {x.shape}: this model's lattice is {shape}, give {axes}")
    return x
