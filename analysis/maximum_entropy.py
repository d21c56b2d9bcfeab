"""Maximum entropy: Hamiltonians of growing degree fitted to Gaussian and φ⁴ fields and block averages. Claims.md A6.

python analysis/maximum_entropy.py data/maximum-entropy/result.h5 [--to maximum_entropy.png]
"""

from _experiment import main

main("maximum-entropy", __doc__)
