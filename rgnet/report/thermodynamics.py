"""The table of thermodynamics: every quantity that was measured, exact values and scores beside it."""

import math
from typing import Any

import numpy as np

from rgnet.estimate import FAMILY, z_limit
from rgnet.report.flow_tables import MOST_ROWS, left_out
from rgnet.report.gather import Result
from rgnet.report.markup import Html, join, section, symbol, table, tag
from rgnet.report.words import K_C, NONE, count, exact_number, measured, score, scores
from rgnet.study.sections import PARAMETERS

_QUANTITIES: dict[str, Html] = {
    "energy": join(["energy ", symbol("e")]),
    "specific_heat": join(["specific heat ", symbol("c")]),
    "phi2": join(["⟨", symbol("φ"), tag("sup", "2"), "⟩"]),
    "phi4": join(["⟨", symbol("φ"), tag("sup", "4"), "⟩"]),
    "occupation": join(["occupation ⟨", symbol("s"), tag("sup", "2"), "⟩"]),
    "vortex_density": join(["vortices a site"]),
    "helicity_modulus": join(["helicity ", symbol("Υ")]),
    "magnetization": join(["|", symbol("m"), "|"]),
    "susceptibility": join(["susceptibility ", symbol("χ")]),
    "susceptibility_improved": join([symbol("χ"), " from clusters"]),
    "binder": join(["Binder ", symbol("U", "4")]),
    "binder_improved": join([symbol("U", "4"), " from clusters"]),
    "correlation_length": join(["length ", symbol("ξ")]),
    "overlap": join(["overlap |", symbol("q"), "|"]),
    "overlap2": join(["⟨", symbol("q"), tag("sup", "2"), "⟩"]),
    "overlap_binder": join([symbol("U", "4"), " of ", symbol("q")]),
}


def thermodynamics(result: Result) -> Html | None:
    """Energies and their like of every point, with exact values and scores beside."""
    group = result.groups.get("thermodynamics")
    if group is None:
        return None
    there = [name for name in _QUANTITIES if name in group and np.isfinite(group[name].values).any()]
    compare = [name for name in there if f"{name}_exact" in group]
    every = {
        name: scores(group[name].values, group[f"{name}_stderr"].values, group[f"{name}_exact"].values)
        for name in compare
    }
    compared = int(sum(np.isfinite(z).sum() for z in every.values()))
    limit = z_limit(compared)
    head: list[object] = ["ensemble", "lattice"]
    has_coupling = bool(np.isfinite(group["K"].values).any())
    head += [symbol("K"), join([symbol("K"), "/", K_C])] if has_coupling else []
    further = [name for name in PARAMETERS if name in group.coords]
    shown = [*(["h"] if np.any(group["h"].values != 0) else []), *further]
    head += [symbol(name) for name in shown]
    for name in there:
        head += [_QUANTITIES[name], *(["exact", "z"] if name in compare else [])]
    head += ["τ of e, draws"] if "tau_energy" in group else []
    body: list[list[object]] = []
    columns_of = {str(name): group[name].values for name in group.variables}
    for i in range(min(group.sizes["point"], MOST_ROWS)):
        row = {name: values[i] for name, values in columns_of.items()}
        cells: list[object] = [row["ensemble"], str(row["shape"]).replace("x", "×")]
        cells += _coupling(result, row) if has_coupling else []
        cells += [f"{row[name]:.6g}" for name in shown]
        for name in there:
            cells.append(measured(row[name], row[f"{name}_stderr"]))
            if name in compare:
                cells += [exact_number(row[f"{name}_exact"]), score(every[name][i], limit)]
        cells += [f"{row['tau_energy']:.2g}"] if "tau_energy" in row else []
        body.append(cells)
    return section(
        "thermodynamics", "Thermodynamics", tag("p", *_note(result, there, compared, limit)),
        table("Measured, with exact values beside where they are known", head, body,
              below=left_out(result, group.sizes["point"] - len(body), "thermodynamics")),
    )  # fmt: skip


def _coupling(result: Result, row: dict[str, Any]) -> list[object]:
    own = {key: int(row[key]) for key in ("q", "n") if key in row and math.isfinite(row[key])}
    known = result.critical(int(row["ndim"]), **own)
    return [f"{row['K']:.6g}", f"{row['K'] / known.K_c:.4g}" if known else NONE]


def _note(result: Result, there: list[str], compared: int, limit: float) -> list[object]:
    """What the columns are, and what the scores mean."""
    name = result.study["model"].get("name", "Ising")
    what = {
        "Ising": [" = −⟨Σ ", symbol("s"), symbol("s"), "⟩/", symbol("N")],
        "Potts": [" = −⟨Σ ", symbol("δ"), "⟩/", symbol("N")],
        "Phi4": [" = ⟨", symbol("H"), "⟩/", symbol("N")],
        "GaussianField": [" = ⟨", symbol("H"), "⟩/", symbol("N")],
    }.get(name)
    other = [" = −⟨", symbol("S"), "⟩/", symbol("N"), " with ", symbol("S"), " the sum before which ", symbol("K"),
             " stands"]  # fmt: skip
    note: list[object] = ["Per site, from the microscopic configurations; ", symbol("e"), *(what or other), "."]
    if "helicity_modulus" in there:
        note += [" The helicity modulus, in units of the coupling, is what a twist costs; in the infinite lattice it "
                 "jumps from 2/(π", symbol("K"), ") to 0 where vortices unbind."]  # fmt: skip
    if "susceptibility_improved" in there:
        note += [" What is from clusters has smaller errors; it is that of the symmetric phase, ⟨", symbol("M"),
                 tag("sup", "2"), "⟩/", symbol("N"), " without subtracting ⟨|", symbol("M"), "|⟩."]  # fmt: skip
    if compared:
        note += [
            f" Exact are the values on this very finite lattice. If measured values and errors are right, z = "
            f"(measured − exact)/error is a standard normal: of {count(compared)} scores the largest exceeds "
            f"{limit:.2f} in {100 * FAMILY:g} % of all runs. A score beyond that is marked with an exclamation mark."
        ]
    else:
        note += [" No exact values are known on these finite lattices."]
    return note
