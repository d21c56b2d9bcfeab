"""The contract of a coarse-graining map, and what all block maps share.

A layer maps a configuration x on a lattice of shape (L_1, …, L_d) to one of shape (L_1/b, …, L_d/b): an RG step of
scale b, a network layer with b^d inputs to each unit, and a channel p(y|x). Arrays may have any batch axes in front
of the d space axes.

A level of C > 1 components (the channels of a learned level) has an axis ``component`` directly in front of the space
axes; a level of one component has no such axis. Block layers act on each component. A layer that mixes components, or
changes their number, says ``components = (in, out)`` and is written with two helpers:

- `apply_channels`: its ``__call__``, for arrays and Datasets, given a function (n, in, *space) → (n, out, *coarse);
- `coarse_dataset`: a Dataset of the next level, for a function on arrays whose output may have another number of
  components, any coarse lattice (a dense layer gives one site, 1×1), and which sets the attributes of a level.

What a layer may have beside the contract, read with ``getattr(layer, name, default)``: ``components`` ((1, 1)),
``n_parameters`` (0), ``kernel`` (side of the window of inputs that one output sees; default ``scale``),
``randomized(seed)`` (a layer of the same shape with random weights) and ``coarse_shape(shape)`` (its output's lattice,
where that is not ``shape / scale``).
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, overload, runtime_checkable

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import labels, lattice

Array = npt.NDArray[Any]
Rng = np.random.Generator | np.random.SeedSequence | int | None
_Data = TypeVar("_Data", Array, xr.Dataset)


@runtime_checkable
class Layer(Protocol):
    """Anything that coarse-grains: hand-made, a `Network`, or learned."""

    @property
    def scale(self) -> int:
        """Ratio b of the two lattice spacings."""
        ...

    @property
    def is_random(self) -> bool:
        """Whether the output depends on ``rng``."""
        ...

    def __call__(self, x: Any, rng: Rng = None, *, ndim: int | None = None) -> Any:
        """Coarse-grain an array or a Dataset."""
        ...


@dataclass(frozen=True)
class BlockLayer:
    """A map from each b×b×… block to one number; b is a whole number of at least 2 that divides every side."""

    b: int

    def __post_init__(self) -> None:
        if isinstance(self.b, bool) or not isinstance(self.b, (int, np.integer)) or self.b < 2:
            raise ValueError(f"{type(self).__name__}(b={self.b!r}): the block side b is a whole number of at least 2")
        object.__setattr__(self, "b", int(self.b))

    @property
    def scale(self) -> int:
        """Ratio b of the two lattice spacings."""
        return self.b

    @property
    def is_random(self) -> bool:
        """Whether the output depends on ``rng``."""
        return False

    @overload
    def __call__(self, x: xr.Dataset, rng: Rng = None, *, ndim: int | None = None) -> xr.Dataset: ...
    @overload
    def __call__(self, x: npt.ArrayLike, rng: Rng = None, *, ndim: int | None = None) -> Array: ...
    def __call__(self, x: Any, rng: Rng = None, *, ndim: int | None = None) -> Any:
        """Coarse-grain.

        Parameters
        ----------
        x : array (..., *space) or Dataset with ``spin``
        rng : Generator, SeedSequence or int, optional
            Where a random layer takes its random numbers from; None draws fresh ones.
        ndim : int, optional
            How many of the last axes are space; all of them if None. Datasets know theirs.

        Returns
        -------
        array (..., *coarse) or Dataset

        Raises
        ------
        ValueError
            If b does not divide the shape, or values are not finite numbers.
        """
        generator = np.random.default_rng(rng)
        if isinstance(x, xr.Dataset):
            return coarse_dataset(x, self, lambda spins, d: self.coarsen(spins, generator, d))
        array, d = _checked(x, ndim, self)
        return self.coarsen(array, generator, d)

    @abstractmethod
    def coarsen(self, x: Array, rng: np.random.Generator, ndim: int) -> Array:
        """The map itself, on an array already checked."""


def coarse_dataset(data: xr.Dataset, layer: Any, function: Callable[[Array, int], Array]) -> xr.Dataset:
    """Dataset of the next level: ``function(spins, ndim)`` applied to ``data["spin"]``, labelled.

    Parameters
    ----------
    data : Dataset with ``spin(*batch, [component], *space)``
    layer : Layer
        Its ``scale`` and ``repr`` go to the attributes ``scale``, ``step`` and ``layer``; ``level`` counts on.
    function : callable
        From an array (*batch, [component], *space) to (*batch, [component], *coarse). Whether the new level has
        components is read off its number of axes.

    Raises
    ------
    ValueError
        If the layer's scale does not divide the shape, values are not finite numbers, or the sites are a graph's.
    """
    space = labels.space_dims(data)
    labels.boundary(data)  # refuses graphs
    batch = tuple(str(name) for name in data["spin"].dims if name not in (*space, "component"))
    inner = ("component",) if "component" in data["spin"].dims else ()
    spins, d = _checked(data["spin"].transpose(*batch, *inner, *space).values, len(space), layer)
    coarse = function(spins, d)
    outer = ("component",) if coarse.ndim == len(batch) + 1 + d else ()
    same = inner if inner == outer and coarse.shape[len(batch)] == spins.shape[len(batch)] else ()
    coords = {name: data["spin"].coords[name] for name in (*batch, *same) if name in data["spin"].coords}
    kept = {key: data.attrs[key] for key in ("model", "boundary", "seed") if key in data.attrs}
    attrs = {
        **kept,
        "level": int(data.attrs.get("level", 0)) + 1,
        "scale": int(data.attrs.get("scale", 1)) * layer.scale,
        "step": layer.scale,
        "layer": repr(layer),
    }
    return xr.Dataset({"spin": ((*batch, *outer, *space), coarse)}, coords=coords, attrs=attrs)


def apply_channels(
    layer: Any,
    function: Callable[[Array, np.random.Generator], Array],
    x: Any,
    rng: Rng = None,
    *,
    ndim: int | None = None,
    each: bool = False,
) -> Any:
    """What a layer with components does when called: the batch made flat, the component axis always there.

    Parameters
    ----------
    layer : Layer
        With ``components = (in, out)``, ``scale``, and ``coarse_shape`` where it has one.
    function : callable
        ``function(x, rng)`` from (n, in, *space) to (n, out, *coarse).
    x : array (..., [in], *space) or Dataset
        With the axis of components if and only if in > 1.
    rng : Generator, SeedSequence or int, optional
        Passed on as a Generator.
    ndim : int, optional
        How many of the last axes are space; None: all of them, after the first one if in > 1.
    each : bool
        For a layer of one component: whether it acts on each component of data that have several.

    Raises
    ------
    ValueError
        If the number of components or the lattice does not fit, or values are not finite numbers.
    """
    inner, outer = getattr(layer, "components", (1, 1))
    generator = np.random.default_rng(rng)

    def on_array(array: Array, d: int) -> Array:
        lead = array.shape[: array.ndim - d]
        if inner > 1 and (not lead or lead[-1] != inner):
            raise ValueError(
                f"configurations of shape {array.shape} with {d} space axes: {layer!r} takes {inner} components, in "
                f"an axis of that length in front of the space axes"
            )
        batch = lead[:-1] if inner > 1 else lead
        space = array.shape[array.ndim - d :]
        result = function(array.reshape(math.prod(batch), inner, *space), generator)
        return result.reshape(*batch, *((outer,) if outer > 1 else ()), *result.shape[2:])

    if isinstance(x, xr.Dataset):
        have = int(x["spin"].sizes.get("component", 1)) if "spin" in x else 1
        if have != inner and not each:
            raise ValueError(
                f"configurations of {have} components: {layer!r} takes {inner}; give the level it was made for"
            )
        if have == 1 and "spin" in x and "component" in x["spin"].dims:
            x = x.isel(component=0, drop=True)
        return coarse_dataset(x, layer, on_array)
    if ndim is None:
        ndim = np.ndim(x) - (1 if inner > 1 else 0)
    array, d = _checked(x, ndim, layer)
    return on_array(array, d)


def coarse_shape(layer: Any, shape: lattice.Shape, who: str = "") -> lattice.Shape:
    """Lattice of the layer's output: ``layer.coarse_shape(shape)`` where it has one, else ``shape / scale``.

    Raises
    ------
    ValueError
        If the layer does not take this lattice.
    """
    own = getattr(layer, "coarse_shape", None)
    return tuple(own(shape)) if own is not None else lattice.coarse_shape(shape, layer.scale, who or repr(layer))


def _checked(x: npt.ArrayLike, ndim: int | None, layer: Any) -> tuple[Array, int]:
    array = np.asarray(x)
    d = array.ndim if ndim is None else ndim
    if not 1 <= d <= array.ndim:
        raise ValueError(f"ndim={ndim} for an array of shape {array.shape}: from 1 to {array.ndim} axes can be space")
    if array.dtype.kind == "b":
        raise ValueError("configurations of dtype bool: recode them as spins, 2*x - 1")
    if array.dtype.kind not in "iuf":
        raise ValueError(f"configurations of dtype {array.dtype}: a layer takes whole or real numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(array))} values of the configurations are not finite numbers")
    coarse_shape(layer, array.shape[array.ndim - d :])
    return array, d


def block_sum(x: Array, b: int, ndim: int) -> Array:
    """Sum over each block, shape (..., *coarse): int16 for small blocks of int8, else int64 or float64."""
    if x.dtype.kind == "f":
        dtype: Any = np.float64
    else:
        dtype = np.int16 if x.dtype == np.int8 and b**ndim <= 255 else np.int64
    members: Iterator[Array] = lattice.block_members(x, b, ndim)
    total = next(members).astype(dtype)
    for member in members:
        total += member.astype(dtype, copy=False)
    return total


def paired(y: npt.ArrayLike, x: npt.ArrayLike, ndim: int | None, layer: Any) -> tuple[Array, Array, int]:
    """Check the arguments of ``log_prob``: y of the coarse shape with values ±1, x of the fine one.

    Raises
    ------
    ValueError
        If the shapes do not belong together or y has other values.
    """
    fine, d = _checked(x, ndim, layer)
    coarse = np.asarray(y)
    expected = coarse_shape(layer, fine.shape[fine.ndim - d :])
    if coarse.ndim < d or coarse.shape[coarse.ndim - d :] != expected:
        raise ValueError(f"y of shape {coarse.shape}: {layer!r} takes x of shape {fine.shape} to (..., {expected})")
    if not np.isin(coarse, (-1, 1)).all():
        raise ValueError(f"y has values other than ±1: {layer!r} gives only those")
    return coarse, fine, d


def sum_space(values: Array, ndim: int) -> Array:
    """Sum over the last ``ndim`` axes."""
    return np.asarray(values.sum(axis=tuple(range(values.ndim - ndim, values.ndim))))
