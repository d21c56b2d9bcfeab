"""Where spins live: hypercubic lattices by their shape, the triangular lattice, and graphs by their bonds.

A lattice is its ``shape``, a tuple of side lengths, and a boundary for each side, ``"periodic"`` or ``"free"``.
Configurations are arrays whose last ``len(shape)`` axes are space; sites are numbered in C order. Each bond is
counted once, except that a periodic side of length 2 has two bonds between its two sites, as Kaufman's (1949)
formula has. `Geometry` holds what else there is to know, and `bonds`, `adjacency` and `coloring` are arrays of it.
"""

from rgnet.lattice.geometry import (
    KINDS,
    Geometry,
    Graph,
    adjacency,
    bonds,
    by_color,
    coloring,
    geometry,
    neighbor_table,
)
from rgnet.lattice.hypercubic import (
    BOUNDARIES,
    Boundary,
    Shape,
    axis_colors,
    block_members,
    check_boundary,
    check_shape,
    coarse_shape,
    dims,
    is_bipartite,
    nearest_neighbors,
    neighbors,
    pad,
)

__all__ = [
    "BOUNDARIES",
    "KINDS",
    "Boundary",
    "Geometry",
    "Graph",
    "Shape",
    "adjacency",
    "axis_colors",
    "block_members",
    "bonds",
    "by_color",
    "check_boundary",
    "check_shape",
    "coarse_shape",
    "coloring",
    "dims",
    "geometry",
    "is_bipartite",
    "nearest_neighbors",
    "neighbor_table",
    "neighbors",
    "pad",
]
