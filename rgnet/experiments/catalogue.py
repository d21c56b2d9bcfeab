"""The experiments by the names that studies call them, found when they are asked for.

A module may say what it needs beyond the core by ``REQUIRES = ("torch", …)``, or by a function
``requires(parameters)`` where that depends on what is asked; otherwise an experiment needs the extra ``learn``.
"""

import importlib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

LEARN = ("torch", "safetensors")
INSTALL = 'pip install -e ".[learn]"'

EXPERIMENTS: dict[str, str] = {
    "comparison": "rgnet.experiments.comparison",
    "rbm-stack": "rgnet.experiments.rbm_stack",
    "counterexample": "rgnet.experiments.counterexample",
    "rbm-flow": "rgnet.experiments.rbm_flow",
    "rsmi": "rgnet.experiments.rsmi",
    "cnn-layers": "rgnet.experiments.cnn_layers",
    "learning-curves": "rgnet.experiments.learning_curves",
    "exact-classifier": "rgnet.experiments.exact_classifier",
    "product-gate": "rgnet.experiments.product_gate",
    "polynomials": "rgnet.experiments.polynomials",
    "bit-products": "rgnet.experiments.bit_products",
    "what-physics-saves": "rgnet.experiments.what_physics_saves",
    "maximum-entropy": "rgnet.experiments.maximum_entropy",
    "flattening": "rgnet.experiments.flattening",
    "flattening-linear": "rgnet.experiments.flattening_linear",
    "product-sufficient": "rgnet.experiments.product_sufficient",
    "product-necessary": "rgnet.experiments.product_necessary",
    "product-depth": "rgnet.experiments.product_depth",
    "dictionary": "rgnet.experiments.dictionary",
}
"""Name in a study -> module. The figure's module has the last part of that name, in `rgnet.plot.experiments`."""


class UnknownExperimentError(ValueError):
    """No experiment of that name."""


class MissingExtraError(ValueError):
    """What an experiment needs is not installed; the message says how to install it."""


def module(name: str) -> Any:
    """The module of an experiment.

    Raises
    ------
    UnknownExperimentError
        If there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise UnknownExperimentError(f"experiment {name!r}: known are {', '.join(EXPERIMENTS)}")
    return importlib.import_module(EXPERIMENTS[name])


def parameters(name: str, values: Mapping[str, Any]) -> BaseModel:
    """The checked parameters of an experiment; those left out have their defaults.

    Numbers are taken as they are written: text is no number, and a fraction is no whole number.

    Raises
    ------
    UnknownExperimentError
        If there is no such experiment.
    pydantic.ValidationError
        If a parameter is unknown, missing, or refused.
    """
    checked: BaseModel = module(name).Parameters.model_validate_json(json.dumps(values), strict=True)
    return checked


def requirements(name: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Packages beyond the core that an experiment with these parameters imports."""
    found = module(name)
    if hasattr(found, "requires"):
        return tuple(found.requires(parameters(name, values)))
    return tuple(getattr(found, "REQUIRES", LEARN))


def missing(packages: Iterable[str]) -> list[str]:
    """Which of these packages cannot be imported; none of them is loaded for that."""
    return [package for package in packages if not _is_there(package)]


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # its parent is missing, or it is hidden
        return False


def check_installed(wanted: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Refuse experiments, each a name and its parameters, that need what is not installed.

    Raises
    ------
    MissingExtraError
        Naming them, the packages and the remedy.
    """
    lacking: dict[str, dict[str, None]] = {}
    for name, values in wanted:
        for package in missing(requirements(name, values)):
            lacking.setdefault(name, {})[package] = None
    if lacking:
        packages = dict.fromkeys(package for those in lacking.values() for package in those)
        verb = "needs" if len(lacking) == 1 else "need"
        raise MissingExtraError(
            f"{' and '.join(lacking)} {verb} {' and '.join(packages)}, not installed here: {INSTALL}"
        )
