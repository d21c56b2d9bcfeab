"""All operators of a given degree and range, in a fixed order.

Products of spins are finite sets of sites, products of real numbers multisets (repeated sites are powers). Two of them
belong to one operator if a translation, a reflection or an exchange of axes maps one onto the other: operators are
orbits of the space group of the infinite lattice Z^d. Listed are those that fit into a cube of ``reach`` + 1 sites a
side. Their number is known without listing them. A product fills a smallest box; with G the 2^d d! elements g of the
point group, by Burnside's lemma (Burnside 1897, section 118; Cauchy and Frobenius before),

    number = (1/|G|) Σ_g Σ_boxes fixed_g(box) ,   fixed_g = [x^k] Σ_F (−1)^|F| Π_cycles of g avoiding F (1 + x^length) ,

F running over sets of the faces of the box, since the product touches them all (1/(1 − x^length) where powers count).
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from rgnet.operators.catalogue import NAMES, named
from rgnet.operators.data import Offset, Operator, Term, operator

_MOST = 1 << 18  # products looked at: some seconds


def enumerate_operators(
    ndim: int, degree: int, reach: int, *, parity: str | None = None, real: bool = False
) -> tuple[Operator, ...]:
    """Every operator with at most ``degree`` factors that fits into a cube of ``reach`` + 1 sites a side.

    Parameters
    ----------
    ndim : int
    degree : int
        Largest number of factors, at least 1. The constant is not listed.
    reach : int
        Largest difference of any coordinate of two factors; 0 for products on one site.
    parity : "even" or "odd", optional
        The sector under x → −x; both unless given.
    real : bool
        Whether powers count: a spin ±1 has none.

    Returns
    -------
    tuple of Operator
        By degree, then by range: the largest distance of two factors, then the sum of all squared distances. Those of
        `rgnet.operators.NAMES` are called so; others by the coordinates of their factors, such as ``"00-10-21"``, or
        ``"00^3-10"`` with powers (``"00,00-10,02"`` from 10 sites on).

    Raises
    ------
    ValueError
        If a number is impossible, or there are too many products to go through.
    """
    _check(ndim, degree, reach, parity)
    side = reach + 1
    products = sum(_choices(side**ndim, k, real) for k in _degrees(degree, parity))
    if products > _MOST:
        raise ValueError(
            f"degree={degree}, reach={reach} in {ndim} dimensions: {products} products of sites to go through, more "
            f"than {_MOST}; give a smaller degree or reach, or one parity"
        )
    known = {frozenset(item.terms): item.name for item in _known(ndim)}
    sites = list(itertools.product(range(side), repeat=ndim))
    combine = itertools.combinations_with_replacement if real else itertools.combinations
    found: list[Operator] = []
    for k in _degrees(degree, parity):
        orbits = {
            _representative(term)
            for term in combine(sites, k)
            if all(min(offset[axis] for offset in term) == 0 for axis in range(ndim))
        }
        for term in sorted(orbits, key=_range):
            item = operator(_name(term, reach), term)
            found.append(Operator(known.get(frozenset(item.terms), item.name), item.terms))
    return tuple(found)


def count_operators(ndim: int, degree: int, reach: int, *, parity: str | None = None, real: bool = False) -> int:
    """Number of operators that `enumerate_operators` lists, by Burnside's lemma and without listing them.

    Raises
    ------
    ValueError
        If a number is impossible.
    """
    _check(ndim, degree, reach, parity)
    group = list(_point_group(ndim))
    fixed = 0
    for axes, signs in group:
        for box in itertools.product(range(1, reach + 2), repeat=ndim):
            if tuple(box[a] for a in axes) == box:
                numbers = _fixed(box, axes, signs, degree, real)
                fixed += sum(numbers[k] for k in _degrees(degree, parity))
    return fixed // len(group)


def set_counts(lengths: Iterable[int], degree: int, real: bool = False) -> list[int]:
    """Invariant sets of 0 … ``degree`` sites under a permutation with cycles of these lengths (multisets if real)."""
    numbers = [1] + [0] * degree
    for length in lengths:
        if real:
            for k in range(length, degree + 1):
                numbers[k] += numbers[k - length]
        else:
            for k in range(degree, length - 1, -1):
                numbers[k] += numbers[k - length]
    return numbers


def cycles(permutation: Sequence[int]) -> list[list[int]]:
    """Cycles of a permutation of 0 … n − 1."""
    left, found = set(range(len(permutation))), []
    while left:
        cycle = [left.pop()]
        while (following := int(permutation[cycle[-1]])) in left:
            left.remove(following)
            cycle.append(following)
        found.append(cycle)
    return found


def _check(ndim: Any, degree: Any, reach: Any, parity: Any) -> None:
    for name, value, least in (("ndim", ndim, 1), ("degree", degree, 1), ("reach", reach, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name}={value!r}: give a whole number of at least {least}")
    if parity not in (None, "even", "odd"):
        raise ValueError(f'parity={parity!r}: it is "even", "odd" or None for both')


def _degrees(degree: int, parity: str | None) -> range:
    first = 2 if parity == "even" else 1
    return range(first, degree + 1, 1 if parity is None else 2)


def _choices(sites: int, k: int, real: bool) -> int:
    return math.comb(sites + k - 1, k) if real else math.comb(sites, k)


def _known(ndim: int) -> Iterator[Operator]:
    for name in NAMES:
        try:
            yield named(name, ndim)
        except ValueError:  # needs more dimensions, or is ambiguous in so many
            continue


def _point_group(ndim: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    return itertools.product(itertools.permutations(range(ndim)), itertools.product((1, -1), repeat=ndim))


def _representative(term: Term) -> Term:
    """The first of all images of a product that touch the coordinate planes, in sorted order."""
    ndim = len(term[0])
    images = []
    for axes, signs in _point_group(ndim):
        image = [tuple(signs[a] * offset[a] for a in axes) for offset in term]
        lowest = [min(column) for column in zip(*image, strict=True)]
        moved = [tuple(s - low for s, low in zip(offset, lowest, strict=True)) for offset in image]
        images.append(tuple(sorted(moved)))
    return max(images, key=lambda image: [tuple(-s for s in offset) for offset in image])


def _range(term: Term) -> tuple[int, int, Term]:
    """Largest squared distance of two factors, then the sum of all."""
    squares = [sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) for one, two in itertools.combinations(term, 2)]
    return max(squares, default=0), sum(squares), term


def _name(term: Term, reach: int) -> str:
    joint = "," if reach > 9 else ""
    powers: dict[Offset, int] = {}
    for offset in term:
        powers[offset] = powers.get(offset, 0) + 1
    return "-".join(
        joint.join(str(step) for step in offset) + (f"^{power}" if power > 1 else "")
        for offset, power in sorted(powers.items())
    )


def _fixed(box: tuple[int, ...], axes: Sequence[int], signs: Sequence[int], degree: int, real: bool) -> list[int]:
    """Products of 0 … ``degree`` sites of a box that touch all its faces and are invariant under g, by degree."""
    index = np.arange(math.prod(box)).reshape(box)
    image = index.transpose(axes)
    for axis, sign in enumerate(signs):
        image = image if sign > 0 else np.flip(image, axis)
    orbits = cycles([int(k) for k in image.ravel()])
    faces = [set(index.take(end, axis).ravel().tolist()) for axis, side in enumerate(box) for end in (0, side - 1)]
    touched = [sum(1 << f for f, face in enumerate(faces) if not face.isdisjoint(cycle)) for cycle in orbits]
    numbers = [0] * (degree + 1)
    for avoided in range(1 << len(faces)):
        lengths = [len(cycle) for cycle, hit in zip(orbits, touched, strict=True) if not hit & avoided]
        sign = -1 if avoided.bit_count() % 2 else 1
        numbers = [a + sign * b for a, b in zip(numbers, set_counts(lengths, degree, real), strict=True)]
    return numbers
