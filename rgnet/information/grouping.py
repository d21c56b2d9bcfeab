"""Rows that agree within a tolerance, grouped: single linkage in the maximum norm, without a rounding grid.

Two rows are linked when no coordinate differs by more than the tolerance; groups are the connected components. A
grid of rounded values would split pairs of equal rows that lie across one of its lines; linkage cannot.

The work is that of a few sorts. A gap wider than the tolerance in any projection Σ w_i r_i with Σ|w_i| ≤ 1 separates
components for good, so segments of sorted projections are cut at their gaps: first along one generic direction, then
each segment along its widest coordinate. A segment whose every coordinate spans at most the tolerance is a group.
What is left, where gaps interleave or rows form chains, is linked pair by pair among neighbours in a plane, after rows
within a hundredth of the tolerance have been taken as one (so the tolerance itself is sharp to 1 % only).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PAIRS_PER_CALL = 50_000_000  # pairs of rows compared before Python sees signals again
NEAR = 0.01  # of the tolerance: rows that agree so well are taken as one before pairs are compared


def group_rows(rows: Any, tolerance: float) -> Ints:
    """Labels of rows, equal where a chain of rows links them whose neighbours agree within the tolerance.

    Parameters
    ----------
    rows : array (n, d) or (n,)
        Real vectors.
    tolerance : float
        The largest difference, in any coordinate, of two rows that are linked; 0 groups equal rows only.

    Returns
    -------
    array (n,) of int64
        0, 1, 2, … in order of first appearance.

    Raises
    ------
    ValueError
        If the rows are not finite real vectors, or the tolerance is negative or not finite.
    """
    array = np.asarray(rows)
    if array.dtype.kind not in "biuf" or array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"rows of shape {array.shape}, dtype {array.dtype}: give real vectors as (n, d), n and d ≥ 1")
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance={tolerance!r}: a finite number, zero or positive")
    values = array.astype(np.float64, copy=False).reshape(len(array), -1)
    if not np.isfinite(values).all():
        raise ValueError(f"the rows have {np.count_nonzero(~np.isfinite(values))} entries that are not finite numbers")
    segments, resolved = _split(values, float(tolerance))
    if not resolved.all() and values.shape[1] > 1:  # on a line, rows without a gap are a chain
        segments = _link(values, segments, resolved, float(tolerance))
    return in_order_of_appearance(segments)


def in_order_of_appearance(labels: npt.NDArray[Any]) -> Ints:
    """Non-negative labels renumbered 0, 1, 2, … in the order in which they first appear; −1 stays."""
    used = labels[labels >= 0]
    if used.size == 0:
        return np.full(labels.shape, -1, dtype=np.int64)
    first = np.full(int(used.max()) + 1, used.size)
    first[used[::-1]] = np.arange(used.size)[::-1]  # of repeated indices the last assignment stays
    new = np.empty(first.size, dtype=np.int64)
    new[np.argsort(first, kind="stable")] = np.arange(first.size)
    result = np.full(labels.shape, -1, dtype=np.int64)
    result[labels >= 0] = new[used]
    return result


def _split(rows: Floats, tolerance: float) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Segment of each row, and which segments are groups for certain (the others are unions of groups)."""
    n, d = rows.shape
    direction = 0.5 + np.modf((1.0 + np.arange(d)) * 0.6180339887498949)[0]
    key = rows @ (direction / direction.sum())
    slack = 4e-16 * d * max(float(np.abs(rows).max()), 1e-300)  # equal rows may differ by so much in their projection
    order = np.argsort(key, kind="stable")
    starts = np.concatenate(([True], np.diff(key[order]) > tolerance + slack))
    segments = np.empty(n, dtype=np.int64)
    segments[order] = np.cumsum(starts) - 1
    count = int(starts.sum())
    resolved = np.ones(count, dtype=np.bool_)
    while order.size:
        # `order` holds rows of undecided segments, each segment contiguous
        begin = np.flatnonzero(starts)
        inside = rows[order]
        spans = np.maximum.reduceat(inside, begin) - np.minimum.reduceat(inside, begin)
        open_segment = spans.max(axis=1) > tolerance
        if not open_segment.any():
            break
        local = np.cumsum(starts) - 1
        keep = open_segment[local]
        local, order = local[keep], order[keep]
        key = rows[order, spans.argmax(axis=1)[local]]
        by_key = np.lexsort((key, local))
        local, order, key = local[by_key], order[by_key], key[by_key]
        news = np.concatenate(([True], np.diff(local) > 0))
        cuts = np.concatenate(([False], np.diff(key) > tolerance)) & ~news
        # A segment without a cut along its widest coordinate is left to the linking of pairs
        was_cut = np.zeros(open_segment.size, dtype=np.bool_)
        was_cut[local[cuts]] = True
        resolved[segments[order[news & ~was_cut[local]]]] = False
        keep = was_cut[local]
        order, starts, cuts = order[keep], (news | cuts)[keep], cuts[keep]
        if order.size:
            names = np.where(cuts, count - 1 + np.cumsum(cuts), -1)
            names[~cuts & starts] = segments[order[~cuts & starts]]
            segments[order] = names[starts][np.cumsum(starts) - 1]
            count += int(cuts.sum())
            resolved = np.concatenate((resolved, np.ones(int(cuts.sum()), dtype=np.bool_)))
    return segments, resolved


def _link(rows: Floats, segments: Ints, resolved: npt.NDArray[np.bool_], tolerance: float) -> Ints:
    """Segments with the unresolved ones broken into their connected components."""
    from rgnet.information._grouping_kernels import link_strips

    members = np.flatnonzero(~resolved[segments])
    # Rows of one fine cell are linked for certain; one of them stands for all (a cell's border separates nothing)
    cells, _ = _split(np.floor((rows[members] - rows[members].min(axis=0)) / (NEAR * tolerance)), 0.0)
    _, first, piece = np.unique(cells, return_index=True, return_inverse=True)
    chosen = members[first]
    _, local = np.unique(segments[chosen], return_inverse=True)
    by_segment = np.argsort(local, kind="stable")
    begin = np.flatnonzero(np.concatenate(([True], np.diff(local[by_segment]) > 0)))
    inside = rows[chosen[by_segment]]
    lowest = np.minimum.reduceat(inside, begin)
    second, widest = np.argsort(np.maximum.reduceat(inside, begin) - lowest, axis=1)[:, -2:].T
    # Strips of one tolerance along the widest coordinate (no more of them than rows, as it shows no gap), sorted
    # inside along the second: rows that agree are in one strip or in neighbouring ones
    width = tolerance * (1.0 + 1e-9)
    strip = np.floor((rows[chosen, widest[local]] - lowest[local, widest[local]]) / width).astype(np.int64)
    key = rows[chosen, second[local]]
    order = np.lexsort((key, strip, local))
    change = (np.diff(local[order]) > 0) | (np.diff(strip[order]) > 0)
    ends = np.append(np.flatnonzero(change) + 1, order.size)
    last = order[ends - 1]  # one row of each strip
    adjacent = np.append((np.diff(local[last]) == 0) & (np.diff(strip[last]) == 1), False)
    number = np.concatenate(([0], np.cumsum(change)))
    parent, row = np.arange(order.size), 0
    numbers, keys = rows[chosen[order]], key[order]
    while row < order.size:
        row = int(link_strips(numbers, number, ends, adjacent, keys, tolerance, parent, row, PAIRS_PER_CALL))
    while not np.array_equal(parent, parent[parent]):
        parent = parent[parent]
    root = np.empty(order.size, dtype=np.int64)
    root[order] = parent
    result = segments.copy()
    result[members] = resolved.size + root[piece]
    return result
