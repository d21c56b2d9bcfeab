"""Pairs of the dictionary that are about an ensemble: surprisal, softmax, bits, and Kullback–Leibler divergence."""

import math

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.optimize import brentq

from rgnet import cheap, exact, free_energy, stats
from rgnet.exact import enumerate as full
from rgnet.experiments._dictionary_rows import Row
from rgnet.models import Ising

Floats = npt.NDArray[np.float64]
Found = tuple[list[Row], dict[str, xr.Dataset]]

_BINS = 10


def surprisal(model: Ising, data: xr.Dataset, small: xr.Dataset, blocks: int = 64) -> Found:
    """−ln p(x) = H(x) + ln Z: its mean is the entropy; frequencies of the states of a small lattice follow it.

    The slope b of −ln(frequency) by H + ln Z is that of p ∝ exp(−bH), of greatest likelihood: ⟨H⟩_b is the mean of H
    over the draws.
    """
    N, log_Z = model.n_sites, float(exact.ising2d.log_Z(model.K, (model.shape[0], model.shape[1])))
    mean = stats.mean(data["energy"].values)
    known = log_Z + N * model.K * float(exact.ising2d.energy(model.K, (model.shape[0], model.shape[1])))
    little = Ising(tuple(small.sizes[name] for name in ("y", "x")), K=model.K)
    states = full.states(little.shape)
    H = np.asarray(little.energy(states))
    surprise = H + exact.log_Z(little.energy, little.shape)
    code = (small["spin"].values.reshape(small.sizes["chain"], small.sizes["draw"], -1) > 0) @ (
        2 ** np.arange(little.n_sites - 1, -1, -1)
    )
    counts = np.bincount(code.ravel(), minlength=len(states))
    energy = H[code]
    edges, _ = stats.long_blocks({"the energy of the small lattice": energy}, blocks)
    slope, error = stats.jackknife(
        stats.block_means(energy, edges), lambda m: _slope(float(m), H), edges[:, 2] - edges[:, 1]
    )
    seen = counts > 0
    group = xr.Dataset(
        {
            "surprisal": ("state", surprise[seen], {"unit": "nats"}),
            "frequency": ("state", -np.log(counts[seen] / counts.sum()), {"unit": "nats"}),
            "count": ("state", counts[seen]),
            **_by_level(surprise, counts),
        },
        attrs={"sides": list(little.shape), "draws": int(counts.sum()), "states": len(states)},
    )
    rows = [
        Row(0, "entropy, mean of H + ln Z per site", (mean.value + log_Z) / N, mean.stderr / N, "equal",
            known / N, "nats"),
        Row(0, "−ln(frequency) by H + ln Z, slope", float(slope), float(error), "equal", 1.0),
    ]  # fmt: skip
    return rows, {"surprisal": group}


def _by_level(surprise: Floats, counts: npt.NDArray[np.int64]) -> dict[str, tuple[str, Floats]]:
    """−ln of the mean frequency of all states of one energy, and its error for independent draws."""
    levels, which = np.unique(np.round(surprise, 9), return_inverse=True)
    states, found = np.bincount(which), np.bincount(which, weights=counts)
    seen = found > 0
    frequency = -np.log(found[seen] / (states[seen] * counts.sum()))
    return {
        "level": ("energy", levels[seen]),
        "level_frequency": ("energy", frequency),
        "level_frequency_stderr": ("energy", 1.0 / np.sqrt(found[seen])),
    }


def _slope(mean: float, H: Floats) -> float:
    """b with ⟨H⟩ = mean under p ∝ exp(−bH)."""

    def excess(b: float) -> float:
        p = np.exp(-b * (H - (H.min() if b > 0 else H.max())))
        return float(p @ H / p.sum()) - mean

    if not H.min() < mean < H.max():
        raise ValueError(
            f"all draws of the small lattice have one energy, {mean:.4g}, so that no slope fits them; take more draws, "
            f"or a coupling nearer the critical one"
        )
    low, high = -1.0, 2.0
    while excess(low) < 0:  # weak couplings: b of few draws may be far off, and below 0
        low *= 2.0
    while excess(high) > 0:
        high *= 2.0
    return float(brentq(excess, low, high))


def softmax(models: tuple[Ising, Ising], data: tuple[xr.Dataset, xr.Dataset], small: tuple[int, ...]) -> Found:
    """Which coupling made a draw: the posterior of Hamiltonians and one softmax is Bayes', and nothing does better."""
    little = [Ising(small, K=model.K) for model in models]
    states = full.states(small)
    joint = np.stack([full.distribution(model.energy, small) for model in little], axis=-1)
    bayes = joint / joint.sum(axis=-1, keepdims=True)
    off = float(np.abs(cheap.classifier(little).posterior(states) - bayes).max())
    found = cheap.classifier(models)
    log_p = np.concatenate([np.asarray(found.log_posterior(part)) for part in data])  # (chains of both, draws, 2)
    label = np.repeat([0, 1], [part.sizes["chain"] for part in data])
    p = np.exp(log_p)
    cross = -np.where(label[:, None] == 0, log_p[..., 0], log_p[..., 1])
    entropy = -(p * log_p).sum(axis=-1)
    score, gap = (_balanced(values, label) for values in (cross, cross - entropy))
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    place = np.clip(np.digitize(p[..., 1], edges) - 1, 0, _BINS - 1)
    number = np.bincount(place.ravel(), minlength=_BINS)
    true = np.bincount(place.ravel(), weights=np.broadcast_to(label[:, None], place.shape).ravel(), minlength=_BINS)
    told = np.bincount(place.ravel(), weights=p[..., 1].ravel(), minlength=_BINS)
    with np.errstate(invalid="ignore", divide="ignore"):
        group = xr.Dataset(
            {
                "posterior": ("bin", told / number),
                "frequency": ("bin", true / number),
                "count": ("bin", number),
            },
            attrs={"cross_entropy": score[0], "cross_entropy_stderr": score[1], "chance": math.log(2.0)},
        )
    rows = [
        Row(4, "largest |softmax − Bayes|", off, 0.0, "rounding", 0.0),
        Row(4, "cross-entropy less entropy of p(K|x)", *gap, "equal", 0.0, "nats"),
        Row(4, "cross-entropy, guessing has ln 2", *score, "differs", math.log(2.0), "nats"),
    ]
    return rows, {"softmax": group}


def _balanced(values: Floats, label: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Mean over both classes, of equal weight, with its error."""
    parts = [stats.mean(values[label == y]) for y in (0, 1)]
    return 0.5 * (parts[0].value + parts[1].value), 0.5 * math.hypot(parts[0].stderr, parts[1].stderr)


def bits(model: Ising, data: xr.Dataset) -> Found:
    """s = 2x − 1: Σ_<ij> s_i s_j = 4 Σ x_i x_j − 2 z Σ x_i + B, z = 4 neighbours, B = 2N bonds; p is the same."""
    x = (data["spin"].transpose("chain", "draw", "y", "x").values + 1) // 2
    J, h, constant = 4.0 * model.K, -8.0 * model.K, 2.0 * model.n_sites * model.K
    pairs = sum((x & np.roll(x, 1, axis)).sum(axis=(-2, -1), dtype=np.int64) for axis in (-2, -1))
    ones = x.sum(axis=(-2, -1), dtype=np.int64)
    log_Z = float(exact.ising2d.log_Z(model.K, (model.shape[0], model.shape[1])))
    log_p = J * pairs + h * ones + constant - log_Z
    spins = -data["energy"].transpose("chain", "draw").values - log_Z
    off = float(np.abs(log_p - spins).max())
    N = model.n_sites
    found = stats.mean(-log_p / (N * math.log(2.0)))
    energy = float(exact.ising2d.energy(model.K, (model.shape[0], model.shape[1])))
    rows = [
        Row(5, "largest |ln p of spins − of bits|", off, 0.0, "rounding", 0.0, "nats"),
        Row(5, "entropy, a spin", found.value, found.stderr, "equal",
            (log_Z / N + model.K * energy) / math.log(2.0), "bits"),
    ]  # fmt: skip
    return rows, {}


def divergence(models: tuple[Ising, Ising], data: tuple[xr.Dataset, xr.Dataset], draws: int, seed: int) -> Found:
    """KL(p_1‖p_2) = ln Z_2 − ln Z_1 + ⟨H_2 − H_1⟩_1, in two ways that share no formula, against Kaufman."""
    known = free_energy.kl(*models, method="exact").value
    chains = data[0].sizes["chain"]
    keys = [int(word) for word in np.random.SeedSequence(seed).generate_state(2, np.uint64)]
    rows = []
    runs = free_energy.Simulations(*models, draws, chains, keys[0])
    for share, part in zip((0.0, 1.0), data, strict=True):
        runs.take(share, part)
    path = free_energy.integrate(runs)
    rows.append(Row(6, "by thermodynamic integration", *path.combined(1.0), "equal", known, "nats"))
    bridge = free_energy.kl(*models, data=data[0], method="bennett", draws=draws, chains=chains, seed=keys[1])
    rows.append(Row(6, "by Bennett's acceptance ratio", bridge.value, bridge.stderr, "equal", known, "nats"))
    both = free_energy.jeffreys(*models, method="exact").value
    group = xr.Dataset(
        {
            "work": ("t", path.mean, {"unit": "nats"}),
            "work_stderr": ("t", path.stderr, {"unit": "nats"}),
            "weight": ("t", path.weight),
        },
        coords={"t": path.t},
        attrs={
            "kl": known, "jeffreys": both, "quadrature": path.quadrature, "draws": path.draws,
            "K_1": models[0].K, "K_2": models[1].K,
        },
    )  # fmt: skip
    exact_work = (models[0].K - models[1].K) * np.array([_bond_sum(models, float(t)) for t in path.t])
    group["work_exact"] = ("t", exact_work, {"unit": "nats"})
    return rows, {"free_energy": group}


def _bond_sum(models: tuple[Ising, Ising], t: float) -> float:
    """Exact ⟨Σ s_i s_j⟩ at a share t of the way."""
    shape = (models[0].shape[0], models[0].shape[1])
    K = (1 - t) * models[0].K + t * models[1].K
    return -models[0].n_sites * float(exact.ising2d.energy(K, shape))
