"""A supervised network, layer by layer, beside block spins and an untrained control.

rgnet run simulations/cnn-layers.toml
python analysis/cnn_layers.py data/cnn-layers/result.h5
"""

from _experiment import main

if __name__ == "__main__":
    main("cnn-layers", __doc__)
