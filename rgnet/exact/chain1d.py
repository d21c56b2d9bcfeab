"""The Ising chain with field, p(s) ∝ exp(K Σ s_i s_{i+1} + h Σ s_i): finite or infinite, K and h of either sign.

The infinite chain has closed forms. With c = cosh h, q = √(sinh²h + e^{−4K}), the transfer matrix
T(s, s') = exp(K s s' + h (s + s')/2) has eigenvalues λ± = e^K (c ± q), and per site

    ln Z = ln λ+ ,   m = sinh h / q ,   connected correlation (1 − m²) (λ−/λ+)^r .

Finite chains are built by joining segments: a segment knows, for each pair of its end spins, the logarithm of its
weight and the mean and variance of the statistic wanted (Σ s s' or Σ s). Two of them join by the law of total
variance, whose terms are all positive, so nothing cancels at any K, h or length; n spins take log₂ n joins.

Every function broadcasts K and h. ``n=None`` is the infinite chain. A ring of two has two bonds between its sites.
Source: Ising (1925); Kramers & Wannier (1941); Baxter (1982), ch. 2.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]
_A = np.array([[1.0, 1.0], [-1.0, -1.0]])  # first spin of a segment
_B = _A.T  # last spin


class Decimated(NamedTuple):
    """Couplings of the decimated chain: ``K``, ``h``, and the ``constant`` (ln weight gained per remaining spin)."""

    K: _Array
    h: _Array
    constant: _Array


class _Segment(NamedTuple):
    """For each pair of end spins: ln weight, mean and variance of the statistic; each of shape (2, 2, ...).

    ``scale`` is added to every ln weight; kept apart, it does not cost long chains the digits of their differences.
    """

    log_weight: _Array
    mean: _Array
    variance: _Array
    scale: _Array


def log_Z(K: npt.ArrayLike, h: npt.ArrayLike = 0.0, n: int | None = None, boundary: str = "periodic") -> _Array:
    """Return ln Z of the whole chain; of the infinite one, per site.

    Parameters
    ----------
    K, h : array_like
        Reduced coupling and field, broadcast together.
    n : int or None
        Number of spins; None is the infinite chain.
    boundary : "periodic" or "free"

    Raises
    ------
    ValueError
        If n is too small (2 for a ring, 1 for a free chain) or the boundary is unknown.
    """
    K, h = _couplings(K, h)
    if n is None:
        log_c, _, log_q, _ = _logs(K, h)
        return np.asarray(K + np.logaddexp(log_c, log_q))
    whole = _chain(K, h, n, boundary, "h")
    return np.asarray(whole.log_weight + whole.scale)


def energy(K: npt.ArrayLike, h: npt.ArrayLike = 0.0, n: int | None = None, boundary: str = "periodic") -> _Array:
    """−⟨Σ_<ij> s_i s_j⟩/n, which is −(∂ ln Z/∂K)/n: the field's part of H is not in it. Parameters as `log_Z`.

    A free chain has n − 1 bonds, and the sum over them is still divided by n.
    """
    K, h = _couplings(K, h)
    if n is None:
        return np.asarray(_broken(K, h) - 1.0)
    return -_chain(K, h, n, boundary, "K").mean / n


def specific_heat(K: npt.ArrayLike, h: npt.ArrayLike = 0.0, n: int | None = None, boundary: str = "periodic") -> _Array:
    """K² (∂² ln Z/∂K²)/n = K² Var(Σ_<ij> s_i s_j)/n at fixed reduced field h. Parameters as `log_Z`."""
    K, h = _couplings(K, h)
    if n is None:
        log_c, log_s, log_q, _ = _logs(K, h)
        log_cq = np.logaddexp(log_c, log_q)
        slope = np.exp(2 * (log_s - log_q)) + np.exp(np.logaddexp(log_q + log_c, 2 * log_s) - log_q - log_cq)
        return np.asarray(2.0 * K**2 * _broken(K, h) * slope)
    return K**2 * _chain(K, h, n, boundary, "K").variance / n


def magnetization(K: npt.ArrayLike, h: npt.ArrayLike = 0.0, n: int | None = None, boundary: str = "periodic") -> _Array:
    """⟨Σ s_i⟩/n. Parameters as `log_Z`."""
    K, h = _couplings(K, h)
    if n is None:
        _, log_s, log_q, _ = _logs(K, h)
        return np.asarray(np.sign(h) * np.exp(log_s - log_q))
    return _chain(K, h, n, boundary, "h").mean / n


def susceptibility(
    K: npt.ArrayLike, h: npt.ArrayLike = 0.0, n: int | None = None, boundary: str = "periodic"
) -> _Array:
    """(∂² ln Z/∂h²)/n = Var(Σ s_i)/n. Parameters as `log_Z`."""
    K, h = _couplings(K, h)
    if n is None:
        log_c, _, log_q, log_u = _logs(K, h)
        with np.errstate(over="ignore"):  # e^{2K} at h = 0: inf where it is beyond a float
            return np.asarray(np.exp(log_c + log_u - 3 * log_q))
    return _chain(K, h, n, boundary, "h").variance / n


def correlation(
    r: npt.ArrayLike, K: npt.ArrayLike, h: npt.ArrayLike = 0.0, n: int | None = None, boundary: str = "periodic"
) -> _Array:
    """Connected correlation ⟨s_0 s_r⟩ − ⟨s_0⟩⟨s_r⟩; in a free chain site 0 is the first.

    Parameters
    ----------
    r : array_like of int
        Distance, 0 ≤ r (and r < n in a finite chain), broadcast with K and h; a finite chain takes one r at a time.
    K, h, n, boundary
        As `log_Z`.

    Raises
    ------
    ValueError
        As `log_Z`, or if r is not a whole number in that range.
    """
    distance = np.asarray(r)
    top = math.inf if n is None else n
    if distance.dtype.kind not in "iu" or np.any(distance < 0) or np.any(distance >= top):
        raise ValueError(f"r={r!r}: a distance is a whole number from 0 on, below the number of spins ({top})")
    K, h = _couplings(K, h)
    if n is None:
        _, _, log_q, log_u = _logs(K, h)
        sign = np.where((K < 0) & (distance % 2 == 1), -1.0, 1.0)
        with np.errstate(invalid="ignore"):
            decay = np.where(distance == 0, 1.0, np.exp(-distance * _rate(K, h)))
        return np.asarray(np.exp(log_u - 2 * log_q) * sign * decay)
    if distance.ndim:
        raise ValueError(f"r={r!r}: a finite chain takes one distance at a time; loop over them")
    _check_chain(n, boundary)
    near = _power(_bond(K, h, "h"), int(distance)).log_weight  # the scales drop out of probabilities
    far = _power(_bond(K, h, "h"), n - int(distance) - (boundary == "free")).log_weight
    if boundary == "periodic":
        joint = near + np.swapaxes(far, 0, 1)
    else:
        joint = near + (_over(_A, h) * h) / 2 + np.logaddexp(far[:, 0] + h / 2, far[:, 1] - h / 2)[None]
    p = np.exp(joint - np.logaddexp.reduce(joint, axis=(0, 1)))
    return np.asarray(4.0 * (p[0, 0] * p[1, 1] - p[0, 1] * p[1, 0]))


def correlation_length(K: npt.ArrayLike, h: npt.ArrayLike = 0.0) -> _Array:
    """ξ = −1/ln|λ−/λ+| of the infinite chain, in lattice spacings (0 at K = 0)."""
    K, h = _couplings(K, h)
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / _rate(K, h))


def decimate(K: npt.ArrayLike, h: npt.ArrayLike = 0.0, b: int = 2) -> Decimated:
    """Exact couplings after keeping every b-th spin of a ring or an infinite chain.

    exp(K' s s' + h' (s + s')/2 + constant) = T^b(s, s'); at h = 0, tanh K' = tanh^b K.

    Parameters
    ----------
    K, h : array_like
    b : int
        Scale factor, at least 1.

    Raises
    ------
    ValueError
        If b is not a whole number of at least 1.
    """
    if isinstance(b, bool) or not isinstance(b, (int, np.integer)) or b < 1:
        raise ValueError(f"b={b!r}: a scale factor is a whole number of at least 1")
    K, h = _couplings(K, h)
    row = _power(_bond(K, h, "h"), int(b))
    (up, mixed), (_, down) = row.log_weight
    return Decimated((up + down - 2 * mixed) / 4, (up - down) / 2, (up + down + 2 * mixed) / 4 + row.scale)


def _couplings(K: npt.ArrayLike, h: npt.ArrayLike) -> tuple[_Array, _Array]:
    arrays = np.broadcast_arrays(np.asarray(K, dtype=np.float64), np.asarray(h, dtype=np.float64))
    for name, array in zip("Kh", arrays, strict=True):
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{name}={array}: a coupling is a finite real number; for a limit, use a large value")
    return arrays[0], arrays[1]


def _logs(K: _Array, h: _Array) -> tuple[_Array, _Array, _Array, _Array]:
    """Return ln cosh h, ln|sinh h|, ln q and ln e^{−4K}: logarithms, so that no |K| or |h| overflows."""
    a = np.abs(h)
    with np.errstate(divide="ignore"):
        log_s = a + np.log(-np.expm1(-2 * a)) - math.log(2)
    log_c = a + np.log1p(np.exp(-2 * a)) - math.log(2)
    return log_c, log_s, np.logaddexp(2 * log_s, -4 * K) / 2, -4 * K


def _broken(K: _Array, h: _Array) -> _Array:
    """1 − ⟨s s'⟩ of neighbours in the infinite chain, 2 e^{−4K} / (q (c + q))."""
    log_c, _, log_q, log_u = _logs(K, h)
    return np.asarray(2.0 * np.exp(log_u - log_q - np.logaddexp(log_c, log_q)))


def _rate(K: _Array, h: _Array) -> _Array:
    """−ln|λ−/λ+| = 2 ln((c + q)/√v) − ln|1 − e^{−4|K|}|, v = max(1, e^{−4K}): small rates keep their digits."""
    log_c, log_s, _, _ = _logs(K, h)
    half = np.minimum(2 * K, 0.0)  # −½ ln v
    s, small = np.exp(np.minimum(log_s + half, 700.0)), np.exp(np.minimum(-2 * K, 0.0) * (K > 0))
    # (c + q)/√v − 1, term by term without a difference of near-equal numbers
    ferro = 2 * np.sinh(np.minimum(np.abs(h), 700.0) / 2) ** 2 + np.hypot(s, small)
    anti = np.exp(np.minimum(log_c + half, 700.0)) + s * (s / (1 + np.hypot(1.0, s)))
    with np.errstate(divide="ignore"):
        return np.asarray(2 * np.log1p(np.where(K > 0, ferro, anti)) - np.log(-np.expm1(-4 * np.abs(K))))


def _check_chain(n: object, boundary: str) -> None:
    if boundary not in ("periodic", "free"):
        raise ValueError(f'boundary={boundary!r}: give "periodic" or "free"')
    least = 2 if boundary == "periodic" else 1
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < least:
        raise ValueError(f"n={n!r}: a {boundary} chain has a whole number of spins, at least {least}; None is infinite")


def _over(ends: _Array, like: _Array) -> _Array:
    return ends.reshape(2, 2, *(1,) * like.ndim)


def _bond(K: _Array, h: _Array, about: str) -> _Segment:
    """One bond with half the field of each end; the statistic is s s' (about "K") or (s + s')/2 (about "h")."""
    a, b = _over(_A, K), _over(_B, K)
    log_weight = K * a * b + h * (a + b) / 2
    mean = np.broadcast_to(a * b if about == "K" else (a + b) / 2, log_weight.shape)
    return _Segment(log_weight, mean, np.zeros(log_weight.shape), np.zeros(K.shape))


def _mix(parts: _Segment, axis: int) -> _Segment:
    """Sum over an axis of two alternatives: total weight, and mean and variance by the law of total variance."""
    total = np.logaddexp.reduce(parts.log_weight, axis=axis)
    p = np.exp(parts.log_weight - np.expand_dims(total, axis))
    first, second = np.take(parts.mean, 0, axis=axis), np.take(parts.mean, 1, axis=axis)
    between = p.prod(axis=axis) * (first - second) ** 2
    mean, within = (p * parts.mean).sum(axis=axis), (p * parts.variance).sum(axis=axis)
    return _Segment(total, mean, within + between, parts.scale)


def _join(left: _Segment, right: _Segment) -> _Segment:
    """Two segments that share a spin, which is summed over."""
    weight, mean, variance = (x[:, :, None] + y[None] for x, y in zip(left[:3], right[:3], strict=True))
    joined = _mix(_Segment(weight, mean, variance, left.scale + right.scale), axis=1)
    top = joined.log_weight.max(axis=(0, 1))
    return joined._replace(log_weight=joined.log_weight - top, scale=joined.scale + top)


def _power(bond: _Segment, length: int) -> _Segment:
    """``length`` bonds in a row; none is the segment whose two ends are one spin."""
    if length == 0:
        shape = bond.log_weight.shape
        same = np.broadcast_to(_over(_A == _B, bond.log_weight[0, 0]), shape)
        return _Segment(np.where(same, 0.0, -np.inf), np.zeros(shape), np.zeros(shape), bond.scale)
    result, square = None, bond
    while True:
        if length & 1:
            result = square if result is None else _join(result, square)
        length >>= 1
        if not length:
            assert result is not None
            return result
        square = _join(square, square)


def _chain(K: _Array, h: _Array, n: int, boundary: str, about: str) -> _Segment:
    """The whole chain: ln Z, mean and variance of the statistic."""
    _check_chain(n, boundary)
    bond = _bond(K, h, about)
    if boundary == "periodic":
        ring = _power(bond, n)
        weight, mean, variance = (np.stack([x[0, 0], x[1, 1]]) for x in ring[:3])
        return _mix(_Segment(weight, mean, variance, ring.scale), axis=0)
    open_ = _power(bond, n - 1)
    a, b = _over(_A, K), _over(_B, K)
    ends = (a + b) / 2 if about == "h" else 0.0 * a
    open_ = open_._replace(log_weight=open_.log_weight + h * (a + b) / 2, mean=open_.mean + ends)
    return _mix(_mix(open_, axis=0), axis=0)
