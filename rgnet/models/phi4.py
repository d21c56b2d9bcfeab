"""The φ⁴ model: a real field with a quartic potential, the Ising model's soft relative.

    p(φ) ∝ exp( −Σ_i [½ Σ_μ (∇_μ φ_i)² + ½ r φ_i² + ¼ u φ_i⁴] + h Σ_i φ_i ),

where Σ_i Σ_μ (∇_μ φ_i)² = Σ_<ij> (φ_i − φ_j)² over the bonds that exist: at a free boundary none leads outside. Equally

    H = Σ_i [½ (z_i + r) φ_i² + ¼ u φ_i⁴ − h φ_i] − Σ_<ij> φ_i φ_j,   z_i the number of bonds of site i.

Needs u > 0, or u = 0 and r > 0, where the quadratic form is positive definite and the model is `GaussianField`.
Symmetry: φ → −φ at h = 0. Exact limits: u → 0 is the Gaussian field; r → −∞ at constant −r/u = m² is the Ising model
with K = m² and s = φ/m; one site, short chains and narrow strips by quadrature (`rgnet.exact.quadrature`). In the
common form with couplings κ, λ (Σ 2κ φφ' − φ² − λ(φ² − 1)²) the field is √(2κ) times larger here, and
r = (1 − 2λ)/κ − 2d, u = λ/κ².
Operators for the RG: Σ φ² (conjugate to −r/2), Σ φ⁴, Σ φ_i φ_j over pairs at any distance, and the odd Σ φ, Σ φ³;
`rgnet.operators` gives their products over sites.

Source: Wilson & Kogut (1974); as a lattice model with embedded Ising spins, Brower & Tamayo (1989).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.lattice import Graph
from rgnet.models import _checks, _real
from rgnet.models._checks import Place, finite
from rgnet.models._on_lattice import OnLattice
from rgnet.models._real import Floats


@dataclass(frozen=True, init=False)
class Phi4(OnLattice):
    """φ⁴ model: a lattice and reduced couplings.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
        Sides of the lattice, or the graph that takes its place.
    r : float
        Coupling of ½ φ², of either sign.
    u : float
        Coupling of ¼ φ⁴: positive, or 0 where r > 0.
    h : float
        Reduced field.
    boundary : "periodic", "free", or one of them for each side
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If a coupling is not a finite number, the weight could not be normalised, or the lattice is impossible.
    """

    shape: tuple[int, ...]
    r: float
    u: float
    h: float
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: Place,
        r: float,
        u: float,
        h: float = 0.0,
        boundary: str | Sequence[str] = "periodic",
        *,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        sides, names, kind = _checks.place(shape, boundary, lattice)
        r, u, h = finite("r", r), finite("u", u), finite("h", h)
        if u < 0:
            raise ValueError(f"u={u}: the weight grows without bound at large φ; give u > 0, or u = 0 with r > 0")
        if u == 0 and r <= 0:
            raise ValueError(
                f"u=0, r={r}: a constant field costs nothing, and the weight cannot be normalised; give u > 0, or r > 0"
            )
        if max(abs(r), u, abs(h)) > _LARGEST or (u > 0 and (r < -_LARGEST * u or abs(h) > _LARGEST * u)):
            raise ValueError(f"r={r}, u={u}, h={h}: energies would overflow; give couplings and ratios below 1e50")
        for name, value in (
            ("shape", sides), ("r", r), ("u", u), ("h", h), ("boundary", names), ("lattice", kind)
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def dtype(self) -> type[np.float64]:
        """Fields are float64."""
        return np.float64

    @property
    def is_symmetric(self) -> bool:
        """Whether φ → −φ leaves the energy unchanged: h = 0."""
        return self.h == 0

    @property
    def attributes(self) -> Mapping[str, str]:
        """``values = "real"``."""
        return {"values": "real"}

    def energy(self, x: npt.ArrayLike) -> Floats:
        """H(φ) of each configuration: x of shape (..., *shape), result of shape (...).

        Raises
        ------
        ValueError
            If x is of another shape or not finite.
        """
        x = _real.checked(x, self.shape)
        sums = _real.powers(x, self.ndim)
        local = 0.5 * self.r * sums["phi2"] + 0.25 * self.u * sums["phi4"] - self.h * sums["magnetization"]
        return np.asarray(0.5 * _real.gradient_squared(x, self.geometry) + local)

    def conjugate(self, x: npt.ArrayLike) -> Floats:
        """−½ Σ φ², the sum conjugate to r (H = −r S − …): x of shape (..., *shape), result of shape (...)."""
        return np.asarray(-0.5 * _real.powers(_real.checked(x, self.shape), self.ndim)["phi2"])

    def order_field(self, x: npt.ArrayLike) -> Floats:
        """φ itself, with an axis of one component: (..., *shape) to (..., 1, *shape)."""
        return np.expand_dims(_real.checked(x, self.shape), -self.ndim - 1)

    def start(self, chain: int, rng: np.random.Generator) -> Floats:
        """Starting configuration of a chain: constant at a minimum of the potential (or near 0) for even ones.

        Odd ones start from independent normal numbers of that size.
        """
        size = math.sqrt(-self.r / self.u) if self.r < 0 else 1.0 / math.sqrt(1.0 + self.r)
        return _real.start(chain, -size if self.h < 0 else size, self.shape, rng)

    def observe(self, x: Floats) -> Mapping[str, Floats]:
        """``magnetization`` = Σ φ, ``phi2`` = Σ φ² and ``phi4`` = Σ φ⁴."""
        return _real.powers(x, self.ndim)

    def watch(self, x: Floats) -> Mapping[str, Floats]:
        """|Σ φ|, or Σ φ in a field."""
        total = x.sum(axis=tuple(range(-self.ndim, 0)))
        return {"magnetization": np.abs(total) if self.is_symmetric else total}

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        return _real.place_dict(self, "Phi4", r=self.r, u=self.u, h=self.h)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Phi4":
        """The inverse of `to_dict`."""
        return cls(**_checks.geometry_from(data), r=data["r"], u=data["u"], h=data["h"])


_LARGEST = 1e50
