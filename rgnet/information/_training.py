"""How held-out probabilities are made: folds that do not leak, features, and a classifier chosen on inner folds."""

import contextlib
import copy
import functools
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import stats
from rgnet.estimate import Estimate
from rgnet.information.samples import Layout, as_labels, slowest

Array = npt.NDArray[Any]
Probabilities = Callable[[Array], Array]

WIDE = 64  # columns beyond which each is a site and not a variable
SMALL = 4_000_000  # entries up to which more threads than one are no gain
QUADRATIC = 16  # columns up to which their products are features too
MIXTURES = (0.0, 0.03, 0.1, 0.3, 0.6, 1.0)  # shares of the class frequencies tried in the default classifier


@dataclass(frozen=True)
class Fold:
    """Draws to ``train`` on, ``inner`` and ``check`` for choosing on a part of them, and those held out (``test``)."""

    train: Array
    test: Array
    inner: Array
    check: Array


def make_folds(
    labels: npt.NDArray[np.int64], variables: list[Array], layout: Layout, stratified: bool, folds: int, seed: int
) -> tuple[list[Fold], str]:
    """Folds that keep correlated draws together, and a sentence that says how.

    Independent draws are dealt out at random, class by class. Chains are held out whole where every class is met in
    three or more; else each chain is cut in time and training keeps 2τ away from what is held out.
    """
    n = len(labels)
    if layout is None or layout[1] < 2:
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
        order = rng.permutation(n)
        order = order[np.argsort(labels[order], kind="stable")]
        number = np.empty(n, dtype=np.int64)
        number[order] = np.arange(n) % folds
        return _folds_of(number, number, folds, 0), f"{folds} folds of independent draws"
    chains, draws = layout
    table = labels.reshape(layout)
    has = np.stack([(table == c).any(axis=1) for c in range(labels.max() + 1)], axis=1)  # (chain, class)
    fewest = int(has.sum(axis=0).min())
    if fewest >= 3:
        count = min(folds, fewest)
        order = np.argsort(table[:, 0], kind="stable") if stratified else np.arange(chains)
        of_chain = np.empty(chains, dtype=np.int64)
        of_chain[order] = np.arange(chains) % count
        number = np.repeat(of_chain, draws)
        return _folds_of(number, number, count, 0), f"{count} folds of whole chains"
    tau = slowest([item for item in variables if item.size], layout, stratified=stratified)
    gap = math.ceil(2.0 * tau)
    if gap * 4 > draws // folds:
        raise stats.ShortChainError(
            f"chains of {draws} draws with an autocorrelation time of {tau:.3g} cannot be cut in {folds} folds that "
            f"know nothing of each other: take at least {4 * gap * folds} draws a chain, or three chains of each class",
            Estimate(tau, float("nan"), method="integrated autocorrelation time, in draws", n=n),
        )
    number = np.tile(np.arange(draws) * folds // draws, chains)
    return _folds_of(number, np.tile(np.arange(draws), chains), folds, gap), (
        f"{folds} folds of consecutive draws, {gap} left out between training and test"
    )


def _folds_of(number: Array, time: Array, folds: int, gap: int) -> list[Fold]:
    """Folds from the number of each draw; training is ``gap`` away in ``time`` from the draws it is judged by."""

    def near(which: int) -> Array:
        if gap == 0:
            return np.asarray(number == which)
        inside = time[number == which]
        return np.asarray((time >= inside.min() - gap) & (time <= inside.max() + gap))

    result = []
    for f in range(folds):
        train = ~near(f)
        check = train & (number == (f + 1) % folds)
        inner = train & ~near((f + 1) % folds)
        result.append(Fold(*(np.flatnonzero(part) for part in (train, number == f, inner, check))))
    return result


def features_of(x: Array, features: Any, given: bool) -> tuple[Array, Array]:
    """Raw columns (n, d) and summary columns (n, k); either may have none.

    ``features`` as `rgnet.information.classifier.classifier_bound` takes it; ``given``: the user's own classifier,
    which by default gets the raw columns.
    """
    n = len(x)
    none = np.empty((n, 0), dtype=np.float32)
    if callable(features):
        made = np.asarray(features(x))
        if made.shape[:1] != (n,) or made.dtype.kind not in "biuf" or not np.isfinite(made).all():
            raise ValueError(
                f"features(x) gave an array of shape {made.shape} and type {made.dtype}: it must give finite numbers, "
                f"({n}, columns)"
            )
        made = made.reshape(n, -1).astype(np.float64)
        return (made, none) if given or made.shape[1] <= WIDE else (none, made)
    if features not in ("auto", "raw", "summary"):
        raise ValueError(f'features={features!r}: give "auto", "raw", "summary" or a function of the draws')
    if x.dtype.kind not in "biuf":
        raise ValueError(f"x has values of type {x.dtype}: a classifier needs numbers; encode labels as integers")
    wide = x[0].size > WIDE
    raw = x.reshape(n, -1).astype(np.float32 if wide else np.float64) if features != "summary" else none
    want = features == "summary" or (features == "auto" and wide and not given)
    return raw, summary(x) if want else none


def summary(x: Array) -> Array:
    """A few numbers of each configuration: mean, spread, and where x has space, its operator sums per site."""
    n, sites = len(x), x[0].size
    flat = x.reshape(n, -1)
    mean = flat.mean(axis=1, dtype=np.float64)
    columns = [mean, (flat.astype(np.float32) ** 2).mean(axis=1, dtype=np.float64) - mean**2]
    if 2 <= x.ndim <= 4 and min(x.shape[1:]) >= 2:
        from rgnet import operators as ops

        ndim, real = x.ndim - 1, x.dtype.kind == "f"
        chosen = [item for sector in ("even", "odd") for item in ops.defaults(ndim, sector, real=real)]
        chosen = [item for item in chosen if item.reach < min(x.shape[1:])]
        sums = ops.sums(x, chosen) if chosen else np.empty((n, 0))
        columns += [column / sites for column in sums.T.astype(np.float64)]
    table = np.stack(columns, axis=1)
    scale = table.std(axis=0)
    return table[:, scale > 1e-12 * np.maximum(1.0, np.abs(table).max(axis=0))]


def frequencies(labels: npt.NDArray[np.int64], classes: int) -> Array:
    """Class frequencies of training draws by Laplace's rule, (n_c + 1)/(n + m): no class of the data is impossible."""
    return (np.bincount(labels, minlength=classes) + 1.0) / (len(labels) + classes)


def under_prior(p: Array, labels: npt.NDArray[np.int64], prior: Array | None) -> Array:
    """Probabilities (n, classes) of a classifier trained on ``labels`` for classes that have another prior."""
    if prior is None:
        return p
    count = np.bincount(labels, minlength=len(prior))
    weighted = p * (prior / np.maximum(count, 1))
    return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))


def fit(classifier: Any, columns: Array, labels: npt.NDArray[np.int64], classes: int, seed: int) -> Probabilities:
    """A fitted copy of a classifier as a function of columns, giving (n, classes); unseen classes get 0."""
    if np.ptp(labels) == 0:
        seen = np.eye(classes)[labels[0]]
        return lambda rows: np.tile(seen, (len(rows), 1))
    copied = _copy(classifier, seed)
    with _threads(columns.size), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=_convergence_warning())  # a worse bound, not a wrong one
        copied.fit(columns, labels)

    def probabilities(rows: Array) -> Array:
        with _threads(rows.size):
            found = np.asarray(copied.predict_proba(rows), dtype=np.float64)
        known = np.asarray(copied.classes_, dtype=np.int64)
        sums = found.sum(axis=1) if found.shape == (len(rows), len(known)) else np.array([np.nan])
        if not (np.isfinite(found).all() and (found >= 0).all() and np.abs(sums - 1.0).max() < 1e-3):
            raise ValueError(
                f"{type(copied).__name__}.predict_proba gave an array of shape {found.shape} with sums from "
                f"{sums.min():.4g} to {sums.max():.4g}: it must give ({len(rows)}, {len(known)}) probabilities"
            )
        result = np.zeros((len(rows), classes))
        result[:, known] = found / sums[:, None]
        return result

    return probabilities


@functools.cache
def _controller() -> Any:
    import sklearn.ensemble  # noqa: F401  its OpenMP must be loaded to be found
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()


def _threads(size: int) -> Any:
    """One thread for small arrays: many that wait for each other on a busy machine are slower by a factor of 20."""
    return _controller().limit(limits=1) if size < SMALL else contextlib.nullcontext()


@functools.cache
def _convergence_warning() -> type[Warning]:
    from sklearn.exceptions import ConvergenceWarning

    return ConvergenceWarning  # type: ignore[no-any-return]


def _copy(classifier: Any, seed: int) -> Any:
    """An unfitted copy; where its randomness is not fixed, it is by ``seed``."""
    if not hasattr(classifier, "get_params"):
        return copy.deepcopy(classifier)
    from sklearn.base import clone

    copied = clone(classifier)
    free = [k for k, v in copied.get_params().items() if k.rpartition("__")[2] == "random_state" and v is None]
    return copied.set_params(**dict.fromkeys(free, seed)) if free else copied


def candidates(raw: Array, extra: Array) -> list[tuple[str, Any, Array]]:
    """The default's name, classifier and columns, from few to many parameters."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    def linear(strength: float) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=200))

    squares = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), linear(0.1))
    trees = HistGradientBoostingClassifier(max_iter=40, learning_rate=0.15, max_leaf_nodes=8, early_stopping=False)
    result: list[tuple[str, Any, Array]] = []
    narrow = extra if extra.shape[1] else raw if raw.shape[1] <= WIDE else extra
    if narrow.shape[1]:
        if narrow.shape[1] <= QUADRATIC:
            result.append(("logistic regression on products", squares, narrow))
        else:
            result.append(("logistic regression", linear(1.0), narrow))
        result.append(("boosted trees", trees, narrow))
    if raw.shape[1] and narrow is not raw:
        both = np.concatenate([raw, extra.astype(raw.dtype)], axis=1) if extra.shape[1] else raw
        result += [(f"logistic regression on all sites (C={c:g})", linear(c), both) for c in (1e-4, 1e-3, 1e-2)]
    return result


def chosen(
    options: list[tuple[str, Any, Array]],
    fold: Fold,
    labels: npt.NDArray[np.int64],
    classes: int,
    seed: int,
    prior: Array | None = None,
) -> tuple[int, float]:
    """Option and share of the class frequencies with the smallest loss on the inner check set (under the prior)."""
    if len(fold.inner) == 0 or len(fold.check) == 0:
        return 0, MIXTURES[1]
    truth = labels[fold.check]
    base = (frequencies(labels[fold.inner], classes) if prior is None else prior)[truth]
    weights = (
        np.ones(len(truth)) if prior is None else (prior / np.maximum(np.bincount(truth, minlength=classes), 1))[truth]
    )
    best = (math.inf, 0, 1.0)
    for place, (_, classifier, columns) in enumerate(options):
        p = fit(classifier, columns[fold.inner], labels[fold.inner], classes, seed)(columns[fold.check])
        own = under_prior(p, labels[fold.inner], prior)[np.arange(len(truth)), truth]
        for share in MIXTURES:
            loss = -float(np.average(np.log(np.maximum((1.0 - share) * own + share * base, 1e-300)), weights=weights))
            if loss < best[0]:
                best = (loss, place, share)
    return best[1], best[2]


def check_labels(y: Array) -> tuple[npt.NDArray[np.int64], int, Array]:
    """Labels 0 … m − 1, m, and the distinct values, after their checks."""
    if y.reshape(len(y), -1).shape[1] != 1:
        raise ValueError(f"y has shape {y.shape}: give one label a draw, (n,)")
    column = y.reshape(-1)
    labels, classes = as_labels(column)
    if classes < 2:
        raise ValueError(f"all {len(y)} labels are {column[0]!r}: information about y needs two classes or more")
    if classes > len(y) // 2:
        raise ValueError(
            f"y has {classes} different values in {len(y)} draws: classes must repeat; cut a real y into bins, or use "
            f"an estimator for real variables"
        )
    return labels, classes, np.unique(column)
