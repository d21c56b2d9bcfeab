"""XY and O(3) against textbook Numba loops, in turns in one process: time per site, and per independent sample.

    python benchmarks/vectors.py [side]

The textbook loops are what one writes first: an array of angles, a site chosen by colour or in turn, `math.cos` of
every difference, `rng.random()` for every number, neighbours by modulo. They have the same physics as the package's.

Limits. Without a library of vectorised functions, what a loop can do is set by sin, cos, exp and atan2, which the C
library takes one at a time. The package's are polynomials (`rgnet.updates._vectors_math`), four numbers at a time with
AVX2; a sweep of XY takes sin and cos once a site when it begins and atan2 once when it ends, and a move what it needs
between: nothing for over-relaxation. Clusters are grown one site at a time by nature: what is left there is to follow
neighbours through memory and a branch for each, and the gain is that of products over cosines and exponentials.

The last lines say what a user pays for: the time of an independent M², 2 τ sweeps, against textbook Metropolis.
"""

import math
import sys
import time

import numpy as np
from numba import njit

from rgnet import stats
from rgnet.models.model import padded
from rgnet.models.on import ON
from rgnet.models.xy import XY
from rgnet.updates import _vectors, embedding, over_relaxation


@njit
def textbook_metropolis(x, rng, sweeps, K, step):
    L = x.shape[0]
    for _ in range(sweeps):
        for i in range(L):
            for j in range(L):
                new = x[i, j] + step * (2.0 * rng.random() - 1.0)
                gain = 0.0
                for a, b in (((i + 1) % L, j), ((i - 1) % L, j), (i, (j + 1) % L), (i, (j - 1) % L)):
                    gain += math.cos(new - x[a, b]) - math.cos(x[i, j] - x[a, b])
                if rng.random() < math.exp(K * gain):
                    x[i, j] = (new + math.pi) % (2.0 * math.pi) - math.pi


@njit
def textbook_over_relaxation(x, rng, sweeps, K):
    L = x.shape[0]
    for _ in range(sweeps):
        for i in range(L):
            for j in range(L):
                c, s = 0.0, 0.0
                for a, b in (((i + 1) % L, j), ((i - 1) % L, j), (i, (j + 1) % L), (i, (j - 1) % L)):
                    c += math.cos(x[a, b])
                    s += math.sin(x[a, b])
                x[i, j] = (2.0 * math.atan2(s, c) - x[i, j] + math.pi) % (2.0 * math.pi) - math.pi


@njit
def textbook_wolff(x, rng, clusters, K):
    L = x.shape[0]
    inside = np.zeros((L, L), dtype=np.bool_)
    stack = np.empty((L * L, 2), dtype=np.int64)
    flipped = 0
    for _ in range(clusters):
        inside[:] = False
        phi = 2.0 * math.pi * rng.random()
        stack[0, 0], stack[0, 1] = int(rng.random() * L), int(rng.random() * L)
        inside[stack[0, 0], stack[0, 1]] = True
        depth = 1
        while depth > 0:
            depth -= 1
            i, j = stack[depth]
            flipped += 1
            mine = math.cos(x[i, j] - phi)
            for a, b in (((i + 1) % L, j), ((i - 1) % L, j), (i, (j + 1) % L), (i, (j - 1) % L)):
                if not inside[a, b]:
                    p = 1.0 - math.exp(min(0.0, -2.0 * K * mine * math.cos(x[a, b] - phi)))
                    if rng.random() < p:
                        inside[a, b] = True
                        stack[depth, 0], stack[depth, 1] = a, b
                        depth += 1
        for i in range(L):
            for j in range(L):
                if inside[i, j]:
                    x[i, j] = (math.pi + 2.0 * phi - x[i, j] + math.pi) % (2.0 * math.pi) - math.pi
    return flipped


def _package(update, model, settings=None):
    """A function of the number of sweeps."""
    move = update.prepare(model, 1)
    rng = np.random.default_rng(3)
    state = padded(model, model.start(0, rng))[None]
    values = settings or dict(move.settings)
    nothing = np.empty((1, 0))
    move.record(state[0], rng, 1, nothing, nothing, *move.tables, *values.values())

    def run(sweeps):
        return move.record(state[0], rng, sweeps, np.empty((1, 0)), np.empty((1, 0)), *move.tables, *values.values())

    run.state = state[0]
    return run


def main(side):
    K, sites = 1.12, side * side
    xy, vectors = XY((side, side), K=K), ON((side, side), n=3, K=K)
    x, rng = np.zeros((side, side)), np.random.default_rng(4)
    ours = {
        "metropolis": _package(_vectors.metropolis, xy, {"step": 1.2}),
        "heat-bath": _package(_vectors.heat_bath, xy),
        "over-relaxation": _package(over_relaxation.update, xy),
        "swendsen-wang": _package(embedding.swendsen_wang, xy),
        "O(3) heat-bath": _package(_vectors.heat_bath, vectors),
        "O(3) over-relaxation": _package(over_relaxation.update, vectors),
    }
    theirs = {
        "metropolis": lambda n: textbook_metropolis(x, rng, n, K, 1.2),
        "over-relaxation": lambda n: textbook_over_relaxation(x, rng, n, K),
    }
    wolff = _package(embedding.wolff, xy, {"clusters_per_sweep": 16})
    for _ in range(20):  # equilibrium
        ours["heat-bath"](10), wolff(1), textbook_metropolis(x, rng, 10, K, 1.2), textbook_wolff(x, rng, 16, K)
    times = {}
    for _ in range(7):
        for who, table in (("rgnet", ours), ("textbook", theirs)):
            for name, function in table.items():
                sweeps = max(1, (1 << 18 if who == "rgnet" else 1 << 16) // sites)
                begin = time.perf_counter()
                function(sweeps)
                times.setdefault((name, who), []).append((time.perf_counter() - begin) / sweeps / sites * 1e9)
        for who, function in (("rgnet", lambda: wolff(4)), ("textbook", lambda: textbook_wolff(x, rng, 64, K))):
            begin = time.perf_counter()
            flipped = function()
            times.setdefault(("wolff, per flipped site", who), []).append((time.perf_counter() - begin) / flipped * 1e9)
    best = {key: min(values) for key, values in times.items()}
    print(f"{side}², K = {K}: ns a site, best of 7 in turns")
    for name in dict.fromkeys(name for name, _ in best):
        mine, other = best[name, "rgnet"], best.get((name, "textbook"))
        print(f"{name:28s} {mine:8.1f}" + (f" {other:8.1f}  {other / mine:5.1f}×" if other else ""))
    pair = ["over-relaxation", "wolff, per flipped site"]
    ratio = sum(best[name, "textbook"] for name in pair) / sum(best[name, "rgnet"] for name in pair)
    print(f"{'wolff + over-relaxation':28s} {'':17s}  {ratio:5.1f}×")


def independent(side):
    """Time of an independent M² by Wolff with over-relaxation, and by the textbook's Metropolis."""
    K = 1.12
    model = XY((side, side), K=K)
    cluster, reflect = (
        _package(embedding.wolff, model, {"clusters_per_sweep": 4}),
        over_relaxation.update.prepare(model, 1),
    )
    state, rng = cluster.state, np.random.default_rng(5)
    x, nothing = np.zeros((side, side)), np.empty((1, 0))

    def ours():
        cluster(1)
        reflect.record(state, rng, 1, nothing, nothing, *reflect.tables)
        return np.cos(state[: side * side]).sum() ** 2 + np.sin(state[: side * side]).sum() ** 2

    def theirs():
        textbook_metropolis(x, rng, 1, K, 1.2)
        return np.cos(x).sum() ** 2 + np.sin(x).sum() ** 2

    cost = {}
    for name, step, sweeps in (("wolff + over-relaxation", ours, 2000), ("textbook metropolis", theirs, 20_000)):
        for _ in range(sweeps // 10):
            step()
        begin = time.perf_counter()
        series = np.array([step() for _ in range(sweeps)])
        each = (time.perf_counter() - begin) / sweeps
        tau = stats.autocorrelation_time(series[None])
        cost[name] = 2 * tau * each
        print(f"{side}², {name:24s} τ = {tau:7.1f} sweeps, {cost[name] * 1e3:9.3f} ms an independent M²")
    print(f"{side}², ratio {cost['textbook metropolis'] / cost['wolff + over-relaxation']:.0f}×")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 128)
    independent(32)
