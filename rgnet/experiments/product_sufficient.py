"""One hidden layer that multiplies n numbers: neurons, what cancels, and what it costs in precision (claim D3).

Lin, Tegmark & Rolnick (2017, appendix A): 2ⁿ neurons with weights ±1 leave of all monomials of degree at most n the
product alone, and inputs scaled by λ → 0, outputs by λ⁻ⁿ, make the rest as small as one likes. Measured are

    networks    neurons; the largest coefficient of any other monomial of degree ≤ n, in whole numbers; the error
                promised and achieved at the best λ in float64
    scales      the error against λ: promised, achieved in float64 and with 50 digits
    precision   the bits of the mantissa with which a given λ works: predicted by formula, and measured
    floors      the least error that is predicted for each precision
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "2ⁿ neurons multiply n numbers in one layer; what they cost in precision (claim D3)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017, appendix A): one hidden layer of 2ⁿ neurons multiplies n numbers to any accuracy. "
    "Do all other monomials cancel, and at what precision does it work?"
)
REQUIRES = ()
BITS = (24, 53, 113, 166, 200)
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    activation: str = Field("exp", description="name or formula in one variable")
    largest: int = Field(10, description="largest n", ge=2, le=12)
    curves: tuple[int, ...] = Field((2, 4, 6, 8), description="n whose error is measured against λ", min_length=1)
    scales: int = Field(13, description="values of λ, in equal steps of ln λ", ge=2)
    smallest_scale: float = Field(1e-6, description="smallest λ", gt=0)
    scale: float = Field(0.01, description="λ at which the bits needed are measured", gt=0)
    exact_up_to: int = Field(6, description="largest n whose error is also measured with 50 digits", ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(not 2 <= n <= self.largest for n in self.curves):
            raise ValueError(f"curves={list(self.curves)}: numbers of factors from 2 to largest={self.largest}")
        return self


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Build the networks and measure them."""
    every = range(2, parameters.largest + 1)
    networks = _networks(parameters, every, report)
    scales = _scales(parameters, report)
    bits = _precision(parameters, seed, report)
    report(1.0, "done")
    return {"networks": networks, "scales": scales, "precision": bits, "floors": _floors(parameters, every)}


def _networks(parameters: Parameters, every: range, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap import activations, precision, product_gates
    from rgnet.cheap.products import product

    sigma, how = activations.get(parameters.activation), precision.arithmetic()
    columns: dict[str, list[float]] = {name: [] for name in _NETWORK}
    for n in every:
        report(0.5 * (n - 2) / len(every), f"n = {n}: building, and adding up all monomials")
        made = product(n, sigma, 1)
        gate = product_gates.gate((1,) * n, sigma, how)
        sums = product_gates.coefficients(gate)
        own = sums.pop((1,) * n)
        values = (
            made.network.neurons, 2**n // (2 if gate.half else 1), int(gate.half), len(sums),
            max(map(abs, sums.values()), default=0), own / 2**n, made.report.notes["λ"], made.report.promised,
            made.report.achieved, float(gate.sigma.at),
        )  # fmt: skip
        for name, value in zip(_NETWORK, values, strict=True):
            columns[name].append(value)
    return xr.Dataset({name: ("n", values) for name, values in columns.items()}, coords={"n": list(every)})


_NETWORK = (
    "neurons", "formula", "half", "other_monomials", "largest_other", "own", "scale", "promised", "achieved", "at"
)  # fmt: skip


def _scales(parameters: Parameters, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap import activations, precision, product_gates
    from rgnet.cheap.products import product

    sigma, how = activations.get(parameters.activation), precision.arithmetic()
    size = (len(parameters.curves), parameters.scales)
    found = {name: np.full(size, np.nan) for name in ("scale", "truncation", "rounding", "achieved", "exact")}
    for i, n in enumerate(parameters.curves):
        gate = product_gates.gate((1,) * n, sigma, how)
        top = 0.99 * precision.largest_scale(gate.sigma, product_gates.shape(n))
        low = max(parameters.smallest_scale, 1e-30 ** (1 / n))
        for j, lam in enumerate(np.geomspace(min(low, top / 2), top, parameters.scales)):
            report(0.5 + 0.3 * (i + j / parameters.scales) / len(parameters.curves), f"n = {n}: error at λ = {lam:.1e}")
            made = product(n, sigma, 1, scale=float(lam)).report
            found["scale"][i, j], found["achieved"][i, j] = lam, made.achieved
            found["truncation"][i, j], found["rounding"][i, j] = made.notes["truncation"], made.notes["rounding"]
            if n <= parameters.exact_up_to:
                found["exact"][i, j] = product(n, sigma, 1, scale=float(lam), dtype="mp", digits=50).report.achieved
    return xr.Dataset(
        {name: (("curve", "step"), values) for name, values in found.items()}, coords={"curve": list(parameters.curves)}
    )


def _precision(parameters: Parameters, seed: int, report: Report) -> "xr.Dataset":
    import mpmath
    import xarray as xr

    from rgnet.cheap import network
    from rgnet.cheap.products import product

    rows = []
    for i, n in enumerate(parameters.curves):
        report(0.8 + 0.2 * i / len(parameters.curves), f"n = {n}: bits needed at λ = {parameters.scale:g}")
        made = product(n, parameters.activation, 1, scale=parameters.scale)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(n,)))
        points = np.concatenate([rng.choice([-1.0, 1.0], (8, n)), rng.uniform(-1, 1, (8, n))]).tolist()
        cut = made.report.notes["truncation"]
        measured = network.bits_needed(made.network, mpmath.fprod, 2 * cut, points) if cut else 0
        random = rng.uniform(-1, 1, (4096, n))
        inside = float(np.abs(made(random)[:, 0] - random.prod(axis=1)).max())
        rows.append(
            (made.report.notes["bits predicted"] or 0, measured, cut, made.report.notes["rounding"],
             made.report.achieved, inside)
        )  # fmt: skip
    names = ("bits_predicted", "bits_measured", "truncation", "rounding", "achieved", "achieved_inside")
    return xr.Dataset(
        {name: ("curve", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)},
        coords={"curve": list(parameters.curves)},
        attrs={"scale": parameters.scale, "tolerance": "twice the truncation error"},
    )


def _floors(parameters: Parameters, every: range) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap import activations, precision, product_gates

    sigma, how = activations.get(parameters.activation), precision.arithmetic()
    floor = np.full((len(every), len(BITS)), np.nan)
    for i, n in enumerate(every):
        gate, shape = product_gates.gate((1,) * n, sigma, how), product_gates.shape(n)
        for j, bits in enumerate(BITS):
            unit = 2.0**-bits
            lam = precision.best(gate.sigma, shape, unit)
            cut, noise = precision.truncation(gate.sigma, shape, lam), precision.rounding(gate.sigma, shape, lam, unit)
            floor[i, j] = cut + noise
    return xr.Dataset({"floor": (("n", "bits"), floor)}, coords={"n": list(every), "bits": list(BITS)})


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    return " ".join(_of_one(values, groups) for values, groups in results)


def _of_one(values: dict[str, Any], groups: dict[str, "xr.Dataset"]) -> str:
    table, bits, scales = groups["networks"], groups["precision"], groups["scales"]
    n = table["n"].values
    counted = bool((table["neurons"] == table["formula"]).all())
    clean = int(table["largest_other"].max()) == 0
    halves = [int(k) for k in n[table["half"].values == 1]]
    kept = bool((table["achieved"] <= table["promised"]).all())
    words = f"With {values['activation']}, n = {n[0]} to {n[-1]}: "
    words += (
        f"exactly 2ⁿ neurons{f' (half of them for n = {_list(halves)}, by parity)' if halves else ''}, "
        if counted
        else "other numbers of neurons than 2ⁿ, which is wrong: distrust this run; "
    )
    words += (
        f"and all other monomials of degree at most n ({int(table['other_monomials'].max())} of them at most) "
        "cancel to zero, in whole numbers. "
        if clean
        else f"but other monomials are left (up to {int(table['largest_other'].max())}). "
    )
    last, first = table.isel(n=-1), table.isel(n=0)
    words += (
        f"In float64 the best λ gives an error of {float(first['achieved']):.1g} for n = {n[0]} and "
        f"{float(last['achieved']):.1g} for n = {n[-1]}; {'every' if kept else 'NOT every'} error "
        "is within the promise. "
    )
    slopes = _slopes(scales)
    if slopes:
        words += f"With 50 digits the error goes as λ^{_list([f'{s:.2f}' for s in slopes])}. "
    for curve in bits["curve"].values:
        row = bits.sel(curve=curve)
        if curve in (min(bits["curve"].values), max(bits["curve"].values)):
            destroyed = float(row["achieved"]) > 10 * float(row["truncation"])
            words += (
                f"At λ = {float(bits.attrs['scale']):g} n = {int(curve)} needs {int(row['bits_measured'])} bits "
                f"({int(row['bits_predicted'])} by the formula): float64 {'is not enough' if destroyed else 'will do'} "
                f"(error {float(row['achieved']):.1g}, truncation alone {float(row['truncation']):.1g}). "
            )
    return (
        words + "So the number of neurons is as claimed, and 'any accuracy' is paid in digits, n of them for each of λ."
    )


def _slopes(scales: "xr.Dataset") -> list[float]:
    """Exponents of λ of the error with 50 digits, from the smallest and the largest λ but two."""
    found = []
    for row in range(scales.sizes["curve"]):
        x, y = np.log(scales["scale"].values[row]), scales["exact"].values[row]
        if np.isfinite(y).all() and (y > 0).all() and len(y) > 3:
            found.append(float((math.log(y[-3]) - math.log(y[0])) / (x[-3] - x[0])))
    return found


def _list(items: Any) -> str:
    return ", ".join(map(str, items))
