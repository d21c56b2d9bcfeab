"""Fisher information that coarse levels keep about a coupling.

For p(x) ∝ exp(K S(x) + …) the score about K is S − ⟨S⟩, so the configuration holds I_0 = Var S nats per squared
unit of K (S = Σ_<ij> s_i s_j for K, Σ s for h; a Gibbs family's S is sufficient). A level y = f(x) keeps

    I(y) = Var E[S | y] ≤ I_0 ,

the data-processing inequality; the fraction I(y)/I_0 is the squared correlation of S with its best predictor from y.
Any predictor g(y) that was fitted on other data gives a lower bound,

    I(y)/I_0 ≥ 1 − ⟨(S − g)²⟩ / Var S ,

here with g linear in the level's operator sums, fitted on the other folds, so that regression noise can only lower
it. Exact values on tiny lattices: `rgnet.exact.retained`. Claims C2, C3; Cover & Thomas (2006), ch. 2, 11.

Several couplings θ_a of sums S_a: I_0 = Cov(S), a matrix, and a level keeps I(y) = Cov(E[S | y]) ⪯ I_0 in the order of
positive matrices. With any predictor g(y) fitted on other data,

    I(y) ⪰ Cov(S) − ⟨(S − g)(S − g)ᵀ⟩ ,

for ⟨(S − g)(S − g)ᵀ⟩ = ⟨Cov(S | y)⟩ + a positive matrix. The generalised eigenvectors, I(y) v = μ I_0 v with
0 ≤ μ ≤ 1, are the combinations of couplings that the level keeps (μ → 1) and loses (μ → 0), whatever their units;
det I(y)/det I_0 = Π μ.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import operators as ops
from rgnet import stats

FOLDS = 8
SCORES = {"K": ("nn", "even"), "h": ("m", "odd")}

Array = npt.NDArray[np.float64]


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
    _check_level_zero(levels[0])
    if about == "K":
        _check_score(levels[0])
    score_array = ops.measured(levels[0], [score_name]).isel(operator=0)
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
        values = _chain_draw(sums)
        if values.shape[:2] != score.shape:
            raise ValueError(
                f"a level has {values.shape[:2]} (chain, draw), level 0 has {score.shape}: they must correspond"
            )
        rows.append(_bound(score, values, edges))
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


def _check_score(level: Any) -> None:
    """Refuse models whose K is not conjugate to the sum over nearest neighbours of a hypercubic lattice."""
    from rgnet import labels

    name = json.loads(level.attrs["model"])["name"] if "model" in level.attrs else "Ising"
    if name != "Ising" or labels.lattice_kind(level) != "hypercubic":
        raise ValueError(
            f"about='K' of {name}, {labels.lattice_kind(level)} lattice: "
            f"the score about K is Σ s s over nearest neighbours for Ising models on hypercubic lattices alone; "
            f"elsewhere Var of model.conjugate(spin) is the information at level 0, and what coarse levels keep can be "
            f"asked about labels, about=labels"
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
    blocks = np.empty((len(edges), 3))
    for index, (s, residual) in enumerate(_held_out(score, regressors, edges)):
        blocks[index] = (residual**2).mean(), s.mean(), (s**2).mean()

    def bound(m: Any) -> Any:
        variance = m[2] - m[1] ** 2
        return np.array([1.0 - m[0] / variance, variance - m[0]])

    value, error = stats.jackknife(blocks, bound, edges[:, 2] - edges[:, 1])
    return float(value[0]), float(error[0]), float(value[1]), float(error[1])


def _held_out(score: Any, regressors: Any, edges: Any) -> list[tuple[Any, Any]]:
    """The score of each block, centred, and what a regression on the other folds leaves of it."""
    # For the numerics; each fold's fit has its own intercept
    centred = score - (score.mean() if score.ndim == 2 else score.mean(axis=(0, 1)))
    x = regressors - regressors.mean(axis=(0, 1))
    spread = x.std(axis=(0, 1))
    x = x[..., spread > 0] / spread[spread > 0]
    fold = np.arange(len(edges)) * min(FOLDS, len(edges)) // len(edges)
    design = np.concatenate([np.ones((*score.shape[:2], 1)), x], axis=-1)
    parts = [(design[c, a:b], centred[c, a:b]) for c, a, b in edges]
    gram = np.stack([d.T @ d for d, _ in parts])
    moment = np.stack([d.T @ s for d, s in parts])
    result: list[tuple[Any, Any]] = [(None, None)] * len(edges)
    for f in np.unique(fold):
        train = fold != f
        # The smallest solution: operators that coincide on a small level share their weight
        weights = np.linalg.lstsq(gram[train].sum(axis=0), moment[train].sum(axis=0), rcond=1e-10)[0]
        for index in np.flatnonzero(fold == f):
            d, s = parts[index]
            result[index] = s, s - d @ weights
    return result


def fisher_matrix(level: Any, about: Sequence[str | ops.Operator] = ("K", "h"), *, blocks: int = 64) -> xr.Dataset:
    """Fisher information matrix of the microscopic level about several couplings: the covariance of their sums.

    Parameters
    ----------
    level : Dataset, or operator sums (`rgnet.operators.measure`)
        Level 0.
    about : sequence of "K", "h", names of operators, or Operators
        The couplings; that of the operator "nnn", say, is called "nnn".
    blocks : int
        Number of jackknife blocks, as in `retained`.

    Returns
    -------
    Dataset over ``parameter`` and ``other``
        ``fisher`` and ``fisher_stderr``.

    Raises
    ------
    ValueError, ShortChainError
        As `retained_matrix`.
    """
    return retained_matrix([level], about, blocks=blocks).isel(level=0)[["fisher", "fisher_stderr"]]


def retained_matrix(
    levels: Sequence[Any],
    about: Sequence[str | ops.Operator] = ("K", "h"),
    *,
    operators: Sequence[str | ops.Operator] | None = None,
    blocks: int = 64,
) -> xr.Dataset:
    """Fisher information about several couplings kept at each level: matrices, determinants, directions.

    Parameters
    ----------
    levels, operators, blocks
        As `retained`; the default operators are the standard sets of both sectors.
    about : sequence of "K", "h", names of operators, or Operators
        The couplings; that of the operator "nnn", say, is called "nnn".

    Returns
    -------
    Dataset over ``level``, ``parameter``, ``other`` and ``mode``
        ``fisher`` (level, parameter, other): Cov(S) at level 0, lower bounds in the order of positive matrices beyond;
        ``fraction`` (level, mode): the generalised eigenvalues μ, largest first, and ``direction`` (level, mode,
        parameter) their vectors v, with vᵀ I_0 v = 1 and the largest component positive (at level 0 every direction
        is kept: the principal axes of I_0); ``determinant`` (level): Π μ, with a minus sign where a μ is negative,
        so that nothing is shown to be kept. Each with ``_stderr`` (jackknife). ``kind``: "exact" for the fractions
        of level 0, "lower" beyond. Negative values are noise about zero and are not clipped. The extreme μ of a noisy
        matrix lie apart by order 1/blocks more than the true ones.

    Raises
    ------
    ValueError
        If there is no level, a coupling is unknown or named twice, the sums are linearly dependent (I_0 is singular),
        or the levels' draws do not correspond.
    ShortChainError
        If the chains are too short for the autocorrelation time of a score.
    """
    if isinstance(about, str | ops.Operator):
        about = (about,)
    if len(levels) == 0:
        raise ValueError("levels=[]: give at least the microscopic level, as Network.levels returns them")
    levels = [ops.as_level(level) for level in levels]
    names = [item.name if isinstance(item, ops.Operator) else str(item) for item in about]
    if "K" in names:
        _check_score(levels[0])
    if not names or len(set(names)) < len(names):
        raise ValueError(f"about={names}: name one coupling or more, each once")
    _check_level_zero(levels[0])
    wanted = [item if isinstance(item, ops.Operator) else SCORES.get(item, (item,))[0] for item in about]
    score = _chain_draw(ops.measured(levels[0], wanted))
    edges, _ = stats.long_blocks({f"the score about {n}": score[..., a] for a, n in enumerate(names)}, blocks)
    _check_rank(score, names)
    used = [[SCORES[n][0] if n in SCORES else n for n in names]]
    residuals: list[Any] = [None]
    for level in levels[1:]:
        sums = ops.measured(level, operators if operators is not None else _both_sectors(level))
        used.append([str(name) for name in sums["operator"].values])
        values = _chain_draw(sums)
        if values.shape[:2] != score.shape[:2]:
            raise ValueError(
                f"a level has {values.shape[:2]} (chain, draw), level 0 has {score.shape[:2]}: they must correspond"
            )
        residuals.append(_held_out(score, values, edges))
    rows = [_matrices(score, residual, edges) for residual in residuals]
    square, modes = ("level", "parameter", "other"), ("level", "mode")
    dims = {"fisher": square, "fraction": modes, "direction": (*modes, "parameter"), "determinant": ("level",)}
    variables: dict[str, Any] = {}
    for k, (name, axes) in enumerate(dims.items()):
        variables[name] = (axes, np.stack([row[k][0] for row in rows]))
        variables[f"{name}_stderr"] = (axes, np.stack([row[k][1] for row in rows]))
    return xr.Dataset(
        variables | {"kind": ("level", ["exact"] + ["lower"] * (len(levels) - 1))},
        coords={
            "level": [int(level.attrs.get("level", k)) for k, level in enumerate(levels)],
            "parameter": names,
            "other": names,
            "mode": np.arange(len(names)),
        },
        attrs={
            "about": json.dumps(names),
            "method": f"linear regression of the scores on operator sums, {FOLDS}-fold cross-validated by blocks",
            "operators": json.dumps(used),
            "draws": int(math.prod(score.shape[:2])),
        },
    )


def _chain_draw(sums: Any) -> Array:
    """Operator sums as (chain, draw, column), those of several components side by side."""
    values = sums.transpose(*(n for n in ("chain", "draw", "component", "operator") if n in sums.dims)).values
    return np.asarray(values.reshape(sums.sizes.get("chain", 1), sums.sizes["draw"], -1), dtype=np.float64)


def _check_level_zero(level: Any) -> None:
    number = int(level.attrs.get("level", 0))
    if number != 0:
        raise ValueError(f"the first level given is level {number}: scores about couplings are known only at level 0")
    if "component" in level.dims:
        raise ValueError(
            f"level 0 has {level.sizes['component']} components, such as the links of dimers: scores about K and h are "
            "those of a model of one spin a site; give labels as about="
        )


def _both_sectors(level: Any) -> tuple[ops.Operator, ...]:
    return (*_default(level, "even"), *_default(level, "odd"))


def _check_rank(score: Array, names: Sequence[str]) -> None:
    rows = score.reshape(-1, score.shape[-1])
    for name, column in zip(names, rows.T, strict=True):
        if np.ptp(column) == 0:
            raise ValueError(
                f"the sum conjugate to {name} is {column[0]:g} in every draw: there is no information about it to keep"
            )
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    if np.linalg.matrix_rank(scaled.T @ scaled / len(rows), tol=1e-10, hermitian=True) < len(names):
        raise ValueError(
            f"the sums conjugate to {', '.join(names)} are linearly dependent on this lattice: their couplings cannot "
            f"be told apart; leave one out"
        )


def _matrices(score: Array, held_out: Any, edges: Any) -> list[tuple[Any, Any]]:
    """Value and error of the Fisher matrix, the fractions, the directions and the determinant ratio of one level."""
    k = score.shape[-1]
    centred = score - score.mean(axis=(0, 1))
    parts = [(centred[c, a:b],) * 2 for c, a, b in edges] if held_out is None else held_out
    blocks = np.empty((len(edges), 2 * k + 1, k))
    for index, (s, residual) in enumerate(parts):
        blocks[index, 0] = s.mean(axis=0)
        blocks[index, 1 : k + 1] = s.T @ s / len(s)
        blocks[index, k + 1 :] = 0.0 if held_out is None else residual.T @ residual / len(s)
    overall = np.average(blocks, axis=0, weights=edges[:, 2] - edges[:, 1])
    reference = _modes(overall)[1]

    def function(m: Any) -> Any:
        fractions, vectors = _modes(m)
        # A vector's sign is a choice: that of the overall vector with which it has most in common
        covariance = m[1 : k + 1] - np.outer(m[0], m[0])
        vectors = vectors * np.where(np.einsum("ia,ab,ib->i", vectors, covariance, reference) < 0, -1.0, 1.0)[:, None]
        determinant = -abs(fractions.prod()) if (fractions < 0).any() else fractions.prod()
        return np.concatenate([(covariance - m[k + 1 :]).ravel(), fractions, vectors.ravel(), [determinant]])

    value, error = stats.jackknife(blocks, function, edges[:, 2] - edges[:, 1])
    if held_out is None:  # level 0 keeps all of itself, exactly
        value[k * k : k * k + k], error[k * k : k * k + k], value[-1], error[-1] = 1.0, 0.0, 1.0, 0.0
    cuts = np.cumsum([k * k, k, k * k])
    shapes = ((k, k), (k,), (k, k), ())
    return [
        (v.reshape(shape), e.reshape(shape))
        for v, e, shape in zip(np.split(value, cuts), np.split(error, cuts), shapes, strict=True)
    ]


def _modes(m: Any) -> tuple[Array, Array]:
    """Generalised eigenvalues, largest first, and vectors (mode, parameter) of one set of moments.

    Where nothing is lost (level 0) every direction is one, and the principal axes of I_0 are given.
    """
    k = m.shape[1]
    covariance = m[1 : k + 1] - np.outer(m[0], m[0])
    lengths, axes = np.linalg.eigh(covariance)
    whiten = axes[:, ::-1] / np.sqrt(lengths[::-1])  # columns v with vᵀ I_0 v = 1
    if not m[k + 1 :].any():
        fractions, vectors = np.ones(k), whiten.T
    else:
        lost, rotation = np.linalg.eigh(whiten.T @ m[k + 1 :] @ whiten)
        fractions, vectors = 1.0 - lost, (whiten @ rotation).T
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    return fractions, vectors * np.where(largest < 0, -1.0, 1.0)
