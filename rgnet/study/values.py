"""Values of a study's keys that are more than one number: ranges, lists, shapes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, overload

from rgnet.study.wording import meant, shown

MOST_POINTS = 100_000
LARGEST = 1e9  # beyond it every spin follows a coupling all the same, and energies lose their digits
MOST_COUNT = 10**9


@dataclass(frozen=True)
class Range(Sequence[float]):
    """``{start = …, stop = …, num = …}``: num evenly spaced numbers, both ends among them, made when asked for."""

    start: float
    stop: float
    num: int

    def __len__(self) -> int:
        return self.num

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[float, ...]: ...
    def __getitem__(self, index: int | slice) -> float | tuple[float, ...]:
        """The number of that index, or a tuple of numbers for a slice."""
        if isinstance(index, slice):
            return tuple(self[k] for k in range(self.num)[index])
        return self.start + (self.stop - self.start) * range(self.num)[index] / (self.num - 1)


def number(value: Any, rule: str) -> float:
    """A finite number of moderate size; −0 becomes 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (-math.inf < value < math.inf):
        raise ValueError(f"{shown(value)} is not a finite number; {rule}")
    if abs(value) > LARGEST:
        raise ValueError(f"{shown(value)} is beyond ±1e9, the largest numbers of a study; {rule}")
    return float(value) + 0.0


def numbers(value: Any) -> Sequence[float]:
    """A number, a list of them, or {start, stop, num}."""
    rule = "give a finite number, a list of them, or {start = …, stop = …, num = …}"
    if isinstance(value, Range):
        return value
    if isinstance(value, dict):
        return _range(value, rule)
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise ValueError(f"the list is empty; {rule}")
    return tuple(number(item, rule) for item in items)


def _range(value: dict[Any, Any], rule: str) -> Range:
    known = ("start", "stop", "num")
    for name in value:
        if name not in known:
            raise ValueError(f"{shown(name)} is no part of a range; {rule}{meant(str(name), known)}")
    missing = [name for name in known if name not in value]
    if missing:
        raise ValueError(f"the range {shown(value)} has no {' and no '.join(missing)}; {rule}")
    num = value["num"]
    if isinstance(num, bool) or not isinstance(num, int) or not 2 <= num <= MOST_POINTS:
        raise ValueError(f"num = {shown(num)}: num is a whole number of at least 2 and at most {MOST_POINTS}")
    start, stop = (number(value[name], rule) for name in ("start", "stop"))
    if start == stop:
        raise ValueError(f"start and stop are both {shown(start)}; give two different ends, or the number alone")
    return Range(start, stop, num)


def as_given(values: Sequence[float] | None) -> Any:
    """A range as {start, stop, num}: a stored study stays as short as the file that was written."""
    return asdict(values) if isinstance(values, Range) else None if values is None else list(values)


def temperatures(values: Sequence[float]) -> Sequence[float]:
    """Temperatures of which none makes the coupling K = 1/T infinite."""
    for value in values if isinstance(values, tuple) else _around_zero(values):
        if value == 0:
            raise ValueError("T = 0 makes the reduced coupling K = 1/T infinite; give temperatures other than 0")
        if abs(value) < 1 / LARGEST:
            raise ValueError(f"T = {shown(value)} makes the reduced coupling K = 1/T larger than 1e9; give larger ones")
    return values


def _around_zero(values: Sequence[float]) -> Iterable[float]:
    """Of evenly spaced numbers, those nearest to 0."""
    first, last = values[0], values[-1]
    place = round((len(values) - 1) * min(1.0, max(0.0, first / (first - last))))
    return (values[k] for k in range(max(0, place - 1), min(len(values), place + 2)))


def shapes(value: Any) -> tuple[tuple[int, ...], ...]:
    """One shape, or a list of shapes."""
    rule = "give one lattice shape such as [64, 64], or a list of shapes such as [[16, 16], [32, 32]]"
    items = value if isinstance(value, list | tuple) else [value]
    nested = [list(item) if isinstance(item, list | tuple) else item for item in items]
    if not nested:
        raise ValueError(f"the list is empty; {rule}")
    found = nested if all(isinstance(item, list) for item in nested) else [nested]
    for shape in found:
        if not shape or any(isinstance(s, bool) or not isinstance(s, int) for s in shape):
            raise ValueError(f"{shown(shape)} is not a shape; {rule}")
    return tuple(tuple(shape) for shape in found)


def wholes(value: Any) -> tuple[int, ...]:
    """A whole number, or a list of them."""
    rule = "give a whole number, or a list of them"
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise ValueError(f"the list is empty; {rule}")
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int):
            raise ValueError(f"{shown(item)} is no whole number; {rule}")
        if abs(item) > MOST_COUNT:
            raise ValueError(f"{shown(item)} is beyond ±1e9, the largest whole numbers of a study; {rule}")
    return tuple(items)
