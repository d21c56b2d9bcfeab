"""Products of bits by one neuron each, in practice (claim A4).

*The gate*: correct decimals of σ(β(Σx − m + ½)) as a product of m bits, the worst of all strings, against β: with 80
digits, in float64 and in float32. By symmetry one string for each number of zeros is enough.

*Functions*: neurons and errors of Boolean functions by each expansion of `rgnet.cheap.boolean_functions`, on all
their strings.

*Hamiltonians*: energies of lattice models by neurons, beside the models' own.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "products of bits by one neuron each: correct decimals against β, and what Boolean functions cost (claim A4)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017): one logistic neuron multiplies any number of bits, with an error that falls "
    "exponentially in the steepness β, so that any function of n bits takes one hidden unit for each monomial, 2ⁿ at "
    "most."
)
REQUIRES = ()
SLOPE = 1.0 / (2.0 * math.log(10.0))
FUNCTIONS = ("and", "majority", "parity", "multiplexer", "random")
_DIGITS = 80
_FIT_FROM = 20.0  # β from where log10(1 + e^(β/2)) is a straight line to 1e-5
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sizes: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        (1, 2, 4, 8, 16), min_length=1, description="numbers of bits multiplied"
    )
    beta_max: float = Field(200.0, ge=40, le=1000, description="largest steepness")
    steps: int = Field(41, ge=5, description="values of β")
    n_max: int = Field(10, ge=2, le=12, description="bits of the Boolean functions, at most")
    draws: int = Field(8, ge=2, description="random Boolean functions for each n")


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Measure gates, functions and Hamiltonians: groups "gate", "functions" and "hamiltonians"."""
    report(0.0, "one neuron")
    gate = _gate(parameters)
    report(0.4, "Boolean functions")
    functions = _functions(parameters, seed, report)
    report(0.95, "Hamiltonians")
    return {"gate": gate, "functions": functions, "hamiltonians": _hamiltonians()}


def _gate(p: Parameters) -> "xr.Dataset":
    import mpmath
    import xarray as xr

    from rgnet.cheap import bits

    betas = np.linspace(0.0, p.beta_max, p.steps)[1:]
    shape = (len(p.sizes), len(betas))
    decimals = {name: np.full(shape, np.nan) for name in ("exact", "float64", "float32")}
    ones = np.zeros(len(betas))
    for i, m in enumerate(p.sizes):
        x = (np.arange(m)[None, :] >= np.arange(m + 1)[:, None]).astype(np.int64)  # 0, 1, … m zeros
        product = x.prod(axis=1)
        for k, beta in enumerate(betas):
            network = bits.bit_product(m, beta=float(beta)).network
            with mpmath.workdps(_DIGITS):
                found = network.mp(x.tolist(), _DIGITS)
                worst = max(abs(row[0] - value) for row, value in zip(found, product.tolist(), strict=True))
                decimals["exact"][i, k] = float(-mpmath.log10(worst))
            for name in ("float64", "float32"):
                error = np.abs(network(x, name)[:, 0].astype(np.float64) - product)
                with np.errstate(divide="ignore"):
                    decimals[name][i, k] = -np.log10(error.max())
                if name == "float64":
                    ones[k] = max(ones[k], error[product == 1].max())
    line = betas >= _FIT_FROM
    slopes = [float(np.polyfit(betas[line], row[line], 1)[0]) for row in decimals["exact"]]
    formula = np.logaddexp(0.0, betas / 2) / math.log(10.0)
    return xr.Dataset(
        {
            **{f"decimals_{name}": (("m", "beta"), value) for name, value in decimals.items()},
            "formula": ("beta", formula),
            "error_of_ones": ("beta", ones),
            "slope": ("m", slopes),
        },
        coords={"m": list(p.sizes), "beta": betas},
        attrs={"slope_derived": SLOPE, "digits": _DIGITS, "fitted_from": _FIT_FROM},
    )


def _functions(p: Parameters, seed: int, report: Report) -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap.boolean_functions import KINDS, boolean

    sizes = np.arange(2, p.n_max + 1)
    shape = (len(FUNCTIONS), len(sizes))
    table = {name: np.full(shape, np.nan) for name in (*KINDS, "promised", "achieved")}
    table["random_sd"] = np.full(shape, np.nan)
    for i, name in enumerate(FUNCTIONS):
        for k, n in enumerate(int(size) for size in sizes):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(i, n)))
            drawn = [_function(name, n, rng) for _ in range(p.draws if name == "random" else 1)]
            every = [(boolean(f, n, by="monomials").report, boolean(f, n, by="minterms").report) for f in drawn]
            for kind in KINDS:
                counts = [first.notes.get(f"neurons by {kind}", np.nan) for first, _ in every]
                table[kind][i, k] = np.mean(counts)
                if kind == "monomials" and len(drawn) > 1:
                    table["random_sd"][i, k] = np.std(counts, ddof=1)
            reports = [item for pair in every for item in pair]
            table["promised"][i, k] = max(item.promised for item in reports)
            table["achieved"][i, k] = max(item.achieved for item in reports)
        report(0.4 + 0.5 * (i + 1) / len(FUNCTIONS), f"Boolean functions: {name}")
    return xr.Dataset(
        {name: (("function", "n"), value) for name, value in table.items()},
        coords={"function": list(FUNCTIONS), "n": sizes},
        attrs={"note": "neurons by each expansion, of random functions their mean; errors the largest of two of them"},
    )


def _function(name: str, n: int, rng: np.random.Generator) -> Any:
    if name == "random":
        return rng.integers(0, 2, 1 << n)
    if name == "multiplexer":  # the first bits address one of the others
        address = max(k for k in range(1, n) if k + (1 << k) <= n) if n >= 3 else 0
        weights = 2 ** np.arange(address)[::-1]
        return lambda x: x[np.arange(len(x)), address + x[:, :address].astype(np.int64) @ weights]
    rules: dict[str, Callable[[Any], Any]] = {
        "and": lambda x: x.all(axis=1),
        "majority": lambda x: 2 * x.sum(axis=1) > n,
        "parity": lambda x: x.sum(axis=1) % 2,
    }
    return rules[name]


def _hamiltonians() -> "xr.Dataset":
    import xarray as xr

    from rgnet.cheap.spin_products import hamiltonian_network
    from rgnet.models import Ising, SpinGlass

    known = {
        "Ising 4×4": Ising((4, 4), K=0.44),
        "Ising 3×4, four couplings and field": Ising(
            (3, 4), K=0.4, h=0.1, couplings={"nnn": 0.05, "third": 0.02, "plaquette": -0.07}
        ),
        "Ising 2×2×3, free": Ising((2, 2, 3), K=0.22, h=0.1, boundary="free"),
        "Ising triangular 3×4": Ising((3, 4), K=0.27, lattice="triangular"),
        "spin glass 3×4": SpinGlass((3, 4), K=0.7, J="gaussian", seed=1),
        "Ising 16×16": Ising((16, 16), K=0.44),
    }
    reports = {name: hamiltonian_network(model).report for name, model in known.items()}
    columns = {
        name: ("model", [getattr(item, name) for item in reports.values()])
        for name in ("neurons", "synapses", "promised", "achieved", "points")
    }
    return xr.Dataset(
        {**columns, "products": ("model", [item.notes["spin products"] for item in reports.values()])},
        coords={"model": list(known)},
    )


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    return " ".join(_one(groups) for _, groups in results)


def _one(groups: dict[str, "xr.Dataset"]) -> str:
    gate, functions, models = groups["gate"], groups["functions"], groups["hamiltonians"]
    slopes, sizes = gate["slope"].values, [int(m) for m in gate["m"].values]
    off = float(np.abs(slopes / SLOPE - 1).max())
    spread = float(np.abs(gate["decimals_exact"] - gate["formula"]).max())
    same = (
        f"agree with the derived log10(1 + e^(β/2)) to {spread:.0e} for every size"
        if spread < 1e-6
        else f"differ from the derived log10(1 + e^(β/2)) by up to {spread:.2g}: distrust this run"
    )
    zero = gate["beta"].values[gate["error_of_ones"].values == 0]
    single = gate["decimals_float64"].values - gate["formula"].values
    text = (
        f"Correct decimals of one neuron as a product of {min(sizes)} to {max(sizes)} bits {same}; their slope is "
        f"{slopes.mean():.6f} a unit of β, derived 1/(2 ln 10) = {SLOPE:.6f}, apart by {off:.0e} at most. "
        + (
            f"Floating point sets no floor: from β = {zero[0]:.4g} on float64 gives products that are 1 without error, "
            f"and those that are 0 as e^(−β/2) "
            if len(zero)
            else "β stays below where float64 would round the error away "
        )
        + f"(float64 and formula differ by {np.nanmax(np.abs(single)):.2g} decimals at most). "
    )
    n = int(functions["n"].values[-1])
    at = functions.isel(n=-1)
    cell = {name: at.sel(function=name) for name in FUNCTIONS}
    worst = float(functions["achieved"].max())
    kept = bool(
        (functions["achieved"] <= functions["promised"]).all() and (models["achieved"] <= models["promised"]).all()
    )
    text += (
        f"A random Boolean function of {n} bits has {float(cell['random']['monomials']):.0f}"
        f"({float(cell['random']['random_sd']):.0f}) monomials of 2^{n} = {2**n}, but "
        f"{float(cell['random']['minterms']):.0f} minterms, which cost one neuron each as well; parity "
        f"{float(cell['parity']['monomials']):.0f}, {float(cell['parity']['minterms']):.0f} and, counting ones, "
        f"{float(cell['parity']['counts']):.0f}. So 2ⁿ is an upper bound as claimed"
        + (
            ", half of it is always enough for Boolean functions, and neither is a lower bound for any given one. "
            if float(cell["random"]["minterms"]) <= 2 ** (n - 1) and float(cell["parity"]["counts"]) <= n
            else ". "
        )
    )
    return text + (
        f"On all strings the functions are off by {worst:.0e} at most, and energies of "
        f"{models.sizes['model']} spin models by {float(models['achieved'].max()):.0e}, "
        + ("never more than promised." if kept else "in some case MORE than promised: distrust this run.")
    )
