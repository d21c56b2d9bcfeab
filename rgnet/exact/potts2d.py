r"""The Potts model on the infinite square lattice at its transition, p ∝ exp(K Σ δ(x_i, x_j)).

    K_c = ln(1 + √q)                                                                     (Potts 1952)
    ⟨Σ δ⟩/N = 1 + 1/√q            q > 4: the mean of both phases                         (Potts 1952, by duality)
    ln Z/N = ½ ln q + 2 ∫_0^∞ dx/x tanh(μx) sinh((π−μ)x)/sinh(πx),   2 cos μ = √q,       q ≤ 4
    ln Z/N = ½ ln q + θ + 2 Σ_{n≥1} e^{−nθ} tanh(nθ)/n,              2 cosh θ = √q,      q > 4
    latent heat of Σ δ/N = 2 (1 + 1/√q) tanh(θ/2) Π_{n≥1} tanh²(nθ),                     q > 4

(the last three: Temperley & Lieb 1971; Baxter 1973). By duality the second holds also on an infinitely long periodic
strip of any width (`rgnet.exact.transfer.strip`).
"""

import math

import numpy as np


def K_c(q: float) -> float:
    """Transition of the square lattice, ln(1 + √q).

    Raises
    ------
    ValueError
        If q is not a positive number.
    """
    return math.log1p(math.sqrt(_checked(q)))


def energy(q: float) -> float:
    """⟨Σ δ⟩/N at K_c, 1 + 1/√q: of both phases in equal parts where q > 4. Errors as `K_c`."""
    return 1.0 + 1.0 / math.sqrt(_checked(q))


def log_Z(q: float) -> float:
    """Return ln Z/N at K_c. Errors as `K_c`."""
    from scipy.integrate import quad

    half = 0.5 * math.log(_checked(q))
    if q > 4:
        theta = math.acosh(math.sqrt(q) / 2)
        n = np.arange(1, math.ceil(40 / theta) + 1)
        return half + theta + 2 * float((np.exp(-n * theta) * np.tanh(n * theta) / n).sum())
    mu = math.acos(math.sqrt(q) / 2)

    def integrand(x: float) -> float:
        if mu == 0:  # q = 4, in the variable μx
            return math.tanh(x) / x * math.exp(-x)
        ratio = math.exp(-mu * x) * math.expm1(-2 * (math.pi - mu) * x) / math.expm1(-2 * math.pi * x)
        return math.tanh(mu * x) / x * ratio

    return half + 2 * float(quad(integrand, 0, np.inf, epsabs=1e-12, epsrel=1e-12, limit=200)[0])


def latent_heat(q: float) -> float:
    """Jump of ⟨Σ δ⟩/N at K_c: 0 for q ≤ 4. Errors as `K_c`."""
    if _checked(q) <= 4:
        return 0.0
    theta = math.acosh(math.sqrt(q) / 2)
    n = np.arange(1, math.ceil(40 / theta) + 1)
    return 2 * energy(q) * math.tanh(theta / 2) * float(np.exp(2 * np.log(np.tanh(n * theta)).sum()))


def _checked(q: float) -> float:
    if not 0 < q < math.inf:
        raise ValueError(f"q={q!r}: a number of states is positive and finite")
    return q
