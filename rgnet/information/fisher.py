"""Fisher information that coarse levels keep about a coupling.

For p(x) ∝ exp(K S(x) + …) the score about K is S − ⟨S⟩, so the configuration holds I_0 = Var S nats per squared
unit of K (S = Σ_<ij> s_i s_j for K, Σ s for h; a Gibbs family's S is sufficient). A level y = f(x) keeps

    I(y) = Var E[S | y] ≤ I_0 ,

the data-processing inequality; the fraction I(y)/I_0 is the squared correlation of S with its best predictor from y.
Any predictor g(y) that was fitted on other data gives a lower bound,

    I(y)/I_0 ≥ 1 − ⟨(S − g)²⟩ / Var S ,

here with g linear in the level's operator sums, fitted on the other folds, so that regression noise can only lower
it. Exact values on tiny lattices: `rgnet.exact.retained`. Claims C2, C3; Cover & Thomas (2006), ch. 2, 11.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from rgnet import operators as ops
from rgnet import stats

FOLDS = 8
SCORES = {"K": ("nn", "even"), "h": ("m", "odd")}


def retained(
    levels: Sequence[Any],
    about: str = "K",
    *,
    operators: Sequence[str | ops.Operator] | None = None,
    blocks: int = 64,
) -> xr.Dataset:
    """Fisher information about a coupling kept at each level, as a fraction of level 0's.

    Parameters
    ----------
    levels : list of Datasets, or of operator sums (`rgnet.operators.measure`)
        As ``Network.levels`` returns them; the first is the microscopic level. Draws correspond across levels.
    about : "K" or "h"
        The coupling.
    operators : sequence of names or Operators, optional
        Regressors at coarse levels; by default the standard set of the coupling's sector.
    blocks : int
        Number of jackknife blocks of consecutive draws, at least 20; fewer are used where they would be shorter than
        5 autocorrelation times of the score.

    Returns
    -------
    Dataset over ``level``
        ``fraction`` and ``fisher`` (dimensionless, couplings being so), each with ``_stderr``, and ``kind``: "exact"
        for the fraction 1 of level 0, "lower" at coarser levels.

    Raises
    ------
    ValueError
        If there is no level, the coupling is unknown, or the levels' draws do not correspond.
    ShortChainError
        If the chains are too short for the autocorrelation time of the score.
    """
    if about not in SCORES:
        raise ValueError(f'about={about!r}: Fisher information is kept about "K" or "h"')
    if len(levels) == 0:
        raise ValueError("levels=[]: give at least the microscopic level, as Network.levels returns them")
    levels = [ops.as_level(level) for level in levels]
    score_name, sector = SCORES[about]
    score_array = ops.measured(levels[0], [score_name]).isel(operator=0)
    if score_array.attrs.get("level", 0) != 0:
        raise ValueError(
            f"the first level given is level {score_array.attrs['level']}: "
            f"the score about {about} is known only at level 0"
        )
    chains = [name for name in ("chain", "draw") if name in score_array.dims]
    score = np.atleast_2d(score_array.transpose(*chains).values.astype(np.float64))
    edges, _ = stats.long_blocks({f"the score about {about}": score}, blocks)
    numbers = [int(ops_level.attrs.get("level", k)) for k, ops_level in enumerate(levels)]
    rows = [_level_zero(score, edges)]
    used = [[score_name]]
    for level in levels[1:]:
        chosen = operators if operators is not None else _default(level, sector)
        sums = ops.measured(level, chosen)
        used.append([str(name) for name in sums["operator"].values])
        values = sums.transpose(*(n for n in ("chain", "draw", "operator") if n in sums.dims)).values
        values = values.reshape(-1, *values.shape[-2:]) if values.ndim == 2 else values
        if values.shape[:2] != score.shape:
            raise ValueError(
                f"a level has {values.shape[:2]} (chain, draw), level 0 has {score.shape}: they must correspond"
            )
        rows.append(_bound(score, values.astype(np.float64), edges))
    table = np.array(rows)
    return xr.Dataset(
        {
            "fraction": ("level", table[:, 0]),
            "fraction_stderr": ("level", table[:, 1]),
            "fisher": ("level", table[:, 2]),
            "fisher_stderr": ("level", table[:, 3]),
            "kind": ("level", ["exact"] + ["lower"] * (len(levels) - 1)),
        },
        coords={"level": numbers},
        attrs={
            "about": about,
            "method": f"linear regression of the score on operator sums, {FOLDS}-fold cross-validated by blocks",
            "operators": json.dumps(used),
            "draws": int(score.size),
        },
    )


def _default(level: Any, sector: str) -> tuple[ops.Operator, ...]:
    """The sector's standard operators for a Dataset; for sums, all of that sector that were measured."""
    if not hasattr(level, "data_vars"):
        return tuple(item for item in ops.loads(level.attrs["operators"]) if item.parity == sector)
    from rgnet import labels

    return ops.defaults(len(labels.space_dims(level)), sector, real=level["spin"].dtype.kind == "f")


def _level_zero(score: Any, edges: Any) -> tuple[float, float, float, float]:
    """Fraction 1 without error; Fisher information Var S with a jackknife error."""
    moments = stats.block_means(np.stack([score, score**2], axis=-1), edges)
    fisher, error = stats.jackknife(moments, lambda m: m[1] - m[0] ** 2, edges[:, 2] - edges[:, 1])
    return 1.0, 0.0, float(fisher), float(error)


def _bound(score: Any, regressors: Any, edges: Any) -> tuple[float, float, float, float]:
    """Cross-validated lower bound: fraction, its error, Fisher information, its error."""
    centred = score - score.mean()  # for the numerics; each fold's fit has its own intercept
    x = regressors - regressors.mean(axis=(0, 1))
    spread = x.std(axis=(0, 1))
    x = x[..., spread > 0] / spread[spread > 0]
    fold = np.arange(len(edges)) * min(FOLDS, len(edges)) // len(edges)
    design = np.concatenate([np.ones((*score.shape, 1)), x], axis=-1)
    parts = [(design[c, a:b], centred[c, a:b]) for c, a, b in edges]
    gram = np.stack([d.T @ d for d, _ in parts])
    moment = np.stack([d.T @ s for d, s in parts])
    blocks = np.empty((len(edges), 3))
    for f in np.unique(fold):
        train = fold != f
        # The smallest solution: operators that coincide on a small level share their weight
        weights = np.linalg.lstsq(gram[train].sum(axis=0), moment[train].sum(axis=0), rcond=1e-10)[0]
        for index in np.flatnonzero(fold == f):
            d, s = parts[index]
            blocks[index] = ((s - d @ weights) ** 2).mean(), s.mean(), (s**2).mean()

    def bound(m: Any) -> Any:
        variance = m[2] - m[1] ** 2
        return np.array([1.0 - m[0] / variance, variance - m[0]])

    value, error = stats.jackknife(blocks, bound, edges[:, 2] - edges[:, 1])
    return float(value[0]), float(error[0]), float(value[1]), float(error[1])
