"""Hamiltonians of growing degree and range, fitted to data and scored on data held out.

Claims A5 and A6. H = −Σ_a g_a S_a is the Hamiltonian of maximum entropy given the means of the S_a (Jaynes 1957). Its
couplings are fitted to one half of the chains by maximum pseudo-likelihood (Besag 1975), for spins ±1 as in
`rgnet.flow.couplings`, for real fields as in `rgnet.flow._conditionals`, and the other half says what they are worth:

    held-out log-pseudo-likelihood = mean of ln p(x_i | all other sites) over the sites and draws held out ,

in nats per site, for real fields of a density. Where one more operator tells nothing of the data it stops rising, and
falls by about ½ for each needless coupling, over the independent sites of the fit. Neighbouring sets of operators are
compared on the same draws: errors of differences are far smaller than those of levels.

The errors are of the draws held out, for the couplings as they were fitted.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import log_expit

from rgnet import labels, models, stats
from rgnet import operators as ops
from rgnet.flow import _conditionals, _newton, _sums
from rgnet.flow._conditionals import Nodes, Sites
from rgnet.flow._local_fields import Fields, local_fields, selected
from rgnet.flow.couplings import block_derivatives, fit
from rgnet.operators import Operator
from rgnet.operators.enumeration import enumerate_operators

Array = npt.NDArray[Any]
Sets = Mapping[str, Sequence[str | Operator]]

_NATS = {"unit": "nats per site"}
_BOUND = 1.5  # of real fields, in units of the largest value
_NORMAL_TENTH = 0.2513  # width of the middle tenth of a normal density, in standard deviations
_REFINED = 4  # quadratures tried, each of twice as many nodes
_SETTLED = 1e-13  # nats per site left to gain, of which the last step gains nearly all; rounding stands below
_SPIN_STEPS = {1: ((2, 1), (2, 2), (4, 3)), 2: ((2, 1), (4, 1), (2, 2), (4, 2)), 3: ((2, 1), (4, 1), (2, 2))}
_REAL_STEPS = {1: ((2, 1), (2, 2), (4, 0), (4, 1)), 2: ((2, 1), (2, 2), (4, 0), (4, 1)), 3: ((2, 1), (4, 0))}


def growing_sets(
    ndim: int,
    steps: Sequence[tuple[int, int]] | None = None,
    *,
    parity: str | None = "even",
    real: bool = False,
) -> dict[str, tuple[Operator, ...]]:
    """Sets of operators, each with all of the one before.

    Parameters
    ----------
    ndim : int
    steps : sequence of (degree, reach), optional
        Each adds all operators of up to that degree and reach (`rgnet.operators.enumerate_operators`).
    parity : "even", "odd" or None
        "even" for data that are symmetric under x → −x, None for others.
    real : bool
        Whether powers count.

    Returns
    -------
    dict
        First "independent" sites (for spins, the empty set or the magnetisation; for real fields Σ φ², with Σ φ), then
        "nn", then one set a step, called "degree 4, reach 2".

    Raises
    ------
    ValueError
        As `enumerate_operators`.
    """
    if steps is None:
        steps = (_REAL_STEPS if real else _SPIN_STEPS).get(ndim, ((2, 1),))
    independent = [ops.named("m", ndim)] if parity is None else []
    independent += [ops.named("phi2", ndim)] if real else []
    sets = {"independent": tuple(independent), "nn": (*independent, ops.named("nn", ndim))}
    have = sets["nn"]
    for degree, reach in steps:
        more = enumerate_operators(ndim, degree, reach, parity=parity, real=real)
        known = {frozenset(item.terms) for item in have}
        have = (*have, *(item for item in more if frozenset(item.terms) not in known))
        sets[f"degree {degree}, reach {reach}"] = have
    return sets


def hamiltonians(level: Any, sets: Sets | None = None, blocks: int = 64) -> xr.Dataset:
    """Fit Hamiltonians of several sets of operators to half of the chains, and score them on the other half.

    Parameters
    ----------
    level : Dataset of spins ±1 or of real fields
        As `rgnet.sample`, ``Network.levels``, or a group of `rgnet.open` gives it. Of several chains the first half is
        fitted, of one the first half of its draws.
    sets : mapping of names to sequences of operators, optional
        The first is what gains are measured from. By default `growing_sets`: even ones where the model is symmetric
        under x → −x, or says nothing.
    blocks : int
        Number of blocks of consecutive draws, as in `rgnet.flow.mcrg`; half of them held out.

    Returns
    -------
    Dataset over (set, operator)
        ``parameters``, ``degree`` and ``reach`` of each set; ``coupling`` with its error, NaN where a set lacks the
        operator; in nats per site, each with its error: ``log_pseudo_likelihood`` of the draws fitted, ``held_out`` of
        those held out, ``gain`` over the first set, ``step`` over the previous one and ``difference`` to each other
        one, held out and paired.

    Raises
    ------
    ValueError
        If no set is given, there are no configurations, they are neither spins ±1 nor real fields, are frozen, or are
        so ordered that couplings run to infinity, or if operators depend linearly on one another there.
    ShortChainError
        If there are fewer than 20 blocks of 5 autocorrelation times.
    """
    level = ops.as_level(level)
    if not hasattr(level, "data_vars"):
        raise ValueError(
            "this level holds no configurations: Hamiltonians are fitted to them, give a Dataset with 'spin'"
        )
    labels.check_whole(level)
    _sums.as_list([level], 1)
    real, ndim = _sums.is_real(level), len(_sums.level_shape(level))
    if real and bool((np.abs(level["spin"]) == 1).all()):
        raise ValueError(
            "all numbers of this level are ±1 but stored as real ones, to which densities would be fitted: make them "
            "spins, level.assign(spin=level['spin'].astype('int8'))"
        )
    if sets is not None and not isinstance(sets, Mapping):
        raise ValueError(f"sets is a {type(sets).__name__}: give names with their operators, such as {{'nn': ['nn']}}")
    if sets is not None and not sets:
        raise ValueError("sets={}: give at least one set of operators, such as {'nn': ['nn']}")
    chosen = {name: _resolve(items, ndim) for name, items in (sets or _default(level, ndim, real)).items()}
    union = tuple(dict.fromkeys(item for items in chosen.values() for item in items))
    union = ops.resolve(union, ndim)
    leading = tuple({item.parity: item for item in reversed(_changing(level, union, real))}.values())
    sums = _sums.collect([level], leading)
    edges, tau = _sums.blocks_of_draws(sums, range(len(leading)), blocks)
    train, held = _halves(edges)
    who = sums.name(0)
    data, score = _gather(level, union, train, held, real)
    width = np.array([len(items) for items in chosen.values()])
    coupling, error = np.full((2, len(chosen), len(union)), np.nan)
    fitted = np.empty((2, len(chosen)))
    scores = np.empty((len(held), len(chosen)))
    start: dict[str, float] = {}
    for row, items in enumerate(chosen.values()):
        columns = [union.index(item) for item in items]
        names = [item.name for item in items]
        value, stderr, scores[:, row] = _fit(data, score, columns, names, start, who)
        coupling[row, columns], error[row, columns] = value[:-1], stderr[:-1]
        fitted[:, row] = value[-1], stderr[-1]
        start = dict(zip(names, value[:-1], strict=True))
    sizes = np.array([(stop - first) for _, first, stop in held], dtype=np.float64)
    pairs = scores[:, :, None] - scores[:, None, :]
    better, better_stderr = stats.jackknife(pairs, lambda mean: mean, sizes)
    return xr.Dataset(
        {
            "parameters": ("set", width),
            "degree": ("set", [max((item.degree for item in items), default=0) for items in chosen.values()]),
            "reach": ("set", [max((item.reach for item in items), default=0) for items in chosen.values()]),
            "coupling": (("set", "operator"), coupling),
            "coupling_stderr": (("set", "operator"), error),
            "log_pseudo_likelihood": ("set", fitted[0], _NATS),
            "log_pseudo_likelihood_stderr": ("set", fitted[1], _NATS),
            **_uncertain("held_out", scores, sizes),
            **_uncertain("gain", scores - scores[:, :1], sizes),
            **_uncertain("step", np.diff(scores, axis=1, prepend=scores[:, :1]), sizes),
            "difference": (("set", "other"), better, _NATS),
            "difference_stderr": (("set", "other"), better_stderr, _NATS),
        },
        coords={"set": list(chosen), "other": list(chosen), "operator": [item.name for item in union]},
        attrs={"operators": ops.dumps(union), "method": "maximum pseudo-likelihood", "real": int(real)}
        | _sums.describe(sums, edges, tau),
    )


def sufficient(table: xr.Dataset, z: float = 3.0) -> int:
    """The first set than which none with more parameters scores better by more than ``z`` errors: its place.

    Parameters
    ----------
    table : Dataset
        What `hamiltonians` returned.
    """
    size = table["parameters"].values
    better = table["difference"].values > z * table["difference_stderr"].values
    beaten = [bool(better[size > size[k], k].any()) for k in range(len(size))]
    return beaten.index(False)


def _default(level: xr.Dataset, ndim: int, real: bool) -> Sets:
    """Even sets where nothing says otherwise, of ranges that do not close around the lattice."""
    even = "model" not in level.attrs or models.from_attrs(level.attrs).is_symmetric
    steps = (_REAL_STEPS if real else _SPIN_STEPS).get(ndim, ((2, 1),))
    room = min(_sums.level_shape(level))
    fitting = [(degree, reach) for degree, reach in steps if 2 * reach < room]
    return growing_sets(ndim, fitting, parity="even" if even else None, real=real)


def _resolve(items: Sequence[str | Operator], ndim: int) -> tuple[Operator, ...]:
    return ops.resolve(items, ndim) if isinstance(items, Operator) or len(items) else ()


def _changing(level: xr.Dataset, union: Sequence[Operator], real: bool) -> Sequence[Operator]:
    """The operators that can change at all: on small tori some products of spins are constants."""
    where = _sums.level_shape(level), labels.boundary(level)
    return union if real else [item for item in union if ops.local_terms(item, *where)] or union


def _halves(edges: Array) -> tuple[Array, Array]:
    """Blocks to fit and blocks to score: by chains, or by draws where there is one chain."""
    chains = np.unique(edges[:, 0])
    if len(chains) == 1:
        return edges[: len(edges) // 2], edges[len(edges) // 2 :]
    fitted = edges[:, 0] < chains[len(chains) // 2]
    return edges[fitted], edges[~fitted]


def _gather(
    level: xr.Dataset, union: Sequence[Operator], train: Array, held: Array, real: bool
) -> tuple["Fields | tuple[Sites, Nodes]", "Fields | tuple[Sites, Nodes]"]:
    """All that the sites of both halves say of the couplings."""
    if not real:
        both = local_fields(level, union, np.concatenate([train, held]))
        return Fields(both.vectors, both.blocks[: len(train)]), Fields(both.vectors, both.blocks[len(train) :])
    spins = level["spin"]
    if "chain" not in spins.dims:
        spins = spins.expand_dims("chain")
    x = spins.transpose("chain", "draw", *labels.space_dims(level)).values.astype(np.float64)
    boundary = labels.boundary(level)
    halves = [_conditionals.sites(x, union, boundary, part) for part in (train, held)]
    highest = halves[0].powers.shape[1]
    nodes = _conditionals.nodes(_BOUND * float(np.abs(x).max()), _narrowest(halves[0]), highest)
    return (halves[0], nodes), (halves[1], nodes)


def _narrowest(data: Sites) -> float:
    """How narrow densities of φ_i are about its best linear prediction from what neighbours it has here.

    The standard deviation, or less where a tenth of all sites crowd closer together than a normal density has them, as
    in deep double wells.
    """
    design = data.factors[:, 0]
    design = np.vstack([np.ones(design.shape[1]), design[np.ptp(design, axis=1) > 0]])
    residual = data.powers[:, 0] - np.linalg.lstsq(design.T, data.powers[:, 0], rcond=None)[0] @ design
    tenth = math.ceil(0.1 * residual.size)
    ordered = np.sort(residual)
    crowded = float((ordered[tenth:] - ordered[:-tenth]).min()) / _NORMAL_TENTH
    return min(float(residual.std()), crowded or math.inf)  # 0 where fields take few values


def _fit(
    data: "Fields | tuple[Sites, Nodes]", score: "Fields | tuple[Sites, Nodes]", columns: list[int],
    names: list[str], start: Mapping[str, float], who: str,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Couplings and the log-pseudo-likelihood per site, and their errors: (operators + 1,) each; scores held out."""
    if isinstance(data, Fields):
        some = selected(data, columns)
        counts = some.counts()
        _sums.check_independent(np.asarray((some.vectors.T * counts) @ some.vectors / counts.sum()), names, who)
        value = fit(some.vectors, counts, names, who) if columns else np.zeros(0)
        return *_newton.one_step_jackknife(*block_derivatives(some, value), value), _score(score, columns, value)
    sites = _select(data[0], columns)
    flat = sites.factors.reshape(len(columns), -1)
    _sums.check_independent(flat @ flat.T / len(sites.powers), names, who)
    value = np.array([start.get(name, 0.0) for name in names])
    if "phi2" in names and (linear := _conditionals.regression(sites, names.index("phi2"))) is not None:
        value = linear
    held = _select(score[0], columns)  # type: ignore[index]
    value, nodes = _fit_real(sites, held, data[1], value, names, who)
    sizes = np.diff(sites.edges).astype(np.float64)
    found = _newton.one_step_jackknife(*_conditionals.derivatives(sites, value, nodes), sizes, value)
    return *found, _score((held, nodes), list(range(len(columns))), value)


def _fit_real(sites: Sites, held: Sites, nodes: Nodes, start: Array, names: list[str], who: str) -> tuple[Array, Nodes]:
    """Couplings of real fields, and a quadrature fine enough for them on the sites fitted and held out."""
    total = len(sites.powers)
    why: ValueError | None = None
    for _ in range(_REFINED):
        fine = _conditionals.finer(nodes)
        if fine is None:
            break

        def evaluate(g: Array, quadrature: Nodes = nodes) -> tuple[float, Array, Array]:
            sums = _conditionals.derivatives(sites, g, quadrature)
            return float(sums[0].sum() / total), sums[1].sum(axis=0) / total, sums[2].sum(axis=0) / total

        if _conditionals.resolved(sites, start, nodes, fine):
            try:
                value = _newton.maximise(evaluate, start, lambda step, pull: bool(pull @ step < _SETTLED), names, who)
            except ValueError as error:
                why = error
            else:
                if all(_conditionals.resolved(item, value, nodes, fine) for item in (sites, held)):
                    return value, nodes
        nodes = fine
    raise ValueError(
        f"{who}: no couplings of {', '.join(names)} were found that a quadrature over |φ| < {nodes.bound:.3g} "
        f"resolves: given its neighbours φ takes few values, or scatters far less than its distance from 0; "
        f"subtract the mean, scale the fields to a range near 1, or take fewer operators"
    ) from why


def _select(data: Sites, columns: list[int]) -> Sites:
    return Sites(data.powers, data.factors[columns], data.edges)


def _score(data: "Fields | tuple[Sites, Nodes]", columns: list[int], couplings: Array) -> Array:
    """Log-pseudo-likelihood per site of each block held out."""
    if isinstance(data, Fields):
        log_p = log_expit(2.0 * data.vectors[:, columns] @ couplings)
        return np.array([counts @ log_p[index] / counts.sum() for index, counts in data.blocks])
    sites, nodes = data
    return _conditionals.pseudo_likelihood(_select(sites, columns), couplings, nodes) / np.diff(sites.edges)


def _uncertain(name: str, scores: Array, sizes: Array) -> dict[str, Any]:
    """The mean over blocks with its error, as variables."""
    value, stderr = stats.jackknife(scores, lambda mean: mean, sizes)
    return {name: ("set", value, _NATS), f"{name}_stderr": ("set", stderr, _NATS)}
