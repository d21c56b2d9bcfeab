"""Nearest neighbours and counts within a distance, in the maximum norm: a balanced k-d tree with leaf buckets.

Every comparison is made between distances *as computed*, fl|x_j − x_i|. Rounding is monotone, so a bounding box gives
exact bounds on them, and a point that lies on the boundary of a ball is never counted as inside. (The usual
``searchsorted(x ± r)`` rounds x ± r and counts the boundary point now and then: −0.008 in KSG at 10⁴ points.)

The points of a leaf are consecutive in memory, coordinate by coordinate, and queries are made in the order of the
tree, so that neighbours in space are neighbours in the cache. The tree is a complete binary one: children of node c
are 2c and 2c + 1, so a search for neighbours starts in its own leaf and climbs. One coordinate needs no tree: sorted
values and a binary search.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rgnet._jit import fill_from, njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAF = 16  # points in a leaf, at most, in few dimensions
MOST = 128  # and in many: a box then costs as much as many points
FIRST_BATCH = 2048
SLOW, FAST = 0.4, 0.1  # seconds of one call: batches are halved above, doubled below


class Tree(NamedTuple):
    """A k-d tree: points in the order of the tree, and the bounding box of every node.

    Attributes
    ----------
    points : array (d, n)
        Coordinates, in the order of the tree.
    order : array (n,)
        Which of the original points each is.
    edges : array (2·leaves, 2)
        First and one-past-last point of each node.
    low, high : array (2·leaves, d)
        Bounding box of each node.
    """

    points: Floats
    order: Ints
    edges: Ints
    low: Floats
    high: Floats


def build(points: Floats) -> Tree:
    """The k-d tree of points (n, d)."""
    n, d = points.shape
    leaves = 1
    leaf = min(MOST, max(LEAF, d * d // 4))
    while leaves * leaf < n:
        leaves *= 2
    order = np.arange(n)
    edges = np.zeros((2 * leaves, 2), dtype=np.int64)
    low, high = np.zeros((2 * leaves, d)), np.zeros((2 * leaves, d))
    columns = np.ascontiguousarray(points.T, dtype=np.float64)
    edges[1] = 0, n
    level = 1
    while level <= leaves:  # one level a call: at most about a tenth of a second for 10⁶ points
        _split_level(columns, order, edges, low, high, level, level < leaves)
        level *= 2
    return Tree(np.ascontiguousarray(columns[:, order]), order, edges, low, high)


def neighbours(points: Floats, k: int) -> tuple[Floats, Ints]:
    """The k nearest other points of each point, in the maximum norm.

    Parameters
    ----------
    points : array (n, d)
    k : int
        Less than n.

    Returns
    -------
    distances : array (n, k)
        Rising.
    indices : array (n, k)
        Which points they are. Of points at equal distances those of lower index come first.
    """
    tree = build(points)
    distances, indices = np.empty((len(points), k)), np.empty((len(points), k), dtype=np.int64)
    _in_batches(_nearest, len(points), *tree, k, distances, indices)
    return distances, indices


def neighbours_of(queries: Floats, points: Floats, k: int) -> Floats:
    """Distances (m, k) from other places (m, d) to their k nearest of the points (n, d), rising."""
    tree = build(points)
    distances = np.empty((len(queries), k))
    _in_batches(_nearest_from, len(queries), np.ascontiguousarray(queries), *tree, k, distances)
    return distances


def counts(points: Floats, radii: Floats, *, closed: bool = False) -> Ints:
    """How many other points lie within a distance of each point, in the maximum norm.

    Parameters
    ----------
    points : array (n, d)
    radii : array (n,)
    closed : bool
        Count distances equal to the radius too.

    Returns
    -------
    array (n,)
    """
    found = counts_of(points, points, radii, closed=closed)
    return found - (radii >= 0 if closed else radii > 0)  # not the point itself


def counts_of(queries: Floats, points: Floats, radii: Floats, *, closed: bool = False) -> Ints:
    """How many of the points (n, d) lie within a distance (m,) of each place (m, d)."""
    radii = np.nextafter(radii, np.inf) if closed else np.ascontiguousarray(radii, dtype=np.float64)
    result = np.empty(len(queries), dtype=np.int64)
    if points.shape[1] == 1:
        order = np.argsort(queries[:, 0], kind="stable") if queries is not points else np.argsort(points[:, 0])
        column = points[order, 0] if queries is points else np.sort(points[:, 0])
        _in_batches(_count_sorted, len(queries), queries[order, 0], order, column, radii, result)
        return result
    tree = build(points)
    order = tree.order if queries is points else np.arange(len(queries))
    _in_batches(_count, len(queries), np.ascontiguousarray(queries), order, *tree, radii, result)
    return result


def _in_batches(kernel: Callable[..., Any], n: int, *arguments: Any) -> None:
    """Run kernel(first, last, …) over 0 … n in pieces short enough that an interrupt is heard."""
    first, size = 0, FIRST_BATCH
    while first < n:
        last = min(n, first + size)
        begin = time.perf_counter()
        kernel(first, last, *arguments)
        took = time.perf_counter() - begin
        first = last
        size = size * 2 if took < FAST else max(16, size // 2) if took > SLOW else size


@njit
def _select(keys: Floats, order: Ints, first: int, last: int, middle: int) -> None:
    """Permute keys and order in first…last (excluded) until keys before the middle are ≤ those from it on (Hoare)."""
    last -= 1
    while first < last:
        a, b, c = keys[first], keys[(first + last) // 2], keys[last]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = first, last
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            last = j
        elif middle >= i:
            first = i
        else:
            return


@njit
def _split_level(columns: Floats, order: Ints, edges: Ints, low: Floats, high: Floats, level: int, split: bool) -> None:
    """Bounding boxes of the nodes level … 2·level − 1; each split at the median of its widest coordinate."""
    d, n = columns.shape
    keys = np.empty(n)
    for node in range(level, 2 * level):
        first, last = edges[node]
        widest, extent = 0, -1.0
        for c in range(d):
            small, large = np.inf, -np.inf
            for i in range(first, last):
                value = columns[c, order[i]]
                small = min(small, value)
                large = max(large, value)
            low[node, c], high[node, c] = small, large
            if large - small > extent:
                widest, extent = c, large - small
        if split:
            middle = (first + last) // 2
            for i in range(first, last):
                keys[i] = columns[widest, order[i]]
            _select(keys, order, first, last, middle)
            edges[2 * node, 0], edges[2 * node, 1] = first, middle
            edges[2 * node + 1, 0], edges[2 * node + 1, 1] = middle, last


@njit
def _box_distance(place: Floats, low: Floats, high: Floats, node: int) -> float:
    """Distance from a place to a node's box: no point in it is nearer."""
    distance = 0.0
    for c in range(place.size):
        distance = max(distance, low[node, c] - place[c], place[c] - high[node, c])
    return distance


@njit
def _distances(place: Floats, points: Floats, first: int, last: int, out: Floats) -> None:
    """Distances from a place to the points first … last."""
    result = out[: last - first]  # slices: an index that cannot be negative lets the loops be vectorised
    row, q = points[0, first:last], place[0]
    for i in range(result.size):
        result[i] = abs(row[i] - q)
    for c in range(1, place.size):
        row, q = points[c, first:last], place[c]
        for i in range(result.size):
            z = abs(row[i] - q)
            result[i] = z if z > result[i] else result[i]


@njit
def _offer(near: Floats, who: Ints, k: int, distance: float, index: int) -> None:
    """Insert a neighbour into the rising list, if it belongs there."""
    if distance > near[k - 1] or (distance == near[k - 1] and index > who[k - 1]):
        return
    slot = k - 1
    while slot > 0 and (near[slot - 1] > distance or (near[slot - 1] == distance and who[slot - 1] > index)):
        near[slot], who[slot] = near[slot - 1], who[slot - 1]
        slot -= 1
    near[slot], who[slot] = distance, index


@njit
def _descend(
    place: Floats, skip: int, root: int, leaves: int, points: Floats, order: Ints, edges: Ints, low: Floats,
    high: Floats, k: int, near: Floats, who: Ints, stack: Ints, bounds: Floats, buffer: Floats,
) -> None:  # fmt: skip
    """Offer the points below a node, nearer child first."""
    stack[0], bounds[0] = root, _box_distance(place, low, high, root)
    size = 1
    while size > 0:
        size -= 1
        node = stack[size]
        if bounds[size] > near[k - 1]:
            continue
        if node >= leaves:
            first, last = edges[node]
            _distances(place, points, first, last, buffer)
            worst = near[k - 1]
            for i in range(last - first):
                if buffer[i] <= worst and first + i != skip:
                    _offer(near, who, k, buffer[i], order[first + i])
                    worst = near[k - 1]
            continue
        left = _box_distance(place, low, high, 2 * node)
        right = _box_distance(place, low, high, 2 * node + 1)
        nearer = 0 if left <= right else 1
        stack[size], bounds[size] = 2 * node + 1 - nearer, max(left, right)
        stack[size + 1], bounds[size + 1] = 2 * node + nearer, min(left, right)
        size += 2


@njit
def _nearest(
    begin: int, end: int, points: Floats, order: Ints, edges: Ints, low: Floats, high: Floats, k: int,
    distances: Floats, indices: Ints,
) -> None:  # fmt: skip
    """Neighbours of the points begin … end (in the tree's order): from each one's own leaf up to the root."""
    leaves = len(edges) // 2
    stack, bounds, buffer = np.empty(64, dtype=np.int64), np.empty(64), np.empty(2 * MOST)
    near, who, place = np.empty(k), np.empty(k, dtype=np.int64), np.empty(len(points))
    leaf = leaves
    for i in range(begin, end):
        while edges[leaf, 1] <= i:
            leaf += 1
        fill_from(place, points[:, i])
        near[:] = np.inf
        who[:] = -1
        node = leaf
        _descend(place, i, node, leaves, points, order, edges, low, high, k, near, who, stack, bounds, buffer)
        while node > 1:
            if _box_distance(place, low, high, node ^ 1) <= near[k - 1]:
                _descend(
                    place, i, node ^ 1, leaves, points, order, edges, low, high, k, near, who, stack, bounds, buffer
                )
            node >>= 1
        fill_from(distances[order[i]], near)
        fill_from(indices[order[i]], who)


@njit
def _nearest_from(
    begin: int, end: int, queries: Floats, points: Floats, order: Ints, edges: Ints, low: Floats, high: Floats, k: int,
    distances: Floats,
) -> None:  # fmt: skip
    """Distances from the queries begin … end to their nearest points."""
    leaves = len(edges) // 2
    stack, bounds, buffer = np.empty(64, dtype=np.int64), np.empty(64), np.empty(2 * MOST)
    near, who = np.empty(k), np.empty(k, dtype=np.int64)
    for i in range(begin, end):
        near[:] = np.inf
        who[:] = -1
        _descend(queries[i], -1, 1, leaves, points, order, edges, low, high, k, near, who, stack, bounds, buffer)
        fill_from(distances[i], near)


@njit
def _count(
    begin: int, end: int, queries: Floats, which: Ints, points: Floats, order: Ints, edges: Ints, low: Floats,
    high: Floats, radii: Floats, result: Ints,
) -> None:  # fmt: skip
    """Points nearer than the radius to the queries which[begin … end]: boxes wholly inside are counted at once."""
    leaves = len(edges) // 2
    stack, buffer, place = np.empty(64, dtype=np.int64), np.empty(2 * MOST), np.empty(len(points))
    for i in range(begin, end):
        fill_from(place, queries[which[i]])
        radius = radii[which[i]]
        total = 0
        stack[0], size = 1, 1
        while size > 0:
            size -= 1
            node = stack[size]
            nearest, farthest = 0.0, 0.0
            for c in range(place.size):
                below, above = place[c] - low[node, c], high[node, c] - place[c]
                nearest = max(nearest, -below, -above)
                farthest = max(farthest, below, above)
            first, last = edges[node]
            if nearest >= radius:
                continue
            if farthest < radius:
                total += last - first
            elif node >= leaves:
                _distances(place, points, first, last, buffer)
                for j in range(last - first):
                    total += buffer[j] < radius
            else:
                stack[size], stack[size + 1] = 2 * node, 2 * node + 1
                size += 2
        result[which[i]] = total


@njit
def _count_sorted(
    begin: int, end: int, queries: Floats, which: Ints, column: Floats, radii: Floats, result: Ints
) -> None:
    """The same on sorted values: the points inside are consecutive, and two binary searches find their ends."""
    n = column.size
    for i in range(begin, end):
        q, radius = queries[i], radii[which[i]]
        low, size = 0, n  # first value that is not below the ball
        while size > 0:
            half = size >> 1
            below = q - column[low + half] >= radius
            low = low + half + 1 if below else low
            size = size - half - 1 if below else half
        high, size = low, n - low  # first value above it
        while size > 0:
            half = size >> 1
            inside = column[high + half] - q < radius
            high = high + half + 1 if inside else high
            size = size - half - 1 if inside else half
        result[which[i]] = high - low
