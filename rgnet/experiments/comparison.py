"""Networks beside the RG: every level of each, on the same samples (claims C3 to C8).

Training data and the samples that are compared are separate Monte Carlo runs. What is trained sees only the former; all
networks, and one of random weights for each, are then asked the same questions by `rgnet.comparison.compare`.

The learned networks: ``rsmi``, the rule that knows most about its environment, applied again and again; ``rbm``, a
stack of translation-tied Boltzmann machines, each trained on the hidden spins of the one below; ``cnn``, a supervised
thermometer, which tells the coupling on a grid about K; ``autoencoder`` and ``pca``, baselines that only describe.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "networks and RGs level by level on the same samples: couplings, information kept, decodability both ways"
CLAIM = (
    "Mehta & Schwab (2014) say that training a Boltzmann machine on spins is a renormalization group; Lin, "
    "Tegmark & Rolnick (2017) that the RG is supervised: it distils information about a chosen cause; Koch-Janusz "
    "& Ringel (2018) that locality itself supplies the target. Here they stand beside the RG on the same draws, "
    "each next to itself with random weights: what random weights do as well is no merit of training."
)
LEARNED = ("rsmi", "rbm", "cnn", "autoencoder", "pca")
Name = Literal["majority", "decimation", "average", "kadanoff", "rsmi", "rbm", "cnn", "autoencoder", "pca"]
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]
_RATES = {"rsmi": 1e-2, "rbm": 0.05, "cnn": 3e-3, "autoencoder": 2e-3, "pca": 1e-3}  # of Adam
_BLOCKS = 256  # rsmi: blocks to a step, at least: with few, its bound is too noisy to tell rules apart
_TRAINING = 0.55  # share of the time, roughly


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[int, ...] = Field((64, 64), description="sides of the Ising lattice, periodic")
    K: float | None = Field(None, description="reduced coupling; or give K_over_K_c", gt=0)
    K_over_K_c: float | None = Field(
        None, description="coupling in units of the critical one (1 unless K is given)", gt=0
    )
    networks: tuple[Name, ...] = Field(
        ("majority", "decimation", "average", "rsmi", "rbm", "cnn"), description="which are compared, in this order"
    )
    levels: int = Field(4, description="layers of each network, of scale 2", ge=1, le=10)
    draws: int = Field(1000, description="configurations of each chain that is compared", ge=50)
    chains: int = Field(4, description="independent chains that are compared", ge=2)
    training_draws: int = Field(1000, description="configurations of each chain that is trained on", ge=50)
    training_chains: int = Field(4, description="independent chains that are trained on, a quarter held out", ge=4)
    epochs: int = Field(10, description="passes over the training data, at most", ge=1)
    batch: int = Field(32, description="configurations to a step (rsmi: 256 blocks or more)", ge=1)
    rho: float = Field(1.0, description="kadanoff: p(y|x) ∝ exp(rho y Σx)", ge=0)
    buffer: int = Field(1, description="rsmi: sites between block and environment in training", ge=0)
    examples: int = Field(40_000, description="rsmi: blocks cut out of the training data", ge=1000)
    filters: int = Field(1, description="rbm: hidden spins of each block", ge=1)
    kernel: int = Field(4, description="rbm and cnn: side of the window of a unit", ge=2)
    channels: int = Field(8, description="cnn and autoencoder: components of each layer", ge=1)
    temperatures: int = Field(5, description="cnn: couplings that it tells apart", ge=2)
    spread: float = Field(0.1, description="cnn: they lie within this fraction of K on both sides", gt=0, lt=1)
    rows: int = Field(8192, description="examples of each probe", ge=256)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.K is not None and self.K_over_K_c is not None:
            raise ValueError(f"K={self.K} and K_over_K_c={self.K_over_K_c}: give one of the two")
        if self.K is None and len(self.shape) not in (2, 3):
            raise ValueError(f"shape={list(self.shape)} has no known K_c: give K instead of K_over_K_c")
        if not self.networks or len(set(self.networks)) < len(self.networks):
            raise ValueError(f"networks={list(self.networks)}: name each once, such as ['majority', 'rsmi']")
        if all(name in LEARNED for name in self.networks):
            raise ValueError(f"networks={list(self.networks)} have no RG among them: add 'majority' to compare with")
        odd = [side for side in self.shape if side % 2**self.levels or side // 2**self.levels < 2]
        if odd:
            raise ValueError(
                f"shape={list(self.shape)} with levels={self.levels}: sides must be multiples of {2**self.levels} and "
                f"leave at least 2 sites; give fewer levels"
            )
        return self

    @property
    def coupling(self) -> float:
        """The reduced coupling that is simulated."""
        if self.K is not None:
            return self.K
        from rgnet.exact import critical

        known = critical(len(self.shape))
        assert known is not None  # checked
        return (1.0 if self.K_over_K_c is None else self.K_over_K_c) * known.K_c


def requires(parameters: Parameters) -> tuple[str, ...]:
    """Packages beyond the core that these networks need."""
    return ("torch", "safetensors") if any(name in LEARNED for name in parameters.networks) else ()


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Train, sample anew, compare: groups "comparison" and the training histories "training/<name>"."""
    from rgnet.comparison import compare
    from rgnet.models import Ising
    from rgnet.sampling import sample

    done = 0.0

    def onward(fraction: float, words: str) -> None:  # training in parts begins anew with each
        nonlocal done
        done = max(done, fraction)
        report(done, words)

    seeds = [int(word) for word in np.random.SeedSequence(seed).generate_state(4)]
    model = Ising(parameters.shape, K=parameters.coupling)
    onward(0.0, "sampling")

    def sampled(K: float, draws: int, chains: int, number: int) -> "xr.Dataset":
        def callback(count: int, total: int, _: float) -> None:
            onward(0.0, f"sampling, {count} of {total} draws")

        return sample(Ising(parameters.shape, K=K), draws, chains=chains, seed=number, callback=callback)

    networks: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    wanted = [name for name in parameters.networks if name in LEARNED]
    data = sampled(model.K, parameters.training_draws, parameters.training_chains, seeds[0]) if wanted else None
    for name in parameters.networks:
        if name not in LEARNED:
            networks[name] = _hand_made(name, parameters)
            continue
        start, share = 0.05 + _TRAINING * wanted.index(name) / len(wanted), _TRAINING / len(wanted)

        def told(fraction: float, words: str, start: float = start, share: float = share) -> None:
            onward(start + share * fraction, words)

        learned = _train(name, parameters, data, sampled, seeds, told)
        networks[name] = learned
        groups[f"training/{name}"] = plain(learned.history, learned.values)
    test = sampled(model.K, parameters.draws, parameters.chains, seeds[1])
    first = 0.05 + (_TRAINING if wanted else 0.0)
    table = compare(
        test,
        networks,
        seed=seeds[2],
        rows=parameters.rows,
        report=lambda fraction, words: onward(first + (1.0 - first) * fraction, words),
    )
    return {"comparison": table.assign_attrs(K=model.K), **groups}


def _hand_made(name: str, parameters: Parameters) -> Any:
    from rgnet.layers import BlockAverage, Decimation, Kadanoff, Majority, Network

    if name == "kadanoff":
        return Network([Kadanoff(2, rho=parameters.rho)] * parameters.levels)
    made = {"majority": Majority, "decimation": Decimation, "average": BlockAverage}
    return Network([made[name](2)] * parameters.levels)


def _train(
    name: str, parameters: Parameters, data: Any, sampled: Callable[..., Any], seeds: list[int], report: Report
) -> Any:
    """What ``fit`` returns for a learned network."""
    from rgnet.learn.training import Training

    report(0.0, f"training {name}")

    def callback(done: int, total: int, _: Mapping[str, float]) -> None:
        report(done / max(total, 1), f"training {name}")

    number = seeds[3] ^ (LEARNED.index(name) + 1)
    training = Training(
        epochs=parameters.epochs,
        batch=parameters.batch,
        learning_rate=_RATES[name],
        patience=parameters.epochs,
        seed=number,
        progress=False,
        callback=callback,
    )
    if name == "rsmi":
        from rgnet.learn.rsmi import RSMI

        # One start in some ends in the rule of a single spin, which is a local maximum: the better of two is kept
        rule = RSMI(
            block=2, buffer=parameters.buffer, repeat=parameters.levels, rows=parameters.examples, restarts=2,
            critic=(32,),
        )  # fmt: skip
        return rule.fit(data, replace(training, batch=max(_BLOCKS, 4 * parameters.batch)))
    if name == "rbm":
        from rgnet.learn.rbm import RBM, RBMStack

        # No fields: the samples have the symmetry s -> -s, and the chance magnetisation of a few chains is not learned
        one = RBM(b=2, kernel=parameters.kernel, filters=parameters.filters, biases=False)
        return RBMStack([one] * parameters.levels).fit(data, training)
    if name == "cnn":
        from rgnet.learn.classifiers import Classifier

        couplings = parameters.coupling * np.linspace(
            1.0 - parameters.spread, 1.0 + parameters.spread, parameters.temperatures
        )
        each = max(50, parameters.training_draws // 2)
        states = np.random.SeedSequence(seeds[3]).generate_state(len(couplings))
        sets = [sampled(float(K), each, 4, int(word)) for K, word in zip(couplings, states, strict=True)]
        channels = (parameters.channels,) * parameters.levels
        return Classifier(channels=channels, kernel=parameters.kernel, b=2, target="K").fit(sets, None, training)
    from rgnet.learn import baselines

    return _baseline(baselines, name, parameters).fit(data, training)


def _baseline(baselines: Any, name: str, parameters: Parameters) -> Any:
    if name == "autoencoder":
        return baselines.Autoencoder(channels=(parameters.channels,) * parameters.levels)
    return baselines.PCA(b=2, components=1, layers=parameters.levels)


def plain(history: "xr.Dataset", values: Mapping[str, Any]) -> "xr.Dataset":
    """A training history with its values as scalars, attributes text and numbers only."""
    result = history.copy()
    result.attrs = {k: v if isinstance(v, str | int | float) else str(v) for k, v in history.attrs.items()}
    for name, value in values.items():
        number = float(getattr(value, "value", value))
        result[f"value_{name}"] = ((), number)
        if hasattr(value, "stderr"):
            result[f"value_{name}_stderr"] = ((), float(value.stderr))
    return result


def paragraph(results: Results) -> str:
    """What was found, for and against, in words."""
    from rgnet.comparison.words import verdict

    return " ".join(verdict(groups["comparison"]) for _, groups in results)
