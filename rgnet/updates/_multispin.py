"""Which kernel moves Ising spins by colour, 64 at a time where possible.

| model                                   | kernel                                                           |
|-----------------------------------------|------------------------------------------------------------------|
| further couplings                       | `_sequential`: sites in turn, whatever the products              |
| a lattice that fits `_stripes`          | `_stripes`: 64 spins of one lattice in a word                    |
| … many chains of it, small              | `_replicas`: up to 64 chains in a word                           |
| other lattices and graphs, ±J           | `_replicas`                                                      |
| more than 15 bonds at a site, other J   | `_bonds`: one spin at a time                                     |

Many and small: measured at K_c on a machine with AVX-512, spin updates a nanosecond of all chains together are 4.2
(64²), 8 (128²), 11 (1024²) by stripes and, with 64 chains, 10 to 11 by replicas as long as they fit the cache; with
fewer chains, in proportion. So from 32 chains on and up to 128² sites replicas are taken.
"""

from typing import Any

import numpy as np

from rgnet import lattice
from rgnet.models import Ising, SpinGlass
from rgnet.updates import _replicas, _sequential, _stripes
from rgnet.updates.base import Move, further_couplings

_MANY = 32  # chains
_SMALL = 128 * 128  # sites


def by_color(model: Any, chains: int, rule: str, flip_probability: Any, proposal: float) -> Move:
    """The move of an Ising model or spin glass, for a run of so many chains.

    Parameters
    ----------
    model : Ising or SpinGlass
    chains : int
    rule : "metropolis" or "heat-bath"
    flip_probability : callable
        Of an array of energy changes.
    proposal : float
        What `_sequential` calls so.
    """
    if isinstance(model, Ising) and further_couplings(model):
        return _with_products(model, proposal)
    if isinstance(model, Ising) and _stripes.fits(model) and (chains < _MANY or model.n_sites > _SMALL):
        return _stripes.prepare(model, flip_probability)  # needs no table of neighbours
    signs = _signs(model)
    if signs is None or _replicas.highest_degree(model.geometry) > _replicas.MOST:
        return _one_by_one(model, rule, in_turn=False)
    return _replicas.prepare(model, flip_probability, signs if isinstance(model, SpinGlass) else None)


def in_turn(model: Ising, rule: str, proposal: float) -> Move:
    """The move that visits the sites in turn, in C order."""
    return _with_products(model, proposal) if further_couplings(model) else _one_by_one(model, rule, in_turn=True)


def _with_products(model: Ising, proposal: float) -> Move:
    return Move("sequential", _sequential.record, _sequential.tables(model, proposal))


def _signs(model: Any) -> Any:
    """±1 for every bond, or None if the couplings are not all of one size."""
    if isinstance(model, Ising):
        return np.ones(len(lattice.bonds(model.geometry)))
    return np.sign(model.disorder) if (np.abs(model.disorder) == 1).all() else None


def _one_by_one(model: Any, rule: str, in_turn: bool) -> Move:
    from rgnet.updates import _bonds  # takes its rates from the files that use this one

    couplings = model.bond_couplings() if isinstance(model, SpinGlass) else _signs(model) * model.K
    return _bonds.move(model.geometry, couplings, model.h, rule, in_turn)
