"""XY, O(n) and clock models: energies against closed forms, and vortices and helicity where they are known."""

import functools
import math
from typing import Any

import numpy as np
import scipy.special

import rgnet as rg
from rgnet.models.clock import Clock
from rgnet.models.on import ON
from rgnet.models.xy import XY
from rgnet.verify.registry import Measured, Row, check, short

NAMES = ("metropolis", "heat-bath", "heat-bath+over-relaxation", "wolff", "swendsen-wang")


def _alignment(n: int, K: float) -> float:
    return float(scipy.special.iv(n / 2, K) / scipy.special.iv(n / 2 - 1, K))


def _ring(K: float, sites: int) -> tuple[float, float]:
    """⟨cos Δ⟩ and N Υ/k_B T of XY on a ring: moments of k under I_k(K)^N."""
    k = np.arange(-60, 61)
    weights = (scipy.special.ive(k, K) / scipy.special.ive(0, K)) ** sites
    slopes = scipy.special.ivp(k, K) / scipy.special.iv(k, K)
    return float((weights * slopes).sum() / weights.sum()), float((weights * k**2).sum() / weights.sum())


def _energy(seed: int, model: Any, name: str, draws: int) -> Any:
    """⟨s·s'⟩ of a bond, all being alike."""
    data = rg.sample(model, draws, update=name, seed=seed)
    return rg.stats.mean(data["energy"] / (-model.K * len(rg.lattice.bonds(model.geometry))))


for _name in NAMES:
    _key = _name.replace("over-relaxation", "or")
    check(
        Row(f"vectors/chain-xy-{_key}", f"⟨cos⟩, XY chain, K = 1, {short(_name)}",
            _alignment(2, 1.0), "Stanley 1969"),
        cost=3,
    )(functools.partial(_energy, model=XY((64,), K=1.0, boundary="free"), name=_name, draws=4000))  # fmt: skip
    check(
        Row(f"vectors/chain-o3-{_key}", f"⟨s·s'⟩, O(3) chain, K = 1, {short(_name)}",
            1 / math.tanh(1.0) - 1.0, "Langevin 1905"),
        cost=5,
    )(functools.partial(_energy, model=ON((64,), n=3, K=1.0, boundary="free"), name=_name, draws=4000))  # fmt: skip
check(
    Row("vectors/chain-o4", "⟨s·s'⟩, O(4) chain, K = 2, HB", _alignment(4, 2.0), "Stanley 1969"),
    cost=5,
)(functools.partial(_energy, model=ON((64,), n=4, K=2.0, boundary="free"), name="heat-bath", draws=4000))


@check(
    Row("vectors/ring-e", "⟨cos⟩, XY ring of 16, K = 2", _ring(2.0, 16)[0], "Σ_k I_k(K)^N"),
    Row("vectors/ring-helicity", "N Υ/k_BT, XY ring of 16, K = 2", _ring(2.0, 16)[1] * 256, "Σ_k k² I_k(K)^N"),
    cost=4,
)
def ring(seed: int) -> list[Any]:
    """Energy and helicity modulus of a ring, whose winding is a discrete Gaussian of k."""
    model = XY((16,), K=2.0)
    data = rg.sample(model, 8000, update="wolff+over-relaxation", seed=seed)
    helicity = model.K * data["helicity_cos"] - model.K**2 * data["helicity_sin"] ** 2
    return [rg.stats.mean(data["helicity_cos"] / 16), rg.stats.mean(helicity)]


@check(
    Row("vectors/hot-vortices", "vortices/plaquette, XY 32², K = 0", 1 / 3, "random angles"),
    cost=2,
)
def hot_vortices(seed: int) -> Any:
    """Σ of four wrapped differences of independent angles is ±2π for one plaquette in three."""
    data = rg.sample(XY((32, 32), K=0.0), 1000, update="heat-bath", seed=seed)
    return rg.stats.mean(data["vortices"] / 1024)


@check(
    Row("vectors/clock-4", "e, 4-state clock 32², K_c, SW",
        float(rg.exact.ising2d.energy(math.log1p(math.sqrt(2)) / 2, shape=(32, 32))), "Kaufman 1949",
        note="two Ising models of half the coupling, K_c = ln(1 + √2)"),
    cost=6,
)  # fmt: skip
def clock_of_four(seed: int) -> Any:
    """q = 4 is two independent Ising models of K/2, each with half of the energy."""
    model = Clock((32, 32), q=4, K=math.log1p(math.sqrt(2)))
    data = rg.sample(model, 4000, update="swendsen-wang", seed=seed)
    return rg.stats.mean(data["energy"] / (model.K * model.n_sites))


@check(
    Row("vectors/improved", "⟨cluster_m2 − M²⟩/N, XY 32², SW", 0.0, "Hasenbusch 1990"),
    cost=6,
)
def improved(seed: int) -> Measured:
    """The improved estimator has the mean of the plain one, draw by draw."""
    data = rg.sample(XY((32, 32), K=1.1), 4000, update="swendsen-wang", seed=seed)
    magnetization = data["magnetization"]
    plain = (magnetization**2).sum("component")
    found = rg.stats.mean((data["cluster_m2"] - plain) / 1024)
    return Measured(found.value, found.stderr)


@check(
    Row("vectors/moves-agree", "e(HB+OR) − e(Wolff+OR), XY 32²", 0.0, "another move"),
    cost=20,
    full=True,
)
def moves_agree(seed: int) -> Measured:
    """Energies at K_KT by two moves with nothing in common."""
    model = XY((32, 32), K=1.1199)
    one = _energy(seed, model, "heat-bath+over-relaxation", 4000)
    other = _energy(seed + 1, model, "wolff+over-relaxation", 4000)
    return Measured(one.value - other.value, math.hypot(one.stderr, other.stderr))
