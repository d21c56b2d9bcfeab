"""Information about a label from below: what a classifier shows on draws that it has not seen.

For any probabilities q(y|x) that were fixed without the draws they are judged by,

    I(x; y) ≥ H(y) + ⟨ln q(y|x)⟩ = I(x; y) − ⟨KL(p(y|x) ‖ q(y|x))⟩

(Barber & Agakov 2003; the gap is the mean KL, so a bad classifier only loosens it). Here q comes from
cross-validation: each draw is judged by a classifier trained on the other folds, and the mean over folds bounds I too.

*Paired.* Per draw z = ln q(y|x) − ln p̂(y): what is noise in both the entropy and the cross-entropy cancels, and the
error of the mean of z (`rgnet.stats.mean` for chains) is that of the bound. p̂ are the frequencies of the draws, whose
entropy errs low, to the safe side; with ``prior`` the entropy is exact, classes are weighted by p(y) n/n(y), and q,
which learned the frequencies of the draws, is put under the prior by Bayes' rule, q(y|x) p(y) n/n(y) up to its norm:
the labels may be drawn from the prior or set by design. Labels that never change within a chain, as when every chain
has its own coupling, are such a design, their frequencies the prior unless another is given.

*Never ln 0.* The probabilities used are (1 − ε) q + ε p_t, p_t(y) = (n_y + 1)/(n + m) the frequencies of the training
draws by Laplace's rule (n draws, m classes in all), or the prior: a class that a training fold has not met keeps a
probability. It costs at most ε. The default classifier chooses a larger share ε by the same inner folds, up to 1, so
that on data without information the bound reads 0 within errors.

*The limit.* No lower bound that holds with high confidence whatever the distribution can exceed O(ln n) nats for n
draws (McAllester & Stratos 2020): this one stays below H(y) ≤ ln m, which is the reason that it may be trusted
where labels are few, and useless for I larger than ln m. The 95 % interval is a central-limit one, corrected for the
skewness of z, for large losses are rare: where they are so rare that none was seen it is too short.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import stats
from rgnet.estimate import Estimate
from rgnet.information import _training
from rgnet.information.samples import Layout, check_unit, is_stratified, paired

Array = npt.NDArray[Any]
EPSILON = 1e-3


def classifier_bound(
    x: Any,
    y: Any,
    *,
    classifier: Any = None,
    features: Any = "auto",
    prior: Sequence[float] | Mapping[Any, float] | None = None,
    folds: int = 5,
    chains: int | None = None,
    unit: str = "nats",
    seed: int = 0,
    epsilon: float = EPSILON,
) -> Estimate:
    """Lower bound on I(x; y) for labels y, by a classifier on held-out draws: H(y) − cross-entropy.

    Parameters
    ----------
    x : array (n, ...), or DataArray with ``draw`` and perhaps ``chain``
        Numbers: variables, or configurations (n, *space).
    y : array (n,), or DataArray
        Labels, two classes or more.
    classifier : scikit-learn classifier with ``predict_proba``, optional
        Fitted in copies. By default logistic regression (on products of up to 16 columns) or boosted trees, whichever
        has the smaller loss on inner folds; for more than 64 columns they see a summary of x, and the third choice is
        a ridge-like logistic regression on all columns (4096 sites and 10⁴ draws: about a minute).
    features : "auto", "raw", "summary" or callable
        What the classifier sees: all columns of x; a few numbers of each configuration (mean, spread, the standard
        operator sums of its space); or ``features(x)``, (n, columns). "auto": raw, and the summary too where the
        default classifier meets more than 64 columns. "summary" is fast for large configurations.
    prior : array, or mapping of label to probability, optional
        The known distribution of the labels, in the order of the sorted labels.
    folds : int
        At least 3. Independent draws are dealt out at random, class by class; chains are held out whole where every
        class occurs in three, else cut in time with a gap of 2τ.
    chains : int, optional
        As `rgnet.information.samples.paired`.
    unit : "nats" or "bits"
    seed : int
    epsilon : float
        Least share of the class frequencies in the probabilities.

    Returns
    -------
    Estimate
        Of kind "lower"; negative where the classifier is worse than none. The lower end of its interval is a 97.5 %
        lower confidence limit for I(x; y).

    Raises
    ------
    ValueError
        If there are fewer than 50 draws, one class, classes that hardly repeat, a prior that does not fit, a
        classifier without probabilities, or NaN.
    ShortChainError
        If chains are too short for their autocorrelation time.
    """
    check_unit(unit)
    _check_arguments(classifier, folds, epsilon, seed)
    (rows, column), layout = paired(x, y, chains=chains)
    labels, _, values = _training.check_labels(column)
    known = None if prior is None else check_prior(prior, values)
    raw, extra = _training.features_of(rows, features, classifier is not None)
    return held_out_bound(
        raw, extra, labels, known, layout, classifier=classifier, folds=folds, seed=seed, epsilon=epsilon
    ).to(unit)


def held_out_bound(
    raw: Array,
    extra: Array,
    labels: npt.NDArray[np.int64],
    prior: npt.NDArray[np.float64] | None,
    layout: Layout,
    *,
    classifier: Any = None,
    folds: int = 5,
    seed: int = 0,
    epsilon: float = EPSILON,
) -> Estimate:
    """The bound in nats from checked arrays: columns ``raw`` (n, d) and ``extra`` (n, k), labels 0 … m − 1."""
    _check_arguments(classifier, folds, epsilon, seed)
    stratified = layout is not None and is_stratified([labels, raw, extra], layout)
    classes = int(labels.max()) + 1
    if (layout is None or layout[1] < 2) and folds > len(labels) // 2:
        raise ValueError(
            f"folds={folds}: {len(labels)} draws make at most {len(labels) // 2} folds of two draws; give fewer"
        )
    parts, how = _training.make_folds(labels, [raw, extra], layout, stratified, folds, seed)
    if classifier is not None:
        options = [(type(classifier).__name__, classifier, np.concatenate([raw, extra], axis=1))]
    else:
        options = _training.candidates(raw, extra)
    log_q = np.empty(len(labels))
    used = []
    for f, part in enumerate(parts):
        key = int(np.random.SeedSequence(seed, spawn_key=(1, f)).generate_state(1)[0])
        place, share = (
            (0, 0.0) if classifier is not None else _training.chosen(options, part, labels, classes, key, prior)
        )
        share = max(share, epsilon)
        name, model, columns = options[place]
        own: Any = 0.0
        if share < 1.0:
            p = _training.fit(model, columns[part.train], labels[part.train], classes, key)(columns[part.test])
            p = _training.under_prior(p, labels[part.train], prior)
            own = p[np.arange(len(part.test)), labels[part.test]]
        base = (_training.frequencies(labels[part.train], classes) if prior is None else prior)[labels[part.test]]
        log_q[part.test] = np.log((1.0 - share) * own + share * base)
        used.append(name if share < 1.0 else "class frequencies")
    most = max(sorted(set(used)), key=used.count)
    return _bound(log_q, labels, prior, layout, stratified, f"H(y) − cross-entropy of {most} on held-out draws, {how}")


def log_score_bound(
    log_q: Any,
    y: Any,
    *,
    prior: Sequence[float] | Mapping[Any, float] | None = None,
    chains: int | None = None,
    unit: str = "nats",
) -> Estimate:
    """The same bound from log-probabilities ln q(y|x) of the true labels that any held-out model gave.

    Parameters
    ----------
    log_q : array (n,), or DataArray with ``draw`` and perhaps ``chain``
        Logarithm of the probability given to the label that occurred, by a model that has not seen this draw.
    y, prior, chains, unit
        As `classifier_bound`.

    Raises
    ------
    ValueError, ShortChainError
        As `classifier_bound`; if a log-probability is above 0 or −inf.
    """
    check_unit(unit)
    if (np.asarray(log_q, dtype=np.float64) == -np.inf).any():
        raise ValueError("a label that occurred has probability 0: mix in class frequencies, (1 − ε) q + ε p, first")
    (scores, column), layout = paired(log_q, y, chains=chains)
    scores = scores.reshape(len(scores), -1)
    if scores.shape[1] != 1 or scores.max() > 1e-9:
        raise ValueError(
            f"log_q of shape {np.shape(log_q)} with the largest value {scores.max():.4g}: give (n,) logarithms of "
            f"probabilities, not above 0"
        )
    labels, _, values = _training.check_labels(column)
    known = None if prior is None else check_prior(prior, values)
    stratified = layout is not None and is_stratified([labels, scores], layout)
    return _bound(scores[:, 0], labels, known, layout, stratified, "H(y) − cross-entropy").to(unit)


def check_prior(prior: Sequence[float] | Mapping[Any, float], values: Array) -> npt.NDArray[np.float64]:
    """The prior as probabilities of the sorted labels that occur.

    Raises
    ------
    ValueError
        If it has other labels, or does not sum to one.
    """
    if isinstance(prior, Mapping):
        missing = [v for v in values.tolist() if v not in prior]
        extra = [k for k, p in prior.items() if k not in values.tolist() and p > 0]
        if missing or extra:
            raise ValueError(
                f"prior: {f'no probability of the label {missing[0]!r}' if missing else ''}"
                f"{f'the label {extra[0]!r} has probability {prior[extra[0]]:g} and never occurs' if extra else ''}; "
                f"it must have the labels that occur, {values.tolist()}"
            )
        p = np.array([prior[v] for v in values.tolist()], dtype=np.float64)
    else:
        p = np.asarray(prior, dtype=np.float64)
    if p.shape != values.shape:
        raise ValueError(
            f"prior of shape {p.shape}: {len(values)} labels occur, {values.tolist()[:10]}; give one probability each"
        )
    if not ((p > 0).all() and abs(p.sum() - 1.0) < 1e-9):
        raise ValueError(
            f"prior sums to one {p.sum() - 1.0:+.3g}, its smallest entry is {p.min():g}: labels that occur have "
            f"positive probabilities that sum to one"
        )
    return p


def _check_arguments(classifier: Any, folds: Any, epsilon: Any, seed: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed={seed!r}: give a whole number of at least 0")
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or folds < 3:
        raise ValueError(f"folds={folds!r}: give a whole number of at least 3, one to test, one to choose by")
    if isinstance(epsilon, bool | str) or not 0.0 < float(epsilon) < 1.0:
        raise ValueError(f"epsilon={epsilon!r}: the share of class frequencies lies between 0 and 1")
    if isinstance(classifier, type):
        raise ValueError(f"classifier={classifier.__name__} is a class: give an instance, {classifier.__name__}()")
    if classifier is not None and not (hasattr(classifier, "fit") and hasattr(classifier, "predict_proba")):
        raise ValueError(
            f"classifier={classifier!r} has no fit and predict_proba: a bound needs probabilities; wrap it in "
            f"sklearn.calibration.CalibratedClassifierCV"
        )


def _bound(
    log_q: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    prior: npt.NDArray[np.float64] | None,
    layout: Layout,
    stratified: bool,
    method: str,
) -> Estimate:
    """Mean of ln q(y|x) − ln p(y) and its error, in nats."""
    n = len(labels)
    if n < stats.MIN_EFFECTIVE:
        raise ValueError(f"{n} draws: an error bar needs at least {stats.MIN_EFFECTIVE:g}")
    share = np.bincount(labels) / n
    p = share if prior is None else prior
    z = log_q - np.log(p)[labels]
    if prior is not None or stratified:
        # Frequencies are not left to chance (or are made up for): only what varies within a class is noise
        within = np.bincount(labels, weights=z) / np.bincount(labels)
        value = float(p @ within)
        z = (p / share)[labels] * (z - within[labels]) + value
        method += ", labels weighted by the prior" if prior is not None else ", labels by design"
    value = float(z.mean())
    if np.ptp(z) <= 1e-12 * max(1.0, abs(value)):
        error, effective = 0.0, float(n)
    elif layout is None or layout[1] < 2:
        error, effective = float(z.std(ddof=1)) / math.sqrt(n), float(n)
    else:
        found = stats.mean(z.reshape(layout))
        error, effective = found.stderr, float(found.n_effective or n)
    return Estimate(value, error, _skewed_interval(z, value, error), "lower", method, n, effective, "nats")


def _skewed_interval(z: npt.NDArray[np.float64], value: float, error: float) -> tuple[float, float]:
    """The 95 % interval of a mean, shifted for the skewness γ of its terms by γ(1 + 2u²)error²/6σ (Johnson 1978)."""
    u, spread = 1.959963984540054, float(z.std())
    shift = 0.0
    if error > 0.0 and spread > 0.0:
        skewness = float(((z - z.mean()) ** 3).mean()) / spread**3
        shift = skewness * (1.0 + 2.0 * u * u) * error**2 / (6.0 * spread)
    return value - u * error + shift, value + u * error + shift
