"""Counts of symbols, which merge: what discrete information needs of a sample, and all that a stream has to keep.

A symbol is one row of one or several variables. Counts of parts add up to the counts of the whole, in any order, so
that a long run, or many workers, keep counts instead of draws; marginal counts follow from joint ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.information.samples import as_labels, paired

Array = npt.NDArray[Any]

_DENSE = 4  # tables of at most so many cells a draw are filled, others sorted
_ROOM = 1 << 16
_LONG = 100_000  # draws from which a compiled kernel is worth its loading
_MOST = 1 << 15  # symbols that it counts
_LOOK = 1000
_BATCH = 50_000_000


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each symbol was seen.

    ``Counts.of(x)`` counts the rows of x, ``Counts.of(x, y)`` pairs of rows; ``a + b`` are the counts of both
    samples. Symbols are kept in the order of the sorted distinct rows.

    Attributes
    ----------
    keys : tuple of arrays (m, ...)
        The symbols: one array a variable, row i of each belonging to symbol i.
    counts : array (m,) of int64
        How often each was seen, at least once.
    """

    keys: tuple[Array, ...]
    counts: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts)
        if counts.ndim != 1 or counts.dtype.kind not in "iu":
            raise ValueError(f"counts of shape {counts.shape} and type {counts.dtype}: give whole numbers (m,)")
        if not self.keys or any(len(key) != len(counts) for key in self.keys):
            raise ValueError(
                f"keys of lengths {[len(key) for key in self.keys]} for {len(counts)} counts: give one each"
            )
        if counts.size and int(counts.min()) < 1:
            raise ValueError(f"a count is {int(counts.min())}: symbols that were not seen are left out")
        if counts.size > 1 and (different := _distinct(self.keys)) < counts.size:
            raise ValueError(
                f"{counts.size} keys of which {different} are different: each symbol has one count; "
                "count draws with Counts.of, or add Counts of parts"
            )

    @classmethod
    def of(cls, *variables: Any) -> "Counts":
        """Count the rows of one or several variables together.

        Parameters
        ----------
        *variables : array (n,) or (n, ...), or DataArray with the dimension ``draw``
            Integers, booleans, strings, or floats that take few values.

        Raises
        ------
        ValueError
            As `rgnet.information.samples.paired`.
        """
        arrays, _ = paired(*variables)
        return _count(arrays)

    @classmethod
    def of_table(cls, table: npt.ArrayLike) -> "Counts":
        """Counts from a table of them, one axis a variable: the symbols are 0, 1, … along each."""
        array = np.asarray(table)
        if array.ndim == 0 or array.dtype.kind not in "iu" or (array.size and int(array.min()) < 0):
            raise ValueError(
                f"a table of shape {array.shape} and type {array.dtype}: give whole numbers that are not negative, "
                "one axis for each variable"
            )
        places = np.nonzero(array)
        if not places[0].size:
            raise ValueError("a table of zeros: there must be at least one draw")
        return _made(tuple(places), array[places].astype(np.int64))

    @property
    def n(self) -> int:
        """Number of draws."""
        return int(self.counts.sum())

    @property
    def variables(self) -> int:
        """Number of variables counted together."""
        return len(self.keys)

    def __len__(self) -> int:
        return len(self.counts)

    def __add__(self, other: object) -> "Counts":
        if not isinstance(other, Counts):
            return NotImplemented
        shapes, others = ([key.shape[1:] for key in item.keys] for item in (self, other))
        if shapes != others:
            raise ValueError(f"symbols of shapes {shapes} and {others}: counts add up for the same variables only")
        same_kinds(self.keys, other.keys, "Counts that are added")
        joined = tuple(np.concatenate(pair) for pair in zip(self.keys, other.keys, strict=True))
        return _count(list(joined), np.concatenate([self.counts, other.counts]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts) or self.variables != other.variables:
            return NotImplemented if not isinstance(other, Counts) else False
        return np.array_equal(self.counts, other.counts) and all(map(np.array_equal, self.keys, other.keys))

    __hash__ = None  # type: ignore[assignment]

    def marginal(self, which: int | Sequence[int]) -> "Counts":
        """Counts of one variable, or of several together, whatever the others are."""
        chosen = [which] if isinstance(which, int | np.integer) else list(which)
        if not chosen or any(not -self.variables <= place < self.variables for place in chosen):
            raise ValueError(f"variables {chosen}: the counts are of {self.variables}, numbered from 0")
        return _count([self.keys[place] for place in chosen], self.counts)

    def table(self) -> npt.NDArray[np.int64]:
        """The counts as a full table, one axis a variable over its sorted symbols."""
        labels = [as_labels(key) for key in self.keys]
        result = np.zeros([size for _, size in labels], dtype=np.int64)
        result[tuple(label for label, _ in labels)] = self.counts
        return result


def _made(keys: tuple[Array, ...], counts: npt.NDArray[np.int64]) -> Counts:
    """Counts of keys that are known to be distinct: the check would sort them once more."""
    result = object.__new__(Counts)
    object.__setattr__(result, "keys", keys)
    object.__setattr__(result, "counts", counts)
    return result


def _distinct(keys: Sequence[Array]) -> int:
    labels = [as_labels(key)[0] for key in keys]
    return int(joint_labels(labels, tuple(range(len(labels)))).max()) + 1


def same_kinds(keys: Sequence[Array], others: Sequence[Array], what: str) -> None:
    """Raise where symbols of one kind stand against those of another: 1 and "1" would be taken for the same."""
    for key, other in zip(keys, others, strict=True):
        kinds = _kind(key), _kind(other)
        if kinds[0] != kinds[1]:
            raise ValueError(
                f"{what} have symbols of kinds {kinds[0]} and {kinds[1]}: they must be of the same alphabet"
            )


def _kind(array: Array) -> str:
    names = {"U": "text", "S": "bytes", "M": "dates", "m": "times"}
    return names.get(array.dtype.kind, "numbers")


def _count(arrays: list[Array], weights: npt.NDArray[np.int64] | None = None) -> Counts:
    """Distinct rows, sorted, with their counts or summed weights."""
    if weights is None and len(arrays) == 1 and (fast := _count_long(arrays[0])) is not None:
        return fast
    plain = [array for array in arrays if array.ndim == 1 and array.dtype.kind in "iub"]
    if len(plain) == len(arrays):
        packed = _pack(arrays)
        if packed is not None:
            return _count_packed(arrays, *packed, weights)
    labels = [as_labels(array) for array in arrays]
    code, _ = as_labels(np.stack([label for label, _ in labels], axis=1)) if len(labels) > 1 else labels[0]
    size = int(code.max()) + 1
    counts = np.bincount(code, minlength=size) if weights is None else _add_up(code, weights, size)
    first = np.zeros(size, dtype=np.int64)
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1)
    return _made(tuple(array[first] for array in arrays), counts.astype(np.int64))


def _count_long(array: Array) -> Counts | None:
    """Many small non-negative integers, faster than by `numpy.bincount`; None for anything else."""
    if array.ndim != 1 or array.size < _LONG or array.dtype.kind not in "iu":
        return None
    low, high = int(array[:_LOOK].min()), int(array[:_LOOK].max())
    if low < 0 or high >= _MOST or (table := _tally(array, 2 * high)) is None:
        return None
    values = np.flatnonzero(table)
    return _made((values.astype(array.dtype),), table[values])


def _tally(codes: Array, high: int) -> npt.NDArray[np.int64] | None:
    """How often each number from 0 to ``high`` and a little beyond occurs; None if there is any outside."""
    from rgnet.information._count_kernels import LANES, count_small

    size = 1 << max(high.bit_length(), 10)
    table = np.zeros(size, dtype=np.int64)
    for start in range(0, codes.size, _BATCH):
        lanes = np.zeros((LANES, size), dtype=np.uint32)
        if not count_small(codes[start : start + _BATCH], lanes):
            return None
        table += lanes.sum(axis=0, dtype=np.int64)
    return table


def _pack(arrays: list[Array]) -> tuple[Array, list[int], list[int]] | None:
    """Integers as one number a row, their least values and their ranges; None where that does not fit."""
    lows, spans, size = [], [], 1
    for array in arrays:
        low, high = (0, 1) if array.dtype.kind == "b" else (int(array.min()), int(array.max()))
        lows.append(low)
        spans.append(high - low + 1)
        size *= spans[-1]
        if high >= 2**62 or low < -(2**62) or size >= 2**62:
            return None
    code = arrays[0].astype(np.int64, copy=False) - lows[0] if lows[0] else arrays[0].astype(np.int64, copy=False)
    for array, low, span in zip(arrays[1:], lows[1:], spans[1:], strict=True):
        code = code * span
        code += array.astype(np.int64, copy=False)
        if low:
            code -= low
    return code, lows, spans


def _count_packed(
    arrays: list[Array], code: Array, lows: list[int], spans: list[int], weights: npt.NDArray[np.int64] | None
) -> Counts:
    size = 1
    for span in spans:
        size *= span
    if size <= _DENSE * len(code) + _ROOM:
        if weights is not None:
            table = _add_up(code, weights, size)
        elif size <= _MOST and len(code) >= _LONG and (fast := _tally(code, size)) is not None:
            table = fast
        else:
            table = np.bincount(code, minlength=size)
        values = np.flatnonzero(table)
        counts = table[values]
    elif weights is None:
        values, counts = np.unique(code, return_counts=True)
    else:
        values, place = np.unique(code, return_inverse=True)
        counts = _add_up(place.reshape(-1), weights, len(values))
    keys = []
    for array, low, span in zip(arrays[::-1], lows[::-1], spans[::-1], strict=True):
        keys.append((values % span + low).astype(array.dtype))
        values = values // span
    return _made(tuple(keys[::-1]), counts.astype(np.int64))


def _add_up(code: Array, weights: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Sums of whole weights by code, exactly: floats would round above 2⁵³."""
    if int(weights.sum()) < 2**53:
        return np.bincount(code, weights=weights, minlength=size).astype(np.int64)
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, code, weights)
    return total


def joint_labels(labels: Sequence[Array], which: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Labels of the variables ``which`` together, from labels of each."""
    if len(which) == 1:
        return as_labels(labels[which[0]])[0]
    return as_labels(np.stack([labels[place] for place in which], axis=1))[0]


def enough(given: Any) -> Any:
    """The Counts or the number of draws given; raises for a single draw."""
    n = given.n if isinstance(given, Counts) else int(given)
    if n < 2:
        raise ValueError(f"{n} draw: information needs at least two, and many more than there are symbols")
    return given
