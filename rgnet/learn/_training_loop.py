"""The loop of `rgnet.learn.training.fit`, one step at a time, and how it shows itself and is interrupted."""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from rgnet.learn import _training_checkpoint as checkpoint
from rgnet.learn._torch import device as as_device
from rgnet.learn._torch import fork_seed, generator, torch

ORDER, NOISE, HELD, GLOBAL = 0, 1, 2, 3  # spawn keys of the streams
SPEAK_EVERY = 0.5  # seconds between calls of the callback within an epoch
Tensors = dict[str, torch.Tensor]


class TrainingError(ValueError):
    """A loss or a weight was not finite. The module has the last good weights."""


@dataclass
class Run:
    """All that a run is made of at the end of a step; what a checkpoint holds."""

    module: torch.nn.Module
    optimizer: torch.optim.Optimizer
    order: torch.Generator  # of the epoch's permutation
    noise: torch.Generator  # of the loss
    epoch: int = 0  # epochs done
    step: int = 0  # steps of the next epoch done
    order_before: torch.Tensor | None = None  # state of `order` before this epoch's permutation
    total: float = 0.0  # sum of this epoch's training losses
    best: Tensors = field(default_factory=dict)
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    done: bool = False


def run(
    module: torch.nn.Module, loss: Any, rows: Any, training: Any, evaluate: Any | None, stepper: Any | None
) -> xr.Dataset:
    """Train; see `rgnet.learn.training.fit`."""
    device = as_device(training.device)
    keeper = checkpoint.start(training, module, rows, (loss, evaluate, stepper))
    module.to(device)
    optimizer = torch.optim.Adam(module.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay)
    state = Run(module, optimizer, generator(training.seed, ORDER), generator(training.seed, NOISE, device=device))
    with fork_seed(training.seed, GLOBAL):
        if keeper is not None:
            keeper.restore(state)
        if state.epoch > training.epochs:
            raise ValueError(
                f"epochs={training.epochs}: the checkpoint in {training.checkpoint} is {state.epoch} epochs far; ask "
                f"for at least as many, or delete the folder to start anew"
            )
        good = snapshot(module)
        try:
            with _interruptible() as stop, _shown(training, rows) as show:
                while state.epoch < training.epochs and not (state.done and _is_tired(state, training)):
                    state.done = False
                    good = snapshot(module) if state.step == 0 else good
                    _epoch(state, loss, rows[0], training, device, stepper, keeper, show, stop)
                    _judge(state, loss, rows[1], training, device, evaluate)
                    state.done = _is_tired(state, training) or state.epoch >= training.epochs
                    _between(state, training, keeper, show, stop)
        except TrainingError:
            module.load_state_dict(state.best or good)
            module.to("cpu").eval()
            raise
    module.load_state_dict(state.best)
    module.to("cpu").eval()
    names = list(dict.fromkeys(("loss_train", "loss", *(name for row in state.history for name in row))))
    return xr.Dataset(
        {name: ("epoch", [row.get(name, math.nan) for row in state.history]) for name in names},
        coords={"epoch": range(1, state.epoch + 1)},
        attrs={
            "best_epoch": state.best_epoch,
            "stopped": "patience" if _is_tired(state, training) else "epochs",
            "seconds": state.seconds,
            "device": str(device),
        },
    )


def snapshot(module: torch.nn.Module) -> Tensors:
    """A copy of all weights and buffers."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def _is_tired(state: Run, training: Any) -> bool:
    return bool(state.epoch - state.best_epoch >= training.patience)


def _epoch(
    state: Run, loss: Any, rows: Sequence[torch.Tensor], training: Any, device: torch.device, stepper: Any,
    keeper: Any, show: Callable[..., None], stop: dict[str, Any],
) -> None:  # fmt: skip
    """The rest of an epoch: every row once, in an order that the epoch's own state of the generator tells."""
    if state.step == 0 or state.order_before is None:
        state.order_before = state.order.get_state()
        state.total = 0.0
    state.order.set_state(state.order_before)
    order = torch.randperm(len(rows[0]), generator=state.order)
    starts = range(0, len(order), training.batch)
    spoke = began = time.monotonic()
    before = state.seconds
    state.module.train()
    for number in range(state.step, len(starts)):
        index = order[starts[number] : starts[number] + training.batch]
        batch = tuple(item[index.to(item.device)].to(device) for item in rows)
        state.total += _one_step(state, loss, batch, training, stepper)
        state.step = number + 1
        state.seconds = before + time.monotonic() - began
        if state.step < len(starts):
            speak = time.monotonic() - spoke > SPEAK_EVERY
            spoke = time.monotonic() if speak else spoke
            _between(state, training, keeper, show if speak else None, stop)


def _between(state: Run, training: Any, keeper: Any, show: Callable[..., None] | None, stop: dict[str, Any]) -> None:
    """Between two steps, where all is in order: tell, stop if asked to, and keep what there is."""
    try:
        if show is not None:
            show(state, training)
        if stop and not state.done:
            raise KeyboardInterrupt
    except BaseException:
        if keeper is not None:
            keeper.write(state)
        raise
    if keeper is not None and (state.done or keeper.is_due()):
        keeper.write(state)


def _one_step(state: Run, loss: Any, batch: tuple[torch.Tensor, ...], training: Any, stepper: Any) -> float:
    state.optimizer.zero_grad(set_to_none=True)
    if stepper is None:
        value = loss(state.module, *batch, state.noise)
        number = float(value.detach())
        if math.isfinite(number):
            value.backward()
    else:
        number = float(stepper(state.module, *batch, state.noise))
    if not math.isfinite(number):
        raise _failure(state, training, f"the loss is {number}")
    state.optimizer.step()
    broken = _not_finite(state.module)
    if broken:
        raise _failure(state, training, f"the weights {broken} are not finite")
    return number


def _not_finite(module: torch.nn.Module) -> str:
    if bool(torch.stack([torch.isfinite(weight).all() for weight in module.parameters()]).all()):
        return ""
    return ", ".join(name for name, weight in module.named_parameters() if not bool(torch.isfinite(weight).all()))


def _failure(state: Run, training: Any, what: str) -> TrainingError:
    kept = f"those of epoch {state.best_epoch}" if state.best else "those before this epoch"
    return TrainingError(
        f"training stopped in epoch {state.epoch + 1}, step {state.step + 1}: {what} at learning_rate="
        f"{training.learning_rate:g}. The last good weights ({kept}) are kept; try a smaller learning_rate, such as "
        f"{training.learning_rate / 10:g}, and look for values in the data that are not finite"
    )


def _judge(state: Run, loss: Any, rows: Sequence[torch.Tensor], training: Any, device: Any, evaluate: Any) -> None:
    """End an epoch: the held-out loss, and whether these are the best weights."""
    began = time.monotonic()
    state.module.eval()
    noise = generator(training.seed, HELD, device=device)
    with torch.no_grad():
        if evaluate is None:
            values = {"loss": _mean_loss(state.module, loss, rows, training.batch, device, noise)}
        else:
            values = {k: float(v) for k, v in evaluate(state.module, *(r.to(device) for r in rows), noise).items()}
    if "loss" not in values:
        raise ValueError(f"evaluate gave {sorted(values)}: among its values must be 'loss', which early stopping needs")
    if not math.isfinite(values["loss"]):
        raise _failure(state, training, f"the held-out loss is {values['loss']}")
    steps, state.step = state.step, 0
    state.epoch += 1
    state.history.append({"loss_train": state.total / steps, **values})
    if not state.best or values["loss"] < state.history[state.best_epoch - 1]["loss"]:
        state.best, state.best_epoch = snapshot(state.module), state.epoch
    state.seconds += time.monotonic() - began


def _mean_loss(
    module: torch.nn.Module, loss: Any, rows: Sequence[torch.Tensor], size: int, device: Any, noise: torch.Generator
) -> float:
    total, n = 0.0, len(rows[0])
    for start in range(0, n, size):
        batch = tuple(item[start : start + size].to(device) for item in rows)
        total += float(loss(module, *batch, noise)) * len(batch[0])
    return total / n


@contextlib.contextmanager
def _interruptible() -> Iterator[dict[str, Any]]:
    """While inside, Ctrl-C waits for the end of a step; a second one does not."""
    asked: dict[str, Any] = {}
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def handler(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked["stop"] = True

    signal.signal(signal.SIGINT, handler)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _shown(training: Any, rows: Any) -> Iterator[Callable[[Run, Any], None]]:
    """A function that tells the callback, and the bar if there is one, how far the run is."""
    steps = math.ceil(len(rows[0][0]) / training.batch)
    total = steps * training.epochs

    def values(state: Run) -> dict[str, float]:
        last: Mapping[str, float] = state.history[-1] if state.history else {}
        now = state.total / state.step if state.step else last.get("loss_train", math.nan)
        return {"epoch": state.epoch, "loss_train": now, "loss": last.get("loss", math.nan)}

    def tell(state: Run, training: Any) -> None:
        if training.callback is not None:
            training.callback(state.epoch * steps + state.step, total, values(state))

    bar = _bar(training)
    if bar is None:
        yield tell
        return
    with bar:
        task = bar.add_task("training", total=total, now="")

        def show(state: Run, training: Any) -> None:
            now = values(state)
            text = f"epoch {state.epoch}/{training.epochs}  train {now['loss_train']:.4g}  held out {now['loss']:.4g}"
            bar.update(task, completed=state.epoch * steps + state.step, now=text)
            tell(state, training)

        yield show


def _bar(training: Any) -> Any:
    """A bar, or None where none is wanted."""
    if training.progress is False or (training.progress is None and training.callback is not None):
        return None
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if training.progress is None and not console.is_terminal:
        return None
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[now]}"), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(), console=console, transient=True,
    )  # fmt: skip
