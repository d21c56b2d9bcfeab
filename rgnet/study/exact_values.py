"""Exact values on the very lattice of a point, where a formula gives them."""

import math
from typing import Any

from rgnet import exact


def exact_values(model: Any) -> dict[str, float]:
    """Exact quantities per site of this very lattice, by their names in `rgnet.observables`; as far as known."""
    if getattr(model, "couplings", ()) or getattr(model, "lattice", "hypercubic") != "hypercubic":
        return {}
    if any(name != model.boundary[0] for name in model.boundary):
        return {}
    known = {"Ising": _ising, "Potts": _potts}.get(type(model).__name__)
    return {} if known is None else known(model)


def _ising(model: Any) -> dict[str, float]:
    if model.ndim == 1:
        arguments = (model.K, model.h, model.shape[0], model.boundary[0])
        return {
            "energy": float(exact.chain1d.energy(*arguments)),
            "specific_heat": float(exact.chain1d.specific_heat(*arguments)),
        }
    if model.ndim == 2 and model.h == 0 and model.boundary[0] == "periodic":
        torus = (model.shape[0], model.shape[1])
        return {
            "energy": float(exact.ising2d.energy(model.K, shape=torus)),
            "specific_heat": float(exact.ising2d.specific_heat(model.K, shape=torus)),
        }
    return {}


def _potts(model: Any) -> dict[str, float]:
    """Ring: Z = a^N + (q − 1) b^N with a = e^K + q − 1, b = e^K − 1; two states are an Ising model of half the K."""
    if model.h != 0 or model.boundary[0] != "periodic":
        return {}
    if model.ndim == 1 and model.K > 0:
        N, q, boltzmann = model.n_sites, model.q, math.exp(model.K)
        a, b = boltzmann + q - 1, boltzmann - 1
        ratio = (b / a) ** (N - 1)  # (b/a)^N without overflow
        whole = 1 + (q - 1) * ratio * b / a
        return {"energy": -boltzmann / a * (1 + (q - 1) * ratio) / whole}
    if model.ndim == 2 and model.q == 2:  # δ = (1 + s s′)/2
        torus = (model.shape[0], model.shape[1])
        bonds = 2.0
        return {
            "energy": 0.5 * (float(exact.ising2d.energy(model.K / 2, shape=torus)) - bonds),
            "specific_heat": float(exact.ising2d.specific_heat(model.K / 2, shape=torus)),
        }
    return {}
