"""Pseudo-likelihood of real fields: what the neighbours of a site say about its value.

If p(φ) ∝ exp(Σ_a g_a S_a(φ)) with operators S_a that are products of powers, then given all other sites

    p(φ_i | rest) = exp(Σ_n t_n(i) φ_i^n)/z_i ,    t_n(i) = Σ_a g_a c_an(i) ,    z_i = ∫_{−B}^{B} exp(Σ_n t_n φ^n) dφ ,

c_an(i) the sum of the products that stand with φ_i^n in S_a. Σ_i ln p(φ_i | rest) is concave in g, with

    gradient Σ_i Σ_n c_an (φ_i^n − ⟨φ^n⟩_i) ,     information Σ_i Σ_nm c_an c_bm cov_i(φ^n, φ^m) ,

moments under p(φ_i | rest), one-dimensional integrals done here by Gauss–Legendre quadrature. Fields are taken to be
bounded by B, beyond all data: so every g is allowed, also where the fitted φ⁴ coupling has the sign that could not be
normalised on the whole line. Where p falls off before B the bound changes nothing. Whether there are nodes enough shows
twice their number.

With operators of degree two at most the conditional density is normal: φ_i = Σ_a (−g_a/2 g_φφ) c_a1(i) + noise of
variance −1/(2 g_φφ), and the couplings are those of a linear regression.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import roots_legendre

from rgnet import lattice
from rgnet.operators import Offset, Operator

Array = npt.NDArray[Any]

_CHUNK = 1 << 14  # sites at a time: their quadrature stays in the cache
_LEAST_NODES = 32
_MOST_NODES = 1024
_RESOLVED = 1e-7  # nats per site by which twice as many nodes may change a log-pseudo-likelihood


@dataclass(frozen=True)
class Sites:
    """The sites of some blocks of draws.

    Attributes
    ----------
    powers : float array (site, n)
        φ_i, φ_i², … up to the highest power that any operator has of one site.
    factors : float array (operator, n, site)
        c_an(i).
    edges : int array (blocks + 1,)
        Where each block begins and ends among the sites.
    """

    powers: Array
    factors: Array
    edges: Array


@dataclass(frozen=True)
class Nodes:
    """Quadrature on (−B, B): ``powers`` (n, node) of φ, n = 1 …, ``log_weights`` (node,), and the ``bound`` B."""

    powers: Array
    log_weights: Array
    bound: float


def nodes(bound: float, width: float, highest: int) -> Nodes:
    """Gauss–Legendre nodes on (−bound, bound) that resolve densities as narrow as ``width`` (a standard deviation).

    At most 1024: see `resolved`.
    """
    return _legendre(bound, math.ceil(min(max(_LEAST_NODES, 6.0 * bound / width), _MOST_NODES)), highest)


def finer(quadrature: Nodes) -> Nodes | None:
    """Twice as many nodes, None where that is too many."""
    highest, count = quadrature.powers.shape
    return _legendre(quadrature.bound, 2 * count, highest) if count <= _MOST_NODES else None


def resolved(data: Sites, couplings: Array, coarse: Nodes, fine: Nodes) -> bool:
    """Whether two quadratures agree on the log-pseudo-likelihood per site of every block."""
    change = pseudo_likelihood(data, couplings, coarse) - pseudo_likelihood(data, couplings, fine)
    return bool((np.abs(change) <= _RESOLVED * np.diff(data.edges)).all())


def _legendre(bound: float, count: int, highest: int) -> Nodes:
    x, w = roots_legendre(count)
    x = bound * x
    return Nodes(x ** np.arange(1, highest + 1)[:, None], np.log(bound * w), bound)


def factors(item: Operator, shape: Sequence[int], boundary: Sequence[str]) -> dict[tuple[int, tuple[Offset, ...]], int]:
    """c_an as data: how often each product of neighbours (offsets, repeated for powers) stands with φ^n."""
    found: dict[tuple[int, tuple[Offset, ...]], int] = {}
    for term in item.terms:
        wrapped = [
            tuple(s % side if name == "periodic" else s for s, side, name in zip(o, shape, boundary, strict=True))
            for o in term
        ]
        for origin in dict.fromkeys(wrapped):
            others = tuple(sorted(tuple(a - b for a, b in zip(o, origin, strict=True)) for o in wrapped if o != origin))
            key = (wrapped.count(origin), others)
            found[key] = found.get(key, 0) + 1
    return found


def sites(x: Array, operators: Sequence[Operator], boundary: Sequence[str], edges: Array) -> Sites:
    """Conditional data of configurations (chain, draw, *shape) float64, for blocks (rows chain, start, stop)."""
    shape = x.shape[2:]
    tables = [factors(item, shape, boundary) for item in operators]
    highest = max((n for table in tables for n, _ in table), default=1)
    reach = max((abs(s) for table in tables for _, others in table for o in others for s in o), default=0)
    chosen = np.concatenate([x[chain, start:stop] for chain, start, stop in edges])
    padded = lattice.pad(chosen, reach, len(shape), boundary)
    out = np.zeros((len(operators), highest, chosen.size))
    for a, table in enumerate(tables):
        for (n, others), count in table.items():
            product: Any = float(count)
            for offset in others:
                window = tuple(slice(reach + s, reach + s + side) for s, side in zip(offset, shape, strict=True))
                product = product * padded[(slice(None), *window)]
            out[a, n - 1] += product if isinstance(product, float) else product.ravel()
    flat = chosen.reshape(-1, 1)
    lengths = [(stop - start) * math.prod(shape) for _, start, stop in edges]
    return Sites(flat ** np.arange(1, highest + 1), out, np.cumsum([0, *lengths]))


def regression(data: Sites, quadratic: int) -> Array | None:
    """Couplings of operators of degree two at most by linear regression, ``quadratic`` the place of Σ φ² among them.

    None where Σ φ² is not the only operator with squares of one site.
    """
    others = [a for a in range(len(data.factors)) if a != quadratic]
    if data.factors[others, 1:].any() or np.ptp(data.factors[quadratic, 1]) > 0:
        return None
    design, target = data.factors[others, 0], data.powers[:, 0]
    slopes = np.linalg.solve(design @ design.T, design @ target) if others else np.zeros(0)
    variance = float(((target - slopes @ design) ** 2).mean())
    if variance == 0:
        return None
    couplings = np.empty(len(data.factors))
    couplings[quadratic] = -0.5 / (variance * float(data.factors[quadratic, 1, 0]))
    couplings[others] = slopes / variance
    return couplings


def pseudo_likelihood(data: Sites, couplings: Array, quadrature: Nodes) -> Array:
    """Σ_i ln p(φ_i | rest) of each block: (blocks,)."""
    values = np.empty(len(data.powers))
    for part in _parts(len(values), quadrature):
        values[part], _ = _moments(data, couplings, quadrature, part, 0)
    return np.add.reduceat(values, data.edges[:-1])


def derivatives(data: Sites, couplings: Array, quadrature: Nodes) -> tuple[Array, Array, Array]:
    """Σ_i ln p(φ_i | rest) of each block, its gradient (blocks, operators), and the information of each block."""
    blocks, count, highest = len(data.edges) - 1, *data.factors.shape[:2]
    values, gradient, information = np.zeros(blocks), np.zeros((blocks, count)), np.zeros((blocks, count, count))
    used = [[n for n in range(highest) if row[n].any()] for row in data.factors]
    for block in range(blocks):
        for part in _parts(data.edges[block + 1] - data.edges[block], quadrature, int(data.edges[block])):
            log_p, moments = _moments(data, couplings, quadrature, part, 2 * highest)
            values[block] += log_p.sum()
            for n in range(highest):
                rows = [a for a in range(count) if n in used[a]]
                c = data.factors[rows, n, part]
                gradient[block, rows] += c @ (data.powers[part, n] - moments[n])
                for m in range(highest):
                    columns = [a for a in range(count) if m in used[a]]
                    covariance = moments[n + m + 1] - moments[n] * moments[m]
                    information[block][np.ix_(rows, columns)] += (c * covariance) @ data.factors[columns, m, part].T
    return values, gradient, information


def _parts(count: int, quadrature: Nodes, start: int = 0) -> list[slice]:
    step = max(1, _CHUNK * _LEAST_NODES // max(_LEAST_NODES, quadrature.log_weights.size))
    return [slice(start + k, start + min(k + step, count)) for k in range(0, count, step)]


def _moments(data: Sites, couplings: Array, quadrature: Nodes, part: slice, highest: int) -> tuple[Array, Array]:
    """ln p(φ_i | rest) of some sites, and the moments ⟨φ^n⟩_i, n = 1 … ``highest``: (highest, sites)."""
    t = np.tensordot(couplings, data.factors[:, :, part], 1)
    exponent = t.T @ quadrature.powers[: len(t)] + quadrature.log_weights
    top = exponent.max(axis=1)
    np.exp(exponent - top[:, None], out=exponent)
    total = exponent.sum(axis=1)
    log_p = (t * data.powers[part].T).sum(axis=0) - top - np.log(total)
    x = quadrature.powers[0]
    moments = (x ** np.arange(1, highest + 1)[:, None]) @ exponent.T / total
    return log_p, moments
