"""Entropy and mutual information of symbols: from samples, or from counts that were merged.

For symbols with joint counts n(x, y, …) among n draws, informations are sums of entropies,

    I(x; y)     = H(x) + H(y) − H(x, y)
    I(x; y | z) = H(x, z) + H(y, z) − H(x, y, z) − H(z)
    multi-information (total correlation)  = Σ_i H(x_i) − H(x_1, x_2, …) ,

each entropy by a method that removes its bias (`rgnet.information.entropies`). The variance has two parts: that of the
local information over n, and that of the χ² which the estimate is where the first part vanishes, freedom/2n² with
freedom = K_xy − K_x − K_y + 1 (states seen), (K_x − 1)(K_y − 1) for a full table. Values are never clipped: without
dependence they scatter about 0.

All intervals are 95 %, for draws that are independent, or chains (thinned to independent draws); counts are taken as
those of independent draws.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet.estimate import Estimate
from rgnet.information import entropies
from rgnet.information.counts import Counts, enough, joint_labels
from rgnet.information.divergences import jensen_shannon, kl_divergence
from rgnet.information.entropies import Fingerprint, fingerprint, local_variance
from rgnet.information.entropies.coverage import good_coverage
from rgnet.information.samples import InformationWarning, as_labels, check_unit, over_chains, paired

__all__ = [
    "conditional_mutual_information",
    "entropy",
    "jensen_shannon",
    "kl_divergence",
    "multi_information",
    "mutual_information",
]

Array = npt.NDArray[Any]
Term = tuple[int, tuple[int, ...]]

_FEW = 0.9  # coverage below which formulae that know nothing of unseen states are not to be trusted
_CROWDED = 0.05  # joint symbols for each draw above which an information keeps some bias, and its interval is short
_PRIOR = 2.0  # draws; half a draw in each cell of a table of two equally likely states each
_RARE = 5  # draws of a symbol below which its share of the error is itself uncertain
_RARE_SHARE = 0.5
_MOST_PAIRS = 4_000_000
_DEFAULT = "chao-wang-jost"  # of informations: as Miller-Madow where symbols are frequent, far less biased where not


def entropy(
    x: Any, *, method: str = "auto", k: int | None = None, chains: int | None = None, unit: str = "nats"
) -> Estimate:
    """Entropy of symbols.

    Parameters
    ----------
    x : array (n,), (n, ...), DataArray with ``draw``, or Counts
        Each row is one symbol.
    method : str
        "plug-in", "miller-madow", "grassberger", "jackknife", "zhang", "chao-shen", "chao-wang-jost"; with ``k`` also
        "shrinkage", "nsb" and "laws". "auto": "laws" where ``k`` is given, else "zhang".
    k : int, optional
        Number of states that could occur, seen or not, at most 10¹⁵. Where it is not given and some symbols were seen
        only once, more states may be hidden than any sample can tell. "auto" then gives a lower limit, of kind
        "lower": a value that is not too large on average (Zhang 2012), and an interval from a limit that is below
        the entropy in at least 97 % of samples, to infinity. A method that is named gives its own value as an
        "estimate"; those of Chao are above the entropy half the time where there are many more states than draws.
    chains : int, optional
        That the rows of an array are so many chains of consecutive draws; by default they are independent.
    unit : "nats" or "bits"

    Returns
    -------
    Estimate
        Intervals by method:

        - "laws" is valid with few draws where the probabilities resemble a power law, a log-normal or a Dirichlet
          draw, or where some of the states are equally likely and the rest do not occur. It can be too short without
          saying so for states of two kinds with a probability each (1000 states, ten of them a hundred times as
          likely, 100 draws), for probabilities that fall geometrically over many more states than draws (10 000
          states, 1000 draws: it covers 0.74), and a little with few draws (20 to 50) of a few very unequal states.
          Draws that are all equal get an upper end that needs no law.
        - "nsb" holds for Dirichlet draws only; of Zipf's law it covers about half (1000 states, 100 draws), which is
          why "laws" is the default.
        - All others contain **no bias**: they are valid only where nearly all states were seen many times.
          Where all draws are equal the interval allows for one more state. Shrinkage is biased towards equal
          probabilities too (it covers 90 % for 8 states and 200 draws).

    Raises
    ------
    ValueError
        For bad input, a single draw, an unknown method, a method without the ``k`` it needs, or a ``k`` that is less
        than the number of states seen.
    """
    check_unit(unit)
    if k is not None and (isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1):
        raise ValueError(f"k={k!r}: the number of states is a whole number of at least 1")
    chosen = method if method != "auto" else ("laws" if k is not None else "zhang")
    k = None if k is None else int(k)

    def of_counts(counts: Counts) -> Estimate:
        return _entropy_of(counts, chosen, k, method == "auto")

    if isinstance(x, Counts):
        return of_counts(enough(x)).to(unit)
    arrays, layout = paired(x, chains=chains)
    enough(len(arrays[0]))

    def local(array: Array) -> Array:
        labels, size = as_labels(array)
        return np.asarray(-np.log(np.bincount(labels, minlength=size) / len(labels))[labels])

    return over_chains(lambda array: of_counts(Counts.of(array)), arrays, layout, local).to(unit)


def _entropy_of(counts: Counts, method: str, k: int | None, automatic: bool) -> Estimate:
    seen = fingerprint(counts.counts)
    lower = automatic and k is None and seen.seen(1) > 0
    result = entropies.lower_limit(seen) if lower else entropies.estimate(seen, method, k)
    if seen.states == 1 and k != 1 and method not in entropies.POSTERIORS:  # there may be one more, not seen
        result = replace(result, interval=(min(result.value, 0.0), entropies.if_unseen(seen.n, 2)))
    coverage = good_coverage(seen)
    if method in entropies.POSTERIORS and coverage == 0.0 and k != 1:
        _warn(
            f"all {seen.n} draws are different: the data say only that the entropy is large, the rest is the prior; "
            "take more draws"
        )
    elif method not in entropies.POSTERIORS and coverage < _FEW:
        advice = "take more draws" if k is not None and automatic else "give the number of states k=, or more draws"
        _warn(
            f"{seen.seen(1)} of {seen.n} draws are symbols seen once: about {1 - coverage:.0%} of the probability "
            f"was never seen, and {'the entropy may be far above this limit' if lower else f'{method} is biased'}; "
            f"{advice}"
        )
    elif method in entropies.FORMULAE and not lower:
        p = seen.sizes / seen.n
        spread = seen.times * p * (np.log(p) - (seen.times * p * np.log(p)).sum()) ** 2
        _warn_of_rare(spread, seen.sizes, float(spread.sum()), "symbols")
    why = f"{method}, k={k}" if k is not None else f"{method}, number of states unknown"
    if automatic:
        why += " (auto: averages over power laws, log-normal and Dirichlet)" if k is not None else " (auto)"
    if lower:
        why += "; a lower limit, as symbols were seen only once"
    # A posterior near ln k is skew, and its mean may lie outside the shortest interval
    low, high = (min(result.interval[0], result.value), max(result.interval[1], result.value))
    return Estimate(
        result.value,
        result.stderr,
        interval=(low, high),
        kind="lower" if lower else "estimate",
        method=f"entropy: {why}",
        n=seen.n,
        n_effective=float(seen.n),
        unit="nats",
    )


def mutual_information(
    x: Any, y: Any = None, *, method: str = "auto", chains: int | None = None, unit: str = "nats"
) -> Estimate:
    """Mutual information I(x; y) of symbols.

    Parameters
    ----------
    x, y : arrays (n,), (n, ...), or DataArrays with ``draw``
        Or ``x`` alone: Counts of two variables.
    method : str
        "plug-in", "miller-madow", "grassberger", "jackknife", "zhang", "chao-shen" or "chao-wang-jost", for every
        entropy;
        "auto": "chao-wang-jost".
    chains, unit
        As `entropy`.

    Returns
    -------
    Estimate
        A variable that never changes gives 0 without error; its interval ends where one more value, too rare to have
        been seen, would take it. Other intervals are valid for symbols that are seen several times each; a warning
        says where they are not: where joint symbols are many for the draws, as for raw configurations, whose
        information no correction rescues, and where most of the error is that of symbols seen fewer than 5 times.

    Raises
    ------
    ValueError
        For bad input, a single draw, or an unknown method.
    """
    names = ("x", "y")
    return _information("mutual information", _given(names, (x, y)), names, _shared(2), method, chains, unit)


def conditional_mutual_information(
    x: Any, y: Any = None, z: Any = None, *, method: str = "auto", chains: int | None = None, unit: str = "nats"
) -> Estimate:
    """Conditional mutual information I(x; y | z) of symbols.

    Parameters
    ----------
    x, y, z : arrays (n,), (n, ...), or DataArrays with ``draw``
        Or ``x`` alone: Counts of three variables.
    method, chains, unit
        As `mutual_information`.
    """
    names = ("x", "y", "z")
    terms: list[Term] = [(1, (0, 2)), (1, (1, 2)), (-1, (0, 1, 2)), (-1, (2,))]
    return _information("conditional mutual information", _given(names, (x, y, z)), names, terms, method, chains, unit)


def multi_information(*variables: Any, method: str = "auto", chains: int | None = None, unit: str = "nats") -> Estimate:
    """Multi-information (total correlation) Σ H(x_i) − H(x_1, x_2, …) of two or more variables.

    Parameters
    ----------
    *variables : arrays (n,), (n, ...), or DataArrays with ``draw``
        Or one Counts of several variables.
    method, chains, unit
        As `mutual_information`.
    """
    single = variables[0] if len(variables) == 1 else None
    count = single.variables if isinstance(single, Counts) else len(variables)
    if count < 2:
        raise ValueError(f"{count} variable: multi-information is shared by at least two")
    names = tuple(f"x{place + 1}" for place in range(count))
    return _information("multi-information", variables, names, _shared(count), method, chains, unit)


def _shared(count: int) -> list[Term]:
    return [*((1, (place,)) for place in range(count)), (-1, tuple(range(count)))]


def _given(names: tuple[str, ...], variables: tuple[Any, ...]) -> tuple[Any, ...]:
    """The variables without the trailing None that Counts leave."""
    if isinstance(variables[0], Counts):
        if any(item is not None for item in variables[1:]):
            raise ValueError("Counts of all variables together are given alone: leave the other arguments out")
        return variables[:1]
    for name, item in zip(names, variables, strict=True):
        if item is None:
            raise ValueError(f"{name}=None: give {', '.join(names)}, or Counts.of({', '.join(names)}) alone")
    return variables


def _information(
    what: str,
    variables: Sequence[Any],
    names: tuple[str, ...],
    terms: list[Term],
    method: str,
    chains: int | None,
    unit: str,
) -> Estimate:
    check_unit(unit)
    chosen = _DEFAULT if method == "auto" else method
    if chosen not in entropies.FORMULAE:
        raise ValueError(f"method={method!r}: informations are estimated by auto, {', '.join(entropies.FORMULAE)}")
    label = f"{what}: {chosen}{' (auto)' if method == 'auto' else ''}"

    def of_counts(counts: Counts) -> Estimate:
        return _information_of(counts, terms, chosen, label)

    if len(variables) == 1 and isinstance(variables[0], Counts):
        counts = variables[0]
        if counts.variables != len(names):
            raise ValueError(
                f"Counts of {counts.variables} variables: give those of {len(names)}, Counts.of({', '.join(names)})"
            )
        return of_counts(enough(counts)).to(unit)
    arrays, layout = paired(*variables, chains=chains)
    enough(len(arrays[0]))

    def local(*rows: Array) -> Array:
        labels = [as_labels(array)[0] for array in rows]
        total = np.zeros(len(rows[0]))
        for sign, which in terms:
            code = joint_labels(labels, which)
            total -= sign * np.log(np.bincount(code) / len(code))[code]
        return total

    return over_chains(lambda *rows: of_counts(Counts.of(*rows)), arrays, layout, local).to(unit)


def _information_of(counts: Counts, terms: list[Term], method: str, label: str) -> Estimate:
    labels = [as_labels(key)[0] for key in counts.keys]
    n = counts.n
    value, freedom, local = 0.0, 0.0, np.zeros(len(counts))
    single = []
    everything = tuple(range(len(labels)))
    for sign, which in terms:
        if which == everything:
            marginal, here = counts.counts, counts.counts
        else:
            code = joint_labels(labels, which)
            marginal = np.bincount(code, weights=counts.counts).astype(np.int64)
            here = marginal[code]
        seen = fingerprint(marginal)
        if len(which) == 1:
            single.append(seen)
        value += sign * entropies.FORMULAE[method](seen, None)
        freedom -= sign * (len(marginal) - 1)
        local -= sign * np.log(here / n)
    freedom = max(freedom, 0.0)
    trivial = freedom == 0 and bool((np.abs(local) < 1e-14).all())  # a constant variable
    if len(counts) > _CROWDED * n and not trivial:
        _warn(
            f"{len(counts)} joint symbols were seen in {n} draws: too many for the bias to be removed, and "
            "the interval is too short; use fewer labels (a sufficient statistic, a coarser map), a held-out "
            "classifier, or more draws"
        )
    hidden = _freedom_if_independent(*single) if len(labels) == 2 else 0.0
    p, local = _with_rare(counts.counts / n, local, n)
    variance = local_variance(p, local, n, freedom) + max(hidden - freedom, 0.0) / (2.0 * n * n)
    if not trivial:
        spread = p * (local - float((p * local).sum())) ** 2 / n
        _warn_of_rare(
            spread, np.append(counts.counts, np.full(p.size - len(counts), np.inf)), variance, "joint symbols"
        )
    error = float(np.sqrt(variance))
    interval = None
    if trivial:  # as far as was seen: one more value, not seen, is always possible
        value, error, interval = 0.0, 0.0, (0.0, entropies.if_unseen(n, 2))
    return Estimate(value, error, interval=interval, method=label, n=n, n_effective=float(n), unit="nats")


def _with_rare(p: Array, local: Array, n: int) -> tuple[Array, Array]:
    """Probabilities and local information for the error, with cells that were not seen as one more cell.

    A cell that independence would fill and that is empty, or nearly, has the largest local information of all, and
    no or few draws to show it. So `_PRIOR` draws of independent variables are added: the mean of a Dirichlet
    posterior about the product of the margins. Where the variables are independent this changes nothing.
    """
    product = p * np.exp(-local)
    unseen = max(1.0 - float(product.sum()), 0.0)
    product, p = np.append(product, unseen), np.append(p, 0.0)
    if unseen < 1e-12:
        product, p = product[:-1], p[:-1]
    p = (n * p + _PRIOR * product) / (n + _PRIOR)
    return p, np.log(p / product)


def _freedom_if_independent(first: Fingerprint, second: Fingerprint) -> float:
    """Degrees of freedom that independent variables would have: pairs that would be seen, less K_x + K_y − 1.

    A table with an empty cell shows fewer than it has, and could call an accident certain.
    """
    if first.sizes.size * second.sizes.size > _MOST_PAIRS:
        return 0.0
    expected = first.sizes[:, None] * (second.sizes / first.n)
    occupied = float(first.times @ -np.expm1(-expected) @ second.times)
    return occupied - first.states - second.states + 1.0


def _warn_of_rare(spread: Array, counts: Array, variance: float, what: str) -> None:
    """Warn where most of the variance comes from symbols with too few draws to tell it; ``spread`` is that of each."""
    share = float(spread[counts < _RARE].sum())
    if share > max(_RARE_SHARE * variance, 1e-300):
        _warn(
            f"{share / max(variance, float(spread.sum())):.0%} of the variance is that of {what} with fewer than "
            f"{_RARE} draws: the interval may be too short; take more draws, or merge rare symbols"
        )


def _warn(message: str) -> None:
    warnings.warn(message, InformationWarning, stacklevel=4)
