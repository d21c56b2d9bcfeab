"""A network: layers in sequence, and the levels it makes of data.

Layers may change the number of components (channels) and give any coarse lattice: a dense layer's is one site.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import labels, lattice
from rgnet.layers.layer import Array, Layer, Rng, coarse_dataset, coarse_shape


@dataclass(frozen=True, init=False)
class Network:
    """Layers in sequence. A Network is itself a layer: the composition.

    Parameters
    ----------
    layers : iterable of layers
        Such as ``[rg.Majority(2)] * 4``.
    """

    layers: tuple[Layer, ...]

    def __init__(self, layers: Iterable[Layer]) -> None:
        items = tuple(layers) if isinstance(layers, Iterable) else (layers,)
        if not items:
            raise ValueError("Network([]): give at least one layer, such as rg.Majority(2)")
        for item in items:
            if isinstance(item, type) or not isinstance(item, Layer):
                raise TypeError(f"Network: {item!r} is not a layer; give objects such as rg.Majority(2)")
        object.__setattr__(self, "layers", items)

    @property
    def scale(self) -> int:
        """Product of the layers' scales."""
        return math.prod(layer.scale for layer in self.layers)

    @property
    def is_random(self) -> bool:
        """Whether any layer is random."""
        return any(layer.is_random for layer in self.layers)

    @property
    def components(self) -> tuple[int, int]:
        """Components of the input and of the output; (1, 1) where every layer acts on each component."""
        each = [getattr(layer, "components", (1, 1)) for layer in self.layers]
        mixing = [pair for pair in each if pair != (1, 1)]
        return (mixing[0][0], mixing[-1][1]) if mixing else (1, 1)

    @property
    def n_parameters(self) -> int:
        """Learned numbers of all layers."""
        return sum(getattr(layer, "n_parameters", 0) for layer in self.layers)

    @property
    def kernel(self) -> int:
        """Side of the window of inputs that one output of the last layer sees."""
        side, step = 1, 1
        for layer in self.layers:
            side += (getattr(layer, "kernel", layer.scale) - 1) * step
            step *= layer.scale
        return side

    def randomized(self, seed: int) -> "Network":
        """The control: the same shapes with random weights, wherever a layer has weights."""
        seeds = np.random.SeedSequence(seed).generate_state(len(self.layers))
        return Network(
            layer.randomized(int(s)) if hasattr(layer, "randomized") else layer
            for layer, s in zip(self.layers, seeds, strict=True)
        )

    def coarse_shape(self, shape: lattice.Shape) -> lattice.Shape:
        """Lattice of the last level.

        Raises
        ------
        ValueError
            If a layer does not take the lattice that reaches it.
        """
        if not any(hasattr(layer, "coarse_shape") for layer in self.layers):
            name = f"a network of {len(self.layers)} layers with scale {self.scale}"
            return lattice.coarse_shape(shape, self.scale, name)
        for layer in self.layers:
            shape = coarse_shape(layer, shape)
        return shape

    def __call__(self, x: Any, rng: Rng = None, *, ndim: int | None = None) -> Any:
        """The last level of an array or Dataset: every layer in turn, on one stream of random numbers."""
        generator = np.random.default_rng(rng)
        ndim = self._ndim(x, ndim)
        for layer in self.layers:
            x = layer(x, generator, ndim=ndim)
        return x

    @overload
    def levels(self, data: xr.Dataset, seed: int = 0, *, ndim: int | None = None) -> list[xr.Dataset]: ...
    @overload
    def levels(self, data: npt.ArrayLike, seed: int = 0, *, ndim: int | None = None) -> list[Array]: ...
    def levels(self, data: Any, seed: int = 0, *, ndim: int | None = None) -> list[Any]:
        """Every level of the data, level 0 the input itself.

        Parameters
        ----------
        data : Dataset with ``spin(chain, draw, *space)``, or array (..., *space)
        seed : int
            Layer k on chain c takes its random numbers from ``SeedSequence(seed, spawn_key=(k, c, first draw))``: the
            same seed gives the same levels, and parts of a run have coins of their own.
        ndim : int, optional
            For arrays, how many of the last axes are space; all of them if None.

        Raises
        ------
        ValueError
            If the network's scale does not divide the shape.
        """
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"seed={seed!r}: a whole number of at least 0")
        if hasattr(data, "to_dataset") and hasattr(data, "subtree"):  # a node of what rgnet.open gives
            data = data.to_dataset()
        if isinstance(data, xr.DataArray):
            data = xr.Dataset({"spin": data})
        is_dataset = isinstance(data, xr.Dataset)
        if is_dataset:
            shape = tuple(int(data["spin"].sizes[name]) for name in labels.space_dims(data))
        else:
            data = np.asarray(data)
            if ndim is not None and not 1 <= ndim <= data.ndim:
                raise ValueError(
                    f"ndim={ndim} for an array of shape {data.shape}: from 1 to {data.ndim} axes can be space"
                )
            ndim = self._ndim(data, ndim)
            shape = data.shape[data.ndim - ndim :]
        self.coarse_shape(shape)
        result = [data]
        for index, layer in enumerate(self.layers):
            if is_dataset:
                result.append(_next_level(result[-1], layer, seed, index))
            else:
                result.append(layer(result[-1], _stream(seed, index, 0, 0), ndim=ndim))
        return result

    def _ndim(self, x: Any, ndim: int | None) -> Any:
        """How many axes of an array are space, told to every layer: levels may gain an axis of components."""
        if ndim is None and not isinstance(x, xr.Dataset):
            return np.ndim(x) - (1 if self.components[0] > 1 else 0)
        return ndim


def _stream(seed: int, layer: int, chain: int, draw: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(layer, chain, draw)))


def _next_level(data: xr.Dataset, layer: Layer, seed: int, index: int) -> xr.Dataset:
    """The next level, chain by chain, each with a stream of its own."""
    spins = data["spin"]
    first = int(spins["draw"].values[0]) if "draw" in spins.coords and spins["draw"].size else 0
    if "chain" not in spins.dims:
        return coarse_dataset(data, layer, lambda x, d: layer(x, _stream(seed, index, 0, first), ndim=d))
    numbers = [int(c) for c in spins["chain"].values] if "chain" in spins.coords else list(range(spins.sizes["chain"]))
    # Components come after every other batch dimension, so they leave the place of the chains as it is
    axis = [name for name in spins.dims if name in labels.BATCH_DIMS and name != "component"].index("chain")

    def by_chain(x: Array, d: int) -> Array:
        moved = np.moveaxis(x, axis, 0)
        coarse = [layer(part, _stream(seed, index, c, first), ndim=d) for part, c in zip(moved, numbers, strict=True)]
        return np.moveaxis(np.stack(coarse), 0, axis)

    return coarse_dataset(data, layer, by_chain)
