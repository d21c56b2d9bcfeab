"""Hierarchies y_0 → y_1 → … → y_n: a cause, its consequences, the data, and exact inference back to the cause.

    Chain             a finite Markov chain, given by its matrices
    Tree              a cause broadcast down a regular tree
    RandomHierarchy   the random hierarchy model: production rules, level by level
    Cascade           a Gaussian multiscale cascade
    LatticeHierarchy  couplings → configuration → noisy or coarse observation
    enlarge           a chain with memory made Markov by enlarging its state
    ledger            information about the cause, states and time, by level and network

All have `sample(n, seed=)`, `posterior(data, level=)`, `mutual_information(level_a, level_b)` and
`sufficient(level)`; `steps` is n.
"""

from rgnet.hierarchies.cascade import Cascade
from rgnet.hierarchies.chain import Chain
from rgnet.hierarchies.lattice_hierarchy import LatticeHierarchy
from rgnet.hierarchies.ledgers import ledger
from rgnet.hierarchies.markov import enlarge
from rgnet.hierarchies.random_hierarchy import RandomHierarchy
from rgnet.hierarchies.tree import Tree

__all__ = ["Cascade", "Chain", "LatticeHierarchy", "RandomHierarchy", "Tree", "enlarge", "ledger"]
