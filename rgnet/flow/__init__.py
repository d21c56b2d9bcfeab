"""What a chain of coarse-graining maps does to a model: exponents, critical tangents, renormalised couplings."""

from rgnet.flow.couplings import couplings
from rgnet.flow.hamiltonians import growing_sets, hamiltonians, sufficient
from rgnet.flow.mcrg import mcrg
from rgnet.flow.tangent import tangent

__all__ = ["couplings", "growing_sets", "hamiltonians", "mcrg", "sufficient", "tangent"]
