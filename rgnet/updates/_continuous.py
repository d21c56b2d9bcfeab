"""Metropolis for a model given by two jitted functions (`rgnet.models.continuous`).

The step is uniform in (−step, step), symmetric to the last bit; values in a domain are wrapped. The functions are
arguments of the kernel, so that Numba compiles it anew in every process: the one kernel that is never kept on disk.
"""

import math
from typing import Any

import numba
import numpy as np

from rgnet import lattice
from rgnet.models.continuous import ContinuousModel
from rgnet.updates._fields_moves import accepted, tune_step
from rgnet.updates.base import Move, Update, always_exact

_SITES_PER_CALL = 1 << 20


@numba.njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def record(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    start: Any,
    near: Any,
    order: Any,
    bond: Any,
    site: Any,
    low: float,
    length: float,
    step: float,
) -> Any:
    """The contract of `rgnet.updates.base`; returns how many proposals were accepted. ``length`` 0: no domain."""
    count = 0
    for k in range(measured.shape[0]):
        for _ in range(every):
            for i in order:
                x = state[i]
                y = x + 2.0 * step * ((rng.random() - 0.5) + 2.0**-54)
                if length > 0.0:
                    y -= length * math.floor((y - low) / length)
                    if not low <= y < low + length:
                        y = low  # by rounding
                gain = site(y) - site(x)
                for a in range(start[i], start[i + 1]):
                    other = state[near[a]]
                    gain += bond(y, other) - bond(x, other)
                if rng.random() < math.exp(min(gain, 0.0)):
                    state[i] = y
                    count += 1
        if measured.shape[1] > 0:
            measured[k, 0] = _energy(state, start, near, bond, site)
        if out.shape[1] > 0:
            out[k] = state[: start.size - 1]
    return count


@numba.njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def _energy(state: Any, start: Any, near: Any, bond: Any, site: Any) -> float:
    total = 0.0
    for i in range(start.size - 1):
        total -= site(state[i])
        for a in range(start[i], start[i + 1]):
            total -= 0.5 * bond(state[i], state[near[a]])
    return total


def _prepare(by_color: bool) -> Any:
    def prepare(model: ContinuousModel, chains: int) -> Move:
        start, near, _ = lattice.adjacency(model.geometry)
        order = lattice.by_color(model.geometry)[0] if by_color else np.arange(model.n_sites, dtype=np.int32)
        low, length = (0.0, 0.0) if model.domain is None else (model.domain[0], model.domain[1] - model.domain[0])
        tables = (start, near, order, *model.functions(), low, length)
        name, settings = ("colours" if by_color else "sequential"), {"step": length / 4 or 1.0}
        return Move(name, record, tables, settings, ("energy",), spins_per_call=_SITES_PER_CALL)

    return prepare


UPDATES = (
    Update("metropolis", always_exact, _prepare(True), tune_step(accepted), ("ContinuousModel",)),
    Update("metropolis-sequential", always_exact, _prepare(False), tune_step(accepted), ("ContinuousModel",)),
)
