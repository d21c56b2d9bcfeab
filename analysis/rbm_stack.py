"""RBM stacks on Ising data: KL, trace condition, flow of couplings beside majority's. Claims.md C4.

    python analysis/rbm_stack.py data/rbm-stack/result.h5 [--to rbm_stack.png]

Figure, and what was found in words.
"""

from _experiment import main

main("rbm-stack", __doc__)
