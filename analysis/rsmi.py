"""What real-space mutual information learns on Ising and on dimers with noise, beside a Boltzmann machine.

rgnet run simulations/rsmi.toml
python analysis/rsmi.py data/rsmi/result.h5
"""

from _experiment import main

if __name__ == "__main__":
    main("rsmi", __doc__)
