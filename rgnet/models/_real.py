"""What the models of real fields share: the sum over bonds, and what is kept of a configuration."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.lattice import Geometry
from rgnet.models import _checks

Floats = npt.NDArray[np.float64]


def checked(x: npt.ArrayLike, shape: tuple[int, ...]) -> Floats:
    """``x`` as float64, (..., *shape).

    Raises
    ------
    ValueError
        If it has another shape, or values that are no finite numbers.
    """
    x = np.asarray(_checks.check_values(x, shape), dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError("configurations with NaN or infinite values: a field is a finite real number on every site")
    return x


def gradient_squared(x: Floats, where: Geometry) -> Floats:
    """Σ_<ij> (x_i − x_j)² over the bonds, of configurations (..., *shape)."""
    if where.kind != "hypercubic":
        flat = x.reshape(*x.shape[: x.ndim - where.ndim], where.n_sites)
        first, second = lattice.bonds(where).T
        return np.asarray(((flat[..., first] - flat[..., second]) ** 2).sum(axis=-1))
    space = tuple(range(-where.ndim, 0))
    total = np.zeros(x.shape[: x.ndim - where.ndim])
    for axis, name in zip(space, where.boundary, strict=True):
        step = np.diff(x, axis=axis) if name == "free" else x - np.roll(x, 1, axis=axis)
        total += (step**2).sum(axis=space)
    return total


def powers(x: Floats, ndim: int) -> Mapping[str, Floats]:
    """``magnetization`` = Σ φ, ``phi2`` = Σ φ² and ``phi4`` = Σ φ⁴ over the last ``ndim`` axes."""
    space = tuple(range(-ndim, 0))
    square = x * x
    return {"magnetization": x.sum(axis=space), "phi2": square.sum(axis=space), "phi4": (square**2).sum(axis=space)}


def start(chain: int, size: float, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """A constant field ``size`` for even chains, independent normal numbers of that standard deviation for odd ones."""
    if chain % 2:
        return np.asarray(size * rng.standard_normal(shape))
    return np.full(shape, size)


def place_dict(model: Any, name: str, **couplings: float) -> dict[str, Any]:
    """A model as plain data."""
    return {"name": name, **_checks.geometry_dict(model), **couplings}
