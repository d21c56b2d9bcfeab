"""The dictionary between physics and machine learning, each pair a number on the same draws (table E).

Table I of Lin, Tegmark & Rolnick (2017), J. Stat. Phys. 168, 1223, pairs words of the two fields. Here every pair is
measured on Ising configurations of one coupling, with draws of a second coupling where two ensembles are compared, a
Gaussian field of the same lattice where the Gaussian is asked for, and a small lattice of the same coupling where all
states are counted:

    Hamiltonian ↔ surprisal        −ln p(x) = H(x) + ln Z: its mean is the exact entropy; frequencies follow it
    quadratic H ↔ Gaussian p       no φ⁴ coupling, no excess kurtosis; the Ising magnetisation has one
    locality ↔ sparsity            fitted couplings vanish beyond the range of H, correlations do not
    translations ↔ convolution     a coupling of its own for each bond scatters about one kernel as its error says
    p from H ↔ softmax             Hamiltonians and one softmax layer are Bayes' posterior
    spin ↔ bit                     s = 2x − 1: other couplings, the same p
    free-energy difference ↔ KL    KL(p₁‖p₂) = ln Z₂ − ln Z₁ + ⟨H₂ − H₁⟩₁, simulated in two ways, against Kaufman
    effective theory ↔ distillation    Fisher information that block spins keep, beside their share of the bits
    irrelevant operator ↔ noise, relevant operator ↔ feature
                                   the same about eigen-directions of the linearised flow

What is judged and how: `rgnet.experiments._dictionary_rows`.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rgnet.experiments._dictionary_rows import KEPT, table

if TYPE_CHECKING:
    import xarray as xr

SUMMARY = "table I of Lin, Tegmark & Rolnick: every pair of physics and machine learning as a number (claims E)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017, table I) give a dictionary between physics and machine learning: Hamiltonian is "
    "surprisal, locality sparsity, translation symmetry convolution, a free-energy difference a KL divergence, "
    "irrelevant operators noise and relevant ones features. Which pairs are identities, and which hold how well?"
)
REQUIRES = ()
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]
_SMALL = (3, 3)  # the lattice whose states are counted


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[int, ...] = Field((16, 16), description="sides of the periodic square lattice")
    K_over_K_c: float = Field(1.0, description="coupling of the dataset, in units of the critical one", gt=0, le=1.5)
    other_over_K_c: float = Field(0.9, description="the second coupling, of KL and softmax", gt=0, le=1.5)
    layers: int = Field(2, description="majority rules on blocks of 2, one after the other", ge=1, le=8)
    r: float = Field(0.5, description="squared mass of the Gaussian field", gt=0, le=100)
    draws: int = Field(4000, description="configurations of each chain", ge=100)
    chains: int = Field(4, description="independent chains", ge=2)

    @model_validator(mode="after")
    def _check(self) -> Self:
        factor = 2**self.layers
        if len(self.shape) != 2 or any(side % factor or side < 4 * factor for side in self.shape):
            raise ValueError(
                f"shape={list(self.shape)} with layers={self.layers}: give two sides, multiples of {factor} of at "
                f"least {4 * factor}, such as {[4 * factor] * 2}; or fewer layers"
            )
        if self.K_over_K_c == self.other_over_K_c:
            raise ValueError(
                f"K_over_K_c and other_over_K_c are both {self.K_over_K_c}: two ensembles are compared, give two "
                f"different couplings"
            )
        return self


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Sample once, measure every pair: the group "table", and one for each pair with more to show."""
    from rgnet.exact import ising2d
    from rgnet.experiments import _dictionary_couplings as couplings
    from rgnet.experiments import _dictionary_ensembles as ensembles
    from rgnet.experiments import _dictionary_levels as coarse
    from rgnet.layers import Majority, Network
    from rgnet.models import GaussianField, Ising
    from rgnet.sampling import sample

    keys = [int(word) for word in np.random.SeedSequence(seed).generate_state(7, np.uint64)]
    draws, chains = parameters.draws, parameters.chains
    ratios = (parameters.K_over_K_c, parameters.other_over_K_c)
    model, other = (Ising(parameters.shape, K=ratio * ising2d.K_c) for ratio in ratios)
    report(0.0, "sampling")
    data, second, small = (
        sample(item, draws, chains=chains, seed=key)
        for item, key in zip((model, other, Ising(_SMALL, K=model.K)), keys, strict=False)
    )
    field = GaussianField(parameters.shape, r=parameters.r)
    waves = sample(field, draws, chains=chains, seed=keys[3])
    levels = Network([Majority(2)] * parameters.layers).levels(data, seed=keys[4] >> 1)
    steps: Sequence[tuple[str, Callable[[], couplings.Found]]] = (
        ("Hamiltonian and surprisal", lambda: ensembles.surprisal(model, data, small)),
        ("quadratic and Gaussian", lambda: couplings.gaussian(field, waves, data)),
        ("locality and sparsity", lambda: couplings.sparsity(model, data)),
        ("translations and convolution", lambda: couplings.convolution(data, keys[5])),
        ("p from H and softmax", lambda: ensembles.softmax((model, other), (data, second), _SMALL)),
        ("spins and bits", lambda: ensembles.bits(model, data)),
        ("free energy and KL", lambda: ensembles.divergence((model, other), (data, second), draws, keys[6])),
        ("effective theory and distillation", lambda: coarse.distillation(levels)),
        ("relevant, irrelevant, feature, noise", lambda: coarse.directions(levels)),
    )
    rows = []
    groups: dict[str, xr.Dataset] = {}
    for number, (words, measure) in enumerate(steps):
        report(0.3 + 0.7 * number / len(steps), words)
        try:
            own, more = measure()
        except np.linalg.LinAlgError as error:
            raise ValueError(
                f"{words}: too few of the {draws * chains} configurations differ at K_over_K_c={ratios[0]:g}, so that "
                f"equations are singular; take more draws, or a coupling nearer the critical one"
            ) from error
        rows += own
        groups |= more
    attrs = {"K": model.K, "other_K": other.K, "draws": draws * chains, "small": list(_SMALL)}
    report(1.0, "done")
    made = table(rows)
    return {"table": made.assign_attrs(made.attrs | attrs), **groups}


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    return " ".join(_told(groups) for _, groups in results)


def _told(groups: dict[str, "xr.Dataset"]) -> str:
    from rgnet.estimate import parenthesis

    table = groups["table"]
    rows = [
        {name: table[name].values[k].item() for name in ("left", "right", "quantity", "rule", "verdict", "value", "z")}
        for k in range(table.sizes["row"])
    ]
    tested = [row for row in rows if row["rule"] in ("equal", "rounding", "count")]
    failed = [row for row in tested if row["verdict"] not in ("agrees", "identical")]
    scores = [abs(row["z"]) for row in tested if row["rule"] == "equal"]
    controls = [row for row in rows if row["rule"] == "differs"]
    blind = [row for row in controls if row["verdict"] != "differs, as due"]
    pairs = {row["left"] for row in tested}
    broken = {row["left"] for row in failed}
    text = (
        f"Of the {len(pairs)} pairs that are identities or exact consequences, {len(pairs - broken)} hold: "
        f"{len(tested) - len(failed)} of {len(tested)} equalities, with |z| up to {max(scores):.1f} where the limit is "
        f"{table.attrs['z_limit']:.1f}. "
    )
    if failed:
        text += "Not these: " + "; ".join(f"{row['quantity']} ({row['left']})" for row in failed) + ". "
    text += (
        f"The {len(controls)} controls, which must differ, do. "
        if not blind
        else f"Controls that show no difference with these draws: {'; '.join(row['quantity'] for row in blind)}. "
    )
    bonds = groups["bonds"].attrs
    local = groups["locality"]
    far = 1 + int(np.abs(local["coupling"].values[1:]).argmax())
    largest = parenthesis(float(local["coupling"][far]), float(local["coupling_stderr"][far]))
    text += (
        f"The couplings of {int(bonds['bonds'])} bonds are fitted beside one kernel of {int(bonds['kernel'])}; beyond "
        f"nearest neighbours the largest fitted coupling of {local.sizes['distance'] - 1} is {largest}. "
    )
    kept = groups["distillation"]
    share = float(kept["bits"][-1] / kept["bits"][0])
    about = {name: float(kept[name][-1]) for name in ("K", "h")}
    lossless = [name for name, value in about.items() if value >= KEPT]
    text += (
        "The other three pairs are no identities but a matter of degree. Nearly lossless distillation: with "
        f"{100 * share:.3g} % of the bits, block spins keep at least {100 * about['h']:.1f} % of the Fisher "
        f"information about h and {100 * about['K']:.1f} % of that about K, so that it is nearly lossless (90 %) "
        f"about {' and '.join(lossless) if lossless else 'neither'}. "
    )
    return text + _of_directions(groups)


def _of_directions(groups: dict[str, "xr.Dataset"]) -> str:
    """Relevant is kept, irrelevant is lost: how far, by numbers."""
    from rgnet.experiments._dictionary_levels import kinds

    # (λ, kept by one step, kept at the last level, its error)
    found = [item for sector in ("even", "odd") for item in kinds(groups[f"directions/{sector}"])]
    relevant, irrelevant = (
        [
            (size, float(part["kept"][1]), float(part["kept"][-1]), float(part["kept_stderr"][-1]))
            for kind, size, part in found
            if kind == wanted
        ]
        for wanted in (True, False)
    )
    if not relevant or not irrelevant:
        return "Directions of both kinds were not found, so relevant and irrelevant cannot be compared."
    worst, best = min(relevant, key=lambda item: item[2]), max(irrelevant, key=lambda item: item[2])
    sizes = [", ".join(f"{size:.2f}" for size, *_ in group) for group in (relevant, irrelevant)]
    text = (
        f"Of the Fisher information about eigen-directions of the flow, at least {100 * worst[2]:.0f} % is kept where "
        f"they are relevant (λ = {sizes[0]}), at most {100 * best[2]:.1f} % where they are not (λ = {sizes[1]}). A "
        "step keeps λ²/b² times the ratio of fluctuations per site after and before it: "
        f"{_step(worst)} for the relevant one that keeps least, {_step(best)} for the irrelevant one that keeps most. "
    )
    gap, error = worst[2] - best[2], math.hypot(worst[3], best[3])
    if abs(gap) <= 2 * error:
        return (
            text + "These two shares do not differ by twice their error: this run does not say whether it sorts them."
        )
    return text + (
        "The flow alone tells features from noise."
        if gap > 0
        else "So here the flow does not tell features from noise."
    )


def _step(direction: tuple[float, float, float, float]) -> str:
    size, kept = direction[:2]
    flow = size**2 / 4
    return f"{100 * kept:.1f} % = {100 * flow:.1f} % · {kept / flow:.2f}"
