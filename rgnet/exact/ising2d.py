"""The Ising model on the square lattice, exp(K Σ_<ij> s_i s_j): infinite (Onsager) or an M×N torus (Kaufman).

With s = sinh 2|K|, every lattice momentum p across the rows has a mode of the transfer matrix, of energy γ_p,

    cosh γ_p = cosh² 2K / s − cos p ,   E_p = s e^{γ_p} / 2 ,

    infinite:  ln Z/N = ln 2 + ½ ⟨ln E_p⟩_p ,
    torus:     Z = 2^{MN − 1} (A + B + C − D) ,   A, B, C, D = Π_p E_p^{N/2} (1 ± e^{−Nγ_p}) .

A and B take p = (2k+1)π/M, C and D take p = 2kπ/M; A and C the sign +, B and D the sign −; γ_0 in D has the sign of
1 − s. For K < 0 a torus of even sides has the Z of |K|; an odd side is a twist, which moves the minus sign.

To lose no digits, z = min(s, 1/s) is used (the duality of Kramers and Wannier, under which γ_p is invariant),

    W_p = √((1 − z)² + 2 z sin²(p/2)) ,        V_p = √(W_p² + 2z) ,
    E_p = max(1, s²) ((V_p + W_p)/2)² ,        sinh(γ_p/2) = W_p/√(2z) ,

derivatives in K are taken by hand, and the vanishing factor of D is kept apart. A bond is counted once, but a side of
length 2 has two bonds between its two sites. Every function broadcasts over K, which may have either sign.
Source: Kramers & Wannier (1941); Onsager (1944); Kaufman (1949), Phys. Rev. 76, 1232; Yang (1952); McCoy & Wu (1973).
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rgnet.exact import _frustrated

_Array = npt.NDArray[np.float64]

K_c = 0.44068679350977147
"""Critical coupling ½ ln(1 + √2)."""

Y_T = 1.0
"""Thermal exponent y_t = 1/ν."""

Y_H = 1.875
"""Magnetic exponent y_h = 15/8."""

TANGENT = {"nn": 1.0, "nnn": math.sqrt(2), "plaquette": 0.5139, "third": 1.8006}
"""The critical manifold at K_c, as the derivative of any coarse operator by each coupling, relative to "nn".

Limit of many levels, four digits but for "nnn", the ratio of the logarithms in Onsager's exact correlations.
Wu & Car (2019), Phys. Rev. E 100, 022138.
"""


def log_Z(K: npt.ArrayLike, shape: tuple[int, int] | None = None) -> _Array:
    """Return ln Z of the whole torus; of the infinite lattice, per site.

    Parameters
    ----------
    K : array_like
        Reduced coupling, of either sign.
    shape : (int, int) or None
        Sides of the torus, each at least 2; None is the infinite lattice.

    Raises
    ------
    ValueError
        If K is not finite or the shape is not two whole numbers of at least 2.
    """
    return _derivatives(K, shape).value


def energy(K: npt.ArrayLike, shape: tuple[int, int] | None = None) -> _Array:
    """−⟨Σ_<ij> s_i s_j⟩/N = −(∂ ln Z/∂K)/N, from −2 to 2 and −√2 at K_c. Parameters and errors as `log_Z`."""
    per_site = 1 if shape is None else math.prod(shape)
    return -_derivatives(K, shape).first / per_site


def specific_heat(K: npt.ArrayLike, shape: tuple[int, int] | None = None) -> _Array:
    """K² (∂² ln Z/∂K²)/N = K² Var(Σ_<ij> s_i s_j)/N; infinite at ±K_c for shape=None. Parameters and errors as `log_Z`.

    Accurate to some 1e-15 K² absolutely: deep in either phase, where it is tiny, it has fewer digits than `energy`.
    """
    per_site = 1 if shape is None else math.prod(shape)
    return np.asarray(np.square(np.asarray(K, dtype=np.float64)) * _derivatives(K, shape).second / per_site)


def magnetization(K: npt.ArrayLike) -> _Array:
    """Spontaneous magnetization per site of the infinite lattice, (1 − sinh⁻⁴ 2K)^{1/8} above K_c and 0 elsewhere.

    Below −K_c it is the staggered magnetization that is spontaneous, with the same value at |K|.
    Source: Yang (1952), Phys. Rev. 85, 808.
    """
    z, _, _ = _reduced(np.maximum(_finite(K), 0.0))
    ordered = (1 - z) * (1 + z) * (1 + z**2)
    return np.asarray(np.where(np.asarray(K) > K_c, ordered**0.125, 0.0))


class _Jet(NamedTuple):
    """A function of K with its first and second derivatives."""

    value: _Array
    first: _Array
    second: _Array

    def sum(self, where: npt.NDArray[np.bool_] | bool = True) -> "_Jet":
        return _Jet(*(np.sum(x, axis=-1, where=where) for x in self))


def _finite(K: npt.ArrayLike) -> _Array:
    array = np.asarray(K, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise ValueError(f"K={K!r}: a coupling is a finite real number; for a limit, use a large value")
    return array


def _derivatives(K: npt.ArrayLike, shape: tuple[int, int] | None) -> _Jet:
    """Return ln Z (per site if infinite) and its derivatives in K, of the shape of K."""
    array = _finite(K)
    result = _infinite(np.abs(array)) if shape is None else _torus(array, *_check_shape(shape))
    return _Jet(result.value, np.sign(array) * result.first, result.second)


def _check_shape(shape: object) -> tuple[int, int]:
    rule = "the torus has two sides, whole numbers of at least 2 (a chain: rgnet.exact.chain1d)"
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise ValueError(f"shape={shape!r}: {rule}")
    for side in shape:
        if isinstance(side, bool) or not isinstance(side, (int, np.integer)) or side < 2:
            raise ValueError(f"shape={shape!r}: {rule}; {side!r} is not")
    return int(shape[0]), int(shape[1])


def _reduced(K: _Array) -> tuple[_Array, _Array, npt.NDArray[np.bool_]]:
    """Return z = min(s, 1/s) with s = sinh 2K, q = √(1 + z²), and whether s > 1; for K ≥ 0."""
    with np.errstate(over="ignore", divide="ignore"):
        s = np.sinh(2 * K)
        z = np.where(s > 1, 1 / s, s)
    return z, np.sqrt(1 + z**2), s > 1


def _modes(K: _Array, sine2: _Array) -> tuple[_Jet, _Jet]:
    """Return ln E_p and |γ_p| of the modes with sin²(p/2) = sine2, of shape (..., modes), for K ≥ 0 of shape (...)."""
    z, q, low = (x[..., None] for x in _reduced(K))
    z1 = np.where(low, -2 * z * q, 2 * q)  # dz/dK
    z2 = np.where(low, 4 * z * (1 + 2 * z**2), 4 * z)
    W = np.sqrt((1 - z) ** 2 + 2 * z * sine2)
    V = np.sqrt(W**2 + 2 * z)
    zero = sine2 == 0  # there W = 1 − z, also where it vanishes
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        W1 = np.where(zero, -z1, z1 * (z - 1 + sine2) / W)
        W2 = np.where(zero, -z2, (z2 * (z - 1 + sine2) + z1**2 - W1**2) / W)
        V1 = z1 * (z + sine2) / V
        V2 = (z2 * (z + sine2) + z1**2 - V1**2) / V
        first = 2 * (V1 + W1) / (V + W)
        second = 2 * (V2 + W2) / (V + W) - first**2 / 2
        log_s = 2 * K[..., None] + np.log1p(-np.exp(-4 * K[..., None])) - math.log(2)
        gamma = 2 * np.arcsinh(W / np.sqrt(2 * z))
        # e^{−γ} = z / 2 ((V + W)/2)^{-2}
        gamma1 = first - np.where(low, -2 * q, 2 * q / z)
        gamma2 = second - np.where(low, 4 * z**2, -4 / z**2)
    log_E = _Jet(
        2 * np.log((V + W) / 2) + np.where(low, 2 * log_s, 0.0),
        first + np.where(low, 4 * q, 0.0),
        second - np.where(low, 8 * z**2, 0.0),
    )
    return log_E, _Jet(gamma, gamma1, gamma2)


# Nodes and weights of a mean over 0 < p < π, tanh-sinh: they crowd at p = 0, where the integrand of a nearly critical
# lattice varies on every scale down to |1 − s|.
_STEP = np.arange(-4.3, 4.3, 0.008)
_P = math.pi / (1 + np.exp(-math.pi * np.sinh(_STEP)))
_MEAN = 0.008 * (math.pi / 4) * np.cosh(_STEP) / np.cosh(math.pi / 2 * np.sinh(_STEP)) ** 2


def _infinite(K: _Array) -> _Jet:
    log_E, _ = _modes(K, np.sin(_P / 2) ** 2)
    value, first, second = (np.asarray((x * _MEAN).sum(axis=-1)) / 2 for x in log_E)
    return _Jet(value + math.log(2), np.where(K == 0, 0.0, first), np.where(np.abs(K - K_c) < 1e-16, np.inf, second))


def _torus(K: _Array, M: int, N: int) -> _Jet:
    """Return ln Z of the torus at K and its derivatives in |K|."""
    odd = (M % 2 == 1, N % 2 == 1)
    if odd == (False, True):  # the twisted direction is the one across the rows: then nothing cancels
        return _torus(K, N, M)
    size = np.maximum(np.abs(K), 1e-30)  # K = 0 is its own limit
    log_A, log_B = _sector(size, M, N, 1)
    log_C, log_D = _sector(size, M, N, 0)
    zero = _zero_mode(size, N)
    one = _Jet(np.ones(K.shape), np.zeros(K.shape), np.zeros(K.shape))
    twisted = K < 0
    signs = np.array([[1, 1, 1, -1], [1, 1, 1, -1]])
    if any(odd):
        signs[1] = (-1, 1, 1, 1) if all(odd) else (1, -1, 1, 1)
    terms = []
    top = np.maximum(0.0, log_C.value - log_A.value)
    for k, (logs, factor) in enumerate(((log_A, one), (log_B, one), (log_C, one), (log_D, zero))):
        r, r1, r2 = (x - a for x, a in zip(logs, log_A, strict=True))
        g, g1, g2 = factor
        weight = np.where(twisted, signs[1, k], signs[0, k]) * np.exp(r - top)
        terms.append((weight * g, weight * (g * r1 + g1), weight * (g * (r2 + r1**2) + 2 * g1 * r1 + g2)))
    S, S1, S2 = (sum(column) for column in zip(*terms, strict=True))
    lossy = (
        np.asarray(S) < 1e-2
    )  # the largest term is about 1: digits have cancelled, as they do in frustrated lattices
    S = np.where(lossy, 1.0, S)
    value = np.array(log_A.value + top + np.log(S) + (M * N - 1) * math.log(2))
    first, second = np.array(log_A.first + S1 / S), np.array(log_A.second + S2 / S - (S1 / S) ** 2)
    for index in np.argwhere(lossy):
        at = tuple(index)
        value[at], first[at], second[at] = _frustrated.log_Z(float(size[at]), M, N)
    return _Jet(value, np.where(K == 0, 0.0, first), second)


def _sector(K: _Array, M: int, N: int, parity: int) -> tuple[_Jet, _Jet]:
    """Return ln Π_p E^{N/2} (1 + e^{−Nγ}) over the momenta (2k + parity)π/M, and with the sign − but for p = 0."""
    k = 2 * np.arange(M) + parity
    sine2 = np.sin(np.pi * np.minimum(k, 2 * M - k) / (2 * M)) ** 2
    log_E, gamma = _modes(K, sine2)
    y = np.exp(-N * gamma.value)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        y1, y2 = -N * gamma.first * y, (N * gamma.first) ** 2 * y - N * gamma.second * y
        even = _Jet(
            N / 2 * log_E.value + np.log1p(y),
            N / 2 * log_E.first + y1 / (1 + y),
            N / 2 * log_E.second + y2 / (1 + y) - (y1 / (1 + y)) ** 2,
        )
        square = -np.expm1(-2 * N * gamma.value)  # 1 − y²
        tanh = _Jet(
            np.log(-np.expm1(-N * gamma.value)) - np.log1p(y),
            -2 * y1 / square,
            -2 * (y2 + 2 * y * y1**2 / square) / square,
        )
    plus, ratio = even.sum(), tanh.sum(where=sine2 > 0)
    return plus, _Jet(*(a + b for a, b in zip(plus, ratio, strict=True)))


def _zero_mode(K: _Array, N: int) -> _Jet:
    """tanh(N γ_0/2) with the sign of 1 − s: smooth through K_c."""
    _, gamma = _modes(K, np.zeros(1))
    sign = np.where(np.sinh(2 * np.minimum(K, 1.0)) > 1, -1.0, 1.0)
    u, u1, u2 = (sign * N / 2 * x[..., 0] for x in gamma)
    t = np.tanh(u)
    with np.errstate(over="ignore"):
        slope = np.cosh(np.minimum(np.abs(u), 350.0)) ** -2
    return _Jet(t, slope * u1, slope * (u2 - 2 * t * u1**2))
