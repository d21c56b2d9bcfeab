"""Configurations as what torch trains on, chain by chain, and mean scores of those that were held out."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import labels as labelling
from rgnet.cheap.classification import mean_score
from rgnet.estimate import Estimate
from rgnet.stats import ShortChainError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Configurations as float32 (n, components, *shape), chain by chain."""

    x: npt.NDArray[np.float32]
    shape: tuple[int, ...]
    components: int
    layout: tuple[int, int]  # (chains, draws); independent draws are chains of one


def rows_of(data: Any, ndim: int | None = None) -> Rows:
    """Configurations to train on.

    Parameters
    ----------
    data : Dataset with ``spin(chain, draw, [component], *space)``, a list of such Datasets, or array
        Arrays are independent draws, (n, *space), or (n, components, *space) with ``ndim`` given.
    ndim : int, optional

    Raises
    ------
    ValueError
        If there are no space axes or more than three, or values are not finite numbers.
    """
    if isinstance(data, list | tuple) and data and all(isinstance(item, xr.Dataset) for item in data):
        parts = [rows_of(item, None) for item in data]
        if len({(part.shape, part.components, part.layout[1]) for part in parts}) > 1:
            raise ValueError("Datasets of a list must have one lattice and equally many draws: they do not")
        chains = sum(part.layout[0] for part in parts)
        x = np.concatenate([part.x for part in parts])
        return Rows(x, parts[0].shape, parts[0].components, (chains, parts[0].layout[1]))
    if isinstance(data, xr.Dataset):
        space = labelling.space_dims(data)
        spin = data["spin"]
        unknown = [name for name in spin.dims if name not in ("chain", "draw", "component", *space)]
        if unknown:
            raise ValueError(f"spin has the dimension {unknown[0]!r}: select one of it first")
        spin = spin.expand_dims([name for name in ("chain", "draw", "component") if name not in spin.dims])
        array = spin.transpose("chain", "draw", "component", *space).values
        layout = (array.shape[0], array.shape[1])
        x = array.reshape(-1, *array.shape[2:])
        return _checked(x, len(space), layout)
    array = np.asarray(data)
    if array.ndim < 2:
        raise ValueError(f"configurations of shape {array.shape}: give (n, *space), or a Dataset with spin")
    d = array.ndim - 1 if ndim is None else ndim
    if d not in (array.ndim - 1, array.ndim - 2) or d < 1:
        raise ValueError(
            f"ndim={ndim} for an array of shape {array.shape}: give (n, *space) or (n, components, *space)"
        )
    x = array[:, None] if d == array.ndim - 1 else array
    return _checked(x, d, (len(array), 1))


def held_score(
    local: npt.ArrayLike, rows: Rows, *, method: str, unit: str = "1", kind: Any = "estimate",
    y: npt.NDArray[np.int64] | None = None, prior: Sequence[float] = (1.0,),
) -> Estimate:  # fmt: skip
    """Mean of a score over held-out rows, as `rgnet.learn.training.split_chains` gives them, with its error.

    What was trained is not to be lost where these chains are too short for an error bar: the error is then NaN.

    Parameters
    ----------
    local : array (n,)
    rows : Rows
        Of which those were held out.
    method, unit, kind : str
        Of the Estimate.
    y, prior : array (n,) and sequence of float, optional
        Classes and their frequencies, as `rgnet.cheap.classification.mean_score` takes them.
    """
    score = np.asarray(local, dtype=np.float64)
    classes = np.zeros(len(score), dtype=np.int64) if y is None else y
    chains, draws = rows.layout
    layout = None if draws == 1 else (1, len(score)) if chains == 1 else (len(score) // draws, draws)
    try:
        found = mean_score(score, classes, prior, layout)
    except ShortChainError as error:
        method += f"; no error bar: {error}"
        found = dataclasses.replace(error.estimate, stderr=float("nan"), interval=None)
    return Estimate(found.value, found.stderr, None, kind, method, found.n, found.n_effective, unit)


def _checked(x: Array, ndim: int, layout: tuple[int, int]) -> Rows:
    if ndim > 3:
        raise ValueError(f"{ndim} space dimensions: convolutions have 1, 2 or 3; flatten, or use fewer")
    if x.dtype.kind not in "iuf" or not np.isfinite(x).all():
        raise ValueError(f"configurations of dtype {x.dtype}: give finite numbers")
    return Rows(x.astype(np.float32), tuple(map(int, x.shape[2:])), int(x.shape[1]), layout)
