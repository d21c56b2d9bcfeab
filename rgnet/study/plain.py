"""Parameters of experiments as plain data, which TOML and JSON hold alike."""

import math
from typing import Any

from rgnet.study.wording import shown

_MOST_DEEP = 6  # lists and tables within each other


def plain(value: Any, deep: int = _MOST_DEEP) -> Any:
    """A value that JSON and TOML hold alike: true, false, numbers, text, lists and tables of them."""
    if isinstance(value, list | tuple) and deep:
        return [plain(item, deep - 1) for item in value]
    if isinstance(value, dict) and deep:
        return {_text(name): plain(item, deep - 1) for name, item in value.items()}
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value + 0.0
    if isinstance(value, str):
        return _text(value)
    raise ValueError(f"{shown(value)} cannot be a parameter; give finite numbers, text, true, false, or lists of them")


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 1000 or not value.isprintable():
        raise ValueError(f"{shown(value)} is not one line of at most 1000 printable characters")
    return value


def table(value: Any) -> dict[str, Any]:
    """The table of an experiment's parameters."""
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} is no table; give a table, such as {{ hidden = 4 }}")
    return {_text(name): plain(item) for name, item in value.items()}


def sweeps(value: Any) -> dict[str, list[Any]]:
    """The table of lists whose every combination is a point."""
    rule = "give lists of values, such as { hidden = [2, 4] }"
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} is no table; {rule}")
    for name, several in value.items():
        if not isinstance(several, list | tuple) or not several:
            raise ValueError(f"{_text(name)} = {shown(several)} is no list of values; {rule}, or move it to parameters")
    return {_text(name): [_swept(name, item) for item in several] for name, several in value.items()}


def _swept(name: str, value: Any) -> Any:
    """A value that the name of a file can say."""
    items = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(item, list | tuple | dict) for item in items) or not items:
        raise ValueError(f"{name}: {shown(value)}: values of a sweep are numbers, texts, or lists of them")
    return plain(value)
