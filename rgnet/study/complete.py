"""Whether the file of a point is there, whole, and of that very point."""

import json
from pathlib import Path
from typing import Any

from rgnet import store
from rgnet.study.points import Point
from rgnet.study.schema import StudyError


def is_complete(folder: Path, point: Point) -> bool:
    """Whether the point's file is there, intact, and of this very point.

    Raises
    ------
    StudyError
        If the file belongs to a point with other settings, or is damaged.
    """
    path = folder / f"{point.name}.h5"
    if not path.exists():
        return False
    try:
        stored = store.read_attrs(path).get("point")
    except store.FileError as error:
        raise StudyError(str(error)) from None
    check_settings(path, stored, point)
    return True


def check_settings(path: Path, stored: Any, point: Point) -> None:
    """Refuse a file that holds another point than this one: other settings under the same name.

    Raises
    ------
    StudyError
        Saying what differs.
    """
    wanted = point.to_dict()
    if not isinstance(stored, dict):
        raise StudyError(f"{path} holds no point of a study; move it away, or compute all points anew with --force")
    if stored != wanted:
        changed = [key for key in wanted if stored.get(key) != wanted[key]]
        details = "; ".join(
            "the study's seed" if key == "seed" else f"{key}: {_brief(stored.get(key), wanted[key])}" for key in changed
        )
        raise StudyError(
            f"{path} was computed with other settings ({details}). Give the study another name, move the file away, or "
            f"compute all points anew with --force"
        )


def _brief(old: Any, new: Any) -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        return ", ".join(f"{key} {_brief(old.get(key), new.get(key))}" for key in keys)
    texts = [text if len(text) < 50 else text[:47] + "…" for text in (json.dumps(old), json.dumps(new))]
    return f"{texts[0]} there, {texts[1]} now"
