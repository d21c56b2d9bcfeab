"""What models of q states a site share: energies by tables of log-weights, order parameters by counts of the states.

    ln p(x) = strength Σ_<ij> unit[x_i, x_j] + Σ_i site[x_i] + const

Row a of the tables is the state of value ``first + a``. Everything linear in the states, such as a magnetisation, is
the number of sites in each state times a table.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.lattice import Graph
from rgnet.models import _checks
from rgnet.models._on_lattice import OnLattice

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

MOST_STATES = 127
_CHUNK = 1 << 22  # bonds looked up at a time


class States(OnLattice, ABC):
    """A model of q states a site. It is told by ``unit``, ``strength``, ``site`` and ``columns``."""

    shape: tuple[int, ...]
    boundary: tuple[str, ...]
    lattice: str | Graph
    first: int = 0
    values_are = "states"

    @property
    @abstractmethod
    def unit(self) -> Floats:
        """Table (q, q) of the sum over bonds that is conjugate to ``strength``."""

    @property
    @abstractmethod
    def strength(self) -> float:
        """What multiplies ``unit``."""

    @property
    @abstractmethod
    def log_site(self) -> Floats:
        """Log-weights (q,) of a site's states."""

    @property
    @abstractmethod
    def columns(self) -> Mapping[str, Array]:
        """What `observe` keeps: name -> what a site in each state adds, (q,) or (q, m); magnetization first."""

    @property
    def log_bond(self) -> Floats:
        """Log-weights (q, q) of a bond."""
        return self.strength * self.unit

    @property
    def states(self) -> tuple[int, ...]:
        """What a site can be, in the order of the tables' rows."""
        return tuple(range(self.first, self.first + len(self.log_site)))

    @property
    def T(self) -> float:
        """Temperature 1/K in units of the interaction over k_B; 1 where everything is in a table."""
        return math.inf if self.strength == 0 else 1.0 / self.strength

    @property
    def dtype(self) -> Any:
        """Of configurations: int8."""
        return np.int8

    @property
    def attributes(self) -> Mapping[str, str]:
        """What a Dataset says of its configurations."""
        return {"values": self.values_are}

    @property
    def is_symmetric(self) -> bool:
        """Whether exchanging states leaves the energy unchanged, so that the mean order parameter vanishes."""
        return bool((self.log_site == self.log_site[0]).all())

    def rows(self, x: npt.ArrayLike) -> npt.NDArray[np.int16]:
        """Rows of the tables, 0 … q−1, of configurations (..., *shape).

        Raises
        ------
        ValueError
            If x is of another shape or has other values.
        """
        x = np.asarray(_checks.check_values(x, self.shape))
        low, high = self.states[0], self.states[-1]
        if (
            x.dtype.kind not in "iufb"
            or not ((x >= low) & (x <= high)).all()
            or (x.dtype.kind == "f" and (x % 1).any())
        ):
            raise ValueError(f"configurations have values that are no states; give whole numbers {low} … {high}")
        return np.asarray(x, dtype=np.int16) - np.int16(low)

    def conjugate(self, x: npt.ArrayLike) -> Floats:
        """The sum over bonds conjugate to the coupling, (...), of configurations (..., *shape)."""
        rows = self.rows(x)
        batch = rows.shape[: rows.ndim - self.ndim]
        flat = rows.reshape(-1, self.n_sites)
        return pair_sums(flat, lattice.bonds(self.geometry), self.unit).reshape(batch)

    def energy(self, x: npt.ArrayLike) -> Floats:
        """H(x), total and dimensionless, (...), of configurations (..., *shape); inf where a constraint is broken.

        Raises
        ------
        ValueError
            If x is of another shape or has other values.
        """
        total = self.conjugate(x)
        if self.strength != 1.0:
            total = self.strength * total
        if self.log_site.any():
            total = total + self.counts(x) @ self.log_site
        return np.asarray(0.0 - total, dtype=np.float64)

    def counts(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Number of sites in each state, (..., q)."""
        rows = self.rows(x)
        space = tuple(range(-self.ndim, 0))
        return np.stack([(rows == a).sum(axis=space, dtype=np.int64) for a in range(len(self.log_site))], axis=-1)

    def order_field(self, x: npt.ArrayLike) -> Array:
        """Order parameter of each site, (..., m, *shape)."""
        table = next(iter(self.columns.values()))
        table = table.reshape(len(table), -1)
        return np.stack([table[:, k][self.rows(x)] for k in range(table.shape[1])], axis=-self.ndim - 1)

    def observe(self, x: npt.ArrayLike) -> Mapping[str, Array]:
        """``magnetization`` = Σ of the order parameter, (...) or (..., m), and what else a draw keeps."""
        counts = self.counts(x)
        return {name: np.asarray(counts @ table) for name, table in self.columns.items()}

    def watch(self, x: npt.ArrayLike) -> Mapping[str, Floats]:
        """|M| (its first component where no symmetry makes it vanish), where K < 0 of one sublattice too.

        The sublattice is the sites of even colour.
        """
        field = self.order_field(x)
        space = tuple(range(-self.ndim, 0))
        watched = {"magnetization": _length(field.sum(axis=space), self.is_symmetric)}
        if self.strength < 0:
            even = (lattice.coloring(self.geometry) % 2 == 0).reshape(self.shape)
            watched["staggered"] = _length((field * even).sum(axis=space), self.is_symmetric)
        return watched

    def start(self, chain: int, rng: np.random.Generator) -> npt.NDArray[np.int8]:
        """Starting configuration of a chain: ordered for even ones, random for odd ones; always a possible one.

        Ordered is the pattern of one state on even colours and one on odd colours that has the lowest energy.
        """
        pairs = lattice.bonds(self.geometry)
        rows = self._ordered(pairs) if chain % 2 == 0 else self._random(pairs, rng)
        return np.asarray(rows + self.first, dtype=np.int8).reshape(self.shape)

    def _ordered(self, pairs: Array) -> Array:
        odd = lattice.coloring(self.geometry) % 2
        kinds = odd[pairs].sum(axis=1)
        bond, site = self.log_bond, self.log_site
        inside = [_times(int((kinds == kind).sum()), bond.diagonal()) for kind in (0, 2)]
        across = _times(int((kinds == 1).sum()), bond)
        n_odd = int(odd.sum())
        total = across + ((odd.size - n_odd) * site + inside[0])[:, None] + n_odd * site + inside[1]
        best = np.argwhere(total >= total.max() - 1e-12 * abs(total.max()))
        even_state, odd_state = best[-1] if self.first < 0 else best[0]
        return np.asarray(np.where(odd == 1, odd_state, even_state))

    def _random(self, pairs: Array, rng: np.random.Generator) -> Array:
        bond = self.log_bond
        rows = rng.integers(0, len(bond), size=self.n_sites)
        if np.isinf(bond).any():
            broken = np.isinf(bond[rows[pairs[:, 0]], rows[pairs[:, 1]]])
            rows[pairs[broken].ravel()] = safe_states(bond)[0]
        return rows


def pair_sums(rows: Array, pairs: Array, table: Floats) -> Floats:
    """Σ over pairs of table[x_i, x_j], (n,), of rows (n, N)."""
    flat, q = table.ravel(), len(table)
    total = np.empty(len(rows))
    step = max(1, _CHUNK // max(1, len(pairs)))
    for begin in range(0, len(rows), step):
        part = rows[begin : begin + step]
        # Contiguous, so that a row's sum does not depend on how many rows there are
        index = np.ascontiguousarray(part[:, pairs[:, 0]] * np.int16(q) + part[:, pairs[:, 1]])
        total[begin : begin + step] = flat[index].sum(axis=1)
    return total


def safe_states(bond: Floats) -> npt.NDArray[np.intp]:
    """The states allowed next to every state."""
    return np.flatnonzero(np.isfinite(bond).all(axis=1))


def simplex(q: int) -> Floats:
    """q unit vectors (q, q−1) from the middle to the corners of a simplex; the first is (1, 0, …), their sum is 0."""
    vectors = np.zeros((q, q - 1))
    for k in range(q - 1):
        height = np.sqrt(1.0 - (vectors[k, :k] ** 2).sum())
        vectors[k, k] = height
        vectors[k + 1 :, k] = -height / (q - 1 - k)
    return vectors


def _times(number: int, table: Array) -> Array:
    """Number × table, where nothing forbids if there is nothing."""
    return number * table if number else np.zeros_like(table)


def _length(vector: Array, symmetric: bool) -> Floats:
    if symmetric:
        return np.asarray(np.sqrt((vector.astype(np.float64) ** 2).sum(axis=-1)))
    return vector[..., 0].astype(np.float64)
