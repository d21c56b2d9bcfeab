"""How well the spins of one level can be read off the units of another, by a linear probe (Alain & Bengio 2016).

Target: the spin at a site of a level of spacing B. Features: all components of the units of the other level (spacing
b) whose blocks overlap the site's block, and of one more neighbour on each side. Sites at the same position among
those units share one probe; where b > B there are several positions, of which at most four are tried, each with a
probe of its own.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.comparison import geometry
from rgnet.comparison.probes import Bound, Frame, Rows, bound

Array = npt.NDArray[Any]
POSITIONS = 4


def decodability(
    spins: Array, scale: int, values: Array, source_scale: int, frame: Frame, key: tuple[int, ...]
) -> Bound | None:
    """Information about the spins of a level that a linear probe finds in the units of another.

    Parameters
    ----------
    spins : array (chain, draw, *space) of ±1
    scale : int
        Their spacing, in microscopic sites.
    values : array (chain, draw, component, *space)
        Units of the other level, of spacing ``source_scale``.
    key : tuple of int
        Names the stream of random sites.

    Returns
    -------
    Bound or None
        None where the spins never change.
    """
    rng = frame.rng(*key)
    sides, source = spins.shape[2:], values.shape[3:]
    where = geometry.positions(scale, source_scale, len(sides), POSITIONS, rng)
    examples = []
    for position in where:
        lines = [
            geometry.along(int(q), (scale, many), (source_scale, side))
            for q, many, side in zip(position, sides, source, strict=True)
        ]
        counts = tuple(line.count for line in lines)
        chain, draw, place = frame.places(int(np.prod(counts)), max(frame.rows // len(where), 1), rng)
        m = np.unravel_index(place, counts)
        y = spins[(chain, draw, *(line.sites(k) for line, k in zip(lines, m, strict=True)))]
        x = geometry.gather(values, chain, draw, [line.units(k) for line, k in zip(lines, m, strict=True)])
        examples.append(Rows(x.reshape(len(y), -1), y, chain, draw, frame.block[chain, draw]))
    return bound(examples)
