"""What was run, with which versions and seed, from which files, and how to run it again."""

import math
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from rgnet.report.gather import Result, ensemble_of
from rgnet.report.markup import Html, join, section, symbol, table, tag
from rgnet.report.toml import to_toml
from rgnet.report.words import K_C, NONE, count, duration, listed, several, sides
from rgnet.study import experiment_rules, hierarchy_rules, models
from rgnet.study.sections import PARAMETERS, HierarchySection, Range

MOST_FILES = 2000  # listed with their SHA-256
_PAIRS, _SITES = join([" Σ", tag("sub", "⟨ij⟩"), " "]), join([" Σ", tag("sub", "i"), " "])
_BONDS, _FIELD = join([symbol("s", "i"), symbol("s", "j")]), join([" + ", symbol("h"), _SITES, symbol("s", "i")])
_ANGLES = join([symbol("K"), _PAIRS, "cos(", symbol("θ", "i"), " − ", symbol("θ", "j"), ")"])
_EXPONENTS: dict[str, Html] = {  # of the weights; fields of most models are left out where they are 0 in most studies
    "Ising": join([symbol("K"), _PAIRS, _BONDS, _FIELD]),
    "SpinGlass": join([symbol("K"), _PAIRS, symbol("J", "ij"), " ", _BONDS, _FIELD]),
    "Potts": join([symbol("K"), _PAIRS, symbol("δ"), "(", symbol("q", "i"), ", ", symbol("q", "j"), ")"]),
    "Clock": _ANGLES,
    "XY": _ANGLES,
    "ON": join([symbol("K"), _PAIRS, symbol("s", "i"), "·", symbol("s", "j")]),
    "BlumeCapel": join([symbol("K"), _PAIRS, _BONDS, " − ", symbol("D"), _SITES, symbol("s", "i"), tag("sup", "2"),
                        _FIELD]),
    "Phi4": join(["−Σ [½ (∇", symbol("φ"), ")", tag("sup", "2"), " + ½ ", symbol("r"), " ", symbol("φ"),
                  tag("sup", "2"), " + ¼ ", symbol("u"), " ", symbol("φ"), tag("sup", "4"), "]"]),
    "GaussianField": join(["−Σ [½ (∇", symbol("φ"), ")", tag("sup", "2"), " + ½ ", symbol("r"), " ", symbol("φ"),
                           tag("sup", "2"), "]"]),
    "Dimers": join([symbol("K"), " ", symbol("N", "∥")]),
}  # fmt: skip


def facts(result: Result) -> Html:
    """The head's list: model, sampling, time, seed, versions."""
    study, known = result.study, _provenances(result)
    drawn = sum(_points(e) * _of(e, study, "draws") * _of(e, study, "chains") for e in study["ensembles"])
    hierarchies = _hierarchies(study)
    drawn += sum(hierarchy_rules.count(one) * (one.draws or study["sample"]["draws"]) for one in hierarchies)
    expected, have = sum(_points(e, bool(_of(e, study, "tempering"))) for e in study["ensembles"]), len(result.points)
    expected += sum(hierarchy_rules.count(one) for one in hierarchies)
    asked = _experiments(study)
    expected += sum(_experiment_points(one) for one in asked)
    what = f", {count(drawn)} {'draws' if hierarchies else 'configurations'} in all" if drawn else ""
    rows: list[tuple[str, object]] = [
        ("Model", _model(study["model"]) if study["ensembles"] else None),
        ("Lattices", listed([sides(shape) for shape in _shapes(study)])),
        ("Hierarchies", listed([f"{one.name} ({one.hierarchy})" for one in hierarchies])),
        ("Experiments", listed([f"{one['name']} ({one['experiment']})" for one in asked])),
        ("Sampled" if drawn else "Computed", several(have, "point") + what),
        ("Moves", _moves(result)),
        ("Computing time", duration(float(result.attrs.get("compute_seconds", math.nan)))
         if "compute_seconds" in result.attrs else None),
        ("Finished", _finished(result)),
        ("Seed", str(study.get("seed", NONE))),
        ("Software", _distinct(known, _software)),
        ("Commit", _distinct(known, lambda one: str(one.get("commit", "")))),
        ("Machine", _distinct(known, _machine)),
    ]  # fmt: skip
    if have < expected:
        rows.insert(3, ("Missing", f"{several(expected - have, 'point')} of {count(expected)} are not in this result"))
    return tag("dl", *(join([tag("dt", name), tag("dd", value)]) for name, value in rows if value), class_="facts")


def run(result: Result) -> Html:
    """Ensembles, networks, files and commands."""
    study = result.study
    file = f"{study['name']}.toml"
    # The quickest one to try; every point repeats alike
    seconds = {name: float(details.get("duration_s", 0.0)) for name, details in result.details.items()}
    example = min(seconds, key=lambda name: seconds[name]) if seconds else None
    commands = [f"rgnet run {shlex.quote(file)}"]
    if example:
        commands.append(f"rgnet run {shlex.quote(str(result.points[example]['file']))}")
    return section(
        "run", "What was run, and how to run it again",
        table("Ensembles", ["ensemble", "lattices", "couplings", "field", "draws × chains", "networks", "analyses",
                            "moves", "warm-up, thinning"], [_ensemble(result, e) for e in study["ensembles"]],
              below="Moves, warm-up and thinning (in sweeps) as chosen for the first point of each ensemble; those of "
              "every point are in its file.") if study["ensembles"] else None,
        _hierarchy_table(study),
        _experiment_table(study),
        _networks(study),
        tag("p", f"To compute it again: save the study below as {file}; or, beside the files, repeat one point from "
            "what is stored in it and compare bit for bit."),
        tag("pre", tag("code", "\n".join(commands)), tabindex="0", role="region", aria_label="Commands"),
        tag("details", tag("summary", "The study, every default written out"),
            tag("pre", tag("code", to_toml(study)), tabindex="0", role="region", aria_label="Study")),
        _files(result),
    )  # fmt: skip


def _hierarchies(study: dict[str, Any]) -> list[HierarchySection]:
    """The sections of a stored study; older ones have none."""
    return [HierarchySection.model_validate(section) for section in study.get("hierarchies") or ()]


def _hierarchy_table(study: dict[str, Any]) -> Html | None:
    rows = [
        [
            one.name, one.hierarchy,
            "; ".join(f"{key} = {_parameter(several)}" for key, several in hierarchy_rules.values(one).items()),
            str(one.draws or study["sample"]["draws"]), ", ".join(one.networks) or NONE,
        ]
        for one in _hierarchies(study)
    ]  # fmt: skip
    return table("Hierarchies", ["name", "hierarchy", "parameters", "draws", "networks"], rows) if rows else None


def _experiments(study: dict[str, Any]) -> list[dict[str, Any]]:
    """The sections of a stored study as they are, since another rgnet may know other experiments."""
    return list(study.get("experiments") or ())


def _experiment_points(one: dict[str, Any]) -> int:
    return math.prod(len(values) for values in one["sweep"].values())


def _experiment_table(study: dict[str, Any]) -> Html | None:
    rows = [
        [
            one["name"], one["experiment"],
            experiment_rules.described(one["parameters"]) or NONE, experiment_rules.described(one["sweep"]) or NONE,
            str(_experiment_points(one)),
        ]
        for one in _experiments(study)
    ]  # fmt: skip
    return table("Experiments", ["name", "experiment", "parameters", "sweep", "points"], rows) if rows else None


def _parameter(several: Sequence[Any]) -> str:
    return ", ".join(listed(item) if isinstance(item, tuple) else listed([item]) for item in several)


def _model(model: dict[str, Any]) -> Html:
    boundary, name = model.get("boundary", "periodic"), model.get("name", "Ising")
    sides = boundary if isinstance(boundary, str) else ", ".join(boundary)
    own = {key: model[key] for key in (*PARAMETERS, "J") if model.get(key) is not None} | model.get("couplings", {})
    further = "".join(f", {key} = {value if isinstance(value, str) else f'{value:g}'}" for key, value in own.items())
    kind = model.get("lattice", "hypercubic")
    lattice = "" if kind == "hypercubic" else f", {kind} lattice"
    weight: list[object] = [", weight exp(", _EXPONENTS[name], ")"] if name in _EXPONENTS else []
    return join([name, *weight, f", {sides} boundary{lattice}{further}"])


def _shapes(study: dict[str, Any]) -> list[tuple[int, ...]]:
    found = {tuple(shape) for ensemble in study["ensembles"] for shape in ensemble["shape"]}
    return sorted(found, key=lambda shape: (len(shape), math.prod(shape), shape))


def _points(ensemble: dict[str, Any], tempered: bool = False) -> int:
    """Simulations; the couplings of a tempered ensemble are those of the replicas of one."""
    couplings = next((_numbers(ensemble[key]) for key in models.COUPLINGS if ensemble.get(key)), (0.0,))
    swept = [_numbers(ensemble[key]) for key in ("h", *PARAMETERS) if ensemble.get(key)]
    return len(ensemble["shape"]) * (1 if tempered else len(couplings)) * math.prod(len(items) for items in swept)


def _numbers(value: Any) -> Sequence[float]:
    """A list of a stored study, which may be written as {start, stop, num}."""
    return Range(**value) if isinstance(value, dict) else [float(item) for item in value]


def _of(ensemble: dict[str, Any], study: dict[str, Any], key: str) -> Any:
    """A sampling key of an ensemble, or the study's."""
    return ensemble[key] if ensemble.get(key) is not None else study["sample"].get(key)  # older ones lack some


def _provenances(result: Result) -> list[dict[str, Any]]:
    """With what the points' files that were read were computed, or else the result; usually one and the same."""
    found: list[dict[str, Any]] = []
    for attrs in result.details.values() or [result.attrs]:
        known = attrs.get("provenance") or {
            "rgnet": attrs.get("rgnet_version"),
            **{key: attrs[key] for key in ("versions", "platform") if key in attrs},
        }
        found += [known] if known not in found else []
    return found


def _distinct(known: list[dict[str, Any]], words: Callable[[dict[str, Any]], str]) -> str:
    """What is said of each, once: points of one study may have been computed with different versions."""
    return "; ".join(dict.fromkeys(text for text in map(words, known) if text))


def _software(known: dict[str, Any]) -> str:
    versions = {"rgnet": known.get("rgnet"), **known.get("versions", {})}
    named = [f"{name} {version}" for name, version in versions.items() if version]
    return ", ".join([*named, *([str(known["python"])] if known.get("python") else [])])


def _machine(known: dict[str, Any]) -> str:
    cores = f", {several(int(known['cpus']), 'core')}" if known.get("cpus") else ""
    return f"{known['platform']}{cores}" if known.get("platform") else ""


def _finished(result: Result) -> str | None:
    """When the last point was finished; if the result does not say, of the files that were read."""
    noted = [str(attrs["finished"]) for attrs in result.details.values() if attrs.get("finished")]
    last = str(result.attrs.get("finished") or max(noted, default=""))
    left = len(result.points) - len(noted)
    partial = left > 0 and "finished" not in result.attrs
    among = f" (the latest of {several(len(noted), 'file')} that were read)" if partial else ""
    return last.replace("T", " ").replace("Z", " UTC") + among if last else None


def _moves(result: Result) -> str | None:
    found: list[str] = []
    for details in result.details.values():
        name = _move(details["sampling"])
        found += [name] if name and name not in found else []
    return ", ".join(found) or None


def _move(sampling: dict[str, Any]) -> str:
    kernel = f" ({sampling['kernel']} kernel)" if sampling.get("kernel") else ""
    return f"{sampling['update']}{kernel}" if sampling.get("update") else ""


def _ensemble(result: Result, ensemble: dict[str, Any]) -> list[object]:
    study = result.study
    signs = {"K": symbol("K"), "T": symbol("T"), "K_over_K_c": join([symbol("K"), "/", K_C])}
    signs |= {key: symbol(key) for key in PARAMETERS}
    swept = [join([sign, f" = {listed(_numbers(ensemble[key]))}"]) for key, sign in signs.items() if ensemble.get(key)]
    couplings = join([item if i == 0 else join(["; ", item]) for i, item in enumerate(swept)])
    if _of(ensemble, study, "tempering"):
        couplings = join([couplings, ", exchanged"])
    first = next((d for name, d in result.details.items() if ensemble_of(name) == ensemble["name"]), {})
    sampling = first.get("sampling", {})
    chosen = [str(sampling[name]) for name in ("warmup", "thin") if name in sampling]
    return [
        ensemble["name"],
        listed([sides(shape) for shape in ensemble["shape"]]),
        couplings if swept else NONE,
        listed(_numbers(ensemble.get("h") or [0.0])),
        f"{_of(ensemble, study, 'draws')} × {_of(ensemble, study, 'chains')}",
        ", ".join(ensemble.get("networks") or ()) or NONE,
        ", ".join(ensemble.get("analyses") or ()) or NONE,
        _move(sampling) or _of(ensemble, study, "update"),
        ", ".join(chosen) or NONE,
    ]


def _networks(study: dict[str, Any]) -> Html | None:
    if not study["networks"]:
        return None
    rows = []
    for name, network in study["networks"].items():
        scale = math.prod(layer["b"] ** layer.get("repeat", 1) for layer in network["layers"])
        rows.append([name, "; ".join(_layer(layer) for layer in network["layers"]), str(scale)])
    return table("Networks", ["network", "layers", "scale"], rows)


def _layer(layer: dict[str, Any]) -> str:
    chosen = ", ".join(f"{key} = {layer[key]}" for key in ("b", "ties", "rho", "rescale") if layer.get(key) is not None)
    repeat = layer.get("repeat", 1)
    return f"{layer['layer']}({chosen})" + (f" × {repeat}" if repeat > 1 else "")


def _files(result: Result) -> Html:
    files = [(result.path.name, result.digest)]
    files += [(str(entry.get("file", name)), str(entry.get("sha256", ""))) for name, entry in result.points.items()]
    shown = files[: MOST_FILES + 1]
    left = len(files) - len(shown)
    changed = (
        f"Beside this result lie other files than it was made from: {', '.join(result.changed)}."
        if result.changed else None
    )  # fmt: skip
    return tag(
        "details",
        tag("summary", f"SHA-256 of the result and of {several(len(files) - 1, 'point file')}"),
        tag("p", changed, class_="far") if changed else None,
        tag("p", "Of all bytes before the seal in a file's last line. The result was made from these very files."),
        table("SHA-256", ["file", "sha256"], [[name, tag("code", digest)] for name, digest in shown],
              below=f"{several(left, 'further file')} listed in the attribute points of {result.path.name}."
              if left > 0 else None),
    )  # fmt: skip
