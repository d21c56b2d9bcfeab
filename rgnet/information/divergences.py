"""Divergences between the laws of two samples of symbols, drawn independently of each other.

For counts n_i and m_i of symbol i (N and M in all), p̂ = n/N, q̂ = m/M:

    D(p‖q)           Σ p̂_i [ψ(n_i) − ψ(N) − ψ(m_i + 1) + ψ(M + 1)]            Zhang & Grabchak (2014), in closed form
    Jensen–Shannon   plug-in, less its bias Σ [1 − p̂ − p̂(1 − p̂)/(p̂ + q̂)]/4N and the same of q̂ (second derivatives)

The variance has two parts: the first order, by the delta method, with the part that is noise taken off; and that of
the χ² which the estimate is where both laws are the same. Values are never clipped. Intervals are 95 %.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from rgnet.estimate import Estimate
from rgnet.information.counts import Counts, enough, joint_labels
from rgnet.information.samples import as_labels, check_unit, paired, slowest, spacing

Array = npt.NDArray[Any]


def kl_divergence(
    x: Any,
    y: Any,
    *,
    method: str = "auto",
    pseudocount: float | None = None,
    chains: int | None = None,
    unit: str = "nats",
) -> Estimate:
    """Kullback–Leibler divergence D(p‖q) between the laws of two independent samples.

    Parameters
    ----------
    x, y : arrays (n,), (n, ...), DataArrays with ``draw``, or Counts
        Draws from p and from q; they need not be equally many.
    method : str
        "zhang-grabchak", nearly unbiased; "plug-in", infinite where q was never seen at a symbol of x; "auto":
        "zhang-grabchak".
    pseudocount : float, optional
        Plug-in of counts with so much added to every symbol seen in either sample: a finite value that depends on it.
    chains, unit
        As `entropy`; ``chains`` is for both samples.

    Raises
    ------
    ValueError
        For bad input, and under "auto" where symbols of x were never seen in y: the data then set no upper limit.
    """
    methods = ("auto", "zhang-grabchak", "plug-in")
    if method not in methods:
        raise ValueError(f"method={method!r}: divergences D(p‖q) are estimated by {', '.join(methods)}")
    if pseudocount is not None and not (np.isfinite(pseudocount) and pseudocount > 0):
        raise ValueError(f"pseudocount={pseudocount!r}: add a positive number, such as 0.5, to every count")
    if pseudocount is not None and method == "zhang-grabchak":
        raise ValueError("pseudocount and zhang-grabchak exclude each other: leave one out")
    rule = "plug-in" if pseudocount is not None or method == "plug-in" else "zhang-grabchak"

    def of_counts(first: Array, second: Array) -> Estimate:
        return _kl_of(first, second, rule, pseudocount, method == "auto")

    return _two_samples(of_counts, x, y, chains, unit)


def _kl_of(first: Array, second: Array, rule: str, pseudocount: float | None, automatic: bool) -> Estimate:
    n, m = int(first.sum()), int(second.sum())
    missing = int(((second == 0) & (first > 0)).sum())
    label = f"KL divergence: {rule}{' (auto)' if automatic and pseudocount is None else ''}"
    if missing and pseudocount is None:
        if automatic:
            raise ValueError(
                f"{missing} of the {np.count_nonzero(first)} symbols of x were never seen in y: nothing bounds D(p‖q) "
                "from above. Give pseudocount= (0.5, say), or method='zhang-grabchak' for a finite lower limit, "
                "method='plug-in' for inf, or use jensen_shannon, which is always finite"
            )
        if rule == "plug-in":
            return Estimate(float("inf"), float("nan"), interval=(0.0, float("inf")), method=label, n=n, unit="nats")
    freedom = float(np.count_nonzero(first + second) - 1)
    smooth = 0.5 if pseudocount is None and missing else (pseudocount or 0.0)  # 0.5: for the error alone
    p = (first + smooth) / (n + smooth * first.size)
    q = (second + smooth) / (m + smooth * first.size)
    seen = p > 0
    ratio = np.log(p[seen] / q[seen])
    if rule == "plug-in":
        value = float((p[seen] * ratio).sum())
        label += "" if pseudocount is None else f" with {pseudocount:g} added to every count"
    else:
        psi = scipy.special.psi
        here = first > 0
        terms = psi(first[here]) - psi(n) - psi(second[here] + 1.0) + psi(m + 1.0)
        value = float((first[here] / n * terms).sum())
    noise = freedom * (1.0 / n + 1.0 / m)
    plain = float((p[seen] * ratio).sum())
    from_p = max(float((p[seen] * (ratio - plain) ** 2).sum()) - noise, 0.0) / n
    from_q = max(float((p[seen] ** 2 / q[seen]).sum()) - 1.0 - noise, 0.0) / m
    error = float(np.sqrt(from_p + from_q + 0.5 * freedom * (1.0 / n + 1.0 / m) ** 2))
    kind: Any = "lower" if missing and pseudocount is None else "estimate"
    return Estimate(value, error, kind=kind, method=label, n=n, unit="nats")


def jensen_shannon(x: Any, y: Any, *, method: str = "auto", chains: int | None = None, unit: str = "nats") -> Estimate:
    """Jensen–Shannon divergence ½D(p‖r) + ½D(q‖r), r = (p + q)/2, between the laws of two independent samples.

    Parameters
    ----------
    x, y : arrays (n,), (n, ...), DataArrays with ``draw``, or Counts
        Draws from p and from q; they need not be equally many.
    method : str
        "plug-in", or "miller-madow" with the first-order bias removed; "auto": "miller-madow".
    chains, unit
        As `kl_divergence`.
    """
    methods = ("auto", "miller-madow", "plug-in")
    if method not in methods:
        raise ValueError(f"method={method!r}: Jensen–Shannon divergences are estimated by {', '.join(methods)}")

    def of_counts(first: Array, second: Array) -> Estimate:
        return _js_of(first, second, method)

    return _two_samples(of_counts, x, y, chains, unit)


def _js_of(first: Array, second: Array, method: str) -> Estimate:
    n, m = int(first.sum()), int(second.sum())
    p, q = first / n, second / m
    both = p + q
    value, variance = 0.0, 0.0
    freedom = float(first.size - 1)
    noise = freedom * (1.0 / n + 1.0 / m)
    for share, size in ((p, n), (q, m)):
        here = share > 0
        local = 0.5 * np.log(2.0 * share[here] / both[here])
        mean = float((share[here] * local).sum())
        value += mean
        variance += max(float((share[here] * (local - mean) ** 2).sum()) - noise / 16.0, 0.0) / size
        if method != "plug-in":
            part = share[here]
            value -= float((1.0 - part - part * (1.0 - part) / both[here]).sum()) / (4.0 * size)
    variance += freedom * (1.0 / n + 1.0 / m) ** 2 / 32.0
    label = "plug-in" if method == "plug-in" else f"miller-madow{' (auto)' if method == 'auto' else ''}"
    error = float(np.sqrt(variance))
    return Estimate(value, error, method=f"Jensen-Shannon divergence: {label}", n=n + m, unit="nats")


def _two_samples(
    estimator: Callable[[Array, Array], Estimate], x: Any, y: Any, chains: int | None, unit: str
) -> Estimate:
    """Counts of both samples over their common symbols; chains thinned to independent draws."""
    check_unit(unit)
    (first, n_x, eff_x), (second, n_y, eff_y) = _parts(x, chains), _parts(y, chains)
    results = []
    for place in range(max(len(first), len(second))):
        a, b = first[place % len(first)], second[place % len(second)]
        if [key.shape[1:] for key in a.keys] != [key.shape[1:] for key in b.keys]:
            raise ValueError("the two samples have symbols of different shapes: they must be of the same alphabet")
        labels = [as_labels(np.concatenate(pair))[0] for pair in zip(a.keys, b.keys, strict=True)]
        code = joint_labels(labels, tuple(range(len(labels))))
        size = int(code.max()) + 1
        tables = (
            np.bincount(part, weights=c.counts, minlength=size)
            for part, c in ((code[: len(a)], a), (code[len(a) :], b))
        )
        results.append(estimator(*(table.astype(np.int64) for table in tables)))
    value = float(np.mean([item.value for item in results]))
    error = float(np.sqrt(np.mean([item.stderr**2 for item in results])))
    interval = results[0].interval if len(results) == 1 else None
    return Estimate(
        value,
        error,
        interval=interval,
        kind=results[0].kind,
        method=results[0].method,
        n=n_x + n_y,
        n_effective=eff_x + eff_y,
        unit="nats",
    ).to(unit)


def _parts(x: Any, chains: int | None) -> tuple[list[Counts], int, float]:
    """Counts of subsets of independent draws, the number of draws, and what they are worth."""
    if isinstance(x, Counts):
        return [enough(x)], x.n, float(x.n)
    (array,), layout = paired(x, chains=chains)
    n = enough(len(array))
    tau = 0.5 if layout is None or layout[1] < 2 else slowest([array], layout)
    step = 1 if layout is None else spacing(tau, n)
    if layout is None or step == 1:
        return [Counts.of(array)], n, float(n)
    shaped = array.reshape(*layout, *array.shape[1:])
    offsets = np.unique(np.linspace(0, step - 1, min(step, 8)).round().astype(int))
    thinned = (shaped[:, offset::step] for offset in offsets)
    return [Counts.of(part.reshape(-1, *part.shape[2:])) for part in thinned], n, n / (2.0 * tau)
