"""Products of likelihoods pushed onto a grid of posteriors: degraded for a lower bound, upgraded for an upper one.

Two states: the posterior is p = sin²θ and the grid is uniform in θ over the range of the products, which makes the
information lost in a cell even (θ is the Fisher metric's length). Three and four: the range of the products is put in
a simplex {p_a ≥ low_a}, which Freudenthal's triangulation of a regular lattice cuts into simplices (Freudenthal 1942):
with x_i = N Σ_{a ≥ i} t_a, the corners of the cell are floor(x) and its successive unit steps in the order of falling
fractional parts, whose differences are the barycentric weights.
"""

from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet.hierarchies._levels import Array
from rgnet.hierarchies.tree_exact import LISTED, merge, products

_PAIRS = 10_000_000  # products in one kernel call, about half a second
_NEGLIGIBLE = 1e-100  # probability that is left out, far below the slack of the bounds: denormal numbers are slow


def on_grid(one: Array, other: Array, cells: int, upper: bool) -> Array:
    """Likelihoods (classes, states) of the pairs of classes: exact if no more than the nodes, else on the grid."""
    states = one.shape[1]
    if states == 1:
        return np.ones((1, 1))
    if len(one) * len(other) <= LISTED:
        merged = merge(products(one, other)).likelihood
        if len(merged) <= _nodes(cells, states):
            return merged
        one, other = merged, np.ones((1, states))
    return _line(one, other, cells, upper) if states == 2 else _simplex(one, other, cells, upper)


def _nodes(cells: int, states: int) -> int:
    nodes = cells + 1
    for extra in range(2, states):
        nodes = nodes * (cells + extra) // extra
    return nodes


def _line(one: Array, other: Array, cells: int, upper: bool) -> Array:
    ratios = [np.sqrt(x[:, 1]) for x in (one, other)]
    angles = [np.arctan2(r, np.sqrt(x[:, 0])) for r, x in zip(ratios, (one, other), strict=True)]
    ends = [
        np.arctan2(*np.sqrt(one[pick(angles[0])] * other[pick(angles[1])])[::-1]) for pick in (np.argmin, np.argmax)
    ]
    if not ends[0] < ends[1]:  # a certain state against its opposite
        ends = [0.0, np.pi / 2]
    theta = np.linspace(ends[0], ends[1], cells + 1)
    nodes = np.stack([np.cos(theta) ** 2, np.sin(theta) ** 2], axis=1)
    out = np.zeros((cells + 1, 2))
    step = max(1, _PAIRS // len(other))
    for start in range(0, len(one), step):
        pairs = start if one is other else -1
        scatter_line(one[start : start + step], other, pairs, theta[0], theta[1] - theta[0], nodes, upper, out)
    return np.asarray(out[out.sum(axis=1) > 0])


def _simplex(one: Array, other: Array, cells: int, upper: bool) -> Array:
    states = one.shape[1]
    step = max(1, _PAIRS // len(other))
    low = np.ones(states)
    for start in range(0, len(one), step):
        lowest(one[start : start + step], other, low)
    low *= 1.0 - 1e-9  # so that rounding leaves no product outside
    out = np.zeros(((cells + 1) ** (states - 1), states))
    for start in range(0, len(one), step):
        scatter_simplex(one[start : start + step], other, low, cells, upper, out)
    return np.asarray(out[out.sum(axis=1) > 0])


@njit
def scatter_line(
    one: Any, other: Any, pairs: int, first: float, width: float, nodes: Any, upper: bool, out: Any
) -> None:
    """Add the products of two-state likelihoods to their cells, or to the two nodes of their cell.

    With pairs ≥ 0, ``one`` is ``other`` from that row on, and unlike pairs are taken once, twice as likely.
    """
    cells = nodes.shape[0] - 1
    for i in range(one.shape[0]):
        for j in range(pairs + i if pairs >= 0 else 0, other.shape[0]):
            twice = 2.0 if pairs >= 0 and j > pairs + i else 1.0
            a, b = twice * one[i, 0] * other[j, 0], twice * one[i, 1] * other[j, 1]
            if a + b <= _NEGLIGIBLE:
                continue
            k = int((np.arctan2(np.sqrt(b), np.sqrt(a)) - first) / width)
            k = min(max(k, 0), cells - 1)
            if not upper:
                out[k, 0] += a
                out[k, 1] += b
                continue
            # a = w c_k + w' c_{k+1}, b = w s_k + w' s_{k+1}: total and mean posterior stay
            c0, s0, c1, s1 = nodes[k, 0], nodes[k, 1], nodes[k + 1, 0], nodes[k + 1, 1]
            det = s1 * c0 - s0 * c1
            right = max(0.0, (b * c0 - a * s0) / det)
            left = max(0.0, (a * s1 - b * c1) / det)
            out[k, 0] += left * c0
            out[k, 1] += left * s0
            out[k + 1, 0] += right * c1
            out[k + 1, 1] += right * s1


@njit
def lowest(one: Any, other: Any, low: Any) -> None:
    """The smallest normalised likelihood of each state among the products."""
    states = low.size
    for i in range(one.shape[0]):
        for j in range(other.shape[0]):
            total = 0.0
            for a in range(states):
                total += one[i, a] * other[j, a]
            if total > _NEGLIGIBLE:
                for a in range(states):
                    low[a] = min(low[a], one[i, a] * other[j, a] / total)


@njit
def scatter_simplex(one: Any, other: Any, low: Any, cells: int, upper: bool, out: Any) -> None:
    """Add the products of likelihoods to their cells, or to the corners of their simplex."""
    states = low.size
    scale = 1.0 - low.sum()
    p, x, corner = np.empty(states), np.empty(states - 1), np.empty(states - 1, dtype=np.int64)
    t = np.empty(states)
    for i in range(one.shape[0]):
        for j in range(other.shape[0]):
            total = 0.0
            for a in range(states):
                p[a] = one[i, a] * other[j, a]
                total += p[a]
            if total <= _NEGLIGIBLE:
                continue
            above = 0.0
            for a in range(states - 1, 0, -1):
                above += max(0.0, (p[a] / total - low[a]) / scale)
                x[a - 1] = min(above, 1.0) * cells
                corner[a - 1] = min(int(x[a - 1]), cells)
                x[a - 1] -= corner[a - 1]
            index = 0
            for a in range(states - 1):
                index = index * (cells + 1) + corner[a]
            if not upper:
                for a in range(states):
                    out[index, a] += p[a]
                continue
            previous = 1.0
            for _ in range(states):
                step = 0
                for a in range(1, states - 1):
                    if x[a] > x[step]:
                        step = a
                weight = total * (previous - max(x[step], 0.0))
                index = 0
                for a in range(states - 1):
                    index = index * (cells + 1) + corner[a]
                if weight > 0.0:
                    t[0] = 1.0 - corner[0] / cells
                    for a in range(1, states - 1):
                        t[a] = (corner[a - 1] - corner[a]) / cells
                    t[states - 1] = corner[states - 2] / cells
                    for a in range(states):
                        out[index, a] += weight * (low[a] + scale * t[a])
                previous = max(x[step], 0.0)
                corner[step] += 1
                x[step] = -1.0
