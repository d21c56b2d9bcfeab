"""What the experiments on fitted Hamiltonians share: tables of several data stacked, and how far the fits reach."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from rgnet import flow, labels

DROPPED = ("other", "difference", "difference_stderr", "operator", "coupling", "coupling_stderr")


def scored(level: xr.Dataset, sets: Mapping[str, Any]) -> xr.Dataset:
    """`rgnet.flow.hamiltonians`, with what sets miss of the best one, gains beyond nearest neighbours, and their end.

    Sets that reach around the torus, and the last ones if they run to infinity on these data, are left out: NaN.
    """
    room = min(level["spin"].sizes[name] for name in labels.space_dims(level))
    kept = {name: items for name, items in sets.items() if all(2 * item.reach < room for item in items)}
    while True:
        try:
            table = flow.hamiltonians(level, kept)
            break
        except ValueError:
            if len(kept) <= 2:
                raise
            kept.popitem()
    largest, enough = list(kept)[-1], flow.sufficient(table)
    beyond: dict[str, Any] = {
        f"beyond_nn{end}": table[f"difference{end}"].sel(set=largest, other="nn").item() for end in ("", "_stderr")
    }
    best = int(np.argmax(table["held_out"].values))
    more = table.assign(
        missed=table["difference"][best].drop_vars("set").rename(other="set"),
        missed_stderr=table["difference_stderr"][best].drop_vars("set").rename(other="set"),
        sufficient=int(table["parameters"][enough]),
        is_largest=int(enough == len(kept) - 1),
        **beyond,
    )
    more = more.reindex(set=list(sets))
    more["parameters"] = ("set", [len(items) for items in sets.values()])
    return more


def stacked(tables: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """One table over "source"."""
    plain = [table.drop_vars([name for name in DROPPED if name in table.variables]) for table in tables.values()]
    joined = xr.concat(plain, dim="source", combine_attrs="drop")
    return joined.assign_coords(source=list(tables), set=[str(name) for name in plain[0]["set"].values])


def couplings_of(tables: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """The couplings of every set of operators, over "source"."""
    names = ["coupling", "coupling_stderr"]
    operators = list(dict.fromkeys(str(name) for table in tables.values() for name in table["operator"].values))
    rows = [table[names].reindex(operator=operators) for table in tables.values()]
    joined = xr.concat(rows, dim="source", combine_attrs="drop")
    return joined.assign_coords(source=list(tables), operator=operators, set=[str(n) for n in joined["set"].values])


def in_errors(value: float, stderr: float) -> str:
    """A value and its error for sentences, such as "0.00012(3)"."""
    from rgnet.estimate import parenthesis

    return parenthesis(value, stderr) if np.isfinite(stderr) and stderr > 0 else f"{value:.3g}"
