"""Heat bath (Glauber's rates): every spin is drawn anew from its distribution given its neighbours.

A spin flips with probability 1/(1 + exp ΔH), so that after the visit P(s = +1) = 1/(1 + exp(−2F)), F the local field,
whatever the spin was.

"heat-bath" visits the sites by colour, 64 spins at a time where it can (`_multispin` says where; with further
couplings in turn), "heat-bath-sequential" in turn.

Source: Glauber (1963); Creutz (1979).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.updates import _multispin
from rgnet.updates.base import Move, Update, always_exact


def flip_probability(change: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probability of a flip that changes the energy by ``change``."""
    return np.asarray(np.exp(-np.logaddexp(0.0, change)), dtype=np.float64)


def _prepare(model: Any, chains: int = 1) -> Move:
    return _multispin.by_color(model, chains, "heat-bath", flip_probability, 0.0)


def _in_turn(model: Any, chains: int = 1) -> Move:
    return _multispin.in_turn(model, "heat-bath", 0.0)


update = Update("heat-bath", always_exact, _prepare)
spin_glass = Update("heat-bath", always_exact, _prepare, models=("SpinGlass",))
sequential = Update("heat-bath-sequential", always_exact, _in_turn)
