"""rgnet's KSG beside scikit-learn, ennemi, npeet_plus and infomeasure, on one core, in one run: seconds at N = 10⁵.

    python benchmarks/ksg.py [--peers PYTHON] [--draws 100000]

Peers run in the interpreter given (by default this one), in a process of their own that is asked for one estimate at a
time: rgnet and each peer are timed in turns and the ratio is of the medians. Absent peers are left out. What is timed
is the estimate from arrays of draws: for rgnet once with all that `mutual_information(method="ksg")` does (checks,
search for repeated values, error bar) and once its bare `ksg.information`. Each runs once before it is timed: rgnet
compiles its kernels then (10–20 s, once per version of the sources; cached on disk) and SciPy loads.

Values in nats (npeet_plus gives bits) of correlated Gaussian columns, ρ = 0.6: I = 0.2231 d. All are KSG 1 with k = 3;
scikit-learn adds noise of 10⁻¹⁰ and ennemi scales columns, so theirs differ in the third digit.
"""

import argparse
import json
import os
import subprocess
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402  (the number of threads is read when it is loaded)

WANTED = {("scikit-learn", 1): 4.0, ("ennemi", 1): 4.0, ("npeet_plus", 2): 2.5, ("npeet_plus", 3): 2.5}
DIMENSIONS = {"scikit-learn": (1,), "ennemi": (1,), "npeet_plus": (1, 2, 3), "infomeasure": (1, 2, 3)}
TURNS = 3
RHO, K = 0.6, 3


def draws(n, d):
    rng = np.random.default_rng(np.random.SeedSequence(1, spawn_key=(d,)))
    x = rng.normal(size=(n, d))
    return x, RHO * x + np.sqrt(1 - RHO**2) * rng.normal(size=(n, d))


def peer(name):
    """The peer's estimator on (n, d) arrays, in nats; ImportError where it is absent."""
    if name == "scikit-learn":
        from sklearn.feature_selection import mutual_info_regression

        return lambda x, y: mutual_info_regression(x, y[:, 0], n_neighbors=K, random_state=0)[0]
    if name == "ennemi":
        import ennemi

        return lambda x, y: np.ravel(ennemi.estimate_mi(y[:, 0], x[:, 0], k=K, max_threads=1))[0]
    if name == "npeet_plus":
        import npeet_plus

        return lambda x, y: npeet_plus.mi(x, y, k=K) * np.log(2)
    import infomeasure

    return lambda x, y: infomeasure.mutual_information(x, y, approach="ksg", k=K, noise_level=0)


def serve():
    """Answer each line [name, n, d] with [seconds, value], or with null where the peer is absent or fails."""
    answers, sys.stdout = sys.stdout, sys.stderr
    known = {}
    for line in sys.stdin:
        name, n, d = json.loads(line)
        try:
            estimate = known.setdefault(name, peer(name))
            data = draws(n, d)
            begin = time.perf_counter()
            value = float(estimate(*data))
            answer = [time.perf_counter() - begin, value]
        except Exception as error:  # whatever a peer does, the others are still timed
            print(f"{name}, d={d}: {type(error).__name__}: {error}", file=sys.stderr)
            answer = None
        print(json.dumps(answer), file=answers, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="interpreter that has the peers")
    parser.add_argument("--draws", type=int, default=100_000)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve()
    from rgnet.information import continuous
    from rgnet.information.continuous import ksg

    worker = subprocess.Popen(
        [arguments.peers, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def theirs(name, n, d):
        print(json.dumps([name, n, d]), file=worker.stdin, flush=True)
        return json.loads(worker.stdout.readline())

    n = arguments.draws
    slow = []
    print(f"N = {n}; seconds (median of {TURNS}); ratio: the peer's time over that of rgnet's full call")
    for d in (1, 2, 3):
        data = draws(n, d)
        runs = {
            "rgnet": lambda data=data: continuous.mutual_information(*data, method="ksg", k=K).value,
            "rgnet, bare": lambda data=data: ksg.information(*data, K),
        }
        small = draws(2000, d)
        continuous.mutual_information(*small, method="ksg", k=K)  # compiles
        peers = [name for name, where in DIMENSIONS.items() if d in where and theirs(name, 2000, d) is not None]
        times = {name: [] for name in (*runs, *peers)}
        values = {}
        for _ in range(TURNS):
            for name, run in runs.items():
                begin = time.perf_counter()
                values[name] = run()
                times[name].append(time.perf_counter() - begin)
            for name in peers:
                seconds, values[name] = theirs(name, n, d)
                times[name].append(seconds)
        median = {name: float(np.median(row)) for name, row in times.items()}
        for name, seconds in median.items():
            ratio, wanted = seconds / median["rgnet"], WANTED.get((name, d))
            note = f"  (wanted ≥ {wanted:g})" if wanted else ""
            print(f"d={d} {name:13} {seconds:8.3f} s  ratio {ratio:5.2f}  I = {values[name]:.4f}{note}", flush=True)
            if wanted and ratio < wanted:
                slow.append(f"{name} at d={d}: {ratio:.2f} times rgnet's time, wanted {wanted:g}")
    worker.stdin.close()
    worker.wait()
    return "\n".join(slow)


if __name__ == "__main__":
    raise SystemExit(main() or 0)
