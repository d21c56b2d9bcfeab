"""Metropolis' single-spin move: flip with probability (15/16) min(1, exp(−ΔH)).

Why 15/16. The textbook rule accepts every ΔH ≤ 0. Visiting the sites in a fixed order, it is then not ergodic: at K = 0
every spin flips in every sweep; on the periodic chain of four sites with two colours ++−− cycles for ever, and so do
the diagonal stripes ++−− on a square torus with sides divisible by four, where each visited spin sees ΔH = 0. Rejecting
one proposal in 16 whatever its energy makes every configuration reachable from every other in one sweep (each spin may
flip, and each may stay), keeps detailed balance at each site, and costs at most a sixteenth of the speed.

Without further couplings the sites are visited by colour (`_checkerboard`), with them in sequence (`_sequential`).

Source: Metropolis, Rosenbluth, Rosenbluth, Teller & Teller (1953).
"""

import numpy as np
import numpy.typing as npt

from rgnet.models import Ising
from rgnet.updates import _checkerboard, _sequential
from rgnet.updates.base import Move, Update, always_exact, further_couplings

PROPOSAL = 15 / 16


def flip_probability(change: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probability of a flip that changes the energy by ``change``."""
    return np.asarray(PROPOSAL * np.exp(-np.maximum(change, 0.0)), dtype=np.float64)


def _prepare(model: Ising, chains: int) -> Move:
    if further_couplings(model) or model.lattice != "hypercubic":
        return Move("sequential", _sequential.record, _sequential.tables(model, PROPOSAL))
    return Move("checkerboard", _checkerboard.record, _checkerboard.tables(model, flip_probability))


update = Update("metropolis", always_exact, _prepare)
