"""What a file of `rgnet.learn.saving` holds: objects as JSON and tensors, and back. No file is touched here."""

import copy
import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from rgnet.estimate import Estimate
from rgnet.layers import Network
from rgnet.learn._kinds import BUILDERS, LAYERS, SPECS, kind_of, resolve
from rgnet.learn._torch import torch
from rgnet.learn.adapters import TorchLayer, from_torch
from rgnet.learn.training import Learned

Array = npt.NDArray[Any]
Tensors = dict[str, torch.Tensor]
MOST_SITES = 1 << 28
PLAIN = (str, int, float, bool, type(None))


class Writer:
    """Collects the tensors while objects become JSON."""

    def __init__(self) -> None:
        self.tensors: Tensors = {}
        self.roots: list[torch.nn.Module] = []
        self.count = 0

    def network(self, item: Any) -> dict[str, Any]:
        """A layer, or a Network of them."""
        kind = kind_of(LAYERS, item)
        if kind is None:
            raise TypeError(
                f"{item!r} cannot be saved: known are {', '.join(sorted(LAYERS))}; another layer takes config(), "
                f"state(), from_state() and a line in rgnet/learn/_kinds.py"
            )
        if isinstance(item, Network):
            return {"kind": kind, "layers": [self.network(layer) for layer in item.layers]}
        if isinstance(item, TorchLayer):
            return {"kind": kind, "config": item.config(), "root": self._root(item.module.root)}
        if not hasattr(item, "state"):
            return {"kind": kind, "config": {f.name: plain(getattr(item, f.name)) for f in dataclasses.fields(item)}}
        at, self.count = f"layer/{self.count}", self.count + 1
        for name, array in item.state().items():
            self.array(f"{at}/{name}", array)
        return {"kind": kind, "config": plain(item.config()), "at": at}

    def learned(self, item: Learned) -> dict[str, Any]:
        """History, specification and values; the network is apart."""
        variables: dict[str, Any] = {}
        for name, variable in item.history.variables.items():
            entry: dict[str, Any] = {"dims": [str(d) for d in variable.dims], "coord": name in item.history.coords}
            if variable.dtype.kind in "iufb":
                self.array(f"history/{name}", variable.values)
            else:
                entry["list"] = plain(variable.values.tolist())
            variables[str(name)] = entry
        return {
            "history": {"variables": variables, "attrs": plain(dict(item.history.attrs))},
            "spec": _spec(item.spec),
            "values": {str(name): _value(name, value) for name, value in item.values.items()},
        }

    def array(self, name: str, values: npt.ArrayLike) -> None:
        """Keep an array under a name."""
        self.tensors[name] = torch.from_numpy(np.array(values, order="C"))

    def _root(self, root: torch.nn.Module) -> int:
        for number, known in enumerate(self.roots):
            if known is root:
                return number
        self.roots.append(root)
        number = len(self.roots) - 1
        for name, tensor in root.state_dict().items():
            self.tensors[f"root/{number}/{name}"] = tensor.detach().cpu().clone().contiguous()
        return number


class Reader:
    """Makes objects from JSON and tensors; ``into`` is a module for weights whose architecture the file has not."""

    def __init__(self, tensors: Tensors, into: torch.nn.Module | None) -> None:
        self.tensors, self.into, self.used_into = tensors, into, False
        self.networks: dict[tuple[Any, ...], Network] = {}

    def network(self, node: Any) -> Any:
        """The layer or Network that `Writer.network` took."""
        kind = node["kind"]
        cls = resolve(LAYERS, kind)
        if kind == "network":
            return cls([self.network(item) for item in node["layers"]])
        if kind == "torch":
            return self._torch_layer(node)
        if "at" not in node:
            return cls(**node["config"])
        return cls.from_state(node["config"], {k: v.numpy() for k, v in self.under(node["at"] + "/").items()})

    def learned(self, node: Any, network: Any) -> Learned:
        """The Learned that `Writer.learned` took."""
        data: dict[str, Any] = {}
        coords: dict[str, Any] = {}
        for name, entry in node["history"]["variables"].items():
            stored = self.tensors.get(f"history/{name}")
            array = np.array(entry["list"]) if stored is None else stored.numpy()
            (coords if entry["coord"] else data)[name] = (tuple(entry["dims"]), array)
        history = xr.Dataset(data, coords=coords, attrs=node["history"]["attrs"])
        values = {name: _unvalue(value) for name, value in node["values"].items()}
        return Learned(network, history, _unspec(node["spec"]), values)

    def under(self, prefix: str) -> Tensors:
        """Tensors whose name begins so, by the rest of it."""
        return {name[len(prefix) :]: item for name, item in self.tensors.items() if name.startswith(prefix)}

    def _torch_layer(self, node: Any) -> Any:
        config, number = node["config"], int(node["root"])
        key = (number, *config["names"])
        if key not in self.networks:
            builder = config["builder"]
            weights = self.under(f"root/{number}/")
            if math.prod(config["shape"]) * config["components"] > MOST_SITES:
                raise ValueError(f"a lattice of {config['shape']} with {config['components']} components")
            if self.into is not None:
                module, self.used_into = self.into, True
            elif builder is not None:
                with torch.device("meta"):  # shapes without memory: settings out of proportion cost nothing
                    _check_weights(_built(builder), weights)
                module = _built(builder)
            else:
                raise IntoError(
                    "the file holds the weights of a torch module, not its code; make the module and give it: "
                    "load(path, into=module)"
                )
            filled = with_weights(module, weights)
            self.networks[key] = from_torch(
                filled,
                config["names"],
                shape=config["shape"],
                components=config["components"],
                builder=None if builder is None else (builder[0], builder[1]),
            )
        return self.networks[key].layers[config["index"]]


class IntoError(ValueError):
    """The module given does not fit the weights in the file, or none was given."""


def with_weights(module: torch.nn.Module, weights: Tensors) -> torch.nn.Module:
    """A copy of the module with these weights.

    Raises
    ------
    IntoError
        If names, shapes or types differ; all that do are listed.
    """
    result = copy.deepcopy(module).to("cpu")
    _check_weights(result, weights)
    result.load_state_dict(weights)
    return result


def _built(builder: Any) -> Any:
    made = resolve(BUILDERS, builder[0])(**builder[1])
    return made[0] if isinstance(made, tuple) else made


def _check_weights(module: torch.nn.Module, weights: Tensors) -> None:
    have = module.state_dict()
    problems = [f"{name} is not in the module" for name in weights if name not in have]
    problems += [f"{name} is not in the file" for name in have if name not in weights]
    for name in (name for name in have if name in weights):
        here, there = have[name], weights[name]
        if here.shape != there.shape:
            problems.append(f"{name} is {tuple(there.shape)} in the file, {tuple(here.shape)} in the module")
        elif here.dtype != there.dtype:
            problems.append(f"{name} is {there.dtype} in the file, {here.dtype} in the module")
    if problems:
        shown = "; ".join(problems[:12]) + (f"; and {len(problems) - 12} more" if len(problems) > 12 else "")
        raise IntoError(f"weights from another architecture: {shown}. Give a module made as the saved one was")


def plain(value: Any) -> Any:
    """Values of JSON: numpy numbers as Python's, tuples as lists.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    raise TypeError(f"{value!r} cannot be saved: numbers, text, lists and dicts can")


def _value(name: object, value: Any) -> Any:
    if isinstance(value, Estimate):
        return {"estimate": plain(dataclasses.asdict(value))}
    try:
        return {"plain": plain(value)}
    except TypeError as error:
        raise TypeError(f"values[{name!r}]: {error}") from error


def _unvalue(node: Any) -> Any:
    if "estimate" in node:
        fields = dict(node["estimate"])
        fields["interval"] = tuple(fields["interval"])
        return Estimate(**fields)
    return node["plain"]


def _spec(spec: Any) -> dict[str, Any]:
    """A specification by its fields if the table has it, else its text."""
    kind = kind_of(SPECS, spec)
    if kind is None:
        return {"text": spec if isinstance(spec, str) else repr(spec)}
    try:
        return {"kind": kind, "fields": {f.name: _field(getattr(spec, f.name)) for f in dataclasses.fields(spec)}}
    except TypeError:
        return {"text": repr(spec)}


def _field(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {"spec": _spec(value)}
    if isinstance(value, (list, tuple)):
        return [_field(item) for item in value]
    return plain(value)


def _unspec(node: Any) -> Any:
    if "text" in node:
        return node["text"]
    return resolve(SPECS, node["kind"])(**{name: _unfield(value) for name, value in node["fields"].items()})


def _unfield(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"spec"}:
        return _unspec(value["spec"])
    return tuple(_unfield(item) for item in value) if isinstance(value, list) else value
