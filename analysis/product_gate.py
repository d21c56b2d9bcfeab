"""The product gate: error against scale in three arithmetics, with the predicted floors. Claims.md A2.

python analysis/product_gate.py data/product-gate/result.h5 [--to product_gate.png]
"""

from _experiment import main

main("product-gate", __doc__)
