"""ln Z of a restricted Boltzmann machine, exactly or by annealed importance sampling, and with it KL divergences.

*Exact:* the sum over the states of the smaller side, the other being summed in closed form.

*Annealed importance sampling* (Neal 2001, Statistics and Computing 11, 125; Salakhutdinov & Murray 2008) goes from a
machine without weights to the machine itself through

    p_β(v) ∝ exp((1 − β) g·v + β a·v) Π_j 2cosh(β φ_j(v)) ,     ln Z_0 = Σ_i ln 2cosh g_i + m ln 2 ,

g the base rates, m hidden units. A run draws v from p_0 and at each β_t first multiplies its weight by
p*_{β_t}(v)/p*_{β_{t−1}}(v), then makes a Gibbs step v → h → v that leaves p_{β_t} invariant. Then ⟨w⟩ = Z/Z_0 exactly,
for any number of temperatures, and

    ln Z = ln Z_0 + ln w̄ + s²/(2R) ,     stderr = s/√R ,     s² = Var w/⟨w⟩² ,

where the last term removes the bias of the logarithm (Jensen) to first order in 1/R. Runs are independent, so their
spread is an honest error as long as many of them count: the effective number is (Σw)²/Σw². With fewer than
`FEW` of them ln w̄ is below ln Z as often as not and its error is not known: it is then called what ⟨ln w̄⟩ ≤ ln Z makes
it, a lower bound in the mean.
"""

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import expit, logsumexp

from rgnet import labels, stats
from rgnet.estimate import Estimate
from rgnet.exact import chain1d, ising2d
from rgnet.exact import enumerate as full
from rgnet.learn._rbm_layer import Array, RBMLayer, Shape, log_2cosh, unit_states

MOST_UNITS = 22  # of the smaller side, for the exact sum
FEW = 20  # effective runs below which the error of ln Z is not trusted
_CHUNK = 1 << 21  # numbers at a time


def log_Z(
    layer: RBMLayer,
    space: Shape | None = None,
    *,
    method: str = "auto",
    runs: int = 1024,
    temperatures: int = 1000,
    data: Any = None,
    seed: int = 0,
) -> Estimate:
    """Return ln Z = ln Σ_vh exp(−E(v, h)), in nats.

    Parameters
    ----------
    layer : RBMLayer
    space : tuple of int, optional
        The visible lattice; a free machine knows its own.
    method : "exact", "ais" or "auto"
        Exact up to 22 units of the smaller side; "auto" is exact where that is possible.
    runs, temperatures : int
        Annealing runs, and values of β from 0 to 1.
    data : array (n, [component], *space) or Dataset, optional
        Sets the base rates g to atanh of the mean spins; the machine's visible bias unless given.
    seed : int

    Returns
    -------
    Estimate
        ``n`` runs, of which ``n_effective`` count; kind "lower" if these are fewer than 20.

    Raises
    ------
    ValueError
        If the method is unknown, the lattice is missing or does not fit, or the exact sum is too long.
    """
    where = lattice_of(layer, space)
    if method not in ("exact", "ais", "auto"):
        raise ValueError(f'method={method!r}: choose "exact", "ais" or "auto"')
    smaller = min(_n_visible(layer, where), layer.n_hidden(where))
    if method == "exact" and smaller > MOST_UNITS:
        raise ValueError(
            f"{layer!r} on {where} has {_n_visible(layer, where)} visible and {layer.n_hidden(where)} hidden units: "
            f'the exact sum goes to {MOST_UNITS} units of the smaller side; use method="ais"'
        )
    if method == "exact" or (method == "auto" and smaller <= MOST_UNITS):
        return Estimate(_exact_log_Z(layer, where), 0.0, None, "exact", f"sum over 2^{smaller} states", unit="nats")
    for name, value, least in (("runs", runs, FEW), ("temperatures", temperatures, 2)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name}={value!r}: a whole number of at least {least}")
    base = layer.biases(where)[0]
    if data is not None:
        spins = spins_of(data)
        mean = layer.rows(spins)[0].mean(axis=0)
        base = np.arctanh(np.clip(mean, -0.99, 0.99))
    log_w = _anneal(layer, where, base, runs, temperatures, np.random.SeedSequence(seed, spawn_key=(0x414953,)))
    start = float(log_2cosh(base).sum()) + layer.n_hidden(where) * math.log(2.0)
    return _log_mean(log_w, start, temperatures)


def _exact_log_Z(layer: RBMLayer, space: Shape) -> float:
    n_visible, n_hidden = _n_visible(layer, space), layer.n_hidden(space)
    matrix, (a, c) = layer.matrix(space), layer.biases(space)
    if n_hidden < n_visible:
        matrix, a, c = matrix.T, c, a
    units, step = min(n_visible, n_hidden), max(1, _CHUNK // max(n_visible, n_hidden))
    parts = []
    for start in range(0, 1 << units, step):
        x = unit_states(units, start, min(start + step, 1 << units)).astype(np.float64)
        parts.append(logsumexp(x @ a + log_2cosh(np.asarray((matrix @ x.T).T) + c).sum(axis=1)))
    return float(logsumexp(parts))


def _anneal(
    layer: RBMLayer, space: Shape, base: Array, runs: int, temperatures: int, seed: np.random.SeedSequence
) -> Array:
    """Return ln w of each run."""
    rng = np.random.default_rng(seed)
    matrix, (a, c) = layer.matrix(space), layer.biases(space)
    transposed = matrix.T
    beta = np.linspace(0.0, 1.0, temperatures)
    v = np.where(rng.random((runs, base.size)) < expit(2.0 * base), 1.0, -1.0)
    log_w = np.zeros(runs)
    for before, after in itertools.pairwise(beta):
        field = np.asarray((matrix @ v.T).T) + c
        log_w += (after - before) * (v @ (a - base))
        log_w += (log_2cosh(after * field) - log_2cosh(before * field)).sum(axis=1)
        h = np.where(rng.random(field.shape) < expit(2.0 * after * field), 1.0, -1.0)
        up = after * (np.asarray((transposed @ h.T).T) + a) + (1.0 - after) * base
        v = np.where(rng.random(up.shape) < expit(2.0 * up), 1.0, -1.0)
    return log_w


def _log_mean(log_w: Array, start: float, temperatures: int) -> Estimate:
    """``start`` + the logarithm of the mean weight, with its error."""
    runs = log_w.size
    w = np.exp(log_w - log_w.max())
    relative = float(w.var(ddof=1) / w.mean() ** 2)
    effective = float(w.sum() ** 2 / (w**2).sum())
    value = start + float(log_w.max() + np.log(w.mean()))
    kind: Any = "estimate" if effective >= FEW else "lower"
    if kind == "estimate":
        value += relative / (2 * runs)
    method = f"annealed importance sampling, {temperatures} temperatures"
    return Estimate(value, math.sqrt(relative / runs), None, kind, method, runs, effective, "nats")


def kl(
    layer: RBMLayer,
    target: Any,
    data: Any = None,
    *,
    space: Shape | None = None,
    runs: int = 1024,
    temperatures: int = 1000,
    seed: int = 0,
) -> Estimate:
    """KL divergence Σ_v p(v) ln(p(v)/p_rbm(v)) from a distribution to the machine, in nats a configuration.

    Parameters
    ----------
    layer : RBMLayer
    target : model, or array (2^n,)
        A model such as `rgnet.Ising`, or the probabilities of all states, in the order of
        `rgnet.exact.enumerate.states`.
    data : Dataset, optional
        Draws of the model that the machine was not trained on. Without, the sum is exact, up to 22 spins. With them,

            KL = −ln Z_model − ⟨H⟩ + ⟨F⟩ + ln Z_rbm ,

        averages over the draws, with ln Z of the model exact (the 2D torus without a field, the chain) and that of the
        machine by `log_Z`.
    space : tuple of int, optional
        The visible lattice, where neither the machine nor the target tells.
    runs, temperatures, seed
        As `log_Z`.

    Raises
    ------
    ValueError
        If the lattice is too large for the exact sum, or ln Z of the model is not known.
    ShortChainError
        If the chains are too short for an error bar.
    """
    is_model = hasattr(target, "energy")
    where = lattice_of(layer, space if space is not None else (target.shape if is_model else None))
    if data is None:
        return _exact_kl(layer, target, where)
    if not is_model:
        raise ValueError("data with probabilities: where all of them are known, leave data out")
    if hasattr(data, "attrs") and int(data.attrs.get("level", 0)) != 0:
        raise ValueError(f"data of level {data.attrs['level']}: KL is from the model, give its own draws, level 0")
    known = model_log_Z(target)
    spins = spins_of(data)
    gap = np.asarray(layer.free_energy(spins)) - np.asarray(target.energy(spins))
    mean = stats.mean(gap)
    ours = log_Z(layer, where, runs=runs, temperatures=temperatures, data=spins.reshape(-1, *where), seed=seed)
    kind: Any = "estimate" if ours.kind == "exact" else ours.kind
    return Estimate(
        mean.value - known + ours.value, math.hypot(mean.stderr, ours.stderr), None, kind,
        f"mean over draws, ln Z by {ours.method}", gap.size, mean.n_effective, "nats",
    )  # fmt: skip


def _exact_kl(layer: RBMLayer, target: Any, space: Shape) -> Estimate:
    units = _n_visible(layer, space)
    if units > MOST_UNITS:
        raise ValueError(f"{units} visible spins: the exact sum goes to {MOST_UNITS}; give data=, draws of the model")
    if hasattr(target, "energy"):
        p = full.distribution(target.energy, target.shape)
    else:
        p = np.asarray(target, dtype=np.float64)
    if p.shape != (1 << units,) or not (p >= 0).all() or not math.isclose(float(p.sum()), 1.0, rel_tol=1e-9):
        raise ValueError(
            f"target of shape {p.shape}, sum {float(p.sum()):g}: give the probabilities of all 2^{units} states"
        )
    inner = (*((layer.components[0],) if layer.components[0] > 1 else ()), *space)
    total = _exact_log_Z(layer, space)
    value = 0.0
    for start in range(0, p.size, 1 << 16):
        part = p[start : start + (1 << 16)]
        v = full.states(inner, start, start + part.size)
        some = part > 0
        value += float(part[some] @ (np.log(part[some]) + layer.free_energy(v[some]) + total))
    return Estimate(value, 0.0, None, "exact", f"sum over 2^{units} states", unit="nats")


def model_log_Z(model: Any) -> float:
    """Return ln Z of a model where it is known."""
    plain = not getattr(model, "couplings", ()) and set(getattr(model, "boundary", ("free",))) == {"periodic"}
    if plain and len(model.shape) == 2 and model.h == 0:
        return float(ising2d.log_Z(model.K, model.shape))
    if plain and len(model.shape) == 1:
        return float(chain1d.log_Z(model.K, model.h, model.shape[0]))
    raise ValueError(
        f"{model!r}: its ln Z is not known exactly (known: the periodic 2D Ising model without a field, the chain), so "
        f"neither is KL; on up to {MOST_UNITS} spins leave data out"
    )


def gibbs(layer: RBMLayer, v: Any, steps: int = 1, seed: int = 0) -> Any:
    """Samples of the machine's own Markov chain: ``steps`` rounds v → h → v.

    Parameters
    ----------
    layer : RBMLayer
    v : array (..., [component], *space) or Dataset with ``spin``
        Where to start.
    steps : int
        At least 0.
    seed : int

    Returns
    -------
    array int8 or Dataset
        Of the same shape.
    """
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 0:
        raise ValueError(f"steps={steps!r}: a whole number of at least 0")
    if isinstance(v, xr.Dataset):
        space = tuple(name for name in labels.space_dims(v) if name != "component")
        batch = tuple(str(name) for name in v["spin"].dims if name not in (*space, "component"))
        order = (*batch, *(("component",) if "component" in v["spin"].dims else ()), *space)
        spins = v["spin"].transpose(*order)
        kept = {key: value for key, value in v.attrs.items() if key in ("boundary", "level", "scale", "seed")}
        attrs = {**kept, "gibbs": steps, "layer": repr(layer)}
        return xr.Dataset({"spin": spins.copy(data=gibbs(layer, spins.values, steps, seed))}, attrs=attrs)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0x47494242,)))
    rows, batch_shape, where = layer.rows(v)
    step = max(1, _CHUNK // max(rows.shape[1], layer.n_hidden(where)))
    result = np.empty(rows.shape, dtype=np.int8)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        for _ in range(steps):
            field = layer.hidden_field(part, where)
            h = np.where(rng.random(field.shape) < expit(2.0 * field), 1.0, -1.0)
            field = layer.visible_field(h, where)
            part = np.where(rng.random(field.shape) < expit(2.0 * field), 1.0, -1.0)
        result[start : start + step] = part
    return layer.shaped(result, batch_shape, where, hidden=False)


def spins_of(data: Any) -> npt.NDArray[Any]:
    """Configurations of a Dataset as (chain, draw, [component], *space); arrays as they are."""
    if not isinstance(data, xr.Dataset):
        return np.asarray(data)
    spins = data["spin"]
    if "chain" not in spins.dims:
        spins = spins.expand_dims("chain")
    space = tuple(name for name in labels.space_dims(data) if name != "component")
    inner = (*(("component",) if "component" in spins.dims else ()), *space)
    return np.asarray(spins.transpose("chain", "draw", *inner).values)


def lattice_of(layer: RBMLayer, space: Shape | None) -> Shape:
    """The visible lattice: the one given, or a free machine's own."""
    where = layer.space if space is None else tuple(int(side) for side in space)
    if where is None:
        raise ValueError(f"{layer!r} is translation-tied: give the visible lattice, space=(L, L)")
    layer.coarse_shape(where)
    return where


def _n_visible(layer: RBMLayer, space: Shape) -> int:
    return layer.components[0] * math.prod(space)
