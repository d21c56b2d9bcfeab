"""Products of bits by one neuron each: decimals against β, and what Boolean functions cost. Claims.md A4.

python analysis/bit_products.py data/bit-products/result.h5 [--to bit-products.png]
"""

from _experiment import main

main("bit-products", __doc__)
