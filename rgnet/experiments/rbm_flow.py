"""Whether the flow v → h → v' → … of a Boltzmann machine runs to the critical temperature (claim C8).

Iso, Shiba & Yokoo (2018, Phys. Rev. E 97, 053304) trained RBMs on Ising configurations of many temperatures, iterated
the machine from configurations of one, and read the temperature of what came out by a network trained on Ising data: it
moved toward T_c, against the direction of the RG. Funai & Giataganas (2020, Phys. Rev. Research 2, 033415) found the
same in zero field and read it as a flow to the largest specific heat rather than as an RG; Veiga & Vicente (2020,
arXiv:2006.10176) hold that a network thermometer cannot tell scale invariance; Funai (2021, arXiv:2111.11166) that the
end depends on parameters and data. It must: the Markov chain v → h → v' forgets where it began and samples p_rbm, which
training draws toward the law of the data. A machine trained on a symmetric spread of K about K_c therefore ends
near K_c, on average, whether or not criticality has anything to do with it. What tells is a machine trained elsewhere:
here one on data of a single K ≠ K_c.

The flow is measured here by three thermometers on the same configurations:

    coupling    K_nn by maximum pseudo-likelihood, alone and beside K_nnn and K_plaquette
    energy      the K whose torus has this mean energy a site (Kaufman's exact formula)
    network     a supervised network's posterior mean of K, as in the literature

On Ising configurations the three agree. Where they differ, the configurations belong to no K at all: the mean of the
network's posterior is then a projection onto the family that it was trained on, by whatever features it uses. To show
that, the thermometers also read calibrated Ising data, data with spins flipped at random, and data of an Ising model
with a next-nearest-neighbour coupling.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "the flow v → h → v' of RBMs, read by couplings, energy and a network thermometer: does it run to T_c? (C8)"
CLAIM = (
    "Iso, Shiba & Yokoo (2018): reconstructing again and again, v → h → v', a Boltzmann machine drives spins "
    "toward the critical temperature, as no RG does. Does it, and is that so by every thermometer?"
)
MACHINES = ("mixed", "single", "random")
THERMOMETERS = ("coupling", "energy", "network")
OPERATORS = ("nn", "nnn", "plaquette")
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: int = Field(8, description="side of the square lattice, even", ge=4)
    hidden: int = Field(64, description="hidden units of the free RBM", ge=1)
    training: tuple[float, ...] = Field(
        (0.4, 0.55, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5, 1.8),
        description="K/K_c of the data that the mixed machine and the network thermometer are trained on",
    )
    single: float = Field(0.7, description="K/K_c of the data of the other machine; not 1, or it tells nothing", gt=0)
    starts: tuple[float, ...] = Field((0.55, 1.0, 1.5), description="K/K_c of the data where flows begin")
    steps: tuple[int, ...] = Field((0, 1, 4, 16, 64, 256), description="rounds v → h → v' after which it is measured")
    draws: int = Field(500, description="draws of each chain, at each K", ge=50)
    chains: int = Field(4, description="chains at each K", ge=4)
    epochs: int = Field(30, description="passes of each RBM over its data", ge=1)
    thermometer_epochs: int = Field(20, description="passes of the network thermometer", ge=1)
    flips: float = Field(0.05, description="probability that a spin is flipped, in the noisy control", gt=0, lt=0.5)
    nnn: float = Field(0.15, description="next-nearest-neighbour coupling of the other control")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.side % 2:
            raise ValueError(f"side={self.side}: an even side, for the network thermometer has stride 2")
        if len(self.training) < 3 or min((*self.training, *self.starts)) <= 0 or not self.starts:
            raise ValueError(
                f"training={list(self.training)}, starts={list(self.starts)}: give three training values or more and "
                f"a start, all above 0"
            )
        if not self.steps or self.steps[0] != 0 or list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps={list(self.steps)}: growing numbers that begin with 0, such as [0, 1, 2, 4]")
        return self


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """The groups "flow" (machine, start, step, thermometer) and "controls"."""
    import xarray as xr

    from rgnet.exact import ising2d
    from rgnet.learn.annealing import gibbs
    from rgnet.learn.classifiers import Classifier
    from rgnet.learn.rbm import RBM
    from rgnet.learn.training import Training
    from rgnet.models import Ising
    from rgnet.sampling import sample

    shape = (parameters.side,) * 2
    n, chains = parameters.draws, parameters.chains

    def number(*key: int) -> int:
        return int(np.random.SeedSequence(seed, spawn_key=key).generate_state(1)[0])

    def drawn(ratio: float, *key: int, **options: Any) -> Any:
        return sample(Ising(shape, K=ratio * ising2d.K_c, **options), n, chains=chains, seed=number(*key))

    def training(epochs: int, rate: float, own: int, start: float, stop: float, words: str) -> Any:
        def told(done: int, total: int, _: dict[str, float]) -> None:
            report(start + (stop - start) * done / total, words)

        return Training(epochs=epochs, patience=epochs, batch=100, learning_rate=rate, seed=own, callback=told)

    sets = []
    for index, ratio in enumerate(parameters.training):
        report(0.15 * index / len(parameters.training), "sampling")
        sets.append(drawn(ratio, 0, index))
    mixed = xr.Dataset({"spin": xr.concat([_bare(item) for item in sets], "draw", join="outer")["spin"]})
    spec = RBM(hidden=parameters.hidden)
    machines: dict[str, Any] = {}
    machines["mixed"] = spec.fit(
        mixed, training(parameters.epochs, 0.003, number(1), 0.15, 0.4, "training the RBM on mixed temperatures")
    ).network.layers[0]
    machines["single"] = spec.fit(
        drawn(parameters.single, 2),
        training(parameters.epochs * 3, 0.003, number(3), 0.4, 0.5, "training the RBM at one temperature"),
    ).network.layers[0]
    machines["random"] = machines["mixed"].randomized(number(4))
    thermometer = Classifier(channels=(16, 16) if parameters.side % 4 == 0 else (16,), target="K").fit(
        sets,
        training=training(parameters.thermometer_epochs, 0.003, number(5), 0.5, 0.7, "training the thermometer"),
    )
    dims = (len(MACHINES), len(parameters.starts), len(parameters.steps), len(THERMOMETERS))
    value, error = np.full(dims, np.nan), np.full(dims, np.nan)
    further, further_error = (np.full((*dims[:3], len(OPERATORS)), np.nan) for _ in range(2))
    for s, ratio in enumerate(parameters.starts):
        start = drawn(ratio, 6, s)
        for m, name in enumerate(MACHINES):
            level, done = _bare(start), 0
            for k, step in enumerate(parameters.steps):
                report(0.7 + 0.25 * (s * len(MACHINES) + m) / (len(MACHINES) * len(parameters.starts)), "flowing")
                level = gibbs(machines[name], level, step - done, seed=number(7, s, m, k))
                done = step
                value[m, s, k], error[m, s, k], further[m, s, k], further_error[m, s, k] = _read(level, thermometer)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(8,)))
    controls, names, true = [], [], []
    for index, ratio in enumerate(parameters.training):
        controls.append(_read(_bare(drawn(ratio, 9, index)), thermometer))
        names.append("Ising")
        true.append(ratio * ising2d.K_c)
    report(0.97, "reading the controls")
    clean = _bare(drawn(1.0, 10))
    flipped = clean["spin"] * np.where(rng.random(clean["spin"].shape) < parameters.flips, -1, 1).astype(np.int8)
    controls.append(_read(xr.Dataset({"spin": flipped}), thermometer))
    names.append("flipped spins")
    true.append(ising2d.K_c)
    other = drawn(1.0 - 1.4142 * parameters.nnn / ising2d.K_c, 11, couplings={"nnn": parameters.nnn})
    controls.append(_read(_bare(other), thermometer))
    names.append("nnn coupling")
    true.append(ising2d.K_c - 1.4142 * parameters.nnn)
    report(1.0, "done")
    shared = {"thermometer": list(THERMOMETERS), "operator": list(OPERATORS)}
    axes = ("machine", "start", "step")
    attrs = {"K_c": ising2d.K_c, "side": parameters.side, "hidden": parameters.hidden}
    return {
        "flow": xr.Dataset(
            {
                "K": ((*axes, "thermometer"), value),
                "K_stderr": ((*axes, "thermometer"), error),
                "coupling": ((*axes, "operator"), further),
                "coupling_stderr": ((*axes, "operator"), further_error),
            },
            coords={
                "machine": list(MACHINES),
                "start": list(parameters.starts),
                "step": list(parameters.steps),
                **shared,
            },
            attrs={**attrs, "note": "errors by chain, Student's t left out; NaN: the level is frozen or of no K"},
        ),
        "controls": xr.Dataset(
            {
                "K": (("data", "thermometer"), np.array([row[0] for row in controls])),
                "K_stderr": (("data", "thermometer"), np.array([row[1] for row in controls])),
                "coupling": (("data", "operator"), np.array([row[2] for row in controls])),
                "coupling_stderr": (("data", "operator"), np.array([row[3] for row in controls])),
                "K_true": ("data", true),
            },
            coords={"data": names, **shared},
            attrs={**attrs, "flips": parameters.flips, "nnn": parameters.nnn},
        ),
    }


def _bare(data: "xr.Dataset") -> "xr.Dataset":
    """The spins alone: no label of a model that they may no longer be of."""
    return data[["spin"]].drop_attrs().drop_vars([n for n in ("chain", "draw") if n in data.coords])


def _read(data: "xr.Dataset", thermometer: Any) -> tuple[Any, Any, Any, Any]:
    """K by each thermometer with its error over chains, and the couplings of `OPERATORS` with theirs."""
    from rgnet.learn.classifiers import predict

    chains = data.sizes["chain"]
    spins = data["spin"].transpose("chain", "draw", "x", "y").values
    bonds = spins * (np.roll(spins, 1, axis=2) + np.roll(spins, 1, axis=3))
    told = np.asarray(predict(thermometer, data).transpose("chain", "draw").values)
    by_chain = np.full((chains, len(THERMOMETERS) + len(OPERATORS)), np.nan)
    for c in range(chains):
        one = spins[c]
        by_chain[c, 0] = _pseudo_likelihood(one, ("nn",))[0]
        by_chain[c, 1] = _coupling_of(-float(bonds[c].sum(axis=(1, 2)).mean()) / one[0].size, one.shape[1:])
        by_chain[c, 2] = told[c].mean()
        by_chain[c, 3:] = _pseudo_likelihood(one, OPERATORS)
    mean, error = by_chain.mean(axis=0), by_chain.std(axis=0, ddof=1) / math.sqrt(chains)
    k = len(THERMOMETERS)
    return mean[:k], error[:k], mean[k:], error[k:]


def _pseudo_likelihood(spins: Any, names: tuple[str, ...]) -> Any:
    """Couplings of one chain (draw, x, y); NaN where they run to infinity."""
    import xarray as xr

    from rgnet import operators
    from rgnet.flow._local_fields import local_fields
    from rgnet.flow.couplings import fit

    level = xr.Dataset({"spin": (("chain", "draw", "x", "y"), spins[None])})
    fields = local_fields(level, operators.resolve(list(names), 2), np.array([[0, 0, len(spins)]]))
    try:
        return fit(fields.vectors, fields.counts(), names, "a chain")
    except ValueError:
        return np.full(len(names), np.nan)


def _coupling_of(energy: float, shape: tuple[int, ...]) -> float:
    """The K of the torus with this energy a site, by bisection; NaN beyond its range."""
    from rgnet.exact import ising2d

    low, high = -3.0, 3.0
    if not float(ising2d.energy(high, shape)) < energy < float(ising2d.energy(low, shape)):  # type: ignore[arg-type]
        return math.nan
    for _ in range(50):
        middle = (low + high) / 2
        if float(ising2d.energy(middle, shape)) > energy:  # type: ignore[arg-type]
            low = middle
        else:
            high = middle
    return (low + high) / 2


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    from rgnet.estimate import parenthesis

    values, groups = results[0]
    flow, controls = groups["flow"], groups["controls"]
    K_c = float(flow.attrs["K_c"])
    K, error = flow["K"].values / K_c, flow["K_stderr"].values / K_c
    trained = (float(np.mean(values["training"])), float(values["single"]))
    said, apart, far, forgot = [], False, [], []
    for m, mean in enumerate(trained):
        ends, errors = K[m, :, -1], error[m, :, -1]
        words = [
            f"{word} {', '.join(parenthesis(*map(float, pair)) for pair in zip(ends[:, t], errors[:, t], strict=True))}"
            for t, word in enumerate(THERMOMETERS)
        ]
        said.append(f"{'all K, of mean' if m == 0 else 'the one K ='} {mean:.2f} K_c: {'; '.join(words)}")
        apart = apart or bool((np.abs(ends[:, 0] - ends[:, 2]) > 4 * np.hypot(errors[:, 0], errors[:, 2])).any())
        far.append(float(np.abs(ends[:, 2] - 1).max()))
        forgot.append(bool((np.ptp(ends, axis=0) < np.maximum(4 * errors.max(axis=0), 0.05)).all()))
    by = [(np.nanmean(K[1, :, -1, t]), word) for t, word in enumerate(THERMOMETERS)]
    nnn, nnn_error = (flow[name].values[0, :, -1, 1] for name in ("coupling", "coupling_stderr"))
    off = float(np.nanmax(np.abs(nnn / nnn_error)))
    rows = [str(name) for name in controls["data"].values]
    noisy, other = (controls["K"].values[rows.index(name)] / K_c for name in ("flipped spins", "nnn coupling"))
    ising = controls["K"].values[: rows.index("flipped spins")]
    worst = np.nanmax(np.abs(ising[1:-1] / controls["K_true"].values[1 : len(ising) - 1, None] - 1), axis=0)
    lost = [float(np.nanmean(K[2, :, -1, t])) for t in (0, 2)]
    return (
        f"Flows v → h → v' of {values['hidden']} hidden units on {values['side']}² spins, from K/K_c = "
        f"{', '.join(f'{x:g}' for x in flow['start'].values)}; after {int(flow['step'].values[-1])} rounds K/K_c "
        f"reads, for the machine trained on {'; for that on '.join(said)}. "
        + (
            "Every flow has forgotten its start. "
            if all(forgot)
            else "Not every flow has forgotten its start, so some of these are not yet ends. "
        )
        + (
            f"For: by the network thermometer the machine of all K ends within {100 * far[0]:.0f} % of K_c, as in the "
            "literature; but the mean of what it was trained on is as near. "
            if far[0] < 0.2 and abs(trained[0] - 1) < 0.2
            else f"By the network thermometer the machine of all K ends up to {100 * far[0]:.0f} % from K_c. "
        )
        + (
            "The machine of one K ends there too, which its training data do not explain. "
            if far[1] < 0.1 and abs(trained[1] - 1) > 0.1
            else f"Against: the machine of one K ends at {', '.join(f'{x:.2f} ({word})' for x, word in by)}, closer "
            "to its own training data than to K_c. "
            if far[1] >= 0.1 and all(abs(x - trained[1]) < abs(x - 1) for x, _ in by)
            else "The machine of one K ends neither at K_c nor clearly nearer its data. "
        )
        + (
            "The thermometers disagree on the same configurations by more than 4 errors: "
            if apart
            else "The thermometers agree at the end: "
        )
        + (
            f"the flow leaves the Ising family (K_nnn is up to {off:.0f} errors from zero; Ising data have none), so "
            "there is no one temperature to read. "
            if off > 4
            else "K_nnn stays within 4 errors of zero, as in Ising data. "
        )
        + "On Ising data inside their grid the thermometers err by at most "
        f"{', '.join(f'{100 * x:.0f} % ({name})' for x, name in zip(worst, THERMOMETERS, strict=True))}; with "
        f"{100 * float(controls.attrs['flips']):.0f} % of spins flipped, data of K_c read "
        f"{noisy[0]:.2f} (coupling) and {noisy[2]:.2f} (network), with K_nnn = {controls.attrs['nnn']:g}, "
        f"{other[0]:.2f} and {other[2]:.2f}; and what a machine of random weights leaves reads {lost[0]:.2f} and "
        f"{lost[1]:.2f}, for a network trained on a grid cannot say that there is no coupling. The flow tends to the "
        "machine's own stationary law, and no RG fixed point is needed to explain where it ends."
    )
