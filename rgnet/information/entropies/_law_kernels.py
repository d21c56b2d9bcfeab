"""Kernels of the average over laws of abundance; the mathematics is in `rgnet.information.entropies.laws`."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rgnet._jit import njit

Array = npt.NDArray[Any]

SMALL = 64  # counts up to this are summed over all cells of a law
_STEPS = 8  # of Newton's method for the scale


def large_tables(sizes: Array, n: float, nodes: Array, weights: Array) -> Array:
    """Weight, q = λ/n and q ln q at each node of each count above `SMALL`, the same for all laws: (d, nodes, 3)."""
    size = sizes[sizes > SMALL].astype(np.float64)[:, None]
    delta = nodes / np.sqrt(size)
    q = size / n * np.exp(delta)
    # The kernel λⁿ e^{−λ} in units of its maximum, over the Gaussian of the quadrature
    tilt = size * (delta - np.expm1(delta)) + 0.5 * nodes**2
    return np.stack([weights * np.exp(tilt), q, q * (np.log(size / n) + delta)], axis=-1)


@njit
def _sums(
    log_scale: float,
    start: float,
    step: float,
    mass: Array,
    atom: float,
    n: float,
    sizes: Array,
    times: Array,
    nodes: Array,
    tables: Array,
    work: Array,
) -> tuple[float, float, float, float, float, float, float, float]:
    """Log-likelihood at a scale; sums over states of E λ, Var λ, and of the moments of q = λ/n, s = q ln q."""
    cells = mass.size
    small = 0
    while small < sizes.size and sizes[small] <= SMALL:
        small += 1
    log_n = np.log(n)
    work[:small] = 0.0
    for j in range(cells):
        if mass[j] <= 0.0:
            continue
        log_rate = log_scale + start + step * j
        rate = np.exp(log_rate)
        if rate > 600.0:
            continue
        q = rate / n
        s = q * (log_rate - log_n)
        term = mass[j] * np.exp(-rate)
        count = 0
        for d in range(small):
            while count < sizes[d]:
                count += 1
                term *= rate / count
            if term < 1e-60 and count > rate:
                break
            work[d, 0] += term
            work[d, 1] += term * q
            work[d, 2] += term * s
            work[d, 3] += term * q * q
            work[d, 4] += term * q * s
            work[d, 5] += term * s * s
    if small > 0 and sizes[0] == 0:
        work[0, 0] += atom
    like = 0.0
    mean_q = 0.0
    mean_s = 0.0
    var_q = 0.0
    cov = 0.0
    var_s = 0.0
    for d in range(sizes.size):
        m0 = 0.0
        m1 = 0.0
        m2 = 0.0
        m3 = 0.0
        m4 = 0.0
        m5 = 0.0
        if d < small:
            m0, m1, m2, m3, m4, m5 = work[d, 0], work[d, 1], work[d, 2], work[d, 3], work[d, 4], work[d, 5]
        else:
            size = float(sizes[d])
            root = np.sqrt(size)
            centre = np.log(size)
            place = (centre - log_scale - start) / step
            if step * root <= 1.5:
                first = max(0, int(np.floor(place - 7.0 / (root * step))))
                last = min(cells - 1, int(np.ceil(place + 7.0 / (root * step))))
                for j in range(first, last + 1):
                    delta = (j - place) * step
                    term = mass[j] * np.exp(size * (delta - np.expm1(delta)))
                    q = size * np.exp(delta) / n
                    s = q * (centre + delta - log_n)
                    m0 += term
                    m1 += term * q
                    m2 += term * s
                    m3 += term * q * q
                    m4 += term * q * s
                    m5 += term * s * s
            else:
                for i in range(nodes.size):
                    where = place + nodes[i] / (root * step)
                    j = int(np.floor(where))
                    if j < -1 or j >= cells:
                        continue
                    share = where - j
                    low = mass[j] if j >= 0 else 0.0
                    high = mass[j + 1] if j + 1 < cells else 0.0
                    term = tables[d - small, i, 0] * ((1.0 - share) * low + share * high) / (step * root)
                    q = tables[d - small, i, 1]
                    s = tables[d - small, i, 2]
                    m0 += term
                    m1 += term * q
                    m2 += term * s
                    m3 += term * q * q
                    m4 += term * q * s
                    m5 += term * s * s
        if m0 < 1e-300:
            return -np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        weight = float(times[d])
        a = m1 / m0
        b = m2 / m0
        like += weight * np.log(m0)
        mean_q += weight * a
        mean_s += weight * b
        var_q += weight * max(m3 / m0 - a * a, 0.0)
        cov += weight * (m4 / m0 - a * b)
        var_s += weight * max(m5 / m0 - b * b, 0.0)
    return like, mean_q * n, var_q * n * n, mean_q, mean_s, var_q, cov, var_s


@njit
def _entropy(sums: tuple[float, float, float, float, float, float, float, float]) -> tuple[float, float]:
    """Mean and variance of the entropy of normalised rates, to second order in their fluctuations."""
    _, _, _, q, s, var_q, cov, var_s = sums
    log_q = np.log(q)
    s = s / q - log_q
    var_s = (var_s - 2.0 * log_q * cov + log_q * log_q * var_q) / (q * q)
    cov = (cov - log_q * var_q) / (q * q)
    var_q = var_q / (q * q)
    mean = -s - 0.5 * (1.0 + 2.0 * s) * var_q + cov
    return mean, max((1.0 + s) ** 2 * var_q - 2.0 * (1.0 + s) * cov + var_s, 0.0)


@njit
def evaluate(
    starts: Array,
    steps: Array,
    masses: Array,
    lengths: Array,
    atoms: Array,
    n: float,
    sizes: Array,
    times: Array,
    nodes: Array,
    tables: Array,
) -> Array:
    """For each law: log evidence, posterior mean and variance of the entropy (−inf, 0, 0: impossible)."""
    laws = starts.size
    out = np.zeros((laws, 3))
    work = np.zeros((SMALL + 1, 6))
    for t in range(laws):
        mass = masses[t, : lengths[t]]
        scale = np.log(n)
        best = -np.inf
        kept = scale
        found = (-np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        stride = 1.0
        width = 0.0
        total = 0.0
        side = -1  # searching for the best scale; then 0 and 1: beside it
        for turn in range(_STEPS + 2):
            now = _sums(scale, starts[t], steps[t], mass, atoms[t], n, sizes, times, nodes, tables, work)
            if side < 0:
                if now[0] > best:
                    best = now[0]
                    kept = scale
                    found = now
                elif best > -np.inf:
                    stride *= 0.3
                if best == -np.inf:
                    break
                curve = max(found[1] - found[2], 0.02 * n)
                move = stride * min(max((n - found[1]) / curve, -1.0), 1.0)
                if turn < _STEPS - 1 and abs(move) * np.sqrt(curve) >= 0.02:
                    scale = kept + move
                    continue
                width = 1.0 / np.sqrt(max(found[1] - found[2], 1.0))
            else:
                found = now
            # Gauss-Hermite with three nodes, 2/3 and 1/6, corrected for what the likelihood is there
            if found[0] > -np.inf:
                weight = np.exp(min(found[0] - best + 1.5, 1.5)) / 6.0 if side >= 0 else 2.0 / 3.0
                mean, variance = _entropy(found)
                total += weight
                out[t, 1] += weight * mean
                out[t, 2] += weight * (variance + mean * mean)
            side += 1
            if side == 2:
                break
            scale = kept + (2 * side - 1) * np.sqrt(3.0) * width
        if best == -np.inf:
            out[t, 0] = -np.inf
            continue
        out[t, 0] = best + np.log(total * width)
        out[t, 1] /= total
        out[t, 2] = max(out[t, 2] / total - out[t, 1] ** 2, 0.0)
    return out
