"""Swendsen and Wang's move: bonds are laid, and every cluster gets a new state.

A bond of an Ising model or spin glass is satisfied if K s_i s_j > 0, and then laid with probability 1 − exp(−2|K|); one
of a Potts model, K > 0, if both states are equal, with probability 1 − exp(−K). Clusters are the connected components.
Given the bonds, the spins of a cluster are fixed up to a common sign σ, with probability ∝ exp(σ h M_c), M_c the sum of
the cluster's spins: a coin without a field, and with one the ghost spin summed out. A Potts cluster of n_c sites has
any of the q states, state 0 with weight exp(h n_c). This is exact for either sign of an Ising coupling, frustrated
or not (where it is frustrated, it is slow), in any dimension, for any boundary, and on any graph. Equal states are no
cluster of an antiferromagnetic Potts model (K < 0), which is refused. In the Blume–Capel model spins ±1 form clusters
and vacancies stay: exact, but only together with a move that changes s².

On hypercubic lattices whose last side is long enough, all is done on bits, 64 sites a word (`_clusters_rows`, kernel
"cluster-bits"); elsewhere bond by bond (`_clusters_graph`, kernel "cluster").

**Improved estimators** (Wolff 1988, and Sweeny 1983 for Potts). Given the bonds and without a field, the M_c have
independent random signs, so that

    ⟨M²⟩ = ⟨cluster_m2⟩,  cluster_m2 = Σ_c M_c² = S_2,        ⟨M⁴⟩ = ⟨cluster_m4⟩,  cluster_m4 = 3 S_2² − 2 S_4,

S_k = Σ_c M_c^k (K > 0: M_c = ± n_c). For q states with simplex vectors v_a · v_b = (q δ_ab − 1)/(q − 1), M_c = n_c v,
⟨v_a · v_b⟩ = 0 and ⟨(v_a · v_b)²⟩ = 1/(q − 1) for independent states, so that in |M|⁴ = (Σ_cd M_c·M_d)² there remain
the pairs c = d, e = f, and {c, d} = {e, f}: cluster_m4 = S_2² + 2 (S_2² − S_4)/(q − 1), Ising's at q = 2.
They belong to the bonds, not to the configuration of the draw: means are unbiased, products with its energy are not,
so they are not for reweighting.

Source: Fortuin & Kasteleyn (1972); Swendsen & Wang (1987); with a field, the ghost spin of Griffiths (1967).
"""

from typing import Any

import numpy as np

from rgnet import lattice
from rgnet.models import BlumeCapel, Ising, Model, Potts, SpinGlass
from rgnet.updates import _clusters_graph, _clusters_rows
from rgnet.updates._clusters_random import FEW_LANES, MANY_LANES, threshold
from rgnet.updates.base import Array, Move, Update, no_further_couplings, spins_per_call

_SHORTEST_ROW = 12  # sites of a row from which on bits are faster
_FIELD_FREE = ("cluster_m2", "cluster_m4")


def vectors(model: Model) -> Array:
    """What a site in each state adds to the order parameter, float64 (q, m)."""
    if isinstance(model, Potts):
        return np.ascontiguousarray(model.columns["magnetization"], dtype=np.float64).reshape(model.q, -1)
    return np.array([[-1.0], [1.0]])


def pair_table(model: Any) -> _clusters_graph.Pairs:
    """Bonds and couplings of an Ising, Potts or Blume–Capel model, or a spin glass."""
    pairs = lattice.bonds(model.geometry)
    couplings = model.bond_couplings() if isinstance(model, SpinGlass) else np.full(len(pairs), model.K)
    potts = isinstance(model, Potts)
    likely = threshold(-np.expm1(-np.abs(couplings) * (1.0 if potts else 2.0)))
    return _clusters_graph.Pairs(
        np.ascontiguousarray(pairs),
        np.array(couplings, dtype=np.float64),
        likely,
        model.n_sites,
        model.q if potts else 2,
        not potts,
        float(model.h),
        vectors(model),
        model.h == 0 and not isinstance(model, BlumeCapel),
    )


def _prepare(model: Any, chains: int) -> Move:
    names = ("energy", "magnetization", *(_FIELD_FREE if model.h == 0 else ()))
    if isinstance(model, BlumeCapel):
        names = ()
    if isinstance(model, Ising | Potts) and model.geometry.kind == "hypercubic" and model.shape[-1] >= _SHORTEST_ROW:
        return Move("cluster-bits", _clusters_rows.record, (_rows(model),), measures=names)
    lanes = MANY_LANES if model.n_sites >= 1024 else FEW_LANES
    tables = (pair_table(model), lanes)
    spins = spins_per_call(model.geometry)
    return Move("cluster", _clusters_graph.record, tables, measures=names, spins_per_call=spins)


def _rows(model: Any) -> _clusters_rows.Rows:
    potts = isinstance(model, Potts)
    lead = model.shape[:-1]
    n_rows = int(np.prod(lead, dtype=np.int64))
    back = np.empty((n_rows, 0), dtype=np.int64)
    if lead:
        found = lattice.nearest_neighbors(lead, model.boundary[:-1])[1::2].T.astype(np.int64)
        back = np.ascontiguousarray(np.where(found == n_rows, -1, found))
    likely = threshold(-np.expm1(-abs(model.K) * (1.0 if potts else 2.0)))
    words = n_rows * -(-model.shape[-1] // 64) * (1 + back.shape[1])
    return _clusters_rows.Rows(
        back,
        model.shape[-1],
        model.boundary[-1] == "periodic",
        model.q if potts else 2,
        not potts,
        np.uint64(0 if model.K >= 0 else 2**64 - 1),
        np.uint64(likely),
        float(model.K),
        float(model.h),
        len(lattice.bonds(model.geometry)),
        vectors(model),
        MANY_LANES if words >= 2 * MANY_LANES else FEW_LANES,
    )


def check(model: Any) -> str | None:
    """Why clusters would not be exact, or None."""
    if isinstance(model, Potts):
        return "its clusters join equal states, which K < 0 keeps apart" if model.K < 0 else None
    return no_further_couplings(model)


update = Update("swendsen-wang", check, _prepare, models=("Ising", "SpinGlass", "Potts"))
blume_capel = Update("swendsen-wang", check, _prepare, models=("BlumeCapel",), ergodic=False)
