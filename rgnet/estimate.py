"""``Estimate``: a number that says what it is worth."""

import math
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any, Literal

Kind = Literal["exact", "estimate", "lower", "upper"]
KINDS = ("exact", "estimate", "lower", "upper")
UNITS = {"nats": 1.0, "bits": math.log(2.0)}  # in nats
FAMILY = 0.01  # how often true scores that are judged together have one beyond their limit


@dataclass(frozen=True)
class Estimate:
    """A measured or exact number with its error.

    Attributes
    ----------
    value, stderr : float
        The number and its standard error (one standard deviation; 0 if exact).
    interval : (float, float) or None
        A 95 % interval; value ± 1.96 stderr unless the method gives another.
    kind : "exact", "estimate", "lower" or "upper"
        What is claimed: the true value, an estimate of it, or a bound on it.
    method : str
        How it was obtained.
    n : int
        Number of samples.
    n_effective : float or None
        Number of independent samples they are worth.
    unit : str
        "1" (dimensionless), "nats", "bits".
    """

    value: float
    stderr: float
    interval: tuple[float, float] | None = None
    kind: Kind = "estimate"
    method: str = ""
    n: int = 0
    n_effective: float | None = None
    unit: str = "1"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r}: an Estimate is one of {', '.join(KINDS)}")
        if self.interval is None:
            half = 1.959963984540054 * self.stderr
            object.__setattr__(self, "interval", (self.value - half, self.value + half))

    def z(self, exact: float) -> float:
        """(value − exact)/stderr, a standard normal when ``exact`` is true and the error is honest."""
        difference = self.value - exact
        if self.stderr == 0:
            return 0.0 if difference == 0 else math.copysign(math.inf, difference)
        return difference / self.stderr

    def __float__(self) -> float:
        return float(self.value)

    def to(self, unit: str) -> "Estimate":
        """The same information in "nats" or "bits" (1 bit = ln 2 nats).

        Raises
        ------
        ValueError
            If ``unit`` is neither, or the number is no information.
        """
        if unit not in UNITS:
            raise ValueError(f'unit={unit!r}: information is given in "nats" or "bits"')
        if self.unit not in UNITS:
            raise ValueError(f'this estimate has the unit {self.unit!r}: only "nats" and "bits" convert to each other')
        factor = UNITS[self.unit] / UNITS[unit]
        if factor == 1.0:
            return self
        assert self.interval is not None  # set on creation
        low, high = self.interval
        return replace(
            self,
            value=self.value * factor,
            stderr=self.stderr * factor,
            interval=(low * factor, high * factor),
            unit=unit,
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields as a plain dictionary (JSON-ready)."""
        return asdict(self)

    def __str__(self) -> str:
        sign = {"exact": "= ", "lower": "≥ ", "upper": "≤ "}.get(self.kind, "")
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{sign}{parenthesis(self.value, self.stderr)}{unit}"


def parenthesis(value: float, stderr: float) -> str:
    """Write value and error as physicists do: ``parenthesis(0.9683, 0.0021)`` gives ``"0.968(2)"``.

    The error keeps one digit, two where it starts with 1 (rounded: 0.0096 reads 10). A zero or
    non-finite error is left out, with all digits kept.
    """
    if not (math.isfinite(value) and math.isfinite(stderr)):
        return f"{value:.6g}" if not math.isfinite(value) else f"{value:.6g}(?)"
    if stderr <= 1e-12 * abs(value):  # rounding, not an error
        return f"{value:.10g}"
    exponent = math.floor(math.log10(stderr))
    digits = 2 if round(stderr / 10.0 ** (exponent - 1)) < 20 else 1
    decimals = digits - 1 - exponent
    if decimals <= 0:
        return f"{round(value, decimals):.0f}({round(stderr, decimals):.0f})"
    error = round(stderr * 10.0**decimals)
    # From one on, an error is written with its point: 12.3(1.4), not 12.3(14)
    shown = f"{stderr:.{decimals}f}" if stderr >= 1 else str(error)
    return f"{value:.{decimals}f}({shown})"


def z_limit(count: int, dof: float = math.inf) -> float:
    """|z| that the largest of so many true scores exceeds with probability `FAMILY`, at most (Bonferroni).

    Parameters
    ----------
    count : int
        Scores that are judged together.
    dof : float
        Degrees of freedom of the error behind the score; with few, z is a Student t.
    """
    tail = FAMILY / (2 * max(count, 1))
    if math.isinf(dof):
        return NormalDist().inv_cdf(1.0 - tail)
    from scipy.stats import t

    return float(t.isf(tail, dof))
