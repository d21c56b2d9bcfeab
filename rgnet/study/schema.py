"""The study file: read, checked as a whole, and the one error a user sees when something is wrong.

A study is a TOML file. ``[model]``, ``[sample]`` and ``[networks.NAME]`` hold for all; each ``[[ensembles]]`` gives
shapes and couplings, and every combination of them is a *point*: one simulation, one HDF5 file. So is every combination
of parameters of ``[[hierarchies]]`` and of ``[[experiments]]``. Three kinds of rules
are asked, and all their answers are given at once: those of single values (`rgnet.study.sections`), those between
keys, and those of the points (both `rgnet.study.rules`).
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rgnet.study import rules
from rgnet.study.sections import (
    EnsembleSection,
    ExperimentSection,
    HierarchySection,
    LayerSection,
    ModelSection,
    NetworkSection,
    Range,
    SampleSection,
    Study,
)
from rgnet.study.wording import MOST_PROBLEMS, Location, Problem, StudyError, meant, nearest, of_value, report, shown

__all__ = ["EnsembleSection", "NetworkSection", "Range", "Study", "StudyError", "load", "parse"]

_Part = TypeVar("_Part", bound=BaseModel)

_MOST_BYTES = 1 << 20
_EXAMPLE = "give a study file such as simulations/ising2d.toml"
# A key of very many parts takes the parser quadratically long
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?>[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*+\.[ \t]*+){100}""")


def parse(data: Mapping[str, Any], source: str = "the study") -> Study:
    """Check the parsed TOML of a study.

    Raises
    ------
    StudyError
        All that is wrong, one line for each mistake.
    """
    if not isinstance(data, Mapping):
        raise report(source, [Problem((), f" is {shown(data)}: it should be a table of keys and values")])
    problems: list[Problem] = []
    study = None
    try:
        study = Study.model_validate(dict(data))
    except ValidationError as error:
        problems.extend(_of_values(error))
    problems.extend(islice(rules.between_keys(data), MOST_PROBLEMS))
    problems.extend(islice(rules.of_points(_parts(data) if study is None else _all_parts(study)), MOST_PROBLEMS))
    if problems or study is None:
        raise report(source, problems)
    return study


def check(study: Study) -> None:
    """Check a Study that may not come from `parse`.

    Raises
    ------
    StudyError
        As `parse`.
    """
    parse(study.model_dump(), f"the study {shown(study.name)}")


def _all_parts(study: Study) -> rules.Parts:
    return rules.Parts(
        study.model,
        study.sample,
        study.networks,
        dict(enumerate(study.ensembles)),
        dict(enumerate(study.hierarchies)),
        dict(enumerate(study.experiments)),
    )


def _parts(data: Mapping[str, Any]) -> rules.Parts:
    """What is right by itself, so that its points are checked although other sections or keys are wrong."""
    networks, ensembles = data.get("networks"), data.get("ensembles")
    sections = {name: _valid(NetworkSection, s) for name, s in (networks.items() if isinstance(networks, dict) else ())}
    hierarchies = data.get("hierarchies")
    kept = [_valid(EnsembleSection, s) for s in (ensembles if isinstance(ensembles, list | tuple) else ())]
    known = [_valid(HierarchySection, s) for s in (hierarchies if isinstance(hierarchies, list | tuple) else ())]
    experiments = data.get("experiments")
    asked = [_valid(ExperimentSection, s) for s in (experiments if isinstance(experiments, list | tuple) else ())]
    return rules.Parts(
        model=_valid(ModelSection, data.get("model", {})),
        sample=_valid(SampleSection, data.get("sample", {})),
        networks={name: section for name, section in sections.items() if section is not None},
        ensembles={index: section for index, section in enumerate(kept) if section is not None},
        hierarchies={index: section for index, section in enumerate(known) if section is not None},
        experiments={index: section for index, section in enumerate(asked) if section is not None},
    )


# Keys that may be wrong while the rest of their section is still worth checking, and what stands for them meanwhile
_MAY_BE_WRONG: dict[type[BaseModel], tuple[set[str], dict[str, Any]]] = {
    EnsembleSection: (set(EnsembleSection.model_fields) - {"shape"}, {"name": "unnamed"}),
    ModelSection: ({"name", "couplings"}, {}),
    ExperimentSection: ({"name"}, {"name": "unnamed"}),
}


def _valid(kind: type[_Part], value: Any) -> _Part | None:
    """The section without its wrong keys; None if too little is left of it."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        wrong = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
    may_be, instead = _MAY_BE_WRONG.get(kind, (set(), {}))
    if not isinstance(value, Mapping) or not (wrong & set(kind.model_fields)) <= may_be:
        return None
    return kind.model_validate({**instead, **{name: item for name, item in value.items() if name not in wrong}})


def load(path: str | Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    StudyError
        If it is no readable TOML file, or what it says is wrong.
    """
    text = _text(Path(path))
    if _LONG_KEY.search(text):
        raise StudyError(f"{path} has a key of 100 or more parts between dots; the keys of a study have at most four")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path} is not valid TOML: {_syntax(str(error), text)}") from None
    except RecursionError:
        raise StudyError(f"{path} has brackets within brackets, too many to read; a study needs four at most") from None
    except ValueError:  # Python converts whole numbers of at most 4300 digits
        raise StudyError(f"{path} has a whole number of thousands of digits; give smaller numbers") from None
    return parse(data, str(path))


def _text(file: Path) -> str:
    """The text of a file, or an error that says what it is instead."""
    try:
        if file.is_dir():
            raise StudyError(f"{file} is a directory: {_EXAMPLE}")
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise StudyError(f"{file}: no such file; {_EXAMPLE}") from None
    except OSError as error:
        raise StudyError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:  # a null byte
        raise StudyError(f"{str(file)!r} cannot be the name of a file: {error}") from None
    if len(content) > _MOST_BYTES:
        raise StudyError(f"{file} has more than 1 MiB: a study is a short TOML file; for many values give ranges")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise StudyError(f"{file} is in UTF-16: TOML is written in UTF-8; save it again with that encoding")
    try:
        return content.decode("utf-8-sig")  # editors on Windows put a mark at the start
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyError(
            f"{file} is not text: a study is a TOML file such as simulations/ising2d.toml, in UTF-8 "
            f"(line {line} has a byte 0x{content[error.start]:02x})"
        ) from None


_HINTS = (
    ("Expected '='", "each line is KEY = VALUE, or a heading such as [sample]"),
    ("Invalid value", "text stands in quotes, a list in [ ], true and false are lower-case, and 0.5 has its 0"),
    ("Cannot overwrite", "the key or the table is given twice; keep one"),
    ("Cannot declare", "the table is given twice; several ensembles are written [[ensembles]], each with two brackets"),
    ("Cannot mutate", "the table is complete already; write its keys in one place"),
    ("Unclosed array", "a bracket ] is missing"),
    ("Unterminated string", "a closing quote is missing"),
    ("Expected newline", "one key to a line; a number is written without separators, and text stands in quotes"),
    ("Invalid statement", "each line is KEY = VALUE, or a heading such as [sample]; a comment begins with #"),
    ("Invalid initial character", "a key has letters, digits, _ and -"),
    ("Illegal character", "a line ends within quotes, or holds an invisible character"),
    ("Expected ']'", "a heading such as [sample] ends with as many brackets as it began with"),
    ("Unescaped", "a backslash within quotes is written twice"),
)


def _syntax(message: str, text: str) -> str:
    """Line and column, what the parser says, a plain hint, and the line itself."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    hint = next((hint for start, hint in _HINTS if message.startswith(start)), "see https://toml.io")
    if first.startswith("{"):
        hint = 'it looks like JSON; in TOML a key is set by =, such as name = "critical"'
    elif first == "---" or re.match(r"[\w-]+:(\s|$)", first):
        hint = 'it looks like YAML; in TOML a key is set by =, such as name = "critical"'
    found = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)", message)
    said = message[: found.start()] if found else message
    if not found or not found[1]:
        return f"at its end: {said}; {hint}"
    line = text.splitlines()[int(found[1]) - 1 :][:1]
    return f"line {found[1]}, column {found[2]}: {said}; {hint}. The line is {shown(line[0].strip() if line else '')}"


def _of_values(error: ValidationError) -> Iterator[Problem]:
    """What pydantic found, in the words of a study."""
    found = error.errors(include_url=False)[:MOST_PROBLEMS]
    places = [tuple(item["loc"]) for item in found]
    respelt = {
        (*place[:-1], nearest(str(place[-1]), _section_of(place).model_fields))
        for item, place in zip(found, places, strict=True)
        if _is_unknown(item)
    }  # a misspelt key is not missing as well
    prefixes = {place[:k] for place in places for k in range(len(place))}
    for item, place in zip(found, places, strict=True):
        # An entry that is wrong makes its list look empty as well: only the entry is worth a line
        empty = item["type"] == "too_short" and place in prefixes
        if not empty and not (item["type"] == "missing" and place in respelt):
            yield _of_value(item)


def _is_unknown(error: Any) -> bool:
    return bool(error["type"] == "extra_forbidden")


def _of_value(error: Any) -> Problem:
    place: Location = tuple(part for part in error["loc"] if part != "[key]")
    section = _section_of(place)
    name = place[-1] if place else ""
    if _is_unknown(error):
        return Problem(place, f": unknown key{_where_it_belongs(str(name), section)}")
    field = section.model_fields.get(name) if isinstance(name, str) else None
    return of_value(error, place, None if field is None else field.description)


_HEADINGS: dict[type[BaseModel], str] = {
    ModelSection: "[model]",
    SampleSection: "[sample]",
    EnsembleSection: "[[ensembles]]",
    NetworkSection: "[networks.NAME]",
    LayerSection: "an entry of layers",
    Study: "the top of the file, before the first heading in brackets",
    HierarchySection: "[[hierarchies]]",
    ExperimentSection: "[[experiments]]",
}


def _where_it_belongs(name: str, section: type[BaseModel]) -> str:
    """A key that is known elsewhere belongs there; otherwise the nearest that is known here."""
    known = list(section.model_fields)
    if section is ExperimentSection and not meant(name, known):
        return f"; the experiment's own belong into parameters = {{ … }}. Known here: {', '.join(known)}"
    elsewhere = [heading for part, heading in _HEADINGS.items() if name in part.model_fields and part is not section]
    if f"{name}s" in known:  # [[experiment]] is not the key experiment of [[experiments]]
        elsewhere = []
    if len(elsewhere) > 1 and _HEADINGS[HierarchySection] in elsewhere:  # it shares keys with many
        elsewhere.remove(_HEADINGS[HierarchySection])
    hint = f"; it belongs to {' or '.join(elsewhere)}" if elsewhere else meant(name, known)
    return f"{hint}{'' if hint.endswith('?') else '.'} Known here: {', '.join(known)}"


def _section_of(place: Location) -> type[BaseModel]:
    """The section that holds the last key of a location such as ("networks", name, "layers", 0, "b")."""
    if len(place) < 2:
        return Study
    if place[0] == "networks":
        if len(place) == 2:
            return Study
        return LayerSection if len(place) > 4 and place[2] == "layers" else NetworkSection
    sections: dict[str, type[BaseModel]] = {
        "model": ModelSection,
        "sample": SampleSection,
        "ensembles": EnsembleSection,
        "hierarchies": HierarchySection,
        "experiments": ExperimentSection,
    }
    return sections[str(place[0])]
