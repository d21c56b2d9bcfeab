"""The default for continuous variables: nearest neighbours beside a Gaussian control variate.

Nearest neighbours see any dependence but too little of it in many dimensions; a Gaussian fit sees only correlations,
but those without bias. So the bias of the first is measured where the truth is known:

1. Each column becomes its normal scores Φ⁻¹((rank − ½)/n): rising transformations of columns change nothing.
2. Gaussian *surrogates* are drawn with the same n and columns and the covariance of the data's normal scores, its
   canonical correlations shrunk, ρ² → (ρ² − t)₊/(1 − t), until −½ Σ ln(1 − ρ²) is the bias-corrected estimate Ĝ.
3. A *view* is a pair of coordinates (u(x), v(y)) in which KSG 1 is taken, K. With b the mean over surrogates of
   K − Ĝ, each computed from the surrogate as from the data,

       Î = K(data) − b .

   For data with a Gaussian copula the expectation is the truth, to the error of the shrinking, in any dimension.
   Where Wilks' test does not find correlations at a level of 0.001, b is 0 instead: KSG itself reads 0 where nothing
   is correlated, and surrogates would only add scatter. The surrogates' random numbers come from the seed and from the
   ranks of the data, whatever their order: one estimate is reproducible, those of several data sets are independent.
4. Views: the *columns* themselves; the *canonical* axes; the *leading* canonical axes, at most two, that stand out of
   noise. Of these the first is taken unless another's |b| is clearly smaller. This looks at surrogates only, never at
   the value it gives for the data, so it cannot pick what happens to be large.
5. The *radial* view, the lengths of x and of y along their canonical axes, sees what variables share through a common
   scale (as in Student's distribution, whose information beyond correlations is all in it, in any dimension):
   Î = Ĝ + K(data) − K(surrogates). It replaces the other only where larger by more than three standard errors of the
   difference; on independent data that adds less than 0.0004 of a standard error to the mean.

**Error.** To first order Î is the mean of the local values of K plus w times those of Ĝ, w = −b/Ĝ the part of Ĝ that K
does not see: the squared error of K from subsets of the draws (`_errors`) is taken times the ratio of the variances of
these local values to those of K alone. Added are the squared error of b and the exact variance of Ĝ under independence,
which is what the test of step 2 leaves open, and large where n is not much larger than the number of columns.

What is left of information in directions that no view resolves is missed: the bias for data that are neither nearly
Gaussian nor low-dimensional is towards Ĝ, either way, and the interval does not contain it. Numbers:
``analysis/mutual_information_tasks.md``, whose method was frozen before its second list was opened. Changed after that
freeze, because of errors on data of other sizes: the surrogates' random numbers (one seed for all data sets before, so
that averages over data sets kept its error), the test of correlations (three standard errors of a normal approximation
before, which found correlations in noise), and the errors. The control variate follows Glasserman (2003, sec. 4.1).
"""

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.estimate import Estimate
from rgnet.information.continuous import _checks, _errors, gaussian, ksg
from rgnet.information.continuous.mixed import mixture
from rgnet.information.samples import InformationWarning, check_unit, over_chains, paired

Floats = npt.NDArray[np.float64]
View = Callable[[Floats, Floats], tuple[Floats, Floats]]

MANY = 20  # columns together from which on whitened axes are all noise to a neighbour search
CLEARLY = 3.0  # standard errors
LEVEL = 1e-3  # of the test of correlations
PER_COLUMN = 10  # draws a column below which it is warned of
WIDE = 5  # columns together from which on the method mentions the bias
ROUNDED = (
    "the estimator of Gao et al. is taken. If the values are rounded or repeated draws, a bias is possible that the "
    "interval does not hold: give the unrounded values or leave repetitions out (no noise is added); for symbols "
    "alone use a discrete method, for one variable of labels discrete_continuous() instead of mixture()"
)
METHODS = ("auto", "ksg", "ksg2", "gaussian", "copula", "mixture")


def mutual_information(
    x: Any,
    y: Any,
    *,
    method: str = "auto",
    k: int = 3,
    chains: int | None = None,
    unit: str = "nats",
    seed: int = 0,
) -> Estimate:
    """Mutual information of continuous variables.

    Parameters
    ----------
    x, y : array (n,), (n, d), or DataArray with a dimension ``draw``
        Draws of the two variables, row i of each belonging together.
    method : str
        "auto" (nearest neighbours with a Gaussian control variate, see the module; `mixture` of the columns' normal
        scores where values repeat),
        "ksg" or "ksg2" (`ksg`), "gaussian" or "copula" (`gaussian`), "mixture".
    k : int
        Neighbours, of all but the Gaussian methods.
    chains : int, optional
        That the n rows are so many chains of consecutive correlated draws.
    unit : "nats" or "bits"
    seed : int
        Of the surrogates of "auto", together with the ranks of the data: other data, other random numbers.

    Returns
    -------
    Estimate
        Its method says what was chosen and why. Can be negative. The interval holds the scatter; a bias towards the
        Gaussian value is left for strongly non-Gaussian data in many dimensions.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, a column is constant or a combination of others, or k ≥ n.

    Warns
    -----
    InformationWarning
        If more than 1 % of a column's values repeat earlier ones, there are fewer than 10 draws a column, or the draws
        are too few for an error (16 k), which is then NaN.
    """
    check_unit(unit)
    if method not in METHODS:
        raise ValueError(f"method={method!r}: choose one of {', '.join(METHODS)}")
    if method in ("ksg", "ksg2"):
        return ksg.ksg(x, y, k=k, algorithm=1 if method == "ksg" else 2, chains=chains, unit=unit)
    if method in ("gaussian", "copula"):
        return gaussian.gaussian(x, y, copula=method == "copula", chains=chains, unit=unit)
    if method == "mixture":
        return mixture(x, y, k=k, chains=chains, unit=unit)
    (x, y), layout = paired(x, y, chains=chains)
    rows = [_checks.points(x, "x"), _checks.points(y, "y")]
    _checks.neighbourhood(k, len(x))
    if _checks.warn_of_ties(ROUNDED, x=rows[0], y=rows[1]) or _coincide(*rows) > k:
        scores = gaussian.normal_scores(rows[0]), gaussian.normal_scores(rows[1])
        result = mixture(*scores, k=k, chains=layout and layout[0], unit=unit)
        return replace(result, method=f"{result.method}, normal scores: chosen because values repeat")

    def estimator(a: Any, b: Any) -> Estimate:
        return combined(_checks.points(a, "x"), _checks.points(b, "y"), k, seed)

    def local(a: Any, b: Any) -> Floats:
        scores = gaussian.normal_scores(_checks.points(a, "x")), gaussian.normal_scores(_checks.points(b, "y"))
        return gaussian.local_values(*scores) if a.size + b.size > MANY * len(a) else ksg.local_values(*scores, k)

    return over_chains(estimator, [x, y], layout, local).to(unit)


def _coincide(x: Floats, y: Floats) -> int:
    """How many draws coincide in all columns, at most."""
    if min(_checks.repeated(column[:, None]) for column in (*x.T, *y.T)) == 0:
        return 1
    return int(np.unique(np.concatenate([x, y], axis=1), axis=0, return_counts=True)[1].max())


def stream(x: Floats, y: Floats, seed: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the ranks in each column, not on the order of the draws."""
    from scipy.stats import rankdata

    ranks = (2.0 * rankdata(np.concatenate([x, y], axis=1), axis=0)).astype("<i8")
    ordered = np.ascontiguousarray(ranks[np.lexsort(ranks.T)])
    digest = hashlib.blake2b(ordered.tobytes(), digest_size=16, person=b"surrogates").digest()
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int.from_bytes(digest, "little"),)))


@dataclass(frozen=True)
class _Reading:
    """What one view says: value, its squared error beside that of K, local values and coordinates of the data.

    ``ratio``: of the variances of all local values to those of K alone.
    """

    name: str
    value: float
    offset: float
    variance: float
    local: Floats
    coordinates: tuple[Floats, Floats]
    ratio: float = 1.0


def combined(x: Floats, y: Floats, k: int = 3, seed: int = 0) -> Estimate:
    """The combined estimate of independent draws (n, d_x) and (n, d_y), nats; see the module."""
    n, columns = len(x), x.shape[1] + y.shape[1]
    shape = n, x.shape[1], y.shape[1]
    data = gaussian.normal_scores(x), gaussian.normal_scores(y)
    a, b, rho = gaussian.canonical(*data)
    if n < PER_COLUMN * columns:
        warnings.warn(
            f"{n} draws of {x.shape[1]} + {y.shape[1]} columns say little: weak dependence is not seen, and the "
            f"interval is approximate; take at least {PER_COLUMN * columns} draws, or fewer columns",
            InformationWarning,
            stacklevel=4,
        )
    fitted = gaussian.of_correlations(rho) - gaussian.bias(*shape)
    correlated = fitted > 0 and gaussian.null_probability(rho, *shape) < LEVEL
    open_variance = gaussian.null_variance(*shape)
    linear = gaussian.local_values(*data) if correlated else np.zeros(n)
    count = 0 if not correlated else 4 if n * columns <= 50_000 else 2
    surrogates = list(_surrogates(data, (a, b), shrunk(rho, fitted), stream(x, y, seed), count))
    levels = [gaussian.information(*scores) for scores in surrogates]

    def read(name: str, view: View) -> _Reading:
        coordinates = view(*data)
        local = ksg.local_values(*coordinates, k)
        offsets = np.array(
            [ksg.information(*view(*scores), k) - level for scores, level in zip(surrogates, levels, strict=True)]
        )
        offset, variance = _mean(offsets)
        unseen = float(np.clip(-offset / fitted, 0.0, 1.0)) if correlated else 0.0
        ratio = max(1.0, float((local + unseen * linear).var() / max(local.var(), 1e-300)))
        variance += open_variance
        return _Reading(name, float(local.mean()) - offset, offset, variance, local, coordinates, ratio)

    best = read("columns", lambda u, v: (u, v))
    scale = float(best.local.std() / np.sqrt(n))  # of the scatter of an offset
    if correlated and columns > 2:
        for name, view in _views(x.shape[1], y.shape[1], n, rho).items():
            reading = read(name, view)
            if abs(reading.offset) < abs(best.offset) - CLEARLY * scale:
                best = reading
    if columns > 2:
        best = _radial(best, data, surrogates, fitted if correlated else 0.0, k)
    stderr, half = _errors.subsampled(lambda u, v: ksg.information(u, v, k), list(best.coordinates), 4 * k)
    total = float(np.sqrt(stderr**2 * best.ratio + best.variance))
    half *= total / stderr
    method = f"KSG 1 (k={k}) of normal scores, view: {best.name}, "
    method += "with a Gaussian control variate" if correlated else "not correlated, so without a control variate"
    if columns >= WIDE:
        method += "; a bias towards the Gaussian value is possible and not in the interval"
    return Estimate(best.value, total, (best.value - half, best.value + half), method=method, n=n, unit="nats")


def shrunk(rho: Floats, value: float) -> Floats:
    """Canonical correlations ρ² → (ρ² − t)₊/(1 − t) with the t for which −½ Σ ln(1 − ρ²) is the value."""
    low, high = 0.0, 1.0 - 1e-12
    squares = rho**2
    for _ in range(60):
        t = 0.5 * (low + high)
        smaller = np.maximum(squares - t, 0.0) / (1.0 - t)
        low, high = (t, high) if gaussian.of_correlations(np.sqrt(smaller)) > max(value, 0.0) else (low, t)
    return np.asarray(np.sqrt(np.maximum(squares - high, 0.0) / (1.0 - high)))


def _surrogates(
    data: tuple[Floats, Floats], axes: tuple[Floats, Floats], rho: Floats, rng: np.random.Generator, count: int
) -> Any:
    """Normal scores of Gaussian draws with the data's covariance within x and y, and correlations ρ between axes."""
    n, m = len(data[0]), rho.size
    back = [axis.T @ (rows - rows.mean(axis=0)) / n for axis, rows in zip(axes, data, strict=True)]
    across = (back[0][:m].T * rho) @ back[1][:m]
    covariance = np.block([[back[0].T @ back[0], across], [across.T, back[1].T @ back[1]]])
    root = np.linalg.cholesky(covariance)  # unlike the axes without an arbitrary sign: the same whatever the order
    split = data[0].shape[1]
    for _ in range(count):
        drawn = gaussian.normal_scores(rng.standard_normal((n, len(root))) @ root.T)
        yield np.ascontiguousarray(drawn[:, :split]), np.ascontiguousarray(drawn[:, split:])


def _views(d_x: int, d_y: int, n: int, rho: Floats) -> dict[str, View]:
    """The views of canonical axes that make sense for so many columns."""
    views: dict[str, View] = {}
    if d_x + d_y < MANY:
        views["canonical axes"] = lambda u, v: gaussian.canonical(u, v)[:2]
    edge = (np.sqrt(d_x) + np.sqrt(d_y)) / np.sqrt(n)  # of the largest sample correlation without any in truth
    leading = min(2, int(np.count_nonzero(rho > 1.5 * edge)))
    if 0 < leading < min(d_x, d_y):

        def lead(u: Floats, v: Floats) -> tuple[Floats, Floats]:
            a, b, _ = gaussian.canonical(u, v)
            return np.ascontiguousarray(a[:, :leading]), np.ascontiguousarray(b[:, :leading])

        views[f"leading {leading} canonical axes"] = lead
    return views


def _lengths(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Normal scores of the lengths along canonical axes; a single column stays as it is."""
    a, b, _ = gaussian.canonical(u, v)
    first, second = (
        gaussian.normal_scores(np.linalg.norm(axes, axis=1)[:, None]) if axes.shape[1] > 1 else axes for axes in (a, b)
    )
    return first, second


def _radial(
    best: _Reading, data: tuple[Floats, Floats], surrogates: list[tuple[Floats, Floats]], fitted: float, k: int
) -> _Reading:
    """The radial reading where it is larger by far, else the one at hand."""
    coordinates = _lengths(*data)
    local = ksg.local_values(*coordinates, k)
    offsets = np.array([ksg.information(*_lengths(*scores), k) for scores in surrogates])
    n = len(local)
    offset, variance = _mean(offsets)
    value = fitted + float(local.mean()) - offset
    linear = gaussian.local_values(*data) if surrogates else np.zeros(n)
    scatter = 1.6 * float((local + linear - best.local).var()) / n  # 1.6: shared neighbours, see `_errors`
    if value - best.value <= CLEARLY * np.sqrt(scatter + variance + best.variance):
        return best
    error = gaussian.standard_error(linear, *data)
    return _Reading("lengths", value, offset, variance + error**2, local, coordinates)


def _mean(values: Floats) -> tuple[float, float]:
    """Mean and its squared error; without any value 0 and 0."""
    return (float(values.mean()), float(values.var(ddof=1) / values.size)) if values.size else (0.0, 0.0)
