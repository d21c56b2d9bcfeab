"""The Ising model and its generalisations by operator.

    p(s) ∝ exp( K Σ_<ij> s_i s_j + h Σ_i s_i + Σ_a g_a S_a(s) ),   s_i = ±1,

on a hypercubic lattice of any dimension and shape, periodic or free, on the triangular lattice, or on a graph; K of
either sign; S_a any operator of `rgnet.operators` (not on graphs, which have no translations). H(s) = −ln p + const is
total and dimensionless (β is inside K).

Symmetry: s → −s when h and all odd couplings vanish; at h = 0 on bipartite lattices also K → −K with the spins of one
half reversed. Exact limits: `rgnet.exact.chain1d`, `rgnet.exact.ising2d`, `rgnet.exact.enumerate`; critical at
K_c = ½ ln(1 + √2) on the square lattice (Kramers & Wannier 1941), ¼ ln 3 on the triangular one (Houtappel 1950).
Operators for the RG: all of `rgnet.operators`. Source: Ising (1925); Onsager (1944).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import operators as ops
from rgnet.lattice import Graph, bonds, coloring
from rgnet.models import _checks
from rgnet.models._checks import Place, finite
from rgnet.models._on_lattice import OnLattice
from rgnet.operators import Operator

_TRIANGULAR = Operator(
    "nn", tuple(ops.operator("", ((0, 0), v), symmetrize=False).terms[0] for v in ((1, 0), (0, 1), (1, -1)))
)


@dataclass(frozen=True, init=False)
class Ising(OnLattice):
    """Ising model: a shape, reduced couplings and boundaries.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
        Sides of the lattice, or the graph that takes its place.
    K : float
        Reduced nearest-neighbour coupling J/(k_B T), of either sign. Give ``T=`` instead for K = 1/T.
    h : float
        Reduced field.
    couplings : mapping of operator name or Operator to float
        Further couplings g_a, such as ``{"nnn": 0.1}``. One of an operator that has some of the bonds of K, such as
        those along one axis, adds to K there.
    boundary : "periodic", "free", or one of them for each side
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If both or neither of K and T are given, a coupling is not a finite number, or the shape is impossible.
    """

    shape: tuple[int, ...]
    K: float
    h: float
    couplings: tuple[tuple[Operator, float], ...]
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: Place,
        K: float | None = None,
        h: float = 0.0,
        couplings: Mapping[str, float] | Mapping[Operator, float] | Sequence[tuple[Operator, float]] = (),
        boundary: str | Sequence[str] = "periodic",
        *,
        T: float | None = None,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        sides, names, kind = _checks.place(shape, boundary, lattice)
        coupling, field = _checks.coupling_or_temperature(K, T), finite("h", h)
        pairs: Any = couplings.items() if isinstance(couplings, Mapping) else couplings
        if not isinstance(couplings, Mapping) and not (
            isinstance(couplings, Sequence) and all(isinstance(pair, Sequence) and len(pair) == 2 for pair in couplings)
        ):
            raise ValueError(f"couplings={couplings!r}: give a mapping of operators to numbers, such as {{'nnn': 0.1}}")
        values: dict[str | Operator, float] = dict(pairs)
        if values and isinstance(kind, Graph):
            raise ValueError(f"couplings={couplings!r}: operators are made of translations, and a graph has none")
        if kind == "triangular" and any(isinstance(name, str) for name in values):
            raise ValueError(
                f"couplings={couplings!r}: names mean operators of hypercubic lattices; on the triangular one give "
                f"rgnet.operators.operator(name, offsets, symmetrize=False)"
            )
        further = ops.resolve(list(values), len(sides)) if values else ()
        nearest = _TRIANGULAR if kind == "triangular" else ops.named("nn", len(sides))
        own = {frozenset(nearest.terms): "K", frozenset(ops.named("m", len(sides)).terms): "h"}
        if len(values) < len(pairs):
            raise ValueError(f"couplings={couplings!r}: an operator is given twice; give each once")
        for item in further:
            if frozenset(item.terms) in own:
                raise ValueError(f"couplings={{{item.name!r}: …}}: give it as {own[frozenset(item.terms)]}=")
            if any(len(set(term)) < len(term) for term in item.terms):
                raise ValueError(
                    f"couplings={{{item.name!r}: …}}: powers of a spin ±1 are constants or the spin itself"
                )
        set_ = object.__setattr__
        set_(self, "shape", sides)
        set_(self, "K", coupling)
        set_(self, "h", field)
        set_(
            self,
            "couplings",
            tuple((o, finite(f"couplings[{o.name!r}]", v)) for o, v in zip(further, values.values(), strict=True)),
        )
        set_(self, "boundary", names)
        set_(self, "lattice", kind)

    @property
    def dtype(self) -> type[np.int8]:
        """Spins are int8."""
        return np.int8

    @property
    def T(self) -> float:
        """Temperature 1/K in units of J/k_B."""
        return math.inf if self.K == 0 else 1.0 / self.K

    @property
    def terms(self) -> tuple[tuple[Operator, float], ...]:
        """Every operator with its coupling, nearest neighbours and field first: H = −Σ_a g_a S_a.

        Raises
        ------
        ValueError
            On a graph, which has no operators made of translations.
        """
        if isinstance(self.lattice, Graph):
            raise ValueError(f"{self.lattice!r} has no translations, so that no operators describe its bonds")
        nearest = _TRIANGULAR if self.lattice == "triangular" else ops.named("nn", self.ndim)
        return ((nearest, self.K), (ops.named("m", self.ndim), self.h), *self.couplings)

    @property
    def is_symmetric(self) -> bool:
        """Whether s → −s leaves the energy unchanged."""
        return self.h == 0 and all(value == 0 or item.parity == "even" for item, value in self.couplings)

    def energy(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """H(x) of each configuration: x of shape (..., *shape) with values ±1, result of shape (...).

        Raises
        ------
        ValueError
            If x is of another shape or has other values.
        """
        x = self.check(x)
        if isinstance(self.lattice, Graph):
            magnetization = x.sum(axis=-1, dtype=np.int64)
            return np.asarray(-(self.K * self.conjugate(x) + self.h * magnetization) + 0.0, dtype=np.float64)
        active = [(item, value) for item, value in self.terms if value != 0]
        if not active:
            return np.zeros(x.shape[: x.ndim - self.ndim])
        sums = ops.sums(x, [item for item, _ in active], self.boundary)
        return np.asarray(-(sums * np.array([value for _, value in active])).sum(axis=-1), dtype=np.float64)

    def check(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """``x`` as an array, if it holds spins ±1 on this lattice, (..., *shape).

        Raises
        ------
        ValueError
            If it does not.
        """
        found: npt.NDArray[Any] = _checks.check_values(x, self.shape)
        if not ((found == 1) | (found == -1)).all():
            raise ValueError("configurations have values other than ±1; recode them, such as 2*x - 1 for x = 0, 1")
        return found

    def conjugate(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Σ_<ij> s_i s_j, conjugate to K: x of shape (..., *shape), result of shape (...)."""
        x = np.asarray(x)
        if isinstance(self.lattice, Graph):
            pairs = bonds(self.geometry)
            rows = x.reshape(-1, self.n_sites)
            found = [(row[pairs[:, 0]] * row[pairs[:, 1]]).sum(dtype=np.int64) for row in rows]
            return np.array(found, dtype=np.int64).reshape(x.shape[:-1])
        return np.asarray(ops.sums(x, [self.terms[0][0]], self.boundary)[..., 0])

    def order_field(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """The spins, (..., 1, *shape), whose sum is the magnetisation."""
        return np.expand_dims(np.asarray(x), -self.ndim - 1)

    @property
    def attributes(self) -> Mapping[str, str]:
        """What a Dataset says of its configurations: nothing, they are spins."""
        return {}

    def start(self, chain: int, rng: np.random.Generator) -> npt.NDArray[np.int8]:
        """Starting configuration of a chain: ordered for even ones (staggered if K < 0), random for odd ones."""
        if chain % 2:
            spins = 2 * rng.integers(0, 2, size=self.n_sites, dtype=np.int8) - 1
            return np.asarray(spins, dtype=np.int8).reshape(self.shape)
        if self.K < 0:
            return self._staggered
        return np.full(self.shape, -1 if self.h < 0 else 1, dtype=np.int8)

    def observe(self, x: npt.NDArray[np.int8]) -> Mapping[str, npt.NDArray[np.int64]]:
        """``magnetization`` = Σ s."""
        return {"magnetization": x.sum(axis=tuple(range(-self.ndim, 0)), dtype=np.int64)}

    def watch(self, x: npt.NDArray[np.int8]) -> Mapping[str, npt.NDArray[np.float64]]:
        """|Σ s|, or Σ s where s → −s is no symmetry, and |Σ ±s| of the staggered order for K < 0."""
        space = tuple(range(-self.ndim, 0))
        magnetization = x.sum(axis=space, dtype=np.int64)
        watched = {"magnetization": np.abs(magnetization) if self.is_symmetric else magnetization}
        if self.K < 0:
            on_even_sites = x[..., self._staggered > 0].sum(axis=-1, dtype=np.int64)
            watched["staggered"] = np.abs(2 * on_even_sites - magnetization)
        return {name: values.astype(np.float64) for name, values in watched.items()}

    @property
    def _staggered(self) -> npt.NDArray[np.int8]:
        if self.lattice == "hypercubic":
            half = np.indices(self.shape).sum(axis=0) % 2
        else:
            half = coloring(self.geometry).reshape(self.shape) % 2
        return np.asarray(1 - 2 * half, dtype=np.int8)

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        place = _checks.geometry_dict(self)
        data = {"name": "Ising", "shape": place.pop("shape"), "K": self.K, "h": self.h, **place}
        if self.couplings:
            data["couplings"] = [{**item.to_dict(), "value": value} for item, value in self.couplings]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Ising":
        """The inverse of `to_dict`."""
        further = {ops.from_dict(item): float(item["value"]) for item in data.get("couplings", ())}
        return cls(**_checks.geometry_from(data), K=data["K"], h=data["h"], couplings=further)
