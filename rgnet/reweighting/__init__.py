"""Multi-histogram reweighting: means at any coupling in between, from draws at several, with errors.

What was drawn at couplings K_r (r for the fields φ⁴ and Gaussian: read r for K) is joined with the weights that are
best at every K (`rgnet.reweighting.equations`); one Dataset is the single-histogram case. With N sites, S the sum
conjugate to K (`Model.conjugate`) and M the magnetisation, of length |M| where it has components,

    energy           −⟨S⟩/N                         magnetization    ⟨|M|⟩/N
    specific_heat    K² Var(S)/N                    susceptibility   (⟨M²⟩ − ⟨|M|⟩²)/N
    log_Z            ln Z(K) − ln Z(lowest K_r)     magnetization2   ⟨M²⟩/N²
                                                    binder           1 − m⟨M⁴⟩/((m + 2)⟨M²⟩²)

m being the number of components of M, as in `rgnet.observables`.

Errors are delete-one-block jackknife errors: blocks of consecutive draws that are long compared with their
autocorrelation time, the equations solved again without each of them. Replicas of one tempered run share their blocks,
since they exchange configurations; Datasets of their own are independent of each other. A target is refused where the
weights leave fewer than 50 independent draws, and so is a gap between the K_r that fewer than 50 draws bridge.

Source: Ferrenberg & Swendsen (1988, 1989); Shirts & Chodera (2008); errors: Quenouille (1949), Tukey (1958).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from rgnet import labels, stats
from rgnet.models import Model, from_attrs, tuned
from rgnet.reweighting.equations import (
    Array,
    NoOverlapError,
    effective,
    first_guess,
    reweighted,
    solve,
    ties,
)

QUANTITIES = ("energy", "specific_heat", "magnetization", "magnetization2", "susceptibility", "binder", "log_Z")
_OF_MAGNETIZATION = QUANTITIES[2:6]

Observable = Callable[[xr.Dataset], Any]


@dataclass(frozen=True)
class _Group:
    """Draws that share their blocks: one Dataset.

    ``couplings`` (replica,); ``S`` (chain, draw, replica); ``columns`` (chain, draw, replica, A); ``edges`` of the
    blocks, rows (chain, start, stop); ``tau`` in draws.
    """

    couplings: Array
    S: Array
    columns: Array
    edges: Any
    tau: float


def reweight(
    data: xr.Dataset | Sequence[xr.Dataset],
    K: Any,
    observables: Sequence[str] | Mapping[str, Observable] | None = None,
    *,
    blocks: int = 64,
) -> xr.Dataset:
    """Means at other couplings than those that were sampled, with errors.

    Parameters
    ----------
    data : Dataset, or several
        As `rgnet.sample` and `rgnet.temper` return them, of one model that differs in its coupling alone.
    K : float or sequence of float
        Couplings wanted.
    observables : sequence of str, or mapping of name to function
        Some of `QUANTITIES`: all of them, unless given. A function takes one of the Datasets and returns one number a
        draw, with the dimensions (chain, draw), or (chain, draw, replica) if it is tempered; its mean is reweighted.
    blocks : int
        Blocks of the jackknife, at least 20; they are spread over the Datasets, 20 or more to each.

    Returns
    -------
    Dataset over the coupling (``K`` or ``r``)
        Each observable ``v`` with its ``v_stderr``, and ``n_effective``, the independent draws that the weights leave.
        Attributes: model (at the lowest coupling), couplings (JSON list), draws.

    Raises
    ------
    ValueError
        If a coupling is not finite, an observable is unknown or has other dimensions, the Datasets are of different
        models, coarse, or keep neither configurations nor S, or the overlap is too small: at a target, or between two
        of the couplings.
    ShortChainError
        If chains are too short for their autocorrelation time.
    """
    sets = [data] if isinstance(data, xr.Dataset) else list(data)
    if not sets or not all(isinstance(item, xr.Dataset) for item in sets):
        raise TypeError("data: give a Dataset as rgnet.sample returns it, or a sequence of them")
    targets = np.array(tuned.finite(K, "K"))
    model = _one_model(sets)
    own = dict(observables) if isinstance(observables, Mapping) else {}
    names = () if isinstance(observables, Mapping) else _asked(observables, sets)
    per_set = max(stats.MIN_BLOCKS, -(-blocks // len(sets))) if blocks >= stats.MIN_BLOCKS else blocks
    groups = [_group(item, model, own, bool(set(names) & set(_OF_MAGNETIZATION)), per_set) for item in sets]
    pool = _Pool.of(groups)
    f = pool.start()
    _check_ties(pool, f)
    worth = effective(pool.levels, pool.counts, pool.inefficiency, pool.couplings, pool.numbers, f, targets)
    _check_worth(pool, targets, worth, tuned.name(model))

    def quantities(counts: Array, sums: Array, numbers: Array) -> Array:
        at = solve(pool.levels, counts, pool.couplings, numbers, f)
        log_Z, means = reweighted(pool.levels, counts, sums, pool.couplings, numbers, at, targets)
        if own:
            return means[:, 2:].T
        log_Z += (targets - pool.couplings[0]) * pool.center
        table = _quantities(means, log_Z, targets, pool.center, model)
        return np.stack([table[name] for name in names])

    value, error = _jackknife(pool, quantities)
    name = tuned.name(model)
    result = xr.Dataset(coords={name: targets})
    for label, v, e in zip(own or names, value, error, strict=True):
        result[label], result[f"{label}_stderr"] = (name, v), (name, e)
    result["n_effective"] = (name, worth)
    result.attrs = {
        "model": json.dumps(model.to_dict()),
        "couplings": json.dumps([float(item) for item in pool.couplings]),
        "draws": int(pool.numbers.sum()),
    }
    return result


def _asked(observables: Sequence[str] | None, sets: list[xr.Dataset]) -> tuple[str, ...]:
    magnetic = all("magnetization" in item for item in sets)
    if observables is None:
        return QUANTITIES if magnetic else tuple(name for name in QUANTITIES if name not in _OF_MAGNETIZATION)
    names = (observables,) if isinstance(observables, str) else tuple(observables)
    for name in names:
        if name not in QUANTITIES:
            raise ValueError(
                f"observables: {name!r} is unknown; known are {', '.join(QUANTITIES)}; for others give a mapping of "
                f"names to functions of the Dataset"
            )
        if name in _OF_MAGNETIZATION and not magnetic:
            raise ValueError(f"observables: {name!r} takes a variable 'magnetization', which not every Dataset has")
    return names


def _one_model(sets: list[xr.Dataset]) -> Model:
    found = [from_attrs(item.attrs) for item in sets]
    for item, model in zip(sets, found, strict=True):
        if item.attrs.get("level", 0) != 0:
            raise ValueError(f"level {item.attrs['level']}: reweighting is about the sampled model, give level 0")
        if tuned.without(model) != tuned.without(found[0]):
            raise ValueError(
                f"data of different models, {json.dumps(tuned.without(found[0]))} and "
                f"{json.dumps(tuned.without(model))}: only the coupling {tuned.name(found[0])} may differ"
            )
    return min(found, key=tuned.value)


def _group(data: xr.Dataset, model: Model, own: Mapping[str, Observable], magnetic: bool, blocks: int) -> _Group:
    data = data if "chain" in data.dims else data.expand_dims("chain")
    name = tuned.name(model)
    if "replica" in data.dims:
        if name not in data.coords:
            raise ValueError(
                f"a Dataset with replicas has no coordinate {name}(replica); give what rgnet.temper returns"
            )
        couplings = np.asarray(data[name].values, dtype=np.float64)
    else:
        couplings = np.array([tuned.value(from_attrs(data.attrs))])
    S = _aligned(_conjugate(data), data, "S")
    columns = []
    if magnetic:
        M = data["magnetization"]
        rest = [dim for dim in M.dims if dim not in ("chain", "draw", "replica")]
        square = (M.astype(np.float64) ** 2).sum(rest) / model.n_sites**2
        columns = [_aligned(item, data, "magnetization") for item in (np.sqrt(square), square, square**2)]
    columns += [_aligned(function(data), data, label) for label, function in own.items()]
    table = np.stack([np.zeros_like(S), np.zeros_like(S), *columns], axis=-1)  # S and S² in front, filled in later
    series = {f"S at {name}={value:g}": S[..., r] for r, value in enumerate(couplings)}
    if magnetic:
        series |= {f"|M| at {name}={value:g}": columns[0][..., r] for r, value in enumerate(couplings)}
    for a, label in enumerate(own, len(columns) - len(own)):
        series |= {f"{label} at {name}={value:g}": columns[a][..., r] for r, value in enumerate(couplings)}
    edges, tau = stats.long_blocks(series, blocks)
    return _Group(couplings, S, table, edges, tau)


def _aligned(values: Any, data: xr.Dataset, label: str) -> Array:
    """Values as (chain, draw, replica)."""
    dims = ("chain", "draw", "replica") if "replica" in data.dims else ("chain", "draw")
    if not isinstance(values, xr.DataArray) or set(values.dims) != set(dims):
        found = tuple(values.dims) if isinstance(values, xr.DataArray) else type(values).__name__
        raise ValueError(f"observable {label}: {found} came back; return a DataArray with the dimensions {dims}")
    array = np.asarray(values.transpose(*dims).values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"observable {label} has values that are not finite numbers")
    return array if "replica" in dims else array[..., None]


def _conjugate(data: xr.Dataset) -> xr.DataArray:
    """The sum S of every draw: as it was kept, from the configurations, or from what was measured of them."""
    if "conjugate" in data:
        kept: xr.DataArray = data["conjugate"]
        return kept
    model = from_attrs(data.attrs)
    if "spin" in data:
        space = [dim for dim in data["spin"].dims if dim not in labels.BATCH_DIMS]
        front = [dim for dim in data["spin"].dims if dim not in (*space, "component")]
        inner = ["component"] if "component" in data["spin"].dims else []
        x = data["spin"].transpose(*front, *inner, *space).values
        return xr.DataArray(model.conjugate(x), dims=front)
    recipe = tuned.from_measured(model, [str(name) for name in data.data_vars])
    if recipe is None:
        raise ValueError(
            "no variable 'spin' or 'conjugate', and what is kept does not give S: sample with configurations=True, or "
            "add S = model.conjugate(x) of every draw as the variable 'conjugate'"
        )
    parts = [factor * data[name] for name, factor in recipe.items()]
    S: xr.DataArray = sum(parts[1:], parts[0])
    return S


@dataclass(frozen=True)
class _Pool:
    """All draws together: ``levels`` of S (less ``center``) with counts and sums, and the draws in order of blocks.

    ``where``, ``label`` and ``columns`` are, of every draw, its level, its coupling and its observables; block b holds
    the draws from ``bounds[b]`` to ``bounds[b + 1]`` and is of Dataset ``owner[b]``.
    """

    couplings: Array
    numbers: Array
    center: float
    levels: Array
    counts: Array
    sums: Array
    inefficiency: Any
    where: Any
    label: Any
    columns: Array
    bounds: Any
    owner: Any

    @classmethod
    def of(cls, groups: Sequence[_Group]) -> "_Pool":
        couplings = np.unique(np.concatenate([group.couplings for group in groups]))
        S, label, columns, cost, sizes, owner = [], [], [], [], [], []
        for number, group in enumerate(groups):
            index = np.searchsorted(couplings, group.couplings)
            for chain, start, stop in group.edges:
                part = group.S[chain, start:stop]
                S.append(part.ravel())
                label.append(np.broadcast_to(index, part.shape).ravel())
                columns.append(group.columns[chain, start:stop].reshape(part.size, -1))
                cost.append(np.full(part.size, max(1.0, 2.0 * group.tau)))
                sizes.append(part.size)
                owner.append(number)
        every, marks = np.concatenate(S), np.concatenate(label)
        center = float(np.round(every.mean()))
        every = every - center
        # Sums that differ by rounding alone are one level
        digits = 12 - int(np.ceil(np.log10(max(float(np.abs(every).max()), 1.0))))
        levels, where = np.unique(np.round(every, digits), return_inverse=True)
        where = where.ravel()
        table = np.concatenate(columns)
        table[:, 0], table[:, 1] = every, every**2
        return cls(
            couplings,
            np.bincount(marks, minlength=couplings.size).astype(np.float64),
            center,
            levels,
            np.bincount(where, minlength=levels.size).astype(np.float64),
            _sums(where, table, levels.size),
            np.bincount(where, weights=np.concatenate(cost), minlength=levels.size),
            where,
            marks,
            table,
            np.concatenate([[0], np.cumsum(sizes)]),
            np.array(owner),
        )

    def start(self) -> Array:
        """The solution with all draws; where there is none, the guess with which it began."""
        n = np.maximum(self.numbers, 1.0)
        means = np.bincount(self.label, weights=self.columns[:, 0], minlength=n.size) / n
        squares = np.bincount(self.label, weights=self.columns[:, 1], minlength=n.size) / n
        guess = first_guess(self.couplings, means, squares - means**2)
        try:
            return solve(self.levels, self.counts, self.couplings, self.numbers, guess)
        except NoOverlapError:
            return guess


def _sums(where: Any, table: Array, size: int) -> Array:
    return np.stack([np.bincount(where, weights=column, minlength=size) for column in table.T], axis=1)


def _quantities(means: Array, log_Z: Array, K: Array, center: float, model: Model) -> dict[str, Array]:
    """Every quantity at every target from the means of S − center, (S − center)², |m|, m², m⁴ (or the first two)."""
    s, s2, sites = means[:, 0], means[:, 1], model.n_sites
    found = {
        "energy": -(s + center) / sites,
        "specific_heat": K**2 * (s2 - s**2) / sites,
        "log_Z": log_Z,
    }
    if means.shape[1] > 2:
        (m, m2, m4), components = means[:, 2:].T, model.order_components
        with np.errstate(invalid="ignore", divide="ignore"):
            found |= {
                "magnetization": m,
                "magnetization2": m2,
                "susceptibility": sites * (m2 - m**2),
                "binder": 1.0 - components * m4 / ((components + 2) * m2**2),
            }
    return found


def _jackknife(pool: _Pool, quantities: Callable[[Array, Array, Array], Array]) -> tuple[Array, Array]:
    """Value and error: blocks are left out one by one, and the variances of independent Datasets added."""
    value = quantities(pool.counts, pool.sums, pool.numbers)
    left_out = []
    for b in range(pool.owner.size):
        part = slice(pool.bounds[b], pool.bounds[b + 1])
        where = pool.where[part]
        counts = pool.counts - np.bincount(where, minlength=pool.levels.size)
        numbers = pool.numbers - np.bincount(pool.label[part], minlength=pool.numbers.size)
        left_out.append(quantities(counts, pool.sums - _sums(where, pool.columns[part], pool.levels.size), numbers))
    replicates, variance = np.stack(left_out), np.zeros_like(value)
    for number in np.unique(pool.owner):
        own = replicates[pool.owner == number]
        variance += (len(own) - 1) / len(own) * ((own - own.mean(axis=0)) ** 2).sum(axis=0)
    return value, np.sqrt(variance)


def _check_ties(pool: _Pool, f: Array) -> None:
    cost = float(pool.inefficiency.sum() / pool.counts.sum())
    worth = ties(pool.levels, pool.counts, pool.couplings, pool.numbers, f) / cost
    if worth.size and worth.min() < stats.MIN_EFFECTIVE:
        r = int(worth.argmin())
        raise ValueError(
            f"the draws at couplings up to {pool.couplings[r]:.6g} and from {pool.couplings[r + 1]:.6g} on overlap by "
            f"no more than {worth[r]:.3g} independent draws, and {stats.MIN_EFFECTIVE:g} are needed to join them; "
            f"sample between the two, or reweight each side by itself"
        )


def _check_worth(pool: _Pool, targets: Array, worth: Array, name: str) -> None:
    if worth.min() < stats.MIN_EFFECTIVE:
        t = int(worth.argmin())
        low, high = pool.couplings[[0, -1]]
        good = targets[worth >= stats.MIN_EFFECTIVE]
        near = f" (of those asked for, {good.min():.6g} to {good.max():.6g} have enough)" if good.size else ""
        raise ValueError(
            f"{name}={targets[t]:.6g}: the weights leave {worth[t]:.3g} independent draws of {int(pool.numbers.sum())} "
            f"at {low:.6g} to {high:.6g}, and an error bar needs {stats.MIN_EFFECTIVE:g}{near}; sample nearer to it, "
            f"or take more draws"
        )
