"""Scalar kernels for real fields on any lattice: Metropolis, heat bath and over-relaxation, site by site.

Given its neighbours, the field of a site has the density

    p(φ) ∝ exp( −½ a φ² − ¼ u φ⁴ + b φ ),     a = z + r,   b = h + Σ_near φ_j,

z the number of its bonds. At u = 0 that is normal, with mean b/a and variance 1/a.

**Heat bath** for u > 0 draws from it by exact rejection, at every coupling with at least 0.4 of the trials accepted:

- a > −2√u (one shallow well or none but one): (φ² − c/u)² ≥ 0 bounds −¼ u φ⁴ by −½ c φ² + c²/4u. Draw from the normal
  distribution of precision p = a + c and mean b/p, accept with probability exp(−¼ u (φ² − c/u)²). Best is c/u = ⟨φ²⟩ of
  what is drawn, that is p³ − a p² − u p − u b² = 0, which has one positive root.
- a ≤ −2√u (two wells): draw x = |φ|, then the sign + with probability 1/(1 + exp(−2bx)). The density of x is
  exp(−½ a x² − ¼ u x⁴) cosh(bx), and ln cosh(bx) is concave in x² (Jaakkola & Jordan 2000), so it lies below its
  tangent at any x = m, of slope λ = b tanh(bm)/2m. With s² = (2λ − a)/u there remains exp(−¼ u (x² − s²)²), which lies
  below exp(−¼ u s² (x − s)²) for x > 0: a normal distribution. Best is m near the mode, a m + u m³ = |b|.

**Over-relaxation** reflects φ → 2b/p − φ with p² − a p − u = 0, and accepts with probability min(1, exp(−ΔH)): where
u = 0 the energy stays as it is. The centre depends on the neighbours alone, so the move is its own inverse; it is not
ergodic alone.

**Metropolis** proposes φ + step·ε, ε uniform in (−1, 1) and symmetric to the last bit. Proposals differ at every visit,
so that no cycle can trap a fixed order of sites.

``order`` holds the sites in the order of visits: by colour, or in turn. Source: Creutz (1980); Adler (1981) for
over-relaxation; the bounds above are elementary.
"""

import math
from typing import Any

from rgnet._jit import fill_from, njit

MEASURES = ("energy", "magnetization", "phi2", "phi4")
_HALF_STEP = 2.0**-54  # makes random() − ½ symmetric


@njit
def measure(state: Any, start: Any, near: Any, r: float, u: float, h: float, row: Any) -> None:
    """Energy, Σ φ, Σ φ² and Σ φ⁴ of a state."""
    gradient = 0.0
    first = 0.0
    second = 0.0
    fourth = 0.0
    for i in range(start.size - 1):
        x = state[i]
        for a in range(start[i], start[i + 1]):
            gradient += (x - state[near[a]]) ** 2
        first += x
        second += x * x
        fourth += x * x * x * x
    row[0] = 0.25 * gradient + 0.5 * r * second + 0.25 * u * fourth - h * first
    row[1] = first
    row[2] = second
    row[3] = fourth


@njit
def finish(state: Any, k: int, out: Any, measured: Any, start: Any, near: Any, r: float, u: float, h: float) -> None:
    """Fill row k of ``out`` and ``measured``."""
    if measured.shape[1] > 0:
        measure(state, start, near, r, u, h, measured[k])
    if out.shape[1] > 0:
        fill_from(out[k], state)


@njit
def _field(state: Any, start: Any, near: Any, i: int, h: float) -> float:
    b = h
    for a in range(start[i], start[i + 1]):
        b += state[near[a]]
    return b


@njit
def increase(x: float, y: float, a: float, u: float, b: float) -> float:
    """By how much H grows when φ goes from x to y."""
    return (y - x) * ((y + x) * (0.5 * a + 0.25 * u * (y * y + x * x)) - b)


@njit
def draw(rng: Any, a: float, u: float, b: float) -> Any:
    """A number from exp(−½ a φ² − ¼ u φ⁴ + b φ)."""
    if u == 0.0:
        return b / a + rng.standard_normal() / math.sqrt(a)
    root = math.sqrt(u)
    if a > -2.0 * root:
        return _shallow(rng, a, u, b, root)
    return _deep(rng, a, u, b)


@njit
def _shallow(rng: Any, a: float, u: float, b: float, root: float) -> Any:
    p = max(a, 0.0) + root + (u * b * b) ** (1.0 / 3.0)  # above the root: Newton falls to it, the cubic being convex
    for _ in range(60):
        following = p - (p * (p * (p - a) - u) - u * b * b) / (p * (3.0 * p - 2.0 * a) - u)
        near_enough = not following < p * (1.0 - 1e-3)
        p = following
        if near_enough:
            break
    square = (b * b / p + 1.0) / p
    p = a + u * square
    center = b / p
    width = 1.0 / math.sqrt(p)
    while True:
        x = center + width * rng.standard_normal()
        if rng.random() < math.exp(-0.25 * u * (x * x - square) ** 2):
            return x


@njit
def _deep(rng: Any, a: float, u: float, b: float) -> Any:
    strength = abs(b)
    m = math.sqrt(-a / u) + min(-0.5 * strength / a, (strength / u) ** (1.0 / 3.0))  # above the root, as before
    for _ in range(60):
        following = m - (m * (a + u * m * m) - strength) / (a + 3.0 * u * m * m)
        near_enough = not following < m * (1.0 - 1e-3)
        m = following
        if near_enough:
            break
    slope = 0.5 * strength * math.tanh(strength * m) / m
    s = math.sqrt((2.0 * slope - a) / u)
    width = math.sqrt(2.0 / u) / s
    top = _log_cosh(strength * m) - slope * m * m
    while True:
        x = s + width * rng.standard_normal()
        if x > 0.0:
            log_ratio = _log_cosh(strength * x) - slope * x * x - top - 0.25 * u * (x - s) ** 2 * x * (x + 2.0 * s)
            if rng.random() < math.exp(log_ratio):
                with_field = rng.random() < 1.0 / (1.0 + math.exp(-2.0 * strength * x))
                return x if with_field == (b > 0.0) else -x


@njit
def _log_cosh(x: float) -> float:
    return abs(x) + math.log1p(math.exp(-2.0 * abs(x)))  # and ln 2 more, which drops out


@njit
def metropolis(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    start: Any,
    near: Any,
    order: Any,
    r: float,
    u: float,
    h: float,
    step: float,
) -> Any:
    """The contract of `rgnet.updates.base`; returns how many proposals were accepted."""
    accepted = 0
    for k in range(measured.shape[0]):
        for _ in range(every):
            for i in order:
                x = state[i]
                y = x + 2.0 * step * ((rng.random() - 0.5) + _HALF_STEP)
                change = increase(x, y, r + (start[i + 1] - start[i]), u, _field(state, start, near, i, h))
                if change <= 0.0 or rng.random() < math.exp(-change):
                    state[i] = y
                    accepted += 1
        finish(state, k, out, measured, start, near, r, u, h)
    return accepted


@njit
def heat_bath(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    start: Any,
    near: Any,
    order: Any,
    r: float,
    u: float,
    h: float,
) -> None:
    """The contract of `rgnet.updates.base`."""
    for k in range(measured.shape[0]):
        for _ in range(every):
            for i in order:
                state[i] = draw(rng, r + (start[i + 1] - start[i]), u, _field(state, start, near, i, h))
        finish(state, k, out, measured, start, near, r, u, h)


@njit
def reflect(
    state: Any,
    rng: Any,
    every: int,
    out: Any,
    measured: Any,
    start: Any,
    near: Any,
    order: Any,
    r: float,
    u: float,
    h: float,
) -> None:
    """The contract of `rgnet.updates.base`: over-relaxation."""
    for k in range(measured.shape[0]):
        for _ in range(every):
            for i in order:
                a = r + (start[i + 1] - start[i])
                root = math.sqrt(a * a + 4.0 * u)
                p = 0.5 * (a + root) if a > 0.0 else 2.0 * u / (root - a)
                b = _field(state, start, near, i, h)
                x = state[i]
                y = 2.0 * (b / p) - x
                if u == 0.0 or rng.random() < math.exp(-increase(x, y, a, u, b)):
                    state[i] = y
        finish(state, k, out, measured, start, near, r, u, h)
