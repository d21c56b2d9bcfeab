"""Boolean functions, and any others given by a table, as networks with one hidden layer of logistic neurons.

Three expansions of f(x_1, …, x_n) have one hidden neuron a term (`rgnet.cheap.bits` has the neuron and its error):

    monomials   f = Σ_S c_S ∏_{i∈S} x_i ,   c_S = Σ_{T⊆S} (−1)^{|S|−|T|} f(1_T)      (Möbius transform, n 2^{n−1} steps)
    minterms    f = f̄ + Σ_a (f(a) − f̄) ∏_i [x_i = a_i] ,   f̄ the commonest value
    counts      f = g(0) + Σ_{k=1}^n (g(k) − g(k−1)) [Σ_i x_i ≥ k] ,   if f = g(Σ_i x_i) is symmetric

The first is that of Lin, Tegmark & Rolnick (2017): 2ⁿ − 1 neurons at most. A product of literals x_i or
1 − x_i costs one neuron as well, so the second never needs more than 2ⁿ, and 2^{n−1} for a Boolean function, with
weights ±1. The third needs n: [Σ x_i ≥ k] is the neuron σ(β(Σ x_i − k + ½)), with the error ε(β) of all. The parity of
n bits, whose monomials all have coefficients, (−2)^{|S|−1}, so takes 2ⁿ − 1, 2^{n−1} or n neurons: what is much for one
expansion is no lower bound for the network (threshold circuits of constant depth; Hajnal et al. 1993).

Tables are in the order of `itertools.product`: x_1 is the slowest bit.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import sympy

from rgnet.cheap import bits, expressions
from rgnet.cheap.bits import Units
from rgnet.cheap.errors import CheapError
from rgnet.cheap.reports import Compiled

Array = npt.NDArray[Any]
By = Literal["fewest", "monomials", "minterms", "counts"]

MOST_BITS = 20
KINDS = ("monomials", "minterms", "counts")
_MOST_SYNAPSES, _MOST_PRODUCTS = 1 << 24, 1 << 14
_Polynomial = dict[frozenset[int], int]


def boolean(
    function: Any,
    n: int | None = None,
    *,
    by: By = "fewest",
    beta: float | None = None,
    tolerance: float | None = None,
) -> Compiled:
    """A function of n bits as one hidden layer.

    Parameters
    ----------
    function : text, SymPy Boolean expression, array (2ⁿ,), or callable
        Such as ``"x & ~y | z"`` (& before ^ before |; the symbols in alphabetical order are the inputs); a truth table
        of bool, 0/1 or any real numbers; or a callable of bits (strings, n) returning (strings,).
    n : int, optional
        Number of bits; needed for a callable.
    by : "fewest", "monomials", "minterms" or "counts"
        The expansion; by default that of fewest neurons.
    beta, tolerance : float, optional
        One of them; with neither, β is so large that rounding alone is left, which for whole numbers is none.

    Returns
    -------
    Compiled
        The report says the numbers of neurons that each expansion takes, the error promised, and the one achieved on
        all 2ⁿ strings (n ≤ 16, while there are few neurons; else on random ones).

    Raises
    ------
    CheapError
        If there are more than 20 bits (texts and expressions may have more, while their monomials are few), the table
        has no 2ⁿ finite values, the function is not symmetric (``by="counts"``), or the tolerance is below the floor.

    Examples
    --------
    >>> boolean("x & ~y | z").network.neurons
    3
    """
    if by not in ("fewest", *KINDS):
        raise CheapError(f"by={by!r}: it is one of fewest, {', '.join(KINDS)}")
    names: tuple[str, ...] | None = None
    if isinstance(function, str):
        function = expressions.parse(function, boolean=True)
    if isinstance(function, sympy.Basic):
        names = bits.padded(tuple(sorted(map(str, function.free_symbols))), n)
        if len(names) > MOST_BITS:
            return _few_monomials(function, names, by, beta, tolerance)
        function = table_of(function, names)
    table = _table(function, n)
    size = int(np.log2(len(table)))
    names = names or tuple(f"x{i}" for i in range(size))
    found = {"monomials": mobius(table), "minterms": table - _commonest(table)}
    neurons = {
        "monomials": int(np.count_nonzero(found["monomials"][1:])),
        "minterms": int(np.count_nonzero(found["minterms"])),
    }
    by_count = symmetric_values(table)
    if by_count is not None:
        neurons["counts"] = int(np.count_nonzero(np.diff(by_count)))
    if by == "counts" and by_count is None:
        raise CheapError('by="counts" needs a symmetric function, of Σx alone; this one is not: take by="fewest"')
    # Where equally many, the expansion of smaller coefficients
    chosen = min(neurons, key=lambda name: (neurons[name], KINDS[::-1].index(name))) if by == "fewest" else by
    hidden, values, constant = _expansion(chosen, found.get(chosen), by_count, table, size)
    if len(hidden.rows) > _MOST_SYNAPSES:
        raise CheapError(
            f"{chosen} of {size} bits have {len(hidden.rows)} synapses: at most {_MOST_SYNAPSES} are built; "
            f"write the function as several of fewer bits"
        )
    rounded = _transform_rounding(table) if chosen == "monomials" else 0.0
    if tolerance is not None and not bits.is_number(tolerance):
        raise CheapError(f"tolerance={tolerance!r}: give a positive number, such as 1e-9")
    if tolerance is not None and 0 < tolerance <= rounded:
        raise CheapError(
            f"tolerance={tolerance:.3g} is below the rounding {rounded:.2g} of the monomials' coefficients in float64: "
            f'take by="minterms", whose coefficients are the values themselves'
        )
    made, used, promised = bits.assemble(
        hidden, values[None], [constant], inputs=names, outputs=("f",), beta=beta,
        tolerance=None if tolerance is None else tolerance - rounded,
    )  # fmt: skip
    promised += rounded
    weights = 2 ** np.arange(size - 1, -1, -1)
    notes = {"expansion": chosen, **{f"neurons by {name}": value for name, value in neurons.items()}}
    report = bits.measure(
        made, lambda x: table[x.astype(np.int64) @ weights], promised, used, tolerance, notes=notes
    )  # fmt: skip
    return Compiled(made, report)


def symmetric(
    values: Sequence[float] | Array, *, beta: float | None = None, tolerance: float | None = None
) -> Compiled:
    """A function g(Σ_i x_i) of any number n of bits: one neuron for each step of g, n at most.

    Parameters
    ----------
    values : sequence (n + 1,)
        g(0), …, g(n), such as ``[0, 1] * 500`` for the parity of 999 bits.
    beta, tolerance : float, optional
        As `boolean`.

    Raises
    ------
    CheapError
        If values are not finite numbers, steps times bits are more than 2^24 synapses, or the tolerance is below the
        floor.
    """
    g = np.asarray(values)
    if g.ndim != 1 or len(g) < 1 or g.dtype.kind not in "biuf" or not np.isfinite(g).all():
        raise CheapError(f"values={values!r}: give the finite numbers g(0), …, g(n) of a function of n bits")
    g = g.astype(np.float64)
    n = len(g) - 1
    synapses = n * int(np.count_nonzero(np.diff(g)))
    if synapses > _MOST_SYNAPSES:
        raise CheapError(
            f"{synapses} synapses, each of the steps of g hears all of {n} bits: at most {_MOST_SYNAPSES} are built; "
            f"count the bits in a deeper network"
        )
    hidden, steps, constant = _expansion("counts", None, g, g, n)
    made, used, promised = bits.assemble(
        hidden, steps[None], [constant], inputs=tuple(f"x{i}" for i in range(n)), outputs=("f",), beta=beta,
        tolerance=tolerance,
    )  # fmt: skip
    return Compiled(made, bits.measure(made, lambda x: g[x.sum(axis=1, dtype=np.int64)], promised, used, tolerance))


def mobius(table: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Coefficients c_S of all monomials, (2ⁿ,), from the values of a function: S has bit i where its number has.

    Exact for whole numbers whose transform stays below 2⁵³.
    """
    return _along_axes(table, -1.0)


def _transform_rounding(table: Array) -> float:
    """Largest error of Σ c_S ∏ x that rounding in `mobius` makes: none for whole numbers that stay below 2⁵³."""
    sizes = zeta(np.abs(table))  # bounds of |c_S|, and of what they are summed from
    if (table == np.rint(table)).all() and sizes.max() < 2.0**53:
        return 0.0
    return float(np.log2(len(table)) * bits.ROUNDING * sizes.sum())


def zeta(coefficients: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The inverse of `mobius`: f(1_T) = Σ_{S⊆T} c_S."""
    return _along_axes(coefficients, 1.0)


def _along_axes(table: npt.ArrayLike, sign: float) -> npt.NDArray[np.float64]:
    result = np.array(table, dtype=np.float64)
    step = 1
    while step < len(result):
        pairs = result.reshape(-1, 2, step)
        pairs[:, 1] += sign * pairs[:, 0]
        step *= 2
    return result


def symmetric_values(table: Array) -> Array | None:
    """Return g(0), …, g(n) where f = g(Σx), else None."""
    size = int(np.log2(len(table)))
    count = np.bitwise_count(np.arange(len(table)))
    g = table[(1 << np.arange(size + 1)) - 1]
    return g if (table == g[count]).all() else None


def table_of(expression: Any, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Truth table of a SymPy Boolean expression in inputs of these names."""
    symbols = {symbol.name: symbol for symbol in expression.free_symbols}
    x = _all(len(names))
    columns = {symbols[name]: x[:, i].astype(bool) for i, name in enumerate(names) if name in symbols}
    return np.asarray(np.broadcast_to(_truth(expression, columns, len(x)), (len(x),)))


def _all(n: int) -> Array:
    return ((np.arange(1 << n)[:, None] >> np.arange(n - 1, -1, -1)) & 1).astype(np.int8)


def _truth(expression: Any, columns: dict[Any, Array], size: int) -> Array:
    if expression in columns:
        return columns[expression]
    if expression in (sympy.true, sympy.false):
        return np.full(size, expression == sympy.true)
    parts = [_truth(item, columns, size) for item in expression.args]
    rules: dict[Any, Callable[[Array, Array], Array]] = {
        sympy.And: np.logical_and, sympy.Or: np.logical_or, sympy.Xor: np.logical_xor
    }  # fmt: skip
    if isinstance(expression, sympy.Not):
        return ~parts[0]
    if expression.func in rules:
        return functools.reduce(rules[expression.func], parts)
    simpler = sympy.to_nnf(expression) if isinstance(expression, sympy.logic.boolalg.Boolean) else expression
    if simpler == expression:
        raise CheapError(f"{expression} is no Boolean expression: write & | ~ ^ between symbols, as in 'x & ~y | z'")
    return _truth(simpler, columns, size)


def _table(function: Any, n: int | None) -> npt.NDArray[np.float64]:
    """Values of a function, (2ⁿ,), checked."""
    way_out = (
        "a function without structure takes some 2ⁿ neurons. Write it as an expression or polynomial of few monomials "
        "(bit_polynomial), as several functions of fewer bits, or as a deeper network"
    )
    if callable(function):
        if n is None:
            raise CheapError("a callable does not say how many bits it takes: give n=")
        size = bits._count(n, 0)
        if size > MOST_BITS:
            raise CheapError(f"n={size}: tables go up to {MOST_BITS} bits, this one has 2^{size} values; {way_out}")
        x = _all(size)
        values = np.asarray(function(x))
        if values.shape != (1 << size,):
            raise CheapError(
                f"the function of {1 << size} bit strings returned shape {values.shape}: it takes bits (strings, n) "
                f"and returns (strings,), one number each"
            )
    else:
        values = np.asarray(function)
        size = max(len(values) - 1, 0).bit_length() if values.ndim == 1 else -1
        if values.ndim != 1 or len(values) != 1 << size:
            raise CheapError(f"a table of shape {values.shape}: give the 2ⁿ values of a function of n bits in a row")
        if n is not None and n != size:
            raise CheapError(f"n={n!r} for a table of {len(values)} values, which is one of {size} bits")
        if size > MOST_BITS:
            raise CheapError(f"a table of 2^{size} values: they go up to {MOST_BITS} bits; {way_out}")
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        raise CheapError(f"values of dtype {values.dtype}: they are bool, 0 and 1, or finite real numbers")
    return values.astype(np.float64)


def _commonest(table: Array) -> float:
    values, counts = np.unique(table, return_counts=True)
    return float(values[counts.argmax()])


def _expansion(
    kind: str, values: Array | None, by_count: Array | None, table: Array, n: int
) -> tuple[Units, Array, float]:
    """Hidden units, their coefficients, and the constant."""
    if kind == "counts":
        assert by_count is not None
        least = np.flatnonzero(np.diff(by_count)) + 1
        rows, columns = (item.ravel() for item in np.indices((len(least), n)))
        return Units(n, rows, columns, np.ones_like(rows), least), np.diff(by_count)[least - 1], float(by_count[0])
    assert values is not None
    number = np.flatnonzero(values)
    if kind == "monomials":
        number = number[number > 0]
        rows, columns = np.nonzero(_all(n)[number])
        least = np.bincount(rows, minlength=len(number))
        return Units(n, rows, columns, np.ones_like(rows), least), values[number], float(values[0])
    signs = 2 * _all(n)[number].astype(np.int64) - 1
    rows, columns = (item.ravel() for item in np.indices(signs.shape))
    return Units(n, rows, columns, signs.ravel(), np.full(len(number), n)), values[number], _commonest(table)


def _few_monomials(
    expression: Any, names: tuple[str, ...], by: str, beta: float | None, tolerance: float | None
) -> Compiled:
    """An expression of more bits than tables have, by its monomials, found without a table."""
    if by not in ("fewest", "monomials"):
        raise CheapError(f'by={by!r} needs a table, and tables go up to {MOST_BITS} bits: take by="monomials"')
    places = {name: i for i, name in enumerate(names)}
    found = _polynomial(expression, places)
    constant = found.pop(frozenset(), 0)
    subsets = [tuple(sorted(item)) for item in found]
    hidden = bits.products(subsets, len(names))
    made, used, promised = bits.assemble(
        hidden, np.array([list(found.values())], dtype=np.float64).reshape(1, -1), [constant], inputs=names,
        outputs=("f",), beta=beta, tolerance=tolerance,
    )  # fmt: skip

    def target(x: Array) -> Array:
        symbols = {symbol: x[:, places[symbol.name]].astype(bool) for symbol in expression.free_symbols}
        return _truth(expression, symbols, len(x))

    notes = {"expansion": "monomials", "neurons by monomials": len(subsets)}
    return Compiled(made, bits.measure(made, target, promised, used, tolerance, notes=notes))


def _polynomial(expression: Any, places: dict[str, int]) -> _Polynomial:
    """Multilinear polynomial of a Boolean expression: {bits: whole coefficient}."""
    if expression in (sympy.true, sympy.false):
        return {frozenset(): 1} if expression == sympy.true else {}
    if isinstance(expression, sympy.Symbol):
        return {frozenset({places[expression.name]}): 1}
    parts = [_polynomial(item, places) for item in expression.args]
    if isinstance(expression, sympy.Not):
        return _sum({frozenset(): 1}, parts[0], -1)
    if isinstance(expression, sympy.And):
        return functools.reduce(_times, parts)
    if isinstance(expression, sympy.Or):
        none_of_them = functools.reduce(_times, (_sum({frozenset(): 1}, item, -1) for item in parts))
        return _sum({frozenset(): 1}, none_of_them, -1)
    if isinstance(expression, sympy.Xor):
        return functools.reduce(lambda a, b: _sum(_sum(a, b, 1), _times(a, b), -2), parts)
    simpler = sympy.to_nnf(expression)
    if simpler == expression:
        raise CheapError(f"{expression} is no Boolean expression: write & | ~ ^ between symbols, as in 'x & ~y | z'")
    return _polynomial(simpler, places)


def _sum(a: _Polynomial, b: _Polynomial, factor: int) -> _Polynomial:
    result = dict(a)
    for key, value in b.items():
        result[key] = result.get(key, 0) + factor * value
    return {key: value for key, value in result.items() if value}


def _times(a: _Polynomial, b: _Polynomial) -> _Polynomial:
    if len(a) * len(b) > _MOST_PRODUCTS:
        raise CheapError(
            f"this expression of {len(frozenset().union(*a, *b))} or more bits has more monomials than can be "
            f"enumerated (tables, which do not need them, go up to {MOST_BITS} bits): write it as several functions of "
            f"fewer bits, by `boolean_functions.symmetric` where only the number of ones matters, or as a deeper "
            f"network, one layer for each level of brackets"
        )
    result: _Polynomial = {}
    for first, x in a.items():
        for second, y in b.items():
            key = first | second
            result[key] = result.get(key, 0) + x * y
    return {key: value for key, value in result.items() if value}
