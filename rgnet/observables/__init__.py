"""Thermodynamics of sampled configurations, with errors: what a lattice simulation reports.

With S the lattice sum conjugate to the coupling K (Σ_<ij> s_i s_j, Σ δ(q_i, q_j), Σ cos(θ_i − θ_j), …: the model's
``conjugate``), M = Σ_i m_i its order parameter of m independent components (the model's ``order_field``) and N sites,

    energy per site            e  = −⟨S⟩/N                     (the sign convention of `rgnet.exact`)
    specific heat per site     c  = K² Var(S)/N                (K = 1 where tables or functions hold the couplings)
    magnetisation per site     |m| = ⟨|M|⟩/N
    susceptibility per site    χ  = (⟨M²⟩ − ⟨|M|⟩²)/N          (all m components together)
    Binder cumulant            U₄ = 1 − m ⟨M⁴⟩/((m + 2) ⟨M²⟩²)
    correlation length         ξ  = √(⟨M²⟩_c/⟨|M_k|²⟩ − 1) / k̂,  k̂ = 2 sin(k/2), k = 2π/L  (Cooper et al. 1982)

U₄ is Binder's (1981) for m = 1; for any m it is 0 where M is Gaussian, deep in the disordered phase, and 2/(m + 2)
where |M| is sharp, deep in the ordered one. Potts states have m = q − 1 (the q corners of a simplex), clock and XY
spins 2, O(n) vectors n. ξ, of the second moment, is taken along the longest periodic side (averaged over sides of that
length) and is a correlation length in the disordered phase; ⟨M²⟩_c is ⟨M²⟩ − |⟨M⟩|² where no symmetry makes ⟨M⟩ vanish,
as in a field, and ⟨M²⟩ elsewhere. ξ is NaN without a periodic side, without configurations, and for a spin glass in a
field, whose ⟨M_k⟩ do not vanish. On the triangular lattice k̂ = (4/√3) sin(k/2), so that ξ is in lattice spacings. All
are about the uniform M, also for K < 0, where the order parameter is the staggered one. Errors are delete-one-block
jackknife errors.

Beside them, by model and by what was kept:

    φ⁴, Gaussian field   e = ⟨H⟩/N, no c; ⟨φ²⟩, ⟨φ⁴⟩ per site
    XY                   vortices a site, ⟨Σ|n|⟩/N; helicity modulus along the first axis in units of J,
                         Υ = ⟨C⟩/N − K ⟨S²⟩/N, C and S the sums of cos and sin of the steps along it (Teitel &
                         Jayaprakash 1983), which jumps from 2/(πK) to 0 at the Kosterlitz–Thouless transition
                         (Nelson & Kosterlitz 1977); for a periodic axis without a field
    Blume–Capel          occupation ⟨s²⟩
    spin glass           overlap of pairs of chains, which share their bonds: q = Σ s^a s^b/N; ⟨|q|⟩, ⟨q²⟩ and its U₄
    dimers               M = N D, the order parameter of columns (`rgnet.models.dimers.columnar`)
    cluster moves        χ = ⟨M²⟩/N and U₄ from clusters instead of spins (``susceptibility_improved``,
                         ``binder_improved``; Wolff 1988): for the symmetric phase, where ⟨M⟩ = 0
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any
from warnings import warn

import numpy as np
import xarray as xr

from rgnet import stats
from rgnet.models import Model, of_data, tuned
from rgnet.observables.series import Columns, Series, series_of

QUANTITIES = ("energy", "specific_heat", "magnetization", "susceptibility", "binder", "correlation_length")
FURTHER = (
    "phi2", "phi4", "vortex_density", "helicity_modulus", "occupation", "overlap", "overlap2", "overlap_binder",
    "susceptibility_improved", "binder_improved",
)  # fmt: skip


def thermodynamics(data: xr.Dataset, *, blocks: int = 64, model: Model | None = None) -> xr.Dataset:
    """Thermodynamics of a sampled Dataset: scalars `QUANTITIES` and what else its model has, each with ``_stderr``.

    Parameters
    ----------
    data : Dataset
        As `rgnet.sample` returns it, with the attribute ``model`` and ``spin(chain, draw, *space)``; or without
        configurations (``configurations=False``), with ``energy`` and ``magnetization``; or of `rgnet.temper`, with a
        dimension ``replica``.
    blocks : int
        Number of jackknife blocks of consecutive draws, at least 20; fewer are used where they would be shorter than
        5 autocorrelation times.
    model : Model, optional
        The model that was sampled, where the Dataset's attribute ``model`` cannot give it: a `ContinuousModel` whose
        functions cannot be imported. Of tempered data, at any of the couplings.

    Returns
    -------
    Dataset of scalars
        With ``tau_energy`` and ``tau_magnetization``: integrated autocorrelation times in draws. Of tempered data, the
        same over ``replica``, with a coordinate ``K``; a replica whose chains are too short is NaN, with a warning.

    Raises
    ------
    ShortChainError
        If the chains are too short for the autocorrelation time of energy or |magnetisation|; not raised where a
        quantity never changes (a frozen lattice), whose error is then 0.
    TypeError
        If ``model`` is no model.
    ValueError
        If the Dataset is a coarse level, a part of a lattice, or one draw, or holds neither configurations nor
        energies, or the model is not the one that was sampled, or cannot be built from the attribute.
    """
    if data.attrs.get("level", 0) != 0:
        raise ValueError(f"level {data.attrs['level']}: thermodynamics is about the sampled model, give level 0")
    if "replica" in data.dims:
        return _by_replica(data, blocks, of_data(data, model))
    model = of_data(data, model)
    series = series_of(data, model)
    first = next(iter(series.watched.values()))
    if first.size < 2:
        raise ValueError("one draw: thermodynamics needs more, several hundred for useful errors")
    edges, _ = stats.long_blocks(series.watched, blocks)
    result = xr.Dataset(attrs={"shape": json.dumps(list(model.shape)), "draws": int(first.size)})
    if series.components != 1:
        result.attrs["order_parameter_components"] = series.components
    found = _jackknifed(series.columns, edges, _formulae(model, series))
    if "overlap" in series.pairs:
        try:
            edges, _ = stats.long_blocks({"the overlap": series.pairs["overlap"]}, blocks)
            found |= _jackknifed(series.pairs, edges, _overlaps)
        except stats.ShortChainError as error:
            warn(f"no overlap: {error}", stacklevel=2)
    for name in sorted(found, key=(*QUANTITIES, *FURTHER).index):
        result[name], result[f"{name}_stderr"] = ((), found[name][0]), ((), found[name][1])
    for name, values in series.watched.items():
        result[_TAU[name]] = ((), stats.autocorrelation_time(values))
    return result


_TAU = {"the energy": "tau_energy", "|magnetisation|": "tau_magnetization"}


def _by_replica(data: xr.Dataset, blocks: int, model: Model) -> xr.Dataset:
    """The tables of all replicas, each with the K at which it was sampled."""
    varied = tuned.name(model)
    couplings = [float(K) for K in np.atleast_1d(data[varied].values)]
    tables, reasons = [], []
    for index, K in enumerate(couplings):
        part = data.isel(replica=index).drop_vars((varied, "replica"), errors="ignore")
        attrs = {**data.attrs, "model": json.dumps(tuned.at(model, K).to_dict())}
        try:
            tables.append(thermodynamics(part.assign_attrs(attrs), blocks=blocks))
        except stats.ShortChainError as error:
            tables.append(xr.Dataset(attrs={}))
            reasons.append((K, error))
    if len(reasons) == len(tables):
        raise reasons[0][1]
    for K, reason in reasons:
        warn(f"{varied} = {K:.6g}: {reason}", stacklevel=2)
    names = list(dict.fromkeys(str(name) for table in tables for name in table.data_vars))
    columns = {
        name: ("replica", [float(table[name]) if name in table else math.nan for table in tables]) for name in names
    }
    attrs = next(table.attrs for table in tables if table.attrs)
    return xr.Dataset(columns, {"replica": np.arange(len(couplings)), varied: ("replica", couplings)}, attrs)


def _formulae(model: Any, series: Series) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """All quantities from the means of the columns."""
    sites, m, K = model.n_sites, series.components, getattr(model, "K", 1.0)  # tables hold their couplings

    def quantities(mean: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if "bonds" in mean:
            e, e2 = mean["bonds"], mean["bonds2"]
            found |= {"energy": -e, "specific_heat": K**2 * sites * (e2 - e**2)}
        elif "energy" in mean:
            found["energy"] = mean["energy"]
        else:  # not to be had without configurations, from H of several terms
            found |= {"energy": math.nan, "specific_heat": math.nan}
        if "m2" in mean:
            am, m2, m4 = (mean[name] for name in ("m1", "m2", "m4"))
            connected = m2 - sum(mean[name] ** 2 for name in mean if name.startswith("mean"))
            xi = np.sqrt(connected / mean["structure"] - 1.0) / series.momentum if "structure" in mean else math.nan
            found |= {
                "magnetization": am,
                "susceptibility": sites * (m2 - am**2),
                "binder": 1.0 - m * m4 / ((m + 2) * m2**2),
                "correlation_length": xi,
            }
        found |= {name: mean[name] for name in ("phi2", "phi4", "occupation") if name in mean}
        if "vortices" in mean:
            found["vortex_density"] = mean["vortices"]
        if "helicity_cos" in mean:
            found["helicity_modulus"] = mean["helicity_cos"] - K * mean["helicity_sin2"]
        if "cluster_m2" in mean:
            found["susceptibility_improved"] = sites * mean["cluster_m2"]
        if "cluster_m4" in mean:
            found["binder_improved"] = 1.0 - m * mean["cluster_m4"] / ((m + 2) * mean["cluster_m2"] ** 2)
        return found

    return quantities


def _overlaps(mean: Mapping[str, Any]) -> dict[str, Any]:
    q2 = mean["overlap2"]
    return {"overlap": mean["overlap"], "overlap2": q2, "overlap_binder": 1.0 - mean["overlap4"] / (3.0 * q2**2)}


def _jackknifed(
    columns: Columns, edges: Any, quantities: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, tuple[float, float]]:
    """Value and error of every quantity."""
    names = list(columns)
    moments = stats.block_means(np.stack([columns[name] for name in names], axis=-1), edges)

    def function(means: Any) -> Any:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.array(list(quantities(dict(zip(names, means, strict=True))).values()))

    value, error = stats.jackknife(moments, function, edges[:, 2] - edges[:, 1])
    with np.errstate(invalid="ignore", divide="ignore"):
        found = list(quantities(dict.fromkeys(names, 1.0)))
    return {name: (float(v), float(e)) for name, v, e in zip(found, value, error, strict=True)}
