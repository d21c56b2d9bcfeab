"""The straight path between two models of one lattice, and simulations along it.

    H_t = (1 − t) H_1 + t H_2 ,   0 ≤ t ≤ 1 .

Energies are linear in the couplings, so the model at t has couplings (1 − t) g_1 + t g_2; that its energy is H_t is
checked on its draws.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import models, sampling
from rgnet.lattice import Graph
from rgnet.models import Ising, SpinGlass

Floats = npt.NDArray[np.float64]

_FIXED = ("name", "shape", "boundary", "lattice", "q", "n", "components")
_OF_NO_WEIGHT = ("values",)  # entries that do not enter the energy
_MOST = 256  # simulations
_TICKS = 1 << 40  # of the share t in random numbers' keys


def check_pair(model_1: Any, model_2: Any) -> None:
    """Refuse what are not two models of one kind on one lattice.

    Raises
    ------
    ValueError
        Naming what differs.
    """
    known = tuple(models.MODELS.values())
    for name, model in (("model_1", model_1), ("model_2", model_2)):
        if not isinstance(model, known):
            raise ValueError(f"{name}={model!r}: give a model, such as rg.Ising((16, 16), K=0.42)")
    if type(model_1) is not type(model_2):
        raise ValueError(
            f"{type(model_1).__name__} and {type(model_2).__name__}: ensembles that are compared are of one kind of "
            f"model; give two models that differ in couplings alone"
        )
    for name in ("shape", "boundary", "lattice", "q"):
        one, two = getattr(model_1, name, None), getattr(model_2, name, None)
        if one != two:
            raise ValueError(
                f"{name}={one!r} and {name}={two!r}: one configuration must be one of both ensembles; give two models "
                f"that differ in couplings alone"
            )


def between(model_1: Any, model_2: Any, t: float) -> Any:
    """The model at a share t of the straight way from model_1 to model_2.

    Parameters
    ----------
    model_1, model_2 : models of one kind on one lattice
    t : float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the models are not of one kind on one lattice, t is out of range, or no straight path of couplings joins
        them (functions instead of couplings, or states that one model alone forbids).
    """
    check_pair(model_1, model_2)
    if not (math.isfinite(t) and 0 <= t <= 1):
        raise ValueError(f"t={t!r}: the share of the way from one model to the other is a number from 0 to 1")
    if t == 0 or t == 1:
        return model_2 if t else model_1
    if isinstance(model_1, Ising):
        return _between_ising(model_1, model_2, t)
    if isinstance(model_1, SpinGlass):
        bonds = (1 - t) * model_1.bond_couplings() + t * model_2.bond_couplings()
        field_ = (1 - t) * model_1.h + t * model_2.h
        place = model_1.lattice if isinstance(model_1.lattice, Graph) else model_1.shape
        kind = "hypercubic" if isinstance(model_1.lattice, Graph) else model_1.lattice
        return SpinGlass(place, K=1.0, J=bonds, h=field_, boundary=model_1.boundary, lattice=kind)
    try:
        mixed = _mixed(model_1.to_dict(), model_2.to_dict(), t)
    except ValueError as error:
        raise ValueError(
            f"{type(model_1).__name__}: no straight path of couplings joins the two models: {error}"
        ) from error
    return models.from_dict(mixed)


def _between_ising(model_1: Ising, model_2: Ising, t: float) -> Ising:
    one, two = ({item.terms: value for item, value in model.couplings} for model in (model_1, model_2))
    named = {item.terms: item for model in (model_1, model_2) for item, _ in model.couplings}
    further = {item: (1 - t) * one.get(terms, 0.0) + t * two.get(terms, 0.0) for terms, item in named.items()}
    place = model_1.lattice if isinstance(model_1.lattice, Graph) else model_1.shape
    kind = "hypercubic" if isinstance(model_1.lattice, Graph) else model_1.lattice
    return Ising(
        place, K=(1 - t) * model_1.K + t * model_2.K, h=(1 - t) * model_1.h + t * model_2.h, couplings=further,
        boundary=model_1.boundary, lattice=kind,
    )  # fmt: skip


def _mixed(one: Any, two: Any, t: float, key: str = "") -> Any:
    """Plain data of two models, number by number on the way from one to the other."""
    if isinstance(one, Mapping) and isinstance(two, Mapping) and set(one) == set(two):
        return {name: _mixed(one[name], two[name], t, str(name)) for name in one}
    if key in _OF_NO_WEIGHT or one == two:
        return one
    if key in _FIXED:
        raise ValueError(f"{key}={one!r} and {key}={two!r} differ")
    if isinstance(one, list | tuple) and isinstance(two, list | tuple) and len(one) == len(two):
        return [_mixed(a, b, t, key) for a, b in zip(one, two, strict=True)]
    if "-inf" in (one, two):  # how plain data write it
        raise ValueError(f"{key} has {one!r} in one and {two!r} in the other: what one alone forbids is infinitely far")
    if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in (one, two)):
        raise ValueError(f"{key or 'their data'} is {one!r} in one and {two!r} in the other")
    return (1 - t) * one + t * two


@dataclass
class Simulations:
    """Simulations on the way between two models, each made when it is first asked for.

    Attributes
    ----------
    work : dict of share t to array (chain, draw)
        W = H_2 − H_1 on draws of the model at t.
    """

    model_1: Any
    model_2: Any
    draws: int = 1000
    chains: int = 4
    seed: int = 0
    work: dict[float, Floats] = field(default_factory=dict)

    def at(self, t: float) -> Floats:
        """W = H_2 − H_1, (chain, draw), on draws of the model at t.

        Raises
        ------
        ValueError
            If too many simulations are asked for, or the model at t cannot be built or sampled.
        """
        if t not in self.work:
            if len(self.work) >= _MOST:
                raise ValueError(
                    f"more than {_MOST} simulations would lie between these models: they are too far apart; give "
                    f"models that are closer, or go in steps"
                )
            key = np.random.SeedSequence(self.seed, spawn_key=(round(t * _TICKS),)).generate_state(1, np.uint64)[0]
            model = between(self.model_1, self.model_2, t)
            self.take(t, sampling.sample(model, self.draws, chains=self.chains, seed=int(key)))
        return self.work[t]

    def take(self, t: float, data: xr.Dataset) -> None:
        """Use a Dataset of draws of the model at t."""
        space = [name for name in data["spin"].dims if name not in ("chain", "draw")]
        x = data["spin"].transpose("chain", "draw", *space).values
        one, two = (np.asarray(model.energy(x), dtype=np.float64) for model in (self.model_1, self.model_2))
        own = np.asarray(between(self.model_1, self.model_2, t).energy(x[:1, :8]), dtype=np.float64)
        expected = (1 - t) * one[:1, :8] + t * two[:1, :8]
        if np.abs(own - expected).max() > 1e-8 * max(1.0, float(np.abs(expected).max())):
            raise ValueError(f"{type(self.model_1).__name__}: energies are not linear on the way between the models")
        self.work[t] = two - one

    @property
    def total(self) -> int:
        """Draws of all simulations together."""
        return sum(item.size for item in self.work.values())
