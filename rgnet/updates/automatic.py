"""The rule of ``update="auto"``."""

from rgnet import lattice
from rgnet.models import Ising, Model
from rgnet.updates.base import further_couplings


def automatic(model: Model, exact: tuple[str, ...]) -> str:
    """The name of the move that is fastest for ``model``, among the names of those that are exact."""
    if not isinstance(model, Ising):
        return exact[0]
    if model.lattice != "hypercubic":
        return exact[0]
    ferromagnet = model.K > 0
    antiferromagnet = model.K < 0 and model.h == 0 and lattice.is_bipartite(model.shape, model.boundary)
    if (ferromagnet or antiferromagnet) and not further_couplings(model):
        return "swendsen-wang"
    return "metropolis"
