"""Joint weights of two sets of spins, summed over all states of a small Ising-like lattice in Gray-code order.

Neighbouring states of the code differ by one spin, so that a state costs the terms of one site. Spins are the bits of
a number, the first site the highest; a bit is set where the spin is −1. A term is a mask: the product of its spins is
−1 to the number of set bits that it covers.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import lattice
from rgnet._jit import njit

_STRETCH = 1 << 12  # states between two sums from scratch, so that rounding does not pile up
_CALL = 1 << 20  # states to a kernel call


@njit
def _parity(word: np.int64) -> np.int64:
    word ^= word >> 32
    word ^= word >> 16
    word ^= word >> 8
    word ^= word >> 4
    return (0x6996 >> (word & 15)) & 1


@njit
def _accumulate(
    first: int, last: int, masks: Any, values: Any, of_site: Any, key_bits: Any, top: float, table: Any
) -> None:
    """Add exp(Σ_a g_a S_a − top) of the states number first … last − 1 to table[key]."""
    number = first
    while number < last:
        stop = min(number + _STRETCH, last)
        state = np.int64(number ^ (number >> 1))
        weight = 0.0
        for k in range(masks.size):
            weight += values[k] * (1.0 - 2.0 * _parity(masks[k] & state))
        key = np.int64(0)
        for bit in range(key_bits.size):
            if not (state >> bit) & 1:  # a spin +1 counts
                key ^= key_bits[bit]
        table[key] += math.exp(weight - top)
        number += 1
        while number < stop:
            bit = 0
            while not (number >> bit) & 1:
                bit += 1
            change = 0.0
            for j in range(of_site.shape[1]):
                k = of_site[bit, j]
                if k < 0:
                    break
                change += values[k] * (1.0 - 2.0 * _parity(masks[k] & state))
            weight -= 2.0 * change
            state ^= np.int64(1) << bit
            key ^= key_bits[bit]
            table[key] += math.exp(weight - top)
            number += 1


def ising_table(model: Any, shape: tuple[int, ...], block: Any, environment: Any) -> npt.NDArray[np.float64]:
    """Unnormalised p(v, e) of a model with ``terms``, flat, states in the order of `rgnet.exact.enumerate.states`."""
    sites = math.prod(shape)
    masks, values = _masks(model, shape)
    of_site = [[k for k, mask in enumerate(masks) if mask >> bit & 1] for bit in range(sites)]
    widest = max(1, max(map(len, of_site)))
    padded = np.array([row + [-1] * (widest - len(row)) for row in of_site], dtype=np.int64)
    key_bits = np.zeros(sites, dtype=np.int64)
    order = [*block, *environment]
    for place, site in enumerate(reversed(order)):
        key_bits[sites - 1 - int(site)] = 1 << place
    table = np.zeros(1 << len(order))
    top = float(np.abs(values).sum())
    for start in range(0, 1 << sites, _CALL):
        stop = min(start + _CALL, 1 << sites)
        _accumulate(start, stop, np.array(masks, dtype=np.int64), values, padded, key_bits, top, table)
    return table


def _masks(model: Any, shape: tuple[int, ...]) -> tuple[list[int], npt.NDArray[np.float64]]:
    """Every product of spins of the energy as a mask, with its coupling."""
    sites = math.prod(shape)
    found: dict[int, float] = {}
    for operator, value in model.terms:
        for term in operator.terms if value != 0 else ():
            members = np.stack([lattice.neighbors(shape, ("periodic",) * len(shape), offset) for offset in term])
            for column in members.T:
                mask = 0
                for site in column:
                    mask ^= 1 << (sites - 1 - int(site))
                found[mask] = found.get(mask, 0.0) + float(value)
    found.pop(0, None)  # a constant
    return list(found), np.array(list(found.values()), dtype=np.float64)
