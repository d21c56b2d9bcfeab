"""The restricted Boltzmann machine as a layer: hidden spins h given visible spins v.

    p(v, h) = exp(−E(v, h)) / Z ,     E(v, h) = −v·W·h − a·v − c·h ,     v_i, h_j = ±1 ,

    p(h_j = 1 | v) = 1/(1 + exp(−2 φ_j)) ,     φ = W v + c ,
    p(v) = exp(−F(v)) / Z ,     F(v) = −a·v − Σ_j ln 2cosh φ_j .

All in reduced units, so W and the biases are couplings and fields. Source: Smolensky (1986); Hinton (2002), Neural
Computation 14, 1771. Spins ±1 instead of bits 0, 1 are a shift of the biases; a spin-flip symmetric p(v) has a = c = 0.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import xarray as xr
from scipy.special import expit, log_expit

from rgnet import lattice
from rgnet.exact import enumerate as full
from rgnet.layers.layer import Rng, coarse_dataset

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

_CHUNK = 1 << 22  # numbers of the wider side at a time


@dataclass(frozen=True, eq=False)
class RBMLayer:
    """The map v → h of an RBM, h drawn from p(h|v).

    Parameters
    ----------
    weights : array
        Translation-tied: (filters, components, kernel, …, kernel), one window for each block of side ``b``, periodic,
        so that a lattice L goes to L/b with ``filters`` components. The window of block I begins at site
        b I − (kernel − b)//2 along each axis. Free: (*hidden, *visible), each of them (components, *space).
    visible_bias, hidden_bias : array, optional
        Tied: (components,) and (filters,). Free: of the shapes of visible and hidden. Zero unless given.
    tied : bool
    b : int
        The stride of a tied RBM. A free one's scale is the ratio of its two lattices; of several sides with one hidden
        site, the longest.

    Raises
    ------
    ValueError
        If shapes do not belong together or a number is not finite.
    """

    weights: Array
    visible_bias: Array | None = None
    hidden_bias: Array | None = None
    tied: bool = True
    b: int = 2

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, dtype=np.float64)
        if weights.ndim < 3 or (not self.tied and weights.ndim % 2):
            form = "(filters, components, k, …, k)" if self.tied else "(*hidden, *visible), each (components, *space)"
            raise ValueError(f"RBMLayer: weights of shape {weights.shape}: give {form}")
        object.__setattr__(self, "weights", weights)
        sizes = (weights.shape[1:2], weights.shape[:1]) if self.tied else (self._visible, self._hidden)
        for name, shape in zip(("visible_bias", "hidden_bias"), sizes, strict=True):
            given = getattr(self, name)
            bias = np.zeros(shape) if given is None else np.asarray(given, dtype=np.float64)
            if bias.shape != shape:
                raise ValueError(f"RBMLayer: {name} of shape {bias.shape}: weights of {weights.shape} need {shape}")
            object.__setattr__(self, name, bias)
        for name in ("weights", "visible_bias", "hidden_bias"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"RBMLayer: {name} has values that are not finite numbers")
        if isinstance(self.b, bool) or not isinstance(self.b, (int, np.integer)) or self.b < 1:
            raise ValueError(f"RBMLayer(b={self.b!r}): the stride b is a whole number of at least 1")
        if self.tied:
            if len(set(weights.shape[2:])) > 1 or weights.shape[2] < self.b:
                raise ValueError(
                    f"RBMLayer: a filter of sides {weights.shape[2:]} at stride {self.b}: give equal sides of at "
                    f"least the stride, or some spins are seen by no hidden unit"
                )
        else:
            sides = list(zip(self._visible[1:], self._hidden[1:], strict=True))
            whole = len({v / h for v, h in sides}) == 1 and sides[0][0] % sides[0][1] == 0
            if not whole and max(self._hidden[1:]) > 1:
                raise ValueError(
                    f"RBMLayer: hidden lattice {self._hidden[1:]} for a visible lattice {self._visible[1:]}: the sides "
                    f"of the two are in one whole ratio, the layer's scale, or the hidden lattice has one site"
                )

    # What a Network and a comparison ask of a layer

    @property
    def scale(self) -> int:
        """Ratio of the two lattice spacings."""
        return int(self.b) if self.tied else max(self._visible[1:]) // max(self._hidden[1:])

    @property
    def is_random(self) -> bool:
        """Whether the output depends on ``rng``: always."""
        return True

    @property
    def kernel(self) -> int:
        """Side of the window that a hidden unit sees."""
        return int(self.weights.shape[2]) if self.tied else max(self._visible[1:])

    @property
    def components(self) -> tuple[int, int]:
        """Components of input and output."""
        return int(self._visible[0]), int(self._hidden[0])

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return int(self.weights.size + self._a.size + self._c.size)

    @property
    def ndim(self) -> int:
        """Dimensions of space."""
        return self.weights.ndim - 2 if self.tied else self.weights.ndim // 2 - 1

    @property
    def space(self) -> Shape | None:
        """The visible lattice of a free RBM; None where any lattice will do."""
        return None if self.tied else self._visible[1:]

    def __repr__(self) -> str:
        form = f"b={self.b}, kernel={self.kernel}, filters={self._hidden[0]}"
        return f"RBMLayer({form if self.tied else f'visible={self._visible}, hidden={self._hidden}'})"

    def __call__(self, x: Any, rng: Rng = None, *, ndim: int | None = None) -> Any:
        """Draw hidden spins.

        Parameters
        ----------
        x : array (..., [component], *space) or Dataset with ``spin``
            Spins ±1.
        rng : Generator, SeedSequence or int, optional
            None draws fresh random numbers.
        ndim : int, optional
            Dimensions of space, if given: the layer knows.

        Returns
        -------
        array int8 (..., [component], *coarse) or Dataset
            With a component axis if there are several.

        Raises
        ------
        ValueError
            If values are not ±1 or the shape does not fit.
        """
        generator = np.random.default_rng(rng)
        if isinstance(x, xr.Dataset):
            have = int(x["spin"].sizes.get("component", 1)) if "spin" in x else 1
            if have != self.components[0]:
                raise ValueError(f"configurations of {have} components: {self!r} takes {self.components[0]}")
            return coarse_dataset(x, self, lambda spins, d: self(spins, generator, ndim=d))
        rows, batch, space = self.rows(x, ndim=ndim)
        return self.shaped(_coins(self.hidden_field(rows, space), generator), batch, space, hidden=True)

    def log_prob(self, y: npt.ArrayLike, x: npt.ArrayLike, *, ndim: int | None = None) -> Array:
        """ln p(h = y | v = x) in nats, shape of the batch axes, which broadcast.

        Raises
        ------
        ValueError
            If the shapes do not belong together or values are not ±1.
        """
        v, batch, space = self.rows(x, ndim=ndim)
        h, above, _ = self.rows(y, ndim=ndim, hidden=space)
        field = self.hidden_field(v, space).reshape(*batch, -1)
        return np.asarray(log_expit(2.0 * h.reshape(*above, -1) * field).sum(axis=-1))

    def randomized(self, seed: int) -> "RBMLayer":
        """The control: Gaussian weights of the same mean square, without biases."""
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0x52424D,)))
        size = float(np.sqrt(np.mean(self.weights**2)))
        return RBMLayer(generator.normal(0.0, size, self.weights.shape), tied=self.tied, b=self.b)

    def config(self) -> dict[str, Any]:
        """What `from_state` needs beside the arrays (JSON-ready)."""
        return {"tied": self.tied, "b": int(self.b)}

    def state(self) -> dict[str, Array]:
        """The arrays."""
        return {"weights": self.weights, "visible_bias": self._a, "hidden_bias": self._c}

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Array]) -> "RBMLayer":
        """The inverse of `config` and `state`."""
        arrays = (state["weights"], state["visible_bias"], state["hidden_bias"])
        return cls(*arrays, tied=bool(config["tied"]), b=int(config["b"]))

    # The machine

    def energy(self, v: npt.ArrayLike, h: npt.ArrayLike) -> Array:
        """E(v, h) = −v·W·h − a·v − c·h, shape of the batch axes, which broadcast."""
        visible, batch, space = self.rows(v)
        hidden, above, _ = self.rows(h, hidden=space)
        a, _ = self.biases(space)
        field = self.hidden_field(visible, space).reshape(*batch, -1)
        return np.asarray(-(hidden.reshape(*above, -1) * field).sum(axis=-1) - (visible @ a).reshape(batch))

    def free_energy(self, v: npt.ArrayLike) -> Array:
        """F(v) = −ln Σ_h exp(−E(v, h)), shape of the batch axes."""
        rows, batch, space = self.rows(v)
        a, _ = self.biases(space)
        step = max(1, _CHUNK // max(self.n_hidden(space), rows.shape[1]))
        parts = [
            -(part @ a) - log_2cosh(self.hidden_field(part, space)).sum(axis=1)
            for part in (rows[i : i + step] for i in range(0, len(rows), step))
        ]
        return np.concatenate(parts).reshape(batch) if parts else np.zeros(batch)

    def sample_visible(self, h: npt.ArrayLike, rng: Rng = None, *, space: Shape | None = None) -> Array:
        """Draw v from p(v|h): array int8 (..., [component], *space).

        Raises
        ------
        ValueError
            If values are not ±1 or the shape does not fit.
        """
        hidden = np.asarray(h)
        if space is None:
            coarse = hidden.shape[max(0, hidden.ndim - self.ndim) :]
            space = tuple(side * self.scale for side in coarse) if self.tied else self._visible[1:]
        rows, batch, _ = self.rows(hidden, hidden=space)
        return self.shaped(
            _coins(self.visible_field(rows, space), np.random.default_rng(rng)), batch, space, hidden=False
        )

    # On rows: arrays (n, units), units flattened from (component, *space)

    def rows(
        self, x: npt.ArrayLike, *, ndim: int | None = None, hidden: Shape | None = None
    ) -> tuple[Array, Shape, Shape]:
        """Check an array of visible (or, for the lattice ``hidden`` belongs to, hidden) spins.

        Returns
        -------
        rows : array float64 (n, units)
        batch : tuple
            The axes in front.
        space : tuple
            The visible lattice.
        """
        array = np.asarray(x)
        what = "visible" if hidden is None else "hidden"
        if ndim is not None and ndim != self.ndim:
            raise ValueError(f"ndim={ndim}: {self!r} is for {self.ndim} dimensions")
        count = self.components[0 if hidden is None else 1]
        axes = self.ndim + (count > 1)
        rule = "(..., " + ("component, " if count > 1 else "") + "*space)"
        if array.ndim < axes or (count > 1 and array.shape[array.ndim - axes] != count):
            raise ValueError(
                f"{what} spins of shape {array.shape}: {self!r} takes {rule}"
                + (f" with {count} components" if count > 1 else "")
            )
        sides = array.shape[array.ndim - self.ndim :]
        space = sides if hidden is None else hidden
        coarse = self.coarse_shape(space)
        if hidden is not None and sides != coarse:
            raise ValueError(f"hidden spins of lattice {sides}: {self!r} on {space} has {coarse}")
        if not ((array == 1) | (array == -1)).all():
            raise ValueError(f"{what} spins other than ±1: an RBM is for spins ±1; recode bits as 2*x - 1")
        batch = array.shape[: array.ndim - axes]
        return array.reshape(math.prod(batch), -1).astype(np.float64), batch, space

    def shaped(self, rows: Array, batch: Shape, space: Shape, *, hidden: bool) -> Array:
        """The inverse of `rows`."""
        count = self.components[1 if hidden else 0]
        sides = self.coarse_shape(space) if hidden else space
        return rows.reshape(*batch, *((count,) if count > 1 else ()), *sides)

    def coarse_shape(self, shape: Shape) -> Shape:
        """The hidden lattice for a visible one.

        Raises
        ------
        ValueError
            If the layer does not take that lattice.
        """
        space = tuple(int(side) for side in shape)
        if not self.tied:
            if space != self._visible[1:]:
                raise ValueError(f"lattice {space}: {self!r} is free, and for {self._visible[1:]} alone")
            return self._hidden[1:]
        if len(space) != self.ndim:
            raise ValueError(f"lattice {space}: {self!r} is for {self.ndim} dimensions")
        if min(space) < self.kernel:
            raise ValueError(f"lattice {space}: {self!r} needs sides of at least its kernel, {self.kernel}")
        return lattice.coarse_shape(space, self.scale, repr(self))

    def n_hidden(self, space: Shape) -> int:
        """Number of hidden units."""
        return self.components[1] * math.prod(self.coarse_shape(space))

    def biases(self, space: Shape) -> tuple[Array, Array]:
        """a and c for each unit, flat."""
        if not self.tied:
            return self._a.ravel(), self._c.ravel()
        return np.repeat(self._a, math.prod(space)), np.repeat(self._c, math.prod(self.coarse_shape(space)))

    def matrix(self, space: Shape) -> Any:
        """W of shape (hidden units, visible units): an array, or a sparse matrix if tied."""
        if not self.tied:
            return self.weights.reshape(math.prod(self._hidden), -1)
        filters, components = self.weights.shape[:2]
        index = windows(space, components, self.kernel, self.b)
        units = filters * len(index)
        data = np.repeat(self.weights.reshape(filters, 1, -1), len(index), axis=1)
        where = np.broadcast_to(index, (filters, *index.shape))
        ends = np.arange(units + 1) * index.shape[1]
        return scipy.sparse.csr_matrix((data.ravel(), where.ravel(), ends), (units, components * math.prod(space)))

    def hidden_field(self, rows: Array, space: Shape) -> Array:
        """φ = W v + c of rows (n, visible units): (n, hidden units)."""
        return np.asarray((self.matrix(space) @ rows.T).T) + self.biases(space)[1]

    def visible_field(self, rows: Array, space: Shape) -> Array:
        """Wᵀ h + a of rows (n, hidden units): (n, visible units)."""
        return np.asarray((self.matrix(space).T @ rows.T).T) + self.biases(space)[0]

    @property
    def _a(self) -> Array:
        assert self.visible_bias is not None  # set on creation
        return self.visible_bias

    @property
    def _c(self) -> Array:
        assert self.hidden_bias is not None
        return self.hidden_bias

    @property
    def _visible(self) -> Shape:
        half = self.weights.ndim // 2
        return (self.weights.shape[1],) if self.tied else self.weights.shape[half:]

    @property
    def _hidden(self) -> Shape:
        half = self.weights.ndim // 2
        return (self.weights.shape[0],) if self.tied else self.weights.shape[:half]


def windows(space: Shape, components: int, kernel: int, b: int) -> npt.NDArray[np.int64]:
    """Flat indices into (components, *space) of what each hidden site sees: (hidden sites, components·kernel^d)."""
    ndim = len(space)
    starts = [(np.arange(side // b) * b - (kernel - b) // 2) for side in space]
    along = [(start[:, None] + np.arange(kernel)) % side for start, side in zip(starts, space, strict=True)]
    index = np.zeros((1,) * (2 * ndim), dtype=np.int64)
    for axis, (places, side) in enumerate(zip(along, space, strict=True)):
        shape = [1] * (2 * ndim)
        shape[axis], shape[ndim + axis] = places.shape
        index = index * side + places.reshape(shape)
    sites = index.reshape(math.prod(side // b for side in space), 1, kernel**ndim)
    whole = sites + np.arange(components)[:, None] * math.prod(space)
    return whole.reshape(len(sites), -1)


def unit_states(units: int, start: int = 0, stop: int | None = None) -> npt.NDArray[np.int8]:
    """States of so many spins, in the order of `rgnet.exact.enumerate.states`, one spin allowed: (states, units)."""
    if units == 1:
        return np.array([[-1], [1]], dtype=np.int8)[start:stop]
    return full.states(units, start, stop)


def log_2cosh(x: Array) -> Array:
    """ln 2cosh x without overflow."""
    size = np.abs(x)
    return np.asarray(size + np.log1p(np.exp(-2.0 * size)))


def _coins(field: Array, rng: np.random.Generator) -> Array:
    """Spins with p(1) = 1/(1 + exp(−2 field))."""
    return np.where(rng.random(field.shape) < expit(2.0 * field), np.int8(1), np.int8(-1))
