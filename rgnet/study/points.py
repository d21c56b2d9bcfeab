"""From a study to its points: one model, one way of sampling, the networks and analyses asked for."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rgnet import lattice
from rgnet.exact import critical
from rgnet.layers import Network
from rgnet.models import Ising, from_dict
from rgnet.study.schema import EnsembleSection, NetworkSection, Study, StudyError
from rgnet.updates import resolve


@dataclass(frozen=True)
class Point:
    """One simulation. Plain data throughout, so that it travels to any worker and is stored in its file as JSON.

    Attributes
    ----------
    name : str
        File name without ending.
    model, sample : dict
        ``Model.to_dict()``; draws, chains, update, warmup, thin.
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

    def build_model(self) -> Ising:
        """The model object."""
        return from_dict(self.model)

    def build_network(self, name: str) -> Network:
        """The network of that name."""
        return network(self.networks[name])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_json_dict` reads it back."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @property
    def work(self) -> float:
        """Rough cost in spin updates: the longest points are started first."""
        levels = 1 + 2 * len(self.networks)
        return float(math.prod(self.model["shape"]) * self.sample["draws"] * self.sample["chains"] * levels)


def from_json_dict(data: Mapping[str, Any]) -> Point:
    """The inverse of `Point.to_dict`."""
    return Point(**{**data, "analyses": tuple(data["analyses"])})


def network(section: Mapping[str, Any]) -> Network:
    """The Network that a ``[networks.NAME]`` section describes."""
    parsed = NetworkSection.model_validate(section)
    return Network([layer for item in parsed.layers for layer in item.build()])


def points(study: Study) -> list[Point]:
    """Every point of a study, each checked: its model exists, its update is exact, its networks fit its shape.

    Raises
    ------
    StudyError
        Naming the ensemble, the value, the rule and the remedy.
    """
    result = []
    for ensemble in study.ensembles:
        for shape, (key, value), h in itertools.product(ensemble.shape, _couplings(ensemble), ensemble.h):
            try:
                result.append(_point(study, ensemble, shape, key, value, h))
            except StudyError:
                raise
            except (ValueError, TypeError) as error:
                raise StudyError(f"ensemble {ensemble.name!r}: {error}") from None
    names = [point.name for point in result]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"two points are called {name!r}: a coupling or a shape is given twice; leave one out")
    return result


def _couplings(ensemble: EnsembleSection) -> Iterator[tuple[str, float]]:
    """Which key gives the coupling, and each of its values."""
    for key in ("K", "T", "K_over_K_c"):
        for value in getattr(ensemble, key) or ():
            yield key, value


def _coupling(ensemble: EnsembleSection, shape: Any, key: str, value: float, further: bool) -> tuple[float, str]:
    """K, and how the file name calls it."""
    if key == "K":
        return value, f"K{value:.7g}"
    if key == "T":
        return 1.0 / value, f"T{value:.7g}"
    known = critical(len(shape))
    if known is None or further:
        raise StudyError(
            f"ensemble {ensemble.name!r}: K_over_K_c with shape {list(shape)}: K_c is known for the square and the "
            f"cubic lattice without further couplings; give K instead"
        )
    return value * known.K_c, f"{value:.7g}Kc"


def _point(study: Study, ensemble: EnsembleSection, shape: Any, key: str, value: float, h: float) -> Point:
    K, label = _coupling(ensemble, shape, key, value, bool(study.model.couplings))
    model = Ising(shape, K=K, h=h, couplings=study.model.couplings, boundary=study.model.boundary)
    sample = {
        key: getattr(ensemble, key) if getattr(ensemble, key) is not None else getattr(study.sample, key)
        for key in ("draws", "chains", "update", "warmup", "thin")
    }
    resolve(sample["update"], model)
    networks = {name: study.networks[name].model_dump(mode="json") for name in ensemble.networks}
    for name, section in networks.items():
        _check_network(name, section, model)
    side = "x".join(str(s) for s in model.shape)
    name = f"{ensemble.name}-{side}-{label}" + (f"-h{h:.7g}" if h or len(ensemble.h) > 1 else "")
    return Point(
        name, ensemble.name, model.to_dict(), sample, networks, ensemble.analyses, point_seed(study.seed, name)
    )


def _check_network(name: str, section: Mapping[str, Any], model: Ising) -> None:
    net = network(section)
    lattice.coarse_shape(model.shape, net.scale, f"network {name!r} ({len(net.layers)} layers, scale {net.scale})")


def point_seed(seed: int, name: str) -> int:
    """Seed of a point: 128 bits from ``SeedSequence(seed, spawn_key=words of sha256(name))``."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype=np.uint32)
    state = np.random.SeedSequence(seed, spawn_key=tuple(int(w) for w in words)).generate_state(4, np.uint32)
    return int.from_bytes(state.astype("<u4").tobytes(), "little")
