"""Autocorrelation times: of AR(1) series, of moves whose transition matrix is written down, and dynamic exponents.

The transition matrix P of a sweep over a 3×3 lattice has 512² entries. With π the Gibbs distribution and f centred,

    τ = ½ + Σ_{t≥1} ⟨f, Pᵗ f⟩_π/⟨f, f⟩_π = ½ + ⟨f, (1 − P)⁻¹ P f⟩_π/⟨f, f⟩_π

is exact. P is built here from the definition of each move, without rgnet.
"""

import functools
import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

import rgnet as rg
from rgnet.verify.registry import Measured, Row, check

K_C = 0.5 * math.log1p(math.sqrt(2))
_Array = npt.NDArray[Any]


def mean_of(values: _Array) -> Measured:
    """Mean of independent values and its error."""
    return Measured(float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size)), values.size - 1)


PHI = 0.8


@check(
    Row("autocorrelation/ar1", "τ of AR(1) series, φ = 0.8", 0.5 * (1 + PHI) / (1 - PHI),
        "½ (1 + φ)/(1 − φ)"),
    cost=3,
)  # fmt: skip
def ar1(seed: int) -> Measured:
    """64 series of 200,000: shorter ones read high, by 0.3 % at 20,000 and 5 % at 2,000."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    times = []
    for _ in range(64):
        x = lfilter([1.0], [1.0, -PHI], rng.standard_normal(200_200))[200:]
        times.append(rg.stats.autocorrelation_time(x))
    return mean_of(np.array(times))


SIDE = 3
SITES = list(itertools.product(range(SIDE), repeat=2))
BONDS = [(a, b) for a, b in itertools.combinations(range(SIDE**2), 2) if math.dist(SITES[a], SITES[b]) == 1]


def _states() -> _Array:
    return np.array(list(itertools.product((-1, 1), repeat=SIDE**2)))


def single_spin(rule: str) -> _Array:
    """P of a sweep, first the even sites, then the odd ones."""
    x = _states()
    matrix = np.eye(len(x))
    order = sorted(range(SIDE**2), key=lambda site: (sum(SITES[site]) % 2, site))
    for site in reversed(order):
        near = [a + b - site for a, b in BONDS if site in (a, b)]
        change = 2 * K_C * x[:, site] * x[:, near].sum(axis=1)
        flip = 15 / 16 * np.minimum(1, np.exp(-change)) if rule == "metropolis" else 1 / (1 + np.exp(change))
        flipped = np.arange(len(x)) ^ (1 << (SIDE**2 - 1 - site))
        matrix = matrix + flip[:, None] * (matrix[flipped] - matrix)
    return matrix


def clusters() -> _Array:
    """P of Swendsen and Wang's move: a sum over all 2¹² sets of bonds."""
    x = _states()
    satisfied = np.stack([x[:, a] == x[:, b] for a, b in BONDS], axis=1)
    laid = -math.expm1(-2 * K_C)
    matrix = np.zeros((len(x), len(x)))
    for code in range(1 << len(BONDS)):
        bonds = (code >> np.arange(len(BONDS))) & 1 == 1
        fits = np.flatnonzero(satisfied[:, bonds].all(axis=1))  # 2^clusters states
        count = int(bonds.sum())
        chance = laid**count * (1 - laid) ** (satisfied[fits].sum(axis=1) - count)
        matrix[np.ix_(fits, fits)] += chance[:, None] / fits.size
    return matrix


def exact_time(matrix: _Array, observable: str) -> float:
    """The time τ of Σ s ("M") or Σ s s ("E") under P."""
    x = _states()
    bonds = np.sum([x[:, a] * x[:, b] for a, b in BONDS], axis=0)
    f = (bonds if observable == "E" else x.sum(axis=1)).astype(float)
    p = np.exp(K_C * bonds)
    p /= p.sum()
    f -= p @ f
    summed = np.linalg.solve(np.eye(len(x)) - matrix + p, matrix @ f)  # + 1 pᵀ makes it invertible, f unchanged
    return float(0.5 + (p * f) @ summed / (p @ f**2))


def _measured_time(seed: int, name: str, observable: str) -> Measured:
    model = rg.Ising((SIDE, SIDE), K=K_C, boundary="free")
    chains, draws = 32, 50_000
    data = rg.sample(model, draws, chains=chains, update=name, warmup=200, thin=1, seed=seed)
    series = data["energy" if observable == "E" else "magnetization"].values
    found = mean_of(np.array([rg.stats.autocorrelation_time(chain) for chain in series]))
    matrix = clusters() if name == "swendsen-wang" else single_spin(name)
    return found._replace(expected=exact_time(matrix, observable))


for _name, _observable in (("metropolis", "M"), ("heat-bath", "M"), ("swendsen-wang", "E")):
    check(
        Row(f"autocorrelation/{_name}", f"τ of {_observable}, 3² free, {_name}", None,
            "transition matrix", note="in sweeps at K_c; all 512² entries from the definition of the move"),
        cost=4,
    )(functools.partial(_measured_time, name=_name, observable=_observable))  # fmt: skip


LAGS = (10, 50)  # draws, about τ/10, where faster modes are gone, and τ/2
CHAINS = 24


def _slowest_time(chains: _Array) -> Any:
    """Decay time of the slowest mode, in draws: how ρ falls from the first lag to the second."""
    rho = rg.stats.autocorrelation(chains)
    return (LAGS[1] - LAGS[0]) / np.log(rho[LAGS[0]] / rho[LAGS[1]])


def _exponent(seed: int, name: str, sides: tuple[int, int], draws: tuple[int, int]) -> Measured:
    """Effective z from the decay of Σ s at two sizes; errors by leaving out one chain."""
    logs, variance = [], 0.0
    streams = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    for side, length, stream in zip(sides, draws, streams, strict=True):
        thin = side * side // 64
        data = rg.sample(
            rg.Ising((side, side), K=K_C), length, chains=CHAINS, update=name, warmup=1000 * thin, thin=thin,
            seed=int(stream),
        )["magnetization"].values  # fmt: skip
        left_out = np.log([_slowest_time(np.delete(data, chain, axis=0)) for chain in range(CHAINS)])
        logs.append(math.log(_slowest_time(data) * thin))
        variance += (CHAINS - 1) * float(left_out.var())
    ratio = math.log(sides[1] / sides[0])
    return Measured((logs[1] - logs[0]) / ratio, math.sqrt(variance) / ratio, CHAINS - 1)


# Corrections lower z by 0.26 between 4² (where τ = 22.30 exactly, by the power method) and 8²; of the form 1 + c L⁻²,
# they lower it by 0.016 between 16² and 32².
check(
    Row("autocorrelation/z-metropolis", "z from M, 16² and 32², metropolis", 2.1667, "Nightingale & Blöte 2000",
        expected_stderr=0.02, note="2.1667(5) for L → ∞; error widened for corrections of order L⁻²"),
    cost=100,
    full=True,
)(functools.partial(_exponent, name="metropolis", sides=(16, 32), draws=(30_000, 10_000)))  # fmt: skip
