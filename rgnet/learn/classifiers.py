"""Supervised networks: which class, or which coupling, a configuration comes from.

A periodic convolutional network whose layers have the stride b, so that layer k lives on the lattice of RG level k,

    x → a_1 = σ(W_1 * x) → … → a_n → logits = V ⟨a_n⟩ + c ,      q(y|x) = softmax(logits) ,

trained by the cross-entropy ⟨−ln q(y|x)⟩. No q has less than the conditional entropy: ⟨−ln q⟩ = H(y|x) + ⟨KL(p ‖ q)⟩.
For lattice models p(y|x) is known (`rgnet.cheap.classifier`), and `beside_bayes` puts the network beside it on the same
draws; with ReLU or squares and kernel b + 1 one layer holds every bond of the lattice, [s + s' − 1]_+ + [−s − s' − 1]_+
= (1 + s s')/2, so the optimum between two temperatures is within reach.

*Thermometer* (``target="K"`` or ``"h"``): the classes are the couplings that occur in the training data, a grid; what
is predicted is the posterior over the grid, as in the literature on flows of Boltzmann machines (Iso, Shiba & Yokoo
2018; Funai & Giataganas 2020), and it has an exact counterpart. It cannot leave the grid: at its ends the mean leans
inwards, and configurations of no temperature (coarse ones, say) are read as the nearest it knows.

Source: Carrasquilla & Melko (2017), Nature Phys. 13, 431 (phases); Lin, Tegmark & Rolnick (2017), eqs. 6-8.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import log_softmax

from rgnet import cheap, models
from rgnet.cheap.classification import as_rows, mean_score
from rgnet.estimate import Estimate
from rgnet.layers.network import Network
from rgnet.learn import _classifier_module as modules
from rgnet.learn._classifier_module import is_whole
from rgnet.learn._rows import Rows, held_score, rows_of
from rgnet.learn._torch import torch
from rgnet.learn.adapters import from_torch
from rgnet.learn.training import Learned, Training, fit, split_chains

Array = npt.NDArray[Any]
TARGETS = ("label", "K", "h")
_MOST_CLASSES = 256


@dataclass(frozen=True)
class Classifier:
    """A convolutional network that tells classes or couplings.

    Parameters
    ----------
    channels : sequence of int
        Components of each convolutional layer; empty for none, as in a dense network.
    kernel : int
        Side of the window of each unit, at least b.
    b : int
        Stride of each layer.
    activation : "relu", "square", "tanh" or "linear"
        After each convolution.
    pool : bool
        Average the last layer over the lattice before the dense part; False feeds it every site.
    hidden : sequence of int
        Widths of dense layers (ReLU) between the last convolution and the logits.
    target : "label", "K" or "h"
        What is told: given labels, or a coupling of the model.

    Raises
    ------
    ValueError
        If a number is out of range or a name unknown.
    """

    channels: tuple[int, ...] = (16, 16)
    kernel: int = 3
    b: int = 2
    activation: str = "relu"
    pool: bool = True
    hidden: tuple[int, ...] = ()
    target: str = "label"

    def __post_init__(self) -> None:
        for name in ("channels", "hidden"):
            value = getattr(self, name)
            if not isinstance(value, Sequence) or isinstance(value, str) or not all(is_whole(n, 1) for n in value):
                raise ValueError(f"Classifier({name}={value!r}): give whole numbers of at least 1, such as (16, 16)")
            object.__setattr__(self, name, tuple(int(n) for n in value))
        if not is_whole(self.b, 2):
            raise ValueError(f"Classifier(b={self.b!r}): the stride is a whole number of at least 2")
        if not is_whole(self.kernel, self.b):
            raise ValueError(
                f"Classifier(kernel={self.kernel!r}): a whole number of at least b={self.b}, or sites go unseen"
            )
        for name, known in (("activation", tuple(modules.ACTIVATIONS)), ("target", TARGETS)):
            if getattr(self, name) not in known:
                raise ValueError(f"Classifier({name}={getattr(self, name)!r}): it is one of {', '.join(known)}")

    def fit(
        self, data: Any, labels: Any = None, training: Training | None = None, *, ndim: int | None = None
    ) -> Learned:
        """Train on labelled draws.

        Parameters
        ----------
        data : Dataset with ``spin(chain, draw, [component], *space)``, a list of such Datasets, or array (n, *space)
            Datasets of a list are chains of the models that their attributes name.
        labels : array or DataArray (chain,), (chain, draw) or (n,), optional
            The class, whole numbers or strings; for the targets K and h the coupling. By default the coordinate
            ``label``, ``K`` or ``h`` of the data, or the couplings of a list's models.
        training : Training, optional
        ndim : int, optional
            For arrays (n, components, *space), how many axes are space; by default all but the first.

        Returns
        -------
        Learned
            ``network``: levels block1, …, logits (a lattice of one site). ``values``: ``cross_entropy`` and
            ``accuracy`` on the held-out chains (which chose the epoch too: for a strict comparison give new draws to
            `beside_bayes`), ``classes`` (number). Errors are NaN where the held-out chains are too short for any.

        Raises
        ------
        ValueError
            If labels are missing, do not fit, or name one class; a class has no chain to train on or none to judge;
            b^layers does not divide the lattice, or the kernel is too large for it.
        TrainingError
            If the loss becomes infinite.
        """
        training = Training() if training is None else training
        rows = rows_of(data, ndim)
        values, y, per_chain = _targets(labels, data, rows, self.target)
        module, names = self._module(rows, len(values), training.seed)
        train, held = split_chains(*rows.layout, training.held_out, per_chain)
        for name, part in (("to train on", train), ("held out", held)):
            missing = np.setdiff1d(np.arange(len(values)), y[part])
            if len(missing):
                raise ValueError(
                    f"the class {values[missing[0]]} has no draw {name}: give two chains or more of each class, or "
                    f"classes that change from draw to draw"
                )
        x, target = torch.from_numpy(rows.x), torch.from_numpy(y)
        history = fit(module, _loss, ((x[train], target[train]), (x[held], target[held])), training)
        network = self._network(module, names, rows, len(values), training.seed)
        log_q = _log_q(module, x[held])
        share = (np.bincount(y[train], minlength=len(values)) / len(train)).tolist()
        found: dict[str, Any] = {
            "cross_entropy": held_score(
                -log_q[np.arange(len(held)), y[held]], rows, y=y[held], prior=share, unit="nats",
                method="mean of −ln q(y|x) on held-out chains",
            ),
            "accuracy": held_score(
                log_q.argmax(axis=1) == y[held], rows, y=y[held], prior=share,
                method="share of held-out draws told right",
            ),
            "classes": float(len(values)),
        }  # fmt: skip
        history.attrs["classes"] = json.dumps(values.tolist())
        return Learned(network, history, self, found)

    def initial(self, data: Any, classes: int, seed: int = 0, *, ndim: int | None = None) -> Network:
        """The network with random weights, as training would begin: the control."""
        rows = rows_of(data, ndim)
        module, names = self._module(rows, classes, seed)
        return self._network(module.eval(), names, rows, classes, seed)

    def _settings(self, rows: Rows, outputs: int, seed: int) -> dict[str, Any]:
        return {
            "shape": list(rows.shape), "components": rows.components, "outputs": outputs, "kernel": self.kernel,
            "channels": list(self.channels), "b": self.b, "activation": self.activation, "pool": self.pool,
            "hidden": list(self.hidden), "seed": seed,
        }  # fmt: skip

    def _module(self, rows: Rows, outputs: int, seed: int) -> tuple[Any, list[str]]:
        modules.check_fits(rows.shape, len(self.channels), self.kernel, self.b)
        return modules.build(**self._settings(rows, outputs, seed))

    def _network(self, module: Any, names: list[str], rows: Rows, outputs: int, seed: int) -> Network:
        builder = ("classifier", self._settings(rows, outputs, seed))
        return from_torch(module, names, shape=rows.shape, components=rows.components, builder=builder)


def probabilities(learned: Learned, data: Any) -> Any:
    """q(y|x) of the trained network.

    Parameters
    ----------
    learned : Learned
        What `Classifier.fit` returned.
    data : Dataset, or array (n, *space) or (n, components, *space)

    Returns
    -------
    DataArray (chain, draw, state), or array (n, classes)
        ``state`` has the classes, or the couplings of the grid, as its coordinate.
    """
    return np.exp(log_probabilities(learned, data))


def log_probabilities(learned: Learned, data: Any) -> Any:
    """ln q(y|x). As `probabilities`."""
    if not isinstance(data, xr.Dataset):
        array = np.asarray(data)
        first: Any = learned.network.layers[0]
        logits = learned.network(array, ndim=len(first.inner.lattice))
        return np.asarray(log_softmax(logits.reshape(len(array), -1).astype(np.float64), axis=1))
    level = learned.network(data)
    spin = level["spin"]
    batch = [str(name) for name in spin.dims if name in ("chain", "draw")]
    logits = spin.transpose(*batch, ...).values
    logits = logits.reshape(*logits.shape[: len(batch)], -1).astype(np.float64)
    coords: dict[str, Any] = {name: spin.coords[name].values for name in batch if name in spin.coords}
    coords["state"] = classes_of(learned)
    return xr.DataArray(log_softmax(logits, axis=-1), dims=(*batch, "state"), coords=coords)


def classes_of(learned: Learned) -> Array:
    """The classes, sorted: labels, or the couplings of the grid."""
    return np.array(json.loads(learned.history.attrs["classes"]))


def predict(learned: Learned, data: Any) -> Any:
    """What the network says of each draw.

    Parameters
    ----------
    learned : Learned
    data : Dataset, or array (n, *space)

    Returns
    -------
    DataArray (chain, draw), or array (n,)
        For the target "label" the most probable class; for "K" or "h" the posterior mean of the coupling.
    """
    p = probabilities(learned, data)
    values = classes_of(learned)
    if learned.spec.target == "label":
        chosen = values[np.asarray(p).argmax(axis=-1)]
    else:
        chosen = np.asarray(p) @ values.astype(np.float64)
    if not isinstance(p, xr.DataArray):
        return chosen
    coords = {name: p.coords[name] for name in p.dims[:-1] if name in p.coords}
    return xr.DataArray(chosen, dims=p.dims[:-1], coords=coords, name=learned.spec.target)


def beside_bayes(
    learned: Learned,
    data: xr.Dataset,
    labels: Any = None,
    *,
    of: Sequence[Any] | None = None,
    prior: Sequence[float] | None = None,
) -> dict[str, Estimate]:
    """Cross-entropy of the network beside the least possible, on the same draws; give draws that it has not seen.

    Parameters
    ----------
    learned : Learned
    data : Dataset
        As `rgnet.cheap.sample_classes` returns it, or any with ``labels`` and models given.
    labels : DataArray (chain,) or (chain, draw), optional
        Classes 0, 1, …, the places of the models; by default the coordinate ``label``.
    of : sequence of models, optional
        The models of the classes, in the order of the network's sorted labels, or in any order for the targets K and
        h; by default those that the attribute ``models`` of the data names.
    prior : sequence of float, optional
        Of the classes, uniform by default; the network must have been trained with these frequencies.

    Returns
    -------
    dict of Estimate
        ``network`` and ``bayes`` in nats; ``difference``, network − bayes with a paired error, which the scatter of the
        draws has mostly left. It is ⟨KL(p ‖ q)⟩ ≥ 0 up to its error.

    Raises
    ------
    ValueError
        If models or labels are not known, or the models are not the network's classes.
    ShortChainError
        If chains are too short for their autocorrelation time.
    """
    if not isinstance(data, xr.Dataset):
        raise ValueError(
            f"data of type {type(data).__name__}: give one Dataset of fresh draws, as sample_classes makes it"
        )
    given = models_of(data) if of is None else tuple(of)
    outputs = _outputs(learned, given)
    exact = cheap.classifier(given, prior)
    if labels is None and "label" not in data.coords:
        raise ValueError('no labels: give labels=, or data with a coordinate "label"')
    data = data.transpose("chain", "draw", ..., missing_dims="ignore")
    rows = data["spin"].sizes
    layout = (int(rows.get("chain", 1)), int(rows.get("draw", 1)))
    y = as_rows(data["label"] if labels is None else labels, layout, layout, len(given))
    log_q = np.asarray(log_probabilities(learned, data)).reshape(-1, len(given))[np.arange(len(y)), outputs[y]]
    log_p = np.asarray(exact.log_posterior(data)).reshape(-1, len(given))[np.arange(len(y)), y]
    return {
        "network": dataclasses.replace(mean_score(-log_q, y, exact.prior, layout), method="mean of −ln q(y|x)"),
        "bayes": exact.cross_entropy(data, labels if labels is not None else data["label"]),
        "difference": dataclasses.replace(
            mean_score(log_p - log_q, y, exact.prior, layout), method="paired difference"
        ),
    }


def _outputs(learned: Learned, of: Sequence[Any]) -> npt.NDArray[np.int64]:
    """The network's output for each model: the same places for labels, those of its coupling for a thermometer."""
    values, target = classes_of(learned), learned.spec.target
    if len(values) != len(of):
        raise ValueError(f"{len(of)} models for a network that tells {len(values)} classes: give one model for each")
    if target == "label":
        return np.arange(len(of))
    have = np.array([float(getattr(model, target)) for model in of])
    if not np.allclose(np.sort(have), values, rtol=1e-9, atol=0):
        raise ValueError(f"models with {target} = {have.tolist()}: the network tells {values.tolist()}")
    return np.argsort(np.argsort(have))


def bayes_cross_entropy(
    of: Sequence[Any], data: xr.Dataset, labels: Any = None, prior: Sequence[float] | None = None
) -> Estimate:
    """The least cross-entropy that any classifier of these models can have on these draws, in nats.

    Parameters
    ----------
    of : sequence of models
    data, labels, prior
        As `beside_bayes`.
    """
    return cheap.classifier(of, prior).cross_entropy(data, data["label"] if labels is None else labels)


def models_of(data: xr.Dataset) -> tuple[Any, ...]:
    """The models of labelled draws, by class.

    Raises
    ------
    ValueError
        If the data do not name them.
    """
    if "models" not in data.attrs:
        raise ValueError("no attribute 'models': these draws are not of rgnet.cheap.sample_classes; give of=[…]")
    return tuple(models.from_dict(item) for item in json.loads(data.attrs["models"]))


def _targets(labels: Any, data: Any, rows: Rows, target: str) -> tuple[Array, npt.NDArray[np.int64], Array | None]:
    """The sorted classes, the class of each row, and of each chain where it is one a chain."""
    if labels is None:
        labels = _found_labels(data, target)
    if hasattr(labels, "dims"):
        labels = labels.transpose(*(name for name in ("chain", "draw") if name in labels.dims)).values
    given = np.asarray(labels)
    chains, draws = rows.layout
    if given.shape == (chains,):
        spread = np.repeat(given, draws)
    elif given.shape == (chains, draws) or given.shape == (chains * draws,):
        spread = given.reshape(-1)
    else:
        raise ValueError(
            f"labels of shape {given.shape} for {chains} chains of {draws} draws: give one a chain or one a draw"
        )
    if target != "label" and spread.dtype.kind not in "iuf":
        raise ValueError(f"target={target!r}: labels of dtype {spread.dtype}; give finite couplings")
    if spread.dtype.kind == "O" and all(isinstance(item, str) for item in spread):
        spread = spread.astype(str)
    if spread.dtype.kind not in "biufU" or (spread.dtype.kind == "f" and not np.isfinite(spread).all()):
        raise ValueError(f"labels of dtype {spread.dtype}, or not finite: give numbers or strings, one kind throughout")
    values, y = np.unique(spread, return_inverse=True)
    if not 2 <= len(values) <= _MOST_CLASSES:
        raise ValueError(
            f"{len(values)} different labels: give 2 to {_MOST_CLASSES} classes"
            + ("" if target == "label" else f"; {target} is told on the grid of values in the data")
        )
    y = y.astype(np.int64)
    table = y.reshape(chains, draws)
    return values, y, table[:, 0] if (table == table[:, :1]).all() else None


def _found_labels(data: Any, target: str) -> Any:
    if isinstance(data, list | tuple):
        of = [models.from_attrs(item.attrs) for item in data]
        if target == "label":
            return np.repeat(np.arange(len(of)), [item.sizes.get("chain", 1) for item in data])
        return np.repeat([getattr(model, target) for model in of], [item.sizes.get("chain", 1) for item in data])
    if hasattr(data, "coords") and target in data.coords:
        return data.coords[target]
    raise ValueError(
        f"no labels: give labels=, data with a coordinate {target!r} (rgnet.cheap.sample_classes makes it), or a list "
        f"of Datasets, one a model"
    )


def _loss(module: Any, x: torch.Tensor, y: torch.Tensor, generator: Any = None) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(module(x), y)


def _log_q(module: Any, x: torch.Tensor) -> Array:
    with torch.no_grad():
        parts = [module(part).double().log_softmax(dim=1) for part in torch.split(x, 4096)]
    return np.asarray(torch.cat(parts).numpy())
