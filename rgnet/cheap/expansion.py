"""Where to expand an activation: the point b at which a gate of order n comes out most exact.

A gate of order n needs σ_n(b) ≠ 0. Lin, Tegmark & Rolnick (2017) take b = 0, and say that a bias moves it where
σ_2(0) = 0 (tanh, logistic). Any b will do in exact arithmetic. In floating point the least error that can be reached,
truncation plus rounding at the best scale λ (`rgnet.cheap.precision`), depends on it. Two kinds of points stand out:

- where σ_{n+2}(b) = 0 the truncation is λ⁴ instead of λ², with the same neurons: softplus for n = 2 at b = ±1.317
  (where its second derivative s(1 − s) has no curvature, s = (3 ± √3)/6), which lowers the floor from 3e-8 to 1e-10;
- where σ_0(b) = 0 rounding grows as λ^{1−n} instead of λ^{−n}: GELU, sin or tanh at b = 0.

*The rule.* Points tried: 0, ±½, … ±3, and the zeros of σ_{n+2} and of σ_0 between them. Of those where σ_n does not
vanish, the one with the smallest predicted error of the gate on the unit box is taken; points within a tenth of the
smallest count as equal, and the one nearest 0 wins. It is rounded to the arithmetic, so that the bias is exact.
"""

import functools
import itertools
import math
from typing import Any

import mpmath

from rgnet.cheap import activations, precision
from rgnet.cheap.activations import Activation
from rgnet.cheap.errors import CheapError
from rgnet.cheap.precision import Arithmetic, Series

STEP, STEPS = 0.5, 6
_SCREEN_DIGITS = 15
_FINALISTS = 2
_STEPS_OF_NEWTON = 3


def expansion_point(activation: Any, *, order: int = 2, dtype: str = "float64", digits: int | None = None) -> Any:
    """The point where a gate of some order is predicted to be most exact.

    Parameters
    ----------
    activation : str, SymPy expression or Activation
    order : int
        n: 1 copies, 2 multiplies two numbers, n multiplies n in one layer.
    dtype : "float32", "float64" or "mp"
    digits : int
        Of "mp".

    Returns
    -------
    mpf
        Exact in that arithmetic.

    Raises
    ------
    CheapError
        If σ_n vanishes at every point tried.
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise CheapError(f"order={order!r}: the number of factors, a whole number from 1 on")
    return _point(activations.get(activation), order, precision.arithmetic(dtype, digits))


def expand(activation: Any, how: Arithmetic, *, order: int = 2, at: Any = None) -> Series:
    """Taylor coefficients at a point given, or at the best one.

    Raises
    ------
    CheapError
        If σ_n vanishes there.
    """
    sigma = activations.get(activation)
    point = _point(sigma, order, how) if at is None else _rounded(_number(at), how)
    found = precision.series(sigma, point, order, _digits(how))
    if not found.coefficients[order]:
        raise CheapError(
            f"at={mpmath.nstr(point, 6)}: σ_{order} of {sigma.name!r} vanishes there, and a gate of order {order} is "
            f"made of it; leave out `at` for the point {mpmath.nstr(_point(sigma, order, how), 6)}"
        )
    return found


def _number(at: Any) -> Any:
    try:
        with mpmath.workdps(80):
            point = mpmath.mpmathify(at)
        if isinstance(point, mpmath.mpf) and mpmath.isfinite(point):
            return point
    except (TypeError, ValueError):
        pass
    raise CheapError(f"at={at!r}: the point of expansion is one finite real number, such as 0")


def _digits(how: Arithmetic) -> int:
    return how.digits + 15 if how.dtype == "mp" else 30


def _rounded(point: Any, how: Arithmetic) -> Any:
    with mpmath.workprec(how.bits):
        return +point


@functools.lru_cache(maxsize=256)
def _point(sigma: Activation, order: int, how: Arithmetic) -> Any:
    screened: list[tuple[Any, tuple[Any, ...]]] = []
    for place in range(-STEPS, STEPS + 1):
        try:
            screened.append((mpmath.mpf(place) * STEP, sigma.taylor(order + 4, place * STEP, _SCREEN_DIGITS)))
        except CheapError:
            continue
    points = [point for point, _ in screened]
    for (left, before), (right, after) in itertools.pairwise(screened):
        for k in {order + 2, 0}:
            if before[k] * after[k] < 0 and right - left <= STEP:
                points.append(_zero(sigma, k, left, right, how))
    found = []
    for point in points:
        rough = _score(sigma, _rounded(point, how), order, how, terms=4)
        if rough is not None:
            found.append((rough, abs(point), point))
    if not found:
        raise CheapError(
            f"activation={sigma.name!r}: σ_{order} vanishes at every point tried ({-STEPS * STEP:g} to "
            f"{STEPS * STEP:g} by {STEP:g}), and a gate of order {order} is made of it; give a point with at=…, or "
            f"another activation such as 'softplus'"
        )
    finalists = [point for _, _, point in sorted(found)[:_FINALISTS]]
    if mpmath.mpf(0) in (point for _, _, point in found):
        finalists.append(mpmath.mpf(0))
    scores = [
        (_score(sigma, _rounded(point, how), order, how), abs(point), _rounded(point, how)) for point in finalists
    ]
    least = min(score for score, _, _ in scores if score is not None)
    return min((size, point) for score, size, point in scores if score is not None and score <= 1.1 * least)[1]


def _score(sigma: Activation, point: Any, order: int, how: Arithmetic, terms: int | None = None) -> float | None:
    """Predicted least error of the gate on the unit box; from few coefficients and a = 2 for a first look."""
    try:
        if terms is None:
            found = precision.series(sigma, point, order, _digits(how))
        else:
            values = tuple(map(float, sigma.taylor(order + terms, point, _SCREEN_DIGITS)))
            # Judged by derivatives: 1/15! is no zero of the exponential function
            sizes = [abs(v) * math.factorial(k) for k, v in enumerate(values)]
            small = 1e-10 * max(sizes)
            kept = tuple(0.0 if size < small else v for v, size in zip(values, sizes, strict=True))
            found = Series(sigma, point, kept, 3.0)
    except CheapError:
        return None
    if not found.coefficients[order]:
        return None
    shape = precision.copy(1.0) if order == 1 else precision.product(1.0, 1.0) if order == 2 else precision.fold(order)
    a = 2.0 if terms is not None else precision.function_error(sigma, float(point), how.dtype, how.digits)
    scale = precision.best(found, shape, how.unit, a)
    return float(precision.truncation(found, shape, scale) + precision.rounding(found, shape, scale, how.unit, a))


def _zero(sigma: Activation, k: int, left: Any, right: Any, how: Arithmetic) -> Any:
    """The zero of σ_k between two points where it differs in sign, to the digits of the arithmetic."""

    def value(point: Any) -> Any:
        return sigma.taylor(k, point, _SCREEN_DIGITS)[k]

    with mpmath.workdps(_digits(how)):
        point = mpmath.findroot(value, (left, right), solver="anderson", tol=1e-20, verify=False)
        for _ in range(_STEPS_OF_NEWTON if how.dtype == "mp" else _STEPS_OF_NEWTON - 1):
            *_, here, slope = sigma.taylor(k + 1, point, _digits(how))
            point -= here / ((k + 1) * slope)  # σ_k' = (k+1) σ_{k+1}
        return point
