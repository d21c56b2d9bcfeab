"""The part of a module between two of its activations, as a module of its own.

Where the named modules are steps of (nested) ``torch.nn.Sequential``s, the part is the steps between. Else the whole
module is run with hooks: one puts the given activation in place of what the previous named module gives, one takes
what the named module gives and stops the run there. What else flows around the previous module would be lost, so
`rgnet.learn.adapters.from_torch` compares the two ways of running on a probe.
"""

from collections.abc import Callable, Sequence
from typing import Any

from rgnet.learn._torch import torch

Hook = Callable[[torch.nn.Module, Any, Any], Any]


class Stop(Exception):
    """The activation asked for is there."""


class NamesError(ValueError):
    """A named module is not called once in a pass."""


class Slice(torch.nn.Module):
    """Steps of a Sequential, one after the other; the names are those of the whole module."""

    def __init__(self, root: torch.nn.Module, steps: Sequence[str]) -> None:
        super().__init__()
        self.root, self.steps = root, tuple(steps)

    def forward(self, x: torch.Tensor, seed: Callable[[], None] | None = None) -> Any:
        """The activation after the last step."""
        if seed is not None:
            seed()
        for name in self.steps:
            x = self.root.get_submodule(name)(x)
        return x

    def own(self) -> set[str]:
        """Names in the root's ``state_dict`` that this part uses."""
        prefixes = tuple(f"{name}." for name in self.steps)
        return {name for name in self.root.state_dict() if name.startswith(prefixes)}


class Hooked(torch.nn.Module):
    """The whole module, from the activation ``start`` (None: its input) to the activation ``end``.

    ``row`` and ``dtype`` are those of the module's input, which is blank where the run starts further on.
    """

    def __init__(
        self, root: torch.nn.Module, start: str | None, end: str, row: tuple[int, ...], dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.root, self.start, self.end, self.row, self.dtype = root, start, end, row, dtype
        self.names: set[str] = set()

    def forward(self, x: torch.Tensor, seed: Callable[[], None] | None = None) -> Any:
        """The activation at ``end``."""
        if self.start is None:
            if seed is not None:
                seed()
            return captured(self.root, [self.end], x, stop=True)[0]
        put: dict[str, Hook] = {self.start: lambda module, inputs, output: _put(x, seed)}
        blank = torch.zeros((len(x), *self.row), dtype=self.dtype, device=x.device)
        return captured(self.root, [self.end], blank, put, stop=True)[0]

    def own(self) -> set[str]:
        """Names in the root's ``state_dict`` that this part uses."""
        return self.names


def _put(x: torch.Tensor, seed: Callable[[], None] | None) -> torch.Tensor:
    if seed is not None:
        seed()
    return x.clone()


def captured(
    root: torch.nn.Module,
    names: Sequence[str],
    x: torch.Tensor,
    put: dict[str, Hook] | None = None,
    *,
    stop: bool = False,
) -> list[Any]:
    """What the named modules give when the module is run on x, to its end unless it may stop when it has them."""
    found: dict[str, Any] = {}

    def take(name: str) -> Hook:
        def hook(module: torch.nn.Module, inputs: Any, output: Any) -> None:
            if name in found:
                raise NamesError(
                    f"from_torch: the module {name!r} is called more than once in a pass, so its activation is not one "
                    f"level; name a module that is called once"
                )
            found[name] = output.clone() if isinstance(output, torch.Tensor) else output
            if stop and len(found) == len(names):
                raise Stop

        return hook

    handles = [root.get_submodule(name).register_forward_hook(hook) for name, hook in (put or {}).items()]
    handles += [root.get_submodule(name).register_forward_hook(take(name)) for name in names]
    try:
        root(x)
    except Stop:
        pass
    finally:
        for handle in handles:
            handle.remove()
    for name in names:
        if name not in found:
            raise NamesError(f"from_torch: the module {name!r} is not called in a forward pass; name one that is")
    return [found[name] for name in names]


def sequential_steps(root: torch.nn.Module) -> list[str] | None:
    """Names of the steps of a (nested) Sequential in order, or None where the module is something else."""
    if not _is_plain_sequential(root):
        return None
    steps: list[str] = []
    for name, child in root._modules.items():  # named_children leaves out a step used twice
        if child is None:
            continue
        inner = sequential_steps(child)
        steps += [name] if inner is None else [f"{name}.{step}" for step in inner]
    return steps


def cut(root: torch.nn.Module, names: Sequence[str]) -> list[list[str]] | None:
    """The steps that lead to each name, or None where the module is not a Sequential of such steps."""
    steps = sequential_steps(root)
    if not steps:
        return None
    ends = []
    for name in names:
        inside = [k for k, step in enumerate(steps) if name in ("", step) or step.startswith(f"{name}.")]
        if not inside:
            return None
        ends.append(inside[-1] + 1)
    starts = [0, *ends[:-1]]
    if any(end <= start for start, end in zip(starts, ends, strict=True)):
        return None
    return [steps[start:end] for start, end in zip(starts, ends, strict=True)]


def _is_plain_sequential(module: torch.nn.Module) -> bool:
    hooks = module._forward_hooks or module._forward_pre_hooks
    return isinstance(module, torch.nn.Sequential) and type(module).forward is torch.nn.Sequential.forward and not hooks
