"""The exact classifier of lattice ensembles: Bayes, its compilation to neurons, and what training makes (claim A1).

*Small lattice*: the posterior of every state by Bayes' rule from enumerated probabilities p(x|y), beside the softmax of
the Hamiltonians (`rgnet.cheap.classifier`) and the compiled network (`rgnet.cheap.classifier_network`) at several β.

*Large lattice*: cross-entropy, on draws that none has seen, of the exact classifier, of the compiled network, and of
convolutional networks trained on fewer and more draws; differences are paired.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "the exact classifier of lattice ensembles, compiled to neurons, beside trained networks (claim A1)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017): a network that computes Hamiltonians and one softmax layer with biases is a "
    "perfect classifier, p(y|x) exactly, and cheap where the Hamiltonian is. Is it exact, is it cheap, and does "
    "training find it?"
)
REQUIRES = ("torch",)
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[int, int] = Field((4, 4), description="sides of the enumerated lattice, at most 16 spins")
    classes: tuple[tuple[float, float], ...] = Field(
        ((0.30, 0.0), (0.44, 0.0), (0.44, 0.05)), min_length=2, description="K and h of each enumerated class"
    )
    prior: tuple[float, ...] = Field((0.5, 0.3, 0.2), description="p(y) of the enumerated classes")
    betas: tuple[Annotated[float, Field(gt=0, le=1000)], ...] = Field(
        (5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0),
        min_length=2,
        description="steepness of the neurons",
    )
    L: int = Field(16, ge=4, le=64, description="side of the large lattice")
    K: tuple[float, float] = Field((0.42, 0.46), description="couplings of its two classes")
    channels: tuple[Annotated[int, Field(ge=1)], ...] = Field((16, 16), description="of the trained network's layers")
    sizes: tuple[Annotated[int, Field(ge=10)], ...] = Field(
        (30, 125, 500), min_length=1, description="draws of each chain to train on"
    )
    chains: int = Field(8, ge=4, description="chains of each class to train on")
    test: int = Field(1000, ge=50, description="draws of each of 4 chains a class to judge on")
    epochs: int = Field(15, ge=1, description="passes over the most draws; fewer draws are passed over more often")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if math.prod(self.shape) > 16:
            raise ValueError(f"shape={list(self.shape)}: all states are enumerated, so give at most 16 spins")
        if len(self.prior) != len(self.classes):
            raise ValueError(f"prior={list(self.prior)}: give one probability for each of {len(self.classes)} classes")
        if self.L % 2 ** len(self.channels):
            raise ValueError(f"L={self.L}: {len(self.channels)} layers of stride 2 need a multiple of their scale")
        return self


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Enumerate, compile and train: groups "small" and "large"."""
    report(0.0, "all states of the small lattice")
    small = _small(parameters)
    return {"small": small, "large": _large(parameters, seed, report)}


def _small(p: Parameters) -> "xr.Dataset":
    import xarray as xr

    from rgnet import cheap
    from rgnet.cheap.classifier_networks import classifier_network
    from rgnet.exact import enumerate as full
    from rgnet.models import Ising

    models = [Ising(p.shape, K=K, h=h) for K, h in p.classes]
    states = full.states(p.shape)
    joint = np.stack([full.distribution(model.energy, p.shape) for model in models], axis=1) * np.array(p.prior)
    bayes = joint / joint.sum(axis=1, keepdims=True)
    exact = cheap.classifier(models, p.prior)
    networks = [classifier_network(exact, beta=beta) for beta in p.betas]
    steep = classifier_network(exact)
    logs = np.log(bayes)
    return xr.Dataset(
        {
            "error": ("beta", [float(np.abs(item.posterior(states) - bayes).max()) for item in networks]),
            "promised": ("beta", [item.report.promised for item in networks]),
            "energies": float(np.abs(exact.posterior(states) - bayes).max()),
            "compiled": float(np.abs(steep.posterior(states) - bayes).max()),
            "compiled_promised": steep.report.promised,
            "cross_entropy": float(-(joint * logs).sum()),
            "entropy": float(-(np.array(p.prior) * np.log(p.prior)).sum()),
        },
        coords={"beta": list(p.betas)},
        attrs={
            "neurons": steep.network.neurons,
            "synapses": steep.network.synapses,
            "filters": steep.report.notes["filters"],
            "steep": steep.report.notes["beta"],
            "states": len(states),
            "unit": "nats",
        },
    )


def _large(p: Parameters, seed: int, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet import cheap
    from rgnet.cheap.classification import layout_of, mean_score
    from rgnet.cheap.classifier_networks import classifier_network
    from rgnet.learn.classifiers import Classifier, beside_bayes
    from rgnet.learn.training import Training
    from rgnet.models import Ising

    models = [Ising((p.L, p.L), K=value) for value in p.K]
    keys = [int(x) for x in np.random.SeedSequence(seed).generate_state(2 + len(p.sizes))]
    report(0.1, "sampling")
    data = cheap.sample_classes(models, max(p.sizes), chains=p.chains, seed=keys[0])
    fresh = cheap.sample_classes(models, p.test, chains=4, seed=keys[1])
    compiled = classifier_network(models)
    spins = fresh["spin"].transpose("chain", "draw", ...).values
    labels = np.repeat(fresh["label"].values, p.test)
    log_q = compiled.log_posterior(spins).reshape(-1, len(models))
    log_p = np.asarray(compiled.exact.log_posterior(spins)).reshape(-1, len(models))
    rows = np.arange(len(labels))
    layout = layout_of(fresh, (len(labels),), None)
    own = mean_score(-log_q[rows, labels], labels, compiled.exact.prior, layout)
    columns: dict[str, list[float]] = {"draws": [], "cross_entropy": [], "difference": []}
    errors: dict[str, list[float]] = {"cross_entropy": [], "difference": []}
    weights, bayes = 0, None
    for index, size in enumerate(p.sizes):
        share = 0.2 + 0.8 * index / len(p.sizes)
        report(share, f"training on {size} draws of each chain")
        part = data.isel(draw=slice(0, size))
        spec = Classifier(channels=p.channels, kernel=3, activation="square")
        epochs = min(20 * p.epochs, round(p.epochs * max(p.sizes) / size))
        training = Training(
            epochs=epochs, batch=64, learning_rate=3e-3, seed=keys[2 + index], progress=False, patience=epochs
        )
        learned = spec.fit(part, training=training)
        found = beside_bayes(learned, fresh)
        columns["draws"].append(float(size * p.chains * len(models)))
        for name, key in (("cross_entropy", "network"), ("difference", "difference")):
            columns[name].append(found[key].value)
            errors[name].append(found[key].stderr)
        bayes = found["bayes"]
        weights = sum(int(getattr(layer, "n_parameters", 0)) for layer in learned.network.layers)
    assert bayes is not None
    return xr.Dataset(
        {
            **{name: ("training", value) for name, value in columns.items()},
            **{f"{name}_stderr": ("training", value) for name, value in errors.items()},
            "bayes": bayes.value,
            "bayes_stderr": bayes.stderr,
            "compiled": own.value,
            "compiled_difference": float(np.abs((log_p - log_q)[rows, labels]).max()),
            "compiled_promised": compiled.report.promised,
        },
        attrs={
            "neurons": compiled.network.neurons,
            "synapses": compiled.network.synapses,
            "filters": compiled.report.notes["filters"],
            "distinct_weights": compiled.report.notes["distinct weights"],
            "trained_weights": weights,
            "unit": "nats",
        },
    )


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    return " ".join(_one(groups) for _, groups in results)


def _one(groups: dict[str, "xr.Dataset"]) -> str:
    from rgnet.estimate import parenthesis

    small, large = groups["small"], groups["large"]
    rounding = float(small["energies"]) < 1e-12
    kept = bool((small["error"] <= small["promised"] + 1e-13).all()) and float(small["compiled"]) <= float(
        small["compiled_promised"] + 1e-13
    )
    line = small["beta"].values >= 15.0
    above = line & (small["error"].values > 1e-11)
    text = (
        f"On all {small.attrs['states']} states the softmax of the Hamiltonians with biases −μ − ln Z "
        + ("equals" if rounding else "DIFFERS from")
        + f" Bayes' rule from enumerated probabilities (largest difference {float(small['energies']):.0e}). Compiled, "
        f"it is {small.attrs['neurons']} logistic neurons in one hidden layer shared by all classes, "
        f"{small.attrs['filters']} convolution filters by translation; its posterior errs by "
        f"{float(small['compiled']):.0e} at "
        f"β = {small.attrs['steep']:.0f}"
    )
    if np.count_nonzero(above) > 1:
        slope = np.polyfit(small["beta"].values[above], -np.log10(small["error"].values[above]), 1)[0]
        text += f", and for smaller β gains {slope:.4f} decimals a unit (1/(2 ln 10) = {0.5 / math.log(10.0):.4f})"
    text += ", always within what is promised. " if kept else "; MORE than promised: distrust this run. "
    difference, error = large["difference"].values, large["difference_stderr"].values
    best = parenthesis(float(large["bayes"]), float(large["bayes_stderr"]))
    text += (
        f"On the large lattice the least cross-entropy is {best} nats; the compiled network "
        f"({large.attrs['neurons']} neurons, {large.attrs['filters']} filters) differs from it by "
        f"{float(large['compiled_difference']):.0e} at most on any draw. Trained networks of "
        f"{large.attrs['trained_weights']} weights are above it by "
        + ", ".join(
            f"{parenthesis(float(d), float(e))} ({n:.0f} draws)"
            for d, e, n in zip(difference, error, large["draws"].values, strict=True)
        )
        + ". "
    )
    most = int(large["draws"].values.argmax())
    last, sigma = float(difference[most]), float(error[most])
    if last < -3 * sigma:
        return text + "Below the optimum by more than its error: no network can be; distrust this run."
    if last < 2 * sigma:
        return text + "So training comes within errors of the optimum here, from data alone."
    return text + (
        f"So {last:.2g} nats are lost by learning from data what the Hamiltonian says outright; the exact "
        f"network exists, and training has not found it to the accuracy that these errors resolve."
    )
