"""Where units sit and what they see: receptive fields, and which units of one level lie about a unit of another.

Layers of kernels w_k (side of the input window, in units of the level before) and scales b_k compose as

    S_k = S_{k−1} b_k ,      R_k = R_{k−1} + (w_k − 1) S_{k−1} ,      S_0 = R_0 = 1 :

S_k is the spacing of the units of level k and R_k the side of the window that one of them sees, both in microscopic
sites. Block layers have w = b, and R = S. A window larger than its block is taken to be centred on it.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Reach:
    """Spacing ``scale`` and side ``window`` of one unit's view, in microscopic sites; ``parameters`` so far."""

    scale: int
    window: int
    parameters: int


def flat(layer: Any) -> Iterator[Any]:
    """The single layers of a layer or Network, in order."""
    if hasattr(layer, "layers"):
        for item in layer.layers:
            yield from flat(item)
    else:
        yield layer


def reaches(layers: Sequence[Any]) -> list[Reach]:
    """Spacing, receptive field and number of parameters of every level, level 0 first."""
    found = [Reach(1, 1, 0)]
    for layer in layers:
        now = found[-1]
        for item in flat(layer):
            window = now.window + (int(getattr(item, "kernel", item.scale)) - 1) * now.scale
            now = Reach(now.scale * item.scale, window, now.parameters + int(getattr(item, "n_parameters", 0)))
        found.append(now)
    return found


@dataclass(frozen=True)
class Along:
    """One dimension of a pair of levels: sites q + m·step of the target and the units about each.

    The sites of one class have the same position in the units about them: then one set of weights serves them all.
    """

    site: int
    step: int
    count: int
    first: int
    width: int
    shift: int
    side: int

    def sites(self, m: Array) -> Array:
        """Site numbers of the class."""
        return self.site + m * self.step

    def units(self, m: Array) -> Array:
        """Numbers of the units about each site, shape (*m, width), across the periodic boundary."""
        return (self.first + m[..., None] * self.shift + np.arange(self.width)) % self.side


def classes(target_scale: int, source_scale: int) -> int:
    """In how many positions, along one dimension, a target site can lie among the source units."""
    return math.lcm(target_scale, source_scale) // target_scale


def along(position: int, target: tuple[int, int], source: tuple[int, int], margin: int = 1) -> Along:
    """Sites of the target at one position and the units of the source that overlap each, and ``margin`` more.

    Parameters
    ----------
    position : int
        From 0 to ``classes`` − 1.
    target, source : (scale, side)
        Spacing in microscopic sites and number of sites along this dimension.
    """
    (wide, many), (narrow, side) = target, source
    step = classes(wide, narrow)
    low = position * wide // narrow - margin
    high = -(-(position + 1) * wide // narrow) + margin
    return Along(position, step, many // step, low, min(high - low, side), step * wide // narrow, side)


def positions(target_scale: int, source_scale: int, ndim: int, most: int, rng: np.random.Generator) -> list[Array]:
    """At most so many of the positions of a target site among the source units, drawn without repeats."""
    each = classes(target_scale, source_scale)
    total = each**ndim
    picks = range(total) if total <= most else sorted(rng.choice(total, size=most, replace=False).tolist())
    return [np.array(np.unravel_index(pick, (each,) * ndim)) for pick in picks]


def ring(window: int, scale: int, side: int, buffer: int | None) -> tuple[int, int, int] | None:
    """The environment of a unit along one dimension: first site of the box, its side, and the buffer's width.

    The box reaches one window beyond a buffer on each side of the window, or as far as the lattice allows. The buffer
    is half a window wide (at least one site) unless ``buffer`` says how many sites. Coordinates are relative to the
    first site of the unit's block.

    Returns
    -------
    (start, box, width) or None
        None where window and buffer leave nothing of the lattice.
    """
    width = max(1, window // 2) if buffer is None else buffer
    thickness = min(window, (side - window - 2 * width) // 2)
    if thickness < 1:
        if (left := side - window - 2 * width) < 1:
            return None
        return -((window - scale) // 2) - width, window + 2 * width + left, width  # all that is left, on one side
    return -((window - scale) // 2) - width - thickness, window + 2 * (width + thickness), width


def ring_mask(start: int, box: int, window: int, scale: int, width: int, ndim: int) -> Array:
    """Which sites of the box are environment: those outside window and buffer in at least one dimension."""
    x = start + np.arange(box)
    low = -((window - scale) // 2) - width
    inside = (x >= low) & (x < low + window + 2 * width)
    hole = inside
    for _ in range(ndim - 1):
        hole = hole[..., None] & inside
    return ~hole


def cells(box: int, side: int, ndim: int) -> Array:
    """Number of the cell, of that side, in which each site of the box lies: shape (box, …)."""
    of = np.arange(box) // side
    many = int(of[-1]) + 1
    result = of
    for _ in range(ndim - 1):
        result = result[..., None] * many + of
    return np.asarray(result)


def gather(values: Array, chain: Array, draw: Array, indices: Sequence[Array]) -> Array:
    """Units of rows: values (chain, draw, component, *space) at indices (rows, width) of each dimension.

    Returns
    -------
    array (rows, width, …, component)
    """
    ndim = len(indices)
    lead = (slice(None), *(None,) * ndim)
    spread = [
        index[(slice(None), *(slice(None) if axis == k else None for axis in range(ndim)))]
        for k, index in enumerate(indices)
    ]
    moved = np.moveaxis(values, 2, -1)
    return np.asarray(moved[(chain[lead], draw[lead], *spread)])


def neighbours_in(box: Array, mask: Array) -> Iterator[tuple[Array, Array]]:
    """Products of neighbours in boxes (rows, side, …) where both lie in the mask; with where the first one is."""
    ndim = mask.ndim
    for axis in range(ndim):
        first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(ndim))
        second = tuple(slice(1, None) if a == axis else slice(None) for a in range(ndim))
        both = mask[first] & mask[second]
        place = np.zeros(mask.shape, dtype=bool)
        place[first] = both
        yield (box[(slice(None), *first)] * box[(slice(None), *second)])[:, both], place


def all_positions(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every site of a small lattice, in C order."""
    yield from itertools.product(*(range(side) for side in shape))
