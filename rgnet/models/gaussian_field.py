"""The Gaussian field: the free theory, the one lattice model of which everything is known.

    p(φ) ∝ exp( −½ Σ_<ij> (φ_i − φ_j)² − ½ r Σ_i φ_i² ) = exp( −½ φᵀ A φ ),   A = r − Δ,   r > 0,

with bonds that exist only: at a free boundary none leads outside. On a torus A is diagonal in plane waves, and
⟨|φ(k)|²⟩/N = G(k) = 1/(r + Σ_μ 4 sin²(k_μ/2)); the correlation length is 1/√r for small r. Across free sides cosines
take their place. So fields are drawn exactly and independently (`rgnet.updates.direct`), and ln Z, energies and
correlations are finite sums (`rgnet.exact.gaussian_field`).

Symmetry: φ → −φ. Under a linear block spin Gaussian fields go to Gaussian fields; r has the eigenvalue y = 2, and the
fixed point r = 0 is that of mean-field exponents (η = 0).
Operators for the RG: Σ φ_i φ_j at every distance; Wick's theorem gives all others.

Source: Wilson & Kogut (1974), section 4; Bell & Wilson (1974) for its block spins.
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
class GaussianField(OnLattice):
    """Gaussian field: a lattice and its mass.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
        Sides of the lattice, or the graph that takes its place.
    r : float
        Coupling of ½ φ², the squared mass: positive.
    boundary : "periodic", "free", or one of them for each side
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If r is no finite number above 0, or the lattice is impossible.
    """

    shape: tuple[int, ...]
    r: float
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: Place,
        r: float,
        boundary: str | Sequence[str] = "periodic",
        *,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        sides, names, kind = _checks.place(shape, boundary, lattice)
        r = finite("r", r)
        if not _SMALLEST <= r <= 1 / _SMALLEST:
            raise ValueError(
                f"r={r}: a constant field weighs exp(−½ r N φ²), which cannot be normalised unless r > 0; give r from "
                f"1e-50 to 1e50"
            )
        for name, value in (("shape", sides), ("r", r), ("boundary", names), ("lattice", kind)):
            object.__setattr__(self, name, value)

    @property
    def dtype(self) -> type[np.float64]:
        """Fields are float64."""
        return np.float64

    @property
    def is_symmetric(self) -> bool:
        """Whether φ → −φ leaves the energy unchanged: always."""
        return True

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
        square = _real.powers(x, self.ndim)["phi2"]
        return np.asarray(0.5 * _real.gradient_squared(x, self.geometry) + 0.5 * self.r * square)

    def conjugate(self, x: npt.ArrayLike) -> Floats:
        """−½ Σ φ², the sum conjugate to r (H = −r S − …): x of shape (..., *shape), result of shape (...)."""
        return np.asarray(-0.5 * _real.powers(_real.checked(x, self.shape), self.ndim)["phi2"])

    def order_field(self, x: npt.ArrayLike) -> Floats:
        """φ itself, with an axis of one component: (..., *shape) to (..., 1, *shape)."""
        return np.expand_dims(_real.checked(x, self.shape), -self.ndim - 1)

    def start(self, chain: int, rng: np.random.Generator) -> Floats:
        """Starting configuration of a chain: constant for even ones, independent normal numbers for odd ones."""
        return _real.start(chain, 1.0 / math.sqrt(1.0 + self.r), self.shape, rng)

    def observe(self, x: Floats) -> Mapping[str, Floats]:
        """``magnetization`` = Σ φ, ``phi2`` = Σ φ² and ``phi4`` = Σ φ⁴."""
        return _real.powers(x, self.ndim)

    def watch(self, x: Floats) -> Mapping[str, Floats]:
        """|Σ φ|."""
        return {"magnetization": np.abs(x.sum(axis=tuple(range(-self.ndim, 0))))}

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        return _real.place_dict(self, "GaussianField", r=self.r)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "GaussianField":
        """The inverse of `to_dict`."""
        return cls(**_checks.geometry_from(data), r=data["r"])


_SMALLEST = 1e-50
