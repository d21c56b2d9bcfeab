"""Deep and shallow networks for data that are written by production rules, and their short trainings.

The deep network has the tree of the data: L convolutions with window and stride s, so that unit j of layer k sees
exactly the s^k symbols below one symbol of level L − k; the shallow one has one hidden layer that sees everything.

    deep:     a_k,j = [W_k (a_{k−1,sj}, …, a_{k−1,sj+s−1}) + b_k]_+ ,   logits = V a_L + c
    shallow:  logits = V [W x + b]_+ + c

Inputs are one-hot. A training is a fixed number of steps of Adam (Kingma & Ba 2015) with an L2 penalty and a step that
falls linearly to zero over the last fifth; the last weights count, so no further draws are spent on choosing an epoch.
The head starts small: features are learned rather than taken as they fell (the rich regime). Networks and one-hot
inputs as in Cagnetta, Petrini, Tomasini, Favero & Wyart (2024), Phys. Rev. X 14, 031001.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.learn._torch import as_tensor, fork_seed, generator, torch

Array = npt.NDArray[Any]
_HEAD = 0.1  # of the usual size of the head's weights at the start
_ROWS = 1024  # to a step, at most


class Deep(torch.nn.Module):
    """The network with the tree of the data: (n, s^L, v) one-hot to (n, classes)."""

    def __init__(self, v: int, s: int, levels: int, classes: int, width: int) -> None:
        super().__init__()
        self.s = s
        widths = [v, *(width,) * levels]
        self.layers = torch.nn.ModuleList(torch.nn.Linear(s * inner, width) for inner in widths[:-1])
        self.head = torch.nn.Linear(width, classes)
        _start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        for layer in self.layers:
            x = torch.relu(layer(x.reshape(len(x), x.shape[1] // self.s, -1)))
        logits: torch.Tensor = self.head(x[:, 0])
        return logits


class Shallow(torch.nn.Module):
    """One hidden layer that sees everything: (n, sites, v) one-hot to (n, classes)."""

    def __init__(self, v: int, sites: int, classes: int, width: int) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(v * sites, width)
        self.head = torch.nn.Linear(width, classes)
        _start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        logits: torch.Tensor = self.head(torch.relu(self.hidden(x.flatten(1))))
        return logits


def _start(module: torch.nn.Module) -> None:
    """Weights of variance 2/inputs (He et al. 2015), those of the head smaller, no biases."""
    for name, item in module.named_modules():
        if isinstance(item, torch.nn.Linear):
            torch.nn.init.normal_(item.weight, std=_HEAD * item.in_features**-0.5 if name == "head" else
                                  (2.0 / item.in_features) ** 0.5)  # fmt: skip
            torch.nn.init.zeros_(item.bias)


def build(kind: str, v: int, s: int, levels: int, classes: int, width: int, seed: int) -> torch.nn.Module:
    """A "deep" or "shallow" network with weights drawn from the seed."""
    with fork_seed(seed, 9):
        if kind == "deep":
            return Deep(v, s, levels, classes, width)
        return Shallow(v, s**levels, classes, width)


def one_hot(symbols: npt.ArrayLike, v: int) -> torch.Tensor:
    """Symbols 0 … v − 1 (n, sites) as float32 (n, sites, v)."""
    return torch.nn.functional.one_hot(as_tensor(np.asarray(symbols), dtype=torch.int64), v).float()


def train(
    module: torch.nn.Module,
    symbols: Array,
    labels: Array,
    v: int,
    *,
    steps: int,
    learning_rate: float = 2e-2,
    weight_decay: float = 3e-3,
    seed: int = 0,
    report: Callable[[float], None] = lambda share: None,
) -> None:
    """Train in place for a number of steps, on all rows at once up to 1,024, else on passes through random orders.

    Parameters
    ----------
    module : torch.nn.Module
    symbols, labels : int arrays (n, sites) and (n,)
    v : int
    steps : int
    learning_rate, weight_decay : float
        Of Adam; the decay is an L2 penalty.
    seed : int
        Of the order of rows.
    report : callable
        ``report(share)`` of the work done, after every 20 steps; it may raise to stop.

    Raises
    ------
    ValueError
        If the loss is not finite.
    """
    x, y = one_hot(symbols, v), as_tensor(labels, dtype=torch.int64)
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: min(1.0, 5.0 * (steps - k) / steps))
    order, stream = torch.arange(len(x)), generator(seed, 10)
    place = len(x)
    for step in range(steps):
        if len(x) > _ROWS and place + _ROWS > len(x):
            order, place = torch.randperm(len(x), generator=stream), 0
        rows = order if len(x) <= _ROWS else order[place : place + _ROWS]
        place += _ROWS
        loss = torch.nn.functional.cross_entropy(module(x[rows]), y[rows])
        if step % 20 == 19 or step == steps - 1:
            if not bool(torch.isfinite(loss)):
                raise ValueError(
                    f"the loss is {float(loss.detach())} at step {step + 1}: lower learning_rate={learning_rate:g}"
                )
            report((step + 1) / steps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def error(module: torch.nn.Module, symbols: Array, labels: Array, v: int) -> float:
    """Share of rows whose most probable class is not theirs."""
    with torch.no_grad():
        parts = torch.split(one_hot(symbols, v), 4096)
        chosen = torch.cat([module(part).argmax(dim=1) for part in parts]).numpy()
    return float(np.mean(chosen != np.asarray(labels)))
