"""The fast Metropolis kernel for real fields: periodic hypercubic lattices with even sides, a colour in long strides.

The two colours of the checkerboard are kept apart, each in the order of the sites, so that the neighbours of a stretch
of one colour are stretches of the other; everything is a loop over a block of up to 512 sites that vectorises.

Random bits: 32 generators xoshiro256++ in lanes (Blackman & Vigna 2021), of which each sweep starts anew from four
draws d_k of the chain's own stream, word k of lane l being splitmix64(d_k + (l + 1)·golden). One number of 64 bits
serves a site: 40 bits for the step, symmetric about 0, 24 for the acceptance.

Acceptance is exact all the same. The uniform number U lies in [w, w + 2⁻²⁴) with w from those 24 bits, and exp(−ΔH) is
bounded by a polynomial of relative error below 2.6·10⁻⁶: that decides all but a few of a million sites, for which the
missing bits of U come from the chain's stream, and exp from the library. `decide` is tested against that rule.
"""

import math
from typing import Any

import numpy as np

from rgnet._jit import njit
from rgnet.updates._fields import increase

LANES = 32
BLOCK = 512  # a multiple of 2 LANES; eight buffers of it fit into the first cache
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(0x3FF0000000000000)  # the bits of 1.0
_LOW = np.uint64(0xFFFFFF)
_MAGIC = 1.5 * 2.0**52  # adding it rounds to a whole number, in the lowest bits
_LOG2E = 1.4426950408889634
# 2^f for |f| ≤ ½ by Remez' exchange, with a relative error below 2.6e-6
_C0, _C1 = 0.9999992614457123, 0.6931218147366893
_C2, _C3, _C4 = 0.24024744827863667, 0.055917860319387246, 0.009570101911169622
_MARGIN = 4e-6


@njit
def _mixed(z: Any) -> Any:
    """The output function of splitmix64 (Steele, Lea & Flood 2014)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit
def seed(rng: Any, words: Any) -> None:
    """Start the lanes; ``words`` uint64 (4·LANES,)."""
    for k in range(4):
        draw = np.uint64(rng.random() * 9007199254740992.0) << np.uint64(11)
        for lane in range(LANES):
            words[k * LANES + lane] = _mixed(draw + np.uint64(lane + 1) * _GOLDEN)


@njit
def fill(words: Any, steps: Any, uniforms: Any, size: int) -> None:
    """``size`` numbers in [1, 2) as bits: 40 random ones in ``steps``, 24 in ``uniforms``; rounded up to 2 LANES."""
    for begin in range(0, size, 2 * LANES):
        step = steps[begin : begin + 2 * LANES]
        uniform = uniforms[begin : begin + 2 * LANES]
        for j in range(LANES):
            a = words[j]
            b = words[LANES + j]
            c = words[2 * LANES + j]
            d = words[3 * LANES + j]
            total = a + d
            first = ((total << np.uint64(23)) | (total >> np.uint64(41))) + a
            shifted = b << np.uint64(17)
            c ^= a
            d ^= b
            b ^= c
            a ^= d
            c ^= shifted
            d = (d << np.uint64(45)) | (d >> np.uint64(19))
            total = a + d
            second = ((total << np.uint64(23)) | (total >> np.uint64(41))) + a
            shifted = b << np.uint64(17)
            c ^= a
            d ^= b
            b ^= c
            a ^= d
            c ^= shifted
            words[j] = a
            words[LANES + j] = b
            words[2 * LANES + j] = c
            words[3 * LANES + j] = (d << np.uint64(45)) | (d >> np.uint64(19))
            step[j] = ((first >> np.uint64(24)) << np.uint64(12)) | _ONE
            uniform[j] = ((first & _LOW) << np.uint64(28)) | _ONE
            step[LANES + j] = ((second >> np.uint64(24)) << np.uint64(12)) | _ONE
            uniform[LANES + j] = ((second & _LOW) << np.uint64(28)) | _ONE


@njit
def _along(other: Any, sums: Any, odd: Any, color: int, h: float) -> None:
    """h and the two neighbours along the last axis, but for the ends of rows; ``other`` begins one site early."""
    if color == 0:
        for j in range(sums.size):
            left = other[j]
            right = other[j + 2]
            sums[j] = other[j + 1] + (right if odd[j] > 0 else left) + h
    else:
        for j in range(sums.size):
            left = other[j]
            right = other[j + 2]
            sums[j] = other[j + 1] + (left if odd[j] > 0 else right) + h


@njit
def _add(other: Any, sums: Any) -> None:
    for j in range(other.size):
        sums[j] += other[j]


@njit
def neighbors(other: Any, sums: Any, odd: Any, begin: int, color: int, h: float, half: int, rows: Any) -> None:
    """h + Σ_near φ_j of the sites ``begin`` … of a colour, as many as ``sums`` has."""
    end = begin + sums.size
    _along(other[begin : end + 2], sums, odd[begin:end], color, h)
    first = begin // half
    last = (end - 1) // half
    for row in range(first, last + 1):
        place = row * half
        if (odd[place] + color) % 2 == 1:
            if begin < place + half <= end:
                sums[place + half - 1 - begin] = other[place + half] + other[place + 1] + h
        elif place >= begin:
            sums[place - begin] = other[place + 1] + other[place + half] + h
    for a in range(rows.shape[1]):
        row = first
        while row <= last:  # rows in a row that have their neighbour at one distance
            distance = rows[row, a] - row
            stop = row + 1
            while stop <= last and rows[stop, a] - stop == distance:
                stop += 1
            low = max(begin, row * half)
            high = min(end, stop * half)
            away = 1 + distance * half
            _add(other[low + away : high + away], sums[low - begin : high - begin])
            row = stop


@njit
def propose(x: Any, steps: Any, y: Any, step: float) -> None:
    """y = x + step·ε."""
    for j in range(x.size):
        y[j] = x[j] + step * ((steps[j] - 1.5) + 2.0**-41)


@njit
def exponents(x: Any, y: Any, sums: Any, t: Any, a: float, u: float) -> None:
    """t = −max(ΔH, 0)/ln 2, at least −1000."""
    half, quarter = 0.5 * a, 0.25 * u
    for j in range(x.size):
        old = x[j]
        new = y[j]
        d = ((new - old) * ((new + old) * (half + quarter * (new * new + old * old)) - sums[j])) * -_LOG2E
        d = 0.0 if d > 0.0 else d
        t[j] = -1000.0 if d < -1000.0 else d


@njit
def _powers(t: Any, whole: Any) -> None:
    """2^t ≈ t·2^whole, the new t times a power still to be made of the bits of ``whole``."""
    for j in range(t.size):
        z = t[j] + _MAGIC
        whole[j] = z
        f = t[j] - (z - _MAGIC)
        t[j] = _C0 + f * (_C1 + f * (_C2 + f * (_C3 + f * _C4)))


@njit
def _scales(whole: Any) -> None:
    for j in range(whole.size):
        whole[j] = (whole[j] + np.int64(1023)) << np.int64(52)


@njit
def _differences(t: Any, scales: Any, uniforms: Any) -> int:
    """t = w − exp(−ΔH), roughly; how many are too close to tell."""
    close = 0
    for j in range(t.size):
        t[j] = (uniforms[j] - 1.0) - t[j] * scales[j]
        close += abs(t[j]) < _MARGIN
    return close


@njit
def _settle(rng: Any, x: Any, y: Any, sums: Any, t: Any, uniforms: Any, a: float, u: float) -> None:
    """The rule in full, where it is too close to tell."""
    for j in range(t.size):
        if abs(t[j]) < _MARGIN:
            uniform = (uniforms[j] - 1.0) + rng.random() * 2.0**-24
            t[j] = -1.0 if uniform < math.exp(-max(increase(x[j], y[j], a, u, sums[j]), 0.0)) else 1.0


@njit
def _move(x: Any, y: Any, t: Any) -> int:
    accepted = 0
    for j in range(x.size):
        old = x[j]
        new = y[j]
        x[j] = new if t[j] < 0.0 else old
        accepted += t[j] < 0.0
    return accepted


@njit
def decide(
    rng: Any, x: Any, y: Any, sums: Any, t: Any, whole: Any, bits: Any, uniforms: Any, a: float, u: float
) -> int:
    """Accept or reject the proposals y of the sites x, in place; how many were accepted. ``bits`` views ``whole``."""
    exponents(x, y, sums, t, a, u)
    _powers(t, whole)
    _scales(bits)
    if _differences(t, whole, uniforms) > 0:
        _settle(rng, x, y, sums, t, uniforms, a, u)
    return _move(x, y, t)


@njit
def _tally(x: Any, first: Any, second: Any, fourth: Any) -> None:
    """Add x, x² and x⁴, quarter upon quarter; one loop each, which vectorises."""
    size = x.size // 4
    a, b, c, d = x[:size], x[size : 2 * size], x[2 * size : 3 * size], x[3 * size : 4 * size]
    for j in range(size):
        first[j] += (a[j] + b[j]) + (c[j] + d[j])
    for j in range(size):
        second[j] += (a[j] * a[j] + b[j] * b[j]) + (c[j] * c[j] + d[j] * d[j])
    for j in range(size):
        e, f, g, h = a[j] * a[j], b[j] * b[j], c[j] * c[j], d[j] * d[j]
        fourth[j] += (e * e + f * f) + (g * g + h * h)
    for j in range(4 * size, x.size):
        square = x[j] * x[j]
        first[0] += x[j]
        second[0] += square
        fourth[0] += square * square


@njit
def _tally_bonds(x: Any, sums: Any, bonds: Any) -> None:
    for j in range(x.size):
        bonds[j] += x[j] * sums[j]


@njit
def _folded(part: Any) -> Any:
    """The sum of an array, which ends in its first place; half upon half, which vectorises."""
    size = part.size
    while size > 1:
        half = (size + 1) // 2
        low = part[:half]
        high = part[half:size]
        for j in range(high.size):
            low[j] += high[j]
        size = half
    return part[0]


@njit
def record(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    rows: Any,
    odd: Any,
    half: int,
    r: float,
    u: float,
    h: float,
    step: float,
) -> Any:
    """The contract of `rgnet.updates.base`; returns how many proposals were accepted.

    ``rows`` are the neighbours of each row of the last axis (rows, 2(d−1)), ``odd`` the parity of the row of each
    site of a colour, ``half`` half the length of a row.
    """
    count = odd.size
    a = r + 2.0 + rows.shape[1]
    words = np.empty(4 * LANES, dtype=np.uint64)
    width = min(BLOCK, (count + 2 * LANES - 1) // (2 * LANES) * (2 * LANES))
    work = np.empty((10, BLOCK + 64))  # buffers that begin at places which differ modulo 4096 bytes
    steps = work[0, :width]
    uniforms = work[1, :width]
    step_bits = steps.view(np.uint64)
    uniform_bits = uniforms.view(np.uint64)
    sums_ = work[2, :width]
    y_ = work[3, :width]
    t_ = work[4, :width]
    whole = work[5, :width]
    bits = whole.view(np.int64)
    first = work[6, : width // 4]
    second = work[7, : width // 4]
    fourth = work[8, : width // 4]
    bonds = work[9, :width]
    colors = np.zeros((2, count + 2))  # a site beyond each end, which is looked at but not used
    convert(state, colors, odd, True)
    accepted = 0
    odd_field = 0.0
    for k in range(measured.shape[0]):
        for sweep in range(every):
            seed(rng, words)
            kept = sweep == every - 1 and measured.shape[1] > 0
            if kept:
                first[:] = 0.0
                second[:] = 0.0
                fourth[:] = 0.0
                bonds[:] = 0.0
                odd_field = 0.0
            for color in range(2):
                for begin in range(0, count, BLOCK):
                    size = min(BLOCK, count - begin)
                    x = colors[color, 1 + begin : 1 + begin + size]
                    sums = sums_[:size]
                    y = y_[:size]
                    neighbors(colors[1 - color], sums, odd, begin, color, h, half, rows)
                    fill(words, step_bits, uniform_bits, size)
                    propose(x, steps, y, 2.0 * step)
                    accepted += decide(rng, x, y, sums, t_[:size], whole, bits[:size], uniforms, a, u)
                    if kept:
                        _tally(x, first, second, fourth)
                        if color == 1:
                            _tally_bonds(x, sums, bonds)
            if kept and h != 0.0:
                odd_field = h * colors[1, 1:-1].sum()  # which the sums of neighbours contain
        if measured.shape[1] > 0:
            local = 0.5 * a * _folded(second) + 0.25 * u * _folded(fourth) - h * _folded(first)
            measured[k, 0] = local - (_folded(bonds) - odd_field)
            measured[k, 1] = first[0]
            measured[k, 2] = second[0]
            measured[k, 3] = fourth[0]
        if out.shape[1] > 0:
            convert(out[k], colors, odd, False)
    convert(state, colors, odd, False)
    return accepted


@njit
def convert(state: Any, colors: Any, odd: Any, into: bool) -> None:
    """Split a state into colours, or put it together again: site 2j + p of a row has the colour (p + row's parity)."""
    for k in range(odd.size):
        place = 2 * k
        if into:
            colors[odd[k], 1 + k] = state[place]
            colors[1 - odd[k], 1 + k] = state[place + 1]
        else:
            state[place] = colors[odd[k], 1 + k]
            state[place + 1] = colors[1 - odd[k], 1 + k]
