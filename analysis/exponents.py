"""Exponents by Monte Carlo RG: the table and the figure of a result file.

    python analysis/exponents.py data/ising2d/result.h5 [--network majority] [--to exponents.png]

Prints y_t and y_h by level and number of operators next to the known values; errors are statistical, truncation and
finite size are not in them, so the whole table is shown. Swendsen (1979); claims.md C2.
"""

import argparse

import numpy as np

import rgnet as rg
from rgnet.estimate import parenthesis
from rgnet.tables import EXPONENTS

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("result", help="result.h5 of a study with the analysis mcrg")
parser.add_argument("--network", default="majority")
parser.add_argument("--to", default="exponents.png", help="figure to write")
arguments = parser.parse_args()

table = rg.open(arguments.result)[f"{arguments.network}/mcrg"].to_dataset().load().isel(point=0)
ndim = int(table["ndim"])
print(f"{arguments.network}, {table['point'].item()}\n{'level':>5} {'N_c':>4} {'y_t':>12} {'y_h':>12}")
for level in table["level"].values:
    for count in table["operators"].values:
        entry = table.sel(level=level, operators=count)
        shown = [
            parenthesis(float(entry[name]), float(entry[f"{name}_stderr"])) if np.isfinite(entry[name]) else "–"
            for name in ("y_t", "y_h")
        ]
        print(f"{int(level):>5} {int(count):>4} {shown[0]:>12} {shown[1]:>12}")
if ndim in EXPONENTS:
    y_t, y_h, source = EXPONENTS[ndim]
    print(f"{source:>10} {y_t:>12g} {y_h:>12g}")
rg.plot.exponents(table, ndim).savefig(arguments.to)
print(f"figure: {arguments.to}")
