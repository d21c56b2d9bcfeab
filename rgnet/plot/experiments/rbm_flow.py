"""Figure of the experiment "rbm-flow"."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.experiments.rbm_flow import MACHINES, THERMOMETERS
from rgnet.plot.style import EXACT, styled, subplots

_TITLES = {"mixed": "trained on all $K$", "single": "trained at one $K$", "random": "random weights"}
_MARKERS = {"coupling": "o", "energy": "s", "network": "^"}


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Above, the flows by every thermometer; below, K_nnn of the flows and what the thermometers read of controls."""
    values, groups = results[0]
    flow, controls = groups["flow"], groups["controls"]
    K_c = float(flow.attrs["K_c"])
    figure, axes = subplots(3, 5.6, rows=2)
    x = np.arange(flow.sizes["step"])
    for m, name in enumerate(MACHINES):
        ax = axes[0, m]
        for s in range(flow.sizes["start"]):
            for t, word in enumerate(THERMOMETERS):
                ax.errorbar(
                    x + 0.08 * (t - 1), flow["K"].values[m, s, :, t] / K_c, flow["K_stderr"].values[m, s, :, t] / K_c,
                    color=f"C{s}", marker=_MARKERS[word], linestyle=("-", ":", "--")[t], linewidth=0.9,
                    label=word if s == 0 else None,
                )  # fmt: skip
        ax.axhline(1.0, **EXACT)
        if name == "single":
            ax.axhline(values["single"], color="C4", linestyle="-.", linewidth=1.0, marker="none")
            ax.text(0.98, 0.90, "dash-dotted: its data", transform=ax.transAxes, ha="right", va="top", fontsize=8)
        ax.set_xticks(x, [str(n) for n in flow["step"].values], fontsize=7)
        ax.set_xlabel("rounds v → h → v'")
        ax.set_title(_TITLES[name])
        top = max(flow["start"].values) + 0.3
        ax.set_ylim(-0.1, top)
    axes[0, 0].set_ylabel("$K/K_c$ read")
    axes[0, 2].legend(title="thermometer")
    axes[0, 1].text(0.98, 0.97, "colour: start", transform=axes[0, 1].transAxes, ha="right", va="top", fontsize=8)
    ax = axes[1, 0]
    for m, name in enumerate(MACHINES[:2]):
        nnn, errors = flow["coupling"].values[m, :, :, 1], flow["coupling_stderr"].values[m, :, :, 1]
        nnn = np.where(errors < 0.1, nnn, np.nan)
        for s in range(len(nnn)):
            ax.errorbar(
                x, nnn[s], errors[s], color=f"C{s}", marker="oD"[m], linestyle=("-", "--")[m],
                label=_TITLES[name] if s == 0 else None,
            )  # fmt: skip
    ax.axhline(0.0, **EXACT)
    ax.set_xticks(x, [str(n) for n in flow["step"].values], fontsize=7)
    ax.set_xlabel("rounds v → h → v'")
    ax.set_ylabel(r"$K_\mathrm{nnn}$")
    ax.set_title("off the Ising family")
    ax.margins(y=0.3)
    ax.legend(loc="upper right", fontsize=8)
    ising = controls["data"].values == "Ising"
    true = controls["K_true"].values / K_c
    ax = axes[1, 1]
    for t, word in enumerate(THERMOMETERS):
        ax.errorbar(
            true[ising], controls["K"].values[ising, t] / K_c, controls["K_stderr"].values[ising, t] / K_c,
            marker=_MARKERS[word], linestyle="none", label=word,
        )  # fmt: skip
    ax.plot(true[ising], true[ising], **EXACT)
    ax.set_xlabel("$K/K_c$ of Ising data")
    ax.set_ylabel("$K/K_c$ read")
    ax.set_title("calibration")
    ax = axes[1, 2]
    names = [str(name) for name in controls["data"].values[~ising]]
    y = np.arange(len(names))[::-1]
    for t, word in enumerate(THERMOMETERS):
        ax.errorbar(
            controls["K"].values[~ising, t] / K_c, y + 0.15 * (1 - t),
            xerr=controls["K_stderr"].values[~ising, t] / K_c, marker=_MARKERS[word], linestyle="none", label=word,
        )  # fmt: skip
    ax.plot(true[~ising], y + 0.3, linestyle="none", marker="|", color="0.25", markersize=9, label="$K_{nn}$ put in")
    ax.set_yticks(y, names)
    ax.set_ylim(-0.6, len(names) + 0.9)
    ax.set_xlabel("$K/K_c$ read")
    ax.set_title("data of no K")
    ax.legend(loc="upper left", fontsize=8, ncols=2)
    return figure
