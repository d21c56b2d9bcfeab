"""Any model of q states a site with nearest neighbours, by a table of log-weights.

    p(x) ∝ exp( Σ_<ij> bond[x_i, x_j] + Σ_i site[x_i] ),   x_i = 0 … q−1,

on any lattice. The table ``bond`` is symmetric; β is inside. Entries −∞ are hard constraints, such as two particles
that exclude each other: they are taken where some state is allowed next to every state (the vacancy of a lattice gas).
From every allowed configuration single-site moves then reach the one that has this state everywhere, and from there
every other, in two sweeps. Without such a state they may be stuck for ever, as in the colourings of a square lattice
by three colours, so those tables are refused.

Symmetry, exact limits and source are those of the table; `rgnet.exact.transfer` gives ln Z, energy and heat of small
tori exactly, `rgnet.exact.enumerate` everything of tiny ones. The order parameter is Σ ``values[x]``, or without
values that of the Potts model; H = −S − Σ site with S = Σ bond, the sum that `conjugate` gives. **Operators for the
RG:** those of `DiscreteModel.order_field`.

A hard-core lattice gas of activity z, and the model of Ashkin & Teller (1943) as four states of two spins s, t:

    rg.DiscreteModel((64, 64), bond=[[0, 0], [0, -math.inf]], site=[0, math.log(z)], values=[0, 1])
    s, t = np.array([1, 1, -1, -1]), np.array([1, -1, 1, -1])
    rg.DiscreteModel((64, 64), bond=K * (np.outer(s, s) + np.outer(t, t)) + K4 * np.outer(s * t, s * t))
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.lattice import Graph
from rgnet.models import _checks
from rgnet.models._states import MOST_STATES, Array, Floats, States, safe_states, simplex


@dataclass(frozen=True, init=False)
class DiscreteModel(States):
    """A model of q states a site: a shape, tables of log-weights and boundaries.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
    bond : array_like, shape (q, q)
        Log-weight of two neighbours, symmetric; −inf forbids them.
    site : array_like, shape (q,), or a number
        Log-weight of a site's states.
    values : array_like, shape (q,), optional
        What a state adds to the magnetisation. None: the q corners of a simplex, as in the Potts model.
    boundary : "periodic", "free", or one of them for each side
    lattice : "hypercubic" or "triangular"

    Raises
    ------
    ValueError
        If a table is no table, is not symmetric, holds NaN or +inf, or forbids so much that single-site moves could be
        stuck; or if the lattice is impossible.
    """

    shape: tuple[int, ...]
    bond: tuple[tuple[float, ...], ...]
    site: tuple[float, ...]
    values: tuple[float, ...] | None
    boundary: tuple[str, ...]
    lattice: str | Graph

    def __init__(
        self,
        shape: int | Sequence[int] | Graph,
        bond: npt.ArrayLike,
        site: npt.ArrayLike = 0.0,
        values: npt.ArrayLike | None = None,
        boundary: str | Sequence[str] = "periodic",
        *,
        lattice: str | Graph = "hypercubic",
    ) -> None:
        set_ = object.__setattr__
        for name, value in zip(("shape", "boundary", "lattice"), _checks.place(shape, boundary, lattice), strict=True):
            set_(self, name, value)
        table = _checked_bond(bond)
        weights = _checked_row("site", site, len(table))
        set_(self, "bond", tuple(tuple(row) for row in table.tolist()))
        set_(self, "site", tuple(weights.tolist()))
        numbers = None if values is None else tuple(_checked_row("values", values, len(table)).tolist())
        set_(self, "values", numbers)

    @property
    def q(self) -> int:
        """Number of states."""
        return len(self.site)

    @property
    def unit(self) -> Floats:
        """The table of bonds."""
        return np.array(self.bond)

    @property
    def strength(self) -> float:
        """1: everything is in the table."""
        return 1.0

    @property
    def log_site(self) -> Floats:
        """The table of sites."""
        return np.array(self.site)

    @property
    def columns(self) -> Mapping[str, Array]:
        """The values, or simplex vectors."""
        return {"magnetization": simplex(self.q) if self.values is None else np.array(self.values)}

    @property
    def is_symmetric(self) -> bool:
        """Whether exchanging states leaves the energy unchanged and the mean order parameter at zero.

        Asked is whether x → q − 1 − x does (with values: and reverses them), or, without values, x → x + 1.
        """
        bond, site = self.unit, self.log_site
        if self.values is None:
            return bool((np.roll(bond, (1, 1), axis=(0, 1)) == bond).all() and (np.roll(site, 1) == site).all())
        odd = all(a == -b for a, b in zip(self.values, reversed(self.values), strict=True))
        return bool(odd and (bond[::-1, ::-1] == bond).all() and (site[::-1] == site).all())

    @property
    def order_components(self) -> int:
        """1 with values, q − 1 without them."""
        return self.q - 1 if self.values is None else 1

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready; `rgnet.models.from_dict` reads it back."""
        data = {"name": "DiscreteModel", **_checks.geometry_dict(self)}
        data["bond"] = [[_plain(entry) for entry in row] for row in self.bond]
        data["site"] = list(self.site)
        return data if self.values is None else {**data, "values": list(self.values)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "DiscreteModel":
        """The inverse of `to_dict`."""
        bond = [[float(entry) for entry in row] for row in data["bond"]]
        return cls(**_checks.geometry_from(data), bond=bond, site=data["site"], values=data.get("values"))


def _plain(entry: float) -> float | str:
    return entry if math.isfinite(entry) else "-inf"  # JSON knows no infinity


def _numbers(name: str, table: npt.ArrayLike) -> Floats:
    return _checks.reals(name, table, "give log-weights as an array of real numbers")


def _checked_bond(bond: npt.ArrayLike) -> Floats:
    table = _numbers("bond", bond)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not 2 <= len(table) <= MOST_STATES:
        raise ValueError(
            f"bond of shape {table.shape}: give a square table (q, q) of log-weights, q = 2 … {MOST_STATES} states"
        )
    bad = np.argwhere(np.isnan(table) | (table == math.inf))
    if len(bad):
        a, b = (int(i) for i in bad[0])
        raise ValueError(
            f"bond[{a}, {b}]={table[a, b]}: a log-weight is a number, or -inf for neighbours that are forbidden"
        )
    uneven = np.argwhere(table != table.T)
    if len(uneven):
        a, b = (int(i) for i in uneven[0])
        raise ValueError(
            f"bond[{a}, {b}]={table[a, b]} and bond[{b}, {a}]={table[b, a]}: a bond has no direction, so the table is "
            f"symmetric; make them equal, such as by (bond + bond.T) / 2"
        )
    if np.isinf(table).any() and not len(safe_states(table)):
        raise ValueError(
            "bond: every state is forbidden next to some state, and moves of one site at a time could be stuck; allow "
            "one state next to all, or give a large negative number such as -15 in place of -inf"
        )
    return table


def _checked_row(name: str, row: npt.ArrayLike, q: int) -> Floats:
    numbers = _numbers(name, row)
    if numbers.ndim == 0:
        numbers = np.full(q, float(numbers))
    if numbers.shape != (q,):
        raise ValueError(f"{name} of shape {numbers.shape}: bond has {q} states, give one number for each")
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        remedy = "; leave out a state that is never taken" if name == "site" else ""
        raise ValueError(f"{name}[{bad[0]}]={numbers[bad[0]]}: give a finite number for each state{remedy}")
    return numbers
