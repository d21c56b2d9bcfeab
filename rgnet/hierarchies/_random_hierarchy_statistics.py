"""Minimal sufficient statistics of a random hierarchy (`RandomHierarchy.sufficient`)."""

import math
from typing import Any

import numpy as np

from rgnet.hierarchies import _random_hierarchy_inference as inference
from rgnet.hierarchies import ranking
from rgnet.hierarchies._shared import (
    Array,
    digits_of,
    fits,
    group_log_rows,
    log,
    number_of,
    take_data,
)
from rgnet.hierarchies._statistic import MAX_LABELS, Statistic


def clean(hierarchy: Any, level: int) -> Statistic:
    """The level itself, parsed from the data and numbered by its class and the productions above it."""
    length = ranking.nodes(hierarchy.s, level)
    count = hierarchy.classes * hierarchy.m**length
    if count >= 1 << 63:
        raise ValueError(
            f"level {level} has {hierarchy.classes}·{hierarchy.m}^{length} configurations, more than 64-bit labels; "
            f"`parse(data)` gives the level itself, `rank` numbers of any size"
        )

    def statistic(data: Any) -> Array:
        levels, choices = hierarchy.parse(take_data(data, hierarchy.steps)[0])
        digits = np.concatenate([np.zeros((len(levels[0]), 0), dtype=np.int64), *choices[:level]], axis=1)
        top = levels[0][:, 0].astype(np.int64)
        return np.asarray(top * hierarchy.m**length + number_of(digits, hierarchy.m))

    return Statistic(
        level, statistic, count, lambda: _every_clean(hierarchy, statistic), method="the level itself, parsed"
    )


def noisy(hierarchy: Any, level: int) -> Statistic:
    """Labels merged from the bottom up, and at the top by the posterior of the whole level."""
    sites, states = hierarchy.level_sizes[level], hierarchy.alphabet[level]
    if level > hierarchy.L:
        return _identity(hierarchy, sites)
    tables, vectors = inference.message_tables(hierarchy.rules, hierarchy.noise, hierarchy.v, level)
    configurations = hierarchy.classes * hierarchy.m ** ranking.nodes(hierarchy.s, level)
    if not fits(len(vectors), sites, inference.MAX_TABLE // max(1, configurations)):
        raise ValueError(
            f"level {level} has {len(vectors)}^{sites} messages about {configurations} configurations, too many to be "
            f"listed; ask for a higher level (0 is the class), or use `posterior(data, {level})`"
        )
    tuples = digits_of(np.arange(len(vectors) ** sites), len(vectors), sites)
    level_states, prior = _configurations(hierarchy, level)
    posterior = log(prior) + sum(vectors[tuples[:, i]][:, level_states[:, i]] for i in range(sites))
    top = np.full(len(tuples), -1)
    good = posterior.max(axis=1) > -math.inf
    posterior = posterior[good]
    top[good] = group_log_rows(posterior - np.logaddexp.reduce(posterior, axis=1, keepdims=True))
    count = int(top.max()) + 1

    def statistic(data: Any) -> Array:
        array = inference.check_evidence(take_data(data, hierarchy.steps)[0], hierarchy.s**hierarchy.L, hierarchy.v)
        if array.dtype.kind == "f" or (array.size and array.min() < 0):
            raise ValueError("the statistic takes fully observed symbols; for masked or soft data use `posterior`")
        labels, base = tables[0][array], int(tables[0].max()) + 1
        for table in tables[1:]:
            labels = table[number_of(labels.reshape(len(array), -1, hierarchy.s), base)]
            base = int(table.max()) + 1
        return np.asarray(top[number_of(labels, base)])

    assert states == vectors.shape[1]
    method = "messages merged from the data up to the level where they agree within 1e-9"
    return Statistic(level, statistic, count, lambda: _every(hierarchy, statistic), method=method)


def _identity(hierarchy: Any, sites: int) -> Statistic:
    if not fits(hierarchy.v, sites, 1 << 62):
        raise ValueError(
            f"the data have {hierarchy.v}^{sites} states, more than 64-bit labels: they are their own label"
        )

    def statistic(data: Any) -> Array:
        return number_of(take_data(data, hierarchy.steps)[0].astype(np.int64), hierarchy.v)

    count = hierarchy.v**sites
    return Statistic(
        hierarchy.steps, statistic, count, lambda: np.arange(count) if count <= MAX_LABELS else None, method="the data"
    )


def _every(hierarchy: Any, statistic: Any) -> Array | None:
    """Labels of all data."""
    sites = hierarchy.s**hierarchy.L
    if not fits(hierarchy.v, sites, MAX_LABELS):
        return None
    return np.asarray(statistic(inference.every_datum(hierarchy.v, sites, 0, hierarchy.v**sites)))


def _every_clean(hierarchy: Any, statistic: Any) -> Array | None:
    """Labels of all data, −1 where there is no derivation."""
    sites = hierarchy.s**hierarchy.L
    if not fits(hierarchy.v, sites, MAX_LABELS):
        return None
    labels = np.full(hierarchy.v**sites, -1)
    clean_data = _configurations(hierarchy, hierarchy.L)[0]
    labels[number_of(clean_data, hierarchy.v)] = statistic(clean_data)
    return labels


def _configurations(hierarchy: Any, level: int) -> tuple[Array, Array]:
    """All configurations (k, sites) of a clean level, and their probabilities (k,)."""
    y = np.arange(hierarchy.classes)[:, None]
    prior = np.array(hierarchy.prior)
    for k in range(level):
        sites, m = y.shape[1], hierarchy.m
        choices = digits_of(np.arange(m**sites), m, sites)
        pairs = np.repeat(y, len(choices), axis=0), np.tile(choices, (len(y), 1))
        y = hierarchy.rules[k][pairs].reshape(len(pairs[0]), -1).astype(np.int64)
        prior = np.repeat(prior, len(choices)) / len(choices)
    return y, prior
