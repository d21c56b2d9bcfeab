"""``Chain``: a finite Markov chain y_0 → y_1 → … → y_n with every answer exact.

With stochastic matrices M_i[a, b] = p(y_i = b | y_{i−1} = a) and distributions as row vectors,

    p_n = p_0 M_1 M_2 … M_n ,        p(y_i, y_j) = diag(p_i) M_{i+1} … M_j        (i ≤ j),

so posteriors and mutual informations are sums over small tables (claims.md B1; Cover & Thomas 2006, ch. 2). States of
y_n with the same posterior p(y_i | y_n) may be merged without loss, and no further: that is the minimal sufficient
statistic T_i of y_n for y_i (claims.md B2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from rgnet.estimate import Estimate
from rgnet.hierarchies import _levels as levels_
from rgnet.hierarchies._levels import Array
from rgnet.hierarchies._statistic import Statistic


@dataclass(frozen=True, eq=False)
class Chain:
    """A finite Markov chain.

    Parameters
    ----------
    prior : array (s_0,)
        p(y_0).
    matrices : sequence of arrays (s_i, s_{i+1})
        matrices[i][a, b] = p(y_{i+1} = b | y_i = a); the numbers of states may differ. Where
        all are Fractions or integers, the prior included, they are kept, and `sufficient` compares posteriors exactly.

    Raises
    ------
    ValueError
        If shapes disagree, or probabilities are negative or do not sum to one (which row, by how much).

    Examples
    --------
    >>> chain = Chain([0.5, 0.5], [[[0.9, 0.1], [0.2, 0.8]]])
    >>> chain.posterior([0, 1]).round(3).tolist()
    [[0.818, 0.182], [0.111, 0.889]]
    """

    prior: Any
    matrices: Any
    rational: bool = field(init=False, repr=False)
    _exact: tuple[Array, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        prior, exact = levels_.probabilities("prior", self.prior, (None,))
        given = list(self.matrices) if isinstance(self.matrices, (list, tuple, np.ndarray)) else []
        if not given:
            raise ValueError(f"matrices={self.matrices!r}: give a list of matrices; a chain has at least one step")
        tables, kept, states = [], [exact], prior.size
        for i, matrix in enumerate(given):
            table, exact = levels_.probabilities(f"matrices[{i}]", matrix, (states, None))
            tables.append(table)
            kept.append(exact)
            states = table.shape[1]
        exacts = tuple(x for x in kept if x is not None)
        rational = len(exacts) == len(kept) and any(x.dtype == object for x in exacts)
        object.__setattr__(self, "prior", prior)
        object.__setattr__(self, "matrices", tuple(tables))
        object.__setattr__(self, "rational", rational)
        object.__setattr__(self, "_exact", exacts if rational else ())

    @property
    def steps(self) -> int:
        """n, the number of matrices."""
        return len(self.matrices)

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """Number of sites of each level: one."""
        return (1,) * (self.steps + 1)

    @property
    def alphabet(self) -> tuple[int, ...]:
        """Number of states of each level."""
        return (self.prior.size, *(m.shape[1] for m in self.matrices))

    @cached_property
    def marginals(self) -> tuple[Array, ...]:
        """p(y_i) of each level."""
        out = [self.prior]
        for matrix in self.matrices:
            out.append(out[-1] @ matrix)
        return tuple(out)

    def sample(self, n: int, seed: int = 0, levels: Sequence[int] | None = None) -> xr.Dataset:
        """Independent draws of every level (or of those given): variables y_k over (draw,), states 0, 1, ….

        The first draws are the same for every n, and a level is the same whichever others are wanted.
        """
        n, seed = levels_.whole("n", n, 1), levels_.whole("seed", seed, 0)
        wanted = range(self.steps + 1) if levels is None else [levels_.level_of(k, self.steps) for k in levels]
        drawn = levels_.sample_levels(n, seed, (1,) * self.steps, self.prior, self.matrices, tuple(wanted))
        attrs = {
            "hierarchy": "Chain",
            "prior": self.prior.tolist(),
            "matrices": [m.tolist() for m in self.matrices],
            "seed": seed,
        }
        return levels_.dataset(drawn, [True] * (self.steps + 1), attrs)

    def joint(self, level_a: int, level_b: int) -> Array:
        """The table p(y_a, y_b), shape (s_a, s_b); float64."""
        a, b = self._two(level_a, level_b)
        if a > b:
            return self.joint(b, a).T
        return np.asarray(_joint(self.marginals[a], self.matrices[a:b]))

    def posterior_table(self, level: int = 0) -> Array:
        """p(y_level | y_n), shape (s_n, s_level): a row for each state of the data, NaN if its probability is 0."""
        table = self.joint(self.steps, level)
        total = table.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(table, total, out=np.full_like(table, np.nan), where=total > 0))

    def posterior(self, data: Any, level: int = 0) -> Any:
        """p(y_level | y_n = data), exact.

        Parameters
        ----------
        data : array (n,), DataArray over (draw,), or Dataset that holds y_n
        level : int

        Returns
        -------
        array (n, states), or DataArray over (draw, state) for labelled data

        Raises
        ------
        ValueError
            If the data do not fit, or a draw has probability zero (names the first).
        """
        table = self.posterior_table(levels_.level_of(level, self.steps))
        x, labelled = levels_.observed(data, self.steps, 1, self.alphabet[-1])
        impossible = np.isnan(table[:, 0])[x[:, 0]]
        if impossible.any():
            raise ValueError(levels_.impossible_draw(int(np.argmax(impossible))))
        p = table[x[:, 0]]
        return xr.DataArray(p, dims=("draw", "state"), name=f"p_{level}") if labelled else p

    def mutual_information(self, level_a: int, level_b: int) -> Estimate:
        """I(y_a; y_b) in nats, exact; of equal levels, the entropy."""
        from rgnet.information.tables import mutual_information_of

        value = mutual_information_of(self.joint(level_a, level_b))
        return Estimate(float(value), 0.0, kind="exact", method="product of transition matrices", unit="nats")

    def sufficient(self, level: int = 0) -> Statistic:
        """The minimal sufficient statistic of y_n for y_level, as a callable T(data) → labels (n,).

        Its ``labels`` are those of the states of y_n, −1 for states of probability zero.
        """
        from rgnet.information.sufficient import minimal_sufficient

        level = levels_.level_of(level, self.steps)
        if self.rational:
            prior, *matrices = self._exact
            for matrix in matrices[:level]:
                prior = prior @ matrix
            joint = _joint(prior, matrices[level:])
        else:
            joint = self.joint(level, self.steps)
        found = minimal_sufficient(joint)
        method = "equal rational posteriors" if self.rational else f"posteriors equal within {found.tolerance:g}"
        where = (level, self.steps, 1, self.alphabet[-1])
        return levels_.statistic(*where, found.count, lambda x: np.asarray(found.labels[x[:, 0]]), method)

    def _two(self, level_a: int, level_b: int) -> tuple[int, int]:
        return levels_.level_of(level_a, self.steps, "level_a"), levels_.level_of(level_b, self.steps, "level_b")


def _joint(p: Array, matrices: Sequence[Array]) -> Array:
    """diag(p) M … M for floats or Fractions."""
    table = np.zeros((p.size, p.size), dtype=p.dtype)
    np.fill_diagonal(table, p)
    for matrix in matrices:
        table = table @ matrix
    return table
