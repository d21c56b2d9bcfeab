"""What sampling asks of a model: the contract that every file of `rgnet.models` fills.

A configuration is int8, one value a site. What the values mean, where chains start, which numbers are kept with every
draw and which are watched to judge the warm-up is the model's own business; moves, chains, checkpoints and labels know
nothing of it.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class Model(Protocol):
    """A model: a shape, boundaries and reduced couplings, nothing that changes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sides of the lattice."""
        ...

    @property
    def boundary(self) -> tuple[str, ...]:
        """Boundary of each side."""
        ...

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        ...

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        ...

    @property
    def is_symmetric(self) -> bool:
        """Whether x → −x leaves the energy unchanged."""
        ...

    @property
    def outside(self) -> int:
        """The value that stands for what lies beyond a free boundary: that of the padding of a chain's state."""
        ...

    @property
    def attributes(self) -> Mapping[str, str]:
        """What a Dataset of its configurations says of them: nothing for spins ±1, else ``values``."""
        ...

    def energy(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """H(x), total and dimensionless, of configurations (..., *shape)."""
        ...

    def start(self, chain: int, rng: np.random.Generator) -> npt.NDArray[np.int8]:
        """Starting configuration of a chain, (*shape): ordered for even chains, disordered for odd ones."""
        ...

    def observe(self, x: npt.NDArray[np.int8]) -> Mapping[str, npt.NDArray[np.int64]]:
        """Whole numbers kept with every draw beside the energy: name -> (...), for configurations (..., *shape)."""
        ...

    def watch(self, x: npt.NDArray[np.int8]) -> Mapping[str, npt.NDArray[np.float64]]:
        """What the pilot watches beside the energy: name -> (...), for configurations (..., *shape)."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready."""
        ...


def padded(model: Model, configuration: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The state of a chain: the configuration in C order, and `Model.outside` as often as the last side is long."""
    state = np.full(model.n_sites + model.shape[-1], model.outside, dtype=np.int8)
    state[: model.n_sites] = configuration.ravel()
    return state
