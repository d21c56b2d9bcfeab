"""Whether one hidden layer can be smaller: certificates for neurons removed, random layers and exceptions (claim D4).

Lin, Tegmark & Rolnick (2017, appendix A): no hidden layer of fewer than 2ⁿ neurons multiplies n numbers. Each
certificate (`rgnet.cheap.certificate`) is a proof in exact numbers that output weights exist, or that none do:

    removal     the layer of 2ⁿ (or, by parity, 2^{n−1}) neurons: whole, and with a neuron removed
    random      layers of random whole numbers: what share of them can be product gates, against their size
    limits      layers outside the theorem's setting
"""

import itertools
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "no fewer than 2ⁿ neurons multiply n numbers in one layer: certificates, and the theorem's limits (claim D4)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017, appendix A): no single hidden layer of fewer than 2ⁿ neurons multiplies n numbers. "
    "Is that so, and in which setting?"
)
REQUIRES = ()
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    largest: int = Field(10, description="largest n whose layer is certified", ge=2, le=10)
    removals: int = Field(600, description="neurons · removals tried for each n at most, at least one", ge=1)
    random: tuple[int, ...] = Field((2, 3, 4), description="n of the random layers", min_length=1)
    draws: int = Field(20, description="random layers of each size", ge=1)
    weight: int = Field(9, description="largest weight of random layers", ge=1)


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Ask for the certificates."""
    removal = _removal(parameters, seed, report)
    random = _random(parameters, seed, report)
    report(0.95, "layers outside the theorem")
    limits = _limits()
    report(1.0, "done")
    return {"removal": removal, "random": random, "limits": limits}


def _removal(parameters: Parameters, seed: int, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap.certificates import certificate

    rows = []
    for n, half in itertools.product(range(2, parameters.largest + 1), (False, True)):
        report(0.6 * (n - 2) / parameters.largest, f"n = {n}: neurons removed")
        layer = list(itertools.product((1, -1), repeat=n))[: 2 ** (n - half)]
        # one common bias with σ_k ≠ 0 for all k; for the half one at which σ has the parity of n
        sigma, bias = ("logistic", 1) if not half else ("gaussian" if n % 2 == 0 else "sin", 0)
        begin = time.perf_counter()
        whole = certificate(layer, bias, n, sigma)
        seconds = time.perf_counter() - begin
        m = len(layer)
        tries = min(m, max(1, parameters.removals // m))
        chosen = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(n, half))).choice(m, tries, False)
        failed, proved, removal_seconds = 0, 0, 0.0
        for j in chosen:
            begin = time.perf_counter()
            found = certificate(layer[:j] + layer[j + 1 :], bias, n, sigma)
            removal_seconds = max(removal_seconds, time.perf_counter() - begin)
            failed += not found.possible
            proved += found.exact
        rows.append(
            (n, int(half), m, int(whole.possible), int(whole.exact), whole.subset_rank, len(whole.essential or ()),
             tries, failed, proved, seconds, removal_seconds)
        )  # fmt: skip
    names = (
        "n", "half", "neurons", "possible", "exact", "subset_rank", "essential", "removed", "impossible",
        "proved", "seconds", "seconds_removed",
    )  # fmt: skip
    return xr.Dataset(
        {name: ("layer", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )


def _random(parameters: Parameters, seed: int, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap.certificates import certificate

    rows = []
    for n in parameters.random:
        conditions = math.comb(2 * n, n) - 1
        sizes = sorted({2 ** (n - 1), 2**n - 1, 2**n, (2**n + conditions) // 2, conditions - 1, conditions})
        for place, m in enumerate(sizes):
            report(0.6 + 0.3 * parameters.random.index(n) / len(parameters.random), f"n = {n}: {m} random neurons")
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1000 + n, place)))
            good = proved = 0
            for _ in range(parameters.draws):
                found = certificate(rng.integers(-parameters.weight, parameters.weight + 1, (m, n)), 1, n, "logistic")
                good += found.possible
                proved += found.exact
            rows.append((n, m, 2**n, conditions, good / parameters.draws, parameters.draws, proved))
    names = ("n", "neurons", "full", "conditions", "possible", "draws", "proved")
    return xr.Dataset(
        {name: ("layer", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )


def _limits() -> "xr.Dataset":
    import sympy
    import xarray as xr

    from rgnet.cheap.certificates import certificate

    def signs(n: int) -> list[tuple[int, ...]]:
        return list(itertools.product((1, -1), repeat=n))

    def subsets(n: int) -> list[tuple[int, ...]]:
        return [s for s in itertools.product((0, 1), repeat=n) if any(s)]

    ln2 = sympy.log(2)
    cases: list[tuple[str, int, Any, Any, str, bool]] = [
        ("common bias, 2ⁿ signs", 2, signs(2), 1, "logistic", False),
        ("common bias, one sign fewer", 2, signs(2)[:3], 1, "logistic", True),
        ("common bias, subsets, no output bias", 3, subsets(3), 1, "logistic", False),
        ("common bias, subsets, output bias", 3, subsets(3), 1, "logistic", True),
        ("own biases 1, 1, 0", 2, [(1, 1), (1, -1), (0, 1)], [1, 1, 0], "logistic", True),
        ("own biases ln 2, −ln 2, 0, no output bias", 2, [(1, 1), (1, -1), ("8/9", 0)], [ln2, -ln2, 0], "logistic",
         False),
        ("own biases 1, 2", 2, [(1, 1), (1, -1)], [1, 2], "logistic", True),
        ("even σ: sin at π/2", 2, [(1, 1), (1, -1)], sympy.pi / 2, "sin", True),
        ("even but for its slope", 4, signs(4)[:8], 0, "softplus", True),
        ("σ_{n−1} = 0: bias ln(2 + √3)", 4, signs(4)[:8], sympy.log(2 + sympy.sqrt(3)), "logistic", True),
        ("fewer than 2^{n−1}", 3, signs(3)[:3], 0, "tanh", True),
        ("wrong parity", 2, signs(2), 0, "tanh", True),
    ]  # fmt: skip
    rows = []
    for name, n, layer, bias, sigma, output in cases:
        found = certificate(layer, bias, n, sigma, output_bias=output)
        rows.append((name, n, sigma, len(layer), int(output), int(found.possible), int(found.exact), found.condition))
    names = ("case", "n", "activation", "neurons", "output_bias", "possible", "exact", "condition")
    return xr.Dataset(
        {name: ("row", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    removal, random, limits = ([groups[name] for _, groups in results] for name in ("removal", "random", "limits"))
    table = removal[0]
    holds = all(bool((one["possible"] == 1).all() and (one["impossible"] == one["removed"]).all()) for one in removal)
    unique = all(bool((one["essential"] == one["neurons"]).all()) for one in removal)
    proved = all(bool((one["exact"] == 1).all() and (one["proved"] == one["removed"]).all()) for one in removal)
    top = int(table["n"].max())
    words = (
        f"For n = 2 to {top} the layer of 2ⁿ neurons with one common bias, and that of 2^(n−1) where σ has the parity "
        f"of n, {'is' if holds else 'is NOT always'} a product gate and {'is none' if holds else 'may be one'} with a "
        f"neuron removed ({int(sum(one['removed'].sum() for one in removal))} removals tried"
        + (", all proved in exact numbers" if proved else ", not all proved")
        + (
            "; its output weights are the only ones and none is zero, so that no neuron at all can go). "
            if unique
            else "). "
        )
    )
    eight = table.isel(layer=np.flatnonzero((table["n"].values == min(8, top)) & (table["half"].values == 0))[0])
    words += (
        f"The certificate of {int(eight['neurons'])} neurons takes {float(eight['seconds']):.1f} s, that with one "
        f"removed {float(eight['seconds_removed']):.1f} s. "
    )
    sharp = all(
        bool((one["possible"].where(one["neurons"] < one["conditions"], 0) == 0).all()
             and (one["possible"].where(one["neurons"] >= one["conditions"], 1) > 0.9).all())
        for one in random
    )  # fmt: skip
    words += (
        "Random layers are no product gates until they have as many neurons as there are conditions, C(2n, n) − 1 "
        if sharp
        else "Random layers become product gates at sizes that differ from the number of conditions C(2n, n) − 1 "
    )
    numbers = ", ".join(str(math.comb(2 * int(n), int(n)) - 1) for n in np.unique(random[0]["n"].values))
    words += f"({numbers}): small gates are rare. "
    cases = limits[0]
    few = [
        f"{int(m)} {a} neurons for n = {int(n)} ({name})"
        for name, n, a, m, ok in zip(
            *(cases[key].values for key in ("case", "n", "activation", "neurons", "possible")), strict=True
        )
        if ok and m < 2**n
    ]
    words += (
        f"Below 2ⁿ, outside the theorem's setting (or with a bias at the output, which its proof does not allow), are "
        f"possible: {'; '.join(few)}. "
        if few
        else "No exception was found. "
    )
    below = [int(m) for n, m, ok in zip(*(cases[k].values for k in ("n", "neurons", "possible")), strict=True)
             if ok and m < 2 ** (n - 1)]  # fmt: skip
    return words + (
        "None has fewer than 2^(n−1): that bound, Waring's, is all that is left of the theorem in general, and it is "
        "still exponential."
        if not below
        else "Some have fewer than 2^(n−1), against Waring's bound: distrust this run."
    )
