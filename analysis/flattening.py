"""The cost of flattening a product by training: neurons needed by one, two and three hidden layers. Claims.md D1.

python analysis/flattening.py data/flattening/result.h5 [--to flattening.png]
"""

from _experiment import main

main("flattening", __doc__)
