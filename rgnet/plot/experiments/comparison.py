"""Figure of the experiment "comparison"."""

from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.comparison import comparison


def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Heat maps and flows of the comparison; of the first point where a study has several."""
    table = results[0][1]["comparison"]
    shape = " × ".join(str(side) for side in results[0][0].get("shape", ()))
    title = "Networks beside the renormalization group"
    if "K" in table.attrs:
        title += f": Ising model, {shape}, K = {float(table.attrs['K']):.5g}"
    if len(results) > 1:
        title += f" (the first of {len(results)} points)"
    return comparison(table, title)
