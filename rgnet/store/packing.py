"""Spins ±1 as bits: +1 is bit 1, −1 is bit 0.

Each configuration is flattened in C order over its space dimensions, the first spin in the most significant bit of the
first byte, and padded with zero bits to whole bytes: ``numpy.packbits(spin > 0, axis=-1, bitorder="big")``. Critical
configurations compress better packed than as int8, and an eighth of the bytes pass through the compressor.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

PACKING = (
    'numpy.packbits(spin > 0, axis=-1, bitorder="big") of each configuration flattened in C order over packed_dims; '
    "bit 1 is +1, bit 0 is -1, zero bits fill the last byte"
)
_BLOCK = 1 << 18


def can_pack(x: npt.NDArray[Any]) -> bool:
    """Whether x is int8 and all of it ±1 (and not empty)."""
    if x.dtype != np.int8 or x.size == 0:
        return False
    flat = x.reshape(-1)  # in blocks that stay in the processor's cache: over three times as fast
    return all(np.all(np.abs(flat[start : start + _BLOCK]) == 1) for start in range(0, flat.size, _BLOCK))


def pack(x: npt.NDArray[np.int8], n_space: int) -> npt.NDArray[np.uint8]:
    """Bits of x, shape (..., *space) with ``n_space`` space axes; result of shape (..., ⌈sites/8⌉)."""
    batch = x.shape[: x.ndim - n_space]
    return np.packbits(x.reshape(*batch, math.prod(x.shape[x.ndim - n_space :])) > 0, axis=-1)


def unpack(packed: npt.NDArray[np.uint8], sizes: tuple[int, ...]) -> npt.NDArray[np.int8]:
    """The inverse of `pack`: packed of shape (..., bytes), result of shape (..., *sizes)."""
    x = np.unpackbits(packed, axis=-1, count=math.prod(sizes)).view(np.int8)
    x *= 2  # in place: 0 and 1 become −1 and +1 without a second array
    x -= 1
    return x.reshape(*packed.shape[:-1], *sizes)
