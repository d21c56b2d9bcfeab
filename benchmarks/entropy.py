"""Entropy of a million symbols beside other packages, on one core, in one run: times, and ratios of medians.

    python benchmarks/entropy.py --peers PYTHON

``--peers`` names an interpreter that has the other packages (they need not fit rgnet's own versions):

    python -m venv peers && peers/bin/pip install infomeasure dit pyitlib npeet_plus scikit-learn

It is started once and told what to time, turn by turn with rgnet's, on the same samples; values are compared too.
Times are of the processor, which other programs on the machine disturb less. The script fails if rgnet takes more
than 1/20 of infomeasure's time; or 1/3 where that is little more than one `numpy.unique`, whose sort takes 7 ns
a draw with vector instructions; 1/20 of that is about what reading the draws once takes.
"""

import argparse
import json
import subprocess
import sys
import time

import numpy as np

LIMITS = {"grassberger": 1 / 20, "mutual information, plug-in": 1 / 20}  # of infomeasure's time
LIMIT = 1 / 3  # of the others
DRAWS, STATES, TURNS = 1_000_000, 1000, 15
# rgnet's method -> what the peers call it
PAIRS = [
    ("plug-in", "infomeasure discrete"),
    ("miller-madow", "infomeasure miller_madow"),
    ("grassberger", "infomeasure grassberger"),
    ("chao-shen", "infomeasure chao_shen"),
    ("chao-wang-jost", "infomeasure chao_wang_jost"),
    ("shrinkage", "infomeasure shrink"),
    ("mutual information, plug-in", "infomeasure mutual information"),
    ("plug-in", "npeet_plus entropyd"),
    ("plug-in", "dit entropy_0"),
    ("plug-in", "pyitlib ML"),
    ("plug-in", "scikit-learn mutual_info_score(x, x)"),
]
ALONE = ("nsb", "laws")


def symbols():
    """Draws from Zipf's law, and others that depend on them."""
    rng = np.random.default_rng(np.random.SeedSequence(1))
    p = 1.0 / np.arange(1, STATES + 1)
    x = rng.choice(STATES, DRAWS, p=p / p.sum())
    return x, (x + rng.integers(0, 3, DRAWS)) % 5


def theirs(name, x, y):
    package, _, method = name.partition(" ")
    if package == "infomeasure":
        import infomeasure

        if method == "mutual information":
            return float(infomeasure.mutual_information(x, y, approach="discrete", base="e"))
        return float(infomeasure.entropy(x, approach=method, base="e"))
    if package == "npeet_plus":
        import npeet_plus

        return float(npeet_plus.entropyd(x, base=np.e))
    if package == "dit":
        from dit.inference import entropy_0

        return float(entropy_0(x)) * np.log(2)
    if package == "pyitlib":
        from pyitlib import discrete_random_variable

        return float(discrete_random_variable.entropy(x, base=np.e))
    from sklearn.metrics import mutual_info_score

    return float(mutual_info_score(x, x))


def serve():
    """Read names, answer with seconds and value; once before, on a few draws, to import and compile."""
    x, y = symbols()
    for line in sys.stdin:
        name = line.strip()
        try:
            theirs(name, x[:2000], y[:2000])
            begin = time.process_time()
            value = theirs(name, x, y)
            answer = [time.process_time() - begin, value]
        except Exception as error:
            answer = f"{type(error).__name__}: {str(error)[:80]}"
        print("answer " + json.dumps(answer), flush=True)


def ask(worker, name):
    worker.stdin.write(name + "\n")
    worker.stdin.flush()
    for line in worker.stdout:
        if line.startswith("answer "):
            return json.loads(line.removeprefix("answer "))
    raise RuntimeError("the other interpreter has ended")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=sys.executable, help="interpreter that has the other packages")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve()
    from rgnet.information.discrete import entropy, mutual_information

    x, y = symbols()

    def ours(method):
        begin = time.process_time()
        if method.startswith("mutual"):
            value = mutual_information(x, y, method="plug-in").value
        else:
            value = entropy(x, method=method, k=STATES if method in ("shrinkage", *ALONE) else None).value
        return time.process_time() - begin, value

    slow = []
    print(f"{'rgnet':28} {'peer':38} {'rgnet ms':>9} {'peer ms':>9} {'ratio':>8}   {'values':>16}")
    command = [arguments.peers, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        for method, peer in PAIRS:
            ours(method)  # compiles
            times, values = [], (0.0, 0.0)
            for _ in range(TURNS):
                mine, other = ours(method), ask(worker, peer)
                if isinstance(other, str):
                    print(f"{method:28} {peer:38} left out ({other})")
                    break
                times.append((mine[0], other[0]))
                values = mine[1], other[1]
                if other[0] > 0.3 and len(times) == 3:
                    break
            if not times:
                continue
            first, second = np.median(times, axis=0)
            print(
                f"{method:28} {peer:38} {first * 1e3:9.2f} {second * 1e3:9.1f} {first / second:8.4f}   "
                f"{values[0]:8.5f} {values[1]:8.5f}",
                flush=True,
            )
            if peer.startswith("infomeasure") and first / second > (limit := LIMITS.get(method, LIMIT)):
                slow.append(f"{method}: {first / second:.3f} of infomeasure's time, limit {limit:.2f}")
        worker.stdin.close()
    for method in ALONE:
        ours(method)
        times = [ours(method)[0] for _ in range(TURNS)]
        print(f"{method:28} {'(with its interval)':38} {np.median(times) * 1e3:9.2f}")
    return "\n".join(slow)


if __name__ == "__main__":
    raise SystemExit(main() or 0)
