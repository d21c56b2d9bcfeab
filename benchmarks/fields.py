"""φ⁴ beside a textbook Numba loop: Metropolis sweeps in turns, and what energy and magnetisation cost.

`python benchmarks/fields.py`, on one core. The textbook loop is what one writes first: sites in turn, neighbours by
the modulo, `rng.normal()` for the step, `rng.random()` and `math.exp` for the acceptance.
"""

import math
import time
from typing import Any

import numba
import numpy as np

import rgnet as rg
from rgnet import updates

R, U = -1.0, 1.0
SIDES = (16, 64, 256, 1024)
WORK = 1 << 21  # sites of a trial
TRIALS = 5


@numba.njit
def textbook(phi: Any, rng: Any, sweeps: int, r: float, u: float, step: float) -> None:
    """Metropolis as in a textbook; phi (L, L)."""
    side = phi.shape[0]
    for _ in range(sweeps):
        for i in range(side):
            for j in range(side):
                b = phi[(i + 1) % side, j] + phi[(i - 1) % side, j] + phi[i, (j + 1) % side] + phi[i, (j - 1) % side]
                old = phi[i, j]
                new = old + step * rng.normal()
                change = 0.5 * (4.0 + r) * (new**2 - old**2) + 0.25 * u * (new**4 - old**4) - b * (new - old)
                if rng.random() < math.exp(-change):
                    phi[i, j] = new


def timed(function: Any) -> float:
    begin = time.process_time()
    function()
    return time.process_time() - begin


def row(side: int) -> tuple[float, ...]:
    """Least times a site in ns: textbook, rgnet, rgnet with energy and magnetisation after every sweep, heat bath."""
    model = rg.Phi4((side, side), r=R, u=U)
    sweeps = max(1, WORK // model.n_sites)
    rng = np.random.default_rng(1)
    phi = rng.normal(size=(side, side))
    states = np.concatenate([phi.ravel(), np.zeros(side)])[None]
    nothing = np.empty((1, 1, 0))
    fast, bath = (updates.resolve(name, model).prepare(model, 1) for name in ("metropolis", "heat-bath"))
    few = max(1, sweeps // 8)
    tasks = (
        (few, lambda: textbook(phi, rng, few, R, U, 1.0)),
        (sweeps, lambda: fast.run(states, rng, sweeps, nothing, np.empty((1, 1, 0)))),
        (sweeps, lambda: fast.run(states, rng, 1, np.empty((1, sweeps, 0)), np.empty((1, sweeps, 4)))),
        (few, lambda: bath.run(states, rng, few, nothing, np.empty((1, 1, 0)))),
    )
    best = [math.inf] * len(tasks)
    for _, task in tasks:
        task()
    for _ in range(TRIALS):
        for number, (count, task) in enumerate(tasks):
            best[number] = min(best[number], timed(task) / (count * model.n_sites) * 1e9)
    return tuple(best)


def main() -> None:
    """Print the table."""
    print("| L | textbook, ns a site | rgnet | ratio | measuring costs | heat bath, ns |")
    print("|---|---|---|---|---|---|")
    for side in SIDES:
        slow, fast, measuring, bath = row(side)
        cells = (f"{slow:.1f}", f"{fast:.2f}", f"{slow / fast:.1f}", f"{measuring / fast - 1:+.0%}", f"{bath:.0f}")
        print(f"| {side} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
