"""Hamiltonians of growing degree and range fitted to the configurations that any study stored. Claims.md A5, A6.

    python analysis/hamiltonian_fits.py data/ising2d/POINT.h5 [--group NAME] [--to hamiltonian_fits.png]

Fits half of the chains of every level in the file, and prints and draws what each set of operators scores on the
other half. Give a point's file: results of whole studies hold no configurations.
"""

import argparse

import rgnet as rg
from rgnet.estimate import parenthesis
from rgnet.flow import hamiltonians, sufficient
from rgnet.plot.experiments.what_physics_saves import fits_figure

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("point", help="file of one point of a study that stored configurations")
parser.add_argument("--group", action="append", help="a group of the file, such as majority/level_1; all if left out")
parser.add_argument("--to", default="hamiltonian_fits.png", help="figure to write")
arguments = parser.parse_args()

tree = rg.open(arguments.point)
levels = [group.strip("/") for group in tree.groups if "spin" in tree[group].data_vars]
if unknown := [group for group in arguments.group or () if group.strip("/") not in levels]:
    parser.error(f"no configurations in {', '.join(unknown)}; there are {', '.join(levels) or 'none in this file'}")
if not levels:
    parser.error(f"no configurations in {arguments.point}; give the file of a point that kept them")
tables = {}
for group in [group.strip("/") for group in arguments.group or levels]:
    try:
        table = hamiltonians(tree[group].to_dataset())
    except ValueError as error:
        print(f"{group}: {error}")
        continue
    tables[group] = table
    print(f"{group}: gains stop at {int(table['parameters'][sufficient(table)])} parameters")
    print(f"{'set':>20} {'parameters':>10} {'held out':>14} {'step':>14}   nats per site")
    for name in table["set"].values:
        row = table.sel(set=name)
        pairs = [(float(row[key]), float(row[f"{key}_stderr"])) for key in ("held_out", "step")]
        shown = [parenthesis(value, error) if error > 1e-12 else f"{value:.6g}" for value, error in pairs]
        print(f"{name:>20} {int(row['parameters']):>10} {shown[0]:>14} {shown[1]:>14}")
if tables:
    fits_figure(tables).savefig(arguments.to, dpi=200)
    print(f"figure: {arguments.to}")
