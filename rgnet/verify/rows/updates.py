"""Monte Carlo moves: energies and other means against Kaufman's torus, the chain, and enumeration."""

import functools
import math
from typing import Any

import numpy as np

import rgnet as rg
from rgnet.exact import chain1d, ising2d
from rgnet.verify.registry import Measured, Row, check

K_C = 0.5 * math.log1p(math.sqrt(2))
NAMES = ("metropolis", "heat-bath", "wolff", "swendsen-wang")
BLOCKS = 100


def energy_per_site(data: Any, model: Any) -> Any:
    """−⟨Σ s s⟩/N of a sample without further couplings or field, as an Estimate."""
    return rg.stats.mean(data["energy"] / (model.K * model.n_sites))


def _energy(seed: int, name: str, side: int, K: float, draws: int) -> Any:
    model = rg.Ising((side, side), K=K)
    return energy_per_site(rg.sample(model, draws, update=name, seed=seed), model)


def _torus(side: int, K: float) -> float:
    return float(ising2d.energy(K, shape=(side, side)))


for _name in NAMES:
    check(
        Row(f"updates/16-{_name}", f"e, 16², K_c, {_name}", _torus(16, K_C), "Kaufman 1949"),
        cost=8,
    )(functools.partial(_energy, name=_name, side=16, K=K_C, draws=8000))
    check(
        Row(f"updates/64-{_name}", f"e, 64², K_c, {_name}", _torus(64, K_C), "Kaufman 1949"),
        cost=60,
        full=True,
    )(functools.partial(_energy, name=_name, side=64, K=K_C, draws=2000))

for _name, _K in (("metropolis", 0.3), ("heat-bath", 0.5), ("wolff", 0.5), ("swendsen-wang", -0.4)):
    check(
        Row(f"updates/32-{_name}", f"e, 32², K = {_K}, {_name}", _torus(32, _K), "Kaufman 1949"),
        cost=5,
    )(functools.partial(_energy, name=_name, side=32, K=_K, draws=4000))

check(
    Row("updates/128-auto", "e, 128², K_c, auto", _torus(128, K_C), "Kaufman 1949"),
    cost=60,
    full=True,
)(functools.partial(_energy, name="auto", side=128, K=K_C, draws=2000))
check(
    Row("updates/64-auto", "e, 64², K_c, auto", _torus(64, K_C), "Kaufman 1949"),
    cost=6,
)(functools.partial(_energy, name="auto", side=64, K=K_C, draws=2000))


@check(
    Row("updates/ring-e", "e, ring of 64, K, h = 0.8, 0.1",
        float(chain1d.energy(0.8, 0.1, n=64)), "Ising 1925"),
    Row("updates/ring-m", "m, ring of 64, K, h = 0.8, 0.1",
        float(chain1d.magnetization(0.8, 0.1, n=64)), "Ising 1925"),
    cost=2,
)  # fmt: skip
def ring_in_a_field(seed: int) -> list[Any]:
    """Energy and magnetisation of the chain with a field, whose part of H is taken off."""
    model = rg.Ising(64, K=0.8, h=0.1)
    data = rg.sample(model, 4000, update="metropolis", seed=seed)
    bonds = data["energy"] + model.h * data["magnetization"]
    return [rg.stats.mean(bonds / (model.K * 64)), rg.stats.mean(data["magnetization"] / 64)]


def _enumerated(seed: int, name: str, shape: tuple[int, ...], K: float, h: float, further: dict[str, float]) -> Any:
    """Mean of H/N, and its exact value by enumeration."""
    model = rg.Ising(shape, K=K, h=h, couplings=further)
    data = rg.sample(model, 20_000, update=name, seed=seed, warmup=200, thin=4)
    found = rg.stats.mean(data["energy"] / model.n_sites)
    exact = float(rg.exact.moments(model.energy, model.energy, model.shape).mean[0]) / model.n_sites
    return Measured(found.value, found.stderr, expected=exact)


_STATES = "enumeration"
for _name in NAMES:
    check(Row(f"updates/cubic-{_name}", f"H/N, 3×2×2, h, {_name}", None, _STATES), cost=3)(
        functools.partial(_enumerated, name=_name, shape=(3, 2, 2), K=0.2, h=0.1, further={})
    )
for _name in NAMES[:2]:
    check(
        Row(f"updates/further-{_name}", f"H/N, 4×3, + nnn, □, {_name}", None, _STATES), cost=5
    )(functools.partial(
        _enumerated, name=_name, shape=(4, 3), K=0.25, h=0.0, further={"nnn": 0.1, "plaquette": -0.1}
    ))  # fmt: skip


_DEEP = "infinite lattice; 64 sites are 29 correlation lengths, so the size does not show"


@check(
    Row("updates/yang", "⟨|m|⟩, 64², K = 0.5", float(ising2d.magnetization(0.5)),
        "Yang 1952", note=_DEEP),
    Row("updates/onsager", "e, 64², K = 0.5", float(ising2d.energy(0.5)),
        "Onsager 1944", note=_DEEP),
    cost=5,
)  # fmt: skip
def deep_in_order(seed: int) -> list[Any]:
    """Spontaneous magnetisation and energy where 64 sites are thirty correlation lengths."""
    model = rg.Ising((64, 64), K=0.5)
    data = rg.sample(model, 1000, seed=seed)
    return [rg.stats.mean(np.abs(data["magnetization"]) / 4096), energy_per_site(data, model)]


NODES = 12


@check(
    Row("updates/log-Z", "ln Z/N, 16², K_c, by ∫⟨e⟩dK",
        float(ising2d.log_Z(K_C, (16, 16))) / 256, "Kaufman 1949",
        note=f"{NODES} Gauss–Legendre nodes, each its own run; with exact energies they are off by 4·10⁻⁷"),
    cost=8,
)  # fmt: skip
def integrated(seed: int) -> Measured:
    """ln Z = N ln 2 + ∫ ⟨Σ s s⟩ dK from 0 to K_c, by Gauss–Legendre nodes, each a run of its own."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    value, variance = math.log(2), 0.0
    streams = np.random.SeedSequence(seed).generate_state(NODES, np.uint64)
    for K, weight, stream in zip((x + 1) / 2 * K_C, w / 2 * K_C, streams, strict=True):
        model = rg.Ising((16, 16), K=float(K))
        found = energy_per_site(rg.sample(model, 1000, update="swendsen-wang", seed=int(stream)), model)
        value -= weight * found.value
        variance += (weight * found.stderr) ** 2
    return Measured(value, math.sqrt(variance))


@check(
    Row("updates/resumed", "spins differing, resumed, 4 moves", 0.0, "the unbroken run",
        tolerance=0),
    cost=3,
)  # fmt: skip
def resumed(seed: int) -> int:
    """Two halves, the second resumed from the state stored in the first, against the whole run."""
    differing = 0
    for name in NAMES:
        model = rg.Ising((16, 16), K=K_C)
        whole = rg.sample(model, 60, update=name, seed=seed, warmup=50, thin=2)
        first = rg.sample(model, 25, update=name, seed=seed, warmup=50, thin=2)
        second = rg.sample(model, 35, resume=first)
        both = np.concatenate([first["spin"].values, second["spin"].values], axis=1)
        differing += int(np.count_nonzero(both != whole["spin"].values))
        differing += int(second.attrs["rng_state"] != whole.attrs["rng_state"])
    return differing
