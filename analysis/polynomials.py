"""Random polynomials as networks: promised and achieved error, size, refusals. Claims.md A3.

python analysis/polynomials.py data/polynomials/result.h5 [--to polynomials.png]
"""

from _experiment import main

main("polynomials", __doc__)
