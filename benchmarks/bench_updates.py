"""rgnet's moves beside mcising's (Rust, PyPI), on one core, in one run: nanoseconds for each spin, at K_c.

    python benchmarks/bench_updates.py

Times swing from minute to minute on a shared machine, so each pair is timed in turns, several times, and the ratio is
of the medians. mcising takes the sites in sequence, rgnet by colour. Wolff is counted by sites grown. The energies per
site of both are printed beside Kaufman's exact value: with so few sweeps they only show that both run the same physics.
"""

import time

import numpy as np
from mcising._core import IsingSimulation

import rgnet as rg
from rgnet.exact import ising2d
from rgnet.sampling import sample
from rgnet.updates import UPDATES
from rgnet.updates.wolff import grow_sites

PEERS = {"metropolis": "metropolis", "swendsen-wang": "swendsen_wang", "wolff": "wolff"}
LIMITS = {"metropolis": 2.0, "swendsen-wang": 1.0}  # slower than mcising by at most this
SIDES = (64, 256, 1024)
TURNS = 7
SPINS = 4e6  # spin updates a turn
K = float(ising2d.K_c)


def equilibrium(side):
    """A configuration near equilibrium, int8 (side, side)."""
    sweeps = 300 if side < 1024 else 60
    return sample(rg.Ising((side, side), K=K), 1, chains=1, warmup=sweeps, thin=1, seed=1)["spin"].values[0, 0]


def compare(name, configuration):
    """Nanoseconds a spin of rgnet and of mcising (medians), and the energies per site of both."""
    side = configuration.shape[0]
    model = rg.Ising((side, side), K=K)
    move = UPDATES[name].prepare(model)
    spins = np.zeros(model.n_sites + side, dtype=np.int8)
    spins[: model.n_sites] = configuration.ravel()
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(2)))
    out = np.empty((1, model.n_sites), dtype=np.int8)
    peer = IsingSimulation(side, 1.0, 0.0, 0.0, 0.0, 3, PEERS[name])
    peer.set_spins(configuration)
    sweeps = max(1, round(SPINS / model.n_sites))

    def ours():
        if name == "wolff":
            return grow_sites(spins, rng, int(SPINS), *move.tables)[1]
        move.run(spins, rng, sweeps, out)
        return sweeps * model.n_sites

    def theirs():
        updated = 0
        while updated < sweeps * model.n_sites:
            updated += peer.sweep(1 if name == "wolff" else sweeps, temperature=1 / K)[1]
        return updated

    ours()  # compiles
    times, energies = [], []
    for _ in range(TURNS):
        row = []
        for run in (ours, theirs):
            begin = time.perf_counter()
            updated = run()
            row.append((time.perf_counter() - begin) / updated * 1e9)
        times.append(row)
        final = spins[: model.n_sites].reshape(side, side)
        energies.append([float(model.energy(final)) / (K * model.n_sites), peer.energy()])
    return (*np.median(times, axis=0), *np.mean(energies, axis=0))


def main():
    print(
        f"{'move':14} {'L':>5} {'rgnet':>8} {'mcising':>8} {'ratio':>6}   {'e rgnet':>8} {'e mcising':>9} {'exact':>8}"
    )
    slow = []
    for side in SIDES:
        configuration = equilibrium(side)
        exact = float(ising2d.energy(K, shape=(side, side)))
        for name in PEERS:
            mine, peer, e_mine, e_peer = compare(name, configuration)
            ratio = mine / peer
            print(
                f"{name:14} {side:5d} {mine:8.2f} {peer:8.2f} {ratio:6.2f}   {e_mine:8.4f} {e_peer:9.4f} {exact:8.4f}",
                flush=True,
            )
            if ratio > LIMITS.get(name, np.inf):
                slow.append(f"{name} at L={side}: {ratio:.2f} times mcising's time, limit {LIMITS[name]:g}")
    print("ns a spin; ratio < 1: rgnet is faster")
    return "\n".join(slow)


if __name__ == "__main__":
    raise SystemExit(main() or 0)
