"""ln Z of several lattice models together: exact where it is known, else from simulation, with the errors' covariance.

Exact values are those of `rgnet.free_energy.closed`. Other models, of the Ising kind, are tied by Bennett's acceptance
ratio (`rgnet.free_energy.acceptance`) to the nearest one whose ln Z is known or already tied, so that the common error
of close models cancels in the differences, which are all that a posterior sees. Between models whose Jeffreys
divergence exceeds `OVERLAP` nats, the model halfway (in the couplings) is simulated too, and so on. Errors are a
delete-one-block jackknife over the same block of all simulations at once.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import operators as ops
from rgnet import sampling, stats
from rgnet.estimate import Estimate
from rgnet.free_energy import bennett, exact_log_Z
from rgnet.free_energy.acceptance import OVERLAP
from rgnet.lattice import Graph
from rgnet.models import Ising
from rgnet.operators import Operator

Array = npt.NDArray[Any]

_MOST = 256  # simulations
_BLOCKS = 32


def log_Z(
    models: Sequence[Any], *, draws: int = 1000, chains: int = 4, seed: int = 0
) -> tuple[tuple[Estimate, ...], npt.NDArray[np.float64]]:
    """Return ln Z of each model, and the covariance of their errors.

    Parameters
    ----------
    models : sequence of models on one lattice
    draws, chains : int
        Of each simulation, where one is needed.
    seed : int

    Raises
    ------
    ValueError
        If ln Z is not known and the model cannot be simulated, or models are too far apart.
    ShortChainError
        If the chains are too short for an error bar.
    """
    known = [exact_log_Z(model) for model in models]
    for model, item in zip(models, known, strict=True):
        if item is None and not isinstance(model, Ising):
            raise ValueError(
                f"{type(model).__name__}: neither an exact ln Z nor a simulation between couplings is known for this "
                f"model; give log_Z=, one number or Estimate for each model"
            )
        if item is None and isinstance(model.lattice, Graph):
            raise ValueError(
                f"an Ising model on a {model.lattice!r} is too large to enumerate, and has no other ln Z here; give "
                f"log_Z=, one number for each model, as rgnet.free_energy.difference finds them up to a common one"
            )
    covariance = np.zeros((len(models), len(models)))
    result = [None if item is None else Estimate(item[0], 0.0, None, "exact", item[1]) for item in known]
    places = [(model.boundary, model.lattice) if isinstance(model, Ising) else None for model in models]
    for place in sorted({place for place, item in zip(places, known, strict=True) if place and item is None}):
        members = [i for i, other in enumerate(places) if other == place]
        ladder = _Ladder(models[members[0]].shape, *place, draws, chains, seed)
        values, replicas, n = _tie(ladder, [models[i] for i in members], [known[i] for i in members])
        for column, i in enumerate(members):
            if result[i] is None:
                error = float(np.sqrt(_spread(replicas[:, [column]])[0, 0]))
                method = f"Bennett's acceptance ratio over {len(ladder.sums)} simulations"
                result[i] = Estimate(float(values[column]), error, None, "estimate", method, n)
        covariance[np.ix_(members, members)] = _spread(replicas)
    return tuple(item for item in result if item is not None), covariance


@dataclass
class _Ladder:
    """Simulations of one lattice at many couplings, each made when it is first asked for."""

    shape: tuple[int, ...]
    boundary: tuple[str, ...]
    lattice: str | Graph
    draws: int
    chains: int
    seed: int
    operators: tuple[Operator, ...] = ()
    sums: dict[tuple[float, ...], Array] = field(default_factory=dict)  # (chains, draws, operators) by couplings

    def model(self, at: tuple[float, ...]) -> Ising:
        """The model with these couplings, nearest neighbours and field first."""
        further = {item: value for item, value in zip(self.operators[2:], at[2:], strict=True) if value != 0}
        return Ising(self.shape, K=at[0], h=at[1], couplings=further, boundary=self.boundary, lattice=self.lattice)

    def at(self, couplings: tuple[float, ...]) -> Array:
        """Operator sums of draws at these couplings."""
        if couplings not in self.sums:
            if len(self.sums) >= _MOST:
                raise ValueError(
                    f"more than {_MOST} simulations would lie between these models: they are too far apart for ln Z "
                    f"by simulation; give log_Z=, or models that are closer"
                )
            key = np.random.SeedSequence(self.seed, spawn_key=(len(self.sums),)).generate_state(1, np.uint64)[0]
            data = sampling.sample(self.model(couplings), self.draws, chains=self.chains, seed=int(key))
            self.sums[couplings] = ops.sums(data["spin"].values, self.operators, self.boundary).astype(np.float64)
        return self.sums[couplings]

    def path(self, a: tuple[float, ...], b: tuple[float, ...]) -> list[tuple[float, ...]]:
        """Couplings from a to b whose neighbours overlap, both ends included."""
        step = np.subtract(b, a)
        divergence = float(((self.at(b) - self.at(a)) @ step).mean())
        if divergence <= OVERLAP:
            return [a, b]
        middle = tuple(float(value) for value in np.add(a, b) / 2.0)
        return self.path(a, middle)[:-1] + self.path(middle, b)


def _tie(
    ladder: _Ladder, models: Sequence[Ising], known: Sequence[tuple[float, str] | None]
) -> tuple[Array, Array, int]:
    """Return ln Z of the models of one lattice, its jackknife replicas (block, model), and the number of draws."""
    further = {item.terms: item for model in models for item, value in model.couplings if value != 0}
    ladder.operators = (*(item for item, _ in models[0].terms[:2]), *further.values())  # nearest neighbours, and m
    places = [_couplings(model, ladder.operators) for model in models]
    tree: dict[tuple[float, ...], float | None] = {}  # couplings → ln Z, None where it is tied to another
    for model, at, item in zip(models, places, known, strict=True):
        if item is not None:
            tree[at] = item[0]
            continue
        without_field = Ising(model.shape, K=model.K, boundary=model.boundary, lattice=model.lattice)
        for bare in (Ising(model.shape, K=0.0, h=model.h), without_field):
            found = exact_log_Z(bare)
            if found is not None:
                tree[_couplings(bare, ladder.operators)] = found[0]
    weight = np.array([len(item.terms) for item in ladder.operators])
    waiting = {at for at, item in zip(places, known, strict=True) if item is None}
    paths = []
    while waiting:
        pairs = [(float(weight @ np.subtract(a, b) ** 2), b, a) for b in waiting for a in tree]
        _, b, a = min(pairs)
        paths.append(ladder.path(a, b))
        tree[b] = None
        waiting.remove(b)
    active = [k for k in range(len(ladder.operators)) if any(at[k] != 0 for at in tree)]
    edges = _blocks(ladder, active)
    runs = [_along(ladder, tree, paths, None), *(_along(ladder, tree, paths, edge) for edge in edges)]
    table = np.array([[run[at] for at in places] for run in runs])
    return table[0], table[1:], len(ladder.sums) * ladder.draws * ladder.chains


def _couplings(model: Ising, operators: Sequence[Operator]) -> tuple[float, ...]:
    own = {item.terms: value for item, value in model.terms}
    return tuple(float(own.get(item.terms, 0.0)) for item in operators)


def _blocks(ladder: _Ladder, active: Sequence[int]) -> Array:
    """Blocks of draws long enough for every simulation."""
    count = _BLOCKS
    for sums in ladder.sums.values():
        edges, _ = stats.long_blocks({ladder.operators[k].name: sums[..., k] for k in active}, _BLOCKS)
        count = min(count, len(edges))
    return stats.block_edges(ladder.chains, ladder.draws, count)


def _along(
    ladder: _Ladder,
    tree: dict[tuple[float, ...], float | None],
    paths: Sequence[Sequence[tuple[float, ...]]],
    left_out: Array | None,
) -> dict[tuple[float, ...], float]:
    """Return ln Z at the end of every path, without one block of draws."""
    keep = np.ones((ladder.chains, ladder.draws), dtype=bool)
    if left_out is not None:
        keep[left_out[0], left_out[1] : left_out[2]] = False
    result = {at: value for at, value in tree.items() if value is not None}
    for path in paths:
        total = result[path[0]]
        for a, b in itertools.pairwise(path):
            step = np.subtract(b, a)
            total -= bennett(-(ladder.sums[a][keep] @ step), -(ladder.sums[b][keep] @ step))
        result[path[-1]] = total
    return result


def _spread(replicas: Array) -> Array:
    """Jackknife covariance of replicas (block, quantity)."""
    centred = replicas - replicas.mean(axis=0)
    return np.asarray((len(replicas) - 1) / len(replicas) * centred.T @ centred)
