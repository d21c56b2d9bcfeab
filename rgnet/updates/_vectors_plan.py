"""How unit vectors lie in memory while a kernel moves them, the fields they feel, and what is measured of them.

Vectors stand as ``v`` (n, N + padding), component by component, sites sorted by colour: those of one colour are no
neighbours, and a *block* of them, some hundred sites in a row, is moved at once by loops without branches. The padding
is zero, and stands for what lies beyond a free boundary.

On hypercubic lattices of two colours whose last side is even, a row of the lattice is half a row of each colour. Site
j of a half row has its neighbours along other axes at j of other half rows, and those along the row at j and j ± 1 of
the same row's other half: sums over contiguous numbers. Elsewhere there is a table of neighbours.

Angles are turned into vectors when a sweep begins, and back when it ends: what a sweep does depends on the angles
alone, however sweeps are put together in calls, and vectors cannot drift from length 1.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from rgnet import lattice
from rgnet._jit import njit
from rgnet.lattice import Geometry
from rgnet.models.xy import XY
from rgnet.updates._vectors_math import angle, sincos

_BLOCK = 256  # sites that are moved at once, unless half rows are longer
_TURN = 1.0 / (2.0 * math.pi)
_MAGIC = 6755399441055744.0  # see `_vectors_math`


class Plan(NamedTuple):
    """What a kernel has to know of a model.

    Attributes
    ----------
    n : components of a vector
    angles : whether the state holds angles in place of vectors
    K, h : couplings
    order : site of every place in ``v``
    blocks : where blocks begin, and N
    half : length of half a row, or 0 where there is a table of neighbours
    rows : beginnings of the half rows that are neighbours of each half row, first the rest of its own row, last none
    shift : the sign in j ± 1, of each half row
    wraps : whether rows are periodic
    near : neighbours of each place, (degree, N) or empty
    half_blocks : blocks in which every bond ends once, or 0 if every bond ends twice in all blocks
    longest : sites of the longest block
    ahead : next site along each axis, N for none, (d, N) or empty where neither helicity nor vortices are measured
    sides : (sites in a step of the first axis, length of the last side)
    """

    n: int
    angles: bool
    K: float
    h: float
    order: Any
    blocks: Any
    half: int
    rows: Any
    shift: Any
    wraps: bool
    near: Any
    half_blocks: int
    longest: int
    ahead: Any
    sides: Any


def plan(model: Any, in_turn: bool = False) -> Plan:
    """The plan of an XY or O(n) model: by colour, or one site after the other."""
    geometry: Geometry = model.geometry
    is_xy = isinstance(model, XY)
    n = 2 if is_xy else model.n
    size = geometry.n_sites
    half = 0
    rows, shift = np.empty((0, 1), dtype=np.int64), np.empty(0, dtype=np.int64)
    near = np.empty((0, size), dtype=np.int32)
    half_blocks = 0
    if in_turn:
        order = np.arange(size, dtype=np.int32)
        begins = np.arange(size + 1, dtype=np.int64)
    else:
        order, starts = lattice.by_color(geometry)
        if geometry.kind == "hypercubic" and len(starts) == 3 and geometry.shape[-1] % 2 == 0:
            half = geometry.shape[-1] // 2
            rows, shift = _half_rows(geometry)
        length = half * max(1, _BLOCK // half) if half else _BLOCK
        parts = [np.arange(starts[c], starts[c + 1], length) for c in range(len(starts) - 1)]
        half_blocks = len(parts[0]) if len(parts) == 2 else 0
        begins = np.append(np.concatenate(parts), size).astype(np.int64)
    if half == 0:
        place = np.empty(size + 1, dtype=np.int32)
        place[order] = np.arange(size, dtype=np.int32)
        place[size] = size
        near = np.ascontiguousarray(place[lattice.neighbor_table(geometry)[:, order]])
    ahead = np.empty((0, size), dtype=np.int32)
    if is_xy and geometry.kind == "hypercubic":
        ahead = np.ascontiguousarray(lattice.nearest_neighbors(geometry.shape, geometry.boundary)[::2])
    return Plan(
        n,
        is_xy,
        float(model.K),
        float(model.h),
        np.array(order),  # the lattice's own is read-only, which is another type to the compiler
        begins,
        half,
        rows,
        shift,
        geometry.boundary[-1] == "periodic",
        near,
        half_blocks,
        int(np.diff(begins).max()),
        ahead,
        np.array([size // geometry.shape[0], geometry.shape[-1]], dtype=np.int64),
    )


def measured_by(plan: Plan) -> tuple[str, ...]:
    """Names of what `measure` writes, in order."""
    names: tuple[str, ...] = ("energy", "magnetization")
    if plan.ahead.shape[0] > 0:
        names += ("helicity_cos", "helicity_sin")
    return (*names, "vortices") if plan.ahead.shape[0] > 1 else names


def _half_rows(geometry: Geometry) -> tuple[Any, Any]:
    """Neighbouring half rows and the sign of the shift, of every half row: colour 0 first, then colour 1."""
    size, half = geometry.n_sites, geometry.shape[-1] // 2
    n_rows = size // geometry.shape[-1]
    lead = geometry.shape[:-1]
    others = np.empty((0, 1), dtype=np.int64)
    parity = np.zeros(1, dtype=np.int64)
    if lead:
        others = lattice.nearest_neighbors(lead, geometry.boundary[:-1]).astype(np.int64)
        parity = np.indices(lead).sum(axis=0).ravel() % 2
    rows, shift = [], []
    for color in (0, 1):
        begin = (1 - color) * (size // 2)  # of the neighbours' colour
        own = begin + np.arange(n_rows) * half
        rest = np.where(others == n_rows, size, begin + others * half)
        nothing = np.full((1, n_rows), size)  # which makes their number even
        rows.append(np.concatenate([own[None], rest, nothing]).T)
        shift.append(np.where((parity + color) % 2 == 0, -1, 1))
    return np.ascontiguousarray(np.concatenate(rows)), np.concatenate(shift)


@njit
def load(state: Any, v: Any, plan: Any) -> None:
    """Vectors from the state."""
    order = plan.order
    size = order.size
    if plan.angles:
        c, s = v[0], v[1]
        for k in range(size):
            c[k] = state[order[k]]
        for k in range(size):
            s[k], c[k] = sincos(c[k])
    else:
        for a in range(plan.n):
            row, given = v[a], state[a * size : (a + 1) * size]
            for k in range(size):
                row[k] = given[order[k]]


@njit
def store(v: Any, state: Any, spare: Any, plan: Any) -> None:
    """The state from vectors."""
    order = plan.order
    size = order.size
    if plan.angles:
        c, s = v[0], v[1]
        for k in range(size):
            spare[k] = angle(s[k], c[k])
        for k in range(size):
            state[order[k]] = spare[k]
    else:
        for a in range(plan.n):
            row, wanted = v[a], state[a * size : (a + 1) * size]
            for k in range(size):
                wanted[order[k]] = row[k]


@njit
def fields(v: Any, begin: int, end: int, K: float, h: float, out: Any, plan: Any) -> None:
    """K Σ s_j, and h in the first component, of the sites of a block, into ``out`` (n, ≥ end − begin)."""
    half = plan.half
    for a in range(plan.n):
        x = v[a]
        block = out[a]
        for j in range(end - begin):
            block[j] = 0.0
        if half == 0:
            for k in range(plan.near.shape[0]):
                near = plan.near[k, begin:end]
                for j in range(end - begin):
                    block[j] += x[near[j]]
        else:
            for row in range(begin // half, end // half):
                total = block[row * half - begin : (row + 1) * half - begin]
                starts = plan.rows[row]
                own = x[starts[0] : starts[0] + half]
                for k in range(0, starts.size - 1, 2):
                    one, other = x[starts[k] : starts[k] + half], x[starts[k + 1] : starts[k + 1] + half]
                    for j in range(half):
                        total[j] += one[j] + other[j]
                # The second neighbour along the row, at j − 1 or j + 1
                low = 1 if plan.shift[row] < 0 else 0
                if plan.wraps:
                    total[(half - 1) * (1 - low)] += own[(half - 1) * low]
                moved, given = total[low:], own[1 - low :]
                for j in range(half - 1):
                    moved[j] += given[j]
        field = h if a == 0 else 0.0
        for j in range(end - begin):
            block[j] = K * block[j] + field


@njit
def _total(x: Any) -> float:
    total = 0.0
    for value in x:
        total += value
    return total


@njit
def measure(v: Any, state: Any, out: Any, sums: Any, total: Any, plan: Any) -> None:
    """Write what `measured_by` names; ``out`` (n, longest) and ``sums`` (2 + n, longest) are scratch."""
    n = plan.n
    sums[:] = 0.0
    n_blocks = plan.blocks.size - 1
    for block in range(n_blocks):
        begin, end = plan.blocks[block], plan.blocks[block + 1]
        for a in range(n):
            x, acc = v[a, begin:end], sums[2 + a]
            for j in range(end - begin):
                acc[j] += x[j]
        if plan.half_blocks == 0 or block < plan.half_blocks:
            fields(v, begin, end, 1.0, 0.0, out, plan)
            for a in range(n):
                x, acc, near = v[a, begin:end], sums[0], out[a]
                for j in range(end - begin):
                    acc[j] += x[j] * near[j]
    bonds = _total(sums[0]) * (0.5 if plan.half_blocks == 0 else 1.0)
    for a in range(n):
        total[1 + a] = _total(sums[2 + a])
    total[0] = -(plan.K * bonds + plan.h * total[1]) + 0.0
    if plan.ahead.shape[0] > 0:
        total[3], total[4] = _helicity(state, sums, plan)
    if plan.ahead.shape[0] == 2:
        total[5] = _vortices_in_plane(state, plan)
    elif plan.ahead.shape[0] > 2:
        total[5] = _vortices(state, plan)


@njit
def _helicity(x: Any, sums: Any, plan: Any) -> tuple[float, float]:
    """Σ cos Δ and Σ sin Δ over the bonds along the first axis."""
    size, step = plan.order.size, plan.sides[0]
    sums[:2] = 0.0
    cosines, sines = sums[0], sums[1]
    for begin in range(0, size, step):
        following = plan.ahead[0, begin]
        if following == size:
            continue
        for low in range(0, step, plan.longest):
            high = min(step, low + plan.longest)
            here, there = x[begin + low : begin + high], x[following + low : following + high]
            for j in range(high - low):
                s, c = sincos(there[j] - here[j])
                cosines[j] += c
                sines[j] += s
    return _total(cosines), _total(sines)


@njit
def _turns(a: float, b: float) -> float:
    """Whole turns in b − a."""
    return ((b - a) * _TURN + _MAGIC) - _MAGIC


@njit
def _vortices_in_plane(x: Any, plan: Any) -> float:
    """Σ|n| over the plaquettes of a lattice of two dimensions, row by row (see `rgnet.models.xy.vortices`)."""
    size, length = plan.order.size, plan.sides[1]
    count = np.zeros(length)
    row = np.empty((2, length + 1))
    for begin in range(0, size, length):
        following = plan.ahead[0, begin]
        if following == size:
            continue
        for j in range(length):
            row[0, j], row[1, j] = x[begin + j], x[following + j]
        # Across a free side a row is continued by itself: such a plaquette has no winding
        last = 0 if plan.wraps else length - 1
        row[0, length], row[1, length] = row[0, last], row[1, last]
        a, b, c, d = row[0], row[0, 1:], row[1], row[1, 1:]
        for j in range(length):
            count[j] += abs(_turns(a[j], b[j]) + _turns(b[j], d[j]) - _turns(c[j], d[j]) - _turns(a[j], c[j]))
    return _total(count)


@njit
def _vortices(x: Any, plan: Any) -> float:
    """Σ|n| over all plaquettes, in any number of dimensions."""
    ahead = plan.ahead
    size = plan.order.size
    count = 0.0
    for i in range(size):
        for a in range(ahead.shape[0]):
            right = ahead[a, i]
            if right == size:
                continue
            for b in range(a + 1, ahead.shape[0]):
                up = ahead[b, i]
                if up == size:
                    continue
                far = ahead[b, right]
                winding = (
                    _turns(x[i], x[up]) + _turns(x[up], x[far]) - _turns(x[right], x[far]) - _turns(x[i], x[right])
                )
                count += abs(winding)
    return count
