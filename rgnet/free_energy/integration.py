"""Thermodynamic integration between two models of one lattice.

Along H_t = (1 − t) H_1 + t H_2, with W = H_2 − H_1,

    d ln Z/dt = −⟨W⟩_t ,      ln Z_2 − ln Z_1 = −∫_0^1 ⟨W⟩_t dt ,

and ⟨W⟩_t falls, d⟨W⟩_t/dt = −Var_t W (Kirkwood 1935). The integral is Clenshaw & Curtis' (1960) rule on t_k =
(1 − cos πk/n)/2, which has both ends among its nodes: ⟨W⟩_0, which a divergence needs as well, and ⟨W⟩_1. Simulations
at the nodes are independent; each mean has the error that its autocorrelation gives. What the rule misses is read off
the last Chebyshev coefficients a_{n−1}, a_n of the integrand: the first neglected term contributes
1/((n + 2)² − 1), and by aliasing 1/((n − 2)² − 1), times its coefficient (Trefethen 2008, SIAM Rev. 50, 67), twice
which bounds terms that fall at least by half. n is doubled until that is below half the statistical error, and it is
part of the error that is given.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import dct

from rgnet import stats
from rgnet.free_energy.path import Simulations

Floats = npt.NDArray[np.float64]

_FIRST, _LAST = 8, 64  # intervals


@dataclass(frozen=True)
class Integral:
    """⟨W⟩_t at the nodes of the rule, and what follows.

    Attributes
    ----------
    t, mean, stderr, weight : arrays (nodes,)
        Shares of the way, ⟨H_2 − H_1⟩_t with its error (nats), and the weights of the rule on [0, 1].
    quadrature : float
        What the rule may miss (nats).
    draws : int
        Of all simulations.
    """

    t: Floats
    mean: Floats
    stderr: Floats
    weight: Floats
    quadrature: float
    draws: int

    def combined(self, start: float = 0.0) -> tuple[float, float]:
        """Value and error of ``start`` ⟨W⟩_0 − ∫⟨W⟩_t dt: of ln Z_2 − ln Z_1 for 0, of KL(p_1‖p_2) for 1."""
        factor = -self.weight
        factor[0] += start
        return float(factor @ self.mean), math.hypot(float(np.linalg.norm(factor * self.stderr)), self.quadrature)


def integrate(runs: Simulations | tuple[Any, Any], *, draws: int = 1000, chains: int = 4, seed: int = 0) -> Integral:
    """⟨H_2 − H_1⟩_t at as many nodes between two models as its integral needs.

    Parameters
    ----------
    runs : Simulations, or a pair of models
    draws, chains, seed : int
        Of each simulation, where a pair of models is given.

    Raises
    ------
    ValueError
        If no straight path joins the models, or a model on it cannot be sampled.
    ShortChainError
        If chains are too short for an error bar.
    """
    simulations = runs if isinstance(runs, Simulations) else Simulations(*runs, draws=draws, chains=chains, seed=seed)
    n = _FIRST
    while True:
        t, weight = rule(n)
        found = [stats.mean(simulations.at(float(share))) for share in t]
        mean, stderr = np.array([item.value for item in found]), np.array([item.stderr for item in found])
        quadrature = _missed(mean)
        if n == _LAST or quadrature < 0.5 * float(np.linalg.norm(weight * stderr)):
            return Integral(t, mean, stderr, weight, quadrature, simulations.total)
        n *= 2


def rule(n: int) -> tuple[Floats, Floats]:
    """Nodes (n + 1,), rising, and weights of Clenshaw & Curtis on [0, 1]; n even."""
    k = np.arange(n + 1)
    even = np.arange(0, n + 1, 2)
    factor = np.where((even == 0) | (even == n), 1.0, 2.0) / (1.0 - even.astype(np.float64) ** 2)
    weight = (np.cos(np.pi * np.outer(k, even) / n) @ factor) / n
    weight[[0, -1]] /= 2.0
    t = np.where(2 * k <= n, np.sin(np.pi * k / (2 * n)) ** 2, 1.0 - np.cos(np.pi * k / (2 * n)) ** 2)
    return t, weight


def _missed(values: Floats) -> float:
    n = len(values) - 1
    coefficients = dct(values, type=1) / n
    coefficients[-1] /= 2.0
    return 2.0 * float(np.abs(coefficients[-2:]).max()) * (1.0 / ((n - 2) ** 2 - 1) + 1.0 / ((n + 2) ** 2 - 1))
