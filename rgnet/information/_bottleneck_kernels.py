"""Compiled parts of `rgnet.information.bottleneck`: costs of mergers, agglomeration, moves, dynamic programming."""

import math
from typing import Any

import numpy as np

from rgnet._jit import njit


@njit
def _absorb(weights: Any, posterior: Any, i: Any, j: Any) -> None:
    """State i becomes i and j together."""
    weight = weights[i] + weights[j]
    for c in range(posterior.shape[1]):
        posterior[i, c] = (weights[i] * posterior[i, c] + weights[j] * posterior[j, c]) / weight
    weights[i] = weight


@njit
def _term(p: float, q: float) -> float:
    """q[(1+t) ln(1+t) − t] ≥ 0 with t = p/q − 1, to relative precision: p ln(p/q) once summed over a distribution."""
    if q <= 0.0:
        return 0.0
    if p <= 0.0:
        return q
    t = (p - q) / q
    if abs(t) < 3e-3:
        return q * t * t * (0.5 - t * (1 / 6 - t * (1 / 12 - t * (1 / 20 - t / 30))))
    return q * ((1.0 + t) * math.log1p(t) - t)


@njit
def merger_cost(weight_a: float, a: Any, weight_b: float, b: Any) -> float:
    """Information lost by merging two states with these weights and posteriors, nats."""
    weight = weight_a + weight_b
    if weight_a <= 0.0 or weight_b <= 0.0:
        return 0.0
    total = 0.0
    for c in range(a.size):
        middle = (weight_a * a[c] + weight_b * b[c]) / weight
        total += weight_a * _term(a[c], middle) + weight_b * _term(b[c], middle)
    return total


@njit
def _cheapest_after(weights: Any, posterior: Any, alive: Any, i: int, best: Any, cost: Any) -> None:
    """The partner j > i whose merger with i costs least."""
    cost[i] = np.inf
    best[i] = -1
    for j in range(i + 1, weights.size):
        if alive[j]:
            d = merger_cost(weights[i], posterior[i], weights[j], posterior[j])
            if d < cost[i]:
                cost[i] = d
                best[i] = j


@njit
def find_partners(weights: Any, posterior: Any, alive: Any, best: Any, cost: Any, begin: int, end: int) -> None:
    """`_cheapest_after` for the states begin … end − 1."""
    for i in range(begin, end):
        _cheapest_after(weights, posterior, alive, i, best, cost)


@njit
def merge_some(
    weights: Any, posterior: Any, alive: Any, best: Any, cost: Any, merges: Any, losses: Any, done: int, budget: int
) -> Any:
    """Cheapest mergers one after the other, about ``budget`` comparisons; returns how many are done in all."""
    n = weights.size
    spent = 0
    while done < merges.shape[0] and spent < budget:
        i = -1
        for k in range(n):
            if alive[k] and best[k] >= 0 and (i < 0 or cost[k] < cost[i]):
                i = k
        j = best[i]
        merges[done, 0] = i
        merges[done, 1] = j
        losses[done] = cost[i]
        done += 1
        _absorb(weights, posterior, i, j)
        alive[j] = False
        _cheapest_after(weights, posterior, alive, i, best, cost)
        spent += 2 * n
        for k in range(j):
            if not alive[k] or k == i:
                continue
            if best[k] == i or best[k] == j:
                _cheapest_after(weights, posterior, alive, k, best, cost)
                spent += n - k
            elif k < i:
                d = merger_cost(weights[k], posterior[k], weights[i], posterior[i])
                if d < cost[k]:
                    cost[k] = d
                    best[k] = i
    return done


@njit
def _entropy_term(p: float) -> float:
    return -p * math.log(p) if p > 0.0 else 0.0


@njit
def nearest(weights: Any, posterior: Any, labels: Any, count: int, beta: float) -> Any:
    """One step of Strouse & Schwab: each state to the centre with the largest ln q(t) − β KL; returns the moves."""
    n, classes = posterior.shape
    mass = np.zeros(count)
    centre = np.zeros((count, classes))
    for i in range(n):
        mass[labels[i]] += weights[i]
        for c in range(classes):
            centre[labels[i], c] += weights[i] * posterior[i, c]
    for t in range(count):
        if mass[t] > 0.0:
            centre[t] /= mass[t]
    moves = 0
    for i in range(n):
        least, choice = np.inf, labels[i]
        for t in range(count):
            if mass[t] <= 0.0:
                continue
            distance = -math.log(mass[t]) / beta
            for c in range(classes):
                if posterior[i, c] > 0.0:
                    if centre[t, c] <= 0.0:
                        distance = np.inf
                        break
                    distance += posterior[i, c] * math.log(posterior[i, c] / centre[t, c])
            if distance < least or (distance == least and t == labels[i]):
                least, choice = distance, t
        if choice != labels[i]:
            labels[i] = choice
            moves += 1
    return moves


@njit
def move_one_by_one(weights: Any, posterior: Any, labels: Any, count: int, beta: float) -> Any:
    """One sweep of single moves, each made when it lowers H(T)/β + I lost; returns the moves."""
    n, classes = posterior.shape
    mass = np.zeros(count)
    sums = np.zeros((count, classes))
    sizes = np.zeros(count, dtype=np.int64)
    for i in range(n):
        mass[labels[i]] += weights[i]
        sizes[labels[i]] += 1
        for c in range(classes):
            sums[labels[i], c] += weights[i] * posterior[i, c]
    centre = np.zeros(classes)
    moves = 0
    for i in range(n):
        a = labels[i]
        if sizes[a] == 1 and beta == np.inf:
            continue  # a state alone loses nothing
        rest = max(mass[a] - weights[i], 0.0) if sizes[a] > 1 else 0.0
        for c in range(classes):
            centre[c] = max(sums[a, c] - weights[i] * posterior[i, c], 0.0) / rest if rest > 0.0 else 0.0
        # What is gained where i leaves
        stay = merger_cost(weights[i], posterior[i], rest, centre)
        stay += (_entropy_term(mass[a]) - _entropy_term(rest)) / beta
        least, choice = stay, a
        for t in range(count):
            if t == a:
                continue
            price = (_entropy_term(mass[t] + weights[i]) - _entropy_term(mass[t])) / beta
            if sizes[t] > 0:
                for c in range(classes):
                    centre[c] = sums[t, c] / mass[t]
                price += merger_cost(weights[i], posterior[i], mass[t], centre)
            if price < least - 1e-14 * (stay + 1e-6):  # not in circles over rounding
                least, choice = price, t
        if choice != a:
            labels[i] = choice
            moves += 1
            sizes[a] -= 1
            sizes[choice] += 1
            mass[a] = rest
            mass[choice] += weights[i]
            for c in range(classes):
                share = weights[i] * posterior[i, c]
                sums[a, c] = max(sums[a, c] - share, 0.0) if sizes[a] > 0 else 0.0
                sums[choice, c] += share
    return moves


@njit
def _interval_cost(first: Any, second: Any, i: int, j: int) -> float:
    """p(T) H(y|T) of the interval of states i … j − 1, from cumulative sums of the two classes."""
    a, b = first[j] - first[i], second[j] - second[i]
    return _entropy_term(a) + _entropy_term(b) - _entropy_term(a + b)


@njit
def best_cuts(first: Any, second: Any, before: Any, now: Any, choice: Any) -> None:
    """One more interval: now[j] = min over i < j of before[i] + cost(i, j), by divide and conquer.

    The best i never falls as j grows (the cost obeys the quadrangle inequality), so the middle j splits the problem.
    """
    n = now.size - 1
    stack = np.empty((128, 4), dtype=np.int64)
    stack[0] = (1, n, 0, n - 1)
    top = 1
    while top > 0:
        top -= 1
        low, high, left, right = stack[top]
        middle = (low + high) // 2
        least, where = np.inf, left
        for i in range(left, min(right, middle - 1) + 1):
            value = before[i] + _interval_cost(first, second, i, middle)
            if value < least:
                least, where = value, i
        now[middle] = least
        choice[middle] = where
        if low < middle:
            stack[top] = (low, middle - 1, left, where)
            top += 1
        if middle < high:
            stack[top] = (middle + 1, high, where, right)
            top += 1


@njit
def _neighbours_cost(weights: Any, posterior: Any, after: Any, i: int) -> float:
    if i < 0 or after[i] < 0:
        return np.inf
    return merger_cost(weights[i], posterior[i], weights[after[i]], posterior[after[i]])


@njit
def _set_leaf(tree: Any, leaf: int, value: float) -> None:
    """Write a leaf of a tournament of least values, and its ancestors; leaves are the second half of the array."""
    k = tree.size // 2 + leaf
    tree[k] = value
    k //= 2
    while k > 0:
        tree[k] = min(tree[2 * k], tree[2 * k + 1])
        k //= 2


@njit
def fill_tournament(weights: Any, posterior: Any, after: Any, tree: Any) -> None:
    """Costs of merging each state with the one after it, and their tournament."""
    half = tree.size // 2
    for i in range(weights.size):
        tree[half + i] = _neighbours_cost(weights, posterior, after, i)
    for k in range(half - 1, 0, -1):
        tree[k] = min(tree[2 * k], tree[2 * k + 1])


@njit
def merge_neighbours(
    weights: Any, posterior: Any, before: Any, after: Any, tree: Any, merges: Any, losses: Any, done: int, most: int
) -> Any:
    """Up to ``most`` cheapest mergers of neighbours in a sorted list of states; returns how many are done in all."""
    half = tree.size // 2
    end = min(done + most, merges.shape[0])
    while done < end:
        k = 1
        while k < half:
            k = 2 * k if tree[2 * k] <= tree[2 * k + 1] else 2 * k + 1
        i = k - half
        j = after[i]
        merges[done, 0] = i
        merges[done, 1] = j
        losses[done] = tree[k]
        done += 1
        _absorb(weights, posterior, i, j)
        after[i] = after[j]
        if after[j] >= 0:
            before[after[j]] = i
        _set_leaf(tree, j, np.inf)
        _set_leaf(tree, i, _neighbours_cost(weights, posterior, after, i))
        if before[i] >= 0:
            _set_leaf(tree, before[i], _neighbours_cost(weights, posterior, after, before[i]))
    return done
