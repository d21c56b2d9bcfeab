"""Figure of the experiment "rbm-stack"."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.exact import ising2d
from rgnet.experiments.rbm_stack import METHODS, NETWORKS, coupling, mean_and_error
from rgnet.plot.style import EXACT, OPERATOR_LABELS, styled, subplots

_LABELS = {"cd": "CD", "exact": "exact likelihood", "rbm": "RBM stack", "random rbm": "random weights"}


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """A column for each coupling: KL, violation of the trace condition, flow of K_nn."""
    columns = results[:3]
    figure, axes = subplots(len(columns), 7.6, rows=3, sharey="row")
    for column, (values, groups) in enumerate(columns):
        _fit(axes[0, column], groups["fit"])
        _violation(axes[1, column], groups["fit"])
        _flow(axes[2, column], groups["flow"])
        axes[0, column].set_title(f"$K = {values['K_over_K_c']:.3g}\\,K_c$")
    small = " × ".join(str(side) for side in results[0][0]["small"])
    axes[0, 0].set_ylabel(f"KL (nats), {small} spins")
    axes[1, 0].set_ylabel("probability of v")
    axes[2, 0].set_ylabel(f"{OPERATOR_LABELS['nn']}, {results[0][0]['side']}² spins")
    axes[0, 0].legend()
    axes[1, 0].legend(title="hidden units")
    handles = axes[2, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(NETWORKS), title="coarse-graining (bottom row)")
    return figure


def _fit(ax: Any, fit: xr.Dataset) -> None:
    x = fit["hidden"].values
    for m, method in enumerate(METHODS):
        pairs = np.array([mean_and_error(fit["kl"].values[m, h]) for h in range(len(x))])
        known = np.isfinite(pairs[:, 0])
        ax.errorbar(x[known], pairs[known, 0], pairs[known, 1], label=_LABELS[method])
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(x, [str(n) for n in x])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("hidden units")


def _violation(ax: Any, fit: xr.Dataset) -> None:
    """Distribution over v by CD, a curve for the fewest and the most units."""
    for h in dict.fromkeys((0, fit.sizes["hidden"] - 1)):
        shown = np.nanmean(fit["violation_histogram"].values[0, h], axis=0)
        ax.step(fit["bin"].values, shown, where="mid", marker="none", label=f"{int(fit['hidden'][h])}")
    ax.axvline(0.0, **EXACT)
    ax.set_xlabel("violation of trace\ncondition (nats)")


def _flow(ax: Any, flow: xr.Dataset) -> None:
    for n, name in enumerate(NETWORKS):
        table = np.array([coupling(flow, n, k) for k in range(flow.sizes["level"])])
        ax.errorbar(flow["level"].values + 0.06 * (n - 1), table[:, 0], table[:, 1], label=_LABELS.get(name, name))
    ax.axhline(ising2d.K_c, **EXACT)
    ax.set_xticks(flow["level"].values)
    ax.set_xlabel("level (dashed: $K_c$)")
