"""Polynomials as straight-line programs with few multiplications.

Additions and multiplications by constants cost no neurons, products of two values do. The fewest possible is hard to
find (it is so for one monomial: addition chains), so several heuristics are tried and the best is taken:

written      the formula as it is written, powers by chains of squares and products
horner       p = x q + r with x the variable in most terms of degree > 1, and so on for q and r (multivariate Horner
             scheme; Ceberio & Kreinovich 2004 for the greedy choice); also with the variable of highest degree first,
             and for up to four variables in every fixed order
divide k     the same with monomials of degree k = 2, 3, …: all of degree ≤ k that are needed are formed once, then
             p = m q + r for the monomial m of degree k that divides most terms (for one variable: Paterson & Stockmeyer
             1973, about 2√d products for degree d)
halves k     p = m q + r with m = x^(k 2^j), the largest such power of the variable of highest degree (Estrin 1960): as
             many products as by division, and only a logarithm of the layers
pairs        every monomial by itself; the pair of factors that most of them have in common is multiplied first, and so
             on until each monomial is one value (as Breuer 1969)
factors      the factors over the rationals, each by horner

Whatever is formed twice, in one polynomial or in several, is formed once: values are known by their operands, up to
constant factors.
"""

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import sympy

from rgnet.cheap.circuits import Affine, Circuit
from rgnet.cheap.reading import Exponents, Polynomials, Terms
from rgnet.cheap.scheduling import DIGITS, number, ratio

_MOST_PERMUTED = 4  # variables
_MOST_FOR_PAIRS, _MOST_FOR_FACTORS = 300, 40  # terms
_MOST_FOR_ALL = 600
_HIGHEST_FOR_FACTORS = 20  # degree
_LONGEST_K = 12
_DEEPEST = 100  # divisions inside each other

Form = tuple[Any, dict[int, Any]]  # constant, {value: coefficient}


class Builder:
    """Collects products; values are known by their operands, so that none is formed twice."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.products: list[tuple[Affine, Affine]] = []
        self._known: dict[Any, int] = {}

    def variable(self, i: int) -> Form:
        """Input i."""
        return Fraction(0), {i: Fraction(1)}

    def multiply(self, f: Form, g: Form) -> Form:
        """The product of two combinations: free if one is constant."""
        if not f[1] or not g[1]:
            (c, _), form = (f, g) if not f[1] else (g, f)
            return scale(form, c)
        (a, left), (b, right) = _normal(f), _normal(g)
        key = tuple(sorted((left, right), key=_order))
        if key not in self._known:
            self._known[key] = self.inputs + len(self.products)
            self.products.append((key[0], key[1]))
        return Fraction(0), {self._known[key]: a * b}

    def power(self, f: Form, n: int) -> Form:
        """fⁿ by squares and products: halved where even, a factor taken out where that is shorter."""
        if n == 0:
            return Fraction(1), {}
        if n == 1 or not f[1]:
            return (f[0] ** n, {}) if not f[1] else f
        a = _split(n)[1]
        if a == n - 1:
            return self.multiply(self.power(f, n - 1), f)
        return self.power(self.power(f, a), n // a)

    def circuit(self, outputs: Sequence[Form], variables: Sequence[str], names: Sequence[str]) -> Circuit:
        """The program, without products that nothing uses."""
        need: set[int] = set()
        stack = [value for _, terms in outputs for value in terms]
        while stack:
            value = stack.pop()
            if value >= self.inputs and value not in need:
                need.add(value)
                stack += [other for side in self.products[value - self.inputs] for other, _ in side.terms]
        name = {value: value for value in range(self.inputs)}
        name |= {value: self.inputs + i for i, value in enumerate(sorted(need))}

        def renamed(side: Affine) -> Affine:
            return Affine(side.constant, tuple(sorted((name[value], c) for value, c in side.terms)))

        products = [self.products[value - self.inputs] for value in sorted(need)]
        return Circuit(
            tuple(variables),
            tuple((renamed(u), renamed(v)) for u, v in products),
            tuple(renamed(_affine(form)) for form in outputs),
            tuple(names),
        )


def scale(f: Form, c: Any) -> Form:
    """c·f."""
    return (f[0] * c, {value: w * c for value, w in f[1].items()}) if c else (Fraction(0), {})


def add(f: Form, g: Form) -> Form:
    """f + g, zeros left out."""
    terms = dict(f[1])
    for value, w in g[1].items():
        total = terms.get(value, 0) + w
        if total:
            terms[value] = total
        else:
            del terms[value]
    return f[0] + g[0], terms


def _affine(f: Form) -> Affine:
    return Affine(f[0], tuple(sorted((value, w) for value, w in f[1].items() if w)))


def _normal(f: Form) -> tuple[Any, Affine]:
    """A factor and the rest, whose first coefficient is 1."""
    lead = f[1][min(f[1])]
    return lead, _affine((ratio(f[0], lead), {value: ratio(w, lead) for value, w in f[1].items()}))


def _order(side: Affine) -> Any:
    return len(side.terms), [value for value, _ in side.terms], [float(w) for _, w in side.terms], float(side.constant)


@functools.cache
def _split(n: int) -> tuple[int, int]:
    """Products that n needs, and the exponent first formed: n − 1, or a factor of n."""
    if n == 1:
        return 0, 1
    best = (_split(n - 1)[0] + 1, n - 1) if n < 400 or n % 2 else (10**9, 0)
    for a in range(2, math.isqrt(n) + 1):
        if n % a == 0:
            for one in (a, n // a):
                best = min(best, (_split(one)[0] + _split(n // one)[0], one))
    return best if n > 2 else (1, 1)


def candidates(given: Polynomials) -> Iterator[tuple[str, Circuit]]:
    """Name and circuit of every heuristic that applies."""
    names = ("f",) if len(given.formulae) == 1 else tuple(f"f{i}" for i in range(len(given.formulae)))
    n = len(given.variables)

    def made(form: Callable[[Builder, int], Form]) -> Circuit:
        builder = Builder(n)
        with mpmath.workdps(DIGITS):
            outputs = [form(builder, i) for i in range(len(given.formulae))]
            return builder.circuit(outputs, given.variables, names)

    place = {name: i for i, name in enumerate(given.variables)}
    if all(formula is not None for formula in given.formulae):
        yield "written", made(lambda builder, i: _written(builder, given.formulae[i], place))
    if given.tables is None:
        return
    tables = given.tables
    count, degree = sum(map(len, tables)), max((sum(key) for table in tables for key in table), default=0)
    if degree <= _DEEPEST:
        yield "horner", made(lambda builder, i: _divide(builder, tables[i], 1, _most_terms))
        yield "horner, highest degree first", made(lambda builder, i: _divide(builder, tables[i], 1, _highest))
    sizes = {1, 2, 3} | ({round(c * math.sqrt(degree)) for c in (0.5, 0.7, 0.85, 1.0)} if n == 1 else set())
    for k in sorted(k for k in sizes if 0 < k <= degree):
        yield f"halves {k}", made(lambda builder, i, k=k: _divide(builder, tables[i], k, _halves))  # type: ignore[misc]
        if 1 < k <= _LONGEST_K and degree <= k * _DEEPEST:
            yield f"divide {k}", made(lambda builder, i, k=k: _divide(builder, tables[i], k, _most_terms))  # type: ignore[misc]
    if count <= _MOST_FOR_ALL and degree <= _DEEPEST and 1 < n <= _MOST_PERMUTED:
        for order in itertools.permutations(range(n)):
            chosen = functools.partial(_in_order, order)
            words = " ".join(given.variables[i] for i in order)
            yield f"horner in {words}", made(lambda builder, i, c=chosen: _divide(builder, tables[i], 1, c))  # type: ignore[misc]
    if count <= _MOST_FOR_PAIRS:
        yield "pairs", _pairs(tables, given.variables, names)
    if count <= _MOST_FOR_FACTORS and 1 < degree <= _HIGHEST_FOR_FACTORS:
        factored = [_factors(table) for table in tables]
        if any(len(item[1]) > 1 or item[1][0][1] > 1 for item in factored if item and item[1]):
            yield "factors", made(lambda builder, i: _by_factors(builder, tables[i], factored[i]))


def _written(builder: Builder, formula: Any, place: dict[str, int]) -> Form:
    if not formula.free_symbols:
        return number(formula), {}
    if formula.is_Symbol:
        return builder.variable(place[str(formula)])
    if formula.is_Pow:
        return builder.power(_written(builder, formula.base, place), int(formula.exp))
    parts = [_written(builder, part, place) for part in formula.args]
    if formula.is_Add:
        return functools.reduce(add, parts)
    return _product(builder, parts)


def _product(builder: Builder, parts: list[Form]) -> Form:
    """Of several, by a balanced tree: the fewest layers."""
    constants = [part[0] for part in parts if not part[1]]
    rest = [part for part in parts if part[1]]
    while len(rest) > 1:
        rest = [
            builder.multiply(rest[i], rest[i + 1]) if i + 1 < len(rest) else rest[i] for i in range(0, len(rest), 2)
        ]
    form: Form = rest[0] if rest else (Fraction(1), {})
    return functools.reduce(scale, constants, form)


Choice = Callable[[Terms, int], Exponents]


def _most_terms(terms: Terms, k: int) -> Exponents:
    """The monomial of degree k that divides most terms; of those, the one with the highest powers."""
    found: Counter[Exponents] = Counter()
    for key in terms:
        found.update(_divisors(key, k))
    return max(found, key=lambda m: (found[m], max(m), m))


def _highest(terms: Terms, k: int) -> Exponents:
    """The variable with the highest power; of those, the one in most terms."""
    n = len(next(iter(terms)))
    which = max(range(n), key=lambda i: (max(key[i] for key in terms), sum(key[i] > 0 for key in terms)))
    return tuple(int(i == which) for i in range(n))


def _in_order(order: Sequence[int], terms: Terms, k: int) -> Exponents:
    """The first variable of a fixed order that occurs."""
    which = next(i for i in order if any(key[i] for key in terms))
    return tuple(int(i == which) for i in range(len(order)))


def _halves(terms: Terms, k: int) -> Exponents:
    """The power k·2^j of the variable of highest degree, just below that degree."""
    n = len(next(iter(terms)))
    highest = [max(key[i] for key in terms) for i in range(n)]
    which = max(range(n), key=lambda i: highest[i])
    power = k if highest[which] >= k else 1
    while 2 * power <= highest[which]:
        power *= 2
    return tuple(power * (i == which) for i in range(n))


def _divisors(key: Exponents, k: int) -> Iterator[Exponents]:
    """Monomials of degree k that divide one."""
    if not key:
        if k == 0:
            yield ()
        return
    for first in range(min(key[0], k) + 1):
        for rest in _divisors(key[1:], k - first):
            yield (first, *rest)


def _divide(builder: Builder, terms: Terms, k: int, choose: Choice) -> Form:
    """p = m q + r, again and again."""
    form: Form = (Fraction(0), {})
    rest: Terms = {}
    for key, c in terms.items():
        if sum(key) <= k:
            form = add(form, scale(_monomial(builder, key), c))
        else:
            rest[key] = c
    while len(rest) > 1:
        m = choose(rest, k)
        quotient = {
            tuple(a - b for a, b in zip(key, m, strict=True)): c
            for key, c in rest.items()
            if all(a >= b for a, b in zip(key, m, strict=True))
        }
        rest = {key: c for key, c in rest.items() if any(a < b for a, b in zip(key, m, strict=True))}
        if sum(m) == 1:  # terms of degree one in the same variable come along for nothing
            linear = form[1].pop(m.index(1), 0)
            if linear:
                quotient[(0,) * len(m)] = linear
        form = add(form, builder.multiply(_monomial(builder, m), _divide(builder, quotient, k, choose)))
    for key, c in rest.items():
        form = add(form, scale(_monomial(builder, key), c))
    return form


def _monomial(builder: Builder, key: Exponents) -> Form:
    """x^i y^j …, from monomials of one degree less (a square where there is one)."""
    degree = sum(key)
    if degree == 0:
        return Fraction(1), {}
    which = max(range(len(key)), key=lambda i: key[i])
    if degree == 1:
        return builder.variable(which)
    if all(power % 2 == 0 for power in key):
        half = _monomial(builder, tuple(power // 2 for power in key))
        return builder.multiply(half, half)
    less = tuple(power - (i == which) for i, power in enumerate(key))
    return builder.multiply(_monomial(builder, less), builder.variable(which))


def _pairs(tables: Sequence[Terms], variables: Sequence[str], names: Sequence[str]) -> Circuit:
    builder = Builder(len(variables))
    keys = list({key for table in tables for key in table if sum(key) > 1})
    factors = [Counter({i: power for i, power in enumerate(key) if power}) for key in keys]
    while any(sum(item.values()) > 1 for item in factors):
        shared: Counter[tuple[int, int]] = Counter()
        for item in factors:
            values = sorted(item)
            shared.update(itertools.combinations(values, 2))
            shared.update((value, value) for value in values if item[value] > 1)
        a, b = max(shared, key=lambda pair: (shared[pair], pair[0] == pair[1], (-pair[0], -pair[1])))
        made = next(iter(builder.multiply(builder.variable(a), builder.variable(b))[1]))
        for item in factors:
            times = item[a] // 2 if a == b else min(item[a], item[b])
            if times:
                item[made] += times
                item.subtract({a: 2 * times} if a == b else {a: times, b: times})
                for value in (a, b):
                    if item[value] <= 0:
                        del item[value]
    place = {key: next(iter(item)) for key, item in zip(keys, factors, strict=True)}
    outputs = []
    for table in tables:
        form: Form = (Fraction(0), {})
        for key, c in table.items():
            one = place[key] if sum(key) > 1 else key.index(1) if sum(key) else None
            form = add(form, (c, {}) if one is None else (Fraction(0), {one: c}))
        outputs.append(form)
    return builder.circuit(outputs, variables, names)


def _factors(table: Terms) -> Any:
    """Coefficient and factors over the rationals, or None where there are irrational or long coefficients."""
    if not table or not all(
        isinstance(c, Fraction) and c.denominator * abs(c.numerator) < 10**12 for c in table.values()
    ):
        return None
    symbols = sympy.symbols(f"x0:{len(next(iter(table)))}")
    poly = sympy.Poly({key: sympy.Rational(c.numerator, c.denominator) for key, c in table.items()}, *symbols)
    return poly.factor_list() if poly.total_degree() > 0 else None


def _by_factors(builder: Builder, table: Terms, factored: Any) -> Form:
    if factored is None:
        return _divide(builder, table, 1, _most_terms)
    parts = []
    for poly, power in factored[1]:
        terms = {key: number(c) for key, c in poly.terms()}
        parts.append(builder.power(_divide(builder, terms, 1, _most_terms), power))
    return scale(_product(builder, parts), number(factored[0]))


def fewest(given: Polynomials) -> list[tuple[str, Circuit]]:
    """All candidates, those with the fewest multiplications first; the same circuit once."""
    found: dict[Any, tuple[str, Circuit]] = {}
    for name, circuit in candidates(given):
        found.setdefault((circuit.products, circuit.outputs), (name, circuit))
    return sorted(found.values(), key=lambda item: len(item[1].products))
