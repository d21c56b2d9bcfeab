"""A feedforward network as data: layers of sparse weights, biases and an activation, in any precision.

A layer computes y_i = σ(Σ_j w_ij x_j + b_i); where ``activation`` is None it is linear, as the last layer usually is.
Nothing here is trained: `rgnet.cheap` compiles such networks from formulae, `rgnet.learn` hands them to torch.

*Numbers.* The constructions of Lin, Tegmark & Rolnick (2017) take inputs times λ → 0 and outputs times λ⁻ⁿ, so that
sixteen digits are soon too few. A weight is kept as an unevaluated sum of float64 (`PARTS` of them, some 64 digits in
all; Dekker 1971): float64 and float32 arithmetic use that sum rounded, arbitrary precision uses all of it.

*Counts.* Neurons are those of the hidden layers. Synapses are the weights that are not zero, those of the last layer
among them; biases are not counted. Depth is the number of hidden layers.
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import sympy
from scipy.sparse import csr_array

from rgnet.cheap.activations import Activation
from rgnet.cheap.errors import CheapError

Array = npt.NDArray[Any]

PARTS = 4
_BITS = 53 * PARTS
_DTYPES = {"float32": np.float32, "float64": np.float64}
_MOST_BITS = 1 << 14
_AT_ONCE = 1 << 22  # neurons times points: a layer of 2^16 neurons would take gigabytes for some thousand points


@dataclass(frozen=True, eq=False)
class NeuralLayer:
    """One layer; made by `layer`.

    Attributes
    ----------
    n_inputs : int
    rows, columns : int array (synapses,)
        Which neuron hears which input, in order of rows.
    weights : float64 array (parts, synapses)
        Summed over parts: the weight.
    biases : float64 array (parts, n_outputs)
    activation : Activation or None
        None: linear.
    """

    n_inputs: int
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    biases: npt.NDArray[np.float64]
    activation: Activation | None

    def __repr__(self) -> str:
        name = "linear" if self.activation is None else self.activation.name
        return f"NeuralLayer({self.n_outputs} neurons of {self.n_inputs} inputs, {self.synapses} synapses, {name})"

    @property
    def n_outputs(self) -> int:
        """Number of neurons."""
        return int(self.biases.shape[1])

    @property
    def synapses(self) -> int:
        """Number of non-zero weights."""
        return len(self.rows)

    def matrix(self, dtype: str = "float64") -> Any:
        """Weights as a sparse matrix (n_outputs, n_inputs)."""
        return _matrix(self, dtype)

    def __call__(self, x: Array, dtype: str = "float64") -> Array:
        """Outputs (n, n_outputs) for inputs (n, n_inputs) of that dtype."""
        kind = _DTYPES[dtype]
        field = (self.matrix(dtype) @ x.T).T + self.biases.sum(axis=0).astype(kind)
        return field if self.activation is None else self.activation(field)


@dataclass(frozen=True, eq=False)
class NeuralNetwork:
    """Layers in sequence.

    Attributes
    ----------
    layers : tuple of NeuralLayer
    inputs, outputs : tuple of str
        Names.

    Raises
    ------
    CheapError
        If layers do not fit each other or the names.
    """

    layers: tuple[NeuralLayer, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"NeuralNetwork({len(self.inputs)} inputs, hidden layers of {list(self.widths)} neurons, {self.synapses} "
            f"synapses, {len(self.outputs)} outputs)"
        )

    def __post_init__(self) -> None:
        if not self.layers:
            raise CheapError("a network of no layers: give at least one")
        sizes = [len(self.inputs), *(item.n_outputs for item in self.layers)]
        for place, (item, given) in enumerate(zip(self.layers, sizes, strict=False)):
            if item.n_inputs != given:
                raise CheapError(f"layer {place} takes {item.n_inputs} numbers and is given {given}")
        if sizes[-1] != len(self.outputs):
            raise CheapError(f"{len(self.outputs)} names for {sizes[-1]} outputs: give one for each")

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of each hidden layer."""
        return tuple(item.n_outputs for item in self.layers[: self.depth])

    @property
    def depth(self) -> int:
        """Number of hidden layers: all but a linear last one."""
        return len(self.layers) - (self.layers[-1].activation is None)

    @property
    def neurons(self) -> int:
        """Number of hidden neurons."""
        return sum(self.widths)

    @property
    def synapses(self) -> int:
        """Number of non-zero weights, output weights included, biases not."""
        return sum(item.synapses for item in self.layers)

    @property
    def weight_range(self) -> tuple[float, float]:
        """Smallest and largest |weight| of those that are not zero; NaN where there is none."""
        sizes = np.concatenate([np.abs(item.weights.sum(axis=0)) for item in self.layers])
        return (float(sizes.min()), float(sizes.max())) if sizes.size else (float("nan"), float("nan"))

    def __call__(self, x: npt.ArrayLike, dtype: str = "float64") -> Array:
        """Outputs (..., n_outputs) for inputs (..., n_inputs), every operation in the dtype.

        Parameters
        ----------
        x : array (..., n_inputs)
        dtype : "float32" or "float64"

        Raises
        ------
        CheapError
            If x has another number of inputs, or the dtype is another (`mp` has any precision).
        """
        if dtype not in _DTYPES:
            raise CheapError(
                f'dtype={dtype!r}: "float32" or "float64"; network.mp(points, digits=50) has any precision'
            )
        array = np.asarray(x, dtype=_DTYPES[dtype])
        if array.ndim == 0 or array.shape[-1] != len(self.inputs):
            raise CheapError(
                f"x of shape {array.shape}: the last axis has the {len(self.inputs)} inputs {', '.join(self.inputs)}"
            )
        flat = array.reshape(math.prod(array.shape[:-1]), len(self.inputs))
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # overflow shows as inf or NaN
            step = max(1, _AT_ONCE // max(item.n_outputs for item in self.layers))
            pieces = [self._forward(flat[begin : begin + step], dtype) for begin in range(0, max(len(flat), 1), step)]
        return np.concatenate(pieces).reshape(*array.shape[:-1], len(self.outputs))

    def _forward(self, x: Array, dtype: str) -> Array:
        for item in self.layers:
            x = item(x, dtype)
        return x

    def mp(self, x: Sequence[Sequence[Any]], digits: int = 50) -> list[list[Any]]:
        """Outputs at points (n, n_inputs), with so many digits in every operation: lists (n, n_outputs) of mpf.

        Weights are kept to 64 digits. Numbers may be int, float, Fraction, mpf or text.

        Raises
        ------
        CheapError
            If a point has another number of inputs, or digits is below 1.
        """
        if isinstance(digits, bool) or not isinstance(digits, int | np.integer) or digits < 1:
            raise CheapError(f"digits={digits!r}: how many digits every operation has, a whole number from 1 on")
        _check_points(self, x)
        with mpmath.workdps(digits):
            return _mp_outputs(self, [[to_mpf(value) for value in point] for point in x])


def _check_points(network: NeuralNetwork, points: Sequence[Sequence[Any]]) -> None:
    for point in points:
        if np.ndim(point) == 0 or len(point) != len(network.inputs):
            raise CheapError(
                f"a point {point!r}: give a list of points, each of the {len(network.inputs)} inputs "
                f"{', '.join(network.inputs)}"
            )


def layer(
    weights: Any, biases: Sequence[Any] | None = None, activation: Activation | None = None, n_inputs: int | None = None
) -> NeuralLayer:
    """A layer from its weights; those that are zero are left out.

    Parameters
    ----------
    weights : array or nested lists (n_outputs, n_inputs), or dict {(row, column): weight}
        Numbers of any kind: float, int, Fraction, SymPy, mpf, text. float64 arrays are taken as they are.
    biases : sequence (n_outputs,), optional
        Zero unless given; needed with a dict.
    activation : Activation or None
    n_inputs : int, optional
        Needed with a dict.

    Raises
    ------
    CheapError
        If a number is not finite or beyond float64's range, or sizes do not fit.
    """
    if isinstance(weights, Mapping):
        if biases is None or n_inputs is None:
            raise CheapError("weights as a dict {(row, column): weight}: give biases and n_inputs, for the sizes")
        places = sorted(weights)
        values: Any = [weights[place] for place in places]
        rows, columns = (np.array([place[k] for place in places], dtype=np.int64) for k in (0, 1))
        size = (len(biases), n_inputs)
        if places and not (0 <= rows.min() <= rows.max() < size[0] and 0 <= columns.min() <= columns.max() < size[1]):
            raise CheapError(f"weights have places beyond {size[0]} neurons of {size[1]} inputs")
    else:
        table = np.asarray(weights) if isinstance(weights, np.ndarray) else np.array(weights, dtype=object)
        if table.ndim != 2:
            raise CheapError(f"weights of shape {table.shape}: one row a neuron, one column an input")
        found = np.nonzero(table != 0)
        rows, columns = (np.asarray(item, dtype=np.int64) for item in found)
        values, size = table[found], (table.shape[0], table.shape[1])
        if biases is None:
            biases = [0] * size[0]
        if len(biases) != size[0] or n_inputs not in (None, size[1]):
            raise CheapError(f"{len(biases)} biases, n_inputs={n_inputs} for weights of shape {table.shape}")
    parts = _parts(values)
    keep = (parts != 0).any(axis=0)
    return NeuralLayer(size[1], rows[keep], columns[keep], parts[:, keep], _parts(biases), activation)


def to_mpf(value: Any) -> Any:
    """An mpf at mpmath's precision of the moment, from a number of any kind or a text such as "1/3"."""
    if isinstance(value, mpmath.mpf):
        return +value
    if isinstance(value, sympy.Basic):
        return mpmath.mpmathify(value.evalf(mpmath.mp.dps + 5))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) and "/" in value:
        value = Fraction(value)
    if isinstance(value, Fraction):
        return mpmath.mpf(value.numerator) / value.denominator
    return mpmath.mpf(value)


def bits_needed(
    network: NeuralNetwork, target: Callable[[Sequence[Any]], Any], tolerance: float, points: Sequence[Sequence[Any]]
) -> int:
    """Bits of the mantissa with which the network reaches a tolerance, every weight and operation rounded to them.

    float32 has 24, float64 53. Measured at the points; the number found is enough and one fewer is not.

    Parameters
    ----------
    network : NeuralNetwork
    target : callable
        From one point (a list of mpf) to the value wanted, or the list of them for several outputs.
    tolerance : float
        Largest |network − target| allowed.
    points : sequence (n, n_inputs)

    Raises
    ------
    CheapError
        If more bits do not help: the network itself is further from the target than the tolerance; or there are no
        points.
    """
    if not len(points):
        raise CheapError("no points: give some of the inputs at which the network is to reach the tolerance")
    _check_points(network, points)
    with mpmath.workprec(4 * _BITS):
        exact = [[to_mpf(value) for value in point] for point in points]
        wanted = [list(np.atleast_1d(np.array(target(point), dtype=object))) for point in exact]

    def reached(bits: int) -> bool:
        try:
            with mpmath.workprec(bits):
                found = _mp_outputs(network, [[+value for value in point] for point in exact])
        except (OverflowError, ZeroDivisionError):
            return False
        with mpmath.workprec(4 * _BITS):
            return all(
                abs(a - b) <= tolerance
                for row, other in zip(found, wanted, strict=True)
                for a, b in zip(row, other, strict=True)
            )

    high = 8
    while not reached(high):
        high *= 2
        if high > _MOST_BITS or (high > 4 * _BITS and not reached(_BITS)):
            raise CheapError(
                f"tolerance={tolerance:.3g}: the network is further from its target however many bits are taken; "
                f"build it for a smaller tolerance or scale"
            )
    low = high // 2 if high > 8 else 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _mp_outputs(network: NeuralNetwork, points: list[list[Any]]) -> list[list[Any]]:
    """Outputs at points of mpf, at mpmath's precision of the moment."""
    for item in network.layers:
        weights, biases = (_summed(table) for table in (item.weights, item.biases))
        begin = np.searchsorted(item.rows, np.arange(item.n_outputs + 1))
        columns = item.columns.tolist()
        function: Callable[[Any], Any] = mpmath.mpf if item.activation is None else item.activation.mp
        points = [
            [
                function(
                    mpmath.fdot(zip(weights[a:b], (point[c] for c in columns[a:b]), strict=True)) + biases[row]
                )
                for row, (a, b) in enumerate(itertools.pairwise(begin))
            ]
            for point in points
        ]  # fmt: skip
    return points


def _summed(parts: Array) -> list[Any]:
    """Sums over parts, as mpf at mpmath's precision of the moment."""
    return [mpmath.fsum(column) for column in parts.T.tolist()]


@functools.lru_cache(maxsize=256)
def _matrix(item: NeuralLayer, dtype: str) -> Any:
    values = item.weights.sum(axis=0).astype(_DTYPES[dtype])
    return csr_array((values, (item.rows, item.columns)), shape=(item.n_outputs, item.n_inputs))


def _parts(values: Sequence[Any] | Array) -> npt.NDArray[np.float64]:
    """Numbers as sums of float64, (parts, n), no more parts than they need."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        result = values.astype(np.float64)[None]
    else:
        with mpmath.workprec(_BITS + 20):
            known: dict[Any, tuple[float, ...]] = {}
            try:
                table = [known.get(value) or known.setdefault(value, _split(value)) for value in values]
            except (TypeError, ValueError, AttributeError):
                raise CheapError(
                    "a weight or bias is no real number: give float, int, Fraction, SymPy, mpf, or a text such as '1/3'"
                ) from None
        result = np.array(table, dtype=np.float64).reshape(len(table), PARTS).T
    if not np.isfinite(result).all():
        raise CheapError(
            "a weight or bias is not finite or beyond the range of float64 (1e-308 to 1e308): "
            "take a larger scale λ, or fewer factors in one layer"
        )
    used = int(np.flatnonzero((result != 0).any(axis=1)).max(initial=0)) + 1
    return np.ascontiguousarray(result[:used])


def _split(value: Any) -> tuple[float, ...]:
    whole = rest = to_mpf(value)
    parts: list[float] = []
    for _ in range(PARTS):
        part = float(rest)
        parts.append(part)
        if not np.isfinite(part):
            return (float("nan"),) * PARTS
        rest -= part
    if whole != 0 and parts[0] == 0:
        return (float("nan"),) * PARTS
    return tuple(parts)
