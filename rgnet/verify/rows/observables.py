"""Specific heats against Kaufman; magnetisation, susceptibility, cumulant and correlation length by enumeration."""

import math
from typing import Any

import numpy as np

import rgnet as rg
from rgnet.exact import ising2d
from rgnet.verify.registry import Measured, Row, check

K_C = 0.5 * math.log1p(math.sqrt(2))
BLOCKS = 128


def measured(model: Any, draws: int, seed: int, names: tuple[str, ...]) -> list[Measured]:
    """Some of `rgnet.observables.QUANTITIES`, with the degrees of freedom of the jackknife."""
    found = rg.observables.thermodynamics(rg.sample(model, draws, seed=seed), blocks=BLOCKS)
    return [Measured(float(found[name]), float(found[f"{name}_stderr"]), BLOCKS - 1) for name in names]


@check(
    Row("observables/heat-16", "c, 16², K_c", float(ising2d.specific_heat(K_C, (16, 16))),
        "Kaufman 1949"),
    cost=3,
)  # fmt: skip
def heat_at_criticality(seed: int) -> list[Measured]:
    """The peak of the specific heat."""
    return measured(rg.Ising((16, 16), K=K_C), 8000, seed, ("specific_heat",))


@check(
    Row("observables/heat-32", "c, 32², K = 0.42", float(ising2d.specific_heat(0.42, (32, 32))),
        "Kaufman 1949"),
    cost=4,
)  # fmt: skip
def heat_above(seed: int) -> list[Measured]:
    """Above the transition."""
    return measured(rg.Ising((32, 32), K=0.42), 4000, seed, ("specific_heat",))


def _moments(x: Any) -> Any:
    """|M|, M², M⁴ per site powers, and |M_k|² along both axes, of 4×4 states."""
    m = x.sum(axis=(1, 2)) / 16
    wave = np.exp(0.5j * np.pi * np.arange(4))
    structure = (abs(x.sum(axis=2) @ wave) ** 2 + abs(x.sum(axis=1) @ wave) ** 2) / 2 / 256
    return np.stack([abs(m), m**2, m**4, structure], axis=1)


_STATES = "enumeration"
_TINY = ("magnetization", "susceptibility", "binder", "correlation_length")


@check(
    Row("observables/magnetization", "⟨|m|⟩, 4², K = 0.4", None, _STATES),
    Row("observables/susceptibility", "χ, 4², K = 0.4", None, _STATES),
    Row("observables/binder", "U₄, 4², K = 0.4", None, _STATES),
    Row("observables/xi", "ξ, 4², K = 0.4", None, _STATES),
    cost=4,
)
def tiny(seed: int) -> list[Measured]:
    """What has no closed form, on a lattice that can be enumerated."""
    model = rg.Ising((4, 4), K=0.4)
    am, m2, m4, s = rg.exact.moments(model.energy, _moments, model.shape).mean
    exact = (am, 16 * (m2 - am**2), 1 - m4 / (3 * m2**2), math.sqrt(m2 / s - 1) / (2 * math.sin(math.pi / 4)))
    found = measured(model, 16_000, seed, _TINY)
    return [one._replace(expected=float(value)) for one, value in zip(found, exact, strict=True)]


_TORUS = "Salas & Sokal 2000"
_WIDER = "conformal field theory, L → ∞; error widened to L^{−7/4}"


@check(
    Row("observables/binder-critical", "U₄, 64², K_c", 1 - 1.1679229 / 3, _TORUS, expected_stderr=0.0007, note=_WIDER),
    Row("observables/xi-critical", "ξ/L, 64², K_c", 0.9050488, _TORUS, expected_stderr=0.0007, note=_WIDER),
    cost=60,
    full=True,
)
def universal_ratios(seed: int) -> list[Measured]:
    """Universal ratios of the critical square torus, exact from conformal field theory."""
    binder, length = measured(rg.Ising((64, 64), K=K_C), 10_000, seed, ("binder", "correlation_length"))
    return [binder, length._replace(value=length.value / 64, stderr=length.stderr / 64)]
