"""The renormalization group's side of the work: coarse-graining and operator sums beside a copy of the same bytes.

    python benchmarks/rg.py [--draws 40000]

prints Markdown: GB/s of int8 spins read, as ratios to ``numpy.copyto`` of the same array in the same run, and the time
of the Monte Carlo RG table (2D Ising, L = 64, K_c, 2×2 majority, 4 even and 4 odd operators) split by stage. Processor
time of one core after compilation, the best of several turns.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import rgnet as rg
from rgnet import flow
from rgnet import operators as ops

EVEN, ODD = ["nn", "nnn", "plaquette", "third"], ["m", "corner", "straight", "diagonal"]
SPINS = np.array([-1, 1], dtype=np.int8)


def in_turns(jobs: dict[str, Callable[[], Any]], turns: int = 5) -> dict[str, float]:
    """Shortest processor time of each job in seconds, the jobs taking turns."""
    best = dict.fromkeys(jobs, float("inf"))
    for turn in range(turns + 1):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            if turn:  # the first turn compiles
                best[name] = min(best[name], time.process_time() - start)
    return best


def beside_a_copy(shape: tuple[int, ...], b: int, draws: int) -> list[tuple[str, float, float]]:
    """What is done to ``draws`` configurations: (job, GB/s, time over that of a copy)."""
    x = np.random.default_rng(0).choice(SPINS, size=(draws, *shape))
    into, ndim = np.empty_like(x), len(shape)
    even, odd = ops.defaults(ndim, "even"), ops.defaults(ndim, "odd")
    times = in_turns(
        {
            "numpy.copyto": lambda: np.copyto(into, x),
            "x.copy()": lambda: x.copy(),
            f"Decimation({b})": lambda: rg.Decimation(b)(x, ndim=ndim),
            f"Majority({b})": lambda: rg.Majority(b)(x, 1, ndim=ndim),
            f'Majority({b}, "first")': lambda: rg.Majority(b, "first")(x, ndim=ndim),
            "sum of nn": lambda: ops.sums(x, even[:1]),
            f"sums of {len(even)} even operators": lambda: ops.sums(x, even),
            f"sums of {len(even) + len(odd)} operators": lambda: ops.sums(x, even + odd),
        }
    )
    copy = times["numpy.copyto"]
    return [(name, x.nbytes / seconds / 1e9, seconds / copy) for name, seconds in times.items()]


def mcrg_table(draws: int) -> tuple[dict[str, float], Any]:
    """Seconds of each stage of the Monte Carlo RG table, and the table."""
    seconds: dict[str, float] = {}
    for count in (400, draws):  # the first time compiles
        start = time.process_time()
        data = rg.sample(rg.Ising((64, 64), K=rg.exact.ising2d.K_c), draws=count // 4, chains=4, seed=1)
        seconds["sampling"] = time.process_time() - start
        start = time.process_time()
        levels = rg.Network([rg.Majority(2)] * 4).levels(data, seed=1)
        seconds["4 levels by majority"] = time.process_time() - start
        start = time.process_time()
        sums = [ops.measure(level, [*EVEN, *ODD]) for level in levels]
        seconds["operator sums of 5 levels"] = time.process_time() - start
        start = time.process_time()
        table = flow.mcrg(sums)
        seconds["exponents and their errors"] = time.process_time() - start
    return seconds, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=40_000)
    draws = parser.parse_args().draws
    for shape, b, count in (
        ((64, 64), 2, 20_000),
        ((63, 63), 3, 20_000),
        ((16, 16, 16), 2, 20_000),
        ((8, 8), 2, 10**6),
    ):
        print(
            f"\n{count} configurations of {' × '.join(map(str, shape))}\n\n| job | GB/s | time : copy |\n|---|---|---|"
        )
        for name, speed, ratio in beside_a_copy(shape, b, count):
            print(f"| {name} | {speed:.2f} | {ratio:.2f} |")
    seconds, table = mcrg_table(draws)
    print(f"\nMonte Carlo RG table, L = 64, {draws} draws\n\n| stage | s |\n|---|---|")
    for name, value in [*seconds.items(), ("all", sum(seconds.values()))]:
        print(f"| {name} | {value:.2f} |")
    print("\n| n | N_c | y_t | y_h |\n|---|---|---|---|")
    for n in range(1, 5):
        for used in (1, 4):
            row = table.sel(level=n, operators=used)
            cells = [f"{float(row[name]):.5f} ± {float(row[f'{name}_stderr']):.5f}" for name in ("y_t", "y_h")]
            print(f"| {n} | {used} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
