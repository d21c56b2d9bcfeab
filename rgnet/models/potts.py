"""The Potts model of q states.

    p(x) ∝ exp( K Σ_<ij> δ(x_i, x_j) + h Σ_i δ(x_i, 0) ),   x_i = 0 … q−1,

on any lattice; K of either sign, reduced (β inside). **Symmetry:** any permutation of the states for h = 0, of the
states 1 … q−1 otherwise. q = 2 is the Ising model with K_Ising = K/2 and h_Ising = h/2, since δ = (1 + s s')/2.

**Exact limits.** Chain of N sites: Z = (e^K + q − 1)^N + (q − 1)(e^K − 1)^N. Square lattice, by duality
(e^K − 1)(e^K* − 1) = q (Potts 1952): K_c = ln(1 + √q), the transition continuous for q ≤ 4 and of first order above
(Baxter 1973), and at K_c ⟨Σ δ⟩/N = 1 + 1/√q (the mean of both phases for q > 4). Triangular lattice: v³ + 3v² = q,
v = e^K − 1 (Kim & Joseph 1974; Baxter, Temperley & Ashley 1978). Exponents in two dimensions (den Nijs 1979; Nienhuis,
Riedel & Schick 1980): y_t = 6/5, y_h = 28/15 for q = 3; y_t = 3/2, y_h = 15/8 for q = 4, with logarithms.
`rgnet.exact.potts2d` and `rgnet.exact.transfer` give numbers. K → −∞ on the square lattice, q = 3: critical at T = 0.

**Order parameter:** q unit vectors from the middle to the corners of a simplex, v_a · v_b = (q δ_ab − 1)/(q − 1),
v_0 = (1, 0, …, 0), summed over the sites: |M| = N in perfect order, and the first component is (q n_0 − N)/(q − 1).

**Operators for the RG:** those of O(n) on `Potts.order_field`, products Σ v·v over pairs at a distance being
(q Σ δ − pairs)/(q − 1): even sector nn, nnn, …; odd sector M. Source: Potts (1952); Wu (1982).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rgnet.lattice import Graph
from rgnet.models import _checks
from rgnet.models._states import MOST_STATES, Array, Floats, States, simplex


@dataclass(frozen=True, init=False)
class Potts(States):
    """Potts model: a shape, the number of states, reduced couplings and boundaries.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
    q : int
        Number of states, 2 … 127.
    K : float
        Reduced coupling of equal neighbours, of either sign. Give ``T=`` instead for K = 1/T.
    h : float
        Reduced field on state 0.
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
        q: int = 3,
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
        set_(self, "q", _checks.whole("q", q, 2, MOST_STATES, "a number of states"))
        set_(self, "K", _checks.coupling_or_temperature(K, T))
        set_(self, "h", _checks.finite("h", h))

    @property
    def unit(self) -> Floats:
        """δ(x_i, x_j)."""
        return np.eye(self.q)

    @property
    def strength(self) -> float:
        """K."""
        return self.K

    @property
    def log_site(self) -> Floats:
        """h δ(x, 0)."""
        return np.asarray(self.h * (np.arange(self.q) == 0))

    @property
    def columns(self) -> Mapping[str, Array]:
        """The simplex vectors."""
        return {"magnetization": simplex(self.q)}

    @property
    def order_components(self) -> int:
        """q − 1: the corners of a simplex."""
        return self.q - 1

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        return {"name": "Potts", **_checks.geometry_dict(self), "q": self.q, "K": self.K, "h": self.h}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Potts":
        """The inverse of `to_dict`."""
        return cls(**_checks.geometry_from(data), q=data["q"], K=data["K"], h=data["h"])
