"""The sequential kernel: sites in turn, for models with any further couplings.

The energy change of flipping s_i is 2 s_i F_i with the local field F_i = Σ_a g_a Σ_products Π s_j, the products being
those of `rgnet.operators.local_terms`. Equal products are one product with the sum of their couplings.
"""

import math
from typing import Any

import numpy as np

from rgnet import lattice, operators
from rgnet._jit import fill_from, njit
from rgnet.models import Ising


def tables(model: Ising, proposal: float) -> tuple[Any, ...]:
    """Arguments of `record`. ``proposal`` > 0: Metropolis with that probability of proposing; 0: heat bath."""
    couplings: dict[operators.Term, float] = {}
    for item, value in model.terms:
        for product in operators.local_terms(item, model.shape, model.boundary) if value != 0 else ():
            key = tuple(sorted(product))
            couplings[key] = couplings.get(key, 0.0) + value
    offsets = sorted({offset for product in couplings for offset in product})
    column = {offset: number for number, offset in enumerate(offsets)}
    near = np.empty((model.n_sites, len(offsets)), dtype=np.int32)
    for number, offset in enumerate(offsets):
        near[:, number] = lattice.neighbors(model.shape, model.boundary, offset)
    ends = np.cumsum([len(product) for product in couplings], dtype=np.int64)
    members = np.array([column[offset] for product in couplings for offset in product], dtype=np.int64)
    return near, ends, members, np.array(list(couplings.values()), dtype=np.float64), proposal


@njit
def record(
    spins: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    near: Any,
    ends: Any,
    members: Any,
    couplings: Any,
    proposal: float,
) -> None:
    """The contract of `rgnet.updates.base`."""
    n_sites = near.shape[0]
    for k in range(measured.shape[0]):
        for _ in range(every):
            for i in range(n_sites):
                local = 0.0
                place = 0
                for a in range(couplings.size):
                    product = 1
                    while place < ends[a]:
                        product *= spins[near[i, members[place]]]
                        place += 1
                    local += couplings[a] * product
                change = 2.0 * spins[i] * local
                if proposal > 0.0:
                    probability = proposal * math.exp(-max(change, 0.0))
                else:
                    probability = 1.0 / (1.0 + math.exp(change))
                if rng.random() < probability:
                    spins[i] = -spins[i]
        if out.shape[1] > 0:
            fill_from(out[k], spins)
