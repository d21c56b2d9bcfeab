"""Multi-spin Metropolis beside mcising and peapods (PyPI), on one core, in one run, at the critical point.

    python benchmarks/multispin.py [--quick]

Programs take turns; the numbers are spin updates a nanosecond of processor time, the best of many short turns, since
what else the machine does can only slow a turn down. peapods and mcising take the sites in turn, rgnet by colour. The
peers are installed from PyPI into a folder of their own under the user's cache unless they can be imported.

Also: the fraction of the random bits that the same generator makes when it does nothing else, the price of measuring
energy and magnetisation after every sweep, two processes beside one, a machine without AVX-512 (Numba is told so in a
process of its own), the first call with a warm cache, and energies at two temperatures beside Kaufman's.
"""

import argparse
import datetime
import importlib.util
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

import rgnet as rg  # noqa: E402
from rgnet.exact import ising2d  # noqa: E402
from rgnet.updates import _lanes, metropolis  # noqa: E402

PEERS = ("mcising==1.1.0", "peapods==0.2.0")
K_2, K_3 = ising2d.K_c, 0.221654626
CASES = [((1024, 1024), K_2, 1), ((64, 64), K_2, 64), ((64, 64), K_2, 1), ((128, 128, 128), K_3, 1)]
NO_AVX512 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+bmi,+bmi2,+fma,+popcnt"}
GATES = {((1024, 1024), 1): (90, 300), ((64, 64), 64): (70, 0), ((128, 128, 128), 1): (75, 200)}


def find_peers():
    """Make the peers importable."""
    if all(importlib.util.find_spec(name) for name in ("mcising", "peapods")):
        return
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rgnet" / "peers"
    if not (folder / "peapods").exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), *PEERS]
        subprocess.run(pip, check=True)
    sys.path.append(str(folder))


class Ours:
    """A move and its chains, from an ordered start."""

    def __init__(self, shape, K, chains, measured=False):
        model = rg.Ising(shape, K=K)
        self.model, self.move = model, metropolis.update.prepare(model, chains)
        self.states = np.ones((chains, model.n_sites + shape[-1]), dtype=np.int8)
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(1)))
        self.measured, self.spins = measured, model.n_sites * chains

    def sweep(self, sweeps):
        """So many sweeps of all chains; what was measured after each."""
        rows, every = (sweeps, 1) if self.measured else (1, sweeps)
        chains = len(self.states)
        columns = np.empty((chains, rows, 2 if self.measured else 0))
        self.move.run(self.states, self.rng, every, np.empty((chains, rows, 0), np.int8), columns)
        return columns

    @property
    def bits(self):
        """Random bits for each spin update."""
        return next(t for t in self.move.tables if isinstance(t, np.ndarray) and t.dtype == np.uint64 and t.ndim == 2
                    and set(np.unique(t)) <= {0, 2**64 - 1} and 4 <= t.shape[1] <= 16).shape[1]  # fmt: skip


def mcising(shape, K):
    from mcising._core import IsingSimulation

    simulation = IsingSimulation(
        shape[0], 1.0, 0.0, 0.0, 0.0, 3, "metropolis", "square" if len(shape) == 2 else "cubic"
    )
    return lambda sweeps: simulation.sweep(n_sweeps=sweeps, temperature=1 / K), simulation


def peapods(shape, K):
    import peapods as package

    simulation = package.Ising(shape, temperatures=np.array([1 / K]))
    return lambda sweeps: simulation.sample(sweeps, sequential=True), simulation


def rate_in_turns(programs, turns, seconds=0.15):
    """Spin updates a nanosecond of processor time, for {name: (run, spins of a sweep)}."""
    sweeps, best = {}, {}
    for name, (run, _) in programs.items():
        run(1)
        n = 1
        while True:
            begin = time.process_time()
            run(n)
            took = time.process_time() - begin
            if took > seconds / 4:
                break
            n *= 4
        sweeps[name], best[name] = max(1, round(n * seconds / took)), 0.0
    for _ in range(turns):
        for name, (run, spins) in programs.items():
            begin = time.process_time()
            run(sweeps[name])
            took = time.process_time() - begin
            best[name] = max(best[name], sweeps[name] * spins / took * 1e-9)
    return best


def ceiling(turns):
    """Random bits a nanosecond of the generator alone."""
    lanes = _lanes.new_lanes()
    _lanes.seed_lanes(np.random.default_rng(1), lanes)
    many = np.empty(1 << 15, dtype=np.uint64)  # in the second-level cache

    def run(sweeps):
        for _ in range(sweeps):
            _lanes.draw(lanes, many, many.size)

    return rate_in_turns({"bits": (run, many.size * 64)}, turns)["bits"]


def speeds(turns):
    """Rows of the table of speeds."""
    most = ceiling(turns)
    print(f"\nThe generator alone: {most:.0f} random bits/ns.\n")
    print(
        "| lattice | chains | kernel | rgnet /ns | mcising | peapods | ÷ mcising | ÷ peapods | of the bits | measured |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for shape, K, chains in CASES:
        ours, measured = Ours(shape, K, chains), Ours(shape, K, chains, measured=True)
        peer, pea = mcising(shape, K)[0], peapods(shape, K)[0]
        one = ours.model.n_sites
        rate = rate_in_turns(
            {
                "rgnet": (ours.sweep, ours.spins),
                "measured": (measured.sweep, ours.spins),
                "mcising": (peer, one),
                "peapods": (pea, one),
            },
            turns,
        )
        over = [rate["rgnet"] / rate[name] for name in ("mcising", "peapods", "measured")]
        print(
            f"| {'×'.join(map(str, shape))} | {chains} | {ours.move.kernel} | {rate['rgnet']:.2f} "
            f"| {rate['mcising']:.4f} | {rate['peapods']:.4f} | {over[0]:.0f} | {over[1]:.0f} "
            f"| {100 * rate['rgnet'] * ours.bits / most:.0f} % | +{100 * (over[2] - 1):.0f} % |",
            flush=True,
        )


def two(turns):
    """Two threads beside one, by the clock (kernels release the GIL)."""
    pair = [Ours((1024, 1024), K_2, 1) for _ in range(2)]
    for item in pair:
        item.sweep(10)
    ratios = []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(turns):
            begin = time.perf_counter()
            pair[0].sweep(2000)
            one = time.perf_counter() - begin
            begin = time.perf_counter()
            list(pool.map(lambda item: item.sweep(2000), pair))
            ratios.append(2 * one / (time.perf_counter() - begin))
    print(f"\nTwo threads: {np.median(ratios):.2f} times one (median; best {max(ratios):.2f}).")


def energies(sweeps):
    """Energies per site beside Kaufman's, with |z| from blocks."""
    print("\n| L | K | program | e | error | exact | z |\n|---|---|---|---|---|---|---|")
    for side, K in ((64, K_2), (64, 0.42), (1024, 0.42), (1024, 0.40)):
        exact = float(ising2d.energy(K, (side, side)))
        ours = Ours((side, side), K, 32 if side == 64 else 1, measured=True)
        n = sweeps if side == 64 else sweeps // 20
        ours.sweep(n)
        columns = ours.sweep(20 * n)[..., 0] / (K * ours.model.n_sites)
        show(side, K, "rgnet", columns.reshape(len(columns) * 20, -1).mean(axis=1), exact)
        run, peer = mcising((side, side), K)
        run(n)
        blocks = []
        for _ in range(20):
            values = []
            for _ in range(max(1, n // 20)):
                run(5)
                values.append(peer.energy())
            blocks.append(np.mean(values))
        show(side, K, "mcising", np.array(blocks), exact)


def show(side, K, name, blocks, exact):
    error = blocks.std(ddof=1) / np.sqrt(len(blocks))
    print(
        f"| {side} | {K:.5f} | {name} | {blocks.mean():.6f} | {error:.6f} | {exact:.6f} "
        f"| {(blocks.mean() - exact) / error:+.1f} |",
        flush=True,
    )


def other_machine(turns):
    """The same rates where Numba may not use AVX-512, and the first call with a warm cache, each in a new process."""
    for label, extra in (("AVX-512 as found", {}), ("AVX2 only", NO_AVX512)):
        command = [sys.executable, __file__, "--rates", "--turns", str(turns)]
        text = subprocess.run(command, env=os.environ | extra, check=True, capture_output=True, text=True).stdout
        print(f"\n{label}: {text.strip()}", flush=True)


def rates(turns):
    begin = time.perf_counter()
    Ours((64, 64), K_2, 1).sweep(1)
    first = time.perf_counter() - begin
    found = []
    for shape, K, chains in CASES:
        ours = Ours(shape, K, chains)
        found.append(rate_in_turns({"rgnet": (ours.sweep, ours.spins)}, turns)["rgnet"])
    print(", ".join(f"{r:.2f}/ns" for r in found), f"(first call {first:.2f} s)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rates", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, default=0)
    given = parser.parse_args()
    turns = given.turns or (4 if given.quick else 20)
    if given.rates:
        rates(turns)
        return
    find_peers()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    print(f"Multi-spin Metropolis, {datetime.date.today()}, {cpu}")
    speeds(turns)
    other_machine(turns)
    two(turns)
    energies(1000 if given.quick else 5000)


if __name__ == "__main__":
    main()
