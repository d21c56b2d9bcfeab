"""Mutual information between levels of a tree: exact by recursion, or between rigorous bounds by density evolution.

What the leaves below a site of level k say about its state is a list of classes j with likelihoods
L_j(a) = p(class j | y_k = a); leaves with proportional likelihoods are one class, for the class then holds all they
say. From the leaves up (Mézard & Montanari 2006; for codes, density evolution, Richardson & Urbanke 2008, ch. 4):

    seen by the parent:   L'_j(a) = Σ_b M[a, b] L_j(b) ,        b children:   L_{j,j'}(a) = L'_j(a) L'_{j'}(a) .

Binary trees of depth 4, 5, 6 with flips of 0.2 have 85, 3613 and 6.5·10⁶ classes. By the chain rule, as the subtrees of
siblings are independent given their parent, with N_k sites on level k,

    I(y_a; y_b) = Σ_{k=0}^{a} N_k I(y_k site; leaves of its subtree at level b | its parent) ,          a ≤ b ,

and each term is Σ_s p_{k−1}(s) I under the prior M_k[s, ·] (p_0 for the root). With a = b this is the entropy.

Where the classes are too many they are pushed onto a grid of posteriors in two ways. Degrading: all classes of a cell
become one, a garbling, so information falls. Upgrading: each class is shared among the nodes of its cell so that the
mean posterior stays; the class is a garbling of its shares, so information rises (Tal & Vardy 2013, for two inputs).
"Is a garbling of" is Blackwell's order (Blackwell 1953): it is kept by a channel put before and by products of
independent observations, hence by the whole recursion, and mutual information is monotone in it for every prior. So the
two recursions give rigorous bounds. Rounding, and the merging of up to 2·10⁶ classes whose √posteriors agree within
1e-13 (which loses the square of their spread, below 1e-12 nats), are covered by 1e-11 a site, added outward.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rgnet.estimate import Estimate
from rgnet.hierarchies._levels import Array, level_of

if TYPE_CHECKING:
    from rgnet.hierarchies.tree import Tree

TIE = 1e-13  # largest difference of √posterior between equal ones that differ by rounding
LISTED = 2_000_000  # products that are listed and merged at once
STREAMED = 40_000_000  # products whose information is summed without listing them
GRID = {2: 2048, 3: 48, 4: 16}  # cells a side of the grid of posteriors, by the number of states
_ROUNDING = 1e-11
_CHUNK = 1_000_000
_NOTHING = 1e-290  # probabilities whose square would underflow add nothing


class TooManyClasses(ValueError):
    """The distinct posteriors cannot be listed."""


@dataclass(frozen=True)
class Merged:
    """Likelihoods (classes, states) after merging, and the class of each row that went in."""

    likelihood: Array
    labels: Array


def merge(likelihood: Array, tolerance: float = TIE) -> Merged:
    """Sum the rows whose normalised likelihoods agree (in every √L/ΣL, linked within the tolerance, without a grid).

    Rows of zeros, which cannot happen, are one class.
    """
    from rgnet.information.grouping import group_rows

    labels = group_rows(roots(likelihood), tolerance)
    count = int(labels.max()) + 1
    sums = np.stack([np.bincount(labels, column, minlength=count) for column in likelihood.T], axis=1)
    return Merged(sums, labels)


def roots(likelihood: Array) -> Array:
    """√(L/ΣL), zero for rows of zeros: the coordinates in which equal posteriors are looked for."""
    total = likelihood.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(np.divide(likelihood, total, out=np.zeros_like(likelihood), where=total > 0)))


def products(one: Array, other: Array) -> Array:
    """Likelihoods of all pairs of classes of two independent observations: row i·len(other) + j."""
    return np.asarray((one[:, None, :] * other[None, :, :]).reshape(-1, one.shape[1]))


def information(prior: Array, likelihood: Array) -> float:
    """I(state; class) in nats, each term p ln(p/q) − p + q ≥ 0."""
    used = prior > 0
    joint = likelihood[:, used] * prior[used]
    apart = joint.sum(axis=1, keepdims=True) * prior[used]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(joint > _NOTHING, joint / apart, 1.0)
    return float(np.sum(joint * np.log(ratio) - joint + apart))


def classes(tree: "Tree", level: int, data_level: int, listed: int = LISTED) -> list[Array]:
    """Likelihoods of the distinct posteriors of one site of level, …, data_level, exactly; each (classes, states).

    Raises
    ------
    TooManyClasses
        If more than ``listed`` products would have to be listed.
    """
    likelihood = np.eye(tree.alphabet[data_level])
    out = [likelihood]
    for k in range(data_level - 1, level - 1, -1):
        child = merge(likelihood @ tree.channels[k].T).likelihood
        likelihood = child
        for _ in range(tree.branchings[k] - 1):
            _check(likelihood, child, listed, k)
            likelihood = merge(products(likelihood, child)).likelihood
        out.append(likelihood)
    return out[::-1]


def _check(one: Array, other: Array, most: int, level: int) -> None:
    if len(one) * len(other) > most:
        raise TooManyClasses(
            f"level {level} has up to {len(one)} x {len(other)} distinct posteriors, more than {most}: take a less "
            "deep tree, or rgnet.hierarchies.tree_exact.bounds"
        )


def _conditional(tree: "Tree", k: int, likelihood: Array) -> float:
    """N_k I(site of level k; class | its parent)."""
    if k == 0:
        return information(tree.prior, likelihood)
    rows = zip(tree.marginals[k - 1], tree.channels[k - 1], strict=True)
    return tree.level_sizes[k] * sum(float(p) * information(row, likelihood) for p, row in rows if p > 0)


def _root_streamed(tree: "Tree", likelihood: Array) -> float:
    """I(root; class) from the classes of level 1, the last product summed without being listed."""
    child = merge(likelihood @ tree.channels[0].T).likelihood
    acc = child
    for _ in range(tree.branchings[0] - 2):
        _check(acc, child, LISTED, 0)
        acc = merge(products(acc, child)).likelihood
    if tree.branchings[0] == 1:
        return information(tree.prior, acc)
    _check(acc, child, STREAMED, 0)
    step = max(1, _CHUNK // len(child))
    if tree.branchings[0] > 2:
        return sum(information(tree.prior, products(acc[i : i + step], child)) for i in range(0, len(acc), step))
    total = 0.0
    for i in range(0, len(acc), step):  # each pair of unlike classes once, twice as likely
        inside = acc[i : i + step]
        total += information(tree.prior, products(inside, inside))
        total += information(tree.prior, 2.0 * products(inside, acc[i + step :]))
    return total


def exact(tree: "Tree", level_a: int, level_b: int) -> float:
    """I(y_a; y_b) in nats by recursion over distinct posteriors.

    Raises
    ------
    TooManyClasses
        If there are too many to list.
    """
    a, b = _ordered(tree, level_a, level_b)
    if b == 0:
        return _conditional(tree, 0, np.eye(tree.alphabet[0]))
    listed = classes(tree, 1, b)
    total = sum(_conditional(tree, k, listed[k - 1]) for k in range(1, a + 1))
    return total + _root_streamed(tree, listed[0])


def bounds(
    tree: "Tree", level_a: int = 0, level_b: int | None = None, *, grid: int | None = None
) -> tuple[float, float]:
    """Rigorous lower and upper bounds of I(y_a; y_b) in nats, by density evolution on a grid of posteriors.

    Parameters
    ----------
    tree : Tree
    level_a, level_b : int
        The root and the leaves unless given.
    grid : int, optional
        Cells a side of the grid: 2048 for two states (lower and upper then agree to about 1e-6), 48 for three, 16
        for four. Time grows as the 2(q − 1)-th power. Levels with no more classes than the grid has stay exact.

    Raises
    ------
    ValueError
        If a level between has more than 4 states, or the grid is no whole number of at least 2.
    """
    from rgnet.hierarchies._tree_grid import on_grid

    a, b = _ordered(tree, level_a, tree.steps if level_b is None else level_b)
    most = max(tree.alphabet[: b + 1])
    if most not in GRID and most > 1:
        raise ValueError(
            f"{most} states: density evolution needs at most {max(GRID)}; estimate the information from samples "
            "(tree.posterior of draws), or take a tree that exact() can do"
        )
    if grid is not None and (isinstance(grid, bool) or not isinstance(grid, (int, np.integer)) or grid < 2):
        raise ValueError(f"grid={grid!r}: a whole number of cells, at least 2")
    ends = []
    for upper in (False, True):
        likelihood = np.eye(tree.alphabet[b])
        terms = [_conditional(tree, b, likelihood)] if b <= a else []
        for k in range(b - 1, -1, -1):
            child = merge(likelihood @ tree.channels[k].T).likelihood
            likelihood, cells = child, grid or GRID.get(tree.alphabet[k], 2)
            for _ in range(tree.branchings[k] - 1):
                likelihood = on_grid(likelihood, child, cells, upper)
            if k <= a:
                terms.append(_conditional(tree, k, likelihood))
        ends.append(sum(terms))
    slack = _ROUNDING * sum(tree.level_sizes[: a + 1])
    return ends[0] - slack, ends[1] + slack


def _ordered(tree: "Tree", level_a: int, level_b: int) -> tuple[int, int]:
    a, b = (level_of(k, tree.steps, name) for k, name in ((level_a, "level_a"), (level_b, "level_b")))
    return min(a, b), max(a, b)


def mutual_information(tree: "Tree", level_a: int, level_b: int) -> Estimate:
    """I(y_a; y_b): exact where the distinct posteriors can be listed, else the middle of rigorous bounds.

    Raises
    ------
    ValueError
        If neither is feasible.
    """
    try:
        value = exact(tree, level_a, level_b)
    except TooManyClasses as error:
        try:
            lower, upper = bounds(tree, level_a, level_b)
        except ValueError as other:
            raise ValueError(f"{error}; and {other}") from None
        method = "rigorous lower and upper bounds by density evolution; the interval holds with certainty"
        return Estimate((lower + upper) / 2, (upper - lower) / 2, (lower, upper), "estimate", method, unit="nats")
    return Estimate(value, 0.0, kind="exact", method="recursion over distinct posteriors", unit="nats")
