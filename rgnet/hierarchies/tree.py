"""``Tree``: a cause broadcast down a regular tree, with exact inference by belief propagation.

The root y_0 is drawn from a prior; every site has b children, each of which reads its parent through a noisy channel,

    p(y_{k+1} | y_k) = Π_sites Π_{children c} M_k[y_k(site), y_{k+1}(site·b + c)] ,

and the leaves y_n are the data (claims.md B1). The posterior of any site given the leaves is exact by one pass up and
one down the tree (Pearl 1988, ch. 4): messages μ_{c→v}(a) = Σ_b M[a, b] Π_{children d of c} μ_{d→c}(b).

Whether the leaves remember the root however deep the tree: with λ₂ the second eigenvalue of the channel they do if
b|λ₂|² > 1 (Kesten & Stigum 1966); for two states and a symmetric channel also only if (Bleher, Ruiz & Zagrebnov 1995;
Evans, Kenyon, Peres & Schulman 2000). For many states or asymmetric channels they may also below it (Mossel 2001;
Sly 2011).
"""

import math
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

_MOST_SITES = 2**23  # of one draw; mutual informations of deeper trees need no draws


@dataclass(frozen=True, eq=False)
class Tree:
    """Broadcasting on a regular tree.

    Parameters
    ----------
    depth : int
        Steps n from the root to the leaves, at least 1.
    branching : int or sequence of ``depth`` ints
        Children of each site, the same on a level; at least 1.
    prior : array (q_0,)
        p(y_0).
    channel : array (q, q), or sequence of ``depth`` arrays
        channel[a, b] = p(child = b | parent = a), one for all steps or one a step (q_k, q_{k+1}); any alphabet,
        symmetric or not.

    Raises
    ------
    ValueError
        If a number is impossible, or probabilities are negative or do not sum to one (which row, by how much).

    Examples
    --------
    >>> tree = Tree.symmetric(depth=3, flip=0.1)
    >>> data = tree.sample(5, seed=1)
    >>> tree.posterior(data).shape
    (5, 2)
    """

    depth: int
    branching: int | Sequence[int]
    prior: Any
    channel: Any
    branchings: tuple[int, ...] = field(init=False, repr=False)
    channels: tuple[Array, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        depth = levels_.whole("depth", self.depth, 1, "a tree has at least one step from the root to its leaves")
        given = self.branching if isinstance(self.branching, Sequence) else (self.branching,) * depth
        if len(given) != depth:
            raise ValueError(
                f"branching={tuple(given)} has {len(given)} entries; a tree of depth {depth} takes {depth}"
            )
        branchings = tuple(levels_.whole("branching", b, 1, "each site has children") for b in given)
        prior, _ = levels_.probabilities("prior", self.prior, (None,))
        many = isinstance(self.channel, (list, tuple)) and len(self.channel) > 0 and np.ndim(self.channel[0]) == 2
        several = many or (isinstance(self.channel, np.ndarray) and self.channel.ndim == 3)
        matrices = list(self.channel) if several else [self.channel] * depth
        if len(matrices) != depth:
            raise ValueError(f"channel holds {len(matrices)} matrices; a tree of depth {depth} takes one or {depth}")
        states, channels = prior.size, []
        for k, matrix in enumerate(matrices):
            name = f"channel[{k}]" if several else "channel"
            table, _ = levels_.probabilities(name, matrix, (states, None if several else states))
            channels.append(table)
            states = table.shape[1]
        for name, value in (("prior", prior), ("branchings", branchings), ("channels", tuple(channels))):
            object.__setattr__(self, name, value)

    @classmethod
    def symmetric(cls, depth: int, branching: int | Sequence[int] = 2, flip: float = 0.2, q: int = 2) -> "Tree":
        """The Potts channel: a child differs from its parent with probability ``flip``, in each way alike.

        Raises
        ------
        ValueError
            If flip is not a probability, or q < 2.
        """
        q = levels_.whole("q", q, 2, "one state carries no information")
        number = isinstance(flip, (int, float, np.integer, np.floating)) and not isinstance(flip, bool)
        if not number or not 0 <= flip <= 1:
            raise ValueError(f"flip={flip!r}: the probability that a child differs from its parent lies in 0 … 1")
        channel = np.full((q, q), flip / (q - 1))
        np.fill_diagonal(channel, 1.0 - flip)
        return cls(depth, branching, np.full(q, 1.0 / q), channel)

    @property
    def steps(self) -> int:
        """n: the root is level 0, the leaves are level n."""
        return self.depth

    @cached_property
    def level_sizes(self) -> tuple[int, ...]:
        """Number of sites of each level."""
        return tuple(math.prod(self.branchings[:k]) for k in range(self.depth + 1))

    @property
    def alphabet(self) -> tuple[int, ...]:
        """Number of states of a site of each level."""
        return (self.prior.size, *(channel.shape[1] for channel in self.channels))

    @cached_property
    def marginals(self) -> tuple[Array, ...]:
        """p of one site's state, at each level."""
        out = [self.prior]
        for channel in self.channels:
            out.append(out[-1] @ channel)
        return tuple(out)

    @property
    def kesten_stigum(self) -> float:
        """b|λ₂|²: above 1, the leaves of the infinite tree remember the root.

        λ₂ is the channel's second eigenvalue in modulus.

        Raises
        ------
        ValueError
            If branching or channel change from level to level.
        """
        first, alike = self.channels[0], len(set(self.branchings)) == 1
        if not alike or any(m.shape != first.shape or not np.array_equal(m, first) for m in self.channels):
            raise ValueError(
                "the Kesten–Stigum threshold belongs to one branching and one channel at every level; "
                "here they change from level to level"
            )
        eigenvalues = np.sort(np.abs(np.linalg.eigvals(first)))[::-1]
        return float(self.branchings[0] * eigenvalues[1] ** 2) if eigenvalues.size > 1 else 0.0

    @property
    def reconstructible(self) -> bool:
        """Whether b|λ₂|² > 1: sufficient always, necessary too for two states and a symmetric channel."""
        return self.kesten_stigum > 1.0

    def check_sampling(self) -> None:
        """Raise the ValueError of `sample` where a draw has too many sites; informations have no such limit."""
        if sum(self.level_sizes) > _MOST_SITES:
            raise ValueError(
                f"depth={self.depth}, branching={self.branching}: {sum(self.level_sizes)} sites in one draw; at most "
                f"{_MOST_SITES} are sampled"
            )

    def sample(self, n: int, seed: int = 0, levels: Sequence[int] | None = None) -> xr.Dataset:
        """Independent draws of every level.

        Parameters
        ----------
        n : int
            Number of draws.
        seed : int
            The first draws are the same for every n, and a level is the same whichever others are wanted.
        levels : sequence of int, optional
            Levels to return; all unless given. A depth-10 binary tree takes 2 kB a draw in all, 1 kB for (0, 10).

        Returns
        -------
        Dataset
            y_0 over (draw,), y_k over (draw, site_k), states 0, 1, … in the smallest integer type; the children of
            site i are the sites i·b … i·b + b − 1 of the next level.
        """
        n, seed = levels_.whole("n", n, 1), levels_.whole("seed", seed, 0)
        self.check_sampling()
        wanted = range(self.depth + 1) if levels is None else [levels_.level_of(k, self.depth) for k in levels]
        drawn = levels_.sample_levels(n, seed, self.branchings, self.prior, self.channels, tuple(wanted))
        attrs = {
            "hierarchy": "Tree",
            "depth": self.depth,
            "branching": list(self.branchings),
            "prior": self.prior.tolist(),
            "channel": [m.tolist() for m in self.channels],
            "seed": seed,
        }
        return levels_.dataset(drawn, [size == 1 for size in self.level_sizes], attrs)

    def posterior(self, data: Any, level: int = 0) -> Any:
        """p(state of each site of y_level | y_n = data), exact, by belief propagation.

        Parameters
        ----------
        data : array (n, leaves), DataArray over (draw, site_n), or Dataset that holds y_n
        level : int
            0 (the root) … n.

        Returns
        -------
        array (n, states), or (n, sites, states) where the level has several sites
            Single-site marginals; a DataArray over (draw, [site_level,] state) for labelled data.

        Raises
        ------
        ValueError
            If the data do not fit, or a draw has probability zero.
        """
        from rgnet.hierarchies._tree_posterior import posterior

        level = levels_.level_of(level, self.depth)
        x, labelled = levels_.observed(data, self.depth, self.level_sizes[-1], self.alphabet[-1])
        p = posterior(self, x, level)
        single = self.level_sizes[level] == 1
        p = p[:, 0] if single else p
        if not labelled:
            return p
        dims = ("draw", "state") if single else ("draw", f"site_{level}", "state")
        return xr.DataArray(p, dims=dims, name=f"p_{level}")

    def log_likelihood(self, data: Any) -> Array:
        """ln p(y_n = data | y_0), exactly: array (n, states of the root); −inf where a root cannot produce them.

        Parameters
        ----------
        data : array (n, leaves), DataArray over (draw, site_n), or Dataset that holds y_n

        Raises
        ------
        ValueError
            If the data do not fit.
        """
        from rgnet.hierarchies._tree_posterior import log_likelihood

        x, _ = levels_.observed(data, self.depth, self.level_sizes[-1], self.alphabet[-1])
        return log_likelihood(self, x)

    def mutual_information(self, level_a: int, level_b: int) -> Estimate:
        """I(y_a; y_b) of two whole levels, in nats.

        Exact by recursion over distinct posteriors while they can be listed, else the middle of rigorous lower and
        upper bounds, which are its ``interval`` (`rgnet.hierarchies.tree_exact`); of equal levels, the entropy.

        Raises
        ------
        ValueError
            If there is no such level, or neither route is feasible (more than 4 states, deep).
        """
        from rgnet.hierarchies import tree_exact

        return tree_exact.mutual_information(self, level_a, level_b)

    def sufficient(self, level: int = 0) -> Statistic:
        """The minimal sufficient statistic of the leaves for y_level, as a callable T(data) → labels (n,).

        Labels are equal for data with equal posterior p(y_level | data). They are looked up in tables that are built
        from the leaves up (a site's label is that of the multiset of its children's labels) while there are few
        enough of them; beyond, ``count`` is None and posteriors are grouped as they are seen.

        Raises
        ------
        ValueError
            If there is no such level, or its labels are too many.
        """
        from rgnet.hierarchies import tree_sufficient

        return tree_sufficient.sufficient(self, levels_.level_of(level, self.depth))
