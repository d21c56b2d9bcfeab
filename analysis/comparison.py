"""Networks beside the RG: the heat maps of a comparison, and what was found.

    python analysis/comparison.py data/compare/result.h5 [--to comparison.png]

Decodability both ways, CKA, couplings, information kept, environment, by level. Claims.md C3 to C8.
"""

from _experiment import main

main("comparison", __doc__)
