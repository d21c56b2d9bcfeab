"""Numbers of any size for the data of a random hierarchy, and back.

Without ambiguity every datum of a class has one derivation: a choice among m productions at each of the
(s^L − 1)/(s − 1) sites above the data. Read level by level from the top, site by site, these choices are the digits of
a number in base m, the first the most significant: all numbers from 0 to m^{(s^L − 1)/(s − 1)} − 1, each once.
Numbers are joined and split by halves, so that their cost is that of a multiplication and not quadratic.
"""

import math

import numpy as np
import numpy.typing as npt

from rgnet.hierarchies._shared import Array


def nodes(s: int, levels: int) -> int:
    """Sites of the first ``levels`` levels of a tree that branches s times: (s^levels − 1)/(s − 1)."""
    return sum(s**level for level in range(levels))


def join(digits: Array, base: int) -> int:
    """The number with these digits, the first the most significant.

    Parameters
    ----------
    digits : array (k,)
        Whole numbers from 0 to base − 1.
    base : int
        At least 1; in base 1 every number is 0.
    """
    if base == 1:
        return 0
    short = int(62 / math.log2(base))
    if len(digits) <= short:
        result: int = 0
        for digit in digits.tolist():
            result = result * base + digit
        return result
    half = len(digits) // 2
    power: int = base ** (len(digits) - half)
    return join(digits[:half], base) * power + join(digits[half:], base)


def split(number: int, base: int, length: int) -> npt.NDArray[np.int64]:
    """The inverse of `join`: the digits of a number, ``length`` of them.

    Raises
    ------
    ValueError
        If it is no whole number, negative, or has more digits.
    """
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, np.integer)):
        raise ValueError(f"index {number!r}: give a whole number from 0 to {base}^{length} − 1")
    number = int(number)
    if number < 0 or number >= base**length:
        raise ValueError(f"index {_short(number)}: give a whole number from 0 to {base}^{length} − 1")
    result = np.zeros(length, dtype=np.int64)
    if base > 1:
        _split(number, base, result)
    return result


def _split(number: int, base: int, out: npt.NDArray[np.int64]) -> None:
    if len(out) <= int(62 / math.log2(base)):
        for position in range(len(out) - 1, -1, -1):
            number, out[position] = divmod(number, base)
        return
    half = len(out) // 2
    high, low = divmod(number, base ** (len(out) - half))
    _split(high, base, out[:half])
    _split(low, base, out[half:])


def _short(number: int) -> str:
    return str(number) if abs(number) < 10**20 else f"of {number.bit_length()} bits"
