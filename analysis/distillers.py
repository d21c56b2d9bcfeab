"""Information kept against states, and the Gaussian bottleneck beside the RG: what a distiller costs.

    python analysis/distillers.py [--to distillers.png]

Left: the data of four small hierarchies merged state by state, agglomeratively, all information exact; each line ends
at the minimal sufficient statistic, which loses nothing. For two causes the dashed line is the best that any map to so
many states can do (dynamic programming). Right: a Gaussian field φ on a ring of 64 sites with spectrum 1/(m² + k²),
seen through white noise of variance σ². The bottleneck at β keeps the modes with β > 1 + σ² (m² + k²), long waves
first: a momentum-shell RG whose cutoff rises with β. Claims.md B3, C1; Chechik et al. (2005); Kline & Palmer (2022).
"""

import argparse
import itertools

import numpy as np
from matplotlib.colors import to_hex

import rgnet as rg
from rgnet import information
from rgnet.plot.style import styled, subplots

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--to", default="distillers.png", help="figure to write")
arguments = parser.parse_args()


def of_tree(tree):
    """p(root, leaves)."""
    q, sites = tree.alphabet[-1], tree.level_sizes[-1]
    message = np.eye(q)[np.array(list(itertools.product(range(q), repeat=sites)))]
    for channel, b in zip(tree.channels[::-1], tree.branchings[::-1], strict=True):
        message = (message @ channel.T).reshape(len(message), -1, b, q).prod(axis=2)
    return tree.prior[:, None] * message[:, 0].T


def of_lattice(shape, couplings):
    """p(coupling, configuration)."""
    return np.array([rg.exact.distribution(rg.Ising(shape, K=K).energy, shape) for K in couplings]) / len(couplings)


def of_rules(rules):
    """p(class, noisy data)."""
    v, sites = rules.alphabet[-1], rules.level_sizes[-1]
    data = np.array(list(itertools.product(range(v), repeat=sites)))
    return np.exp(rules.log_likelihood(data)).T / rules.classes


rules = rg.hierarchies.RandomHierarchy(3, 2, 2, 2, 2, seed=1, noise=0.2)
joints = {
    "tree, 2$^4$ leaves, flip 0.1": of_tree(rg.hierarchies.Tree.symmetric(4, flip=0.1)),
    "tree, 2$^4$ leaves, flip 0.2": of_tree(rg.hierarchies.Tree.symmetric(4, flip=0.2)),
    "Ising 4×4, $K$ = 0.2, 0.44, 0.7": of_lattice((4, 4), (0.2, 0.44, 0.7)),
    "rules, 3$^4$ noisy data": of_rules(rules),
}


@styled
def draw():
    """Both panels."""
    figure, axes = subplots(2, 3.4)
    left, right = axes[0]
    for i, (name, joint) in enumerate(joints.items()):
        whole = information.tables.mutual_information_of(joint)
        curve = information.agglomerative(joint)
        left.plot(curve.states, curve.lost / whole, color=to_hex(f"C{i}"), label=name, marker="none")
        few = [count for count in (1, 2, 3, 4, 6, 8, 12, 16, 24) if count < curve.states.max()]
        if len(joint) == 2:
            best = information.optimal(joint, few)
            left.plot(best.states, best.lost / whole, color=to_hex(f"C{i}"), linestyle="--", marker="none")
        statistic = curve.statistic
        print(
            f"{name}: I = {whole:.6f} nats, {joint.shape[1]} data, {statistic.count} states lose {statistic.lost:.1e}"
        )
        kept = "  ".join(f"{n}: {1 - curve.lost[curve.states == n][0] / whole:.4f}" for n in few[1:])
        print(f"  kept by so many states: {kept}")
    left.set(xscale="log", yscale="log", ylim=(1e-7, 1.2), xlabel="states", ylabel="fraction of the information lost")
    left.legend(loc="lower left")

    m2, noise, sites = 0.1, 0.5, 64
    k = 2 * np.sin(np.pi * np.arange(sites) / sites)
    fourier = np.fft.fft(np.eye(sites), norm="ortho")
    field = (fourier.conj().T @ np.diag(1 / (m2 + k**2)) @ fourier).real
    found = information.gaussian_bottleneck(field + noise * np.eye(sites), field, field)
    betas = np.geomspace(1.01, 30, 200)
    about_x, about_y = found.curve(betas)
    right.plot(about_x, about_y, marker="none")
    right.axhline(found.total(), color="0.25", linestyle=(0, (5, 3)), marker="none", linewidth=1)
    for cutoff in (0.2, 0.5, 1.0, 2.0):
        beta = 1 + noise * (m2 + cutoff**2)
        x, y = found.information(beta)
        right.plot(x, y, "o", color=to_hex("C1"))
        right.annotate(f"$k < {cutoff:g}$", (x, y), xytext=(6, -8), textcoords="offset points")
        print(
            f"beta = {beta:.3f}: {len(found.projection(beta))} modes, those with k < {cutoff:g}: {(k < cutoff).sum()}"
        )
    right.set(xlabel="$I(T; x)$ (nats)", ylabel="$I(T; φ)$ (nats)")
    return figure


draw().savefig(arguments.to, dpi=200)
print(f"wrote {arguments.to}")
