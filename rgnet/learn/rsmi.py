"""Real-space mutual information: locality supplies the target (Koch-Janusz & Ringel 2018).

Nobody tells this coarse-graining what matters. Its rule h = sgn(Λ·v) of a block v is the one that knows most about the
environment e, the sites beyond a buffer around the block:

    Λ* = argmax_Λ I(h; e) ,

what short distances share is lost in the buffer, what is left is what reaches far: the relevant operators
(Lenggenhager et al. 2020; Gordon et al. 2021). I is bounded from below by a neural critic of (h, e), maximised in Λ
and the critic together (RSMI-NE: Gökmen et al. 2021), through one of two relaxations of the binary units:

- ``"concrete"``: h = tanh((2Λ·v + g)/2T), g logistic noise (Maddison et al. 2017; Jang et al. 2017), T annealed.
- ``"sum"``: p(h|v) ∝ exp(h Λ·v) (Kadanoff's rule), summed over h exactly; no noise in the gradient. I being convex in
  p(h|v), the length of Λ grows by itself until the rule is sharp.

Blocks are cut out of each configuration at many places of the torus: all are rows of one problem, split by chains.
The numbers that are reported are those of the final sharp rule, with a critic trained on it.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet import lattice
from rgnet.estimate import Estimate
from rgnet.exact.environment import Regions, regions
from rgnet.layers.filter import Filter
from rgnet.layers.network import Network
from rgnet.learn import _critics, bounds
from rgnet.learn._environment_rows import Fine, as_dataset, configurations, cut, default_width, places
from rgnet.learn._rsmi_module import RuleModule, moments
from rgnet.learn._torch import fork_seed, torch
from rgnet.learn.training import Learned, Training, fit

MOST_UNITS = 8
_APART, _WORTH = 4.0, 0.02  # errors, and share of the information, between restarts that are worth a warning
_LEANING = 0.4  # mean of the values, in units of their root mean square, above which units need a threshold
RELAXATIONS = ("concrete", "sum")
Parts = tuple[tuple[torch.Tensor, torch.Tensor], ...]


@dataclass(frozen=True)
class RSMI:
    """What to learn: a rule of ``hidden`` binary units that knows most about its environment.

    Parameters
    ----------
    block : int
        Side b of the block; must divide every side of the lattice. 1, 2 or more dimensions.
    buffer : int
        Sites left out around the block.
    hidden : int
        Binary units to a block, at most 8; more than one are components of the coarse level.
    environment : int, optional
        Width of the frame beyond the buffer that is the environment; None: the block's side, at most 4.
    bound : "infonce", "nwj", "mine" or "smile"
        See `rgnet.learn.bounds`.
    repeat : int
        Layers of the network.
    relearn : bool
        Learn the rule of each layer on its own input. Else the first rule is applied again and again, for which
        ``hidden`` must be the number of components of the data.
    relaxation : "sum" or "concrete"
        See the module; both find the same rules, "sum" in less time.
    temperature : (float, float)
        Of concrete units, from the first step to half of the epochs, falling geometrically.
    bias : bool
        Let the units have an offset that is learned; without it a rule of a single spin component is odd.
    centre : bool
        Threshold each unit at the mean of its sum over the training rows. Needed where the data have no symmetry
        x → −x, as links of dimers: their mean alone can fix the sign of a unit, which then knows nothing.
    restarts : int
        Fits from different random filters, of which the best on the chains that stop the training is kept.
    rows : int
        Blocks cut out of the configurations, in all.
    critic : sequence of int
        Hidden layers of the critic.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    block: int = 2
    buffer: int = 1
    hidden: int = 1
    environment: int | None = None
    bound: str = "infonce"
    repeat: int = 1
    relearn: bool = False
    relaxation: str = "sum"
    temperature: tuple[float, float] = (0.75, 0.1)
    bias: bool = False
    centre: bool = False
    restarts: int = 2
    rows: int = 100_000
    critic: tuple[int, ...] = (64,)

    def __post_init__(self) -> None:
        least = {"block": 2, "buffer": 0, "hidden": 1, "environment": 1, "repeat": 1, "restarts": 1, "rows": 100}
        for name, low in least.items():
            value = getattr(self, name)
            if value is None and name == "environment":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
                raise ValueError(f"RSMI({name}={value!r}): a whole number of at least {low}")
            object.__setattr__(self, name, int(value))
        if self.hidden > MOST_UNITS:
            raise ValueError(
                f"RSMI(hidden={self.hidden}): at most {MOST_UNITS}, whose 2^{MOST_UNITS} states are summed"
            )
        if self.relaxation not in RELAXATIONS:
            raise ValueError(f"RSMI(relaxation={self.relaxation!r}): choose one of {', '.join(RELAXATIONS)}")
        try:
            first, last = (float(t) for t in self.temperature)
        except (TypeError, ValueError):
            first = last = np.nan
        if not 0 < last <= first < np.inf:
            raise ValueError(f"RSMI(temperature={self.temperature!r}): two numbers, the second not above the first")
        object.__setattr__(self, "temperature", (first, last))
        bounds.check_bound(self.bound)
        object.__setattr__(self, "critic", bounds.Critic(hidden=self.critic).hidden)

    def fit(self, data: Any, training: Training | None = None, *, ndim: int | None = None) -> Learned:
        """Learn the rule.

        Parameters
        ----------
        data : Dataset with ``spin(chain, draw, [component], *space)``
            Or an array of configurations (n, [components], *space), counted as one chain on a torus.
        training : Training, optional
            ``held_out`` is the share of the chains whose bound is reported; the same share of the others stops the
            training and chooses between restarts.
        ndim : int, optional
            Space dimensions of an array.

        Returns
        -------
        Learned
            ``network``: `Filter` layers of weights of unit length. ``values``: ``training`` (kind "estimate": on its
            own training rows a critic's value is no bound), ``held_out`` (kind "lower"), ``restart_0`` …, the
            bound of each restart on the chains that stop; with ``relearn`` those of further levels as
            ``held_out_1`` …. ``history``: of the best restart at the first level.

        Raises
        ------
        ValueError
            If the block does not divide the sides, no site lies beyond the buffer, boundaries are not periodic, or
            there are fewer rows than a batch.
        TrainingError
            If training ends in NaN.
        """
        training = training or Training()
        data = as_dataset(data, ndim)
        fine = configurations(data)
        components = fine.spins.shape[2]
        lattice.coarse_shape(fine.shape, self.block**self.repeat, f"RSMI(block={self.block}, repeat={self.repeat})")
        for level in range(self.repeat if self.relearn else 1):
            self._regions(tuple(side // self.block**level for side in fine.shape))
        if self.repeat > 1 and not self.relearn and self.hidden != components:
            raise ValueError(
                f"RSMI(hidden={self.hidden}, repeat={self.repeat}): the rule takes {components} components to "
                f"{self.hidden} and cannot follow itself; set relearn=True or hidden={components}"
            )
        layer, history, values = self._learn(fine, bounds.subfolder(training, "level0"))
        layers = [layer]
        level_data = data
        for level in range(1, self.repeat):
            if not self.relearn:
                layers.append(layer)
                continue
            level_data = Network([layers[-1]]).levels(level_data, seed=training.seed)[-1]
            own = bounds.subfolder(training, f"level{level}")
            layer, _, further = self._learn(configurations(level_data), own)
            layers.append(layer)
            values |= {f"{name}_{level}": further[name] for name in ("training", "held_out")}
        return Learned(Network(layers), history, self, values)

    def _regions(self, shape: tuple[int, ...]) -> Regions:
        return regions(shape, self.block, self.buffer, default_width(self.environment, self.block))

    def _learn(self, fine: Fine, training: Training) -> tuple[Filter, xr.Dataset, dict[str, Estimate]]:
        """One level: the layer, the history of the best restart, and its values."""
        parts, layout = _parts(fine, self._regions(fine.shape), self.rows, training)
        _check_values(self, parts[0][0].numpy())
        with bounds.one_thread():
            module, history, values = _best_fit(self, parts, layout, training)
        weights, offset = module.weights()
        shape = (self.block,) * fine.ndim
        components = fine.spins.shape[2]
        if self.hidden == components == 1:
            return Filter(weights.reshape(shape), float(offset[0]), ndim=fine.ndim), history, values
        return Filter(weights.reshape(self.hidden, components, *shape), offset, ndim=fine.ndim), history, values


def environment_information(
    layer: Any,
    data: xr.Dataset,
    *,
    coarse: xr.Dataset | None = None,
    buffer: int = 1,
    environment: int | None = None,
    bound: str = "infonce",
    rows: int = 100_000,
    critic: tuple[int, ...] = (64,),
    training: Training | None = None,
) -> Estimate:
    """Information that one output of any layer has about its environment: RSMI's score, on held-out chains.

    Parameters
    ----------
    layer : layer or Network
        Its block is one output's: a square of side ``layer.scale``. A layer that sees further (``layer.kernel``) gets
        a buffer wider by as much as it can.
    data : Dataset with ``spin(chain, draw, [component], *space)``
    coarse : Dataset, optional
        The layer's output on these data, where it is there already.
    buffer, environment, bound, rows
        As `RSMI`.
    critic : sequence of int
        Hidden layers of the critic.
    training : Training, optional
        Of the critic.

    Returns
    -------
    Estimate
        In nats, kind "lower" (see `rgnet.learn.bounds`); n is the number of held-out rows.

    Raises
    ------
    ValueError
        As `RSMI.fit`, or if ``coarse`` does not fit the data.
    """
    terms, layout = environment_terms(
        layer, data, coarse=coarse, buffer=buffer, environment=environment, bound=bound, rows=rows, critic=critic,
        training=training or Training(),
    )  # fmt: skip
    return bounds.error_bar(terms, layout, strict=False)


def environment_terms(
    layer: Any, data: xr.Dataset, *, coarse: xr.Dataset | None, buffer: int, environment: int | None, bound: str,
    rows: int, critic: tuple[int, ...], training: Training,
) -> tuple[bounds.Terms, tuple[int, int]]:  # fmt: skip
    """What each held-out row adds to `environment_information`, and their (chains, draws).

    With the same data, scale, rows and seed the rows are the same blocks for every layer: differences can be paired.
    """
    bounds.check_bound(bound)
    if rows < 1:
        raise ValueError(f"rows={rows!r}: a whole number of at least 1, such as 100_000")
    fine = configurations(data)
    if not hasattr(layer, "scale"):
        raise ValueError(f"{layer!r} is no layer: it has no scale; give a layer or a Network")
    scale = int(layer.scale)
    expected = lattice.coarse_shape(fine.shape, scale, repr(layer))
    further = max(0, int(getattr(layer, "kernel", scale)) - scale)
    where = regions(fine.shape, scale, buffer + further, default_width(environment, scale))
    if coarse is None:
        network = layer if isinstance(layer, Network) else Network([layer])
        coarse = network.levels(data, seed=training.seed)[-1]
    output = configurations(coarse)
    if output.shape != expected or output.spins.shape[:2] != fine.spins.shape[:2]:
        raise ValueError(
            f"coarse has {output.spins.shape[0]} x {output.spins.shape[1]} configurations of shape {output.shape}: "
            f"expected {fine.spins.shape[0]} x {fine.spins.shape[1]} of shape {expected}"
        )
    origins, numbers = places(fine, rows, training.seed, step=scale)
    flat = output.spins.reshape(len(origins), output.spins.shape[2], -1)
    h = np.take_along_axis(flat, numbers[:, None, :], axis=2).transpose(0, 2, 1)
    e = cut(fine, origins, where.environment)
    split = bounds.three_parts(fine.spins.shape[:2], len(origins), training.held_out)
    per = origins.shape[1]
    by_row = tuple((part[:, None] * per + np.arange(per)).ravel() for part in split)
    x, y = h.reshape(-1, h.shape[2]), e.reshape(-1, e.shape[2])
    net = bounds.Critic(hidden=critic)
    terms = bounds.held_out_bound(x, y, (by_row[0], by_row[1], by_row[2]), bound, net, training)
    return terms, _layout(fine, len(split[2]))


def _layout(fine: Fine, configurations: int) -> tuple[int, int]:
    draws = fine.spins.shape[1]
    return (configurations // draws, draws) if configurations % draws == 0 else (1, configurations)


def _parts(fine: Fine, where: Regions, rows: int, training: Training) -> tuple[Parts, list[tuple[int, int]]]:
    """Blocks and environments to learn from, to stop by and to judge, each with its (chains, draws)."""
    split = bounds.three_parts(fine.spins.shape[:2], fine.spins.shape[0] * fine.spins.shape[1], training.held_out)
    origins, _ = places(fine, rows, training.seed)
    bounds.check_batches([len(part) * origins.shape[1] for part in split], training.batch)
    both = [cut(fine, origins, sites) for sites in where]
    parts = tuple((_tensor(both[0][part]), _tensor(both[1][part])) for part in split)
    return parts, [_layout(fine, len(part)) for part in split]


def _tensor(array: npt.NDArray[Any]) -> torch.Tensor:
    """Rows as they are where whole numbers are small, else as float32."""
    small = array.dtype == np.int8
    return torch.from_numpy(
        np.ascontiguousarray(array.reshape(-1, array.shape[2]), dtype=np.int8 if small else np.float32)
    )


def _best_fit(
    spec: RSMI, parts: Parts, layout: list[tuple[int, int]], training: Training
) -> tuple[RuleModule, xr.Dataset, dict[str, Estimate]]:
    """The restart that knows most on the rows that stop the training, its history, and all values."""
    fits: list[tuple[RuleModule, xr.Dataset]] = []
    found: list[bounds.Terms] = []
    for restart in range(spec.restarts):
        fits.append(_one_fit(spec, parts, bounds.subfolder(training, f"restart{restart}"), restart))
        found.append(bounds.evaluated(fits[-1][0], parts[1], spec.bound, training.batch, 5.0))
    best = int(np.argmax([terms.value for terms in found]))
    _warn_apart(found, best, layout[1])
    module, history = fits[best]
    own = bounds.evaluated(module, parts[0], spec.bound, training.batch, 5.0)
    on_training = bounds.Terms(own.rows, own.value, "estimate", own.method.replace("held-out", "its training"))
    judged = bounds.evaluated(module, parts[2], spec.bound, training.batch, 5.0)
    values = {
        "training": bounds.error_bar(on_training, layout[0], strict=False),
        "held_out": bounds.error_bar(judged, layout[2], strict=False),
    }
    for restart, terms in enumerate(found):
        values[f"restart_{restart}"] = bounds.error_bar(terms, layout[1], strict=False)
    return module, history, values


def _check_values(spec: RSMI, v: npt.NDArray[Any]) -> None:
    """Raise where blocks never differ, warn where every unit would mostly have one sign."""
    if (v == v[0]).all():
        raise ValueError("all blocks are equal: nothing can be learned from them; sample configurations that differ")
    square = np.sqrt(np.square(v, dtype=np.float32).mean())
    mean = float(v.mean())
    if not (spec.centre or spec.bias) and abs(mean) > _LEANING * square:
        warnings.warn(
            f"the values have a mean of {mean:.3g}, and units without a threshold may be constant: set centre=True (or "
            f"bias=True), or shift the values, such as 0 and 1 to -1 and 1",
            stacklevel=2,
        )


def _warn_apart(found: list[bounds.Terms], best: int, layout: tuple[int, int]) -> None:
    """Warn where another restart ended significantly lower: the fit gets stuck, and the best one may be stuck too."""
    for restart, terms in enumerate(found):
        rows = found[best].rows - terms.rows  # of the same draws: paired
        apart = bounds.error_bar(bounds.Terms(rows, float(rows.mean()), "estimate", ""), layout, strict=False)
        far = apart.value > max(_APART * apart.stderr, _WORTH * abs(found[best].value))
        if restart != best and far:
            warnings.warn(
                f"RSMI's restart {restart} ended {apart.value:.3g}({apart.stderr:.1g}) nats below restart {best}, "
                f"which is kept: fits get stuck, and this one may be too; take more than {len(found)} restarts, more "
                f"rows, or a larger learning_rate",
                stacklevel=2,
            )
            return


def _one_fit(spec: RSMI, parts: Parts, training: Training, restart: int) -> tuple[RuleModule, xr.Dataset]:
    """Filters and critic together, then the critic alone on the sharp rule."""
    v, e = parts[0]
    steps = -(-len(v) // training.batch) * max(1, training.epochs // 2)
    mean = v.numpy().mean(axis=0, dtype=np.float64) if spec.centre else np.zeros(v.shape[1])
    with fork_seed(training.seed, 31, restart):
        module = RuleModule(
            v.shape[1], e.shape[1], spec.hidden, bias=spec.bias, hidden=spec.critic, relaxation=spec.relaxation,
            temperature=spec.temperature, steps=steps, moments=moments(v.numpy(), e.numpy(), mean), centre=mean,
        )  # fmt: skip

    def loss(net: Any, a: torch.Tensor, b: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
        return -_critics.objective(spec.bound, *net(a, b, noise))

    def evaluate(net: Any, a: torch.Tensor, b: torch.Tensor, _: Any) -> dict[str, float]:
        value = bounds.evaluated(net, (a, b), spec.bound, training.batch, 5.0).value
        return {"loss": -value, "bound": value}

    history = fit(module, loss, (parts[0], parts[1]), bounds.subfolder(training, "rule"), evaluate=evaluate)
    module.sharpen()
    more = bounds.subfolder(training, "critic", epochs=max(1, training.epochs // 3))
    fit(module, loss, (parts[0], parts[1]), more, evaluate=evaluate)
    return module, history
