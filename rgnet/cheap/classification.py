"""The exact classifier of several lattice ensembles: a Hamiltonian network and one softmax layer.

With H_y(x) the energy of class y, known up to its normalisation, and μ_y = −ln p(y), Bayes' theorem reads

    p(y|x) = softmax_y( −H_y(x) − μ_y − ln Z_y ) :

a network that computes the energies, sparse and local as a Hamiltonian is, and one softmax layer with the biases
−μ_y − ln Z_y (Lin, Tegmark & Rolnick 2017, J. Stat. Phys. 168, 1223, eqs. 6–8; there H is a surprisal and ln Z_y = 0).
Nothing is trained. No classifier has a smaller cross-entropy, whose mean over the data is H(y|x).

ln Z is exact where it is known, else from simulation with an error (`rgnet.cheap._free_energy`). That error moves
the posterior by δ ln p(y|x) = −δ ln Z_y + Σ_y' p(y'|x) δ ln Z_y', and is part of every error given here.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import log_softmax

from rgnet import labels as labelling
from rgnet import sampling, stats
from rgnet.cheap import _free_energy
from rgnet.estimate import Estimate

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class EnergyClassifier:
    """Bayes' rule for data of known models; made by `classifier`.

    Attributes
    ----------
    models : tuple of models
        One for each class y = 0, 1, …, all on one lattice.
    prior : tuple of float
        p(y).
    log_Z : tuple of Estimate
    covariance : tuple of tuples of float
        Of the errors of ln Z; zero where it is exact.
    """

    models: tuple[Any, ...]
    prior: tuple[float, ...]
    log_Z: tuple[Estimate, ...]
    covariance: tuple[tuple[float, ...], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sides of the lattice."""
        return tuple(self.models[0].shape)

    @property
    def biases(self) -> npt.NDArray[np.float64]:
        """Biases of the softmax layer, −μ_y − ln Z_y with μ_y = −ln p(y): shape (classes,)."""
        return np.asarray(np.log(self.prior) - np.array([item.value for item in self.log_Z]))

    def logits(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """−H_y(x) − μ_y − ln Z_y = ln p(x, y): configurations (..., *shape) to (..., classes)."""
        return np.stack([-np.asarray(model.energy(x)) for model in self.models], axis=-1) + self.biases

    def log_posterior(self, x: Any) -> Any:
        """ln p(y|x) in nats.

        Parameters
        ----------
        x : array (..., *shape), DataArray, or Dataset with ``spin``

        Returns
        -------
        array (..., classes), or DataArray (chain, draw, state)

        Raises
        ------
        ValueError
            If x is of another lattice, or has values that the models do not know.
        """
        array, dims, coords = _configurations(x, self.shape)
        result = np.asarray(log_softmax(self.logits(array), axis=-1))
        return result if dims is None else xr.DataArray(result, dims=(*dims, "state"), coords=coords)

    def posterior(self, x: Any) -> Any:
        """p(y|x). Parameters, result and errors as `log_posterior`."""
        return np.exp(self.log_posterior(x))

    def log_posterior_stderr(self, x: Any) -> Any:
        """Standard error of ln p(y|x) from that of ln Z; 0 where ln Z is exact. As `log_posterior`."""
        p = self.posterior(x)
        classes = len(self.models)
        slope = np.asarray(p)[..., None, :] - np.eye(classes)  # of ln p(y|x) by ln Z_y'
        variance = np.einsum("...yi,ij,...yj->...y", slope, np.array(self.covariance), slope)
        error = np.sqrt(np.maximum(variance, 0.0))
        return p.copy(data=error) if isinstance(p, xr.DataArray) else error

    def cross_entropy(self, x: Any, labels: Any, *, chains: int | None = None) -> Estimate:
        """Mean of −ln p(y|x) over labelled draws, in nats: the least that any classifier can reach.

        Parameters
        ----------
        x : array (n, *shape), DataArray or Dataset
        labels : array (n,), (chain, draw) or (chain,), or such a DataArray
            The class of each draw, 0, 1, …; one a chain where each chain is of one model. Then, or where the draws of
            a class are of a fixed number, their frequencies are made up for by the prior.
        chains : int, optional
            That the rows of an array are so many chains, one after the other.

        Returns
        -------
        Estimate
            With the scatter of the draws and the error of ln Z in its standard error.

        Raises
        ------
        ValueError
            If labels and draws do not belong together.
        ShortChainError
            If chains are too short for their autocorrelation time.
        """
        log_p = np.asarray(self.log_posterior(x))
        layout = layout_of(x, log_p.shape[:-1], chains)
        y = as_rows(labels, layout, log_p.shape[:-1], len(self.models))
        rows = log_p.reshape(-1, log_p.shape[-1])
        found = mean_score(-rows[np.arange(len(y)), y], y, self.prior, layout)
        pull = np.stack([mean_value((y == k) - np.exp(rows[:, k]), y, self.prior) for k in range(len(self.prior))])
        error = math.sqrt(max(float(pull @ np.array(self.covariance) @ pull), 0.0))
        return Estimate(
            found.value, math.hypot(found.stderr, error), None, "estimate", "mean of −ln p(y|x), p exact up to ln Z"
            if error else "mean of −ln p(y|x), p exact", found.n, found.n_effective, "nats",
        )  # fmt: skip


def classifier(
    models: Sequence[Any],
    prior: Sequence[float] | None = None,
    *,
    log_Z: Sequence[float | Estimate] | None = None,
    draws: int = 1000,
    chains: int = 4,
    seed: int = 0,
) -> EnergyClassifier:
    """The exact classifier of draws of several models.

    Parameters
    ----------
    models : sequence of models
        Two or more on one lattice, with ``shape`` and ``energy(x)``; the class of ``models[y]`` is y.
    prior : sequence of float, optional
        p(y); uniform unless given.
    log_Z : sequence of float or Estimate, optional
        ln Z of each model where the caller knows it; errors of Estimates are taken as independent. By default exact
        where it is known (free spins, chain, square torus without field, at most 20 sites), else from simulations.
    draws, chains, seed : int
        Of those simulations.

    Raises
    ------
    ValueError
        If there are fewer than two models, they live on different lattices, the prior is no distribution over them,
        or ln Z can neither be known nor simulated.
    ShortChainError
        If the simulations are too short for an error bar.

    Examples
    --------
    >>> import rgnet as rg
    >>> found = rg.cheap.classifier([rg.Ising((16, 16), K=0.42), rg.Ising((16, 16), K=0.46)])
    >>> found.posterior(x)  # (n, 2)  # doctest: +SKIP
    """
    items = tuple(models)
    if len(items) < 2:
        raise ValueError(f"models={list(items)!r}: a classifier tells two models or more apart")
    for place, model in enumerate(items):
        if not hasattr(model, "energy") or not hasattr(model, "shape"):
            raise ValueError(f"models[{place}]={model!r}: give models, such as rg.Ising((16, 16), K=0.42)")
    shapes = sorted({tuple(model.shape) for model in items})
    if len(shapes) > 1:
        raise ValueError(
            f"models on different lattices, {' and '.join(map(str, shapes))}: one x must be a configuration of each"
        )
    p = check_prior(prior, len(items))
    if log_Z is None:
        values, covariance = _free_energy.log_Z(items, draws=draws, chains=chains, seed=seed)
    else:
        values = tuple(z if isinstance(z, Estimate) else Estimate(float(z), 0.0, None, "exact", "given") for z in log_Z)
        if len(values) != len(items) or not all(math.isfinite(z.value) and z.stderr >= 0 for z in values):
            raise ValueError(f"log_Z={log_Z!r}: give one finite number for each of {len(items)} models")
        covariance = np.diag([z.stderr**2 for z in values])
    return EnergyClassifier(items, p, values, tuple(tuple(map(float, row)) for row in covariance))


def sample_classes(
    models: Sequence[Any], draws: int, *, chains: int = 4, seed: int | None = 0, update: str = "auto"
) -> xr.Dataset:
    """Labelled draws of several models: chains of each, in turn.

    Parameters
    ----------
    models : sequence of models on one lattice
    draws : int
        From each chain.
    chains : int
        Of each model; with m models, chain c is of model c mod m.
    seed : int
        Model y takes ``SeedSequence(seed, spawn_key=(y,))``.
    update : str
        As `rgnet.sample`.

    Returns
    -------
    Dataset
        ``spin(chain, draw, *space)`` and ``energy`` (under its own model), with the coordinates ``label(chain)`` = y,
        and ``K(chain)``, ``h(chain)`` where models have these. Attributes: boundary, level, scale, and models (JSON).

    Raises
    ------
    ValueError
        As `rgnet.sample`, or if the models are on different lattices.
    """
    if len({(tuple(model.shape), tuple(model.boundary)) for model in models}) != 1:
        raise ValueError("models on different lattices or boundaries: their draws do not fit into one Dataset")
    parts = []
    for y, model in enumerate(models):
        key = int(np.random.SeedSequence(seed, spawn_key=(y,)).generate_state(1, np.uint64)[0])
        part = sampling.sample(model, draws, chains=chains, seed=key, update=update)
        parts.append(part.assign_coords(chain=y + len(models) * np.arange(chains)))
    attrs = {name: parts[0].attrs[name] for name in ("boundary", "level", "scale") if name in parts[0].attrs}
    data = xr.concat(parts, "chain", combine_attrs="drop").sortby("chain")
    of_chain = data["chain"].values % len(models)
    coords: dict[str, Any] = {"label": ("chain", of_chain)}
    for name in ("K", "h"):
        if all(hasattr(model, name) for model in models):
            coords[name] = ("chain", np.array([float(getattr(models[y], name)) for y in of_chain]))
    attrs["models"] = json.dumps([model.to_dict() for model in models])
    return data.assign_coords(coords).assign_attrs(attrs)


def check_prior(prior: Sequence[float] | None, classes: int) -> tuple[float, ...]:
    """A prior over so many classes, uniform for None.

    Raises
    ------
    ValueError
        If it is not one positive number for each class, or does not sum to one.
    """
    if prior is None:
        return (1.0 / classes,) * classes
    p = np.asarray(prior, dtype=np.float64)
    if p.shape != (classes,):
        raise ValueError(f"prior={prior!r}: give one probability for each of {classes} models")
    if not ((p > 0).all() and np.isfinite(p).all()):
        raise ValueError(f"prior={prior!r}: probabilities are positive; leave out a model that never occurs")
    if abs(float(p.sum()) - 1.0) > 1e-9:
        raise ValueError(f"prior={prior!r} sums to {p.sum():.12g}: it must sum to 1; divide by the sum")
    return tuple(map(float, p))


def layout_of(x: Any, batch: tuple[int, ...], chains: int | None) -> tuple[int, int] | None:
    """(chains, draws) of the rows, or None for independent draws.

    Raises
    ------
    ValueError
        If ``chains`` does not divide the rows.
    """
    n = math.prod(batch)
    if hasattr(x, "dims") and "draw" in x.dims:
        return (int(x.sizes.get("chain", 1)), int(x.sizes["draw"]))
    if chains is None:
        return None
    if isinstance(chains, bool) or not isinstance(chains, int | np.integer) or chains < 1 or n % chains:
        raise ValueError(f"chains={chains!r}: {n} draws are not so many chains of equal length")
    return (int(chains), n // int(chains))


def as_rows(labels: Any, layout: tuple[int, int] | None, batch: tuple[int, ...], classes: int) -> npt.NDArray[np.int64]:
    """Labels 0, 1, … of every row, from labels of draws or of chains.

    Raises
    ------
    ValueError
        If their number is neither that of the draws nor of the chains, or they are no classes.
    """
    if hasattr(labels, "dims"):
        labels = labels.transpose(*(name for name in ("chain", "draw") if name in labels.dims)).values
    y = np.asarray(labels)
    n = math.prod(batch)
    if layout is not None and y.shape == (layout[0],) and (layout[0] != n):
        y = np.repeat(y, layout[1])
    if y.size != n or y.ndim == 0:
        raise ValueError(f"labels of shape {y.shape} for draws of shape {batch}: give one a draw, or one a chain")
    y = y.reshape(-1)
    if y.dtype.kind not in "iu" or (n and (y.min() < 0 or y.max() >= classes)):
        raise ValueError(f"labels of dtype {y.dtype} from {y.min()} to {y.max()}: classes are 0 to {classes - 1}")
    return y.astype(np.int64)


def mean_value(
    local: Array, y: npt.NDArray[np.int64], prior: Sequence[float], counts: npt.NDArray[np.int64] | None = None
) -> float:
    """Mean under the prior: Σ_y p(y) (mean over the draws of y), among the classes that occur."""
    counts = np.bincount(y, minlength=len(prior)) if counts is None else counts
    p = np.where(counts > 0, prior, 0.0)
    within = np.bincount(y, weights=np.asarray(local, dtype=np.float64), minlength=len(prior)) / np.maximum(counts, 1)
    return float(p @ within / p.sum())


def mean_score(
    local: Array, y: npt.NDArray[np.int64], prior: Sequence[float], layout: tuple[int, int] | None
) -> Estimate:
    """Mean of a score under the prior with its error, the autocorrelation of chains in it.

    Labels are taken as set by design: classes are weighted by p(y), and only what varies within one is noise. For
    labels drawn from the prior that is a little more precise than the plain mean, and as unbiased.

    Parameters
    ----------
    local : array (n,)
        Score of each draw.
    y : array (n,)
    prior : sequence of float
    layout : (chains, draws) or None
    """
    value = mean_value(local, y, prior)
    counts = np.bincount(y, minlength=len(prior))
    within = np.bincount(y, weights=local, minlength=len(prior)) / np.maximum(counts, 1)
    p = np.where(counts > 0, prior, 0.0)
    p = p / p.sum()
    z = (p / np.maximum(counts / len(y), 1e-300))[y] * (local - within[y]) + value
    if np.ptp(z) <= 1e-12 * max(1.0, abs(value)):
        return Estimate(value, 0.0, None, "estimate", "mean", len(y), float(len(y)), "nats")
    if layout is None or layout[1] < 2:
        error = float(z.std(ddof=1)) / math.sqrt(len(z))
        return Estimate(value, error, None, "estimate", "mean", len(y), float(len(y)), "nats")
    found = stats.mean(z.reshape(layout))
    return Estimate(value, found.stderr, None, "estimate", found.method, len(y), found.n_effective, "nats")


def _configurations(x: Any, shape: tuple[int, ...]) -> tuple[Array, tuple[str, ...] | None, dict[str, Any]]:
    """An array (..., *shape), and the names and coordinates of its batch axes where x has them."""
    if hasattr(x, "to_dataset") and hasattr(x, "subtree"):
        x = x.to_dataset()
    if isinstance(x, xr.DataArray):
        x = xr.Dataset({"spin": x})
    if not isinstance(x, xr.Dataset):
        return np.asarray(x), None, {}
    space = labelling.space_dims(x)
    have = tuple(int(x["spin"].sizes[name]) for name in space)
    if have != shape:
        raise ValueError(f"configurations of shape {have}: the models' lattice is {shape}")
    # Chain by chain, which is how labels and errors count rows
    x = x.transpose("chain", "draw", ..., missing_dims="ignore")
    batch = tuple(str(name) for name in x["spin"].dims if name not in space)
    coords = {name: x.coords[name] for name in batch if name in x.coords}
    return x["spin"].transpose(*batch, *space).values, batch, coords
