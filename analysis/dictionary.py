"""The dictionary between physics and machine learning, each pair by its numbers. Claims.md E.

python analysis/dictionary.py data/dictionary/result.h5 [--to dictionary.png]
"""

from _experiment import main

main("dictionary", __doc__)
