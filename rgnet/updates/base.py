"""What a Monte Carlo move is: the contract that every file of `rgnet.updates` fills.

A move is an `Update`: a name, a rule that says for which models it is exact, and `prepare`, which turns a model into a
`Move`, that is a compiled kernel with its tables. The kernel knows nothing else:

    record(spins, rng, every, out, *tables, *settings)      for each row of out: `every` sweeps, then row = spins

``spins`` is the state of one chain, int8 of length N + side of the last axis: the values of the N sites in C order (±1
for Ising), then the model's ``outside`` (0 for Ising), where the neighbour tables point for what lies beyond a free
boundary. ``out`` is int8 of shape (n, N).
Starting states, warm-up, thinning, energies and labels are the business of `rgnet.sampling`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.models import Ising, Model

State = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Move:
    """A kernel bound to a model: ``kernel`` names it, ``settings`` are the whole numbers that warm-up tunes."""

    kernel: str
    record: Callable[..., None]
    tables: tuple[Any, ...]
    settings: Mapping[str, int] = field(default_factory=dict)

    def run(self, spins: State, rng: np.random.Generator, every: int, out: npt.NDArray[np.int8]) -> None:
        """For each row of ``out``: do ``every`` sweeps of ``spins``, in place, then copy them there."""
        self.record(spins, rng, every, out, *self.tables, *self.settings.values())


@dataclass(frozen=True)
class Update:
    """A named Monte Carlo move.

    Attributes
    ----------
    name : str
    check : callable
        model -> why the move would not be exact, or None where it is; asked only about its ``models``.
    prepare : callable
        model -> `Move`.
    tune : callable or None
        (move, states, rngs, sweeps, counts) -> None, or the tuned move at the end: called again and again, each time
        for a fraction of a second, it advances the chains by that many sweeps of warm-up and sets ``settings`` from
        what it sees. How far it is lies in ``counts``. The settings stay frozen from then on.
    models : tuple of str
        Names of the models whose configurations it can move.
    """

    name: str
    check: Callable[[Any], str | None]
    prepare: Callable[[Any], Move]
    tune: Callable[[Move, Sequence[State], Sequence[np.random.Generator], int, dict[str, int]], Move | None] | None = (
        None
    )
    models: tuple[str, ...] = ("Ising",)

    def reason(self, model: Model) -> str | None:
        """Why the move would not be exact for ``model``, or None where it is."""
        name = model.to_dict()["name"]
        if name not in self.models:
            return f"it moves configurations of {' or '.join(self.models)}, and the model is {name}"
        return self.check(model)


def always_exact(model: Ising) -> str | None:
    """The reason of a move that is exact for every model: none."""
    return None


def further_couplings(model: Ising) -> tuple[str, ...]:
    """Names of the couplings beyond K and h that are not zero."""
    return tuple(item.name for item, value in model.couplings if value != 0)


def no_further_couplings(model: Ising) -> str | None:
    """The reason of a move that knows bonds between nearest neighbours and a field, and nothing else."""
    names = further_couplings(model)
    return f"its clusters know K and h alone, and the model has {', '.join(names)}" if names else None


def row_neighbors(model: Ising) -> npt.NDArray[np.int64]:
    """Where the neighbouring rows of the last axis begin, shape (rows, 2(d−1)): steps +1, −1 along each other axis.

    A row beyond a free boundary begins at N, where a state has zeros.
    """
    lead, length = model.shape[:-1], model.shape[-1]
    if not lead:
        return np.empty((1, 0), dtype=np.int64)
    return np.ascontiguousarray(lattice.nearest_neighbors(lead, model.boundary[:-1]).T.astype(np.int64) * length)
