"""How much about K and h each coarse-graining keeps, level by level: the table and the figure of a result file.

    python analysis/information.py data/ising2d/result.h5 [--point NAME] [--to information.png]

Fractions of the Fisher information; at coarser levels rigorous lower bounds for the operators used, beside their
errors. Two lower bounds do not rank two maps by themselves: on a 4×4 lattice the exact fractions are printed too.
Claims.md C2, C3.
"""

import argparse

import rgnet as rg
from rgnet import study as studies
from rgnet.estimate import parenthesis

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("result", help="result.h5 of a study with the analysis information")
parser.add_argument("--point", help="name of a point; the first if left out")
parser.add_argument("--to", default="information.png", help="figure to write")
arguments = parser.parse_args()

tree = rg.open(arguments.result)
study = studies.parse(tree.attrs["study"])
points = sorted({p for g in tree.groups if "/information_" in g for p in tree[g]["point"].values.tolist()})
if arguments.point not in (None, *points) or not points:
    parser.error(
        f"no Fisher information of {arguments.point or 'any point'}; there is of {', '.join(points) or 'none'}"
    )
point = arguments.point or points[0]
print(point)
kept = {}
for about in ("K", "h"):
    tables = {
        name: tree[f"{name}/information_{about}"].to_dataset().load().sel(point=point)
        for name in study.networks
        if f"/{name}/information_{about}" in tree.groups
    }
    if not tables:
        continue
    kept[about] = tables
    levels = next(iter(tables.values()))["level"].values
    print(f"\nkept about {about}, lower bounds" + "".join(f"{f'level {n}':>14}" for n in levels))
    for name, table in tables.items():
        shown = [
            parenthesis(float(f), float(e))
            for f, e in zip(table["fraction"].values, table["fraction_stderr"].values, strict=True)
        ]
        print(f"{name:>27} " + "".join(f"{text:>14}" for text in shown))
    small = rg.Ising((4, 4), K=float(next(iter(tables.values()))["K"]))
    print(f"exactly, on a 4×4 torus of the same K{'':>5}{'level 1':>14}")
    for name in tables:
        first = rg.Network(study.networks[name].layers[0].build()[:1])
        print(f"{name:>27} {'':>14}{rg.exact.retained(small, first, about).fraction[1]:>14.5f}")
rg.plot.information(kept).savefig(arguments.to)
print(f"\nfigure: {arguments.to}")
