"""Up to 64 chains of one model in the bits of one word for each site: any geometry, the layout and the tables.

Bit b of a word is chain b. Sites are sorted by colour and, within a colour, by degree; each such class is padded to
whole vectors of eight sites, with words that are always zero. A site has as many neighbours as the site of the highest
degree; what it lacks is itself, which is never unsatisfied. So a class knows its probabilities by the number of
unsatisfied bonds (and by the spin, in a field). Couplings ±J are words of zeros or ones that reverse a neighbour.

All chains share the tables, none shares random bits with another.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.lattice import Geometry
from rgnet.updates import _lanes_tables
from rgnet.updates._replicas_kernel import advance
from rgnet.updates._stripes import leaves, room_for, table
from rgnet.updates.base import Move

WORD = 64
MOST = 15  # bonds of a site
_SPINS_PER_CALL = 1 << 29

Array = npt.NDArray[Any]


def record(states: Array, rng: np.random.Generator, every: int, out: Array, measured: Array, *tables: Any) -> None:
    """The contract of `rgnet.updates.base` for a group of chains."""
    rows = out if out.flags.c_contiguous else np.empty(out.shape, dtype=out.dtype)
    found = np.ascontiguousarray(measured)
    advance(states, rng, every, rows, found, *tables)
    if rows is not out:
        out[...] = rows
    if found is not measured:
        measured[...] = found


def highest_degree(geometry: Geometry) -> int:
    """Most bonds of a site."""
    start, _, _ = lattice.adjacency(geometry)
    return int(np.diff(start).max())


def classes(geometry: Geometry) -> tuple[Array, Array, Array]:
    """Sites by colour and degree.

    Returns
    -------
    site : int64 (P,)
        Site of each place; −1 for padding.
    ends : int64 (classes,)
        Where each class ends.
    kinds : int64 (classes, 2)
        Colour and degree of each class.
    """
    start, _, _ = lattice.adjacency(geometry)
    degree, color = np.diff(start), lattice.coloring(geometry).astype(np.int64)
    key = color * (MOST + 1) + degree
    site: list[Array] = []
    ends: list[int] = []
    kinds: list[tuple[int, int]] = []
    for value in np.unique(key):
        members = np.flatnonzero(key == value)
        padding = -len(members) % 8
        site += [members, np.full(padding, -1)]
        ends.append(len(members) + padding + (ends[-1] if ends else 0))
        kinds.append(divmod(int(value), MOST + 1))
    return np.concatenate(site).astype(np.int64), np.array(ends), np.array(kinds, dtype=np.int64)


def neighbor_places(geometry: Geometry, site: Array, signs: Array | None) -> tuple[Array, Array]:
    """Places of the neighbours, int32 (degree, P), itself for what lacks; words that reverse them, or eight zeros."""
    start, near, bond = lattice.adjacency(geometry)
    degree = np.diff(start)
    most = max(4, int(degree.max()))
    place = np.empty(geometry.n_sites, dtype=np.int32)
    inside = site >= 0
    place[site[inside]] = np.flatnonzero(inside)
    places = np.tile(np.arange(len(site), dtype=np.int32), (most, 1))
    number = np.arange(len(near)) - np.repeat(start[:-1], degree)
    of = place[np.repeat(np.arange(geometry.n_sites), degree)]
    places[number, of] = place[near]
    if signs is None:
        return places, np.zeros(8, dtype=np.uint64)
    reverse = np.zeros(places.shape, dtype=np.uint64)
    reverse[number, of] = np.where(signs[bond] < 0, np.uint64(2**64 - 1), np.uint64(0))
    return places, reverse


def runs_of(places: Array) -> Array:
    """Where the neighbours of eight sites begin, int32 (degree, P/8), if they follow one another; −1 if not."""
    eights = places.reshape(len(places), -1, 8)
    follow = (np.diff(eights, axis=2) == 1).all(axis=2)
    return np.where(follow, eights[:, :, 0], -1).astype(np.int32)


def prepare(model: Any, flip_probability: Any, signs: Array | None = None) -> Move:
    """The move for up to 64 chains; ``signs`` = ±1 for each bond in `lattice.bonds`, all + by default."""
    geometry = model.geometry
    site, ends, kinds = classes(geometry)
    places, reverse = neighbor_places(geometry, site, signs)
    by_degree = {int(d): table(model, int(d), flip_probability) for d in np.unique(kinds[:, 1])}
    largest = int(np.diff(ends, prepend=0).max())
    probabilities = np.concatenate([values.ravel() for values in by_degree.values()])
    made = _lanes_tables.planes(probabilities.tolist(), room_for(largest))
    columns = 8 if len(places) in (4, 6) else 16
    leaf = np.concatenate([leaves(by_degree[int(d)], made, columns) for d in kinds[:, 1]]).reshape(-1, 8)
    bipartite = kinds[:, 0].max() <= 1
    # Every bond of a bipartite lattice ends at a site of colour 1
    counted = int(ends[kinds[:, 0] == 0].max(initial=0)) if bipartite else 0
    n_bonds = len(lattice.bonds(geometry))
    constants = np.array([model.K, model.h, n_bonds, 1.0 if bipartite else 0.5, geometry.n_sites])
    return Move(
        "multispin-replicas",
        record,
        (site, ends, runs_of(places), places, reverse, leaf, counted, model.h != 0, constants, made.room, *made.arrays),
        measures=("energy", "magnetization"),
        group=WORD,
        spins_per_call=_SPINS_PER_CALL,
    )
