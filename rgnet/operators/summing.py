"""Operator sums of configurations: arrays."""

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.operators.data import Operator

Array = npt.NDArray[Any]
_MOST_SITES = 1 << 22  # a packed lattice takes 16 bytes a site


def sums(
    x: npt.ArrayLike, operators: Sequence[Operator], boundary: Sequence[str] | str = "periodic"
) -> npt.NDArray[Any]:
    """Operator sums of configurations.

    Parameters
    ----------
    x : array, shape (..., *space)
        Integer or real configurations; the operators' dimension says how many axes are space.
    operators : sequence of Operator
    boundary : str or one for each side

    Returns
    -------
    array, shape (..., n_operators)
        int64 for integer configurations, float64 for real ones.
    """
    x = np.asarray(x)
    ndim = operators[0].ndim
    if x.ndim < ndim:
        raise ValueError(f"configurations of shape {x.shape} have fewer than the operators' {ndim} dimensions")
    shape = x.shape[x.ndim - ndim :]
    names = (boundary,) * ndim if isinstance(boundary, str) else tuple(boundary)
    batch = x.shape[: x.ndim - ndim]
    if x.dtype.kind not in "biuf":
        raise ValueError(f"configurations of dtype {x.dtype}: operator sums need whole or real numbers")
    real = x.dtype.kind == "f"
    dtype = np.float64 if real else (np.int8 if x.dtype.itemsize == 1 and x.dtype.kind == "i" else np.int64)
    flat = np.ascontiguousarray(x.reshape(-1, *shape), dtype=dtype)
    out = np.zeros((flat.shape[0], len(operators)), dtype=np.float64 if real else np.int64)
    if dtype is np.int8 and flat.size > 0 and math.prod(shape) <= _MOST_SITES:
        _packed_sums(flat, operators, names, out)
    else:
        _sums(flat, operators, names, out)
    return out.reshape(*batch, len(operators))


def _sums(flat: Array, operators: Sequence[Operator], names: Sequence[str], out: Array) -> None:
    """Add the sums of any numbers (n, *shape) to ``out`` (n, operators)."""
    from rgnet.operators._kernels import accumulate  # Numba only when something is measured

    shape, ndim = flat.shape[1:], flat.ndim - 1
    reach = max(item.reach for item in operators)
    step = max(1, (1 << 18) // flat[0].size if flat.size else 1)  # padded copies that stay in the cache
    padded = tuple(side + 2 * reach for side in shape)
    rows = row_starts(shape, padded, reach)
    tables = [_offset_table(item, padded) for item in operators]
    for start in range(0, flat.shape[0], step):
        chunk = lattice.pad(flat[start : start + step], reach, ndim, names)
        chunk = np.ascontiguousarray(chunk).reshape(chunk.shape[0], -1)
        for column, table in enumerate(tables):
            accumulate(chunk, rows, shape[-1], table, out[start : start + step], column)


def _packed_sums(flat: Array, operators: Sequence[Operator], names: Sequence[str], out: Array) -> None:
    """Add the sums of int8 (n, *shape) to ``out``: 64 configurations at once where all their spins are ±1."""
    from rgnet.operators import _packed

    shape = flat.shape[1:]
    reach = max(item.reach for item in operators)
    padded = tuple(side + 2 * reach for side in shape)
    index = np.arange(math.prod(padded)).reshape(padded)
    inner = index[tuple(slice(reach, reach + side) for side in shape)]
    # Beyond a free side pad gives 0 and any place will do, as no product is counted that reaches there
    shown = lattice.pad(inner[None], reach, len(shape), names)[0]
    halo = np.stack([index[index != shown], shown[index != shown]], axis=1)
    spans, terms, term_rows, offsets = _plan(operators, inner, padded, names)
    lines = np.ascontiguousarray(inner[..., 0].ravel())
    words = np.empty(math.prod(shape), dtype=np.uint64)
    surrounded = np.zeros(index.size, dtype=np.uint64)
    negative = np.empty((_packed.LANES, len(operators)), dtype=np.int64)
    for start in range(0, len(flat), _packed.LANES):
        some = flat[start : start + _packed.LANES]
        if not _packed.pack(some.reshape(len(some), -1), words):
            _sums(some, operators, names, out[start : start + len(some)])
            continue
        _packed.spread(words, lines, shape[-1], halo, surrounded)
        _packed.negatives(surrounded, spans, terms, term_rows, offsets, negative)
        out[start : start + len(some)] += spans[:, 2] - 2 * negative[: len(some)]


def _plan(
    operators: Sequence[Operator], inner: Array, padded: Sequence[int], names: Sequence[str]
) -> tuple[Array, Array, Array, Array]:
    """What `_packed.negatives` is told of the products: its ``spans``, ``terms``, ``rows`` and ``offsets``."""
    spans: list[tuple[int, int, int]] = []
    terms: list[tuple[int, int, int, int, int]] = []
    rows: list[Array] = [np.zeros(0, dtype=np.int64)]
    offsets: list[int] = []
    begin = 0
    for item in operators:
        first, products = len(terms), 0
        for term, flat in zip(item.terms, _offset_table(item, padded), strict=True):
            inside = tuple(
                slice(max(0, -min(steps)), max(0, side - max(0, *steps))) if name == "free" else slice(None)
                for side, name, steps in zip(inner.shape, names, zip(*term, strict=True), strict=True)
            )
            origins = inner[inside]
            rows.append(origins[..., :1].ravel())
            run = (begin, begin + rows[-1].size, origins.shape[-1])
            terms.append((*run, len(offsets), len(offsets) + len(flat)))
            offsets.extend(int(place) for place in flat)
            begin, products = run[1], products + origins.size
        spans.append((first, len(terms), products))
    return np.array(spans), np.array(terms), np.concatenate(rows), np.array(offsets)


def row_starts(shape: Sequence[int], padded: Sequence[int], reach: int) -> npt.NDArray[np.int64]:
    """Where each row of the last axis begins in a flattened padded configuration."""
    index = np.arange(int(np.prod(padded))).reshape(tuple(padded))
    inner = index[tuple(slice(reach, reach + side) for side in shape)]
    return np.ascontiguousarray(inner[..., 0].ravel())


def _offset_table(item: Operator, padded: Sequence[int]) -> npt.NDArray[np.int64]:
    """Flat offsets, shape (terms, factors)."""
    strides = np.cumprod((1, *padded[:0:-1]))[::-1]
    return cast(npt.NDArray[np.int64], (np.asarray(item.terms, dtype=np.int64) * strides).sum(axis=-1))
