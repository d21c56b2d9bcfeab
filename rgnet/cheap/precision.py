"""What a gate's scale λ costs: truncation against rounding, the best λ and the floor, by formula.

A gate of order n feeds z = b ± λ(…) to its neurons and multiplies what they say by 1/λⁿ, so that of the Taylor series
at b only the n-th power is left (Lin, Tegmark & Rolnick 2017, eq. 11 for n = 2, and their appendix A). With the plain
coefficients σ_k = σ^{(k)}(b)/k! its error on a box is, power by power,

    truncation(λ) = Σ_k |κ_k σ_k/σ_n| A_k λ^{k−n} ,     k = n+2, n+4, …

A_k is the largest value on the box of what the signs leave of the k-th power:

    copy     σ(b+λu) − σ(b−λu)                                       A_k = U^k
    square   σ(b+λu) + σ(b−λu) − 2σ(b)                               A_k = U^k
    product  σ(b+λ(u+v)) + σ(b−λ(u+v)) − σ(b+λ(u−v)) − σ(b−λ(u−v))   A_k = [(U+V)^k − |U−V|^k]/4
    n-fold   Σ_s (∏s_i) σ(b + λ Σ s_i x_i), |x_i| ≤ 1                A_k = k! [t^k] sinhⁿ(t)/n!

for |u| ≤ U, |v| ≤ V; each is reached at a corner, so the sum is a bound, and for one leading power it is the error.
κ_k = Σ_j c_j r_j^{k−n} is 1, or what a sum of gates at scales r_j λ with factors c_j leaves (`combination`: Σ c_j = 1
and κ_k = 0 for the first powers; Richardson 1911). Beyond the last coefficient used the series is continued as
geometric, for λ·reach at most half the radius of convergence.

Rounding, with u = 2^−bits (2⁻²⁴, 2⁻⁵³, ½·10^{1−digits}): a neuron's value has an error a·u of itself (`function_error`:
a about 2), its product with the output weight u, the sum u again; z = b + … is rounded by u|z| where b ≠ 0. (With
b = 0 it is not a matter: weights of opposite sign round oppositely, and such errors cancel, provided that the bias is
added last, as `rgnet.cheap.NeuralNetwork` does.) To first order in u

    rounding(λ) = u K/(|σ_n| λⁿ) · [(a + 2) H + D (|b| + λS) (b ≠ 0)] ,     H = Σ|σ_k|(λS)^k ,  D = Σ k|σ_k|(λS)^{k−1}

with K = 1, 2, ½, 1/n! for the four gates (n-fold last) and Σ|c_j| r_j^{−n} times it for sums of gates; S is the reach
of z. This is a bound if no two errors help each other; what is seen is about half of it.

For one leading power p, error(λ) = c λ^p + R·eps·λ^{−n} (eps = 2u) has its least value at

    λ* = (n R eps/(p c))^{1/(n+p)} ,     floor = (1 + p/n) c λ*^p .

Four softplus neurons at b = 0 on the unit box: σ_0 = ln 2, σ_2 = 1/8, σ_4 = −1/192, so c = 1/6 with p = 2, and R is
about 2(a + 2) ln 2: λ* = 3e-4 and a floor of 3e-8 in float64, 0.05 and 7e-4 in float32. A search over λ finds 2e-4 and
1.6e-8, 0.03 and 4e-4: within a factor 2 of each.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from rgnet.cheap.activations import Activation
from rgnet.cheap.errors import CheapError

Array = npt.NDArray[np.float64]

TERMS = 12  # Taylor coefficients beyond σ_n that are used
_MOST_DIGITS = 60  # weights are kept to 64
_SAMPLES = 240
_CAUTION = 0.85  # the root test of few coefficients overestimates the radius


@dataclass(frozen=True)
class Arithmetic:
    """float32, float64, or so many decimal digits (dtype "mp")."""

    dtype: str = "float64"
    digits: int = 50

    @property
    def unit(self) -> float:
        """Largest relative error of one rounding, u = eps/2."""
        return {"float32": 2.0**-24, "float64": 2.0**-53}.get(self.dtype) or 0.5 * 10.0 ** (1 - self.digits)

    @property
    def bits(self) -> int:
        """Of the mantissa."""
        return {"float32": 24, "float64": 53}.get(self.dtype) or math.floor(self.digits * math.log2(10))

    def __str__(self) -> str:
        return self.dtype if self.dtype != "mp" else f"{self.digits} digits"


def arithmetic(dtype: str = "float64", digits: int | None = None) -> Arithmetic:
    """Check what was asked for.

    Raises
    ------
    CheapError
        For an unknown dtype, or digits that are none of 10 to 60.
    """
    if dtype not in ("float32", "float64", "mp"):
        raise CheapError(f'dtype={dtype!r}: give "float32", "float64", or "mp" with digits=50')
    number = 50 if digits is None else digits
    if isinstance(number, bool) or not isinstance(number, int) or not 10 <= number <= _MOST_DIGITS:
        raise CheapError(f"digits={digits!r}: a whole number from 10 to {_MOST_DIGITS} (weights are kept to 64 digits)")
    if digits is not None and dtype != "mp":
        raise CheapError(f'digits={digits} with dtype="{dtype}": digits belong to dtype="mp"')
    return Arithmetic(dtype, number)


@dataclass(frozen=True)
class Series:
    """Taylor coefficients of one activation at one point, as floats; zeros are exact."""

    activation: Activation
    at: Any
    coefficients: tuple[float, ...]
    radius: float

    def even(self) -> bool:
        """Whether σ(b + z) = σ(b − z) as far as the coefficients go."""
        return not any(self.coefficients[1::2])

    def odd(self) -> bool:
        """Whether σ(b + z) = −σ(b − z) as far as the coefficients go."""
        return not any(self.coefficients[0::2])


@dataclass(frozen=True)
class Shape:
    """What a kind of gate is to these formulae; of `copy`, `square`, `product` or `fold`."""

    order: int
    reach: float
    gain: float
    spread: tuple[float, ...]


@dataclass(frozen=True)
class Prediction:
    """A gate at its scale λ: errors on the box that the shape was made for.

    Attributes
    ----------
    scale, truncation, rounding, error : float
        λ, and |error| ≤ truncation + rounding = error.
    coefficient, power : float, int
        c and p of the leading truncation c λ^p (0 and 0 where nothing is left out).
    noise : float
        R of rounding = R·eps·λ⁻ⁿ, at this λ.
    """

    scale: float
    truncation: float
    rounding: float
    coefficient: float
    power: int
    noise: float

    @property
    def error(self) -> float:
        """Bound on the error."""
        return self.truncation + self.rounding


def series(activation: Activation, at: Any, order: int, digits: int = 30) -> Series:
    """Coefficients σ_0 … σ_{order+12} at a point; those below 10^(5−digits) are zero."""
    found = activation.taylor(order + TERMS, at, digits)
    with mpmath.workdps(digits):
        small = max(abs(value) for value in found) * mpmath.mpf(10) ** (5 - digits)
        values = tuple(0.0 if abs(value) < small else float(value) for value in found)
    tail = [abs(value) ** (-1 / k) for k, value in enumerate(values) if k > order + TERMS - 6 and value]
    return Series(activation, at, values, _CAUTION * min(tail, default=100.0))


def copy(u: float) -> Shape:
    """Two neurons, |u| ≤ U."""
    return Shape(1, u, 1.0, tuple(u**k if k % 2 and k > 1 else 0.0 for k in range(TERMS + 2)))


def square(u: float) -> Shape:
    """Two neurons and a constant, |u| ≤ U."""
    return Shape(2, u, 2.0, tuple(u**k if k % 2 == 0 and k > 2 else 0.0 for k in range(TERMS + 3)))


def product(u: float, v: float) -> Shape:
    """Four neurons, |u| ≤ U and |v| ≤ V."""
    spread = (((u + v) ** k - abs(u - v) ** k) / 4 if k % 2 == 0 and k > 2 else 0.0 for k in range(TERMS + 3))
    return Shape(2, u + v, 0.5, tuple(spread))


def fold(n: int) -> Shape:
    """2ⁿ neurons, |x_i| ≤ 1."""
    signs = [(-1) ** j * math.comb(n, j) for j in range(n + 1)]
    spread = tuple(
        sum(s * (n - 2 * j) ** k for j, s in enumerate(signs)) / 2**n / math.factorial(n) if k > n else 0.0
        for k in range(n + TERMS + 1)
    )
    return Shape(n, float(n), 1 / math.factorial(n), spread)


def powers_left(sigma: Series, order: int, unit: float) -> list[int]:
    """The powers λ^{k−n} of the truncation, those left out for which σ_k vanishes but for the rounding of b."""
    small = 20 * unit * max(map(abs, sigma.coefficients))
    return [k - order for k in range(order + 2, len(sigma.coefficients), 2) if abs(sigma.coefficients[k]) > small]


def scales_for(sigma: Series, order: int, unit: float, power: int | None) -> int:
    """How many scales a gate has whose truncation goes as λ^power (None: one).

    Raises
    ------
    CheapError
        If the power is not one of 2, 4, … 12.
    """
    if power is None:
        return 1
    if isinstance(power, bool) or power not in range(2, 13, 2):
        raise CheapError(f"order={power!r}: the power of λ of a gate's truncation error: one of 2, 4, 6, 8, 10, 12")
    return 1 + sum(left < power for left in powers_left(sigma, order, unit))


def combination(sigma: Series, order: int, scales: int, unit: float) -> tuple[tuple[float, ...], tuple[Any, ...]]:
    """Ratios r_j ≤ 1 and factors c_j of gates whose sum leaves out the first powers that σ has.

    The ratios are r_j = cos((2j−1)π/4m), spread as Chebyshev's, which keeps the factors small; they are rounded to 8
    bits, so that they are exact in any arithmetic.
    """
    if scales == 1:
        return (1.0,), (mpmath.mpf(1),)
    powers = powers_left(sigma, order, unit)[: scales - 1]
    nodes = [math.cos((2 * j - 1) * math.pi / (4 * scales)) for j in range(1, scales + 1)]
    ratios = tuple(round(256 * node / nodes[0]) / 256 for node in nodes)
    powers += [2 * (i + 12) for i in range(scales - 1 - len(powers))]
    with mpmath.workdps(80):
        table = mpmath.matrix([[mpmath.mpf(r) ** p for r in ratios] for p in (0, *powers)])
        wanted = mpmath.matrix([1] + [0] * len(powers))
        return ratios, tuple(mpmath.lu_solve(table, wanted))


@functools.lru_cache(maxsize=512)
def function_error(activation: Activation, at: float, dtype: str, digits: int = 50) -> float:
    """Error a of computed values around a point, in units u of Σ|σ_k||z|^k; at least 2.

    Half as much again as the largest seen at points from 10^−digits to ¼ away: where a formula loses its digits near
    the point, as log(cosh(t)) does at 0, a is large, and `expansion_point` keeps away from it.
    """
    how = Arithmetic(dtype, digits)
    sigma = series(activation, at, 1)
    reach = min(0.5 * sigma.radius, 0.25)
    far = reach * np.geomspace(how.unit, 1.0, _SAMPLES // (4 if dtype == "mp" else 2))
    points = np.concatenate([-far[::-1], far])
    if dtype == "mp":
        with mpmath.workdps(digits):
            z = [mpmath.mpf(at) + mpmath.mpf(value) for value in points]
            found = [activation.mp(value) for value in z]
    else:
        kind = np.float32 if dtype == "float32" else np.float64
        array = (at + points).astype(kind)
        z, found = ([mpmath.mpf(float(value)) for value in row] for row in (array, activation(array)))
    coefficients = np.abs(np.array(sigma.coefficients))
    worst = 0.0
    with mpmath.workdps(digits + 40):
        for value, said in zip(z, found, strict=True):
            size = how.unit * float(_powers(coefficients, abs(float(value - mpmath.mpf(at)))))
            if size:
                worst = max(worst, float(abs(said - activation.mp(value))) / size)
    return max(2.0, 1.5 * worst)


def truncation(sigma: Series, shape: Shape, scale: Any, factors: tuple[Any, Any] = ((1.0,), (1.0,))) -> Any:
    """Bound of the truncation error at λ (a number or an array)."""
    n, values = shape.order, np.abs(np.array(sigma.coefficients))
    left, c = np.ones(len(values)), np.ones(1)
    if len(factors[0]) > 1:
        ratios, c = np.array(factors[0]), np.array([float(value) for value in factors[1]])
        left = np.array([abs(float(c @ ratios ** max(k - n, 0))) for k in range(len(values))])
        left[left < 1e-13] = 0.0
    left[: n + 1] = 0.0
    spread = np.zeros(len(values))
    spread[: len(shape.spread)] = shape.spread[: len(values)]
    lam = np.asarray(scale, dtype=np.float64)
    known = _powers((values * left * spread)[n:], lam) / values[n]
    x = lam * shape.reach / sigma.radius
    rest = shape.gain * np.abs(c).sum() * x ** len(values) / np.maximum(1 - x, 0.1) / (lam**n * values[n])
    return (1 + 1e-9) * (known + rest)  # the bound is reached, and this sum is rounded itself


def rounding(
    sigma: Series, shape: Shape, scale: Any, unit: float, a: float = 2.0, factors: tuple[Any, Any] = ((1.0,), (1.0,)),
    *, sums: float = 2.0, constants: bool = False,
) -> Any:  # fmt: skip
    """Bound of the rounding error at λ (a number or an array).

    ``sums`` is 2 where the output is summed by the gate itself, 0 where whoever uses it counts that; ``constants``
    says that u or v has a constant, which goes into the biases.
    """
    n, values = shape.order, np.abs(np.array(sigma.coefficients))
    ratios, c = np.array(factors[0]), np.abs(np.array([float(value) for value in factors[1]]))
    lam = np.asarray(scale, dtype=np.float64)
    z, b = lam * shape.reach, abs(float(sigma.at))
    heard = (a + sums) * _powers(values, z)
    if b or constants:
        heard = heard + (1 + constants) * _powers(values[1:] * np.arange(1, len(values)), z) * (b + z)
    return unit * shape.gain * float(c @ ratios ** (-float(n))) * heard / (values[n] * lam**n)


def gain(sigma: Series, shape: Shape, scale: float, factors: tuple[Any, Any] = ((1.0,), (1.0,))) -> float:
    """Σ|output weight · neuron| of a gate at most: what its differences cancel."""
    n, values = shape.order, np.abs(np.array(sigma.coefficients))
    heard = float(_powers(values, scale * shape.reach)) / (values[n] * scale**n)
    return float(shape.gain * heard * sum(abs(float(c)) * r**-n for r, c in zip(*factors, strict=True)))


def largest_scale(sigma: Series, shape: Shape) -> float:
    """λ at which the gate reaches half the radius of convergence, at most one unit beyond b."""
    return min(sigma.radius / 2, 1.0) / shape.reach


def best(
    sigma: Series, shape: Shape, unit: float, a: float = 2.0, factors: tuple[Any, Any] = ((1.0,), (1.0,)),
    *, sums: float = 2.0, constants: bool = False,
) -> float:  # fmt: skip
    """The λ of least truncation + rounding; of those within 1 % of the least, the largest."""
    top = largest_scale(sigma, shape)
    low, high = math.log(top) + math.log(unit) / shape.order, math.log(top)  # below, λⁿ is rounding alone
    for _ in range(2):
        grid = np.exp(np.linspace(low, high, 97))
        total = truncation(sigma, shape, grid, factors)
        total = total + rounding(sigma, shape, grid, unit, a, factors, sums=sums, constants=constants)
        k = int(np.flatnonzero(total <= 1.01 * total.min()).max())
        low, high = math.log(grid[max(k - 1, 0)]), math.log(grid[min(k + 1, len(grid) - 1)])
    return float(grid[k])


def predict(
    sigma: Series, shape: Shape, how: Arithmetic, scale: float | None = None,
    factors: tuple[Any, Any] = ((1.0,), (1.0,)),
) -> Prediction:  # fmt: skip
    """Errors of a gate at λ, by default at the best one."""
    a = function_error(sigma.activation, float(sigma.at), how.dtype, how.digits)
    lam = best(sigma, shape, how.unit, a, factors) if scale is None else float(scale)
    n, values = shape.order, sigma.coefficients
    cut, round_off = truncation(sigma, shape, lam, factors), rounding(sigma, shape, lam, how.unit, a, factors)
    c, power, largest = 0.0, 0, 0.0
    for k in range(n + 2, min(len(values), len(shape.spread)), 2):
        left = sum(float(w) * r ** (k - n) for r, w in zip(*factors, strict=True))
        term = abs(left * values[k] / values[n]) * shape.spread[k] if abs(left) > 1e-13 else 0.0
        if term * lam ** (k - n) > largest:
            c, power, largest = term, k - n, term * lam ** (k - n)
    return Prediction(lam, float(cut), float(round_off), c, power, float(round_off) * lam**n / (2 * how.unit))


def bits_for(sigma: Series, shape: Shape, tolerance: float, factors: tuple[Any, Any] = ((1.0,), (1.0,))) -> int:
    """Bits of the mantissa that a gate needs for an error, λ chosen for the fewest (a = 2)."""
    grid = largest_scale(sigma, shape) * np.exp(np.linspace(math.log(1e-40), 0, 2001))
    left = tolerance - truncation(sigma, shape, grid, factors)
    if not (left > 0).any():
        raise CheapError(f"tolerance={tolerance:.3g}: no scale λ has a truncation error that small; expand elsewhere")
    per_unit = rounding(sigma, shape, grid, 1.0, 2.0, factors)
    return math.ceil(-math.log2(float((np.maximum(left, 0) / per_unit).max())))


def _powers(coefficients: Array, x: Any) -> Any:
    """Σ_k coefficients[k] x^k."""
    return np.polynomial.polynomial.polyval(x, coefficients)
