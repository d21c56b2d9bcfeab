"""What a Monte Carlo move is: the contract that every file of `rgnet.updates` fills.

A move is an `Update`: a name, a rule that says for which models it is exact, and `prepare`, which turns a model into a
`Move`, that is a compiled kernel with its tables. The kernel knows nothing else:

    record(state, rng, every, out, measured, *tables, *settings)

For each row of ``measured`` it does ``every`` sweeps of ``state`` in place, writes there what it measures of the
configuration at hand, if that has columns, and if ``out`` has columns, writes the configuration to its row of
``out``.

``state`` is one chain, of the model's dtype: the numbers of the N sites in C order (component by component, where
there are several), then the model's ``outside`` as often as the last side is long, where padded neighbour tables point
for what lies beyond a free boundary. ``out`` is (n, components·N) or (n, 0), ``measured`` float64 (n, columns) or
(n, 0).

A kernel that moves several chains at once (``group`` > 1) gets ``state`` (chains, S), ``out`` (chains, n, ·) and
``measured`` (chains, n, ·), with one stream of random numbers for all.

How the work is cut into calls must not change the random numbers: nothing is remembered between two sweeps but the
state and the stream. Starting states, warm-up, thinning and labels are the business of `rgnet.sampling`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.lattice import Geometry
from rgnet.models import Ising, Model

State = npt.NDArray[Any]
Array = npt.NDArray[Any]
Settings = Mapping[str, int | float]


@dataclass(frozen=True)
class Move:
    """A kernel bound to a model.

    Attributes
    ----------
    kernel : str
        Its name, which Datasets carry.
    record : callable
        See the module.
    tables : tuple
    settings : mapping
        Numbers that warm-up tunes, frozen afterwards and kept with the Dataset.
    measures : tuple of str
        What the kernel writes into the columns of ``measured``: "energy", names of `Model.observe`, each as many
        columns as it has components, and what only a kernel knows, such as "cluster_m2".
    group : int
        How many chains it moves together at most.
    spins_per_call : int
        Spin updates of a call that takes well below half a second, so that signals are heard.
    """

    kernel: str
    record: Callable[..., Any]
    tables: tuple[Any, ...]
    settings: Settings = field(default_factory=dict)
    measures: tuple[str, ...] = ()
    group: int = 1
    spins_per_call: int = 1 << 22

    def run(self, states: Array, rng: np.random.Generator, every: int, out: Array, measured: Array) -> None:
        """Advance the chains of a group, ``every`` sweeps for each row of ``measured``.

        Parameters
        ----------
        states : (chains, S) array
            Of at most ``group`` chains, changed in place.
        rng : Generator
        every : int
        out : (chains, n, components·N) array, or (chains, n, 0)
            Filled with the configuration of every row, if it has columns.
        measured : float64 (chains, n, columns) array
        """
        if self.group > 1:
            self.record(states, rng, every, out, measured, *self.tables, *self.settings.values())
            return
        for k in range(len(states)):
            self.record(states[k], rng, every, out[k], measured[k], *self.tables, *self.settings.values())


Tune = Callable[[Move, Array, Sequence[np.random.Generator], int, dict[str, int]], Move | None]


@dataclass(frozen=True)
class Update:
    """A named Monte Carlo move.

    Attributes
    ----------
    name : str
        Several updates may share it, for different models.
    check : callable
        model -> why the move would not be exact, or None where it is; asked only about its ``models``.
    prepare : callable
        (model, chains) -> `Move`, for a run of so many chains.
    tune : callable or None
        (move, states, rngs, sweeps, counts) -> None, or the tuned move at the end: called again and again, each time
        for a fraction of a second, it advances the chains by that many sweeps of warm-up and sets ``settings`` from
        what it sees; ``states`` is (chains, S), ``rngs`` one for each group. How far it is lies in ``counts``. The
        settings stay frozen from then on.
    models : tuple of str
        Names of the models whose configurations it can move.
    ergodic : bool
        Whether it reaches every configuration by itself; others are done in turn with one that does.
    """

    name: str
    check: Callable[[Any], str | None]
    prepare: Callable[[Any, int], Move]
    tune: Tune | None = None
    models: tuple[str, ...] = ("Ising",)
    ergodic: bool = True

    def reason(self, model: Model) -> str | None:
        """Why the move would not be exact for ``model``, or None where it is."""
        name = type(model).__name__
        if name not in self.models:
            return f"it moves configurations of {' or '.join(self.models)}, and the model is {name}"
        return self.check(model)


def always_exact(model: Any) -> str | None:
    """The reason of a move that is exact for every model: none."""
    return None


def further_couplings(model: Ising) -> tuple[str, ...]:
    """Names of the couplings beyond K and h that are not zero."""
    return tuple(item.name for item, value in model.couplings if value != 0)


def no_further_couplings(model: Any) -> str | None:
    """The reason of a move that knows bonds between nearest neighbours and a field, and nothing else."""
    names = further_couplings(model) if isinstance(model, Ising) else ()
    return f"its clusters know K and h alone, and the model has {', '.join(names)}" if names else None


def spins_per_call(geometry: Geometry, most: int = 1 << 22) -> int:
    """Spin updates of a call whose cost is that of the bonds: fewer where a spin has many."""
    degree = 2 * len(lattice.bonds(geometry)) / geometry.n_sites
    return max(1, int(most * 4 / max(4.0, degree)))
