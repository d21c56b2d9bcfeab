"""Levels as numbers: checked operator sums of every level, and second moments of blocks of consecutive draws.

Everything that `rgnet.flow` measures by covariances is a function of the mean of z zᵀ with z = (1, S, S'), S and S'
the operator sums of two levels on the same draw: its first row holds the means, and

    cov(z_a, z_b) = ⟨z_a z_b⟩ − ⟨z_a⟩⟨z_b⟩ .

One such matrix a block, computed once, serves the value and every delete-one-block replicate of its error.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import labels, stats
from rgnet import operators as ops
from rgnet.operators import Operator

Array = npt.NDArray[Any]
Chosen = Sequence[str | Operator] | str | Operator | None

_ROUNDING = 1e-10  # relative residual variance below which an operator counts as a combination of others


@dataclass(frozen=True)
class Sums:
    """Operator sums of a sequence of levels, draw by draw.

    Attributes
    ----------
    values : list of float arrays (chain, draw, operator)
        Their means subtracted (against cancellation); exactly 0 where an operator is constant.
    operators : tuple of Operator
    level, scale : lists of int
    shape : list of tuple of int
    """

    values: list[Array]
    operators: tuple[Operator, ...]
    level: list[int]
    scale: list[int]
    shape: list[tuple[int, ...]]

    def name(self, index: int) -> str:
        """How messages call a level: "level 3 (shape 8 x 8)"."""
        return f"level {self.level[index]} (shape {' x '.join(str(side) for side in self.shape[index])})"


def as_list(levels: Any, at_least: int) -> list[Any]:
    """The levels as a list.

    Raises
    ------
    ValueError
        If ``levels`` is not a sequence of at least that many.
    """
    rule = "give the list of levels that Network.levels returns (or operators.measure of each)"
    if hasattr(levels, "dims") or isinstance(levels, str) or not isinstance(levels, Sequence):
        raise ValueError(f"levels is a {type(levels).__name__}: {rule}")
    if len(levels) < at_least:
        raise ValueError(f"{len(levels)} level given, at least {at_least} needed: {rule}")
    result = [ops.as_level(level) for level in levels]
    if any(labels.lattice_kind(level) == "triangular" for level in result):
        raise ValueError("levels of a triangular lattice: operators and their flow are those of hypercubic lattices")
    return result


def _is_measured(level: Any) -> bool:
    return not hasattr(level, "data_vars")


def level_shape(level: Any) -> tuple[int, ...]:
    """Sides of the level's lattice."""
    if _is_measured(level):
        return tuple(int(side) for side in json.loads(level.attrs["shape"]))
    return tuple(int(level["spin"].sizes[name]) for name in labels.space_dims(level))


def is_real(level: Any) -> bool:
    """Whether the level holds real numbers instead of spins."""
    return bool(level.attrs.get("real", 0)) if _is_measured(level) else level["spin"].dtype.kind == "f"


def choose(levels: Sequence[Any], sector: str, requested: Chosen) -> tuple[Operator, ...]:
    """Operators of a sector: those requested; else all of that sector that were measured; else the standard set.

    Raises
    ------
    ValueError
        If a requested operator belongs to the other sector, or as `rgnet.operators.resolve`.
    """
    ndim = len(level_shape(levels[0]))
    if requested is None:
        for level in levels:
            if _is_measured(level):
                return tuple(item for item in ops.loads(level.attrs["operators"]) if item.parity == sector)
        return ops.defaults(ndim, sector, real=any(is_real(level) for level in levels))
    if not isinstance(requested, str | Operator) and len(requested) == 0:
        return ()
    chosen = ops.resolve(requested, ndim)
    for item in chosen:
        if item.parity != sector:
            raise ValueError(
                f"operator {item.name!r} is {item.parity} under x → −x and was given for the {sector} sector: "
                f"the sectors must not be mixed, give it for the {item.parity} one"
            )
    return chosen


def collect(levels: Sequence[Any], operators: Sequence[Operator]) -> Sums:
    """Operator sums of every level.

    Raises
    ------
    ValueError
        If the levels do not follow one another on the same draws, have sums that are not finite, or are frozen.
    """
    values: list[Array] = []
    numbers: list[int] = []
    scales: list[int] = []
    shapes: list[tuple[int, ...]] = []
    for index, level in enumerate(levels):
        number = int(level.attrs.get("level", index))
        shape = level_shape(level)
        measured = ops.measured(level, operators)
        extra = [name for name in measured.dims if name not in ("chain", "draw", "operator")]
        if "component" in extra:
            raise ValueError(
                f"level {number} holds vectors of {measured.sizes['component']} components, and operators are sums of "
                f"one number a site; give one component of every level, such as level.isel(component=0)"
            )
        if extra or "draw" not in measured.dims:
            raise ValueError(f"level {number} has dimensions {measured.dims}: it needs (chain, draw); select one first")
        if "chain" not in measured.dims:
            measured = measured.expand_dims("chain")
        array = measured.transpose("chain", "draw", "operator").values.astype(np.float64)
        if values and array.shape != values[0].shape:
            raise ValueError(
                f"level {number} has {array.shape[:2]} (chain, draw), level {numbers[0]} has {values[0].shape[:2]}: "
                f"draws must correspond; give the levels that one Network made of one data set"
            )
        scale = level.attrs.get("scale", 1 if index == 0 else None)
        if scale is None or (scales and scale <= scales[-1]):
            raise ValueError(
                f"scales {[*scales, scale]} of the levels do not increase: give the levels of one Network in order, "
                f"each with its attribute 'scale'"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"level {number} has operator sums that are not finite numbers; check its configurations")
        values.append(_centred(array))
        numbers.append(number)
        scales.append(int(scale))
        shapes.append(shape)
    result = Sums(values, tuple(operators), numbers, scales, shapes)
    for index, array in enumerate(values):
        if not array.any():
            raise ValueError(
                f"{result.name(index)} is frozen: no operator ({', '.join(o.name for o in operators)}) ever changes "
                f"there; drop that level, or sample nearer the critical point"
            )
    return result


def _centred(array: Array) -> Array:
    centred = array - array.mean(axis=(0, 1))
    size = np.abs(array).max(axis=(0, 1))
    constant = np.ptp(array, axis=(0, 1)) <= 1e-12 * size
    centred[..., constant] = 0.0
    return np.asarray(centred)


def blocks_of_draws(sums: Sums, columns: Sequence[int], blocks: int) -> tuple[npt.NDArray[np.int64], float]:
    """Blocks of draws long compared with the autocorrelation time of the leading operators at every level.

    Parameters
    ----------
    columns : the operators looked at (the leading one of each sector)
    blocks : number of blocks wanted; fewer are made where they would be shorter than 5 autocorrelation times

    Returns
    -------
    edges : array (blocks, 3), as `rgnet.stats.block_edges`
    tau : float
        The longest autocorrelation time, in draws.

    Raises
    ------
    ShortChainError
        If there is no room for 20 such blocks.
    """
    series = {
        f"{sums.operators[column].name!r} on {sums.name(index)}": values[..., column]
        for index, values in enumerate(sums.values)
        for column in columns
        if values[..., column].any()
    }
    if not series:
        names = ", ".join(repr(sums.operators[column].name) for column in columns)
        raise ValueError(f"operator {names} is constant on every level: put an operator first that changes")
    return stats.long_blocks(series, blocks)


def block_moments(z: Sequence[Array], edges: npt.NDArray[np.int64]) -> Array:
    """Mean of z zᵀ over each block, z = (1, *arrays): shape (blocks, 1 + columns, 1 + columns)."""
    joint = np.concatenate([np.ones((*z[0].shape[:2], 1)), *z], axis=-1)
    parts = (joint[chain, start:stop] for chain, start, stop in edges)
    return np.stack([part.T @ part / len(part) for part in parts])


def covariance(moments: Array) -> Array:
    """Covariance matrix from a mean of z zᵀ whose first component is 1: shape (..., columns, columns)."""
    return np.asarray(moments[..., 1:, 1:] - moments[..., 1:, :1] * moments[..., :1, 1:])


def dependencies(gram: Array, names: Sequence[str]) -> dict[int, str]:
    """Operators that are linear combinations of earlier ones, in words; ``gram`` is their Gram or covariance matrix.

    Operators are judged in order, so that those before the first dependent one can be used together.
    """
    size = np.sqrt(np.diag(gram))
    free: list[int] = []
    found: dict[int, str] = {}
    for k, name in enumerate(names):
        if size[k] == 0:
            found[k] = f"{name!r} is constant"
            continue
        scaled = gram / np.outer(np.where(size > 0, size, 1), np.where(size > 0, size, 1))
        weights = np.linalg.solve(scaled[np.ix_(free, free)], scaled[free, k])
        if 1.0 - weights @ scaled[free, k] > _ROUNDING:
            free.append(k)
        else:
            others = [repr(names[j]) for j, weight in zip(free, weights, strict=True) if abs(weight) > 1e-4]
            found[k] = f"{name!r} depends linearly on {', '.join(others)}"
    return found


def check_independent(gram: Array, names: Sequence[str], who: str) -> None:
    """Refuse operators whose local fields, of Gram matrix ``gram``, depend linearly on one another.

    Raises
    ------
    ValueError
        Naming them.
    """
    if found := dependencies(gram, names):
        words = "; ".join(text.replace("is constant", "has no local field") for text in found.values())
        raise ValueError(
            f"{who}: {words}, so couplings are not determined; leave such operators out, or drop that level"
        )


def describe(sums: Sums, edges: npt.NDArray[np.int64], tau: float) -> dict[str, int | float]:
    """Attributes of a result: how many draws, in how many blocks."""
    chains, draws = sums.values[0].shape[:2]
    return {"chains": chains, "draws": draws, "blocks": len(edges), "autocorrelation_time": tau}
