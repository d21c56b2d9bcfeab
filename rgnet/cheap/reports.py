"""What a compiled network promised, and what it achieves on a box."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from rgnet.cheap.errors import CheapError
from rgnet.cheap.network import NeuralNetwork

Array = npt.NDArray[Any]
Box = tuple[tuple[float, float], ...]

_MOST_CORNERS = 12  # inputs
_POINTS, _MP_POINTS = 4096, 64


@dataclass(frozen=True)
class Report:
    """Counts and errors of a compiled network.

    Attributes
    ----------
    neurons, synapses, depth : int
        As `rgnet.cheap.NeuralNetwork` counts them.
    weight_range : (float, float)
        Smallest and largest non-zero |weight|.
    promised, achieved : float
        Predicted largest |network − target| on the box, and the largest one seen at ``points`` of its points.
    tolerance : float or None
        What was asked for.
    box : tuple of (low, high)
    points : int
    dtype : str
        The arithmetic: float32, float64, or so many digits.
    notes : mapping
        What else is worth knowing, such as the number of multiplications.
    """

    neurons: int
    synapses: int
    depth: int
    weight_range: tuple[float, float]
    promised: float
    achieved: float
    tolerance: float | None
    box: Box
    points: int
    dtype: str
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        sides = sorted(set(self.box))
        box = " × ".join(f"[{low:g}, {high:g}]" for low, high in sides[:3]) + (" × …" if len(sides) > 3 else "")
        power = f"^{len(self.box)}" if len(sides) == 1 and len(self.box) > 1 else ""
        rows = {
            "neurons": str(self.neurons),
            "synapses": str(self.synapses),
            "hidden layers": str(self.depth),
            "|weights|": f"{self.weight_range[0]:.3g} to {self.weight_range[1]:.3g}" if self.synapses else "none",
            **{key: f"{value:.4g}" if isinstance(value, float) else str(value) for key, value in self.notes.items()},
            "tolerance": "none" if self.tolerance is None else f"{self.tolerance:.2g}",
            "error promised": f"{self.promised:.2g}",
            "error achieved": f"{self.achieved:.2g} ({self.points} points of {box}{power}, {self.dtype})",
        }
        width = max(map(len, rows))
        return "\n".join(f"{key:<{width}}  {value}" for key, value in rows.items())


@dataclass(frozen=True)
class Compiled:
    """A network and what it is worth.

    Attributes
    ----------
    network : NeuralNetwork
    report : Report
    """

    network: NeuralNetwork
    report: Report

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Outputs (..., n_outputs) for inputs (..., n_inputs), in the arithmetic it was made for (or float64).

        What the report promises holds on its box alone; beyond it errors grow fast.
        """
        return self.network(x, "float32" if self.report.dtype == "float32" else "float64")

    def __str__(self) -> str:
        return str(self.report)


def check_box(box: Any, inputs: int) -> Box:
    """A box as one (low, high) for each input: from a number a (−a to a), one pair, or a pair for each.

    Raises
    ------
    CheapError
        If it is none of these, or an end is not finite, or a side is empty.
    """
    rule = f"give a > 0 for −a to a, one (low, high), or one for each of {inputs} inputs, all finite with low < high"
    try:
        table = np.asarray(box, dtype=np.float64)
    except (TypeError, ValueError):
        raise CheapError(f"box={box!r}: {rule}") from None
    if table.ndim == 0:
        table = np.array([-table, table])
    if table.shape == (2,):
        table = np.tile(table, (inputs, 1))
    if table.shape != (inputs, 2) or not np.isfinite(table).all() or (table[:, 0] >= table[:, 1]).any():
        raise CheapError(f"box={box!r}: {rule}")
    return tuple((float(low), float(high)) for low, high in table)


def points_of(box: Box, count: int) -> Array:
    """Corners of a box (all of them up to 12 inputs, then 4096 at random) and ``count`` Sobol points: (n, inputs)."""
    from scipy.stats import qmc  # slow to start

    low, high = np.array(box).T
    n = len(box)
    if n == 0:
        return np.zeros((1, 0))
    if n <= _MOST_CORNERS:
        corners = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    else:
        corners = np.random.default_rng(0).integers(0, 2, (4096, n)).astype(np.float64)
    if n <= qmc.Sobol.MAXDIM:
        inside = qmc.Sobol(n, seed=0).random(count)
    else:
        inside = np.random.default_rng(1).random((count, n))
    return np.asarray(low + (high - low) * np.concatenate([corners, inside]))


def measure(
    network: NeuralNetwork,
    target: Callable[[Array], Any],
    box: Any,
    *,
    promised: float,
    tolerance: float | None = None,
    dtype: str = "float64",
    digits: int = 50,
    notes: Mapping[str, Any] | None = None,
) -> Report:
    """The report of a network, its error measured at the corners of the box and inside.

    Parameters
    ----------
    network : NeuralNetwork
    target : callable
        From inputs (n, inputs) to (n,) or (n, outputs); float64, or mpf in an object array where ``dtype`` is "mp".
    box : as `check_box` takes it
    promised : float
    tolerance : float, optional
    dtype : "float32", "float64" or "mp"
        The arithmetic of the network. In "mp" fewer points are taken: 64, and at most 64 corners.
    digits : int
        Of "mp".
    notes : mapping, optional
    """
    sides = check_box(box, len(network.inputs))
    if dtype == "mp":
        every = points_of(sides, _MP_POINTS)
        corners = len(every) - _MP_POINTS
        x = np.concatenate([every[: min(corners, _MP_POINTS)], every[corners:]])
        with mpmath.workdps(digits):
            exact = np.array([[mpmath.mpf(value) for value in row] for row in x.tolist()], dtype=object)
            found = np.array(network.mp(exact.tolist(), digits), dtype=object)
            wanted = np.array(target(exact), dtype=object).reshape(found.shape)
            achieved = float(max(abs(value) for value in (found - wanted).ravel()))
    else:
        x = points_of(sides, _POINTS)
        found = network(x, dtype).astype(np.float64)
        wanted = np.asarray(target(x), dtype=np.float64).reshape(found.shape)
        if not np.isfinite(found).all():
            raise CheapError(
                f"on this box the network's numbers leave the range of {dtype}: give a smaller box, or "
                f'dtype="{"float64" if dtype == "float32" else "mp"}"'
            )
        achieved = float(np.abs(found - wanted).max())
    return Report(
        network.neurons, network.synapses, network.depth, network.weight_range, float(promised), achieved, tolerance,
        sides, len(x), f"{digits} digits" if dtype == "mp" else dtype, dict(notes or {}),
    )  # fmt: skip
