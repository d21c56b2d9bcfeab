"""Learning curves of the random hierarchy model: test error of deep and shallow networks, and their collapse.

rgnet run simulations/learning-curves.toml
python analysis/learning_curves.py data/learning-curves/result.h5
"""

from _experiment import main

if __name__ == "__main__":
    main("learning-curves", __doc__)
