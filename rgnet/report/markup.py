"""HTML from small pieces: every text is escaped where it enters, unless it is `Html` already.

Names in a study, notes of an analysis and attributes of a file are whatever somebody wrote. None of them can become
markup, because nothing here joins plain text to HTML without escaping it.
"""

import html
from collections.abc import Iterable, Sequence

_VOID = frozenset({"meta", "link", "img", "input", "br", "hr"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Html:
    """A value as HTML: escaped, unless it is HTML already; None is nothing."""
    if isinstance(value, Html):
        return value
    return Html("" if value is None else html.escape(str(value), quote=True))


def join(parts: Iterable[object], between: str = "") -> Html:
    """Pieces one after the other."""
    return Html(text(between).join(text(part) for part in parts))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """An element. ``class_`` and ``aria_label`` become ``class`` and ``aria-label``; True is a bare attribute.

    Attributes that are None or False are left out.
    """
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.rstrip("_").replace("_", "-")
        written += f" {label}" if value is True else f' {label}="{text(value)}"'
    return Html(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{join(children)}</{name}>")


def symbol(letter: str, index: str | None = None) -> Html:
    """A symbol in italics with an upright index: ``symbol("K", "c")``."""
    return join([tag("var", letter), tag("sub", index) if index else None])


def paragraphs(*texts: object) -> Html:
    """One ``<p>`` each."""
    return join(tag("p", item) for item in texts)


def section(anchor: str, title: str, *children: object) -> Html:
    """A section with its heading; the anchor is what the contents point to."""
    heading = tag("h2", title, id=f"{anchor}-title")
    return tag("section", heading, *children, id=anchor, aria_labelledby=f"{anchor}-title")


def table(
    caption: object,
    head: Sequence[object],
    rows: Sequence[Sequence[object]],
    *,
    labels: int = 1,
    last: Sequence[object] | None = None,
    below: object = None,
) -> Html:
    """A table that scrolls in a box of its own, with a header that stays.

    Parameters
    ----------
    caption : what the numbers are
    head : headings of the columns
    rows : cells; the first ``labels`` of each say what the row is
    last : a row set apart, for exact values
    below : a remark under the table, such as how many rows are left out
    """

    def row(cells: Sequence[object]) -> Html:
        return tag(
            "tr", *(tag("th", cell, scope="row") if i < labels else tag("td", cell) for i, cell in enumerate(cells))
        )

    body = tag(
        "table",
        tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head))),
        tag("tbody", *(row(cells) for cells in rows)),
        tag("tfoot", row(last)) if last is not None else None,
    )
    # Scrolled by keyboard as well, hence tabindex; a region needs a name, without tags
    box = tag("div", body, class_="scroll", role="region", tabindex="0", aria_label=plain(caption))
    return tag("figure", tag("figcaption", caption), box, tag("p", below, class_="below") if below else None)


def plain(value: object) -> str:
    """The text of a piece of HTML, tags taken out and entities resolved."""
    kept, inside = [], False
    for character in text(value):
        if character in "<>":
            inside = character == "<"
        elif not inside:
            kept.append(character)
    return html.unescape("".join(kept))
