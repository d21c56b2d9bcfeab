"""Divergences between the laws of two samples of symbols, drawn independently of each other.

For counts n_i and m_i of symbol i (N and M in all), p̂ = n/N, q̂ = m/M:

    D(p‖q)           Σ p̂_i [ψ(n_i) − ψ(N) − ψ(m_i + 1) + ψ(M + 1)]            Zhang & Grabchak (2014), in closed form
    Jensen–Shannon   plug-in, less its bias Σ [1 − p̂ − p̂(1 − p̂)/(p̂ + q̂)]/4N and the same of q̂ (second derivatives)

The variance has two parts: the first order, by the delta method, with the part that is noise taken off; and that of
the χ² which the estimate is where both laws are the same. Values are never clipped. Intervals are 95 %.

Each sample's chains are thinned by its own autocorrelation time: the longest of its variables, of the local
contributions ln p̂/q̂, and of the slowest function of the symbol. Which symbols are missing is judged on all draws.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from rgnet.estimate import Estimate
from rgnet.information.counts import Counts, enough, joint_labels, same_kinds
from rgnet.information.samples import (
    MOST_SUBSETS,
    as_labels,
    autocorrelation_time,
    check_length,
    check_unit,
    paired,
    slowest,
    spacing,
)
from rgnet.stats import ShortChainError

Array = npt.NDArray[Any]
Rule = Callable[[Array, Array, Estimate | None], Estimate]

_MOST_SYMBOLS = 16  # whose functions are looked at for slow ones


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
        For bad input, symbols of different kinds (numbers and text), and under "auto" where symbols of x were never
        seen in y: the data then set no upper limit.
    ShortChainError
        If a sample's chains are worth fewer than 50 independent draws, or a chain is shorter than 20 τ.
    """
    methods = ("auto", "zhang-grabchak", "plug-in")
    if method not in methods:
        raise ValueError(f"method={method!r}: divergences D(p‖q) are estimated by {', '.join(methods)}")
    if pseudocount is not None and not (np.isfinite(pseudocount) and pseudocount > 0):
        raise ValueError(f"pseudocount={pseudocount!r}: add a positive number, such as 0.5, to every count")
    if pseudocount is not None and method == "zhang-grabchak":
        raise ValueError("pseudocount and zhang-grabchak exclude each other: leave one out")
    rule = "plug-in" if pseudocount is not None or method == "plug-in" else "zhang-grabchak"

    def of_counts(first: Array, second: Array, whole: Estimate | None) -> Estimate:
        return _kl_of(first, second, rule, pseudocount, method == "auto", whole)

    return _two_samples(of_counts, x, y, chains, unit)


def _kl_of(
    first: Array, second: Array, rule: str, pseudocount: float | None, automatic: bool, whole: Estimate | None
) -> Estimate:
    """Of counts; ``whole`` is what all draws gave where these are a part of them: it decides what is missing."""
    n, m = int(first.sum()), int(second.sum())
    missing = int(((second == 0) & (first > 0)).sum())
    label = f"KL divergence: {rule}{' (auto)' if automatic and pseudocount is None else ''}"
    if whole is not None and rule == "plug-in" and pseudocount is None and np.isinf(whole.value):
        return whole
    if missing and pseudocount is None and whole is None:
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
    if rule == "plug-in" and whole is not None and pseudocount is None:
        value = whole.value  # of all draws: a part may lack symbols
    elif rule == "plug-in":
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

    def of_counts(first: Array, second: Array, whole: Estimate | None) -> Estimate:
        return _js_of(first, second, method)

    return _two_samples(of_counts, x, y, chains, unit)


def _js_of(first: Array, second: Array, method: str) -> Estimate:
    n, m = int(first.sum()), int(second.sum())
    p, q = first / n, second / m
    both = p + q
    value, variance = 0.0, 0.0
    freedom = float(np.count_nonzero(first + second) - 1)
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


def _two_samples(estimator: Rule, x: Any, y: Any, chains: int | None, unit: str) -> Estimate:
    """Counts of both samples over their common symbols; chains thinned to independent draws."""
    check_unit(unit)
    samples = [_sample(item, chains) for item in (x, y)]
    codes, size = _codes([keys for keys, _, _ in samples])
    whole = [_table(code, weights, size) for code, (_, weights, _) in zip(codes, samples, strict=True)]
    both = estimator(whole[0], whole[1], None)
    ratio = np.log((whole[0] + 0.5) / (whole[1] + 0.5))  # local contributions, finite
    parts, effective, said = [], [], ""
    for code, table, (keys, _, layout) in zip(codes, whole, samples, strict=True):
        tau = 0.5
        if layout is not None and layout[1] >= 2:
            _check_motion(code.reshape(layout))
            tau = _slowest_function(code, table, keys, ratio, layout)
        n = int(table.sum())
        step = 1 if layout is None else spacing(tau, n)
        if layout is None or step == 1:
            parts.append([table])
            effective.append(float(n))
            continue
        check_length(tau, layout)
        shaped = code.reshape(layout)
        offsets = np.unique(np.linspace(0, step - 1, min(step, MOST_SUBSETS)).round().astype(int))
        parts.append([_table(shaped[:, offset::step].reshape(-1), None, size) for offset in offsets])
        effective.append(n / (2.0 * tau))
        said += f"; every {step}th draw of {'xy'[len(parts) - 1]} (autocorrelation time {tau:.3g}), mean over offsets"
    first, second = parts
    if len(first) == len(second) == 1:
        return replace(both, n=int(sum(map(np.sum, whole))), n_effective=sum(effective)).to(unit)
    results = [
        estimator(first[place % len(first)], second[place % len(second)], both)
        for place in range(max(len(first), len(second)))
    ]
    return Estimate(
        float(np.mean([item.value for item in results])),
        float(np.sqrt(np.mean([item.stderr**2 for item in results]))),
        interval=both.interval if np.isinf(both.value) else None,
        kind=both.kind,
        method=both.method + said,
        n=int(sum(map(np.sum, whole))),
        n_effective=sum(effective),
        unit="nats",
    ).to(unit)


def _check_motion(code: Array) -> None:
    if (code == code[:, :1]).all():
        chains, draws = code.shape
        estimate = Estimate(float("inf"), float("nan"), method="integrated autocorrelation time, in draws", n=code.size)
        raise ShortChainError(
            f"no symbol changes within {chains} x {draws} draws of a chain: nothing tells what they are worth; take "
            "longer chains, or leave chains= out where the draws are independent",
            estimate,
        )


def _sample(x: Any, chains: int | None) -> tuple[list[Array], Array | None, tuple[int, int] | None]:
    """Symbols, how often each was seen (None: once), and the layout in chains."""
    if isinstance(x, Counts):
        enough(x)
        return list(x.keys), x.counts, None
    arrays, layout = paired(x, chains=chains)
    enough(len(arrays[0]))
    return arrays, None, layout


def _codes(keys: list[list[Array]]) -> tuple[list[Array], int]:
    """Symbols of both samples as labels of their common alphabet, and its size."""
    first, second = keys
    if [key.shape[1:] for key in first] != [key.shape[1:] for key in second]:
        raise ValueError("the two samples have symbols of different shapes: they must be of the same alphabet")
    same_kinds(first, second, "the two samples")
    labels = [as_labels(np.concatenate(pair))[0] for pair in zip(first, second, strict=True)]
    code = joint_labels(labels, tuple(range(len(labels))))
    return [code[: len(first[0])], code[len(first[0]) :]], int(code.max()) + 1


def _table(code: Array, weights: Array | None, size: int) -> Array:
    return np.bincount(code, weights=weights, minlength=size).astype(np.int64)


def _slowest_function(code: Array, table: Array, keys: list[Array], ratio: Array, layout: tuple[int, int]) -> float:
    """The longest τ of the variables, of the local contributions, and of the slowest function of the symbol.

    What is slow may be a class of symbols that neither the numbers of a label nor, where the laws are alike, the
    contributions show. The function that decays least from one draw to the next maximises its correlation with
    itself over all functions of the symbol (Pérez-Hernández et al. 2013); the rarest symbols are taken together.
    """
    times = [slowest(keys, layout), autocorrelation_time(ratio[code], layout)]
    chosen = np.argsort(-table, kind="stable")[:_MOST_SYMBOLS]
    chosen = chosen[table[chosen] > 0]
    place = np.full(table.size, chosen.size)
    place[chosen] = np.arange(chosen.size)
    states = place[code].reshape(layout)
    size, half = int(states.max()) + 1, layout[1] // 2
    parts = states[:, :half], states[:, half:]
    if size > 1 and half > 2:
        found = []
        for learnt, judged in (parts, parts[::-1]):  # where it was found, any function looks slow
            series = _slowest_of(learnt, size)[judged]
            found.append(autocorrelation_time(series.reshape(-1), series.shape))
        if all(spacing(tau, states.size // 2) > 1 for tau in found):  # not by accident
            times.append(sum(found) / 2.0)
    return max(times)


def _slowest_of(states: Array, size: int) -> Array:
    """The function (size,) of the state most correlated with itself one draw later."""
    pairs = np.bincount((states[:, :-1] * size + states[:, 1:]).reshape(-1), minlength=size * size)
    joint = (pairs.reshape(size, size) + pairs.reshape(size, size).T) / (2.0 * pairs.sum())
    root = np.sqrt(joint.sum(axis=1))
    divisor = np.where(root > 0, root, 1.0)
    values, vectors = np.linalg.eigh(joint / divisor / divisor[:, None] - np.outer(root, root))
    return np.asarray(vectors[:, int(np.argmax(values))] / divisor)
