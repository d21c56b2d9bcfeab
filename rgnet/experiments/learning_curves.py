"""Learning curves on the random hierarchy model: the samples that deep and shallow networks need.

A class is written out by L levels of random rules (`rgnet.hierarchies.RandomHierarchy`): v symbols, m synonyms, s
symbols to a production. Cagnetta, Petrini, Tomasini, Favero & Wyart (2024), Phys. Rev. X 14, 031001, find that a deep
network learns it from

    P* ≈ n_c m^L

samples, where its test error falls to a tenth of chance, 1 − 1/n_c, while a network of one hidden layer needs a number
that grows with the whole data set, n_c m^{(s^L − 1)/(s − 1)}: claim B5. Here both are trained
(`rgnet.learn.hierarchical`) on sizes P around n_c m^L, on several draws of the rules, the data and the weights. P* is
read off between two sizes, straight in (ln P, ln error), for each draw; given are the geometric mean and its error from
draw to draw. Test rows are never among the training rows, and no row occurs twice.

The defaults of width, steps, rate and decay were chosen by the test errors of a few other draws of the rules, most of
them (v, m, L) = (8, 3, 3), made with the seeds 0, 1 and 7 themselves. A study's points have seeds of 128 bits derived
from its own, so they share no rules, rows or weights with those; and within a study no test row chooses anything:
every training has a fixed number of steps and its last weights count.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, model_validator

Array = npt.NDArray[Any]

SUMMARY = "Test error of deep and shallow networks on the random hierarchy model, against the number of samples."
CLAIM = (
    "Lin, Tegmark & Rolnick (2017): depth pays because data are made hierarchically. Cagnetta et al. (2024) make "
    "it a number: deep networks learn the random hierarchy model from about n_c m^L samples, shallow ones need "
    "very many more."
)
REQUIRES = ("torch",)
THRESHOLD = 0.1  # of chance


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: int = Field(8, ge=2, le=64, description="symbols of each level")
    m: int = Field(4, ge=1, le=64, description="synonyms: productions of each symbol")
    s: int = Field(2, ge=2, le=8, description="symbols in a production")
    L: int = Field(3, ge=1, le=6, description="levels of rules")
    classes: int | None = Field(None, ge=2, description="number of classes n_c; v unless given")
    sizes: tuple[float, ...] = Field(
        (0.5, 1.0, 1.5, 2.0), min_length=2, description="training sizes of the deep network, in units of n_c m^L"
    )
    shallow_sizes: tuple[float, ...] = Field(
        (1.0, 20.0), description="training sizes of the shallow network, in the same units; () for none"
    )
    draws: int = Field(3, ge=2, le=64, description="draws of the rules, the data and the weights")
    test: int = Field(2000, ge=50, description="test rows, at most a quarter of all data")
    width: int = Field(128, ge=2, le=4096, description="width of the deep network's layers")
    shallow_width: int = Field(512, ge=2, le=65536, description="width of the shallow network's layer")
    steps: int = Field(300, ge=20, description="training steps of the deep network")
    shallow_steps: int = Field(1000, ge=20, description="training steps of the shallow network")
    learning_rate: float = Field(2e-2, gt=0, description="of Adam for the deep network; a third for the other")
    weight_decay: float = Field(3e-3, ge=0, description="L2 penalty of the deep network; a tenth for the other")

    @model_validator(mode="after")
    def _rules_exist(self) -> "Parameters":
        if self.m * max(self.v, self.n_classes) > self.v**self.s:
            raise ValueError(
                f"v={self.v}, m={self.m}, s={self.s}, classes={self.n_classes}: productions must differ, so that "
                f"m·max(v, classes) ≤ v^s = {self.v**self.s}; give m ≤ {self.v**self.s // max(self.v, self.n_classes)}"
            )
        for name in ("sizes", "shallow_sizes"):
            value = getattr(self, name)
            if any(b <= a for a, b in itertools.pairwise(value)) or any(x <= 0 for x in value):
                raise ValueError(f"{name}={list(value)}: give positive sizes in rising order")
        return self

    @property
    def n_classes(self) -> int:
        """Number of classes n_c."""
        return self.v if self.classes is None else self.classes


def run(parameters: Parameters, seed: int, report: Callable[[float, str], None]) -> dict[str, xr.Dataset]:
    """Train every network.

    Parameters
    ----------
    parameters : Parameters
    seed : int
    report : callable
        ``report(fraction, words)``.

    Returns
    -------
    dict of Dataset
        ``deep`` and ``shallow`` over (draw, size): ``error`` in units of chance, ``train_error``; ``summary``.
    """
    p = parameters
    unit = p.n_classes * p.m**p.L
    whole = p.n_classes * p.m ** ((p.s**p.L - 1) // (p.s - 1))
    test = max(1, min(p.test, whole // 4))
    plan = {
        kind: sorted({min(max(1, round(x * unit)), whole - test) for x in sizes})
        for kind, sizes in (("deep", p.sizes), ("shallow", p.shallow_sizes))
    }
    cost = {"deep": p.steps, "shallow": p.shallow_steps * 0.3}
    work = sum(cost[kind] * min(size, 1024) for kind, sizes in plan.items() for size in sizes) * p.draws
    done = 0.0
    errors = {kind: np.full((2, p.draws, len(sizes)), np.nan) for kind, sizes in plan.items()}
    for draw in range(p.draws):
        report(done / work, f"v={p.v} m={p.m} L={p.L}: draw {draw + 1} of {p.draws}")
        x, y = distinct(p, test + max(plan["deep"] + plan["shallow"]), seed, draw)
        for kind, sizes in plan.items():
            for place, size in enumerate(sizes):
                share = cost[kind] * min(size, 1024)

                def tell(
                    part: float, done: float = done, share: float = share, kind: str = kind, n: int = size
                ) -> None:
                    report((done + part * share) / work, f"v={p.v} m={p.m} L={p.L}: {kind} network, {n} samples")

                errors[kind][:, draw, place] = _trained(p, kind, x, y, test, size, _key(seed, draw, place), tell)
                done += share
    chance = 1.0 - 1.0 / p.n_classes
    groups = {
        kind: xr.Dataset(
            {"error": (("draw", "size"), errors[kind][0] / chance), "train_error": (("draw", "size"), errors[kind][1])},
            coords={"size": sizes, "draw": range(p.draws)},
        )
        for kind, sizes in plan.items()
        if sizes
    }
    groups["summary"] = summary(groups, unit, whole)
    return groups


def distinct(p: Parameters, wanted: int, seed: int, draw: int) -> tuple[Array, Array]:
    """Rows of the model in random order, none twice, and their classes: ``wanted`` of them."""
    from rgnet.hierarchies import RandomHierarchy

    model = RandomHierarchy(p.v, p.m, p.s, p.L, p.n_classes, seed=_key(seed, draw, 1000))
    # Where most of all rows are wanted, as many are drawn that each occurs but with probability e^-25
    n = 25 * model.count if 2 * wanted > model.count else 3 * wanted
    sample = model.sample(n, seed=_key(seed, draw, 1001))
    x, first = np.unique(sample[f"y_{p.L}"].values, axis=0, return_index=True)
    y = sample["y_0"].values[first]
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(draw, 1002))).permutation(len(x))[:wanted]
    return x[order], y[order].astype(np.int64)


def summary(groups: dict[str, xr.Dataset], unit: int, whole: int) -> xr.Dataset:
    """P* of each network: geometric mean over draws with its error, or a bound where curves do not cross."""
    variables: dict[str, Any] = {"n_c_m_L": float(unit), "all_data": float(whole)}
    for kind in ("deep", "shallow"):
        if kind not in groups:
            continue
        sizes = groups[kind]["size"].values.astype(np.float64)
        each = [crossing(sizes, row) for row in groups[kind]["error"].values]
        logs = np.log([value for value, _ in each])
        # Where some curves stay above the threshold, or all lie below, the mean is a bound
        bounds = {bound for _, bound in each}
        variables[f"p_star_{kind}"] = float(np.exp(logs.mean()))
        variables[f"p_star_{kind}_stderr"] = float(np.exp(logs.mean()) * logs.std(ddof=1) / math.sqrt(len(logs)))
        variables[f"p_star_{kind}_is_lower"] = int("lower" in bounds)
        variables[f"p_star_{kind}_is_upper"] = int("upper" in bounds)
    return xr.Dataset(variables)


def crossing(sizes: npt.ArrayLike, errors: npt.ArrayLike, threshold: float = THRESHOLD) -> tuple[float, str]:
    """Size at which an error first falls to the threshold and stays there, straight in (ln size, ln error).

    Returns
    -------
    size : float
    bound : "" or "lower" (it never falls so low: the largest size) or "upper" (it is as low from the first)
    """
    n, e = np.asarray(sizes, dtype=np.float64), np.maximum(np.asarray(errors, dtype=np.float64), 1e-4)
    above = np.flatnonzero(e > threshold)
    if len(above) == 0:
        return float(n[0]), "upper"
    k = int(above[-1])
    if k == len(n) - 1:
        return float(n[-1]), "lower"
    share = math.log(e[k] / threshold) / math.log(e[k] / e[k + 1])
    return float(math.exp((1 - share) * math.log(n[k]) + share * math.log(n[k + 1]))), ""


def paragraph(results: Sequence[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> str:
    """What was found, in words."""
    if not results:
        return "No learning curves were computed."
    lines, ratios, within, gains = [], [], 0, []
    for given, groups in results:
        p, found = Parameters(**given), groups["summary"]
        ratio = float(found["p_star_deep"] / found["n_c_m_L"])
        error = float(found["p_star_deep_stderr"] / found["n_c_m_L"])
        is_lower, is_upper = bool(found["p_star_deep_is_lower"]), bool(found["p_star_deep_is_upper"])
        within += 0.5 <= ratio <= 2.0 and not is_lower and not is_upper
        ratios.append(ratio)
        sign = "≥ " if is_lower else "≤ " if is_upper else ""
        lines.append(
            f"(v, m, L) = ({p.v}, {p.m}, {p.L}): P* {sign}{float(found['p_star_deep']):.0f}, {sign}{ratio:.2f} ± "
            f"{error:.2f} times n_c·m^L = {int(found['n_c_m_L'])}"
        )
        if "p_star_shallow" in found and not is_lower:  # beside a bound from below the ratio would say nothing
            gain = float(found["p_star_shallow"] / found["p_star_deep"])
            gains.append((p, gain, bool(found["p_star_shallow_is_lower"]), groups["shallow"]))
    text = (
        f"A deep network with the tree of the data reaches a tenth of chance at P* samples. {'; '.join(lines)}. "
        f"In {within} of {len(results)} cases P* lies within a factor 2 of n_c·m^L"
    )
    text += f"; the ratios lie between {min(ratios):.2f} and {max(ratios):.2f}." if len(ratios) > 1 else "."
    far = max(gains, key=lambda item: item[1], default=None)
    if far is not None:
        p, gain, is_lower, table = far
        last = float(table["error"].values[:, -1].mean())
        text += (
            f" A network of one hidden layer needs {'more than ' if is_lower else ''}{gain:.2g} times as many at "
            f"(v, m, L) = ({p.v}, {p.m}, {p.L}): with {int(table['size'].values[-1])} samples its error is {last:.2f} "
            f"of chance."
        )
    verdict = "supports" if within == len(results) else "supports in part" if within else "does not support"
    text += (
        f" Settings were fixed beforehand, on other draws of the rules. This {verdict} P* ≈ n_c·m^L, polynomial in the "
        f"dimension s^L, for networks that are given the tree; it does not say that a network finds the tree by "
        f"itself, and how the rules are drawn moves P* from draw to draw."
    )
    return text


def _trained(
    p: Parameters, kind: str, x: Array, y: Array, test: int, size: int, key: int, tell: Callable[[float], None]
) -> tuple[float, float]:
    from rgnet.learn import hierarchical

    deep = kind == "deep"
    width, steps = (p.width, p.steps) if deep else (p.shallow_width, p.shallow_steps)
    module = hierarchical.build(kind, p.v, p.s, p.L, p.n_classes, width, key)
    rows = slice(test, test + size)
    hierarchical.train(
        module, x[rows], y[rows], p.v, steps=steps, learning_rate=p.learning_rate if deep else p.learning_rate / 3,
        weight_decay=p.weight_decay if deep else p.weight_decay / 10, seed=key, report=tell,
    )  # fmt: skip
    return (
        hierarchical.error(module, x[:test], y[:test], p.v),
        hierarchical.error(module, x[rows], y[rows], p.v),
    )


def _key(seed: int, *place: int) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=place).generate_state(1)[0])
