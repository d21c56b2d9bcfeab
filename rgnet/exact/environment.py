"""What a block knows of its environment, exactly: the score of real-space mutual information (RSMI).

A coarse variable h of a block v, by a rule p(h|v), is judged by the information it keeps about the environment e, the
sites beyond a buffer around the block (Koch-Janusz & Ringel 2018, eq. 1; Lenggenhager et al. 2020):

    I(h; e) = Σ_{h,e} p(h, e) ln [ p(h, e) / (p(h) p(e)) ] ,      p(h, e) = Σ_v p(h|v) p(v, e) .

On a small lattice p(v, e) is summed over all states, so that I is a number without error for any rule. p(e) and p(v)
given, I is convex in p(h|v) (Cover & Thomas 2006, theorem 2.7.4): no random rule, a coin that breaks ties included,
beats the best deterministic one. The best odd rule, h(−v) = −h(v), is found by trying all of them.

Distances are counted as king's moves on the torus: a site is within the buffer if no coordinate is farther than
``buffer`` from the block's, and the environment is a frame of ``width`` sites around that.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.exact import enumerate as full
from rgnet.exact.enumerate import SPINS

Array = npt.NDArray[Any]

MAX_TABLE = 1 << 24  # entries of p(v, e)
MAX_RULES = 1 << 18  # odd rules that are tried
DEGENERATE = 1e-9  # relative difference of information below which two rules are equally good


class Regions(NamedTuple):
    """Sites in C order of the block at the origin, and of its environment."""

    block: npt.NDArray[np.int64]
    environment: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Joint:
    """Exact joint distribution of a block and its environment.

    Attributes
    ----------
    probabilities : array, shape (n_block, n_environment)
        p(v, e), block and environment states in the order of `rgnet.exact.enumerate.states`.
    blocks : array, shape (n_block, b, …, b)
        The block states.
    regions : Regions
        The sites that are meant.
    """

    probabilities: npt.NDArray[np.float64]
    blocks: Array
    regions: Regions

    @property
    def information(self) -> float:
        """I(v; e) of the whole block in nats: the most that any rule can keep."""
        return _information(self.probabilities)


@dataclass(frozen=True, eq=False)
class BestRule:
    """The odd deterministic rule of largest information.

    Attributes
    ----------
    rule : array of int8, shape (n_block,)
        h = ±1 of each block state, the first of the best; h = −1 for the first state.
    information : float
        I(h; e) in nats.
    degenerate : array of int8, shape (k, n_block)
        All rules as good as that within rounding, each up to its sign.
    """

    rule: npt.NDArray[np.int8]
    information: float
    degenerate: npt.NDArray[np.int8]


def regions(shape: Sequence[int], block: int, buffer: int, width: int | None = None) -> Regions:
    """Sites of a block of side ``block`` at the origin of a torus and of the environment beyond its buffer.

    Parameters
    ----------
    shape : tuple of int
    block : int
        Side b of the block, at most the shortest side.
    buffer : int
        Sites left out around the block, at least 0.
    width : int, optional
        Width of the frame that is the environment; None: everything beyond the buffer.

    Raises
    ------
    ValueError
        If a number is out of range, or no site lies beyond the buffer.
    """
    sides = lattice.check_shape(shape)
    for name, value, least in (("block", block, 1), ("buffer", buffer, 0), ("width", width, 1)):
        if value is None and name == "width":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name}={value!r}: give a whole number of at least {least}")
    if block > min(sides):
        raise ValueError(f"block={block}: a block fits into the lattice {sides} up to a side of {min(sides)}")
    distance = np.zeros(sides, dtype=np.int64)
    for axis, side in enumerate(sides):
        place = np.arange(side)
        along = np.where(place < block, 0, np.minimum(place - block + 1, side - place))
        distance = np.maximum(distance, along.reshape([-1 if a == axis else 1 for a in range(len(sides))]))
    farthest = int(distance.max())
    if farthest <= buffer:
        raise ValueError(
            f"buffer={buffer}: no site of the lattice {sides} is farther than {farthest} from a block of side {block}; "
            f"give a buffer of at most {farthest - 1}, or a larger lattice"
        )
    beyond = distance > buffer
    if width is not None:
        beyond &= distance <= buffer + width
    return Regions(np.flatnonzero(distance.ravel() == 0), np.flatnonzero(beyond.ravel()))


def joint(
    model: Any, block: int = 2, buffer: int = 1, width: int | None = None, values: Sequence[float] = SPINS
) -> Joint:
    """Joint distribution of a block and its environment on a small torus, by summing over all states.

    Parameters
    ----------
    model : object with ``shape``, ``boundary`` and ``energy``
        Such as ``rgnet.Ising((4, 6), K=…)``; at most 2^24 states.
    block, buffer, width
        As `regions`.
    values : sequence of numbers
        What a site can be.

    Raises
    ------
    ValueError
        As `regions` and `rgnet.exact.enumerate.count`, if p(v, e) has more than 2^24 entries, or a side is not
        periodic.
    """
    from rgnet.exact import _environment_kernels  # Numba only when something is enumerated

    shape = lattice.check_shape(model.shape)
    if "free" in lattice.check_boundary(model.boundary, shape):
        raise ValueError(
            f"boundary={model.boundary!r}: block and environment are defined on a torus; make all sides periodic"
        )
    places = regions(shape, block, buffer, width)
    sizes = [len(values) ** len(sites) for sites in places]
    full.count(shape, values)
    if math.prod(sizes) > MAX_TABLE:
        raise ValueError(
            f"p(block, environment) has {sizes[0]} x {sizes[1]} entries, more than "
            f"2^{MAX_TABLE.bit_length() - 1} = {MAX_TABLE}; give a smaller "
            f"block, a larger buffer or a narrower environment"
        )
    if tuple(values) == SPINS and hasattr(model, "terms"):
        table = _environment_kernels.ising_table(model, shape, *places)
    else:
        table = _table(model, shape, places, sizes, values)
    total = float(table.sum())
    if not (math.isfinite(total) and total > 0):
        raise ValueError("the weights exp(−H) sum to nothing: at least one state needs a finite energy, and none −inf")
    blocks = _states(block, len(shape), values)
    return Joint((table / total).reshape(sizes), blocks, places)


def _table(
    model: Any, shape: lattice.Shape, places: Regions, sizes: Sequence[int], values: Sequence[float]
) -> npt.NDArray[np.float64]:
    """Weights of (v, e) of any energy, relative to the largest, flat."""
    table = np.zeros(math.prod(sizes))
    top = -math.inf
    ordered = np.asarray(values)
    for _, x in full.chunks(shape, values):
        weight = -np.asarray(model.energy(x), dtype=np.float64)
        highest = float(weight.max())
        if highest > top:
            table *= math.exp(top - highest) if math.isfinite(top) else 0.0
            top = highest
        flat = x.reshape(len(x), -1)
        key = _number(flat[:, places.block], ordered) * sizes[1] + _number(flat[:, places.environment], ordered)
        if math.isfinite(top):
            table += np.bincount(key, weights=np.exp(weight - top), minlength=table.size)
    return table


def channel(rule: Any, joint: Joint) -> npt.NDArray[np.float64]:
    """p(h|v) of a rule, shape (n_block, n_outputs).

    Parameters
    ----------
    rule : array or layer
        (n_block,) of h = ±1, or of probabilities p(h = +1|v) in 0 … 1; (n_block, n_outputs) of probabilities that sum
        to one; or a layer of scale b, whose outputs on each block state are counted as symbols (a random one needs
        ``log_prob``).
    joint : Joint

    Raises
    ------
    ValueError
        If the shape or the values do not fit.
    """
    if callable(rule):
        return _channel_of_layer(rule, joint.blocks)
    array = np.asarray(rule, dtype=np.float64)
    n = len(joint.blocks)
    if array.shape[:1] != (n,) or array.ndim > 2:
        raise ValueError(f"a rule of shape {array.shape}: give one row for each of the {n} block states")
    if array.ndim == 1:
        up = (array + 1.0) / 2.0 if np.isin(array, (-1.0, 1.0)).all() and (array < 0).any() else array
        array = np.column_stack([1.0 - up, up])
    if not ((array >= -1e-12).all() and np.allclose(array.sum(axis=1), 1.0, rtol=0, atol=1e-9)):
        raise ValueError("a rule has values other than ±1 and probabilities from 0 to 1 that sum to one")
    return np.clip(array, 0.0, 1.0)


def information(rule: Any, joint: Joint) -> float:
    """I(h; environment) in nats of any rule, exactly. Parameters and errors as `channel`."""
    return _information(channel(rule, joint).T @ joint.probabilities)


def best_odd_rule(joint: Joint) -> BestRule:
    """The odd deterministic rule that keeps most, by trying all 2^(n_block/2 − 1) of them.

    Raises
    ------
    ValueError
        If some block state has no opposite (values such as 0, 1), is its own, or there are too many rules.
    """
    n = len(joint.blocks)
    flat = joint.blocks.reshape(n, -1)
    # With values in symmetric order, the opposite of state k is state n − 1 − k
    if n % 2 or not np.array_equal(flat[::-1], -flat):
        raise ValueError("odd rules need values in pairs ±a, none 0, in ascending order, such as (-1, 1)")
    pairs = n // 2
    if 2 ** (pairs - 1) > MAX_RULES:
        raise ValueError(
            f"a block of {n} states has 2^{pairs - 1} odd rules, and at most {MAX_RULES} are tried; give a smaller "
            f"block, or score the rules of interest by rgnet.exact.environment.information"
        )
    index = np.arange(2 ** (pairs - 1))
    half = np.ones((len(index), pairs), dtype=np.int8)
    half[:, 0] = -1  # h and −h know the same
    for place in range(1, pairs):
        half[:, place] = 2 * ((index >> (place - 1)) & 1) - 1
    rules = np.concatenate([half, -half[:, ::-1]], axis=1)
    p = joint.probabilities
    # p(h = ±1, e) = ½ [p(e) ± Σ_v h(v) p(v, e)]
    environment = p.sum(axis=0)
    scores = np.empty(len(rules))
    step = max(1, (1 << 22) // environment.size)
    for start in range(0, len(rules), step):
        odd = rules[start : start + step].astype(np.float64) @ p
        up, down = (environment + odd) / 2.0, (environment - odd) / 2.0
        share = up.sum(axis=1)
        entropies = _xlogx(share) + _xlogx(1.0 - share)
        scores[start : start + step] = (
            _xlogx(up).sum(axis=1) + _xlogx(down).sum(axis=1) - entropies - _xlogx(environment).sum()
        )
    order = np.argsort(-scores, kind="stable")
    best = float(scores[order[0]])
    equal = order[scores[order] >= best - DEGENERATE * max(abs(best), 1e-300)]
    return BestRule(rules[equal[0]], best, rules[np.sort(equal)])


def overlap(rule: Any, joint: Joint, with_: Any = None) -> float:
    """Correlation of two rules' mean outputs over the block's own distribution, from −1 to 1.

        Σ_v p(v) m_1(v) m_2(v) / √(Σ_v p(v) m_1² · Σ_v p(v) m_2²) ,    m(v) = p(+1|v) − p(−1|v) .

    Parameters
    ----------
    rule : array or layer
        As `channel`, with two outputs.
    joint : Joint
    with_ : array (n_block,) or layer, optional
        Another rule, or any numbers; None: the block sum.

    Raises
    ------
    ValueError
        As `channel`, or if one of the two is zero throughout.
    """
    first = _mean_output(rule, joint)
    if with_ is None:
        second = joint.blocks.reshape(len(joint.blocks), -1).sum(axis=1, dtype=np.float64)
    else:
        second = _mean_output(with_, joint) if callable(with_) else np.asarray(with_, dtype=np.float64)
    p = joint.probabilities.sum(axis=1)
    norm = float(p @ first**2) * float(p @ second**2)
    if norm <= 0:
        raise ValueError("a rule that is 0 on every block has no overlap with another")
    return float(p @ (first * second)) / math.sqrt(norm)


def _mean_output(rule: Any, joint: Joint) -> npt.NDArray[np.float64]:
    p = channel(rule, joint)
    if p.shape[1] != 2:
        raise ValueError(f"a rule of {p.shape[1]} outputs: an overlap is defined for two, −1 and +1")
    return np.asarray(p[:, 1] - p[:, 0])


def _channel_of_layer(layer: Callable[..., Any], blocks: Array) -> npt.NDArray[np.float64]:
    """Outputs of a layer on every block state; rows of outputs (several components) are symbols in sorted order."""
    b, d = blocks.shape[1], blocks.ndim - 1
    if getattr(layer, "scale", None) != b:
        raise ValueError(f"{layer!r} has scale {getattr(layer, 'scale', None)}: the block has side {b}")
    y = np.asarray(layer(blocks, 0, ndim=d)).reshape(len(blocks), -1)
    if getattr(layer, "is_random", False):
        outputs = np.array(np.meshgrid(*[[-1, 1]] * y.shape[1], indexing="ij")).reshape(y.shape[1], -1).T
        coarse = (*((y.shape[1],) if y.shape[1] > 1 else ()), *(1,) * d)
        scorer: Any = layer
        columns = [
            np.exp(scorer.log_prob(np.broadcast_to(out.reshape(coarse), (len(blocks), *coarse)), blocks, ndim=d))
            for out in outputs
        ]
        return np.column_stack(columns)
    symbols, number = np.unique(y, axis=0, return_inverse=True)
    result = np.zeros((len(blocks), max(2, len(symbols))))
    result[np.arange(len(blocks)), number.reshape(-1)] = 1.0
    return result


def _states(block: int, ndim: int, values: Sequence[float]) -> Array:
    if block**ndim == 1:
        return np.asarray(values).reshape(-1, *(1,) * ndim)
    return full.states((block,) * ndim, values=values)


def _number(x: Array, values: Array) -> npt.NDArray[np.int64]:
    """Number of each row of values in the order of `rgnet.exact.enumerate.states`."""
    key = np.zeros(len(x), dtype=np.int64)
    order = np.argsort(values)
    for column in x.T:
        key = key * len(values) + order[np.searchsorted(values, column, sorter=order)]
    return key


def _xlogx(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(p > 1e-300, p * np.log(np.maximum(p, 1e-300)), 0.0)


def _information(p: npt.NDArray[np.float64]) -> float:
    """I of a table of probabilities, in nats."""
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    return float(_xlogx(p).sum() - _xlogx(rows).sum() - _xlogx(columns).sum())
