"""Histograms of local fields: all that a configuration tells about its couplings through pseudo-likelihood.

Operator a has the local field f_a(i) = Σ_products Π s (`rgnet.operators.local_terms`): s_i f_a(i) is what flipping s_i
reverses in S_a. The vector of whole numbers (s_i f_a(i))_a is written as one key in a mixed radix; few keys
occur, so that 10⁸ spins shrink to a table of some hundred rows.
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
from rgnet.operators import Operator

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


def _coding(operators: Sequence[Operator], shape: Sequence[int], boundary: Sequence[str]) -> _Coding:
    products = [ops.local_terms(item, shape, boundary) for item in operators]
    largest = [len(item) for item in products]
    # Where no product is ever missing, each field has the parity of their number, and halving loses nothing
    halve = int(all(name == "periodic" for name in boundary))
    radices = [(2 * count >> halve) + 1 for count in largest]
    if math.prod(radices) * 2 >= 1 << 62:
        raise ValueError(
            f"{len(operators)} operators with {largest} neighbours each have too many local fields for a 64-bit key; "
            f"use fewer operators"
        )
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
    coding = _coding(operators, shape, boundary)
    counter = _Dense(math.prod(coding.radices)) if math.prod(coding.radices) <= _MOST_DENSE else _Hashed()
    histograms = []
    for chain, start, stop in edges:
        x = spins[int(chain), int(start) : int(stop)].values
        histograms.append(_histogram(x, coding, boundary, counter))
    keys = np.unique(np.concatenate([key for key, _ in histograms]))
    blocks = [(np.searchsorted(keys, key), count) for key, count in histograms]
    return Fields(_decode(keys, coding), blocks)


def _histogram(x: Array, coding: _Coding, boundary: Sequence[str], counter: "_Dense | _Hashed") -> tuple[Array, Array]:
    """Keys that occur in configurations (n, *shape), in order, and how often."""
    shape = x.shape[1:]
    if not ((x == 1) | (x == -1)).all():
        raise ValueError(f"a spin is {x[(x != 1) & (x != -1)][0]}: pseudo-likelihood couplings are for spins ±1")
    padded = tuple(side + 2 * coding.reach for side in shape)
    rows = ops.row_starts(shape, padded, coding.reach)
    step = max(1, _CHUNK // math.prod(shape))
    for begin in range(0, len(x), step):
        chunk = lattice.pad(x[begin : begin + step].astype(np.int8, copy=False), coding.reach, len(shape), boundary)
        flat = np.ascontiguousarray(chunk).reshape(len(chunk), -1)
        keys = np.empty((len(chunk), math.prod(shape)), dtype=np.int64)
        local_keys(
            flat, rows, shape[-1], coding.offsets, coding.starts, coding.weights, coding.shift, coding.halve, keys
        )
        counter.add(keys.ravel())
    return counter.take()


class _Dense:
    """Counts of keys below a small bound: one place for each."""

    def __init__(self, size: int) -> None:
        self.counts = np.zeros(size, dtype=np.int64)

    def add(self, keys: Array) -> None:
        tally(keys, self.counts)

    def take(self) -> tuple[Array, Array]:
        """Keys met since the last call, in order, and their counts; forgets them."""
        found = np.flatnonzero(self.counts)
        counts = self.counts[found]
        self.counts[found] = 0
        return found, counts


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
            self.used += tally_hashed(known, counts, self.table, self.counts)
        self.used += tally_hashed(keys, np.ones_like(keys), self.table, self.counts)

    def take(self) -> tuple[Array, Array]:
        """Keys met since the last call, in order, and their counts; forgets them."""
        where = np.flatnonzero(self.counts)
        order = np.argsort(self.table[where])
        result = self.table[where][order], self.counts[where][order]
        self._clear(self.table.size)
        return result


def _decode(keys: Array, coding: _Coding) -> Array:
    """Field vectors from keys: float (keys, operators)."""
    columns = []
    for radix, count in zip(coding.radices, coding.largest, strict=True):
        keys, digit = np.divmod(keys, radix)
        columns.append((digit << coding.halve) - count)
    return np.stack(columns, axis=-1).astype(np.float64)
