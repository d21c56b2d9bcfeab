"""Exact inference in a random hierarchy, on arrays: evidence, messages up and down, entropies by enumeration.

A *message* is an array of logarithms (n, sites, symbols), with their exponentials. Upward messages are likelihoods of
what lies below a site, each shifted to a maximum of 0 with the shifts kept apart; downward ones are predictions from
everything else.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np

from rgnet.hierarchies import _random_hierarchy_kernels as kernels
from rgnet.hierarchies._shared import Array, Floats, digits_of, entropy, group_log_rows, log

Rules = tuple[Array, ...]
Message = tuple[Floats, Floats]  # logarithms, and their exponentials

WORK = 1 << 24  # message entries times productions in one batch: a fraction of a second, some 100 MB at most
MAX_STATES = 1 << 20  # data that are enumerated
MAX_TABLE = 1 << 20  # tuples of labels whose posteriors are compared


def batches(n: int, per_row: int, work: int = WORK) -> Iterator[slice]:
    """Slices of rows, so that each holds at most ``work`` items, and at least one row."""
    rows = max(1, work // max(per_row, 1))
    for start in range(0, n, rows):
        yield slice(start, min(n, start + rows))


def check_evidence(data: Array, sites: int, v: int) -> Array:
    """Data as symbols (n, sites), −1 where not observed, or as likelihoods (n, sites, v).

    Raises
    ------
    ValueError
        If the shape is another, a symbol does not exist, or a likelihood is negative, not finite, or all zero.
    """
    if data.dtype.kind in "iu":
        if data.ndim != 2 or data.shape[1] != sites:
            raise ValueError(f"data of shape {data.shape}: give (n, {sites}), one symbol for each site")
        if data.size and (data.min() < -1 or data.max() >= v):
            raise ValueError(
                f"data with symbols from {data.min()} to {data.max()}: symbols are 0 to {v - 1}, −1 where not observed"
            )
        return data
    if data.dtype.kind != "f":
        raise ValueError(
            f"data of dtype {data.dtype}: give whole numbers (n, {sites}) or likelihoods (n, {sites}, {v})"
        )
    if data.ndim != 3 or data.shape[1:] != (sites, v):
        raise ValueError(f"likelihoods of shape {data.shape}: give (n, {sites}, {v}); symbols are whole numbers")
    if not np.isfinite(data).all() or (data < 0).any():
        raise ValueError("likelihoods that are negative or not finite: give p(evidence | symbol) ≥ 0")
    empty = ~(data > 0).any(axis=2)
    if empty.any():
        row, site = (int(x) for x in np.argwhere(empty)[0])
        raise ValueError(f"likelihoods of draw {row}, site {site} are all 0: no symbol is possible; 1 is no evidence")
    return data


def log_evidence(data: Array, v: int, noise: float = 0.0) -> Floats:
    """ln p(evidence | symbol before the noise) of checked data: (n, sites, v)."""
    if data.dtype.kind == "f":
        return _through_noise(log(data), noise)
    table = np.full((v + 1, v), -math.inf)
    table[np.arange(v), np.arange(v)] = 0.0
    table[v] = 0.0  # −1, not observed
    return np.asarray(_through_noise(table, noise)[data])


def _through_noise(evidence: Floats, noise: float) -> Floats:
    """Evidence about symbols each of which is then replaced by a uniform one with probability ``noise``."""
    if noise == 0:
        return evidence
    # Σ_b p(b|a) e(b) = (1 − noise) e(a) + noise · mean e
    mean = np.logaddexp.reduce(evidence, axis=-1, keepdims=True) - math.log(evidence.shape[-1]) + math.log(noise)
    return np.logaddexp(evidence + log([1 - noise]), mean)


def seen_through_noise(message: Floats, evidence: Floats, noise: float) -> Floats:
    """Log-weights of noisy symbols: the downward message of the clean ones, the noise, and their own evidence."""
    return _through_noise(message, noise) + evidence


def up(evidence: Floats, rules: Rules, top: int = 0) -> tuple[list[Message], Floats]:
    """Upward messages of the levels ``top`` … L, and the shifts (n,) taken out of all above L together."""
    top_evidence = evidence.max(axis=2, keepdims=True)
    evidence = evidence - top_evidence
    messages, scale = [(evidence, np.exp(evidence))], top_evidence[:, :, 0].sum(axis=1)
    for rule in reversed(rules[top:]):
        below = messages[0]
        shape = (len(evidence), below[0].shape[1] // rule.shape[2], rule.shape[0])
        out = np.empty(shape), np.empty(shape)
        kernels.upward(*below, rule.astype(np.uintp), *out, scale)
        messages.insert(0, out)
    return messages, scale


def down(messages: list[Message], rules: Rules, log_prior: Floats, level: int) -> Floats:
    """Downward message of a level, from the upward messages of the levels 0 … L."""
    prior = np.array(np.broadcast_to(log_prior, messages[0][0].shape), order="C")
    result = prior, np.exp(prior)
    for k in range(level):
        shape = messages[k + 1][0].shape
        out = np.empty(shape), np.empty(shape)
        kernels.downward(*result, *messages[k + 1], rules[k].astype(np.uintp), *out)
        result = out
    return result[0]


def possible(messages: list[Message], log_prior: Floats, start: int) -> None:
    """Refuse data without a derivation; ``start`` is the number of the first row."""
    bad = np.flatnonzero((messages[0][0][:, 0] + log_prior).max(axis=1) == -math.inf)
    if bad.size:
        raise ValueError(
            f"draw {start + int(bad[0])} of the data (and {bad.size - 1} others near it) has no derivation from any "
            f"class, so it has no posterior; mark what was not observed by −1, or give the hierarchy noise > 0"
        )


def every_datum(v: int, sites: int, start: int, stop: int) -> Array:
    """Data number ``start`` to ``stop`` − 1 of all v^sites, the last site running fastest."""
    return digits_of(np.arange(start, stop), v, sites)


def enumerated_entropies(rules: Rules, noise: float, v: int, top: int) -> Callable[[Floats], tuple[float, float]]:
    """Enumerate what one site of level ``top`` can show, and return a function of its distribution p.

    The function gives (H(data), Σ_c p(c) H(data | c)) of the data below that site.
    """
    sites = rules[0].shape[2] ** (len(rules) - top)
    number = v**sites
    states = rules[top].shape[0] if top < len(rules) else v
    table = np.empty((number, states))
    for rows in batches(number, sites * v, MAX_STATES):
        data = every_datum(v, sites, rows.start, rows.stop)
        messages, scale = up(log_evidence(data, v, noise), rules, top)
        table[rows] = np.exp(messages[0][0][:, 0] + scale[:, None])

    def entropies(p: Floats) -> tuple[float, float]:
        return float(entropy(table @ p)), float(p @ entropy(table, axis=0))

    return entropies


def merged(log_vectors: Floats) -> tuple[Array, Floats]:
    """Labels of likelihood vectors that are proportional, and one normalised vector for each label."""
    normal = log_vectors - np.logaddexp.reduce(log_vectors, axis=1, keepdims=True)
    labels = group_log_rows(normal)
    _, first = np.unique(labels, return_index=True)
    return labels, normal[first]


def message_tables(rules: Rules, noise: float, v: int, level: int) -> tuple[list[Array], Floats]:
    """Tables from the labels of s children to the label of their parent, from the data up to ``level``.

    Two subtrees get the same label when their data say the same about every symbol above them.

    Returns
    -------
    tables : list of arrays
        First the labels of the v symbols, then one table (k^s,) a level, going up; tuples are numbered with the first
        child the most significant. −1 marks impossible tuples.
    vectors : array (k, symbols)
        The normalised log-likelihood of each label of ``level``.

    Raises
    ------
    ValueError
        If a level has more tuples than can be listed.
    """
    labels, vectors = merged(log_evidence(np.arange(v)[:, None], v, noise)[:, 0])
    tables = [labels]
    s = rules[0].shape[2]
    for k in range(len(rules) - 1, level - 1, -1):
        count = len(vectors)
        if count**s > MAX_TABLE:
            raise ValueError(
                f"level {k} has {count}^{s} = {float(count**s):.3g} different groups of messages, more than "
                f"{MAX_TABLE}: its minimal sufficient statistic is not listed; use a smaller hierarchy, or the "
                f"posterior itself, `posterior(data, level)`, which is sufficient"
            )
        out = np.empty((count**s, rules[k].shape[0]))
        for rows in batches(len(out), s * v * rules[k].shape[1]):
            tuples = digits_of(np.arange(rows.start, rows.stop), count, s)
            out[rows] = up(vectors[tuples], rules[k : k + 1])[0][0][0][:, 0]
        table = np.full(len(out), -1)
        good = out.max(axis=1) > -math.inf
        table[good], vectors = merged(out[good])
        tables.append(table)
    return tables, vectors
