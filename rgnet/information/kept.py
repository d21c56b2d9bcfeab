"""What each level keeps of the cause: one call for couplings and for labels.

*Couplings* ("K", "h", or several) give Fisher information (`rgnet.information.fisher`). *Labels* y_0, or any
DataArray of them, give the mutual information I(y_0; y_k) with each level, which the data-processing inequality lets
only fall. What can be known of it depends on the level, and the method is chosen in the order of trust:

1. *posterior*: with the exact p(y_0|x) of level 0 (belief propagation, a transfer matrix, enumeration), its mean KL
   from the prior; at a coarse level of few symbols, the exact posteriors averaged within each symbol (Rao–Blackwell,
   its bias put right);
2. *discrete*: few symbols against the number of independent draws, counted, the bias removed (the plug-in beside it);
3. *mixed*: up to three real numbers a draw that hardly repeat, by nearest neighbours;
4. *classifier*: anything else; a held-out classifier shows a lower bound.

Upper bounds exist only where densities are known (`rgnet.information.upper`). A lower bound beside another lower bound
ranks nothing: the level with the smaller one may keep more, its classifier being the worse. Draws of a (chain, draw)
correspond across levels; labels that never change within a chain (one coupling a chain) are a design, whose
frequencies are not noise.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import labels
from rgnet import operators as ops
from rgnet.estimate import Estimate
from rgnet.information import _choices, _training, fisher
from rgnet.information.classifier import check_prior
from rgnet.information.samples import Layout, check_coordinates, check_unit, is_stratified, paired

Array = npt.NDArray[Any]
NOTE = (
    "A lower bound beside a lower bound proves nothing about which level keeps more. "
    "Fractions are of level 0 where its information is known, else of H(y_0)."
)


def retained(
    levels: Sequence[Any],
    about: Any = "K",
    *,
    operators: Sequence[str | ops.Operator] | None = None,
    blocks: int = 64,
    posterior: Any = None,
    prior: Sequence[float] | Mapping[Any, float] | None = None,
    method: str = "auto",
    reduce: Callable[[Array], Any] | str | None = None,
    classifier: Any = None,
    chains: int | None = None,
    unit: str = "nats",
    seed: int = 0,
) -> xr.Dataset:
    """Information about a coupling, several, or labels y_0, kept at each level.

    Parameters
    ----------
    levels : list of Datasets, DataArrays or arrays
        As ``Network.levels`` returns them (variable ``spin``), operator sums, variables with the dimensions ``draw``
        and perhaps ``chain``, or arrays (n, ...); the first is the microscopic level. Draws correspond.
    about : "K", "h", a tuple of couplings, or labels
        One coupling: `rgnet.information.fisher.retained`; a tuple of "K", "h" and operators:
        `rgnet.information.fisher.retained_matrix`; labels (n,), (chain, draw) or (chain,), or a DataArray: mutual
        information. Real y_0 are taken where every level has at most three numbers a draw.
    operators, blocks
        For couplings; ``operators`` also for the classifier of spin levels, by default those of both sectors.
    posterior : callable, or object with ``posterior``, optional
        p(y_0 | data) of level 0 as given: (n, classes) in the order of the sorted labels, or of states 0, 1, … if the
        labels are such. A hierarchy (`rgnet.hierarchies`) is one.
    prior : array, or mapping of label to probability, optional
        The known p(y_0), in the same order. All levels are read under it: where the labels have other frequencies, by
        design or beyond 5 standard deviations, "discrete" and "classifier" weigh the draws of each label, and the
        other methods raise.
    method : "auto", "posterior", "discrete", "mixed" or "classifier"
        For all levels.
    reduce : "sum" or callable, optional
        A symmetric reduction of each level's draws (n, ...) → (n,) or (n, k), such as the sum over all sites, before
        anything is estimated. What it keeps is at most what the level keeps: a lower bound.
    classifier : scikit-learn classifier, optional
        As `rgnet.information.classifier.classifier_bound`.
    chains : int, optional
        That the rows of plain arrays are so many chains.
    unit : "nats" or "bits"
        Of mutual information.
    seed : int

    Returns
    -------
    Dataset over ``level``
        For labels: ``information``, ``information_stderr``, ``information_interval`` (level, bound), ``fraction`` and
        ``fraction_stderr``, ``kind``, ``method``, ``why``, and ``information_plugin``, the biased plug-in value beside
        a discrete estimate. The fraction is of level 0's information where that is known, else of H(y_0); where both
        come from posteriors their common noise cancels in its error, else the two errors are added as if independent.
        Attributes: the unit, the number of draws, H(y_0), what the fraction is of.

    Raises
    ------
    ValueError
        If there is no level, ``about`` is no coupling and no labels, there is one class, draws do not correspond,
        values are not finite, a posterior is not one of these labels, or the method does not fit.
    ShortChainError
        If chains are too short for their autocorrelation time.
    """
    if _is_coupling(about):
        _refuse(about, posterior=posterior, prior=prior, reduce=reduce, classifier=classifier, chains=chains)
        if method != "auto" or unit != "nats":
            raise ValueError(f"method={method!r}, unit={unit!r}: Fisher information has one method and no unit")
        if isinstance(about, str) and about not in ops.NAMES:  # an unknown name gets its error there
            return fisher.retained(levels, about, operators=operators, blocks=blocks)
        return fisher.retained_matrix(levels, about, operators=operators, blocks=blocks)
    check_unit(unit)
    if len(levels) == 0:
        raise ValueError("levels=[]: give at least the microscopic level")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed={seed!r}: give a whole number of at least 0")
    if method != "auto" and method not in _choices.METHODS:
        raise ValueError(f"method={method!r}: it is auto, {', '.join(_choices.METHODS)}")
    variables = [_variable(level, place) for place, level in enumerate(levels)]
    check_coordinates([*variables, about])
    arrays, layout = paired(*variables, _spread(about, variables), chains=chains)
    y, arrays = arrays[-1], arrays[:-1]
    target, table = _target(y, prior, layout, posterior, levels[0], arrays)
    readings = []
    for place, x in enumerate(arrays):
        sums = _sums(levels[place], operators) if reduce is None else np.empty((len(x), 0))
        reduced = x if reduce is None else _reduced(x, reduce)
        first = place == 0 and reduce is None
        found = _choices.read(reduced, sums, target, table, first, method, classifier, seed)
        readings.append(_as_bound(found) if reduce is not None and reduced.size < x.size else found)
    numbers = [int(getattr(level, "attrs", {}).get("level", place)) for place, level in enumerate(levels)]
    return _dataset(readings, numbers, target, unit)


def _is_coupling(about: Any) -> bool:
    if isinstance(about, str | ops.Operator):
        return True
    known = (*fisher.SCORES, *ops.NAMES)
    return isinstance(about, tuple | list) and bool(about) and all(
        isinstance(item, ops.Operator) or (isinstance(item, str) and item in known) for item in about
    )  # fmt: skip


def _refuse(about: Any, **given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name}= belongs to labels, and about={about!r} asks for Fisher information: leave it out"
            )


def _variable(level: Any, place: int) -> Any:
    """The numbers of a level: its ``spin``, its sums, its only variable, or the array itself."""
    if hasattr(level, "to_dataset") and hasattr(level, "subtree"):
        level = level.to_dataset()
    if not hasattr(level, "data_vars"):
        return level
    for name in ("spin", "operator_sum"):
        if name in level:
            return level[name]
    if len(level.data_vars) != 1:
        raise ValueError(
            f"level {place} is a Dataset of {', '.join(map(str, level.data_vars)) or 'nothing'}: give the variable "
            f"that is the level, such as data['y_1']"
        )
    return next(iter(level.data_vars.values()))


def _spread(about: Any, variables: Sequence[Any]) -> Any:
    """Labels of whole chains as labels of draws."""
    labelled = [item for item in variables if hasattr(item, "dims") and "draw" in item.dims]
    if not labelled or "chain" not in labelled[0].dims:
        return about
    chains, draws = int(labelled[0].sizes["chain"]), int(labelled[0].sizes["draw"])
    if tuple(getattr(about, "dims", ("chain",))) == ("chain",) and np.shape(about) == (chains,):
        values = np.asarray(about)
        return xr.DataArray(np.repeat(values[:, None], draws, axis=1), dims=("chain", "draw"))
    return about


def _target(
    y: Array, prior: Any, layout: Layout, posterior: Any, level: Any, arrays: list[Array]
) -> tuple[_choices.Target, Array | None]:
    """What is asked about, and the posterior of each draw if one is given."""
    column = y.reshape(len(y), -1)
    distinct = len(np.unique(column, axis=0)) if column.shape[1] > 1 else len(np.unique(column))
    if column.dtype.kind == "f" and distinct > len(y) // 2:
        if posterior is not None or prior is not None:
            raise ValueError("y is real: posterior= and prior= are of labels; cut y into bins, or leave them out")
        return _choices.Target(column.astype(np.float64), None, None, layout), None
    labels, classes, values = _training.check_labels(y)
    design = layout is not None and is_stratified([labels, *arrays], layout)
    if posterior is None:
        p = None if prior is None else check_prior(prior, values)
        return _choices.Target(column[:, 0], labels, p, layout, design), None
    ask = posterior.posterior if hasattr(posterior, "posterior") else posterior
    if not callable(ask):
        raise ValueError(f"posterior={posterior!r}: give a function of the data, or an object with a method posterior")
    rows = _choices.posterior_rows(ask(level), len(y), classes)
    places = labels
    if rows.shape[1] > classes:  # states 0, 1, … of which not all were met
        if values.dtype.kind not in "iub" or values.min() < 0 or values.max() >= rows.shape[1]:
            raise ValueError(
                f"the posterior has {rows.shape[1]} columns and {classes} labels occur, {values.tolist()[:10]}: which "
                f"column is which? give labels 0, 1, …"
            )
        places, values = column[:, 0].astype(np.int64), np.arange(rows.shape[1])
    p = None if prior is None else check_prior(prior, values)
    target = _choices.Target(column[:, 0], labels, p, layout, design)
    _choices.check_against_labels(rows, places, target)
    return target, rows


def _sums(level: Any, operators: Any) -> Array:
    """Standard operator sums per draw of a Dataset of configurations, else no columns."""
    if not hasattr(level, "data_vars") or "spin" not in level:
        return np.empty((0, 0))
    chosen = operators
    if chosen is None:
        space = labels.space_dims(level)
        least = min(int(level.sizes[name]) for name in space)
        real = level["spin"].dtype.kind == "f"
        both = [item for sector in ("even", "odd") for item in ops.defaults(len(space), sector, real=real)]
        chosen = [item for item in both if item.reach < least]
    found = ops.measure(level, chosen)
    return np.asarray(
        found.transpose(*(n for n in ("chain", "draw", "component", "operator") if n in found.dims)).values,
        dtype=np.float64,
    ).reshape(-1, found.sizes["operator"] * found.sizes.get("component", 1))


def _reduced(x: Array, reduce: Any) -> Array:
    if reduce == "sum":
        return np.asarray(x.reshape(len(x), -1).sum(axis=1, dtype=np.float64 if x.dtype.kind == "f" else np.int64))
    if not callable(reduce):
        raise ValueError(f'reduce={reduce!r}: give "sum", or a function of a level\'s draws')
    made = np.asarray(reduce(x))
    if made.shape[:1] != x.shape[:1] or made.dtype == object:
        raise ValueError(f"reduce gave an array of shape {made.shape}: it must give one row for each of {len(x)} draws")
    return made


def _as_bound(found: _choices.Reading) -> _choices.Reading:
    return replace(
        found, estimate=replace(found.estimate, kind="lower"), why=f"{found.why}; of a reduction, so a lower bound"
    )


def _entropy(target: _choices.Target) -> Estimate | None:
    """H(y_0): exact for a known prior or a design, else with the bias removed; None for a real y_0."""
    if target.labels is None:
        return None
    n = len(target.labels)
    p = np.bincount(target.labels) / n if target.prior is None else target.prior
    p = p[p > 0]
    value = -float(p @ np.log(p))
    if target.prior is not None or target.stratified:
        return Estimate(value, 0.0, None, "exact", "prior" if target.prior is not None else "design", n, unit="nats")
    worth = _choices.independent(target.labels, target)
    spread = float(p @ np.log(p) ** 2) - value**2
    return Estimate(
        value + (len(p) - 1) / (2.0 * worth), math.sqrt(max(spread, 0.0) / worth), None, "estimate", "Miller–Madow", n,
        worth, "nats",
    )  # fmt: skip


def _fraction_error(
    reading: _choices.Reading,
    first: _choices.Reading,
    item: Estimate,
    scale: Estimate,
    ratio: float,
    target: _choices.Target,
) -> float:
    if reading.local is not None and first.local is not None:
        error, _ = _choices.error_of_mean(reading.local - ratio * first.local, target)
        return error / abs(first.estimate.value)
    return math.hypot(item.stderr, ratio * scale.stderr) / abs(scale.value)


def _dataset(
    readings: Sequence[_choices.Reading], numbers: list[int], target: _choices.Target, unit: str
) -> xr.Dataset:
    entropy = _entropy(target)
    known = readings[0].estimate.kind in ("exact", "estimate")
    whole = readings[0].estimate if known or entropy is None else entropy
    estimates = [reading.estimate.to(unit) for reading in readings]
    scale = whole.to(unit)
    fraction, error = [], []
    for place, item in enumerate(estimates):
        if known and place == 0:
            fraction.append(1.0)
            error.append(0.0)
        elif scale.value == 0:
            fraction.append(math.nan)
            error.append(math.nan)
        else:
            ratio = item.value / scale.value
            fraction.append(ratio)
            error.append(_fraction_error(readings[place], readings[0], item, scale, ratio, target))
    attrs: dict[str, Any] = {
        "about": "labels" if target.labels is not None else "a real variable",
        "unit": unit,
        "draws": len(target.y),
        "fraction_of": "level 0" if known else "H(y_0)",
        "methods": json.dumps([item.method for item in estimates], ensure_ascii=False),
        "note": NOTE,
    }
    if entropy is not None:
        attrs |= {"entropy": entropy.to(unit).value, "entropy_stderr": entropy.to(unit).stderr}
    in_unit = Estimate(1.0, 0.0, unit="nats").to(unit).value
    plugin = [reading.plugin * in_unit for reading in readings]
    return xr.Dataset(
        {
            "information": ("level", [item.value for item in estimates]),
            "information_stderr": ("level", [item.stderr for item in estimates]),
            "information_interval": (("level", "bound"), [item.interval for item in estimates]),
            "information_plugin": ("level", plugin),
            "fraction": ("level", fraction),
            "fraction_stderr": ("level", error),
            "kind": ("level", [item.kind for item in estimates]),
            "method": ("level", [reading.method for reading in readings]),
            "why": ("level", [reading.why for reading in readings]),
        },
        coords={"level": numbers, "bound": ["low", "high"]},
        attrs=attrs,
    )
