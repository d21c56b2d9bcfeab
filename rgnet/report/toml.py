"""A resolved study as TOML again, so that what a report shows can be saved and run."""

import json
from typing import Any


def to_toml(study: dict[str, Any]) -> str:
    """TOML text that reads back as this study; keys without a value are left out, and defaults written out."""
    lines = [f"{key} = {_value(study[key])}" for key in ("name", "title", "seed") if study.get(key) is not None]
    for key in ("model", "sample"):
        lines += _table(f"[{key}]", study[key]) if study.get(key) else []
    for name, network in (study.get("networks") or {}).items():
        lines += _table(f"[networks.{_key(name)}]", network)
    for ensemble in study.get("ensembles") or ():
        lines += _table("[[ensembles]]", ensemble)
    for hierarchy in study.get("hierarchies") or ():
        lines += _table("[[hierarchies]]", hierarchy)
    for experiment in study.get("experiments") or ():
        lines += _table("[[experiments]]", experiment)
    return "\n".join(lines) + "\n"


def _table(heading: str, section: dict[str, Any]) -> list[str]:
    return ["", heading, *(f"{key} = {_value(value)}" for key, value in section.items() if value not in (None, {}))]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for the one control character that JSON leaves as it is
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items() if item is not None)
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return repr(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _value(key)
