"""What the analysis of an experiment does: open a result, draw its figure, say what was found.

A script of this folder is a docstring, ``from _experiment import main``, and ``main("rbm-stack", __doc__)``.
"""

import argparse
import importlib

from rgnet import study
from rgnet.experiments import catalogue


def main(experiment, description):
    """Draw the figure of an experiment from the result file named on the command line, and print its paragraph."""
    name = catalogue.EXPERIMENTS[experiment].rpartition(".")[2]
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("result", help="result.h5 of a study with this experiment")
    parser.add_argument("--to", default=f"{name}.png", help="figure to write")
    arguments = parser.parse_args()
    found = study.experiment_results(arguments.result)
    if experiment not in found:
        parser.error(f"no experiment {experiment} in {arguments.result}; there is {', '.join(found) or 'none'}")
    points = found[experiment]
    print(catalogue.module(experiment).paragraph(points))
    importlib.import_module(f"rgnet.plot.experiments.{name}").figure(points).savefig(arguments.to, dpi=200)
    print(f"figure: {arguments.to}")
