"""The tangent of the critical manifold: which changes of the couplings leave a critical model critical.

Coarse operators know about the microscopic couplings K_b through

    ∂⟨S_a^n⟩/∂K_b = cov(S_a^n, S_b^0) = Σ_c A_ac ∂K_c^n/∂K_b .

Under the flow every irrelevant direction dies, so that for n → ∞ the row tends to a multiple of the left eigenvector
of the relevant one, whatever the coarse operator a: the gradient of the scaling field, normal to the critical
manifold. Its ratios need no matrix inversion and hence no truncation (Wu & Car 2019, Phys. Rev. E 100, 022138,
arXiv:1903.08231). What is left at finite n is the decay of irrelevant directions, and on small lattices the
finite size.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from rgnet import operators as ops
from rgnet import stats
from rgnet.flow import _sums


def tangent(
    levels: Sequence[Any],
    operators: _sums.Chosen = None,
    sector: str = "even",
    row: str | ops.Operator | None = None,
    blocks: int = 64,
) -> xr.Dataset:
    """Ratios cov(S_row^n, S_b^0)/cov(S_row^n, S_first^0), which tend to the critical-manifold row as n grows.

    Parameters
    ----------
    levels : list of Datasets, or of operator sums (`rgnet.operators.measure`)
        As ``Network.levels`` returns them; the first is the microscopic level.
    operators : sequence of names or Operators, optional
        Couplings b of the sector, the first being the unit; by default as in `rgnet.flow.mcrg`.
    sector : "even" or "odd"
    row : name or Operator, optional
        The coarse operator, of the same sector; by default the first of ``operators``. Any choice has the same limit.
    blocks : int
        Number of jackknife blocks, as in `rgnet.flow.mcrg`.

    Returns
    -------
    Dataset over (level, operator)
        ``ratio`` and ``ratio_stderr`` for n = 1, 2, …; 1 and 0 for the first operator.

    Raises
    ------
    ValueError
        If there are fewer than two levels, they do not follow one another on the same draws, an operator is of the
        wrong sector, or the row's operator is constant at some level (or the first operator at level 0).
    ShortChainError
        If there are fewer than 20 blocks of 5 autocorrelation times.
    """
    items = _sums.as_list(levels, 2)
    if sector not in ("even", "odd"):
        raise ValueError(f'sector={sector!r}: it is "even" or "odd"')
    chosen = _sums.choose(items, sector, operators)
    if not chosen:
        raise ValueError(f"operators=[]: no operator of the {sector} sector; give at least two, such as 'nn' and 'nnn'")
    coarse = chosen[0] if row is None else _sums.choose(items, sector, row)[0]
    together = chosen if coarse in chosen else (*chosen, coarse)
    ops.resolve(together, together[0].ndim)  # one name, one operator
    sums = _sums.collect(items, together)
    column = together.index(coarse)
    for index, values in enumerate(sums.values):
        used = 0 if index == 0 else column
        if not values[..., used].any():
            raise ValueError(
                f"operator {together[used].name!r} is constant on {sums.name(index)}: choose another "
                f"{'first operator' if index == 0 else 'row='}, or drop that level"
            )
    edges, tau = _sums.blocks_of_draws(sums, sorted({0, column}), blocks)
    fine = sums.values[0][..., : len(chosen)]
    weights = edges[:, 2] - edges[:, 1]
    rows = []
    for values in sums.values[1:]:
        moments = _sums.block_moments((values[..., column : column + 1], fine), edges)
        rows.append(stats.jackknife(moments, _ratios, weights))
    return xr.Dataset(
        {
            "ratio": (("level", "operator"), np.stack([value for value, _ in rows])),
            "ratio_stderr": (("level", "operator"), np.stack([stderr for _, stderr in rows])),
        },
        coords={
            "level": sums.level[1:],
            "operator": [item.name for item in chosen],
            "scale": ("level", sums.scale[1:]),
        },
        attrs={
            "sector": sector,
            "row": coarse.name,
            "reference": chosen[0].name,
            "operators": json.dumps([item.name for item in chosen]),
            "ndim": chosen[0].ndim,
        }
        | _sums.describe(sums, edges, tau),
    )


def _ratios(moments: _sums.Array) -> _sums.Array:
    """cov(S_row, S_b)/cov(S_row, S_first) from the mean of z zᵀ, z = (1, coarse row, fine sums)."""
    covariances = _sums.covariance(moments)[0, 1:]
    return np.asarray(covariances / covariances[0])
