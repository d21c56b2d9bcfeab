"""Formulae as text, read without evaluating it: only arithmetic, names and known functions are understood.

Texts come from the command line and from study files of others, and SymPy's own parser evaluates what it is given.
Decimal numbers are taken as the fractions they are: 0.1 is 1/10. Both x**3 and x^3 are the third power; in Boolean
expressions & | ~ ^ are and, or, not, exclusive or.
"""

import ast
import decimal
from collections.abc import Callable
from typing import Any

import sympy

from rgnet.cheap.errors import CheapError

FUNCTIONS: dict[str, Any] = {
    name: getattr(sympy, name)
    for name in (
        "exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asinh", "atan", "erf", "gamma",
        "Abs", "Max", "Min", "sign", "Heaviside",
    )
} | {"abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min, "arctan": sympy.atan, "arcsinh": sympy.asinh}  # fmt: skip
CONSTANTS = {"pi": sympy.pi, "E": sympy.E}
LONGEST, LARGEST_POWER = 100_000, 1_000  # characters, exponent
_MOST_DIGITS = 4_000  # of a number: Python writes none of more than 4300
_INFINITE = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)

_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
}
_BOOLEAN: dict[type, Callable[[Any, Any], Any]] = {ast.BitAnd: sympy.And, ast.BitOr: sympy.Or, ast.BitXor: sympy.Xor}


def parse(text: str, *, boolean: bool = False) -> Any:
    """The SymPy expression that a text such as ``"x*y*z + 2*x**3"`` says.

    Parameters
    ----------
    text : str
    boolean : bool
        Read ``"x & ~y | z"`` instead.

    Raises
    ------
    CheapError
        If the text is something else than an expression of numbers, names and known functions.
    """
    if not isinstance(text, str) or not text.strip():
        raise CheapError(f'{text!r} is no expression: give a text such as "x*y*z + 2*x**3"')
    if len(text) > LONGEST:
        raise CheapError(f"an expression of {len(text)} characters: at most {LONGEST} are read")
    source = text.strip() if boolean else text.strip().replace("^", "**")
    try:
        tree = ast.parse(source, mode="eval")
        return (_boolean if boolean else _number)(tree.body, source)
    except (SyntaxError, RecursionError, MemoryError, ValueError, TypeError, ArithmeticError) as error:
        if isinstance(error, CheapError):
            raise
        reason = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deeply"
        if reason == "invalid decimal literal":
            reason = "products are written 2*x"
        if "lambda" in source:
            reason = "lambda is a word of Python's: call it lam"
        raise CheapError(f"{_short(text)} is no expression ({reason}): write such as {_example(boolean)}") from None


def _example(boolean: bool) -> str:
    return '"x & ~y | z"' if boolean else '"x*y*z + 2*x**3"'


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}…")


def _refuse(node: ast.AST, source: str, boolean: bool = False) -> CheapError:
    part = ast.get_source_segment(source, node) or source
    known = "names, & | ~ ^ and brackets" if boolean else f"numbers, names, + - * / **, and {', '.join(FUNCTIONS)}"
    return CheapError(f"{_short(part)} in {_short(source)} is not understood: an expression has {known}")


def _number(node: ast.AST, source: str) -> Any:
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left, source), _number(node.right, source)
        if type(node.op) in _ARITHMETIC:
            if left.is_Rational and right.is_Rational:
                _check_digits(_digits(left) + _digits(right), source)
            return _ARITHMETIC[type(node.op)](left, right)
        if isinstance(node.op, ast.Div):
            if right.is_zero:
                raise CheapError(f"{_short(source)} divides by zero")
            return left / right
        if isinstance(node.op, ast.Pow):
            if right.is_number and abs(right) > LARGEST_POWER:
                raise CheapError(f"the power {right} in {_short(source)}: powers go up to {LARGEST_POWER}")
            if left.is_Rational and right.is_number:
                _check_digits(_digits(left) * max(1, abs(int(right))), source)
            return _finite(left**right, node, source)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        inner = _number(node.operand, source)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return _constant(ast.get_source_segment(source, node) or "", node.value, source)
    if isinstance(node, ast.Name):
        return CONSTANTS.get(node.id, sympy.Symbol(node.id, real=True))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise CheapError(f"the function {node.func.id!r} in {_short(source)} is unknown; known are {known}")
        arguments = [_number(item, source) for item in node.args]
        if node.func.id == "gamma" and any(item.is_number and abs(item) > LARGEST_POWER for item in arguments):
            raise CheapError(f"gamma in {_short(source)}: of numbers up to {LARGEST_POWER}")
        try:
            return _finite(FUNCTIONS[node.func.id](*arguments), node, source)
        except TypeError:
            raise CheapError(f"{node.func.id} of {len(node.args)} arguments in {_short(source)}") from None
    raise _refuse(node, source)


def _constant(text: str, value: float, source: str) -> Any:
    """A literal as the fraction it is."""
    if isinstance(value, int):
        found = sympy.Integer(value)
    else:
        _check_digits(abs(decimal.Decimal(text).adjusted()), source)
        found = sympy.Rational(text)
    _check_digits(_digits(found), source)
    return found


def _digits(number: Any) -> int:
    """Of a fraction's numerator or denominator, whichever is longer, about."""
    return int(0.30103 * max(int(number.p).bit_length(), int(number.q).bit_length()))


def _check_digits(digits: int, source: str) -> None:
    if digits > _MOST_DIGITS:
        raise CheapError(f"a number of about {digits} digits in {_short(source)}: at most {_MOST_DIGITS} are read")


def _finite(value: Any, node: ast.AST, source: str) -> Any:
    if value in _INFINITE:
        part = ast.get_source_segment(source, node) or source
        raise CheapError(f"{_short(part)} in {_short(source)} is not a finite number")
    return value


def _boolean(node: ast.AST, source: str) -> Any:
    if isinstance(node, ast.BinOp) and type(node.op) in _BOOLEAN:
        return _BOOLEAN[type(node.op)](_boolean(node.left, source), _boolean(node.right, source))
    if isinstance(node, ast.BoolOp):
        kind = sympy.And if isinstance(node.op, ast.And) else sympy.Or
        return kind(*(_boolean(item, source) for item in node.values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert | ast.Not):
        return sympy.Not(_boolean(node.operand, source))
    if isinstance(node, ast.Constant) and node.value in (0, 1):
        return sympy.true if node.value else sympy.false
    if isinstance(node, ast.Name):
        return sympy.Symbol(node.id)
    raise _refuse(node, source, boolean=True)
