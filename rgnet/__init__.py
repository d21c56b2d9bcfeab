"""rgnet: the laboratory in which the renormalization group and neural networks are measured on the same data.

One idea holds it together: a coarse-graining map is one object with three readings, a renormalization-group step, a
layer of a network, and an information channel.

>>> import rgnet as rg
>>> model = rg.Ising((64, 64), K=rg.exact.ising2d.K_c)
>>> data = rg.sample(model, draws=2000, chains=4, seed=1)
>>> levels = rg.Network([rg.Majority(2)] * 4).levels(data)
>>> table = rg.flow.mcrg(levels)
>>> kept = rg.information.retained(levels, about="K")

Names are loaded on first use (PEP 562), so that ``import rgnet`` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rgnet import (
        cheap,
        exact,
        experiments,
        flow,
        free_energy,
        hierarchies,
        info,
        information,
        layers,
        learn,
        models,
        observables,
        operators,
        plot,
        report,
        stats,
        store,
        study,
        updates,
        verify,
    )
    from rgnet.comparison import compare
    from rgnet.estimate import Estimate
    from rgnet.lattice import Graph
    from rgnet.layers import BlockAverage, Decimation, Filter, Kadanoff, Majority, Network
    from rgnet.models import (
        ON,
        XY,
        BlumeCapel,
        Clock,
        ContinuousModel,
        Dimers,
        DiscreteModel,
        GaussianField,
        Ising,
        Phi4,
        Potts,
        SpinGlass,
    )
    from rgnet.operators import Operator
    from rgnet.reweighting import reweight
    from rgnet.sampling import join, sample
    from rgnet.stats import ShortChainError
    from rgnet.store import open
    from rgnet.study import run
    from rgnet.tempering import temper

_MODULES = (
    "cheap", "exact", "experiments", "flow", "free_energy", "hierarchies", "info", "information", "layers", "learn",
    "models", "observables", "operators", "plot", "report", "stats", "store", "study", "updates", "verify",
)  # fmt: skip
_NAMES = {
    "Ising": "models",
    "Dimers": "models",
    "ON": "models",
    "XY": "models",
    "BlumeCapel": "models",
    "Clock": "models",
    "ContinuousModel": "models",
    "DiscreteModel": "models",
    "GaussianField": "models",
    "Phi4": "models",
    "Potts": "models",
    "SpinGlass": "models",
    "Graph": "lattice",
    "Decimation": "layers",
    "Majority": "layers",
    "Kadanoff": "layers",
    "BlockAverage": "layers",
    "Filter": "layers",
    "Network": "layers",
    "Operator": "operators",
    "Estimate": "estimate",
    "ShortChainError": "stats",
    "join": "sampling",
    "sample": "sampling",
    "temper": "tempering",
    "reweight": "reweighting",
    "compare": "comparison",
    "open": "store",
    "run": "study",
}

__all__ = [
    "ON", "XY", "BlockAverage", "BlumeCapel", "Clock", "ContinuousModel", "Decimation", "Dimers", "DiscreteModel",
    "Estimate", "Filter", "GaussianField", "Graph", "Ising", "Kadanoff", "Majority", "Network", "Operator", "Phi4",
    "Potts", "ShortChainError", "SpinGlass", "__version__", "cheap", "compare", "exact", "experiments", "flow",
    "free_energy", "hierarchies", "info", "information", "join", "layers", "learn", "models", "observables", "open",
    "operators", "plot", "report", "reweight", "run", "sample", "stats", "store", "study", "temper", "updates",
    "verify",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(f"rgnet.{_NAMES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"rgnet.{name}")
    else:
        raise AttributeError(f"module 'rgnet' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
