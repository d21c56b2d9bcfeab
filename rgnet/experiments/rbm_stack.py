"""Whether training a stack of RBMs is a renormalization group (claim C4; Mehta & Schwab 2014, arXiv:1410.3831).

Three measurements at one coupling K of the 2D Ising model; a study asks for several.

*Fit and trace condition* (group "fit"): free RBMs of growing hidden count on a small torus, where KL and the violation
of the trace condition Tr_h e^T = const, as a distribution over v, are exact sums over all states. The RG step is exact
iff both vanish. Trained by CD, as in the literature, and by the exact likelihood where that is cheap, so that what
the units cannot express is told from what the training did not find.

*Receptive fields* (group "fields"): free RBMs with a hidden lattice L/2, with and without the L1 penalty that Mehta &
Schwab used: does each unit see a block? Participation ratio (Σw²)²/Σw⁴ of a unit's weights, in sites (a block has
b² = 4), and their width, the root mean squared distance from the place where the weights are largest.

*Flow* (group "flow"): couplings of every level by maximum pseudo-likelihood, for a stack of translation-tied RBMs,
majority blocks, and two controls of the stack's shape, on the same draws: equal weights in the whole window, of the
trained root mean square, and random weights. A tied RBM with one filter and kernel b is Kadanoff's soft block spin with
learned weights; blocks are then independent under the machine, so it cannot hold the correlations between them. A wider
kernel can, but its windows overlap, and hidden spins that share visible ones resemble each other for that reason alone:
how much, the equal weights show.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "RBM stacks on Ising data: KL, trace condition, receptive fields, flow of couplings beside majority (C4)"
CLAIM = (
    "Mehta & Schwab (2014): a Boltzmann machine is a variational RG step, exact if Tr_h exp(T) = 1 for every v, "
    "which holds if and only if the machine fits p(v) exactly. Do trained stacks meet it, and do their couplings "
    "flow as the RG's?"
)
OPERATORS = ("nn", "nnn", "plaquette")
NETWORKS = ("majority", "rbm", "equal weights", "random rbm")
FROZEN = 2.0  # K_nn beyond which hardly a spin in 10⁶ stands against its neighbours
METHODS = ("cd", "exact")
RATES = {"cd": 0.01, "exact": 0.02}  # the noise of contrastive divergence wants a slower one
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]
_EXACT_UNITS = 12  # hidden units up to which training by the exact likelihood is cheap
_BINS = np.linspace(-4.0, 4.0, 81)


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    K_over_K_c: float = Field(1.0, description="coupling in units of the critical one", gt=0)
    small: tuple[int, ...] = Field((4, 4), description="lattice of the exact sums, at most 16 spins")
    hidden: tuple[int, ...] = Field((2, 4, 8, 12), description="hidden units of the free RBMs there")
    seeds: int = Field(3, description="trainings of each machine, for their scatter", ge=2)
    draws: int = Field(6000, description="configurations that the small machines are trained on", ge=400)
    epochs: int = Field(40, description="passes over them", ge=1)
    middle: int = Field(8, description="side of the lattice whose receptive fields are measured, even", ge=4)
    l1: float = Field(0.01, description="L1 penalty of the sparse machine there", gt=0)
    side: int = Field(32, description="side of the lattice of the flow", ge=8)
    depth: int = Field(3, description="layers of the stack, of scale 2", ge=1)
    kernel: int = Field(4, description="side of a tied filter", ge=2)
    chains: int = Field(4, description="chains of the flow, a quarter held out", ge=4)
    chain_draws: int = Field(500, description="draws of each", ge=50)
    temperatures: int = Field(3000, description="of the annealing that gives ln Z of its first layer", ge=2)
    stack_epochs: int = Field(12, description="passes of each layer of the stack", ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.small) != 2 or min(self.small) < 2 or math.prod(self.small) > 16:
            raise ValueError(
                f"small={list(self.small)}: two sides of at least 2, with at most 16 spins, such as [4, 4]"
            )
        if not self.hidden or min(self.hidden) < 1 or max(self.hidden) > 64:
            raise ValueError(f"hidden={list(self.hidden)}: give one number of units or more, each from 1 to 64")
        if self.middle % 2 or self.middle > 8:
            raise ValueError(f"middle={self.middle}: an even side of at most 8, so that ln Z is an exact sum")
        if self.side % 2**self.depth or self.side // 2 ** max(self.depth - 1, 1) < self.kernel:
            raise ValueError(
                f"side={self.side} with depth={self.depth}, kernel={self.kernel}: a multiple of {2**self.depth}, with "
                f"levels of at least the kernel below each layer; give fewer layers"
            )
        return self


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """The groups "fit", "fields" and "flow"."""
    from rgnet.exact import ising2d

    K = parameters.K_over_K_c * ising2d.K_c
    return {
        "fit": _fit(parameters, K, seed, _part(report, 0.0, 0.55)),
        "fields": _fields(parameters, K, seed, _part(report, 0.55, 0.7)),
        "flow": _flow(parameters, K, seed, _part(report, 0.7, 1.0)),
    }


def _part(report: Report, start: float, stop: float) -> Report:
    return lambda fraction, words: report(start + (stop - start) * fraction, words)


def _number(seed: int, *key: int) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=key).generate_state(1)[0])


def _training(epochs: int, rate: float, seed: int, report: Report, words: str) -> Any:
    from rgnet.learn.training import Training

    def told(done: int, total: int, _: dict[str, float]) -> None:
        report(done / total, words)

    return Training(epochs=epochs, patience=epochs, batch=100, learning_rate=rate, seed=seed, callback=told)


def _fit(parameters: Parameters, K: float, seed: int, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.exact import enumerate as full
    from rgnet.learn import variational
    from rgnet.learn.annealing import kl
    from rgnet.learn.rbm import RBM
    from rgnet.models import Ising

    model = Ising(parameters.small, K=K)
    v, p = full.states(model.shape), full.distribution(model.energy, model.shape)
    jobs = [
        (m, h, s)
        for m in range(len(METHODS))
        for h in range(len(parameters.hidden))
        for s in range(parameters.seeds)
        if METHODS[m] == "cd" or parameters.hidden[h] <= _EXACT_UNITS
    ]
    shape = (len(METHODS), len(parameters.hidden), parameters.seeds)
    found = {name: np.full(shape, np.nan) for name in ("kl", "kl_start", "violation", "participation")}
    quantiles = np.full((*shape, len(variational.QUANTILES)), np.nan)
    histogram = np.full((*shape, len(_BINS) - 1), np.nan)
    for number, (m, h, s) in enumerate(jobs):
        words = f"{parameters.hidden[h]} hidden units by {METHODS[m]}"
        step = _part(report, number / len(jobs), (number + 1) / len(jobs))
        # Independent draws from p itself: what is tested is the machine, not the Monte Carlo
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, s)))
        drawn = v[rng.choice(len(v), parameters.draws, p=p)]
        spec = RBM(hidden=parameters.hidden[h], exact=METHODS[m] == "exact", biases=False, init=1.0)
        training = _training(parameters.epochs, RATES[METHODS[m]], _number(seed, 1, m, h, s), step, words)
        layer = spec.fit(drawn, training).network.layers[0]
        start = spec.initial(model.shape, seed=training.seed)
        violation = variational.trace_violation(layer, model.energy, v, p)  # type: ignore[arg-type]
        where = (m, h, s)
        found["kl"][where] = kl(layer, p, space=model.shape).value  # type: ignore[arg-type]
        found["kl_start"][where] = kl(start, p, space=model.shape).value
        found["violation"][where] = float(violation["standard_deviation"])
        found["participation"][where] = participation(layer.weights).mean()  # type: ignore[attr-defined]
        quantiles[where] = violation["quantile"].values
        values = np.clip(violation["violation"].values, _BINS[0], _BINS[-1])
        histogram[where] = np.histogram(values, _BINS, weights=p)[0]
    dims = ("method", "hidden", "seed")
    return xr.Dataset(
        {name: (dims, values) for name, values in found.items()}
        | {
            "violation_quantile": ((*dims, "probability"), quantiles),
            "violation_histogram": ((*dims, "bin"), histogram),
        },
        coords={
            "method": list(METHODS),
            "hidden": list(parameters.hidden),
            "probability": list(variational.QUANTILES),
            "bin": (_BINS[1:] + _BINS[:-1]) / 2,
        },
        attrs={
            "K": K,
            "entropy": float(-(p[p > 0] * np.log(p[p > 0])).sum()),
            "unit": "nats",
            "note": "exact sums over all states; the scatter is over trainings; the outermost bins hold what is beyond",
        },
    )


def _fields(parameters: Parameters, K: float, seed: int, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.learn.rbm import RBM
    from rgnet.models import Ising
    from rgnet.sampling import sample

    side = parameters.middle
    data = sample(Ising((side, side), K=K), parameters.draws // 6, chains=4, seed=_number(seed, 2))
    penalties = (0.0, parameters.l1)
    shape = (len(penalties), parameters.seeds)
    found = {name: np.full(shape, np.nan) for name in ("participation", "width", "random_participation")}
    weights = np.zeros((len(penalties), side // 2, side // 2, side, side))
    for number, (a, s) in enumerate((a, s) for a in range(len(penalties)) for s in range(parameters.seeds)):
        step = _part(report, number / (2 * parameters.seeds), (number + 1) / (2 * parameters.seeds))
        words = f"receptive fields, L1 {penalties[a]:g}"
        training = _training(parameters.epochs, 0.02, _number(seed, 3, s), step, words)
        spec = RBM(hidden=(side // 2, side // 2), l1=penalties[a], biases=False)
        layer: Any = spec.fit(data, training).network.layers[0]
        found["participation"][a, s] = participation(layer.weights).mean()
        found["width"][a, s] = width(layer.weights[0, :, :, 0].reshape(-1, side, side)).mean()
        found["random_participation"][a, s] = participation(layer.randomized(_number(seed, 4, s)).weights).mean()
        if s == 0:
            weights[a] = layer.weights[0, :, :, 0]
    return xr.Dataset(
        {name: (("l1", "seed"), values) for name, values in found.items()}
        | {"weights": (("l1", "hidden_x", "hidden_y", "x", "y"), weights)},
        coords={"l1": list(penalties)},
        attrs={"K": K, "note": "participation ratio in sites, a block of side 2 has 4; weights of the first training"},
    )


def _flow(parameters: Parameters, K: float, seed: int, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.layers import Majority, Network
    from rgnet.learn.annealing import kl
    from rgnet.learn.rbm import RBM, RBMStack
    from rgnet.models import Ising
    from rgnet.sampling import sample

    model = Ising((parameters.side, parameters.side), K=K)
    report(0.0, "sampling the large lattice")
    data = sample(model, parameters.chain_draws, chains=parameters.chains, seed=_number(seed, 5))
    test = sample(model, parameters.chain_draws, chains=parameters.chains, seed=_number(seed, 6))
    # A tied machine lives on any lattice; on a quarter of the spins annealing gives its ln Z with an honest error
    small = Ising((max(parameters.side // 2, 4),) * 2, K=K)
    judge = sample(small, parameters.chain_draws, chains=parameters.chains, seed=_number(seed, 8))
    stack = RBMStack([RBM(kernel=parameters.kernel, k=2, biases=False, init=1.0)] * parameters.depth)
    levels = parameters.depth + 1
    shape = (len(NETWORKS), parameters.seeds, levels, len(OPERATORS))
    coupling, error = np.full(shape, np.nan), np.full(shape, np.nan)
    divergence = np.full((parameters.seeds, 2), np.nan)
    kinds, filters = [], np.zeros((parameters.seeds, parameters.depth, parameters.kernel, parameters.kernel))
    for s in range(parameters.seeds):
        step = _part(report, 0.1 + 0.8 * s / parameters.seeds, 0.1 + 0.8 * (s + 1) / parameters.seeds)
        own = _number(seed, 7, s)
        training = _training(parameters.stack_epochs, 0.01, own, step, "training the stack")
        network = stack.fit(data, training).network
        first: Any = network.layers[0]
        found = kl(first, small, judge, runs=100, temperatures=parameters.temperatures, seed=own)
        divergence[s] = found.value / small.n_sites, found.stderr / small.n_sites
        kinds.append(found.kind)
        for k, layer in enumerate(network.layers):
            filters[s, k] = layer.weights[0, 0]  # type: ignore[attr-defined]
        step(1.0, "couplings of every level")
        equal = Network([_equal(layer) for layer in network.layers])
        rivals = (Network([Majority(2)] * parameters.depth), network, equal, network.randomized(own))
        for n, item in enumerate(rivals):
            for k, level in enumerate(item.levels(test, seed=own)):
                coupling[n, s, k], error[n, s, k] = _couplings(level)
    dims = ("network", "seed", "level", "operator")
    return xr.Dataset(
        {
            "coupling": (dims, coupling),
            "coupling_stderr": (dims, error),
            "kl_per_site": ("seed", divergence[:, 0]),
            "kl_per_site_stderr": ("seed", divergence[:, 1]),
            "filter": (("seed", "layer", "a", "b"), filters),
        },
        coords={"network": list(NETWORKS), "level": np.arange(levels), "operator": list(OPERATORS)},
        attrs={
            "K": K,
            "side": parameters.side,
            "kl_kinds": " ".join(kinds),
            "note": "coupling_stderr is of the draws, by jackknife; NaN: the level is frozen, or too few draws; the "
            "scatter over seeds is that of trainings; KL is of "
            "the first layer on a lattice of half the side, from fresh draws, ln Z by annealing",
        },
    )


def _equal(layer: Any) -> Any:
    """The tied machine with one weight everywhere in its window, of the same mean square."""
    from rgnet.learn.rbm import RBMLayer

    return RBMLayer(np.full_like(layer.weights, np.sqrt(np.mean(layer.weights**2))), b=layer.b)


def _couplings(level: "xr.Dataset") -> tuple[Any, Any]:
    """Couplings of a level and their errors; NaN where there are none."""
    from rgnet.flow import couplings

    present = OPERATORS if min(level["spin"].shape[-2:]) >= 4 else OPERATORS[:1]
    value, error = np.full(len(OPERATORS), np.nan), np.full(len(OPERATORS), np.nan)
    try:
        table = couplings([level], present)
    except ValueError:  # frozen, or chains too short for it
        return value, error
    value[: len(present)] = table["coupling"].values[0]
    error[: len(present)] = table["coupling_stderr"].values[0]
    return value, error


def participation(weights: Any) -> Any:
    """(Σw²)²/Σw⁴ of each hidden unit of a free machine, in sites: (hidden units,)."""
    half = weights.ndim // 2
    rows = weights.reshape(math.prod(weights.shape[:half]), -1)
    return (rows**2).sum(axis=1) ** 2 / np.maximum((rows**4).sum(axis=1), 1e-300)


def width(weights: Any) -> Any:
    """Root mean squared distance, weighted by w², from the place that makes it least, on the torus: (units,)."""
    square = weights**2 / (weights**2).sum(axis=(1, 2), keepdims=True)
    side = weights.shape[1]
    away = np.minimum(np.arange(side), side - np.arange(side)) ** 2
    distance = away[:, None] + away[None, :]
    spectrum = np.fft.fft2(square) * np.conj(np.fft.fft2(distance))
    return np.sqrt(np.maximum(np.fft.ifft2(spectrum).real.min(axis=(1, 2)), 0.0))


def mean_and_error(values: Any) -> tuple[float, float]:
    """Mean over trainings and its standard error; NaN trainings are left out."""
    some = np.asarray(values, dtype=np.float64)
    some = some[np.isfinite(some)]
    if len(some) < 2:
        return (float(some[0]) if len(some) else math.nan), math.nan
    return float(some.mean()), float(some.std(ddof=1) / math.sqrt(len(some)))


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    from rgnet.estimate import parenthesis

    fits, flows, fields = [], [], []
    exact, agree, overlap = True, True, True
    for values, groups in results:
        ratio = f"{float(values['K_over_K_c']):.3g} K_c"
        fit, flow, field = groups["fit"], groups["flow"], groups["fields"]
        table = np.array([[mean_and_error(row)[0] for row in rows] for rows in fit["kl"].values])
        m, h = np.unravel_index(np.nanargmin(table), table.shape)
        value, error = mean_and_error(fit["kl"].values[m, h])
        spread, _ = mean_and_error(fit["violation"].values[m, h])
        exact = exact and value < 1e-3
        fits.append(
            f"at {ratio} from {float(fit['kl_start'].values[m, h].mean()):.2f} untrained to "
            f"{parenthesis(value, error)} with {int(fit['hidden'][h])} units ({METHODS[m]}; "
            f"{np.nanmin(table[:, 0]):.2f} with {int(fit['hidden'][0])}), where ln Tr_h e^T still scatters by "
            f"{spread:.2f} and a unit sees {mean_and_error(fit['participation'].values[m, h])[0]:.1f} sites"
        )
        words = []
        for n, name in enumerate(NETWORKS):
            series = [coupling(flow, n, k) for k in range(flow.sizes["level"])]
            words.append(f"{name} " + " → ".join(parenthesis(*x) if math.isfinite(x[0]) else "frozen" for x in series))
        agree = agree and _same(flow, 0, 1)
        overlap = overlap and _same(flow, 2, 1)
        per_site = parenthesis(*mean_and_error(flow["kl_per_site"].values))
        bound = "at least " if "lower" in str(flow.attrs["kl_kinds"]) else ""
        flows.append(f"{ratio}: {'; '.join(words)} (KL of the first layer {bound}{per_site} nats a site)")
        plain, sparse = (mean_and_error(field["participation"].values[a])[0] for a in (0, 1))
        fields.append((plain, sparse, float(field["random_participation"].mean())))
    local = sum(sparse < 0.5 * plain for plain, sparse, _ in fields)
    sites = ", ".join(f"{plain:.1f} → {sparse:.1f} (random {random:.1f})" for plain, sparse, random in fields)
    kernel = results[0][0]["kernel"]
    return (
        f"KL of free RBMs on {' × '.join(str(n) for n in results[0][0]['small'])} spins falls by training, in nats, "
        f"{'; '.join(fits)}. "
        + ("The trace condition is then met closely. " if exact else "So no step is exact. ")
        + (
            f"For the identity with the RG: L1 makes the hidden units local at {local} of {len(fields)} couplings"
            if local
            else "L1 does not make the hidden units local"
        )
        + f", participation ratios {sites} sites; a block has 4, a bond 2. "
        + f"K_nn through the levels at {'. At '.join(flows)}. "
        + (
            "Within errors the stack flows like majority at its first step. "
            if agree
            else "Against: the stack's couplings differ from majority's already at the first step, by more than their "
            "errors. "
        )
        + (
            f"Equal weights in windows of side {kernel} give the same as training: it is the overlap of the windows "
            "that one sees. "
            if overlap
            else f"Nor are they those of equal weights in windows of side {kernel}, so that overlap alone is not the "
            "reason. "
        )
        + "Nothing in the training asks for the long distances: to fit p(v) is not to coarse-grain it."
    )


def _same(flow: "xr.Dataset", one: int, two: int) -> bool:
    """Whether K_nn of level 1 is the same for two networks, within 3 errors; not where one is unknown."""
    (a, a_error), (b, b_error) = coupling(flow, one, 1), coupling(flow, two, 1)
    return abs(a - b) <= 3 * math.hypot(a_error, b_error)


def coupling(flow: "xr.Dataset", network: int, level: int) -> tuple[float, float]:
    """K_nn of a level and its error, of the draws and of the trainings; NaN where the level is as good as frozen."""
    value, scatter = mean_and_error(flow["coupling"].values[network, :, level, 0])
    drawn, _ = mean_and_error(flow["coupling_stderr"].values[network, :, level, 0])
    if abs(value) > FROZEN:
        return math.nan, math.nan
    return value, math.hypot(drawn, 0.0 if math.isnan(scatter) else scatter)
