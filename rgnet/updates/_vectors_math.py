"""Elementary functions that the compiler can vectorise, and a stream of uniform numbers as wide as its registers.

The C library's sin, exp and atan2 are called one number at a time. Those here are polynomials without branches, for the
ranges that kernels need, to about one unit in the last place as the library's are: a few times faster in a loop.

* sin and cos on [−2π, 2π]: a multiple of π/2 is taken off in three parts (Cody & Waite 1980), then the Taylor
  polynomials to degree 15 and 16, whose remainders on [−π/4, π/4] are below 2⁻⁵⁶.
* exp on [−700, 1], below which it is as good as 0 to any uniform number: x = k ln 2 + r, Taylor polynomial to degree
  13, and the bits of 2^k.
* −ln: u = 2^k f, and 2 artanh((f − 1)/(f + 1)) by its series to degree 21.
* atan2: the smaller coordinate over the larger, reduced by tan(a − π/4) = (t − 1)/(t + 1) and again by
  tan(a − π/8), to |t| ≤ tan(π/16), where the Taylor polynomial to degree 23 suffices.

Products and sums are fused by name, so that results do not depend on what a compiler makes of them.

Uniform numbers: xoshiro256++ (Blackman & Vigna 2021), one generator in each of `LANES` lanes. The lanes are seeded
afresh whenever a sweep begins, by SplitMix64 (Steele, Lea & Flood 2014) from two words of the chain's own stream: what
a sweep consumes does not depend on how sweeps are put together in calls, and nothing has to be kept between them.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from rgnet._jit import njit

LANES = 32
_MAGIC = 6755399441055744.0  # 1.5 · 2⁵²: adding it rounds to a whole number, which then stands in the lowest bits
_TWO_OVER_PI = 0.6366197723675814
_HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)  # of 33 bits each, but for the last
_LOG2_E = 1.4426950408889634
_LN_2 = (0.6931471803691238, 1.9082149292705877e-10)
_PI = 3.141592653589793
_PI_8 = 0.39269908169872414
_TAN_PI_8 = 0.41421356237309503
_TAN_PI_16 = 0.198912367379658
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_ONE_BITS = np.uint64(0x3FF0000000000000)


def _build_float_of(typing: Any, bits: Any) -> Any:
    """The float64 of these 64 bits."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.float64))

    return types.float64(types.uint64), build


def _build_bits_of(typing: Any, number: Any) -> Any:
    """The 64 bits of a float64."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.uint64))

    return types.uint64(types.float64), build


def _build_fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), build


_float_of: Any = intrinsic(_build_float_of)
_bits_of: Any = intrinsic(_build_bits_of)
_fma: Any = intrinsic(_build_fma)


@njit
def sincos(x: float) -> tuple[float, float]:
    """(sin x, cos x) for |x| ≤ 2π."""
    k = _fma(x, _TWO_OVER_PI, _MAGIC) - _MAGIC
    r = _fma(k, -_HALF_PI[2], _fma(k, -_HALF_PI[1], _fma(k, -_HALF_PI[0], x)))
    z = r * r
    p = _fma(z, -1.0 / 1307674368000.0, 1.0 / 6227020800.0)
    p = _fma(z, p, -1.0 / 39916800.0)
    p = _fma(z, p, 1.0 / 362880.0)
    p = _fma(z, p, -1.0 / 5040.0)
    p = _fma(z, p, 1.0 / 120.0)
    p = _fma(z, p, -1.0 / 6.0)
    s = _fma(r * z, p, r)
    p = _fma(z, 1.0 / 20922789888000.0, -1.0 / 87178291200.0)
    p = _fma(z, p, 1.0 / 479001600.0)
    p = _fma(z, p, -1.0 / 3628800.0)
    p = _fma(z, p, 1.0 / 40320.0)
    p = _fma(z, p, -1.0 / 720.0)
    p = _fma(z, p, 1.0 / 24.0)
    c = 1.0 - _fma(-z * z, p, 0.5 * z)
    a = abs(k)
    odd = (a == 1.0) | (a == 3.0)
    s, c = (c, s) if odd else (s, c)
    flip_s = (k == -1.0) | (a == 2.0) | (k == 3.0)
    flip_c = (k == 1.0) | (a == 2.0) | (k == -3.0)
    return (-s if flip_s else s), (-c if flip_c else c)


@njit
def exp_below_one(x: float) -> float:
    """exp x for x ≤ 1, not below exp(−700)."""
    x = max(x, -700.0)
    shifted = _fma(x, _LOG2_E, _MAGIC)
    k = shifted - _MAGIC
    r = _fma(k, -_LN_2[1], _fma(k, -_LN_2[0], x))
    p = _fma(r, 1.0 / 6227020800.0, 1.0 / 479001600.0)
    p = _fma(r, p, 1.0 / 39916800.0)
    p = _fma(r, p, 1.0 / 3628800.0)
    p = _fma(r, p, 1.0 / 362880.0)
    p = _fma(r, p, 1.0 / 40320.0)
    p = _fma(r, p, 1.0 / 5040.0)
    p = _fma(r, p, 1.0 / 720.0)
    p = _fma(r, p, 1.0 / 120.0)
    p = _fma(r, p, 1.0 / 24.0)
    p = _fma(r, p, 1.0 / 6.0)
    p = _fma(r, p, 0.5)
    p = 1.0 + _fma(r * r, p, r)
    return float(p * _float_of((_bits_of(shifted) + np.uint64(1023)) << np.uint64(52)))


@njit
def minus_log(u: float) -> float:
    """−ln u for 2⁻⁵² ≤ u ≤ 1: an exponential variate, if u is uniform."""
    bits = _bits_of(u)
    # u = 2^k f with f in [1/√2, √2); k as a float64 by its bits
    above = bits + np.uint64(0x00095F619980C434)
    k = _float_of((above >> np.uint64(52)) | np.uint64(0x4330000000000000)) - (4503599627370496.0 + 1023.0)
    f = _float_of((above & np.uint64(0x000FFFFFFFFFFFFF)) + np.uint64(0x3FE6A09E667F3BCC))
    t = (f - 1.0) / (f + 1.0)
    z = t * t
    p = _fma(z, 1.0 / 21.0, 1.0 / 19.0)
    p = _fma(z, p, 1.0 / 17.0)
    p = _fma(z, p, 1.0 / 15.0)
    p = _fma(z, p, 1.0 / 13.0)
    p = _fma(z, p, 1.0 / 11.0)
    p = _fma(z, p, 1.0 / 9.0)
    p = _fma(z, p, 1.0 / 7.0)
    p = _fma(z, p, 1.0 / 5.0)
    p = _fma(z, p, 1.0 / 3.0)
    return float(_fma(k, -_LN_2[0], _fma(k, -_LN_2[1], -2.0 * _fma(t * z, p, t))))


@njit
def angle(s: float, c: float) -> float:
    """The angle in [−π, π) of a vector (c, s) that is not (0, 0)."""
    x, y = abs(c), abs(s)
    steep = y > x
    low, high = (x, y) if steep else (y, x)
    far = low > _TAN_PI_8 * high
    top = low - high if far else low
    bottom = low + high if far else high
    add = 2.0 * _PI_8 if far else 0.0
    sign = -1.0 if top < 0.0 else 1.0
    top = abs(top)
    turn = top > _TAN_PI_16 * bottom
    top, bottom = (_fma(bottom, -_TAN_PI_8, top), _fma(top, _TAN_PI_8, bottom)) if turn else (top, bottom)
    t = top / bottom
    z = t * t
    p = _fma(z, -1.0 / 23.0, 1.0 / 21.0)
    p = _fma(z, -p, 1.0 / 19.0)
    p = _fma(z, -p, 1.0 / 17.0)
    p = _fma(z, -p, 1.0 / 15.0)
    p = _fma(z, -p, 1.0 / 13.0)
    p = _fma(z, -p, 1.0 / 11.0)
    p = _fma(z, -p, 1.0 / 9.0)
    p = _fma(z, -p, 1.0 / 7.0)
    p = _fma(z, -p, 1.0 / 5.0)
    p = _fma(z, -p, 1.0 / 3.0)
    a = _fma(-t * z, p, t)
    a = add + sign * (a + (_PI_8 if turn else 0.0))
    a = 0.5 * _PI - a if steep else a
    a = _PI - a if c < 0.0 else a
    a = -a if s < 0.0 else a
    return -_PI if a >= _PI else a


@njit
def _word(rng: Any) -> Any:
    """64 random bits of the chain's stream."""
    high = np.uint64(rng.random() * 4294967296.0)
    return (high << np.uint64(32)) | np.uint64(rng.random() * 4294967296.0)


@njit
def seed_lanes(rng: Any, lanes: Any) -> None:
    """New states of the generators, ``lanes`` (4, LANES) uint64."""
    first, second = _word(rng), _word(rng)
    for w in range(4):
        base = first if w < 2 else second
        for j in range(LANES):
            z = base + _GOLDEN * np.uint64((w & 1) * LANES + j + 1)
            z = (z ^ (z >> np.uint64(30))) * _MIX_1
            z = (z ^ (z >> np.uint64(27))) * _MIX_2
            lanes[w, j] = z ^ (z >> np.uint64(31))


@njit
def fill(lanes: Any, out: Any, count: int) -> None:
    """``count`` uniform numbers of [0, 1), multiples of 2⁻⁵², into ``out``, which is rounded up to full lanes."""
    s0, s1, s2, s3 = lanes[0], lanes[1], lanes[2], lanes[3]
    for begin in range(0, count, LANES):
        for j in range(LANES):
            a, b, c, d = s0[j], s1[j], s2[j], s3[j]
            r = a + d
            r = ((r << np.uint64(23)) | (r >> np.uint64(41))) + a
            out[begin + j] = _float_of((r >> np.uint64(12)) | _ONE_BITS) - 1.0
            t = b << np.uint64(17)
            c ^= a
            d ^= b
            b ^= c
            a ^= d
            c ^= t
            d = (d << np.uint64(45)) | (d >> np.uint64(19))
            s0[j], s1[j], s2[j], s3[j] = a, b, c, d
