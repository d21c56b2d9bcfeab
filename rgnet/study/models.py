"""What a study may ask of each model: its keys, where it is critical, and which networks and analyses mean something.

The keys of a model are those of its constructor (`rgnet.models`), so that a new model needs no line here unless it
takes networks or its critical coupling is known.
"""

import inspect
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from rgnet.exact import Critical, critical
from rgnet.models import MODELS

REQUIRED = inspect.Parameter.empty
COUPLINGS = ("K", "T", "K_over_K_c")  # of which an ensemble of a model with a coupling K gives one
TRIANGULAR_ISING = 0.25 * math.log(3.0)  # Houtappel (1950)
XY_SQUARE = 1.1199  # Hasenbusch (2005), 1.1199(1)

_POTTS_EXPONENTS = {2: (1.0, 15 / 8), 3: (6 / 5, 28 / 15), 4: (3 / 2, 15 / 8)}  # Wu (1982); beyond q = 4 a jump
_CALLED = {"seed": "disorder"}  # a constructor's parameter that a study calls otherwise
_OWN = ("self", "shape", "boundary", "lattice", "couplings", "K", "T")  # what has rules of its own in a study
_NOT_HERE = {
    "ContinuousModel": "its energy is a function in Python; sample it there, by rg.sample(model, …)",
    "DiscreteModel": "its tables are arrays in Python; sample it there, by rg.sample(model, …)",
}
_WITH_NETWORKS = ("Ising", "SpinGlass", "BlumeCapel", "Phi4", "GaussianField")  # sites hold numbers to add
_WITH_OPERATORS = ("Ising",)  # H is a sum of the operators that levels are measured by


def names() -> tuple[str, ...]:
    """Models that a study can have."""
    return tuple(name for name in MODELS if name not in _NOT_HERE)


def why_not(name: str) -> str | None:
    """Why a model of rgnet cannot stand in a study; None where it can, or there is none of that name."""
    return _NOT_HERE.get(name)


@cache
def keys(name: str) -> Mapping[str, Any]:
    """Parameters of a model beside its lattice, its K and its operators: their defaults, or `REQUIRED`."""
    found = inspect.signature(MODELS[name].__init__).parameters
    return {_CALLED.get(key, key): item.default for key, item in found.items() if key not in _OWN}


def arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the constructor of a model calls them."""
    names = {called: name for name, called in _CALLED.items()}
    return {names.get(key, key): value for key, value in values.items()}


@cache
def has(name: str, key: str) -> bool:
    """Whether a model has a key."""
    return next(iter(arguments({key: None}))) in inspect.signature(MODELS[name].__init__).parameters


def has_coupling(name: str) -> bool:
    """Whether a model has a coupling K, which ensembles sweep and tempering exchanges."""
    return has(name, "K")


def tuned(name: str) -> str:
    """The coupling against which quantities are drawn: K, or the first of a model without one."""
    return "K" if has_coupling(name) else next(iter(keys(name)))


def known(name: str) -> str:
    """The keys of a model in a study, for messages."""
    first = ["K (or T, K_over_K_c)"] if has_coupling(name) else []
    further = [key for key in ("couplings", "lattice") if has(name, key)]
    return ", ".join([*first, *keys(name), "boundary", *further])


def takes_networks(name: str) -> bool:
    """Whether coarse-graining layers mean something for its configurations."""
    return name in _WITH_NETWORKS


def takes_operators(name: str, lattice: str = "hypercubic") -> bool:
    """Whether levels are measured by operators: exponents, tangents, couplings, information about K and h."""
    return name in _WITH_OPERATORS and lattice == "hypercubic"


def critical_point(model: Mapping[str, Any], ndim: int) -> Critical | None:
    """The known critical point in K, without a field.

    Parameters
    ----------
    model : mapping
        ``name``, ``lattice``, ``couplings`` and parameters such as ``q``, as far as given: a model's ``to_dict``, or a
        ``[model]`` section.
    ndim : int
        Dimensions of the lattice.
    """
    name, kind = model.get("name", "Ising"), model.get("lattice", "hypercubic")
    if model.get("couplings"):
        return None
    if name == "Ising":
        if kind == "triangular":
            return Critical(TRIANGULAR_ISING, 1.0, 15 / 8, "exact")
        return critical(ndim) if kind == "hypercubic" else None
    q = model.get("q")
    if name == "Potts" and q and kind == "triangular":
        v = max(np.roots([1.0, 3.0, 0.0, -float(q)]).real)  # Kim & Joseph (1974)
        return Critical(math.log1p(v), *_POTTS_EXPONENTS.get(int(q), (math.nan, math.nan)), "exact")
    if kind != "hypercubic" or ndim != 2:
        return None
    if name == "Potts" and q:
        return Critical(math.log1p(math.sqrt(q)), *_POTTS_EXPONENTS.get(int(q), (math.nan, math.nan)), "exact")
    if name == "Clock" and q in (2, 3, 4):  # Ising, three-state Potts, two Ising models of K/2
        K_c = {2: 0.5 * math.log1p(math.sqrt(2)), 3: math.log1p(math.sqrt(3)) / 1.5, 4: math.log1p(math.sqrt(2))}
        return Critical(K_c[q], *_POTTS_EXPONENTS[3 if q == 3 else 2], "exact")
    if name == "XY" or (name == "ON" and model.get("n") == 2):
        return Critical(XY_SQUARE, math.nan, math.nan, "Hasenbusch 2005")
    return None
