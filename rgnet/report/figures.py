"""The figures of a report: the pictures of the result's own folder, embedded, each with what it shows in words."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from rgnet import plot
from rgnet.report.gather import Result
from rgnet.report.markup import Html, join, section, symbol, tag
from rgnet.report.words import K_C, Y_H, Y_T, several

MOST = 16  # figures
MOST_BYTES = 5 << 19  # of all together, before base64: 2.5 MB

_CAPTIONS: dict[str, tuple[str, Html]] = {
    "configurations": (
        "Configurations at several couplings, the original and, at its right, coarser levels where there are some",
        join(["Configurations: one row a coupling, one column a level where there are several. Spins: black is +1. "
              "States have a colour each, angles a hue, real fields go from blue to red; white and black dots are "
              "vortices that turn to the left and to the right."]),
    ),
    "exponents": (
        "Critical exponents against the number of operators, one line a pair of levels, exact values dashed",
        join([Y_T, " and ", Y_H, " from the linearised flow between neighbouring levels, against the number of "
              "operators kept. Bars are one standard error; dashed: the exact or best known value."]),
    ),
    "tangent": (
        "Ratios of the critical-manifold row against the level, with their limits as dashed lines",
        join(["Tangent of the critical manifold: derivatives of a coarse operator by each microscopic coupling, "
              "relative to the first, by level. Dashed: the limit of many levels on the square lattice (Wu & Car "
              "2019)."]),
    ),
    "flow": (
        "Paths of the nearest and next-nearest neighbour couplings under coarse-graining, one a starting coupling",
        join(["Flow of the couplings: each path starts at its microscopic coupling and steps to the next level. Near ",
              K_C, " paths stay together for long before they leave along the relevant direction."]),
    ),
    "decimation": (
        "tanh K of decimated chains against the scale, on the exact dashed curves",
        join(["Decimated chains: tanh ", symbol("K"), " at each level against the scale; dashed: the exact tanh",
              tag("sup", symbol("b")), " ", symbol("K"), "."]),
    ),
    "information": (
        "Fraction of the Fisher information kept by level, one line a coarse-graining",
        join(["Fisher information about the coupling ", symbol("K"), " and the field ", symbol("h"), " kept by level. "
              "Beyond level 0 each entry is a lower bound."]),
    ),
    "ledger": (
        "Information about the cause, states and time by level, one colour a network",
        join(["Information about the cause ", symbol("y", "0"), " kept by level, one colour a network: exact values "
              "(dashed), estimates (dots, 95 % bars) and lower bounds from a classifier (triangles); beside it how "
              "many different states occur among the draws, and how long it takes from the data to there."]),
    ),
    "thermodynamics": (
        "Energy, fluctuations, order parameter and correlation length against the coupling, one line a lattice size",
        join(["What was measured against the coupling, one line a lattice size. Dashed: exact values of the largest "
              "lattice and, where it is known, the critical coupling. At ", K_C, " Binder cumulants and ",
              symbol("ξ"), "/", symbol("L"), " of different sizes cross as sizes grow. A helicity modulus meets the "
              "dotted line 2/(π", symbol("K"), ") where it jumps in the infinite lattice."]),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Pictures:
    """The figures that fit into a page: those of experiments first, for they stand alone; and how many others do not.

    Attributes
    ----------
    experiments : dict
        PNG of each experiment's figure, by experiment.
    others : dict
        PNG of each other figure, by its name.
    left : int
    """

    experiments: dict[str, bytes]
    others: dict[str, bytes]
    left: int


def chosen(result: Result) -> Pictures:
    """The figures of a result as far as they fit."""
    experiments: dict[str, bytes] = {}
    others: dict[str, bytes] = {}
    size, full, left = 0, False, 0
    every = _pictures(result.path)
    for name, image in sorted(every, key=lambda item: not item[0].startswith(plot.EXPERIMENT)):
        experiment = name.removeprefix(plot.EXPERIMENT) if name.startswith(plot.EXPERIMENT) else None
        full = full or size + len(image) > MOST_BYTES or (experiment is None and len(others) == MOST)
        if full:
            left += experiment is None
        elif experiment is None:
            others[name] = image
        else:
            experiments[experiment] = image
        size += 0 if full else len(image)
    return Pictures(experiments, others, left)


def figures(result: Result, pictures: Pictures | None = None) -> Html | None:
    """Every figure that is chosen, as a light card; and how many are not."""
    pictures = chosen(result) if pictures is None else pictures
    if not pictures.others:
        return None
    made = [_figure(name, image) for name, image in pictures.others.items()]
    rest = f"{several(pictures.left, 'further figure')} left out here: the folder figures beside {result.path.name}."
    return section("figures", "Figures", *made, tag("p", rest, class_="below") if pictures.left else None)


def _figure(name: str, image: bytes) -> Html:
    kind, _, of = name.partition("-")
    alt, caption = _CAPTIONS.get(kind, (f"Figure {name}", join([name])))
    return card(name, image, f"{alt}{f' ({of})' if of else ''}",
                join([caption, tag("span", f" {of}.", class_="of") if of else None]))  # fmt: skip


def card(name: str, image: bytes, alt: str, caption: Html) -> Html:
    """A PNG embedded, with what it shows in words for those who do not see it, and a caption."""
    source = f"data:image/png;base64,{base64.b64encode(image).decode('ascii')}"
    width, height = (int.from_bytes(image[at : at + 4], "big") for at in (16, 20))  # PNG: the header comes first
    return tag(
        "figure",
        tag("div", tag("img", src=source, alt=alt, width=width, height=height), class_="light"),
        tag("figcaption", caption),
        class_="plot", id=f"figure-{name}",
    )  # fmt: skip


def _pictures(result: Path) -> list[tuple[str, bytes]]:
    """Name and PNG of each figure: those beside the result where they are current, else drawn."""
    try:
        paths = plot.up_to_date(result, result.parent / "figures")
        return [(path.stem, path.read_bytes()) for path in paths]
    except OSError:  # a folder that cannot be written, or a disk that is full
        return [(name, _png(figure)) for name, figure in plot.figures(result).items()]


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200)
    return buffer.getvalue()
