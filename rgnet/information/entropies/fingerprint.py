"""Counts of counts: all that an estimator of entropy needs to know of a sample.

Entropy does not ask which state is which. So a sample enters only by how many states were seen n times, for each n
that occurs: at most √(2N) numbers for N draws, whatever the number of states. Every estimator here costs as much as
this list is long.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Fingerprint(NamedTuple):
    """How often each count occurs.

    Attributes
    ----------
    sizes : array (d,) of int64
        The distinct counts n ≥ 1, ascending.
    times : array (d,) of int64
        How many states were seen n times.
    """

    sizes: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of draws, Σ n · times."""
        return int((self.sizes * self.times).sum())

    @property
    def states(self) -> int:
        """Number of states seen."""
        return int(self.times.sum())

    def seen(self, count: int) -> int:
        """Number of states seen exactly ``count`` times."""
        return int(self.times[self.sizes == count].sum())


def fingerprint(counts: npt.ArrayLike) -> Fingerprint:
    """The fingerprint of an array of counts, one a state; zeros are passed over.

    Raises
    ------
    ValueError
        If a count is negative or no whole number.
    """
    array = np.asarray(counts).reshape(-1)
    if array.size == 0:
        return Fingerprint(np.zeros(0, np.int64), np.zeros(0, np.int64))
    if array.dtype.kind not in "iub":
        whole = array.dtype.kind == "f" and bool(np.isfinite(array).all()) and bool((array == np.floor(array)).all())
        if not whole:
            raise ValueError(f"counts of type {array.dtype}: how often a state was seen is a whole number")
    array = array.astype(np.int64)
    if (low := int(array.min())) < 0:
        raise ValueError(f"a count is {low}: how often a state was seen is at least 0")
    high = int(array.max())
    if high <= 4 * array.size + 65536:
        table = np.bincount(array)
        table[0] = 0
        sizes = np.flatnonzero(table)
        return Fingerprint(sizes, table[sizes])
    sizes, times = np.unique(array[array > 0], return_counts=True)
    return Fingerprint(sizes, times.astype(np.int64))
