"""The rule of ``update="auto"``.

**Ising.** Of two chains of equal cost the better one has the smaller 2τ·(time of a sweep). Multi-spin Metropolis takes
some hundredth of a nanosecond a spin, a Swendsen–Wang sweep some nanoseconds; but near K_c the τ of the first grows as
min(ξ, L)^2.17 in sweeps (Nightingale & Blöte 2000), that of the second hardly. So it is Metropolis where ξ ≤ `REACH`,
and Swendsen–Wang elsewhere, if its clusters are the physical ones: K > 0 with any field, or K < 0 without one on a
bipartite lattice. Without a field L has to be `LENGTHS` times ξ as well, and below the critical temperature it is
always Swendsen–Wang, since local moves hardly change the sign of the magnetisation there. With further couplings, and
where K < 0 is frustrated, it is Metropolis.

ξ is estimated by `correlation_length`. `benchmarks/engine.py` measures both sides of the rule.

**Others.** The first of a list that is exact for the model (`PREFERRED`): clusters where they are physical, heat bath
where not, and for continuous spins over-relaxation in between.
"""

import math
from collections.abc import Callable

from rgnet import lattice
from rgnet.models import Ising, Model
from rgnet.updates.base import further_couplings

REACH = 20.0  # where both sides of the rule are worth the same at L = 256 (benchmarks/engine.py)
LENGTHS = 6.0
PREFERRED = {
    "SpinGlass": ("metropolis", "heat-bath"),
    "Potts": ("swendsen-wang", "heat-bath"),
    "Clock": ("swendsen-wang", "heat-bath"),
    "XY": ("wolff+over-relaxation", "heat-bath+over-relaxation"),
    "ON": ("wolff+over-relaxation", "heat-bath+over-relaxation"),
    "BlumeCapel": ("heat-bath+swendsen-wang", "heat-bath"),
    "Phi4": ("heat-bath+wolff", "heat-bath"),
    "GaussianField": ("direct", "heat-bath"),
    "Dimers": ("worm",),
    "DiscreteModel": ("heat-bath",),
    "ContinuousModel": ("metropolis",),
}
_K_C = {2: 0.5 * math.log1p(math.sqrt(2)), 3: 0.221654626, 4: 0.1496947}  # Onsager 1944; Ferrenberg 2018; Lundow 2009
_NU = {3: 0.629971, 4: 0.5}
_Y_H = {2: 1.875, 3: 2.481851, 4: 3.0}


def automatic(model: Model, is_exact: Callable[[str], bool]) -> str:
    """The name of the move, or the names joined by +, that should be fastest for ``model``.

    Parameters
    ----------
    model : Model
    is_exact : callable
        name -> whether the move is exact for the model.
    """
    if isinstance(model, Ising):
        return _ising(model)
    names = PREFERRED[type(model).__name__]
    return next((name for name in names if all(is_exact(part) for part in name.split("+"))), names[-1])


def _ising(model: Ising) -> str:
    bipartite = model.geometry.kind == "hypercubic" and lattice.is_bipartite(model.shape, model.boundary)
    physical = model.K > 0 or (model.K < 0 and model.h == 0 and bipartite)
    if further_couplings(model) or not physical:
        return "metropolis"
    ordered = abs(model.K) > _K_C.get(_dimensions(model), math.inf)
    reach = REACH if model.h != 0 else min(REACH, max(model.shape) / LENGTHS)
    return "metropolis" if correlation_length(model) <= reach and not ordered else "swendsen-wang"


def _dimensions(model: Ising) -> int:
    """How many sides are longer than 1 on a hypercubic lattice, else 0."""
    return sum(side > 1 for side in model.shape) if model.geometry.kind == "hypercubic" else 0


def correlation_length(model: Ising) -> float:
    """Roughly the correlation length ξ of a ferromagnet, or of a bipartite antiferromagnet without field.

    Infinite where the lattice is ordered. Chain: ξ = −1/ln tanh K. Square lattice: ξ = 1/(ln coth K − 2K) along an axis
    (Onsager 1944). Three and four dimensions: ξ ≈ ½ (1 − K/K_c)^−ν. A field h limits it to about |h|^(−1/y_h).
    Elsewhere −1/ln((z − 1) tanh K), a bound from counting walks (Fisher 1967) with z the largest number of neighbours,
    infinite where that is none.
    """
    K, ndim = abs(model.K), _dimensions(model)
    if K == 0:
        return 0.0
    if ndim == 1:
        return -1.0 / math.log(math.tanh(K)) if K < 18 else math.inf
    if ndim == 2:
        inverse = -math.log(math.tanh(K)) - 2 * K
        found = 1.0 / inverse if inverse > 0 else math.inf
    elif ndim in _NU:
        found = 0.5 * (1 - K / _K_C[ndim]) ** -_NU[ndim] if _K_C[ndim] > K else math.inf
    else:
        neighbors = lattice.neighbor_table(model.geometry).shape[0]
        walks = (neighbors - 1) * math.tanh(K)
        found = -1.0 / math.log(walks) if 0 < walks < 1 else math.inf
    if model.h != 0 and ndim in _Y_H:
        found = min(found, abs(model.h) ** (-1 / _Y_H[ndim]))
    return found
