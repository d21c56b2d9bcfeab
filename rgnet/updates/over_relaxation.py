"""Over-relaxation of XY and O(n): every vector is reflected about the field it feels, which keeps the energy.

The rule and its kernel stand in `_vectors`. By itself it conserves H, so that it is done in turn with a move that does
not: "heat-bath+over-relaxation", "metropolis+over-relaxation", "wolff+over-relaxation".

Source: Creutz (1987); Brown & Woch (1987).
"""

from rgnet.updates._vectors import MODELS, move_by_color
from rgnet.updates.base import Update, always_exact

update = Update("over-relaxation", always_exact, move_by_color, None, MODELS, ergodic=False)
