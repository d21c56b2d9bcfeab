"""A sufficient statistic of a hierarchy's data, as `sufficient` returns it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

MAX_LABELS = 1 << 20  # configurations whose labels are listed


@dataclass(frozen=True)
class Statistic:
    """A sufficient statistic: a function of the data, ``T(data)``, with one value for each posterior.

    Attributes
    ----------
    level : int
        The level that it is sufficient for.
    function : callable
        From data (n, …) to labels (n,), or to real numbers (n, rank).
    count : int or None
        Number of values it takes; None if unknown or infinite.
    listing : callable or None
        Makes ``labels``.
    matrix : array or None
        Of a linear statistic: T(data) = data @ matrix.T.
    method : str
        How it was found.
    """

    level: int
    function: Callable[[Any], Array] = field(repr=False)
    count: int | None = None
    listing: Callable[[], Array | None] | None = field(default=None, repr=False)
    matrix: Floats | None = field(default=None, repr=False)
    method: str = ""

    def __call__(self, data: Any) -> Any:
        """The statistic of each draw; a DataArray over draw for a Dataset or DataArray."""
        value = self.function(data)
        if not isinstance(data, (xr.Dataset, xr.DataArray)):
            return value
        dims = [name for name in ("chain", "draw") if name in data.dims]
        extra = ["component"] * (value.ndim - len(dims))
        return xr.DataArray(value, dims=[*dims, *extra], name=f"T_{self.level}")

    @cached_property
    def labels(self) -> Array | None:
        """The label of every configuration of the data, None where they are not listed.

        In C order (the last site changes fastest), −1 for impossible ones; of real-valued data, of those that occur,
        sorted.
        """
        return None if self.listing is None else self.listing()
