"""Gaussian fields need quadratic Hamiltonians, φ⁴ one term more, its block averages more than that (claim A6).

A quadratic H is a normal distribution, and the distribution of maximum entropy with given means of some products of
low degree has an H with just these terms. So fits of growing degree and range should stop gaining at φ² and nearest
neighbours for a Gaussian field (also for block averages, if pairs of longer range are allowed), and at the one further
term φ⁴ for the φ⁴ model. Measured by held-out log-pseudo-likelihood (`rgnet.flow.hamiltonians`), in two sequences of
sets, without and with φ⁴; and the fitted couplings stand beside the exact ones:

    −H = Σ_<ij> φ_i φ_j − ½ (z + r) Σ φ² − ¼ u Σ φ⁴ ,     z neighbours a site.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import xarray as xr

    from rgnet.models import Model

REQUIRES = ()
SUMMARY = "held-out likelihood of Hamiltonians of growing degree fitted to Gaussian and φ⁴ fields (claim A6)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017, section 2.4): a quadratic Hamiltonian is a Gaussian distribution, and "
    "maximum entropy under low moments gives Hamiltonians of low degree. Do fits to data find as much, and what "
    "becomes of it under block averages?"
)
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    L: int = Field(32, description="side of the square torus", ge=8, multiple_of=4)
    draws: int = Field(150, description="draws of each of 4 chains", ge=40)
    gaussian_r: float = Field(0.25, description="squared mass of the Gaussian field", gt=0)
    r: float = Field(-1.2725, description="φ⁴: coupling of ½ φ²; critical near −1.2725 at u = 1")
    u: float = Field(1.0, description="φ⁴: coupling of ¼ φ⁴", gt=0)
    levels: int = Field(1, description="how often averages of 2 × 2 blocks are taken", ge=0, le=2)

    @model_validator(mode="after")
    def _leaves(self) -> "Parameters":
        if 3 * 2**self.levels > self.L:
            raise ValueError(
                f"L={self.L}: averages taken levels={self.levels} times leave a side of {self.L // 2**self.levels}, "
                f"around which neighbours reach; give L of at least {3 * 2**self.levels}"
            )
        return self


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Sample, fit and score: groups "fits", "couplings", and "known", couplings beside exact ones."""
    import numpy as np

    import rgnet as rg
    from rgnet.experiments import _fitted

    shape = (parameters.L, parameters.L)
    models: dict[str, Model] = {
        "Gaussian": rg.GaussianField(shape, r=parameters.gaussian_r),
        "phi4": rg.Phi4(shape, r=parameters.r, u=parameters.u),
    }
    network = rg.Network([rg.BlockAverage(2)] * parameters.levels)
    sets = _sets()
    quadratic = [max((item.degree for item in items), default=0) <= 2 for items in sets.values()]
    tables: dict[str, xr.Dataset] = {}
    for index, (name, model) in enumerate(models.items()):
        report(0.5 * index, f"sampling: {name}")
        words = [int(word) for word in np.random.SeedSequence(seed, spawn_key=(index,)).generate_state(2)]
        data = rg.sample(model, parameters.draws, chains=4, seed=words[0], update="auto")
        for level, blocks in enumerate(network.levels(data, seed=words[1])):
            report(0.5 * index + 0.1 + 0.4 * level / (parameters.levels + 1), f"fitting: {name}, level {level}")
            table = _fitted.scored(blocks, sets)
            gain = table["difference"].sel(set="nn + phi4", other="nn")
            error = table["difference_stderr"].sel(set="nn + phi4", other="nn")
            tables[f"{name}, level {level}"] = table.assign(
                level=level,
                by_phi4=float(gain),
                by_phi4_stderr=float(error),
                quadratic=("set", np.array(quadratic, int)),
            )
    groups = {"fits": _fitted.stacked(tables), "couplings": _fitted.couplings_of(tables)}
    groups["fits"] = groups["fits"].assign(quadratic=("set", np.array(quadratic, int)))
    groups["known"] = _known(parameters, tables["Gaussian, level 0"], tables["phi4, level 0"])
    report(1.0, "done")
    return groups


def _sets() -> dict[str, Any]:
    """Growing sets without and with powers above φ², by the number of operators."""
    from rgnet import flow, operators

    pairs = flow.growing_sets(2, ((2, 1), (2, 2), (2, 3)), real=True)
    fourth = operators.named("phi4", 2)
    sets = pairs | {f"{name} + phi4": (*items, fourth) for name, items in pairs.items()}
    most = sets.pop("degree 2, reach 3 + phi4")
    known = {frozenset(item.terms) for item in most}
    cells = operators.enumerate_operators(2, 4, 1, parity="even", real=True)
    sets["degree 4, reach 1"] = (*most, *(item for item in cells if frozenset(item.terms) not in known))
    return dict(sorted(sets.items(), key=lambda pair: len(pair[1])))


def _known(parameters: Parameters, gaussian: "xr.Dataset", quartic: "xr.Dataset") -> "xr.Dataset":
    """Couplings beside their exact values, from the sets that hold the model's own terms and no more."""
    import xarray as xr

    rows = [
        ("Gaussian", gaussian, "nn", {"phi2": -0.5 * (4 + parameters.gaussian_r), "nn": 1.0}),
        ("phi4", quartic, "nn + phi4", {"phi2": -0.5 * (4 + parameters.r), "nn": 1.0, "phi4": -0.25 * parameters.u}),
    ]
    names, exact, value, stderr = [], [], [], []
    for model, table, chosen, truth in rows:
        for operator, number in truth.items():
            row = table.sel(set=chosen, operator=operator)
            names.append(f"{model}: {operator}")
            exact.append(number)
            value.append(float(row["coupling"]))
            stderr.append(float(row["coupling_stderr"]))
    return xr.Dataset(
        {"exact": ("coupling", exact), "value": ("coupling", value), "value_stderr": ("coupling", stderr)},
        coords={"coupling": names},
    )


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    from rgnet.experiments._fitted import in_errors

    parts = []
    for _, groups in results:
        known = groups["known"]
        z = ((known["value"] - known["exact"]) / known["value_stderr"]).values
        rows = zip(known["coupling"].values, known["value"].values, known["value_stderr"].values, z, strict=True)
        parts.append(
            "Couplings of the models' own terms: "
            + ", ".join(f"{name} {in_errors(value, error)} (z = {score:.1f})" for name, value, error, score in rows)
            + (": as given." if max(abs(z)) < 3.5 else ": NOT as given; distrust this run.")
        )
        fits = groups["fits"]
        for source in fits["source"].values:
            row = fits.sel(source=source)
            gain, error = float(row["by_phi4"]), float(row["by_phi4_stderr"])
            verdict = (
                f"gains {in_errors(gain, error)}"
                if gain > 3 * error
                else f"gains nothing, {in_errors(gain, error)}"
                if gain > -3 * error
                else f"loses {in_errors(-gain, error)} by overfitting,"
            )
            pairs = row["gain"].where(row["quadratic"] == 1).max().item()
            best = row["gain"].max().item()
            parts.append(
                f"{_name(str(source))}: beside φ² and nearest neighbours φ⁴ {verdict} nats a "
                f"site; gains stop at {'no fewer than ' if int(row['is_largest']) else ''}{int(row['sufficient'])} "
                f"parameters, and the best quadratic set has {100 * pairs / best:.3g} % of what is gained over "
                f"independent sites."
            )
        needed = dict(zip(fits["source"].values.tolist(), fits["sufficient"].values.tolist(), strict=True))
        good = needed["Gaussian, level 0"] == 2 and needed["phi4, level 0"] == 3
        parts.append(
            f"On the samples {'the terms of the models suffice' if good else 'fits do not stop at the models terms'}."
        )
        coarse = [int(value) for name, value in needed.items() if not str(name).endswith("level 0")]
        if coarse:
            more = min(coarse) > 3
            parts.append(
                f"Block averages need {' and '.join(map(str, coarse))}: coarse-graining "
                f"{'costs parameters, also where fields stay Gaussian' if more else 'was not seen to cost many'}."
            )
    return " ".join(parts)


def _name(source: str) -> str:
    model, _, level = source.replace("phi4", "φ⁴").partition(", level ")
    return f"{model} field" + (f", averages of {2 ** int(level)} × {2 ** int(level)} blocks" if level != "0" else "")
