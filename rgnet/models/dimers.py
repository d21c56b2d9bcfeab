"""Interacting dimers on the square lattice: every site is paired with one neighbour.

    p(x) ∝ exp(K N_∥(x)),   N_∥ = number of plaquettes whose two opposite bonds are both occupied,

over the coverings of the lattice by dimers; K = 1/T is the reduced aligning interaction (Alet, Jacobsen, Misguich,
Pasquier, Mila & Troyer 2005, v = −1), of either sign. H = −K N_∥. At K = 0 every covering is as likely as any other
(Kasteleyn 1961; Temperley & Fisher 1961); on the infinite lattice the dimers are critical up to K_c = 1/0.65(1), where
they freeze into columns by a Kosterlitz–Thouless transition.

**Configurations** are int8: the direction in which a site's dimer points, 0, 1, 2, 3 = +x, +y, −x, −y, where x is the
first space axis. Each dimer is so written twice, which tells the two bonds of a periodic side of length 2 apart.

**Links** are the same as spins: +1 on an occupied bond and −1 on an empty one, two components a site, the bonds
from it along +x and +y; beyond a free boundary they are empty.

**Field and heights.** With n_μ(r) = 0, 1 the occupation of the bond from r along μ,

    E_μ(r) = (−1)^{x+y} (n_μ(r) − 1/4)

has no divergence at any site with four bonds: E_x(r) − E_x(r − x̂) + E_y(r) − E_y(r − ŷ) = 0, since one bond in four is
occupied. So E is the lattice curl of a height on the plaquettes, E_x = Δ_y h, E_y = −Δ_x h (Blöte & Hilhorst 1982),
single-valued but for the winding: the flux F_μ = Σ E_μ through a section that cuts the bonds along μ is the same for
every section, whole for even sides, and changed by no local move. |F_x| ≤ L_y/2, and |F_x| + |F_y| = L/2 in the
staggered states, where no plaquette is flippable.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.models import _checks
from rgnet.models._dimer_fields import RULE, column_sums, columnar, directions, field, flux, heights

if TYPE_CHECKING:
    import xarray as xr

Array = npt.NDArray[Any]

DIRECTIONS = ("+x", "+y", "-x", "-y")
_SCRAMBLES = 64  # random flips of each plaquette with which odd chains start


@dataclass(frozen=True, init=False)
class Dimers:
    """Dimers that cover the square lattice, with an interaction of parallel neighbours.

    Parameters
    ----------
    shape : tuple of two ints
        Sides of the lattice; periodic sides are even. A periodic side of length 2 has two bonds between its sites.
    K : float
        Reduced interaction 1/T of two parallel dimers on a plaquette: K > 0 aligns. Give ``T=`` instead for K = 1/T.
    boundary : "periodic", "free", or one of them for each side

    Raises
    ------
    ValueError
        If the lattice has no covering or is not a square one, a periodic side is odd, not one of K and T is given, or
        K = 1/T or the energies would overflow.
    """

    shape: tuple[int, ...]
    K: float
    boundary: tuple[str, ...]

    def __init__(
        self,
        shape: Sequence[int],
        K: float | None = None,
        boundary: str | Sequence[str] = "periodic",
        *,
        T: float | None = None,
    ) -> None:
        sides = lattice.check_shape(shape)
        if len(sides) != 2:
            raise ValueError(f"shape={shape!r}: dimers live on the square lattice; give two sides, such as (64, 64)")
        names = lattice.check_boundary(boundary, sides)
        if math.prod(sides) % 2:
            raise ValueError(
                f"shape={sides}: {math.prod(sides)} sites are an odd number, and the two sublattices unequal, so that "
                f"dimers cannot cover them; give at least one even side"
            )
        if any(side % 2 and name == "periodic" for side, name in zip(sides, names, strict=True)):
            raise ValueError(
                f"shape={sides}: a periodic side of odd length joins sites of the same sublattice, and there is no "
                f"field or height; give even periodic sides, or boundary='free'"
            )
        coupling = _checks.coupling_or_temperature(K, T)
        if not math.isfinite(coupling * math.prod(sides)):
            given, less = (f"K={K!r}", "a smaller |K|, such as 1e9") if T is None else (f"T={T!r}", "a larger |T|")
            raise ValueError(f"{given}: energies −K N_∥ would overflow at K = {coupling:g}; use {less}")
        object.__setattr__(self, "shape", sides)
        object.__setattr__(self, "K", coupling)
        object.__setattr__(self, "boundary", names)

    @property
    def T(self) -> float:
        """Temperature 1/K in units of the interaction over k_B."""
        return math.inf if self.K == 0 else 1.0 / self.K

    @property
    def ndim(self) -> int:
        """Number of dimensions: 2."""
        return 2

    @property
    def n_sites(self) -> int:
        """Number of sites, two for each dimer."""
        return math.prod(self.shape)

    @property
    def geometry(self) -> lattice.Geometry:
        """The square lattice."""
        return lattice.Geometry(self.shape, self.boundary)

    @property
    def dtype(self) -> type[np.int8]:
        """Directions are int8."""
        return np.int8

    @property
    def components(self) -> int:
        """A site holds one direction."""
        return 1

    @property
    def is_symmetric(self) -> bool:
        """Whether x → −x leaves the energy unchanged: links are occupied one in four, so never."""
        return False

    @property
    def outside(self) -> int:
        """What stands for a site beyond a free boundary: no direction."""
        return -1

    @property
    def attributes(self) -> Mapping[str, str]:
        """``values = "directions"``, by which what needs spins can tell."""
        return {"values": "directions"}

    def check(self, x: npt.ArrayLike) -> npt.NDArray[np.int8]:
        """``x`` as int8, if it holds coverings of this lattice, of shape (..., *shape).

        Raises
        ------
        ValueError
            If it does not.
        """
        x = np.asarray(x)
        if x.shape[max(0, x.ndim - 2) :] != self.shape:
            raise ValueError(
                f"configurations of shape {x.shape}: this model's lattice is {self.shape}, give (..., *shape)"
            )
        fits = bool(((x == 0) | (x == 1) | (x == 2) | (x == 3)).all())
        for axis, name in enumerate(self.boundary):
            there, back = x == axis, np.roll(x, -1, axis=axis - 2) == axis + 2
            fits = fits and np.array_equal(there, back) and not (name == "free" and _last(there, axis).any())
        if not fits:
            raise ValueError(f"configurations that are no coverings by dimers: {RULE}; see also from_links")
        return x.astype(np.int8, copy=False)

    def energy(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """H(x) = −K N_∥(x) of each configuration: x of shape (..., *shape), result of shape (...).

        Raises
        ------
        ValueError
            If x is of another shape or no covering.
        """
        return np.asarray(-self.K * self.parallel(self.check(x)) + 0.0, dtype=np.float64)

    def conjugate(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """N_∥, conjugate to K."""
        return self.parallel(np.asarray(x))

    @property
    def order_components(self) -> int:
        """2, of columns along x and along y."""
        return 2

    def order_field(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """((−1)^x n_x, (−1)^y n_y) times 2, (..., 2, x, y): its sum is N long where the dimers stand in columns."""
        place = np.indices(self.shape)
        return np.asarray(2.0 * (1 - 2 * (place % 2)) * (links(np.asarray(x)) == 1))

    def parallel(self, x: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
        """N_∥, the number of plaquettes with two parallel dimers; x of shape (..., *shape)."""
        total = np.zeros(x.shape[:-2], dtype=np.int64)
        for axis in (0, 1):
            other = 1 - axis  # along which the two dimers of a pair are neighbours
            here = x == axis
            pairs = here & np.roll(here, -1, axis=other - 2)
            if self.boundary[other] == "free":
                _last(pairs, other)[...] = False
            total += pairs.sum(axis=(-2, -1), dtype=np.int64)
        return total

    def start(self, chain: int, rng: np.random.Generator) -> npt.NDArray[np.int8]:
        """Starting configuration of a chain, (*shape).

        Even chains start ordered: in columns along x and y in turn, or staggered if K < 0 and the boundaries allow it.
        Odd ones start from columns after many random flips of plaquettes, as at infinite temperature.
        """
        able = [axis for axis in (0, 1) if self.shape[axis] % 2 == 0]
        axis = able[chain // 2 % len(able)]
        place = np.indices(self.shape)
        staggered = self.K < 0 and chain % 2 == 0 and self.boundary[axis] == "periodic"
        if staggered and (self.shape[1 - axis] % 2 == 0 or self.boundary[1 - axis] == "free"):
            second = place.sum(axis=0) % 2
        else:
            second = place[axis] % 2
        x = (axis + 2 * second).astype(np.int8)
        return _scrambled(x, self.boundary, rng) if chain % 2 else x

    def observe(self, x: npt.NDArray[np.int8]) -> Mapping[str, npt.NDArray[np.int64]]:
        """``parallel`` = N_∥ and the winding ``flux_x``, ``flux_y`` (see `flux`)."""
        winding = flux(x)
        return {"parallel": self.parallel(x), "flux_x": winding[..., 0], "flux_y": winding[..., 1]}

    def watch(self, x: npt.NDArray[np.int8]) -> Mapping[str, npt.NDArray[np.float64]]:
        """``columnar`` = |Σ_r ((−1)^x n_x, (−1)^y n_y)|, the order parameter of columns, and ``flux`` = F²."""
        return {"columnar": np.hypot(*column_sums(x)), "flux": (flux(x) ** 2).sum(axis=-1).astype(np.float64)}

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        return {"name": "Dimers", "shape": list(self.shape), "K": self.K, "boundary": list(self.boundary)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Dimers":
        """The inverse of `to_dict`."""
        return cls(data["shape"], K=data["K"], boundary=data["boundary"])


def links(x: Any) -> Any:
    """Occupation of the bonds as spins, +1 occupied and −1 empty.

    Parameters
    ----------
    x : array (..., x, y) of directions, or Dataset with ``spin(…, x, y)`` of directions
        A configuration of `Dimers`.

    Returns
    -------
    int8 array (..., 2, x, y), or Dataset with ``spin(…, component, x, y)``
        Component 0 is the bond from a site along +x, 1 that along +y. A Dataset keeps its attributes and gets
        ``values = "links"``; other variables are kept.

    Raises
    ------
    ValueError
        If the values are no directions, or the Dataset has links already.
    """
    if hasattr(x, "data_vars"):
        return _converted(x, links, "links")
    x = directions(x)
    return np.stack([2 * (x == 0).astype(np.int8) - 1, 2 * (x == 1).astype(np.int8) - 1], axis=-3)


def from_links(occupied: Any) -> Any:
    """The inverse of `links`: directions of the dimers from the occupation of the bonds.

    Parameters
    ----------
    occupied : array (..., 2, x, y) of ±1, or Dataset with ``spin(…, component, x, y)``

    Returns
    -------
    int8 array (..., x, y), or Dataset with ``spin(…, x, y)``

    Raises
    ------
    ValueError
        If the values are not ±1, or a site has not exactly one dimer.
    """
    if hasattr(occupied, "data_vars"):
        return _converted(occupied, from_links, "directions")
    occupied = np.asarray(occupied)
    if occupied.ndim < 3 or occupied.shape[-3] != 2 or not ((occupied == 1) | (occupied == -1)).all():
        raise ValueError(f"links of shape {occupied.shape}: give (..., 2, x, y) of +1 (occupied) and −1 (empty)")
    along = [occupied[..., axis, :, :] == 1 for axis in (0, 1)]
    ends = np.stack([*along, *(np.roll(bonds, 1, axis=axis - 2) for axis, bonds in enumerate(along))])
    if not (ends.sum(axis=0) == 1).all():
        raise ValueError("links that leave a site without a dimer or with several: every site is covered exactly once")
    return ends.argmax(axis=0).astype(np.int8)


def _converted(data: "xr.Dataset", function: Any, values: str) -> "xr.Dataset":
    """A Dataset whose spins are given in the other way."""
    if data.attrs.get("values", "directions") == values or data.attrs.get("level", 0) != 0:
        raise ValueError(
            f"a Dataset of level {data.attrs.get('level', 0)} with {data.attrs.get('values', 'directions')}: "
            f"{function.__name__} takes what rgnet.sample returns for Dimers, and gives {values}"
        )
    if "spin" not in data or not {"x", "y"} <= set(data["spin"].dims):
        raise ValueError(f"a Dataset without spin(…, x, y): {function.__name__} takes what rgnet.sample returns")
    space = ("x", "y")
    batch = [str(name) for name in data["spin"].dims if name not in (*space, "component")]
    inner = ("component",) if "component" in data["spin"].dims else ()
    spins = function(data["spin"].transpose(*batch, *inner, *space).values)
    outer = ("component",) if values == "links" else ()
    rest = data.drop_vars("spin").drop_dims("component", errors="ignore")
    return rest.assign(spin=((*batch, *outer, *space), spins)).assign_attrs(values=values)


def _last(x: Array, axis: int) -> Array:
    """View of the last sites along a space axis."""
    return x[..., -1, :] if axis == 0 else x[..., -1]


def _scrambled(x: npt.NDArray[np.int8], boundary: Sequence[str], rng: np.random.Generator) -> npt.NDArray[np.int8]:
    """Flip every flippable plaquette with probability 1/2, again and again; those of one colour share no site."""
    spans = [side - (name == "free") for side, name in zip(x.shape, boundary, strict=True)]
    corners = np.indices(spans).reshape(2, -1)
    colours = [corners[:, (corners % 2 == np.array([[i], [j]])).all(axis=0)] for i in (0, 1) for j in (0, 1)]
    for _ in range(_SCRAMBLES):
        for i, j in colours:
            right, up = (i + 1) % x.shape[0], (j + 1) % x.shape[1]
            chosen = rng.random(i.size) < 0.5
            flat = chosen & (x[i, j] == 0) & (x[i, up] == 0)
            steep = chosen & (x[i, j] == 1) & (x[right, j] == 1)
            for which, values in ((flat, (1, 1, 3, 3)), (steep, (0, 2, 0, 2))):
                a, b, c, d = i[which], right[which], j[which], up[which]
                for place, value in zip(((a, c), (b, c), (a, d), (b, d)), values, strict=True):
                    x[place] = value
    return x


__all__ = ["DIRECTIONS", "Dimers", "columnar", "field", "flux", "from_links", "heights", "links"]
