"""The trainable part of RSMI: linear filters with relaxed binary units, and a critic of their environment."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.learn._critics import mlp
from rgnet.learn._torch import torch

Tensor = torch.Tensor

START = 0.4  # spread of the fields that filters start with: soft units move where sharp ones are stuck


class RuleModule(torch.nn.Module):
    """Scores of k binary units h = sgn(W v + bias) against their environment e.

    f(h, e) = Σ_S c_S(e) ∏_{i∈S} h_i over all subsets S of the units: any function of 2^k states, defined between them
    too, where relaxed units are.

    Parameters
    ----------
    blocks, environments : int
        Columns of v and e.
    units : int
    bias : bool
    hidden : sequence of int
        Of the critic's MLP.
    relaxation : "concrete" or "sum"
    temperature : (float, float)
        Of the concrete units, from the first step to the last.
    steps : int
        Over which it falls.
    moments : (float, float, float)
        Spread of the block's values; mean and spread of the environment's.
    centre : array (blocks,)
        Where the fields of the units are 0 while their offset is.
    """

    step: Tensor  # buffers
    states: Tensor
    functions: Tensor
    centre: Tensor

    def __init__(
        self, blocks: int, environments: int, units: int, *, bias: bool, hidden: Sequence[int], relaxation: str,
        temperature: tuple[float, float], steps: int, moments: tuple[float, float, float],
        centre: npt.NDArray[np.float64],
    ) -> None:  # fmt: skip
        super().__init__()
        self.filters = torch.nn.Parameter(torch.randn(units, blocks) * START / (math.sqrt(blocks) * moments[0]))
        self.offset = torch.nn.Parameter(torch.zeros(units), requires_grad=bias)
        self.critic = mlp(environments, hidden, 2**units)
        self.relaxation, self.temperature, self.steps, self.moments = relaxation, temperature, max(steps, 1), moments
        self.is_sharp = False
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.register_buffer("centre", torch.as_tensor(centre, dtype=torch.float32))
        self.register_buffer("states", signs(units))
        self.register_buffer("functions", products(self.states))

    def forward(self, v: Tensor, e: Tensor, noise: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Scores as `rgnet.learn._critics`: of relaxed units while training, of sharp ones otherwise."""
        field = (v.to(torch.float32) - self.centre) @ self.filters.T + self.offset
        coefficients = self.critic((e.to(torch.float32) - self.moments[1]) / self.moments[2])
        relaxed = self.training and not self.is_sharp
        if relaxed and self.relaxation == "concrete":
            uniform = torch.rand(field.shape, generator=noise, device=field.device).clamp(1e-6, 1.0 - 1e-6)
            h = torch.tanh((2.0 * field + torch.logit(uniform)) / (2.0 * self._temperature()))
            self.step += 1
            scores = coefficients @ products(h).T
            weights = torch.full((len(h),), -math.log(len(h)), device=h.device)
            return scores.diagonal(), scores, weights
        mean = torch.tanh(field) if relaxed else torch.where(field < 0, -1.0, 1.0)
        # Every unit is ±1 by itself, given the block: sums over its states are exact
        scores = coefficients @ self.functions.T
        share = ((1.0 + self.states[None] * mean[:, None]) / 2.0).prod(dim=2).mean(dim=0)
        return (coefficients * products(mean)).sum(dim=1), scores, torch.log(share.clamp_min(1e-30))

    def _temperature(self) -> float:
        first, last = self.temperature
        return float(first * (last / first) ** min(1.0, int(self.step) / self.steps))

    def sharpen(self) -> None:
        """Fix the filters: from now on only the critic learns, of sharp units."""
        self.is_sharp = True
        self.filters.requires_grad_(False)
        self.offset.requires_grad_(False)

    def weights(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Filters (units, columns) of unit length and their offsets, each up to a sign that is chosen."""
        w = self.filters.detach().cpu().numpy().astype(np.float64)
        offset = self.offset.detach().cpu().numpy().astype(np.float64) - w @ self.centre.cpu().numpy().astype(
            np.float64
        )
        length = np.linalg.norm(w, axis=1, keepdims=True)
        length[length == 0] = 1.0
        w, offset = w / length, offset / length[:, 0]
        total = w.sum(axis=1)
        largest = w[np.arange(len(w)), np.abs(w).argmax(axis=1)]
        # h and −h know the same; a filter without a net sum is turned by its largest weight
        sign = np.where(np.abs(total) > 1.0, np.sign(total), np.sign(largest))
        return w * sign[:, None], offset * sign


def signs(units: int) -> Tensor:
    """All states ±1 of so many units, (2^units, units)."""
    index = torch.arange(2**units)
    return torch.stack([2.0 * ((index >> unit) & 1) - 1.0 for unit in range(units)], dim=1)


def products(h: Tensor) -> Tensor:
    """Products of all subsets of the columns, the empty one first: (n, 2^k)."""
    result = torch.ones(len(h), 1, dtype=h.dtype, device=h.device)
    for unit in range(h.shape[1]):
        result = torch.cat([result, result * h[:, unit : unit + 1]], dim=1)
    return result


def moments(v: npt.NDArray[Any], e: npt.NDArray[Any], centre: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Spread of the block's values about ``centre``, mean and spread of the environment's; 0 counts as 1."""
    v, e = v.astype(np.float32) - centre.astype(np.float32), e.astype(np.float32)
    return float(np.sqrt((v**2).mean())) or 1.0, float(e.mean()), float(e.std()) or 1.0
