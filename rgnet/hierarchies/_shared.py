"""What the random hierarchy, the cascade and the lattice hierarchy share: priors, labels, data in, statistics out."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.hierarchies._levels import probabilities
from rgnet.information.grouping import group_rows

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_NEVER = -1e6  # ln 0, where a number is needed


def fraction(name: str, value: object) -> float:
    """Return ``value`` as a float; ValueError unless it is a number from 0 to 1."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number or not 0 <= float(value) <= 1:  # type: ignore[arg-type]
        raise ValueError(f"{name}={value!r}: give a probability, from 0 to 1")
    return float(value)  # type: ignore[arg-type]


def check_prior(prior: object, states: int) -> tuple[float, ...]:
    """Return the prior as a tuple of floats; None is uniform.

    Raises
    ------
    ValueError
        If its length is not ``states``, an entry is negative or not finite, or the sum is not 1 within 1e-9.
    """
    if prior is None:
        return (1.0 / states,) * states
    return tuple(float(x) for x in probabilities("prior", prior, (states,))[0])


def symbol_dtype(states: int) -> np.dtype[Any]:
    """The smallest signed dtype that holds the symbols 0 … states − 1, and −1 for "not observed"."""
    return np.dtype(next(t for t in (np.int8, np.int16, np.int32, np.int64) if states - 1 <= np.iinfo(t).max))


def site_dims(level: int, sites: int) -> tuple[str, ...]:
    """Dimensions of level ``level``: ("draw",) for one site, else ("draw", "site_level")."""
    return ("draw",) if sites == 1 else ("draw", f"site_{level}")


def take_data(data: Any, steps: int) -> tuple[Array, bool]:
    """The array of a Dataset (its y_n), a DataArray or an array; and whether it came labelled."""
    if isinstance(data, xr.Dataset):
        if f"y_{steps}" not in data:
            raise ValueError(f"no variable y_{steps} in the Dataset: give one that `sample` returned, or an array")
        data = data[f"y_{steps}"]
    if isinstance(data, xr.DataArray):
        if "draw" not in data.dims:
            raise ValueError(f"data with the dimensions {data.dims}: one of them has to be draw")
        return data.transpose("draw", ...).values, True
    return np.asarray(data), False


def entropy(p: Sequence[float] | Array, axis: int = -1) -> Any:
    """−Σ p ln p over an axis, in nats, with 0 ln 0 = 0."""
    array = np.asarray(p, dtype=np.float64)
    return -(array * np.log(np.where(array > 0, array, 1.0))).sum(axis=axis)


def log(p: Sequence[float] | Array) -> Floats:
    """Logarithm with ln 0 = −inf and no warning."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.asarray(p, dtype=np.float64)))


def softmax(log_weight: Array) -> Floats:
    """Probabilities of log-weights over the last axis; at least one of each row has to be finite."""
    p = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    return np.asarray(p / p.sum(axis=-1, keepdims=True))


def group_log_rows(log_rows: Array, tolerance: float = 1e-9) -> npt.NDArray[np.int64]:
    """Labels 0 … k − 1 of rows of log-probabilities that agree within a tolerance; −inf agrees with −inf only.

    Parameters
    ----------
    log_rows : array (n, k)
    tolerance : float
        In logarithms: a relative difference of probabilities.
    """
    return group_rows(np.where(np.isneginf(log_rows), _NEVER, log_rows), tolerance)


def digits_of(numbers: Array, base: int, length: int) -> npt.NDArray[np.int64]:
    """Digits of numbers, the first the most significant: (n,) to (n, length)."""
    result = np.empty((len(numbers), length), dtype=np.int64)
    rest = np.asarray(numbers, dtype=np.int64)
    for position in range(length - 1, -1, -1):
        rest, result[:, position] = np.divmod(rest, base)
    return result


def number_of(digits: Array, base: int) -> npt.NDArray[np.int64]:
    """The inverse of `digits_of`: (…, length) to (…), below 2^63."""
    result = np.zeros(digits.shape[:-1], dtype=np.int64)
    for position in range(digits.shape[-1]):
        result = result * base + digits[..., position]
    return result


def fits(base: int, length: int, limit: int) -> bool:
    """Whether base**length ≤ limit, without computing huge powers."""
    return limit >= 1 and (base <= 1 or length * math.log2(base) <= math.log2(limit) + 1e-9)
