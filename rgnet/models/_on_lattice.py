"""What every model on a lattice has: its geometry, and what follows from its shape."""

import math

from rgnet.lattice import Geometry, Graph
from rgnet.models import _checks


class OnLattice:
    """A model with a ``shape``, a ``boundary`` and a ``lattice``."""

    shape: tuple[int, ...]
    boundary: tuple[str, ...]
    lattice: str | Graph

    @property
    def geometry(self) -> Geometry:
        """Sides, boundaries and bonds."""
        return _checks.geometry(self)

    @property
    def ndim(self) -> int:
        """Number of dimensions; 1 for a graph."""
        return len(self.shape)

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return math.prod(self.shape)

    @property
    def components(self) -> int:
        """Numbers that a site holds."""
        return 1

    @property
    def order_components(self) -> int:
        """Independent components of the order parameter: those of a site."""
        return self.components

    @property
    def outside(self) -> int:
        """What stands beyond a free boundary in the state of a chain: 0."""
        return 0
