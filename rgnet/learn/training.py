"""Training: Adam on chains, judged on others; stopped early, resumed bit for bit, and never left with a NaN.

What is fitted is any ``torch.nn.Module`` by any loss. Draws of one chain resemble each other, so a part is held out by
chain (`split_chains`), and the weights that are kept are those of the epoch with the least held-out loss (early
stopping: Prechelt 1998). Adam is Kingma & Ba (2015), with weight decay as an L2 penalty.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.layers.network import Network
from rgnet.learn import _training_loop
from rgnet.learn._torch import device as as_device
from rgnet.learn._torch import torch
from rgnet.learn._training_loop import TrainingError

__all__ = ["Learned", "Training", "TrainingError", "fit", "split_chains"]

Loss = Callable[..., torch.Tensor]
Evaluate = Callable[..., Mapping[str, float]]
Step = Callable[..., float]
Rows = tuple[Sequence[torch.Tensor], Sequence[torch.Tensor]]


@dataclass(frozen=True)
class Training:
    """How long, how fast, on what and where to train; no part of the model.

    Parameters
    ----------
    epochs : int
        At most so many passes over the training rows.
    batch : int
        Rows to a step.
    learning_rate, weight_decay : float
        Of Adam.
    patience : int
        Stop once the held-out loss has not fallen for so many epochs; the best epoch's weights are kept in any case.
    held_out : float
        Share of the chains that only judge; of the last draws where there is one chain.
    seed : int
        Of the order of rows, of the loss's random numbers and of dropout. The same seed gives the same bits on the CPU.
    device : str
        ``"auto"`` is the GPU when torch sees one.
    checkpoint : str or Path, optional
        A folder in which the run's state is kept; the same call goes on from there. More ``epochs`` may be asked for.
    checkpoint_every : float
        Seconds between checkpoints.
    progress : bool, optional
        Show a bar; None: on a terminal, if there is no callback.
    callback : callable, optional
        ``callback(done, total, values)`` in steps, after each epoch and at least twice a second where steps are
        short; values has ``epoch``, ``loss_train`` and the last held-out ``loss``. It may raise to stop the run.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    epochs: int = 50
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    patience: int = 10
    held_out: float = 0.25
    seed: int = 0
    device: str = "auto"
    checkpoint: str | Path | None = None
    checkpoint_every: float = 60.0
    progress: bool | None = None
    callback: Callable[[int, int, dict[str, float]], None] | None = None

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 1), ("patience", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"Training({name}={value!r}): a whole number of at least {least}")
            object.__setattr__(self, name, int(value))
        ranges: dict[str, tuple[Callable[[float], bool], str]] = {
            "learning_rate": (lambda v: v > 0, "a number above 0, such as 1e-3"),
            "weight_decay": (lambda v: v >= 0, "a number of at least 0"),
            "held_out": (lambda v: 0 < v < 1, "a share between 0 and 1, such as 0.25"),
            "checkpoint_every": (lambda v: v >= 0, "a number of seconds, such as 60"),
        }
        for name, (holds, rule) in ranges.items():
            value = getattr(self, name)
            good = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
            if not good or not math.isfinite(value) or not holds(value):
                raise ValueError(f"Training({name}={value!r}): {rule}")
            object.__setattr__(self, name, float(value))
        as_device(self.device)
        if self.checkpoint is not None and not isinstance(self.checkpoint, (str, os.PathLike)):
            raise ValueError(f"Training(checkpoint={self.checkpoint!r}): a folder, which need not exist yet, or None")
        if self.progress not in (None, True, False):
            raise ValueError(f"Training(progress={self.progress!r}): True, False or None (a bar on a terminal)")
        if self.callback is not None and not callable(self.callback):
            raise ValueError(f"Training(callback={self.callback!r}): a function of (done, total, values), or None")


@dataclass(frozen=True, eq=False)
class Learned:
    """What every ``spec.fit(data, training)`` returns.

    Attributes
    ----------
    network : Network
        The learned layers.
    history : Dataset
        Over ``epoch``, as `fit` returns it.
    spec : object
        The specification that was fitted.
    values : dict
        What was found by training, by name: Estimates or numbers, each on held-out chains unless its name says not.
    """

    network: Network
    history: xr.Dataset
    spec: Any
    values: dict[str, Any]


def split_chains(
    n_chains: int, n_draws: int, held_out: float, labels: npt.ArrayLike | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to train on and rows that judge, as indices into rows that are flattened chain by chain.

    The last chains are held out: the nearest whole number to their share, at least one, never all. With one chain it
    is its last draws, whose first few may resemble the last of training; take several chains where it matters.

    Parameters
    ----------
    n_chains, n_draws : int
    held_out : float
        Share, between 0 and 1.
    labels : array (n_chains,), optional
        Split each class of chains by itself, so that both parts know every class that has two chains.

    Returns
    -------
    train, held : int64 arrays

    Raises
    ------
    ValueError
        If nothing is left for one of the parts.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out={held_out!r}: a share between 0 and 1, such as 0.25")
    if n_chains < 1 or n_draws < 1 or n_chains * n_draws < 2:
        raise ValueError(f"{n_chains} chains of {n_draws} draws cannot be split in two; give at least two draws")
    if n_chains == 1:
        cut = n_draws - min(max(round(held_out * n_draws), 1), n_draws - 1)
        return np.arange(cut), np.arange(cut, n_draws)
    classes = np.zeros(n_chains, dtype=int) if labels is None else np.asarray(labels)
    if classes.shape != (n_chains,):
        raise ValueError(f"labels of shape {classes.shape}: one for each of the {n_chains} chains is needed")
    held = np.zeros(n_chains, dtype=bool)
    for name in np.unique(classes):
        members = np.flatnonzero(classes == name)
        if len(members) > 1:
            held[members[len(members) - min(max(round(held_out * len(members)), 1), len(members) - 1) :]] = True
    if not held.any():
        raise ValueError(f"{n_chains} chains, each of a class of its own: none can be held out; give two of each class")
    rows = np.arange(n_chains * n_draws).reshape(n_chains, n_draws)
    return rows[~held].ravel(), rows[held].ravel()


def fit(
    module: torch.nn.Module,
    loss: Loss,
    rows: Rows,
    training: Training,
    *,
    evaluate: Evaluate | None = None,
    step: Step | None = None,
) -> xr.Dataset:
    """Train a module in place; afterwards it is on the CPU, in eval mode, with the weights of the best epoch.

    Parameters
    ----------
    module : torch.nn.Module
    loss : callable
        ``loss(module, *batch, generator)``, a scalar tensor.
    rows : pair of sequences of tensors
        What to train on and what is held out; the tensors of one sequence have equal first axes. They stay where they
        are, batches move to the device.
    training : Training
    evaluate : callable, optional
        ``evaluate(module, *held_rows, generator)``, numbers by name, among them ``loss``: what early stopping looks
        at. Called in eval mode, without gradients, with the same random numbers at every epoch. None: the mean of
        ``loss`` over batches.
    step : callable, optional
        ``step(module, *batch, generator)`` puts a gradient in ``.grad`` of every parameter itself, as contrastive
        divergence does, and returns the number to log; instead of ``loss(…).backward()``. Adam then steps.

    Returns
    -------
    Dataset over ``epoch`` (from 1)
        ``loss_train`` (mean over the epoch's steps), ``loss`` (held out) and the other evaluated names; attributes
        best_epoch, stopped ("patience" or "epochs"), seconds, device.

    Raises
    ------
    TrainingError
        If a loss or a weight is not finite; the module then has its last good weights.
    ValueError
        If rows do not fit together, no parameter can be trained, or the checkpoint folder holds another run.
    """
    _check_rows(rows)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise ValueError(f"{type(module).__name__} has no parameter with requires_grad: there is nothing to train")
    return _training_loop.run(module, loss, rows, training, evaluate, step)


def _check_rows(rows: Rows) -> None:
    if len(rows) != 2:
        raise ValueError(f"rows of {len(rows)} parts: give (train_rows, held_rows)")
    for name, part in zip(("training", "held-out"), rows, strict=True):
        sizes = {len(item) for item in part}
        if len(sizes) != 1:
            raise ValueError(f"{name} rows of lengths {sorted(sizes)}: give at least one tensor, all of equal length")
        if sizes == {0}:
            raise ValueError(f"no {name} rows; give more draws, or another held_out")
