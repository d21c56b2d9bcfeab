"""The one-layer product of n numbers, or of powers of them, and what it costs in precision.

Lin, Tegmark & Rolnick (2017), appendix A: with a_ij = s_i(S_j) = ±1 over all 2ⁿ choices of signs and the plain Taylor
coefficients σ_k of the activation at b,

    Σ_j w_j σ(b + λ Σ_i a_ij x_i) = Σ_k σ_k λ^k Σ_j w_j (Σ_i a_ij x_i)^k ,      w_j = ∏_i a_ij/(2ⁿ n! σ_n λⁿ) .

For powers x_i^{r_i}, R = Σ r_i, each variable takes the values r_i, r_i − 2, …, −r_i with the weights (−1)^k C(r_i, k)
of a central difference: ∏ (r_i + 1) neurons (the least there are, Rolnick & Tegmark 2017) with the output weights
w_j = ∏ weights/(2^R R! σ_R λ^R). (Where all r_i are even one of them hears nothing: its constant is needed where the
output has no bias.) All powers of λ at once, with signs as the case r_i = 1:

    Σ_k t^k/k! Σ_j ∏(weights) (Σ_i a_ij x_i)^k = ∏ (2 sinh t x_i)^{r_i} ,

so that nothing below degree R is left, and of higher degrees only R + 2, R + 4, …: the error goes as λ², and at the
corners of the unit box it is that of `rgnet.cheap.precision.fold(R)`.

*Half of them.* a and −a have the same weight for even R, opposite ones for odd R. Where σ without its constant has the
parity of R about b, one neuron of each pair says it all; for odd R the output's bias takes away the constant. Where it
has the other parity σ_R = 0, and no number of neurons will do. (Less is enough: with one sign fixed, a product of n ≥ 2
needs σ_{n−1}(b) = 0 only, as softplus has at 0 for n = 4, 6, …; the error is then of the next power that is left.)
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from rgnet.cheap import expansion, precision
from rgnet.cheap.activations import Activation
from rgnet.cheap.errors import CheapError
from rgnet.cheap.precision import Arithmetic, Series

_DIGITS = 80
_ROUNDED = 64  # roundings u that a coefficient which vanishes at b may keep at b rounded


@dataclass(frozen=True, eq=False)
class Gate:
    """Neurons σ(b + λ Σ_i signs_ji x_i) and their output weights, but for the scale λ.

    Attributes
    ----------
    powers : tuple of int
        r_i.
    sigma : Series
        Coefficients at b.
    signs : int array (neurons, variables)
        a_ji, from −r_i to r_i.
    counts : int array (neurons,)
        Signed whole numbers: output weights are counts/(2^R R! σ_R λ^R).
    half : bool
        Whether the parity of σ saved half of the neurons.
    """

    powers: tuple[int, ...]
    sigma: Series
    signs: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    half: bool

    @property
    def order(self) -> int:
        """R = Σ r_i."""
        return sum(self.powers)

    @property
    def neurons(self) -> int:
        """∏(r_i + 1), or half of it rounded up."""
        return len(self.counts)

    def unit(self, scale: Any) -> Any:
        """1/(2^R R! σ_R λ^R), an mpf of 80 digits."""
        n, sigma = self.order, self.sigma
        with mpmath.workdps(_DIGITS):
            top = sigma.activation.taylor(n, sigma.at, _DIGITS - 10)[n]
            return 1 / (mpmath.mpf(2) ** n * mpmath.factorial(n) * top * mpmath.mpf(scale) ** n)

    def constant(self, scale: Any) -> Any:
        """What the output's bias is, an mpf."""
        total = int(self.counts.sum())
        if not self.half or not total or self.order % 2 == 0:
            return mpmath.mpf(0)
        with mpmath.workdps(_DIGITS):
            return -total * self.unit(scale) * self.sigma.activation.mp(self.sigma.at)


def gate(powers: Sequence[int], activation: Activation, how: Arithmetic, at: Any = None) -> Gate:
    """The one-layer gate of ∏ x_i^{r_i}.

    Raises
    ------
    CheapError
        If σ_R vanishes at b, with the reason where that is its parity.
    """
    order = sum(powers)
    sigma = _series(activation, how, order, at)
    half = vanishing(sigma, order - 1, how)
    grids = [range(r, -r - 1, -2) for r in powers]
    steps = [[(-1) ** k * math.comb(r, k) for k in range(r + 1)] for r in powers]
    count = math.prod(r + 1 for r in powers)
    signs = np.stack([axis.ravel() for axis in np.meshgrid(*map(np.array, grids), indexing="ij")], axis=1)
    counts = np.ones(1, dtype=np.int64)
    for weights in steps:
        counts = np.multiply.outer(counts, np.array(weights, dtype=np.int64)).ravel()
    if half:
        kept = (count + 1) // 2
        signs, counts = signs[:kept], 2 * counts[:kept]
        if count % 2:
            counts[-1] //= 2  # the neuron that is its own pair
    return Gate(tuple(powers), sigma, signs.astype(np.int64), counts, half)


def neurons(powers: Sequence[int], sigma: Series, how: Arithmetic) -> int:
    """Neurons of a gate, without building it."""
    count = math.prod(r + 1 for r in powers)
    return (count + 1) // 2 if vanishing(sigma, sum(powers) - 1, how) else count


def vanishing(sigma: Series, order: int, how: Arithmetic) -> bool:
    """Whether all σ_k, k ≥ 1, of the parity of ``order`` vanish, but for the rounding of b."""
    values = np.abs(np.array(sigma.coefficients))
    wrong = values[1:][np.arange(1, len(values)) % 2 == order % 2]
    allowed = _ROUNDED * how.unit * values.max() if sigma.at else 0.0
    return bool((wrong <= allowed).all())


@lru_cache(maxsize=512)
def _series(activation: Activation, how: Arithmetic, order: int, at: Any) -> Series:
    """The expansion: at the point given; else at 0 where the parity saves half of the neurons, else at the best."""
    if at is None:
        at_zero = _centre(activation, order, how.digits + 15 if how.dtype == "mp" else 40)
        if at_zero is not None and vanishing(at_zero, order - 1, how):
            return at_zero
        try:
            return expansion.expand(activation, how, order=order)
        except CheapError:
            if at_zero is None:
                raise
            return at_zero  # the search is blind to coefficients as small as 1/15!
    try:
        return expansion.expand(activation, how, order=order, at=at)
    except CheapError:
        if mpmath.mpmathify(at) == 0 and activation.parity is not None:
            point = mpmath.nstr(expansion.expansion_point(activation, order=order), 6)
            raise CheapError(
                f"at={at}: {activation.name!r} without its constant is an {activation.parity} function about 0, so "
                f"that σ_{order} = 0 there, and no number of neurons expanded there has a term of degree {order}; "
                f"leave out `at` for the point {point}, or take an activation that is not {activation.parity}"
            ) from None
        raise


@lru_cache(maxsize=256)
def _centre(activation: Activation, order: int, digits: int) -> Series | None:
    """The expansion at 0, if there is one with σ_n ≠ 0."""
    try:
        found = precision.series(activation, mpmath.mpf(0), order, digits)
    except CheapError:
        return None
    return found if found.coefficients[order] else None


def shape(order: int) -> precision.Shape:
    """The formulae of `rgnet.cheap.precision` for a gate of some order on the unit box."""
    return precision.fold(order)


def coefficients(made: Gate) -> dict[tuple[int, ...], int]:
    """Σ_j counts_j ∏_i a_ji^{m_i} for every monomial of degree 1 ≤ |m| ≤ R, in whole numbers.

    Times |m|!/∏ m_i! and σ_{|m|} it is the network's Taylor coefficient. Of ∏ x_i^{r_i} it is 2^R ∏ r_i!; of every
    other it must be 0. Where parity saved half of the neurons, degrees of the other parity, σ_k = 0, are left out.
    """
    n, order = len(made.powers), made.order
    tables = [made.signs.astype(object) ** k for k in range(order + 1)]
    known: dict[tuple[int, ...], int] = {}
    found = {}
    for degree in range(1, order + 1):
        if made.half and (order - degree) % 2:
            continue
        for chosen in itertools.combinations_with_replacement(range(n), degree):
            powers = [0] * n
            for i in chosen:
                powers[i] += 1
            # ±1 has two powers only
            key = tuple(m % 2 if r == 1 else m for m, r in zip(powers, made.powers, strict=True))
            if key not in known:
                term = made.counts.astype(object)
                for i, m in enumerate(key):
                    term = term * tables[m][:, i] if m else term
                known[key] = int(term.sum())
            found[tuple(powers)] = known[key]
    return found
