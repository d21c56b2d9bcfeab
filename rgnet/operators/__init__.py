"""Lattice sums conjugate to couplings, as data.

An operator is a set of *terms*; a term is a multiset of offsets, and the operator's value on a configuration is

    S_a(x) = Σ_sites Σ_terms Π_offsets x[site + offset] ,

one number a configuration. The energy of the nearest-neighbour Ising model is −K S_nn − h S_m. Terms related by a
translation are one term, and `operator` adds every image under the lattice's point group (reflections and
exchanges of axes). Repeated offsets are powers, for real-valued levels: "phi2" is Σ φ².

Pairs are named by distance, as the literature does: nn, nnn, third, fourth, fifth. On the square lattice these are
(1,0), (1,1), (2,0), (2,1), (2,2); on the chain 1, 2, 3, 4, 5; on the cubic lattice (1,0,0), (1,1,0), (1,1,1),
(2,0,0), (2,1,0).
"""

from rgnet.operators.catalogue import NAMES, defaults, named, resolve
from rgnet.operators.data import Offset, Operator, Term, dumps, from_dict, loads, operator
from rgnet.operators.enumeration import count_operators, enumerate_operators
from rgnet.operators.levels import as_level, measure, measured
from rgnet.operators.local import distinct_factors, local_terms
from rgnet.operators.summing import row_starts, sums

__all__ = [
    "NAMES",
    "Offset",
    "Operator",
    "Term",
    "as_level",
    "count_operators",
    "defaults",
    "distinct_factors",
    "dumps",
    "enumerate_operators",
    "from_dict",
    "loads",
    "local_terms",
    "measure",
    "measured",
    "named",
    "operator",
    "resolve",
    "row_starts",
    "sums",
]
