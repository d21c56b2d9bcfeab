"""The study file: its keys, their rules, and the one error a user sees when something is wrong.

A study is a TOML file. ``[model]``, ``[sample]`` and ``[networks.NAME]`` hold for all; each ``[[ensembles]]`` gives
shapes and couplings, and every combination of them is a *point*: one simulation, one HDF5 file.
"""

import difflib
import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from rgnet.layers import LAYERS

Analysis = Literal["mcrg", "tangent", "couplings", "information", "snapshots"]


RESERVED = ("samples", "thermodynamics", "snapshots")  # groups of the files, beside one for each network


class StudyError(ValueError):
    """A study file that cannot be run; the message names the keys, the rules and the remedies."""


def _numbers(value: Any) -> Any:
    """A number, a list of them, or {start, stop, num} as a tuple of finite floats."""
    rule = "give a finite number, a list of them, or {start = …, stop = …, num = …}"
    if isinstance(value, dict):
        if set(value) != {"start", "stop", "num"} or not isinstance(value["num"], int) or value["num"] < 2:
            raise ValueError(f"{rule}; num is a whole number of at least 2")
        start, stop, num = (_number(value["start"], rule), _number(value["stop"], rule), value["num"])
        return tuple(start + (stop - start) * k / (num - 1) for k in range(num))
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise ValueError(f"the list is empty; {rule}")
    return tuple(_number(item, rule) for item in items)


def _number(value: Any, rule: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number; {rule}")
    return float(value)


def _shapes(value: Any) -> Any:
    """One shape, or a list of shapes, as a tuple of tuples."""
    rule = "give one lattice shape such as [64, 64], or a list of shapes such as [[16, 16], [32, 32]]"
    items = value if isinstance(value, list | tuple) else [value]
    nested = [list(item) if isinstance(item, list | tuple) else item for item in items]
    if not nested:
        raise ValueError(f"the list is empty; {rule}")
    shapes = nested if all(isinstance(item, list) for item in nested) else [nested]
    for shape in shapes:
        if not shape or any(isinstance(s, bool) or not isinstance(s, int) for s in shape):
            raise ValueError(f"{shape!r} is not a shape; {rule}")
    return tuple(tuple(shape) for shape in shapes)


Numbers = Annotated[tuple[float, ...], BeforeValidator(_numbers)]
Shapes = Annotated[tuple[tuple[int, ...], ...], BeforeValidator(_shapes)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSection(_Section):
    """``[model]``: which model, and what all its points share."""

    name: Literal["Ising"] = Field("Ising", description='the model; "Ising"')
    boundary: str | tuple[str, ...] = Field("periodic", description='"periodic", "free", or one for each side')
    couplings: dict[str, float] = Field({}, description="further couplings by operator name, such as {nnn = 0.1}")

    @field_validator("couplings", mode="before")
    @classmethod
    def _finite(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("give a table of numbers, such as {nnn = 0.1}")
        return {key: _number(item, f"coupling {key!r} is a finite number") for key, item in value.items()}


class SampleSection(_Section):
    """``[sample]``, and the same keys in an ensemble, where they override it."""

    draws: int = Field(1000, gt=0, strict=True, description="number of draws a chain, such as 2000")
    chains: int = Field(4, gt=0, strict=True, description="number of independent chains, such as 4")
    update: str = Field("auto", description='name of a Monte Carlo update, or "auto"')
    warmup: int | None = Field(None, ge=0, strict=True, description="sweeps before the first draw; left out: measured")
    thin: int | None = Field(None, gt=0, strict=True, description="sweeps from draw to draw; left out: measured")


class LayerSection(_Section):
    """One entry of ``layers``: a layer's name and its parameters, ``repeat`` times."""

    layer: Literal["majority", "decimation", "kadanoff", "average"] = Field(description="one of " + ", ".join(LAYERS))
    b: int = Field(2, ge=2, strict=True, description="side of a block, a whole number of at least 2")
    ties: Literal["random", "first"] | None = Field(None, description='majority only: "random" or "first"')
    rho: float | None = Field(None, ge=0, description="kadanoff only: strength of the soft rule, such as 0.5")
    rescale: float | None = Field(None, description="average only: factor on the block mean, such as 1.09")
    repeat: int = Field(1, ge=1, le=64, strict=True, description="how many times this layer stands in sequence")

    @model_validator(mode="after")
    def _parameters_fit(self) -> "LayerSection":
        belongs = {"ties": "majority", "rho": "kadanoff", "rescale": "average"}
        for key, owner in belongs.items():
            if getattr(self, key) is not None and self.layer != owner:
                raise ValueError(f"key {key} belongs to the layer {owner!r}, not to {self.layer!r}; leave it out")
        if self.layer == "kadanoff" and self.rho is None:
            raise ValueError("the layer 'kadanoff' needs rho, such as rho = 0.5")
        return self

    def build(self) -> list[Any]:
        """The layer objects."""
        parameters = {key: getattr(self, key) for key in ("ties", "rho", "rescale") if getattr(self, key) is not None}
        return [LAYERS[self.layer](self.b, **parameters)] * self.repeat


class NetworkSection(_Section):
    """``[networks.NAME]``: layers in sequence."""

    layers: tuple[LayerSection, ...] = Field(min_length=1, description='such as [{layer = "majority", repeat = 4}]')
    keep_levels: bool = Field(True, strict=True, description="whether configurations of every level are stored")


class EnsembleSection(_Section):
    """``[[ensembles]]``: shapes and couplings whose combinations are points, and what is measured on them."""

    name: str = Field(pattern=r"^[A-Za-z0-9_]+$", description="letters, digits and _, such as critical")
    shape: Shapes = Field(description="a lattice shape such as [64, 64], or a list of shapes")
    K: Numbers | None = Field(None, description="reduced coupling: a number, a list, or {start, stop, num}")
    T: Numbers | None = Field(None, description="temperature 1/K instead of K")
    K_over_K_c: Numbers | None = Field(None, description="K in units of the critical coupling, instead of K")
    h: Numbers = Field((0.0,), description="reduced field: a number or a list")
    networks: tuple[str, ...] = Field((), description="names of networks defined under [networks]")
    analyses: tuple[Analysis, ...] = Field((), description="any of mcrg, tangent, couplings, information, snapshots")
    draws: int | None = Field(None, gt=0, strict=True, description="number of draws a chain, such as 2000")
    chains: int | None = Field(None, gt=0, strict=True, description="number of independent chains, such as 4")
    update: str | None = Field(None, description='name of a Monte Carlo update, or "auto"')
    warmup: int | None = Field(None, ge=0, strict=True, description="sweeps before the first draw")
    thin: int | None = Field(None, gt=0, strict=True, description="sweeps from draw to draw")

    @model_validator(mode="after")
    def _one_coupling(self) -> "EnsembleSection":
        given = [key for key in ("K", "T", "K_over_K_c") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of K, T and K_over_K_c (found {' and '.join(given) or 'none'}), "
                "such as K_over_K_c = 1"
            )
        if self.T is not None and 0.0 in self.T:
            raise ValueError("T = 0 makes the reduced coupling K = 1/T infinite; give temperatures other than 0")
        if self.analyses and not self.networks:
            raise ValueError(f'analyses = {list(self.analyses)} need levels: give networks = ["NAME", …]')
        return self


class Study(_Section):
    """A whole study file."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="letters, digits, - and _: names the folder of results")
    title: str = Field("", description="one line that says what the study shows")
    seed: int = Field(0, ge=0, strict=True, description="a whole number of at least 0; every stream is derived from it")
    model: ModelSection = ModelSection()
    sample: SampleSection = SampleSection()
    networks: dict[str, NetworkSection] = Field({}, description="tables [networks.NAME]")
    ensembles: tuple[EnsembleSection, ...] = Field(min_length=1, description="at least one [[ensembles]]")

    @model_validator(mode="after")
    def _names_fit(self) -> "Study":
        names = [ensemble.name for ensemble in self.ensembles]
        for name in set(names):
            if names.count(name) > 1:
                raise ValueError(f"two ensembles are called {name!r}; give each its own name")
        for name in self.networks:
            if name in RESERVED:
                raise ValueError(f"[networks.{name}]: the files have a group of that name; call the network otherwise")
            if not name.replace("_", "").isalnum():
                raise ValueError(f"[networks.{name}]: a network's name has letters, digits and _ only")
        for ensemble in self.ensembles:
            for name in ensemble.networks:
                if name not in self.networks:
                    known = ", ".join(self.networks) or "none"
                    raise ValueError(
                        f"ensemble {ensemble.name!r} asks for the network {name!r}, which is not defined (defined: "
                        f"{known}){_nearest(name, list(self.networks))}; add [networks.{name}]"
                    )
        return self


_SECTIONS: dict[str, type[BaseModel]] = {"model": ModelSection, "sample": SampleSection, "ensembles": EnsembleSection}


def parse(data: dict[str, Any], source: str = "the study") -> Study:
    """Check the parsed TOML of a study.

    Raises
    ------
    StudyError
        All that is wrong, one line for each key.
    """
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        found = error.errors()
        places = [tuple(item["loc"]) for item in found]
        # An entry that is wrong makes its list look empty as well: only the entry is worth a line
        lines = [
            _explain(item)
            for item, place in zip(found, places, strict=True)
            if not (item["type"] == "too_short" and any(p != place and p[: len(place)] == place for p in places))
        ]
        raise StudyError("\n  ".join([f"{source}: {_count(len(lines))} wrong:", *lines])) from None


def load(path: str | Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    StudyError
        If it is no readable TOML file, or what it says is wrong.
    """
    file = Path(path)
    if file.is_dir():
        raise StudyError(f"{file} is a directory: give a study file such as simulations/ising2d.toml")
    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise StudyError(f"{file}: no such file; give a study file such as simulations/ising2d.toml") from None
    except UnicodeDecodeError:
        raise StudyError(f"{file} is not text: a study is a TOML file such as simulations/ising2d.toml") from None
    except OSError as error:
        raise StudyError(f"{file} cannot be read: {error.strerror}") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{file} is not valid TOML: {error}") from None
    return parse(data, str(file))


def _count(n: int) -> str:
    return "one thing is" if n == 1 else f"{n} things are"


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _section_of(location: tuple[Any, ...]) -> type[BaseModel]:
    """The section that holds the last key of a location such as ("networks", name, "layers", 0, "b")."""
    if len(location) < 2:
        return Study
    if location[0] == "networks":
        return LayerSection if len(location) > 3 and location[2] == "layers" else NetworkSection
    return _SECTIONS[str(location[0])]


def _key(location: tuple[Any, ...]) -> str:
    """A location as a user writes it: ensembles[1].draws."""
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text or "the file"


def _explain(error: Any) -> str:
    location = tuple(part for part in error["loc"] if not (isinstance(part, str) and ("[" in part or part == "str")))
    key, value = _key(location), error["input"]
    section = _section_of(location) if location else Study
    if error["type"] == "extra_forbidden":
        known = list(section.model_fields)
        hint = _nearest(str(location[-1]), known)
        elsewhere = [name for name, part in _SECTIONS.items() if str(location[-1]) in part.model_fields]
        if not hint and elsewhere and len(location) == 1:
            hint = f"; it belongs into {' or '.join(f'[{name}]' for name in elsewhere)}"
        return f"{key}: unknown key{hint}{'' if hint.endswith('?') else '.'} Known here: {', '.join(known)}"
    field = section.model_fields.get(str(location[-1])) if location and isinstance(location[-1], str) else None
    remedy = f" ({field.description})" if field is not None and field.description else ""
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if error["type"] == "missing":
        return f"{key}: this key is missing; give it{remedy}"
    if error["type"] == "value_error":
        return f"{key}: {message}"
    if error["type"] == "too_short":
        return f"{key} is empty: give at least one{remedy}"
    return f"{key} = {_short(value)}: it should be {_PLAIN.get(error['type'], message)}{remedy}"


_PLAIN = {  # what pydantic says in its own words, by its type of error
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "string_pattern_mismatch": "without other characters",
    "tuple_type": 'a list in brackets, such as ["a", "b"], or, of tables, written with double brackets [[…]]',
    "dict_type": "a table",
    "model_type": "a table",
}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
