"""What `compare` is given, checked before any computing, and the controls that are added."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from rgnet import labels, models
from rgnet.comparison.geometry import flat
from rgnet.comparison.kept import SCORES
from rgnet.comparison.spins import COMPONENT, is_spin
from rgnet.layers import BlockAverage, Decimation, Kadanoff, Layer, Majority, Network

DATA = "data"  # what level 0 is called among the networks
HAND_MADE = (Majority, Decimation, Kadanoff, BlockAverage)


@dataclass(frozen=True)
class Entry:
    """A network of the comparison: its layers, and its role ("reference", "network" or "control")."""

    name: str
    layers: tuple[Any, ...]
    role: str

    @property
    def hand_made(self) -> bool:
        """Whether every layer is a block map."""
        return all(isinstance(item, HAND_MADE) for layer in self.layers for item in flat(layer))

    def levels(self, data: xr.Dataset, seed: int) -> list[xr.Dataset]:
        """Every level of the data."""
        return Network(self.layers).levels(data, seed)


@dataclass(frozen=True)
class Target:
    """What information is kept about: "K", "h" or labels (chain, draw) of the data or of a Dataset of their own."""

    name: str
    labels: xr.DataArray | None = None
    data: xr.Dataset | None = None


def check_data(data: Any, who: str = "data") -> xr.Dataset:
    """Configurations with the dimensions (chain, draw, *space).

    Raises
    ------
    ValueError
        If there is no ``spin``, fewer than two chains, or values other than ±1.
    """
    if hasattr(data, "to_dataset") and hasattr(data, "subtree"):
        data = data.to_dataset()
    space = [name for name in labels.space_dims(data) if name != COMPONENT]
    missing = [name for name in ("chain", "draw") if name not in data["spin"].dims]
    if missing or int(data.sizes["chain"]) < 2:
        have = 1 if missing else int(data.sizes["chain"])
        raise ValueError(
            f"{who} has {have} chain{'s' if have > 1 else ''}: probes are judged on chains that they have not seen; "
            f"sample at least two, rgnet.sample(model, draws, chains=4)"
        )
    extra = [str(name) for name in data["spin"].dims if name not in ("chain", "draw", COMPONENT, *space)]
    if extra or not space:
        raise ValueError(
            f"{who} has the dimensions {data['spin'].dims}: (chain, draw, *space) are compared; select one"
        )
    if int(data.attrs.get("level", 0)) != 0:
        raise ValueError(f"{who} is level {data.attrs['level']}: networks start from level 0, give the sampled data")
    if data["spin"].dtype.kind == "f" or not is_spin(data["spin"].values):
        raise ValueError(f"{who} has values other than ±1 (type {data['spin'].dtype}): spins are compared; recode them")
    order = ("chain", "draw", *((COMPONENT,) if COMPONENT in data["spin"].dims else ()), *space)
    return xr.Dataset({"spin": data["spin"].transpose(*order).load()}, attrs=dict(data.attrs))


def entries(networks: Any, shape: tuple[int, ...], reference: str | None) -> list[Entry]:
    """The networks by name, the reference first.

    Raises
    ------
    ValueError
        If there is none, a name is taken, a scale does not divide the shape, or no RG is there to compare with.
    TypeError
        If something is not a network.
    """
    if not isinstance(networks, Mapping) or not networks:
        raise ValueError(
            f"networks={networks!r}: give at least one by name, such as "
            f"{{'majority': rg.Network([rg.Majority(2)] * 3)}}"
        )
    found = [Entry(_name(name), _layers(name, item), "network") for name, item in networks.items()]
    for entry in found:
        scale = math.prod(item.scale for layer in entry.layers for item in flat(layer))
        if any(side % scale for side in shape):
            raise ValueError(
                f"network {entry.name!r} has the scale {scale}, which does not divide the shape {shape}: leave out a "
                f"layer, or sample another shape"
            )
    if reference is None:
        reference = next((entry.name for entry in found if entry.hand_made), None)
        if reference is None:
            raise ValueError(
                f"none of the networks {', '.join(entry.name for entry in found)} is a hand-made RG: name the one to "
                f"compare with, reference=, or add {{'majority': rg.Network([rg.Majority(2)] * 3)}}"
            )
    if reference not in [entry.name for entry in found]:
        raise ValueError(f"reference={reference!r} is none of the networks {', '.join(e.name for e in found)}")
    chosen = [Entry(e.name, e.layers, "reference") for e in found if e.name == reference]
    return chosen + [entry for entry in found if entry.name != reference]


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name or name in (DATA, "random") or name.endswith("(random)"):
        raise ValueError(
            f"network name {name!r}: give text other than 'data' (level 0), 'random' and '… (random)' (the controls)"
        )
    return name


def _layers(name: Any, item: Any) -> tuple[Any, ...]:
    item = getattr(item, "network", item)
    if isinstance(item, Network):
        return item.layers
    if isinstance(item, type) or not isinstance(item, Layer):
        raise TypeError(f"network {name!r} is {item!r}: give a Network, a layer, or what rgnet.learn's fit returns")
    return (item,)


def controls(found: list[Entry], ndim: int, seed: int) -> list[Entry]:
    """The networks with random weights: one of the same shape for each learned one, one for the hand-made ones."""
    result = []
    for place, entry in enumerate(found):
        items = [list(flat(layer)) for layer in entry.layers]
        if all(hasattr(item, "randomized") for layer in items for item in layer):
            keys = iter(np.random.SeedSequence(seed, spawn_key=(90, place)).generate_state(64))
            layers = tuple(_joined([item.randomized(int(next(keys))) for item in layer]) for layer in items)
            result.append(Entry(f"{entry.name} (random)", layers, "control"))
    hand_made = [entry for entry in found if entry.hand_made]
    if hand_made:
        from rgnet.layers.filter import Filter

        longest = max(hand_made, key=lambda entry: len(entry.layers))
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(91,)))
        layers = tuple(Filter(rng.standard_normal((layer.scale,) * ndim)) for layer in longest.layers)
        result.append(Entry("random", layers, "control"))
    return result


def _joined(layers: list[Any]) -> Any:
    return layers[0] if len(layers) == 1 else Network(layers)


def targets_of(targets: Any, data: xr.Dataset) -> list[Target]:
    """What information is kept about; K and h by default.

    Raises
    ------
    ValueError
        If a target is unknown, its labels do not belong to the data, or a Dataset of its own has no ``y_0``.
    """
    if targets is None:
        targets = {name: name for name in SCORES} if _is_ising(data) else {}
    if not isinstance(targets, Mapping):
        raise ValueError(f"targets={targets!r}: give names and targets, such as {{'K': 'K', 'phase': labels}}")
    return [_target(str(name), item, data) for name, item in targets.items()]


def _is_ising(data: xr.Dataset) -> bool:
    try:
        return isinstance(models.from_attrs(data.attrs), models.Ising)
    except (ValueError, KeyError):
        return False


def _target(name: str, item: Any, data: xr.Dataset) -> Target:
    if isinstance(item, str):
        if item not in SCORES:
            raise ValueError(f"target {name!r} is {item!r}: give 'K', 'h', labels (chain, draw), or a Dataset with y_0")
        if not _is_ising(data):
            raise ValueError(f"target {name!r}: Fisher information about {item} is that of an Ising model's data")
        return Target(name if name == item else item)
    if hasattr(item, "data_vars"):
        if "y_0" not in item:
            raise ValueError(
                f"target {name!r} is a Dataset without y_0: labels y_0(chain, draw) belong beside its spin"
            )
        own = check_data(item, f"target {name!r}")
        if own["spin"].shape[2:] != data["spin"].shape[2:]:
            raise ValueError(
                f"target {name!r} has configurations of shape {own['spin'].shape[2:]}, the data "
                f"{data['spin'].shape[2:]}: the same networks see both, give the same shape"
            )
        return Target(name, _labels(name, item["y_0"], own), own)
    return Target(name, _labels(name, item, data))


def _labels(name: str, item: Any, data: xr.Dataset) -> xr.DataArray:
    size = {"chain": int(data.sizes["chain"]), "draw": int(data.sizes["draw"])}
    y = (
        item
        if isinstance(item, xr.DataArray)
        else xr.DataArray(np.asarray(item), dims=("chain", "draw")[: np.ndim(item)])
    )
    if y.dims == ("chain",) and y.sizes["chain"] == size["chain"]:
        y = y.expand_dims(draw=size["draw"], axis=1)
    if set(y.dims) != {"chain", "draw"} or dict(y.sizes) != size:
        raise ValueError(
            f"target {name!r} has the dimensions {dict(y.sizes)}, the data {size}: "
            f"give one label for each (chain, draw)"
        )
    if len(np.unique(y.values)) < 2:
        raise ValueError(f"target {name!r} is the same in every draw: information needs two labels or more")
    return y.transpose("chain", "draw")


def model_of(data: xr.Dataset) -> Any:
    """The model of the data, or None."""
    return models.from_attrs(data.attrs) if "model" in data.attrs and json.loads(data.attrs["model"]) else None
