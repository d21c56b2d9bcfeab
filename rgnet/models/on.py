"""Unit vectors of n components: the O(n) model (n = 2: plane rotators, n = 3: the classical Heisenberg model).

    p(s) ∝ exp( K Σ_<ij> s_i·s_j + h Σ_i s_i^1 ),   s_i ∈ R^n, |s_i| = 1,

on a hypercubic or triangular lattice or on a graph, K of either sign; h is a field along the first component. The
measure of each vector is uniform on the sphere. H = −K Σ s_i·s_j − h Σ s_i^1 is total and dimensionless.

**Configurations** are float64 (..., n, *shape): the component axis stands in front of space.

**Symmetry:** all rotations and reflections of O(n), at h = 0; with a field those that keep the first axis. On bipartite
lattices at h = 0 also K → −K with one half of the vectors reversed.

**Exact limits.** The partition function of one vector in a field F is Y(F) ∝ F^{1−n/2} I_{n/2−1}(F), so that
⟨s·F̂⟩ = A_n(F) = I_{n/2}(F)/I_{n/2−1}(F): I_1/I_0 for n = 2 and coth F − 1/F (Langevin 1905) for n = 3. On a tree, the
open chain among them, at h = 0, ⟨s_i·s_j⟩ = A_n(K)^r at distance r (Stanley 1969). In two dimensions there is no order
at any finite K for n ≥ 2 (Mermin & Wagner 1966). Critical on the cubic lattice, n = 3: K_c = 0.693001(10) (Ballesteros,
Fernández, Martín-Mayor & Muñoz Sudupe 1996); n = 2: 0.45416474(10) (Hasenbusch 2019).

**Operators for the RG:** those of `rgnet.operators` on each component; sums over components are the invariant ones.
Block layers average or decimate the components; `order_field` is the vectors themselves.

Source: Stanley (1968).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.lattice import Geometry, Graph, bonds, coloring
from rgnet.models import _checks
from rgnet.models._checks import Place, finite
from rgnet.models._on_lattice import OnLattice

MOST_COMPONENTS = 128
_NORM_TOLERANCE = 1e-6
_CHUNK = 1 << 22  # numbers that a sum over bonds holds at a time


@dataclass(frozen=True, init=False)
class ON(OnLattice):
    """O(n) model: a shape, the number of components, reduced couplings and boundaries.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
        Sides of the lattice, or the graph that takes its place.
    n : int
        Components of a vector, at least 2.
    K : float
        Reduced nearest-neighbour coupling J/(k_B T), of either sign. Give ``T=`` instead for K = 1/T.
    h : float
        Reduced field along the first component.
    boundary : "periodic", "free", or one of them for each side
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If both or neither of K and T are given, a coupling is not a finite number, n is no whole number from 2 to 128,
        or the lattice is impossible.
    """

    shape: tuple[int, ...]
    n: int
    K: float
    h: float
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: Place,
        n: int = 3,
        K: float | None = None,
        h: float = 0.0,
        boundary: str | Sequence[str] = "periodic",
        *,
        T: float | None = None,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        sides, names, kind = _checks.place(shape, boundary, lattice)
        components = _checks.whole("n", n, 2, MOST_COMPONENTS, "a number of components")
        coupling, field = _checks.coupling_or_temperature(K, T), finite("h", h)
        _checks.moderate(T, K=coupling, h=field)
        values = (sides, components, coupling, field, names, kind)
        for name, value in zip(("shape", "n", "K", "h", "boundary", "lattice"), values, strict=True):
            object.__setattr__(self, name, value)

    @property
    def dtype(self) -> type[np.float64]:
        """Components are float64."""
        return np.float64

    @property
    def components(self) -> int:
        """A site holds n numbers."""
        return self.n

    @property
    def T(self) -> float:
        """Temperature 1/K in units of J/k_B."""
        return math.inf if self.K == 0 else 1.0 / self.K

    @property
    def is_symmetric(self) -> bool:
        """Whether s → −s leaves the energy unchanged."""
        return self.h == 0

    @property
    def attributes(self) -> Mapping[str, str]:
        """``values = "vectors"``."""
        return {"values": "vectors"}

    def check(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """``x`` as float64, if it holds unit vectors on this lattice, (..., n, *shape).

        Raises
        ------
        ValueError
            If it does not.
        """
        x = np.asarray(_checks.check_values(x, self.shape, components=self.n), dtype=np.float64)
        space = tuple(range(-self.ndim, 0))
        squares = (x**2).sum(axis=-self.ndim - 1)
        if not (np.abs(squares - 1) < _NORM_TOLERANCE).all():
            worst = np.abs(squares - 1).max(axis=space).max() if np.isfinite(squares).all() else math.nan
            raise ValueError(
                f"configurations that are no unit vectors (|s|² is off by up to {worst:.3g}): divide by their length"
            )
        return x

    def energy(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """H(x) of each configuration: x of shape (..., n, *shape), result of shape (...).

        Raises
        ------
        ValueError
            If x is of another shape or holds no unit vectors.
        """
        x = self.check(x)
        first = np.moveaxis(x, -self.ndim - 1, 0)[0].sum(axis=tuple(range(-self.ndim, 0)))
        return np.asarray(-(self.K * self.conjugate(x) + self.h * first) + 0.0)

    def conjugate(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Σ_<ij> s_i·s_j, conjugate to K: x of shape (..., n, *shape), result of shape (...)."""
        return products_over_bonds(np.asarray(x, dtype=np.float64), self.geometry)

    def order_field(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The vectors themselves, (..., n, *shape)."""
        return np.asarray(x, dtype=np.float64)

    def start(self, chain: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Starting configuration of a chain, (n, *shape): aligned for even chains, random for odd ones.

        Aligned along the field; staggered if K < 0.
        """
        if chain % 2:
            vectors = rng.standard_normal((self.n, *self.shape))
            return np.asarray(vectors / np.sqrt((vectors**2).sum(axis=0)))
        vectors = np.zeros((self.n, *self.shape))
        vectors[0] = staggered(self.geometry) if self.K < 0 else math.copysign(1.0, self.h)
        return vectors

    def observe(self, x: npt.NDArray[np.float64]) -> Mapping[str, npt.NDArray[Any]]:
        """``magnetization`` = Σ s, (..., n)."""
        return {"magnetization": x.sum(axis=tuple(range(-self.ndim, 0)))}

    def watch(self, x: npt.NDArray[np.float64]) -> Mapping[str, npt.NDArray[np.float64]]:
        """|Σ s|, or Σ s^1 where there is a field, and |Σ ±s| of the staggered order for K < 0."""
        return watched(x, self)

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        return {"name": "ON", "n": self.n, "K": self.K, "h": self.h, **_checks.geometry_dict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ON":
        """The inverse of `to_dict`."""
        return cls(**_checks.geometry_from(data), n=data["n"], K=data["K"], h=data["h"])


def products_over_bonds(x: npt.NDArray[np.float64], lattice: Geometry) -> npt.NDArray[np.float64]:
    """Σ_<ij> s_i·s_j of vectors (..., n, *shape), result of shape (...)."""
    batch, n = x.shape[: -lattice.ndim - 1], x.shape[-lattice.ndim - 1]
    rows = x.reshape(-1, n, lattice.n_sites)
    first, second = bonds(lattice).T
    most = max(1, _CHUNK // max(1, n * first.size))
    found = np.empty(len(rows))
    for begin in range(0, len(rows), most):
        part = rows[begin : begin + most]
        # Contiguous, so that a row's sum does not depend on how many rows there are
        terms = np.ascontiguousarray(part[..., first] * part[..., second])
        found[begin : begin + most] = terms.reshape(len(part), n * first.size).sum(axis=1)
    return found.reshape(batch)


def staggered(lattice: Geometry) -> npt.NDArray[np.float64]:
    """+1 and −1 by the parity of the coordinates, or of the colour where the lattice is not hypercubic; (*shape)."""
    if lattice.kind == "hypercubic":
        half = np.indices(lattice.shape).sum(axis=0) % 2
    else:
        half = coloring(lattice).reshape(lattice.shape) % 2
    return np.asarray(1.0 - 2.0 * half)


def watched(x: npt.NDArray[np.float64], model: Any) -> dict[str, npt.NDArray[np.float64]]:
    """What the pilot watches of vectors (..., n, *shape)."""
    space = tuple(range(-model.ndim, 0))
    total = x.sum(axis=space)
    found = {"magnetization": np.linalg.norm(total, axis=-1) if model.is_symmetric else total[..., 0]}
    if model.K < 0:
        found["staggered"] = np.linalg.norm((x * staggered(model.geometry)).sum(axis=space), axis=-1)
    return found
