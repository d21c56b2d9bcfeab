"""Kaufman's formula in decimal arithmetic of as many digits as it takes.

On a torus with an odd side, K < 0 is frustrated: Z is the small rest of sectors that cancel, to e^{−(wall tension) ×
(length)} of each. Here the sectors of `rgnet.exact.ising2d` are computed with ever more digits until enough of Z
survive; the derivatives are central differences, whose step is far below what a float resolves.
"""

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, getcontext, localcontext

_KEPT = 75  # digits of Z: second differences lose twice the 20 digits of the step
_STEP = Decimal(10) ** -20


def log_Z(K: float, M: int, N: int) -> tuple[float, float, float]:
    """Return ln Z at coupling −K, K > 0, on an M×N torus with M odd, and its first and second derivative in K."""
    digits = 2 * _KEPT
    while True:
        with localcontext(Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN)):
            values = [_partition(Decimal(K) + shift, M, N) for shift in (-_STEP, Decimal(0), _STEP)]
            if all(total > largest.scaleb(_KEPT - digits) for total, largest in values):
                below, here, above = (total.ln() for total, _ in values)
                slope, bend = (above - below) / (2 * _STEP), (above - 2 * here + below) / _STEP**2
                return float(here), float(slope), float(bend)
        digits *= 2


def _partition(K: Decimal, M: int, N: int) -> tuple[Decimal, Decimal]:
    """Z of the torus at −K, and its largest sector."""
    s = ((2 * K).exp() - (-2 * K).exp()) / 2
    A, B = _sector(s, M, N, 1)
    C, D = _sector(s, M, N, 0)
    total = -A + B + C + D if N % 2 else A - B + C + D
    return total * Decimal(2) ** (M * N - 1), max(A, C) * Decimal(2) ** (M * N - 1)


def _sector(s: Decimal, M: int, N: int, parity: int) -> tuple[Decimal, Decimal]:
    """Π_p E^{N/2} (1 ± e^{−Nγ}) over the momenta (2k + parity)π/M."""
    even, odd = Decimal(1), Decimal(1)
    cosines = _cosines(M)
    for k in range(parity, 2 * M, 2):
        W = ((1 - s) ** 2 + s * (1 - cosines[k])).sqrt()
        V = ((1 - s) ** 2 + s * (3 - cosines[k])).sqrt()
        front, decay = ((V + W) / 2) ** N, (2 * s / (V + W) ** 2) ** N
        even *= front * (1 + decay)
        odd *= front * (1 - decay) * (-1 if k == 0 and s > 1 else 1)
    return even, odd


def _cosines(M: int) -> list[Decimal]:
    """cos(kπ/M) for k = 0 … 2M − 1, by Chebyshev's recurrence."""
    angle = _pi() / M
    term, cosine, n = Decimal(1), Decimal(0), 0
    while cosine + term != cosine:
        cosine += term
        n += 2
        term *= -angle * angle / (n * (n - 1))
    values = [Decimal(1), cosine]
    while len(values) < 2 * M:
        values.append(2 * cosine * values[-1] - values[-2])
    return values


def _pi() -> Decimal:
    """π to the current precision (Gauss, Brent & Salamin)."""
    a, b, t, p = Decimal(1), Decimal(2).sqrt() / 2, Decimal(1) / 4, Decimal(1)
    for _ in range(getcontext().prec.bit_length()):  # each step doubles the digits
        a, b, t, p = (a + b) / 2, (a * b).sqrt(), t - p * ((a - b) / 2) ** 2, 2 * p
    return (a + b) ** 2 / (4 * t)
