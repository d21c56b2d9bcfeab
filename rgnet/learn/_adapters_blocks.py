"""Block layers as torch modules: a convolution of stride b with fixed weights, then a sign, a coin, or nothing."""

import math
from abc import ABC, abstractmethod
from typing import Any, Literal

import numpy as np
from scipy.special import expit

from rgnet import lattice
from rgnet.layers import BlockAverage, Decimation, Filter, Kadanoff, Majority, Network
from rgnet.learn._torch import torch

Gradient = Literal["none", "straight-through"]
CONVOLUTIONS = {
    1: torch.nn.functional.conv1d,
    2: torch.nn.functional.conv2d,
    3: torch.nn.functional.conv3d,
}


class BlockModule(torch.nn.Module, ABC):
    """A convolution with weights (out, in, b, …, b), in float64, and what follows it.

    Parameters
    ----------
    layer : Layer
    ndim : int
    weight : array (out, in, b, …, b)
        A buffer, so that it moves with the module and is not trained.
    gradient : {"none", "straight-through"}
    """

    weight: torch.Tensor

    def __init__(self, layer: Any, ndim: int, weight: Any, gradient: Gradient) -> None:
        super().__init__()
        self.layer, self.ndim, self.gradient = layer, ndim, gradient
        self.register_buffer("weight", torch.tensor(np.asarray(weight), dtype=torch.float64))

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{self.layer!r}, ndim={self.ndim}, gradient={self.gradient!r}"

    def forward(self, x: torch.Tensor, rng: Any = None) -> torch.Tensor:
        """The layer's output for x (n, *space) or (n, C, *space); see `rgnet.learn.adapters.to_torch`."""
        fine, shape = self._channels(x)
        return self._shaped(self.rule(fine, rng), x, shape)

    @abstractmethod
    def rule(self, fine: torch.Tensor, rng: Any) -> torch.Tensor:
        """The map on float64 of shape (n, in, *space)."""

    def sums(self, fine: torch.Tensor) -> torch.Tensor:
        """The convolution, (n, out, *coarse)."""
        return CONVOLUTIONS[self.ndim](fine, self.weight, stride=self.layer.scale)

    def _channels(self, x: torch.Tensor) -> tuple[torch.Tensor, tuple[int, ...]]:
        """Of x, float64 of shape (n, in, *space), and the batch axes that it stands for."""
        if x.ndim not in (self.ndim + 1, self.ndim + 2):
            raise ValueError(
                f"input of shape {tuple(x.shape)}: {self.layer!r} with {self.ndim} space axes takes (n, *space) or "
                f"(n, C, *space)"
            )
        if x.dtype == torch.bool:
            raise ValueError("configurations of dtype bool: recode them as spins, 2*x - 1")
        space = tuple(x.shape[x.ndim - self.ndim :])
        lattice.coarse_shape(space, self.layer.scale, repr(self.layer))
        inner = self.weight.shape[1]
        have = x.shape[1] if x.ndim == self.ndim + 2 else 1
        if self.each:
            return x.to(torch.float64).reshape(-1, 1, *space), tuple(x.shape[: x.ndim - self.ndim])
        if have != inner:
            raise ValueError(f"input of {have} components: {self.layer!r} takes {inner}")
        return x.to(torch.float64).reshape(-1, inner, *space), (len(x),)

    @property
    def each(self) -> bool:
        """Whether the map is of each component by itself."""
        return tuple(self.weight.shape[:2]) == (1, 1)

    def _shaped(self, y: torch.Tensor, x: torch.Tensor, batch: tuple[int, ...]) -> torch.Tensor:
        y = y.to(x.dtype if x.is_floating_point() else torch.float64)
        coarse = y.shape[2:]
        if self.each:
            return y.reshape(*batch, *coarse)
        has_axis = x.ndim == self.ndim + 2 or y.shape[1] > 1
        return y if has_axis else y.reshape(*batch, *coarse)


class LinearModule(BlockModule):
    """Decimation and block average: the convolution itself, times a number. Gradients are exact."""

    def __init__(self, layer: Any, ndim: int, weight: Any, gradient: Gradient, factor: float = 1.0) -> None:
        super().__init__(layer, ndim, weight, gradient)
        self.factor = factor

    def rule(self, fine: torch.Tensor, rng: Any) -> torch.Tensor:
        """The convolution times the factor."""
        return self.sums(fine) * self.factor


class SignModule(BlockModule):
    """Majority, Kadanoff at ρ = ∞ and sharp filters: the sign of the sum, ties by coin or by the first site."""

    bias: torch.Tensor

    def __init__(self, layer: Any, ndim: int, weight: Any, gradient: Gradient, bias: Any, ties: str) -> None:
        super().__init__(layer, ndim, weight, gradient)
        self.register_buffer("bias", torch.tensor(np.asarray(bias), dtype=torch.float64))
        self.ties = ties

    def field(self, fine: torch.Tensor) -> torch.Tensor:
        """The sum plus the bias; a filter's is exactly 0 where it is so up to rounding, as `filter.linear` has it."""
        h = self.sums(fine) + self.bias.reshape(-1, *(1,) * self.ndim)
        if not isinstance(self.layer, Filter):
            return h
        with torch.no_grad():
            terms = self.weight[0].numel() + 1
            size = CONVOLUTIONS[self.ndim](fine.abs(), self.weight.abs(), stride=self.layer.scale)
            size = size + self.bias.abs().reshape(-1, *(1,) * self.ndim)
            tied = h.abs() <= terms * np.finfo(np.float64).eps * size
        return torch.where(tied, h - h.detach(), h)

    def rule(self, fine: torch.Tensor, rng: Any) -> torch.Tensor:
        """The sign, with a straight-through gradient if asked for."""
        if isinstance(self.layer, Majority) and _is_bits(fine.detach()):
            raise ValueError("configurations of 0 and 1: a majority is of spins ±1; recode them as 1 - 2*x")
        h = self.field(fine)
        y = torch.where(h > 0, 1.0, -1.0).to(torch.float64)
        tied = h == 0
        if self.ties == "first":
            corner: tuple[Any, ...] = (..., *(slice(None, None, self.layer.scale),) * self.ndim)
            first = fine[corner]
            y = torch.where(tied, torch.where(first >= 0, 1.0, -1.0).to(torch.float64), y)
        else:
            y = y.masked_scatter(tied, _coins(int(tied.sum()), rng, fine.device))
        if self.gradient == "none":
            return y.detach()
        size = self.weight.abs().sum(dim=tuple(range(1, self.ndim + 2))).clamp_min(np.finfo(np.float64).tiny)
        scaled = h / size.reshape(-1, *(1,) * self.ndim)
        return y.detach() + (scaled - scaled.detach())

    def probabilities(self, x: torch.Tensor) -> torch.Tensor:
        """p(y = +1 | x), in the shape of the output: 0, 1, or 1/2 at ties broken by a coin; no gradient."""
        fine, shape = self._channels(x)
        h = self.field(fine).detach()
        if self.ties == "first":
            return self._shaped((self.rule(fine, None).detach() + 1.0) / 2.0, x, shape)
        return self._shaped((torch.sign(h) + 1.0) / 2.0, x, shape)


class BernoulliModule(BlockModule):
    """Kadanoff's rule and soft filters: a spin with log-odds 2 h, h the sum plus the bias."""

    bias: torch.Tensor

    def __init__(self, layer: Any, ndim: int, weight: Any, gradient: Gradient, bias: Any, factor: float = 1.0) -> None:
        super().__init__(layer, ndim, weight, gradient)
        self.register_buffer("bias", torch.tensor(np.asarray(bias), dtype=torch.float64))
        self.factor = factor

    def field(self, fine: torch.Tensor) -> torch.Tensor:
        """h, half the log-odds. The factor ρ comes after the sum, so that whole numbers give the same bits."""
        return self.sums(fine) * self.factor + self.bias.reshape(-1, *(1,) * self.ndim)

    def rule(self, fine: torch.Tensor, rng: Any) -> torch.Tensor:
        """A spin for each block; straight-through the gradient is that of its mean, tanh h."""
        h = self.field(fine)
        with np.errstate(over="ignore"):  # the thresholds of the numpy layer, to the last bit
            thresholds = torch.from_numpy(np.asarray(expit(h.detach().cpu().numpy() * 2.0))).to(h.device)
        y = torch.where(_uniforms(h, rng) < thresholds, 1.0, -1.0).to(torch.float64)
        if self.gradient == "none":
            return y
        mean = torch.tanh(h)
        return y + (mean - mean.detach())

    def probabilities(self, x: torch.Tensor) -> torch.Tensor:
        """p(y = +1 | x) = 1 / (1 + exp(−2h)), in the shape of the output; differentiable."""
        fine, shape = self._channels(x)
        return self._shaped(torch.sigmoid(2.0 * self.field(fine)), x, shape)


class NetworkModule(torch.nn.Sequential):
    """The modules of a Network in sequence, on one stream of random numbers."""

    def forward(self, x: torch.Tensor, rng: Any = None) -> torch.Tensor:
        """The last level; ``rng`` as for a single layer."""
        if rng is not None and not isinstance(rng, torch.Generator):
            rng = np.random.default_rng(rng)
        for module in self:
            x = module(x, rng)
        return x


def block_module(layer: Any, ndim: int, gradient: Gradient) -> torch.nn.Module:
    """The module of a layer.

    Raises
    ------
    TypeError
        If it is not a hand-made layer or a Network of those.
    """
    if isinstance(layer, Network):
        return NetworkModule(*(block_module(item, ndim, gradient) for item in layer.layers))
    side = (1, 1, *(layer.scale,) * ndim) if hasattr(layer, "scale") else ()
    if isinstance(layer, Decimation):
        weight = np.zeros(side)
        weight.flat[0] = 1.0
        return LinearModule(layer, ndim, weight, gradient)
    if isinstance(layer, BlockAverage):
        return LinearModule(layer, ndim, np.ones(side), gradient, layer.rescale / layer.b**ndim)
    if isinstance(layer, Majority):
        return SignModule(layer, ndim, np.ones(side), gradient, np.zeros(1), layer.ties)
    if isinstance(layer, Kadanoff):
        if math.isinf(layer.rho):
            return SignModule(layer, ndim, np.ones(side), gradient, np.zeros(1), "random")
        return BernoulliModule(layer, ndim, np.ones(side), gradient, np.zeros(1), layer.rho)
    if isinstance(layer, Filter):
        if layer.ndim != ndim:
            raise ValueError(f"to_torch({layer!r}, ndim={ndim}): the filter is for {layer.ndim} space axes")
        inner, outer = layer.components
        weight = layer.weights.reshape(outer, inner, *(layer.scale,) * ndim)
        if layer.sharp:
            return SignModule(layer, ndim, weight, gradient, layer.bias, "random")
        return BernoulliModule(layer, ndim, weight, gradient, layer.bias)
    raise TypeError(
        f"to_torch({layer!r}): hand-made layers (Majority, Decimation, Kadanoff, BlockAverage, Filter) and Networks of "
        f"them become modules; a TorchLayer is one already, at .module"
    )


def _is_bits(x: torch.Tensor) -> bool:
    """Whether all values are 0 or 1, and both occur."""
    if x.numel() == 0 or float(x.min()) != 0.0 or float(x.max()) != 1.0:
        return False
    return bool(((x == 0) | (x == 1)).all())


def _coins(count: int, rng: Any, device: torch.device) -> torch.Tensor:
    """Fair coins ±1, those of the numpy layers for what numpy makes a generator of."""
    if rng is None or isinstance(rng, torch.Generator):
        bits = torch.randint(0, 2, (count,), generator=rng, device=_where(rng, device))
        return (2 * bits - 1).to(device=device, dtype=torch.float64)
    drawn = 2 * np.random.default_rng(rng).integers(0, 2, size=count, dtype=np.int8) - 1
    return torch.from_numpy(drawn.astype(np.float64)).to(device)


def _uniforms(like: torch.Tensor, rng: Any) -> torch.Tensor:
    if rng is None or isinstance(rng, torch.Generator):
        where = _where(rng, like.device)
        return torch.rand(like.shape, generator=rng, dtype=torch.float64, device=where).to(like.device)
    return torch.from_numpy(np.random.default_rng(rng).random(tuple(like.shape))).to(like.device)


def _where(rng: torch.Generator | None, device: torch.device) -> torch.device:
    return device if rng is None else rng.device
