"""Figure of the experiment "exact-classifier": the compiled posterior against β, trained networks above the optimum."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, styled, subplots

CAPTION = (
    "Left: largest error of the compiled classifier's posterior over all states, against Bayes' rule by enumeration, "
    "beside what was promised. Right: cross-entropy of trained convolutional networks above the least possible one, on "
    "the same fresh draws (paired errors), against the number of draws they were trained on."
)
ALT = (
    "Two panels: the error of the compiled posterior falls exponentially with β to rounding; the gap of trained "
    "networks to the optimum falls with the number of training draws."
)


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Draw every point into the same two panels."""
    drawn, axes = subplots(2, 3.0)
    for rank, (values, groups) in enumerate(results):
        small, large = groups["small"], groups["large"]
        color = f"C{rank}"
        axes[0, 0].plot(small["beta"], np.maximum(small["error"], 1e-18), linestyle="none", color=color,
                        label="achieved" if rank == 0 else None)  # fmt: skip
        axes[0, 0].plot(small["beta"], small["promised"], **{**EXACT, "color": color},
                        label="promised" if rank == 0 else None)  # fmt: skip
        axes[0, 1].errorbar(large["draws"], large["difference"], large["difference_stderr"], color=color, fmt="o-",
                            label=f"K = {values['K'][0]:g}, {values['K'][1]:g}; L = {values['L']}")  # fmt: skip
    energies = float(results[0][1]["small"]["energies"])
    axes[0, 0].axhline(max(energies, 1e-18), color="0.6", linewidth=0.8)
    axes[0, 0].text(float(results[0][1]["small"]["beta"].min()), 1.4 * energies, "Hamiltonians and softmax", fontsize=8)
    axes[0, 0].set_yscale("log")
    axes[0, 0].set_xlabel("steepness β")
    axes[0, 0].set_ylabel("largest error of p(y|x)")
    axes[0, 0].set_title("compiled, all states")
    axes[0, 0].legend()
    axes[0, 1].axhline(0.0, **EXACT)
    axes[0, 1].set_xscale("log")
    draws = sorted({int(n) for _, groups in results for n in groups["large"]["draws"].values})
    axes[0, 1].set_xticks(draws, [str(n) for n in draws])
    axes[0, 1].set_xticks([], minor=True)
    axes[0, 1].set_xlabel("draws to train on")
    axes[0, 1].set_ylabel("above the least\ncross-entropy (nats)")
    axes[0, 1].set_title("trained")
    axes[0, 1].legend()
    return drawn
