"""Rows of the dictionary: two words, a number with its error, what it should be, and a verdict.

The verdict follows from the numbers by one of these rules:

    equal       the expected value within the errors: |z| below the limit for all rows of this rule together
    rounding    two ways to one number, identical but for rounding
    count       a whole number, the expected one
    differs     a control, where equality must fail: |z| beyond that limit
    share       how much of something is kept: at least 90 %, at most 10 %, or in between
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rgnet.estimate import z_limit

if TYPE_CHECKING:
    import xarray as xr

ROUNDING = 1e-9
KEPT, LOST = 0.9, 0.1
PAIRS = (
    ("Hamiltonian", "surprisal"),
    ("quadratic H", "Gaussian p"),
    ("locality", "sparsity"),
    ("translation symmetry", "convolution"),
    ("p from H", "softmax"),
    ("spin", "bit"),
    ("free-energy difference", "KL divergence"),
    ("effective theory", "distillation"),
    ("irrelevant operator", "noise"),
    ("relevant operator", "feature"),
)
"""Table I of Lin, Tegmark & Rolnick (2017), physics first."""


@dataclass(frozen=True)
class Row:
    """One number: of which pair (an index of `PAIRS`), what it is, and by which rule it is judged."""

    pair: int
    quantity: str
    value: float
    stderr: float
    rule: str
    expected: float = math.nan
    unit: str = ""

    @property
    def z(self) -> float:
        """(value − expected)/stderr; NaN without one or the other."""
        return (self.value - self.expected) / self.stderr if self.stderr > 0 else math.nan


def verdict(row: Row, limit: float) -> str:
    """The judgement of a row in a few words."""
    if row.rule == "rounding":
        return "identical" if row.value <= ROUNDING else "DIFFERS"
    if row.rule == "count":
        return "agrees" if row.value == row.expected else "DIFFERS"
    if row.rule == "differs":
        return "differs, as due" if abs(row.z) > limit else "too few draws to tell"
    if row.rule == "share":
        if math.isnan(row.value):
            return "not found"
        return "kept" if row.value >= KEPT else "lost" if row.value <= LOST else "partly kept"
    return "agrees" if abs(row.z) <= limit else "DIFFERS"


def table(rows: Sequence[Row]) -> "xr.Dataset":
    """The rows as a Dataset over ``row``: words, numbers, z and verdicts."""
    import xarray as xr

    ordered = sorted(rows, key=lambda row: row.pair)
    limit = z_limit(sum(row.rule in ("equal", "differs") for row in ordered))
    columns = {
        "left": [PAIRS[row.pair][0] for row in ordered],
        "right": [PAIRS[row.pair][1] for row in ordered],
        "quantity": [row.quantity for row in ordered],
        "unit": [row.unit for row in ordered],
        "rule": [row.rule for row in ordered],
        "value": [row.value for row in ordered],
        "stderr": [row.stderr for row in ordered],
        "expected": [row.expected for row in ordered],
        "z": [row.z for row in ordered],
        "verdict": [verdict(row, limit) for row in ordered],
    }
    return xr.Dataset({name: ("row", values) for name, values in columns.items()}, attrs={"z_limit": limit})
