"""A linear filter on blocks and a threshold: the block spin of a learned rule, and one layer of a binary network.

    h_I = Σ_{i∈I} w_i x_i + bias
    sharp:  y_I = sgn h_I, a tie broken by a fair coin
    soft:   p(y_I = ±1 | x) = 1 / (1 + exp(∓2 h_I))

Sharp with unit weights it is the majority rule (Niemeijer & van Leeuwen 1974), soft with weights ρ Kadanoff's (1975).
With bias 0 both are odd: p(−y|−x) = p(y|x). Soft, it is what a restricted Boltzmann machine with hidden units ±1 and
one filter for each block does upward (Mehta & Schwab 2014), and the ansatz of Koch-Janusz & Ringel (2018).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from rgnet import lattice
from rgnet.layers.layer import Array, Rng, apply_channels, paired, sum_space

_CHUNK = 1 << 22  # numbers of float64 to a part: 32 MiB


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Filter:
    """Spins ±1 (int8) from a weighted sum over each block of side b.

    Parameters
    ----------
    weights : array (b,)*d, or (out, in, b, …, b)
        With the second form the layer takes ``in`` components to ``out``; the first acts on each component.
    bias : number, or array (out,)
    sharp : bool
        The sign of the sum, or a spin with log-odds twice the sum.
    ndim : int, optional
        Number of space axes d, which tells the two forms apart. None: equal sides on up to three axes are the first.

    Raises
    ------
    ValueError
        If the weights have neither form or are not finite, or the bias does not fit.
    """

    weights: Array
    bias: Array
    sharp: bool
    ndim: int

    def __init__(
        self, weights: npt.ArrayLike, bias: npt.ArrayLike = 0.0, sharp: bool = True, *, ndim: int | None = None
    ) -> None:
        w = np.array(weights, dtype=np.float64)
        if ndim is None:
            ndim = w.ndim if w.ndim <= 3 and len(set(w.shape)) == 1 else w.ndim - 2
        if w.ndim not in (ndim, ndim + 2) or ndim < 1 or len(set(w.shape[w.ndim - ndim :])) != 1 or w.size == 0:
            raise ValueError(
                f"Filter: weights of shape {w.shape} for {ndim} space axes; give (b,)*d, or (out, in, b, …, b)"
            )
        if w.shape[:-ndim] == (1, 1):
            w = w[0, 0]
        outputs = w.shape[0] if w.ndim > ndim else 1
        try:
            biases = np.broadcast_to(np.asarray(bias, dtype=np.float64), (outputs,)).copy()
        except ValueError as error:
            raise ValueError(f"Filter: a bias of shape {np.shape(bias)} for {outputs} outputs; one for each") from error
        if not (np.isfinite(w).all() and np.isfinite(biases).all()):
            raise ValueError("Filter: weights and bias must be finite numbers; NaN or infinity is among them")
        if not isinstance(sharp, (bool, np.bool_)):
            raise ValueError(f"Filter(sharp={sharp!r}): True for the sign, False for a spin with log-odds 2h")
        w.flags.writeable = biases.flags.writeable = False
        for name, value in (("weights", w), ("bias", biases), ("sharp", bool(sharp)), ("ndim", int(ndim))):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        shown = np.round(self.weights, 4).tolist() if self.weights.size <= 16 else f"<shape {self.weights.shape}>"
        bias = f", bias={np.round(self.bias, 4).tolist()}" if self.bias.any() else ""
        return f"Filter({shown}{bias}{'' if self.sharp else ', sharp=False'})"

    @property
    def scale(self) -> int:
        """Ratio b of the two lattice spacings."""
        return int(self.weights.shape[-1])

    @property
    def kernel(self) -> int:
        """Side of the window of inputs that one output sees: b."""
        return self.scale

    @property
    def is_random(self) -> bool:
        """Whether the output depends on ``rng``: always, if sharp only at ties."""
        return True

    @property
    def components(self) -> tuple[int, int]:
        """Components of the input and of the output; (1, 1) acts on each component."""
        return (1, 1) if self.weights.ndim == self.ndim else (self.weights.shape[1], self.weights.shape[0])

    @property
    def n_parameters(self) -> int:
        """Weights, and biases where one is not zero."""
        return self.weights.size + (self.bias.size if self.bias.any() else 0)

    def randomized(self, seed: int) -> "Filter":
        """The control: normal weights, and biases, of the same root mean square."""
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        weights = rng.normal(scale=_rms(self.weights), size=self.weights.shape)
        return Filter(weights, rng.normal(scale=_rms(self.bias), size=self.bias.shape), self.sharp, ndim=self.ndim)

    def __call__(self, x: Any, rng: Rng = None, *, ndim: int | None = None) -> Any:
        """Coarse-grain an array (..., [in], *space) or a Dataset, as every layer does.

        Raises
        ------
        ValueError
            If b does not divide the shape, components or space axes do not fit, or values are not finite numbers.
        """
        each = self.components == (1, 1)
        return apply_channels(self, lambda a, generator: self._draw(a, generator), x, rng, ndim=ndim, each=each)

    def field(self, x: npt.ArrayLike, *, ndim: int | None = None) -> Array:
        """The sum h of each block, float64 (..., [out], *coarse), exactly 0 where it is so up to rounding."""
        each = self.components == (1, 1)
        return np.asarray(apply_channels(self, lambda a, _: self._field(a), x, 0, ndim=ndim, each=each))

    def log_prob(self, y: npt.ArrayLike, x: npt.ArrayLike, *, ndim: int | None = None) -> Array:
        """ln p(y|x) in nats, summed over blocks and outputs: shape of the batch axes.

        Raises
        ------
        ValueError
            If the shapes do not belong together or y has values other than ±1.
        """
        inner, outer = self.components
        d = np.ndim(x) - (1 if inner > 1 else 0) if ndim is None else ndim
        coarse, fine, d = paired(y, x, d, self)
        if outer > 1 and (coarse.ndim == d or coarse.shape[coarse.ndim - d - 1] != outer):
            raise ValueError(
                f"y of shape {coarse.shape}: {self!r} gives {outer} components, in front of the space axes"
            )
        h = self.field(fine, ndim=d)
        axes = d + (1 if outer > 1 else 0)
        if self.sharp:
            with np.errstate(divide="ignore"):
                return sum_space(np.log((1.0 + coarse * np.sign(h)) / 2.0), axes)
        with np.errstate(over="ignore"):
            return sum_space(-np.logaddexp(0.0, -2.0 * coarse * h), axes)

    def coarse_shape(self, shape: lattice.Shape) -> lattice.Shape:
        """Lattice of the output: shape / b.

        Raises
        ------
        ValueError
            If there are other than d space axes, or b does not divide a side.
        """
        if len(shape) != self.ndim:
            raise ValueError(f"{self!r} takes {self.ndim} space axes, not a lattice of shape {shape}; give ndim=")
        return lattice.coarse_shape(shape, self.scale, repr(self))

    def config(self) -> dict[str, Any]:
        """What beside the arrays of `state` makes this layer, as JSON."""
        return {"sharp": self.sharp, "ndim": self.ndim}

    def state(self) -> dict[str, Array]:
        """The arrays that make this layer."""
        return {"weights": self.weights, "bias": self.bias}

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Array]) -> "Filter":
        """The layer that `config` and `state` are of."""
        return cls(state["weights"], state["bias"], config["sharp"], ndim=config["ndim"])

    def _draw(self, x: Array, rng: np.random.Generator) -> Array:
        h = self._field(x)
        if not self.sharp:
            with np.errstate(over="ignore"):
                up = rng.random(h.shape) < expit(2.0 * h)
            return np.where(up, np.int8(1), np.int8(-1))
        y = np.where(h > 0, np.int8(1), np.int8(-1))
        tied = h == 0
        y[tied] = 2 * rng.integers(0, 2, size=int(np.count_nonzero(tied)), dtype=np.int8) - 1
        return y

    def _field(self, x: Array) -> Array:
        """From (n, in, *space) to (n, out, *coarse)."""
        weights = self.weights.reshape(self.components[1], -1)
        coarse = tuple(side // self.scale for side in x.shape[2:])
        result = np.empty((len(x), len(weights), *coarse))
        rows = max(1, _CHUNK // max(1, math.prod(x.shape[1:])))
        for start in range(0, len(x), rows):
            part = _windows(x[start : start + rows], self.scale)
            h = linear(part, weights, self.bias)
            result[start : start + rows] = np.moveaxis(h.reshape(-1, *coarse, len(weights)), -1, 1)
        return result


def linear(windows: Array, weights: Array, bias: Array) -> Array:
    """``windows @ weights.T + bias``, where sums that are zero up to their rounding error are exactly zero.

    The error of a sum of k products is below k·eps times the sum of their magnitudes (Higham 2002, eq. 3.5).
    """
    h = windows @ weights.T + bias
    bound = (weights.shape[1] + 1) * np.finfo(np.float64).eps
    largest = np.abs(windows).max(initial=0.0) * np.abs(weights).sum(axis=1) + np.abs(bias)
    near, output = np.nonzero(np.abs(h) <= bound * largest)
    size = (np.abs(windows[near]) * np.abs(weights[output])).sum(axis=1) + np.abs(bias[output])
    tied = np.abs(h[near, output]) <= bound * size
    h[near[tied], output[tied]] = 0.0
    return np.asarray(h)


def _windows(x: Array, b: int) -> Array:
    """Blocks as rows: from (n, in, *space) to float64 (n · sites, in · b^d)."""
    d = x.ndim - 2
    split = x.reshape(*x.shape[:2], *(part for side in x.shape[2:] for part in (side // b, b)))
    order = (0, *range(2, 2 + 2 * d, 2), 1, *range(3, 3 + 2 * d, 2))
    rows = len(x) * math.prod(side // b for side in x.shape[2:])
    return np.asarray(split.transpose(order).reshape(rows, -1).astype(np.float64))


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
