"""Monte Carlo moves, one a file: a table of names, and the choice of one that is exact for a model.

Several moves may share a name, for different models: "metropolis" of an Ising model flips spins, that of a real field
adds a step. `exact_for` lists the names that are exact for a model, `table` all of them.

Names joined by +, such as "wolff+over-relaxation", are done in turn, one sweep each, and count as one sweep. A move
that does not reach every configuration by itself, such as over-relaxation, is exact in such company only.
"""

import difflib
from collections.abc import Iterator

from rgnet.models import Model
from rgnet.updates import (
    _bonds,
    _continuous,
    _fields_moves,
    _table,
    _vectors,
    direct,
    embedding,
    embedding_clock,
    heat_bath,
    metropolis,
    over_relaxation,
    swendsen_wang,
    wolff,
    worm,
)
from rgnet.updates.automatic import automatic
from rgnet.updates.base import Move, Update
from rgnet.updates.combined import combined

ALL: tuple[Update, ...] = (
    metropolis.update,
    metropolis.spin_glass,
    heat_bath.update,
    heat_bath.spin_glass,
    metropolis.sequential,
    heat_bath.sequential,
    *_bonds.updates,
    *_table.updates,
    _vectors.metropolis,
    _vectors.heat_bath,
    _vectors.metropolis_sequential,
    _vectors.heat_bath_sequential,
    *_fields_moves.UPDATES,
    *_continuous.UPDATES,
    wolff.update,
    swendsen_wang.update,
    swendsen_wang.blume_capel,
    embedding.wolff,
    embedding.swendsen_wang,
    embedding_clock.wolff,
    embedding_clock.swendsen_wang,
    over_relaxation.update,
    direct.update,
    worm.update,
)
UPDATES = tuple(dict.fromkeys(update.name for update in ALL))


def exact_for(model: Model) -> tuple[str, ...]:
    """Names of the moves that are exact for ``model``, each by itself."""
    return tuple(update.name for update in _of(model) if update.ergodic and update.reason(model) is None)


def resolve(name: str, model: Model) -> Update:
    """The move of that name, or the one that ``"auto"`` picks.

    Parameters
    ----------
    name : str
        Of one move, of several joined by +, or "auto".
    model : Model

    Raises
    ------
    ValueError
        If the name is unknown, or the move would not be exact for the model; the message names those that are.
    """
    names = str(name).split("+")
    if len(names) > 1 and not all(names):
        raise ValueError(f"update={name!r}: a name is missing beside a +; exact here are {_exact_here(model)}")
    if len(names) > 1 and "auto" in names:
        chosen = resolve("auto", model).name
        raise ValueError(
            f"update={name!r}: auto chooses a whole move (here {chosen!r}) and is not joined with others; name the "
            f"moves: exact here are {_exact_here(model)}"
        )
    if name == "auto":
        exact = [update.name for update in _of(model) if update.reason(model) is None]
        name = automatic(model, exact.__contains__)
    parts = [_one(part, name, model) for part in str(name).split("+")]
    if len({part.name for part in parts}) < len(parts):
        raise ValueError(f"update={name!r} names a move twice; give each once")
    if not any(part.ergodic for part in parts):
        raise ValueError(
            f"update={name!r} would not be exact: it does not reach every configuration by itself; join it with one "
            f"that does, such as {exact_for(model)[0] + '+' + parts[0].name!r}"
        )
    return parts[0] if len(parts) == 1 else combined(parts)


def _of(model: Model) -> Iterator[Update]:
    kind = type(model).__name__
    return (update for update in ALL if kind in update.models)


def _exact_here(model: Model) -> str:
    """The moves that are exact for ``model`` in words: by themselves, and joined with one of those."""
    alone = exact_for(model)
    beside = [update.name for update in _of(model) if not update.ergodic and update.reason(model) is None]
    if not beside:
        return ", ".join(alone)
    return f"{', '.join(alone)}, and joined with one of them {', '.join(beside)}, such as {f'{alone[0]}+{beside[0]}'!r}"


def _one(part: str, name: str, model: Model) -> Update:
    """The update called ``part`` for this model; ``name`` is what the user asked for."""
    if part not in UPDATES:
        near = difflib.get_close_matches(part, ("auto", *UPDATES), n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        unknown = f"update={name!r}" if part == name else f"update={name!r}: {part!r}"
        raise ValueError(f"{unknown} is unknown; known are auto, {', '.join(UPDATES)}{hint}")
    named = [update for update in ALL if update.name == part]
    found = next((update for update in named if type(model).__name__ in update.models), None)
    if found is None:
        kinds = dict.fromkeys(kind for update in named for kind in update.models)
        reason: str | None = (
            f"{part} moves configurations of {' or '.join(kinds)}, and the model is {type(model).__name__}"
        )
    else:
        reason = found.reason(model)
    if found is None or reason is not None:
        raise ValueError(f"update={name!r} would not be exact: {reason}; exact here are {_exact_here(model)}")
    return found


__all__ = ["ALL", "UPDATES", "Move", "Update", "exact_for", "resolve"]
