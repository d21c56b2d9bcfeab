"""The worm for dimers beside local flips of plaquettes: time, autocorrelation, and both together.

    python benchmarks/dimers.py [--quick]

Local flips (a random plaquette, if it has two parallel dimers, turned by Metropolis) stay in one winding sector, so
they are no sampler of the torus; they are what a plain program would do. τ is the integrated autocorrelation time in
sweeps, N pivots or N plaquettes; what counts is the last column, the processor time of one independent value of N_∥
and of |D|, the order parameter of the columns.
"""

import sys
import time

import numpy as np
from numba import njit

from rgnet import lattice, stats
from rgnet.models import Dimers
from rgnet.sampling import sample
from rgnet.updates import worm

CASES = [(side, T) for T in (15.0, 0.65) for side in (32, 64)]


@njit
def flips(x, near, rng, K, attempts):
    """Metropolis on random plaquettes."""
    for _ in range(attempts):
        a = int(rng.random() * near.shape[0])
        b, c = near[a, 0], near[a, 1]
        d = near[b, 1]
        flat = x[a] == 0 and x[c] == 0
        if not flat and not (x[a] == 1 and x[b] == 1):
            continue
        if flat:  # parallel neighbours now: dimers beyond the two; then: dimers beside the two new ones
            now = int(x[near[a, 3]] == 0) + int(x[near[c, 1]] == 0)
            then = int(x[near[a, 2]] == 1) + int(x[near[b, 0]] == 1)
        else:
            now = int(x[near[a, 2]] == 1) + int(x[near[b, 0]] == 1)
            then = int(x[near[a, 3]] == 0) + int(x[near[c, 1]] == 0)
        if then < now and K > 0 and rng.random() >= np.exp(K * (then - now)):
            continue
        if flat:
            x[a], x[b], x[c], x[d] = 1, 1, 3, 3
        else:
            x[a], x[b], x[c], x[d] = 0, 2, 0, 2


@njit
def flip_series(x, near, rng, K, out):
    """A configuration after every sweep."""
    for k in range(out.shape[0]):
        flips(x, near, rng, K, near.shape[0])
        out[k] = x[: near.shape[0]]


def measured(side, T, sweeps):
    """Nanoseconds a site and a sweep, τ of N_∥ and of |D|, for the worm and for flips."""
    model = Dimers((side, side), T=T)
    begin = sample(model, 1, chains=1, warmup=2000, thin=1, seed=1)
    x = np.full(model.n_sites + side, -1, dtype=np.int8)
    x[: model.n_sites] = begin["spin"].values.ravel()
    move = worm.update.prepare(model)
    settings = (begin.attrs["worms_per_sweep"],)
    near = np.ascontiguousarray(lattice.nearest_neighbors(model.shape, model.boundary)[[0, 2, 1, 3]].T)
    rng = np.random.Generator(np.random.PCG64(2))

    def by_worm(state, out):
        worm.record(state, rng, 1, out, *move.tables, *settings)

    def by_flips(state, out):
        flip_series(state, near, rng, model.K, out)

    for name, run in (("worm", by_worm), ("flips", by_flips)):
        state, watched = x.copy(), []
        run(state, np.empty((2, model.n_sites), dtype=np.int8))
        seconds = 0.0
        for _ in range(sweeps // 200):
            out = np.empty((200, model.n_sites), dtype=np.int8)
            start = time.process_time()
            run(state, out)
            seconds += time.process_time() - start
            drawn = out.reshape(-1, side, side)
            watched.append(np.stack([model.parallel(drawn), model.watch(drawn)["columnar"]]))
        pair, column = np.concatenate(watched, axis=1)
        tau = [float(stats.autocorrelation_time(series[None])) for series in (pair, column)]
        sweep = seconds / sweeps
        yield name, sweep * 1e9 / model.n_sites, *tau, sweep * 2 * tau[0] * 1e3, sweep * 2 * tau[1] * 1e3


if __name__ == "__main__":
    sweeps = 4000 if "--quick" in sys.argv else 40_000
    print(f"{'move':6} {'L':>3} {'T':>6} {'ns/site':>8} {'τ N_∥':>8} {'τ |D|':>8} {'ms/N_∥':>8} {'ms/|D|':>8}")
    for side, T in CASES:
        for name, *numbers in measured(side, T, sweeps):
            print(f"{name:6} {side:3d} {T:6.2f} " + " ".join(f"{value:8.2f}" for value in numbers), flush=True)
