"""PyTorch behind one guarded import, with the devices and the random streams of `rgnet.learn`.

Every stream comes from ``SeedSequence(seed, spawn_key=key)``, as in the rest of rgnet; torch's global state is left as
it was found.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    import torch
except ImportError as error:  # pragma: no cover - tests have torch
    raise ImportError('rgnet.learn needs PyTorch, which is not installed: pip install -e ".[learn]"') from error

__all__ = ["as_tensor", "device", "fork_seed", "generator", "state_of", "torch"]


def device(name: Any = "auto") -> torch.device:
    """Where to compute: ``"auto"`` is the GPU when torch sees one and the CPU otherwise.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(name)
        torch.empty(0, device=found)
    except Exception as error:  # torch raises RuntimeError, AssertionError or NotImplementedError
        raise ValueError(
            f'device={name!r}: torch cannot use it here ({str(error).splitlines()[0]}); "auto" or "cpu" will do'
        ) from error
    return found


def _number(seed: int, key: tuple[int, ...]) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed={seed!r}: a whole number of at least 0")
    return int(np.random.SeedSequence(int(seed), spawn_key=key).generate_state(1, np.uint64)[0])


def generator(seed: int, *key: int, device: Any = "cpu") -> torch.Generator:
    """A random stream of its own for each ``(seed, *key)``.

    Raises
    ------
    ValueError
        If the seed is not a whole number of at least 0.
    """
    return torch.Generator(device).manual_seed(_number(seed, key))


@contextlib.contextmanager
def fork_seed(seed: int, *key: int) -> Iterator[None]:
    """Inside, torch's global random numbers on the CPU come from ``(seed, *key)``; afterwards they go on as before.

    For what cannot be given a generator: the initialisation of weights, dropout.
    """
    number = _number(seed, key)
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(torch.Generator().manual_seed(number).get_state())
        yield


def as_tensor(
    array: npt.ArrayLike | torch.Tensor, dtype: torch.dtype | None = torch.float32, device: Any = "cpu"
) -> torch.Tensor:
    """A tensor with memory of its own; float32 unless asked, ``dtype=None`` keeps the array's."""
    if isinstance(array, torch.Tensor):
        return array.detach().to(device=device, dtype=dtype or array.dtype, copy=True)
    return torch.tensor(np.ascontiguousarray(array), dtype=dtype, device=device)


def state_of(module: torch.nn.Module) -> dict[str, npt.NDArray[Any]]:
    """Weights and buffers as numpy arrays, by their names in ``module.state_dict()``."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in module.state_dict().items()}
