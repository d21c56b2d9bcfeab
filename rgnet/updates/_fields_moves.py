"""The moves of φ⁴ and the Gaussian field, by name: which kernel, and what warm-up tunes.

Metropolis' step is tuned to an acceptance of one half, in rounds of some sweeps: the step is multiplied by a power of
2^(1/16), so that whole numbers say how far it is. Wolff's clusters are counted while heat bath keeps |φ| moving.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rgnet import lattice
from rgnet.updates import _fields, _fields_clusters, _fields_rows
from rgnet.updates.base import Array, Move, Tune, Update, always_exact

MODELS = ("Phi4", "GaussianField")
_SITES_PER_CALL = 1 << 21  # of scalar kernels
_ROUNDS = 10
_SMALL = 256  # sites below which the fast kernel does not pay


def couplings(model: Any) -> tuple[float, float, float]:
    """The r, u and h of either model."""
    return model.r, getattr(model, "u", 0.0), getattr(model, "h", 0.0)


def scale(model: Any) -> float:
    """Roughly the step that is accepted half the time: some widths of a site's distribution given its neighbours."""
    r, u, _ = couplings(model)
    a = r + float(np.diff(lattice.adjacency(model.geometry)[0]).mean())
    return 2.0 / math.sqrt(0.5 * (abs(a) + math.sqrt(a * a + 4.0 * u)))


def _tables(model: Any, by_color: bool) -> tuple[Any, ...]:
    start, near, _ = lattice.adjacency(model.geometry)
    order = lattice.by_color(model.geometry)[0] if by_color else np.arange(model.n_sites, dtype=np.int32)
    return (start, near, order, *couplings(model))


def _scalar(kernel: Any, by_color: bool, name: str) -> Any:
    def prepare(model: Any, chains: int) -> Move:
        return Move(name, kernel, _tables(model, by_color), {}, _fields.MEASURES, spins_per_call=_SITES_PER_CALL)

    return prepare


def _metropolis(model: Any, chains: int) -> Move:
    if not is_fast(model):
        return _in_turn(model, chains, True)
    lead, half = model.shape[:-1], model.shape[-1] // 2
    rows = lattice.nearest_neighbors(lead, model.boundary[:-1]).T if lead else np.empty((1, 0))
    parity = np.indices(lead).sum(axis=0).ravel() % 2 if lead else np.zeros(1)
    odd = np.repeat(parity, half).astype(np.int8)
    tables = (np.ascontiguousarray(rows, dtype=np.int64), odd, half, *couplings(model))
    return Move("rows", _fields_rows.record, tables, {"step": scale(model)}, _fields.MEASURES)


def _in_turn(model: Any, chains: int, by_color: bool = False) -> Move:
    name, settings = ("colours" if by_color else "sequential"), {"step": scale(model)}
    tables = _tables(model, by_color)
    return Move(name, _fields.metropolis, tables, settings, _fields.MEASURES, spins_per_call=_SITES_PER_CALL)


def is_fast(model: Any) -> bool:
    """Whether the lattice has the layout of the fast kernel: hypercubic, periodic, with even sides, not tiny."""
    even = all(side % 2 == 0 for side in model.shape) and set(model.boundary) == {"periodic"}
    return model.geometry.kind == "hypercubic" and even and model.n_sites >= _SMALL and model.shape[-1] >= 8


def tune_step(accepted: Any) -> Tune:
    """A tuning of ``step`` to an acceptance of ½; ``accepted(move, state, rng, sweeps)`` runs and counts, per site."""

    def tune(
        move: Move, states: Array, rngs: Sequence[np.random.Generator], sweeps: int, counts: dict[str, int]
    ) -> Move | None:
        for name in ("rung", "round", "chain", "done", "accepted"):
            counts.setdefault(name, 0)
        rounds = min(_ROUNDS, sweeps)
        factor = 2.0 ** (counts["rung"] / 16)
        tuned = replace(move, settings={**move.settings, "step": move.settings["step"] * factor})
        if counts["round"] == rounds:
            return tuned
        length = sweeps * (counts["round"] + 1) // rounds - sweeps * counts["round"] // rounds
        n_sites = _sites(move)
        most = max(1, move.spins_per_call // n_sites)
        part = min(most, length - counts["done"])
        chain = counts["chain"]
        counts["accepted"] += accepted(tuned, states[chain], rngs[chain], part)
        counts["done"] += part
        if counts["done"] == length:
            counts["done"], counts["chain"] = 0, chain + 1
        if counts["chain"] == len(states):
            rate = counts["accepted"] / (length * len(states) * n_sites)
            gain = 48 if 2 * counts["round"] < rounds else 24
            counts["rung"] += round(gain * (rate - 0.5))
            counts["chain"], counts["accepted"] = 0, 0
            counts["round"] += 1
        return None

    return tune


def _sites(move: Move) -> int:
    return int(2 * move.tables[1].size if move.kernel == "rows" else move.tables[2].size)


def accepted(move: Move, state: Array, rng: np.random.Generator, sweeps: int) -> int:
    """Advance a chain by Metropolis; how many steps were accepted."""
    record: Any = move.record
    return int(record(state, rng, sweeps, np.empty((1, 0)), np.empty((1, 0)), *move.tables, *move.settings.values()))


def _wolff(model: Any, chains: int) -> Move:
    start, near, _ = lattice.adjacency(model.geometry)
    tables = (start, near, *couplings(model))
    settings = {"clusters_per_sweep": 1}
    return Move("clusters", _fields_clusters.wolff, tables, settings, _fields.MEASURES, spins_per_call=_SITES_PER_CALL)


def _swendsen_wang(model: Any, chains: int) -> Move:
    start, near, _ = lattice.adjacency(model.geometry)
    tables = (start, near, *couplings(model))
    measures = _fields.MEASURES if couplings(model)[2] else (*_fields.MEASURES, "cluster_m2", "cluster_m4")
    return Move("clusters", _fields_clusters.swendsen_wang, tables, {}, measures, spins_per_call=_SITES_PER_CALL)


def _tune_clusters(
    move: Move, states: Array, rngs: Sequence[np.random.Generator], sweeps: int, counts: dict[str, int]
) -> Move | None:
    """Sweeps of heat bath, and clusters of N sites after each; the mean cluster of the second half sets the sweep."""
    start, near, *values = move.tables
    n_sites = start.size - 1
    for name in ("chain", "sweep", "clusters", "sites"):
        counts.setdefault(name, 0)
    if sweeps and counts["chain"] < len(states):
        state, rng = states[counts["chain"]], rngs[counts["chain"]]
        order, nothing = np.arange(n_sites, dtype=np.int32), np.empty((1, 0))
        for _ in range(max(1, _SITES_PER_CALL // (4 * n_sites))):
            _fields.heat_bath(state, rng, 1, nothing, nothing, start, near, order, *values)
            grown, size = _fields_clusters.grow_sites(state, rng, n_sites, start, near, values[-1])
            if 2 * counts["sweep"] >= sweeps:
                counts["clusters"], counts["sites"] = counts["clusters"] + grown, counts["sites"] + size
            counts["sweep"] += 1
            if counts["sweep"] == sweeps:
                counts["chain"], counts["sweep"] = counts["chain"] + 1, 0
                break
        return None
    if counts["sites"] == 0:
        return move
    return replace(move, settings={"clusters_per_sweep": math.ceil(n_sites * counts["clusters"] / counts["sites"])})


UPDATES = (
    Update("metropolis", always_exact, _metropolis, tune_step(accepted), MODELS),
    Update("metropolis-sequential", always_exact, _in_turn, tune_step(accepted), MODELS),
    Update("heat-bath", always_exact, _scalar(_fields.heat_bath, True, "colours"), None, MODELS),
    Update("heat-bath-sequential", always_exact, _scalar(_fields.heat_bath, False, "sequential"), None, MODELS),
    Update("over-relaxation", always_exact, _scalar(_fields.reflect, True, "colours"), None, MODELS, ergodic=False),
    Update("wolff", always_exact, _wolff, _tune_clusters, MODELS, ergodic=False),
    Update("swendsen-wang", always_exact, _swendsen_wang, None, MODELS, ergodic=False),
)
