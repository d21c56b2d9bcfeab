"""Figure of the experiment "dictionary"."""

import math
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rgnet.plot.style import EXACT, integer_ticks, styled, subplots

CAPTION = (
    "The dictionary on one set of draws. (a) −ln of the frequency of each state of a small lattice against H + ln Z, "
    "and of all states of one H together. (b) Couplings fitted at every distance, beside correlations. (c) A coupling "
    "fitted for every bond: about one kernel as wide as its errors say (dashed); through a random gauge, ±K. (d) "
    "Posterior of a classifier made of two Hamiltonians and a softmax against how often it is right. (e) ⟨H_2 − H_1⟩ "
    "along the path between two couplings: its first value less the area below is KL(p_1‖p_2), shaded. (f) Fisher "
    "information about the leading eigen-directions of the flow that a level keeps, with λ, even (solid) and odd "
    "(dotted) under s → −s."
)
ALT = (
    "Six panels: surprisal, sparsity, convolution, softmax, Kullback-Leibler divergence, and information kept by level."
)
_LEAST = 1e-4  # what is drawn at the bottom of a logarithmic axis


@styled
def figure(results: list[tuple[dict[str, Any], dict[str, xr.Dataset]]]) -> Figure:
    """Six pairs of the dictionary, of the first point."""
    groups = results[0][1]
    figure, axes = subplots(3, 4.6, rows=2)
    _surprisal(axes[0, 0], groups["surprisal"])
    _locality(axes[0, 1], groups["locality"])
    _bonds(axes[0, 2], groups["bonds"])
    _softmax(axes[1, 0], groups["softmax"])
    _work(axes[1, 1], groups["free_energy"])
    _kept(axes[1, 2], groups)
    for ax, letter in zip(axes.ravel(), "abcdef", strict=True):
        ax.set_title(f"({letter}) {ax.get_title('left')}")
    return figure


def _surprisal(ax: Any, group: xr.Dataset) -> None:
    x, y = group["surprisal"].values, group["frequency"].values
    ax.plot(x, y, ".", color="C0", markersize=3, alpha=0.5, label="each state")
    ax.errorbar(
        group["level"].values, group["level_frequency"].values, group["level_frequency_stderr"].values,
        color="C1", marker="s", linestyle="none", label="same $H$",
    )  # fmt: skip
    ends = [float(x.min()), float(group["level"].max())]
    ax.plot(ends, ends, **EXACT, zorder=3)
    ax.set_xlabel(r"$H(x) + \ln Z$ (nats)")
    ax.set_ylabel(r"$-\ln$ frequency (nats)")
    ax.set_title("surprisal")
    ax.legend(loc="lower right")


def _locality(ax: Any, group: xr.Dataset) -> None:
    r = group["distance"].values
    ax.errorbar(r, group["coupling"].values, group["coupling_stderr"].values, label="coupling $K_r$")
    ax.errorbar(r, group["correlation"].values, group["correlation_stderr"].values, label=r"$\langle s_0 s_r\rangle$")
    ax.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    ax.set_ylim(-0.06, 1.0)
    ax.set_xlabel("distance $r$ (sites)")
    ax.set_title("sparsity")
    ax.legend()


def _bonds(ax: Any, group: xr.Dataset) -> None:
    own, control, error = (group[name].values.ravel() for name in ("couplings", "control", "couplings_stderr"))
    spread = math.sqrt(float((error**2).mean()))
    centre = float(own.mean())
    width = spread / 2.0
    limit = max(float(np.abs(own).max()), float(np.abs(control).max())) + spread
    bins = np.arange(-limit, limit + width, width)
    ax.hist(control, bins, color="C1", alpha=0.75, label="random gauge")
    ax.hist(own, bins, color="C0", alpha=0.75, label="Ising")
    x = np.linspace(centre - 4 * spread, centre + 4 * spread, 100)
    curve = own.size * width * np.exp(-0.5 * ((x - centre) / spread) ** 2) / (spread * math.sqrt(2 * math.pi))
    ax.plot(x, curve, **EXACT, label="errors alone")
    ax.set_ylim(top=1.5 * float(curve.max()))
    ax.set_xlabel("coupling of a bond")
    ax.set_ylabel("bonds")
    ax.set_title("convolution")
    ax.legend(loc="upper left")


def _softmax(ax: Any, group: xr.Dataset) -> None:
    seen = group["count"].values > 0
    p, f, n = (group[name].values[seen] for name in ("posterior", "frequency", "count"))
    ax.plot([0, 1], [0, 1], **EXACT, label="Bayes")
    ax.errorbar(p, f, np.sqrt(np.maximum(f * (1 - f), 1e-9) / n), linestyle="none", label="draws")
    ax.set_xlabel("softmax: $p(K_2|x)$")
    ax.set_ylabel("share that is of $K_2$")
    ax.set_title("softmax")
    ax.legend()


def _work(ax: Any, group: xr.Dataset) -> None:
    t = group["t"].values
    ax.plot(t, group["work_exact"].values, **EXACT, label="Kaufman", zorder=3)
    ax.errorbar(t, group["work"].values, group["work_stderr"].values, linestyle="none", label="simulated")
    top = float(group["work"][0])
    ax.fill_between(t, group["work"].values, top, color="C0", alpha=0.15, linewidth=0)
    ax.text(0.97, 0.93, f"KL = {group.attrs['kl']:.3g} nats", transform=ax.transAxes, ha="right", va="top")
    ax.set_xlabel("share $t$ of the way $K_1$ to $K_2$")
    ax.set_ylabel(r"$\langle H_2 - H_1\rangle_t$ (nats)")
    ax.set_title("KL divergence")
    ax.legend(loc="lower left")


def _kept(ax: Any, groups: dict[str, xr.Dataset]) -> None:
    bits = groups["distillation"]["bits"].values
    level = groups["distillation"]["level"].values
    for sector, style in (("even", "-"), ("odd", ":")):
        found = groups[f"directions/{sector}"]
        for k in range(found.sizes["direction"]):
            part = found.isel(direction=k)
            size = float(part["eigenvalue"])
            if not math.isfinite(size) or (size < 1 and k > 1):
                continue  # the leading ones; the others lose still more
            kept = np.maximum(part["kept"].values, _LEAST)
            ax.plot(level, kept, linestyle=style, color="C0" if size > 1 else "C1")
            ax.annotate(
                rf"$\lambda = {size:.2f}$", (level[-1], kept[-1]), (6, 0), fontsize="small", va="center",
                textcoords="offset points",
            )  # fmt: skip
    ax.plot(level, bits / bits[0], **EXACT)
    ax.annotate(
        "share of bits", (level[-1], bits[-1] / bits[0]), (6, 0), fontsize="small", va="center",
        textcoords="offset points",
    )  # fmt: skip
    ax.set_yscale("log")
    integer_ticks(ax, level)
    ax.set_xlabel("level")
    ax.set_xlim(right=1.9 * level[-1])  # room for the words
    ax.set_ylabel("information kept")
    ax.set_title("features and noise")
