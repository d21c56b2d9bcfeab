"""Certificates that no fewer neurons multiply in one layer, and where the theorem ends. Claims.md D4.

python analysis/product_necessary.py data/product-necessary/result.h5 [--to product_necessary.png]
"""

from _experiment import main

main("product-necessary", __doc__)
