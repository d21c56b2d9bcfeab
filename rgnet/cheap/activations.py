"""Smooth activation functions, as formulae: values in any precision, and Taylor coefficients at any point.

Everything that `rgnet.cheap` builds follows from the plain Taylor coefficients of the activation at a point b,

    σ(b + a) = Σ_k σ_k(b) a^k ,     σ_k(b) = σ^{(k)}(b)/k! ,

so an activation is a formula in one variable, smooth where it is expanded. Piecewise linear ones, such as ReLU, have
σ_k = 0 for k ≥ 2 wherever they are smooth: no product can be made of them in this way (Lin, Tegmark & Rolnick 2017
need σ_2 ≠ 0; that ReLU networks approximate products otherwise is Yarotsky 2017).
"""

import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import mpmath
import numpy as np
import numpy.typing as npt
import sympy
from scipy.special import expit, ndtr

from rgnet.cheap import expressions
from rgnet.cheap.errors import CheapError

T = sympy.Symbol("t", real=True)
"""The variable of every activation's formula."""

Array = npt.NDArray[Any]

_FORMULAE: dict[str, Any] = {
    "logistic": 1 / (1 + sympy.exp(-T)),
    "tanh": sympy.tanh(T),
    "softplus": sympy.log(1 + sympy.exp(T)),
    "gelu": T * (1 + sympy.erf(T / sympy.sqrt(2))) / 2,
    "sin": sympy.sin(T),
    "exp": sympy.exp(T),
    "arctan": sympy.atan(T),
    "gaussian": sympy.exp(-(T**2)),
}
_SAME = {"sigmoid": "logistic", "silu": "t/(1 + exp(-t))", "swish": "t/(1 + exp(-t))", "atan": "arctan"}
_NOT_SMOOTH = ("relu", "leaky_relu", "leakyrelu", "hardtanh", "step", "abs", "sign", "elu")
_STABLE: dict[str, Callable[[Array], Array]] = {  # without overflow, and in the dtype of the argument
    "logistic": expit,
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(x, x.dtype.type(0)),
    "gelu": lambda x: x * ndtr(x),
    "sin": np.sin,
    "exp": np.exp,
    "arctan": np.arctan,
    "gaussian": lambda x: np.exp(-(x * x)),
}
NAMES = tuple(_FORMULAE)
_KINKS = (sympy.Abs, sympy.Max, sympy.Min, sympy.sign, sympy.Heaviside, sympy.Piecewise, sympy.floor, sympy.ceiling)


@dataclass(frozen=True)
class Activation:
    """A smooth function of one variable; made by `get`.

    Attributes
    ----------
    name : str
    expression : SymPy expression
        In the symbol `T`.
    """

    name: str
    expression: Any = field(repr=False)

    def __call__(self, x: npt.ArrayLike) -> Array:
        """σ(x) of an array, in its dtype (float32 or float64; whole numbers become float64)."""
        array = np.asarray(x)
        if array.dtype not in (np.float32, np.float64):
            array = array.astype(np.float64)
        return np.asarray(_numpy_function(self)(array), dtype=array.dtype)

    def mp(self, x: Any) -> Any:
        """σ(x) of one mpmath number, at mpmath's precision of the moment."""
        return _mp_function(self)(mpmath.mpf(x))

    def taylor(self, order: int, at: Any = 0, digits: int = 50) -> tuple[Any, ...]:
        """Plain Taylor coefficients (σ_0, …, σ_order) at a point, to so many digits.

        Parameters
        ----------
        order : int
        at : number or text
            The point b; a text such as ``"1/3"`` or an mpf keeps its digits.
        digits : int

        Returns
        -------
        tuple of mpf

        Raises
        ------
        CheapError
            If the function is not finite there, or the point is no number.
        """
        if isinstance(order, bool) or not isinstance(order, int | np.integer) or order < 0:
            raise CheapError(f"order={order!r}: the highest power of the Taylor series, a whole number from 0 on")
        with mpmath.workdps(digits + 10):
            try:
                point = mpmath.mpmathify(at.evalf(digits + 10) if isinstance(at, sympy.Basic) else at)
            except (TypeError, ValueError):
                raise CheapError(
                    f"at={at!r}: the point of a Taylor series is a number, or a text such as '1/3'"
                ) from None
            if not mpmath.isfinite(point):
                raise CheapError(f"at={at!r}: the point of a Taylor series is finite")
        found: tuple[Any, ...] = _taylor(self, int(order), point, int(digits))
        return found

    @property
    def parity(self) -> Literal["even", "odd"] | None:
        """Whether σ(t) − σ(0) is an even or an odd function: odd for tanh, sin and logistic, None for most."""
        return _parity(self)


def get(activation: Any) -> Activation:
    """An activation from its name, a formula in one variable, or a SymPy expression.

    Raises
    ------
    CheapError
        If it is unknown, of several variables, constant or affine, or not smooth (as ReLU).

    Examples
    --------
    >>> get("softplus").taylor(2)[2]
    mpf('0.125')
    >>> get("x**2 * exp(-x)").name
    'x**2 * exp(-x)'
    """
    if isinstance(activation, Activation):
        return activation
    if isinstance(activation, str):
        known = activation.strip().lower()
        if known in _FORMULAE:
            return Activation(known, _FORMULAE[known])
        if known in _SAME:
            return get(_SAME[known])
        if known in _NOT_SMOOTH:
            raise _not_smooth(activation)
        expression = expressions.parse(activation)
        if known.isidentifier() and len(known) > 1:
            close = difflib.get_close_matches(known, NAMES, 1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            raise CheapError(
                f"activation={activation!r} is unknown{hint} Known are {', '.join(NAMES)}, and formulae in one "
                f'variable such as "x*exp(-x**2)"'
            )
        return _of_expression(activation, expression)
    if isinstance(activation, sympy.Expr):
        return _of_expression(str(activation), activation)
    raise CheapError(
        f"activation={activation!r}: give a name ({', '.join(NAMES)}), a formula in one variable such as "
        f'"x*exp(-x**2)", or a SymPy expression'
    )


def _of_expression(name: str, expression: Any) -> Activation:
    symbols = expression.free_symbols
    if len(symbols) != 1:
        raise CheapError(
            f"activation={name!r} is a formula of {len(symbols)} variables: give one variable, as in 'x*exp(-x**2)'"
        )
    if expression.has(*_KINKS):
        raise _not_smooth(name)
    if expression.has(sympy.I):
        raise CheapError(f"activation={name!r} has complex values: give a real function")
    # Floats as the fractions they are: every digit of a formula is kept, in any precision and as text
    exact = {item: sympy.Rational(item) for item in expression.atoms(sympy.Float)}
    formula = expression.xreplace(exact).subs(symbols.pop(), T)
    if sympy.diff(formula, T, 2).equals(0):
        raise CheapError(
            f"activation={name!r} is linear: networks of it compute nothing but linear maps; give a curved function"
        )
    found = next((known for known, item in _FORMULAE.items() if item == formula), None)
    return Activation(found or name, formula)


def _not_smooth(name: str) -> CheapError:
    return CheapError(
        f"activation={name!r} is not smooth: it is linear on either side of its kink, so that σ_2 and all higher "
        f"Taylor coefficients vanish and no product can be built from them; take a smooth one such as 'softplus', "
        f"which tends to ReLU as σ(βx)/β"
    )


def is_zero(value: Any, digits: int = 50) -> bool:
    """Whether a Taylor coefficient computed to so many digits vanishes: |σ_k| < 10^(−digits/2)."""
    return bool(abs(value) < mpmath.mpf(10) ** (-(digits // 2)))


@functools.cache
def _numpy_function(activation: Activation) -> Callable[[Array], Array]:
    if activation.name in _STABLE:
        return _STABLE[activation.name]
    return sympy.lambdify(T, activation.expression, ["scipy", "numpy"])  # type: ignore[no-any-return]


@functools.cache
def _mp_function(activation: Activation) -> Callable[[Any], Any]:
    return sympy.lambdify(T, activation.expression, "mpmath")  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=4096)
def _taylor(activation: Activation, order: int, at: Any, digits: int) -> tuple[Any, ...]:
    try:
        with mpmath.workdps(digits + 10):
            found = tuple(mpmath.taylor(_mp_function(activation), at, order))
        good = all(isinstance(value, mpmath.mpf) and mpmath.isfinite(value) for value in found)
    except (ZeroDivisionError, ValueError, OverflowError):
        good = False
    if not good:
        raise CheapError(
            f"activation {activation.name!r} has no real Taylor series at {mpmath.nstr(at, 6)}: expand it elsewhere"
        )
    with mpmath.workdps(digits):
        return tuple(+value for value in found)


@functools.cache
def _parity(activation: Activation) -> Literal["even", "odd"] | None:
    points = [mpmath.mpf(k) / 7 for k in (1, 2, 4)]
    try:
        with mpmath.workdps(50):
            centre, *values = (activation.mp(x) for x in (0, *points, *(-x for x in points)))
            values = [value - centre for value in values]
            size = max(abs(value) for value in values) or mpmath.mpf(1)
            right, left = values[: len(points)], values[len(points) :]
            if all(is_zero((a - b) / size) for a, b in zip(right, left, strict=True)):
                return "even"
            if all(is_zero((a + b) / size) for a, b in zip(right, left, strict=True)):
                return "odd"
    except (ZeroDivisionError, ValueError, TypeError):
        pass  # singular at 0: no parity about it
    return None
