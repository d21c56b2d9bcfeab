"""Figure of the experiment "counterexample"."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.experiments.counterexample import NAMES
from rgnet.plot.style import styled, subplots

_FLOOR = 1e-16  # nats: what rounding leaves is drawn there


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Violation and KL of every rule beside what its hidden units know."""
    rules = [str(name) for name in results[0][1]["rules"]["rule"].values]
    figure, axes = subplots(3, 3.2, sharey=True)
    y = np.arange(len(rules))[::-1]
    panels = (
        ("violation", "violation of the trace\ncondition (nats, s.d. over v)"),
        ("information", "I(h; v) (nats)"),
        ("fisher_fraction", "share of the Fisher\ninformation in K kept"),
    )
    for ax, (name, label) in zip(axes[0], panels, strict=True):
        for rank, (values, groups) in enumerate(results):
            shift = 0.16 * (rank - (len(results) - 1) / 2)
            shown = groups["rules"][name].values
            if name == "violation":
                shown = np.maximum(shown, _FLOOR)
            ax.plot(shown, y - shift, linestyle="none", label=f"$K = {values['K_over_K_c']:.3g}\\,K_c$")
        ax.set_xlabel(label)
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_xlim(_FLOOR / 3, 30)
    axes[0, 0].set_yticks(y, [NAMES.get(rule, rule) for rule in rules])
    axes[0, 1].set_xlim(left=-0.05)
    axes[0, 2].set_xlim(-0.03, 1.03)
    figure.legend(*axes[0, 2].get_legend_handles_labels(), loc="outside lower center", ncols=len(results))
    axes[0, 0].set_title("is the RG step exact?")
    axes[0, 1].set_title("does h know v?")
    axes[0, 2].set_title("does h know K?")
    return figure
