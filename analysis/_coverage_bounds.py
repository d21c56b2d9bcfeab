"""Bounds and `retained` on data of known information, for `interval_coverage.py`."""

import math
from typing import Any

import numpy as np
from _coverage_cells import Cell
from _coverage_data import hidden, posteriors, tree, tree_likelihood, tree_table, two_normals, two_normals_truth
from scipy.stats import norm

from rgnet.estimate import Estimate
from rgnet.information import tables


def bound_cells() -> list[Cell]:
    """Classifiers, posteriors, upper bounds."""
    from sklearn.naive_bayes import GaussianNB

    from rgnet.information import upper
    from rgnet.information.classifier import classifier_bound, log_score_bound

    truth, t3 = two_normals_truth(), tables.mutual_information_of(tree_table(3))
    given = GaussianNB()

    def classify(rng: Any, n: int, **options: Any) -> Estimate:
        x, y = two_normals(rng, n)
        return classifier_bound(x[:, None], y, seed=int(rng.integers(2**31)), **options)

    def scores(rng: Any, n: int, **options: Any) -> Estimate:
        x, y = two_normals(rng, n)
        return log_score_bound(np.log(posteriors(x))[np.arange(n), y], y, **options)

    def bp(rng: Any, n: int, prior: Any) -> Estimate:
        return upper.likelihood_information(np.log(tree_likelihood(tree(rng, n, 3)[1])), prior)

    def loose(rng: Any, n: int) -> Estimate:
        x, y = two_normals(rng, n)
        return upper.variational_bound(norm.logpdf(x, 1.5 * y), norm.logpdf(x, 0.75, math.sqrt(1 + 0.5625)))

    def tight(rng: Any, n: int) -> Estimate:
        x, y = two_normals(rng, n)
        return upper.variational_bound(norm.logpdf(x, 1.5 * y), np.log((norm.pdf(x) + norm.pdf(x, 1.5)) / 2))

    def left(rng: Any, n: int) -> Estimate:
        return upper.leave_one_out_bound(lambda x, y: norm.logpdf(x, 1.5 * y), *two_normals(rng, n))

    def from_chains(rng: Any, n: int) -> Estimate:
        x, y = hidden(rng, n)
        return classifier_bound(x.astype(float)[:, None], y, classifier=given, chains=4)

    channel = math.log(2) + 0.2 * math.log(0.2) + 0.8 * math.log(0.8)
    return [
        Cell(
            "classifier_bound, naive Bayes",
            "label and Gaussian",
            300,
            truth,
            lambda rng: classify(rng, 300, classifier=given),
        ),
        Cell(
            "classifier_bound, naive Bayes, prior",
            "label and Gaussian",
            300,
            truth,
            lambda rng: classify(rng, 300, classifier=given, prior=[0.5, 0.5]),
        ),
        Cell("classifier_bound, default", "label and Gaussian", 300, truth, lambda rng: classify(rng, 300)),
        Cell(
            "classifier_bound, naive Bayes",
            "tree, 8 leaves",
            300,
            t3,
            lambda rng: classifier_bound(*tree(rng, 300, 3)[::-1], classifier=given),
        ),
        Cell(
            "classifier_bound, naive Bayes, chains",
            "correlated chains, 2×2",
            4000,
            channel,
            lambda rng: from_chains(rng, 4000),
        ),
        Cell("log_score_bound, exact p(y∣x)", "label and Gaussian", 300, truth, lambda rng: scores(rng, 300)),
        Cell(
            "log_score_bound, exact p(y∣x), prior",
            "label and Gaussian",
            300,
            truth,
            lambda rng: scores(rng, 300, prior=[0.5, 0.5]),
        ),
        Cell(
            "posterior_information",
            "label and Gaussian",
            200,
            truth,
            lambda rng: upper.posterior_information(posteriors(two_normals(rng, 200)[0])),
        ),
        Cell(
            "posterior_information, prior",
            "label and Gaussian",
            200,
            truth,
            lambda rng: upper.posterior_information(posteriors(two_normals(rng, 200)[0]), prior=[0.5, 0.5]),
        ),
        Cell("likelihood_information", "tree, 8 leaves", 200, t3, lambda rng: bp(rng, 200, [0.5, 0.5])),
        Cell("variational_bound, r = p", "label and Gaussian", 300, truth, lambda rng: tight(rng, 300)),
        Cell("variational_bound, Gaussian r", "label and Gaussian", 300, truth, lambda rng: loose(rng, 300)),
        Cell("leave_one_out_bound", "label and Gaussian", 2000, truth, lambda rng: left(rng, 2000)),
    ]


def level_cells() -> list[Cell]:
    """`retained`: labels of a tree, Fisher information of a lattice."""
    import xarray as xr

    import rgnet as rg
    from rgnet.information import fisher
    from rgnet.information.kept import retained

    def reading(table: Any, name: str, level: int) -> Estimate:
        value, error = (float(table[v].values[level]) for v in (name, f"{name}_stderr"))
        interval = tuple(table[f"{name}_interval"].values[level]) if f"{name}_interval" in table else None
        return Estimate(value, error, interval, "lower" if str(table["kind"].values[level]) == "lower" else "estimate")

    def posterior(level: Any) -> Any:
        p = tree_likelihood(level)
        return p / p.sum(axis=1, keepdims=True)

    def votes(rng: Any, place: int, name: str) -> Estimate:
        y, leaves = tree(rng, 1000, 3)
        return reading(retained([leaves, leaves.sum(axis=1)], about=y, posterior=posterior), name, place)

    configurations = (np.arange(256)[:, None] >> np.arange(8)) & 1
    joint = tree_table(3)
    voted = np.stack([np.bincount(configurations.sum(axis=1), weights=row) for row in joint])
    t3, tv = tables.mutual_information_of(joint), tables.mutual_information_of(voted)

    model, layer = rg.Ising((4, 4), K=0.35, h=0.1), rg.Majority(2, "first")
    p, x = rg.exact.distribution(model.energy, model.shape), rg.exact.states(model.shape)
    y = layer(x, ndim=2).reshape(len(x), -1)
    _, group = np.unique(y, axis=0, return_inverse=True)
    from rgnet.exact.marginals import bond_sum

    s = np.stack([bond_sum(x, model.boundary), x.sum(axis=(1, 2))], axis=1).astype(float)
    s -= p @ s
    mass = np.bincount(group.ravel(), weights=p)
    given = np.stack([np.bincount(group.ravel(), weights=p * c) for c in s.T], axis=1) / mass[:, None]
    full, kept = s.T * p @ s, given.T * mass @ given
    import scipy.linalg

    mu = scipy.linalg.eigh(kept, full, eigvals_only=True)[::-1]

    def lattice(rng: Any) -> list[Any]:
        picks = rng.choice(p.size, size=(4, 500), p=p)
        data = xr.Dataset({"spin": (("chain", "draw", "x", "y"), x[picks])}, attrs={"level": 0, "scale": 1})
        return rg.Network([layer]).levels(data)

    def single(rng: Any, about: str, name: str, level: int) -> Estimate:
        return reading(fisher.retained(lattice(rng), about), name, level)

    def matrix(rng: Any, mode: int) -> Estimate:
        table = fisher.retained_matrix(lattice(rng))
        return Estimate(float(table["fraction"][1, mode]), float(table["fraction_stderr"][1, mode]), None, "lower")

    def entry(rng: Any, a: int, b: int) -> Estimate:
        table = fisher.fisher_matrix(lattice(rng)[0])
        return Estimate(float(table["fisher"][a, b]), float(table["fisher_stderr"][a, b]))

    return [
        Cell("retained, posterior", "tree, 8 leaves", 1000, t3, lambda rng: votes(rng, 0, "information")),
        Cell("retained, posterior of votes", "tree, 8 leaves", 1000, tv, lambda rng: votes(rng, 1, "information")),
        Cell("retained, fraction of votes", "tree, 8 leaves", 1000, tv / t3, lambda rng: votes(rng, 1, "fraction")),
        *(
            Cell(
                f"retained, Fisher {a}, level {k}",
                "4×4 Ising",
                2000,
                float((full, kept)[k][i, i]),
                lambda rng, a=a, k=k: single(rng, a, "fisher", k),
            )
            for i, a in enumerate(("K", "h"))
            for k in (0, 1)
        ),
        Cell("fisher_matrix, off-diagonal", "4×4 Ising", 2000, float(full[0, 1]), lambda rng: entry(rng, 0, 1)),
        *(
            Cell(f"retained_matrix, μ{m + 1}", "4×4 Ising", 2000, float(mu[m]), lambda rng, m=m: matrix(rng, m))
            for m in (0, 1)
        ),
    ]
