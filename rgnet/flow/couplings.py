"""Renormalised couplings of every level by maximum pseudo-likelihood.

If a level is distributed as p(s) ∝ exp(Σ_a K_a S_a(s)), s_i = ±1, then given all other spins

    p(s_i | rest) = 1/(1 + exp(−2 Σ_a K_a s_i f_a(i))) ,    f_a(i) = (S_a(s) − S_a(s with s_i reversed))/(2 s_i) .

The couplings maximise Σ_i ln p(s_i | rest) over sites and draws (Besag 1975, J. R. Stat. Soc. D 24, 179): a concave
function of K without the partition function, whose maximum is consistent. Its stationarity conditions are Swendsen's
(1984, Phys. Rev. Lett. 52, 1165) Callen identities, so agreement of the two methods checks nothing.

Coarse levels have infinitely many couplings. Those left out bias the ones kept, which no error bar contains: compare
sets of operators, or simulate at K' and compare operator means.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import expit, log_expit

from rgnet import labels, models
from rgnet import operators as ops
from rgnet.flow import _newton, _sums
from rgnet.flow._local_fields import Array, Fields, local_fields
from rgnet.operators import Operator

_NOTE = "errors are statistical and do not contain the truncation to these operators: compare sets of operators"


def couplings(levels: Sequence[Any], operators: _sums.Chosen = None, blocks: int = 64) -> xr.Dataset:
    """Couplings K_a of every level, by maximum pseudo-likelihood.

    Parameters
    ----------
    levels : list of Datasets of spins ±1
        As ``Network.levels`` returns them.
    operators : sequence of names or Operators, optional
        By default the standard even set, and the odd one too if the model is not symmetric under s → −s.
    blocks : int
        Number of jackknife blocks of consecutive draws, as in `rgnet.flow.mcrg`.

    Returns
    -------
    Dataset over (level, operator)
        ``coupling`` and ``coupling_stderr`` (dimensionless; with an operator's S_a as `rgnet.operators` defines it: a
        periodic side of length 2 has two bonds between its two sites), and ``log_pseudo_likelihood`` (nats per
        site) with its error.

    Raises
    ------
    ValueError
        If a level is not of spins ±1, is frozen or so ordered that couplings run to infinity, or if operators depend
        linearly on one another there.
    ShortChainError
        If there are fewer than 20 blocks of 5 autocorrelation times.
    """
    items = _sums.as_list(levels, 1)
    for index, level in enumerate(items):
        number = int(getattr(level, "attrs", {}).get("level", index))
        if not hasattr(level, "data_vars"):
            raise ValueError(
                f"level {number} holds no configurations: couplings are fitted to spins, give Datasets with 'spin'"
            )
        labels.check_whole(level)
        if _sums.is_real(level):
            raise ValueError(
                f"level {number} is real-valued ({level.attrs.get('layer', 'float spins')}): pseudo-likelihood "
                f"couplings are for spins ±1; use Majority, Kadanoff or Decimation layers, or rgnet.flow.mcrg on these"
            )
    ndim = len(_sums.level_shape(items[0]))
    chosen = ops.resolve(operators, ndim) if operators is not None else _default(items[0], ndim)
    shapes = [(_sums.level_shape(level), labels.boundary(level)) for level in items]
    felt = [item for item in chosen if all(ops.local_terms(item, *where) for where in shapes)] or chosen
    leading = tuple({item.parity: item for item in reversed(felt)}.values())  # the first of each sector
    sums = _sums.collect(items, leading)
    edges, tau = _sums.blocks_of_draws(sums, range(len(leading)), blocks)
    rows = [_level(level, chosen, edges, sums.name(index)) for index, level in enumerate(items)]
    value, stderr = np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])
    return xr.Dataset(
        {
            "coupling": (("level", "operator"), value[:, :-1]),
            "coupling_stderr": (("level", "operator"), stderr[:, :-1]),
            "log_pseudo_likelihood": ("level", value[:, -1], {"unit": "nats per site"}),
            "log_pseudo_likelihood_stderr": ("level", stderr[:, -1], {"unit": "nats per site"}),
        },
        coords={"level": sums.level, "operator": [item.name for item in chosen], "scale": ("level", sums.scale)},
        attrs={"operators": ops.dumps(chosen), "method": "maximum pseudo-likelihood", "note": _NOTE}
        | _sums.describe(sums, edges, tau),
    )


def _default(level: xr.Dataset, ndim: int) -> tuple[Operator, ...]:
    even = ops.defaults(ndim, "even")
    if "model" not in level.attrs or models.from_attrs(level.attrs).is_symmetric:
        return even
    return (*even, *ops.defaults(ndim, "odd"))


def _level(
    level: xr.Dataset, chosen: Sequence[Operator], edges: npt.NDArray[np.int64], who: str
) -> tuple[Array, Array]:
    """Couplings and the log-pseudo-likelihood per site of one level (operators + 1,), and their errors."""
    names = [item.name for item in chosen]
    fields = local_fields(level, chosen, edges)
    counts = fields.counts()
    _sums.check_independent(np.asarray((fields.vectors.T * counts) @ fields.vectors / counts.sum()), names, who)
    couplings_ = fit(fields.vectors, counts, names, who)
    return _newton.one_step_jackknife(*block_derivatives(fields, couplings_), couplings_)


def pseudo_likelihood(vectors: Array, counts: Array, couplings_: Array) -> tuple[float, Array, Array]:
    """Σ ln p(s_i | rest), its gradient (operators,) and minus its Hessian, the information (operators, operators)."""
    argument = 2.0 * vectors @ couplings_
    wrong = expit(-argument)
    gradient = 2.0 * vectors.T @ (counts * wrong)
    information = 4.0 * (vectors.T * (counts * wrong * expit(argument))) @ vectors
    return float(counts @ log_expit(argument)), gradient, information


def fit(vectors: Array, counts: Array, names: Sequence[str], who: str) -> Array:
    """Couplings of maximum pseudo-likelihood, by Newton's method from K = 0 with step halving.

    Where some direction of K separates the data (every s_i agrees with its field), the likelihood rises forever;
    Newton steps on its exponential tail then stay of order one and never converge.

    Raises
    ------
    ValueError
        If there is no maximum.
    """
    weights = counts / counts.sum()
    return _newton.maximise(
        lambda K: pseudo_likelihood(vectors, weights, K),
        np.zeros(vectors.shape[1]),
        lambda step, _: bool(np.abs(vectors @ step).max() < 1e-9),
        names,
        who,
    )


def block_derivatives(fields: Fields, couplings_: Array) -> tuple[Array, Array, Array, Array]:
    """Σ ln p(s_i | rest) of each block, its gradient and information, and the number of spins: (blocks, …)."""
    rows = [pseudo_likelihood(fields.vectors[index], counts, couplings_) for index, counts in fields.blocks]
    values, gradients, informations = (np.stack(column) for column in zip(*rows, strict=True))
    return values, gradients, informations, np.array([counts.sum() for _, counts in fields.blocks], dtype=np.float64)
