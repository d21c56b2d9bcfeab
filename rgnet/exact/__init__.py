"""Exact answers to check against: closed forms, and full enumeration of small lattices.

    chain1d      the Ising chain with field, finite or infinite
    ising2d      the square lattice: Onsager's infinite one, Kaufman's finite torus
    ising3d      constants of the cubic lattice
    potts2d      the square-lattice Potts model at its self-dual point: Baxter's energy, latent heat and ln Z
    transfer     transfer matrices of any model of few states on chains, strips and tori; with derivatives
    transfer_glass  the same with a coupling for every bond, and ground states
    gaussian_field  propagator, moments and ln Z of the Gaussian field on any lattice
    quadrature   tiny systems and chains of real fields and angles, by numerical integration
    dimers       coverings of the square lattice: Kasteleyn's counts, transfer matrices with interaction
    environment  what a rule of one block knows of the rest of a small torus, and the best rule
    critical     critical couplings and exponents by dimension
    enumerate    every state of a small lattice: ln Z, probabilities, moments of any observable
    marginals    every coarse configuration of a chain of layers: probabilities, couplings, Fisher information kept

Everything here takes numbers, arrays, callables, or objects that look like a model or a layer; nothing is sampled.
"""

from rgnet.exact import (
    chain1d,
    dimers,
    enumerate,
    environment,
    gaussian_field,
    ising2d,
    ising3d,
    marginals,
    potts2d,
    quadrature,
    transfer,
    transfer_glass,
)
from rgnet.exact.critical import Critical, critical, is_critical
from rgnet.exact.enumerate import distribution, ground_states, log_weights, log_Z, moments, states, thermal
from rgnet.exact.marginals import (
    Couplings,
    Retained,
    coarse_couplings,
    coarse_distribution,
    renormalized_couplings,
    retained,
)

__all__ = [
    "Couplings",
    "Critical",
    "Retained",
    "chain1d",
    "coarse_couplings",
    "coarse_distribution",
    "critical",
    "dimers",
    "distribution",
    "enumerate",
    "environment",
    "gaussian_field",
    "ground_states",
    "is_critical",
    "ising2d",
    "ising3d",
    "log_Z",
    "log_weights",
    "marginals",
    "moments",
    "potts2d",
    "quadrature",
    "renormalized_couplings",
    "retained",
    "states",
    "thermal",
    "transfer",
    "transfer_glass",
]
