"""Couplings, exponents and tangents of the flow: by enumeration, in closed form, and against published tables."""

import functools
import math
from typing import Any

import numpy as np

import rgnet as rg
from rgnet.verify.registry import Measured, Row, check, published

K_C = 0.5 * math.log1p(math.sqrt(2))
EVEN, ODD = ("nn", "nnn", "plaquette", "third"), ("m", "corner", "straight", "diagonal")


def _degrees(table: Any) -> float:
    """Degrees of freedom of a jackknife."""
    return float(table.attrs["blocks"]) - 1


_RING = "tanhᵇ K; a ring is longer than its correlation length by a factor of 98, so its size does not show"


@check(
    Row("flow/chain-1", "tanh K, chain of 240, K = 0.8", math.tanh(0.8), "the model's own"),
    Row("flow/chain-2", "tanh K', decimated by 2", math.tanh(0.8) ** 2, "Nelson & Fisher 1975", note=_RING),
    Row("flow/chain-6", "tanh K', decimated by 6", math.tanh(0.8) ** 6, "Nelson & Fisher 1975", note=_RING),
    cost=4,
)
def chain(seed: int) -> list[Measured]:
    """Couplings of decimated chains by pseudo-likelihood; nearest neighbours are all there are."""
    data = rg.sample(rg.Ising(240, K=0.8), 2000, seed=seed)
    levels = rg.Network([rg.Decimation(2), rg.Decimation(3)]).levels(data)
    table = rg.flow.couplings(levels, ["nn"])
    tanh = np.tanh(table["coupling"].values[:, 0])
    error = (1 - tanh**2) * table["coupling_stderr"].values[:, 0]
    return [Measured(float(t), float(e), _degrees(table)) for t, e in zip(tanh, error, strict=True)]


KNOWN = {"nn": 0.25, "nnn": 0.1, "plaquette": -0.08}


@check(
    *(
        Row(f"flow/fitted-{name}", f"coupling of {name}, 16²", value, "the model's own")
        for name, value in KNOWN.items()
    ),
    cost=10,
)
def inferred(seed: int) -> list[Measured]:
    """Pseudo-likelihood gives back the three couplings with which the sample was drawn."""
    model = rg.Ising((16, 16), K=KNOWN["nn"], couplings={name: KNOWN[name] for name in ("nnn", "plaquette")})
    table = rg.flow.couplings([rg.sample(model, 1000, seed=seed)], list(KNOWN))
    found = zip(table["coupling"].values[0], table["coupling_stderr"].values[0], strict=True)
    return [Measured(float(value), float(error), _degrees(table)) for value, error in found]


def _tiny() -> tuple[Any, Any]:
    """A model that can be enumerated, and a rule without a coin, so that every state has one image."""
    return rg.Ising((4, 4), K=0.4), rg.Majority(2, ties="first")


def _covariances(names: list[str]) -> tuple[Any, Any, Any]:
    """Covariances among coarse sums, of coarse with fine, by enumeration; the order is that of ``names``."""
    model, rule = _tiny()
    operators = rg.operators.resolve(names, 2)

    def both(x: Any) -> Any:
        y = rule(x, ndim=2)
        return np.concatenate([rg.operators.sums(y, operators), rg.operators.sums(x, operators)], axis=1)

    matrix = rg.exact.moments(model.energy, both, model.shape).covariance
    return matrix[: len(names), : len(names)], matrix[: len(names), len(names) :], matrix


def _exponents(names: list[str]) -> list[float]:
    """y for the first 1, 2, … operators."""
    a, b, _ = _covariances(names)
    return [
        math.log2(max(abs(np.linalg.eigvals(np.linalg.solve(a[:n, :n], b[:n, :n])))))
        for n in range(1, len(names) + 1)
    ]  # fmt: skip


_STATES = "enumeration"


@check(
    *(Row(f"flow/tiny-y_t-{n}", f"y_t, 4² → 2², K = 0.4, {n} even", None, _STATES) for n in (1, 2, 3)),
    *(Row(f"flow/tiny-y_h-{n}", f"y_h, 4² → 2², K = 0.4, {n} odd", None, _STATES) for n in (1, 2)),
    *(Row(f"flow/tiny-tangent-{name}", f"{name}/nn of tangent, 4² → 2²", None, _STATES) for name in EVEN[1:]),
    cost=8,
)
def enumerated(seed: int) -> list[Measured]:
    """The whole estimator against its own definition without sampling: no truncation, no finite size in between."""
    model, rule = _tiny()
    data = rg.sample(model, 16_000, seed=seed, warmup=100, thin=4)
    levels = rg.Network([rule]).levels(data)
    table = rg.flow.mcrg(levels, even=list(EVEN[:3]), odd=list(ODD[:2]), blocks=128)
    result = []
    for letter, names in (("t", EVEN[:3]), ("h", ODD[:2])):
        values, errors = table[f"y_{letter}"].values[0], table[f"y_{letter}_stderr"].values[0]
        for n, exact in enumerate(_exponents(list(names))):
            result.append(Measured(float(values[n]), float(errors[n]), _degrees(table), exact))
    slopes = rg.flow.tangent(levels, list(EVEN), blocks=128)
    _, b, _ = _covariances(list(EVEN))
    for n in (1, 2, 3):
        value, error = float(slopes["ratio"][0, n]), float(slopes["ratio_stderr"][0, n])
        result.append(Measured(value, error, _degrees(slopes), float(b[0, n] / b[0, 0])))
    return result


# Level and number of operators: y_t and y_h of a public notebook, 64×64, the same rule
TABLE = {
    (1, 1): ("0.908(1)", "1.88117(5)"),
    (1, 4): ("0.968(2)", "1.88083(4)"),
    (2, 1): ("0.965(3)", "1.8758(1)"),
    (2, 4): ("1.003(2)", "1.8760(1)"),
    (3, 1): ("0.955(1)", "1.8736(2)"),
    (3, 4): ("0.999(1)", "1.8746(2)"),
    (4, 4): ("0.993(4)", "1.8738(3)"),
}
TANGENT = {"nnn": ("1.4134(3)", 0.002), "plaquette": ("0.5135(3)", 0.001), "third": ("1.7963(5)", 0.004)}


def _published(seed: int, draws: int, level: int) -> list[Measured]:
    """The Monte Carlo RG of the critical square lattice, and the tangent at one level."""
    data = rg.sample(rg.Ising((64, 64), K=K_C), draws, seed=seed)
    sums = [
        rg.operators.measure(one, [*EVEN, *ODD]) for one in rg.Network([rg.Majority(2)] * 4).levels(data, seed=seed)
    ]
    table = rg.flow.mcrg(sums, blocks=128)
    result = []
    for letter in ("y_t", "y_h"):
        for n, used in TABLE:
            entry = table.sel(level=n, operators=used)
            result.append(Measured(float(entry[letter]), float(entry[f"{letter}_stderr"]), _degrees(table)))
    slopes = rg.flow.tangent(sums, blocks=128).sel(level=level)
    for name in TANGENT:
        entry = slopes.sel(operator=name)
        result.append(Measured(float(entry["ratio"]), float(entry["ratio_stderr"]), _degrees(slopes)))
    return result


_SAME = "the same rule, lattice and operators, so that truncation and finite size are in both"


def _rows(level: int, ending: str) -> list[Row]:
    rows = []
    for column, (letter, kind) in enumerate((("y_t", "even"), ("y_h", "odd"))):
        for (n, used), values in TABLE.items():
            value, error = published(values[column])
            rows.append(
                Row(f"flow/{letter}-{n}-{used}{ending}", f"{letter}, 64², K_c, level {n}, {used} {kind}", value,
                    "public notebook", error, note=_SAME)
            )  # fmt: skip
    for name, (text, wider) in TANGENT.items():
        value, error = published(text, wider)
        rows.append(
            Row(f"flow/tangent-{name}{ending}", f"{name}/nn of tangent, level {level}", value,
                "Wu & Car 2019", error, note="level 4 of 256²; here 64², and the error widened for level and size")
        )  # fmt: skip
    return rows


check(*_rows(3, ""), cost=20)(functools.partial(_published, draws=2500, level=3))
check(*_rows(4, "-long"), cost=80, full=True)(functools.partial(_published, draws=12_500, level=4))
