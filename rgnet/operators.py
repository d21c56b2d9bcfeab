"""Lattice sums conjugate to couplings, as data.

An operator is a set of *terms*; a term is a multiset of offsets, and the operator's value on a configuration is

    S_a(x) = Σ_sites Σ_terms Π_offsets x[site + offset] ,

one number a configuration. The energy of the nearest-neighbour Ising model is −K S_nn − h S_m. Terms related by a
translation are one term, and `operator` adds every image under the lattice's point group (reflections and
exchanges of axes). Repeated offsets are powers, for real-valued levels: "phi2" is Σ φ².

Pairs are named by distance, as the literature does: nn, nnn, third, fourth, fifth. On the square lattice these are
(1,0), (1,1), (2,0), (2,1), (2,2); on the chain 1, 2, 3, 4, 5; on the cubic lattice (1,0,0), (1,1,0), (1,1,1),
(2,0,0), (2,1,0).
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rgnet import lattice

Offset = tuple[int, ...]
Term = tuple[Offset, ...]

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


@dataclass(frozen=True)
class Operator:
    """A lattice sum: ``name`` and its ``terms``, each a sorted tuple of equally many offsets."""

    name: str
    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        sizes = {(len(term), len(offset)) for term in self.terms for offset in term}
        if len(sizes) != 1 or not all(self.terms):
            raise ValueError(
                f"Operator({self.name!r}, terms={self.terms!r}): terms are one or more products of equally many "
                f"offsets of one dimension; rgnet.operators.operator(name, offsets) makes them"
            )

    @property
    def ndim(self) -> int:
        """Number of space dimensions."""
        return len(self.terms[0][0])

    @property
    def degree(self) -> int:
        """Number of factors in each term."""
        return len(self.terms[0])

    @property
    def parity(self) -> str:
        """Sector under x → −x: "even" or "odd"."""
        return "odd" if self.degree % 2 else "even"

    @property
    def reach(self) -> int:
        """Largest coordinate of any offset."""
        return max(abs(step) for term in self.terms for offset in term for step in offset)

    def to_dict(self) -> dict[str, Any]:
        """Name and terms, JSON-ready."""
        return {"name": self.name, "terms": [[list(offset) for offset in term] for term in self.terms]}


def _canonical(term: Iterable[Offset]) -> Term:
    """The translate of a term whose first offset (in sorted order) is the origin."""
    ordered = sorted(term)
    origin = ordered[0]
    return tuple(tuple(a - b for a, b in zip(offset, origin, strict=True)) for offset in ordered)


def operator(name: str, offsets: Sequence[Sequence[int]], *, symmetrize: bool = True) -> Operator:
    """Operator whose terms are ``offsets`` and, unless ``symmetrize`` is False, its images under the point group.

    Parameters
    ----------
    name : str
    offsets : sequence of offset vectors
        The factors of one term, such as ``[(0, 0), (1, 0)]`` for the nearest neighbours of a square lattice.

    Raises
    ------
    ValueError
        If the offsets are empty, not whole numbers, or of different lengths.
    """
    rule = "offsets are one or more vectors of whole numbers, all of the lattice's dimension, such as [(0, 0), (1, 0)]"
    try:
        term = tuple(tuple(int(step) for step in offset) for offset in offsets)
        exact = all(int(s) == s for offset in offsets for s in offset)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"operator {name!r}, offsets={offsets!r}: {rule}") from error
    if not term or not exact or len({len(offset) for offset in term}) != 1 or len(term[0]) == 0:
        raise ValueError(f"operator {name!r}, offsets={offsets!r}: {rule}")
    ndim = len(term[0])
    images = {_canonical(term)}
    if symmetrize:
        for axes in itertools.permutations(range(ndim)):
            for signs in itertools.product((1, -1), repeat=ndim):
                images.add(_canonical(tuple(signs[a] * offset[a] for a in axes) for offset in term))
    return Operator(name, tuple(sorted(images, reverse=True)))


def _pair_offset(rank: int, ndim: int) -> Offset | None:
    """The rank-th shortest offset (0 the nearest), None where two inequivalent ones share a distance."""
    vectors = sorted(
        itertools.combinations_with_replacement(range(5, -1, -1), ndim), key=lambda v: (sum(s * s for s in v), v)
    )[1:]
    lengths = [sum(s * s for s in v) for v in vectors]
    if any(lengths.count(lengths[i]) > 1 for i in range(rank + 1)):
        return None
    return vectors[rank]


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


def from_dict(data: dict[str, Any]) -> Operator:
    """The inverse of `Operator.to_dict`."""
    terms = tuple(tuple(tuple(int(s) for s in offset) for offset in term) for term in data["terms"])
    return Operator(str(data["name"]), terms)


def dumps(operators: Sequence[Operator]) -> str:
    """Operators as JSON text, for attributes of files."""
    return json.dumps([item.to_dict() for item in operators])


def loads(text: str) -> tuple[Operator, ...]:
    """The inverse of `dumps`."""
    return tuple(from_dict(item) for item in json.loads(text))


def distinct_factors(term: Term, shape: Sequence[int], boundary: Sequence[str]) -> Term:
    """The term as a product of distinct spins ±1 on this lattice: offsets that coincide by wrapping cancel in pairs.

    On a periodic side of length 2, the pair at distance 2 is s² = 1: the empty term, a constant.

    Raises
    ------
    ValueError
        If the cancelled spins reach further across a free side than the rest, so that the product of the rest would
        count where the term does not.
    """
    counts: dict[Offset, int] = {}
    for offset in term:
        wrapped = tuple(
            step % side if name == "periodic" else step
            for step, side, name in zip(offset, shape, boundary, strict=True)
        )
        counts[wrapped] = counts.get(wrapped, 0) + 1
    rest = tuple(sorted(offset for offset, count in counts.items() if count % 2))
    for axis, name in enumerate(boundary):
        if name == "free" and rest and len(rest) < len(term):
            reaches = [(min(o[axis] for o in offsets), max(o[axis] for o in offsets)) for offsets in (term, rest)]
            if reaches[0] != reaches[1]:
                raise ValueError(
                    f"the product of spins at {term} folds onto itself across a periodic side of shape "
                    f"{tuple(shape)} while it reaches across a free one: give the periodic side more sites, or "
                    "leave out the repeated spin"
                )
    return rest


def local_terms(item: Operator, shape: Sequence[int], boundary: Sequence[str]) -> list[Term]:
    """Products whose sum multiplies the spin at the origin: S_a = s_i · Σ_products(others) + (terms without s_i).

    Each product is given by the offsets of the other spins; a product occurs once for every term and place in it.
    For spins ±1.
    """
    products = []
    for term in item.terms:
        distinct = distinct_factors(term, shape, boundary)
        for place, origin in enumerate(distinct):
            others = (offset for k, offset in enumerate(distinct) if k != place)
            products.append(tuple(tuple(a - b for a, b in zip(o, origin, strict=True)) for o in others))
    return products


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
    from rgnet._operator_kernels import accumulate  # Numba only when something is measured

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


def measure(level: Any, operators: Sequence[str | Operator] | str | Operator) -> Any:
    """Operator sums of a Dataset: a DataArray over (chain, draw, operator).

    Raises
    ------
    ValueError
        As `resolve`.
    """
    import xarray as xr

    from rgnet import labels

    space = labels.space_dims(level)
    labels.check_whole(level)
    spins = level["spin"]
    chosen = resolve(operators, len(space))
    batch = tuple(str(name) for name in spins.dims if name not in space)
    values = sums(spins.transpose(*batch, *space).values, chosen, labels.boundary(level))
    coords = {name: spins.coords[name] for name in batch if name in spins.coords}
    result = xr.DataArray(
        values,
        dims=(*batch, "operator"),
        coords={**coords, "operator": [item.name for item in chosen]},
        name="operator_sum",
        attrs={
            "operators": dumps(chosen),
            "shape": json.dumps([int(spins.sizes[name]) for name in space]),
            "boundary": json.dumps(list(labels.boundary(level))),
            "real": int(spins.dtype.kind == "f"),
        },
    )
    for key in ("level", "scale", "step", "layer", "model"):
        if key in level.attrs:
            result.attrs[key] = level.attrs[key]
    return result


def as_level(level: Any) -> Any:
    """A level as analyses take it: a Dataset with ``spin``, or the DataArray of its operator sums.

    Levels come from ``Network.levels``, from `measure`, or from a file: a group whose configurations were left out
    stands for its ``operator_sum``.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if hasattr(level, "to_dataset") and hasattr(level, "subtree"):  # a DataTree node, as rgnet.open gives it
        level = level.to_dataset()
    if hasattr(level, "data_vars"):
        return level["operator_sum"] if "operator_sum" in level and "spin" not in level else level
    if hasattr(level, "attrs") and "operator" in getattr(level, "dims", ()) and "operators" in level.attrs:
        return level
    raise TypeError(
        f"a level is a Dataset with 'spin', as Network.levels returns it, or the operator sums that operators.measure "
        f"makes of one, not {type(level).__name__}"
    )


def measured(level: Any, operators: Sequence[str | Operator] | str | Operator) -> Any:
    """Operator sums of a level given as a Dataset (then measured) or as what `measure` returned (then selected).

    Raises
    ------
    TypeError
        As `as_level`.
    ValueError
        As `resolve`; if sums are given and one of the operators is not among them.
    """
    level = as_level(level)
    if hasattr(level, "data_vars"):
        return measure(level, operators)
    chosen = resolve(operators, len(json.loads(level.attrs["shape"])))
    have = {item.name: item for item in loads(level.attrs["operators"])}
    for item in chosen:
        if have.get(item.name) != item:
            raise ValueError(f"operator {item.name!r} was not measured on this level (measured: {', '.join(have)})")
    selected = level.sel(operator=[item.name for item in chosen])
    return selected.assign_attrs(operators=dumps(chosen))
