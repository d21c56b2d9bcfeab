"""The exact classifier compiled to neurons, beside trained networks. Claims.md A1.

python analysis/exact_classifier.py data/exact-classifier/result.h5 [--to exact-classifier.png]
"""

from _experiment import main

main("exact-classifier", __doc__)
