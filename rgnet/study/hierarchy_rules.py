"""The points of ``[[hierarchies]]``: which parameters belong to which hierarchy, their combinations, what must fit."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rgnet import lattice
from rgnet.hierarchies.catalogue import HIERARCHIES, build
from rgnet.layers import Network
from rgnet.study.sections import HierarchySection, SampleSection
from rgnet.study.wording import Location, Problem, shown

_TOGETHER = {("lattice", "K")}  # a list that is one value
_MOST_DATA = 10**11  # symbols of all draws at all levels


def between_keys(place: Location, section: Mapping[Any, Any]) -> Iterator[Problem]:
    """Parameters that belong to another hierarchy, and those that are missing; on the table as it was read."""
    name = section.get("hierarchy")
    if not isinstance(name, str) or name not in HIERARCHIES:
        return
    kind = HIERARCHIES[name]
    for parameter in dict.fromkeys(itertools.chain(*(other.parameters for other in HIERARCHIES.values()))):
        given = section.get(parameter) is not None
        if given and parameter not in kind.parameters:
            owners = [repr(other) for other, its in HIERARCHIES.items() if parameter in its.parameters]
            yield Problem((*place, parameter), f": it belongs to {' and '.join(owners)}, not to {name!r}; leave it out")
        elif not given and parameter in kind.required:
            remedy = HierarchySection.model_fields[parameter].description
            yield Problem((*place, parameter), f": this key is missing; give it ({remedy})")


def values(section: HierarchySection) -> dict[str, tuple[Any, ...]]:
    """The values of each parameter that is given, one of each making a point."""
    found: dict[str, tuple[Any, ...]] = {}
    for parameter in HIERARCHIES[section.hierarchy].parameters:
        given = getattr(section, parameter)
        if given is not None:
            several = tuple(given)
            found[parameter] = (several,) if (section.hierarchy, parameter) in _TOGETHER else several
    return found


def count(section: HierarchySection) -> int:
    """Number of points."""
    return math.prod(len(several) for several in values(section).values())


def combinations(section: HierarchySection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and parameters of each point; the name has the parameters of which there are several, and the shape."""
    several = values(section)
    for chosen in itertools.product(*several.values()):
        parameters = dict(zip(several, chosen, strict=True))
        parts = [section.name]
        for key, value in parameters.items():
            if key == "shape":
                parts.append("x".join(str(side) for side in value))
            elif len(several[key]) > 1:
                parts.append(f"{key}{value:.7g}" if isinstance(value, float) else f"{key}{value}")
        yield "-".join(parts), parameters


def of_points(
    place: Location, section: HierarchySection, networks: Mapping[str, Network], sample: SampleSection | None
) -> Iterator[Problem]:
    """What the hierarchies themselves refuse, networks that do not fit their data, and sizes."""
    if any(getattr(section, name) is None for name in HIERARCHIES[section.hierarchy].required):
        return  # said by `between_keys`
    for parameter, several in values(section).items():
        shown_as = [f"{item:.7g}" if isinstance(item, float) else str(item) for item in several]
        for item, times in Counter(shown_as).items():
            if times > 1:
                yield Problem((*place, parameter), f": {item} comes {times} times; leave the others out")
    draws = section.draws or (sample.draws if sample else 1)
    for _, parameters in combinations(section):
        try:
            hierarchy = build(section.hierarchy, parameters)
            if hasattr(hierarchy, "check_sampling"):
                hierarchy.check_sampling()
        except ValueError as error:
            yield Problem(place, f": {error}")
            continue
        symbols = sum(hierarchy.level_sizes) * draws
        if symbols > _MOST_DATA:
            yield Problem(
                place,
                f": {sum(hierarchy.level_sizes):,} sites × {draws:,} draws are {float(symbols):.3g} symbols; a point "
                f"holds them in memory, at most 1e11: give fewer draws or levels",
            )
        shape = parameters.get("shape", (hierarchy.level_sizes[-1],))
        for name in section.networks:
            if name in networks:
                yield from _of_network(place, tuple(shape), name, networks[name], hierarchy)


def _of_network(
    place: Location, shape: tuple[int, ...], name: str, network: Network, hierarchy: Any
) -> Iterator[Problem]:
    try:
        who = f"network {name!r} ({len(network.layers)} layers, scale {network.scale})"
        lattice.coarse_shape(shape, network.scale, who)
    except ValueError as error:
        yield Problem((*place, "networks"), f": {error}")
        return
    if hierarchy.alphabet[-1] > 2 and any(type(layer).__name__ != "Decimation" for layer in network.layers):
        yield Problem(
            (*place, "networks"),
            f": the network {shown(name)} takes spins ±1, and the data have {hierarchy.alphabet[-1]} symbols, which "
            f"have no sums; only decimation takes those",
        )
