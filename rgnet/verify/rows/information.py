"""Fisher information kept, and estimators of information.

On 2×2 blocks few operators are all there are, so that the lower bound of the Fisher information is its value.
"""

import math

import numpy as np

import rgnet as rg
from rgnet.verify.registry import Measured, Row, check

K_C = 0.5 * math.log1p(math.sqrt(2))
BLOCKS = 128
RUNS = 20
_EXACT = "enumeration"


@check(
    Row("information/fisher-K", "Var Σss, 4², K_c", None, _EXACT),
    Row("information/majority-K", "K kept, 4², K_c, majority", 0.4371947836, _EXACT),
    Row("information/decimation-K", "K kept, 4², K_c, decimation", 0.4922679591, _EXACT),
    Row("information/kadanoff-K", "K kept, 4², K_c, Kadanoff ρ = ½", None, _EXACT),
    Row("information/majority-h", "h kept, 4², K_c, majority", None, _EXACT),
    cost=12,
)
def kept(seed: int) -> list[Measured]:
    """Fractions from sampled configurations against every state pushed through the map."""
    model = rg.Ising((4, 4), K=K_C)
    data = rg.sample(model, 16_000, seed=seed, warmup=100, thin=4)
    result: list[Measured] = []
    cases = (("K", rg.Majority(2)), ("K", rg.Decimation(2)), ("K", rg.Kadanoff(2, 0.5)), ("h", rg.Majority(2)))
    for about, layer in cases:
        names = ["nn", "nnn", "plaquette"] if about == "K" else ["m", "corner"]
        found = rg.information.retained(rg.Network([layer]).levels(data, seed=2), about, operators=names, blocks=BLOCKS)
        exact = rg.exact.retained(model, layer, about)
        if not result:
            value, error = float(found["fisher"][0]), float(found["fisher_stderr"][0])
            result.append(Measured(value, error, BLOCKS - 1, float(exact.fisher[0])))
        value, error = float(found["fraction"][1]), float(found["fraction_stderr"][1])
        result.append(Measured(value, error, BLOCKS - 1, float(exact.fraction[1])))
    return result


@check(
    Row("information/average-h", "h kept, 16², K_c, average", 1.0, "sufficiency", tolerance=1e-9,
        note="Σ s, sufficient for h, is a sum of block averages"),
    cost=2,
)  # fmt: skip
def nothing_lost(seed: int) -> float:
    """Block averages keep Σ s, the sufficient statistic of h."""
    data = rg.sample(rg.Ising((16, 16), K=K_C), 1000, seed=seed)
    return float(rg.information.retained(rg.Network([rg.BlockAverage(2)]).levels(data), "h")["fraction"][1])


@check(
    Row("information/ksg-1", "I, Gaussian pair ρ = 0.6, KSG", -0.5 * math.log(1 - 0.36), "−½ ln(1 − ρ²)",
        note=f"mean of {RUNS} runs of 4000 draws"),
    Row("information/null", "I, independent Gaussians, 5 + 5", 0.0, "independence",
        note=f"mean of {RUNS} runs of 2000 draws, default estimator"),
    Row("information/classifier", "I ≥, two Gaussian classes", None, "integration",
        note=f"mean of {RUNS} runs of 4000 draws; a linear classifier is right here, so that the bound is the value "
        "but for what training costs, less than 0.001"),
    Row("information/label", "I, 5 labels, 2 classes, 500 draws", None, "the table itself",
        note="mean of 400 runs, default estimator"),
    cost=12,
)  # fmt: skip
def estimators(seed: int) -> list[Measured]:
    """Estimators on data whose information is known."""
    from rgnet.information import classifier_bound, mutual_information, tables

    rng = np.random.default_rng(np.random.SeedSequence(seed))
    found: dict[str, list[float]] = {"ksg": [], "null": [], "classifier": [], "label": []}
    for run in range(RUNS):
        x, y = rng.standard_normal((2, 4000))
        found["ksg"].append(float(mutual_information(x, 0.6 * x + 0.8 * y, method="ksg")))
        found["null"].append(float(mutual_information(rng.standard_normal((2000, 5)), rng.standard_normal((2000, 5)))))
        labels = rng.integers(0, 2, 4000)
        found["classifier"].append(float(classifier_bound(x + 1.5 * labels, labels, prior=[0.5, 0.5], seed=run)))
    table = np.array([[0.2, 0.1, 0.1, 0.05, 0.05], [0.05, 0.1, 0.05, 0.15, 0.15]])
    for _ in range(400):
        cells = rng.choice(10, size=500, p=table.ravel())
        found["label"].append(float(mutual_information(cells // 5, cells % 5)))
    expected = (-0.5 * math.log(1 - 0.36), 0.0, _two_gaussians(1.5), tables.mutual_information_of(table))
    return [
        Measured(float(np.mean(v)), float(np.std(v, ddof=1) / math.sqrt(len(v))), len(v) - 1, e)
        for v, e in zip(found.values(), expected, strict=True)
    ]


def _two_gaussians(distance: float) -> float:
    """I between a fair bit and a unit Gaussian whose mean it moves, by integration."""
    x = np.linspace(-12, 12 + distance, 40_001)
    p = np.exp(-0.5 * (x - np.array([[0.0], [distance]])) ** 2) / math.sqrt(2 * math.pi)
    q = p / p.sum(axis=0)
    inside = np.where(q > 0, p * np.log(np.where(q > 0, 2 * q, 1.0)), 0.0)
    return float(0.5 * inside.sum() * (x[1] - x[0]))


@check(
    Row("information/entropy", "H, Zipf, 1000 states, 10⁴ draws", None, "Σ −p ln p",
        note="mean of 40 runs, default estimator with k = 1000, whose bias here is below 0.002"),
    Row("information/sufficient", "I lost by 85 states, 2⁴, flip 0.2", 0.0, "enumeration", tolerance=1e-12,
        note="minimal sufficient statistic of 65,536 configurations; NaN if it has another number of states"),
    Row("information/bottleneck", "I(x; y), Gaussian bottleneck", None, "determinants", tolerance=1e-10),
    cost=4,
)  # fmt: skip
def compressed(seed: int) -> list[Measured | float]:
    """Entropy, the minimal sufficient statistic, the Gaussian bottleneck."""
    from rgnet.information import entropy, gaussian_bottleneck, minimal_sufficient

    rng = np.random.default_rng(np.random.SeedSequence(seed))
    p = 1.0 / np.arange(1, 1001)
    p /= p.sum()
    found = [float(entropy(rng.choice(1000, size=10_000, p=p), k=1000)) for _ in range(40)]
    error = float(np.std(found, ddof=1) / math.sqrt(len(found)))
    message = np.eye(2)[np.indices((2,) * 16).reshape(16, -1).T]
    for _ in range(4):
        message = (message @ np.array([[0.8, 0.2], [0.2, 0.8]])).reshape(len(message), -1, 2, 2).prod(axis=2)
    statistic = minimal_sufficient(message[:, 0].T / 2)
    root = rng.standard_normal((13, 20))
    covariance = root @ root.T
    x, y, whole = (np.linalg.slogdet(part)[1] for part in (covariance[:8, :8], covariance[8:, 8:], covariance))
    solved = gaussian_bottleneck(covariance[:8, :8], covariance[8:, 8:], covariance[:8, 8:])
    return [
        Measured(float(np.mean(found)), error, 39, float(-(p * np.log(p)).sum())),
        statistic.lost if statistic.count == 85 else math.nan,
        Measured(solved.total(), expected=float(0.5 * (x + y - whole))),
    ]
