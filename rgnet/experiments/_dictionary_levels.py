"""Pairs of the dictionary that are about coarse-graining: distillation, noise, features.

With S the operator sums of the microscopic level and S' those of a coarser one, T = A⁻¹B, A = cov(S', S'),
B = cov(S', S), takes a change v of the couplings to T v (`rgnet.flow.mcrg`). Of the Fisher information vᵀ cov(S, S) v
about the strength of v, the coarse level keeps (by regression on S')

    f(v) = vᵀ Bᵀ A⁻¹ B v / vᵀ cov(S, S) v .

For an eigenvector, T v = λ v, that is λ² vᵀ A v / vᵀ cov(S, S) v: b^{2y − d} for one step of scale b, y = ln λ/ln b,
where fluctuations per site are the same on both levels. So whatever has 2y < d is lost in time, however little of it a
step loses; irrelevant directions (y < 0) lose at least 1 − b^{−d} in every step; and relevant ones with 2y > d are
kept, since their fluctuations grow with the lattice as b^{2y − d} themselves.

Regression on the operators of the coarse level gives a lower bound of what it knows. On 16 × 16 at K_c, 11 even and 10
odd operators instead of 4 raise no share by more than 0.005.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import information, stats
from rgnet import operators as ops
from rgnet.experiments._dictionary_rows import Row

Floats = npt.NDArray[np.float64]
Found = tuple[list[Row], dict[str, xr.Dataset]]


def distillation(levels: Sequence[xr.Dataset]) -> Found:
    """Fisher information about K and h kept at every level, beside the share of bits."""
    sites = [level["spin"].sizes["y"] * level["spin"].sizes["x"] for level in levels]
    rows = []
    variables: dict[str, Any] = {}
    for about in ("K", "h"):
        kept = information.retained(levels, about)
        value, error = kept["fraction"].values, kept["fraction_stderr"].values
        words = f"about {about}, in 1/{sites[0] // sites[-1]} of the bits"
        rows.append(Row(7, words, float(value[-1]), float(error[-1]), "share"))
        variables |= {about: ("level", value), f"{about}_stderr": ("level", error)}
    group = xr.Dataset(
        variables | {"bits": ("level", np.array(sites, dtype=np.int64))},
        coords={"level": np.arange(len(levels))},
        attrs={"kind": "lower bounds"},
    )
    return rows, {"distillation": group}


def directions(levels: Sequence[xr.Dataset], blocks: int = 64) -> Found:
    """Eigen-directions of the flow from level 0 to 1, and the information about each that every level keeps."""
    rows, groups = [], {}
    last = len(levels) - 1
    for sector, letter in (("even", "t"), ("odd", "h")):
        found = groups[f"directions/{sector}"] = _sector(levels, sector, blocks)
        seen = set()
        for relevant, size, kept in kinds(found):
            if relevant in seen:
                continue  # of each kind the leading one
            seen.add(relevant)
            words = f"{sector}, λ = {size:.2f}" + (f", y_{letter} = {np.log2(size):.2f}" if relevant else "")
            share, error = float(kept["kept"][last]), float(kept["kept_stderr"][last])
            rows.append(Row(9 if relevant else 8, words, share, error, "share"))
    return rows, groups


def kinds(sector: xr.Dataset) -> list[tuple[bool, float, xr.Dataset]]:
    """Whether relevant, λ, and its part, of each direction with a real λ that is told from 1 by two errors."""
    parts = [sector.isel(direction=k) for k in range(sector.sizes["direction"])]
    return [
        (float(part["eigenvalue"]) > 1.0, float(part["eigenvalue"]), part)
        for part in parts
        if abs(float(part["eigenvalue"]) - 1.0) > 2.0 * float(part["eigenvalue_stderr"])
    ]


def _sector(levels: Sequence[xr.Dataset], sector: str, blocks: int) -> xr.Dataset:
    """Eigenvalues, and information kept (direction, level) with jackknife errors, of one sector."""
    chosen = [item for item in ops.defaults(2, sector) if _is_free(item, levels)]
    sums = [ops.measure(level, chosen).transpose("chain", "draw", "operator").values.astype(float) for level in levels]
    sums = [item - item.mean(axis=(0, 1)) for item in sums]
    edges, _ = stats.long_blocks(
        {f"{chosen[0].name} of level {k}": item[..., 0] for k, item in enumerate(sums)}, blocks
    )
    z = np.concatenate([np.ones((*sums[0].shape[:2], 1)), *sums], axis=-1)
    moments = np.stack([z[c, a:b].T @ z[c, a:b] / (b - a) for c, a, b in edges.tolist()])
    weights = edges[:, 2] - edges[:, 1]
    number = len(chosen)
    reference = _eigen(_blocks(np.average(moments, axis=0, weights=weights), number))[1]
    inverse = np.linalg.pinv(reference)

    def kept(mean: Any) -> Floats:
        parts = _blocks(mean, number)
        sizes, vectors = _eigen(parts)
        order = np.abs(inverse @ vectors).argmax(axis=1)  # the same directions in every replicate
        sizes, vectors = sizes[order], vectors[:, order]
        own = np.einsum("av,ab,bv->v", vectors, parts[0][0], vectors)
        rows = [np.real(sizes), np.ones(number)]
        for k in range(1, len(levels)):
            carried = parts[k][0] @ vectors
            rows.append(np.einsum("av,av->v", carried, np.linalg.solve(parts[k][k], carried)) / own)
        return np.stack(rows)

    value, error = stats.jackknife(moments, kept, weights)
    return xr.Dataset(
        {
            "eigenvalue": ("direction", value[0]),
            "eigenvalue_stderr": ("direction", error[0]),
            "kept": (("direction", "level"), value[1:].T),
            "kept_stderr": (("direction", "level"), error[1:].T),
            "vector": (("direction", "operator"), reference.T),
        },
        coords={"level": np.arange(len(levels)), "operator": [item.name for item in chosen]},
        attrs={"b": 2, "draws": int(sums[0].shape[0] * sums[0].shape[1])},
    )


def _is_free(item: ops.Operator, levels: Sequence[xr.Dataset]) -> bool:
    """Whether the operator is one of its own, neither constant nor another's double, on every level's lattice."""
    side = min(min(level["spin"].sizes["y"], level["spin"].sizes["x"]) for level in levels)
    return 2 * item.reach <= side


def _blocks(moments: Floats, number: int) -> list[list[Floats]]:
    """cov(S^k, S^l) of levels k, l."""
    matrix = moments[1:, 1:] - moments[1:, :1] * moments[:1, 1:]
    count = len(matrix) // number
    return [
        [matrix[k * number : (k + 1) * number, m * number : (m + 1) * number] for m in range(count)]
        for k in range(count)
    ]


def _eigen(parts: list[list[Floats]]) -> tuple[Floats, Floats]:
    """Eigenvalues of T from level 0 to 1 by falling size, NaN where complex, and unit vectors (operator, direction).

    Of a complex pair the two vectors are the real and the imaginary part, which span the same plane.
    """
    values, vectors = np.linalg.eig(np.linalg.solve(parts[1][1], parts[1][0]))
    order = np.lexsort((-values.imag, -np.abs(values)))
    values, vectors = values[order], vectors[:, order]
    flat = np.where(values.imag < 0, vectors.imag, vectors.real)
    return np.where(values.imag == 0, values.real, np.nan), flat / np.linalg.norm(flat, axis=0)
