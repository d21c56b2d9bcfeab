"""A supervised network, layer by layer, beside the RG: whether its depth does what coarse-graining does.

Draws of two Ising models, K_1 and K_2 on either side of K_c, are told apart by a convolutional network of stride 2,
whose layer k lives on the lattice of the k-th block-spin level (claim C8). On draws that it has not seen, the levels of
three chains of maps

    majority    2 × 2 block spins, ties by a coin
    trained     the activations of the network
    random      the same network before training: the control

are asked two things. *What is kept of the label*: a held-out bound H(y) − ⟨−ln q(y|level)⟩ by logistic regression on
lattice means of each component, of its square and of its products with its neighbours, the same for all, beside the
exact I(y; x) by Bayes' rule (`rgnet.cheap.classifier`). *What they know of each other*: R² on held-out chains of linear
probes, tied by translation, from the units in a 3 × 3 window to the block spin of that level at its centre, and back.

The label is even under s → −s, the block spin odd: a network that keeps only what tells the label has no use for block
spins, and no rule that keeps block spins is made for the label.
"""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, model_validator

Array = npt.NDArray[Any]

SUMMARY = "A supervised network, layer by layer, beside block spins on the same draws."
CLAIM = (
    "Lin, Tegmark & Rolnick (2017): layer by layer a supervised network distils what matters for its label, as "
    "the RG distils what matters at long distances. Are the two the same map?"
)
REQUIRES = ("torch",)
NETWORKS = ("majority", "trained", "random")


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    L: int = Field(16, ge=4, le=128, description="side of the square lattice")
    K: tuple[float, float] = Field((0.42, 0.46), description="the two couplings")
    channels: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (16, 16, 16), min_length=1, description="components of each layer"
    )
    activation: Literal["relu", "square", "tanh", "linear"] = Field("relu", description="after each convolution")
    draws: int = Field(1000, ge=50, description="draws of each chain")
    chains: int = Field(8, ge=4, description="chains of each coupling to train on; half as many, at least 4, to judge")
    epochs: int = Field(20, ge=1, description="passes over the training draws, at most")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")

    @model_validator(mode="after")
    def _fits(self) -> "Parameters":
        if self.L % 2 ** len(self.channels) or 2 ** (len(self.channels) + 1) > self.L:
            raise ValueError(
                f"L={self.L} with {len(self.channels)} layers of stride 2: the last level needs a side of at least 2; "
                f"give L a multiple of {2 ** len(self.channels)} and at least {2 ** (len(self.channels) + 1)}"
            )
        if not self.K[0] < self.K[1]:
            raise ValueError(f"K={list(self.K)}: give two couplings in rising order, such as [0.42, 0.46]")
        return self


def run(parameters: Parameters, seed: int, report: Callable[[float, str], None]) -> dict[str, xr.Dataset]:
    """Train the network and measure every level.

    Parameters
    ----------
    parameters : Parameters
    seed : int
    report : callable
        ``report(fraction, words)``.

    Returns
    -------
    dict of Dataset
        ``levels`` over (network, level): ``information``, ``spin_from_units`` and ``units_from_spin`` with errors (the
        network's last level, its logits, is none of them); ``optimum``: cross-entropies of network and Bayes, their
        paired difference, and I(y; x); ``history``.
    """
    from rgnet import cheap
    from rgnet.layers import Majority, Network
    from rgnet.learn.classifiers import Classifier, beside_bayes
    from rgnet.learn.training import Training
    from rgnet.models import Ising

    p = parameters
    models = [Ising((p.L, p.L), K=value) for value in p.K]
    keys = [int(x) for x in np.random.SeedSequence(seed).generate_state(4)]
    report(0.0, "sampling")
    data = cheap.sample_classes(models, p.draws, chains=p.chains, seed=keys[0])
    report(0.1, "sampling")
    fresh = cheap.sample_classes(models, p.draws, chains=max(4, p.chains // 2), seed=keys[1])
    report(0.2, "training")

    def tell(done: int, total: int, values: dict[str, float]) -> None:
        report(0.2 + 0.5 * done / total, f"training, held-out loss {values['loss']:.4f}")

    spec = Classifier(channels=p.channels, kernel=3, activation=p.activation)
    training = Training(
        epochs=p.epochs, batch=128, learning_rate=p.learning_rate, seed=keys[2], progress=False, callback=tell
    )
    learned = spec.fit(data, training=training)
    depth = len(p.channels)
    chains_of = {
        "majority": Network([Majority(2)] * depth).levels(fresh, seed=keys[3]),
        "trained": Network(learned.network.layers[:depth]).levels(fresh),
        "random": Network(spec.initial(fresh, 2, seed=keys[2]).layers[:depth]).levels(fresh),
    }
    names = ("information", "spin_from_units", "units_from_spin")
    table = {name: np.full((len(NETWORKS), depth + 1, 2), np.nan) for name in names}
    for n, network in enumerate(NETWORKS):
        for level in range(depth + 1):
            report(0.7 + 0.3 * (n * (depth + 1) + level) / (3 * (depth + 1)), f"{network}, level {level}")
            x = chains_of[network][level]["spin"]
            table["information"][n, level] = kept(x, fresh["label"])
            if network != "majority" and level > 0:
                block = chains_of["majority"][level]["spin"]
                table["spin_from_units"][n, level] = probe(rows_of(x), rows_of(block))
                table["units_from_spin"][n, level] = probe(rows_of(block), rows_of(x))
    found = beside_bayes(learned, fresh)
    best = found["bayes"]
    levels = xr.Dataset(
        {
            **{name: (("network", "level"), value[..., 0]) for name, value in table.items()},
            **{f"{name}_stderr": (("network", "level"), value[..., 1]) for name, value in table.items()},
        },
        coords={"network": list(NETWORKS), "level": range(depth + 1)},
        attrs={"unit": "nats", "kind": "information: lower bounds on held-out chains; probes: R² on held-out chains"},
    )
    optimum = xr.Dataset(
        {
            **{name: item.value for name, item in found.items()},
            **{f"{name}_stderr": item.stderr for name, item in found.items()},
            "information": math.log(2.0) - best.value,
            "information_stderr": best.stderr,
        }
    )
    history = learned.history.copy()
    del history.attrs["seconds"]  # the same seed gives the same file
    return {"levels": levels, "optimum": optimum, "history": history}


def kept(x: xr.DataArray, labels: xr.DataArray) -> tuple[float, float]:
    """A held-out lower bound on I(y; level) in nats with its error, by logistic regression on lattice means."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from rgnet.information import classifier_bound

    rows = rows_of(x)
    means = xr.DataArray(features(rows).reshape(*rows.shape[:2], -1), dims=("chain", "draw", "feature"))
    y = xr.DataArray(np.repeat(labels.values[:, None], rows.shape[1], axis=1), dims=("chain", "draw"))
    found = classifier_bound(
        means, y, classifier=make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000)), features="raw"
    )
    return found.value, found.stderr


def rows_of(x: xr.DataArray) -> Array:
    """A level as float64 (chain, draw, component, x, y)."""
    full = x if "component" in x.dims else x.expand_dims("component")
    return np.asarray(full.transpose("chain", "draw", "component", "x", "y").values, dtype=np.float64)


def features(rows: Array) -> Array:
    """Lattice means of each component, its size, its square, its products with neighbours: (chain, draw, columns)."""
    mean = rows.mean(axis=(-2, -1))
    neighbours = [
        (rows * np.roll(rows, shift, axis=(-2, -1))).mean(axis=(-2, -1)) for shift in ((0, 1), (1, 0), (1, 1))
    ]
    result = np.stack([mean, np.abs(mean), (rows**2).mean(axis=(-2, -1)), *neighbours], axis=-1)
    return result.reshape(*rows.shape[:2], -1)


def probe(given: Array, wanted: Array) -> tuple[float, float]:
    """R² of a linear probe from a 3 × 3 window of components to those at its centre, on the other half of the chains.

    Parameters
    ----------
    given, wanted : array (chain, draw, components, x, y)
        The first chains, two of each class, train; the others judge.

    Returns
    -------
    value, stderr : float
        Pooled over components by their variance; the error is a jackknife over the chains that judge.
    """
    from rgnet import stats

    half = len(given) // 2
    windows = [np.roll(given, (i, j), axis=(-2, -1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    # On a small lattice both neighbours of a site may be one site
    design = np.moveaxis(np.concatenate(windows if min(given.shape[-2:]) > 2 else _few(given), axis=2), 2, -1)
    target = np.moveaxis(wanted, 2, -1)
    a = design[:half].reshape(-1, design.shape[-1])
    b = target[:half].reshape(-1, target.shape[-1])
    centre, mean = a.mean(axis=0), b.mean(axis=0)
    gram = (a - centre).T @ (a - centre)
    ridge = 1e-6 * np.trace(gram) / len(gram) + 1e-12
    weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), (a - centre).T @ (b - mean))
    left = target[half:] - mean - (design[half:] - centre) @ weights
    axes = tuple(range(1, left.ndim))
    parts = np.stack([(left**2).mean(axis=axes), ((target[half:] - mean) ** 2).mean(axis=axes)], axis=1)
    if parts[:, 1].sum() == 0:
        return math.nan, math.nan
    value, error = stats.jackknife(parts, lambda m: 1.0 - m[0] / m[1])
    return float(value), float(error)


def _few(given: Array) -> list[Array]:
    return [np.roll(given, (i, j), axis=(-2, -1)) for i in (0, 1) for j in (0, 1)]


def paragraph(results: Sequence[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> str:
    """What was found, in words."""
    return " ".join(_one(Parameters(**given), groups) for given, groups in results)


def _one(p: Parameters, groups: dict[str, xr.Dataset]) -> str:
    from rgnet.estimate import parenthesis

    levels, optimum = groups["levels"], groups["optimum"]
    last = int(levels["level"].values[-1])

    def value(name: str, network: str, level: int = last) -> tuple[float, float]:
        cell = levels.sel(network=network, level=level)
        return float(cell[name]), float(cell[f"{name}_stderr"])

    gap, error = float(optimum["difference"]), float(optimum["difference_stderr"])
    text = (
        f"Between K = {p.K[0]:g} and {p.K[1]:g} on {p.L} × {p.L}, the exact information about the label is "
        f"{parenthesis(float(optimum['information']), float(optimum['information_stderr']))} nats; the trained "
        f"network's cross-entropy is {parenthesis(gap, error)} nats above the least possible"
        + (", no worse than that within errors" if abs(gap) < 2 * error else "") + ". "
    )  # fmt: skip
    i = {name: value("information", name) for name in NETWORKS}
    text += (
        f"At level {last} a linear reading finds {parenthesis(*i['trained'])} nats in the trained network, "
        f"{parenthesis(*i['majority'])} in the block spins and {parenthesis(*i['random'])} in the untrained control. "
    )
    ahead = i["trained"][0] - i["majority"][0]
    if ahead > 2 * math.hypot(i["trained"][1], i["majority"][1]):
        text += "So training keeps what the block spins lose, against the view that they are the same map. "
    elif ahead < -2 * math.hypot(i["trained"][1], i["majority"][1]):
        text += "So the block spins keep more that can be read linearly than the trained network does. "
    else:
        text += "Trained network and block spins keep equally much within errors. "
    r = {name: value("spin_from_units", name) for name in ("trained", "random")}
    first = value("spin_from_units", "trained", 1)
    text += (
        f"Block spins are decodable from the trained units with R² = {parenthesis(*first)} at level 1 and "
        f"{parenthesis(*r['trained'])} at level {last} (control {parenthesis(*r['random'])}); back, units from block "
        f"spins, {parenthesis(*value('units_from_spin', 'trained'))} (control "
        f"{parenthesis(*value('units_from_spin', 'random'))}). "
    )
    step = r["trained"][0] - r["random"][0]
    if step < -2 * math.hypot(r["trained"][1], r["random"][1]):
        text += "Training makes the layers less like block spins than chance does: the label is even, a block spin odd."
    elif step > 2 * math.hypot(r["trained"][1], r["random"][1]):
        text += "Training brings the layers nearer to block spins than chance does, for a likeness with the RG."
    else:
        text += "Within errors the control is as near: no likeness to block spins is owed to training."
    return text
