"""Monte Carlo moves, one a file: a table of names, and the choice of one that is exact for a model.

| name            | exact for                                                            |
|-----------------|----------------------------------------------------------------------|
| "metropolis"    | every Ising model; by colour, in sequence with further couplings     |
| "heat-bath"     | the same                                                             |
| "wolff"         | K ≠ 0 of either sign and any h, no further couplings                 |
| "swendsen-wang" | any K and h, no further couplings                                    |
| "worm"          | dimers, any K                                                        |

``"auto"`` is the worm for dimers. For Ising models it is Swendsen–Wang where its clusters are the physical ones: no
further couplings, and K > 0 with any field, or K < 0 on a bipartite lattice (no odd periodic side) without one.
Elsewhere it is Metropolis. Measured reasons, as τ times the time of a sweep: with K > 0 Metropolis is up to 4 times
faster where all is quick (τ ≈ 1), but 4 times slower at K_c and L = 32, 9 times at K_c, h = 0.001 and L = 128, and ever
more beyond; heat bath takes 1.2 to 3.5 times as long as Metropolis, except in strong fields (0.7).
"""

import difflib

from rgnet import lattice
from rgnet.models import Ising, Model
from rgnet.updates import heat_bath, metropolis, swendsen_wang, wolff, worm
from rgnet.updates.base import Move, Update, further_couplings

UPDATES = {
    item.name: item for item in (metropolis.update, heat_bath.update, wolff.update, swendsen_wang.update, worm.update)
}


def exact_for(model: Model) -> tuple[str, ...]:
    """Names of the moves that are exact for ``model``."""
    return tuple(name for name, item in UPDATES.items() if item.reason(model) is None)


def resolve(name: str, model: Model) -> Update:
    """The move of that name, or the one that ``"auto"`` picks.

    Raises
    ------
    ValueError
        If the name is unknown, or the move would not be exact for the model; the message names those that are.
    """
    if name == "auto":
        return UPDATES[_automatic(model)]
    if name not in UPDATES:
        near = difflib.get_close_matches(str(name), ("auto", *UPDATES), n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"update={name!r} is unknown; known are auto, {', '.join(UPDATES)}{hint}")
    reason = UPDATES[name].reason(model)
    if reason is not None:
        raise ValueError(f"update={name!r} would not be exact: {reason}; exact here are {', '.join(exact_for(model))}")
    return UPDATES[name]


def _automatic(model: Model) -> str:
    if not isinstance(model, Ising):
        return exact_for(model)[0]
    ferromagnet = model.K > 0
    antiferromagnet = model.K < 0 and model.h == 0 and lattice.is_bipartite(model.shape, model.boundary)
    if (ferromagnet or antiferromagnet) and not further_couplings(model):
        return "swendsen-wang"
    return "metropolis"


__all__ = ["UPDATES", "Move", "Update", "exact_for", "resolve"]
