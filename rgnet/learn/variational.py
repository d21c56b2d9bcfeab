"""The variational renormalization group of Mehta & Schwab (2014, arXiv:1410.3831), in numbers, for any RBM.

Kadanoff's variational RG takes a projection T(v, h) with parameters λ to the RG Hamiltonian of the coarse spins h,

    exp(−H_RG(h)) = Tr_v exp(T(v, h) − H(v)) ,

and calls the step exact if Tr_h exp(T(v, h)) = 1 for every v, so that the free energy is kept. Mehta & Schwab choose

    T(v, h) = −E(v, h) + H(v)

with the energy E of an RBM. Three statements follow, and each function below measures one.

1. H_RG(h) = −ln Tr_v exp(−E(v, h)) is the RBM's own Hamiltonian of h: for *any* parameters, because H cancels. It says
   nothing of whether the machine has learned H (`hidden_hamiltonian`).
2. ln Tr_h exp(T(v, h)) = H(v) − F(v), F the free energy of the machine. It is the same for every v iff the machine
   reproduces p(v) = exp(−H)/Z exactly (`trace_violation`; a constant in E is immaterial). With averages over p(v),

       KL(p‖p_rbm) = −⟨ln Tr_h e^T⟩ − ΔF ,

   so near the optimum half the variance of the violation is KL.
3. ΔF = ln Z − ln Z_λ, Z_λ = Tr_vh exp(−E), vanishes for one choice of the constant in E whatever the machine:
   ΔF = 0 alone is weaker than the trace condition (`free_energy_difference`).

Claim C4. That T may also be one that sends nothing of v to h is the counterexample of
`rgnet.experiments.counterexample`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.estimate import Estimate
from rgnet.exact import enumerate as full
from rgnet.learn import annealing
from rgnet.learn._rbm_layer import Array, RBMLayer, Shape, log_2cosh

Hamiltonian = Callable[[npt.NDArray[Any]], npt.ArrayLike]

QUANTILES = (0.0, 0.025, 0.16, 0.5, 0.84, 0.975, 1.0)


def projection(layer: RBMLayer, hamiltonian: Hamiltonian, v: npt.ArrayLike, h: npt.ArrayLike) -> Array:
    """T(v, h) = −E(v, h) + H(v), shape of the batch axes, which broadcast.

    Parameters
    ----------
    layer : RBMLayer
    hamiltonian : callable
        H of visible configurations (..., *space) → (...), such as ``model.energy``.
    v, h : arrays (..., [component], *space) and (..., [component], *coarse)
    """
    visible = np.asarray(v)
    return np.asarray(hamiltonian(visible)) - layer.energy(visible, h)


def hidden_hamiltonian(
    layer: RBMLayer, h: npt.ArrayLike, hamiltonian: Hamiltonian | None = None, *, space: Shape | None = None
) -> Array:
    """H_RG(h) of hidden configurations.

    Parameters
    ----------
    layer : RBMLayer
    h : array (..., [component], *coarse)
    hamiltonian : callable, optional
        By the definition of the variational RG, −ln Tr_v exp(T(v, h) − H(v)), summed over all v of at most 22 spins.
        Without one, in closed form: −c·h − Σ_i ln 2cosh(a_i + (Wᵀh)_i). The two agree to rounding.
    space : tuple of int, optional
        The visible lattice of a tied machine.

    Raises
    ------
    ValueError
        If there are too many visible spins to sum over.
    """
    where = annealing.lattice_of(layer, space)
    rows, batch, _ = layer.rows(h, hidden=where)
    if hamiltonian is None:
        c = layer.biases(where)[1]
        return np.asarray(-(rows @ c) - log_2cosh(layer.visible_field(rows, where)).sum(axis=1)).reshape(batch)
    units = layer.components[0] * math.prod(where)
    if units > annealing.MOST_UNITS:
        raise ValueError(f"{units} visible spins: the trace over v is summed for up to {annealing.MOST_UNITS}")
    inner = (*((layer.components[0],) if layer.components[0] > 1 else ()), *where)
    v = full.states(inner)
    energy = np.asarray(hamiltonian(v), dtype=np.float64)
    field, bias = layer.hidden_field(v.reshape(len(v), -1).astype(np.float64), where), layer.biases(where)[0]
    own = v.reshape(len(v), -1) @ bias
    result = np.empty(len(rows))
    for index, row in enumerate(rows):
        T = field @ row + own + energy  # −E(v, h) + H(v)
        exponent = T - energy
        result[index] = -(exponent.max() + np.log(np.exp(exponent - exponent.max()).sum()))
    return result.reshape(batch)


def log_trace(layer: RBMLayer, hamiltonian: Hamiltonian, v: npt.ArrayLike) -> Array:
    """ln Tr_h exp(T(v, h)) = H(v) − F(v) of visible configurations, shape of the batch axes."""
    visible = np.asarray(v)
    return np.asarray(hamiltonian(visible), dtype=np.float64) - layer.free_energy(visible)


def trace_violation(
    layer: RBMLayer, hamiltonian: Hamiltonian, v: Any, weights: npt.ArrayLike | None = None
) -> xr.Dataset:
    """How far the RG step of an RBM is from exact: ln Tr_h e^T minus its mean over p(v), as a distribution over v.

    Parameters
    ----------
    layer : RBMLayer
    hamiltonian : callable
        H of visible configurations, such as ``model.energy``.
    v : array (n, [component], *space), (chain, draw, …), or Dataset with ``spin``
        Draws of p(v); or all configurations, with their probabilities as weights.
    weights : array of the batch axes, optional
        Probabilities; equal unless given.

    Returns
    -------
    Dataset
        ``violation`` (sample), in nats, with ``weight`` (sample), sum 1, in the order of v; ``quantile`` (probability);
        scalars ``mean_log_trace``, ``standard_deviation`` (0 iff the machine reproduces p(v) on these v) and
        ``largest``, the largest |violation|.

    Raises
    ------
    ValueError
        If the weights are not probabilities of these configurations.
    """
    spins = annealing.spins_of(v)
    traced = log_trace(layer, hamiltonian, spins).ravel()
    weight = np.full(traced.size, 1.0 / traced.size) if weights is None else np.asarray(weights, dtype=float).ravel()
    if (
        weight.shape != traced.shape
        or not (weight >= 0).all()
        or not math.isclose(float(weight.sum()), 1.0, rel_tol=1e-9)
    ):
        raise ValueError(
            f"weights of shape {weight.shape}, sum {float(weight.sum()):g}: give one probability for each of "
            f"{traced.size} configurations"
        )
    mean = float(weight @ traced)
    violation = traced - mean
    order = np.argsort(violation)
    cumulative = np.cumsum(weight[order])
    place = np.searchsorted(cumulative, np.array(QUANTILES) * cumulative[-1])
    return xr.Dataset(
        {
            "violation": ("sample", violation, {"unit": "nats"}),
            "weight": ("sample", weight),
            "quantile": ("probability", violation[order][np.minimum(place, len(order) - 1)], {"unit": "nats"}),
            "mean_log_trace": ((), mean),
            "standard_deviation": ((), math.sqrt(float(weight @ violation**2))),
            "largest": ((), float(np.abs(violation[weight > 0]).max())),
        },
        coords={"probability": list(QUANTILES)},
        attrs={"layer": repr(layer), "what": "ln Tr_h exp(T(v, h)) minus its mean over p(v)"},
    )


def free_energy_difference(layer: RBMLayer, model: Any, **options: Any) -> Estimate:
    """ΔF = ln Z − ln Z_λ between a model and a machine, in nats; a constant in E shifts it at will.

    Parameters
    ----------
    layer : RBMLayer
    model : model with ``energy`` and ``shape``
        ln Z exact: the 2D torus without a field, the chain, or at most 22 spins.
    **options
        Of `rgnet.learn.rbm.log_Z`, for the machine.
    """
    try:
        known = annealing.model_log_Z(model)
    except ValueError:
        if math.prod(model.shape) > annealing.MOST_UNITS:
            raise
        known = full.log_Z(model.energy, model.shape)
    ours = annealing.log_Z(layer, tuple(model.shape), **options)
    kind: Any = "upper" if ours.kind == "lower" else ours.kind
    return Estimate(
        known - ours.value, ours.stderr, None, kind, f"exact less {ours.method}", ours.n, ours.n_effective, "nats"
    )
