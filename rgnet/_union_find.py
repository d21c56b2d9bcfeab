"""Disjoint sets as a forest of parents, compiled: what cluster moves and the linking of posteriors share."""

from typing import Any

from rgnet._jit import njit


@njit
def root(parent: Any, i: Any) -> Any:
    """The root of i's tree; the path to it is halved on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i
