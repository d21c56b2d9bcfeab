"""ln Z, and means of energy differences, where they are exact.

Free spins, N ln(2 cosh h); the Ising chain with field; the square Ising torus without field (Kaufman), whose mean
energy is −∂ ln Z/∂K in closed form too; the Gaussian field, whose modes are independent; models of one table of bonds
by transfer matrices of at most 2^10 states a row; and any model of few states by enumeration of at most 2^20 states.
"""

import math
from typing import Any

import numpy as np

from rgnet import exact
from rgnet.lattice import Graph
from rgnet.models import BlumeCapel, Clock, DiscreteModel, GaussianField, Ising, Potts, SpinGlass

ENUMERABLE = 1 << 20  # states
_MOST_ROWS = 1 << 10  # states of a row of a transfer matrix: about a second
_TABLES = (Ising, Potts, Clock, BlumeCapel, DiscreteModel)


def exact_log_Z(model: Any) -> tuple[float, str] | None:
    """The exact ln Z of a model with the method that gave it; None where no method serves."""
    if isinstance(model, GaussianField):
        place = model.lattice if isinstance(model.lattice, Graph) else model.shape
        kind = "hypercubic" if isinstance(model.lattice, Graph) else model.lattice
        return exact.gaussian_field.log_Z(place, model.r, model.boundary, kind), "independent modes"
    if _is_plain(model):
        if model.K == 0:
            return model.n_sites * float(np.logaddexp(model.h, -model.h)), "free spins"
        if model.ndim == 1 and (model.n_sites >= 2 or model.boundary[0] != "periodic"):
            return float(exact.chain1d.log_Z(model.K, model.h, model.n_sites, model.boundary[0])), "transfer matrix"
        if _is_kaufman(model):
            return float(exact.ising2d.log_Z(model.K, (model.shape[0], model.shape[1]))), "Kaufman's torus"
    if _is_enumerable(model):
        return exact.enumerate.thermal(model).log_Z, f"enumeration of {_states(model)}^{model.n_sites} states"
    if _has_rows(model):
        return exact.transfer.of_model(model).log_Z, "transfer matrix"
    return None


def exact_mean(model: Any, other: Any) -> float | None:
    """⟨H_other − H_model⟩ in the ensemble of ``model``, of one lattice, where that is exact; else None.

    Raises
    ------
    ValueError
        If it is infinite.
    """
    if isinstance(model, GaussianField) and isinstance(other, GaussianField):
        place = model.lattice if isinstance(model.lattice, Graph) else model.shape
        kind = "hypercubic" if isinstance(model.lattice, Graph) else model.lattice
        phi2 = float(exact.gaussian_field.phi2(place, model.r, model.boundary, kind))
        return float(0.5 * (other.r - model.r) * phi2)
    if _is_plain(model) and _is_plain(other) and _is_kaufman(model):
        # The field of the other, if it has one, meets a mean magnetisation of zero
        bonds = -model.n_sites * float(exact.ising2d.energy(model.K, (model.shape[0], model.shape[1])))
        return float((model.K - other.K) * bonds)
    if _is_enumerable(model) and _states(model) == _states(other):
        own, theirs = (
            exact.log_weights(one.energy, one.shape, exact.enumerate.model_values(one)) for one in (model, other)
        )
        allowed = np.isfinite(own)
        if np.isneginf(theirs[allowed]).any():
            raise ValueError(
                f"{other} forbids states that {model} allows: the divergence is infinite; give models that allow the "
                f"same states, or take the other direction"
            )
        p = np.exp(own[allowed] - own.max())
        return float(p @ (own[allowed] - theirs[allowed]) / p.sum())
    if _has_rows(model) and _has_rows(other):
        first, second = exact.transfer.tables_of(model), exact.transfer.tables_of(other)
        if first[0].shape != second[0].shape or not all(np.isfinite(table).all() for table in (*first, *second)):
            return None
        difference = (first[0] - second[0], first[1] - second[1])
        return exact.transfer.sums(*first, model.shape, model.boundary, of=difference).mean
    return None


def _is_plain(model: Any) -> bool:
    """Whether it is an Ising model of nearest neighbours and field on a hypercubic lattice."""
    return (
        isinstance(model, Ising)
        and model.lattice == "hypercubic"
        and not any(value != 0 for _, value in model.couplings)
    )


def _is_kaufman(model: Ising) -> bool:
    return model.ndim == 2 and set(model.boundary) == {"periodic"} and model.h == 0 and min(model.shape) >= 2


def _states(model: Any) -> int:
    """States of a site; 0 where it holds something else."""
    if not isinstance(model, (*_TABLES, SpinGlass)):
        return 0
    return len(exact.enumerate.model_values(model))


def _is_enumerable(model: Any) -> bool:
    q = _states(model)
    return bool(q > 0 and model.n_sites * math.log2(q) <= math.log2(ENUMERABLE))


def _has_rows(model: Any) -> bool:
    """Whether transfer matrices serve, and are quick."""
    if not isinstance(model, _TABLES) or model.lattice != "hypercubic" or model.ndim > 2:
        return False
    if any(value != 0 for _, value in getattr(model, "couplings", ())):
        return False
    width = 1 if model.ndim == 1 else min(model.shape)
    return bool(_states(model) ** width <= _MOST_ROWS)
