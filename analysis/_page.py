"""A page of experiments: each with the claim, what the code does, what was found and its figure, from result files.

The words of what was found are computed from the numbers of a result; headings and explanations are written by hand.
"""

import argparse
import importlib
import textwrap
from pathlib import Path

from rgnet import store, study
from rgnet.experiments import catalogue


def section(name, title, claim, text, result, figure, link):
    """Heading, claim, explanation, findings and figure of one study; the figure is drawn anew."""
    (experiment, points), *_ = study.experiment_results(result).items()
    module = catalogue.EXPERIMENTS[experiment].rpartition(".")[2]
    drawing = importlib.import_module(f"rgnet.plot.experiments.{module}")
    drawn = drawing.figure(points)
    figure.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(figure, dpi=130)
    seconds = float(store.read_attrs(result)["compute_seconds"])
    found = catalogue.module(experiment)
    said = [f"*{found.CLAIM}*", *filter(None, [text]), *found.paragraph(points).split("\n\n")]
    body = "\n\n".join(textwrap.fill(words, 120, break_long_words=False, break_on_hyphens=False) for words in said)
    time = f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
    made = f"`rgnet run simulations/{name}.toml`, {time} of computing, points: {len(points)}"
    caption = textwrap.fill(getattr(drawing, "CAPTION", ""), 118, break_long_words=False, break_on_hyphens=False)
    below = f"\n*{caption}*\n" if caption else ""
    return f"## {title}\n\nClaim {claim}; {made}.\n\n{body}\n\n![{title}]({link})\n{below}"


def write(description, page, figures, head, rows, tail=""):
    """Write a page from the studies in the folder named on the command line.

    ``rows`` are (study, title, claim, text); figures land in the folder ``figures`` beside the page.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with the studies' folders of results, such as data")
    folder = parser.parse_args().data
    missing = [name for name, *_ in rows if not (folder / name / "result.h5").exists()]
    if missing:
        parser.error(f"no result of {', '.join(missing)} in {folder}: `rgnet run simulations/{missing[0]}.toml` first")
    parts = [head]
    for name, title, claim, text in rows:
        picture = page.parent / figures / f"{name}.png"
        parts.append(section(name, title, claim, text, folder / name / "result.h5", picture, f"{figures}/{name}.png"))
    page.write_text("\n".join([*parts, *filter(None, [tail])]), encoding="utf-8")
