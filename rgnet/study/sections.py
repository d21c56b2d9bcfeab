"""The sections of a study file: their keys, and the rule of each value by itself.

What a value must be is said here. What several keys must be together, and what must fit the lattice, is in
`rgnet.study.rules`.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator

from rgnet import lattice
from rgnet.experiments.catalogue import EXPERIMENTS
from rgnet.hierarchies.catalogue import HIERARCHIES
from rgnet.layers import LAYERS
from rgnet.operators import NAMES as OPERATORS
from rgnet.study import models
from rgnet.study.plain import sweeps, table
from rgnet.study.values import (
    LARGEST,
    MOST_COUNT,
    MOST_POINTS,
    Range,
    as_given,
    number,
    numbers,
    shapes,
    temperatures,
    wholes,
)
from rgnet.study.wording import meant, shown
from rgnet.updates import UPDATES

__all__ = [
    "MOST_POINTS", "PARAMETERS", "RESERVED", "EnsembleSection", "ExperimentSection", "HierarchySection",
    "LayerSection", "ModelSection", "NetworkSection", "Range", "SampleSection", "Study",
]  # fmt: skip

RESERVED = (
    "samples",
    "thermodynamics",
    "snapshots",
    "ledger",
    "sufficient",
    "experiments",
    "snapshot",
)  # groups of the files, beside one for each network

_MOST_CHAINS = 10_000
_LONGEST_NAME = 100  # with sides and couplings, names of files stay well below the 255 bytes that most systems take
_WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def _boundary(value: Any) -> str | tuple[str, ...]:
    rule = 'give "periodic" or "free", or a list with one of them for each side'
    names = value if isinstance(value, list | tuple) else [value]
    for name in names:
        if name not in lattice.BOUNDARIES:
            raise ValueError(f"{shown(name)} is no boundary; {rule}{meant(str(name), lattice.BOUNDARIES)}")
    if not names:
        raise ValueError(f"the list is empty; {rule}")
    return tuple(names) if isinstance(value, list | tuple) else str(value)


def _update(name: str) -> str:
    known = ("auto", *UPDATES)
    for part in name.split("+"):
        if part not in known:
            which = f"give one of {', '.join(known)}, or several joined by +"
            raise ValueError(f"{shown(part)} is no update; {which}{meant(part, known)}")
    if "+" in name and "auto" in name.split("+"):
        raise ValueError(f"{shown(name)}: 'auto' stands alone; give names, such as 'wolff+over-relaxation'")
    return name


def _model(name: str) -> str:
    known = models.names()
    if name not in known:
        reason = models.why_not(name)
        raise ValueError(
            f"{name}: {reason}. Models of a study: {', '.join(known)}"
            if reason
            else f"{shown(name)} is no model; give one of {', '.join(known)}{meant(name, known)}"
        )
    return name


def _tempering(value: Any) -> bool | dict[str, int]:
    """False, or a table with what was given."""
    rule = "give true, false, or a table such as { replicas = 12, swap_every = 1 }"
    if isinstance(value, bool):
        return {"swap_every": 1} if value else False
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} is neither true nor false nor a table; {rule}")
    least = {"replicas": 2, "swap_every": 1}
    for key, item in value.items():
        if key not in least:
            raise ValueError(f"{shown(key)} is no key of tempering; {rule}{meant(str(key), least)}")
        if isinstance(item, bool) or not isinstance(item, int) or not least[key] <= item <= 1000:
            raise ValueError(f"{key} = {shown(item)}: give a whole number from {least[key]} to 1000")
    return {"swap_every": 1, **value}


def _operator(name: str) -> str:
    if name not in OPERATORS:
        raise ValueError(f"operator {shown(name)} is unknown; known are {', '.join(OPERATORS)}{meant(name, OPERATORS)}")
    return name


def _name(name: str, more: str = "") -> str:
    if not re.fullmatch(f"[A-Za-z0-9_{more}]+", name):
        marks = "letters (a to z), digits, _ and -" if more else "letters (a to z), digits and _"
        raise ValueError(f"{shown(name)} is not made of {marks} alone; files are named after it, so change the rest")
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"{shown(name)} has {len(name)} characters; files are named after it, give at most 100")
    return name


def _study_name(name: str) -> str:
    if name.lower() in _WINDOWS:
        raise ValueError(f"{shown(name)} cannot be the name of a folder on Windows; call the study otherwise")
    return _hyphenated(name)


def _hyphenated(name: str) -> str:
    if name.startswith("-"):
        raise ValueError(f"{shown(name)} begins with -, like an option of a command; begin with a letter or digit")
    return _name(name, "-")


def _network_name(name: str) -> str:
    if name in RESERVED:
        raise ValueError("the files have a group of that name; call the network otherwise")
    return _name(name)


def _title(title: str) -> str:
    if len(title) > 200 or not title.isprintable():
        raise ValueError(f"{shown(title)} is not one line of at most 200 printable characters; shorten it")
    return title


def _factor(value: Any) -> float:
    factor = number(value, "give a factor other than 0, such as 1.09")
    if abs(factor) < 1 / LARGEST:
        raise ValueError(f"{shown(factor)} would leave nothing of the field; give a factor other than 0, such as 1.09")
    return factor


def _experiment(name: str) -> str:
    if name not in EXPERIMENTS:
        raise ValueError(
            f"{shown(name)} is no experiment; give one of {', '.join(EXPERIMENTS)}{meant(name, EXPERIMENTS)}"
        )
    return name


Numbers = Annotated[Sequence[float], PlainValidator(numbers), PlainSerializer(as_given)]
Wholes = Annotated[tuple[int, ...], PlainValidator(wholes), PlainSerializer(list)]
Shapes = Annotated[tuple[tuple[int, ...], ...], BeforeValidator(shapes)]
Boundary = Annotated[str | tuple[str, ...], BeforeValidator(_boundary)]
Operator = Annotated[str, AfterValidator(_operator)]
Coupling = Annotated[float, BeforeValidator(lambda value: number(value, "give a number, such as 0.1"))]
Whole = Annotated[int, BeforeValidator(lambda value: wholes([value])[0])]
Draws = Annotated[int, Field(gt=0, le=MOST_COUNT, strict=True)]
Chains = Annotated[int, Field(gt=0, le=_MOST_CHAINS, strict=True)]
Warmup = Annotated[int, Field(ge=0, le=MOST_COUNT, strict=True)]
UpdateName = Annotated[str, AfterValidator(_update)]
Tempering = Annotated[bool | dict[str, int], PlainValidator(_tempering), PlainSerializer(lambda value: value)]
Analysis = Literal["mcrg", "tangent", "couplings", "information", "snapshots"]
PARAMETERS = ("q", "n", "D", "r", "u", "p", "disorder")  # of some models: keys of [model], or lists of [[ensembles]]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSection(_Section):
    """``[model]``: which model, and what all its points share."""

    name: Annotated[str, AfterValidator(_model)] = Field("Ising", description='the model, such as "Ising"')
    boundary: Boundary = Field("periodic", description='"periodic", "free", or one for each side')
    lattice: Literal["hypercubic", "triangular"] = Field("hypercubic", description='"hypercubic" or "triangular"')
    couplings: dict[Operator, Coupling] = Field({}, description="further couplings by operator, such as {nnn = 0.1}")
    q: Whole | None = Field(None, description="number of states of a site, such as 3")
    n: Whole | None = Field(None, description="components of a spin, such as 3")
    D: Coupling | None = Field(None, description="coupling of s², such as 1.9")
    r: Coupling | None = Field(None, description="coupling of ½ φ², such as 0.1")
    u: Coupling | None = Field(None, description="coupling of ¼ φ⁴, such as 1")
    J: Literal["±J", "pm", "gaussian"] | None = Field(None, description='law of the random bonds: "±J" or "gaussian"')
    p: Coupling | None = Field(None, description="probability of a bond +1, such as 0.5")
    disorder: Whole | None = Field(None, description="seed of the random bonds, such as 1")


class SampleSection(_Section):
    """``[sample]``, and the same keys in an ensemble, where they override it."""

    draws: Draws = Field(1000, description="number of draws a chain, such as 2000")
    chains: Chains = Field(4, description="number of independent chains, such as 4")
    update: UpdateName = Field("auto", description='name of a Monte Carlo update, or "auto"')
    warmup: Warmup | None = Field(None, description="sweeps before the first draw; left out: measured")
    thin: Draws | None = Field(None, description="sweeps from draw to draw; left out: measured")
    configurations: bool = Field(True, strict=True, description="whether configurations are kept, or numbers alone")
    tempering: Tempering = Field(False, description="whether the K of an ensemble are exchanged between replicas")


class LayerSection(_Section):
    """One entry of ``layers``: a layer's name and its parameters, ``repeat`` times."""

    layer: Literal["majority", "decimation", "kadanoff", "average"] = Field(description="one of " + ", ".join(LAYERS))
    b: int = Field(2, ge=2, le=1_000_000, strict=True, description="side of a block, a whole number of at least 2")
    ties: Literal["random", "first"] | None = Field(None, description='majority only: "random" or "first"')
    rho: float | None = Field(
        None, ge=0, strict=True, description="kadanoff only: strength of the soft rule, such as 0.5"
    )
    rescale: Annotated[float, BeforeValidator(_factor)] | None = Field(
        None, description="average only: factor on the block mean, such as 1.09"
    )
    repeat: int = Field(1, ge=1, le=64, strict=True, description="how many times this layer stands in sequence")

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

    name: Annotated[str, AfterValidator(_name)] = Field(description="letters, digits and _, such as critical")
    shape: Shapes = Field(description="a lattice shape such as [64, 64], or a list of shapes")
    K: Numbers | None = Field(None, description="reduced coupling: a number, a list, or {start, stop, num}")
    T: Annotated[Numbers, AfterValidator(temperatures)] | None = Field(None, description="temperature 1/K, for K")
    K_over_K_c: Numbers | None = Field(None, description="K in units of the critical coupling, instead of K")
    h: Numbers = Field((0.0,), description="reduced field: a number or a list")
    q: Wholes | None = Field(None, description="number of states of a site: a whole number or a list")
    n: Wholes | None = Field(None, description="components of a spin: a whole number or a list")
    D: Numbers | None = Field(None, description="coupling of s²: a number, a list, or {start, stop, num}")
    r: Numbers | None = Field(None, description="coupling of ½ φ²: a number, a list, or {start, stop, num}")
    u: Numbers | None = Field(None, description="coupling of ¼ φ⁴: a number, a list, or {start, stop, num}")
    p: Numbers | None = Field(None, description="probability of a bond +1: a number or a list")
    disorder: Wholes | None = Field(None, description="seeds of the random bonds: a whole number or a list")
    networks: tuple[str, ...] = Field((), description='names of networks, such as ["majority"]')
    analyses: tuple[Analysis, ...] = Field((), description='such as ["mcrg", "tangent"]')
    draws: Draws | None = Field(None, description="number of draws a chain, such as 2000")
    chains: Chains | None = Field(None, description="number of independent chains, such as 4")
    update: UpdateName | None = Field(None, description='name of a Monte Carlo update, or "auto"')
    warmup: Warmup | None = Field(None, description="sweeps before the first draw")
    thin: Draws | None = Field(None, description="sweeps from draw to draw")
    configurations: bool | None = Field(None, strict=True, description="whether configurations are kept")
    tempering: Tempering | None = Field(None, description="whether the K here are exchanged between replicas")


class HierarchySection(_Section):
    """``[[hierarchies]]``: a hierarchy whose truth is known, and the networks whose ledger is kept.

    Every parameter but the K of a lattice may be a list; every combination is a point.
    """

    name: Annotated[str, AfterValidator(_name)] = Field(description="letters, digits and _, such as binary")
    hierarchy: Literal["tree", "random_hierarchy", "lattice"] = Field(description="one of " + ", ".join(HIERARCHIES))
    depth: Wholes | None = Field(None, description="tree only: levels below the root, such as 4")
    flip: Numbers | None = Field(None, description="tree only: probability that a child differs, such as 0.2")
    branching: Wholes | None = Field(None, description="tree only: children of a node, 2 if left out")
    q: Wholes | None = Field(None, description="tree only: size of the alphabet, 2 if left out")
    v: Wholes | None = Field(None, description="random_hierarchy only: symbols of a level, such as 8")
    m: Wholes | None = Field(None, description="random_hierarchy only: rules of a symbol, such as 4")
    s: Wholes | None = Field(None, description="random_hierarchy only: symbols of a rule, such as 2")
    L: Wholes | None = Field(None, description="random_hierarchy only: levels of rules, such as 3")
    classes: Wholes | None = Field(None, description="random_hierarchy only: number of classes, such as 8")
    rules: Wholes | None = Field(None, description="random_hierarchy only: seed of the rules, 0 if left out")
    shape: Shapes | None = Field(None, description="lattice only: a lattice shape such as [4, 4], or a list of shapes")
    K: Numbers | None = Field(
        None, description="lattice only: the couplings that y_0 chooses among, such as [0.3, 0.6]"
    )
    noise: Numbers | None = Field(
        None, description="random_hierarchy and lattice only: noise of the data, 0 if left out"
    )
    networks: tuple[str, ...] = Field((), description='names of networks, such as ["majority"]')
    draws: Draws | None = Field(None, description="number of draws, such as 20000")


class ExperimentSection(_Section):
    """``[[experiments]]``: an experiment by name, its parameters, and those of which every combination is a point."""

    name: Annotated[str, AfterValidator(_hyphenated)] = Field(
        description="letters, digits, - and _, such as two-levels"
    )
    experiment: Annotated[str, AfterValidator(_experiment)] = Field(description="one of " + ", ".join(EXPERIMENTS))
    parameters: Annotated[dict[str, Any], PlainValidator(table)] = Field(
        {}, description="the experiment's own, such as { hidden = 4 }"
    )
    sweep: Annotated[dict[str, list[Any]], PlainValidator(sweeps)] = Field(
        {}, description="lists of values; every combination is a point, such as { hidden = [2, 4] }"
    )


class Study(_Section):
    """A whole study file."""

    name: Annotated[str, AfterValidator(_study_name)] = Field(
        description="letters, digits, - and _: names the folder of results"
    )
    title: Annotated[str, AfterValidator(_title)] = Field("", description="one line that says what the study shows")
    seed: int = Field(0, ge=0, lt=2**63, strict=True, description="every random stream is derived from it")
    model: ModelSection = ModelSection()
    sample: SampleSection = SampleSection()
    networks: dict[Annotated[str, AfterValidator(_network_name)], NetworkSection] = Field(
        {}, description="tables [networks.NAME]"
    )
    ensembles: tuple[EnsembleSection, ...] = Field((), description="[[ensembles]], each with two brackets")
    hierarchies: tuple[HierarchySection, ...] = Field((), description="[[hierarchies]], each with two brackets")
    experiments: tuple[ExperimentSection, ...] = Field((), description="[[experiments]], each with two brackets")
