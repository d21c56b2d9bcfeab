"""Products in one hidden layer: neurons, error against scale, floors. Claims.md D3.

python analysis/product_sufficient.py data/product-sufficient/result.h5 [--to product_sufficient.png]
"""

from _experiment import main

main("product-sufficient", __doc__)
