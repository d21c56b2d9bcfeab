"""The torch side of `rgnet.learn.classifiers`: blocks of a periodic convolution, and heads."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from rgnet import lattice
from rgnet.learn._torch import fork_seed, torch

nn = torch.nn
CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "square": torch.square,
    "linear": lambda x: x,
}


class Block(nn.Module):
    """A convolution of stride b on a periodic lattice and an activation: (n, in, *space) to (n, out, *space/b)."""

    def __init__(self, ndim: int, inner: int, outer: int, kernel: int, b: int, activation: str) -> None:
        super().__init__()
        self.convolution = CONVOLUTIONS[ndim](inner, outer, kernel, stride=b)
        before = (kernel - b + 1) // 2
        # torch pads from the last axis to the first
        self.padding = (before, kernel - b - before) * ndim
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's activations."""
        if any(self.padding):
            x = nn.functional.pad(x, self.padding, mode="circular")
        return ACTIVATIONS[self.activation](self.convolution(x))


class Head(nn.Module):
    """From activations (n, channels, *space) to (n, outputs): averaged over the lattice or flattened; then dense."""

    def __init__(self, features: int, hidden: Sequence[int], outputs: int, pool: bool, sites: int) -> None:
        super().__init__()
        widths = [features if pool else features * sites, *hidden]
        self.pool = pool
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.output = nn.Linear(widths[-1], outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        x = x.flatten(2).mean(dim=2) if self.pool else x.flatten(1)
        for layer in self.hidden:
            x = torch.relu(layer(x))
        result: torch.Tensor = self.output(x)
        return result


def build(
    shape: Sequence[int], components: int, outputs: int, *, channels: Sequence[int], kernel: int, b: int,
    activation: str, pool: bool, hidden: Sequence[int], seed: int,
) -> tuple[nn.Sequential, list[str]]:  # fmt: skip
    """A network with the parts ``block1``, …, ``logits``, weights drawn from the seed, and the names of the parts."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    inner = components
    with fork_seed(seed, 7):
        for number, outer in enumerate(channels, start=1):
            parts[f"block{number}"] = Block(len(shape), inner, outer, kernel, b, activation)
            inner = outer
        sites = math.prod(side // b ** len(channels) for side in shape)
        parts["logits"] = Head(inner, hidden, outputs, pool, sites)
    return nn.Sequential(parts), list(parts)


def check_fits(shape: Sequence[int], layers: int, kernel: int, b: int) -> None:
    """Refuse a lattice that b^layers does not divide, or whose last layer has a window that goes round it twice.

    Raises
    ------
    ValueError
        In either case.
    """
    lattice.coarse_shape(tuple(shape), b**layers, f"{layers} layers of stride {b}")
    side = min(shape) // b ** max(layers - 1, 0)
    if layers and kernel > b + 2 * side:
        raise ValueError(
            f"kernel={kernel}: the last of {layers} layers takes a lattice with a side of {side}, which windows go "
            f"round more than once; give at most {b + 2 * side}, or fewer layers"
        )


def is_whole(value: object, least: int) -> bool:
    """Whether a value is a whole number of at least so much."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= least)


def build_autoencoder(
    ndim: int, components: int, *, channels: Sequence[int], kernel: int, b: int, activation: str, seed: int
) -> tuple[nn.Sequential, list[str]]:
    """A convolutional autoencoder with the parts ``block1``, … of its encoder, and their names."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    widths = [components, *channels]
    up = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[ndim]
    with fork_seed(seed, 8):
        for number, (inner, outer) in enumerate(itertools.pairwise(widths), start=1):
            parts[f"block{number}"] = Block(ndim, inner, outer, kernel, b, activation)
        names = list(parts)
        for number, (inner, outer) in enumerate(itertools.pairwise(widths[::-1]), start=1):
            last, width = number == len(channels), max(outer, 8)
            parts[f"up{number}"] = up(inner, width, b, stride=b)
            parts[f"up{number}_relu"] = nn.ReLU()
            # A window of 3 on the finer lattice lets neighbouring blocks agree
            parts[f"mix{number}"] = Block(ndim, width, outer, 3, 1, "linear" if last else "relu")
    return nn.Sequential(parts), names
