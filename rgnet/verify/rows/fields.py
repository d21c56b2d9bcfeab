"""Real fields: φ⁴ against numerical integration, the Gaussian field against its closed forms."""

import functools
from typing import Any

import numpy as np

import rgnet as rg
from rgnet.exact import gaussian_field, quadrature
from rgnet.verify.registry import Measured, Row, check, short

_R, _U, _H = -1.0, 1.0, 0.1
_MOVES = ("metropolis", "heat-bath", "heat-bath+wolff", "heat-bath+swendsen-wang", "heat-bath+over-relaxation")


def _strip(seed: int, name: str) -> list[Measured]:
    """H/N and ⟨φ²⟩ of a strip of 6 × 2 in a field, by its transfer operator."""
    shape = (6, 2)
    exact = quadrature.phi4(shape, _R, _U, _H)
    draws = 2000 if "+" in name else 20_000
    data = rg.sample(rg.Phi4(shape, r=_R, u=_U, h=_H), draws, update=name, seed=seed, warmup=200, thin=4)
    found = []
    for key, value in (("energy", exact.energy), ("phi2", exact.phi2)):
        mean = rg.stats.mean(data[key] / 12)
        found.append(Measured(mean.value, mean.stderr, expected=value / 12))
    return found


for _name in _MOVES:
    _key = _name.replace("swendsen-wang", "sw").replace("over-relaxation", "or")
    check(
        Row(f"fields/phi4-e-{_key}", f"H/N of φ⁴, 6×2, h, {short(_name)}", None, "transfer operator"),
        Row(f"fields/phi4-2-{_key}", f"⟨φ²⟩ of φ⁴, 6×2, h, {short(_name)}", None, "transfer operator"),
        cost=6,
    )(functools.partial(_strip, name=_name))


def _free(seed: int, name: str) -> list[Any]:
    """H/N and ⟨φ²⟩ of the Gaussian field, 32²."""
    shape, draws = (32, 32), 1000 if name == "direct" else 4000
    data = rg.sample(rg.GaussianField(shape, r=0.2), draws, update=name, seed=seed)
    return [rg.stats.mean(data["energy"] / 1024), rg.stats.mean(data["phi2"] / 1024)]


for _name in ("direct", "metropolis"):
    check(
        Row(f"fields/gaussian-e-{_name}", f"H/N, Gaussian field 32², {short(_name)}", 0.5, "equipartition"),
        Row(
            f"fields/gaussian-2-{_name}",
            f"⟨φ²⟩, Gaussian field 32², {short(_name)}",
            gaussian_field.phi2((32, 32), 0.2) / 1024,
            "Σ 1/(r + k̂²)",
        ),
        cost=4,
    )(functools.partial(_free, name=_name))


@check(
    Row("fields/propagator", "G(k)/G, longest waves, 16×24", 1.0, "1/(r + k̂²)"),
    cost=2,
)
def propagator(seed: int) -> Any:
    """The ratio of ⟨|φ(k)|²⟩ to its exact value, k the longest wave along y, summed over the modes along x."""
    model = rg.GaussianField((16, 24), r=0.3, boundary=("free", "periodic"))
    data = rg.sample(model, 2000, update="direct", seed=seed)
    waves = np.abs(np.fft.fft(data["spin"].values, axis=-1)[..., 1]) ** 2 / 24
    exact = (1 / gaussian_field.eigenvalues((16, 24), 0.3, ("free", "periodic"))[:, 1]).sum()
    return rg.stats.mean(waves.sum(axis=-1) / exact)
