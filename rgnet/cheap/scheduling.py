"""Straight-line programs of additions and multiplications, and how their values are laid out in layers.

A `Circuit` multiplies affine combinations of its inputs and earlier products; its outputs are affine combinations.
Affine maps cost nothing in a network (they are folded into the weights), a multiplication is a gate. Layer ℓ holds
the products of depth ℓ, and whatever of the layer before is still wanted after it, which must be handed on by copy
gates (Lin, Tegmark & Rolnick 2017, note 4).

*What is copied.* Two values that everything later uses in the same proportion are handed on as one sum: for each value
alive, the column of its coefficients in all later operands and outputs is formed, and one copy is made for each set of
proportional columns. Where there are fewer later operands and outputs than such sets, they themselves are copied.

*When a product is formed*: all at the earliest depth, or all at the latest, whichever needs fewer copies.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import mpmath
import numpy as np
import sympy

from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import to_mpf

DIGITS = 80
"""Digits to which irrational coefficients are kept."""

Terms = dict[int, Any]
_LARGEST = 1e200


@dataclass(frozen=True)
class Affine:
    """constant + Σ coefficient · value; coefficients are Fraction, or mpf where irrational.

    Attributes
    ----------
    constant : Fraction or mpf
    terms : tuple of (value, coefficient)
        Values are numbered: inputs first, then products. Sorted, without zeros.
    """

    constant: Any
    terms: tuple[tuple[int, Any], ...]


@dataclass(frozen=True)
class Circuit:
    """A straight-line program.

    Attributes
    ----------
    inputs : tuple of str
        Names; values 0 … n−1.
    products : tuple of (Affine, Affine)
        Product i is value n+i, of two combinations of values before it.
    outputs : tuple of Affine
    names : tuple of str
        Of the outputs.
    """

    inputs: tuple[str, ...]
    products: tuple[tuple[Affine, Affine], ...]
    outputs: tuple[Affine, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """A value in a layer: an operand's combination has values of the layer before only."""

    kind: Literal["input", "copy", "square", "product"]
    layer: int
    u: Affine
    v: Affine


@dataclass(frozen=True)
class Plan:
    """Values by layers. Nodes are numbered, inputs first; ``outputs`` combine those of the last layer."""

    circuit: Circuit
    nodes: tuple[Node, ...]
    outputs: tuple[Affine, ...]
    depth: int

    def count(self, kind: str) -> int:
        """How many nodes are of a kind."""
        return sum(node.kind == kind for node in self.nodes)


NONE = Affine(Fraction(0), ())


def number(value: Any) -> Any:
    """A coefficient: a Fraction where the value is rational (floats are), else an mpf of 80 digits.

    Raises
    ------
    CheapError
        If it is no finite real number.
    """
    found: Any = None
    try:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, sympy.Basic):
            if value.is_Rational:
                found = Fraction(int(value.p), int(value.q))
            elif value.is_Float and value._prec <= 53:
                found = Fraction(float(value))
            else:
                with mpmath.workdps(DIGITS):
                    found = to_mpf(value)
        elif isinstance(value, mpmath.mpf):
            found = value
        elif isinstance(value, int | float | Fraction):
            found = Fraction(value)
        if isinstance(found, Fraction | mpmath.mpf) and float(abs(found)) < _LARGEST:
            return found
    except (TypeError, ValueError, OverflowError):
        pass
    raise CheapError(f"coefficient {str(value)[:60]}: coefficients are real numbers below {_LARGEST:.0e} in size")


def ratio(a: Any, b: Any) -> Any:
    """a/b of two coefficients (Fraction does not know how to be divided by an mpf)."""
    return to_mpf(a) / b if isinstance(b, mpmath.mpf) else a / b


def affine(terms: Mapping[int, Any] | Iterable[tuple[int, Any]] = (), constant: Any = 0) -> Affine:
    """A combination of numbered values; zeros are left out."""
    table = {key: number(value) for key, value in dict(terms).items()}
    return Affine(number(constant), tuple(sorted((key, value) for key, value in table.items() if value)))


def plan(circuit: Circuit) -> Plan:
    """Layers with the fewer copies of the two schedules.

    Raises
    ------
    CheapError
        If an operand has values that do not exist yet.
    """
    early, late = levels(circuit)
    first = _lay_out(circuit, early)
    if early == late:
        return first
    second = _lay_out(circuit, late)
    return first if first.count("copy") <= second.count("copy") else second


def levels(circuit: Circuit) -> tuple[list[int], list[int]]:
    """Depth of every product: the earliest and the latest that it can have; 0 for those that nothing uses."""
    n = len(circuit.inputs)
    used = [False] * (n + len(circuit.products))
    for out in circuit.outputs:
        for value, _ in out.terms:
            _check(value, len(used), "an output")
            used[value] = True
    early = [0] * len(used)
    for i, pair in enumerate(circuit.products):
        values = [value for side in pair for value, _ in side.terms]
        for value in values:
            _check(value, n + i, f"product {i}")
        early[n + i] = 1 + max((early[value] for value in values), default=0)
    for i in reversed(range(len(circuit.products))):
        if used[n + i]:
            for side in circuit.products[i]:
                for value, _ in side.terms:
                    used[value] = True
    early = [level if used[i] else 0 for i, level in enumerate(early)]
    depth = max(early, default=0)
    late = [depth] * len(used)
    for i in reversed(range(len(circuit.products))):
        if used[n + i]:
            for side in circuit.products[i]:
                for value, _ in side.terms:
                    late[value] = min(late[value], late[n + i] - 1)
    late = [level if used[i] and i >= n else 0 for i, level in enumerate(late)]
    return early[n:], late[n:]


def _check(value: int, size: int, what: str) -> None:
    if not 0 <= value < size:
        raise CheapError(f"{what} uses value {value}: it can use 0 to {size - 1}, what is computed before it")


class _Sheet:
    """The combinations still to be formed, as tables {node: coefficient} that are rewritten as layers are laid."""

    def __init__(self, sides: list[tuple[int, Affine]]) -> None:
        self.due = [layer for layer, _ in sides]  # layer in which the combination is used
        self.terms: list[Terms] = [dict(side.terms) for _, side in sides]
        self.users: dict[int, set[int]] = defaultdict(set)
        for i, terms in enumerate(self.terms):
            for node in terms:
                self.users[node].add(i)

    def replace(self, old: Iterable[int], new: int, i: int, coefficient: Any) -> None:
        """In combination i, put a multiple of one node for several."""
        for node in old:
            del self.terms[i][node]
            self.users[node].discard(i)
        self.terms[i][new] = coefficient
        self.users[new].add(i)


def _lay_out(circuit: Circuit, level: list[int]) -> Plan:
    n, depth = len(circuit.inputs), max(level, default=0)
    sides = [(level[i], side) for i, pair in enumerate(circuit.products) for side in pair]
    sides += [(depth + 1, out) for out in circuit.outputs]
    sheet = _Sheet([(due, side if due else NONE) for due, side in sides])
    node_of = {i: i for i in range(n)}  # of values
    nodes = [Node("input", 0, NONE, NONE)] * n
    by_level = defaultdict(list)
    for i, at in enumerate(level):
        by_level[at].append(i)
    # Until it is formed, product i goes by the name −1−i
    for i, terms in enumerate(sheet.terms):
        for value in [value for value in terms if value >= n]:
            sheet.terms[i][n - 1 - value] = terms.pop(value)
            sheet.users[value].discard(i)
            sheet.users[n - 1 - value].add(i)
    alive = list(range(n))
    for layer in range(1, depth + 1):
        made = []
        for i in by_level[layer]:
            pair = [
                Affine(side.constant, tuple(sorted(sheet.terms[2 * i + k].items())))
                for k, side in enumerate(circuit.products[i])
            ]
            for k in (0, 1):
                for node in sheet.terms[2 * i + k]:
                    sheet.users[node].discard(2 * i + k)
            nodes.append(Node("square" if pair[0] == pair[1] else "product", layer, pair[0], pair[1]))
            node_of[n + i] = len(nodes) - 1
            made.append(len(nodes) - 1)
            for user in list(sheet.users[-1 - i]):
                sheet.replace([-1 - i], len(nodes) - 1, user, sheet.terms[user][-1 - i])
        alive = made + _hand_on(sheet, alive, layer, nodes)
    outputs = tuple(
        Affine(out.constant, tuple(sorted(terms.items())))
        for out, terms in zip(circuit.outputs, sheet.terms[2 * len(circuit.products) :], strict=True)
    )
    return Plan(circuit, tuple(nodes), outputs, depth)


def _hand_on(sheet: _Sheet, alive: list[int], layer: int, nodes: list[Node]) -> list[int]:
    """Copy what is still wanted of the nodes of the layer before; returns the copies."""
    groups: dict[tuple[tuple[int, Any], ...], list[tuple[int, Any]]] = defaultdict(list)
    wanted: dict[int, list[int]] = defaultdict(list)
    with mpmath.workdps(DIGITS):
        for node in alive:
            users = sorted(i for i in sheet.users[node] if sheet.due[i] > layer)
            if users:
                lead = sheet.terms[users[0]][node]
                column = tuple((i, ratio(sheet.terms[i][node], lead)) for i in users)
                groups[column].append((node, lead))
                for i in users:
                    wanted[i].append(node)
        rows: dict[tuple[tuple[int, Any], ...], list[tuple[int, Any]]] = defaultdict(list)
        for i, members in wanted.items():
            lead = sheet.terms[i][members[0]]
            rows[tuple((node, ratio(sheet.terms[i][node], lead)) for node in members)].append((i, lead))
    first = len(nodes)
    if len(rows) < len(groups):
        for row, uses in rows.items():
            nodes.append(Node("copy", layer, Affine(Fraction(0), tuple(sorted(row))), NONE))
            for i, lead in uses:
                sheet.replace([node for node, _ in row], len(nodes) - 1, i, lead)
    else:
        for column, group in groups.items():
            nodes.append(Node("copy", layer, Affine(Fraction(0), tuple(sorted(group))), NONE))
            for i, share in column:
                sheet.replace([node for node, _ in group], len(nodes) - 1, i, share)
    return list(range(first, len(nodes)))
