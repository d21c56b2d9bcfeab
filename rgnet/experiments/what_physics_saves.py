"""What degree, locality and symmetry save, counted; and where data need more (claim A5).

A Hamiltonian of n bits has 2ⁿ − 1 free parameters; at most d factors leave Σ_{k≤d} C(n, k), locality a number linear in
n, translation symmetry one that does not grow (`rgnet.cheap.counts`). Each count is made twice: by formula, orbits by
Burnside's lemma, and by listing.

Then Hamiltonians of growing degree and range are fitted to half of the data by maximum pseudo-likelihood and scored on
the other half (`rgnet.flow.hamiltonians`): Ising samples, whose Hamiltonian is known to need one parameter; their block
spins by the majority rule, marginals of which Lin, Tegmark & Rolnick (2017, section 2.4) concede that they lose
locality and low order; and bit planes of photographs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import xarray as xr

REQUIRES = ()
SUMMARY = "parameters of a Hamiltonian by degree, locality and symmetry, and how many data need (claim A5)"
CLAIM = (
    "Lin, Tegmark & Rolnick (2017, section 2.4): Hamiltonians of physics are cheap, since low order, locality and "
    "symmetry cut their 2ⁿ − 1 parameters down to a few; marginalising destroys that. How far does it hold on data?"
)
SYMMETRIES = ("none", "translations", "space group")
Report = Callable[[float, str], None]
Results = list[tuple[dict[str, Any], dict[str, "xr.Dataset"]]]
Step = tuple[int, int]

_THIN, _WARMUP = 12, 400  # sweeps


class Parameters(BaseModel):
    """What a study may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    largest: int = Field(4, description="longest side of the tori whose orbits are listed", ge=2, le=4)
    L: int = Field(64, description="side of the Ising lattice, a multiple of 2^levels", ge=16)
    K_over_K_c: tuple[float, ...] = Field((1.0, 0.9), description="couplings, in units of the critical one")
    draws: int = Field(150, description="draws of each of 4 chains, 12 sweeps of Swendsen and Wang apart", ge=40)
    levels: int = Field(2, description="how often 2 × 2 block spins are formed", ge=0, le=3)
    spin_steps: tuple[Step, ...] = Field(
        ((2, 1), (4, 1), (2, 2), (2, 3), (4, 2)), description="[degree, reach] of the growing even sets for spins"
    )
    photographs: tuple[Literal["china", "flower"], ...] = Field(
        ("china", "flower"), description="photographs of scikit-learn"
    )
    planes: tuple[int, ...] = Field((7, 6, 5, 4, 3, 2, 1, 0), description="bit planes, 7 the highest")
    tile: int = Field(32, description="side of the tiles that photographs are cut into", ge=8)
    photograph_steps: tuple[Step, ...] = Field(
        ((2, 1), (4, 1), (2, 2), (4, 2)), description="[degree, reach] of the growing sets for photographs"
    )

    @model_validator(mode="after")
    def _divides(self) -> "Parameters":
        if self.L % 2**self.levels or 3 * 2**self.levels > self.L:
            raise ValueError(
                f"L={self.L}: block spins are formed levels={self.levels} times; give a multiple of {2**self.levels} "
                f"that leaves a side of 3 or more, such as 64"
            )
        return self


def run(parameters: Parameters, seed: int, report: Report) -> dict[str, "xr.Dataset"]:
    """Count, fit and score: groups "orbits", "saved", "ising", "photographs", and the couplings of the last two."""
    import rgnet as rg
    from rgnet import flow
    from rgnet.cheap import photographs
    from rgnet.experiments import _fitted

    report(0.0, "counting orbits")
    groups = {"orbits": _orbits(parameters.largest), "saved": _saved()}
    sets = flow.growing_sets(2, parameters.spin_steps)
    spins: dict[str, xr.Dataset] = {}
    for index, ratio in enumerate(parameters.K_over_K_c):
        report(0.05 + 0.5 * index / len(parameters.K_over_K_c), f"Ising samples at {ratio:g} K_c")
        model = rg.Ising((parameters.L, parameters.L), K=ratio * rg.exact.ising2d.K_c)
        data = rg.sample(
            model,
            parameters.draws,
            chains=4,
            seed=_word(seed, index, 0),
            update="swendsen-wang",
            thin=_THIN,
            warmup=_WARMUP,
        )
        network = rg.Network([rg.Majority(2)] * parameters.levels)
        for level, blocks in enumerate(network.levels(data, seed=_word(seed, index, 1))):
            table = _fitted.scored(blocks, sets)
            spins[f"{ratio:g} K_c, level {level}"] = table.assign(K_over_K_c=ratio, level=level)
    groups["ising"], groups["ising_couplings"] = _fitted.stacked(spins), _fitted.couplings_of(spins)
    pictures: dict[str, xr.Dataset] = {}
    sets = flow.growing_sets(2, parameters.photograph_steps, parity=None)
    for name in parameters.photographs:
        image = photographs.grey(name)
        for plane in parameters.planes:
            report(
                0.6 + 0.4 * len(pictures) / (len(parameters.photographs) * len(parameters.planes)), f"{name}, {plane}"
            )
            table = _fitted.scored(photographs.bit_plane(image, plane, parameters.tile), sets)
            pictures[f"{name}, plane {plane}"] = table.assign(plane=plane)
    if pictures:
        groups["photographs"] = _fitted.stacked(pictures)
        groups["photograph_couplings"] = _fitted.couplings_of(pictures)
    report(1.0, "done")
    return groups


def _word(seed: int, *key: int) -> int:
    import numpy as np

    return int(np.random.SeedSequence(seed, spawn_key=key).generate_state(1)[0])


def _orbits(largest: int) -> "xr.Dataset":
    """Orbits of the sets of k sites on every torus up to ``largest`` squared and every chain of as many sites."""
    import numpy as np
    import xarray as xr

    from rgnet.cheap import counts

    most = largest**2
    shapes: list[tuple[int, ...]] = [(n,) for n in range(2, most + 1)]
    shapes += [(a, b) for a in range(1, largest + 1) for b in range(1, largest + 1) if a * b > 1]
    found = np.zeros((2, len(shapes), len(SYMMETRIES), most + 1), dtype=np.int64)
    for row, shape in enumerate(shapes):
        for column, symmetry in enumerate(SYMMETRIES):
            for kind, count in enumerate((counts.orbits, counts.listed_orbits)):
                numbers = count(shape, symmetry)
                found[kind, row, column, : len(numbers)] = numbers
    dims = ("lattice", "symmetry", "degree")
    return xr.Dataset(
        {"burnside": (dims, found[0]), "listed": (dims, found[1])},
        coords={
            "lattice": [" x ".join(map(str, shape)) for shape in shapes],
            "symmetry": list(SYMMETRIES),
            "degree": np.arange(most + 1),
        },
    )


def _saved() -> "xr.Dataset":
    """Free parameters on square tori: all, of degree at most 4, and those in 2 × 2 cells, without and with symmetry."""
    import numpy as np
    import xarray as xr

    from rgnet.cheap import counts

    sides = np.arange(3, 9)
    rows = []
    for side in map(int, sides):
        shape, n = (side, side), side * side
        listed = [float(counts.listed_local(shape, 4, 1, symmetry)) if n <= 62 else np.nan for symmetry in SYMMETRIES]
        formula = [float(counts.local(shape, 4, 1, symmetry)) for symmetry in SYMMETRIES]
        rows.append(
            [float(counts.general(n)), float(counts.general(n, 4)), float(counts.general(n, 2)), *formula, *listed]
        )
    names = ["general", "degree_4", "degree_2", "local", "translations", "space_group"]
    names += ["local_listed", "translations_listed", "space_group_listed"]
    columns = zip(names, np.array(rows).T, strict=True)
    return xr.Dataset(
        {name: ("side", column) for name, column in columns}, coords={"side": sides, "n": ("side", sides**2)}
    )


def paragraph(results: Results) -> str:
    """What was found, for and against."""
    import numpy as np

    parts = []
    for _, groups in results:
        orbits, ising = groups["orbits"], groups["ising"]
        same = bool((orbits["burnside"] == orbits["listed"]).all())
        shapes = orbits["lattice"].size
        saved = groups["saved"].isel(side=-1)
        parts.append(
            f"Orbit counts by Burnside's lemma {'equal' if same else 'DIFFER FROM'} those by listing on {shapes} "
            f"tori and chains for every degree. On {int(saved['n'])} spins 2ⁿ − 1 = {float(saved['general']):.2g} "
            f"parameters become {float(saved['degree_4']):.0f} at degree 4, {float(saved['local']):.0f} in 2 × 2 "
            f"cells, {float(saved['translations']):.0f} with translations and {float(saved['space_group']):.0f} with "
            f"the point group."
        )
        cheap = {level: _needed(ising, level) for level in sorted(set(ising["level"].values.tolist()))}
        parts.append(
            " ".join(
                f"{'Ising samples' if level == 0 else f'Block spins of level {level:.0f}'} "
                f"({', '.join(f'{ratio:g} K_c' for ratio in rows['K_over_K_c'].values)}) need "
                f"{_list(rows['sufficient'].values, rows['is_largest'].values)} parameters as far as these data "
                f"resolve, and all {_fitted_most(rows)} gain {_gains(rows)} nats a site over nearest "
                f"neighbours."
                for level, rows in cheap.items()
            )
        )
        fine = [rows for level, rows in cheap.items() if level == 0]
        coarse = [rows for level, rows in cheap.items() if level > 0]
        holds = all((rows["sufficient"] == 1).all() for rows in fine)
        broken = [(rows["sufficient"].values > 1).mean() for rows in coarse]
        parts.append(
            (
                "The one coupling of the model is found to suffice"
                if holds
                else "More than the model's one coupling was used"
            )
            + (
                ""
                if not coarse
                else "; coarse-graining breaks this on every level, as the paper concedes"
                if min(broken) == 1
                else "; coarse-graining breaks it on some levels only"
                if max(broken) > 0
                else "; coarse-graining was not seen to break it"
            )
            + "".join(
                f", though nearest neighbours alone have {100 * low:.2f} to {100 * high:.2f} % of the gain over "
                f"independent spins that is had at all"
                for low, high in [_share(coarse)]
                if coarse
            )
            + "."
        )
        if "photographs" in groups:
            pictures = groups["photographs"]
            share = _shares(pictures)
            by_plane = [
                (int(plane), np.nanmean(share[pictures["plane"].values == plane]))
                for plane in sorted(set(pictures["plane"].values.tolist()), reverse=True)
            ]
            open_ended = int(pictures["is_largest"].sum())
            parts.append(
                f"Bit planes of photographs: on {open_ended} of {pictures.sizes['source']} the largest set still "
                f"gains, so no end of the parameters was seen there; nearest neighbours have of what the largest set "
                f"gains over independent spins, by plane, "
                f"{', '.join(f'{plane}: {100 * value:.0f} %' for plane, value in by_plane)}."
            )
    return " ".join(parts)


def _needed(table: "xr.Dataset", level: float) -> "xr.Dataset":
    return table.isel(source=(table["level"] == level).values)


def _list(values: Any, is_largest: Any) -> str:
    return " and ".join(
        f"{'at least ' if open_ended and value > 1 else ''}{int(value)}"
        for value, open_ended in zip(values, is_largest, strict=True)
    )


def _fitted_most(rows: "xr.Dataset") -> str:
    """Parameters of the largest sets that were fitted: on small lattices the largest of all are left out."""
    most = rows["parameters"].where(rows["held_out"].notnull()).max("set").values
    return " and ".join(str(int(value)) for value in dict.fromkeys(most))


def _gains(rows: "xr.Dataset") -> str:
    from rgnet.experiments._fitted import in_errors

    pairs = zip(rows["beyond_nn"].values, rows["beyond_nn_stderr"].values, strict=True)
    return " and ".join(in_errors(float(value), float(error)) for value, error in pairs)


def _shares(table: "xr.Dataset") -> Any:
    """What part of the largest set's gain nearest neighbours have: (source,)."""
    nearest = table["gain"].sel(set="nn")
    return (nearest / (nearest + table["beyond_nn"])).values


def _share(tables: "list[xr.Dataset]") -> tuple[float, float]:
    values = [float(value) for table in tables for value in _shares(table)] or [float("nan")]
    return min(values), max(values)
