"""The points of ``[[experiments]]``: combinations of swept parameters, each checked by its experiment, and their names.

What an experiment refuses is said at the key that it was given under, before anything is computed.
"""

import inspect
import itertools
import json
import math
import re
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from rgnet.experiments import catalogue
from rgnet.study.sections import ExperimentSection
from rgnet.study.wording import Location, Problem, meant, nearest, of_value, shown

MOST_POINTS = 2_000  # of experiments: each has groups of its own in the result
_LONGEST_FILE = 200  # characters; most systems take 255 bytes


def between_keys(place: Location, section: Mapping[Any, Any]) -> Iterator[Problem]:
    """Parameters that are given twice; on the table as it was read."""
    fixed, swept = section.get("parameters"), section.get("sweep")
    if not isinstance(fixed, Mapping) or not isinstance(swept, Mapping):
        return
    for name in swept:
        if name in fixed:
            yield Problem((*place, "sweep", str(name)), ": it is in parameters as well; give it in one of them")


def count(section: ExperimentSection) -> int:
    """Number of points."""
    return math.prod(len(several) for several in section.sweep.values())


def combinations(section: ExperimentSection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and parameters as given of each point; the name has every parameter that is swept."""
    for chosen in itertools.product(*section.sweep.values()):
        swept = dict(zip(section.sweep, chosen, strict=True))
        parts = [section.name, *(f"{key}{_label(value)}" for key, value in swept.items())]
        yield "-".join(parts), {**section.parameters, **swept}


def resolved(section: ExperimentSection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and parameters of each point, every default written out."""
    for name, given in combinations(section):
        yield name, catalogue.parameters(section.experiment, given).model_dump(mode="json")


def _label(value: Any) -> str:
    """A value as names of files carry it: numbers of seven digits, lists as 4x4, other marks of texts as _."""
    if isinstance(value, list):
        return "x".join(_label(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", f"{value:.7g}" if isinstance(value, float) else str(value))


def of_points(place: Location, section: ExperimentSection) -> Iterator[Problem]:
    """What the experiment refuses of every combination, and names of files that will not do."""
    twice = False
    for key, several in section.sweep.items():
        for value, times in Counter(map(_label, several)).items():
            if times > 1:
                twice = True
                yield Problem(
                    (*place, "sweep", key),
                    f": {value} comes {times} times (as names of files write values); leave the others out",
                )
    names: Counter[str] = Counter()
    said: dict[Problem, None] = {}
    try:
        for name, given in combinations(section):
            names[name.lower()] += 1
            if len(name) > _LONGEST_FILE:
                said[
                    Problem(
                        place,
                        f": the name of its file {shown(name)} has {len(name)} characters, and at most "
                        f"{_LONGEST_FILE} will do; sweep less, or put long texts into parameters",
                    )
                ] = None
            try:
                catalogue.parameters(section.experiment, given)
            except ValidationError as error:
                said |= dict.fromkeys(_problems(place, section, given, error))
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("rgnet."):
            raise
        yield Problem((*place, "experiment"), f": {shown(section.experiment)} is not part of this rgnet")
    yield from said
    alike = [name for name, times in names.items() if times > 1]
    if alike and not twice:
        yield Problem((*place, "sweep"), f": two points would have a file of the same name, {shown(alike[0])}")


def _problems(
    place: Location, section: ExperimentSection, given: Mapping[str, Any], error: ValidationError
) -> Iterator[Problem]:
    """What pydantic found, at the keys of the study."""
    model = catalogue.module(section.experiment).Parameters
    found = error.errors(include_url=False, include_context=True)
    unknown = [item for item in found if item["type"] == "extra_forbidden"]
    respelt = {
        (*item["loc"][:-1], nearest(str(item["loc"][-1]), _fields(model, _keys(item["loc"], given)[:-1])))
        for item in unknown
    }  # a misspelt key is not missing as well
    inside = {item["loc"][:k] for item in found for k in range(len(item["loc"]))}
    for item in found:
        if item["type"] == "too_short" and item["loc"] in inside:
            continue  # an entry that is wrong makes its list look empty as well
        keys = _keys(item["loc"], given)
        where = (*place, *_where(section, keys))
        known = _fields(model, keys[:-1])
        if item["type"] == "extra_forbidden":
            hint = meant(str(keys[-1]), known)
            yield Problem(where, f": unknown key{hint}{'' if hint else '.'} Known here: {', '.join(known)}")
        elif item["type"] != "missing" or item["loc"] not in respelt:
            yield of_value(item, where, known.get(str(keys[-1])) if keys else None)


def _where(section: ExperimentSection, keys: Location) -> Location:
    """The place of a parameter's key in the study: its sweep with the number of the value, or its parameters."""
    if not keys:
        return ()
    return ("sweep" if keys[0] in section.sweep else "parameters", *keys)


def _keys(location: tuple[int | str, ...], given: Any) -> Location:
    """A location of pydantic's without the names of types that it tried, which are no keys of the user's."""
    kept: list[int | str] = []
    value = given
    for number, part in enumerate(location):
        if isinstance(value, Mapping) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif number < len(location) - 1 or not isinstance(value, Mapping):
            continue  # such as "function-after[…]", or the name of one of several models
        kept.append(part)
    return tuple(kept)


def _fields(model: Any, keys: Location) -> dict[str, str | None]:
    """Known keys and their descriptions of the table that these keys lead to."""
    models = [model]
    for key in keys:
        if isinstance(key, str):
            models = [
                inner
                for one in models
                if key in one.model_fields
                for inner in _models(one.model_fields[key].annotation)
            ]  # fmt: skip
    return {name: field.description for one in models for name, field in one.model_fields.items()}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The pydantic models in an annotation such as ``tuple[A | B, …]``."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models(inner)


def described(parameters: Mapping[str, Any]) -> str:
    """Parameters as a line: ``shape = [4, 4], hidden = 4``."""
    return ", ".join(f"{key} = {_written(value)}" for key, value in parameters.items() if value is not None)


def _written(value: Any) -> str:
    return f"{value:.7g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
