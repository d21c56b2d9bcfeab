"""Full enumeration: every state of a small lattice, for any energy function.

    p(x) = exp(−H(x)) / Z ,   Z = Σ_x exp(−H(x)) ,   up to 2^24 states.

States are numbered as `itertools.product` runs: site by site in C order, the last site fastest, values in the order
given. They are made a chunk at a time, so that memory is a few numbers for each state and never its sites.

The functions of an energy take any function of configurations; `thermal`, `model_moments` and `ground_states` take a
model of spins or states on any lattice.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rgnet import lattice

Energy = Callable[[npt.NDArray[Any]], npt.ArrayLike]
Observables = Callable[[npt.NDArray[Any]], npt.ArrayLike]
Shape = int | Sequence[int]

MAX_STATES = 1 << 24
_CHUNK = 1 << 16  # states at a time
SPINS = (-1, 1)


class Thermal(NamedTuple):
    """ln Z, and mean and variance of H."""

    log_Z: float
    energy: float
    variance: float


class Ground(NamedTuple):
    """Lowest energy, and every state that has it, (number, *shape)."""

    energy: float
    states: npt.NDArray[Any]


class Moments(NamedTuple):
    """``mean`` of shape (k,) and ``covariance`` of shape (k, k)."""

    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]


def count(shape: Shape, values: Sequence[float] = SPINS) -> int:
    """Number of states.

    Raises
    ------
    ValueError
        If the shape is impossible, a site has fewer than two values or one twice, or there are more than 2^24 states.
    """
    sites = math.prod(lattice.check_shape(shape))
    if len(set(values)) < 2 or len(set(values)) < len(values):
        raise ValueError(f"values={values!r}: a site takes two or more different values, such as (-1, 1)")
    number: int = len(values) ** sites
    if number > MAX_STATES:
        most = int(math.log(MAX_STATES, len(values)) + 1e-9)
        raise ValueError(
            f"shape={shape} has {len(values)}^{sites} = {float(number):.3g} states, and enumeration takes at most "
            f"2^24 = {MAX_STATES}; give at most {most} sites, or sample"
        )
    return number


def states(shape: Shape, start: int = 0, stop: int | None = None, values: Sequence[float] = SPINS) -> npt.NDArray[Any]:
    """States number ``start`` to ``stop`` − 1 (None: to the last).

    Parameters
    ----------
    shape : int or tuple of int
    start, stop : int
    values : sequence of numbers
        What a site can be.

    Returns
    -------
    array, shape (stop − start, *shape)
        int8 where the values are whole numbers that fit, else float64.

    Raises
    ------
    ValueError
        As `count`, or if the range is not one of 0 … count.
    """
    number, sides = count(shape, values), lattice.check_shape(shape)
    stop = number if stop is None else stop
    if not 0 <= start <= stop <= number:
        raise ValueError(
            f"start={start}, stop={stop}: shape {sides} has the states 0 to {number}; give 0 ≤ start ≤ stop"
        )
    sites, q = math.prod(sides), len(values)
    table = np.asarray(values)
    small = table.dtype.kind in "iu" and table.min() >= -128 and table.max() <= 127
    table = table.astype(np.int8 if small else np.float64)
    index = np.arange(start, stop, dtype=np.int32)
    result = np.empty((stop - start, sites), dtype=table.dtype)
    for site in range(sites - 1, -1, -1):
        index, digit = np.divmod(index, q) if q & (q - 1) else (index >> (q.bit_length() - 1), index & (q - 1))
        result[:, site] = table[digit]
    return result.reshape(-1, *sides)


def chunks(shape: Shape, values: Sequence[float] = SPINS) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
    """All states, a chunk at a time, each with the slice of numbers it covers."""
    number = count(shape, values)
    for start in range(0, number, _CHUNK):
        stop = min(start + _CHUNK, number)
        yield slice(start, stop), states(shape, start, stop, values)


def evaluate(
    function: Callable[[npt.NDArray[Any]], npt.ArrayLike], shape: Shape, values: Sequence[float] = SPINS
) -> npt.NDArray[np.float64]:
    """``function`` of every state: a map from (n, *shape) to (n,).

    Raises
    ------
    ValueError
        As `count`, or if the function returns another shape, or NaN.
    """
    result = np.empty(count(shape, values))
    for where, x in chunks(shape, values):
        value = np.asarray(function(x), dtype=np.float64)
        if value.shape != x.shape[:1]:
            raise ValueError(
                f"the function of {x.shape[0]} states returned shape {value.shape}; return one number a state"
            )
        result[where] = value
    if np.isnan(result).any():
        raise ValueError(f"the function is NaN for {np.count_nonzero(np.isnan(result))} of {result.size} states")
    return result


def log_weights(energy: Energy, shape: Shape, values: Sequence[float] = SPINS) -> npt.NDArray[np.float64]:
    """−H of every state, shape (count,); H = inf forbids a state.

    Parameters
    ----------
    energy : callable
        H of configurations, from (n, *shape) to (n,), such as ``model.energy``.
    shape, values
        As `states`.

    Raises
    ------
    ValueError
        As `count`, or if the energy returns another shape, or NaN.
    """
    return -evaluate(energy, shape, values)


def log_Z(energy: Energy, shape: Shape, values: Sequence[float] = SPINS) -> float:
    """Return ln Σ_x exp(−H(x)). Parameters and errors as `log_weights`."""
    return _normalize(log_weights(energy, shape, values))


def distribution(energy: Energy, shape: Shape, values: Sequence[float] = SPINS) -> npt.NDArray[np.float64]:
    """Probability of every state, shape (count,). Parameters and errors as `log_weights`."""
    p = log_weights(energy, shape, values)
    _normalize(p)
    return p


def _normalize(log_weight: npt.NDArray[np.float64]) -> float:
    """Turn log-weights into probabilities in place; return ln Z."""
    top = float(log_weight.max())
    if not math.isfinite(top):
        raise ValueError(f"the lowest energy is {-top}: at least one state needs a finite energy, and none −inf")
    log_weight -= top
    np.exp(log_weight, out=log_weight)
    total = float(log_weight.sum())
    log_weight /= total
    return top + math.log(total)


def moments(energy: Energy, observables: Observables, shape: Shape, values: Sequence[float] = SPINS) -> Moments:
    """Exact mean and covariance of observables under exp(−H).

    Parameters
    ----------
    energy : callable
        As `log_weights`.
    observables : callable
        From (n, *shape) to (n, k), or (n,) for one, such as operator sums.
    shape, values
        As `states`.

    Returns
    -------
    Moments
        ``mean`` (k,) and ``covariance`` (k, k).

    Raises
    ------
    ValueError
        As `log_weights`.
    """
    p = distribution(energy, shape, values)
    total, mean, scatter = 0.0, np.zeros(1), np.zeros((1, 1))
    for where, x in chunks(shape, values):
        observed = np.asarray(observables(x), dtype=np.float64).reshape(x.shape[0], -1)
        weight = float(p[where].sum())
        if weight == 0:
            continue
        here = p[where] @ observed / weight
        centred = observed - here
        # Chunks merge about their own means, so that a large mean costs no digits of the covariance
        shift, total = here - mean, total + weight
        scatter = (
            scatter + (p[where, None] * centred).T @ centred + np.outer(shift, shift) * weight * (1 - weight / total)
        )
        mean = mean + shift * (weight / total)
    return Moments(mean, scatter)


def model_values(model: Any) -> tuple[int, ...]:
    """What a site of a model can be: ±1, or its states.

    Raises
    ------
    ValueError
        If its sites hold real numbers.
    """
    if hasattr(model, "states"):
        return tuple(model.states)
    if model.attributes or getattr(model, "dtype", np.int8) != np.int8:
        raise ValueError(f"{type(model).__name__}: enumeration takes models whose sites have a few states")
    return SPINS


def thermal(model: Any) -> Thermal:
    """Exact ln Z, and mean and variance of the energy H of a model.

    Parameters
    ----------
    model : Ising, SpinGlass, Potts, Clock, BlumeCapel or DiscreteModel

    Raises
    ------
    ValueError
        As `count`, or if its sites hold real numbers.
    """
    log_weight = log_weights(model.energy, model.shape, model_values(model))
    top = float(log_weight.max())
    p = log_weight - top
    log = _normalize(p)
    allowed = np.isfinite(log_weight)
    p, energy = p[allowed], top - log_weight[allowed]
    mean = float(p @ energy)
    return Thermal(top + log, mean - top, float(p @ (energy - mean) ** 2))


def model_moments(model: Any, observables: Observables) -> Moments:
    """Exact mean and covariance of observables, from (n, *shape) to (n, k), of a model.

    Errors as `thermal` and `moments`.
    """
    return moments(model.energy, observables, model.shape, model_values(model))


def ground_states(model: Any) -> Ground:
    """The lowest energy of a model and all states that have it, to a relative 10⁻¹². Errors as `thermal`."""
    values = model_values(model)
    energy = -log_weights(model.energy, model.shape, values)
    lowest = float(energy.min())
    chosen = np.flatnonzero(energy <= lowest + 1e-12 * max(1.0, abs(lowest)))
    found = [states(model.shape, int(number), int(number) + 1, values) for number in chosen]
    return Ground(lowest, np.concatenate(found))
