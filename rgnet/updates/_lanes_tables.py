"""Tables for `_lanes.fill`: probabilities p written as a few random bits and rare events, exact to 2⁻⁶⁴.

p is the double that the move's formula gives, taken as an exact fraction. With a = ⌊p 2^K⌋ and p̃ = a 2^−K,

    p = p̃ + (1 − p̃) δ    or, with a one larger,    p = p̃ (1 − δ),

whichever has the smaller δ; λ = −ln(1 − δ). K is even, from 4 to 16, chosen by the measured cost of a random word and
of an event.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

ROOM = 512  # most words of a chunk
_STEP = 6.0  # cycles of one random word of eight lanes, thresholds included …
_EVENT = 12.0  # … and of one rare event
_DIGITS = 60
_MOST = 1 << 64


@dataclass(frozen=True)
class Planes:
    """What `_lanes.fill` needs for a set of probabilities.

    Attributes
    ----------
    index : dict of float to int
        The plane of each probability.
    room : int
        Words of a chunk.
    masks : uint64 (T, K)
        All ones for each bit that is set in a (in a − 1 where ``first`` is ones), least significant first.
    first : uint64 (T,)
        What the comparison begins with.
    cdf : uint64
        2⁶⁴ P(events in a chunk ≤ n); empty where all p are exact.
    guide : int64 (256,)
        Where to begin to look in ``cdf``, by the upper eight bits.
    rates : uint64 (T, 3)
        2⁶⁴ λ_p/λ − 1, all ones if events set the bit, all ones if they clear it.
    """

    index: dict[float, int]
    room: int
    masks: npt.NDArray[np.uint64]
    first: npt.NDArray[np.uint64]
    cdf: npt.NDArray[np.uint64]
    guide: npt.NDArray[np.int64]
    rates: npt.NDArray[np.uint64]

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The arguments of `_lanes.fill` from ``masks`` on."""
        return self.masks, self.first, self.cdf, self.guide, self.rates

    def new(self) -> npt.NDArray[np.uint64]:
        """Room for the planes of a chunk; the last one is ones."""
        planes = np.zeros((len(self.first) + 2) * self.room, dtype=np.uint64)
        planes[-self.room :] = _MOST - 1
        return planes


def planes(probabilities: Sequence[float], room: int) -> Planes:
    """Tables for these probabilities; 15/16 and 1 have planes of their own.

    ``room``, the words of a chunk, is a power of two.
    """
    own = sorted({float(p) for p in probabilities} - {15 / 16, 1.0})
    wanted = own + [0.0] * (2 - len(own))
    with localcontext() as context:
        context.prec = _DIGITS
        choices = [_split(wanted, n_bits) for n_bits in range(4, 17, 2)]
        costs = [_STEP * n_bits + _EVENT * 512 * float(max(rates)) for n_bits, _, _, rates in choices]
        n_bits, numerators, up, rates = choices[int(np.argmin(costs))]
        highest = max(rates)
        cdf = _poisson(highest * 64 * room) if highest > 0 else []
        scaled = [(int(rate / highest * _MOST) if highest > 0 else 0) for rate in rates]
    first = [_MOST - 1 if a > 0 else 0 for a in numerators]
    shifted = [max(a - 1, 0) for a in numerators]
    table = [
        [max(rate - 1, 0), _MOST - 1 if rate and u else 0, _MOST - 1 if rate and not u else 0]
        for rate, u in zip(scaled, up, strict=True)
    ]
    index = {p: number for number, p in enumerate(own)} | {15 / 16: len(wanted), 1.0: len(wanted) + 1}
    steps = np.array(cdf, dtype=np.uint64)
    guide = np.searchsorted(steps, np.arange(256, dtype=np.uint64) << np.uint64(56), side="right")
    return Planes(
        index,
        room,
        np.array([[(_MOST - 1) * ((a >> k) & 1) for k in range(n_bits)] for a in shifted], dtype=np.uint64),
        np.array(first, dtype=np.uint64),
        steps,
        guide.astype(np.int64),
        np.array(table, dtype=np.uint64),
    )


def _split(probabilities: Sequence[float], n_bits: int) -> tuple[int, list[int], list[bool], list[Decimal]]:
    """Numerators of p̃, whether events set bits, and their rates λ."""
    numerators, up, rates = [], [], []
    for value in probabilities:
        p = Fraction(value)
        below = math.floor(p * 2**n_bits)
        low, high = Fraction(below, 2**n_bits), Fraction(min(below + 1, 2**n_bits), 2**n_bits)
        missing = (p - low) / (1 - low) if low < 1 else Fraction(0)
        beyond = (high - p) / high
        upwards = missing <= beyond
        delta = missing if upwards else beyond
        spared = 1 - delta
        numerators.append(below if upwards else below + 1)
        up.append(upwards)
        rates.append(-(Decimal(spared.numerator) / Decimal(spared.denominator)).ln())
    return n_bits, numerators, up, rates


def _poisson(mean: Decimal) -> list[int]:
    """⌊2⁶⁴ P(N ≤ n)⌋, until what is left is less than 2⁻⁶⁴."""
    term = total = (-mean).exp()
    steps, n = [], 0
    while (step := int(total * _MOST)) < _MOST - 1 and n < mean + 20 * mean.sqrt() + 100:
        steps.append(step)
        n += 1
        term *= mean / n
        total += term
    return steps
