"""Entropy from counts through the coverage: how much probability the states seen so far hold (Good 1953).

With f_j states seen j times among N draws, the states not seen hold about f_1/N.

    Chao–Shen         −Σ C p̂ ln(C p̂) / [1 − (1 − C p̂)^N],  C = 1 − f_1/N            Chao & Shen (2003)
    Zhang             Σ p̂ [ψ(N) − ψ(n)], which has the mean Σ_{r<N} Σ_i p (1 − p)^r/r   Zhang (2012)
    Chao–Wang–Jost    Σ p̂ [ψ(N) − ψ(n)] + (f_1/N) (1 − A)^{1−N} Σ_{r≥N} (1 − A)^r/r     Chao, Wang & Jost (2013)
                      A = 2f_2 / [(N − 1) f_1 + 2f_2], or 2 / [(N − 1)(f_1 − 1) + 2] where f_2 = 0

The last sum is Σ_{j≥0} (1 − A)^{j+1}/(N + j) = (1 − A) ∫_0^∞ e^{−v} dv / [N A + N (1 − A)(1 − e^{−v/N})], which is
well behaved for any N.

None needs the number of states. Since H = Σ_{r≥1} Σ_i p (1 − p)^r/r, with no negative term, the mean of Zhang's is
below the entropy whatever the law, by little once all states were seen: it is a lower limit that holds. The others
guess the rest of the sum. Where few states were seen twice the guess is far above the entropy as often as below.
"""

import numpy as np
import scipy.special

from rgnet.information.entropies.fingerprint import Fingerprint


def good_coverage(seen: Fingerprint) -> float:
    """Probability of the states seen, 1 − f_1/N: 0 where every draw is a new state."""
    return 1.0 - seen.seen(1) / seen.n


def chao_shen(seen: Fingerprint, k: int | None = None) -> float:
    """Coverage-adjusted Horvitz–Thompson estimate."""
    single = seen.seen(1)
    if single == seen.n:  # as the authors' own program: a coverage of zero says nothing
        single = seen.n - 1
    p = (1.0 - single / seen.n) * seen.sizes / seen.n
    if seen.n == 1 or (p >= 1.0).any():
        return 0.0
    included = -np.expm1(seen.n * np.log1p(-p))
    return float(-(seen.times * p * np.log(p) / included).sum())


def zhang(seen: Fingerprint, k: int | None = None) -> float:
    """The part of the entropy of which a sample has an unbiased estimate; never too large on average."""
    weight = seen.times * (seen.sizes / seen.n)
    return float((weight * (scipy.special.psi(seen.n) - scipy.special.psi(seen.sizes))).sum())


def chao_wang_jost(seen: Fingerprint, k: int | None = None) -> float:
    """Entropy from the slope of the accumulation curve."""
    n, single, double = seen.n, seen.seen(1), seen.seen(2)
    value = zhang(seen)
    if single == 0 or n == 1:
        return value
    share = 2.0 * double / ((n - 1.0) * single + 2.0 * double)
    if double == 0:
        share = 2.0 / ((n - 1.0) * (single - 1.0) + 2.0)
    return value + single / n * _tail(n, share)


def _tail(n: int, share: float) -> float:
    """Σ_{j≥0} (1 − share)^{j+1}/(n + j), by the trapezoidal rule in ln v."""
    if share >= 1.0:
        return 0.0
    low = np.log(n * share * 1e-17) if n * share < 1.0 else np.log(1e-17)
    step = 0.05
    v = np.exp(np.arange(low, 3.8, step))
    below = n * share - n * (1.0 - share) * np.expm1(-v / n)
    return float((1.0 - share) * step * (v * np.exp(-v) / below).sum())
