"""Closed forms of `rgnet.exact` against published digits, other closed forms, and enumeration. No chance involved."""

import math

import numpy as np
from scipy.special import ellipe, ellipk

import rgnet as rg
from rgnet.exact import chain1d, ising2d
from rgnet.verify.registry import Measured, Row, check

K_C = 0.5 * math.log1p(math.sqrt(2))
CATALAN = 0.915965594177219015
K = 0.35  # a coupling of no importance, at which ∞ lattices are compared

_KAUFMAN = "Kaufman 1949"
_DIGITS = "Kaufman's products evaluated with 70 digits by a program that shares nothing with rgnet"


@check(
    Row("exact/log-Z-4", "ln Z, torus 4×4, K_c", 15.521915458755283, _KAUFMAN, tolerance=1e-11, note=_DIGITS),
    Row("exact/log-Z-16", "ln Z, torus 16×16, K_c", 238.64225663513289, _KAUFMAN, tolerance=1e-10, note=_DIGITS),
    Row("exact/log-Z-32", "ln Z, torus 32×32, K_c", 952.64807954854280, _KAUFMAN, tolerance=1e-9, note=_DIGITS),
    Row("exact/log-Z-64", "ln Z, torus 64×64, K_c", 3808.6722834198092, _KAUFMAN, tolerance=1e-9, note=_DIGITS),
)
def log_Z_of_tori(seed: int) -> list[float]:
    """Kaufman's ln Z at K_c."""
    return [float(ising2d.log_Z(K_C, (side, side))) for side in (4, 16, 32, 64)]


@check(Row("exact/log-Z-enumerated", "ln Z, torus 4×4, K = 0.3", None, "enumeration", tolerance=1e-11))
def log_Z_enumerated(seed: int) -> Measured:
    """Kaufman's ln Z against the sum over all states."""
    model = rg.Ising((4, 4), K=0.3)
    return Measured(float(ising2d.log_Z(0.3, (4, 4))), expected=rg.exact.log_Z(model.energy, model.shape))


@check(
    Row("exact/free-energy", "ln Z/N, ∞ lattice, K_c", math.log(2) / 2 + 2 * CATALAN / math.pi,
        "Onsager 1944", tolerance=1e-13, note="½ ln 2 + 2G/π, G Catalan's constant"),
    Row("exact/energy-critical", "e, ∞ lattice, K_c", -math.sqrt(2), "Onsager 1944",
        tolerance=1e-7),
)  # fmt: skip
def onsager_at_criticality(seed: int) -> list[float]:
    """Onsager's lattice at K_c, where the energy has an infinite slope."""
    return [float(ising2d.log_Z(K_C)), float(ising2d.energy(K_C))]


def _elliptic(K: float) -> tuple[float, float]:
    """Onsager's energy and specific heat per site as complete elliptic integrals (McCoy & Wu 1973, ch. V)."""
    modulus = 2 * math.sinh(2 * K) / math.cosh(2 * K) ** 2
    k2 = 2 * math.tanh(2 * K) ** 2 - 1
    first, second = float(ellipk(modulus**2)), float(ellipe(modulus**2))
    coth = 1 / math.tanh(2 * K)
    energy = -coth * (1 + 2 / math.pi * k2 * first)
    heat = (K * coth) ** 2 * 2 / math.pi * (2 * first - 2 * second - (1 - k2) * (math.pi / 2 + k2 * first))
    return energy, heat


_INTEGRALS = "Onsager 1944"
_ELLIPTIC = "by complete elliptic integrals (McCoy & Wu 1973), which rgnet does not use"


@check(
    Row("exact/energy-infinite", f"e, ∞ lattice, K = {K}", _elliptic(K)[0], _INTEGRALS,
        tolerance=1e-12, note=_ELLIPTIC),
    Row("exact/heat-infinite", f"c, ∞ lattice, K = {K}", _elliptic(K)[1], _INTEGRALS,
        tolerance=1e-12, note=_ELLIPTIC),
)  # fmt: skip
def onsager_off_criticality(seed: int) -> list[float]:
    """Onsager's lattice away from K_c."""
    return [float(ising2d.energy(K)), float(ising2d.specific_heat(K))]


@check(Row("exact/chain", "ln Z, ring of 12, K, h = 0.7, 0.2", None, "enumeration", tolerance=1e-11))
def ring(seed: int) -> Measured:
    """The chain's transfer matrix against the sum over all states."""
    model = rg.Ising(12, K=0.7, h=0.2)
    return Measured(float(chain1d.log_Z(0.7, 0.2, n=12)), expected=rg.exact.log_Z(model.energy, model.shape))


@check(
    Row("exact/decimation", "tanh K', chain, K = 0.9, b = 3", math.tanh(0.9) ** 3, "Nelson & Fisher 1975",
        tolerance=1e-13, note="tanhᵇ K")
)  # fmt: skip
def decimated(seed: int) -> float:
    """One step of the chain's exact flow."""
    return math.tanh(float(chain1d.decimate(0.9, b=3).K))


def _kept(tied: bool) -> float:
    """Fisher information in K that 2×2 blocks of a 4×4 torus keep at K_c, by summing over states, without rgnet.

    ``tied``: the majority rule with a fair coin; else the first site of each block.
    """
    bits = (np.arange(1 << 16)[:, None] >> np.arange(16)) & 1
    x = (2 * bits - 1).reshape(-1, 4, 4)
    score = (x * np.roll(x, 1, axis=1) + x * np.roll(x, 1, axis=2)).sum(axis=(1, 2)).astype(float)
    p = np.exp(K_C * (score - score.max()))
    p /= p.sum()
    score -= p @ score
    blocks = x.reshape(-1, 2, 2, 2, 2).sum(axis=(2, 4)) if tied else x[:, ::2, ::2]
    up = (1 + np.sign(blocks.reshape(-1, 4))) / 2
    kept = 0.0
    for code in range(16):
        spin = (code >> np.arange(4)) & 1
        weight = p * np.where(spin == 1, up, 1 - up).prod(axis=1)
        kept += (weight @ score) ** 2 / weight.sum()
    return float(kept / (p @ score**2))


_APART = "2¹⁶ states, by a sum that shares nothing with rgnet; the fraction of the information about K"


@check(
    Row("exact/fisher-majority", "Fisher kept, 4², K_c, majority", None, "enumeration",
        tolerance=1e-11, note=_APART),
    Row("exact/fisher-decimation", "Fisher kept, 4², K_c, decimation", None, "enumeration",
        tolerance=1e-11, note=_APART),
    cost=3,
)  # fmt: skip
def fisher_fractions(seed: int) -> list[Measured]:
    """What one step keeps, by `rgnet.exact.retained` and by a sum written for this row."""
    model = rg.Ising((4, 4), K=K_C)
    return [
        Measured(float(rg.exact.retained(model, layer, "K").fraction[1]), expected=_kept(tied))
        for layer, tied in ((rg.Majority(2), True), (rg.Decimation(2), False))
    ]


@check(
    Row("exact/majority-couplings", "ln p left over, majority, 4² → 2²", 0.0, "enumeration",
        tolerance=1e-10, note="on 2×2 nn, nnn and plaquette give every probability exactly"),
    cost=2,
)  # fmt: skip
def majority_couplings(seed: int) -> float:
    """The exact couplings of the coarse distribution: what is left of ln p is nothing but rounding."""
    model = rg.Ising((4, 4), K=K_C)
    operators = rg.operators.resolve(["nn", "nnn", "plaquette"], 2)
    found = rg.exact.coarse_couplings(model, rg.Majority(2), lambda y: rg.operators.sums(y, operators))
    return found.residual
