"""How many free parameters a Hamiltonian of n bits has, and how few physics leaves of them (claim A5).

Every real function of n spins ±1 is H = Σ_S J_S Π_{i∈S} s_i, one coupling for each set S of sites, and J_∅ changes
nothing in p ∝ exp(−H). So there are

    2ⁿ − 1                          in general,
    Σ_{1≤k≤d} C(n, k)               with products of at most d spins ("degree d"),
    n c(d, r)                       if these lie in cubes of r + 1 sites a side ("locality": linear in n),
                                    on tori with sides > 2r,
    the number of orbits            if H is invariant under a group of symmetries; for the translations of a large torus
                                    c(d, r), whatever n: O(1),

with c(d, r) = Σ_{1≤k≤d} Σ_{A⊆axes} (−1)^|A| C((r + 1)^{D−|A|} r^{|A|}, k) products that touch the low faces of a cube.

A group G of permutations of the sites acts on the sets of k sites, and by Burnside's lemma

    orbits_k = (1/|G|) Σ_{g∈G} [x^k] Π_{cycles of g} (1 + x^length) .

On a torus G is taken as the group of permutations that translations (with reflections and exchanges of equal sides)
generate: on a side of length 2 a reflection is a translation, and is not counted twice. `listed_orbits` counts the same
without the lemma: it joins each of the 2ⁿ sets with its images and counts the pieces.

Source: Lin, Tegmark & Rolnick (2017), section 2.4; Burnside (1897), section 118 (Cauchy and Frobenius before him).
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.operators import enumeration

Permutation = tuple[int, ...]
SYMMETRIES = ("none", "translations", "space group")
_MOST_LISTED = 20  # sites: 2^20 sets are listed in a second
_MOST_SITES = 512  # sites: a cube has 48 · 512 symmetries


def general(n: int, degree: int | None = None) -> int:
    """Free parameters of a Hamiltonian of n bits: 2ⁿ − 1, or Σ_{1≤k≤degree} C(n, k).

    Raises
    ------
    ValueError
        If a number is not a whole number of at least 1.
    """
    n, degree = _whole("n", n), n if degree is None else _whole("degree", degree)
    return sum(math.comb(n, k) for k in range(1, min(n, degree) + 1))


def classes(ndim: int, degree: int, reach: int) -> int:
    """c(d, r): products of at most ``degree`` spins in a cube of ``reach`` + 1 sites a side, up to translations.

    Raises
    ------
    ValueError
        If a number is impossible.
    """
    ndim, degree, side = _whole("ndim", ndim), _whole("degree", degree), _whole("reach", reach, 0) + 1
    return sum(
        (-1) ** cut * math.comb(ndim, cut) * math.comb(side ** (ndim - cut) * (side - 1) ** cut, k)
        for k in range(1, degree + 1)
        for cut in range(ndim + 1)
    )


def local(shape: int | Sequence[int], degree: int, reach: int, symmetry: str = "none") -> int:
    """Free parameters of a local Hamiltonian on a torus, by formula.

    Parameters
    ----------
    shape : int or tuple of int
        Sides, each above 2 ``reach``, so that no product fits twice.
    degree, reach : int
        As `classes`.
    symmetry : "none", "translations" or "space group"
        The last with all reflections and exchanges of axes: a torus of equal sides.

    Raises
    ------
    ValueError
        If a number or name is impossible, a side is too short, or sides differ where they should not.
    """
    sides = lattice.check_shape(shape)
    _known(symmetry)
    if min(sides) <= 2 * reach:
        raise ValueError(
            f"shape={sides}: a product that reaches {reach} sites can close around a side of at most {2 * reach}, and "
            f"the formula would count it twice; give longer sides, or list them (listed_local)"
        )
    if symmetry == "space group":
        if len(set(sides)) > 1:
            raise ValueError(f"shape={sides}: the whole space group needs equal sides; give equal ones")
        return enumeration.count_operators(len(sides), degree, reach)
    return classes(len(sides), degree, reach) * (math.prod(sides) if symmetry == "none" else 1)


def generators(shape: int | Sequence[int], symmetry: str) -> list[Permutation]:
    """Permutations of the sites of a torus that generate its symmetries.

    Parameters
    ----------
    shape : int or tuple of int
    symmetry : "none", "translations" or "space group"
        A step along each axis; then also a reflection of each axis and exchanges of neighbouring equal sides.

    Raises
    ------
    ValueError
        If the shape or the name is impossible.
    """
    sides = lattice.check_shape(shape)
    _known(symmetry)
    index = np.arange(math.prod(sides)).reshape(sides)
    found: list[npt.NDArray[Any]] = []
    if symmetry != "none":
        found += [np.roll(index, 1, axis) for axis in range(len(sides))]
    if symmetry == "space group":
        found += [np.flip(index, axis) for axis in range(len(sides))]
        pairs = itertools.combinations(range(len(sides)), 2)
        found += [np.swapaxes(index, a, b) for a, b in pairs if sides[a] == sides[b]]
    return [tuple(int(site) for site in image.ravel()) for image in found]


def group(shape: int | Sequence[int], symmetry: str) -> list[Permutation]:
    """All different permutations of the sites that the `generators` generate, the identity first.

    Raises
    ------
    ValueError
        As `generators`, or if there are more than 512 sites.
    """
    sites = math.prod(lattice.check_shape(shape))
    if sites > _MOST_SITES:
        raise ValueError(
            f"shape={shape!r}: {sites} sites, more than {_MOST_SITES}, have too many symmetries to list; for local "
            f"Hamiltonians use local()"
        )
    steps = generators(shape, symmetry)
    identity = tuple(range(sites))
    found, fresh = {identity: None}, [identity]
    while fresh:
        products = dict.fromkeys(tuple(one[site] for site in step) for one in fresh for step in steps)
        fresh = [item for item in products if item not in found]
        found.update(dict.fromkeys(fresh))
    return list(found)


def orbits(shape: int | Sequence[int], symmetry: str = "translations") -> list[int]:
    """Orbits of the sets of 0, 1, … n sites of a torus, by Burnside's lemma.

    Free parameters of an invariant H of degree d are the sum of entries 1 to d.

    Raises
    ------
    ValueError
        As `group`.
    """
    members = group(shape, symmetry)
    n = len(members[0])
    total = [0] * (n + 1)
    for permutation in members:
        lengths = [len(cycle) for cycle in enumeration.cycles(permutation)]
        total = [a + b for a, b in zip(total, enumeration.set_counts(lengths, n), strict=True)]
    return [count // len(members) for count in total]


def listed_orbits(shape: int | Sequence[int], symmetry: str = "translations") -> list[int]:
    """The same as `orbits`, by listing all 2ⁿ sets and joining each with its images under the generators.

    Raises
    ------
    ValueError
        As `generators`, or if there are more than 20 sites.
    """
    n = math.prod(lattice.check_shape(shape))
    if n > _MOST_LISTED:
        raise ValueError(
            f"shape={shape!r}: 2^{n} sets of sites are too many to list, at most 2^{_MOST_LISTED}; use orbits()"
        )
    return _pieces(np.arange(1 << n), shape, symmetry)


def listed_local(shape: int | Sequence[int], degree: int, reach: int, symmetry: str = "none") -> int:
    """Free parameters of a local Hamiltonian on a torus, by listing its products and joining their images.

    Parameters as `local`; on sides of at most 2 ``reach`` products that close around the torus are listed once.

    Raises
    ------
    ValueError
        If the shape or the name is impossible, or there are more than 62 sites.
    """
    sides = lattice.check_shape(shape)
    degree, reach = _whole("degree", degree), _whole("reach", reach, 0)
    n = math.prod(sides)
    if n > 62:
        raise ValueError(f"shape={shape!r}: {n} sites, and sets are listed as words of 62 bits; use local()")
    index = np.arange(n).reshape(sides)
    cubes = {
        frozenset(
            int(i) for i in np.roll(index, start, axis=range(len(sides)))[(slice(0, reach + 1),) * len(sides)].flat
        )
        for start in np.ndindex(sides)
    }
    masks = {
        sum(1 << site for site in chosen)
        for cube in cubes
        for k in range(1, degree + 1)
        for chosen in itertools.combinations(cube, k)
    }
    return sum(_pieces(np.array(sorted(masks), dtype=np.int64), shape, symmetry))


def _pieces(masks: npt.NDArray[np.int64], shape: int | Sequence[int], symmetry: str) -> list[int]:
    """Connected pieces of sorted sets of sites, as bits of words, joined with their images; by number of sites."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = math.prod(lattice.check_shape(shape))
    rows, columns = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for permutation in generators(shape, symmetry):
        image = np.zeros_like(masks)
        for site, onto in enumerate(permutation):
            image |= (masks >> site & 1) << onto
        rows.append(np.arange(len(masks)))
        columns.append(np.searchsorted(masks, image))
    row, column = np.concatenate(rows), np.concatenate(columns)
    joined = coo_array((np.ones(len(row), dtype=np.int8), (row, column)), shape=(len(masks), len(masks)))
    pieces, label = connected_components(joined, directed=False)
    sizes = np.zeros(pieces, dtype=np.int64)
    sizes[label] = np.bitwise_count(masks)
    return [int(count) for count in np.bincount(sizes, minlength=n + 1)]


def _known(symmetry: str) -> None:
    if symmetry not in SYMMETRIES:
        raise ValueError(f"symmetry={symmetry!r}: it is one of {', '.join(SYMMETRIES)}")


def _whole(name: str, value: Any, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name}={value!r}: give a whole number of at least {least}")
    return int(value)
