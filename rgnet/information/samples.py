"""What estimators of information take: paired draws, independent or in chains.

A plug-in, a nearest-neighbour or any other estimate of information from n draws is, up to its bias, a mean of local
contributions,

    Î ≈ (1/n) Σ_t i(x_t, y_t) ,      i(x, y) = ln p(x, y) − ln p(x) p(y) ,

so that n draws of a chain are worth n/2τ independent ones, τ the integrated autocorrelation time of i, or of the
variables where that is longer. The bias too is that of n/2τ draws: neighbours in time look like information. So a
correlated series is cut into the subsets of every ⌈2τ⌉-th draw, which are nearly independent draws each; the
estimate is the mean over these subsets and its error that of one of them, which is at worst too large.
"""

import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import stats
from rgnet.estimate import UNITS, Estimate

Array = npt.NDArray[Any]
Layout = tuple[int, int] | None

MOST_COLUMNS = 16  # of a variable whose autocorrelation is looked at; of larger ones, their mean
MOST_SUBSETS = 8
_RANGE = 4  # labels in a range of at most so many times the draws are counted, others sorted


class InformationWarning(UserWarning):
    """An estimate that exists and is not to be trusted; the message says what to do."""


def check_unit(unit: str) -> None:
    """Raise for a unit that is not "nats" or "bits", before any computing."""
    if unit not in UNITS:
        raise ValueError(f'unit={unit!r}: information is given in "nats" or "bits"')


def paired(*variables: Any, chains: int | None = None) -> tuple[list[Array], Layout]:
    """Variables as arrays with the draws first, and how the draws hang together.

    Parameters
    ----------
    *variables : array (n,), (n, ...), or DataArray with the dimension ``draw`` and perhaps ``chain``
        One row a draw, row i of each belonging together.
    chains : int, optional
        That the rows of plain arrays are so many chains of consecutive draws, one after the other. By default the
        rows of plain arrays are independent draws, and DataArrays are chains.

    Returns
    -------
    arrays : list of arrays (n, ...)
        Draws of one chain after those of another.
    layout : (chains, draws) or None
        None: independent draws.

    Raises
    ------
    ValueError
        If there is no draw, lengths or dimensions disagree, values are not numbers, or not finite.
    """
    if not variables:
        raise ValueError("no variable given: give arrays of draws")
    for place, item in enumerate(variables):
        if hasattr(item, "data_vars"):
            raise ValueError(f"variable {place + 1} is a Dataset: choose one of its variables, such as data['spin']")
        if np.ma.is_masked(item):
            raise ValueError(f"variable {place + 1} has masked values: leave those draws out")
    labelled = [hasattr(item, "dims") and "draw" in item.dims for item in variables]
    check_coordinates([item for item, is_labelled in zip(variables, labelled, strict=True) if is_labelled])
    shapes = {_layout_of(item) for item, is_labelled in zip(variables, labelled, strict=True) if is_labelled}
    if len(shapes) > 1:
        raise ValueError(f"the variables have {' and '.join(map(str, sorted(shapes)))} (chain, draw): they must agree")
    layout: Layout = next(iter(shapes)) if shapes else None
    arrays = []
    for place, (item, is_labelled) in enumerate(zip(variables, labelled, strict=True)):
        arrays.append(_rows(item, place, layout, is_labelled))
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        raise ValueError(f"the variables have {', '.join(map(str, lengths))} draws: draw i of each belongs together")
    if layout is None and chains is not None:
        if isinstance(chains, bool) or not isinstance(chains, int | np.integer) or chains < 1:
            raise ValueError(f"chains={chains!r}: give the number of chains, a whole number of at least 1")
        if lengths[0] % chains:
            raise ValueError(f"chains={chains}: {lengths[0]} draws are not so many chains of equal length")
        layout = (int(chains), lengths[0] // int(chains))
    elif layout is not None and chains is not None and chains != layout[0]:
        raise ValueError(f"chains={chains!r}: the variables have {layout[0]} chains themselves; leave it out")
    return arrays, layout


def check_coordinates(items: Iterable[Any]) -> None:
    """Draws are paired by position: coordinates that say otherwise are an error."""
    labelled = [item for item in items if hasattr(item, "coords")]
    for name in ("chain", "draw"):
        given = [np.asarray(item.coords[name].values) for item in labelled if name in item.coords and name in item.dims]
        if any(not np.array_equal(one, given[0]) for one in given[1:]):
            raise ValueError(f"the variables have different coordinates {name!r}: align them first (xarray.align)")


def _layout_of(item: Any) -> tuple[int, int]:
    return int(item.sizes.get("chain", 1)), int(item.sizes["draw"])


def _rows(item: Any, place: int, layout: Layout, labelled: bool) -> Array:
    """One variable as (n, ...), checked."""
    if labelled:
        item = item.transpose(*(name for name in ("chain", "draw") if name in item.dims), ...)
        array = np.asarray(item.values)
        array = array.reshape(-1, *array.shape[2 if "chain" in item.dims else 1 :])
    else:
        array = np.asarray(item)
        if layout is not None and array.shape[:2] == layout and len(array) != layout[0] * layout[1]:
            array = array.reshape(-1, *array.shape[2:])
    name = f"variable {place + 1}"
    if array.dtype == object:
        raise ValueError(f"{name} is an array of Python objects: give numbers, or labels as integers or strings")
    if array.ndim == 0 or array.shape[0] == 0 or array.size == 0:
        raise ValueError(f"{name} has the shape {array.shape}: give (n,) or (n, ...) with at least one draw")
    if array.dtype.kind == "c":
        raise ValueError(f"{name} is complex: give real and imaginary parts as two columns")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int(np.count_nonzero(~np.isfinite(array)))
        raise ValueError(f"{name} has {count} values that are not finite numbers: leave those draws out")
    return array


def as_labels(array: Array) -> tuple[npt.NDArray[np.int64], int]:
    """Rows as labels 0 … m − 1 in the order of the sorted distinct rows, and m.

    Parameters
    ----------
    array : array (n,) or (n, ...)
        Each row, whatever its shape, is one symbol.
    """
    array = np.asarray(array)
    rows = array.reshape(len(array), -1)
    if rows.shape[1] == 1:
        return _labels_of_column(rows[:, 0])
    codes = [_labels_of_column(column) for column in rows.T] if rows.shape[1] <= 64 else []
    size = math.prod(count for _, count in codes) if codes else 0
    if codes and size < 2**62:  # a row as one number
        packed = np.zeros(len(rows), dtype=np.int64)
        for label, count in codes:
            packed = packed * count + label
        return _labels_of_column(packed)
    ordered = np.ascontiguousarray(np.stack([label for label, _ in codes], axis=1) if codes else _bytes_of(rows))
    _, inverse = np.unique(ordered, axis=0, return_inverse=True)
    labels = inverse.reshape(-1).astype(np.int64)
    return labels, int(labels.max()) + 1


def _bytes_of(rows: Array) -> Array:
    """Long rows of few values take less to sort as packed bits."""
    low, high = rows.min(), rows.max()
    if rows.dtype.kind in "iub" and int(high) - int(low) <= 2 and not (rows == int(low) + 1).any():
        return np.packbits(rows == high, axis=1)
    return rows


def _labels_of_column(column: Array) -> tuple[npt.NDArray[np.int64], int]:
    if column.dtype.kind == "b":
        column = column.view(np.uint8)
    if column.dtype.kind in "iu":
        low, high = int(column.min()), int(column.max())
        if high - low < _RANGE * len(column) + 1024:
            offset = (column.astype(np.int64) - low) if high < 2**63 else (column - np.uint64(low)).astype(np.int64)
            present = np.zeros(high - low + 1, dtype=bool)
            present[offset] = True
            count = int(np.count_nonzero(present))
            if count == present.size:
                return offset, count
            return (np.cumsum(present) - 1)[offset].astype(np.int64), count
    values, inverse = np.unique(column, return_inverse=True)
    return inverse.astype(np.int64), len(values)


def as_points(array: Array) -> npt.NDArray[np.float64]:
    """Rows as real vectors: (n, d)."""
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"values of type {array.dtype} are no real numbers: give floats, or use a discrete method")
    return np.ascontiguousarray(array.reshape(len(array), -1), dtype=np.float64)


def autocorrelation_time(series: Array, layout: tuple[int, int], *, stratified: bool = False) -> float:
    """τ of a series (n,) about the common mean of its chains; ½ where nothing changes.

    Where chains differ by design, as those at different couplings do (``stratified``), each has its own mean.
    """
    chains = np.asarray(series, dtype=np.float64).reshape(layout)
    if layout[1] < 2:
        return 0.5
    centred = chains - (chains.mean(axis=1, keepdims=True) if stratified else chains.mean())
    if np.abs(centred).max() <= 1e-12 * max(1.0, float(np.abs(chains).max())):
        return 0.5
    return stats.autocorrelation_time(centred)


def is_stratified(arrays: list[Array], layout: tuple[int, int]) -> bool:
    """Whether chains differ by design.

    So it is taken where one variable, such as a label of the coupling, never changes within a chain but does between
    chains, while another changes within chains. Where nothing changes within chains they are stuck.
    """
    frozen, between = [], []
    for array in arrays:
        chains = array.reshape(*layout, -1)
        frozen.append(bool((chains == chains[:, :1]).all()))
        between.append(bool((chains[:, 0] != chains[:1, 0]).any()))
    return any(still and apart for still, apart in zip(frozen, between, strict=True)) and not all(frozen)


def slowest(arrays: list[Array], layout: tuple[int, int], *, stratified: bool = False) -> float:
    """The longest τ of several variables and their columns; large ones are looked at through their mean."""
    times = [0.5]
    for array in arrays:
        if array.dtype.kind not in "biuf":
            array = as_labels(array)[0]
        columns = array.reshape(len(array), -1)
        if columns.shape[1] > MOST_COLUMNS:
            columns = columns.mean(axis=1, dtype=np.float64)[:, None]
        times += [
            autocorrelation_time(column, layout, stratified=stratified) for column in columns.T.astype(np.float64)
        ]
    return max(times)


def spacing(tau: float, n: int) -> int:
    """Every how many draws to take for nearly independent ones: ⌈2τ⌉, 1 where τ is ½ within its own error."""
    noise = 3.0 * math.sqrt(2.0 * (2.0 * stats.WINDOW + 1.0) / n)  # relative, of τ near ½ (Madras & Sokal 1988)
    return 1 if 2.0 * tau <= 1.0 + max(noise, 0.02) else math.ceil(2.0 * tau)


def over_chains(
    estimator: Callable[..., Estimate],
    arrays: list[Array],
    layout: Layout,
    local: Callable[..., Array],
) -> Estimate:
    """An estimate from chains by an estimator that is right for independent draws.

    Parameters
    ----------
    estimator : callable
        Maps arrays (n, ...) of independent draws to an Estimate in nats.
    arrays, layout
        As `paired` returns them.
    local : callable
        Maps the same arrays to local contributions (n,).

    Returns
    -------
    Estimate
        With ``n`` the draws given and ``n_effective`` what they are worth.

    Raises
    ------
    ShortChainError
        If the chains are worth fewer than 50 independent draws, or a chain is shorter than 20 τ.
    """
    n = len(arrays[0])
    if layout is None or layout[1] < 2:
        result = estimator(*arrays)
        return replace(result, n=n, n_effective=float(n) if result.n_effective is None else result.n_effective)
    stratified = is_stratified(arrays, layout)
    own = autocorrelation_time(local(*arrays), layout, stratified=stratified)
    tau = max(own, slowest(arrays, layout, stratified=stratified))
    step = min(spacing(tau, n), layout[1])
    if step == 1:  # what little correlation there may be goes into the error
        result, wider = estimator(*arrays), math.sqrt(max(1.0, 2.0 * tau))
        assert result.interval is not None
        low, high = (result.value + wider * (end - result.value) for end in result.interval)
        return replace(
            result, stderr=wider * result.stderr, interval=(low, high), n=n, n_effective=n / max(1.0, 2.0 * tau)
        )
    check_length(tau, layout)
    parts = []
    offsets = np.unique(np.linspace(0, step - 1, min(step, MOST_SUBSETS)).round().astype(int))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for offset in offsets:
            thinned = (array.reshape(*layout, *array.shape[1:])[:, offset::step] for array in arrays)
            parts.append(estimator(*(part.reshape(-1, *part.shape[2:]) for part in thinned)))
    for message in {str(item.message): item for item in caught}.values():
        warnings.warn(message.message, message.category, stacklevel=3)
    value = float(np.mean([part.value for part in parts]))
    low, high = (
        float(np.mean([part.interval[side] - part.value for part in parts if part.interval is not None]))
        for side in (0, 1)
    )
    return replace(
        parts[0],
        value=value,
        stderr=float(np.sqrt(np.mean([part.stderr**2 for part in parts]))),
        interval=(value + low, value + high),
        method=f"{parts[0].method}; every {step}th draw (autocorrelation time {tau:.3g}), mean over offsets",
        n=n,
        n_effective=max(n / (2.0 * tau), float(layout[0])),
    )


def check_length(tau: float, layout: tuple[int, int]) -> None:
    """Raise `ShortChainError` for chains worth fewer than 50 draws, or shorter than 20 τ, unless there are 50."""
    chains, draws = layout
    effective = chains * draws / (2.0 * tau)
    if effective >= stats.MIN_EFFECTIVE and draws >= 20.0 * tau:
        return
    if chains >= stats.MIN_EFFECTIVE:  # which are independent however short
        return
    needed = math.ceil(max(2.0 * tau * stats.MIN_EFFECTIVE / chains, 20.0 * tau))
    estimate = Estimate(tau, float("nan"), method="integrated autocorrelation time, in draws", n=chains * draws)
    raise stats.ShortChainError(
        f"{chains} x {draws} draws with an autocorrelation time of {tau:.3g} draws are worth {effective:.3g} "
        f"independent ones; information needs {stats.MIN_EFFECTIVE:g} and chains of 20 autocorrelation times: take at "
        f"least {needed} draws a chain, or leave more sweeps between draws",
        estimate,
    )
