"""Maxima of concave functions of couplings, and their errors from blocks of draws."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import stats

Array = npt.NDArray[Any]
Evaluate = Callable[[Array], tuple[float, Array, Array]]

_STEPS = 60


def maximise(
    evaluate: Evaluate, start: Array, settled: Callable[[Array, Array], bool], names: Sequence[str], who: str
) -> Array:
    """The maximum of a log-likelihood per site, by Newton's method with step halving.

    Parameters
    ----------
    evaluate : callable
        Couplings to the value, its gradient, and minus its Hessian.
    start : array (operators,)
    settled : callable
        (step, gradient) to whether that step is the last one.
    names, who
        Of the operators and of the data, for messages.

    Raises
    ------
    ValueError
        If there is no maximum.
    """
    current = start
    value, gradient, information = evaluate(current)
    for _ in range(_STEPS):
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all():
            break
        if settled(step, gradient):
            return np.asarray(current + step)
        for _ in range(30):
            trial = evaluate(current + step)
            if trial[0] >= value - 1e-15:
                break
            step = step / 2
        current = current + step
        value, gradient, information = trial
    worst = names[int(np.argmax(np.abs(current)))]
    raise ValueError(
        f"{who}: the couplings run to infinity (that of {worst!r} first): too few of its spins ever disagree with "
        f"their neighbours, the level is frozen or nearly so; take more draws or fewer operators, or drop that level"
    )


def one_step_jackknife(
    values: Array, gradients: Array, informations: Array, sizes: Array, couplings: Array
) -> tuple[Array, Array]:
    """Couplings and the log-likelihood per site (operators + 1,), with delete-one-block errors.

    Each replicate takes one Newton step from the full solution, whose error is quadratic in a shift that is itself
    smaller than the error bar by the root of the number of blocks.

    Parameters
    ----------
    values, gradients, informations : arrays (blocks, …)
        Sums over the sites of each block, at ``couplings``.
    sizes : array (blocks,)
        Numbers of sites.
    """
    count = couplings.size
    sums = np.column_stack([values, gradients, informations.reshape(len(values), count * count)])

    def estimate(mean: Array) -> Array:
        step = np.linalg.solve(mean[1 + count :].reshape(count, count), mean[1 : 1 + count])
        # At its own maximum the likelihood is higher by ½ gᵀ step
        return np.append(couplings + step, mean[0] + 0.5 * mean[1 : 1 + count] @ step)

    return stats.jackknife(sums / sizes[:, None], estimate, sizes)
