"""Weighted configurations carried through layers, exactly: how `rgnet.exact.marginals` gets from level to level.

A level is its configurations (n, *shape) with k weights each, such as p(x); a layer takes weight w(x) to
Σ_x p(y|x) w(x). A map merges equal outputs; a random layer is summed over all its outputs ±1.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.exact import enumerate as full

Weighted = tuple[npt.NDArray[Any], npt.NDArray[np.float64]]  # configurations (n, *shape) and weights (n, k)

_CHUNK = 1 << 16


def layers(network: Any) -> list[Any]:
    """The layers of a Network, a sequence, or one layer."""
    found = network.layers if hasattr(network, "layers") else network
    result = list(found) if isinstance(found, list | tuple) else [found]
    for layer in result:
        if not callable(layer) or not hasattr(layer, "scale"):
            raise TypeError(
                f"{layer!r} is not a layer: give objects such as rgnet.Majority(2), a list of them, or a Network"
            )
    return result


def steps(network: Any) -> list[Any]:
    """Layers with networks inside networks taken apart."""
    return [step for layer in layers(network) for step in (steps(layer) if hasattr(layer, "layers") else [layer])]


def chunks(configurations: npt.NDArray[Any], weights: npt.NDArray[np.float64]) -> Iterator[Weighted]:
    """Configurations and weights, a chunk at a time."""
    for start in range(0, len(weights), _CHUNK):
        yield configurations[start : start + _CHUNK], weights[start : start + _CHUNK]


def push(level: Iterable[Weighted], steps: Sequence[Any]) -> Weighted:
    """Carry weighted configurations, given in chunks, through layers."""
    result: Weighted | None = None
    for layer in steps:
        carry = _push_random if getattr(layer, "is_random", False) else _push_map
        result = carry(level, layer)
        level = chunks(*result)
    if result is None:
        raise ValueError("no layers: give at least one, such as rgnet.Majority(2)")
    return result


def _push_map(level: Iterable[Weighted], layer: Any) -> Weighted:
    """Weights of the outputs that occur, in sorted order."""
    rows: list[npt.NDArray[Any]] = []
    sums: list[npt.NDArray[np.float64]] = []
    for x, weights in level:
        y = np.asarray(layer(x, ndim=x.ndim - 1))
        y = y + y.dtype.type(0)  # no negative zeros: equal outputs get equal bytes
        first, group = _distinct(y.reshape(len(y), -1))
        rows.append(y[first])
        sums.append(_group_sums(group, weights, len(first)))
    y, weights = np.concatenate(rows), np.concatenate(sums)
    first, group = _distinct(y.reshape(len(y), -1))
    y, weights = y[first], _group_sums(group, weights, len(first))
    order = np.lexsort(y.reshape(len(y), -1).T[::-1])
    return y[order], weights[order]


def _distinct(rows: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The index of one row of each kind, and the kind of each row; rows (n, k)."""
    if rows.dtype.kind in "iu":
        low = rows.min(initial=0)
        base = int(rows.max(initial=0)) - int(low) + 1
        if base ** rows.shape[1] < 1 << 62:  # rows as numbers: quicker than as bytes
            keys = np.zeros(len(rows), dtype=np.int64)
            for column in rows.T:
                keys = keys * base + (column.astype(np.int64) - int(low))
            _, first, group = np.unique(keys, return_index=True, return_inverse=True)
            return first, group
    packed = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
    _, first, group = np.unique(packed, return_index=True, return_inverse=True)
    return first, group


def _group_sums(group: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
    return np.column_stack([np.bincount(group, weights=column, minlength=n) for column in weights.T])


def _push_random(level: Iterable[Weighted], layer: Any) -> Weighted:
    """Weights of all coarse configurations of spins ±1."""
    result: Weighted | None = None
    for x, weights in level:
        if result is None:
            every = _spins(lattice.coarse_shape(x.shape[1:], int(layer.scale), repr(layer)))
            result = every, np.zeros((len(every), weights.shape[1]))
        coarse, sums = result
        total = np.zeros(len(x))
        for k, y in enumerate(coarse):
            p = np.exp(np.asarray(layer.log_prob(y[None], x, ndim=x.ndim - 1)))
            sums[k] += p @ weights
            total += p
        if not np.allclose(total, 1.0, rtol=0, atol=1e-9):
            raise ValueError(
                f"{layer!r}: the probabilities of outputs ±1 sum to {total.min():.6g} … {total.max():.6g}, not to 1; "
                f"exact marginals of a random layer need log_prob normalised over spins ±1"
            )
    assert result is not None  # a lattice has states
    return result


def _spins(shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """All configurations of spins ±1, also of a single site."""
    if math.prod(shape) == 1:
        return np.array(full.SPINS, dtype=np.int8).reshape(2, *shape)
    return full.states(shape)
