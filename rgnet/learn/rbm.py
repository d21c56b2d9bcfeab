"""Restricted Boltzmann machines as learned coarse-grainings: specifications, stacks, and what is measured of them.

Mehta & Schwab (2014, arXiv:1410.3831) map the variational RG to RBMs: the hidden spins of a machine trained on a
lattice are taken for block spins, those of a stack for the levels of an RG. Two forms are offered: *translation-tied*,
a filter that moves over the periodic lattice with stride b, so that the hidden layer is a lattice L/b with as many
components as filters, and *free*, every hidden unit seeing all spins. What each form means is in `_rbm_layer`, how it
is trained in `_rbm_machine` (contrastive divergence, Hinton 2002; persistent, Tieleman 2008; L1 as Mehta & Schwab did).

An RBM trained unsupervised has no target: whether its hidden spins are a coarse-graining is for
`rgnet.learn.variational` and the comparison with a block spin to say.
"""

import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import labels, models
from rgnet.exact import enumerate as full
from rgnet.layers import Network
from rgnet.learn import training as core
from rgnet.learn._rbm_layer import Array, RBMLayer, Shape
from rgnet.learn._rbm_machine import EXACT_UNITS, Machine
from rgnet.learn._torch import torch
from rgnet.learn.annealing import gibbs, kl, log_Z
from rgnet.learn.training import Learned, Training

__all__ = ["RBM", "RBMLayer", "RBMStack", "TrainingWarning", "gibbs", "kl", "log_Z"]


class TrainingWarning(UserWarning):
    """A machine has learned nothing."""


_SWITCHES = ("persistent", "exact", "biases")


@dataclass(frozen=True)
class RBM:
    """Specification of a restricted Boltzmann machine with spins ±1.

    Parameters
    ----------
    hidden : int or tuple of int, optional
        For a free RBM, the number of hidden units (components on a lattice of one site), or the hidden lattice,
        with ``filters`` components. Unless given, the lattice L/b.
    b : int
        Stride of a tied RBM, at least 1.
    kernel : int, optional
        Side of a tied filter, at least ``b``: ``b`` unless given, so that windows are blocks.
    tied : bool, optional
        Translation-tied or free; unless given, free if ``hidden`` is given.
    filters : int
        Components of the hidden lattice.
    k : int
        Gibbs steps of contrastive divergence.
    persistent : bool
        Persistent contrastive divergence: the samples go on from step to step.
    exact : bool
        Train by the exact likelihood instead, where the smaller side has at most 16 units.
    l1 : float
        Penalty l1 Σ|W| on the weights, at least 0.
    biases : bool
        Whether there are fields; without, the machine has the symmetry v, h → −v, −h.
    init : float
        Standard deviation of the Gaussian initial weights, times 1/√(inputs of a hidden unit).

    Raises
    ------
    ValueError
        If a number is out of range or two parameters contradict each other.
    """

    hidden: int | tuple[int, ...] | None = None
    b: int = 2
    kernel: int | None = None
    tied: bool | None = None
    filters: int = 1
    k: int = 1
    persistent: bool = False
    exact: bool = False
    l1: float = 0.0
    biases: bool = True
    init: float = 0.1

    def __post_init__(self) -> None:
        if isinstance(self.hidden, (list, tuple)):
            object.__setattr__(self, "hidden", tuple(self.hidden))
            if not self.hidden:
                raise ValueError("RBM(hidden=()): give the number of units, or the sides of the hidden lattice")
        for name, others in (("tied", (True, False, None)), *((n, (True, False)) for n in _SWITCHES)):
            if not any(getattr(self, name) is value for value in others):
                raise ValueError(f"RBM({name}={getattr(self, name)!r}): one of {', '.join(map(str, others))}")
        if self.exact and self.persistent:
            raise ValueError("RBM(exact=True, persistent=True): the exact likelihood takes no samples; choose one")
        for name, least in (("b", 1), ("filters", 1), ("k", 1)):
            _check_whole(name, getattr(self, name), least)
        for name in ("l1", "init"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise ValueError(f"RBM({name}={value!r}): a finite number of at least 0")
        if self.hidden is not None:
            for size in self.hidden if isinstance(self.hidden, tuple) else (self.hidden,):
                _check_whole("hidden", size, 1)
        if self.tied and self.hidden is not None:
            raise ValueError(
                f"RBM(hidden={self.hidden}, tied=True): a tied RBM has its filters at every site of L/b; give filters= "
                f"for more units, or tied=False"
            )
        if self.kernel is not None:
            _check_whole("kernel", self.kernel, self.b)
            if not self.is_tied:
                raise ValueError(f"RBM(kernel={self.kernel}): hidden units of a free RBM see every spin; leave it out")
        if isinstance(self.hidden, int) and self.filters > 1:
            raise ValueError(f"RBM(hidden={self.hidden}, filters={self.filters}): give the number of units once")

    @property
    def is_tied(self) -> bool:
        """Whether the machine is translation-tied."""
        return self.hidden is None if self.tied is None else self.tied

    def initial(self, space: Shape, components: int = 1, seed: int = 0) -> RBMLayer:
        """The untrained machine for a lattice: Gaussian weights, no biases.

        Raises
        ------
        ValueError
            If the machine does not fit the lattice.
        """
        if self.is_tied:
            shape: Shape = (self.filters, components, *(self.kernel or self.b,) * len(space))
            inputs = math.prod(shape[1:])
        else:
            shape = (*self._lattice(space), components, *space)
            inputs = components * math.prod(space)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0x52424D, 1)))
        layer = RBMLayer(
            rng.normal(0.0, self.init / math.sqrt(inputs), shape), tied=self.is_tied, b=self.b if self.is_tied else 1
        )
        layer.coarse_shape(space)
        return layer

    def _lattice(self, space: Shape) -> Shape:
        if isinstance(self.hidden, int):
            return (self.hidden, *(1,) * len(space))
        coarse = tuple(side // self.b for side in space) if self.hidden is None else self.hidden
        if len(coarse) != len(space):
            raise ValueError(f"RBM(hidden={self.hidden}): a lattice of {len(space)} dimensions is needed, or a number")
        return (self.filters, *coarse)

    def fit(self, data: Any, training: Training | None = None, *, ndim: int | None = None) -> Learned:
        """Train on configurations.

        Parameters
        ----------
        data : Dataset with ``spin(chain, draw, [component], *space)``, or array (n, *space)
            Spins ±1.
        training : Training, optional
        ndim : int, optional
            For arrays, how many of the last axes are space; all but the first unless given. An axis between is
            components.

        Returns
        -------
        Learned
            ``network`` of one `RBMLayer`. ``history``: ``loss`` on held-out chains in nats a configuration (exact
            −ln p where the smaller side has at most 16 units, else the pseudo-likelihood), and the exact ``kl`` from
            the data's own model to the machine where the lattice has at most 16 spins. ``values``: their last.

        Raises
        ------
        ValueError
            If values are not ±1, or the shape does not fit.
        TrainingError
            If the weights run to infinity.

        Warns
        -----
        TrainingWarning
            If the held-out loss is worse than that of fair coins.
        """
        training = training or Training()
        rows, layout, space, components = _rows(data, ndim)
        layer = self.initial(space, components, training.seed)
        rng = np.random.default_rng(np.random.SeedSequence(training.seed, spawn_key=(0x52424D, 4)))
        machine = Machine(
            layer, space, k=self.k, persistent=self.persistent, l1=self.l1, exact=self.exact, biases=self.biases,
            particles=rng.choice((-1.0, 1.0), (training.batch, rows.shape[1])) if self.persistent else None,
        )  # fmt: skip
        if self.exact and not machine.is_exact:
            raise ValueError(
                f"{self}: {machine.n_visible} visible and {machine.n_hidden} hidden units, and exact training sums "
                f"over at most 2^{EXACT_UNITS} states of the smaller side; use contrastive divergence"
            )
        train, held = core.split_chains(*layout, training.held_out)
        spins = torch.from_numpy(rows)
        log_p = None if (p := _exact_probabilities(data)) is None else torch.from_numpy(np.log(p))
        history = core.fit(
            machine,
            lambda module, v, generator: module.loss(v, generator),
            ((spins[train],), (spins[held],)),
            training,
            evaluate=lambda module, v, generator: module.measure(v, log_p),
        )
        history["loss"].attrs["what"] = "-ln p" if machine.is_exact else "-ln pseudo-likelihood"
        history["loss"].attrs["unit"] = "nats a configuration"
        best = int(history.attrs["best_epoch"])
        values = {name: float(history[name].sel(epoch=best)) for name in ("loss", "kl") if name in history}
        coins = machine.n_visible * math.log(2.0)
        if values["loss"] > 1.1 * coins:
            warnings.warn(
                f"{self}: held-out loss of {values['loss']:.4g} nats a configuration, worse than the {coins:.4g} of "
                f"fair coins: nothing was learned; try a smaller learning_rate than {training.learning_rate:g}, or "
                f"more epochs than {training.epochs}",
                TrainingWarning,
                stacklevel=2,
            )
        return Learned(Network([machine.as_layer()]), history, self, values)


@dataclass(frozen=True, init=False)
class RBMStack:
    """RBMs in sequence, each trained on hidden samples of the one below (Hinton, Osindero & Teh 2006).

    Parameters
    ----------
    layers : iterable of RBM
    """

    layers: tuple[RBM, ...]

    def __init__(self, layers: Sequence[RBM]) -> None:
        items = tuple(layers)
        if not items or not all(isinstance(item, RBM) for item in items):
            raise ValueError(f"RBMStack({layers!r}): give a list of one RBM or more")
        object.__setattr__(self, "layers", items)

    def fit(self, data: Any, training: Training | None = None, *, ndim: int | None = None) -> Learned:
        """Train layer by layer; parameters and errors as `RBM.fit`.

        Layer k is trained on level k of ``network.levels(data, seed)``, the draws that any level of the result has.

        Returns
        -------
        Learned
            ``network`` of all layers; ``history`` over ``layer`` and ``epoch``; ``values`` such as ``loss_1``.
        """
        training = training or Training()
        layers: list[Any] = []
        histories: list[xr.Dataset] = []
        values: dict[str, Any] = {}
        level = data
        for index, spec in enumerate(self.layers):
            seed = int(np.random.SeedSequence(training.seed, spawn_key=(0x52424D, 2, index)).generate_state(1)[0])
            folder = training.checkpoint
            own = replace(training, seed=seed, checkpoint=None if folder is None else f"{folder}/layer_{index}")
            learned = spec.fit(level, own, ndim=ndim)
            layers += learned.network.layers
            histories.append(learned.history)
            values |= {f"{name}_{index}": value for name, value in learned.values.items()}
            if index + 1 < len(self.layers):
                if isinstance(data, xr.Dataset):
                    level = Network(layers).levels(data, seed=training.seed)[-1]
                else:
                    ndim = layers[0].ndim
                    stream = np.random.SeedSequence(training.seed, spawn_key=(0x52424D, 3, index))
                    level = layers[-1](level, stream, ndim=ndim)
        history = xr.concat(histories, "layer", join="outer").assign_coords(layer=np.arange(1, len(layers) + 1))
        history.attrs["seconds"] = float(sum(item.attrs["seconds"] for item in histories))
        return Learned(Network(layers), history, self, values)


def _check_whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"RBM({name}={value!r}): a whole number of at least {least}")


def _rows(data: Any, ndim: int | None) -> tuple[npt.NDArray[np.int8], tuple[int, int], Shape, int]:
    """Spins as rows (n, units), chain by chain; (chains, draws); the lattice; components."""
    if isinstance(data, xr.Dataset):
        space = tuple(name for name in labels.space_dims(data) if name != "component")
        spins = data["spin"]
        if "draw" not in spins.dims:
            raise ValueError(
                f"configurations with dimensions {spins.dims}: training needs draws, (chain, draw, *space)"
            )
        extra = [name for name in spins.dims if name not in ("chain", "draw", "component", *space)]
        if extra:
            raise ValueError(f"configurations with the dimensions {extra}: select one of each first")
        if "chain" not in spins.dims:
            spins = spins.expand_dims("chain")
        inner = (*(("component",) if "component" in spins.dims else ()), *space)
        array: Array = spins.transpose("chain", "draw", *inner).values
        d = len(space)
    else:
        array = np.asarray(data)
        d = array.ndim - 1 if ndim is None else ndim
        if not 1 <= d < array.ndim <= d + 2:
            raise ValueError(f"ndim={ndim} for an array of shape {array.shape}: give (n, [component], *space)")
        array = array[None]
    if not array.size:
        raise ValueError(f"configurations of shape {array.shape}: there are none; give draws to train on")
    if not ((array == 1) | (array == -1)).all():
        raise ValueError("configurations have values other than ±1: an RBM is for spins ±1; recode bits as 2*x - 1")
    layout = (int(array.shape[0]), int(array.shape[1]))
    inner_shape = array.shape[2:]
    components = int(inner_shape[0]) if len(inner_shape) > d else 1
    space_shape = tuple(int(side) for side in inner_shape[len(inner_shape) - d :])
    rows = np.ascontiguousarray(array.reshape(layout[0] * layout[1], -1), dtype=np.int8)
    return rows, layout, space_shape, components


def _exact_probabilities(data: Any) -> Array | None:
    """p(v) of every state, where the data says its model and the lattice is small."""
    attrs = getattr(data, "attrs", {})
    if "model" not in attrs or int(attrs.get("level", 0)) != 0 or json.loads(attrs["model"]).get("name") != "Ising":
        return None
    model = models.from_attrs(attrs)
    return full.distribution(model.energy, model.shape) if model.n_sites <= EXACT_UNITS else None
