"""Pairs of the dictionary that are about couplings: Gaussian, sparse, convolutional."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import flow, stats
from rgnet.estimate import z_limit
from rgnet.experiments._dictionary_rows import Row
from rgnet.flow.couplings import fit, pseudo_likelihood
from rgnet.models import GaussianField, Ising
from rgnet.operators import operator

Floats = npt.NDArray[np.float64]
Found = tuple[list[Row], dict[str, xr.Dataset]]

DISTANCES = ((1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0))
_TERMS = ("phi2", "nn", "nnn", "phi4")
_STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def gaussian(model: GaussianField, field: xr.Dataset, spins: xr.Dataset, blocks: int = 64) -> Found:
    """A field with a quadratic H: its other couplings vanish, and so does the excess kurtosis of its mean.

    Couplings of p ∝ exp(Σ θ_a S_a) by score matching (Hyvärinen 2005, J. Mach. Learn. Res. 6, 695): θ = −M⁻¹b,
    M_ab = ⟨∇S_a·∇S_b⟩, b_a = ⟨∇²S_a⟩, which needs no Z.
    """
    x = field["spin"].transpose("chain", "draw", "y", "x").values
    moments = _score_moments(x)
    edges, _ = stats.long_blocks({"the mean of the field": x.mean(axis=(-2, -1))}, blocks)
    value, error = stats.jackknife(stats.block_means(moments, edges), _matched, edges[:, 2] - edges[:, 1])
    rows = [
        Row(1, "Gaussian field: coupling of φ⁴", float(value[3]), float(error[3]), "equal", 0.0),
        Row(1, "its coupling of neighbours", float(value[1]), float(error[1]), "equal", 1.0),
        Row(1, "excess kurtosis of its mean", *_kurtosis(x, blocks), "equal", 0.0),
        Row(1, "the same of the Ising lattice", *_kurtosis(spins["spin"].values, blocks), "differs", 0.0),
    ]
    known = [-(model.r + 4.0) / 2.0, 1.0, 0.0, 0.0]
    group = xr.Dataset(
        {"coupling": ("term", value), "coupling_stderr": ("term", error), "exact": ("term", known)},
        coords={"term": list(_TERMS)},
        attrs={"r": model.r, "method": "score matching"},
    )
    return rows, {"gaussian": group}


def _score_moments(x: Floats) -> Floats:
    """Of every draw (chain, draw, 4, 5): ∇S_a·∇S_b, and ∇²S_a in the last column; per site."""
    sides = (-2, -1)
    near = np.roll(x, 1, -1) + np.roll(x, -1, -1) + np.roll(x, 1, -2) + np.roll(x, -1, -2)
    ahead, behind = np.roll(x, 1, -2), np.roll(x, -1, -2)
    diagonal = np.roll(ahead + behind, 1, -1) + np.roll(ahead + behind, -1, -1)
    slopes = (2.0 * x, near, diagonal, 4.0 * x**3)
    result = np.zeros((*x.shape[:2], len(slopes), len(slopes) + 1))
    for a, one in enumerate(slopes):
        for b in range(a, len(slopes)):
            result[..., a, b] = result[..., b, a] = (one * slopes[b]).mean(axis=sides)
    result[..., 0, -1] = 2.0
    result[..., 3, -1] = 12.0 * np.square(x).mean(axis=sides)
    return result


def _matched(moments: Floats) -> Floats:
    return np.asarray(-np.linalg.solve(moments[:, :-1], moments[:, -1]))


def _kurtosis(x: npt.NDArray[Any], blocks: int) -> tuple[float, float]:
    """⟨m⁴⟩/⟨m²⟩² − 3 of the mean m over the lattice (⟨m⟩ = 0), and its error."""
    m = x.mean(axis=(-2, -1), dtype=np.float64)
    edges, _ = stats.long_blocks({"the mean over the lattice": m}, blocks)
    means = stats.block_means(np.stack([m**2, m**4], axis=-1), edges)
    value, error = stats.jackknife(means, lambda v: v[1] / v[0] ** 2 - 3.0, edges[:, 2] - edges[:, 1])
    return float(value), float(error)


def sparsity(model: Ising, data: xr.Dataset) -> Found:
    """Couplings fitted at growing distance vanish beyond the range of H; correlations do not."""
    offsets = [d for d in DISTANCES if 2 * max(d) < min(model.shape)]
    chosen = [operator(f"{d}", ((0, 0), d)) for d in offsets]
    found = flow.couplings([data], chosen).isel(level=0)
    value, error = found["coupling"].values, found["coupling_stderr"].values
    x = data["spin"].transpose("chain", "draw", "y", "x").values
    sums = np.stack([_correlation(x, d) for d in offsets], axis=-1)
    correlations = [stats.mean(sums[..., k]) for k in range(len(offsets))]
    limit = z_limit(len(offsets))
    beyond = int((np.abs(value[1:] / error[1:]) > limit).sum())
    far = correlations[-1]
    bound = float(np.abs(value[1:]).max())
    group = xr.Dataset(
        {
            "coupling": ("distance", value),
            "coupling_stderr": ("distance", error),
            "correlation": ("distance", [item.value for item in correlations]),
            "correlation_stderr": ("distance", [item.stderr for item in correlations]),
        },
        coords={"distance": [math.hypot(*d) for d in offsets], "offset": ("distance", [f"{d}" for d in offsets])},
        attrs={"K": model.K, "method": found.attrs["method"], "largest_beyond": bound},
    )
    rows = [
        Row(2, "fitted coupling of neighbours", float(value[0]), float(error[0]), "equal", model.K),
        Row(2, f"couplings ≠ 0 at {len(offsets) - 1} distances beyond", float(beyond), 0.0, "count", 0.0),
        Row(2, f"correlation at the farthest, {offsets[-1]}", far.value, far.stderr, "differs", 0.0),
    ]
    return rows, {"locality": group}


def _correlation(x: npt.NDArray[Any], offset: tuple[int, int]) -> Floats:
    """s_0 s_r of each draw, averaged over sites and the images of r = offset."""
    images = {(a, b) for pair in (offset, offset[::-1]) for a in (pair[0], -pair[0]) for b in (pair[1], -pair[1])}
    return np.asarray(
        sum((x * np.roll(x, r, (-2, -1))).mean(axis=(-2, -1), dtype=np.float64) for r in images) / len(images)
    )


def convolution(data: xr.Dataset, seed: int, blocks: int = 64) -> Found:
    """A coupling of its own for every bond, fitted, scatters about one kernel as far as its errors say.

    Pseudo-likelihood of each site of one sublattice given its four neighbours holds every bond once, and fits at sites
    that are no neighbours have independent errors. Each site's four couplings j with their jackknife covariance C give
    χ² = (j − k)ᵀ C⁻¹ (j − k) about the mean k of all sites (the kernel, 4 numbers), divided by its mean for a C from n
    blocks, 4 (n − 1)/(n − 6) (Hotelling 1931). The control has the same draws, seen through a random gauge
    s_i → ε_i s_i, whose exact couplings K ε_i ε_j know their place (Mattis 1976).
    """
    x = data["spin"].transpose("chain", "draw", "y", "x").values
    edges, _ = stats.long_blocks({"energy": data["energy"].transpose("chain", "draw").values}, blocks)
    gauge = np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), x.shape[2:])
    fits = [_by_site(part, edges) for part in (x, x * gauge)]
    rows, variables = [], {}
    names = ("couplings", "control")
    for name, (j, covariance), rule in zip(names, fits, ("equal", "differs"), strict=True):
        ratio = _scatter(j, covariance, len(edges))
        value, error = float(ratio.mean()), float(ratio.std(ddof=1) / math.sqrt(len(ratio)))
        words = f"{j.size} bonds about one kernel, χ²/dof"
        rows.append(Row(3, words if rule == "equal" else "the same through a random gauge", value, error, rule, 1.0))
        variables[name] = (("site", "neighbour"), j)
        variables[f"{name}_stderr"] = (("site", "neighbour"), np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)))
    group = xr.Dataset(variables, attrs={"bonds": int(fits[0][0].size), "kernel": 4, "blocks": len(edges)})
    return rows, {"bonds": group}


def _by_site(x: npt.NDArray[Any], edges: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Couplings (sites, 4) of the sites of one sublattice, and their jackknife covariances (sites, 4, 4)."""
    even = np.indices(x.shape[2:]).sum(axis=0) % 2 == 0
    centre = x[..., even]
    around = np.stack([np.roll(x, step, (-2, -1))[..., even] for step in _STEPS], axis=-1)
    # s_i times its neighbours, as one of 16 patterns: all that the likelihood of a site depends on
    code = ((centre[..., None] * around) > 0) @ (2 ** np.arange(4))
    patterns = (((np.arange(16)[:, None] >> np.arange(4)) & 1) * 2 - 1).astype(np.float64)
    counts = np.stack(
        [
            np.apply_along_axis(np.bincount, 0, code[chain, start:stop], minlength=16)
            for chain, start, stop in edges.tolist()
        ]
    )  # (blocks, 16, sites)
    found, covariances = [], []
    for site in range(counts.shape[2]):
        own = counts[:, :, site].astype(np.float64)
        best = fit(patterns, own.sum(axis=0), [f"neighbour {k}" for k in range(4)], f"site {site}")
        replicas = np.empty((len(own), 4))
        for k, part in enumerate(own):
            _, gradient, information = pseudo_likelihood(patterns, own.sum(axis=0) - part, best)
            replicas[k] = np.linalg.solve(information, gradient)
        centred = replicas - replicas.mean(axis=0)
        found.append(best)
        covariances.append((len(own) - 1) / len(own) * centred.T @ centred)
    return np.array(found), np.array(covariances)


def _scatter(j: Floats, covariance: Floats, blocks: int) -> Floats:
    """χ² of each site about the mean kernel, over its expected value: (sites,)."""
    size = j.shape[1]
    off = j - j.mean(axis=0)
    chi2 = np.einsum("ia,iab,ib->i", off, np.linalg.inv(covariance), off)
    expected = size * (1.0 - 1.0 / len(j)) * (blocks - 1) / (blocks - size - 2)
    return np.asarray(chi2 / expected)
