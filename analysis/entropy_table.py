"""Entropy with 1000 known states: error, bias, coverage and width of every method, and other packages' errors beside.

    python analysis/entropy_table.py [--seeds 500] [--peers PYTHON] [--to analysis/entropy_table.md]

Six cells: Zipf (p_i ∝ 1/i) and uniform, N = 100, 1000 and 10 000 draws. The default method was not fitted to them, so
a second table has laws that it does not contain, and other numbers of states. ``--peers`` names an interpreter that has
infomeasure, ndd, dit, pyitlib, npeet_plus and scikit-learn, or some of them; it gets the same samples:

    python -m venv peers && peers/bin/pip install infomeasure ndd dit pyitlib npeet_plus scikit-learn
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from rgnet.information import entropies

STATES = 1000
DRAWS = (100, 1000, 10_000)


def law(name, k, rng):
    """Probabilities of a named law; some are drawn."""
    i = np.arange(1, k + 1)
    weights = {
        "Zipf": lambda: 1.0 / i,
        "uniform": lambda: np.ones(k),
        "1/i^0.5": lambda: i**-0.5,
        "1/i^1.5": lambda: i**-1.5,
        "1/i^2": lambda: i**-2.0,
        "geometric": lambda: np.exp(-20.0 * i / k),
        "Dirichlet(1)": lambda: rng.dirichlet(np.ones(k)),
        "Dirichlet(0.05)": lambda: rng.dirichlet(np.full(k, 0.05)),
        "log-normal(2)": lambda: np.exp(2.0 * rng.normal(size=k)),
        "one tenth occur": lambda: np.where(i <= k // 10, 1.0, 0.0),
        "two kinds 9:1": lambda: np.where(i <= k // 2, 9.0, 1.0),
        "half in one": lambda: np.where(i == 1, k - 1.0, 1.0),
    }[name]()
    return weights / weights.sum()


def samples(name, k, n, seeds):
    """Counts (seeds, k) and the exact entropies (seeds,)."""
    counts, exact = np.empty((seeds, k), dtype=np.int64), np.empty(seeds)
    for seed in range(seeds):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(n, k)))
        p = law(name, k, rng)
        counts[seed] = rng.multinomial(n, p)
        exact[seed] = -(p[p > 0] * np.log(p[p > 0])).sum()
    return counts, exact


def judge(counts, exact, method):
    """RMSE, bias, coverage and mean width of the 95 % interval."""
    rows = []
    for row, truth in zip(counts, exact, strict=True):
        found = entropies.estimate(entropies.fingerprint(row), method, row.size)
        low, high = found.interval
        rows.append((found.value - truth, low - 1e-12 <= truth <= high + 1e-12, high - low))
    error, inside, width = np.array(rows, dtype=float).T
    return np.sqrt((error**2).mean()), error.mean(), inside.mean(), width.mean()


def number(x):
    """Two digits, or one and a half."""
    if not np.isfinite(x):
        return "-"
    return f"{x:.2f}" if x >= 0.1 else f"{x:.3f}" if x >= 0.002 else f"{x:.4f}"


def table(head, rows):
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def peers_table(cells, python, seconds):
    """RMSE of every method of other packages in each cell, the smallest worst cell first."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "counts.npz", Path(folder) / "out.json"
        np.savez(source, **{name: counts for name, (counts, _) in cells.items()})
        worker = Path(__file__).with_name("_entropy_peers.py")
        subprocess.run([python, str(worker), str(source), str(target), str(seconds)], check=True)
        values = json.loads(target.read_text())
    rows = []
    for method, by_cell in values.items():
        errors, fewest = [], min(len(by_cell[name]) for name in cells)
        for name, (_, exact) in cells.items():
            error = np.array(by_cell[name]) - exact[: len(by_cell[name])]
            errors.append(np.sqrt((error**2).mean()) if error.size and np.isfinite(error).all() else np.inf)
        rows.append((max(errors), [method, *map(number, errors), number(max(errors)), fewest]))
    return [row for _, row in sorted(rows, key=lambda item: item[0])]


def main():
    """Print the tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--peers", help="interpreter that has other packages")
    parser.add_argument("--seconds", type=float, default=0.7, help="for each method of a peer in each cell")
    parser.add_argument("--to", default=str(Path(__file__).with_suffix(".md")))
    arguments = parser.parse_args()
    cells = {f"{name} {n}": samples(name, STATES, n, arguments.seeds) for name in ("Zipf", "uniform") for n in DRAWS}
    text = [
        "# Entropy estimators, 1000 known states",
        f"Nats; {arguments.seeds} samples a cell; `python analysis/entropy_table.py`. `laws` is the default.",
    ]
    found = {method: [judge(*cell, method) for cell in cells.values()] for method in entropies.METHODS}
    rows = sorted(found.items(), key=lambda item: max(row[0] for row in item[1]))
    text.append("## RMSE")
    text.append(
        table(
            ["method", *cells, "worst"],
            [[m, *(number(r[0]) for r in found), number(max(r[0] for r in found))] for m, found in rows],
        )
    )
    text.append("## Bias, coverage of the 95 % interval and its mean width")
    shown = [(m, f) for m, f in rows if m in ("laws", "nsb", "chao-wang-jost")]
    text.append(
        table(
            ["method", *cells],
            [[m, *(f"{r[1]:+.3f}, {r[2]:.3f}, {number(r[3])}" for r in found)] for m, found in shown],
        )
    )
    print("\n\n".join(text), flush=True)
    if arguments.peers:
        text.append(f"## Other packages: RMSE ({arguments.seconds:g} s a cell; the fewest samples done are given)")
        ranked = peers_table(cells, arguments.peers, arguments.seconds)
        head = ["method", *cells, "worst", "samples"]
        print("\n" + table(head, ranked), flush=True)
        packages = [row[0].split()[0] for row in ranked]
        best = [row for place, row in enumerate(ranked) if packages[:place].count(packages[place]) < 2]
        text.append(f"The best two of each package, of {len(ranked)} methods that the packages have.")
        text.append(table(head, best))
    text.append("## Other laws and numbers of states: RMSE of laws / nsb / chao-wang-jost, coverage of laws")
    others = []
    few = min(arguments.seeds, 100)
    names = (
        *("1/i^0.5", "1/i^1.5", "1/i^2", "geometric", "Dirichlet(1)", "Dirichlet(0.05)", "log-normal(2)"),
        *("one tenth occur", "two kinds 9:1", "half in one"),
    )
    cases = [(name, STATES) for name in names]
    cases += [(name, k) for k in (50, 10_000) for name in ("Zipf", "uniform", "1/i^0.5", "geometric", "two kinds 9:1")]
    for name, k in cases:
        row = [name, k]
        for n in DRAWS:
            cell = samples(name, k, n, few)
            judged = [judge(*cell, method) for method in ("laws", "nsb", "chao-wang-jost")]
            row.append(" / ".join(number(item[0]) for item in judged) + f", {judged[0][2]:.2f}")
        others.append(row)
        print(row, flush=True)
    text.append(f"{few} samples a cell; no law of the default has states of two kinds (9:1, half in one).")
    text.append(table(["law", "states", *(f"N = {n}" for n in DRAWS)], others))
    Path(arguments.to).write_text("\n\n".join(text) + "\n")
    print(f"written: {arguments.to}")


if __name__ == "__main__":
    main()
