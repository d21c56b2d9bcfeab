"""RG levels beside network layers, on the same samples, in one table: `compare`.

A renormalization group and a network are both chains of maps. On samples of one model every level of every chain is
asked the same questions: which couplings do its spins have, how long are they correlated, what do they keep of the
cause (K, h, labels), what does one unit know of the world beyond a buffer, how well can the block spins of each RG
level be read off it, and it off them, and do the two see the same distances (CKA)? Beside each learned network stands
one of the same shape with random weights: what that one does too was not learned.
"""

from rgnet.comparison.summary import summary
from rgnet.comparison.table import compare

__all__ = ["compare", "summary"]
