"""The flow v → h → v' of RBMs by three thermometers: does it run to T_c? Claims.md C8.

    python analysis/rbm_flow.py data/rbm-flow/result.h5 [--to rbm_flow.png]

Figure, and what was found in words.
"""

from _experiment import main

main("rbm-flow", __doc__)
