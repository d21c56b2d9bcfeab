"""Entropy estimators of other packages on tables of counts; run by the interpreter that has them.

    PYTHON analysis/_entropy_peers.py COUNTS.npz OUT.json SECONDS

Every method that a package offers for entropies of symbols, with the number of states K where it takes one. Packages
that are missing are left out. Each method has so many seconds for each cell and does as many samples as it can.
"""

import io
import json
import logging
import sys
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout

import numpy as np

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
# ndd 1.10 asks numpy for names that numpy 2 has dropped
for missing in ("PZERO", "NZERO"):
    setattr(np, missing, 0.0)


def methods_of(k):
    """Name of package and method -> function of (counts without zeros, samples), in nats."""
    found = {}

    def infomeasure():
        import infomeasure

        plain = (
            "discrete",
            "miller_madow",
            "grassberger",
            "chao_shen",
            "chao_wang_jost",
            "zhang",
            "bonachela",
            "shrink",
        )
        for name in plain:
            found[f"infomeasure {name}"] = lambda c, x, name=name: infomeasure.entropy(x, approach=name, base="e")
        for name in ("ansb", "nsb"):
            found[f"infomeasure {name}"] = lambda c, x, name=name: infomeasure.entropy(x, approach=name, K=k, base="e")
        for alpha in (0.5, 1.0, "sch-grass", "min-max"):
            found[f"infomeasure bayes {alpha}"] = lambda c, x, alpha=alpha: infomeasure.entropy(
                x, approach="bayes", alpha=alpha, K=k, base="e"
            )

    def ndd():
        from ndd import estimators

        makers = {"nsb": estimators.Nsb, "miller-madow": estimators.MillerMadow, "ansb": estimators.AsymptoticNsb}
        makers["grassberger"] = estimators.Grassberger
        makers["plug-in"] = estimators.Plugin
        for alpha in (0.5, 1.0, 1 / k):
            makers[f"pseudocount {alpha:g}"] = lambda alpha=alpha: estimators.Plugin(alpha)
            makers[f"wolpert-wolf {alpha:g}"] = lambda alpha=alpha: estimators.WolpertWolf(alpha)
        for name, make in makers.items():
            found[f"ndd {name}"] = lambda c, x, make=make: make()(c, k=k)

    def dit():
        from dit import inference

        for name in ("entropy_0", "entropy_1", "entropy_2"):
            found[f"dit {name}"] = lambda c, x, name=name: getattr(inference, name)(x.tolist()) * np.log(2)

    def pyitlib():
        from pyitlib import discrete_random_variable as drv

        for name in ("ML", 0.5, 1.0, "PERKS", "MINIMAX", "JAMES-STEIN", "GOOD-TURING"):
            found[f"pyitlib {name}"] = lambda c, x, name=name: drv.entropy(
                x, base=np.e, estimator=name, Alphabet_X=np.arange(k)
            )

    def npeet_plus():
        import npeet_plus

        found["npeet_plus entropyd"] = lambda c, x: npeet_plus.entropyd(x, base=np.e)

    def sklearn():
        from sklearn.metrics import mutual_info_score

        found["scikit-learn mutual_info_score(x, x)"] = lambda c, x: mutual_info_score(x, x)

    for package in (infomeasure, ndd, dit, pyitlib, npeet_plus, sklearn):
        try:
            package()
        except Exception as error:
            print(f"{package.__name__}: left out ({error})", file=sys.stderr)
    return found


def main(source, target, seconds):
    """Write the values of every method for every cell."""
    tables = np.load(source)
    results = {}
    for cell in tables.files:
        counts = tables[cell]
        k = counts.shape[1]
        rng = np.random.default_rng(0)
        samples = [rng.permutation(np.repeat(np.arange(k), row)) for row in counts]
        for name, estimate in methods_of(k).items():
            values, begin = [], time.perf_counter()
            sink = io.StringIO()
            try:
                with redirect_stdout(sink), redirect_stderr(sink):
                    for row, x in zip(counts, samples, strict=True):
                        values.append(float(np.ravel(estimate(row[row > 0], x))[0]))
                        if time.perf_counter() - begin > seconds:
                            break
            except Exception as error:
                print(f"{cell} {name}: {type(error).__name__} {str(error)[:100]}", file=sys.stderr)
            results.setdefault(name, {})[cell] = values
        print(cell, file=sys.stderr, flush=True)
    with open(target, "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
