"""From a study to its points: one model, one way of sampling, the networks and analyses asked for."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from rgnet.experiments import catalogue
from rgnet.hierarchies.catalogue import build as build_hierarchy
from rgnet.layers import Network
from rgnet.models import Model, from_dict
from rgnet.study import experiment_rules, model_rules, models
from rgnet.study.hierarchy_rules import combinations
from rgnet.study.rules import build, coupling_key, coupling_values, digits
from rgnet.study.schema import check
from rgnet.study.sections import (
    PARAMETERS,
    EnsembleSection,
    ExperimentSection,
    HierarchySection,
    ModelSection,
    NetworkSection,
    Study,
)
from rgnet.study.wording import StudyError

_WORK_OF_EXPERIMENT = 1e10  # a minute or so: nobody knows beforehand


@dataclass(frozen=True)
class Point:
    """One simulation. Plain data throughout, so that it travels to any worker and is stored in its file as JSON.

    Attributes
    ----------
    name : str
        File name without ending.
    model, sample : dict
        ``Model.to_dict()``; draws, chains, update, warmup, thin, ``configurations`` where they are not kept, and
        ``tempering`` with the couplings K of the replicas, of which the model has the largest. Of a hierarchy: its
        name under ``hierarchy``, and its parameters; draws. Of an experiment: its name under ``experiment``, and
        ``parameters``; nothing.
    networks : dict
        Name to {"layers": [...], "keep_levels": bool}, as in the study file.
    seed : int
        Seed of this point, derived from the study's seed and the point's name alone: points may be added or
        reordered without changing the others.
    """

    name: str
    ensemble: str
    model: dict[str, Any]
    sample: dict[str, Any]
    networks: dict[str, Any]
    analyses: tuple[str, ...]
    seed: int

    def build_model(self) -> Model:
        """The model object."""
        return from_dict(self.model)

    @property
    def is_hierarchy(self) -> bool:
        """Whether it is a hierarchy rather than an ensemble."""
        return "hierarchy" in self.model

    def build_hierarchy(self) -> Any:
        """The hierarchy object."""
        parameters = {key: value for key, value in self.model.items() if key != "hierarchy"}
        return build_hierarchy(self.model["hierarchy"], parameters)

    @property
    def is_experiment(self) -> bool:
        """Whether it is an experiment."""
        return "experiment" in self.model

    def build_parameters(self) -> Any:
        """The checked parameters of an experiment."""
        return catalogue.parameters(self.model["experiment"], self.model["parameters"])

    def build_network(self, name: str) -> Network:
        """The network of that name."""
        return network(self.networks[name])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_json_dict` reads it back."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @property
    def digest(self) -> str:
        """First 16 hexadecimal digits of the sha256 of `to_dict` as canonical JSON: equal points have equal digests."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def work(self) -> float:
        """Rough cost in spin updates: the longest points are started first."""
        if self.is_experiment:
            return _WORK_OF_EXPERIMENT
        levels = 1 + 2 * len(self.networks)
        if self.is_hierarchy:  # estimates take far longer than sampling
            return float(sum(self.build_hierarchy().level_sizes) * self.sample["draws"] * levels * 100)
        replicas = len(self.sample.get("tempering", {}).get("K", (0,)))
        return float(math.prod(self.model["shape"]) * self.sample["draws"] * self.sample["chains"] * levels * replicas)


def from_json_dict(data: Mapping[str, Any]) -> Point:
    """The inverse of `Point.to_dict`.

    Raises
    ------
    StudyError
        If the keys are not those of a point.
    """
    names = {field.name for field in fields(Point)}
    if not isinstance(data, Mapping) or set(data) != names:
        differing = ", ".join(sorted(map(str, names ^ set(data)))) if isinstance(data, Mapping) else "no table"
        raise StudyError(f"this is no point as this version of rgnet stores it (differing: {differing})")
    return Point(**{**data, "analyses": tuple(data["analyses"])})


def network(section: Mapping[str, Any]) -> Network:
    """The Network that a ``[networks.NAME]`` section describes."""
    return build(NetworkSection.model_validate(section))


def points(study: Study) -> list[Point]:
    """Every point of a study, each checked: its model exists, its update is exact, its networks fit its shape.

    Raises
    ------
    StudyError
        All that is wrong: keys, values, rules and remedies.
    """
    check(study)
    networks = {name: section.model_dump(mode="json") for name, section in study.networks.items()}
    ensembles = [point for ensemble in study.ensembles for point in _points_of(ensemble, study, networks)]
    hierarchies = [point for section in study.hierarchies for point in _hierarchies_of(section, study, networks)]
    experiments = [point for section in study.experiments for point in _experiments_of(section, study)]
    return ensembles + hierarchies + experiments


def _experiments_of(section: ExperimentSection, study: Study) -> Iterator[Point]:
    """The points of one ``[[experiments]]``, every default of their parameters written out."""
    for name, parameters in experiment_rules.resolved(section):
        model = {"experiment": section.experiment, "parameters": parameters}
        yield Point(name, section.name, model, {}, {}, (), point_seed(study.seed, name))


def _hierarchies_of(section: HierarchySection, study: Study, networks: Mapping[str, Any]) -> Iterator[Point]:
    """The points of one ``[[hierarchies]]``."""
    own = {name: networks[name] for name in section.networks}
    sample = {"draws": section.draws if section.draws is not None else study.sample.draws}
    for name, parameters in combinations(section):
        model = json.loads(json.dumps({"hierarchy": section.hierarchy, **parameters}))
        yield Point(name, section.name, model, sample, own, ("ledger",), point_seed(study.seed, name))


def _points_of(ensemble: EnsembleSection, study: Study, networks: Mapping[str, Any]) -> Iterator[Point]:
    """The points of one ensemble, which share their networks and their way of sampling."""
    sample = {
        name: getattr(ensemble, name) if getattr(ensemble, name) is not None else getattr(study.sample, name)
        for name in ("draws", "chains", "update", "warmup", "thin", "configurations", "tempering")
    }
    if sample["configurations"]:  # as older studies have it
        del sample["configurations"]
    tempering = sample.pop("tempering")
    own = {name: networks[name] for name in ensemble.networks}
    several = model_rules.parameters(ensemble, study.model)
    one = tempering or not models.has_coupling(study.model.name)  # a whole ladder, or no K at all
    for shape in ensemble.shape:
        sides = "x".join(str(side) for side in shape)
        for number in [None] if one else range(len(coupling_values(ensemble))):
            for chosen in itertools.product(*several.values()):
                values = dict(zip(several, chosen, strict=True))
                ladder = _ladder(ensemble, study.model, values, len(shape)) if tempering else []
                K = _coupling(ensemble, number, study.model, values, len(shape)) if number is not None else None
                label = "tempered" if tempering else "" if number is None else _label(ensemble, number)
                name = "-".join(part for part in (f"{ensemble.name}-{sides}", label, *_said(values, ensemble)) if part)
                model = model_rules.plain(study.model, shape, ladder[-1] if tempering else K, values)
                how = {**sample, "tempering": {**tempering, "K": ladder}} if tempering else sample
                plain = json.loads(json.dumps(model))
                yield Point(name, ensemble.name, plain, how, own, ensemble.analyses, point_seed(study.seed, name))


def _said(values: Mapping[str, Any], ensemble: EnsembleSection) -> list[str]:
    """Parameters as names of files carry them: the field unless it is 0 alone, others where the ensemble gives them."""
    told = []
    for key, value in values.items():
        given = len(ensemble.h) > 1 or value if key == "h" else getattr(ensemble, key, None) is not None
        told += [f"{key}{digits(value)}"] if given and key in ("h", *PARAMETERS) else []
    return told


def _label(ensemble: EnsembleSection, number: int) -> str:
    """How names of files call the coupling."""
    words = {"K": "K{}", "T": "T{}", "K_over_K_c": "{}Kc"}[coupling_key(ensemble)]
    return words.format(digits(coupling_values(ensemble)[number]))


def _ladder(ensemble: EnsembleSection, section: ModelSection, values: Mapping[str, Any], ndim: int) -> list[float]:
    """The K of the replicas, from the lowest to the highest."""
    numbers = range(len(coupling_values(ensemble)))
    return sorted(_coupling(ensemble, number, section, values, ndim) for number in numbers)


def _coupling(
    ensemble: EnsembleSection, number: int, section: ModelSection, values: Mapping[str, Any], ndim: int
) -> float:
    """The K of one value of an ensemble's coupling."""
    key, value = coupling_key(ensemble), coupling_values(ensemble)[number]
    if key == "K":
        return value
    if key == "T":
        return 1.0 / value
    known = models.critical_point({**section.model_dump(), **values}, ndim)
    assert known is not None, "the rules refuse K_over_K_c where K_c is not known"
    return value * known.K_c


def point_seed(seed: int, name: str) -> int:
    """Seed of a point: 128 bits from ``SeedSequence(seed, spawn_key=words of sha256(name))``."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype=np.uint32)
    state = np.random.SeedSequence(seed, spawn_key=tuple(int(w) for w in words)).generate_state(4, np.uint32)
    return int.from_bytes(state.astype("<u4").tobytes(), "little")
