"""What sampling asks of a model: the contract that every file of `rgnet.models` fills.

A configuration is an array (*shape) of the model's ``dtype``, one value a site, or (n, *shape) where a site holds n
components. What the values mean, where chains start, which numbers are kept with every draw and which are watched to
judge the warm-up is the model's own business; moves, chains, checkpoints and labels know nothing of it.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rgnet.lattice import Geometry

Array = npt.NDArray[Any]


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
    def geometry(self) -> Geometry:
        """Sides, boundaries and bonds."""
        ...

    @property
    def dtype(self) -> type[np.int8] | type[np.float64]:
        """Type of a configuration's values."""
        ...

    @property
    def components(self) -> int:
        """Numbers that a site holds; where there are several, their axis stands in front of space."""
        ...

    @property
    def order_components(self) -> int:
        """Independent components m of the order parameter, as its Binder cumulant has them."""
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

    def conjugate(self, x: npt.ArrayLike) -> Array:
        """The lattice sum S conjugate to the model's coupling, (...): H = −K S − …."""
        ...

    def order_field(self, x: npt.ArrayLike) -> Array:
        """The order parameter's density, (..., m, *shape): its sum over space is N long in an ordered lattice."""
        ...

    def start(self, chain: int, rng: np.random.Generator) -> Array:
        """Starting configuration of a chain, (*shape): ordered for even chains, disordered for odd ones."""
        ...

    def observe(self, x: Array) -> Mapping[str, Array]:
        """Numbers kept with every draw beside the energy: name -> (...) or (..., m), for x (..., *shape)."""
        ...

    def watch(self, x: Array) -> Mapping[str, npt.NDArray[np.float64]]:
        """What the pilot watches beside the energy: name -> (...), for configurations (..., *shape).

        Where that is ``magnetization`` alone, it is the length of what `observe` calls so, or where x → −x is no
        symmetry its first component: moves that measure it themselves then need no configurations.
        """
        ...

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data, JSON-ready."""
        ...


def padded(model: Model, configuration: Array) -> Array:
    """The state of a chain: the configuration in C order, and `Model.outside` as often as the last side is long."""
    size = model.components * model.n_sites
    state = np.full(size + model.shape[-1], model.outside, dtype=model.dtype)
    state[:size] = configuration.ravel()
    return state
