"""Where the couplings of a tempered run are put, so that all exchanges are accepted alike.

If S is normal with variance σ² at both of two couplings ΔK apart, an exchange is accepted with probability
erfc(ΔK σ/2): alike where ∫ σ dK is alike between neighbours. A first ladder is spaced evenly, and short tempered runs
the acceptance, hence a pair's distance d = 2 erfc⁻¹(acceptance); where too few exchanges are accepted, σ gives it.
Distances are added up, and the couplings put at even distances, three times over. Unless the number of replicas is
given, it is that at which an exchange is accepted with probability 0.35.

Source: Hukushima (1999); Predescu, Predescu & Ciobanu (2004).
"""

from collections.abc import Callable

import numpy as np
from scipy.special import erfcinv

from rgnet.tempering.replicas import Replicas, advance, tune
from rgnet.updates.base import Array

ACCEPTANCE = 0.35
_FIRST = 12  # couplings of the first ladder
_TIMES = 3  # the last three times as long as the others
_MOST = 512  # replicas
_WORK = 1 << 26  # spin updates of one short run …
_ROUNDS = (200, 1000)  # … but no fewer and no more rounds than these, after half as many to forget the start
_TUNING = 20
_SEEN = 0.05  # acceptance below which σ is trusted instead

Build = Callable[[Array, int], Replicas]


def choose(build: Build, low: float, high: float, replicas: int | None) -> Array:
    """An increasing ladder from ``low`` to ``high``.

    Parameters
    ----------
    build : callable
        (couplings, number) -> `Replicas` at their start, for the short run of that number.
    low, high : float
    replicas : int or None
        How many couplings; None leaves it open.

    Raises
    ------
    ValueError
        If more than 512 were needed.
    """
    ladder = np.linspace(low, high, replicas or _FIRST)
    for number in range(_TIMES if replicas != 2 else 0):
        distances = measured(build(ladder, number), 1.0 if number == _TIMES - 1 else 1 / 3)
        wanted = replicas or 1 + int(np.ceil(distances.sum() / (2.0 * erfcinv(ACCEPTANCE))))
        if wanted > _MOST:
            raise ValueError(
                f"K=({low:.6g}, {high:.6g}): exchanges of neighbours accepted with probability {ACCEPTANCE} take "
                f"{wanted} replicas, more than {_MOST}; give a smaller range, or replicas="
            )
        ladder = even(ladder, distances, max(2, wanted))
    return ladder


def even(ladder: Array, distances: Array, replicas: int) -> Array:
    """So many couplings at even distances, given those between neighbours of a ladder."""
    least = 1e-3 * max(float(distances.sum()), 1e-9) / distances.size  # no two couplings at one place
    along = np.concatenate([[0.0], np.cumsum(np.maximum(distances, least))])
    result = np.interp(np.linspace(0.0, along[-1], replicas), along, ladder)
    result[[0, -1]] = ladder[[0, -1]]
    return np.asarray(result)


def measured(run: Replicas, share: float) -> Array:
    """Distances of neighbours, from a short run, of which ``share`` is done."""
    work = len(run.states) * run.model.n_sites * run.swap_every
    rounds = int(share * np.clip(_WORK // work, *_ROUNDS))
    sums = np.zeros((2, len(run.models)))

    def look(S: Array) -> None:
        S = S - center
        sums[:] += S.sum(axis=1), (S**2).sum(axis=1)

    tune(run, _TUNING)
    advance(run, rounds // 2)
    run.clear()
    run.counts = {}
    center = np.asarray(run.model.conjugate(run.x()), dtype=np.float64).reshape(len(run.models), -1)[:, :1]
    advance(run, rounds, look)
    mean, square = sums / (rounds * run.chains)
    sigma = np.sqrt(np.maximum(square - mean**2, 0.0))
    normal = np.diff(run.couplings) * (sigma[1:] + sigma[:-1]) / 2
    accepted = run.odds / np.maximum(run.tries, 1)
    return np.asarray(
        np.where(accepted > _SEEN, 2.0 * erfcinv(np.maximum(accepted, _SEEN)), np.maximum(normal, 2.0 * erfcinv(_SEEN)))
    )
