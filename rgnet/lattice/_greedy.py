"""The kernel of greedy colouring."""

from typing import Any

import numpy as np

from rgnet._jit import njit


@njit
def greedy_colors(start: Any, near: Any) -> Any:
    """Each site in turn takes the smallest colour that no neighbour has; ``start`` and ``near`` as `adjacency`'s."""
    n_sites = start.size - 1
    colors = np.full(n_sites, -1, dtype=np.int32)
    taken = np.full(n_sites + 1, -1, dtype=np.int64)  # by colour: the last site that must not have it
    for i in range(n_sites):
        for a in range(start[i], start[i + 1]):
            if colors[near[a]] >= 0:
                taken[colors[near[a]]] = i
        color = 0
        while taken[color] == i:
            color += 1
        colors[i] = color
    return colors
