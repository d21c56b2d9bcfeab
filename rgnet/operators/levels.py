"""Operator sums of levels: labelled Datasets, in memory or from a file."""

import json
from collections.abc import Sequence
from typing import Any

from rgnet import labels
from rgnet.operators.catalogue import resolve
from rgnet.operators.data import Operator, dumps, loads
from rgnet.operators.summing import sums


def measure(level: Any, operators: Sequence[str | Operator] | str | Operator) -> Any:
    """Operator sums of a Dataset: a DataArray over (chain, draw, operator).

    Raises
    ------
    ValueError
        As `resolve`.
    """
    import xarray as xr

    space = labels.space_dims(level)
    labels.check_whole(level)
    spins = level["spin"]
    chosen = resolve(operators, len(space))
    batch = tuple(str(name) for name in spins.dims if name not in space)
    values = sums(spins.transpose(*batch, *space).values, chosen, labels.boundary(level))
    coords = {name: spins.coords[name] for name in batch if name in spins.coords}
    result = xr.DataArray(
        values,
        dims=(*batch, "operator"),
        coords={**coords, "operator": [item.name for item in chosen]},
        name="operator_sum",
        attrs={
            "operators": dumps(chosen),
            "shape": json.dumps([int(spins.sizes[name]) for name in space]),
            "boundary": json.dumps(list(labels.boundary(level))),
            "real": int(spins.dtype.kind == "f"),
        },
    )
    for key in ("level", "scale", "step", "layer", "model"):
        if key in level.attrs:
            result.attrs[key] = level.attrs[key]
    return result


def as_level(level: Any) -> Any:
    """A level as analyses take it: a Dataset with ``spin``, or the DataArray of its operator sums.

    Levels come from ``Network.levels``, from `measure`, or from a file: a group whose configurations were left out
    stands for its ``operator_sum``.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if hasattr(level, "to_dataset") and hasattr(level, "subtree"):  # a DataTree node, as rgnet.open gives it
        level = level.to_dataset()
    if hasattr(level, "data_vars"):
        return level["operator_sum"] if "operator_sum" in level and "spin" not in level else level
    if hasattr(level, "attrs") and "operator" in getattr(level, "dims", ()) and "operators" in level.attrs:
        return level
    raise TypeError(
        f"a level is a Dataset with 'spin', as Network.levels returns it, or the operator sums that operators.measure "
        f"makes of one, not "
        f"{type(level).__name__}; of an array a of configurations make one by "
        f'xarray.Dataset({{"spin": (("chain", "draw", "x", "y"), a)}})'
    )


def measured(level: Any, operators: Sequence[str | Operator] | str | Operator) -> Any:
    """Operator sums of a level given as a Dataset (then measured) or as what `measure` returned (then selected).

    Raises
    ------
    TypeError
        As `as_level`.
    ValueError
        As `resolve`; if sums are given and one of the operators is not among them.
    """
    level = as_level(level)
    if hasattr(level, "data_vars"):
        return measure(level, operators)
    chosen = resolve(operators, len(json.loads(level.attrs["shape"])))
    have = {item.name: item for item in loads(level.attrs["operators"])}
    for item in chosen:
        if have.get(item.name) != item:
            raise ValueError(f"operator {item.name!r} was not measured on this level (measured: {', '.join(have)})")
    selected = level.sel(operator=[item.name for item in chosen])
    return selected.assign_attrs(operators=dumps(chosen))
