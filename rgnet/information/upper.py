"""Information where densities are known: exact posteriors, and bounds from above.

*Posterior.* If p(y|x) is known for every draw of x (the likelihoods p(x|y) of all y and the prior give it),

    I(x; y) = ⟨KL(p(y|x) ‖ p(y))⟩ = H(y) − ⟨H(y|x)⟩ ,

a mean over draws of x alone: unbiased, and with less noise than any estimate that uses the labels (Rao–Blackwell).
Where the prior is unknown, the mean posterior stands for it, and its bias, −Σ_y Var p(y|x)/2np(y), is put right.

*Variational (rate).* For any normalised density r,

    I(x; y) = ⟨ln p(x|y)/p(x)⟩ ≤ ⟨ln p(x|y)/r(x)⟩ ,      the gap is KL(p(x) ‖ r(x))

(Barber & Agakov 2003; the rate of Alemi et al. 2018).

*Leave one out.* With r(x_i) the mixture of the other draws' p(x_i|y_j), nothing has to be chosen:

    I(x; y) ≤ ⟨ ln p(x_i|y_i) / [1/(K−1) Σ_{j≠i} p(x_i|y_j)] ⟩      (Poole et al. 2019).

*Mixtures of Gaussians.* With pairwise distances of the components, D_ij,

    −Σ_i w_i ln Σ_j w_j exp(−B_ij) ≤ I(x; y) ≤ −Σ_i w_i ln Σ_j w_j exp(−KL_ij)

(Kolchinsky & Tracey 2017, less the entropy of the components), B the Bhattacharyya distance: sums, with no
draws and no error.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet import stats
from rgnet.estimate import Estimate
from rgnet.information.samples import Layout, as_labels, check_unit, is_stratified, paired, slowest
from rgnet.information.tables import check_joint

Array = npt.NDArray[np.float64]
ROW_TOLERANCE = 1e-6  # how far from one the sum of a posterior may be


def posterior_information(
    posterior: Any,
    *,
    prior: npt.ArrayLike | None = None,
    labels: Any = None,
    chains: int | None = None,
    unit: str = "nats",
) -> Estimate:
    """I(x; y) from the exact posterior p(y|x) of each draw.

    Parameters
    ----------
    posterior : array (n, classes), or DataArray with ``draw``, perhaps ``chain``, and the classes
        p(y|x_i) for draws x_i of p(x); rows sum to one.
    prior : array (classes,), optional
        p(y); without it, the mean posterior.
    labels : array (n,), (chain, draw) or (chain,), or DataArray, optional
        The y that each draw came from, where each chain has its own, such as a coupling. Chains then differ by design:
        only what varies among draws of one label is noise.
    chains : int, optional
        As `rgnet.information.samples.paired`.
    unit : "nats" or "bits"

    Returns
    -------
    Estimate
        Of kind "estimate": unbiased with a prior, up to order 1/n² without.

    Raises
    ------
    ValueError
        If rows do not sum to one (which, by how much), the prior does not fit or has no room for a class that a
        posterior allows, or there are fewer than 50 draws.
    ShortChainError
        If chains are too short for their autocorrelation time.
    """
    check_unit(unit)
    (rows,), layout = paired(posterior, chains=chains)
    p = check_posterior(rows)
    if len(p) < stats.MIN_EFFECTIVE and (layout is None or layout[1] < 2):
        raise ValueError(f"{len(p)} draws: an error bar needs at least {stats.MIN_EFFECTIVE:g}")
    value, local, how = information_of_posteriors(
        p, np.arange(len(p)), None if prior is None else check_prior(prior, p.shape[1])
    )
    noise = None if labels is None else within_labels(local, _labels_of(labels, len(p), layout))
    return _mean(local, layout, "estimate", f"mean of KL(posterior ‖ {how})", value, noise=noise).to(unit)


def likelihood_information(
    log_likelihood: Any,
    prior: npt.ArrayLike,
    *,
    x: Any = None,
    classes: Sequence[Any] | None = None,
    chains: int | None = None,
    unit: str = "nats",
) -> Estimate:
    """I(x; y) from the log-likelihoods of all classes and the prior, by Bayes' rule and `posterior_information`.

    Parameters
    ----------
    log_likelihood : array (n, classes), DataArray, or callable
        ln p(x_i|y), up to a constant for each row. A callable ``log_likelihood(x, y)`` gives (n,) for one class y.
    prior : array (classes,)
    x, classes : optional
        Draws of p(x), and the classes in the prior's order, for a callable.
    chains, unit
        As `posterior_information`.

    Raises
    ------
    ValueError, ShortChainError
        As `posterior_information`; if a draw is impossible under every class of positive prior.
    """
    if callable(log_likelihood):
        if x is None or classes is None:
            raise ValueError("log_likelihood is a function: give the draws x=, and the classes= to ask it about")
        (draws,), layout = paired(x, chains=chains)
        table = np.stack([np.asarray(log_likelihood(draws, c), dtype=np.float64) for c in classes], axis=-1)
        log_likelihood, chains = table, None if layout is None else layout[0]
    if hasattr(log_likelihood, "dims"):  # −inf (an impossible class) is meant here, but `paired` refuses it
        finite = log_likelihood.where(log_likelihood > -np.inf, -1e300)
    else:
        table = np.asarray(log_likelihood, dtype=np.float64)
        finite = np.where(table == -np.inf, -1e300, table)
    (rows,), layout = paired(finite, chains=chains)
    if rows.ndim != 2 or rows.shape[1] < 2:
        raise ValueError(f"log-likelihoods of shape {rows.shape}: give (n, classes), two classes or more")
    p0 = check_prior(prior, rows.shape[1])
    with np.errstate(divide="ignore"):
        scores = np.where(rows <= -1e299, -np.inf, rows) + np.log(p0)
    top = scores.max(axis=1, keepdims=True)
    if (top == -np.inf).any():
        where = int(np.flatnonzero(top[:, 0] == -np.inf)[0])
        raise ValueError(f"draw {where} has probability 0 under every class: it was not drawn from this model")
    weights = np.exp(scores - top)
    posterior = weights / weights.sum(axis=1, keepdims=True)
    return posterior_information(posterior, prior=p0, chains=None if layout is None else layout[0], unit=unit)


def variational_bound(
    log_conditional: Any, log_reference: Any, *, chains: int | None = None, unit: str = "nats"
) -> Estimate:
    """Upper bound ⟨ln p(x|y) − ln r(x)⟩ on I(x; y).

    Parameters
    ----------
    log_conditional : array (n,), or DataArray
        ln p(x_i|y_i) at joint draws.
    log_reference : array (n,), or DataArray
        ln r(x_i) of any normalised density (with respect to the same measure), not fitted to these draws.
    chains, unit
        As `posterior_information`.

    Raises
    ------
    ValueError, ShortChainError
        As `posterior_information`; if r is 0 where a draw is, so that the bound is infinite.
    """
    check_unit(unit)
    if (np.asarray(log_reference, dtype=np.float64) == -np.inf).any():
        raise ValueError("the reference density is 0 at a draw: the bound is infinite; take one of wider support")
    (p, r), layout = paired(log_conditional, log_reference, chains=chains)
    p, r = (item.reshape(len(item), -1).astype(np.float64) for item in (p, r))
    if p.shape[1] != 1 or r.shape[1] != 1:
        raise ValueError(f"log-densities of shapes {p.shape} and {r.shape}: give one number a draw, (n,)")
    return _mean((p - r)[:, 0], layout, "upper", "⟨ln p(x|y) − ln r(x)⟩").to(unit)


def leave_one_out_bound(
    log_conditional: Callable[[Any, Any], npt.ArrayLike],
    x: Any,
    y: Any,
    *,
    batch: int | None = None,
    chains: int | None = None,
    unit: str = "nats",
) -> Estimate:
    """Upper bound on I(x; y) where p(x|y) is known and the prior only sampled: mixtures of the other draws.

    Parameters
    ----------
    log_conditional : callable
        ``log_conditional(x, y)`` gives ln p(x|y) with broadcasting over the leading axes: x of shape (K, 1, ...) and
        y of shape (1, K, ...) give (K, K).
    x, y : arrays (n, ...), or DataArrays with ``draw`` and perhaps ``chain``
        Joint draws; x may be the labels of discrete data.
    batch : int, optional
        K, the number of draws in a mixture; more make the bound tighter. By default n/128τ, between 8 and 512. A batch
        takes draws that lie far apart in time.
    chains, unit
        As `posterior_information`.

    Raises
    ------
    ValueError
        If the batch leaves fewer than 20 batches, or the densities have the wrong shape; if a draw is impossible
        under all other y of its batch, so that the bound is infinite (take a larger batch).
    ShortChainError
        If the batches are correlated because the chains are short.
    """
    check_unit(unit)
    (xs, ys), layout = paired(x, y, chains=chains)
    n = len(xs)
    tau = 0.5 if layout is None else slowest([xs, ys], layout, stratified=is_stratified([xs, ys], layout))
    size = min(512, max(8, int(n / (128.0 * tau)))) if batch is None else batch
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 2 or n // size < stats.MIN_BLOCKS:
        raise ValueError(
            f"batch={size!r}: a whole number from 2 to {n // stats.MIN_BLOCKS}, so that {n} draws give "
            f"{stats.MIN_BLOCKS} batches for the error bar"
        )
    count = n // int(size)
    values = np.empty(count)
    for b in range(count):
        pick = b + count * np.arange(size)
        table = np.asarray(log_conditional(xs[pick][:, None], ys[pick][None, :]), dtype=np.float64)
        values[b] = _leave_one_out(table, int(size)).mean()
    # Neighbouring batches are neighbours in time in every one of their draws
    return _mean(values, None if layout is None else (1, count), "upper", f"leave one out, batches of {size}", n=n).to(
        unit
    )


def gaussian_mixture_bounds(
    means: npt.ArrayLike, covariances: npt.ArrayLike, weights: npt.ArrayLike, *, unit: str = "nats"
) -> tuple[Estimate, Estimate]:
    """Lower and upper bound on I(x; y) where x given the component y is Gaussian.

    Parameters
    ----------
    means : array (m, d)
    covariances : array (m, d, d), or (d, d) if shared
    weights : array (m,)
        p(y).
    unit : "nats" or "bits"

    Returns
    -------
    lower, upper : Estimate
        Sums, without error.

    Raises
    ------
    ValueError
        If shapes disagree, weights do not sum to one, or a covariance is not positive definite.
    """
    check_unit(unit)
    mu, w = np.asarray(means, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if mu.ndim != 2:
        raise ValueError(f"means of shape {mu.shape}: give (components, dimensions)")
    m, d = mu.shape
    cov = np.asarray(covariances, dtype=np.float64)
    if cov.shape not in ((d, d), (m, d, d)):
        raise ValueError(f"covariances of shape {cov.shape}: give ({m}, {d}, {d}), or ({d}, {d}) if shared")
    cov = np.broadcast_to(cov, (m, d, d))
    w = check_prior(w, m)
    smallest = np.linalg.eigvalsh(cov)[:, 0]
    if not (np.abs(cov - cov.transpose(0, 2, 1)).max() < 1e-9 * np.abs(cov).max() and smallest.min() > 0):
        raise ValueError(
            f"covariance {int(smallest.argmin())} is not symmetric and positive definite (smallest eigenvalue "
            f"{smallest.min():g})"
        )
    log_det = np.linalg.slogdet(cov)[1]
    shift = mu[:, None] - mu[None, :]
    middle = (cov[:, None] + cov[None, :]) / 2
    solved = np.linalg.solve(middle, shift[..., None])[..., 0]
    half = (log_det[:, None] + log_det[None, :]) / 2
    bhattacharyya = (shift * solved).sum(-1) / 8 + (np.linalg.slogdet(middle)[1] - half) / 2
    inverse = np.linalg.inv(cov)
    trace = np.einsum("jab,iba->ij", inverse, cov)
    square = np.einsum("ija,jab,ijb->ij", shift, inverse, shift)
    kl = (trace - d + square + log_det[None, :] - log_det[:, None]) / 2
    found, met = [], w > 0
    for kind, distance in (("lower", bhattacharyya), ("upper", kl)):
        value = -float(w[met] @ np.log(np.exp(-np.maximum(distance[met], 0.0)) @ w))
        name = "Bhattacharyya" if kind == "lower" else "Kullback–Leibler"
        found.append(Estimate(value, 0.0, None, kind, f"pairwise {name} distances", m, None, "nats").to(unit))  # type: ignore[arg-type]
    return found[0], found[1]


def check_posterior(rows: npt.NDArray[Any]) -> Array:
    """Posteriors (n, classes) as floats whose rows sum to one exactly, after their checks."""
    if rows.ndim != 2 or rows.shape[1] < 2 or rows.dtype.kind not in "biuf":
        raise ValueError(f"posteriors of shape {rows.shape} and type {rows.dtype}: give numbers, (n, classes)")
    p = rows.astype(np.float64)
    if (p < 0).any():
        where = int(np.flatnonzero((p < 0).any(axis=1))[0])
        raise ValueError(f"posterior {where} has the entry {p[where].min():.4g}: probabilities are not negative")
    sums = p.sum(axis=1)
    worst = int(np.abs(sums - 1.0).argmax())
    if abs(sums[worst] - 1.0) > ROW_TOLERANCE:
        raise ValueError(f"posterior {worst} sums to one {sums[worst] - 1.0:+.3g}: divide weights by their sum first")
    return np.asarray(p / sums[:, None])


def check_prior(prior: npt.ArrayLike, classes: int) -> Array:
    """A prior over so many classes, after its checks."""
    p = check_joint(prior, name="prior")
    if p.shape != (classes,):
        raise ValueError(f"prior of shape {p.shape}: there are {classes} classes")
    return p


def information_of_posteriors(
    posterior: Array, groups: npt.NDArray[np.int64], prior: Array | None
) -> tuple[float, Array, str]:
    """I(g; y) of a grouping g of draws from the posterior of each draw: value, local contributions, name of the prior.

    The posterior given the group is the mean of its draws'. A mean of n_g of them makes the KL too large by
    Σ_y Var_g p(y|x) / 2 n_g p(y|g), and a mean over all n makes it too small by the like: both are put right. Groups of
    one draw are each draw's own posterior, exact.
    """
    n, count = len(posterior), np.bincount(groups)
    base = posterior.mean(axis=0) if prior is None else prior
    if len(count) == n:
        given = posterior
        excess = 0.0
    else:
        sums = np.zeros((len(count), posterior.shape[1]))
        np.add.at(sums, groups, posterior)
        centre = sums / count[:, None]
        given = centre[groups]
        spread = np.zeros_like(sums)
        np.add.at(spread, groups, (posterior - given) ** 2)
        spread /= np.maximum(count - 1, 1)[:, None]
        # Σ_g (n_g/n) · Var/(2 n_g p): the n_g cancel
        excess = float(np.divide(spread, centre, out=np.zeros_like(spread), where=centre > 0).sum() / (2.0 * n))
    ratio = np.divide(given, base, out=np.ones_like(given), where=(given > 0) & (base > 0))
    if ((given > 0) & (base == 0)).any():
        raise ValueError("a posterior allows a class to which the prior gives 0: they are not of one model")
    local = (posterior * np.log(ratio)).sum(axis=1)
    lack = 0.0
    if prior is None:
        variance = posterior.var(axis=0, ddof=1)
        lack = float(np.divide(variance, base, out=np.zeros_like(base), where=base > 0).sum() / (2.0 * n))
    name = "prior" if prior is not None else "mean posterior"
    return float(local.mean()) - excess + lack, local, name


def _leave_one_out(table: Array, size: int) -> Array:
    """ln p_ii − ln of the mean of p_ij over j ≠ i, from ln p_ij."""
    if table.shape != (size, size) or np.isnan(table).any():
        what = f"log_conditional gave an array of shape {table.shape} for x (K, 1, ...) and y (1, K, ...), K = {size}"
        raise ValueError(f"{what}: it must give finite numbers or −inf, (K, K), by broadcasting")
    own = np.diagonal(table).copy()
    others = table.copy()
    np.fill_diagonal(others, -np.inf)
    top = others.max(axis=1)
    if (top == -np.inf).any() or (own == -np.inf).any():
        raise ValueError("a draw is impossible under every other y of its batch: the bound is infinite; larger batch=")
    return np.asarray(own - top - np.log(np.exp(others - top[:, None]).sum(axis=1) / (size - 1)))


def within_labels(local: Array, labels: npt.NDArray[np.int64]) -> Array:
    """Contributions about the mean of their label: which labels there are is by design, and no noise."""
    means = np.bincount(labels, weights=local) / np.maximum(np.bincount(labels), 1)
    return np.asarray(local - means[labels])


def _labels_of(labels: Any, n: int, layout: Layout) -> npt.NDArray[np.int64]:
    """Labels of draws 0 … m − 1, from those of draws or of whole chains."""
    given = np.asarray(labels)
    if hasattr(labels, "dims") and "draw" in labels.dims:
        given = paired(labels)[0][0]
    elif layout is not None and given.shape[:1] == layout[:1] and given.ndim == 1:
        given = np.repeat(given, layout[1])
    if given.size != n or given.dtype == object:
        raise ValueError(f"labels of shape {np.shape(labels)}: give one for each of {n} draws, or one for each chain")
    return as_labels(given.reshape(-1))[0]


def _mean(
    local: Array,
    layout: Layout,
    kind: Any,
    method: str,
    value: float | None = None,
    n: int | None = None,
    noise: Array | None = None,
) -> Estimate:
    """The mean of local contributions (``value`` where it was corrected); its error by ``noise`` if given."""
    size = len(local)
    centre = float(local.mean()) if value is None else value
    least = stats.MIN_BLOCKS if n is not None else int(stats.MIN_EFFECTIVE)
    noise = local if noise is None else noise
    constant = np.ptp(noise) <= 1e-12 * max(1.0, abs(centre))
    if layout is not None and layout[1] > 1 and not constant:
        found = stats.mean(noise.reshape(layout))
        correction = centre - float(local.mean())
        share = size / min(float(found.n_effective or size), size)  # a bias of order 1/n is that of fewer draws
        centre = float(local.mean()) + correction * share
        return Estimate(centre, found.stderr, None, kind, method, n or size, found.n_effective, "nats")
    if size < least:
        raise ValueError(f"{size} draws: an error bar needs at least {least}")
    error = 0.0 if constant else float(noise.std(ddof=1)) / math.sqrt(size)
    return Estimate(centre, error, None, kind, method, n or size, float(n or size), "nats")
