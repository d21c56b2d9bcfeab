"""The flow of couplings under a block map: the table and the figure of a result file.

    python analysis/flow.py data/ising2d/result.h5 [--network majority] [--to flow.png]

Couplings of every level by maximum pseudo-likelihood, for every starting coupling of the study. Claims.md C2.
"""

import argparse

import numpy as np

import rgnet as rg
from rgnet.estimate import parenthesis

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("result", help="result.h5 of a study with the analysis couplings")
parser.add_argument("--network", default="majority")
parser.add_argument("--to", default="flow.png", help="figure to write")
arguments = parser.parse_args()

tree = rg.open(arguments.result)
group = f"/{arguments.network}/couplings"
if group not in tree.groups:
    parser.error(f"no {group[1:]} in {arguments.result}; its groups: {', '.join(g[1:] for g in tree.groups[1:])}")
table = tree[group].to_dataset().load()
names = [str(name) for name in table["operator"].values]
print(f"{'K':>10} {'level':>5} " + " ".join(f"{name:>14}" for name in names))
for i in np.argsort(table["K"].values):
    for level in table["level"].values:
        row = table.isel(point=i).sel(level=level)
        shown = [
            parenthesis(float(value), float(error)) if np.isfinite(value) else "–"
            for value, error in zip(row["coupling"].values, row["coupling_stderr"].values, strict=True)
        ]
        print(f"{float(row['K']):>10.6f} {int(level):>5} " + " ".join(f"{text:>14}" for text in shown))
if {"nn", "nnn"} <= set(names):
    rg.plot.flow(table).savefig(arguments.to)
    print(f"figure: {arguments.to}")
