"""Rules of ``[model]`` and of what ensembles ask of it: keys that a model has not, values that it refuses, updates.

`between_keys` reads the raw tables; `of_points` asks the models and updates themselves.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rgnet import lattice
from rgnet.models import MODELS
from rgnet.study import models
from rgnet.study.sections import PARAMETERS, EnsembleSection, ModelSection, SampleSection
from rgnet.study.wording import Location, Problem, shown
from rgnet.updates import resolve

_BY_OPERATORS = ("mcrg", "tangent", "couplings", "information")


def between_keys(data: Mapping[str, Any], ensembles: Sequence[tuple[int, Mapping[Any, Any]]]) -> Iterator[Problem]:
    """Keys that the model has not or that are missing, and analyses that mean nothing for it."""
    section = data.get("model", {})
    section = section if isinstance(section, Mapping) else {}
    name = section.get("name", "Ising")
    if not isinstance(name, str) or name not in models.names():
        return  # said by the section
    shared = data.get("sample")
    shared = shared if isinstance(shared, Mapping) else {}
    own = models.keys(name)
    for key in (*PARAMETERS, "J", "couplings"):
        if _given(section.get(key)) and not models.has(name, key):
            yield _foreign(("model", key), name, key)
    for index, ensemble in ensembles:
        place: Location = ("ensembles", index)
        if not models.has_coupling(name):
            for key in models.COUPLINGS:
                if _given(ensemble.get(key)):
                    yield _foreign((*place, key), name, key)
        for key in (*PARAMETERS, "h"):
            if _given(ensemble.get(key)) and not models.has(name, key):
                yield _foreign((*place, key), name, key)
            elif _given(ensemble.get(key)) and _given(section.get(key)):
                yield Problem((*place, key), ": it is in [model] too, for all ensembles; give it in one of the two")
        for key, default in own.items():
            here = key in PARAMETERS and not _given(ensemble.get(key)) and not _given(section.get(key))
            if here and default is models.REQUIRED:
                field = EnsembleSection.model_fields[key].description
                yield Problem((*place, key), f": this key is missing; {name} needs it, here or in [model] ({field})")
        yield from _of_analyses(place, name, section, ensemble)
        yield from _of_sampling(place, name, shared, ensemble)


def _given(value: Any) -> bool:
    """Whether a key says something; the field of a stored study is 0 where it was left out."""
    return value is not None and value != {} and not (isinstance(value, list | tuple) and list(value) in ([0.0], []))


def _foreign(place: Location, name: str, key: str) -> Problem:
    return Problem(place, f": the model {name} has no {key}; leave it out. Keys of {name}: {models.known(name)}")


def _of_analyses(
    place: Location, name: str, section: Mapping[Any, Any], ensemble: Mapping[Any, Any]
) -> Iterator[Problem]:
    """Networks and analyses that mean nothing for the model's configurations."""
    networks, kind = ensemble.get("networks"), section.get("lattice", "hypercubic")
    if networks and not models.takes_networks(name):
        yield Problem(
            (*place, "networks"),
            f": layers coarse-grain numbers that can be added, and sites of {name} hold none; leave networks out "
            f'(pictures need none: analyses = ["snapshots"])',
        )
        return
    asked = [item for item in _texts(ensemble.get("analyses")) if item in _BY_OPERATORS]
    if asked and networks and not models.takes_operators(name, str(kind)):
        what = f"{name} on the {kind} lattice" if models.takes_operators(name) else name
        yield Problem(
            (*place, "analyses"),
            f": {', '.join(asked)} take the Hamiltonian as a sum of operators of spins ±1 on a hypercubic lattice, "
            f'which that of {what} is not; leave them out ("snapshots" may stay)',
        )


def _of_sampling(
    place: Location, name: str, shared: Mapping[Any, Any], ensemble: Mapping[Any, Any]
) -> Iterator[Problem]:
    """Tempering without couplings to exchange, and levels of what is not kept."""
    values = {
        key: ensemble[key] if ensemble.get(key) is not None else shared.get(key)
        for key in ("tempering", "configurations")
    }
    own = {key: (*place, key) if ensemble.get(key) is not None else ("sample", key) for key in values}
    tempered = values["tempering"] is True or isinstance(values["tempering"], Mapping)
    if tempered and not models.has_coupling(name):
        yield Problem(own["tempering"], f": replicas exchange their K, and {name} has none; leave it out")
    elif tempered:
        replicas = values["tempering"].get("replicas") if isinstance(values["tempering"], Mapping) else None
        for key in models.COUPLINGS:
            several = ensemble.get(key)
            length = several.get("num") if isinstance(several, Mapping) else _length(several)
            if several is not None and length == 1:
                yield Problem(
                    (*place, key),
                    f" = {shown(several)}: with tempering these are the couplings of the replicas; give at least two",
                )
            elif replicas is not None and length is not None and length != 2:
                yield Problem(
                    own["tempering"],
                    f": replicas = {shown(replicas)} asks for a ladder between two couplings, and there are {length}; "
                    f"give the lowest and the highest, or leave replicas out",
                )
    for key, what in (("tempering", "replicas have"), ("configurations", "without configurations there are")):
        if ensemble.get("networks") and (tempered if key == "tempering" else values[key] is False):
            yield Problem(own[key], f": {what} no levels; leave networks out of {_place(place)}, or {key}")


def _place(place: Location) -> str:
    return f"{place[0]}[{int(place[1]) + 1}]"


def _length(value: Any) -> int | None:
    return None if value is None else len(value) if isinstance(value, list | tuple) else 1


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def parameters(ensemble: EnsembleSection, section: ModelSection) -> dict[str, tuple[Any, ...]]:
    """Values of each parameter of the model, in the order of its constructor; those of an ensemble multiply."""
    found: dict[str, tuple[Any, ...]] = {}
    for key in models.keys(section.name):
        if key == "h":
            found[key] = tuple(ensemble.h)
        elif key == "J":
            found |= {} if section.J is None else {key: (section.J,)}
        elif key in PARAMETERS:
            own, shared = getattr(ensemble, key), getattr(section, key)
            if own is not None or shared is not None:
                found[key] = tuple(own) if own is not None else (shared,)
    return found


def trial(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A lattice on which a model says what it would on the given one, without building tables for all its bonds."""
    small = 4 if name == "SpinGlass" else 64
    return shape if name in ("Ising", "Dimers") else tuple(min(side, small + side % 2) for side in shape)


def plain(section: ModelSection, shape: tuple[int, ...], K: float | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """The model of a point as plain data."""
    found: dict[str, Any] = build(section, trial(section.name, shape), K, values).to_dict()
    return {**found, "shape": list(shape)}


def build(section: ModelSection, shape: Sequence[int], K: float | None, values: Mapping[str, Any]) -> Any:
    """The model object of a point.

    Raises
    ------
    ValueError
        The model's own.
    """
    given: dict[str, Any] = {**models.arguments(values), "boundary": section.boundary}
    if section.lattice != "hypercubic":
        given["lattice"] = section.lattice
    if section.couplings and models.has(section.name, "couplings"):
        given["couplings"] = section.couplings
    if K is not None:
        given["K"] = K
    return MODELS[section.name](tuple(shape), **given)


def of_points(
    where: Location,
    place: Location,
    shape: tuple[int, ...],
    ensemble: EnsembleSection,
    section: ModelSection,
    sample: SampleSection | None,
    values: Sequence[float],
) -> Iterator[Problem]:
    """Lattice, couplings and update of one shape; the model's own messages."""
    try:
        lattice.check_boundary(section.boundary, shape)
    except ValueError as error:
        matches = isinstance(section.boundary, str) or len(section.boundary) == len(shape)
        yield Problem(where if matches else ("model", "boundary"), f": {error}")
        return
    shape, whole = trial(section.name, shape), shape
    name, several = section.name, parameters(ensemble, section)
    missing = [k for k, default in models.keys(name).items() if default is models.REQUIRED and k not in several]
    if missing or (models.has_coupling(name) and not values):
        return  # said already
    K = values[0] if models.has_coupling(name) else None
    if name == "Ising":
        K = 0.0
    first = {key: items[0] for key, items in several.items()}
    problems = list(_of_values(where, place, shape, ensemble, section, several, first, K))
    yield from problems
    if ensemble.K_over_K_c is not None:
        unknown = [
            chosen
            for chosen in _choices(several, ("q", "n"))
            if models.critical_point({**section.model_dump(), **chosen}, len(shape)) is None
        ]
        if unknown:
            problems.append(_unknown_critical(place, whole, section, unknown[0]))
            yield problems[-1]
    update = ensemble.update or (sample.update if sample else "auto")
    if problems or update == "auto":
        return
    # Whether a move is exact depends on which couplings vanish and on their signs, so that one of each kind will do
    kinds = [_of_each_sign(items) if isinstance(items[0], float) else list(items) for items in several.values()]
    for K in _of_each_sign(values) if models.has_coupling(name) else [None]:
        for chosen in itertools.product(*kinds):
            try:
                resolve(update, build(section, shape, K, dict(zip(several, chosen, strict=True))))
            except ValueError as error:
                key: Location = (*place, "update") if ensemble.update else ("sample", "update")
                yield Problem(key, f": {error}")


def _of_values(
    where: Location,
    place: Location,
    shape: tuple[int, ...],
    ensemble: EnsembleSection,
    section: ModelSection,
    several: Mapping[str, tuple[Any, ...]],
    first: Mapping[str, Any],
    K: float | None,
) -> Iterator[Problem]:
    """What the constructor says of the lattice, of each further coupling and of each value of each parameter."""
    wrong = False
    for name, value in section.couplings.items() if models.has(section.name, "couplings") else ():
        try:
            build(section.model_copy(update={"couplings": {name: value}}), shape, K, first)
        except ValueError as error:
            wrong = True
            yield Problem(("model", "couplings", name), f": {error}")
    if wrong:
        return
    told: set[str] = set()
    for key, items in several.items():
        for number, value in enumerate(items):
            try:
                build(section, shape, K, {**first, key: value})
            except ValueError as error:
                said = str(error)
                meant = next((k for k in several if said.startswith(f"{next(iter(models.arguments({k: 0})))}=")), "")
                if said not in told:  # of one value, whichever parameter is looked at
                    told.add(said)
                    own: Location = (*place, meant) if _given(getattr(ensemble, meant, None)) else ("model", meant)
                    one_of = meant == key and len(items) > 1
                    yield Problem(((*own, number) if one_of else own) if meant else where, f": {said}")
    if not several:
        try:
            build(section, shape, K, {})
        except ValueError as error:
            yield Problem(where, f": {error}")


def _choices(several: Mapping[str, tuple[Any, ...]], keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    found = {key: several[key] for key in keys if key in several}
    for chosen in itertools.product(*found.values()):
        yield dict(zip(found, chosen, strict=True))


def _unknown_critical(
    place: Location, shape: tuple[int, ...], section: ModelSection, chosen: Mapping[str, Any]
) -> Problem:
    further = " and further couplings" if section.couplings else ""
    if section.name == "Ising" and section.lattice == "hypercubic":
        return Problem(
            (*place, "K_over_K_c"),
            f": with shape {list(shape)}{further}: K_c is known for the square and the cubic lattice without further "
            f"couplings; give K instead",
        )
    which = "".join(f", {key} = {value}" for key, value in chosen.items())
    return Problem(
        (*place, "K_over_K_c"),
        f": {section.name}{which} on a {section.lattice} lattice with shape {list(shape)}{further}: K_c is known of "
        f"Ising, Potts, Clock (q = 2, 3, 4), XY and ON (n = 2) on the square lattice, of Ising and Potts on the "
        f"triangular one, and of Ising on the cubic one; give K instead",
    )


def _of_each_sign(values: Sequence[float]) -> list[float]:
    return list({(value > 0) - (value < 0): value for value in values}.values())
