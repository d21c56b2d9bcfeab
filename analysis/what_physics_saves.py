"""What physics saves: parameters of Hamiltonians counted, and needed by Ising samples, block spins and photographs.

Claims.md A5.

python analysis/what_physics_saves.py data/what-physics-saves/result.h5 [--to what_physics_saves.png]
"""

from _experiment import main

main("what-physics-saves", __doc__)
