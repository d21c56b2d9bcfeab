"""The Ising model and its generalisations by operator.

    p(s) ∝ exp( K Σ_<ij> s_i s_j + h Σ_i s_i + Σ_a g_a S_a(s) ),   s_i = ±1,

on a hypercubic lattice of any dimension and shape, periodic or free; K of either sign; S_a any operator of
`rgnet.operators`. H(s) = −ln p + const is total and dimensionless (β is inside K).
Symmetry: s → −s when h and all odd couplings vanish. Exact limits: `rgnet.exact.chain1d`, `rgnet.exact.ising2d`,
`rgnet.exact.enumerate`. Source: Ising (1925); Onsager (1944).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet import operators as ops
from rgnet.operators import Operator


@dataclass(frozen=True, init=False)
class Ising:
    """Ising model: a shape, reduced couplings and boundaries.

    Parameters
    ----------
    shape : int or tuple of int
        Sides of the lattice.
    K : float
        Reduced nearest-neighbour coupling J/(k_B T), of either sign. Give ``T=`` instead for K = 1/T.
    h : float
        Reduced field.
    couplings : mapping of operator name or Operator to float
        Further couplings g_a, such as ``{"nnn": 0.1}``.
    boundary : "periodic", "free", or one of them for each side

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

    def __init__(
        self,
        shape: int | Sequence[int],
        K: float | None = None,
        h: float = 0.0,
        couplings: Mapping[str, float] | Mapping[Operator, float] | Sequence[tuple[Operator, float]] = (),
        boundary: str | Sequence[str] = "periodic",
        *,
        T: float | None = None,
    ) -> None:
        sides = lattice.check_shape(shape)
        if (K is None) == (T is None):
            raise ValueError(f"K={K!r}, T={T!r}: give the coupling K or the temperature T = 1/K, one of the two")
        if T is not None:
            if _finite("T", T) == 0:
                raise ValueError("T=0: the reduced coupling K = 1/T would be infinite; give a temperature other than 0")
            K = 1.0 / float(T)
        pairs: Any = couplings.items() if isinstance(couplings, Mapping) else couplings
        if not isinstance(couplings, Mapping) and not (
            isinstance(couplings, Sequence) and all(isinstance(pair, Sequence) and len(pair) == 2 for pair in couplings)
        ):
            raise ValueError(f"couplings={couplings!r}: give a mapping of operators to numbers, such as {{'nnn': 0.1}}")
        values: dict[str | Operator, float] = dict(pairs)
        further = ops.resolve(list(values), len(sides)) if values else ()
        own = {ops.named("nn", len(sides)).terms: "K", ops.named("m", len(sides)).terms: "h"}
        for item in further:
            if item.terms in own:
                raise ValueError(f"couplings={{{item.name!r}: …}}: give it as {own[item.terms]}=")
            if any(len(set(term)) < len(term) for term in item.terms):
                raise ValueError(
                    f"couplings={{{item.name!r}: …}}: powers of a spin ±1 are constants or the spin itself"
                )
        set_ = object.__setattr__
        set_(self, "shape", sides)
        set_(self, "K", _finite("K", K))
        set_(self, "h", _finite("h", h))
        set_(
            self,
            "couplings",
            tuple((o, _finite(f"couplings[{o.name!r}]", v)) for o, v in zip(further, values.values(), strict=True)),
        )
        set_(self, "boundary", lattice.check_boundary(boundary, sides))

    @property
    def T(self) -> float:
        """Temperature 1/K in units of J/k_B."""
        return math.inf if self.K == 0 else 1.0 / self.K

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def n_sites(self) -> int:
        """Number of spins."""
        return math.prod(self.shape)

    @property
    def terms(self) -> tuple[tuple[Operator, float], ...]:
        """Every operator with its coupling, nearest neighbours and field first: H = −Σ_a g_a S_a."""
        return ((ops.named("nn", self.ndim), self.K), (ops.named("m", self.ndim), self.h), *self.couplings)

    @property
    def is_symmetric(self) -> bool:
        """Whether s → −s leaves the energy unchanged."""
        return all(value == 0 or item.parity == "even" for item, value in self.terms)

    def energy(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """H(x) of each configuration: x of shape (..., *shape) with values ±1, result of shape (...).

        Raises
        ------
        ValueError
            If x is of another shape or has other values.
        """
        active = [(item, value) for item, value in self.terms if value != 0]
        x = np.asarray(x)
        if x.shape[max(0, x.ndim - self.ndim) :] != self.shape:
            raise ValueError(
                f"configurations of shape {x.shape}: this model's lattice is {self.shape}, give (..., *shape)"
            )
        if not ((x == 1) | (x == -1)).all():
            raise ValueError("configurations have values other than ±1; recode them, such as 2*x - 1 for x = 0, 1")
        if not active:
            return np.zeros(x.shape[: x.ndim - self.ndim])
        sums = ops.sums(x, [item for item, _ in active], self.boundary)
        return np.asarray(-(sums * np.array([value for _, value in active])).sum(axis=-1), dtype=np.float64)

    @property
    def outside(self) -> int:
        """What stands for a spin beyond a free boundary: 0."""
        return 0

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
        return np.asarray(1 - 2 * (np.indices(self.shape).sum(axis=0) % 2), dtype=np.int8)

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        data: dict[str, Any] = {"name": "Ising", "shape": list(self.shape), "K": self.K, "h": self.h}
        data["boundary"] = list(self.boundary)
        if self.couplings:
            data["couplings"] = [{**item.to_dict(), "value": value} for item, value in self.couplings]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Ising":
        """The inverse of `to_dict`."""
        further = {ops.from_dict(item): float(item["value"]) for item in data.get("couplings", ())}
        return cls(data["shape"], K=data["K"], h=data["h"], couplings=further, boundary=data["boundary"])


def _finite(name: str, value: object) -> float:
    rule = "a coupling is a finite real number"
    if isinstance(value, (bool, str)) or value is None:
        raise ValueError(f"{name}={value!r}: {rule}")
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}={value!r}: {rule}") from error
    if not math.isfinite(number):
        raise ValueError(f"{name}={number}: {rule}; for a limit, use a large value")
    return number
