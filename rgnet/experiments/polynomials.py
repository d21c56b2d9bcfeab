"""Random polynomials compiled to neurons: the error promised and the one achieved, the neurons and the refusals (A3).

A polynomial has 1 to ``variables`` variables and 2 to ``terms`` terms, each the product of 0 to ``degree`` variables
drawn with replacement, with normal coefficients. `rgnet.cheap.compile` makes a network of it for every arithmetic and
tolerance, or refuses; what it refuses should be just those whose promised floor is above the tolerance. The error
achieved is the largest seen at the corners of [−1, 1]ⁿ and at 4096 points inside.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "random polynomials compiled to neurons: promised and achieved error, neurons, refusals (claim A3)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017): any polynomial of several variables is a network of fixed size, about four neurons "
    "for each multiplication, whatever the accuracy. Does a compiler keep that promise in float32 and float64?"
)
REQUIRES = ()
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    activation: str = Field("softplus", description="name or formula")
    paper: bool = Field(False, description="expand at 0 as in the paper (σ_2(0) ≠ 0 is needed), not at the best point")
    count: int = Field(100, description="number of polynomials", ge=1, le=2000)
    variables: int = Field(6, description="most variables", ge=1, le=8)
    degree: int = Field(6, description="highest degree", ge=1, le=12)
    terms: int = Field(12, description="most terms", ge=2, le=200)
    tolerances: dict[str, tuple[float, ...]] = Field(
        {"float64": (1e-6, 1e-10), "float32": (1e-3,)}, description="for each arithmetic, largest errors allowed"
    )

    @field_validator("activation")
    @classmethod
    def _known(cls, name: str) -> str:
        from rgnet.cheap import activations

        activations.get(name)
        return name

    @field_validator("tolerances")
    @classmethod
    def _arithmetics(cls, table: dict[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
        if (
            not table
            or not set(table) <= {"float32", "float64"}
            or not all(x > 0 for row in table.values() for x in row)
        ):
            raise ValueError(f"tolerances={table}: give positive numbers for float32 or float64")
        return table


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Compile every polynomial for every tolerance: the group "polynomials"."""
    import xarray as xr

    asked = [(dtype, tolerance) for dtype, row in parameters.tolerances.items() for tolerance in row]
    rows: list[dict[str, Any]] = []
    for i in range(parameters.count):
        report(i / parameters.count, f"polynomial {i + 1} of {parameters.count}")
        coefficients = random_polynomial(
            np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(i,))), parameters
        )
        rows.append(_compiled(coefficients, parameters, asked))
    table = xr.Dataset(
        {
            name: (("polynomial", "case") if np.ndim(rows[0][name]) else ("polynomial",), [row[name] for row in rows])
            for name in rows[0]
        },
        coords={
            "dtype": ("case", [dtype for dtype, _ in asked]),
            "tolerance": ("case", [tolerance for _, tolerance in asked]),
        },
        attrs={
            "activation": parameters.activation,
            "point": "0" if parameters.paper else "best",
            "box": "[-1, 1]^n",
            "method": "floor: the smallest error that is promised; NaN where a polynomial is refused",
        },
    )
    report(1.0, "done")
    return {"polynomials": table}


def random_polynomial(rng: np.random.Generator, parameters: Parameters) -> npt.NDArray[np.float64]:
    """Coefficients: entry [i, j, …] is that of x^i y^j ⋯."""
    n = int(rng.integers(1, parameters.variables + 1))
    found = np.zeros((parameters.degree + 1,) * n)
    for _ in range(int(rng.integers(2, parameters.terms + 1))):
        factors = rng.integers(0, n, int(rng.integers(0, parameters.degree + 1)))
        found[tuple(np.bincount(factors, minlength=n))] += rng.normal()
    return found


def _compiled(
    coefficients: npt.NDArray[np.float64], parameters: Parameters, asked: list[tuple[str, float]]
) -> dict[str, Any]:
    """Everything about one polynomial, lists over what was asked."""
    from rgnet.cheap import polynomial
    from rgnet.cheap.errors import CheapError

    at = 0 if parameters.paper else None
    forms = polynomial.forms(coefficients)
    floors = {dtype: polynomial.floor(forms, parameters.activation, 1.0, dtype, at=at) for dtype, _ in asked}
    names = ("promised", "achieved", "neurons", "synapses", "depth", "multiplications", "copies", "bits")
    columns: dict[str, list[float]] = {name: [] for name in ("refused", "floor", *names)}
    for dtype, tolerance in asked:
        columns["floor"].append(floors[dtype])
        try:
            found = polynomial.compile(forms, parameters.activation, tolerance, 1.0, dtype, at=at).report
        except CheapError:
            columns["refused"].append(1)
            for name in names:
                columns[name].append(np.nan)
            continue
        columns["refused"].append(0)
        values = (
            found.promised, found.achieved, found.neurons, found.synapses, found.depth, found.notes["multiplications"],
            found.notes["copies"], found.notes.get("bits predicted", np.nan),
        )  # fmt: skip
        for name, value in zip(names, values, strict=True):
            columns[name].append(float(value))
    powers = np.argwhere(coefficients)
    return {
        "variables": coefficients.ndim,
        "terms": int((coefficients != 0).sum()),
        "degree": int(powers.sum(axis=1).max()) if len(powers) else 0,
        **columns,
    }


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    said = [_one(groups["polynomials"]) for _, groups in results]
    tables = [groups["polynomials"] for _, groups in results]
    made = np.concatenate([table["multiplications"].values.ravel() for table in tables])
    neurons = np.concatenate([table["neurons"].values.ravel() for table in tables])
    copies = np.concatenate([table["copies"].values.ravel() for table in tables])
    good = np.isfinite(made)
    over = int((neurons[good] > 4 * made[good] + 2 * copies[good]).sum())
    broken = sum(int((table["achieved"] > table["promised"]).sum()) for table in tables)
    wrong = sum(int(((table["floor"] > table["tolerance"]) != (table["refused"] > 0)).sum()) for table in tables)
    spread = [(table["neurons"].max("case") - table["neurons"].min("case")).values for table in tables]
    varied = sum(int((values[np.isfinite(values)] > 0).sum()) for values in spread)
    alike = "the same number for every tolerance" if not varied else f"in {varied} cases other numbers by tolerance"
    size = (
        f"Every network has at most four neurons for a multiplication and two for a copy (on average "
        f"{neurons[good].mean():.0f} neurons for {made[good].mean():.1f} multiplications and {copies[good].mean():.1f} "
        f"copies), {alike}"
        if not over
        else f"{over} networks have more neurons than four for a multiplication and two for a copy"
    )
    honest = "No error exceeds what was promised" if not broken else f"{broken} errors exceed what was promised"
    explained = (
        "refused are just those whose floor is above the tolerance"
        if not wrong
        else f"{wrong} are refused, or not, against what their floors say"
    )
    return (
        f"{' '.join(said)} {honest}; {explained}. {size}. So the size is fixed as claimed, and hides the price: "
        f"the digits of the arithmetic set a floor, and a smaller error needs more of them."
    )


def _one(table: Any) -> str:
    """Of one activation."""
    words = []
    for case in range(table.sizes["case"]):
        part = table.isel(case=case)
        refused = int(part["refused"].sum())
        ratio = (part["promised"] / part["achieved"].where(part["achieved"] > 0)).values
        ratio = ratio[np.isfinite(ratio)]
        worst = float(part["achieved"].max()) if refused < part.sizes["polynomial"] else float("nan")
        words.append(
            f"at {float(part['tolerance']):.0e} in {part['dtype'].item()} {refused} of {part.sizes['polynomial']} are "
            f"refused" + (f", the largest error of the others is {worst:.1e}" if np.isfinite(worst) else "")
            + (f" (promised over achieved: median {np.median(ratio):.1f})" if len(ratio) else "")
        )  # fmt: skip
    point = "expanded at 0" if table.attrs["point"] == "0" else "at its best point"
    return f"{table.attrs['activation']}, {point}: {'; '.join(words)}."
