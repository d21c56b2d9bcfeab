"""The sections of a study file: their keys, and the rule of each value by itself.

What a value must be is said here. What several keys must be together, and what must fit the lattice, is in
`rgnet.study.rules`.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, overload

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator

from rgnet import lattice
from rgnet.experiments.catalogue import EXPERIMENTS
from rgnet.hierarchies.catalogue import HIERARCHIES
from rgnet.layers import LAYERS
from rgnet.models import Ising
from rgnet.operators import NAMES as OPERATORS
from rgnet.study.plain import sweeps, table
from rgnet.study.wording import meant, shown
from rgnet.updates import exact_for

MOST_POINTS = 100_000
RESERVED = (
    "samples",
    "thermodynamics",
    "snapshots",
    "ledger",
    "sufficient",
    "experiments",
)  # groups of the files, beside one for each network

_LARGEST = 1e9  # beyond it every spin follows a coupling all the same, and energies lose their digits
_MOST_COUNT = 10**9
_MOST_CHAINS = 10_000
_LONGEST_NAME = 100  # with sides and couplings, names of files stay well below the 255 bytes that most systems take
_UPDATES = exact_for(Ising((4, 4), K=0.4))  # those of some model that a study can have
_WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


@dataclass(frozen=True)
class Range(Sequence[float]):
    """``{start = …, stop = …, num = …}``: num evenly spaced numbers, both ends among them, made when asked for."""

    start: float
    stop: float
    num: int

    def __len__(self) -> int:
        return self.num

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[float, ...]: ...
    def __getitem__(self, index: int | slice) -> float | tuple[float, ...]:
        """The number of that index, or a tuple of numbers for a slice."""
        if isinstance(index, slice):
            return tuple(self[k] for k in range(self.num)[index])
        return self.start + (self.stop - self.start) * range(self.num)[index] / (self.num - 1)


def _number(value: Any, rule: str) -> float:
    """A finite number of moderate size; −0 becomes 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (-math.inf < value < math.inf):
        raise ValueError(f"{shown(value)} is not a finite number; {rule}")
    if abs(value) > _LARGEST:
        raise ValueError(f"{shown(value)} is beyond ±1e9, the largest numbers of a study; {rule}")
    return float(value) + 0.0


def _numbers(value: Any) -> Sequence[float]:
    """A number, a list of them, or {start, stop, num}."""
    rule = "give a finite number, a list of them, or {start = …, stop = …, num = …}"
    if isinstance(value, Range):
        return value
    if isinstance(value, dict):
        return _range(value, rule)
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise ValueError(f"the list is empty; {rule}")
    return tuple(_number(item, rule) for item in items)


def _range(value: dict[Any, Any], rule: str) -> Range:
    known = ("start", "stop", "num")
    for name in value:
        if name not in known:
            raise ValueError(f"{shown(name)} is no part of a range; {rule}{meant(str(name), known)}")
    missing = [name for name in known if name not in value]
    if missing:
        raise ValueError(f"the range {shown(value)} has no {' and no '.join(missing)}; {rule}")
    num = value["num"]
    if isinstance(num, bool) or not isinstance(num, int) or not 2 <= num <= MOST_POINTS:
        raise ValueError(f"num = {shown(num)}: num is a whole number of at least 2 and at most {MOST_POINTS}")
    start, stop = (_number(value[name], rule) for name in ("start", "stop"))
    if start == stop:
        raise ValueError(f"start and stop are both {shown(start)}; give two different ends, or the number alone")
    return Range(start, stop, num)


def _as_given(values: Sequence[float] | None) -> Any:
    """A range as {start, stop, num}: a stored study stays as short as the file that was written."""
    return asdict(values) if isinstance(values, Range) else None if values is None else list(values)


def _temperatures(values: Sequence[float]) -> Sequence[float]:
    for value in values if isinstance(values, tuple) else _around_zero(values):
        if value == 0:
            raise ValueError("T = 0 makes the reduced coupling K = 1/T infinite; give temperatures other than 0")
        if abs(value) < 1 / _LARGEST:
            raise ValueError(f"T = {shown(value)} makes the reduced coupling K = 1/T larger than 1e9; give larger ones")
    return values


def _around_zero(values: Sequence[float]) -> Iterable[float]:
    """Of evenly spaced numbers, those nearest to 0."""
    first, last = values[0], values[-1]
    place = round((len(values) - 1) * min(1.0, max(0.0, first / (first - last))))
    return (values[k] for k in range(max(0, place - 1), min(len(values), place + 2)))


def _shapes(value: Any) -> tuple[tuple[int, ...], ...]:
    """One shape, or a list of shapes."""
    rule = "give one lattice shape such as [64, 64], or a list of shapes such as [[16, 16], [32, 32]]"
    items = value if isinstance(value, list | tuple) else [value]
    nested = [list(item) if isinstance(item, list | tuple) else item for item in items]
    if not nested:
        raise ValueError(f"the list is empty; {rule}")
    shapes = nested if all(isinstance(item, list) for item in nested) else [nested]
    for shape in shapes:
        if not shape or any(isinstance(s, bool) or not isinstance(s, int) for s in shape):
            raise ValueError(f"{shown(shape)} is not a shape; {rule}")
    return tuple(tuple(shape) for shape in shapes)


def _wholes(value: Any) -> tuple[int, ...]:
    """A whole number, or a list of them."""
    rule = "give a whole number, or a list of them"
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise ValueError(f"the list is empty; {rule}")
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int):
            raise ValueError(f"{shown(item)} is no whole number; {rule}")
        if abs(item) > _MOST_COUNT:
            raise ValueError(f"{shown(item)} is beyond ±1e9, the largest whole numbers of a study; {rule}")
    return tuple(items)


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
    known = ("auto", *_UPDATES)
    if name not in known:
        raise ValueError(f"{shown(name)} is no update; give one of {', '.join(known)}{meant(name, known)}")
    return name


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
    factor = _number(value, "give a factor other than 0, such as 1.09")
    if abs(factor) < 1 / _LARGEST:
        raise ValueError(f"{shown(factor)} would leave nothing of the field; give a factor other than 0, such as 1.09")
    return factor


def _experiment(name: str) -> str:
    if name not in EXPERIMENTS:
        raise ValueError(
            f"{shown(name)} is no experiment; give one of {', '.join(EXPERIMENTS)}{meant(name, EXPERIMENTS)}"
        )
    return name


Numbers = Annotated[Sequence[float], PlainValidator(_numbers), PlainSerializer(_as_given)]
Wholes = Annotated[tuple[int, ...], PlainValidator(_wholes), PlainSerializer(list)]
Shapes = Annotated[tuple[tuple[int, ...], ...], BeforeValidator(_shapes)]
Boundary = Annotated[str | tuple[str, ...], BeforeValidator(_boundary)]
Operator = Annotated[str, AfterValidator(_operator)]
Coupling = Annotated[float, BeforeValidator(lambda value: _number(value, "give a number, such as 0.1"))]
Draws = Annotated[int, Field(gt=0, le=_MOST_COUNT, strict=True)]
Chains = Annotated[int, Field(gt=0, le=_MOST_CHAINS, strict=True)]
Warmup = Annotated[int, Field(ge=0, le=_MOST_COUNT, strict=True)]
UpdateName = Annotated[str, AfterValidator(_update)]
Analysis = Literal["mcrg", "tangent", "couplings", "information", "snapshots"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSection(_Section):
    """``[model]``: which model, and what all its points share."""

    name: Literal["Ising"] = Field("Ising", description='the model; "Ising"')
    boundary: Boundary = Field("periodic", description='"periodic", "free", or one for each side')
    couplings: dict[Operator, Coupling] = Field({}, description="further couplings by operator, such as {nnn = 0.1}")


class SampleSection(_Section):
    """``[sample]``, and the same keys in an ensemble, where they override it."""

    draws: Draws = Field(1000, description="number of draws a chain, such as 2000")
    chains: Chains = Field(4, description="number of independent chains, such as 4")
    update: UpdateName = Field("auto", description='name of a Monte Carlo update, or "auto"')
    warmup: Warmup | None = Field(None, description="sweeps before the first draw; left out: measured")
    thin: Draws | None = Field(None, description="sweeps from draw to draw; left out: measured")


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
    T: Annotated[Numbers, AfterValidator(_temperatures)] | None = Field(None, description="temperature 1/K, for K")
    K_over_K_c: Numbers | None = Field(None, description="K in units of the critical coupling, instead of K")
    h: Numbers = Field((0.0,), description="reduced field: a number or a list")
    networks: tuple[str, ...] = Field((), description='names of networks, such as ["majority"]')
    analyses: tuple[Analysis, ...] = Field((), description='such as ["mcrg", "tangent"]')
    draws: Draws | None = Field(None, description="number of draws a chain, such as 2000")
    chains: Chains | None = Field(None, description="number of independent chains, such as 4")
    update: UpdateName | None = Field(None, description='name of a Monte Carlo update, or "auto"')
    warmup: Warmup | None = Field(None, description="sweeps before the first draw")
    thin: Draws | None = Field(None, description="sweeps from draw to draw")


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
