"""How a study's errors are said: keys and values as the user writes them, what was meant, all errors in one report."""

import datetime
import difflib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

Location = tuple[str | int, ...]

MOST_PROBLEMS = 1000  # of each kind are looked for
_MOST_LINES = 40
_MOST_PLACES = 4


class StudyError(ValueError):
    """A study file that cannot be run; the message names the keys, the rules and the remedies."""


class Problem(NamedTuple):
    """Where something is wrong, and the text that follows the key: ``": …"`` or ``" = VALUE: …"``."""

    location: Location
    text: str


def report(source: str, problems: Iterable[Problem]) -> StudyError:
    """One error for all problems, a line each. The same mistake in several entries is one line that says where."""
    places: dict[tuple[Location, str], dict[str, None]] = {}
    for location, text in problems:
        anywhere = tuple("" if isinstance(part, int) else part for part in location)
        places.setdefault((anywhere, text), {})[key(location)] = None
    lines = [_line(list(keys), text) for (_, text), keys in places.items()]
    count = "one thing is" if len(lines) == 1 else f"{len(lines)} things are"
    if len(lines) >= MOST_PROBLEMS:
        count = f"{MOST_PROBLEMS} or more things are"
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"… and {len(lines) - _MOST_LINES} more"]
    return StudyError("\n  ".join([f"{source}: {count} wrong:", *lines]))


def _line(keys: list[str], text: str) -> str:
    others = keys[1 : _MOST_PLACES + 1]
    more = len(keys) - 1 - len(others)
    also = f" (also {', '.join(others)}{f' and {more} more' if more else ''})" if others else ""
    return f"{keys[0]}{_cut(text, 700)}{also}"


def key(location: Location) -> str:
    """A location as a user writes it: ``ensembles[1].draws``, entries counted from 1."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else shown(part)
            text += f"{'.' if text else ''}{_cut(name, 60)}"
    return text or "the file"


_PLAIN = {  # what pydantic says in its own words, by its type of error
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "tuple_type": "a list in brackets",
    "dict_type": "a table, written with single brackets […] or as { key = value }",
    "model_type": "a table, written with single brackets […] or as { key = value }",
}


def of_value(error: Any, place: Location, description: str | None) -> Problem:
    """One of pydantic's errors, other than an unknown key, in the words of a study; the description is its remedy."""
    remedy = f" ({description})" if description else ""
    if error["type"] == "missing":
        return Problem(place, f": this key is missing; give it{remedy}")
    if error["type"] in ("value_error", "assertion_error"):
        return Problem(place, f": {re.sub('^(Value|Assertion) error, ', '', str(error['msg']))}")
    if error["type"] == "too_short":
        least, found = (error.get("ctx", {}).get(name, 0) for name in ("min_length", "actual_length"))
        if found and least > 1:
            return Problem(place, f" has {found} entr{'y' if found == 1 else 'ies'}: give at least {least}{remedy}")
        return Problem(place, f" is empty: give at least one{remedy}")
    if error["type"] not in _PLAIN and not str(error["msg"]).startswith("Input should be "):
        message = str(error["msg"])
        return Problem(place, f" = {shown(error['input'])}: {message[:1].lower()}{message[1:]}{remedy}")
    rule = _PLAIN.get(error["type"], str(error["msg"]).removeprefix("Input should be "))
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        rule += meant(error["input"], re.findall(r"'([^']*)'", rule))
    return Problem(place, f" = {shown(error['input'])}: it should be {rule}{remedy}")


def shown(value: Any) -> str:
    """A value about as TOML writes it, in at most 60 characters, whatever it is."""
    return _cut(_toml(value, 3), 60)


def _toml(value: Any, depth: int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if value.bit_length() < 1000 else f"a whole number of {value.bit_length()} bits"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        quote = '"' if "'" in value[:80] else "'"
        return quote + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in value[:80]) + quote
    if isinstance(value, list | tuple):
        items = [_toml(item, depth - 1) for item in value[:8]] if depth else []
        return f"[{', '.join([*items, *(['…'] if len(value) > len(items) else [])])}]"
    if isinstance(value, dict):
        pairs = [f"{key((str(k)[:80],))} = {_toml(v, depth - 1)}" for k, v in list(value.items())[:8]] if depth else []
        return f"{{ {', '.join([*pairs, *(['…'] if len(value) > len(pairs) else [])])} }}"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return "nothing" if value is None else f"an object of type {type(value).__name__}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is closest, upper and lower case alike; None where none is close."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word[:60].lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def meant(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'majority'?"``, or nothing where no known word is close."""
    close = nearest(word, known)
    return "" if close is None else f"; did you mean {shown(close)}?"
