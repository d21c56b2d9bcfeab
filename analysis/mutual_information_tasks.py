"""The continuous estimators on the tasks of benchmark-mi (Czyż et al. 2023, 2025), whose mutual information is known.

benchmark-mi pins a jax that conflicts with rgnet's dependencies, so it lives in an environment of its own and the two
exchange files:

    python -m venv BMI && BMI/bin/pip install benchmark-mi "jax==0.4.30" "jaxlib==0.4.30"
    BMI/bin/python analysis/mutual_information_tasks.py --generate data/mutual_information      # imports no rgnet
    python analysis/mutual_information_tasks.py --score data/mutual_information        # imports no benchmark-mi

(equinox 0.10, which benchmark-mi 0.1.3 asks for, needs jax below 0.4.34.) ``v1`` are the 40 tasks of its task list;
``v2`` the 13 mixtures that its authors' second benchmark adds to tasks of the first. Scores are kept beside the samples
and not computed again; ``--only v1`` leaves v2 alone, which is for scoring a method that is frozen.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np

DRAWS, SEEDS = 5000, 5
NULLS = {1: 200, 5: 60, 25: 16}  # columns of each variable: seeds
METHODS = ("rgnet", "KSG", "copula", "CCA")
LIMITS = {"v1": 0.12, "v2": 0.28, "null": 0.01}


def generate(folder):
    """Samples and true values of every task, one file each."""
    import bmi.benchmark as benchmark
    import jax
    from bmi.benchmark.tasks import mixtures

    newer = [mixtures.task_x(), mixtures.task_ai(), mixtures.task_waves(), mixtures.task_galaxy()]
    for d, components in ((3, 5), (5, 5), (3, 10), (5, 10), (25, 5)):
        newer.append(mixtures.task_concentric_multinormal(dim_x=d, n_components=components))
    for d, fraction in ((5, 0.2), (25, 0.2), (5, 0.5), (25, 0.5)):
        newer.append(mixtures.task_multinormal_sparse_w_inliers(dim_x=d, dim_y=d, inlier_fraction=fraction))
    for version, tasks in (("v1", list(benchmark.BENCHMARK_TASKS.values())), ("v2", newer)):
        (folder / version).mkdir(parents=True, exist_ok=True)
        for number, task in enumerate(tasks):
            path = folder / version / f"{number:02d}.npz"
            if path.exists():
                continue
            pairs = [task.sample(DRAWS, seed) for seed in range(SEEDS)]
            x, y = (np.stack([np.asarray(pair[side], dtype=np.float64) for pair in pairs]) for side in (0, 1))
            truth = float(task.mutual_information)
            np.savez(path, x=x, y=y, truth=truth, id=task.id, name=task.name)
            jax.clear_caches()
            print(f"{version} {task.id}: {truth:.4f}", flush=True)


def readings(x, y):
    """Value and standard error by every method of independent draws (n, d_x), (n, d_y)."""
    from rgnet.information.continuous import combined, gaussian, ksg

    scaled = [(z - z.mean(axis=0)) / z.std(axis=0) for z in (x, y)]
    scores = [gaussian.normal_scores(z) for z in (x, y)]
    ours = combined.combined(x, y)
    return {
        "rgnet": (ours.value, ours.stderr, ours.interval, ours.method),
        "KSG": (ksg.information(*scaled),),
        "copula": (gaussian.information(*scores),),
        "CCA": (gaussian.information(*scaled),),
    }


def saved(path, compute):
    """What a JSON file holds; computed and written where there is none."""
    if not path.exists():
        path.write_text(json.dumps(compute()))
    return json.loads(path.read_text())


def score(folder, only, finished=False):
    """Readings of every task and of independent Gaussian variables; saved one by one."""
    from rgnet.information.continuous import combined, gaussian

    tables = {}
    known = {}  # the combined estimate depends on the ranks only, and several tasks share them
    for version in ("v1", "v2"):
        paths = sorted((folder / version).glob("*.npz")) if only in (None, version) else []
        for path in paths:
            data = np.load(path)
            rows = []
            for seed in range(min(SEEDS, len(data["x"]))):
                x, y = (np.ascontiguousarray(data[side][seed]) for side in ("x", "y"))
                saved_at = path.with_suffix(f".{seed}.json")
                if finished and not saved_at.exists():
                    continue
                begin = time.perf_counter()
                key = hashlib.sha256(gaussian.normal_scores(np.concatenate([x, y], axis=1)).tobytes()).hexdigest()
                row = saved(
                    path.with_suffix(f".{seed}.json"), lambda x=x, y=y, key=key: known.get(key) or readings(x, y)
                )
                known.setdefault(key, row)
                rows.append(row)
                if time.perf_counter() - begin > 1:
                    print(f"{version} {path.stem} seed {seed}: {time.perf_counter() - begin:.0f} s", flush=True)
            if rows:
                tables.setdefault(version, []).append((str(data["name"]), float(data["truth"]), rows))
    for d, seeds in NULLS.items() if only in (None, "null") else ():
        (folder / "null").mkdir(exist_ok=True)
        for seed in range(seeds):
            if finished and not (folder / "null" / f"{d}.{seed}.json").exists():
                continue
            rng = np.random.default_rng(np.random.SeedSequence(99, spawn_key=(d, seed)))
            x, y = rng.normal(size=(DRAWS, d)), rng.normal(size=(DRAWS, d))

            def null(x=x, y=y):
                ours = combined.combined(x, y)
                return ours.value, ours.stderr, ours.interval

            tables.setdefault(f"null {d}", []).append(saved(folder / "null" / f"{d}.{seed}.json", null))
    return tables


def write(tables, note):
    """The result as Markdown."""
    lines = [
        "# Mutual information on the tasks of benchmark-mi",
        "",
        f"Written by `mutual_information_tasks.py`; N = {DRAWS}, {SEEDS} seeds, nats. `rgnet`: the default",
        "(`rgnet.information.continuous.mutual_information`), one method for all; `KSG`: KSG 1, k = 3, columns of unit",
        "variance (npeet_plus, ennemi and scikit-learn compute the same); `copula`, `CCA`: Gaussian, of normal scores",
        "and of the values. RMSE: over tasks and seeds. `covers`: seeds whose interval contains the truth.",
        "",
        *note,
    ]
    for version in ("v1", "v2"):
        if version not in tables:
            continue
        lines += [
            "",
            f"## {version}",
            "",
            "| task | truth | rgnet (mean ± sd) | error | covers | view | KSG | copula | CCA |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        squares = {name: [] for name in METHODS}
        for task, truth, rows in tables[version]:
            values = {name: np.array([row[name][0] for row in rows]) for name in METHODS}
            for name in METHODS:
                squares[name].append(np.mean((values[name] - truth) ** 2))
            covers = sum(row["rgnet"][2][0] <= truth <= row["rgnet"][2][1] for row in rows)
            views = sorted({row["rgnet"][3].split("view: ")[1].split(",")[0] for row in rows})
            ours = values["rgnet"]
            lines.append(
                f"| {task} | {truth:.3f} | {ours.mean():.3f} ± {ours.std():.3f} | {ours.mean() - truth:+.3f} "
                f"| {covers}/{len(rows)} | {', '.join(views)} | "
                + " | ".join(f"{values[name].mean():.3f}" for name in METHODS[1:])
                + " |"
            )
        rmse = {name: float(np.sqrt(np.mean(squares[name]))) for name in METHODS}
        lines += ["", f"RMSE over {len(tables[version])} tasks: " + ", ".join(f"{n} {v:.3f}" for n, v in rmse.items())]
        lines[-1] += f" (wanted: rgnet ≤ {LIMITS[version]})."
    if any(name.startswith("null") for name in tables):
        lines += ["", "## Independent Gaussian variables (truth 0)", ""]
        lines += [
            "| columns of each | seeds | mean ± its error | sd | mean stderr | covers |",
            "|---|---|---|---|---|---|",
        ]
    for name, rows in tables.items():
        if name.startswith("null"):
            values = np.array([row[0] for row in rows])
            error = values.std(ddof=1) / np.sqrt(len(rows))
            covers = np.mean([row[2][0] <= 0 <= row[2][1] for row in rows])
            lines.append(
                f"| {name.split()[1]} | {len(rows)} | {values.mean():+.4f} ± {error:.4f} | {values.std(ddof=1):.4f} "
                f"| {np.mean([row[1] for row in rows]):.4f} | {covers:.1%} |"
            )
    return "\n".join(lines) + "\n"


def main():
    """Generate, or score and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generate", type=Path, metavar="FOLDER", help="write samples (by benchmark-mi's Python)")
    parser.add_argument("--score", type=Path, metavar="FOLDER", help="score them (by rgnet's Python)")
    parser.add_argument("--only", choices=["v1", "v2", "null"])
    parser.add_argument("--finished", action="store_true", help="tabulate what is scored already")
    parser.add_argument("--note", default="", help="a line for the head of the result")
    parser.add_argument("--to", type=Path, default=Path(__file__).with_suffix(".md"))
    arguments = parser.parse_args()
    if (arguments.generate is None) == (arguments.score is None):
        parser.error("give --generate FOLDER or --score FOLDER")
    if arguments.generate is not None:
        generate(arguments.generate)
        return
    tables = score(arguments.score, arguments.only, arguments.finished)
    arguments.to.write_text(write(tables, [arguments.note] if arguments.note else []))
    print(arguments.to)


if __name__ == "__main__":
    main()
