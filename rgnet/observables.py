"""Thermodynamics of sampled configurations, with errors: what a lattice simulation reports.

With M = Σ s, S = Σ_<ij> s_i s_j and N sites,

    energy per site            e  = −⟨S⟩/N                     (the sign convention of `rgnet.exact`)
    specific heat per site     c  = K² Var(S)/N
    magnetisation per site     |m| = ⟨|M|⟩/N
    susceptibility per site    χ  = (⟨M²⟩ − ⟨|M|⟩²)/N
    Binder cumulant            U₄ = 1 − ⟨M⁴⟩/(3⟨M²⟩²)          (Binder 1981)
    correlation length         ξ  = √(⟨M²⟩/⟨|M_k|²⟩ − 1) / (2 sin(k/2)),  k = 2π/L   (second moment; Cooper et al. 1982)

ξ is taken along the longest periodic side (averaged over sides of that length) and is a correlation length in the
disordered phase; it is NaN without a periodic side. All are about the uniform magnetisation, also for K < 0, where the
order parameter is the staggered one. Errors are delete-one-block jackknife errors.
"""

import json
import math
from typing import Any

import numpy as np
import xarray as xr

from rgnet import labels, stats
from rgnet import operators as ops
from rgnet.models import Ising, from_attrs

QUANTITIES = ("energy", "specific_heat", "magnetization", "susceptibility", "binder", "correlation_length")


def thermodynamics(data: xr.Dataset, *, blocks: int = 64) -> xr.Dataset:
    """Thermodynamics of a sampled Dataset: scalars `QUANTITIES`, each with ``_stderr``.

    Parameters
    ----------
    data : Dataset
        As `rgnet.sample` returns it, with ``spin(chain, draw, *space)`` and the attribute ``model``.
    blocks : int
        Number of jackknife blocks of consecutive draws, at least 20; fewer are used where they would be shorter than
        5 autocorrelation times.

    Returns
    -------
    Dataset of scalars
        With ``tau_energy`` and ``tau_magnetization``: integrated autocorrelation times in draws.

    Raises
    ------
    ShortChainError
        If the chains are too short for the autocorrelation time of energy or |magnetisation|; not raised where a
        quantity never changes (a frozen lattice), whose error is then 0.
    ValueError
        If the Dataset is a coarse level, a part of a lattice, or one draw, or its model is none of spins ±1.
    """
    model = from_attrs(data.attrs)
    if not isinstance(model, Ising):
        raise ValueError(
            f"model {type(model).__name__}: thermodynamics is about Ising models, with a magnetisation; take means of "
            f"what was kept with every draw, such as rgnet.stats.mean(data['energy'] / {model.n_sites})"
        )
    if data.attrs.get("level", 0) != 0:
        raise ValueError(f"level {data.attrs['level']}: thermodynamics is about the sampled model, give level 0")
    space = labels.space_dims(data)
    labels.check_whole(data)
    data = data.expand_dims("chain") if "chain" not in data["spin"].dims else data
    spins = data["spin"].transpose("chain", "draw", *space).values
    shape = spins.shape[2:]
    sites = math.prod(shape)
    bonds = ops.sums(spins, ops.resolve(["nn"], len(space)), model.boundary)[..., 0] / sites
    magnet = spins.sum(axis=tuple(range(2, spins.ndim)), dtype=np.int64) / sites
    if bonds.size < 2:
        raise ValueError("one draw: thermodynamics needs more, several hundred for useful errors")
    edges, _ = stats.long_blocks({"the energy": bonds, "|magnetisation|": np.abs(magnet)}, blocks)
    structure, momentum = _structure_factor(spins, model.boundary)
    columns = [bonds, bonds**2, np.abs(magnet), magnet**2, magnet**4, structure]
    moments = stats.block_means(np.stack(columns, axis=-1), edges)

    def quantities(m: Any) -> Any:
        e, e2, am, m2, m4, s = m
        with np.errstate(invalid="ignore", divide="ignore"):
            xi = np.sqrt(m2 / s - 1.0) / (2.0 * math.sin(momentum / 2.0)) if momentum else math.nan
            return np.array(
                [-e, model.K**2 * sites * (e2 - e**2), am, sites * (m2 - am**2), 1.0 - m4 / (3.0 * m2**2), xi]
            )

    value, error = stats.jackknife(moments, quantities, edges[:, 2] - edges[:, 1])
    result = xr.Dataset(attrs={"shape": json.dumps(list(shape)), "draws": int(bonds.size)})
    for name, v, e in zip(QUANTITIES, value, error, strict=True):
        result[name] = ((), float(v))
        result[f"{name}_stderr"] = ((), float(e))
    result["tau_energy"] = ((), stats.autocorrelation_time(bonds))
    result["tau_magnetization"] = ((), stats.autocorrelation_time(np.abs(magnet)))
    return result


def _structure_factor(spins: Any, boundary: tuple[str, ...]) -> tuple[Any, float]:
    """|M_k|²/N² at the smallest momentum along the longest periodic sides, shape (chain, draw), and that momentum."""
    shape = spins.shape[2:]
    periodic = [side for side, name in zip(shape, boundary, strict=True) if name == "periodic"]
    if not periodic:
        return np.full(spins.shape[:2], np.nan), 0.0
    longest = max(periodic)
    momentum = 2.0 * math.pi / longest
    wave = np.exp(1j * momentum * np.arange(longest))
    total, count = np.zeros(spins.shape[:2]), 0
    for axis, (side, name) in enumerate(zip(shape, boundary, strict=True)):
        if side == longest and name == "periodic":
            others = tuple(2 + other for other in range(len(shape)) if other != axis)
            profile = spins.sum(axis=others, dtype=np.int64) if others else spins
            total += np.abs(profile @ wave) ** 2
            count += 1
    return total / (count * math.prod(shape) ** 2), momentum
