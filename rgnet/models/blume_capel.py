"""The Blume–Capel model: Ising spins with vacancies.

    p(s) ∝ exp( K Σ_<ij> s_i s_j − D Σ_i s_i² + h Σ_i s_i ),   s_i = −1, 0, 1,

on any lattice; K and D of either sign, reduced (β inside). **Symmetry:** s → −s for h = 0; on a bipartite lattice
K → −K is s → −s on one sublattice.

**Exact limits.** D → −∞ has no vacancies: the Ising model of the same K and h. K = 0: independent sites,
Z = (1 + 2 e^{−D} cosh h)^N. In two dimensions a line of Ising transitions ends in a tricritical point beyond which the
transition is of first order; square lattice: K_t = 1.6431759, D_t = 3.2301797 (Qian, Deng, Liu, Guo & Blöte 2016),
where the relevant exponents are those of the tricritical Ising model, y = 9/5 and 4/5 even, 77/40 and 9/8 odd (central
charge 7/10; Friedan, Qiu & Shenker 1984). `rgnet.exact.transfer` gives finite lattices exactly.

**Operators for the RG:** Ising's, nn, nnn, plaquette, … and m, and with vacancies Σ s² ("phi2") and
products such as s_i² s_j²; two even directions are relevant at the tricritical point. Order parameter M = Σ s;
``occupied`` = Σ s² is kept with every draw, so that Σ s s = (−H − D Σ s² + h M)/K. Source: Blume (1966), Capel (1966).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rgnet.lattice import Graph
from rgnet.models import _checks
from rgnet.models._states import Array, Floats, States

_SPINS = np.array([-1, 0, 1])


@dataclass(frozen=True, init=False)
class BlumeCapel(States):
    """Blume–Capel model: a shape, reduced couplings and boundaries.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
    K : float
        Reduced nearest-neighbour coupling, of either sign. Give ``T=`` instead for K = 1/T.
    D : float
        Reduced cost of a spin over a vacancy, of either sign (β is inside, with ``T=`` too).
    h : float
        Reduced field.
    boundary : "periodic", "free", or one of them for each side
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If a coupling is not a finite number, not one of K and T is given, or the lattice is impossible.
    """

    shape: tuple[int, ...]
    K: float
    D: float
    h: float
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: int | Sequence[int] | Graph,
        K: float | None = None,
        D: float = 0.0,
        h: float = 0.0,
        boundary: str | Sequence[str] = "periodic",
        *,
        T: float | None = None,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        set_ = object.__setattr__
        for name, value in zip(("shape", "boundary", "lattice"), _checks.place(shape, boundary, lattice), strict=True):
            set_(self, name, value)
        set_(self, "K", _checks.coupling_or_temperature(K, T))
        set_(self, "D", _checks.finite("D", D))
        set_(self, "h", _checks.finite("h", h))

    first = -1
    values_are = "spin-1"

    @property
    def unit(self) -> Floats:
        """s_i s_j."""
        return np.outer(_SPINS, _SPINS).astype(np.float64)

    @property
    def strength(self) -> float:
        """K."""
        return self.K

    @property
    def log_site(self) -> Floats:
        """h s − D s²."""
        return self.h * _SPINS - self.D * _SPINS**2

    @property
    def columns(self) -> Mapping[str, Array]:
        """S and s²."""
        return {"magnetization": _SPINS, "occupied": _SPINS**2}

    @property
    def is_symmetric(self) -> bool:
        """Whether s → −s leaves the energy unchanged."""
        return self.h == 0

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        return {"name": "BlumeCapel", **_checks.geometry_dict(self), "K": self.K, "D": self.D, "h": self.h}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "BlumeCapel":
        """The inverse of `to_dict`."""
        return cls(**_checks.geometry_from(data), K=data["K"], D=data["D"], h=data["h"])
