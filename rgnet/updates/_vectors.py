"""Single-vector moves of XY and O(n): Metropolis, heat bath and over-relaxation, by colour or in sequence.

A vector s in the field F = K Σ s_j + h has the density exp(s·F) on the sphere.

**Metropolis.** n = 2, by colour: a turn by an angle uniform in [−step, step]. Else s' = (s + step·g)/|…|, g a standard
normal vector; the density of s' depends on s·s' alone, so it is symmetric. ``step`` is tuned in warm-up to accept one
proposal in two, and frozen. Every neighbourhood of every vector is reached in one sweep, at K = 0 too, so that a fixed
order of sites does no harm.

**Heat bath.** A new vector whatever the old one was, with w = s·F̂ of density ∝ exp(κw) (1 − w²)^{(n−3)/2}, κ = |F|, and
the rest uniform around F̂.

* n = 2, by colour, von Mises: Best & Fisher's (1979) rejection from a wrapped Cauchy distribution. In other words than
  theirs, with τ = 1 + √(1 + 4κ²) and ρ = 2κ/τ: φ uniform, w = (ρ + cos φ)/(1 + ρ cos φ), the sine
  √(2/τ) sin φ/(1 + ρ cos φ), accepted with probability c e^{1−c}, c = τ/2 − κw. At least 66 % are.
* n = 3: w = 1 + ln(1 − u (1 − e^{−2κ}))/κ, the inverse of its distribution function.
* n ≥ 4, and n = 2 in sequence: Ulrich's (1984) rejection as corrected by Wood (1994), from a ratio of beta variates.

**Over-relaxation** (Creutz 1987): s' = 2 (s·F) F/F² − s, a reflection that keeps H. It decorrelates quickly along the
surface of constant energy, and needs a move that leaves it: "heat-bath+over-relaxation", "wolff+over-relaxation".

Lengths are brought back to 1 by one Newton step, s (3 − s²)/2, whenever a vector has moved.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rgnet._jit import fill_from, njit
from rgnet.updates._vectors_math import LANES, exp_below_one, fill, seed_lanes, sincos
from rgnet.updates._vectors_plan import fields, load, measure, measured_by, plan, store
from rgnet.updates.base import Array, Move, Update, always_exact

METROPOLIS, HEAT_BATH, OVER_RELAXATION = 0, 1, 2
MODELS = ("XY", "ON")
SPINS_PER_CALL = 1 << 21  # numbers of a call that takes well below half a second: there are n in a vector
_TINY = 1e-280  # F² below which there is no direction of F
_ROUNDS = 24  # of warm-up, after each of which the step is mended
_MOST_STEP, _LEAST_STEP = math.pi, 1e-4
_GAIN = 1.5
_SCALE = 10**9  # steps are kept as whole numbers while they are tuned


def _move(model: Any, rule: int, in_turn: bool) -> Move:
    layout = plan(model, in_turn)
    kernel = "sequential" if in_turn else "half-rows" if layout.half else "by-color"
    step = 1.0 / math.sqrt(1.0 + 2.0 * abs(model.K) + abs(model.h))
    settings = {"step": step} if rule == METROPOLIS else {}
    function = record if settings else record_without_step
    return Move(
        kernel, function, (layout, rule), settings, measured_by(layout), spins_per_call=SPINS_PER_CALL // layout.n
    )


def move_by_color(model: Any, chains: int) -> Move:
    """Over-relaxation, colour by colour."""
    return _move(model, OVER_RELAXATION, False)


def _metropolis(model: Any, chains: int) -> Move:
    return _move(model, METROPOLIS, False)


def _heat_bath(model: Any, chains: int) -> Move:
    return _move(model, HEAT_BATH, False)


def _metropolis_in_turn(model: Any, chains: int) -> Move:
    return _move(model, METROPOLIS, True)


def _heat_bath_in_turn(model: Any, chains: int) -> Move:
    return _move(model, HEAT_BATH, True)


def tune(
    move: Move, states: Array, rngs: Sequence[np.random.Generator], sweeps: int, counts: dict[str, int]
) -> Move | None:
    """Advance all chains by ``sweeps``, mending the step after every part until half of the proposals are accepted."""
    done = counts.setdefault("tuned", 0)
    step = counts.setdefault("step", round(move.settings["step"] * _SCALE)) / _SCALE
    if done >= sweeps:
        return replace(move, settings={"step": step})
    layout = move.tables[0]
    most = max(1, move.spins_per_call // (layout.order.size * len(states)))
    part = min(most, max(1, sweeps // _ROUNDS), sweeps - done)
    nothing, scratch = np.empty((1, 0)), np.empty((1, 0))
    kernel: Any = record
    accepted = sum(
        kernel(state, rng, part, nothing, scratch, *move.tables, step) for state, rng in zip(states, rngs, strict=True)
    )
    rate = accepted / (part * len(states) * layout.order.size)
    mended = min(_MOST_STEP, max(_LEAST_STEP, step * math.exp(_GAIN * (rate - 0.5))))
    counts |= {"tuned": done + part, "step": round(mended * _SCALE)}
    return None


@njit
def record(state: Any, rng: Any, every: int, out: Any, measured: Any, plan: Any, rule: int, step: float) -> Any:
    """The contract of `rgnet.updates.base`; also how many proposals of Metropolis were accepted."""
    n, size, longest = plan.n, plan.order.size, plan.longest
    padded = longest + LANES
    v = np.zeros((n, size + max(longest, plan.half)))
    field = np.empty((n, longest))
    sums = np.empty((2 + n, longest))
    work = np.empty((6, padded))
    uniform = np.empty(2 * padded)
    left = np.empty(padded, dtype=np.int64)
    spare = np.empty(size if plan.angles else 0)
    lanes = np.empty((4, LANES), dtype=np.uint64)
    at_once = n == 2 and longest > 1
    accepted = 0
    if not plan.angles:
        load(state, v, plan)
    for k in range(measured.shape[0]):
        for _ in range(every):
            if plan.angles:
                load(state, v, plan)
            if at_once and rule != 2:
                seed_lanes(rng, lanes)
            for block in range(plan.blocks.size - 1):
                begin, end = plan.blocks[block], plan.blocks[block + 1]
                fields(v, begin, end, plan.K, plan.h, field, plan)
                if rule == 2:
                    _reflect(v, begin, end, field, work)
                elif at_once and rule == 1:
                    _heat_bath_2(v, begin, end, field, lanes, uniform, work, left)
                elif at_once:
                    accepted += _metropolis_2(v, begin, end, field, lanes, uniform, step)
                elif rule == 1:
                    _heat_bath_n(v, begin, end, field, rng, work[0])
                else:
                    accepted += _metropolis_n(v, begin, end, field, rng, step, work[0])
            if plan.angles:
                store(v, state, spare, plan)
        if measured.shape[1] > 0:
            measure(v, state, field, sums, measured[k], plan)
        if out.shape[1] > 0:
            if not plan.angles:
                store(v, state, spare, plan)
            fill_from(out[k], state)
    if not plan.angles:
        store(v, state, spare, plan)
    return accepted


def record_without_step(state: Any, rng: Any, every: int, out: Any, measured: Any, plan: Any, rule: int) -> Any:
    """The same for moves that have no step; compiled once is enough."""
    return record(state, rng, every, out, measured, plan, rule, 0.0)


@njit
def _reflect(v: Any, begin: int, end: int, field: Any, work: Any) -> None:
    """Over-relaxation of a block."""
    size = end - begin
    dot, square = work[0], work[1]
    for j in range(size):
        dot[j] = 0.0
        square[j] = 0.0
    for a in range(v.shape[0]):
        x, f = v[a, begin:end], field[a]
        for j in range(size):
            dot[j] += x[j] * f[j]
            square[j] += f[j] * f[j]
    for j in range(size):
        known = square[j] > _TINY
        # Without a field the vector stays: x = −(0·F − x)
        dot[j] = 2.0 * dot[j] / (square[j] if known else 1.0)
        square[j] = 1.0 if known else 0.0
    length = work[2]
    for j in range(size):
        length[j] = 0.0
    for a in range(v.shape[0]):
        x, f = v[a, begin:end], field[a]
        for j in range(size):
            x[j] = dot[j] * f[j] - x[j] if square[j] > 0.0 else x[j]
            length[j] += x[j] * x[j]
    for a in range(v.shape[0]):
        x = v[a, begin:end]
        for j in range(size):
            x[j] *= 1.5 - 0.5 * length[j]


@njit
def _metropolis_2(v: Any, begin: int, end: int, field: Any, lanes: Any, uniform: Any, step: float) -> int:
    """Metropolis of a block of plane vectors; how many were turned."""
    size = end - begin
    offset = (size + LANES - 1) // LANES * LANES
    fill(lanes, uniform, 2 * offset)
    turn, chance = uniform[:size], uniform[offset : offset + size]
    c, s = v[0, begin:end], v[1, begin:end]
    f, g = field[0], field[1]
    accepted = 0
    for j in range(size):
        sine, cosine = sincos(step * (2.0 * turn[j] - 1.0))
        x = c[j] * cosine - s[j] * sine
        y = s[j] * cosine + c[j] * sine
        gain = (x - c[j]) * f[j] + (y - s[j]) * g[j]
        taken = chance[j] < exp_below_one(min(gain, 0.0))
        length = 1.5 - 0.5 * (x * x + y * y)
        c[j] = x * length if taken else c[j]
        s[j] = y * length if taken else s[j]
        accepted += 1 if taken else 0
    return accepted


@njit
def _heat_bath_2(v: Any, begin: int, end: int, field: Any, lanes: Any, uniform: Any, work: Any, left: Any) -> None:
    """Heat bath of a block of plane vectors: all at once, then those that were rejected, until none is left."""
    size = end - begin
    c, s = v[0, begin:end], v[1, begin:end]
    f, g, x, y, taken = work[0], work[1], work[2], work[3], work[4]
    for j in range(size):
        f[j], g[j], left[j] = field[0, j], field[1, j], j
    while size > 0:
        offset = (size + LANES - 1) // LANES * LANES
        fill(lanes, uniform, 2 * offset)
        place, chance = uniform[:size], uniform[offset : offset + size]
        for j in range(size):
            square = f[j] * f[j] + g[j] * g[j]
            known = square > _TINY
            kappa = math.sqrt(square)
            root = math.sqrt(1.0 + 4.0 * square)
            tau = 1.0 + root
            rho = 2.0 * kappa / tau
            sine, cosine = sincos(math.pi * (2.0 * place[j] - 1.0))
            scale = 1.0 / (1.0 + rho * cosine)
            w = (rho + cosine) * scale
            p = math.sqrt(2.0 / tau) * sine * scale
            rest = 1.0 + 1.0 / (root + 2.0 * kappa)  # τ − 2κ; τ/2 − κw without cancellation:
            excess = 0.5 * rest + kappa * rest / tau * (1.0 - cosine) * scale
            inverse = 1.0 / kappa if known else 0.0
            e, d = (f[j] * inverse if known else 1.0), g[j] * inverse
            x[j] = w * e - p * d
            y[j] = w * d + p * e
            taken[j] = 1.0 if chance[j] < excess * exp_below_one(1.0 - excess) else 0.0
        # Rejected vectors are written too, and overwritten in the next round: nobody reads them before
        for j in range(size):
            length = 1.5 - 0.5 * (x[j] * x[j] + y[j] * y[j])
            c[left[j]] = x[j] * length
            s[left[j]] = y[j] * length
        n_left = 0
        for j in range(size):
            f[n_left], g[n_left], left[n_left] = f[j], g[j], left[j]
            n_left += int(taken[j] == 0.0)
        size = n_left


@njit
def _metropolis_n(v: Any, begin: int, end: int, field: Any, rng: Any, step: float, new: Any) -> int:
    """Metropolis of a block of vectors of any n, one after the other; how many were moved."""
    n = v.shape[0]
    accepted = 0
    for i in range(begin, end):
        square = 0.0
        for a in range(n):
            new[a] = v[a, i] + step * rng.standard_normal()
            square += new[a] * new[a]
        if square < _TINY:
            continue
        scale = 1.0 / math.sqrt(square)
        gain = 0.0
        for a in range(n):
            new[a] *= scale
            gain += (new[a] - v[a, i]) * field[a, i - begin]
        if gain >= 0.0 or rng.random() < math.exp(gain):
            for a in range(n):
                v[a, i] = new[a]
            accepted += 1
    return accepted


@njit
def _heat_bath_n(v: Any, begin: int, end: int, field: Any, rng: Any, new: Any) -> None:
    """Heat bath of a block of vectors of any n, one after the other."""
    n = v.shape[0]
    for i in range(begin, end):
        square = 0.0
        for a in range(n):
            square += field[a, i - begin] ** 2
        _uniform_on_sphere(new, n, rng)
        if square < _TINY:
            for a in range(n):
                v[a, i] = new[a]
            continue
        kappa = math.sqrt(square)
        w = _cosine_3(kappa, rng) if n == 3 else _cosine_n(kappa, n, rng)
        # The random direction, less its part along the field
        along = 0.0
        for a in range(n):
            along += new[a] * field[a, i - begin]
        along /= square
        rest = 0.0
        for a in range(n):
            new[a] -= along * field[a, i - begin]
            rest += new[a] * new[a]
        sine = math.sqrt(max(0.0, (1.0 - w) * (1.0 + w)) / rest)
        length = 0.0
        for a in range(n):
            new[a] = w * field[a, i - begin] / kappa + sine * new[a]
            length += new[a] * new[a]
        for a in range(n):
            v[a, i] = new[a] / math.sqrt(length)


@njit
def _uniform_on_sphere(new: Any, n: int, rng: Any) -> None:
    square = 0.0
    while square < 1e-20:
        square = 0.0
        for a in range(n):
            new[a] = rng.standard_normal()
            square += new[a] * new[a]
    for a in range(n):
        new[a] /= math.sqrt(square)


@njit
def _cosine_3(kappa: float, rng: Any) -> float:
    """w of density ∝ exp(κw) on [−1, 1]."""
    return max(-1.0, 1.0 + math.log1p(rng.random() * math.expm1(-2.0 * kappa)) / kappa)


@njit
def _cosine_n(kappa: float, n: int, rng: Any) -> float:
    """w of density ∝ exp(κw) (1 − w²)^{(n−3)/2}, n ≥ 2 (Wood 1994)."""
    m = n - 1.0
    b = m / (2.0 * kappa + math.sqrt(4.0 * kappa * kappa + m * m))
    x = (1.0 - b) / (1.0 + b)
    c = kappa * x + m * math.log(4.0 * b / (1.0 + b) ** 2)  # of 1 − x²
    while True:
        first, second = 0.0, 0.0
        for k in range(2 * n - 2):
            square = rng.standard_normal() ** 2
            if k < n - 1:
                first += square
            else:
                second += square
        z = first / (first + second)
        w = (1.0 - (1.0 + b) * z) / (1.0 - (1.0 - b) * z)
        if kappa * w + m * math.log(1.0 - x * w) - c >= math.log(1.0 - rng.random()):
            return w


metropolis = Update("metropolis", always_exact, _metropolis, tune, MODELS)
heat_bath = Update("heat-bath", always_exact, _heat_bath, None, MODELS)
metropolis_sequential = Update("metropolis-sequential", always_exact, _metropolis_in_turn, tune, MODELS)
heat_bath_sequential = Update("heat-bath-sequential", always_exact, _heat_bath_in_turn, None, MODELS)
