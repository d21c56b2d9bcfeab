"""Where the nearest-neighbour Ising model is critical, and with which exponents."""

import math
from typing import NamedTuple

from rgnet.exact import ising2d, ising3d


class Critical(NamedTuple):
    """Critical coupling, relevant exponents, and where they come from."""

    K_c: float
    y_t: float
    y_h: float
    source: str


_POINTS = {
    2: Critical(ising2d.K_c, ising2d.Y_T, ising2d.Y_H, "exact"),
    3: Critical(ising3d.K_c, ising3d.Y_T, ising3d.Y_H, "conformal bootstrap"),
}


def critical(ndim: int) -> Critical | None:
    """The ferromagnetic critical point on the hypercubic lattice of that dimension, None where rgnet knows of none."""
    return _POINTS.get(ndim)


def is_critical(ndim: int, K: float, h: float = 0.0) -> bool:
    """Whether (K, h) is the known critical point, to seven digits."""
    point = critical(ndim)
    return point is not None and h == 0 and math.isclose(K, point.K_c, rel_tol=1e-7)
