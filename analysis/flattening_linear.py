"""Flattening linear networks, counted beside the formulae. Claims.md D2.

python analysis/flattening_linear.py data/flattening-linear/result.h5 [--to flattening-linear.png]
"""

from _experiment import main

main("flattening-linear", __doc__)
