"""Independent samples per second of every exact update of the 2D Ising model at K_c, and its dynamic exponent.

    python benchmarks/engine.py [--sides 16 32 64 128 256 512 1024] [--budget 60] [--json FILE]

For every update and side L: τ, the larger of the integrated autocorrelation times of the energy and of |M| in sweeps
(Wolff: N flipped spins), measured by `rgnet.stats`; the time of a sweep a spin, energies and magnetisations measured
in every sweep; and what counts, the independent samples a second, 1/(2 τ N t). The dynamic exponent z is the slope of
ln τ against ln L, with the error of the fit, beside the literature: local moves 2.1667(5) (Nightingale & Blöte 2000),
Swendsen–Wang 0.222(7) and Wolff about 0.2 for these sizes (Baillie & Coddington 1991; Du, Zheng & Wang 2006). Where a
hundred τ would take longer than the budget (in seconds), τ is extrapolated with that exponent, and marked ≈.

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
from rgnet.estimate import Estimate
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


def run(data, model, sweeps):
    """Energies and magnetisations after each further sweep, and the seconds that it took."""
    begin = time.process_time()
    data = sample(model, sweeps, resume=data, configurations=False)
    return data, time.process_time() - begin


def measured(model, name, tau, budget):
    """τ and its error in sweeps, seconds a spin and sweep, z of the energy; τ is None if the budget is too small.

    ``tau`` is about what τ will be. At least a hundred of it in each chain are measured.
    """
    side, chains = model.shape[0], CHAINS
    if name in ("metropolis", "heat-bath") and side <= 64:
        chains = 64  # as many as a word has bits
    options = {"update": name, "chains": chains, "thin": 1, "seed": 1, "configurations": False}
    data = sample(model, 1, warmup=20, **options)
    if name == "wolff":  # one cluster at a time, which resolves τ; it flips its share of N
        data.attrs["clusters_per_sweep"] = 1
        tau *= side**0.25
    probe, seconds = 1, 0.0
    while seconds < 0.02 * budget:
        probe *= 4
        _, seconds = run(data, model, probe)
    each, warmup = seconds / probe, math.ceil(20 * tau)
    kernel = data.attrs["kernel"]
    sweeps = min(int(budget / each) - warmup, math.ceil(5000 * tau), 20_000_000 // chains)
    if sweeps < 100 * tau:
        return {"ns": 1e9 * each / (chains * model.n_sites), "kernel": kernel, "tau": None}
    data, _ = run(data, model, warmup)
    data, seconds = run(data, model, sweeps)
    share = float((data["magnetization"].astype(float) ** 2).mean()) / model.n_sites**2 if name == "wolff" else 1.0
    series = {"energy": data["energy"].values, "|M|": np.abs(data["magnetization"].values)}
    slowest = max(stats.autocorrelation_time(values) for values in series.values())
    error = (
        share * slowest * math.sqrt(2 * (2 * 6 + 1) * slowest / (sweeps * chains))
    )  # Madras & Sokal 1988, window 6 τ
    z = stats.mean(data["energy"] / (model.K * model.n_sites)).z(float(ising2d.energy(model.K, shape=(side, side))))
    each = seconds / (sweeps * chains * model.n_sites * share)
    found = {"ns": each * 1e9, "tau": share * slowest, "tau_stderr": error, "z_energy": z, "kernel": kernel}
    return {**found, "per_second": per_second(found, model)}


def per_second(row, model):
    """Independent samples a second, 1/(2 τ N t)."""
    return 1e9 / (2 * row["tau"] * model.n_sites * row["ns"])


def fitted(rows):
    """ln a and z of τ = a L^z over the sides of at least 32, and the covariance; None for fewer than three."""
    kept = [row for row in rows if row["side"] >= 32 and row["tau"]]
    if len(kept) < 3:
        return None
    L, tau, error = (np.array([row[key] for row in kept]) for key in ("side", "tau", "tau_stderr"))
    return curve_fit(lambda x, a, z: a + z * x, np.log(L), np.log(tau), sigma=error / tau, absolute_sigma=True)


def at_criticality(sides, budget):
    """Every update and side, as a list of rows; a line each as they come."""
    rows, exponents = [], {}
    print("| update | L | τ (sweeps) | ns/spin | independent samples/s | z of the energy | kernel |")
    print("|---|---|---|---|---|---|---|")
    for name in exact_for(rg.Ising((16, 16), K=K_C)):
        a, z = GUESS.get(name, LOCAL)
        own = []
        for side in sides:
            model = rg.Ising((side, side), K=K_C)
            row = {"update": name, "side": side, **measured(model, name, a * (side / 16) ** z, budget)}
            fit = fitted(own)
            if row["tau"] is not None:
                tau = Estimate(row["tau"], row["tau_stderr"])
                told = f"{tau} | {row['ns']:.3g} | {row['per_second']:.3g} | {row['z_energy']:+.1f}"
            elif fit is not None:  # by the exponent so far
                row["tau"] = float(np.exp(fit[0][0] + fit[0][1] * math.log(side)))
                row["per_second"], row["extrapolated"] = per_second(row, model), True
                told = f"≈ {row['tau']:.2g} | {row['ns']:.3g} | ≈ {row['per_second']:.2g} | "
            else:
                told = f"more than {budget:g} s | {row['ns']:.3g} | | "
            if not row.get("extrapolated"):
                own.append(row)
            rows.append(row)
            print(f"| {name} | {side} | {told} | {row['kernel']} |", flush=True)
        exponents[name] = fitted(own)
    print("\n| update | z | literature |\n|---|---|---|")
    for name, fit in exponents.items():
        value = "too few sides" if fit is None else f"{Estimate(fit[0][1], math.sqrt(fit[1][1, 1]))}"
        print(f"| {name} | {value} | {LITERATURE[name]} |")
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
        if local["tau"] is None or cluster["tau"] is None:
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
