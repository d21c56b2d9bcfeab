"""A report of a study: one HTML file that opens offline, for a lecture and for a stranger who must believe it.

It holds what was run and how to run it again, configurations level by level with sliders, every figure, whole tables
with exact values beside, and what the error bars contain and what they do not. Nothing in it is loaded from anywhere.
"""

import os
from html.parser import HTMLParser
from pathlib import Path

from rgnet import __version__, store
from rgnet.report.gather import digest_of, load
from rgnet.report.page import SOURCE, page

__all__ = ["REPORT", "up_to_date", "write"]

REPORT = "report.html"
_HEAD = 4096  # bytes in which a page says what it was made from


def write(result: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Path:
    """Write the report of a merged result file.

    Parameters
    ----------
    result : path of a ``result.h5``
        What the files of its points say is read where they lie beside it; figures are those of the folder ``figures``
        beside it, drawn if they are missing or old.
    path : path, optional
        The HTML file; ``report.html`` beside the result by default. It appears when it is complete.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileError
        If the result is damaged, not rgnet's, or not a merged result.
    OSError
        If the report cannot be written; an older one is then left as it was.
    """
    target = _target(result, path)
    store.write_bytes(target, page(load(Path(result))).encode("utf-8"))
    return target


def up_to_date(result: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Path:
    """The report of a result file, written anew only if it is missing, or made from another result or by another rgnet.

    Parameters, returns and raises as `write`.
    """
    target = _target(result, path)
    made_from, made_by = _origin(target)
    # A result that is damaged or missing matches nothing, and `write` says what is wrong with it
    if made_by == f"rgnet {__version__}" and Path(result).is_file() and made_from == digest_of(Path(result)):
        return target
    return write(result, target)


def _target(result: str | os.PathLike[str], path: str | os.PathLike[str] | None) -> Path:
    return Path(result).parent / REPORT if path is None else Path(path)


class _Metas(HTMLParser):
    """Collects the named meta elements of a page's head."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep ``<meta name=… content=…>``; the first of a name counts."""
        values = dict(attrs)
        if tag == "meta" and values.get("name"):
            self.found.setdefault(str(values["name"]), values.get("content") or "")


def _origin(page: Path) -> tuple[str | None, str | None]:
    """Digest of the result that a page was made from, and what made it; None where it does not say."""
    try:
        with page.open("rb") as stream:
            head = stream.read(_HEAD).decode("utf-8", errors="replace")
    except OSError:
        return None, None
    parser = _Metas()
    parser.feed(head)
    return parser.found.get(SOURCE), parser.found.get("generator")
