"""Free energies of lattice models, exact or simulated, and what they give: divergences between ensembles.

exact_log_Z     ln Z where a formula, a transfer matrix or enumeration gives it
difference      ln Z_2 − ln Z_1 of two models of one lattice
kl, jeffreys    KL(p_1‖p_2) and KL(p_1‖p_2) + KL(p_2‖p_1), in nats
integrate       thermodynamic integration along the straight path between two models, node by node
bennett         Bennett's acceptance ratio of two simulations
between         the model at a share of the way from one to another
"""

from rgnet.free_energy.acceptance import bennett
from rgnet.free_energy.closed import exact_log_Z
from rgnet.free_energy.divergence import METHODS, difference, jeffreys, kl
from rgnet.free_energy.integration import Integral, integrate
from rgnet.free_energy.path import Simulations, between

__all__ = [
    "METHODS",
    "Integral",
    "Simulations",
    "bennett",
    "between",
    "difference",
    "exact_log_Z",
    "integrate",
    "jeffreys",
    "kl",
]
