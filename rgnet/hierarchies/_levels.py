"""What chains and trees share: checked probabilities, random streams, and data in and out as labelled arrays."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.hierarchies import _tree_kernels as kernels
from rgnet.hierarchies._statistic import MAX_LABELS, Statistic

Array = npt.NDArray[Any]
SLACK = 1e-9  # by how much a row of probabilities may miss one
GROUP = 64  # draws in one machine word of the two-state sampler


def probabilities(name: str, rows: Any, shape: tuple[int | None, ...]) -> tuple[Array, Array | None]:
    """Checked probabilities as read-only float64, and as they came if they are integers and Fractions.

    Parameters
    ----------
    name : str
        How errors call them.
    rows : array_like
        Non-negative numbers that sum to one along the last axis. Fractions are kept exactly and must sum to one so.
    shape : tuple
        Wanted shape; None where any size will do.

    Raises
    ------
    ValueError
        If the shape is another, an entry is negative or not finite, or a row misses one by more than 1e-9.
    """
    try:
        raw = np.asarray(rows)
        rational = raw.dtype.kind in "iu" or (
            raw.dtype == object and all(isinstance(x, (int, Fraction)) for x in raw.flat)
        )
        exact = raw if rational else None
        table = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not a rectangular array of numbers: {error}") from None
    wanted = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ("," * (len(shape) == 1)) + ")"
    if table.ndim != len(shape) or any(w not in (None, s) for w, s in zip(shape, table.shape, strict=True)):
        raise ValueError(f"{name} has shape {table.shape}; it must be {wanted}")
    if table.size == 0:
        raise ValueError(f"{name} is empty: there must be at least one state")
    bad = ~(np.isfinite(table) & (table >= 0))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        index = ", ".join(map(str, where))
        raise ValueError(f"{name}[{index}] = {table[where]:g}: probabilities are finite and not negative")
    sums = table.sum(axis=-1)
    if exact is not None:
        off = np.vectorize(lambda total: total != 1, otypes=[bool])(np.asarray(exact.sum(axis=-1), dtype=object))
    else:
        off = np.abs(sums - 1.0) > SLACK
    if np.any(off):
        row = tuple(int(i) for i in np.argwhere(np.atleast_1d(off))[0])[: table.ndim - 1]
        place = f"row {', '.join(map(str, row))} of {name}" if row else name
        total = float(sums[row])
        raise ValueError(f"{place} sums to {total:.12g}, {total - 1.0:+.3g} off: probabilities must sum to one")
    table.flags.writeable = False
    return table, exact


def whole(name: str, value: Any, least: int, why: str = "") -> int:
    """A checked whole number of at least ``least``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name}={value!r}: a whole number of at least {least}{why and ': ' + why}")
    return int(value)


def level_of(level: Any, steps: int, name: str = "level") -> int:
    """A checked level number, 0 … steps."""
    if isinstance(level, (bool, np.bool_)) or not isinstance(level, (int, np.integer)) or not 0 <= level <= steps:
        raise ValueError(f"{name}={level!r}: the levels are 0 (the cause) … {steps} (the data)")
    return int(level)


def smallest_dtype(states: int) -> Any:
    """The smallest unsigned integer type that holds 0 … states − 1."""
    return next(t for t in (np.uint8, np.uint16, np.uint32, np.uint64) if states - 1 <= np.iinfo(t).max)


def sample_levels(
    n: int, seed: int, branchings: Sequence[int], prior: Array, channels: Sequence[Array], wanted: Sequence[int]
) -> dict[int, Array]:
    """Draws (n, sites) of the wanted levels of a tree (of a chain: every branching 1).

    Draws are made in blocks whose length depends on the tree alone, block j from the stream
    SeedSequence(seed, spawn_key=(j,)), so the first draws do not depend on n, nor any level on those that are wanted.
    """
    sites = [math.prod(branchings[:k]) for k in range(len(branchings) + 1)]
    alphabet = [prior.size] + [channel.shape[1] for channel in channels]
    binary = all(q == 2 for q in alphabet)
    groups = max(1, min(16, 2**22 // (GROUP * sum(sites))))
    block, steps = groups * GROUP, list(zip((1, *branchings), (prior[None, :], *channels), strict=True))
    tables = [kernels.bit_thresholds(m) if binary else kernels.thresholds(m) for _, m in steps]
    out = {k: np.empty((n, sites[k]), dtype=smallest_dtype(alphabet[k])) for k in wanted}
    for number, start in enumerate(range(0, n, block)):
        state = np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(4, np.uint64)
        stop = min(n, start + block)
        level: Array = np.zeros((groups, 1), dtype=np.uint64) if binary else np.zeros((block, 1), dtype=np.uint8)
        for k, (branching, _) in enumerate(steps):
            child: Array
            if binary:
                child = np.empty((groups, sites[k]), dtype=np.uint64)
                kernels.spread_bits(level, branching, *tables[k], state, child)
                if k in out:
                    kernels.unpack_bits(child, out[k][start:stop])
            else:
                child = np.empty((block, sites[k]), dtype=smallest_dtype(alphabet[k]))
                kernels.spread(level, branching, *tables[k], state, child)
                if k in out:
                    out[k][start:stop] = child[: stop - start]
            level = child
    return out


def dataset(levels: dict[int, Array], single: Sequence[bool], attrs: dict[str, Any]) -> xr.Dataset:
    """Levels (n, sites) as variables y_k over (draw,) or (draw, site_k)."""
    variables = {
        f"y_{k}": ("draw", x[:, 0]) if single[k] else (("draw", f"site_{k}"), x) for k, x in sorted(levels.items())
    }
    return xr.Dataset(
        variables, attrs={k: v if isinstance(v, (str, int, float)) else _json(v) for k, v in attrs.items()}
    )


def _json(value: Any) -> str:
    return json.dumps(value, default=lambda a: a.tolist() if isinstance(a, np.ndarray) else str(a))


def observed(data: Any, level: int, sites: int, states: int) -> tuple[Array, bool]:
    """Data of a level as an array (n, sites), and whether they came as a DataArray or Dataset.

    Raises
    ------
    ValueError
        If y_level is missing, the shape is not (n, sites), or an entry is not one of the states 0 … states − 1.
    """
    labelled = hasattr(data, "dims")
    if hasattr(data, "data_vars"):
        if f"y_{level}" not in data:
            raise ValueError(f"the Dataset has no y_{level}, the level of the data; it has {', '.join(data.data_vars)}")
        data = data[f"y_{level}"]
    if labelled:
        if "draw" not in data.dims:
            raise ValueError(f"the data have the dimensions {tuple(data.dims)}; one of them must be draw")
        data = data.transpose("draw", ...).values
    x = np.asarray(data)
    if sites == 1 and x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2 or x.shape[1] != sites:
        shape = "(n,)" if sites == 1 else f"(n, {sites})"
        raise ValueError(f"the data have shape {np.shape(data)}; y_{level} is an array {shape}, draws first")
    if x.dtype.kind not in "iub":
        whole_numbers = x.dtype.kind == "f" and bool(np.all(np.mod(np.where(np.isfinite(x), x, 0.5), 1.0) == 0))
        if not whole_numbers:
            raise ValueError(f"the data are of type {x.dtype}: states are whole numbers 0 … {states - 1}")
        x = x.astype(np.int64)
    if x.size and (int(x.min()) < 0 or int(x.max()) >= states):
        first = int(np.argmax(((x < 0) | (x >= states)).any(axis=1)))
        raise ValueError(f"draw {first} of the data has a state outside 0 … {states - 1}")
    return x, labelled


def in_batches(rows: int, batch: int) -> Iterator[slice]:
    """Consecutive slices of at most ``batch`` of ``rows`` rows."""
    return (slice(start, min(rows, start + batch)) for start in range(0, rows, max(1, batch)))


def statistic(
    level: int,
    data_level: int,
    sites: int,
    states: int,
    count: int | None,
    label: Callable[[Array], Array],
    method: str,
) -> Statistic:
    """A statistic from a function that labels checked data (n, sites), −1 for what cannot happen."""

    def function(data: Any) -> Array:
        labels = label(observed(data, data_level, sites, states)[0])
        impossible = labels < 0
        if impossible.any():
            raise ValueError(impossible_draw(int(np.argmax(impossible))))
        return labels

    def listing() -> Array | None:
        if count is None or sites * math.log(states) > math.log(MAX_LABELS) + 1e-9:
            return None
        return label(np.indices((states,) * sites).reshape(sites, -1).T)

    return Statistic(level, function, count, listing, method=method)


def impossible_draw(number: int) -> str:
    """The error for data that the hierarchy cannot produce."""
    return f"draw {number} of the data has probability zero: no cause of this hierarchy produces it, so no posterior"
