"""Histograms of local fields: all that a configuration tells about its couplings through pseudo-likelihood.

Operator a has the local field f_a(i) = Σ_products Π s (`rgnet.operators.local_terms`): s_i f_a(i) is what flipping s_i
reverses in S_a. The vector of whole numbers (s_i f_a(i))_a is written as one key in a mixed radix; few keys
occur, so that 10⁸ spins shrink to a table of some hundred rows. Where one key of 64 bits cannot hold the vector of many
operators, several do, and rows of keys are counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import labels, lattice
from rgnet import operators as ops
from rgnet.flow._coupling_kernels import local_keys, tally, tally_hashed
from rgnet.operators import Operator, Term

Array = npt.NDArray[Any]

_MOST_DENSE = 1 << 22  # keys counted in an array; beyond, in a hash table
_CHUNK = 1 << 18  # spins at a time: their keys stay in the cache


@dataclass(frozen=True)
class Fields:
    """Histogram of local-field vectors.

    Attributes
    ----------
    vectors : float array (distinct, operator)
        The values of (s_i f_a(i))_a that occur.
    blocks : list of (index into vectors, count), one for each block of draws
    """

    vectors: Array
    blocks: list[tuple[Array, Array]]

    def counts(self) -> Array:
        """Number of occurrences of each vector in all blocks: float (distinct,)."""
        total = np.zeros(len(self.vectors))
        for index, count in self.blocks:
            total[index] += count
        return total


def selected(fields: Fields, columns: Sequence[int]) -> Fields:
    """The histogram of some of the operators: equal vectors are joined."""
    chosen = fields.vectors[:, list(columns)]
    if len(columns) == fields.vectors.shape[1]:
        return Fields(chosen, fields.blocks)
    if not columns:
        return Fields(
            chosen[:1], [(np.zeros(1, dtype=np.int64), np.array([count.sum()])) for _, count in fields.blocks]
        )
    distinct, places = _joint(chosen.T.astype(np.int64))
    blocks = []
    for index, count in fields.blocks:
        where, inside = np.unique(places[index], return_inverse=True)
        blocks.append((where, np.bincount(inside, weights=count)))
    return Fields(distinct.T.astype(np.float64), blocks)


@dataclass(frozen=True)
class _Coding:
    """How local fields become keys: see `local_keys`; ``largest`` is the number of products of each operator."""

    offsets: Array
    starts: Array
    weights: Array
    shift: int
    halve: int
    reach: int
    largest: list[int]
    radices: list[int]


def _codings(operators: Sequence[Operator], shape: Sequence[int], boundary: Sequence[str]) -> list[_Coding]:
    """Keys for the operators in order, each of as many as 62 bits hold."""
    # Where no product is ever missing, each field has the parity of their number, and halving loses nothing
    halve = int(all(name == "periodic" for name in boundary))
    groups: list[list[list[Term]]] = []
    size = 0
    for item in operators:
        products = ops.local_terms(item, shape, boundary)
        radix = (2 * len(products) >> halve) + 1
        if not groups or size * radix * 2 >= 1 << 62:
            groups.append([])
            size = 1
        groups[-1].append(products)
        size *= radix
    return [_coding(group, shape, halve) for group in groups]


def _coding(products: Sequence[Sequence[Term]], shape: Sequence[int], halve: int) -> _Coding:
    """The key of operators with these local products."""
    largest = [len(item) for item in products]
    radices = [(2 * count >> halve) + 1 for count in largest]
    steps = [math.prod(radices[:a]) for a in range(len(radices))]
    flat = [(step, product) for step, item in zip(steps, products, strict=True) for product in item]
    reach = max((abs(s) for _, product in flat for offset in product for s in offset), default=0)
    padded = [side + 2 * reach for side in shape]
    strides = [math.prod(padded[axis + 1 :]) for axis in range(len(padded))]
    offsets = [sum(s * t for s, t in zip(o, strides, strict=True)) for _, product in flat for o in product]
    return _Coding(
        np.array(offsets, dtype=np.int64),
        np.cumsum([0, *(len(product) for _, product in flat)], dtype=np.int64),
        np.array([step for step, _ in flat], dtype=np.int64),
        sum(step * count for step, count in zip(steps, largest, strict=True)),
        halve,
        reach,
        largest,
        radices,
    )


def local_fields(level: Any, operators: Sequence[Operator], edges: npt.NDArray[np.int64]) -> Fields:
    """Histogram of the local fields of a Dataset of spins ±1, by block of draws (rows chain, start, stop).

    Raises
    ------
    ValueError
        If a spin is not ±1.
    """
    space = labels.space_dims(level)
    boundary = labels.boundary(level)
    spins = level["spin"]
    if "chain" not in spins.dims:
        spins = spins.expand_dims("chain")
    spins = spins.transpose("chain", "draw", *space)
    shape = tuple(int(spins.sizes[name]) for name in space)
    codings = _codings(operators, shape, boundary)
    counter = _counter([math.prod(coding.radices) for coding in codings])
    histograms = []
    for chain, start, stop in edges:
        x = spins[int(chain), int(start) : int(stop)].values
        histograms.append(_histogram(x, codings, boundary, counter))
    rows, places = _joint(np.concatenate([keys for keys, _ in histograms], axis=1))
    bounds = np.cumsum([keys.shape[1] for keys, _ in histograms])[:-1]
    index = np.split(places, bounds)
    vectors = [_decode(keys, coding) for keys, coding in zip(rows, codings, strict=True)]
    blocks = [(where, count) for where, (_, count) in zip(index, histograms, strict=True)]
    return Fields(np.concatenate(vectors, axis=1), blocks)


def _histogram(
    x: Array, codings: Sequence[_Coding], boundary: Sequence[str], counter: "_Counter"
) -> tuple[Array, Array]:
    """Rows of keys (codings, distinct) that occur in configurations (n, *shape), in order, and how often."""
    if not ((x == 1) | (x == -1)).all():
        raise ValueError(f"a spin is {x[(x != 1) & (x != -1)][0]}: pseudo-likelihood couplings are for spins ±1")
    step = max(1, _CHUNK // math.prod(x.shape[1:]))
    for begin in range(0, len(x), step):
        chunk = x[begin : begin + step].astype(np.int8, copy=False)
        counter.add(np.stack([_keys(chunk, coding, boundary) for coding in codings]))
    return counter.take()


def _keys(x: Array, coding: _Coding, boundary: Sequence[str]) -> Array:
    """The key of every spin of int8 configurations (n, *shape): (n * sites,)."""
    shape = x.shape[1:]
    padded = tuple(side + 2 * coding.reach for side in shape)
    rows = ops.row_starts(shape, padded, coding.reach)
    padded_x = lattice.pad(x, coding.reach, len(shape), boundary)
    flat = np.ascontiguousarray(padded_x).reshape(len(x), -1)
    keys = np.empty((len(x), math.prod(shape)), dtype=np.int64)
    local_keys(flat, rows, shape[-1], coding.offsets, coding.starts, coding.weights, coding.shift, coding.halve, keys)
    return keys.ravel()


def _joint(rows: Array) -> tuple[Array, Array]:
    """Distinct columns of whole numbers (keys, n), in an order of their own, and which of them each column is (n,)."""
    packed: list[Array] = []
    size = 1
    for row in rows:
        low = int(row.min())
        span = int(row.max()) - low + 1
        if not packed or size * span >= 1 << 62:
            packed.append(row - low)
            size = span
        else:
            packed[-1] = packed[-1] * span + (row - low)
            size *= span
    _, first, places = np.unique(packed[0], return_index=True, return_inverse=True)
    for row in packed[1:]:
        values, where = np.unique(row, return_inverse=True)
        _, first, places = np.unique(places * len(values) + where, return_index=True, return_inverse=True)
    return rows[:, first], places


def _counter(sizes: Sequence[int]) -> "_Counter":
    """What counts rows of keys, each key below its bound."""
    if len(sizes) > 1:
        return _Rows()
    return _Dense(sizes[0]) if sizes[0] <= _MOST_DENSE else _Hashed()


class _Dense:
    """Counts of keys below a small bound: one place for each."""

    def __init__(self, size: int) -> None:
        self.counts = np.zeros(size, dtype=np.int64)

    def add(self, keys: Array) -> None:
        tally(keys[0], self.counts)

    def take(self) -> tuple[Array, Array]:
        """Keys met since the last call (1, distinct), in order, and their counts; forgets them."""
        found = np.flatnonzero(self.counts)
        counts = self.counts[found]
        self.counts[found] = 0
        return found[None], counts


class _Hashed:
    """Counts of arbitrary keys: a hash table that doubles before it is half full."""

    def __init__(self) -> None:
        self._clear(2 * _CHUNK)

    def _clear(self, size: int) -> None:
        self.table = np.full(1 << (size - 1).bit_length(), -1, dtype=np.int64)
        self.counts = np.zeros_like(self.table)
        self.used = 0

    def add(self, keys: Array) -> None:
        if 2 * (self.used + keys.size) > self.table.size:
            known, counts = self.take()
            self._clear(4 * (known.size + keys.size))
            self.used += tally_hashed(known[0], counts, self.table, self.counts)
        self.used += tally_hashed(keys[0], np.ones_like(keys[0]), self.table, self.counts)

    def take(self) -> tuple[Array, Array]:
        """Keys met since the last call (1, distinct), in order, and their counts; forgets them."""
        where = np.flatnonzero(self.counts)
        order = np.argsort(self.table[where])
        result = self.table[where][order][None], self.counts[where][order]
        self._clear(self.table.size)
        return result


class _Rows:
    """Counts of several keys together, by sorting."""

    def __init__(self) -> None:
        self.parts: list[Array] = []

    def add(self, keys: Array) -> None:
        self.parts.append(keys)

    def take(self) -> tuple[Array, Array]:
        """Rows of keys met since the last call (keys, distinct), in order, and their counts; forgets them."""
        distinct, places = _joint(np.concatenate(self.parts, axis=1))
        self.parts = []
        return distinct, np.bincount(places)


_Counter = _Dense | _Hashed | _Rows


def _decode(keys: Array, coding: _Coding) -> Array:
    """Field vectors from keys: float (keys, operators)."""
    columns = []
    for radix, count in zip(coding.radices, coding.largest, strict=True):
        keys, digit = np.divmod(keys, radix)
        columns.append((digit << coding.halve) - count)
    return np.stack(columns, axis=-1).astype(np.float64)
