"""Checkpoints of a training run: one safetensors file, replaced at once, that holds all of the state.

    training.safetensors    tensors: weights, best weights, the moments of Adam, the states of the random streams
                            metadata: a JSON object of numbers (epoch, step, history, …) and the digest of the run

The digest is of the module's first weights and plain attributes, the settings, the loss with the plain values that it
encloses, and the rows; a file of another run is refused.
"""

import contextlib
import dataclasses
import hashlib
import inspect
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from rgnet import store
from rgnet.learn._torch import torch

NAME = "training.safetensors"
NUMBERS = ("epoch", "step", "total", "best_epoch", "history", "seconds", "done")
FIXED = (str, int, float, bool, tuple, type(None))
SETTINGS = ("batch", "learning_rate", "weight_decay", "patience", "seed")  # epochs may grow from call to call


@dataclass
class Keeper:
    """Where a run keeps its state, which run it is, and when it was last written."""

    path: Path
    every: float
    digest: str
    since: float = field(default_factory=time.monotonic)

    def is_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self.since >= self.every

    def write(self, run: Any) -> None:
        """Write the state at the end of a step."""
        tensors = {f"weights/{name}": tensor for name, tensor in run.module.state_dict().items()}
        tensors |= {f"best/{name}": tensor for name, tensor in run.best.items()}
        for index, moments in run.optimizer.state_dict()["state"].items():
            tensors |= {f"adam/{index}/{name}": torch.as_tensor(value) for name, value in moments.items()}
        tensors |= {"random/order": run.order.get_state(), "random/noise": run.noise.get_state()}
        tensors["random/global"] = torch.get_rng_state()
        if run.order_before is not None:
            tensors["random/order_before"] = run.order_before
        numbers = {name: getattr(run, name) for name in NUMBERS}
        metadata = {"rgnet": json.dumps({"kind": "training", "digest": self.digest, **numbers})}
        plain = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        store.write_bytes(self.path, safetensors.torch.save(plain, metadata))
        self.since = time.monotonic()

    def restore(self, run: Any) -> None:
        """Bring a run to where the checkpoint is, if there is one; a damaged file counts as none.

        Raises
        ------
        ValueError
            If the file holds another run.
        """
        if not self.path.exists():
            return
        try:
            with safetensors.safe_open(str(self.path), framework="pt") as file:
                head = json.loads((file.metadata() or {})["rgnet"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            stored, numbers = head["digest"], {name: head[name] for name in NUMBERS}
        except (safetensors.SafetensorError, KeyError, ValueError, TypeError, OSError):
            return
        if stored != self.digest:
            raise ValueError(
                f"checkpoint={str(self.path.parent)!r} holds another run (of other weights, data or settings: "
                f"{stored[:12]} there, {self.digest[:12]} now); give another folder, or delete this one"
            )
        for name, value in numbers.items():
            setattr(run, name, value)
        parts: dict[str, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            part, _, rest = name.partition("/")
            parts.setdefault(part, {})[rest] = tensor
        device = next(run.module.parameters()).device
        run.module.load_state_dict(parts["weights"])
        run.best = {name: tensor.to(device) for name, tensor in parts.get("best", {}).items()}
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in parts.get("adam", {}).items():
            index, _, moment = name.partition("/")
            moments.setdefault(int(index), {})[moment] = tensor
        run.optimizer.load_state_dict({**run.optimizer.state_dict(), "state": moments})
        random = parts["random"]
        run.order.set_state(random["order"])
        run.noise.set_state(random["noise"])
        run.order_before = random.get("order_before")
        torch.set_rng_state(random["global"])


def start(training: Any, module: torch.nn.Module, rows: Any, functions: tuple[Any, ...]) -> Keeper | None:
    """The keeper of a run's checkpoints, or None where none are asked for.

    Raises
    ------
    ValueError
        If the folder is a file.
    """
    if training.checkpoint is None:
        return None
    folder = Path(os.fspath(training.checkpoint))
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"checkpoint={str(folder)!r} is a file; give a folder, which need not exist yet")
    store.remove_leftovers(folder)
    return Keeper(folder / NAME, training.checkpoint_every, digest(training, module, rows, functions))


def digest(training: Any, module: torch.nn.Module, rows: Any, functions: tuple[Any, ...]) -> str:
    """What tells this run from others: first weights, what the module and the loss are made with, settings, rows."""
    result = hashlib.blake2b(digest_size=32)
    made = [[name, type(item).__qualname__, _plain(vars(item))] for name, item in module.named_modules()]
    settings = [getattr(training, name) for name in SETTINGS]
    result.update(json.dumps([made, settings, [_described(function) for function in functions]]).encode())
    named = [*module.state_dict().items(), *((str(i), item) for i, part in enumerate(rows) for item in part)]
    for name, tensor in named:
        plain = tensor.detach().cpu().contiguous()
        result.update(json.dumps([name, list(plain.shape), str(plain.dtype)]).encode())
        result.update(plain.reshape(-1).view(torch.uint8).numpy())
    return result.hexdigest()


def _described(function: Callable[..., Any] | None) -> list[Any]:
    """A function's name and the plain values in its closure; weights begin alike for losses that differ in these."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if function is None or getattr(function, "__closure__", None) is None:
        return [name, {}]
    return [name, _plain(inspect.getclosurevars(function).nonlocals)]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those values that do not change as a run goes on: numbers, text, tuples, specifications; no state of torch's."""
    result = {}
    for key, value in sorted(values.items()):
        if key == "training" or key.startswith("_") or not (isinstance(value, FIXED) or hasattr(value, "fit")):
            continue
        is_specification = dataclasses.is_dataclass(value) and not isinstance(value, type)
        with contextlib.suppress(TypeError, ValueError):  # what JSON cannot hold, such as arrays in it, is left out
            result[key] = json.dumps(dataclasses.asdict(value) if is_specification else value)
    return result
