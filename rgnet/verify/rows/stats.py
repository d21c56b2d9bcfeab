"""Error bars: over many seeds z = (measured − exact)/stderr must have mean 0 and standard deviation 1."""

import functools
import math

import numpy as np

import rgnet as rg
from rgnet.exact import ising2d
from rgnet.verify.registry import Measured, Row, check

K_C = 0.5 * math.log1p(math.sqrt(2))
SERIES = 400
SEEDS = 100


@check(
    Row("stats/ar1-spread", f"sd of z, {SERIES} AR(1) series", 1.0, "standard normal"),
    Row("stats/ar1-coverage", f"covered by {SERIES} 95 % intervals", 0.95, "binomial"),
    cost=3,
)
def means_of_ar1(seed: int) -> list[Measured]:
    """Series of 10,000 with φ = 0.6, τ = 2: each mean against 0, with its own error."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    z = []
    for _ in range(SERIES):
        found = rg.stats.mean(lfilter([1.0], [1.0, -0.6], rng.standard_normal(10_100))[100:])
        z.append(found.z(0.0))
    covered = float(np.mean(np.abs(z) < 1.959964))
    return [
        Measured(float(np.std(z)), 1 / math.sqrt(2 * SERIES)),
        Measured(covered, math.sqrt(0.95 * 0.05 / SERIES)),
    ]


@check(
    Row("stats/energy-mean", f"mean z of e, 16², K_c, {SEEDS} seeds", 0.0, "Kaufman 1949"),
    Row("stats/energy-spread", f"sd of z of e, 16², K_c, {SEEDS} seeds", 1.0, "standard normal"),
    Row("stats/heat-spread", f"sd of z of c, 16², K_c, {SEEDS} seeds", 1.0, "standard normal"),
    cost=12,
)
def many_seeds(seed: int) -> list[Measured]:
    """Energies by autocorrelation time and specific heats by jackknife, of runs that share nothing but the model."""
    model = rg.Ising((16, 16), K=K_C)
    energy = float(ising2d.energy(K_C, (16, 16)))
    heat = float(ising2d.specific_heat(K_C, (16, 16)))
    z, jack = [], []
    for stream in np.random.SeedSequence(seed).generate_state(SEEDS, np.uint64):
        data = rg.sample(model, 1000, chains=2, update="swendsen-wang", seed=int(stream), warmup=60, thin=3)
        z.append(rg.stats.mean(data["energy"] / (K_C * 256)).z(energy))
        found = rg.observables.thermodynamics(data)
        jack.append((float(found["specific_heat"]) - heat) / float(found["specific_heat_stderr"]))
    spread = 1 / math.sqrt(2 * SEEDS)
    return [
        Measured(float(np.mean(z)), 1 / math.sqrt(SEEDS)),
        Measured(float(np.std(z)), spread),
        Measured(float(np.std(jack)), spread),
    ]


THIN = {"metropolis": 14, "heat-bath": 30, "wolff": 1, "swendsen-wang": 3}  # about τ on 16×16


def _spread(seed: int, name: str, seeds: int) -> list[Measured]:
    model = rg.Ising((16, 16), K=K_C)
    exact = float(ising2d.energy(K_C, (16, 16)))
    z = []
    for stream in np.random.SeedSequence(seed).generate_state(seeds, np.uint64):
        thin = THIN[name]
        data = rg.sample(model, 1000, chains=2, update=name, seed=int(stream), warmup=20 * thin, thin=thin)
        z.append(rg.stats.mean(data["energy"] / (K_C * 256)).z(exact))
    return [
        Measured(float(np.mean(z)), 1 / math.sqrt(seeds)),
        Measured(float(np.std(z)), 1 / math.sqrt(2 * seeds)),
    ]


for _name in THIN:
    check(
        Row(f"stats/mean-{_name}", f"mean z, 400 seeds, {_name}", 0.0, "Kaufman 1949"),
        Row(f"stats/spread-{_name}", f"sd of z, 400 seeds, {_name}", 1.0, "standard normal"),
        cost=60,
        full=True,
    )(functools.partial(_spread, name=_name, seeds=400))
