"""rgnet's minimal sufficient statistics beside dit's, on one core, in one run; then rgnet alone up to 10⁶ states.

    python benchmarks/minimal_sufficient.py --peers PYTHON

PYTHON is an interpreter that has dit (its dependencies may conflict with rgnet's, so it is never imported here). Both
get the same tables, dit as a Distribution that is built before the clock starts. dit is timed by the faster of `mss`
and `insert_mss`; the second says which states it merged, and the partitions must be equal. dit builds the sigma-algebra
of the statistic, 2 to the number of its values, so that tables with many values are out of its reach.
"""

import argparse
import json
import subprocess
import time

import numpy as np

from rgnet.information import tables
from rgnet.information.sufficient import minimal_sufficient

LIMIT = 500.0  # times faster than dit, in the table that takes dit longest
TURNS = 5

PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import dit
from dit.algorithms.minimal_sufficient_statistic import insert_mss, mss
answers = []
for joint in json.load(sys.stdin):
    outcomes = [(y, x) for y, row in enumerate(joint) for x, p in enumerate(row) if p > 0]
    table = dit.Distribution(outcomes, [joint[y][x] for y, x in outcomes])
    begin = time.perf_counter()
    mss(table, [1], [0])
    middle = time.perf_counter()
    merged = insert_mss(table, -1, [1], [0])
    end = time.perf_counter()
    labels = [[x, str(t)] for _, x, t in merged.outcomes]
    answers.append({"seconds": min(middle - begin, end - middle), "labels": labels})
print(json.dumps({"version": dit.__version__, "answers": answers}))
"""


def tree(depth, flip=0.2):
    """p(root, leaves) of a binary tree, shape (2, 2^(2^depth))."""
    channel = np.array([[1 - flip, flip], [flip, 1 - flip]])
    leaves = np.eye(2)
    for _ in range(depth):
        child = channel @ leaves
        leaves = np.einsum("ra,rb->rab", child, child).reshape(2, -1)
    return leaves / 2


def planted(classes, count, states, seed):
    """A random table whose statistic has ``count`` values."""
    rng = np.random.default_rng(seed)
    posterior = rng.dirichlet(np.ones(classes), size=count)
    labels = rng.permutation(np.arange(states) % count)
    return (posterior[labels] * rng.dirichlet(np.ones(states))[:, None]).T


def seconds(joint, turns=TURNS):
    """The median time of rgnet's call, and its result."""
    minimal_sufficient(joint)
    times = []
    for _ in range(turns):
        begin = time.perf_counter()
        found = minimal_sufficient(joint)
        times.append(time.perf_counter() - begin)
    return float(np.median(times)), found


def same(labels, pairs):
    """Whether dit's pairs (state, value) are the partition that ``labels`` is."""
    both = {(int(labels[x]), value) for x, value in pairs}
    return len(both) == len({a for a, _ in both}) == len({b for _, b in both})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", required=True, metavar="PYTHON")
    peers = parser.parse_args().peers
    cases = {
        "binary tree, depth 1": tree(1),
        "binary tree, depth 2": tree(2),
        "planted, 3 classes": planted(3, 8, 200, 1),
        "planted, 10 classes": planted(10, 8, 100, 2),
        "binary tree, depth 3": tree(3),
    }
    text = json.dumps([joint.tolist() for joint in cases.values()])
    answer = json.loads(
        subprocess.run([peers, "-c", PEER], input=text, capture_output=True, text=True, check=True).stdout
    )
    print(
        f"dit {answer['version']}\n{'table':22} {'states':>7} {'values':>7} {'dit':>9} {'rgnet':>9} {'ratio':>7}  equal"
    )
    ok, slowest = True, (0.0, 0.0)
    for (name, joint), theirs in zip(cases.items(), answer["answers"], strict=True):
        ours, found = seconds(joint)
        equal = same(found.labels, theirs["labels"])
        ratio = theirs["seconds"] / ours
        ok &= equal
        slowest = max(slowest, (theirs["seconds"], ratio))
        shown = f"{theirs['seconds']:7.3f} s {1e3 * ours:6.2f} ms {ratio:7.0f}"
        print(f"{name:22} {joint.shape[1]:7} {found.count:7} {shown}  {equal}")
    print(f"\n{'rgnet alone':22} {'states':>7} {'values':>7} {'rgnet':>9}  information lost (nats)")
    large = {
        "binary tree, depth 4": tree(4),
        "planted, 2 classes": planted(2, 1000, 10**6, 3),
        "planted, 10 classes": planted(10, 1000, 10**6, 4),
        "generic, 2 classes": planted(2, 10**6, 10**6, 5),
    }
    for name, joint in large.items():
        ours, found = seconds(joint, 1)
        print(f"{name:22} {joint.shape[1]:7} {found.count:7} {ours:7.2f} s  {found.lost:.1e}")
        ok &= abs(found.kept + found.lost - tables.mutual_information_of(joint)) < 1e-12
    passed = ok and slowest[1] >= LIMIT
    print(f"\n{slowest[1]:.0f} times faster on dit's slowest table (wanted {LIMIT:.0f}): {'ok' if passed else 'FAILS'}")
    raise SystemExit(not passed)


if __name__ == "__main__":
    main()
