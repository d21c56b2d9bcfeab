"""Unsupervised baselines: principal components of blocks, and a convolutional autoencoder.

*PCA* (Pearson 1901), tied by translation: all blocks of side b of all draws are the sample, and the level keeps its
leading components,

    y_I,k = Σ_{i∈I} w_k,i (x_i − x̄) ,      w the leading eigenvectors of the covariance of a block.

For a ferromagnet the first is the block sum, a block average up to its size (cf. Wang 2016, Phys. Rev. B 94, 195105).

*Autoencoder*: layers of stride b down to a coarse lattice and up again, trained to give its input back. For spins ±1
the output is a probability, and the loss per spin, −ln q(x|z), bounds what the latent level leaves open: the
conditional entropy H(x|z)/N is at most that.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import lattice
from rgnet.estimate import Estimate
from rgnet.layers.layer import Rng, apply_channels
from rgnet.layers.network import Network
from rgnet.learn._classifier_module import build_autoencoder, check_fits, is_whole
from rgnet.learn._rows import Rows, held_score, rows_of
from rgnet.learn._torch import torch
from rgnet.learn.adapters import from_torch
from rgnet.learn.training import Learned, Training, fit, split_chains

Array = npt.NDArray[Any]
_PATCHES = 200_000  # of the training draws, that PCA sees


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Projection:
    """A linear map of blocks to real components: y_I = Σ_{i∈I} w (x_i − centre).

    Parameters
    ----------
    weights : array (out, in, b, …, b)
    centre : array (in, b, …, b), optional
        Subtracted first; zero unless given.

    Raises
    ------
    ValueError
        If the weights have another form or are not finite.
    """

    weights: Array
    centre: Array

    def __init__(self, weights: npt.ArrayLike, centre: npt.ArrayLike = 0.0) -> None:
        w = np.array(weights, dtype=np.float64, order="C")
        if w.ndim < 3 or len(set(w.shape[2:])) != 1 or w.size == 0 or w.shape[-1] < 2:
            raise ValueError(f"Projection: weights of shape {w.shape}; give (out, in, b, …, b) with b of at least 2")
        mean = np.broadcast_to(np.asarray(centre, dtype=np.float64), w.shape[1:]).copy()
        if not (np.isfinite(w).all() and np.isfinite(mean).all()):
            raise ValueError("Projection: weights and centre must be finite numbers; NaN or infinity is among them")
        w.flags.writeable = mean.flags.writeable = False
        object.__setattr__(self, "weights", w)
        object.__setattr__(self, "centre", mean)

    def __repr__(self) -> str:
        outer, inner = self.weights.shape[:2]
        return f"Projection({inner} -> {outer} components, b={self.scale})"

    @property
    def ndim(self) -> int:
        """Number of space axes."""
        return self.weights.ndim - 2

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
        """Whether the output depends on ``rng``: never."""
        return False

    @property
    def components(self) -> tuple[int, int]:
        """Components of the input and of the output."""
        return (self.weights.shape[1], self.weights.shape[0])

    @property
    def n_parameters(self) -> int:
        """Weights, and the centre where it is not zero."""
        return self.weights.size + (self.centre.size if self.centre.any() else 0)

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

    def __call__(self, x: Any, rng: Rng = None, *, ndim: int | None = None) -> Any:
        """Coarse-grain an array (..., [in], *space) or a Dataset, to float64.

        Raises
        ------
        ValueError
            If b does not divide the shape, components or space axes do not fit, or values are not finite numbers.
        """
        return apply_channels(self, lambda a, _: self._project(a), x, rng, ndim=ndim)

    def randomized(self, seed: int) -> "Projection":
        """The control: random orthonormal components, the centre kept."""
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        outer = len(self.weights)
        basis, _ = np.linalg.qr(rng.normal(size=(self.weights[0].size, outer)))
        return Projection(basis.T.reshape(self.weights.shape), self.centre)

    def config(self) -> dict[str, Any]:
        """What beside the arrays of `state` makes this layer: nothing."""
        return {}

    def state(self) -> dict[str, Array]:
        """The arrays that make this layer."""
        return {"weights": self.weights, "centre": self.centre}

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Array]) -> "Projection":
        """The layer that `config` and `state` are of."""
        return cls(state["weights"], state["centre"])

    def _project(self, x: Array) -> Array:
        """From (n, in, *space) to (n, out, *coarse)."""
        flat = self.weights.reshape(len(self.weights), -1)
        y = blocks(x, self.scale) @ flat.T - flat @ self.centre.ravel()
        return np.moveaxis(y, -1, 1)


@dataclass(frozen=True)
class PCA:
    """Leading principal components of blocks, layer upon layer.

    Parameters
    ----------
    b : int
        Side of the blocks.
    components : int
        Components that each layer keeps, at most the numbers in a block.
    layers : int
        Each sees the level that the one before made.
    """

    b: int = 2
    components: int = 1
    layers: int = 1

    def __post_init__(self) -> None:
        for name, least in (("b", 2), ("components", 1), ("layers", 1)):
            if not is_whole(getattr(self, name), least):
                raise ValueError(f"PCA({name}={getattr(self, name)!r}): a whole number of at least {least}")

    def fit(self, data: Any, training: Training | None = None, *, ndim: int | None = None) -> Learned:
        """Find the components on the training chains.

        Parameters
        ----------
        data : Dataset with ``spin(chain, draw, [component], *space)``, or array (n, *space)
        training : Training, optional
            Only ``held_out`` and ``seed`` (which blocks, beyond 200,000) matter.
        ndim : int, optional
            For arrays (n, components, *space), how many axes are space.

        Returns
        -------
        Learned
            ``values``: ``explained_variance_1``, … (share of the variance of a block that each layer keeps, on held-out
            chains). ``history`` over ``epoch``, one a layer: the share on the training chains.

        Raises
        ------
        ValueError
            If b^layers does not divide the lattice, a block has fewer numbers than components, or all blocks are alike.
        """
        from sklearn.decomposition import PCA as SklearnPCA

        training = Training() if training is None else training
        rows = rows_of(data, ndim)
        lattice.coarse_shape(rows.shape, self.b**self.layers, repr(self))
        if self.components > rows.components * self.b ** len(rows.shape):
            raise ValueError(
                f"components={self.components}: a block has {rows.components * self.b ** len(rows.shape)} numbers; "
                f"give at most so many"
            )
        train, held = split_chains(*rows.layout, training.held_out)
        x: Array = rows.x
        found: dict[str, Any] = {}
        layers, shares = [], []
        for number in range(1, self.layers + 1):
            patches = blocks(x[train], self.b)
            inner = patches.shape[-1]
            patches = patches.reshape(-1, inner)
            rng = np.random.default_rng(np.random.SeedSequence(training.seed, spawn_key=(number,)))
            if not np.ptp(patches, axis=0).any():
                raise ValueError(
                    f"{self!r}: in all training draws the blocks of layer {number} are alike, so there is no variance "
                    f"to explain; give draws that differ"
                )
            if len(patches) > _PATCHES:
                patches = patches[np.sort(rng.choice(len(patches), _PATCHES, replace=False))]
            model = SklearnPCA(self.components, svd_solver="covariance_eigh").fit(patches.astype(np.float64))
            signs = np.where(model.components_.sum(axis=1) < 0, -1.0, 1.0)  # a component has no sign of its own
            shape = (x.shape[1], *(self.b,) * len(rows.shape))
            layer = Projection((signs[:, None] * model.components_).reshape(-1, *shape), model.mean_.reshape(shape))
            layers.append(layer)
            shares.append(float(model.explained_variance_ratio_.sum()))
            found[f"explained_variance_{number}"] = _explained(x[held], layer, rows)
            x = layer._project(x)
        history = xr.Dataset({"loss_train": ("epoch", [1.0 - share for share in shares])})
        history = history.assign_coords(epoch=range(1, self.layers + 1))
        return Learned(Network(layers), history, self, found)


@dataclass(frozen=True)
class Autoencoder:
    """A convolutional autoencoder: the network's levels are the layers of its encoder.

    Parameters
    ----------
    channels : sequence of int
        Components of each layer of the encoder; the last is the latent level.
    kernel, b : int
        Side of the window of each unit, and stride.
    activation : "relu", "tanh", "square" or "linear"
        Of the encoder's layers; of the latent level too.
    """

    channels: tuple[int, ...] = (8, 4)
    kernel: int = 2
    b: int = 2
    activation: str = "tanh"

    def __post_init__(self) -> None:
        from rgnet.learn.classifiers import Classifier

        checked = Classifier(self.channels, self.kernel, self.b, self.activation)  # the rules are the same
        if not checked.channels:
            raise ValueError("Autoencoder(channels=()): give at least one layer, such as (8, 4)")
        object.__setattr__(self, "channels", checked.channels)

    def fit(self, data: Any, training: Training | None = None, *, ndim: int | None = None) -> Learned:
        """Train to give the input back.

        Parameters
        ----------
        data : Dataset with ``spin(chain, draw, [component], *space)``, or array (n, *space)
        training : Training, optional
        ndim : int, optional
            For arrays (n, components, *space), how many axes are space.

        Returns
        -------
        Learned
            ``values``: ``reconstruction``, on held-out chains: for spins ±1 the mean of −ln q(x|z) per spin in nats, an
            upper bound of H(x|z)/N; else the mean square error. For spins also ``agreement``, the share given back.
            Errors are NaN where the held-out chains are too short for any.

        Raises
        ------
        ValueError
            If b^layers does not divide the lattice, or the kernel is too large for it.
        TrainingError
            If the loss becomes infinite.
        """
        training = Training() if training is None else training
        rows = rows_of(data, ndim)
        module, names = self._module(rows, training.seed)
        train, held = split_chains(*rows.layout, training.held_out)
        is_spin = bool((np.abs(rows.x) == 1).all())
        x = torch.from_numpy(rows.x)
        history = fit(module, _spin_loss if is_spin else _square_loss, ((x[train],), (x[held],)), training)
        network = self._network(module, names, rows, training.seed)
        with torch.no_grad():
            out = torch.cat([module(part) for part in torch.split(x[held], 4096)])
            given = x[held]
            local = torch.nn.functional.softplus(-2 * given * out) if is_spin else (out - given) ** 2
        axes = tuple(range(1, local.ndim))
        score = local.double().mean(dim=axes).numpy()
        found: dict[str, Any] = {
            "reconstruction": held_score(
                score, rows, method="mean of −ln q(x|z) per spin on held-out chains", unit="nats", kind="upper"
            )
            if is_spin
            else held_score(score, rows, method="mean square error on held-out chains")
        }
        if is_spin:
            same = (out * given > 0).double().mean(dim=axes).numpy()
            found["agreement"] = held_score(same, rows, method="share of held-out spins given back")
        return Learned(network, history, self, found)

    def initial(self, data: Any, seed: int = 0, *, ndim: int | None = None) -> Network:
        """The encoder with random weights, as training would begin: the control."""
        rows = rows_of(data, ndim)
        module, names = self._module(rows, seed)
        return self._network(module.eval(), names, rows, seed)

    def _module(self, rows: Rows, seed: int) -> tuple[Any, list[str]]:
        check_fits(rows.shape, len(self.channels), self.kernel, self.b)
        return build_autoencoder(**self._settings(rows, seed))

    def _settings(self, rows: Rows, seed: int) -> dict[str, Any]:
        return {
            "ndim": len(rows.shape), "components": rows.components, "channels": list(self.channels),
            "kernel": self.kernel, "b": self.b, "activation": self.activation, "seed": seed,
        }  # fmt: skip

    def _network(self, module: Any, names: list[str], rows: Rows, seed: int) -> Network:
        builder = ("autoencoder", self._settings(rows, seed))
        return from_torch(module, names, shape=rows.shape, components=rows.components, builder=builder)


def blocks(x: Array, b: int) -> Array:
    """Blocks of side b: from (n, in, *space) to float64 (n, *coarse, in · b^d)."""
    d = x.ndim - 2
    members = np.stack(list(lattice.block_members(x, b, d)), axis=-1)  # (n, in, *coarse, b^d)
    moved = np.moveaxis(members, 1, -2)
    return moved.reshape(*moved.shape[:-2], -1).astype(np.float64)


def _explained(x: Array, layer: Projection, rows: Rows) -> Estimate:
    """Share of the held-out variance about the training mean that orthonormal components keep."""
    centred = blocks(x, layer.scale) - layer.centre.ravel()
    kept = layer._project(x).reshape(len(x), -1)
    whole = (centred.reshape(len(x), -1) ** 2).mean(axis=1)
    part = (kept**2).sum(axis=1) / centred.reshape(len(x), -1).shape[1]
    ratio = float(part.mean() / whole.mean())
    found = held_score(part - ratio * whole, rows, method="share of the variance of held-out blocks")
    return dataclasses.replace(found, value=ratio, stderr=found.stderr / float(whole.mean()), interval=None)


def _spin_loss(module: Any, x: torch.Tensor, generator: Any = None) -> torch.Tensor:
    return torch.nn.functional.softplus(-2.0 * x * module(x)).mean()


def _square_loss(module: Any, x: torch.Tensor, generator: Any = None) -> torch.Tensor:
    loss: torch.Tensor = ((module(x) - x) ** 2).mean()
    return loss
