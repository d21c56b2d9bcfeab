"""Couplings → Ising configuration → what is observed of it: noise, and coarse-graining.

    y_0 = i (the couplings (K_i, h_i), with a prior)  →  y_1 = s ~ exp(K_i Σ ss + h_i Σ s)/Z_i
        →  [ y_2: every spin flipped or erased at random ]  →  [ one level for each layer ] .

Of the configuration itself the posterior is exact wherever ln Z is,

    p(i | s) ∝ p(i) exp(K_i S + h_i M − ln Z_i) ,     S = Σ_<ij> s_i s_j ,   M = Σ_i s_i ,

so that (S, M), or what of it the couplings tell apart, is sufficient (claim C3), and I(y_0; y_1) = I(y_0; S, M) is
exact through the density of states. ln Z: `rgnet.exact.chain1d` (any h), `rgnet.exact.ising2d` (torus, h = 0: Kaufman),
and the density of states (small lattices and strips, any h). What noise and layers leave is exact by enumeration only,
up to 2^20 configurations. Claim B1.

Draws are Monte Carlo draws of `rgnet.sample`: correlated along a chain, a chain having one and the same couplings.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from rgnet import lattice
from rgnet import operators as ops
from rgnet.estimate import Estimate
from rgnet.exact import _push, chain1d, ising2d
from rgnet.exact import enumerate as full
from rgnet.hierarchies import _lattice_exact as small
from rgnet.hierarchies import _lattice_parameters as parameters
from rgnet.hierarchies._lattice_density import Density, density
from rgnet.hierarchies._levels import level_of, whole
from rgnet.hierarchies._shared import Array, Floats, check_prior, fraction, log, softmax
from rgnet.hierarchies._statistic import Statistic
from rgnet.layers import Decimation, Kadanoff, Majority
from rgnet.models import Ising


@dataclass(frozen=True, init=False)
class LatticeHierarchy:
    """A finite set of couplings, Ising configurations, and their observations.

    Parameters
    ----------
    shape : int or tuple of int
    couplings : mapping of "K" and "h" to numbers or sequences, optional
        The couplings that y_0 chooses from; one number stands for all. ``K=[…]`` is short for ``couplings={"K": […]}``.
    prior : sequence of float, optional
        Probabilities of the couplings; uniform unless given.
    noise : float
        Probability that a spin of the observation is flipped.
    erasure : float
        Probability that it is not seen at all (0) instead.
    layers : sequence of layers
        Each makes one more level, such as ``[rg.Majority(3)]``.
    boundary : "periodic", "free", or one of them for each side

    Raises
    ------
    ValueError
        If the couplings are fewer than two or of different numbers, or another parameter is out of range.
    """

    shape: tuple[int, ...]
    K: tuple[float, ...]
    h: tuple[float, ...]
    prior: tuple[float, ...]
    noise: float
    erasure: float
    layers: tuple[Any, ...]
    boundary: tuple[str, ...]

    def __init__(
        self,
        shape: int | Sequence[int],
        couplings: Mapping[str, Any] | None = None,
        *,
        K: Sequence[float] | None = None,
        prior: Any = None,
        noise: float = 0.0,
        erasure: float = 0.0,
        layers: Sequence[Any] = (),
        boundary: str | Sequence[str] = "periodic",
    ) -> None:
        set_ = object.__setattr__
        sides = lattice.check_shape(shape)
        values = parameters.couplings_of(couplings, K)
        set_(self, "shape", sides)
        set_(self, "K", values[0])
        set_(self, "h", values[1])
        set_(self, "prior", check_prior(prior, len(values[0])))
        set_(self, "noise", fraction("noise", noise))
        set_(self, "erasure", fraction("erasure", erasure))
        set_(self, "layers", tuple(_push.steps(list(layers) if isinstance(layers, Sequence) else layers)))
        set_(self, "boundary", lattice.check_boundary(boundary, sides))
        for k in range(len(self.layers)):
            lattice.coarse_shape(sides, math.prod(x.scale for x in self.layers[: k + 1]), repr(self.layers[k]))

    @property
    def channels(self) -> tuple[Any, ...]:
        """What leads from y_1 to the data, step by step: the noise, where there is any, and the layers."""
        noisy = self.noise > 0 or self.erasure > 0
        return (*([small.Noise(self.noise, self.erasure)] if noisy else []), *self.layers)

    @property
    def steps(self) -> int:
        """Number of the last level, the data."""
        return 1 + len(self.channels)

    @property
    def level_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Lattice of each level; () for y_0."""
        shapes: list[tuple[int, ...]] = [(), self.shape]
        for channel in self.channels:
            shapes.append(tuple(side // channel.scale for side in shapes[-1]))
        return tuple(shapes)

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """Sites of each level."""
        return tuple(math.prod(shape) for shape in self.level_shapes)

    @property
    def alphabet(self) -> tuple[int | None, ...]:
        """States of a site, by level; None where they are real numbers."""
        return (len(self.K), *(None if values is None else len(values) for values in self._values()[1:]))

    def _values(self) -> list[tuple[int, ...] | None]:
        """What a site can be, by level, in the order of the states."""
        values: list[tuple[int, ...] | None] = [None, full.SPINS]
        for channel in self.channels:
            if isinstance(channel, small.Noise):
                values.append(channel.values)
            elif isinstance(channel, Decimation):
                values.append(values[-1])
            else:
                values.append(full.SPINS if isinstance(channel, Majority | Kadanoff) else None)
        return values

    def dims(self, level: int) -> tuple[str, ...]:
        """Names of the space dimensions: x, y, … where level k has the size of y_1, else x_level_k and so on."""
        shape = self.level_shapes[level]
        names = lattice.dims(len(shape))
        return names if shape == self.shape else tuple(f"{name}_level_{level}" for name in names)

    def model(self, state: int) -> Ising:
        """The Ising model of one state of y_0."""
        return Ising(self.shape, K=self.K[state], h=self.h[state], boundary=self.boundary)

    def sample(self, n: int, seed: int = 0, chains: int | None = None, **settings: Any) -> xr.Dataset:
        """Draw from every level by Monte Carlo.

        Parameters
        ----------
        n : int
            Draws of each chain.
        seed : int
        chains : int, optional
            Chains in all. Each keeps one state of y_0, and the states have chains in proportion to the prior, so
            that prior·chains has to be whole; the fewest such, up to 1000, unless given.
        **settings
            ``update``, ``warmup`` and ``thin`` of `rgnet.sample`, which by itself measures the autocorrelation time.

        Returns
        -------
        Dataset
            ``y_0 (chain, draw)``, ``y_1 (chain, draw, x, …)``, and every further level.

        Raises
        ------
        ValueError
            If a number is out of range, or `rgnet.sample` refuses.
        """
        from rgnet.sampling import sample

        n, seed = whole("n", n, 1), whole("seed", seed, 0)
        unknown = set(settings) - {"update", "warmup", "thin"}
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))}: unknown; the settings are update, warmup and thin")
        counts = parameters.chains_of(self.prior, chains)
        spins = []
        for state, count in enumerate(counts):
            if count:
                own = np.random.SeedSequence(seed, spawn_key=(0, state)).generate_state(4)
                number = int.from_bytes(own.tobytes(), "little")
                spins.append(sample(self.model(state), n, chains=count, seed=number, **settings)["spin"].values)
        levels = [np.concatenate(spins)]
        for k, channel in enumerate(self.channels):
            streams = [np.random.SeedSequence(seed, spawn_key=(k + 1, c)) for c in range(len(levels[0]))]
            levels.append(
                np.stack(
                    [
                        channel(x, np.random.default_rng(stream), ndim=len(self.shape))
                        for x, stream in zip(levels[-1], streams, strict=True)
                    ]
                )
            )
        labels = np.repeat(np.arange(len(counts)), counts)[:, None].repeat(n, axis=1)
        variables: dict[str, Any] = {"y_0": (("chain", "draw"), labels.astype(np.min_scalar_type(len(counts))))}
        for k, x in enumerate(levels, start=1):
            variables[f"y_{k}"] = (("chain", "draw", *self.dims(k)), x)
        own_attrs = {name: json.dumps(getattr(self, name)) for name in ("shape", "K", "h", "prior", "boundary")}
        attrs = {
            **own_attrs,
            "noise": self.noise,
            "erasure": self.erasure,
            "layers": json.dumps([*map(repr, self.layers)]),
        }
        return xr.Dataset(variables, attrs={"hierarchy": "LatticeHierarchy", **attrs, "seed": seed})

    def log_Z(self) -> Floats:
        """Return ln Z of each state of y_0, exactly.

        Raises
        ------
        ValueError
            If it is not known exactly for this lattice and these couplings.
        """
        K, h = np.array(self.K), np.array(self.h)
        if len(self.shape) == 1:
            return np.asarray(chain1d.log_Z(K, h, self.shape[0], self.boundary[0]))
        if len(self.shape) == 2 and self.boundary == ("periodic",) * 2 and not h.any():
            return np.asarray(ising2d.log_Z(K, (self.shape[0], self.shape[1])))
        states = self._density()
        if states is None:
            raise ValueError(
                f"shape={self.shape}, boundary={self.boundary}, h={self.h}: ln Z is not known exactly, so neither is "
                f"the posterior of the couplings; use a chain, a torus at h = 0, a strip up to some 8 wide, or 18 spins"
            )
        weights = states.log_count + K[:, None] * states.bonds + h[:, None] * states.spins
        return np.asarray(np.logaddexp.reduce(weights, axis=1))

    def _density(self) -> Density | None:
        return density(self.shape, self.boundary, len(set(self.h)) > 1 or self.h[0] != 0)

    def _sums(self, x: Array) -> tuple[Array, Array]:
        """Bond sum and magnetisation of configurations (..., *shape)."""
        found = ops.sums(x, ops.resolve(["nn", "m"], len(self.shape)), self.boundary)
        return found[..., 0], found[..., 1]

    def _take(self, data: Any) -> tuple[Array, tuple[str, ...] | None]:
        """Data (..., *shape) of the last level, and the batch dimensions of a DataArray."""
        batch = None
        if isinstance(data, xr.Dataset):
            if f"y_{self.steps}" not in data:
                raise ValueError(
                    f"no variable y_{self.steps} in the Dataset: give one that `sample` returned, or an array"
                )
            data = data[f"y_{self.steps}"]
        if isinstance(data, xr.DataArray):
            batch = tuple(name for name in ("chain", "draw") if name in data.dims)
            if set(data.dims) != {*batch, *self.dims(self.steps)} or not batch:
                raise ValueError(
                    f"data with the dimensions {data.dims}: give (chain, draw, {', '.join(self.dims(self.steps))})"
                )
            data = data.transpose(*batch, *self.dims(self.steps)).values
        x, shape = np.asarray(data), self.level_shapes[-1]
        if x.ndim <= len(shape) or x.shape[x.ndim - len(shape) :] != shape:
            raise ValueError(f"data of shape {x.shape}: give (n, {', '.join(map(str, shape))}), draws first")
        values = self._values()[-1]
        if values is not None and not np.isin(x, values).all():
            raise ValueError(f"data with other values than {', '.join(map(str, values))}, those of level {self.steps}")
        return x, batch

    def posterior(self, data: Any, level: int = 0) -> Any:
        """p(y_level | data), exactly.

        Parameters
        ----------
        data : array (n, *space), or (chain, draw, *space), or what `sample` returned
        level : int

        Returns
        -------
        array or DataArray
            (n, states of y_0) for level 0, else (n, *space, states) with the marginal of each site, the states in
            ascending order (−1 first).

        Raises
        ------
        ValueError
            If the data are of another shape or have other values, or exactness is out of reach.
        """
        level = level_of(level, self.steps)
        x, batch = self._take(data)
        shape = self.level_shapes[level]
        flat = x.reshape(-1, *self.level_shapes[-1])
        if level == self.steps:
            values = self._site_values(level)
            result = (flat[..., None] == np.array(values)).astype(np.float64)
        elif self.steps == 1:
            result = softmax(self._log_joint(*self._sums(flat)))
        else:
            result = self._from_table(flat, level).reshape(len(flat), *shape, -1)
        result = result.reshape(*x.shape[: x.ndim - len(self.level_shapes[-1])], *result.shape[1:])
        return result if batch is None else xr.DataArray(result, dims=(*batch, *self.dims(level), "state"))

    def _log_joint(self, bonds: Array, spins: Array) -> Floats:
        """ln p(i) p(s | i): (n,) and (n,) to (n, states)."""
        K, h = np.array(self.K), np.array(self.h)
        return np.asarray(bonds[..., None] * K + spins[..., None] * h - self.log_Z() + log(self.prior))

    def _site_values(self, level: int) -> tuple[int, ...]:
        values = self._values()[level]
        if values is None:
            raise ValueError(f"level {level} has real values: its sites have no table of states; ask for level 0")
        return values

    def _joint(self) -> tuple[Array, Floats]:
        """All configurations of y_1 with p(i, s): (2^N, *shape) and (2^N, states)."""
        values = 3 if self.erasure > 0 else 2
        sites = math.prod(self.shape)
        if values**sites > small.MAX_STATES:
            raise ValueError(
                f"shape={self.shape}: what noise and layers leave is exact by enumeration only, of at most 2^20 "
                f"configurations, and here are {values}^{sites}; use a smaller lattice, the clean hierarchy (no noise, "
                f"no layers), or an estimator of rgnet.information on samples"
            )
        every = full.states(self.shape)
        return every, np.exp(self._log_joint(*self._sums(every)))

    def _from_table(self, flat: Array, level: int) -> Floats:
        """Marginals of a level given the data, (n, sites·states), by enumeration."""
        every, weights = self._joint()
        if level > 0:
            every, weights = small.carry((every, weights.sum(axis=1, keepdims=True)), self.channels[: level - 1])
            is_state = every.reshape(len(every), -1, 1) == np.array(self._site_values(level))
            weights = weights * is_state.reshape(len(every), -1)
        configurations, table = small.carry((every, weights), self.channels[max(level - 1, 0) :])
        place = small.find(configurations, flat.astype(configurations.dtype))
        if (place < 0).any():
            raise ValueError(f"draw {int(np.flatnonzero(place < 0)[0])} of the data is not a possible observation")
        rows = table[place].reshape(len(flat), -1, len(self.K) if level == 0 else len(self._site_values(level)))
        return np.asarray((rows / rows.sum(axis=-1, keepdims=True)).reshape(len(flat), -1))

    def mutual_information(
        self, level_a: int, level_b: int, *, n: int | None = None, chains: int | None = None, seed: int = 0
    ) -> Estimate:
        """I(y_a; y_b) in nats.

        Exact through the density of states for I(y_0; y_1), and by enumeration of small lattices for every pair.
        I(y_0; y_1) of large lattices is, with ``n=``, an unbiased estimate from n draws of each of ``chains`` chains:
        the mean of H(y_0) − H(y_0 | y_1 = draw), from exact posteriors, with the error from the spread of the chains.

        Raises
        ------
        ValueError
            If a level does not exist, or the value is out of reach.
        """
        from rgnet.hierarchies import _lattice_information as information

        a, b = sorted(level_of(x, self.steps, name) for name, x in (("level_a", level_a), ("level_b", level_b)))
        return information.mutual_information(self, a, b, n, chains, seed)

    def sufficient(self, level: int = 0) -> Statistic:
        """The minimal sufficient statistic of the data for y_0: labels, one for each posterior.

        Of the configuration itself these are numbered values of the bond sum or the magnetisation, whichever the
        couplings tell apart, or of both; of noisy or coarse data, groups of configurations of equal posterior.

        Raises
        ------
        ValueError
            If the level is not 0, or noisy or coarse data cannot be enumerated.
        """
        from rgnet.hierarchies import _lattice_information as information

        if level_of(level, self.steps) != 0:
            raise ValueError(
                f"level={level}: the statistic is for the couplings, level 0; of y_{level} use `posterior`"
            )
        return information.clean_statistic(self) if self.steps == 1 else information.table_statistic(self)
