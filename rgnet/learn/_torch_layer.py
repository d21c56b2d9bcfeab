"""`TorchLayer`: a part of a torch module as a layer of rgnet."""

import copy
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet.layers.layer import Rng, apply_channels
from rgnet.learn._adapters_segments import Hooked, Slice
from rgnet.learn._torch import fork_seed, torch

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Place:
    """An activation: its components and lattice, and the shape that a row of it has in torch."""

    components: int
    lattice: lattice.Shape
    row: tuple[int, ...]


@dataclass(frozen=True)
class Origin:
    """The call of `from_torch` that a layer came from, and which of its layers it is."""

    names: tuple[str, ...]
    shape: lattice.Shape
    components: int
    index: int
    builder: tuple[str, dict[str, Any]] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class TorchLayer:
    """From one activation of a torch module to the next named one; made by `rgnet.learn.from_torch`.

    Attributes
    ----------
    module : torch.nn.Module
        The part, on the CPU and in eval mode.
    inner, outer : Place
        What it takes and gives.
    origin : Origin
    is_random : bool
        Whether the part draws random numbers in eval mode.
    rows : int
        Configurations to a batch.
    """

    module: Slice | Hooked
    inner: Place
    outer: Place
    origin: Origin
    is_random: bool
    rows: int

    def __repr__(self) -> str:
        name = self.origin.names[self.origin.index] or "output"
        return f"TorchLayer({name}: {_place(self.inner)} -> {_place(self.outer)})"

    @property
    def scale(self) -> int:
        """Ratio of the sides of the two lattices: the least of them, its whole part where they do not divide."""
        return max(1, min(a // b for a, b in zip(self.inner.lattice, self.outer.lattice, strict=True)))

    @property
    def components(self) -> tuple[int, int]:
        """Components of the input and of the output."""
        return self.inner.components, self.outer.components

    @functools.cached_property
    def kernel(self) -> int:
        """Side of the window of inputs that one output depends on."""
        return window(self._forward, self.inner, self.outer)

    @property
    def n_parameters(self) -> int:
        """Numbers among the parameters that lie between the two activations."""
        own, named = self.module.own(), self.module.root.named_parameters(remove_duplicate=False)
        return sum({id(item): item.numel() for name, item in named if name in own}.values())

    def coarse_shape(self, shape: lattice.Shape) -> lattice.Shape:
        """Lattice of the output.

        Raises
        ------
        ValueError
            If the input's is not the one the layer was made for.
        """
        if tuple(shape) != self.inner.lattice:
            raise ValueError(
                f"{self!r} cannot take shape {tuple(shape)}: it was made for {self.inner.lattice}; give ndim= if other "
                f"axes are space, or make the network anew with from_torch(…, shape=…)"
            )
        return self.outer.lattice

    def __call__(self, x: Any, rng: Rng = None, *, ndim: int | None = None) -> Any:
        """Coarse-grain an array (..., [in], *space) or a Dataset; float32, or float64 where the module is.

        Raises
        ------
        ValueError
            If components or the lattice do not fit, or values are not finite numbers.
        """
        return apply_channels(self, self._forward, x, rng, ndim=ndim)

    def _forward(self, x: Array, rng: np.random.Generator) -> Array:
        seed = int(rng.integers(2**63)) if self.is_random else 0
        parts, dtype = [], dtype_of(self.module.root)
        with torch.no_grad(), fork_seed(seed):
            for start in range(0, max(len(x), 1), self.rows):
                part = x[start : start + self.rows]
                given = torch.tensor(part.reshape(len(part), *self.inner.row), dtype=dtype)
                parts.append(_as_level(self.module(given), self.outer))
        return np.concatenate(parts)

    def randomized(self, seed: int) -> "TorchLayer":
        """The control: the same part with random weights.

        Every submodule is initialised anew by its ``reset_parameters``; parameters of modules without one are drawn
        from a normal distribution with their own root mean square.
        """
        module = copy.deepcopy(self.module)
        with torch.no_grad(), fork_seed(seed):
            for item in module.root.modules():
                reset: Any = getattr(item, "reset_parameters", None)
                if callable(reset):
                    reset()
                    continue
                for parameter in item.parameters(recurse=False):
                    if parameter.is_floating_point():
                        parameter.normal_(std=float(parameter.square().mean().sqrt()))
        module.eval()
        builder = self.origin.builder
        origin = Origin(self.origin.names, self.origin.shape, self.origin.components, self.origin.index, builder)
        return TorchLayer(module, self.inner, self.outer, origin, self.is_random, self.rows)

    def config(self) -> dict[str, Any]:
        """The call of `from_torch` that makes this layer of its module, as JSON."""
        o = self.origin
        builder = None if o.builder is None else list(o.builder)
        return {
            "names": list(o.names), "shape": list(o.shape), "components": o.components, "index": o.index,
            "builder": builder,
        }  # fmt: skip

    def state(self) -> dict[str, Array]:
        """Weights and buffers of this part, by their names in the whole module."""
        own = self.module.own()
        return {k: v.detach().numpy().copy() for k, v in self.module.root.state_dict().items() if k in own}


def dtype_of(module: torch.nn.Module) -> torch.dtype:
    """The floating type that a module computes in: that of its first parameter or buffer; float32 if it has none."""
    for item in (*module.parameters(), *module.buffers()):
        if item.is_floating_point():
            return item.dtype
    return torch.float32


def _as_level(out: torch.Tensor, place: Place) -> Array:
    """An activation as an array (n, C, *space); whole numbers stay so, short floats become float32."""
    if out.dtype in (torch.float16, torch.bfloat16):
        out = out.float()
    return out.detach().numpy().reshape(len(out), place.components, *place.lattice)


def rows_for(numbers: int) -> int:
    """Configurations to a batch so that an activation of so many numbers stays below 64 MiB."""
    return max(1, min(4096, (1 << 24) // max(numbers, 1)))


def window(run: Callable[[Array, np.random.Generator], Array], inner: Place, outer: Place) -> int:
    """Side of the window of inputs on which the central output depends, found by changing one hyperplane at a time.

    Inputs are random, so a dependence that shows on few of them may be missed: a lower bound, sharp for convolutions,
    pooling and dense layers. Periodic windows are measured around the lattice.
    """
    if math.prod(inner.lattice) == 1:
        return 1
    rng = np.random.default_rng(0)
    base = rng.normal(size=(8, inner.components, *inner.lattice))
    centre: tuple[Any, ...] = (slice(None), slice(None), *(side // 2 for side in outer.lattice))

    def central(x: Array) -> Array:
        return np.asarray(run(x, np.random.default_rng(0))[centre])

    reference, widest = central(base), 1
    for axis, side in enumerate(inner.lattice):
        moved = np.empty(side, dtype=bool)
        for place in range(side):
            changed = base.copy()
            index = (slice(None), slice(None), *(place if a == axis else slice(None) for a in range(base.ndim - 2)))
            changed[index] = rng.normal(size=changed[index].shape)
            moved[place] = bool((central(changed) != reference).any())
        widest = max(widest, _circular(moved))
    return widest


def _circular(touched: npt.NDArray[np.bool_]) -> int:
    """Length of the shortest arc of a ring that holds all touched places."""
    places = np.flatnonzero(touched)
    if len(places) < 2:
        return len(places)
    gaps = np.diff(places, append=places[0] + len(touched))
    return int(len(touched) - gaps.max() + 1)


def _place(place: Place) -> str:
    sides = "×".join(map(str, place.lattice))
    return sides if place.components == 1 else f"{place.components} components of {sides}"
