"""How the parts of a report name things: couplings, sizes, scores and times."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from rgnet.estimate import Estimate, parenthesis
from rgnet.exact import Critical
from rgnet.report.gather import Result
from rgnet.report.markup import Html, join, symbol, tag
from rgnet.study.sections import PARAMETERS

K_C = symbol("K", "c")
Y_T, Y_H = symbol("y", "t"), symbol("y", "h")
NONE = "–"


def measured(value: Any, error: Any, kind: Any = "estimate") -> str:
    """A value with its error, a bound with its sign; a dash where there is none."""
    value, error = float(value), float(error)
    if not math.isfinite(value):
        return NONE
    if kind == "estimate":
        return minus(parenthesis(value, error))
    shown = str(Estimate(value, error if math.isfinite(error) else 0.0, kind=str(kind)))  # type: ignore[arg-type]
    return minus(shown).replace(" ", "\u00a0")  # a bound stays with its sign


def exact_number(value: Any) -> str:
    """An exact value to six digits; a dash where there is none."""
    return minus(f"{float(value):.6g}") if math.isfinite(float(value)) else NONE


def minus(number: str) -> str:
    """A number with a true minus sign, which is as wide as its digits, in front and in an exponent."""
    return number.replace("-", "−")


def scores(value: Any, error: Any, exact: Any) -> Any:
    """(value − exact)/error, NaN where one of them is missing or the error is 0."""
    value, error, exact = (np.asarray(item, dtype=float) for item in (value, error, exact))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error > 0, (value - exact) / error, np.nan)


def score(z: Any, limit: float) -> Html | str:
    """A score with its sign, marked where it lies beyond the limit."""
    z = float(z)
    if not math.isfinite(z):
        return NONE
    shown = minus(f"{z:+.1f}") if abs(z) >= 0.05 else "0.0"
    return tag("strong", shown, " !", class_="far") if abs(z) > limit else shown


def coupling_text(K: float, known: Critical | None, h: float = 0.0) -> str:
    """K, how it stands to the critical coupling where that is known, and h where there is a field."""
    parts = [f"K = {K:.6g}"] if math.isfinite(K) else []
    if known is not None and parts:
        ratio = K / known.K_c
        parts.append(" = K_c" if math.isclose(ratio, 1.0, rel_tol=1e-7) else f" = {ratio:.4g} K_c")
    if h:
        parts.append(f"{', ' if parts else ''}h = {h:.6g}")
    return "".join(parts)


def further_text(parameters: Mapping[str, Any]) -> str:
    """Parameters of a model beside K and h, such as q = 3."""
    return ", ".join(f"{name} = {value:.6g}" for name, value in parameters.items())


def where(result: Result, row: xr.Dataset) -> Html:
    """Which point a row belongs to: lattice and coupling, symbols set as such."""
    told = coupling_text(float(row["K"]), result.critical_of(row), float(row["h"]))
    own = {name: row[name].item() for name in PARAMETERS if name in row.coords and math.isfinite(row[name])}
    told = ", ".join(text for text in (told, further_text(own)) if text)
    pieces = re.split(r"\b(K_c|K|h)\b", told)
    symbols = join(symbol(*piece.split("_")) if i % 2 else piece for i, piece in enumerate(pieces))
    return join([sides(str(row["shape"].item())), ", ", symbols])


def sides(shape: str | Iterable[int]) -> str:
    """A lattice's sides: 64×64; one side alone is a number of sites."""
    names = shape.split("x") if isinstance(shape, str) else [str(side) for side in shape]
    return "×".join(names) if len(names) > 1 else f"{names[0]} sites"


def duration(seconds: float) -> str:
    """Seconds in the units that a reader wants."""
    if seconds < 90:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: int) -> str:
    """A whole number with thin spaces between its thousands."""
    return f"{number:,}".replace(",", "\u202f")


def several(number: int, one: str, many: str | None = None) -> str:
    """A number and what it counts."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def listed(values: Iterable[Any], most: int = 6) -> str:
    """Values in a row, or the first and the last of them with their number."""
    texts = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]
    return ", ".join(texts) if len(texts) <= most else f"{texts[0]} … {texts[-1]} ({len(texts)} values)"
