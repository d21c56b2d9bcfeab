"""Metropolis' single-spin move: flip with probability (15/16) min(1, exp(−ΔH)).

Why 15/16. The textbook rule accepts every ΔH ≤ 0. Visiting the sites in a fixed order, it is then not ergodic: at K = 0
every spin flips in every sweep; on the periodic chain of four sites with two colours ++−− cycles for ever, and so do
the diagonal stripes ++−− on a square torus with sides divisible by four, where each visited spin sees ΔH = 0. Rejecting
one proposal in 16 whatever its energy makes every configuration reachable from every other in one sweep (each spin may
flip, and each may stay), keeps detailed balance at each site, and costs at most a sixteenth of the speed.

"metropolis" visits the sites by colour, 64 spins at a time where it can (`_multispin` says where; with further
couplings in turn), "metropolis-sequential" in turn.

Source: Metropolis, Rosenbluth, Rosenbluth, Teller & Teller (1953).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.updates import _multispin
from rgnet.updates.base import Move, Update, always_exact

PROPOSAL = 15 / 16


def flip_probability(change: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probability of a flip that changes the energy by ``change``."""
    return np.asarray(PROPOSAL * np.exp(-np.maximum(change, 0.0)), dtype=np.float64)


def _prepare(model: Any, chains: int = 1) -> Move:
    return _multispin.by_color(model, chains, "metropolis", flip_probability, PROPOSAL)


def _in_turn(model: Any, chains: int = 1) -> Move:
    return _multispin.in_turn(model, "metropolis", PROPOSAL)


update = Update("metropolis", always_exact, _prepare)
spin_glass = Update("metropolis", always_exact, _prepare, models=("SpinGlass",))
sequential = Update("metropolis-sequential", always_exact, _in_turn)
