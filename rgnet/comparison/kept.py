"""What each level keeps of the cause, read with the same few numbers from every network.

*Couplings.* Fisher information about K or h: the score S − ⟨S⟩ of level 0 is predicted from the level by a regression
fitted on other blocks of draws, and I(y) ≥ Var S − ⟨(S − g)²⟩, as `rgnet.information.fisher` explains; there a level of
one component has the same regressors and the same value. *Labels.* Mutual information from below, by a classifier
on held-out draws (`rgnet.information.classifier`).

*What is read off a level* (for a network is judged by what can be read off it): the standard operator sums of both
sectors, of each component; in a level of one site, the components and their squares and products, where they are many
those of the leading principal axes.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import labels, stats
from rgnet import operators as ops
from rgnet.comparison.spins import is_spin
from rgnet.information.classifier import classifier_bound

Array = npt.NDArray[Any]
SCORES = {"K": ("nn", "even"), "h": ("m", "odd")}
FOLDS = 8
_AXES = 32  # components, at most, that are read one by one
_PAIRS = 8  # and in products


def regressors(level: xr.Dataset, values: Array, sector: str | None) -> Array:
    """Numbers of each draw (chain, draw, column) that are read off a level; of one sector where parity is known."""
    boundary = labels.boundary(level)
    sides = values.shape[3:]
    if values.shape[2] == 1 and math.prod(sides) > 1:
        sectors = ("even", "odd") if sector is None else (sector,)
        real = values.dtype.kind == "f"
        chosen = [item for s in sectors for item in ops.defaults(len(sides), s, real=real)]
        return np.asarray(ops.sums(values[:, :, 0], chosen, boundary), dtype=np.float64)
    means = values.reshape(*values.shape[:3], -1).mean(axis=-1, dtype=np.float64)
    axes = principal(means, _AXES)
    columns = [axes]
    if math.prod(sides) > 1:
        names = [item for item in ("nn", "nnn") if len(sides) > 1 or item == "nn"]
        chosen = list(ops.resolve(names, len(sides)))
        if not is_spin(values):
            chosen += list(ops.resolve(["phi2"], len(sides)))
        rows = np.concatenate(
            [ops.sums(values[:, :, c], chosen, boundary) for c in range(values.shape[2])], axis=-1
        ).astype(np.float64)
        columns.append(principal(rows, 2 * _AXES))
    lead = axes[..., :_PAIRS]
    first, second = np.triu_indices(lead.shape[-1])
    columns.append(lead[..., first] * lead[..., second])
    return np.concatenate(columns, axis=-1)


def principal(x: Array, most: int) -> Array:
    """Columns (chain, draw, k), centred and scaled; where they are more than ``most``, on their principal axes."""
    rows = x.reshape(-1, x.shape[-1]) - x.mean(axis=(0, 1))
    spread = rows.std(axis=0)
    rows = rows[:, spread > 1e-12 * np.maximum(1.0, np.abs(rows).max(axis=0))]
    rows = rows / rows.std(axis=0)
    if rows.shape[1] > most:
        rows = rows @ np.linalg.eigh(rows.T @ rows)[1][:, : -most - 1 : -1]
        rows = rows / rows.std(axis=0)
    return np.asarray(rows.reshape(*x.shape[:2], -1))


def score(data: xr.Dataset, about: str) -> Array:
    """S of each draw, (chain, draw)."""
    found = ops.measure(data, [SCORES[about][0]]).isel(operator=0)
    return np.asarray(found.transpose("chain", "draw").values, dtype=np.float64)


def fisher(score_: Array, columns: Array | None, edges: Array) -> tuple[float, float, float, float]:
    """Fisher information and its error, its fraction of level 0's and its error; level 0's own for no columns."""
    s = score_ - score_.mean()
    residual = np.zeros_like(s) if columns is None else _residual(s, columns, edges)
    moments = stats.block_means(np.stack([residual**2, s, s**2], axis=-1), edges)

    def both(m: Array) -> Array:
        variance = m[2] - m[1] ** 2
        return np.array([variance - m[0], 1.0 - m[0] / variance])

    value, error = stats.jackknife(moments, both, edges[:, 2] - edges[:, 1])
    return float(value[0]), float(error[0]), float(value[1]), float(error[1])


def _residual(s: Array, columns: Array, edges: Array) -> Array:
    """What a regression fitted on the other folds of blocks leaves of each draw's score."""
    x = columns - columns.mean(axis=(0, 1))
    spread = x.std(axis=(0, 1))
    x = x[..., spread > 0] / spread[spread > 0]
    design = np.concatenate([np.ones((*s.shape, 1)), x], axis=-1)
    parts = [(design[c, a:b], s[c, a:b]) for c, a, b in edges]
    products = np.stack([d.T @ d for d, _ in parts])
    moments = np.stack([d.T @ t for d, t in parts])
    fold = np.arange(len(edges)) * min(FOLDS, len(edges)) // len(edges)
    result = np.zeros_like(s)
    for f in np.unique(fold):
        train = fold != f
        # The smallest solution: operators that coincide on a small level share their weight
        weights = np.linalg.lstsq(products[train].sum(axis=0), moments[train].sum(axis=0), rcond=1e-10)[0]
        for place in np.flatnonzero(fold == f):
            c, a, b = edges[place]
            result[c, a:b] = s[c, a:b] - design[c, a:b] @ weights
    return result


def about_labels(columns: Array, y: xr.DataArray, seed: int) -> tuple[float, float, str]:
    """Mutual information with labels (chain, draw) from below, in nats: value, error, a note where there is none."""
    table = xr.DataArray(columns, dims=("chain", "draw", "column"))
    try:
        found = classifier_bound(table, y.drop_vars(list(y.coords)), features="raw", seed=seed)
    except ValueError as error:
        return math.nan, math.nan, str(error)
    return found.value, found.stderr, ""


def entropy_of(y: xr.DataArray) -> float:
    """Entropy of the frequencies of labels, in nats."""
    p = np.unique(y.values, return_counts=True)[1] / y.size
    return -float(p @ np.log(p))
