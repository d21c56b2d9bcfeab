"""The spin glass of Edwards and Anderson: Ising spins with a coupling of its own for every bond.

    p(s) ∝ exp( K Σ_<ij> J_ij s_i s_j + h Σ_i s_i ),   s_i = ±1,

on any lattice, J_ij in the order of `rgnet.lattice.bonds`; K reduced (β inside). J is drawn once, "±J" (+1 with
probability p, else −1) or "gaussian" (mean 0, variance 1), from ``seed``, or given.

**Symmetry:** s → −s for h = 0; for every sample the gauge s_i → ε_i s_i, J_ij → ε_i ε_j J_ij with any ε = ±1.

**Exact limits.** On a tree, a free chain among them, Z = 2^N Π cosh(K J_ij) for h = 0. On Nishimori's line,
e^{2K} = p/(1 − p) for ±J, the energy averaged over samples is −B K tanh K on every lattice, B the number of bonds
(Nishimori 1981). Ground states of small samples: `rgnet.exact.enumerate.ground_states`, and of lattices up to 12 wide
`rgnet.exact.transfer_glass`. Known for large ones, energy a site over J: square ±J −1.4019, Gaussian −1.3148 (Campbell,
Hartmann & Katzgraber 2004), with no transition above T = 0; cubic ±J T_c = 1.102(3) (Baity-Jesi et al. 2013).

**Operators for the RG:** Ising's; per sample the bonds Σ J_ij s_i s_j (`SpinGlass.conjugate`), and for two replicas
the overlap field q_i = s_i s_i'. Source: Edwards & Anderson (1975); Toulouse (1977).
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.lattice import Graph
from rgnet.models import _checks
from rgnet.models._on_lattice import OnLattice

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

KINDS = {"±J": "±J", "pm": "±J", "gaussian": "gaussian"}
_STREAM = (0x4A, 0)  # the spawn key of the stream of couplings; chains have keys of one number
_CHUNK = 1 << 22


@dataclass(frozen=True, init=False)
class SpinGlass(OnLattice):
    """Spin glass: a shape, the couplings of the bonds, and boundaries.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
    K : float
        Reduced coupling that multiplies every J_ij. Give ``T=`` instead for K = 1/T.
    J : "±J" (or "pm"), "gaussian", or array_like of shape (B,)
        Law of the couplings, or the couplings themselves, in the order of ``rgnet.lattice.bonds(model.geometry)``.
    h : float
        Reduced field.
    boundary : "periodic", "free", or one of them for each side
    p : float
        Probability of +1 for "±J".
    seed : int
        Of the couplings' own stream.
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If J is no known law, has not one finite number for each bond, p is no probability, a coupling is not finite,
        not one of K and T is given, or the lattice is impossible.
    """

    shape: tuple[int, ...]
    K: float
    J: str | tuple[float, ...]
    h: float
    p: float
    seed: int
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: int | Sequence[int] | Graph,
        K: float | None = None,
        J: str | npt.ArrayLike = "±J",
        h: float = 0.0,
        boundary: str | Sequence[str] = "periodic",
        *,
        T: float | None = None,
        p: float = 0.5,
        seed: int = 0,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        set_ = object.__setattr__
        for name, value in zip(("shape", "boundary", "lattice"), _checks.place(shape, boundary, lattice), strict=True):
            set_(self, name, value)
        set_(self, "K", _checks.coupling_or_temperature(K, T))
        set_(self, "h", _checks.finite("h", h))
        if not 0 <= _checks.finite("p", p) <= 1:
            raise ValueError(f"p={p!r}: the probability of a coupling +1 is a number from 0 to 1")
        set_(self, "p", float(p))
        set_(self, "seed", _checks.whole("seed", seed, 0, 2**63 - 1))
        set_(self, "J", _checked_J(J, len(_bonds(self))))

    @property
    def T(self) -> float:
        """Temperature 1/K in units of J/k_B."""
        return float("inf") if self.K == 0 else 1.0 / self.K

    @property
    def dtype(self) -> Any:
        """Of configurations: int8."""
        return np.int8

    @property
    def attributes(self) -> Mapping[str, str]:
        """What a Dataset says of its configurations: nothing, they are spins."""
        return {}

    @property
    def states(self) -> tuple[int, ...]:
        """What a site can be."""
        return (-1, 1)

    @property
    def is_symmetric(self) -> bool:
        """Whether s → −s leaves the energy unchanged."""
        return self.h == 0

    @functools.cached_property
    def disorder(self) -> Floats:
        """J_ij of every bond, (B,), read-only."""
        number = len(_bonds(self))
        if isinstance(self.J, str):
            rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=_STREAM))
            drawn = rng.standard_normal(number) if self.J == "gaussian" else _signs(rng, number, self.p)
        else:
            drawn = np.array(self.J, dtype=np.float64)
        drawn.flags.writeable = False
        return drawn

    def bond_couplings(self) -> Floats:
        """K J_ij of every bond, (B,), in the order of ``rgnet.lattice.bonds``."""
        return self.K * self.disorder

    def conjugate(self, x: npt.ArrayLike) -> Floats:
        """Σ J_ij s_i s_j, (...), of configurations (..., *shape), values ±1.

        Raises
        ------
        ValueError
            If x is of another shape or has other values.
        """
        x = np.asarray(_checks.check_values(x, self.shape))
        if not ((x == 1) | (x == -1)).all():
            raise ValueError("configurations have values other than ±1; recode them, such as 2*x - 1 for x = 0, 1")
        pairs, J = _bonds(self), self.disorder
        flat = x.reshape(-1, self.n_sites)
        total = np.empty(len(flat))
        step = max(1, _CHUNK // max(1, len(pairs)))
        for begin in range(0, len(flat), step):
            part = flat[begin : begin + step]
            # Contiguous and no matrix product: a row's sum does not depend on how many rows there are
            terms = np.ascontiguousarray((part[:, pairs[:, 0]] * part[:, pairs[:, 1]]) * J)
            total[begin : begin + step] = terms.sum(axis=1)
        return total.reshape(x.shape[: x.ndim - self.ndim])

    def energy(self, x: npt.ArrayLike) -> Floats:
        """H(x), total and dimensionless, (...), of configurations (..., *shape). Errors as `conjugate`."""
        total = self.K * self.conjugate(x)
        if self.h:
            total = total + self.h * np.asarray(x).sum(axis=tuple(range(-self.ndim, 0)), dtype=np.int64)
        return np.asarray(0.0 - total, dtype=np.float64)

    def order_field(self, x: npt.ArrayLike) -> Array:
        """The spins, (..., 1, *shape)."""
        return np.expand_dims(np.asarray(x), -self.ndim - 1)

    def observe(self, x: npt.NDArray[np.int8]) -> Mapping[str, npt.NDArray[np.int64]]:
        """``magnetization`` = Σ s."""
        return {"magnetization": np.asarray(x).sum(axis=tuple(range(-self.ndim, 0)), dtype=np.int64)}

    def watch(self, x: npt.NDArray[np.int8]) -> Mapping[str, Floats]:
        """|Σ s|, or Σ s in a field; the energy is watched beside it."""
        total = self.observe(x)["magnetization"].astype(np.float64)
        return {"magnetization": np.abs(total) if self.is_symmetric else total}

    def start(self, chain: int, rng: np.random.Generator) -> npt.NDArray[np.int8]:
        """Starting configuration of a chain: all spins along the field for even ones, random for odd ones."""
        if chain % 2 == 0:
            return np.full(self.shape, -1 if self.h < 0 else 1, dtype=np.int8)
        return np.asarray(2 * rng.integers(0, 2, size=self.shape, dtype=np.int8) - 1, dtype=np.int8)

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        data = {"name": "SpinGlass", **_checks.geometry_dict(self), "K": self.K, "h": self.h}
        if isinstance(self.J, str):
            return {**data, "J": self.J, "p": self.p, "seed": self.seed}
        return {**data, "J": list(self.J)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "SpinGlass":
        """The inverse of `to_dict`."""
        drawn = {name: data[name] for name in ("p", "seed") if name in data}
        return cls(**_checks.geometry_from(data), K=data["K"], J=data["J"], h=data["h"], **drawn)


def _bonds(model: SpinGlass) -> npt.NDArray[np.int32]:
    return lattice.bonds(model.geometry)


def _signs(rng: np.random.Generator, number: int, p: float) -> Floats:
    return np.where(rng.random(number) < p, 1.0, -1.0)


def _checked_J(J: str | npt.ArrayLike, number: int) -> str | tuple[float, ...]:
    if isinstance(J, str):
        if J not in KINDS:
            raise ValueError(f"J={J!r}: give '±J' (or 'pm'), 'gaussian', or an array of one coupling for each bond")
        return KINDS[J]
    array = _checks.reals("J", J, "give '±J', 'gaussian', or an array of one real coupling for each bond")
    if array.shape != (number,):
        raise ValueError(
            f"J of shape {array.shape}: this lattice has {number} bonds, give one coupling for each, in the order of "
            f"rgnet.lattice.bonds(model.geometry)"
        )
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise ValueError(f"J[{bad[0]}]={array[bad[0]]}: a coupling is a finite real number")
    return tuple(array.tolist())
