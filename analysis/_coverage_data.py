"""Data whose informations are known, for `interval_coverage.py`: Gaussian, discrete, trees, chains."""

import math
from typing import Any

import numpy as np
from scipy.stats import norm

RHO, FLIP = 0.6, 0.2
JOINT = np.array([[0.20, 0.05, 0.05, 0.02], [0.03, 0.15, 0.10, 0.02], [0.05, 0.05, 0.08, 0.20]])
LAW = 0.6 ** np.arange(8) / (0.6 ** np.arange(8)).sum()
OTHER = LAW[[1, 0, 2, 4, 3, 5, 7, 6]]
GAUSS = -0.5 * math.log(1 - RHO**2)


def normals(rng: np.random.Generator, n: int, rho: float = RHO, d: int = 1) -> tuple[Any, Any]:
    """Pairs of Gaussian vectors, each column of one correlated with its own of the other."""
    x, z = rng.normal(size=(2, n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * z


def symbols(rng: np.random.Generator, n: int, table: Any = JOINT) -> tuple[Any, ...]:
    """Draws from a joint table, one array a variable."""
    table = np.asarray(table)
    return np.unravel_index(rng.choice(table.size, size=n, p=table.ravel()), table.shape)


def tree(rng: np.random.Generator, n: int, depth: int) -> tuple[Any, Any]:
    """Root and level of a binary tree with a flip probability for each step."""
    root = rng.integers(0, 2, n)
    level = root[:, None]
    for _ in range(depth):
        level = np.repeat(level, 2, axis=1)
        level = level ^ (rng.random(level.shape) < FLIP)
    return root, level


def tree_likelihood(level: Any) -> Any:
    """p(level | root), (n, 2), by belief propagation."""
    channel = np.array([[1 - FLIP, FLIP], [FLIP, 1 - FLIP]])
    belief = np.eye(2)[np.asarray(level)]
    while belief.shape[1] > 1:
        up = belief @ channel
        belief = up[:, ::2] * up[:, 1::2]
    return belief[:, 0]


def tree_table(depth: int) -> Any:
    """Joint table of the root and the configurations of a level."""
    sites = 2**depth
    return tree_likelihood((np.arange(2**sites)[:, None] >> np.arange(sites)) & 1).T / 2


def hidden(rng: np.random.Generator, n: int, rate: float = 0.1) -> tuple[Any, Any]:
    """Four chains of a label that changes with a rate, and what a noisy channel shows of it."""
    y = np.cumsum(rng.random((4, n // 4)) < rate, axis=1) % 2
    y = y ^ rng.integers(0, 2, (4, 1))
    return (y ^ (rng.random(y.shape) < 0.2)).ravel(), y.ravel()


def uneven(rng: np.random.Generator, n: int) -> Any:
    """Four chains of two states that are left at the rates 0.1 and 0.3, so that they have 3/4 and 1/4 of the time."""
    state = (rng.random(4) < 0.25).astype(int)
    chains = np.empty((4, n // 4), dtype=int)
    for t, change in enumerate(rng.random((n // 4, 4))):
        state = state ^ (change < np.where(state, 0.3, 0.1))
        chains[:, t] = state
    return chains.ravel()


def two_normals(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    """A label, and a number whose mean it sets."""
    y = rng.integers(0, 2, n)
    return rng.normal(1.5 * y), y


def two_normals_truth() -> float:
    """I of `two_normals` by a sum on a fine grid."""
    x = np.linspace(-9, 11, 200_001)
    p = (norm.pdf(x) + norm.pdf(x, 1.5)) / 2
    return float(-(p * np.log(p)).sum() * (x[1] - x[0]) - norm.entropy())


def posteriors(x: Any) -> Any:
    """p(y|x) of `two_normals`."""
    odds = np.exp(1.5 * x - 1.125)
    return np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)
