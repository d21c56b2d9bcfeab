"""Which move is exact for which model: the table that README shows, made from the moves' own rules.

Every cell is a test (tests/updates/test_matrix.py).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rgnet import updates
from rgnet.models import (
    ON,
    XY,
    BlumeCapel,
    Clock,
    ContinuousModel,
    Dimers,
    DiscreteModel,
    GaussianField,
    Ising,
    Model,
    Phi4,
    Potts,
    SpinGlass,
)

_TABLE = np.array([[0.3, 0.1, -0.2], [0.1, 0.4, 0.0], [-0.2, 0.0, 0.2]])


def _spring(a: float, b: float) -> float:
    return -0.4 * (a - b) * (a - b)


def _well(a: float) -> float:
    return 0.3 * a * a - 0.2 * a * a * a * a


def _with_field(kind: Callable[..., Model], **parameters: Any) -> Callable[..., tuple[Model, Model]]:
    return lambda shape, **place: (kind(shape, **parameters, **place), kind(shape, **parameters, h=0.15, **place))


def _alone(kind: Callable[..., Model], **parameters: Any) -> Callable[..., tuple[Model, ...]]:
    return lambda shape, **place: (kind(shape, **parameters, **place),)


EXAMPLES: Mapping[str, Callable[..., tuple[Model, ...]]] = {
    "Ising": _with_field(Ising, K=0.4),
    "Ising, K < 0": _with_field(Ising, K=-0.4),
    "Ising, further couplings": _with_field(Ising, K=0.2, couplings={"nnn": 0.15, "plaquette": 0.1}),
    "SpinGlass, ±J": _with_field(SpinGlass, K=0.5, seed=1),
    "SpinGlass, Gaussian": _with_field(SpinGlass, K=0.5, J="gaussian", seed=2),
    "Potts": _with_field(Potts, q=3, K=0.6),
    "Clock": _with_field(Clock, q=5, K=0.6),
    "BlumeCapel": _with_field(BlumeCapel, K=0.5, D=0.4),
    "XY": _with_field(XY, K=0.7),
    "ON": _with_field(ON, n=3, K=0.8),
    "Phi4": _with_field(Phi4, r=-0.5, u=0.8),
    "GaussianField": _alone(GaussianField, r=0.5),
    "Dimers": _alone(Dimers, K=0.5),
    "DiscreteModel": _alone(DiscreteModel, bond=_TABLE, site=np.array([0.0, 0.2, -0.1])),
    "ContinuousModel": _alone(ContinuousModel, bond=_spring, site=_well),
}
"""Label -> example models on a shape, or graph: without a field and, where the model has one, with it."""


def cell(models: tuple[Model, ...], name: str) -> str:
    """What the table says of an update for a model: "yes", "h = 0", "with +" (joined with another by +), or ""."""
    found = []
    for model in models:
        update = next((item for item in updates.ALL if item.name == name and type(model).__name__ in item.models), None)
        found.append(update if update is not None and update.reason(model) is None else None)
    known = [update for update in found if update is not None]
    if not known:
        return ""
    words = [] if len(known) == len(models) else ["h = 0"]
    words += [] if known[0].ergodic else ["with +"]
    return ", ".join(words) or "yes"


def markdown() -> str:
    """The table in Markdown, for square lattices with even periodic sides."""
    names = updates.UPDATES
    lines = ["| model | " + " | ".join(names) + " | auto |", "|---" * (len(names) + 2) + "|"]
    for label, build in EXAMPLES.items():
        models = build((4, 4))
        cells = [cell(models, name) for name in names]
        lines.append(f"| {label} | " + " | ".join(cells) + f" | {updates.resolve('auto', models[0]).name} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
