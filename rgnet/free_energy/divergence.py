"""Divergences between the ensembles of two models: a difference of free energies and a mean energy.

    KL(p_1‖p_2) = ⟨ln p_1 − ln p_2⟩_1 = ln Z_2 − ln Z_1 + ⟨H_2 − H_1⟩_1 ,        p_i = exp(−H_i)/Z_i ,
    KL(p_1‖p_2) + KL(p_2‖p_1) = ⟨H_2 − H_1⟩_1 − ⟨H_2 − H_1⟩_2       (Jeffreys; no free energy in it) .

With F = −ln Z the first line is the excess of the variational free energy ⟨H_2⟩_1 − S_1 of p_1 over F_2 (Gibbs–
Bogoliubov), hence never negative. Along the straight path between the models KL(p_1‖p_2) = ∫_0^1 (1 − t) Var_t W dt,
W = H_2 − H_1; for close couplings that is ½ δKᵀ I δK, I the Fisher information Cov(S). Lin, Tegmark & Rolnick (2017),
table 1; Kullback & Leibler (1951); Crooks (2007), Phys. Rev. Lett. 99, 100602.

Three ways to ln Z_2 − ln Z_1: exact (`rgnet.free_energy.closed`); thermodynamic integration
(`rgnet.free_energy.integration`); Bennett's acceptance ratio over a ladder of simulations
(`rgnet.free_energy.acceptance`), which shares no formula with the second.
"""

import json
import math
from typing import Any

import xarray as xr

from rgnet import stats
from rgnet.estimate import Estimate
from rgnet.free_energy import acceptance
from rgnet.free_energy.closed import exact_log_Z, exact_mean
from rgnet.free_energy.integration import integrate
from rgnet.free_energy.path import Simulations, check_pair

METHODS = ("auto", "exact", "integration", "bennett")


def kl(
    model_1: Any,
    model_2: Any,
    *,
    data: xr.Dataset | None = None,
    method: str = "auto",
    draws: int = 1000,
    chains: int = 4,
    seed: int = 0,
) -> Estimate:
    """Kullback–Leibler divergence KL(p_1‖p_2) between the ensembles of two models, in nats.

    Parameters
    ----------
    model_1, model_2 : models of one kind on one lattice
    data : Dataset, optional
        Draws of model_1, as `rgnet.sample` returns them, to be used instead of a simulation of it.
    method : str
        "exact"; "integration", thermodynamic integration; "bennett", Bennett's acceptance ratio; "auto": exact where
        all of it is, the mean over draws of model_1 where both ln Z are exact, else integration.
    draws, chains, seed : int
        Of each simulation.

    Returns
    -------
    Estimate
        In nats, of the whole lattice; of kind "exact", or with an error that contains autocorrelation and quadrature.

    Raises
    ------
    ValueError
        If the models are not of one kind on one lattice, the method is unknown or does not serve, the data are of
        another model, or no path of couplings joins the models.
    ShortChainError
        If chains are too short for an error bar.

    Examples
    --------
    >>> import rgnet as rg
    >>> rg.free_energy.kl(rg.Ising((4, 4), K=0.4), rg.Ising((4, 4), K=0.5)).kind
    'exact'
    """
    runs = _checked(model_1, model_2, data, method, draws, chains, seed)
    if method in ("auto", "exact"):
        closed = [exact_log_Z(model_1), exact_log_Z(model_2)]
        known = [item for item in closed if item is not None]
        mean = exact_mean(model_1, model_2)
        if len(known) == 2 and mean is not None:
            return _exact(known[1][0] - known[0][0] + mean, f"{known[0][1]}; {known[1][1]}; mean energy exact")
        if method == "exact":
            raise ValueError(_NOT_EXACT.format(model_1=model_1, model_2=model_2))
        if len(known) == 2:
            found = stats.mean(runs.at(0.0))
            return _estimate(known[1][0] - known[0][0] + found.value, found.stderr, "ln Z exact; mean energy", runs)
    return _simulated(runs, method, 1.0)


def difference(
    model_1: Any, model_2: Any, *, method: str = "auto", draws: int = 1000, chains: int = 4, seed: int = 0
) -> Estimate:
    """ln Z_2 − ln Z_1 of two models. Parameters, methods and errors as `kl`."""
    runs = _checked(model_1, model_2, None, method, draws, chains, seed)
    if method in ("auto", "exact"):
        known = [item for item in (exact_log_Z(model_1), exact_log_Z(model_2)) if item is not None]
        if len(known) == 2:
            return _exact(known[1][0] - known[0][0], f"{known[0][1]}; {known[1][1]}")
        if method == "exact":
            raise ValueError(_NOT_EXACT.format(model_1=model_1, model_2=model_2))
    return _simulated(runs, method, 0.0)


def jeffreys(
    model_1: Any, model_2: Any, *, method: str = "auto", draws: int = 1000, chains: int = 4, seed: int = 0
) -> Estimate:
    """KL(p_1‖p_2) + KL(p_2‖p_1), in nats, from mean energies alone.

    Parameters
    ----------
    model_1, model_2, draws, chains, seed
        As `kl`.
    method : str
        "exact", "simulation", or "auto": exact where it can be.

    Raises
    ------
    ValueError, ShortChainError
        As `kl`.
    """
    if method not in ("auto", "exact", "simulation"):
        raise ValueError(f"method={method!r}: Jeffreys divergences are found by auto, exact, simulation")
    runs = _checked(model_1, model_2, None, "auto", draws, chains, seed)
    forth, back = exact_mean(model_1, model_2), exact_mean(model_2, model_1)
    if method != "simulation" and forth is not None and back is not None:
        return _exact(forth + back, "mean energies exact")
    if method == "exact":
        raise ValueError(_NOT_EXACT.format(model_1=model_1, model_2=model_2))
    one, two = stats.mean(runs.at(0.0)), stats.mean(runs.at(1.0))
    return _estimate(one.value - two.value, math.hypot(one.stderr, two.stderr), "mean energies", runs)


_NOT_EXACT = (
    "no exact free energy or mean energy is known between {model_1} and {model_2}: closed forms are those of the "
    "square Ising torus without field, chains and the Gaussian field; transfer matrices take rows of 2^10 states, "
    'enumeration 2^20 states in all; give method="integration" or "bennett"'
)


def _checked(
    model_1: Any, model_2: Any, data: xr.Dataset | None, method: str, draws: int, chains: int, seed: int
) -> Simulations:
    if method not in METHODS:
        raise ValueError(f"method={method!r}: free energies between two models are found by {', '.join(METHODS)}")
    check_pair(model_1, model_2)
    runs = Simulations(model_1, model_2, draws, chains, seed)
    if data is None:
        return runs
    if not isinstance(data, xr.Dataset) or "spin" not in data or "draw" not in data["spin"].dims:
        raise ValueError(f"data is a {type(data).__name__} without draws: give a Dataset as rgnet.sample returns it")
    own = json.loads(data.attrs.get("model", "null"))
    if own is not None and own != json.loads(json.dumps(model_1.to_dict())):
        raise ValueError(f"data are of {json.dumps(own)}, not of model_1={model_1!r}: give draws of model_1")
    runs.take(0.0, data if "chain" in data["spin"].dims else data.expand_dims("chain"))
    return runs


def _simulated(runs: Simulations, method: str, start: float) -> Estimate:
    if method == "bennett":
        # ΔF = −ln Z_2/Z_1
        value, error, steps = acceptance.along(runs, -start)
        return _estimate(-value, error, f"Bennett's acceptance ratio over {len(steps)} simulations", runs)
    found = integrate(runs)
    value, error = found.combined(start)
    words = f"thermodynamic integration over {len(found.t)} nodes, quadrature error {found.quadrature:.1g}"
    return _estimate(value, error, words, runs)


def _exact(value: float, method: str) -> Estimate:
    return Estimate(value, 0.0, None, "exact", method, unit="nats")


def _estimate(value: float, error: float, method: str, runs: Simulations) -> Estimate:
    return Estimate(value, error, None, "estimate", method, runs.total, unit="nats")
