"""The disputed claims, each with its figure and what was found: writes disputed_claims.md from results of studies.

for study in rbm-stack counterexample rsmi rbm-flow cnn-layers learning-curves compare; do
    rgnet run simulations/$study.toml
done
python analysis/disputed_claims.py data
"""

import argparse
import importlib
import textwrap
from pathlib import Path

from rgnet import store, study
from rgnet.experiments import catalogue

CLAIMS = {
    "rbm-stack": ("Is training a Boltzmann machine a renormalization group?", "C4"),
    "counterexample": ("Is the condition for that empty?", "C5"),
    "rsmi": ("Does locality supply the target?", "C6"),
    "rbm-flow": ("Does the flow of a Boltzmann machine run to the critical point?", "C8"),
    "cnn-layers": ("Do the layers of a supervised network flow like the RG?", "C8"),
    "learning-curves": ("Do deep networks learn a hierarchy from few samples?", "B5"),
    "compare": ("All of them on the same draws", "C3, C8"),
}
HEAD = """# The disputed claims

Each paragraph is computed from the numbers of its study; errors are one standard deviation. Written by
`python analysis/disputed_claims.py data`.
"""
HERE = Path(__file__).parent


def section(name, result):
    """Heading, figure and paragraph of one study, the figure drawn anew."""
    title, claim = CLAIMS[name]
    (experiment, points), *_ = study.experiment_results(result).items()
    module = catalogue.EXPERIMENTS[experiment].rpartition(".")[2]
    drawn = importlib.import_module(f"rgnet.plot.experiments.{module}").figure(points)
    figure = HERE / "figures" / f"{name}.png"
    figure.parent.mkdir(exist_ok=True)
    drawn.savefig(figure, dpi=130)
    seconds = float(store.read_attrs(result)["compute_seconds"])
    said = [f"*{catalogue.module(experiment).CLAIM}*", *catalogue.module(experiment).paragraph(points).split("\n\n")]
    text = "\n\n".join(textwrap.fill(words, 120, break_long_words=False, break_on_hyphens=False) for words in said)
    made = f"`rgnet run simulations/{name}.toml`, {seconds / 60:.0f} minutes of computing, points: {len(points)}"
    image = f"![{title}](figures/{name}.png)"
    return f"## {title}\n\nClaim {claim}; {made}.\n\n{text}\n\n{image}\n"


def main():
    """Write disputed_claims.md from the studies in the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with the studies' folders of results, such as data")
    folder = parser.parse_args().data
    missing = [name for name in CLAIMS if not (folder / name / "result.h5").exists()]
    if missing:
        parser.error(f"no result of {', '.join(missing)} in {folder}: `rgnet run simulations/{missing[0]}.toml` first")
    parts = [HEAD, *(section(name, folder / name / "result.h5") for name in CLAIMS)]
    (HERE / "disputed_claims.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
