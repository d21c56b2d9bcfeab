"""What the keys of a study must be together, and what must fit the lattice: every violation, not the first alone.

`between_keys` reads the raw tables, so that it says its part even where single values are wrong as well. `of_points`
asks the models, layers and updates themselves, for those sections that are right by themselves.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rgnet import lattice
from rgnet.layers import Network
from rgnet.study import experiment_rules, hierarchy_rules, model_rules, models
from rgnet.study.sections import (
    MOST_POINTS,
    PARAMETERS,
    EnsembleSection,
    ExperimentSection,
    HierarchySection,
    ModelSection,
    NetworkSection,
    SampleSection,
)
from rgnet.study.wording import Location, Problem, key, meant, nearest, shown

_MOST_DIMENSIONS = 5  # the point group of d dimensions has 2^d d! elements, and operators are made of its images
_MOST_SITES = 2**31 - 1  # tables of neighbours hold 32-bit numbers
_MOST_SPINS = 10**12
_MOST_LAYERS = 64


def between_keys(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Rules between keys, on the tables as they were read; what has the wrong type is passed over."""
    networks = _table(data.get("networks"))
    for name, section in networks.items():
        yield from _of_layers(("networks", str(name), "layers"), _entries(_table(section).get("layers")))
    known = ("ensembles", "hierarchies", "experiments")
    misspelt = any(nearest(str(name), known) for name in data if name not in known)  # which is not missing
    if not misspelt and not any(data.get(name) for name in known):
        yield Problem(
            ("ensembles",),
            ": this key is missing; give it ([[ensembles]], [[hierarchies]] or [[experiments]], with two brackets)",
        )
    names: dict[str, tuple[str, Location]] = {}
    for index, ensemble in _entries(data.get("ensembles")):
        place: Location = ("ensembles", index)
        yield from _of_name(place, ensemble.get("name"), names)
        given = [name for name in models.COUPLINGS if ensemble.get(name) is not None]
        if len(given) != 1 and _has_coupling(data):
            found = " and ".join(given) or "none"
            yield Problem(place, f": give exactly one of K, T and K_over_K_c (found {found}), such as K_over_K_c = 1")
        analyses = ensemble.get("analyses")
        of_levels = [item for item in _texts(analyses) if item != "snapshots"] if _texts(analyses) else analyses
        if of_levels and not ensemble.get("networks"):
            yield Problem(
                (*place, "analyses"), f' = {shown(analyses)}: analyses need levels: give networks = ["NAME", …]'
            )
        for name in ("networks", "analyses"):
            yield from _of_repeats((*place, name), _texts(ensemble.get(name)))
        yield from _of_defined((*place, "networks"), ensemble.get("networks"), networks)
    yield from model_rules.between_keys(data, list(_entries(data.get("ensembles"))))
    for index, hierarchy in _entries(data.get("hierarchies")):
        place = ("hierarchies", index)
        yield from _of_name(place, hierarchy.get("name"), names)
        yield from _of_lone_name(place, hierarchy.get("name"))
        yield from hierarchy_rules.between_keys(place, hierarchy)
        yield from _of_repeats((*place, "networks"), _texts(hierarchy.get("networks")))
        yield from _of_defined((*place, "networks"), hierarchy.get("networks"), networks)
    for index, experiment in _entries(data.get("experiments")):
        place = ("experiments", index)
        yield from _of_name(place, experiment.get("name"), names)
        yield from _of_lone_name(place, experiment.get("name"))
        yield from experiment_rules.between_keys(place, experiment)
    yield from _of_hyphens(names)


def _has_coupling(data: Mapping[str, Any]) -> bool:
    """Whether ensembles give a K; where the model is none, as most do."""
    name = _table(data.get("model")).get("name", "Ising")
    return not isinstance(name, str) or name not in models.names() or models.has_coupling(name)


def _of_defined(place: Location, wanted: Any, networks: Mapping[Any, Any]) -> Iterator[Problem]:
    """Networks that are named and not there."""
    for name in _texts(wanted):
        if name not in networks:
            known = ", ".join(shown(other) for other in list(networks)[:8]) or "none"
            yield Problem(
                place,
                f": the network {shown(name)} is not defined (defined: {known})"
                f"; add a table [networks.NAME] of that name{meant(name, map(str, networks))}",
            )


def _of_layers(place: Location, layers: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[Problem]:
    belongs = {"ties": "majority", "rho": "kadanoff", "rescale": "average"}
    number = 0
    for index, entry in layers:
        layer, repeat = entry.get("layer"), entry.get("repeat", 1)
        number += min(repeat, _MOST_LAYERS) if isinstance(repeat, int) else 1
        for name, owner in belongs.items():
            if entry.get(name) is not None and isinstance(layer, str) and layer != owner:
                yield Problem(
                    (*place, index, name), f": it belongs to the layer {owner!r}, not to {shown(layer)}; leave it out"
                )
        if layer == "kadanoff" and entry.get("rho") is None:
            yield Problem((*place, index), ": the layer 'kadanoff' needs rho, such as rho = 0.5")
    if number > _MOST_LAYERS:
        yield Problem(
            place, f": {shown(number)} layers; a network has at most {_MOST_LAYERS}, and a lattice has room for 30"
        )


def _of_name(place: Location, name: Any, names: dict[str, tuple[str, Location]]) -> Iterator[Problem]:
    if not isinstance(name, str):
        return
    first, where = names.setdefault(name.lower(), (name, place))
    if where == place:
        return
    there = key(where)
    if first == name:
        yield Problem((*place, "name"), f": {shown(name)} is the name of {there} too; give each its own name")
    else:
        yield Problem(
            (*place, "name"),
            f": {shown(name)} and {shown(first)} ({there}) differ only by case, and some file systems "
            f"would take their files for one; give names that differ otherwise",
        )


def _of_hyphens(names: Mapping[str, tuple[str, Location]]) -> Iterator[Problem]:
    """A name with a hyphen that begins with another name: points of the two could have a file of the same name."""
    for name, (written, place) in names.items():
        parts = name.split("-")
        starts = ["-".join(parts[:k]) for k in range(1, len(parts))]
        for other, where in (names[start] for start in starts if start in names):
            yield Problem(
                (*place, "name"),
                f": {shown(written)} begins with the name of {key(where)}, {shown(other)}, and files of their points "
                f"could have the same name; give another",
            )


def _of_lone_name(place: Location, name: Any) -> Iterator[Problem]:
    """A name that may be all of a file's, since such points need not have a shape or coupling in theirs."""
    if isinstance(name, str) and name.lower() == "result":
        yield Problem((*place, "name"), ": result.h5 is the file of the merged tables; give another name")


def _of_repeats(place: Location, items: Sequence[Any], why: str = "") -> Iterator[Problem]:
    """What is given more than once."""
    for item, count in Counter(items).items():
        if count > 1:
            yield Problem(place, f": {item if why else shown(item)} comes {count} times{why}; leave the others out")


def _table(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _entries(value: Any) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    """Index and table of each entry that is a table."""
    for index, entry in enumerate(value if isinstance(value, list | tuple) else ()):
        if isinstance(entry, Mapping):
            yield index, entry


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


@dataclass(frozen=True)
class Parts:
    """The sections of a study that are right by themselves; None where one is not."""

    model: ModelSection | None
    sample: SampleSection | None
    networks: Mapping[str, NetworkSection]
    ensembles: Mapping[int, EnsembleSection]
    hierarchies: Mapping[int, HierarchySection]
    experiments: Mapping[int, ExperimentSection]


def of_points(parts: Parts) -> Iterator[Problem]:
    """Rules of the points: sizes, boundaries, couplings, updates, networks that fit the shape, names of files."""
    count = sum(number_of_points(ensemble) for ensemble in parts.ensembles.values())
    combined = sum(hierarchy_rules.count(section) for section in parts.hierarchies.values())
    if count + combined > MOST_POINTS:
        what = "shapes × couplings × fields" if count >= combined else "combinations of parameters"
        yield Problem(
            ("ensembles" if count >= combined else "hierarchies",),
            f": they have {count + combined:,} points ({what}); a study has at most {MOST_POINTS:,}: "
            f"give fewer values, or several studies",
        )
        return
    asked = sum(experiment_rules.count(section) for section in parts.experiments.values())
    if asked > experiment_rules.MOST_POINTS:
        most = f"{experiment_rules.MOST_POINTS:,}"
        yield Problem(
            ("experiments",),
            f": they have {asked:,} points (combinations of swept parameters); a study has at most {most} of these: "
            f"sweep fewer values, or write several studies",
        )
        return
    for index, experiment in parts.experiments.items():
        yield from experiment_rules.of_points(("experiments", index), experiment)
    networks = _networks(parts.networks)
    for index, section in parts.hierarchies.items():
        yield from hierarchy_rules.of_points(("hierarchies", index), section, networks, parts.sample)
    for index, ensemble in parts.ensembles.items():
        place: Location = ("ensembles", index)
        yield from _of_repeats((*place, "shape"), ensemble.shape)
        swept = {coupling_key(ensemble): coupling_values(ensemble), "h": ensemble.h}
        swept |= {key: getattr(ensemble, key) or () for key in PARAMETERS}
        for name, values in swept.items():
            yield from _of_repeats((*place, name), list(map(digits, values)), " (names of files have seven digits)")
        for number, shape in enumerate(ensemble.shape):
            where: Location = (*place, "shape", number) if len(ensemble.shape) > 1 else (*place, "shape")
            problem = _of_shape(shape)
            if problem is not None:
                yield Problem(where, problem)
                continue
            yield from _of_size(where, shape, ensemble, parts.sample)
            for name in ensemble.networks:
                if name in networks:
                    yield from _of_network(where, shape, name, networks[name])
            if parts.model is not None:
                values = coupling_values(ensemble)
                yield from model_rules.of_points(where, place, shape, ensemble, parts.model, parts.sample, values)


def _networks(sections: Mapping[str, NetworkSection]) -> dict[str, Network]:
    """Those that can be built; the parameters of the others are wrong together, which `between_keys` says."""
    result = {}
    for name, section in sections.items():
        if sum(item.repeat for item in section.layers) <= _MOST_LAYERS:
            with suppress(TypeError, ValueError):
                result[name] = build(section)
    return result


def build(section: NetworkSection) -> Network:
    """The Network that a ``[networks.NAME]`` section describes."""
    return Network([layer for item in section.layers for layer in item.build()])


def coupling_key(ensemble: EnsembleSection) -> str:
    """Which of K, T and K_over_K_c an ensemble gives."""
    return next((key for key in models.COUPLINGS if getattr(ensemble, key) is not None), "K")


def coupling_values(ensemble: EnsembleSection) -> Sequence[float]:
    """The values of K, T or K_over_K_c, none where an ensemble gives none."""
    return getattr(ensemble, coupling_key(ensemble)) or ()


def number_of_points(ensemble: EnsembleSection) -> int:
    """How many simulations an ensemble asks for; those of a tempered one count by replica."""
    found = len(ensemble.shape) * len(ensemble.h) * max(1, len(coupling_values(ensemble)))
    return found * math.prod(len(getattr(ensemble, key) or (0,)) for key in PARAMETERS)


def digits(value: float) -> str:
    """A coupling as names of files carry it: seven digits."""
    return f"{value:.7g}"


def _of_shape(shape: tuple[int, ...]) -> str | None:
    """What is wrong with a shape, or None. Sizes are compared before anything is computed with them."""
    if len(shape) > _MOST_DIMENSIONS:
        return f" = {shown(shape)}: {len(shape)} dimensions; a lattice of a study has at most {_MOST_DIMENSIONS}"
    sites = 1
    for side in shape:
        sites *= min(abs(side), _MOST_SITES + 1)
    if sites > _MOST_SITES:
        return f" = {shown(shape)}: a lattice has at most 2^31 - 1 = {_MOST_SITES:,} sites; give shorter sides"
    try:
        lattice.check_shape(shape)
    except ValueError as error:
        return f": {error}"
    return None


def _of_size(
    where: Location, shape: Sequence[int], ensemble: EnsembleSection, sample: SampleSection | None
) -> Iterator[Problem]:
    kept = ensemble.configurations if ensemble.configurations is not None else not sample or sample.configurations
    if not kept:
        return
    draws = ensemble.draws or (sample.draws if sample else 1)
    chains = ensemble.chains or (sample.chains if sample else 1)
    sites = 1
    for side in shape:
        sites *= side
    if sites * draws * chains > _MOST_SPINS:
        yield Problem(
            where,
            f" = {shown(shape)}: {sites:,} sites × {draws:,} draws × {chains:,} chains are "
            f"{float(sites * draws * chains):.3g} spins, a byte each; a point holds them in memory, at most 1e12: "
            f"give fewer draws or chains, or shorter sides",
        )


def _of_network(where: Location, shape: tuple[int, ...], name: str, network: Network) -> Iterator[Problem]:
    try:
        who = f"network {name!r} ({len(network.layers)} layers, scale {network.scale})"
        lattice.coarse_shape(shape, network.scale, who)
    except ValueError as error:
        yield Problem(where, f": {error}")
