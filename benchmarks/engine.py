"""Independent samples per second of every exact update of the 2D Ising model at K_c, and its dynamic exponent.

    python benchmarks/engine.py [--sides 16 32 64 128 256 512 1024] [--budget 60] [--json FILE]

For every update and side L: τ, the larger of the integrated autocorrelation times of the energy and of |M| in sweeps,
measured by `rgnet.stats`; the time of a sweep a spin, energies and magnetisations measured in every sweep; and what
counts, the independent samples a second, 1/(2 τ N t). The dynamic exponent z is the slope of ln τ against ln L, with
the error of the fit, beside the literature: local moves 2.1667(5) (Nightingale & Blöte 2000), Swendsen–Wang 0.222(7)
and Wolff about 0.2 for these sizes (Baillie & Coddington 1991; Du, Zheng & Wang 2006). A side whose τ would take longer
than the budget (in seconds) to measure is left out and said to be.

A second table does the same for Metropolis and Swendsen–Wang above K_c's temperature, where the correlation length ξ
is what limits: it is the reason of the rule of ``update="auto"`` (`rgnet.updates.automatic`).
"""

import argparse
import json
import math
import platform
import time
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit

import rgnet as rg
from rgnet import stats
from rgnet.exact import ising2d
from rgnet.sampling import sample
from rgnet.updates import exact_for

K_C = float(ising2d.K_c)
LITERATURE = {
    "metropolis": "2.1667(5)",
    "metropolis-sequential": "2.1667(5)",
    "heat-bath": "2.1667(5)",
    "heat-bath-sequential": "2.1667(5)",
    "swendsen-wang": "0.222(7)",
    "wolff": "≈ 0.2",
}
GUESS = {"swendsen-wang": (3.0, 0.2), "wolff": (1.0, 0.2)}  # τ = a (L/16)^z, to foresee how long a side takes
LOCAL = (14.0, 2.17)
CHAINS = 4


def processor():
    """The name of the CPU, as the system tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def measured(model, name, tau, budget):
    """τ and its error in sweeps, seconds a spin and sweep, z of the energy; None if it takes longer than the budget."""
    side = model.shape[0]
    sample(model, 1, chains=CHAINS, update=name, warmup=1, thin=1, seed=1, configurations=False)  # compiles
    begin = time.perf_counter()
    probe = max(1, min(64, (1 << 22) // model.n_sites))
    data = sample(model, probe, chains=CHAINS, update=name, warmup=0, thin=1, seed=1, configurations=False)
    each = (time.perf_counter() - begin) / (probe * CHAINS)
    sweeps = max(2000, math.ceil(150 * tau))
    warmup = math.ceil(20 * tau)
    if (sweeps + warmup) * CHAINS * each > budget:
        return None
    data = sample(model, 1, chains=CHAINS, update=name, warmup=warmup, thin=1, seed=2, configurations=False)
    begin = time.perf_counter()
    data = sample(model, sweeps, resume=data, configurations=False)
    seconds = (time.perf_counter() - begin) / (sweeps * CHAINS * model.n_sites)
    series = {"energy": data["energy"].values, "|M|": np.abs(data["magnetization"].values)}
    taus = {key: stats.autocorrelation_time(values) for key, values in series.items()}
    slowest = max(taus.values())
    error = slowest * math.sqrt(2 * (2 * 6 + 1) * slowest / (sweeps * CHAINS))  # Madras & Sokal 1988, window 6 τ
    z = stats.mean(data["energy"] / (model.K * model.n_sites)).z(float(ising2d.energy(model.K, shape=(side, side))))
    return {
        "tau": slowest,
        "tau_stderr": error,
        "ns": seconds * 1e9,
        "per_second": 1 / (2 * slowest * model.n_sites * seconds),
        "z_energy": z,
        "kernel": data.attrs["kernel"],
    }


def exponent(rows):
    """z and its error from τ = a L^z over the sides of at least 32."""
    kept = [row for row in rows if row["side"] >= 32]
    if len(kept) < 3:
        return None
    L, tau, error = (np.array([row[key] for row in kept]) for key in ("side", "tau", "tau_stderr"))
    found, covariance = curve_fit(lambda x, a, z: a + z * x, np.log(L), np.log(tau), sigma=error / tau, p0=(0.0, 1.0))
    return found[1], math.sqrt(covariance[1, 1])


def at_criticality(sides, budget):
    """Every update and side, as a list of rows; a line each as they come."""
    rows = []
    print("| update | kernel | L | τ (sweeps) | ns/spin | independent samples/s | z of the energy |")
    print("|---|---|---|---|---|---|---|")
    for name in exact_for(rg.Ising((16, 16), K=K_C)):
        a, z = GUESS.get(name, LOCAL)
        for side in sides:
            found = measured(rg.Ising((side, side), K=K_C), name, a * (side / 16) ** z, budget)
            if found is None:
                print(f"| {name} | | {side} | would take longer than {budget:g} s | | | |", flush=True)
                continue
            row = {"update": name, "side": side, **found}
            rows.append(row)
            print(
                f"| {name} | {row['kernel']} | {side} | {row['tau']:.3g}({row['tau_stderr']:.1g}) | {row['ns']:.3g} | "
                f"{row['per_second']:.3g} | {row['z_energy']:+.1f} |",
                flush=True,
            )
    print("\n| update | z | literature |\n|---|---|---|")
    for name in dict.fromkeys(row["update"] for row in rows):
        fit = exponent([row for row in rows if row["update"] == name])
        print(f"| {name} | {'too few sides' if fit is None else f'{fit[0]:.2f}({fit[1]:.2f})'} | {LITERATURE[name]} |")
    return rows


def above_criticality(side, budget):
    """Metropolis beside Swendsen–Wang for several correlation lengths, at one side."""
    rows = []
    print(f"\nL = {side}:\n\n| ξ | K | Metropolis: τ, samples/s | Swendsen–Wang: τ, samples/s | ratio |")
    print("|---|---|---|---|---|")
    for xi in (1, 2, 4, 8, 16, 32, 64, 128):
        K = brent_coupling(xi)
        found = {}
        for name, guess in (("metropolis", (2 + xi**2.17 / 3)), ("swendsen-wang", 2 + xi**0.3)):
            found[name] = measured(rg.Ising((side, side), K=K), name, guess, budget)
        local, cluster = found["metropolis"], found["swendsen-wang"]
        if local is None or cluster is None:
            print(f"| {xi} | {K:.5f} | would take longer than {budget:g} s | | |")
            continue
        ratio = local["per_second"] / cluster["per_second"]
        rows.append({"xi": xi, "K": K, "side": side, "ratio": ratio})
        print(
            f"| {xi} | {K:.5f} | {local['tau']:.3g}, {local['per_second']:.3g} | {cluster['tau']:.3g}, "
            f"{cluster['per_second']:.3g} | {ratio:.3g} |",
            flush=True,
        )
    return rows


def brent_coupling(xi):
    """K < K_c at which the exact correlation length along an axis, 1/(ln coth K − 2K), is ξ (Onsager 1944)."""
    from scipy.optimize import brentq

    return float(brentq(lambda K: -math.log(math.tanh(K)) - 2 * K - 1 / xi, 1e-3, K_C))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512, 1024])
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    print(f"2D Ising, K_c, {CHAINS} chains, {time.strftime('%-d %B %Y')}, {processor()}, one core\n")
    rows = {"critical": at_criticality(told.sides, told.budget), "above": above_criticality(256, told.budget)}
    if told.json:
        told.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
