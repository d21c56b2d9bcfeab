"""`Operator`: terms as data, made from offsets and read back from JSON."""

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Offset = tuple[int, ...]
Term = tuple[Offset, ...]


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
