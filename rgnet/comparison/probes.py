"""A linear probe, judged on chains that it has not seen: how much of a spin can be read off other numbers.

Logistic regression q(y|x) = 1/(1 + exp(−y (w·x + c))), y = ±1, fitted on one half of the chains and judged on the
other, and the reverse. What it shows is a lower bound on mutual information,

    I(x; y) ≥ H(y) + ⟨ln q(y|x)⟩

(Barber & Agakov 2003; as in `rgnet.information.classifier`), here in nats, and as a fraction of H(y) so that 1 is "can
be read off linearly, without error". The probability used is (1 − ε) q + ε p, p the frequencies of all draws (those of
H), ε = 10⁻⁵: never ln 0, at a cost of at most ε. The ridge is the strongest that no weaker one beats significantly on
the last quarter of the training draws; the first is so strong that the probe is all but q = p. Nothing is clipped:
where there is no information the bound falls a little below 0, by what the probe overfits and by how much the
frequencies of the two halves differ.

Errors are those of a jackknife over blocks of draws, long compared with the autocorrelation time and none across
chains.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from rgnet import stats

Array = npt.NDArray[Any]
EPSILON = 1e-5
RIDGES = (30.0, 0.3, 0.01, 1e-4, 1e-8)
STEPS = 60  # of quasi-Newton on each ridge: each starts from the last solution


@dataclass(frozen=True)
class Frame:
    """What all measures of one comparison share.

    Attributes
    ----------
    block : array (chain, draw)
        Number of the jackknife block of each draw.
    rows : int
        Examples of a probe, at most (about).
    seed : int
    """

    block: Array
    rows: int
    seed: int

    def rng(self, *key: int) -> np.random.Generator:
        """A stream of its own for each use."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def draws(self, most: int) -> tuple[Array, Array]:
        """Chain and draw of at most so many draws in all, evenly spaced, chain-major."""
        chains, draws = self.block.shape
        each = max(1, min(draws, most // chains))
        pick = (np.arange(each) * draws) // each
        return np.repeat(np.arange(chains), each), np.tile(pick, chains)

    def places(self, sites: int, rows: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Chain, draw and a random site for each row of a probe: chain-major, several sites a draw where few draws."""
        chain, draw = self.draws(rows)
        each = max(1, min(sites, rows // len(chain)))
        return np.repeat(chain, each), np.repeat(draw, each), rng.integers(0, sites, size=len(chain) * each)


@dataclass(frozen=True)
class Rows:
    """Examples of a probe: columns ``x`` (n, k), labels ``y`` ±1, and the chain, draw and block of each."""

    x: Array
    y: Array
    chain: Array
    draw: Array
    block: Array


@dataclass(frozen=True)
class Bound:
    """Information that probes show, in nats and as a fraction of the entropy of what they predict."""

    nats: float
    nats_stderr: float
    fraction: float
    fraction_stderr: float
    entropy: float


def bound(examples: Sequence[Rows]) -> Bound | None:
    """What a probe for each set of examples shows on held-out chains, averaged over sets; None if y never changes."""
    y = np.concatenate([rows.y for rows in examples])
    block = np.concatenate([rows.block for rows in examples])
    if np.ptp(y) == 0:
        return None
    log_q = np.concatenate([held_out(rows, float((y > 0).mean())) for rows in examples])
    count = np.bincount(block)
    used = count > 0
    means = np.stack([np.bincount(block, w)[used] / count[used] for w in (log_q, (y > 0).astype(np.float64))], axis=1)

    def information(mean: Array) -> Array:
        entropy = binary_entropy(mean[1])
        return np.array([entropy + mean[0], 1.0 + mean[0] / entropy if entropy > 0 else np.nan, entropy])

    value, error = stats.jackknife(means, information, count[used])
    return Bound(float(value[0]), float(error[0]), float(value[1]), float(error[1]), float(value[2]))


def binary_entropy(p: float) -> float:
    """Entropy of a spin that is up with probability p, in nats."""
    return -sum(float(q * np.log(q)) for q in (p, 1.0 - p) if q > 0)


def held_out(rows: Rows, up: float) -> Array:
    """ln q(y|x) of each row by the probe of the other half of the chains; ``up`` is the frequency of y = 1."""
    chains = np.unique(rows.chain)
    half = np.isin(rows.chain, chains[: len(chains) // 2])
    result = np.empty(len(rows.y))
    for test in (half, ~half):
        probe = fit(rows.x[~test], rows.y[~test], rows.draw[~test], up)
        result[test] = probe(rows.x[test], rows.y[test])
    return result


def fit(x: Array, y: Array, draw: Array, up: float) -> Callable[[Array, Array], Array]:
    """A probe: a function of columns and labels that gives ln q(y|x); ``up`` is p(y = 1), from 0 to 1 exclusive."""
    offset = np.float32(np.log(up / (1.0 - up)))
    centre = x.mean(axis=0, dtype=np.float64)
    spread = x.std(axis=0, dtype=np.float64)
    keep = spread > 1e-6 * np.maximum(1.0, np.abs(centre))
    centre, spread = centre[keep].astype(np.float32), spread[keep].astype(np.float32)

    def prepared(columns: Array) -> Array:
        return np.asarray((columns[:, keep].astype(np.float32) - centre) / spread)

    z = prepared(x)
    check = draw >= np.quantile(draw, 0.75)
    weights = _chosen(z, y.astype(np.float32), check, offset) if keep.any() and np.ptp(y[~check]) > 0 else None

    def log_q(columns: Array, labels: Array) -> Array:
        base = np.where(labels > 0, up, 1.0 - up)
        own = base if weights is None else expit(labels * (prepared(columns) @ weights[1:] + weights[0] + offset))
        return np.asarray(np.log((1.0 - EPSILON) * own + EPSILON * base))

    return log_q


def _chosen(z: Array, y: Array, check: Array, offset: Any) -> Array:
    """Weights, the constant first, at the strongest ridge that no weaker one beats by its error on ``check`` rows."""
    best, at = np.full(int(check.sum()), -np.inf), 0
    weights = np.zeros(1 + z.shape[1])
    path = []
    for place, ridge in enumerate(RIDGES):
        weights = _solve(z[~check], y[~check], ridge, offset, weights)
        path.append(weights)
        score = log_expit(y[check] * (z[check] @ weights[1:].astype(np.float32) + weights[0] + offset))
        gain = score - best
        if place == 0 or gain.mean() > gain.std() / math.sqrt(len(gain)):
            best, at = score, place
        elif place > at + 2:
            break
    return _solve(z, y, RIDGES[at], offset, path[at]).astype(np.float32)


def _solve(z: Array, y: Array, ridge: float, offset: Any, start: Array) -> Array:
    """Minimum of ⟨−ln q(y|z)⟩ + ½ ridge |w|², ln q/(1 − q) = w·(1, z) + offset."""
    n = len(y)

    def loss(w: Array) -> tuple[float, Array]:
        argument = y * (z @ w[1:].astype(np.float32) + np.float32(w[0] + offset))
        slope = -y * expit(-argument)
        gradient = ridge * w
        gradient[0] += slope.mean(dtype=np.float64)
        gradient[1:] += (slope @ z) / n
        return -float(log_expit(argument).mean(dtype=np.float64)) + 0.5 * ridge * float(w @ w), gradient

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS, "ftol": 1e-7, "gtol": 1e-6})
    return np.asarray(found.x)
