"""Coarse-graining maps: what they make of an enumerated model, and the probabilities with which they do it."""

import math
from typing import Any

import numpy as np

import rgnet as rg
from rgnet.verify.registry import Measured, Row, check


def _bonds(x: Any) -> Any:
    """Σ s s of configurations (n, 2, 2), two bonds between neighbours."""
    return 2.0 * (x * np.roll(x, 1, axis=1) + x * np.roll(x, 1, axis=2)).sum(axis=(1, 2)) / 2


_STATES = "enumeration"


@check(
    Row("layers/majority", "⟨Σss⟩, majority, 4² → 2²", None, _STATES),
    Row("layers/decimation", "⟨Σss⟩, decimation, 4² → 2²", None, _STATES),
    Row("layers/kadanoff", "⟨Σss⟩, Kadanoff ρ = ½, 4² → 2²", None, _STATES),
    Row("layers/average", "⟨Σφφ⟩, block average, 4² → 2²", None, _STATES),
    cost=5,
)
def coarse_energies(seed: int) -> list[Measured]:
    """Nearest-neighbour sums of the level that each map makes, against every state pushed through it."""
    model = rg.Ising((4, 4), K=0.4)
    data = rg.sample(model, 20_000, seed=seed, warmup=100, thin=4)
    result = []
    for layer in (rg.Majority(2), rg.Decimation(2), rg.Kadanoff(2, 0.5), rg.BlockAverage(2)):
        level = rg.Network([layer]).levels(data, seed=1)[1]
        found = rg.stats.mean(rg.operators.measure(level, ["nn"]).isel(operator=0))
        states, p = rg.exact.coarse_distribution(model.energy, layer, model.shape)
        result.append(Measured(found.value, found.stderr, expected=float(p @ _bonds(states))))
    return result


TIED = np.tile([[1, -1], [-1, 1]], (200, 500))  # 100,000 blocks of sum 0
MOSTLY_UP = np.tile([[1, 1], [-1, 1]], (200, 500))  # of sum 2


def _mean_spin(layer: Any, x: Any, seed: int) -> Measured:
    y = layer(x, seed)
    return Measured(float(y.mean()), float(y.std() / math.sqrt(y.size)))


@check(
    Row("layers/tie", "spin of 10⁵ ties, majority", 0.0, "a fair coin"),
    Row("layers/soft", "spin at Σ = 2, Kadanoff ρ = 0.3", math.tanh(0.6), "Kadanoff 1975", note="tanh(ρ Σ s)"),
)
def coins(seed: int) -> list[Measured]:
    """The random parts of random maps."""
    return [_mean_spin(rg.Majority(2), TIED, seed), _mean_spin(rg.Kadanoff(2, 0.3), MOSTLY_UP, seed + 1)]


@check(
    Row("layers/normalised", "Σ p(y|x) over y, 100 x, 2 rules", 1.0, "a channel", tolerance=1e-12),
)
def normalised(seed: int) -> float:
    """What differs most from 1, of two random maps."""
    x = 2 * np.random.default_rng(seed).integers(0, 2, (100, 1, 4, 4)) - 1
    y = rg.exact.states((2, 2))[None]
    totals = [
        np.exp(layer.log_prob(np.broadcast_to(y, (100, 16, 2, 2)), np.broadcast_to(x, (100, 16, 4, 4)), ndim=2)).sum(1)
        for layer in (rg.Majority(2), rg.Kadanoff(2, 0.7))
    ]
    every = np.concatenate(totals)
    return float(every[np.argmax(np.abs(every - 1))])
