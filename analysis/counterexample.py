"""The counterexample: an exact RG step whose hidden units know nothing, beside block spins. Claims.md C5.

python analysis/counterexample.py data/counterexample/result.h5 [--to counterexample.png]
"""

from _experiment import main

main("counterexample", __doc__)
