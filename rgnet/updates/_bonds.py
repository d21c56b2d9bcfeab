"""Metropolis and heat bath of Ising spins with a coupling of its own for every bond, on any lattice.

    H = −Σ_b K_b s_i s_j − h Σ s ,     ΔH of a flip = 2 s_i (Σ_b K_b s_j + h)

The sites are visited by colour or in turn; rates are those of `rgnet.updates.metropolis` (proposed with probability
15/16) and `rgnet.updates.heat_bath`, so that both are ergodic in any order. Where there are two colours, every bond
ends in a site of the second, and the energy is summed when those are visited.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet._jit import fill_from, njit
from rgnet.lattice import Geometry
from rgnet.updates.base import Move, Update, always_exact, spins_per_call
from rgnet.updates.metropolis import PROPOSAL

MODELS = ("SpinGlass",)


def move(place: Geometry, couplings: npt.ArrayLike, h: float, rule: str, in_turn: bool) -> Move:
    """The Move of a lattice, K_b (B,) in the order of `rgnet.lattice.bonds`, a field, "metropolis" or "heat-bath"."""
    strengths = np.asarray(couplings, dtype=np.float64)
    start, near, number = lattice.adjacency(place)
    order, colors = np.arange(place.n_sites, dtype=np.int32), np.array([0, place.n_sites])
    if not in_turn:
        order, colors = lattice.by_color(place)
    second = int(colors[1]) if len(colors) == 3 else place.n_sites
    proposal = PROPOSAL if rule == "metropolis" else 0.0
    tables = (order, second, start, near, strengths[number], float(h), proposal, lattice.bonds(place), strengths)
    return Move("bonds", record, tables, {}, ("energy", "magnetization"), spins_per_call=spins_per_call(place))


@njit
def record(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    order: Any,
    second: int,
    start: Any,
    near: Any,
    strengths: Any,
    h: float,
    proposal: float,
    pairs: Any,
    couplings: Any,
) -> None:
    """The contract of `rgnet.updates.base`; ``proposal`` 0: heat bath, ``second``: where the second of two begins."""
    n_sites = order.size
    for k in range(measured.shape[0]):
        bonds = 0.0
        for sweep in range(every):
            last = sweep == every - 1
            for place in range(n_sites):
                i = order[place]
                local = 0.0
                for a in range(start[i], start[i + 1]):
                    local += strengths[a] * state[near[a]]
                change = 2.0 * state[i] * (local + h)
                u = rng.random()
                if proposal > 0.0:
                    flip = u < proposal and (change <= 0.0 or u < proposal * math.exp(-change))
                else:
                    flip = u < 1.0 / (1.0 + math.exp(change))
                if flip:
                    state[i] = -state[i]
                if last and place >= second:
                    bonds += state[i] * local
        if measured.shape[1] > 0:
            if second == n_sites:
                for b in range(pairs.shape[0]):
                    bonds += couplings[b] * (state[pairs[b, 0]] * state[pairs[b, 1]])
            total = 0
            for i in range(n_sites):
                total += state[i]
            measured[k, 0] = 0.0 - bonds - h * total
            measured[k, 1] = total
        if out.shape[1] > 0:
            fill_from(out[k], state)


def _make(name: str, rule: str, in_turn: bool) -> Update:
    def prepare(model: Any, chains: int = 1) -> Move:
        return move(model.geometry, model.bond_couplings(), model.h, rule, in_turn)

    return Update(name, always_exact, prepare, models=MODELS)


updates = (
    _make("metropolis-sequential", "metropolis", True),
    _make("heat-bath-sequential", "heat-bath", True),
)
