"""Cluster moves beside their peers from PyPI and beside textbook loops, on one core, in turns: Markdown.

    pip install mcising==1.1.0 peapods==0.2.0
    python benchmarks/clusters.py [--turns 15] [--side 1024]

All at the critical point of the square lattice, from equilibrium. Every contender does about the same number of spin
updates in a turn; given are the medians over turns in nanoseconds a spin (Wolff: a site of a cluster), and the median
of the ratios of the same turn, since times swing on shared machines. peapods does a Metropolis sweep with every
Swendsen–Wang sweep, so that the time of Metropolis sweeps alone is taken off. The textbook loops are Numba's, compiled
as rgnet's: int8 arrays, one `rng.random()` a bond, union-find with path halving, neighbours by modulo.

What is fused into the sweep is timed too: energy and order parameter, and with them the improved estimators, measured
in every sweep.
"""

import argparse
import datetime
import math
import time

import numpy as np
from engine import processor

from rgnet._jit import njit
from rgnet.models import Ising, Potts
from rgnet.updates import swendsen_wang, wolff

K_ISING = 0.5 * math.log1p(math.sqrt(2))
K_POTTS = math.log1p(math.sqrt(3))
WOLFF_SIDE = 256


@njit
def _root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit
def textbook(x, rng, sweeps, q, probability):
    """Swendsen and Wang's move of a Potts model as a textbook has it, x int8 (L, L) of states."""
    side = x.shape[0]
    parent = np.empty(side * side, dtype=np.int64)
    new = np.empty(side * side, dtype=np.int8)
    for _ in range(sweeps):
        for i in range(side * side):
            parent[i] = i
        for r in range(side):
            for c in range(side):
                for step in range(2):
                    r2, c2 = (r + 1) % side if step == 0 else r, (c + 1) % side if step == 1 else c
                    if x[r, c] == x[r2, c2] and rng.random() < probability:
                        a, b = _root(parent, r * side + c), _root(parent, r2 * side + c2)
                        if a != b:
                            parent[a] = b
        for i in range(side * side):
            new[i] = rng.integers(0, q)
        for r in range(side):
            for c in range(side):
                x[r, c] = new[_root(parent, r * side + c)]


class Ours:
    """A move of rgnet, with its own state."""

    def __init__(self, update, model, sweeps, columns=0):
        self.move, self.sweeps, self.columns = update.prepare(model, 1), sweeps, columns
        self.n_sites = model.n_sites
        self.state = np.zeros(model.n_sites + model.shape[-1], dtype=np.int8)
        self.state[: model.n_sites] = model.start(0, np.random.default_rng(0)).ravel()
        self.rng = np.random.Generator(np.random.PCG64(1))

    def __call__(self):
        """Do the sweeps; how many spins that is."""
        rows = self.sweeps if self.columns else 1
        every, measured = self.sweeps // rows, np.empty((rows, self.columns))
        out = np.empty((rows, 0), dtype=np.int8)
        self.move.record(self.state, self.rng, every, out, measured, *self.move.tables, *self.move.settings.values())
        return self.sweeps * self.n_sites

    def grow(self):
        """Grow clusters of as many sites as the sweeps have; how many they have."""
        return wolff.grow_sites(self.state, self.rng, self.sweeps * self.n_sites, *self.move.tables)[1]


def turns(contenders, number):
    """Nanoseconds a spin, (turn, contender)."""
    for run in contenders.values():
        run()
    times = np.empty((number, len(contenders)))
    for turn in range(number):
        for column, run in enumerate(contenders.values()):
            begin = time.perf_counter()
            spins = run()
            times[turn, column] = (time.perf_counter() - begin) / spins * 1e9
    return times


def show(title, contenders, number):
    """A Markdown table; the last contender is what the others are compared with."""
    times = turns(contenders, number)
    print(f"\n{title}\n\n| | ns a spin | times faster than it |\n|---|---|---|")
    for column, name in enumerate(contenders):
        ratio = np.median(times[:, column] / times[:, -1])
        print(f"| {name} | {np.median(times[:, column]):.2f} | {ratio:.2f} |", flush=True)
    return times


def mcising(side, kind, sweeps, configuration=None):
    """A turn of mcising."""
    from mcising._core import IsingSimulation

    peer = IsingSimulation(side, 1.0, 0.0, 0.0, 0.0, 3, kind)
    peer.set_spins(np.ones((side, side), dtype=np.int8) if configuration is None else configuration)

    def run():
        updated = 0
        while updated < sweeps * side * side:
            updated += peer.sweep(1 if kind == "wolff" else sweeps, temperature=1 / K_ISING)[1]
        return updated

    return run


def peapods(side, sweeps):
    """A turn of peapods' Swendsen–Wang; None where it is not installed."""
    try:
        from peapods import Ising as Peer
    except ImportError:
        return None
    peer = Peer((side, side), temperatures=np.array([1 / K_ISING]))

    def run():
        spent = []
        for options in ({"cluster_update_interval": 1, "cluster_mode": "sw"}, {}):
            begin = time.perf_counter()
            peer.sample(sweeps, warmup_ratio=0.0, sequential=True, **options)
            spent.append(time.perf_counter() - begin)
        # `turns` divides by the time of both: scale the spins so that the difference is what is divided
        return sweeps * side * side * sum(spent) / max(spent[0] - spent[1], 1e-9)

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--side", type=int, default=1024)
    given = parser.parse_args()
    side, number = given.side, given.turns
    sweeps = max(1, round(2**21 / side**2))
    print(f"{datetime.date.today()}, {processor()}, one core")

    ising, potts = Ising((side, side), K=K_ISING), Potts((side, side), q=3, K=K_POTTS)
    warm = Ours(swendsen_wang.update, ising, sweeps)
    for _ in range(60):
        warm()
    configuration = warm.state[: side * side].reshape(side, side)
    contenders = {"mcising 1.1": mcising(side, "swendsen_wang", sweeps, configuration)}
    other = peapods(side, sweeps)
    if other is not None:
        contenders["peapods 0.2"] = other
    states, rng = ((configuration + 1) // 2).astype(np.int8), np.random.Generator(np.random.PCG64(2))
    contenders["textbook Numba"] = lambda: (
        textbook(states, rng, sweeps, 2, -math.expm1(-2 * K_ISING)) or sweeps * side * side
    )
    every, some, bare = (Ours(swendsen_wang.update, ising, 4 * sweeps, columns) for columns in (4, 2, 0))
    for one in (every, some, bare):
        one.state[:] = warm.state
    contenders["rgnet, measuring all in every sweep"] = every
    contenders["rgnet, measuring E and M in every sweep"] = some
    contenders["rgnet"] = bare
    show(f"Swendsen–Wang, Ising, L = {side}", contenders, number)

    grown = Ours(wolff.update, Ising((WOLFF_SIDE, WOLFF_SIDE), K=K_ISING), 16)
    grown.grow()
    small = grown.state[: WOLFF_SIDE**2].reshape(WOLFF_SIDE, WOLFF_SIDE)
    pair = {"mcising 1.1": mcising(WOLFF_SIDE, "wolff", 16, small), "rgnet": grown.grow}
    show(f"Wolff, Ising, L = {WOLFF_SIDE}, a site of a cluster", pair, number)

    bare = Ours(swendsen_wang.update, potts, 4 * sweeps)
    for _ in range(15):
        bare()
    colors, every = bare.state[: side * side].reshape(side, side).copy(), Ours(swendsen_wang.update, potts, 4, 5)
    every.state[:] = bare.state
    contenders = {
        "textbook Numba": lambda: textbook(colors, rng, sweeps, 3, -math.expm1(-K_POTTS)) or sweeps * side * side,
        "rgnet, measuring all in every sweep": every,
        "rgnet": bare,
    }
    show(f"Swendsen–Wang, Potts q = 3, L = {side}", contenders, number)


if __name__ == "__main__":
    main()
