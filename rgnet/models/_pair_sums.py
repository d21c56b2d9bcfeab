"""Sums of a user's functions over the bonds and sites of configurations: loaded with Numba, when first needed.

Functions passed as arguments make Numba compile anew in every process; caching would only fill the disk.
"""

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from rgnet.models import _code

Function = Callable[..., float]


def jitted(function: Function) -> Any:
    """The function as Numba compiles it, anew where a value that it reads has changed.

    One that is jitted already is left as it is.
    """
    return function if hasattr(function, "py_func") else _compiled(function, _code.digest(function))


@functools.lru_cache(64)
def _compiled(function: Function, digest: str) -> Any:
    return numba.njit(error_model="numpy")(function)


@numba.njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def log_weights(x: Any, pairs: Any, bond: Any, site: Any, out: Any) -> None:
    """``out[k]`` = Σ_<ij> bond(x_i, x_j) + Σ_i site(x_i) of each row of x (n, N); ``pairs`` (B, 2)."""
    for k in range(x.shape[0]):
        total = 0.0
        for b in range(pairs.shape[0]):
            total += bond(x[k, pairs[b, 0]], x[k, pairs[b, 1]])
        for i in range(x.shape[1]):
            total += site(x[k, i])
        out[k] = total


def nothing(value: float) -> float:
    """No weight on sites: 0."""
    return 0.0 * value


def rows(x: Any, n_sites: int) -> Any:
    """Configurations (..., *shape) as contiguous rows (n, N)."""
    return np.ascontiguousarray(x.reshape(-1, n_sites))
