"""The clock model: q directions in the plane.

    p(x) ∝ exp( K Σ_<ij> cos(θ_i − θ_j) + h Σ_i cos θ_i ),   θ = 2π x/q,  x_i = 0 … q−1,

on any lattice; K of either sign, reduced (β inside). **Symmetry:** rotations x → x + 1 and the reflection x → −x for
h = 0, the reflection alone otherwise; for even q on a bipartite lattice K → −K is x → x + q/2 on one sublattice.

**Exact limits.** q = 2 is the Ising model with the same K and h. q = 3 is the Potts model with K_Potts = 3K/2 and
h_Potts = 3h/2, since cos = (3δ − 1)/2. q = 4 is two independent Ising models of K/2 (and h/2): cos(θ − θ') =
(s s' + t t')/2 with s, t = ±1 the signs of the components along the diagonals, so that K_c = ln(1 + √2) on the square
lattice and Z = Z_Ising(K/2)². q ≥ 5 on the square lattice: two transitions of Kosterlitz and Thouless with a critical
phase between them (José, Kadanoff, Kirkpatrick & Nelson 1977); q → ∞ is the XY model. `rgnet.exact.transfer` gives
finite lattices exactly.

**Order parameter:** Σ (cos θ, sin θ); |M| = N in perfect order.

**Operators for the RG:** those of O(2) on `Clock.order_field`; even sector Σ cos(θ_i − θ_j) at each distance, odd
sector M. What distinguishes the clock from XY is Σ cos qθ, a constant here and a coupling after blocking.
Source: Potts (1952, the "planar Potts" model); José et al. (1977).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rgnet.lattice import Graph
from rgnet.models import _checks
from rgnet.models._states import MOST_STATES, Array, Floats, States


@dataclass(frozen=True, init=False)
class Clock(States):
    """Clock model: a shape, the number of directions, reduced couplings and boundaries.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
    q : int
        Number of directions, 2 … 127.
    K : float
        Reduced coupling, of either sign. Give ``T=`` instead for K = 1/T.
    h : float
        Reduced field along direction 0.
    boundary : "periodic", "free", or one of them for each side
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If q is not in 2 … 127, a coupling is not a finite number, not one of K and T is given, or the lattice is
        impossible.
    """

    shape: tuple[int, ...]
    q: int
    K: float
    h: float
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: int | Sequence[int] | Graph,
        q: int,
        K: float | None = None,
        h: float = 0.0,
        boundary: str | Sequence[str] = "periodic",
        *,
        T: float | None = None,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        set_ = object.__setattr__
        for name, value in zip(("shape", "boundary", "lattice"), _checks.place(shape, boundary, lattice), strict=True):
            set_(self, name, value)
        set_(self, "q", _checks.whole("q", q, 2, MOST_STATES, "a number of directions"))
        set_(self, "K", _checks.coupling_or_temperature(K, T))
        set_(self, "h", _checks.finite("h", h))

    @property
    def unit(self) -> Floats:
        """cos(θ_i − θ_j), exactly symmetric."""
        steps = np.arange(self.q)
        apart = np.abs(np.subtract.outer(steps, steps))
        return np.asarray(_cosines(self.q)[np.minimum(apart, self.q - apart)])

    @property
    def strength(self) -> float:
        """K."""
        return self.K

    @property
    def log_site(self) -> Floats:
        """h cos θ."""
        steps = np.arange(self.q)
        return np.asarray(self.h * _cosines(self.q)[np.minimum(steps, self.q - steps)])

    @property
    def columns(self) -> Mapping[str, Array]:
        """(cos θ, sin θ)."""
        steps = np.arange(self.q)
        cosines = _cosines(self.q)[np.minimum(steps, self.q - steps)]
        return {"magnetization": np.stack([cosines, _sines(self.q)], axis=1)}

    @property
    def order_components(self) -> int:
        """2, of an angle; 1 where q = 2."""
        return min(2, self.q - 1)

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        return {"name": "Clock", **_checks.geometry_dict(self), "q": self.q, "K": self.K, "h": self.h}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Clock":
        """The inverse of `to_dict`."""
        return cls(**_checks.geometry_from(data), q=data["q"], K=data["K"], h=data["h"])


def _cosines(q: int) -> Floats:
    """cos 2πk/q for k = 0 … q/2, exact where it is 0, ±1/2 or ±1."""
    return _exact(np.cos(2 * np.pi * np.arange(q // 2 + 1) / q))


def _sines(q: int) -> Floats:
    """sin 2πk/q for k = 0 … q−1."""
    return _exact(np.sin(2 * np.pi * np.arange(q) / q))


def _exact(values: Floats) -> Floats:
    halves = np.round(2 * values) / 2
    return np.where(np.abs(values - halves) < 1e-14, halves, values) + 0.0
