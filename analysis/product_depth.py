"""Products in any number of hidden layers: neurons and errors. Claims.md D5.

python analysis/product_depth.py data/product-depth/result.h5 [--to product_depth.png]
"""

from _experiment import main

main("product-depth", __doc__)
