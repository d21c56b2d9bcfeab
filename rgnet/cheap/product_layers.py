"""How many neurons n numbers cost with k hidden layers, and in which groups they are multiplied.

One layer multiplies g numbers with 2^g neurons (Lin, Tegmark & Rolnick 2017, appendix A). With k layers the numbers of
a layer are split into groups, each multiplied by such a one-layer product, and the next layer takes the results; a
group of one is a copy. Rolnick & Tegmark (2017, arXiv:1705.05502, theorem 4.1 and after) take groups of n^{1/k}:

    n^{(k−1)/k} · 2^{n^{1/k}}    neurons in the first of k ≤ log2 n layers ,

those above adding less than as many again. k = log2 n is the binary tree: n − 1 gates of four neurons.

For n that is no k-th power the groups are of different sizes, chosen here for the fewest neurons by dynamic
programming: best(q, m) of m numbers in q groups, then F_k(m) = min_q best(q, m) + F_{k−1}(q), F_1(m) = cost(m).
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from rgnet.cheap.errors import CheapError

Cost = Callable[[int], float]

_MOST_NUMBERS = 2048
_LARGEST_GROUP = 40  # below the top layer


def one_layer(group: int) -> float:
    """2^g: neurons of a group of g numbers, a copy counting two."""
    return 2.0**group if group < 1024 else math.inf


def formula(n: int, depth: int) -> float:
    """n^{(k−1)/k} · 2^{n^{1/k}}, Rolnick & Tegmark's estimate; infinite beyond float64."""
    root = n ** (1 / depth)
    return n ** ((depth - 1) / depth) * 2.0**root if root < 1000 else math.inf


def deepest(n: int) -> int:
    """⌈log2 n⌉, the hidden layers of the tree (at least 1)."""
    return max(1, (n - 1).bit_length())


def neurons(n: int, depth: int | None = None) -> int:
    """Hidden neurons of a product of n numbers with so many hidden layers (None: the tree), each group 2^g.

    Parameters
    ----------
    n : int, at least 1
    depth : int from 1 to ⌈log2 n⌉, optional

    Raises
    ------
    CheapError
        For other numbers.

    Examples
    --------
    >>> neurons(8, 1), neurons(8, 2), neurons(8)
    (256, 28, 28)
    """
    return sum(2**group for layer in groups(n, depth) for group in layer)


def groups(n: int, depth: int | None = None, cost: Cost = one_layer) -> tuple[tuple[int, ...], ...]:
    """Sizes of the groups of each layer, first layer first, with the fewest neurons in all.

    Parameters
    ----------
    n : int
    depth : int, optional
        Hidden layers; None, like ⌈log2 n⌉, for the tree: pairs, and a copy where a layer has an odd number.
    cost : callable
        Neurons of a group of g numbers.

    Raises
    ------
    CheapError
        If n is no whole number from 1 to 2048, or the depth is none of 1 … ⌈log2 n⌉.
    """
    check(n, depth)
    if depth is None or (depth == deepest(n) and depth > 1):
        return _pairs(int(n))
    return _groups(int(n), int(depth), cost)


def check(n: int, depth: int | None) -> None:
    """Refuse numbers of factors and of layers that make no sense.

    Raises
    ------
    CheapError
        If so.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= _MOST_NUMBERS:
        raise CheapError(f"n={n!r}: how many numbers are multiplied, a whole number from 1 to {_MOST_NUMBERS}")
    most = deepest(int(n))
    if depth is not None and (
        isinstance(depth, bool) or not isinstance(depth, int | np.integer) or not 1 <= depth <= most
    ):
        raise CheapError(
            f"depth={depth!r}: hidden layers of a product of n={n} numbers, a whole number from 1 to ⌈log2 n⌉ = "
            f"{most} (more would only copy); leave it out for the tree, which has {most}"
        )


def _pairs(n: int) -> tuple[tuple[int, ...], ...]:
    layers = []
    while True:
        layers.append((2,) * (n // 2) + (1,) * (n % 2))
        n = len(layers[-1])
        if n == 1:
            return tuple(layers)


@lru_cache(maxsize=256)
def _groups(n: int, depth: int, cost: Cost) -> tuple[tuple[int, ...], ...]:
    if depth == 1:
        return ((n,),)
    best, choice = _splits(n, cost)
    total = np.array([math.inf, *(cost(m) for m in range(1, n + 1))])
    follow: list[list[int]] = []
    for _ in range(depth - 1):
        # best[q, m] + total[q] for every number q < m of groups
        table = best + total[:, None]
        table[np.tril_indices(n + 1)] = math.inf
        chosen = table.argmin(axis=0)
        follow.append([int(q) for q in chosen])
        total = table[chosen, np.arange(n + 1)]
    if not math.isfinite(float(total[n])):
        raise CheapError(f"n={n} numbers in {depth} layers: groups of more than {_LARGEST_GROUP}; take more layers")
    layers, m = [], n
    for level in reversed(range(depth - 1)):
        q = follow[level][m]
        sizes, left = [], m
        for part in range(q, 0, -1):
            sizes.append(int(choice[part, left]))
            left -= sizes[-1]
        layers.append(tuple(sorted(sizes, reverse=True)))
        m = q
    return (*layers, (m,))


@lru_cache(maxsize=32)
def _splits(n: int, cost: Cost) -> tuple[np.ndarray, np.ndarray]:
    """best[q, m]: fewest neurons of m numbers in q groups; choice[q, m]: the size of one of them."""
    best = np.full((n + 1, n + 1), math.inf)
    choice = np.zeros((n + 1, n + 1), dtype=np.int64)
    best[0, 0] = 0.0
    for q in range(1, n + 1):
        for size in range(1, min(n, _LARGEST_GROUP) + 1):
            trial = np.full(n + 1, math.inf)
            trial[size:] = best[q - 1, : n + 1 - size] + cost(size)
            better = trial < best[q]
            best[q][better] = trial[better]
            choice[q][better] = size
    return best, choice
