"""Operator sums of configurations: arrays."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.operators.data import Operator


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
    from rgnet.operators._kernels import accumulate  # Numba only when something is measured

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
    reach = max(item.reach for item in operators)
    step = max(1, (1 << 18) // flat[0].size if flat.size else 1)  # padded copies that stay in the cache
    padded_shape = tuple(side + 2 * reach for side in shape)
    strides = np.cumprod((1, *padded_shape[:0:-1]))[::-1]
    rows = row_starts(shape, padded_shape, reach)
    tables = [_offset_table(item, strides) for item in operators]
    for start in range(0, flat.shape[0], step):
        chunk = lattice.pad(flat[start : start + step], reach, ndim, names)
        chunk = np.ascontiguousarray(chunk).reshape(chunk.shape[0], -1)
        for column, table in enumerate(tables):
            accumulate(chunk, rows, shape[-1], table, out[start : start + step], column)
    return out.reshape(*batch, len(operators))


def row_starts(shape: Sequence[int], padded: Sequence[int], reach: int) -> npt.NDArray[np.int64]:
    """Where each row of the last axis begins in a flattened padded configuration."""
    index = np.arange(int(np.prod(padded))).reshape(tuple(padded))
    inner = index[tuple(slice(reach, reach + side) for side in shape)]
    return np.ascontiguousarray(inner[..., 0].ravel())


def _offset_table(item: Operator, strides: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Flat offsets, shape (terms, factors)."""
    return cast(npt.NDArray[np.int64], (np.asarray(item.terms, dtype=np.int64) * strides).sum(axis=-1))
