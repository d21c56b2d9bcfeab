"""Geometry of any lattice: which sites are joined by bonds, and in which order they may be visited.

A bond vector points from a site to one of its neighbours; every bond is met once: on hypercubic lattices the unit
vectors, on the triangular lattice (1, 0), (0, 1) and (1, −1). A graph has its edges. Bonds are numbered by bond vector,
then by site in C order.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.lattice import hypercubic

KINDS = ("hypercubic", "triangular")
_DIMENSIONS = {"chain": 1, "square": 2, "cubic": 3, "triangular": 2}
_CACHED = 32  # geometries whose arrays are kept


@dataclass(frozen=True, init=False, repr=False)
class Graph:
    """A graph by its edges, to be given to a model instead of a shape.

    Parameters
    ----------
    edges : sequence of pairs of int
        Sites 0 … n−1 that are joined; each pair once.
    n_sites : int, optional
        How many sites there are, if some have no bond; otherwise one more than the largest number.

    Raises
    ------
    ValueError
        If a site is no whole number or is missing, a bond joins a site with itself or is given twice, or there is
        fewer than two sites.
    """

    edges: tuple[tuple[int, int], ...]
    n_sites: int

    def __init__(self, edges: Iterable[Sequence[int]], n_sites: int | None = None) -> None:
        given = [tuple(pair) if isinstance(pair, Sequence | np.ndarray) else pair for pair in edges]
        rule = "edges are pairs of site numbers 0 … n−1, such as [(0, 1), (1, 2)]"
        seen: set[tuple[int, int]] = set()
        for pair in given:
            if not isinstance(pair, tuple) or len(pair) != 2 or not all(_is_site(site) for site in pair):
                raise ValueError(f"edge {pair!r}: {rule}")
            if pair[0] == pair[1]:
                raise ValueError(
                    f"edge {_plain(pair)}: it joins site {pair[0]} with itself; {rule}, without self-loops"
                )
            key = (int(min(pair)), int(max(pair)))
            if key in seen:
                raise ValueError(f"edge {_plain(pair)} is given twice; give each pair of sites once")
            seen.add(key)
        largest = max((high for _, high in seen), default=-1)
        if n_sites is None:
            present = {site for pair in seen for site in pair}
            missing = next((site for site in range(largest + 1) if site not in present), None)
            if missing is not None:
                raise ValueError(
                    f"edges without site {missing}: they name sites up to {largest}, and each should have a bond; "
                    f"renumber the sites, or give n_sites={largest + 1} if site {missing} is meant to have none"
                )
            n_sites = largest + 1
        if not _is_site(n_sites) or n_sites < 2:
            raise ValueError(f"n_sites={n_sites!r}: a graph needs at least two sites; {rule}")
        if largest >= n_sites:
            raise ValueError(
                f"edges name site {largest}, and n_sites={n_sites} leaves 0 … {n_sites - 1}; give more sites"
            )
        object.__setattr__(self, "edges", tuple((int(a), int(b)) for a, b in given))
        object.__setattr__(self, "n_sites", int(n_sites))

    def __repr__(self) -> str:
        return f"Graph({len(self.edges)} edges, n_sites={self.n_sites})"


def _is_site(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)) and bool(value >= 0)


def _plain(pair: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(int(site) for site in pair)


@dataclass(frozen=True)
class Geometry:
    """A lattice: sides, boundaries, and what joins its sites.

    Attributes
    ----------
    shape : tuple of int
    boundary : tuple of "periodic" or "free", one for each side
    kind : "hypercubic", "triangular" or "graph"
    edges : tuple of pairs of int
        Of a graph, whose shape is (n_sites,) and whose boundary is free.
    """

    shape: tuple[int, ...]
    boundary: tuple[str, ...]
    kind: str = "hypercubic"
    edges: tuple[tuple[int, int], ...] = ()

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.shape, self.boundary, self.kind, self.edges))

    def __hash__(self) -> int:
        return self._hash  # the edges of a large graph are hashed once

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def ndim(self) -> int:
        """Number of dimensions; 1 for a graph."""
        return len(self.shape)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the space dimensions in a Dataset: x, y, z, …, and site for a graph."""
        return ("site",) if self.kind == "graph" else hypercubic.dims(self.ndim)


def geometry(
    shape: int | Sequence[int] | Graph, boundary: str | Sequence[str] = "periodic", kind: str = "hypercubic"
) -> Geometry:
    """The checked geometry of a shape or graph.

    Parameters
    ----------
    shape : int, tuple of int, or Graph
    boundary : "periodic", "free", or one of them for each side
        Without meaning for a graph.
    kind : "hypercubic" or "triangular"
        "chain", "square" and "cubic" are hypercubic lattices of one, two and three dimensions.

    Raises
    ------
    ValueError
        If the shape or a boundary is impossible, or the kind is unknown or has other dimensions.
    """
    if isinstance(shape, Graph):
        if kind not in ("hypercubic", "graph"):
            raise ValueError(f"lattice={kind!r}: a graph is its own lattice; leave lattice= out")
        return Geometry((shape.n_sites,), ("free",), "graph", shape.edges)
    if kind not in (*KINDS, *_DIMENSIONS):
        raise ValueError(
            f"lattice={kind!r}: give one of {', '.join(dict.fromkeys((*KINDS, *_DIMENSIONS)))}; any other lattice is a "
            f"graph, rg.Graph(edges), in place of the shape"
        )
    sides = hypercubic.check_shape(shape)
    names = hypercubic.check_boundary(boundary, sides)
    if len(sides) != _DIMENSIONS.get(kind, len(sides)):
        raise ValueError(f"lattice={kind!r}: it has {_DIMENSIONS[kind]} dimensions, and shape={sides} has {len(sides)}")
    if kind == "triangular":
        return Geometry(sides, names, "triangular")
    return Geometry(sides, names)


def _bond_vectors(lattice: Geometry) -> list[tuple[int, ...]]:
    if lattice.kind == "triangular":
        return [(1, 0), (0, 1), (1, -1)]
    return [tuple(int(a == axis) for a in range(lattice.ndim)) for axis in range(lattice.ndim)]


@functools.lru_cache(_CACHED)
def bonds(lattice: Geometry) -> npt.NDArray[np.int32]:
    """Every bond once, as pairs of sites: shape (B, 2), read-only."""
    if lattice.kind == "graph":
        return _frozen(np.array(lattice.edges, dtype=np.int32).reshape(-1, 2))
    n_sites = lattice.n_sites
    pairs = []
    for vector in _bond_vectors(lattice):
        other = hypercubic.neighbors(lattice.shape, lattice.boundary, vector)
        inside = other < n_sites
        pairs.append(np.stack([np.arange(n_sites, dtype=np.int32)[inside], other[inside]], axis=1))
    return _frozen(np.concatenate(pairs).astype(np.int32))


@functools.lru_cache(_CACHED)
def adjacency(
    lattice: Geometry,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Neighbours of every site in one row: (start (N+1,), near (2B,), bond (2B,)), read-only.

    Site i has the neighbours ``near[start[i]:start[i + 1]]`` through the bonds of those numbers in ``bond``.
    """
    pairs = bonds(lattice)
    ends = np.concatenate([pairs[:, 0], pairs[:, 1]])
    others = np.concatenate([pairs[:, 1], pairs[:, 0]])
    numbers = np.tile(np.arange(len(pairs), dtype=np.int32), 2)
    order = np.argsort(ends, kind="stable")
    start = np.zeros(lattice.n_sites + 1, dtype=np.int64)
    np.cumsum(np.bincount(ends, minlength=lattice.n_sites), out=start[1:])
    return _frozen(start), _frozen(others[order].astype(np.int32)), _frozen(numbers[order])


@functools.lru_cache(_CACHED)
def neighbor_table(lattice: Geometry) -> npt.NDArray[np.int32]:
    """Neighbours as a table (largest degree, N), read-only; N where a site has fewer.

    Hypercubic: +1 and −1 along each axis in turn.
    """
    if lattice.kind == "hypercubic":
        return _frozen(hypercubic.nearest_neighbors(lattice.shape, lattice.boundary))
    start, near, _ = adjacency(lattice)
    degree = np.diff(start)
    table = np.full((max(1, int(degree.max())), lattice.n_sites), lattice.n_sites, dtype=np.int32)
    place = np.arange(len(near)) - np.repeat(start[:-1], degree)
    table[place, np.repeat(np.arange(lattice.n_sites), degree)] = near
    return _frozen(table)


@functools.lru_cache(_CACHED)
def coloring(lattice: Geometry) -> npt.NDArray[np.int32]:
    """Colours 0, 1, … of the sites, (N,), of which no two neighbours share one; read-only.

    Two colours where the lattice is bipartite (hypercubic without odd periodic side), three on hypercubic lattices
    otherwise and on triangular ones whose periodic sides are divisible by three; elsewhere each site in turn takes the
    smallest colour that no neighbour has.
    """
    if lattice.kind == "hypercubic":
        n_colors, along = hypercubic.axis_colors(lattice.shape, lattice.boundary)
        total = np.zeros(lattice.shape, dtype=np.int32)
        for axis, colors in enumerate(along):
            total += colors.reshape([-1 if a == axis else 1 for a in range(lattice.ndim)])
        return _frozen((total % n_colors).ravel())
    divisible = all(side % 3 == 0 or name == "free" for side, name in zip(lattice.shape, lattice.boundary, strict=True))
    if lattice.kind == "triangular" and divisible:
        x, y = np.indices(lattice.shape)
        return _frozen(((x - y) % 3).astype(np.int32).ravel())
    from rgnet.lattice._greedy import greedy_colors  # loads Numba

    start, near, _ = adjacency(lattice)
    return _frozen(greedy_colors(start, near))


@functools.lru_cache(_CACHED)
def by_color(lattice: Geometry) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Sites sorted by colour, (N,), and where each colour begins, (colours + 1,); read-only."""
    colors = coloring(lattice)
    start = np.zeros(int(colors.max()) + 2, dtype=np.int64)
    np.cumsum(np.bincount(colors), out=start[1:])
    return _frozen(np.argsort(colors, kind="stable").astype(np.int32)), _frozen(start)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
