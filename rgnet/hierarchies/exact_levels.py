"""Exactly, how much of the cause is left in each level of a network that coarse-grains a hierarchy's data.

A network's level k is a statistic f_k(y_n), and I(y_0; f_k) is exact in two ways.

*Trees, family by family.* Where each layer of scale b merges the b children of one parent, the coarse site is a noisy
copy of that parent alone. With M the channel to the children and N_{k−1}[a, c] what a child in state a has become,

    N_k[a, c'] = Σ_{c_1 … c_b} p(c' | c_1 … c_b) Π_i (M N_{k−1})[a, c_i] ,        N_0 = 1 ,

so level k is the data of a tree that is k levels less deep, with N_k after its last channel. That is the RG of the
hierarchy by hand: a coarse-graining is a channel, and channels compose.

*Anything small, by enumeration*: p(y_0, y_n) over all data, carried through the layers.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.exact import _push
from rgnet.exact import enumerate as full
from rgnet.hierarchies.lattice_hierarchy import LatticeHierarchy
from rgnet.hierarchies.tree import Tree
from rgnet.information.tables import mutual_information_of

Array = npt.NDArray[Any]

MOST_STATES = 1 << 16  # data that are enumerated
MOST_BLOCKS = 1 << 16  # blocks of one family


def spin_values(states: int) -> tuple[int, ...]:
    """What a layer sees: spins +1 and −1 for the states 0 and 1, else the states themselves."""
    return (1, -1) if states == 2 else tuple(range(states))


def information_by_level(hierarchy: Any, network: Any) -> list[float]:
    """I(y_0; level k) in nats for the levels 0 (the data) … len(layers), NaN where it is not known exactly.

    Parameters
    ----------
    hierarchy : Tree, RandomHierarchy, LatticeHierarchy or their like
    network : Network
    """
    layers = [_Rounded(layer) for layer in _push.steps(network)]
    if isinstance(hierarchy, Tree):
        found = _of_tree(hierarchy, layers)
        if found is not None:
            return found
    if isinstance(hierarchy, LatticeHierarchy):
        return _of_lattice(hierarchy, layers)
    return _enumerated(hierarchy, layers)


@dataclass(frozen=True)
class _Rounded:
    """A layer whose real outputs are equal where they differ by rounding alone, as sums in another order do."""

    layer: Any

    @property
    def scale(self) -> int:
        """That of the layer."""
        return int(self.layer.scale)

    @property
    def is_random(self) -> bool:
        """Whether the layer is."""
        return bool(getattr(self.layer, "is_random", False))

    def __call__(self, x: Array, rng: Any = None, *, ndim: int | None = None) -> Array:
        y = np.asarray(self.layer(x, rng, ndim=ndim))
        if y.dtype.kind != "f":
            return y
        size = float(np.abs(y).max(initial=0.0)) or 1.0
        return np.asarray(np.round(y / size, 12) * size)

    def log_prob(self, y: Array, x: Array, *, ndim: int | None = None) -> Array:
        """ln p(y|x) of the layer."""
        return np.asarray(self.layer.log_prob(y, x, ndim=ndim))


def _of_lattice(hierarchy: LatticeHierarchy, layers: list[_Rounded]) -> list[float]:
    """By enumeration of its configurations, the layers being further levels of the hierarchy."""
    longer = LatticeHierarchy(
        hierarchy.shape,
        {"K": hierarchy.K, "h": hierarchy.h},
        prior=hierarchy.prior,
        noise=hierarchy.noise,
        erasure=hierarchy.erasure,
        layers=(*hierarchy.layers, *(layer.layer for layer in layers)),
        boundary=hierarchy.boundary,
    )
    result = []
    for level in range(hierarchy.steps, longer.steps + 1):
        try:
            found = longer.mutual_information(0, level)
        except ValueError:  # too large to be enumerated
            found = None
        result.append(found.value if found is not None and found.kind == "exact" else math.nan)
    return result


def _of_tree(tree: Tree, layers: list[_Rounded]) -> list[float] | None:
    """By composition of channels; None where the layers do not follow the families."""
    branchings = tree.branchings[::-1]
    if len(layers) > tree.depth or any(layer.scale != b for layer, b in zip(layers, branchings, strict=False)):
        return None
    result = [_exact(tree)]
    values = np.array(spin_values(tree.alphabet[-1]))
    states: Array = np.eye(len(values))  # N[a, c]
    for k, layer in enumerate(layers):
        level = tree.depth - k  # of the children
        if len(values) ** layer.scale > MOST_BLOCKS:
            return [*result, *[math.nan] * (len(layers) - k)]
        out_values, rule = _rule(layer, values)
        child = tree.channels[level - 1] @ states
        blocks: Array = np.ones((len(child), 1))
        for _ in range(layer.scale):  # p(c_1 … c_b | parent), the last child running fastest
            blocks = (blocks[:, :, None] * child[:, None, :]).reshape(len(child), -1)
        states, values = blocks @ rule, out_values
        if level == 1:
            result.append(mutual_information_of(tree.prior[:, None] * states))
            continue
        last = tree.channels[level - 2] @ states
        shorter = Tree(level - 1, tree.branchings[: level - 1], tree.prior, [*tree.channels[: level - 2], last])
        result.append(_exact(shorter))
    return result


def _exact(tree: Tree) -> float:
    try:
        found = tree.mutual_information(0, tree.steps)
    except ValueError:  # too deep, too many states
        return math.nan
    assert found.interval is not None
    return found.value if found.kind == "exact" or found.interval[1] - found.interval[0] < 1e-4 else math.nan


def _rule(layer: _Rounded, values: Array) -> tuple[Array, Array]:
    """The values that a layer makes of a block, and p(value | block), blocks in the order of `product`."""
    blocks = np.array(list(itertools.product(values, repeat=layer.scale)))
    if not layer.is_random:
        out, place = np.unique(layer(blocks, ndim=1)[:, 0], return_inverse=True)
        return out, np.eye(len(out))[place.reshape(-1)]
    spins = np.array(full.SPINS)
    log_p = [np.asarray(layer.log_prob(np.full((len(blocks), 1), s), blocks, ndim=1)) for s in spins]
    return spins, np.exp(np.stack(log_p, axis=1))


def _enumerated(hierarchy: Any, layers: list[_Rounded]) -> list[float]:
    unknown = [math.nan] * (len(layers) + 1)
    sites, q = hierarchy.level_sizes[-1], hierarchy.alphabet[-1]
    if not hasattr(hierarchy, "log_likelihood") or sites * math.log(q) > math.log(MOST_STATES) + 1e-9:
        return unknown
    values = spin_values(q)
    x = full.states((sites,), values=values)
    index = full.states((sites,), values=tuple(range(q)))  # the same states, as the hierarchy calls them
    with np.errstate(under="ignore"):
        weights = np.asarray(hierarchy.prior) * np.exp(hierarchy.log_likelihood(index))
    result = [mutual_information_of(weights.T)]
    level = x, weights
    for k, layer in enumerate(layers):
        if layer.is_random and level[0].dtype.kind == "f":
            return [*result, *[math.nan] * (len(layers) - k)]
        level = _push.push(_push.chunks(*level), [layer])
        result.append(mutual_information_of(level[1].T / level[1].sum()))
    return result
