"""Exact information of probability tables, in nats: nothing is estimated, so nothing has an error bar.

    H(x) = −Σ p ln p ,                      I(x;y) = Σ p(x,y) ln [p(x,y) / p(x)p(y)] ,
    KL(p‖q) = Σ p ln (p/q) ,                I(x;y|z) = Σ p(x,y,z) ln [p(x,y,z)p(z) / p(x,z)p(y,z)] ,
    JS(p,q) = ½KL(p‖m) + ½KL(q‖m) ,         m = (p + q)/2 ,

with 0 ln 0 = 0 (Cover & Thomas 2006, ch. 2). The ratios p/q are summed as p ln(p/q) − p + q, terms that are never
negative: a table whose sum misses one by δ ≤ 1e-9 then errs by δ times the result, not by δ, and a vanishing
information comes out as 0 within 1e-15. Tables are checked, never normalised in silence.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SUM_TOLERANCE = 1e-9  # how far from one the sum of a table may be


def check_joint(p: Any, ndim: int | None = None, name: str = "p") -> Array:
    """A probability table as a float array, after its checks.

    Parameters
    ----------
    p : array of any shape
        Probabilities; they are not normalised here.
    ndim : int, optional
        The number of axes it must have.
    name : str
        What errors call it.

    Returns
    -------
    array of float64, of the same shape

    Raises
    ------
    ValueError
        If it is empty, has another number of axes, does not hold numbers, has entries that are negative or not
        finite, or a sum that differs from one by more than 1e-9 (the message says by how much).
    """
    array = np.asarray(p)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} has dtype {array.dtype}: a table holds real numbers; convert with astype(float)")
    if array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: a table needs at least one entry")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} has shape {array.shape}: a table of {ndim} variables has {ndim} axes")
    table = array.astype(np.float64)
    bad = ~(np.isfinite(table) & (table >= 0))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name}{list(where)} = {table[where]!s} ({np.count_nonzero(bad)} such entries): "
            "probabilities are finite and not negative"
        )
    excess = float(table.sum()) - 1.0
    if abs(excess) > SUM_TOLERANCE:
        raise ValueError(f"{name} sums to {_beside_one(excess)}: divide a table of weights by its sum first")
    return table


def check_rows(p: Any, name: str = "p") -> Array:
    """Conditional probabilities p[a, b] = p(b|a) as a float array (rows, columns): every row sums to one.

    Raises
    ------
    ValueError
        As `check_joint`; for the sums it says which row is worst, and by how much.
    """
    array = np.asarray(p)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: conditional probabilities have two axes, (given, outcome)")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} has dtype {array.dtype}: a table holds real numbers; convert with astype(float)")
    table = array.astype(np.float64)
    bad = ~(np.isfinite(table) & (table >= 0))
    if bad.any():
        i, j = (int(k) for k in np.argwhere(bad)[0])
        raise ValueError(f"{name}[{i}, {j}] = {table[i, j]!s}: probabilities are finite and not negative")
    excess = table.sum(axis=1) - 1.0
    worst = int(np.argmax(np.abs(excess)))
    if abs(excess[worst]) > SUM_TOLERANCE:
        raise ValueError(
            f"row {worst} of {name} sums to {_beside_one(excess[worst])}: divide each row by its sum first"
        )
    return table


def entropy_of(p: Any) -> float:
    """Entropy of a table (its entries taken as the states of one variable, whatever its shape), in nats.

    Raises
    ------
    ValueError
        If it is no probability table; see `check_joint`.
    """
    table = check_joint(p)
    positive = table[table > 0]
    return float(-(positive * np.log(positive)).sum())


def mutual_information_of(p_xy: Any) -> float:
    """Mutual information I(x;y) of the joint table p(x, y), shape (nx, ny), in nats.

    Raises
    ------
    ValueError
        If it is no probability table of two axes; see `check_joint`.
    """
    table = check_joint(p_xy, 2, "p_xy")
    x, y = table.sum(axis=1), table.sum(axis=0)
    i, j = np.nonzero(table)
    # Divided one after the other: the product of two tiny marginals could underflow
    ratios = table[i, j] / x[i] / y[j]
    return float((table[i, j] * np.log(ratios) - table[i, j]).sum() + x.sum() * y.sum())


def conditional_mutual_information_of(p_xyz: Any) -> float:
    """Conditional mutual information I(x;y|z) of the joint table p(x, y, z), shape (nx, ny, nz), in nats.

    Raises
    ------
    ValueError
        If it is no probability table of three axes; see `check_joint`.
    """
    table = check_joint(p_xyz, 3, "p_xyz")
    xz, yz, z = table.sum(axis=1), table.sum(axis=0), table.sum(axis=(0, 1))
    i, j, k = np.nonzero(table)
    p = table[i, j, k]
    # Both factors are at most one and at least their quotient's size: nothing underflows
    ratios = (p / xz[i, k]) / (yz[j, k] / z[k])
    used = z > 0
    independent = (xz.sum(axis=0)[used] * yz.sum(axis=0)[used] / z[used]).sum()
    return float((p * np.log(ratios) - p).sum() + independent)


def kl_of(p: Any, q: Any) -> float:
    """Kullback–Leibler divergence KL(p‖q) of two tables of one shape, in nats; infinite where q = 0 < p.

    Raises
    ------
    ValueError
        If one is no probability table, or their shapes differ.
    """
    first, second = _two(p, q)
    return _kl(first, second)


def jensen_shannon_of(p: Any, q: Any) -> float:
    """Jensen–Shannon divergence of two tables of one shape, in nats: between 0 and ln 2.

    Raises
    ------
    ValueError
        If one is no probability table, or their shapes differ.
    """
    first, second = _two(p, q)
    middle = 0.5 * first + 0.5 * second
    return 0.5 * _kl(first, middle) + 0.5 * _kl(second, middle)


def multi_information_of(p: Any) -> float:
    """Multi-information (total correlation) Σ_i H(x_i) − H(x_1, …, x_k) of a joint table with an axis for each x_i.

    Raises
    ------
    ValueError
        If it is no probability table; see `check_joint`.
    """
    table = check_joint(p)
    marginals = [table.sum(axis=tuple(b for b in range(table.ndim) if b != a)) for a in range(table.ndim)]
    where = np.nonzero(table)
    positive = table[where]
    ratios = positive.copy()
    for marginal, index in zip(marginals, where, strict=True):
        ratios /= marginal[index]
    product = float(np.prod([marginal.sum() for marginal in marginals]))
    return float((positive * np.log(ratios) - positive).sum() + product)


def _beside_one(excess: float) -> str:
    return f"1 {'-' if excess < 0 else '+'} {abs(excess):.3g}"


def _two(p: Any, q: Any) -> tuple[Array, Array]:
    """Two checked tables of one shape."""
    first, second = check_joint(p, name="p"), check_joint(q, name="q")
    if first.shape != second.shape:
        raise ValueError(
            f"p has shape {first.shape}, q has {second.shape}: a divergence compares tables over the same states"
        )
    return first, second


def _kl(p: Array, q: Array) -> float:
    inside = p > 0
    if np.any(q[inside] == 0):
        return float("inf")
    a, b = p[inside], q[inside]
    return float((a * (np.log(a) - np.log(b)) - a).sum() + q.sum())
