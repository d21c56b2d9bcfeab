"""Several moves in turn: one sweep of each is one sweep of the whole.

If every part leaves p(x) unchanged, so does the sequence; and if one of them reaches every configuration, so does it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rgnet.models import Model
from rgnet.updates.base import Array, Move, Tune, Update

_SWEEPS_PER_CALL = 1024  # a sweep takes some 0.1 ms of Python, whatever its size


def combined(parts: Sequence[Update]) -> Update:
    """The update that does the parts in turn."""
    names = [part.name for part in parts]

    def prepare(model: Model, chains: int) -> Move:
        moves = [part.prepare(model, 1) for part in parts]  # chain by chain
        most = _SWEEPS_PER_CALL * model.n_sites
        return _joined([replace(move, spins_per_call=min(move.spins_per_call, most)) for move in moves], names)

    def check(model: Model) -> str | None:
        return next((reason for part in parts if (reason := part.reason(model)) is not None), None)

    kinds = tuple(kind for kind in parts[0].models if all(kind in part.models for part in parts))
    tune = _tuning(parts) if any(part.tune for part in parts) else None
    return Update("+".join(names), check, prepare, tune, kinds)


def _joined(moves: Sequence[Move], names: Sequence[str]) -> Move:
    settings = {
        f"{name.replace('-', '_')}_{key}": value
        for name, move in zip(names, moves, strict=True)
        for key, value in move.settings.items()
    }
    kernel = "+".join(move.kernel for move in moves)
    spins = min(move.spins_per_call for move in moves)
    return Move(kernel, _record, (tuple(moves),), settings, moves[-1].measures, spins_per_call=spins)


def _parts(move: Move) -> list[Move]:
    """The moves of a combined one, with their settings as they are now."""
    values = iter(move.settings.values())
    return [replace(part, settings={key: next(values) for key in part.settings}) for part in move.tables[0]]


def _tuning(parts: Sequence[Update]) -> Tune:
    names = [part.name for part in parts]

    def tune(
        move: Move, states: Array, rngs: Sequence[np.random.Generator], sweeps: int, counts: dict[str, int]
    ) -> Move | None:
        """One part after the other; ``counts["more"]`` says that what is returned is not tuned to its end."""
        moves, number = _parts(move), counts.setdefault("part", 0)
        one = parts[number].tune
        tuned = moves[number] if one is None else one(moves[number], states, rngs, sweeps, counts)
        if tuned is None:
            return None
        moves[number] = tuned
        counts.clear()
        if number + 1 < len(parts):
            counts |= {"part": number + 1, "more": 1}
        return _joined(moves, names)

    return tune


def _record(
    state: Array, rng: np.random.Generator, every: int, out: Array, measured: Array, moves: Sequence[Move], *values: Any
) -> None:
    """The contract of `rgnet.updates.base`: not compiled, its parts are."""
    given = iter(values)
    parts = [replace(part, settings={key: next(given) for key in part.settings}) for part in moves]
    nothing = np.empty((1, 1, 0), dtype=state.dtype)
    unmeasured = np.empty((1, 1, 0))
    for k in range(len(measured)):
        for sweep in range(every):
            kept = sweep == every - 1
            for number, part in enumerate(parts):
                if kept and number == len(parts) - 1:
                    part.run(state[None], rng, 1, out[None, k : k + 1], measured[None, k : k + 1])
                else:
                    part.run(state[None], rng, 1, nothing, unmeasured)
