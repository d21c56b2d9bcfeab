"""The pair-by-pair linking of `rgnet.information.grouping`, compiled."""

from typing import Any

from rgnet._jit import njit
from rgnet._union_find import root


@njit
def _first_at_least(key: Any, low: Any, high: Any, value: float) -> Any:
    """The first index in low … high whose key is not below the value; keys rise."""
    while low < high:
        middle = (low + high) // 2
        if key[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def _union_if_near(rows: Any, i: Any, j: Any, tolerance: float, parent: Any) -> None:
    for k in range(rows.shape[1]):
        if abs(rows[i, k] - rows[j, k]) > tolerance:
            return
    a, b = root(parent, i), root(parent, j)
    if a != b:
        parent[max(a, b)] = min(a, b)


@njit
def link_strips(
    rows: Any, strip: Any, ends: Any, adjacent: Any, key: Any, tolerance: float, parent: Any, begin: int, budget: int
) -> Any:
    """Union rows that agree within the tolerance: each with those of its own strip and of the next one near its key.

    Rows are sorted by strip, then by key. Strip s ends before row ``ends[s]``, and rows of it may agree with rows of
    strip s + 1 where ``adjacent[s]``. Stops after about ``budget`` compared pairs; returns the row to go on with.
    """
    spent = 0
    for i in range(begin, key.size):
        if spent > budget:
            return i
        s = strip[i]
        j = i + 1
        while j < ends[s] and key[j] - key[i] <= tolerance:
            _union_if_near(rows, i, j, tolerance, parent)
            j += 1
        spent += j - i
        if adjacent[s]:
            first = _first_at_least(key, ends[s], ends[s + 1], key[i] - tolerance)
            j = first
            while j < ends[s + 1] and key[j] - key[i] <= tolerance:
                _union_if_near(rows, i, j, tolerance, parent)
                j += 1
            spent += j - first
    return key.size
