"""The XY model: plane rotators, by their angles.

    p(θ) ∝ exp( K Σ_<ij> cos(θ_i − θ_j) + h Σ_i cos θ_i ),   θ_i ∈ [−π, π),

on a hypercubic or triangular lattice or on a graph, K of either sign, with the uniform measure of each angle.
H = −K Σ cos(θ_i − θ_j) − h Σ cos θ_i is total and dimensionless. It is the O(2) model of `rgnet.models.on` in other
coordinates; `vectors` and `from_vectors` change between them.

**Configurations** are float64 (..., *shape), angles in radians.

**Symmetry:** θ → ±θ + const at h = 0, θ → −θ with a field. θ → θ + π is the reversal of all vectors.

**Exact limits.** On a tree at h = 0, the open chain among them, ⟨cos(θ_i − θ_j)⟩ = (I_1(K)/I_0(K))^r at distance r; on
the ring of N sites ln Z/N → N⁻¹ ln Σ_k I_k(K)^N in units of 2π. In two dimensions there is no order at any finite K
(Mermin & Wagner 1966), but vortices bind in pairs beyond K_KT (Berezinskii 1971; Kosterlitz & Thouless 1973): on the
square lattice K_KT = 1.1199(1) (Hasenbusch 2005). On the cubic one K_c = 0.45416474(10) (Hasenbusch 2019).

**Vortices.** The winding of a plaquette is the sum of the four differences along its edges, each brought to [−π, π),
divided by 2π: 0, +1 or −1 (but for a set of measure zero). "vortices" counts plaquettes of either sign, Σ|n|; on a
torus half of them are +1.

**Helicity modulus.** A twist α per bond along the first axis costs the free energy ½ Υ α² per site, and with
C = Σ cos Δ, S = Σ sin Δ over the bonds along that axis, Δ = θ(r + x̂) − θ(r),

    Υ / k_B T = (K ⟨C⟩ − K² ⟨S²⟩) / N,     Υ / J = (⟨C⟩ − K ⟨S²⟩) / N

(Teitel & Jayaprakash 1983), for a periodic axis at h = 0, where ⟨S⟩ = 0. In two dimensions, in the infinite lattice,
Υ / k_B T jumps at K_KT from 2/π to 0 (Nelson & Kosterlitz 1977). "helicity_cos" is C and "helicity_sin" is S.

**Operators for the RG:** those of `rgnet.operators` on the two components that `vectors` gives, which block layers
average or decimate; angles are no numbers to add.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import labels
from rgnet.lattice import Graph, check_boundary
from rgnet.models import _checks
from rgnet.models._checks import Place, finite
from rgnet.models._on_lattice import OnLattice
from rgnet.models.on import products_over_bonds, staggered, watched

Array = npt.NDArray[Any]


@dataclass(frozen=True, init=False)
class XY(OnLattice):
    """XY model: a shape, reduced couplings and boundaries.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
        Sides of the lattice, or the graph that takes its place.
    K : float
        Reduced nearest-neighbour coupling J/(k_B T), of either sign. Give ``T=`` instead for K = 1/T.
    h : float
        Reduced field along θ = 0.
    boundary : "periodic", "free", or one of them for each side
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If both or neither of K and T are given, a coupling is not a finite number, or the lattice is impossible.
    """

    shape: tuple[int, ...]
    K: float
    h: float
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: Place,
        K: float | None = None,
        h: float = 0.0,
        boundary: str | Sequence[str] = "periodic",
        *,
        T: float | None = None,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        sides, names, kind = _checks.place(shape, boundary, lattice)
        values = (sides, _checks.coupling_or_temperature(K, T), finite("h", h), names, kind)
        _checks.moderate(T, K=values[1], h=values[2])
        for name, value in zip(("shape", "K", "h", "boundary", "lattice"), values, strict=True):
            object.__setattr__(self, name, value)

    @property
    def dtype(self) -> type[np.float64]:
        """Angles are float64."""
        return np.float64

    @property
    def T(self) -> float:
        """Temperature 1/K in units of J/k_B."""
        return math.inf if self.K == 0 else 1.0 / self.K

    @property
    def is_symmetric(self) -> bool:
        """Whether θ → θ + π, the reversal of all vectors, leaves the energy unchanged."""
        return self.h == 0

    @property
    def attributes(self) -> Mapping[str, str]:
        """``values = "angles"``."""
        return {"values": "angles"}

    def check(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """``x`` as float64, if it holds finite angles on this lattice, (..., *shape).

        Raises
        ------
        ValueError
            If it does not.
        """
        x = np.asarray(_checks.check_values(x, self.shape), dtype=np.float64)
        if not np.isfinite(x).all():
            raise ValueError("configurations with angles that are no finite numbers: give radians")
        return x

    def energy(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """H(x) of each configuration: angles of shape (..., *shape), result of shape (...).

        Raises
        ------
        ValueError
            If x is of another shape or not finite.
        """
        x = self.check(x)
        along = np.cos(x).sum(axis=tuple(range(-self.ndim, 0))) if self.h else 0.0
        return np.asarray(-(self.K * self.conjugate(x) + self.h * along) + 0.0)

    def conjugate(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Σ_<ij> cos(θ_i − θ_j), conjugate to K: x of shape (..., *shape), result of shape (...)."""
        return products_over_bonds(self.order_field(x), self.geometry)

    @property
    def order_components(self) -> int:
        """2: cos θ and sin θ."""
        return 2

    def order_field(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(cos θ, sin θ), of shape (..., 2, *shape)."""
        x = np.asarray(x, dtype=np.float64)
        return np.stack([np.cos(x), np.sin(x)], axis=-self.ndim - 1)

    def start(self, chain: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Starting configuration of a chain, (*shape): aligned for even chains, random for odd ones.

        Aligned along the field; staggered if K < 0.
        """
        if chain % 2:
            return rng.uniform(-math.pi, math.pi, size=self.shape)
        along = staggered(self.geometry) if self.K < 0 else np.full(self.shape, math.copysign(1.0, self.h))
        return np.where(along > 0, 0.0, -math.pi)

    def observe(self, x: npt.NDArray[np.float64]) -> Mapping[str, Array]:
        """``magnetization`` = Σ (cos θ, sin θ), (..., 2); on hypercubic lattices also what the module explains.

        ``helicity_cos`` and ``helicity_sin``, and from two dimensions on ``vortices`` = Σ|n| over all plaquettes.
        """
        space = tuple(range(-self.ndim, 0))
        found: dict[str, Array] = {"magnetization": self.order_field(x).sum(axis=space)}
        if self.lattice == "hypercubic":
            if self.ndim > 1:
                planes = vortices(x, self.boundary)
                found["vortices"] = np.abs(planes).sum(
                    axis=tuple(range(np.ndim(x) - self.ndim, planes.ndim)), dtype=int
                )
            along = _step(np.asarray(x), 0, self.boundary)
            if self.boundary[0] == "free":
                along = np.delete(along, -1, axis=-self.ndim)
            found |= {"helicity_cos": np.cos(along).sum(axis=space), "helicity_sin": np.sin(along).sum(axis=space)}
        return found

    def watch(self, x: npt.NDArray[np.float64]) -> Mapping[str, npt.NDArray[np.float64]]:
        """|Σ s|, or Σ cos θ where there is a field, and |Σ ±s| of the staggered order for K < 0."""
        return watched(self.order_field(x), self)

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        return {"name": "XY", "K": self.K, "h": self.h, **_checks.geometry_dict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "XY":
        """The inverse of `to_dict`."""
        return cls(**_checks.geometry_from(data), K=data["K"], h=data["h"])


def vectors(x: Any) -> Any:
    """Angles as unit vectors (cos θ, sin θ), numbers that layers and operators can act on.

    Parameters
    ----------
    x : array (..., *shape) of angles, or Dataset with ``spin(…, *space)`` of angles

    Returns
    -------
    array (2, ..., *shape), or Dataset with ``spin(…, component, *space)``
        An array gets its component axis first, since it does not say which axes are space. A Dataset keeps its
        attributes and other variables, and gets ``values = "vectors"``.

    Raises
    ------
    ValueError
        If the Dataset does not hold angles.
    """
    if hasattr(x, "data_vars"):
        if x.attrs.get("values") != "angles":
            raise ValueError(
                f"a Dataset of {x.attrs.get('values', 'spins')!r}: vectors takes angles, as rgnet.sample returns them "
                f"for XY"
            )
        space = _space(x)
        batch = [str(name) for name in x["spin"].dims if name not in space]
        both = np.stack([np.cos(x["spin"].values), np.sin(x["spin"].values)], axis=len(batch))
        return x.assign(spin=((*batch, "component", *space), both)).assign_attrs(values="vectors")
    x = np.asarray(x, dtype=np.float64)
    return np.stack([np.cos(x), np.sin(x)])


def from_vectors(x: Any) -> Any:
    """The inverse of `vectors`: angles in [−π, π) of vectors of two components, whatever their length.

    Parameters
    ----------
    x : array (2, ..., *shape), or Dataset with ``spin(…, component, *space)``

    Returns
    -------
    array (..., *shape), or Dataset with ``spin(…, *space)`` and ``values = "angles"``

    Raises
    ------
    ValueError
        If there are not two components.
    """
    if hasattr(x, "data_vars"):
        if "spin" not in x or x["spin"].sizes.get("component") != 2:
            raise ValueError("a Dataset without spin(…, component, …) of two components: these are no plane vectors")
        rest = [name for name in x["spin"].dims if name != "component"]
        spins = from_vectors(x["spin"].transpose("component", *rest).values)
        dropped = x.drop_vars("spin").drop_dims("component", errors="ignore")
        return dropped.assign(spin=(rest, spins)).assign_attrs(values="angles")
    x = np.asarray(x, dtype=np.float64)
    if x.ndim < 2 or x.shape[0] != 2:
        raise ValueError(f"vectors of shape {x.shape}: give (2, ..., *shape), the component axis first")
    return wrapped(np.arctan2(x[1], x[0]))


def vortices(x: Any, boundary: str | Sequence[str] | None = None) -> npt.NDArray[np.int8]:
    """Winding number of every plaquette.

    Parameters
    ----------
    x : array (..., *shape) of angles, or Dataset with ``spin(…, *space)`` of angles
    boundary : "periodic", "free", or one of them for each side
        Of an array, whose last axes are as many as there are names (two where it is one name or none, periodic).

    Returns
    -------
    int8 array (..., *shape) in two dimensions, (..., planes, *shape) beyond
        Of the plaquette whose corner of smallest coordinates is the site, in the planes (x, y), (x, z), (y, z), …;
        0 where it would reach beyond a free boundary. In a plane (a, b) positive windings turn from axis a to axis b.

    Raises
    ------
    ValueError
        If there are fewer than two space dimensions, or a Dataset does not hold angles.
    """
    if hasattr(x, "data_vars"):
        if x.attrs.get("values") != "angles":
            raise ValueError(f"a Dataset of {x.attrs.get('values', 'spins')!r}: vortices are defined of angles")
        space = _space(x)
        names = json.loads(x.attrs["boundary"]) if "boundary" in x.attrs else ["periodic"] * len(space)
        batch = [str(name) for name in x["spin"].dims if name not in space]
        return vortices(x["spin"].transpose(*batch, *space).values, names)
    x = np.asarray(x, dtype=np.float64)
    given = boundary or "periodic"
    ndim = 2 if isinstance(given, str) else len(given)
    if ndim < 2 or x.ndim < ndim:
        raise ValueError(f"configurations of shape {x.shape}, boundary {given!r}: plaquettes need two dimensions")
    sides = check_boundary(given, x.shape[x.ndim - ndim :])
    turns = [np.rint(_step(x, axis, sides, wrap=False) / (2 * math.pi)).astype(np.int8) for axis in range(ndim)]
    planes = []
    for a in range(ndim):
        for b in range(a + 1, ndim):
            # The differences themselves add up to zero, and leave the whole turns that were taken off them.
            winding = turns[b] + np.roll(turns[a], -1, axis=b - ndim) - np.roll(turns[b], -1, axis=a - ndim) - turns[a]
            for axis in (a, b):
                if sides[axis] == "free":
                    np.moveaxis(winding, axis - ndim, 0)[-1] = 0
            planes.append(winding)
    return planes[0] if ndim == 2 else np.stack(planes, axis=-ndim - 1)


def wrapped(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Angles brought to [−π, π)."""
    x = np.asarray(x, dtype=np.float64)
    x = x - 2 * math.pi * np.floor((x + math.pi) / (2 * math.pi))
    return np.where(x >= math.pi, -math.pi, x)


def _step(x: Array, axis: int, boundary: Sequence[str], wrap: bool = True) -> Array:
    """θ(r + axis) − θ(r), brought to [−π, π) if asked for."""
    change = np.roll(x, -1, axis=axis - len(boundary)) - x
    return wrapped(change) if wrap else change


def _space(data: Any) -> tuple[str, ...]:
    if "spin" not in data:
        raise ValueError("a Dataset without a variable 'spin': give one as rgnet.sample returns it")
    return tuple(str(name) for name in data["spin"].dims if name not in labels.BATCH_DIMS)
