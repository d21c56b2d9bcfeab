"""Kernels of the random hierarchy: one level at a time, over samples and sites.

``rules`` of a level has shape (parents, m, s): rules[p, r] is the r-th production of parent p. A site i of the upper
level has the children i·s … i·s + s − 1 below. A message comes twice, as logarithms with a maximum of 0 at each site
and as their exponentials: sums are taken of the exponentials, and in logarithms only where messages are so small that
their products might underflow.
"""

import math
from typing import Any

from rgnet._jit import njit

_TINY = 1e-250  # a sum of products below this may have lost terms to underflow
_SAFE = -500.0  # products of which no factor's logarithm could bring the sum of logarithms below this lose nothing


@njit
def expand(parents: Any, choices: Any, rules: Any, out: Any) -> None:
    """Replace every parent by the production chosen: (n, sites) and (n, sites) to ``out`` (n, sites·s)."""
    s = rules.shape[2]
    for i in range(parents.shape[0]):
        for site in range(parents.shape[1]):
            p, r = parents[i, site], choices[i, site]
            for j in range(s):
                out[i, site * s + j] = rules[p, r, j]


@njit
def _lowest(message: Any, i: int, first: int, sites: int) -> float:
    """The least of 0 and the finite entries of message[i, first : first + sites]."""
    low = 0.0
    for site in range(first, first + sites):
        for b in range(message.shape[2]):
            if -math.inf < message[i, site, b] < low:
                low = message[i, site, b]
    return low


@njit
def _log_sum(child: Any, i: int, first: int, rules: Any, p: int) -> float:
    """ln Σ_r Π_j exp child[i, first + j, rules[p, r, j]], all in logarithms."""
    top = -math.inf
    for r in range(rules.shape[1]):
        term = 0.0
        for j in range(rules.shape[2]):
            term += child[i, first + j, rules[p, r, j]]
        top = max(top, term)
    if top == -math.inf:
        return top
    total = 0.0
    for r in range(rules.shape[1]):
        term = -top
        for j in range(rules.shape[2]):
            term += child[i, first + j, rules[p, r, j]]
        total += math.exp(term)
    return top + math.log(total)


@njit
def upward(child: Any, child_exp: Any, rules: Any, out: Any, out_exp: Any, scale: Any) -> None:
    """Log-likelihood of what lies below each site, given its symbol.

    out(p) = ln (1/m) Σ_r Π_j exp child_j(rules[p, r, j]), each site shifted to a maximum of 0; the sum of the shifts is
    added to ``scale`` (n,). child (n, sites·s, symbols), out (n, sites, parents).
    """
    n, sites, parents = out.shape
    m, s = rules.shape[1], rules.shape[2]
    log_m = math.log(m)
    for i in range(n):
        for site in range(sites):
            first, best = site * s, -math.inf
            safe = s * _lowest(child, i, first, s) > _SAFE
            for p in range(parents):
                total = 0.0
                for r in range(m):
                    term = 1.0
                    for j in range(s):
                        term *= child_exp[i, first + j, rules[p, r, j]]
                    total += term
                value = math.log(total) if total > 0.0 else -math.inf
                if total <= _TINY and not safe:
                    value = _log_sum(child, i, first, rules, p)
                out[i, site, p] = value
                best = max(best, value)
            scale[i] += best - log_m
            if best > -math.inf:
                for p in range(parents):
                    out[i, site, p] -= best
                    out_exp[i, site, p] = math.exp(out[i, site, p])
            else:
                for p in range(parents):
                    out_exp[i, site, p] = 0.0


@njit
def downward(down: Any, down_exp: Any, child: Any, child_exp: Any, rules: Any, out: Any, out_exp: Any) -> None:
    """Log-probability of each child's symbol given everything that is not below that child.

    out_j(b) = ln Σ_{p, r: rules[p, r, j] = b} exp(down(p)) Π_{j' ≠ j} exp child_j'(rules[p, r, j']), up to a constant,
    shifted to a maximum of 0. down (n, sites, parents), child and out (n, sites·s, symbols).
    """
    n, sites, parents = down.shape
    m, s = rules.shape[1], rules.shape[2]
    symbols = child.shape[2]
    for i in range(n):
        for site in range(sites):
            first = site * s
            safe = s * _lowest(child, i, first, s) + _lowest(down, i, site, 1) > _SAFE
            for j in range(s):
                for b in range(symbols):
                    out_exp[i, first + j, b] = 0.0
                    out[i, first + j, b] = 1.0  # a mark: no production puts b here
            for p in range(parents):
                for r in range(m):
                    for j in range(s):
                        term = down_exp[i, site, p]
                        for other in range(s):
                            if other != j:
                                term *= child_exp[i, first + other, rules[p, r, other]]
                        out_exp[i, first + j, rules[p, r, j]] += term
                        out[i, first + j, rules[p, r, j]] = 0.0
            for j in range(s):
                exact = True
                for b in range(0 if safe else symbols):
                    if out[i, first + j, b] == 0.0 and out_exp[i, first + j, b] <= _TINY:
                        exact = False
                if exact:
                    for b in range(symbols):
                        total = out_exp[i, first + j, b]
                        out[i, first + j, b] = math.log(total) if total > 0.0 else -math.inf
                else:
                    _downward_site(down, child, i, site, j, rules, out, out_exp)
                best = -math.inf
                for b in range(symbols):
                    best = max(best, out[i, first + j, b])
                if best > -math.inf:
                    for b in range(symbols):
                        out[i, first + j, b] -= best
                        out_exp[i, first + j, b] = math.exp(out[i, first + j, b])


@njit
def _downward_site(down: Any, child: Any, i: int, site: int, j: int, rules: Any, out: Any, sums: Any) -> None:
    """The same for the one child j of a site, all in logarithms; ``sums`` is room for work."""
    s = rules.shape[2]
    here = site * s + j
    for b in range(out.shape[2]):
        out[i, here, b] = -math.inf
        sums[i, here, b] = 0.0
    for step in range(2):
        for p in range(rules.shape[0]):
            for r in range(rules.shape[1]):
                term = down[i, site, p]
                for other in range(s):
                    if other != j:
                        term += child[i, site * s + other, rules[p, r, other]]
                b = rules[p, r, j]
                if step == 0:
                    out[i, here, b] = max(out[i, here, b], term)
                elif term > -math.inf:
                    sums[i, here, b] += math.exp(term - out[i, here, b])
    for b in range(out.shape[2]):
        if sums[i, here, b] > 0.0:
            out[i, here, b] += math.log(sums[i, here, b])
        sums[i, here, b] = 0.0
