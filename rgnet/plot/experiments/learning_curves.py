"""Learning curves of the random hierarchy model, as they are and collapsed with n_c m^L."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from rgnet.plot.style import EXACT, styled, subplots

LEAST = 2e-3  # errors below, such as none, are drawn there


@styled
def figure(results: Sequence[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Test error against training size (left) and against P/(n_c m^L) (middle); P* against n_c m^L (right).

    Parameters
    ----------
    results : sequence of (parameters, groups)
        As `rgnet.experiments.learning_curves.run` returns groups.
    """
    drawn, axes = subplots(3, 3.0, width_ratios=[1.2, 1.2, 1])
    left, middle, right = axes[0]
    for i, (given, groups) in enumerate(results):
        color, unit = f"C{i % 10}", float(groups["summary"]["n_c_m_L"])
        name = f"$v={given.get('v', 8)},\\,m={given.get('m', 4)},\\,L={given.get('L', 3)}$"
        for kind, mark, face in (("deep", "o", color), ("shallow", "^", "white")):
            if kind not in groups:
                continue
            table = groups[kind]
            sizes, errors = table["size"].values.astype(float), table["error"].values
            mean, spread = errors.mean(axis=0), errors.std(axis=0, ddof=1) / np.sqrt(len(errors))
            for panel, x in ((left, sizes), (middle, sizes / unit)):
                panel.errorbar(
                    x, np.maximum(mean, LEAST), 1.96 * spread, marker=mark, color=color, markerfacecolor=face,
                    linestyle="-" if kind == "deep" else ":", label=name if kind == "deep" and panel is left else None,
                )  # fmt: skip
        found = groups["summary"]
        is_bound = int(found["p_star_deep_is_lower"]) or int(found["p_star_deep_is_upper"])
        right.errorbar(
            unit, float(found["p_star_deep"]), 1.96 * float(found["p_star_deep_stderr"]), fmt="s" if is_bound else "o",
            color=color,
        )  # fmt: skip
        if "p_star_shallow" in found:
            right.plot(unit, float(found["p_star_shallow"]), "^", color=color, markerfacecolor="white")
            if int(found["p_star_shallow_is_lower"]):
                right.annotate(
                    "", (unit, 1.8 * float(found["p_star_shallow"])), (unit, float(found["p_star_shallow"])),
                    arrowprops={"arrowstyle": "->", "color": color},
                )  # fmt: skip
    for panel in (left, middle):
        panel.axhline(0.1, **EXACT)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_ylim(0.7 * LEAST, 1.5)
        panel.set_ylabel("test error / chance")
    left.set_xlabel("training samples $P$")
    middle.set_xlabel("$P/(n_c\\,m^L)$")
    units = np.array(sorted(float(groups["summary"]["n_c_m_L"]) for _, groups in results))
    line = np.array([units[0] / 1.5, units[-1] * 1.5])
    right.plot(line, line, **EXACT)
    right.fill_between(line, line / 2, line * 2, color="0.9", zorder=0)
    right.set_xscale("log")
    right.set_yscale("log")
    right.xaxis.set_minor_formatter(NullFormatter())
    right.set_xlabel("$n_c\\,m^L$")
    right.set_ylabel("$P^*$: ● deep, △ shallow")
    drawn.legend(loc="outside lower center", ncols=min(4, max(1, len(results))), fontsize=8)
    return drawn
