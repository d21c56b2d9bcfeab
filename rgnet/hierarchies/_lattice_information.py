"""Mutual information and sufficient statistics of a lattice hierarchy (`LatticeHierarchy`)."""

import math
from typing import Any

import numpy as np

from rgnet.estimate import Estimate
from rgnet.exact import enumerate as full
from rgnet.hierarchies import _lattice_exact as small
from rgnet.hierarchies._lattice_density import Density
from rgnet.hierarchies._lattice_parameters import chains_of
from rgnet.hierarchies._levels import whole
from rgnet.hierarchies._shared import Array, entropy, fits, group_log_rows, log
from rgnet.hierarchies._statistic import MAX_LABELS, Statistic
from rgnet.information.grouping import group_rows
from rgnet.information.tables import entropy_of, mutual_information_of

_MAX_JOINT = 1 << 24  # entries of a joint table of two levels
_CHAINS = 8  # of each state of y_0 for an estimate


def mutual_information(hierarchy: Any, a: int, b: int, n: int | None, chains: int | None, seed: int) -> Estimate:
    """See `LatticeHierarchy.mutual_information`; a ≤ b."""
    if b == 0:
        return _exact(float(entropy(hierarchy.prior)), "H(y_0)")
    if b > 1 or (a == 1 and hierarchy._density() is None):
        return _exact(_enumerated(hierarchy, a, b), "enumeration")
    states = hierarchy._density()
    if states is not None:
        log_joint = hierarchy._log_joint(states.bonds, states.spins)
        joint = np.exp(log_joint + states.log_count[:, None])
        if a == 0:
            return _exact(mutual_information_of(joint / joint.sum()), "density of states")
        log_p = np.logaddexp.reduce(log_joint, axis=1)
        return _exact(-float(joint.sum(axis=1) @ log_p), "H(y_1), density of states")
    hierarchy.log_Z()  # refuses where it is not exact
    if n is None:
        raise ValueError(
            f"I(y_0; y_1) of shape {hierarchy.shape}: the density of states would take too long; give n= for an "
            f"unbiased estimate from n draws a chain and their exact posteriors"
        )
    return _estimate(hierarchy, whole("n", n, 1), chains, seed)


def _exact(value: float, method: str) -> Estimate:
    return Estimate(value, 0.0, kind="exact", method=method, unit="nats")


def _enumerated(hierarchy: Any, a: int, b: int) -> float:
    """I(y_a; y_b) from tables of all configurations, b > 0."""
    every, weights = hierarchy._joint()
    weights /= weights.sum()
    if a == 0:
        return mutual_information_of(small.carry((every, weights), hierarchy.channels[: b - 1])[1])
    upper, p = small.carry((every, weights.sum(axis=1, keepdims=True)), hierarchy.channels[: a - 1])
    between = hierarchy.channels[a - 1 : b - 1]
    if not any(channel.is_random for channel in between):
        return entropy_of(small.carry((upper, p), between)[1])
    noise = between[0]
    if len(between) == 1 and isinstance(noise, small.Noise):  # I = H(y_2) − N H(one spin seen)
        seen = small.carry((upper, p), between)[1]
        return entropy_of(seen / seen.sum()) - float(math.prod(hierarchy.shape) * entropy(noise.matrix[0]))
    if len(upper) > math.isqrt(_MAX_JOINT):
        raise ValueError(
            f"I(y_{a}; y_{b}): y_{a} has {len(upper)} configurations, and their joint table with y_{b} would not fit; "
            f"use a smaller lattice"
        )
    joint = small.carry((upper, np.diag(p[:, 0])), between)[1]
    return mutual_information_of(joint / joint.sum())


def _estimate(hierarchy: Any, n: int, chains: int | None, seed: int) -> Estimate:
    """Mean of H(y_0) − H(y_0 | y_1), state by state; the error from the spread of its chains, with Student's t."""
    from scipy.stats import t

    if chains is None:
        fewest = chains_of(hierarchy.prior, None)
        chains = sum(fewest) * math.ceil(_CHAINS / min(c for c in fewest if c))
    data = hierarchy.sample(n, seed, chains)
    means = entropy(hierarchy.prior) - entropy(hierarchy.posterior(data["y_1"]).values).mean(axis=1)
    labels = data["y_0"].values[:, 0]
    value, variances, freedom = 0.0, [], []
    for state, p in enumerate(hierarchy.prior):
        own = means[labels == state]
        if own.size == 0:
            continue
        if own.size < 2:
            raise ValueError(f"chains={chains}: state {state} of y_0 has one chain, and an error needs two; give more")
        value += p * float(own.mean())
        variances.append(p * p * float(own.var(ddof=1)) / own.size)
        freedom.append(own.size - 1)
    total = sum(variances)
    # Welch and Satterthwaite: the states' errors are different
    dof = total**2 / sum(x * x / d for x, d in zip(variances, freedom, strict=True)) if total > 0 else 1.0
    half = float(t.ppf(0.975, dof)) * math.sqrt(total)
    method = f"mean over {chains} chains of the exact entropy of the posterior"
    return Estimate(value, math.sqrt(total), (value - half, value + half), "estimate", method, chains * n, None, "nats")


def clean_statistic(hierarchy: Any) -> Statistic:
    """Bond sum and magnetisation, as far as the couplings tell them apart.

    Without the density of states the labels have gaps, and where both sums matter each pair of them has its own label.
    """
    K, h = np.array(hierarchy.K), np.array(hierarchy.h)
    possible = np.array(hierarchy.prior) > 0
    slopes = np.column_stack([K - K[possible][0], h - h[possible][0]])[possible]
    states: Density | None = hierarchy._density()
    sites, bonds = math.prod(hierarchy.shape), _bond_count(hierarchy)
    uses = [bool(slopes[:, 0].any()), bool(slopes[:, 1].any())]

    def number(s: Array, m: Array) -> Array:
        result = np.zeros(np.shape(s), dtype=np.int64)
        if uses[0]:
            result = (s + bonds) // 2
        return result * (sites + 1) + (m + sites) // 2 if uses[1] else result

    kinds, groups = None, None
    if states is not None:
        kinds, first = np.unique(number(states.bonds, states.spins), return_index=True)
        # What the posterior depends on: directions of (S, M) that the couplings do not tell apart drop out
        exponents = np.column_stack([states.bonds, states.spins])[first] @ slopes.T
        groups = group_rows(exponents, 1e-9)

    def statistic(data: Any) -> Array:
        raw = number(*hierarchy._sums(hierarchy._take(data)[0]))
        return raw if kinds is None or groups is None else groups[np.searchsorted(kinds, raw)]

    count = None if groups is None else int(groups.max()) + 1

    def listing() -> Array | None:
        return np.asarray(statistic(full.states(hierarchy.shape))) if fits(2, sites, MAX_LABELS) else None

    names = " and ".join(name for name, used in zip(("bond sum", "magnetisation"), uses, strict=True) if used)
    return Statistic(0, statistic, count, listing, method=names or "none: one state is possible")


def _bond_count(hierarchy: Any) -> int:
    return int(hierarchy._sums(np.ones((1, *hierarchy.shape), dtype=np.int8))[0][0])


def table_statistic(hierarchy: Any) -> Statistic:
    """Groups of noisy or coarse configurations of equal posterior, by enumeration."""
    every, weights = hierarchy._joint()
    configurations, table = small.carry((every, weights), hierarchy.channels)
    possible = table.sum(axis=1) > 0
    labels = np.full(len(table), -1)
    labels[possible] = group_log_rows(log(table[possible] / table[possible].sum(axis=1, keepdims=True)))

    def statistic(data: Any) -> Array:
        x = hierarchy._take(data)[0]
        shape = hierarchy.level_shapes[-1]
        place = small.find(configurations, x.reshape(-1, *shape).astype(configurations.dtype))
        if (place < 0).any():
            raise ValueError(f"draw {int(np.flatnonzero(place < 0)[0])} of the data is not a possible observation")
        return np.asarray(labels[place].reshape(x.shape[: x.ndim - len(shape)]))

    return Statistic(0, statistic, int(labels.max()) + 1, lambda: labels, method="equal posteriors, by enumeration")
