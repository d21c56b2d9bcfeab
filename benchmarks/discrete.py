"""Heat bath and Metropolis of table models beside a textbook Numba loop, on one core, in turns: nanoseconds a site.

    python benchmarks/discrete.py

Textbook: sites in sequence, the weights of all states by `math.exp` for every site, `rng.random()`. The ratios are of
medians. Beside them stands what measuring energy and order parameter after every sweep adds.
"""

import math
import time

import numba
import numpy as np

import rgnet as rg
from rgnet.models import BlumeCapel, Potts
from rgnet.updates import _table

TURNS = 7
SITES = 4e6  # updates a turn


@numba.njit
def textbook(x, rng, sweeps, q, bond, site):
    side = x.shape[0]
    p = np.empty(q)
    for _ in range(sweeps):
        for i in range(side):
            for j in range(side):
                total = 0.0
                for a in range(q):
                    weight = site[a]
                    weight += bond[a, x[(i + 1) % side, j]] + bond[a, x[(i - 1) % side, j]]
                    weight += bond[a, x[i, (j + 1) % side]] + bond[a, x[i, (j - 1) % side]]
                    p[a] = math.exp(weight)
                    total += p[a]
                u = rng.random() * total
                new = 0
                while new < q - 1 and u >= p[new]:
                    u -= p[new]
                    new += 1
                x[i, j] = new


def per_site(function, sites):
    begin = time.perf_counter()
    function()
    return (time.perf_counter() - begin) / sites * 1e9


def compare(model, name):
    """Nanoseconds a site: textbook, ours, ours with energy and order parameter after every sweep."""
    side, sweeps = model.shape[0], max(1, round(SITES / model.n_sites))
    move = {update.name: update for update in _table.updates}[name].prepare(model, 1)
    rng = np.random.default_rng(1)
    rows = rng.integers(0, len(model.states), size=model.shape).astype(np.int8)
    state = np.zeros(model.n_sites + side, dtype=np.int8)
    state[: model.n_sites] = rows.ravel() + model.states[0]
    columns = 1 + sum(np.reshape(table, (len(table), -1)).shape[1] for table in model.columns.values())
    nothing, blind = np.empty((sweeps, 0), dtype=np.int8), np.empty((sweeps, 0))
    measured = np.empty((sweeps, columns))
    ways = (
        lambda: textbook(rows, rng, sweeps, len(model.states), model.log_bond, model.log_site + 0.0),
        lambda: move.record(state, rng, 1, nothing, blind, *move.tables),
        lambda: move.record(state, rng, 1, nothing, measured, *move.tables),
    )
    times = [[per_site(way, sweeps * model.n_sites) for way in ways] for _ in range(TURNS + 1)][1:]
    return move.kernel, np.median(times, axis=0)


def main():
    print(f"rgnet {rg.__version__}, ns a site, medians of {TURNS} turns")
    print(f"{'model':12}{'move':24}{'L':>6} {'kernel':14}{'textbook':>9}{'rgnet':>8}{'ratio':>7}{'measuring':>11}")
    for make in (lambda L: Potts((L, L), q=3, K=math.log1p(math.sqrt(3))), lambda L: BlumeCapel((L, L), K=1.6, D=3.0)):
        for name in [update.name for update in _table.updates]:
            for side in (64, 256) if name == "heat-bath" else (256,):
                model = make(side)
                kernel, (loop, ours, full) = compare(model, name)
                print(
                    f"{type(model).__name__:12}{name:24}{side:6d} {kernel:14}{loop:9.1f}{ours:8.2f}{loop / ours:7.1f}"
                    f"{full / ours - 1:+11.0%}"
                )


if __name__ == "__main__":
    main()
