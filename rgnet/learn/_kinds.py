"""Which classes a file of `rgnet.learn.saving` may name: a fixed table, so that a file cannot have anything imported.

To make a layer savable, give it ``config()`` (JSON), ``state()`` (arrays by name) and a classmethod
``from_state(config, state)``, and write one line here. Frozen dataclasses of plain values need the line alone.
"""

import importlib
from typing import Any

LAYERS = {
    "majority": "rgnet.layers:Majority",
    "decimation": "rgnet.layers:Decimation",
    "kadanoff": "rgnet.layers:Kadanoff",
    "average": "rgnet.layers:BlockAverage",
    "filter": "rgnet.layers:Filter",
    "network": "rgnet.layers:Network",
    "torch": "rgnet.learn.adapters:TorchLayer",
    "rbm": "rgnet.learn.rbm:RBMLayer",
    "projection": "rgnet.learn.baselines:Projection",
}

# Specifications, which are kept with what they learned
SPECS = {
    "RBM": "rgnet.learn.rbm:RBM",
    "RBMStack": "rgnet.learn.rbm:RBMStack",
    "RSMI": "rgnet.learn.rsmi:RSMI",
    "Classifier": "rgnet.learn.classifiers:Classifier",
    "Autoencoder": "rgnet.learn.baselines:Autoencoder",
    "PCA": "rgnet.learn.baselines:PCA",
}

# For `from_torch(…, builder=(name, settings))`: functions of JSON settings to a module, or a tuple that begins with one
BUILDERS = {
    "classifier": "rgnet.learn._classifier_module:build",
    "autoencoder": "rgnet.learn._classifier_module:build_autoencoder",
}


def resolve(table: dict[str, str], name: object) -> Any:
    """The class or function of that name.

    Raises
    ------
    ValueError
        If the table has none.
    """
    if not isinstance(name, str) or name not in table:
        raise ValueError(
            f"{name!r} is unknown to this version of rgnet; known are {', '.join(sorted(table)) or 'none'}"
        )
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def kind_of(table: dict[str, str], item: object) -> str | None:
    """The name under which the table has the object's class, or None."""
    for name, path in table.items():
        if path.partition(":")[2] == type(item).__name__ and resolve(table, name) is type(item):
            return name
    return None
