"""Heat bath (Glauber's rates): every spin is drawn anew from its distribution given its neighbours.

A spin flips with probability 1/(1 + exp ΔH), so that after the visit P(s = +1) = 1/(1 + exp(−2F)), F the local field,
whatever the spin was.

Without further couplings the sites are visited by colour (`_checkerboard`), with them in sequence (`_sequential`).

Source: Glauber (1963); Creutz (1979).
"""

import numpy as np
import numpy.typing as npt

from rgnet.models import Ising
from rgnet.updates import _checkerboard, _sequential
from rgnet.updates.base import Move, Update, always_exact, further_couplings


def flip_probability(change: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probability of a flip that changes the energy by ``change``."""
    return np.asarray(np.exp(-np.logaddexp(0.0, change)), dtype=np.float64)


def _prepare(model: Ising, chains: int) -> Move:
    if further_couplings(model) or model.lattice != "hypercubic":
        return Move("sequential", _sequential.record, _sequential.tables(model, 0.0))
    return Move("checkerboard", _checkerboard.record, _checkerboard.tables(model, flip_probability))


update = Update("heat-bath", always_exact, _prepare)
