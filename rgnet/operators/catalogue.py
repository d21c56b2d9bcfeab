"""Operators by name, and the standard sets of each sector."""

import functools
import itertools
from collections.abc import Sequence

from rgnet.operators.data import Offset, Operator, operator

_DISTANCE_NAMES = ("nn", "nnn", "third", "fourth", "fifth")
_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "plaquette": ((0, 0), (1, 0), (0, 1), (1, 1)),
    "m": ((0,),),
    "corner": ((0, 0), (1, 0), (0, 1)),
    "straight": ((0,), (1,), (2,)),
    "diagonal": ((0, 0), (1, 1), (2, 2)),
    "phi2": ((0,), (0,)),
    "phi3": ((0,), (0,), (0,)),
    "phi4": ((0,), (0,), (0,), (0,)),
}
NAMES = (*_DISTANCE_NAMES, *_SHAPES)


def _pair_offset(rank: int, ndim: int) -> Offset | None:
    """The rank-th shortest offset (0 the nearest), None where two inequivalent ones share a distance."""
    vectors = sorted(
        itertools.combinations_with_replacement(range(5, -1, -1), ndim), key=lambda v: (sum(s * s for s in v), v)
    )[1:]
    lengths = [sum(s * s for s in v) for v in vectors]
    if any(lengths.count(lengths[i]) > 1 for i in range(rank + 1)):
        return None
    return vectors[rank]


@functools.cache
def named(name: str, ndim: int) -> Operator:
    """The operator of that name (see `NAMES`) on a hypercubic lattice of ``ndim`` dimensions.

    Raises
    ------
    ValueError
        If the name is unknown, or does not exist or is ambiguous in that many dimensions.
    """
    origin = (0,) * ndim
    if name in _DISTANCE_NAMES:
        offset = _pair_offset(_DISTANCE_NAMES.index(name), ndim)
        if offset is None:
            raise ValueError(
                f"operator {name!r} is ambiguous in {ndim} dimensions (two kinds of pairs have that distance); "
                f"define it by offsets: rgnet.operators.operator(name, offsets)"
            )
        return operator(name, (origin, offset))
    if name not in _SHAPES:
        raise ValueError(
            f"operator {name!r} is unknown; known are {', '.join(NAMES)}; others are made by "
            f"rgnet.operators.operator(name, offsets)"
        )
    flat = _SHAPES[name]
    if len(flat[0]) > ndim:
        raise ValueError(f"operator {name!r} needs at least {len(flat[0])} dimensions, the lattice has {ndim}")
    return operator(name, [tuple(v) + (0,) * (ndim - len(v)) for v in flat])


def resolve(operators: Sequence[str | Operator] | str | Operator, ndim: int) -> tuple[Operator, ...]:
    """Operators from names and Operators, checked against the dimension and for repeated names.

    Raises
    ------
    ValueError
        If none is given, one does not fit the dimension, or two share a name.
    """
    if isinstance(operators, str | Operator):
        operators = (operators,)
    result = tuple(item if isinstance(item, Operator) else named(item, ndim) for item in operators)
    if not result:
        raise ValueError("operators=[]: give at least one operator, such as 'nn'")
    for item in result:
        if item.ndim != ndim:
            raise ValueError(f"operator {item.name!r} is made for {item.ndim} dimensions, the lattice has {ndim}")
    names = [item.name for item in result]
    if len(set(names)) < len(names):
        raise ValueError(f"operators {names}: two share a name; give each its own")
    return result


def defaults(ndim: int, sector: str, *, real: bool = False) -> tuple[Operator, ...]:
    """The standard set of a sector ("even" or "odd"), short-ranged first; powers of φ last, for real-valued levels."""
    if sector == "even":
        names = {1: ("nn", "nnn", "third"), 2: ("nn", "nnn", "plaquette", "third")}.get(
            ndim, ("nn", "nnn", "third", "plaquette") if ndim > 3 else ("nn", "nnn", "third", "plaquette", "fourth")
        )
        names = (*names, "phi2", "phi4") if real else names
    elif sector == "odd":
        names = ("m", "straight") if ndim == 1 else ("m", "corner", "straight", "diagonal")
        names = (*names, "phi3") if real else names
    else:
        raise ValueError(f'sector={sector!r}: it is "even" or "odd"')
    return tuple(named(name, ndim) for name in names)
