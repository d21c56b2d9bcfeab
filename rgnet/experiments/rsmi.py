"""Unsupervised and still RG: what real-space mutual information learns (claim C6).

*Ising.* The rule learned at K_c, scored by enumeration on a 4×6 torus beside the best of all odd rules, and by held-out
bounds on the lattice itself beside majority and decimation.

*Dimers with noise* (Koch-Janusz & Ringel 2018). Every site carries a spin more, strongly coupled to one neighbour and
to nothing else. A machine that is trained to reproduce the configurations spends itself on the strongest correlations;
a rule that must know the environment has no use for them. The relevant variable of dimers is the field, the staggered
occupation of links (Fradkin et al. 2004).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "the rule that knows most about its environment, on Ising and on dimers with noise, beside an RBM's filters"
CLAIM = (
    "Koch-Janusz & Ringel (2018): the units that know most about distant spins are those of the RG, and no label "
    "is needed; a machine trained by likelihood follows whatever is strong, such as local noise."
)
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]
_SIGNIFICANT = 3.0  # standard errors
_PUBLISHED = 0.2567  # by the tutorial of RSMI-NE (Gökmen et al. 2021), where:
_TUTORIAL = {"system": "dimers", "noise": False, "T": 15.0, "block": 8, "buffer": 4, "environment": 4, "hidden": 2}
_TORUS = (4, 6)  # on which rules are scored exactly


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: Literal["ising", "dimers"] = Field("ising", description="Ising spins, or dimers on the square lattice")
    shape: tuple[int, ...] = Field((64, 64), description="sides of the periodic lattice")
    K_over_K_c: float = Field(1.0, description="ising: coupling in units of the critical one", gt=0)
    T: float = Field(15.0, description="dimers: temperature of the aligning interaction", gt=0)
    noise: bool = Field(False, description="dimers: add paired noise spins as a third component")
    flip: float = Field(0.02, description="dimers: how often the two spins of a noise pair differ", ge=0, le=0.5)
    block: int = Field(2, description="side of the block", ge=2)
    buffer: int = Field(1, description="sites between block and environment", ge=0)
    environment: int = Field(2, description="width of the environment's frame", ge=1)
    hidden: int = Field(1, description="binary units to a block", ge=1, le=4)
    relaxation: Literal["sum", "concrete"] = Field("sum", description="how binary units are made differentiable")
    draws: int = Field(500, description="configurations of each chain", ge=20)
    chains: int = Field(4, description="independent chains; a quarter judges, a quarter of the rest stops", ge=3)
    rows: int = Field(100_000, description="blocks cut out of the configurations, in all", ge=1000)
    epochs: int = Field(12, description="passes over the training rows, at most", ge=1)
    batch: int = Field(512, description="rows to a step; bounds are at most its logarithm", ge=8)
    learning_rate: float = Field(3e-3, description="of Adam", gt=0)
    critic: tuple[int, ...] = Field((64,), description="hidden layers of the critic")
    restarts: int = Field(2, description="fits from different random filters, of which the best is kept", ge=1)
    rivals: bool = Field(True, description="train a Boltzmann machine and find principal components, and score them")
    rbm_units: int = Field(8, description="of a second Boltzmann machine, with more units than RSMI has", ge=1, le=10)
    rbm_rows: int = Field(20_000, description="blocks that the Boltzmann machines learn, at most", ge=100)
    rbm_epochs: int = Field(10, description="passes of the Boltzmann machines over them", ge=1)
    rbm_starts: int = Field(4, description="fits of each from random weights; the best likelihood is kept", ge=1)
    rbm_learning_rate: float = Field(3e-2, description="of Adam, for the Boltzmann machines", gt=0)
    rbm_batch: int = Field(128, description="blocks to a step of the Boltzmann machines", ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.shape) != 2:
            raise ValueError(f"shape={list(self.shape)}: this experiment is on the square lattice; give two sides")
        odd = [side for side in self.shape if side % self.block]
        if odd:
            raise ValueError(f"shape={list(self.shape)}: block={self.block} does not divide {odd[0]}; choose another")
        if self.system == "dimers" and any(side % 2 for side in self.shape):
            raise ValueError(f"shape={list(self.shape)}: dimers need even sides")
        if self.noise and self.system == "ising":
            raise ValueError("noise=true: noise spins are added to dimers; set system='dimers'")
        if min(self.shape) // 2 < self.block // 2 + self.buffer + 1:
            raise ValueError(
                f"buffer={self.buffer}: little or nothing of the lattice {list(self.shape)} lies beyond it; give a "
                f"smaller buffer"
            )
        return self


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Sample, learn, score: groups "rules", "filters" and "training"."""
    from dataclasses import replace

    from rgnet.learn.rsmi import RSMI
    from rgnet.learn.training import Training

    words = [int(word) for word in np.random.SeedSequence(seed).generate_state(3)]
    data = _sampled(parameters, words, report)
    report(0.3, "learning the rule")
    training = Training(
        epochs=parameters.epochs, batch=parameters.batch, learning_rate=parameters.learning_rate, patience=4,
        seed=words[2], progress=False, callback=lambda done, total, _: report(0.3, f"RSMI, step {done} of {total}"),
    )  # fmt: skip
    spec = RSMI(
        block=parameters.block, buffer=parameters.buffer, hidden=parameters.hidden, environment=parameters.environment,
        relaxation=parameters.relaxation, restarts=parameters.restarts, rows=parameters.rows, critic=parameters.critic,
        centre=parameters.system == "dimers",
    )  # fmt: skip
    # Weak signals show late: the best epoch is kept in any case
    learned = spec.fit(data, replace(training, patience=max(4, parameters.epochs)))
    report(0.6, "the rivals")
    rules, machine = _rules(parameters, data, learned.network.layers[0], words[2], lambda text: report(0.6, text))
    table = _scored(parameters, data, rules, training, report)
    history = learned.history.assign_attrs(
        **{
            f"{name}{suffix}": float(getattr(value, part))
            for name, value in learned.values.items()
            for suffix, part in (("", "value"), ("_stderr", "stderr"))
        }
    )
    groups = {"rules": table, "filters": _filters(rules), "training": history}
    return groups if machine is None else {**groups, "machine": machine}


def _sampled(parameters: Parameters, words: list[int], report: Report) -> "xr.Dataset":
    from rgnet.experiments._rsmi_rivals import noisy_dimers
    from rgnet.sampling import sample

    model: Any
    if parameters.system == "ising":
        from rgnet.exact.ising2d import K_c
        from rgnet.models import Ising

        model = Ising(parameters.shape, K=K_c * parameters.K_over_K_c)
    else:
        from rgnet.models.dimers import Dimers

        model = Dimers(parameters.shape, T=parameters.T)

    def told(done: int, total: int, _: float) -> None:
        report(0.3 * done / total, f"sampling, {done} of {total} draws")

    data = sample(model, parameters.draws, chains=parameters.chains, seed=words[0], callback=told)
    if parameters.system == "ising":
        return data
    return noisy_dimers(data, parameters.flip if parameters.noise else None, words[1])


def _rules(
    parameters: Parameters, data: "xr.Dataset", learned: Any, seed: int, report: Callable[[str], None]
) -> tuple[dict[str, Any], Any]:
    """Every rule that is scored, by name, the first RSMI's; and how the Boltzmann machines' filters read."""
    from rgnet.experiments import _rsmi_rivals as rivals
    from rgnet.layers import Decimation, Filter, Majority
    from rgnet.learn.training import Training

    b, units = parameters.block, parameters.hidden
    rules: dict[str, Any] = {"rsmi": learned}
    found: dict[str, Any] = {}
    machine = None
    v = rivals.blocks_of(data, b)
    if parameters.system == "ising":
        rules |= {"majority": Majority(b), "majority, ties by a spin": Majority(b, ties="first")}
        rules["decimation"] = Decimation(b)
        components = 1
    else:
        components = 3 if parameters.noise else 2
        patterns = rivals.staggered(b, components)
        rules["field"] = Filter(patterns if units > 1 else patterns[:1] + 0.5 * patterns[1:], ndim=2)
    if parameters.rivals:
        training = Training(
            epochs=parameters.rbm_epochs, batch=parameters.rbm_batch, learning_rate=parameters.rbm_learning_rate,
            seed=seed, progress=False,
        )  # fmt: skip
        some = v[:: -(-len(v) // parameters.rbm_rows)]

        def machine_of(size: int) -> Any:
            return rivals.boltzmann_filters(some, size, training, parameters.rbm_starts, report)

        found |= {"rbm": machine_of(units), "pca": rivals.principal_components(v, units)}
        if parameters.system == "dimers":
            machine = _machine([found["rbm"], machine_of(parameters.rbm_units)], v, parameters.noise)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(43,)))
    found["random"] = rng.normal(size=(units, components, b, b))
    # Links are −½ on average: a unit that is to know anything has its threshold at the mean of its sum
    centre = v.mean(axis=0) if parameters.system == "dimers" else np.zeros((components, b, b))
    rules |= {name: Filter(w, -(w * centre).sum(axis=(1, 2, 3)), ndim=2) for name, w in found.items()}
    return rules, machine


def _scored(parameters: Parameters, data: "xr.Dataset", rules: dict[str, Any], training: Any, report: Report) -> Any:
    """Held-out information of each rule, and its paired difference to RSMI's; exact scores where they exist."""
    from dataclasses import replace

    import xarray as xr

    from rgnet.experiments import _rsmi_rivals as rivals
    from rgnet.layers import Filter
    from rgnet.learn import bounds
    from rgnet.learn.rsmi import environment_terms

    names = list(rules)
    columns: dict[str, list[float]] = {}
    first: Any = None
    v = rivals.blocks_of(data, parameters.block)
    for place, (name, rule) in enumerate(rules.items()):
        fraction = 0.7 + 0.3 * place / len(rules)
        report(fraction, f"scoring {name}")

        def told(done: int, total: int, _: Any, at: float = fraction, what: str = name) -> None:
            report(at, f"scoring {what}, step {done} of {total}")

        terms, layout = environment_terms(
            rule, data, coarse=None, buffer=parameters.buffer, environment=parameters.environment, bound="infonce",
            rows=parameters.rows, critic=parameters.critic, training=replace(training, callback=told),
        )  # fmt: skip
        first = terms if first is None else first
        found = bounds.error_bar(terms, layout, strict=False)
        rows = terms.rows - first.rows
        apart = bounds.error_bar(bounds.Terms(rows, float(rows.mean()), "estimate", ""), layout, strict=False)
        values = {
            "information": found.value,
            "information_stderr": found.stderr,
            "difference": apart.value,
            "difference_stderr": apart.stderr,
        }
        if parameters.system == "dimers" and isinstance(rule, Filter):
            values |= rivals.read(_as_units(rule), v, parameters.noise)
        for key, value in values.items():
            columns.setdefault(key, []).append(float(value))
    attrs: dict[str, Any] = {"kind": "lower", "unit": "nats"}
    if parameters.system == "ising" and parameters.block == 2 and parameters.hidden == 1:
        report(0.99, "exact scores")
        exact, overlaps, attrs["best_odd"] = _exact(rules, parameters.K_over_K_c)
        columns |= {"exact": exact, "overlap": overlaps}
    return xr.Dataset({key: ("rule", column) for key, column in columns.items()}, {"rule": names}, attrs)


def _exact(rules: dict[str, Any], ratio: float) -> tuple[list[float], list[float], float]:
    """I(h; environment) on the small torus, overlap with the block sum, and the best odd rule's information."""
    from rgnet.exact import environment as env
    from rgnet.exact.ising2d import K_c
    from rgnet.models import Ising

    joint = env.joint(Ising(_TORUS, K=K_c * ratio), block=2, buffer=1)
    exact = [env.information(rule, joint) for rule in rules.values()]
    return exact, [env.overlap(rule, joint) for rule in rules.values()], env.best_odd_rule(joint).information


def _machine(machines: list[Any], v: Any, noise: bool) -> "xr.Dataset":
    """Every filter of Boltzmann machines: the units of its machine, its weights, and what its sum couples to."""
    import xarray as xr

    from rgnet.experiments import _rsmi_rivals as rivals

    weights = np.concatenate(machines)
    shares = [rivals.read(one[None], v, noise) for one in weights]
    found = {name: ("unit", [share[name] for share in shares]) for name in ("noise_variance", "field_variance")}
    sizes = ("unit", [len(machine) for machine in machines for _ in machine])
    return xr.Dataset({"weights": (("unit", "component", "i", "j"), weights), "units": sizes, **found})


def _as_units(rule: Any) -> Any:
    """Weights as (units, components, b, b)."""
    return rule.weights if rule.weights.ndim == 4 else rule.weights[None, None]


def _filters(rules: dict[str, Any]) -> "xr.Dataset":
    import xarray as xr

    from rgnet.layers import Filter

    found = {name: _as_units(rule) for name, rule in rules.items() if isinstance(rule, Filter)}
    units = {name: w for name, w in found.items() if w.shape == found["rsmi"].shape}
    stack = np.stack([w / np.sqrt((w**2).sum(axis=(1, 2, 3), keepdims=True)) for w in units.values()])
    return xr.Dataset({"weights": (("rule", "unit", "component", "i", "j"), stack)}, {"rule": list(units)})


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    return " ".join(_sentences(values, groups) for values, groups in results)


def _sentences(values: dict[str, Any], groups: dict[str, "xr.Dataset"]) -> str:
    from rgnet.estimate import parenthesis

    table, history = groups["rules"], groups["training"]
    names = [str(name) for name in table["rule"].values]

    def number(name: str, of: str = "information") -> str:
        row = table.sel(rule=name)
        return parenthesis(float(row[of]), float(row[f"{of}_stderr"]))

    def against(name: str) -> str:
        row = table.sel(rule=name)
        apart, error = float(row["difference"]), float(row["difference_stderr"])
        if abs(apart) <= _SIGNIFICANT * error:
            return f"{name} {number(name)} (equal within error)"
        return f"{name} {number(name)} ({'more' if apart > 0 else 'less'} by {parenthesis(abs(apart), error)})"

    held = parenthesis(float(history.attrs["held_out"]), float(history.attrs["held_out_stderr"]))
    own = parenthesis(float(history.attrs["training"]), float(history.attrs["training_stderr"]))
    shape = "×".join(str(side) for side in values["shape"])
    b = values["block"]
    start = (
        f"On Ising {shape} at {values['K_over_K_c']:g} K_c"
        if values["system"] == "ising"
        else f"On dimers {shape} at T = {values['T']:g}{' with paired noise spins' if values['noise'] else ''}"
    )
    text = (
        f"{start}, with {b}×{b} blocks, a buffer of {values['buffer']} and {values['hidden']} binary unit"
        f"{'s' if values['hidden'] > 1 else ''}, the rule that RSMI learned without any label knows at least {held} "
        f"nats about the environment on held-out chains ({own} on its own training rows). Scored alike: "
        f"rsmi {number('rsmi')}; {'; '.join(against(name) for name in names[1:])}."
    )
    if all(values[name] == value for name, value in _TUTORIAL.items()):
        text += f" In this setting {_PUBLISHED} nats were published, on training data: that is not to be compared with "
        text += "the held-out value."
    if float(history.attrs["held_out"]) < _SIGNIFICANT * float(history.attrs["held_out_stderr"]):
        return f"{text} Nothing was learned: these data do not show that there is any information."
    if "exact" in table:
        share = float(table["exact"].sel(rule="rsmi")) / float(table.attrs["best_odd"])
        text += (
            f" By enumeration on {_TORUS[0]}×{_TORUS[1]} the learned rule keeps {share:.4f} of what the best odd rule "
            f"does ({float(table.attrs['best_odd']):.5f} nats) and majority with coins "
            f"{float(table['exact'].sel(rule='majority')) / float(table.attrs['best_odd']):.4f}; its correlation with "
            f"the block sum is {float(table['overlap'].sel(rule='rsmi')):.3f}, so "
            + ("locality alone does supply the block spin." if share >= 0.99 else "it missed the block spin.")
        )
    if "field_variance" in table:
        text += " " + _of_dimers(table, bool(values["noise"]), groups.get("machine"))
    return text


def _of_dimers(table: "xr.Dataset", noise: bool, machine: "xr.Dataset | None") -> str:
    def percent(name: str, of: str) -> float:
        return 100.0 * float(table[of].sel(rule=name))

    names = [name for name in ("rsmi", "rbm", "pca") if name in table["rule"].values]
    shares = ", ".join(f"{name} {percent(name, 'field_variance'):.1f} %" for name in names)
    text = f"Of the variance of the filters' sums, the block's electric field explains: {shares}."
    if not noise:
        return text
    shares = ", ".join(f"{name} {percent(name, 'noise_variance'):.1f} %" for name in names)
    text += f" The noise makes up: {shares}."
    if percent("rsmi", "noise_variance") >= 10.0:
        return f"{text} RSMI did not leave the noise alone, against the claim."
    text += " RSMI leaves the noise alone, as claimed."
    return text if machine is None else f"{text} {_of_machines(machine)}"


def _of_machines(machine: "xr.Dataset") -> str:
    """What Boltzmann machines couple to, the one with as many units as RSMI first."""
    sizes = list(dict.fromkeys(int(size) for size in machine["units"].values))
    counts = {size: machine.where(machine["units"] == size, drop=True) for size in sizes}
    noisy = {size: int((found["noise_variance"] > 0.5).sum()) for size, found in counts.items()}
    onto = {size: int((found["field_variance"] > 0.5).sum()) for size, found in counts.items()}
    told = " and ".join(f"{noisy[size]} of {size}" for size in sizes)
    text = (
        f"Of the units of Boltzmann machines fitted to the same blocks by exact likelihood, {told} are mostly noise, "
    )
    text += f"{' and '.join(str(onto[size]) for size in sizes)} mostly field. "
    if noisy[sizes[0]] > 0:
        return f"{text}So likelihood goes for what is strong, the environment for what reaches far: for the claim."
    if any(noisy.values()):
        return (
            f"{text}So with as few units as RSMI likelihood prefers the short-range order of the links to the noise, "
            f"against the claim in its strict form; with more units it spends some of them on the noise, for it."
        )
    return f"{text}No machine couples to the noise: that half of the claim is not confirmed here."
