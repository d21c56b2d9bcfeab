"""Minimal sufficient statistics of trees, from the leaves up.

The likelihood of a site given the leaves below it is a product of messages of its children, so its class (all leaves
with proportional likelihood) depends on their classes alone: T_k = f_k ∘ T_{k+1} (claims.md B2), and f_k is a table,
folded child by child. Given y_level the subtrees of its sites are independent, so the classes of the sites together
are sufficient for the whole level, and minimal where every configuration of the level can occur.

Depth 5 of a binary tree (2³² configurations of the leaves) has 3613 labels. Where a table would be too big, posteriors
of the root by belief propagation are grouped as they are seen, in the order of their first appearance.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from rgnet.hierarchies._levels import Array, in_batches, statistic
from rgnet.hierarchies._statistic import Statistic
from rgnet.hierarchies._tree_posterior import posterior
from rgnet.hierarchies.tree_exact import merge, products, roots

if TYPE_CHECKING:
    from rgnet.hierarchies.tree import Tree

ENTRIES = 4_000_000  # of one table
_TIE = 1e-10  # of √posteriors in the tables
_SEEN_TIE = 1e-9  # √posteriors from belief propagation that are equal agree to about 1e-12
_CELLS = 20_000_000  # labels held at once


def sufficient(tree: "Tree", level: int) -> Statistic:
    """The minimal sufficient statistic for a level; `Tree.sufficient` describes it.

    Raises
    ------
    ValueError
        If its labels cannot be listed and the level has several sites, or not every configuration of such a level
        is possible.
    """
    leaves, sites = tree.level_sizes[-1], tree.level_sizes[level]
    where = (level, tree.depth, leaves, tree.alphabet[-1])
    if sites > 1 and any((channel[p > 0] == 0).any() for channel, p in _above(tree, level)):
        raise ValueError(
            f"level={level} has configurations of probability zero (a channel above it has zeros), which its sites' "
            "own labels do not see: ask for level=0, or give the channel small positive entries"
        )
    built = _tables(tree, level)
    if built is None:
        if sites > 1:
            raise ValueError(
                f"a site of level {level} has labels by more than {ENTRIES} table entries: ask for level=0, whose "
                "posteriors can be grouped as they are seen, or take a less deep tree"
            )
        return statistic(*where, None, _Seen(tree, level), "posteriors grouped as they are seen")
    tables, final = built
    kinds = int(final.max()) + 1
    if sites * math.log2(kinds) > 62:
        return statistic(*where, None, _Rows(tree, level, tables, final), "tables of each site, named as seen")
    powers = kinds ** np.arange(sites - 1, -1, -1, dtype=np.int64)

    def label(data: Array) -> Array:
        single = site_labels(tree, level, tables, final, data)
        return np.where((single < 0).any(axis=1), -1, single @ powers)

    return statistic(*where, kinds**sites, label, "tables from the leaves up")


def _above(tree: "Tree", level: int) -> list[tuple[Array, Array]]:
    return list(zip(tree.channels[:level], tree.marginals[:level], strict=True))


def _tables(tree: "Tree", level: int) -> tuple[list[list[Array]], Array] | None:
    """For each step from the leaves to the level: [class → class seen by the parent, fold tables …]; the last names.

    None if a table would have more than `ENTRIES` entries.
    """
    likelihood, steps = np.eye(tree.alphabet[-1]), []
    for k in range(tree.depth - 1, level - 1, -1):
        seen = merge(likelihood @ tree.channels[k].T, _TIE)
        step, likelihood = [seen.labels], seen.likelihood
        for _ in range(tree.branchings[k] - 1):
            if len(likelihood) * len(seen.likelihood) > ENTRIES:
                return None
            joined = merge(products(likelihood, seen.likelihood), _TIE)
            step.append(joined.labels.reshape(len(likelihood), -1).astype(np.int32))
            likelihood = joined.likelihood
        steps.append(step)
    likelihood = likelihood * (tree.marginals[level] > 0)
    final = merge(likelihood, _TIE)
    possible = likelihood.sum(axis=1) > 0
    names = np.full(len(likelihood), -1, dtype=np.int64)
    names[possible] = np.unique(final.labels[possible], return_inverse=True)[1]
    return steps, names


def site_labels(tree: "Tree", level: int, tables: list[list[Array]], final: Array, data: Array) -> Array:
    """The class (n, sites) of each site of a level; −1 where the leaves below it are impossible."""
    out = np.empty((data.shape[0], tree.level_sizes[level]), dtype=np.int64)
    for rows in in_batches(data.shape[0], _CELLS // data.shape[1]):
        label = data[rows]
        for k, (seen, *folds) in zip(range(tree.depth - 1, level - 1, -1), tables, strict=True):
            children = seen[label].reshape(label.shape[0], tree.level_sizes[k], tree.branchings[k])
            label = children[:, :, 0]
            for c, fold in enumerate(folds, start=1):
                label = fold[label, children[:, :, c]]
        out[rows] = final[label]
    return out


class _Seen:
    """Groups posteriors as they are seen; a posterior keeps its label from call to call."""

    def __init__(self, tree: "Tree", level: int) -> None:
        self.tree, self.level = tree, level
        self.known: Array = np.empty((0, tree.alphabet[level]))
        self.names: Array = np.empty(0, dtype=np.int64)

    def __call__(self, data: Array) -> Array:
        from rgnet.information.grouping import group_rows

        p = roots(posterior(self.tree, data, self.level)[:, 0])
        if len(p) == 0:
            return np.empty(0, dtype=np.int64)
        groups = group_rows(np.concatenate([self.known, p]), _SEEN_TIE)
        first = np.unique(groups, return_index=True)[1]
        new = first >= len(self.known)
        names = np.empty(len(first), dtype=np.int64)
        names[~new] = self.names[first[~new]]
        names[new] = int(self.names.max(initial=-1)) + 1 + np.arange(np.count_nonzero(new))
        labels = names[groups[len(self.known) :]]
        self.known = np.concatenate([self.known, p[first[new] - len(self.known)]])
        self.names = np.concatenate([self.names, names[new]])
        return labels


class _Rows:
    """Names rows of site labels as they are seen, where their mixed-radix number would not fit 64 bits."""

    def __init__(self, tree: "Tree", level: int, tables: list[list[Array]], final: Array) -> None:
        self.tree, self.level, self.tables, self.final = tree, level, tables, final
        self.names: dict[bytes, int] = {}

    def __call__(self, data: Array) -> Array:
        rows = site_labels(self.tree, self.level, self.tables, self.final, data)
        keys = [row.tobytes() for row in rows]
        labels = np.array([self.names.setdefault(key, len(self.names)) for key in keys], dtype=np.int64)
        return np.where((rows < 0).any(axis=1), -1, labels)
