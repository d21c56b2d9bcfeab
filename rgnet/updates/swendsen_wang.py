"""Swendsen and Wang's move: bonds are laid, and every cluster gets a new orientation.

A bond is satisfied if K s_i s_j > 0, and then laid with probability 1 − exp(−2|K|); clusters are the connected
components. Given the bonds, the spins of a cluster are fixed up to a common sign σ, with probability ∝ exp(σ h M_c),
M_c the sum of the cluster's spins: a coin without a field, and with one the ghost spin summed out. This is exact for
either sign of K, frustrated or not (where it is frustrated, it is slow), in any dimension and for any boundary.

Clusters are labelled in one raster pass of a union-find forest in which every site points to a site of smaller
number, so that one more pass in the same order finds every root. Bonds are those towards −1 along each axis.

Source: Fortuin & Kasteleyn (1972); Swendsen & Wang (1987); with a field, the ghost spin of Griffiths (1967).
"""

import math
from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet._union_find import root as find_root
from rgnet.models import Ising
from rgnet.updates.base import Move, Update, no_further_couplings, row_neighbors


def _prepare(model: Ising, chains: int) -> Move:
    back = np.ascontiguousarray(row_neighbors(model)[:, 1::2])
    tables = (back, model.shape[-1], model.boundary[-1] == "periodic", model.K, model.h)
    return Move("cluster", record, tables)


@njit
def _join(parent: Any, root: int, other: int) -> int:
    """Unite the cluster of root with that of site ``other``; the smaller root stays and is returned."""
    other = find_root(parent, other)
    if other < root:
        parent[root] = other
        return other
    parent[other] = root
    return root


@njit
def record(
    spins: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    back: Any,
    length: int,
    periodic: bool,
    K: float,
    h: float,
) -> None:
    """The contract of `rgnet.updates.base`."""
    n_rows, n_other = back.shape
    n_sites = n_rows * length
    probability = -math.expm1(-2.0 * abs(K))
    sign = np.int8(1 if K > 0 else -1)
    parent = np.empty(n_sites, dtype=np.int32)
    flips = np.empty(n_sites, dtype=np.int8)  # at roots: what the cluster's spins are multiplied by
    sums = np.zeros(n_sites if h != 0 else 1, dtype=np.int32)
    for k in range(measured.shape[0]):
        for _ in range(every):
            for i in range(n_sites):
                parent[i] = i
            for r in range(n_rows):
                begin = r * length
                for j in range(length):
                    i = begin + j
                    mine = sign * spins[i]
                    root = find_root(parent, i)
                    left = i - 1
                    if j == 0:
                        left = begin + length - 1 if periodic else n_sites
                    if spins[left] == mine and rng.random() < probability:
                        root = _join(parent, root, left)
                    for a in range(n_other):
                        other = back[r, a] + j
                        if spins[other] == mine and rng.random() < probability:
                            root = _join(parent, root, other)
            if h != 0:
                sums[:] = 0
                for i in range(n_sites):
                    parent[i] = parent[parent[i]]
                    sums[parent[i]] += spins[i]
            for i in range(n_sites):
                root = parent[parent[i]]
                parent[i] = root
                if root == i:
                    flip = 0.5 if h == 0 else 1.0 / (1.0 + math.exp(2.0 * h * sums[i]))
                    flips[i] = -1 if rng.random() < flip else 1
                spins[i] *= flips[root]
        if out.shape[1] > 0:
            out[k] = spins[:n_sites]


def _check(model: Ising) -> str | None:
    return no_further_couplings(model) if model.lattice == "hypercubic" else "its rows are those of hypercubic lattices"


update = Update("swendsen-wang", _check, _prepare)
