"""What the experiments of a study found, read from its result file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from rgnet import store
from rgnet.experiments import catalogue

EXPERIMENTS = "experiments"  # the group of the result that holds them, one group a point in it
Results = list[tuple[dict[str, Any], dict[str, xr.Dataset]]]


def experiments(result: str | Path | xr.DataTree) -> dict[str, Results]:
    """Of each experiment of a result file, its points.

    Parameters
    ----------
    result : path of a ``result.h5``, or what `rgnet.open` returns of it

    Returns
    -------
    dict
        By experiment, such as ``"rbm-stack"``, a list over points of (parameters, groups), in the order of the study;
        groups are Datasets by name. Empty where the study has no experiments.

    Raises
    ------
    FileError
        If the file is damaged or not rgnet's.
    """
    tree = result if isinstance(result, xr.DataTree) else store.open(result)
    if EXPERIMENTS not in tree.children:
        return {}
    found: dict[str, Results] = {}
    points = tree[EXPERIMENTS].children
    listed = [name for name in tree.attrs.get("points", points) if name in points]
    for name in listed:
        node = points[name]
        inner = {
            one.path.removeprefix(node.path).strip("/"): one.to_dataset(inherit=False).load()
            for one in node.subtree
            if one is not node
        }
        groups = {path: group for path, group in inner.items() if group.variables or group.attrs}
        found.setdefault(str(node.attrs["experiment"]), []).append((parameters_of(node.attrs), groups))
    return found


def paragraphs(found: Mapping[str, Results]) -> dict[str, str]:
    """What each experiment found, in its own words; of experiments that this rgnet does not know, nothing."""
    return {
        name: str(catalogue.module(name).paragraph(points))
        for name, points in found.items()
        if name in catalogue.EXPERIMENTS
    }


def parameters_of(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """The parameters of a point, from the attributes of its group."""
    return dict(json.loads(str(attrs["parameters"])))


def merged(point: str, model: Mapping[str, Any], groups: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """The groups of a point as the result file holds them."""
    attrs = {"experiment": model["experiment"], "parameters": json.dumps(model["parameters"], ensure_ascii=False)}
    head = f"{EXPERIMENTS}/{point}"
    return {head: xr.Dataset(attrs=attrs), **{f"{head}/{name}": group for name, group in groups.items()}}
