"""Fields of coverings by dimers: occupation, staggered field, winding, heights and columns (`rgnet.models.dimers`)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice

Array = npt.NDArray[Any]

RULE = "each site of 0, 1, 2, 3 (+x, +y, −x, −y), the direction of its partner, whose direction points back"


def field(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The staggered field E_μ(r) = (−1)^{x+y} (n_μ(r) − 1/4): directions (..., x, y) to (..., 2, x, y).

    Raises
    ------
    ValueError
        If the values are no directions.
    """
    x = directions(x)
    sign = 1.0 - 2.0 * (np.indices(x.shape[-2:]).sum(axis=0) % 2)
    return np.asarray(sign * (np.stack([x == 0, x == 1], axis=-3) - 0.25))


def flux(x: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Winding (F_x, F_y): Σ_y (−1)^y n_x(0, y) and Σ_x (−1)^x n_y(x, 0); (..., x, y) to (..., 2).

    On a torus with even sides that is the flux of the field E through any section; the tilt of the heights along y is
    F_x/L_y and that along x is −F_y/L_x. Across a free side it is a constant of the lattice.

    Raises
    ------
    ValueError
        If the values are no directions.
    """
    x = directions(x)
    signs = [1 - 2 * (np.arange(side) % 2) for side in x.shape[-2:]]
    return np.stack([(x[..., 0, :] == 0) @ signs[1], (x[..., :, 0] == 1) @ signs[0]], axis=-1).astype(np.int64)


def heights(x: npt.ArrayLike, boundary: str | Sequence[str] = "periodic") -> npt.NDArray[np.float64]:
    """Height of every plaquette, 0 on the first, in units in which a dimer is a step of ±3/4 and an empty bond of ∓1/4.

    Parameters
    ----------
    x : array (..., x, y) of directions
    boundary : "periodic", "free", or one of them for each side
        A free side has one plaquette less than sites.

    Returns
    -------
    array (..., x, y)
        h(x, y) of the plaquette with the corners (x, y) and (x+1, y+1), summed from (0, 0) along x, then along y:
        going once around a periodic side, h gains F_x along y and −F_y along x (see `flux`).

    Raises
    ------
    ValueError
        If the values are no directions, or the boundary is impossible.
    """
    x = directions(x)
    names = lattice.check_boundary(boundary, x.shape[-2:])
    electric = field(x)
    along_x = -electric[..., 1, :, :1]
    along_x[..., 0, :] = 0.0
    along_y = electric[..., 0, :, :].copy()
    along_y[..., 0] = 0.0
    h = np.cumsum(along_x, axis=-2) + np.cumsum(along_y, axis=-1)
    ends = [side - (name == "free") for side, name in zip(x.shape[-2:], names, strict=True)]
    return np.asarray(h[..., : ends[0], : ends[1]])


def columnar(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Order parameter of columns, D = (2/N) Σ_r ((−1)^x n_x(r), (−1)^y n_y(r)): directions (..., x, y) to (..., 2).

    |D| = 1 in the four columnar states.

    Raises
    ------
    ValueError
        If the values are no directions.
    """
    x = directions(x)
    return np.stack(column_sums(x), axis=-1) * (2.0 / math.prod(x.shape[-2:]))


def column_sums(x: Array) -> list[Array]:
    """Sums Σ_r (−1)^x n_x(r) and Σ_r (−1)^y n_y(r), not divided by N/2.

    Parameters
    ----------
    x : array (..., x, y) of directions
        Looked at by `directions` already, or known to be such.

    Returns
    -------
    list of two int64 arrays (...)

    Raises
    ------
    IndexError
        If x has less than two axes.
    """
    signs = [1 - 2 * (np.arange(side) % 2) for side in x.shape[-2:]]
    return [(x == 0).sum(axis=-1, dtype=np.int64) @ signs[0], (x == 1).sum(axis=-2, dtype=np.int64) @ signs[1]]


def directions(x: npt.ArrayLike) -> Array:
    """``x`` as an array of directions, (..., x, y).

    Raises
    ------
    ValueError
        If it has less than two axes, or values other than 0, 1, 2, 3. Whether the directions of partners point at each
        other is not looked at.
    """
    x = np.asarray(x)
    if x.ndim < 2 or not ((x == 0) | (x == 1) | (x == 2) | (x == 3)).all():
        raise ValueError(f"configurations of shape {x.shape} that are no dimers: give (..., x, y), {RULE}")
    return x
