"""Exponents by Monte Carlo RG: the table and the figure of a result file.

    python analysis/exponents.py data/ising2d/result.h5 [--network majority] [--point NAME] [--to exponents.png]

Prints y_t and y_h by level and number of operators next to the known values; errors are statistical, truncation and
finite size are not in them, so the whole table is shown. Swendsen (1979); claims.md C2.
"""

import argparse

import numpy as np

import rgnet as rg
from rgnet.estimate import parenthesis
from rgnet.exact import critical, is_critical

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("result", help="result.h5 of a study with the analysis mcrg")
parser.add_argument("--network", default="majority")
parser.add_argument("--point", help="name of a point; the first if left out")
parser.add_argument("--to", default="exponents.png", help="figure to write")
arguments = parser.parse_args()

tree = rg.open(arguments.result)
group = f"/{arguments.network}/mcrg"
if group not in tree.groups:
    parser.error(f"no {group[1:]} in {arguments.result}; its groups: {', '.join(g[1:] for g in tree.groups[1:])}")
points = tree[group].to_dataset().load()
names = [str(name) for name in points["point"].values]
if arguments.point not in (None, *names):
    parser.error(f"no point {arguments.point}; there are {', '.join(names)}")
table = points.isel(point=names.index(arguments.point or names[0]))
ndim = int(table["ndim"])
at_critical = is_critical(ndim, float(table["K"]), float(table["h"]))
print(f"{arguments.network}, {table['point'].item()}\n{'level':>5} {'N_c':>4} {'y_t':>12} {'y_h':>12}")
for level in table["level"].values:
    for count in table["operators"].values:
        entry = table.sel(level=level, operators=count)
        shown = [
            parenthesis(float(entry[name]), float(entry[f"{name}_stderr"])) if np.isfinite(entry[name]) else "–"
            for name in ("y_t", "y_h")
        ]
        print(f"{int(level):>5} {int(count):>4} {shown[0]:>12} {shown[1]:>12}")
if at_critical:
    known = critical(ndim)
    print(f"{known.source[:10]:>10} {known.y_t:>12g} {known.y_h:>12g}")
rg.plot.exponents(table, ndim if at_critical else None).savefig(arguments.to)
print(f"figure: {arguments.to}")
