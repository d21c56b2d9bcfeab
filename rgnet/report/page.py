"""The page of a report: one file with everything inside, which no browser needs a network for.

Style and script stand in the page and are allowed by their SHA-256, pictures are data in the page, and the content
security policy forbids everything else. So neither a damaged study nor an address somebody wrote into a title can load
or run anything.
"""

import base64
import hashlib
from importlib import resources

from rgnet import __version__
from rgnet.report.experiments import experiments
from rgnet.report.figures import chosen, figures
from rgnet.report.gather import Result
from rgnet.report.headline import headline
from rgnet.report.markup import Html, join, section, tag
from rgnet.report.numbers import numbers
from rgnet.report.pictures import pictures
from rgnet.report.run import facts, run

SOURCE = "rgnet-result-sha256"  # the meta element that says what a page was made from

_INSIDE = (
    "Errors are one standard deviation and statistical. Autocorrelation is inside them: means are taken over blocks of "
    "consecutive draws within each chain, each block at least five autocorrelation times long, and errors are "
    "delete-one-block jackknife errors over these blocks. What is computed from the same draws, such as two levels of "
    "one network or two networks at one point, is correlated, so their errors do not add like those of independent "
    "measurements.",
    "A chain too short for its own autocorrelation time gives no number at all; the notes say so.",
)
_OUTSIDE = (
    "Truncation: exponents and couplings are those of a few operators, and no number of draws mends that. Compare the "
    "columns and the levels of a table.",
    "Finite size: the lattices are finite, and coarse levels are small. Where an exact value is said to be that of the "
    "very lattice, finite size is in it; exponents and limits are those of the infinite one.",
    "Bounds are bounds: a lower bound with a small error is a well-known lower bound. Its error does not say how "
    "far below the truth it lies.",
    "Warm-up that was too short, if it was: z scores of the energies beside exact values are what would show it.",
)


def page(result: Result) -> str:
    """The whole HTML document."""
    study = result.study
    title = study.get("title") or study["name"]
    style, script = (Html(_read(name)) for name in ("style.css", "script.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    shown = chosen(result)
    parts = [
        *experiments(result, shown),
        ("configurations", "Configurations", pictures(result)),
        ("figures", "Figures", figures(result, shown)),
        *numbers(result),
        ("errors", "Error bars", _errors()),
        ("run", "What was run", run(result)),
    ]
    contents = tag(
        "nav", *(tag("a", name, href=f"#{anchor}") for anchor, name, part in parts if part),
        aria_label="Contents",
    )  # fmt: skip
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="generator", content=f"rgnet {__version__}"),
        tag("meta", name=SOURCE, content=result.digest),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · rgnet"),
        tag("style", style),
    )
    body = tag(
        "body",
        tag("a", "Skip to the results", href="#main", class_="skip"),
        tag("header",
            tag("p", "rgnet · report of ", tag("code", study["name"]),
                tag("button", "Dark", type="button", id="theme", hidden=True), class_="kicker"),
            tag("h1", title), facts(result)),
        contents,
        tag("main", headline(result), *(part for _, _, part in parts), id="main"),
        tag("footer", tag("p", f"Made by rgnet {__version__} from {result.path.name}, SHA-256 ",
                          tag("code", result.digest), ".")),
        tag("script", script),
    )  # fmt: skip
    return join([Html("<!DOCTYPE html>\n"), tag("html", head, body, lang="en"), "\n"])


def _errors() -> Html:
    return section(
        "errors", "What the error bars contain, and what they do not",
        *(tag("p", item) for item in _INSIDE),
        tag("p", "They do not contain:"),
        tag("ul", *(tag("li", item) for item in _OUTSIDE)),
    )  # fmt: skip


def _read(name: str) -> str:
    return resources.files("rgnet.report").joinpath(name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    """A source expression of the content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"
