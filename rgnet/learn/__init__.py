"""Learned coarse-grainings: the torch wing, behind the extra ``learn``.

Each specification (`RBM`, `RSMI`, `Classifier`, …) is plain data; its ``fit(data, Training(…))`` returns a `Learned`:
an `rgnet.Network` that obeys the contract of every layer, the history of its training, and the numbers measured on
chains that it was not trained on. `to_torch` hands the layers of `rgnet.layers` to torch as modules; `from_torch` takes
any torch module as a Network. Files are safetensors; nothing is unpickled.

Names are loaded on first use; without torch that raises an ImportError that says what to install.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rgnet.learn.adapters import TorchLayer, from_torch, to_torch
    from rgnet.learn.baselines import PCA, Autoencoder
    from rgnet.learn.bounds import mutual_information_bound
    from rgnet.learn.classifiers import Classifier, beside_bayes, predict
    from rgnet.learn.flattening import flatten, shallow
    from rgnet.learn.rbm import RBM, RBMLayer, RBMStack, TrainingWarning
    from rgnet.learn.rsmi import RSMI, environment_information
    from rgnet.learn.saving import load, save
    from rgnet.learn.training import Learned, Training, TrainingError, fit, split_chains

_NAMES = {
    "RBM": "rbm",
    "RBMLayer": "rbm",
    "RBMStack": "rbm",
    "TrainingWarning": "rbm",
    "RSMI": "rsmi",
    "environment_information": "rsmi",
    "PCA": "baselines",
    "Autoencoder": "baselines",
    "Classifier": "classifiers",
    "beside_bayes": "classifiers",
    "predict": "classifiers",
    "Learned": "training",
    "Training": "training",
    "TrainingError": "training",
    "fit": "training",
    "flatten": "flattening",
    "shallow": "flattening",
    "split_chains": "training",
    "TorchLayer": "adapters",
    "from_torch": "adapters",
    "to_torch": "adapters",
    "load": "saving",
    "save": "saving",
    "mutual_information_bound": "bounds",
}

__all__ = [
    "PCA", "RBM", "RSMI", "Autoencoder", "Classifier", "Learned", "RBMLayer", "RBMStack", "TorchLayer", "Training",
    "TrainingError", "TrainingWarning", "beside_bayes", "environment_information", "fit", "flatten", "from_torch",
    "load", "mutual_information_bound", "predict", "save", "shallow", "split_chains", "to_torch",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'rgnet.learn' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"rgnet.learn.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
