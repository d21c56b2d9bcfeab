"""What is left after coarse-graining, exactly: distributions, couplings and Fisher information of coarse variables.

A layer is a channel p(y|x); a chain of layers carries p(x) to p(y) = Σ_x p(x) p(y|x), level by level.
Two things are read off it on small lattices:

*Renormalised couplings* K'_a: ln p(y) = Σ_a K'_a S_a(y) + const, solved by least squares over all y; exact when the
operators S_a span ln p.

*Fisher information.* With p(x) ∝ exp(θ S(x) + …), the score at level 0 is S − ⟨S⟩ and its variance the Fisher
information in θ. At level k the score is E[S − ⟨S⟩ | y_k], so I_k = Σ_y p(y) E[S − ⟨S⟩ | y]²: a level is carried as the
two vectors p(y) and p(y) E[S − ⟨S⟩ | y]. I_k never increases (data processing).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.exact import _push
from rgnet.exact import enumerate as full
from rgnet.exact.enumerate import SPINS, Energy, Shape


class Couplings(NamedTuple):
    """``couplings`` of shape (k,), the ``constant``, and the largest |residual| of ln p (0: the operators suffice)."""

    couplings: npt.NDArray[np.float64]
    constant: float
    residual: float


@dataclass(frozen=True)
class Retained:
    """Fisher information by level, level 0 first.

    Attributes
    ----------
    about : str
        The parameter.
    scale : array of int
        Block size of each level, in lattice spacings.
    fisher : array
        Fisher information in the parameter, in 1/parameter².
    fraction : array
        The same as a fraction of level 0.
    """

    about: str
    scale: npt.NDArray[np.int64]
    fisher: npt.NDArray[np.float64]
    fraction: npt.NDArray[np.float64]


def coarse_distribution(
    energy: Energy, network: Any, shape: Shape, values: Sequence[float] = SPINS
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Exact distribution of the coarse variables of a chain of layers.

    Parameters
    ----------
    energy : callable
        H of configurations, from (n, *shape) to (n,), such as ``model.energy``.
    network : layer, sequence of layers, or Network
        A layer that is not random may have any values; a random one gives spins ±1 and needs ``log_prob``.
    shape, values
        The lattice at level 0, as `rgnet.exact.enumerate.states`.

    Returns
    -------
    configurations : array, shape (n_coarse, *coarse)
        After a random layer all 2^sites of them in the order of `rgnet.exact.enumerate.states`, else those that occur,
        sorted.
    probabilities : array, shape (n_coarse,)

    Raises
    ------
    ValueError
        If there are more than 2^24 states, or a layer's probabilities do not sum to one.
    TypeError
        If ``network`` holds something that is not a layer.
    """
    p = full.distribution(energy, shape, values)
    level = _push.push(((x, p[where, None]) for where, x in full.chunks(shape, values)), _push.steps(network))
    return level[0], level[1][:, 0]


def renormalized_couplings(probabilities: npt.ArrayLike, operator_sums: npt.ArrayLike) -> Couplings:
    """Couplings of a distribution given on all its configurations: ln p = Σ_a K_a S_a + const, by least squares.

    Parameters
    ----------
    probabilities : array, shape (n,)
    operator_sums : array, shape (n, k) or (n,)
        The operators on the same configurations.

    Raises
    ------
    ValueError
        If shapes differ, a probability is not positive, or the operators are linearly dependent on these
        configurations (small lattices make them coincide), so that their couplings are not determined.
    """
    p, sums = np.asarray(probabilities, dtype=np.float64), np.asarray(operator_sums, dtype=np.float64)
    sums = sums[:, None] if sums.ndim == 1 else sums
    if p.ndim != 1 or sums.ndim != 2 or sums.shape[0] != p.size:
        raise ValueError(
            f"probabilities of shape {p.shape} and operator sums of shape {sums.shape}: give (n,) and (n, k), "
            f"one row for each configuration"
        )
    if not np.all(p > 0):
        raise ValueError(
            f"{np.count_nonzero(~(p > 0))} of {p.size} probabilities are not positive: no finite couplings give them; "
            f"use a layer under which every coarse configuration can occur"
        )
    design = np.column_stack([sums, np.ones(p.size)])
    solution, _, rank, _ = np.linalg.lstsq(design, np.log(p), rcond=None)
    if rank < design.shape[1]:
        raise ValueError(
            f"{sums.shape[1]} operators and a constant have rank {rank} on these {p.size} configurations: on so small "
            f"a lattice some coincide or are constant; leave out {design.shape[1] - rank}"
        )
    residual = float(np.abs(design @ solution - np.log(p)).max())
    return Couplings(solution[:-1], float(solution[-1]), residual)


def coarse_couplings(
    model: Any, network: Any, sums: Callable[[npt.NDArray[Any]], npt.ArrayLike], values: Sequence[float] = SPINS
) -> Couplings:
    """Exact renormalised couplings of a model after a chain of layers.

    Parameters
    ----------
    model : object with ``shape`` and ``energy``
    network : layer, sequence of layers, or Network
    sums : callable
        The operators, from coarse configurations (n, *coarse) to (n, k), such as
        ``lambda y: rgnet.operators.sums(y, operators)``.

    Raises
    ------
    ValueError
        As `coarse_distribution` and `renormalized_couplings`.
    """
    configurations, p = coarse_distribution(model.energy, network, model.shape, values)
    return renormalized_couplings(p, sums(configurations))


def retained(
    model: Any,
    network: Any,
    about: str | Callable[[npt.NDArray[Any]], npt.ArrayLike] = "K",
    values: Sequence[float] = SPINS,
) -> Retained:
    """Exact Fisher information about a coupling that each level of a network keeps.

    Parameters
    ----------
    model : object with ``shape``, ``boundary`` and ``energy``
    network : layer, sequence of layers, or Network
        As `coarse_distribution`.
    about : "K", "h" or callable
        The coupling of Σ_<ij> x_i x_j, of Σ x_i, or of any sum given as a map from (n, *shape) to (n,).

    Raises
    ------
    ValueError
        As `coarse_distribution`, if ``about`` is unknown, or if its sum is the same in every state.
    """
    name, statistic = _statistic(about, model)
    p = full.distribution(model.energy, model.shape, values)
    score = full.evaluate(statistic, model.shape, values)
    score -= p @ score
    fisher, scales = [float(p @ score**2)], [1]
    if fisher[0] <= 0:
        raise ValueError(f"about={about!r}: its sum is the same in every state, so there is no information to keep")
    level: Iterable[_push.Weighted] = (
        (x, np.column_stack([p[where], p[where] * score[where]])) for where, x in full.chunks(model.shape, values)
    )
    for layer in _push.layers(network):
        configurations, weights = _push.push(level, _push.steps(layer))
        probability, weighted = weights.T
        fisher.append(float((weighted[probability > 0] ** 2 / probability[probability > 0]).sum()))
        scales.append(scales[-1] * int(layer.scale))
        level = _push.chunks(configurations, weights)
    return Retained(name, np.array(scales), np.array(fisher), np.array(fisher) / fisher[0])


def _statistic(about: Any, model: Any) -> tuple[str, Callable[[npt.NDArray[Any]], npt.ArrayLike]]:
    if callable(about):
        return getattr(about, "__name__", "statistic"), about
    sides = lattice.check_shape(model.shape)
    if about == "K":
        boundary = lattice.check_boundary(model.boundary, sides)
        return "K", lambda x: bond_sum(x, boundary)
    if about == "h":
        return "h", lambda x: x.reshape(x.shape[0], -1).sum(axis=1)
    raise ValueError(
        f'about={about!r}: give "K", "h", or a function of configurations, the sum conjugate to a coupling'
    )


def bond_sum(x: npt.NDArray[Any], boundary: Sequence[str]) -> npt.NDArray[Any]:
    """Σ_<ij> x_i x_j of configurations (n, *space); a periodic side of length 2 has two bonds between its sites."""
    total = np.zeros(x.shape[0], dtype=np.float64 if x.dtype.kind == "f" else np.int64)
    for axis, name in zip(range(1, x.ndim), boundary, strict=True):
        product = x * np.roll(x, -1, axis=axis)
        if name == "free":
            product = np.delete(product, -1, axis=axis)
        total += product.reshape(x.shape[0], -1).sum(axis=1)
    return total
