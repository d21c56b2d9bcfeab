"""The default where the number of states is known: an average over laws of abundance, weighed by their evidence.

Whether few states hold most of the probability (a power law) or all hold about the same decides what the states not
yet seen add to the entropy, and no single family of priors contains both: NSB's Dirichlet priors miss the long tail
of a power law by half a nat while claiming a tenth. Here each of the k states has a weight w drawn from a law, and
p = w/Σw, for the laws that ecology uses for the abundances of species, each with one parameter:

    gamma        w ~ Gamma(β), which makes p Dirichlet: NSB      (`rgnet.information.entropies.dirichlet`)
    power law    w = U^{−s}, U uniform in (0, 1): s = 1 is Zipf's law, s = 0 is uniform
    log-normal   w = e^{σz}, z normal                            Preston (1948), Bulmer (1974)
    some         w = 1 with probability f, else 0: of the k states only some occur, all alike

Each law has the same weight beforehand, and within a law the parameter is weighed as NSB does, so that the entropy
expected is uniform between 0 and ln k. With weights drawn independently the evidence of the counts is

    P(counts) = ∏ n_i! / Γ(N) · ∫ d ln u ∏_i ⟨Poisson(n_i; u w)⟩_w

(James, Lijoi & Prünster 2009, whose latent variable u is), evaluated by Laplace's method in ln u. At the
best u the rates λ_i = u w_i are independent given the counts, with ⟨Σ λ⟩ = N, so that mean and variance of
H = −Σ (λ/Λ) ln(λ/Λ), Λ = Σ λ, follow from the moments of λ and λ ln λ to second order. A law is a histogram in ln w;
counts above 64 use Gauss–Hermite quadrature about ln n, where that is wider than a cell.

The posterior is that of draws from these laws. Its interval is honest on each of them and on what resembles them; it
is not distribution-free, and no interval from few draws can be. Known to mislead it: states of two kinds, each with
its own probability; probabilities that fall geometrically over many more states than draws; a little, 20 to 50
draws of a few very unequal states. Where all draws are equal the upper end is one that needs no law
(`rgnet.information.entropies.if_unseen`).
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.special

from rgnet.information.entropies import _law_kernels as kernels
from rgnet.information.entropies import dirichlet
from rgnet.information.entropies.fingerprint import Fingerprint
from rgnet.information.entropies.posterior import Components, join, refine

Array = npt.NDArray[Any]

LAWS = ("power", "log-normal", "some")
_SHAPES = (-5.0, 2.2)  # range of ln s, ln σ: from nearly uniform to nearly one state
_STEP = 0.1  # cells of the histogram, in ln w
_FEWEST_CELLS = 64
_DEPTH = 45.0  # below the largest weight of k, in ln: what is rarer is one state of weight zero
_AT_ONCE = 20_000  # distinct counts times laws in one call
_BEYOND = 0.01  # the histogram ends at weights that k draws reach with this probability
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(8)


class Law(NamedTuple):
    """A law as a histogram in ln w, w in units of the total weight; and the entropy that it leads one to expect."""

    start: float
    step: float
    mass: Array
    atom: float
    expected: float


@lru_cache(maxsize=8192)
def histogram(family: str, log_shape: float, k: int) -> Law:
    """The cells of a law for k states."""
    shape = float(np.exp(log_shape))
    if family == "some":
        size = np.log(k) + log_shape
        return Law(float(-size), 1e-6, np.array([shape]), 1.0 - shape, float(size))
    if family == "power":
        low, high, typical = 0.0, -shape * np.log(_BEYOND / k), -shape * np.log(0.5 / k)
    else:
        low, high, typical = (
            -shape * scipy.special.ndtri(share) for share in (1.0 - _BEYOND / k, _BEYOND / k, 0.5 / k)
        )
    low = max(low, typical - _DEPTH)
    cells = max(_FEWEST_CELLS, int(np.ceil((high - low) / _STEP)))
    edges = np.linspace(low, high, cells + 1)
    above = np.exp(-edges / shape) if family == "power" else scipy.special.ndtr(-edges / shape)
    mass = above[:-1] - above[1:]
    step = float(edges[1] - edges[0])
    middle = low + 0.5 * step + step * np.arange(cells) - high
    # A typical draw of k weights, for their sum and entropy: the quantiles (i − ½)/k
    weight = np.where(above[1:] >= 0.5 / k, mass, 0.0) * np.exp(middle)
    total = float(weight.sum())
    expected = float(np.log(k * total) - (weight @ middle) / total)
    return Law(float(middle[0] - np.log(k * total)), step, mass, float(1.0 - above[0]), expected)


def _evaluate(
    family: str, eta: Array, k: int, n: int, sizes: Array, times: Array, tables: Array
) -> tuple[Array, Array, Array]:
    """Log posterior density in η up to what the counts alone give; mean and variance of the entropy."""
    chosen = [histogram(family, float(value), k) for value in eta]
    lengths = np.array([law.mass.size for law in chosen])
    masses = np.zeros((len(chosen), int(lengths.max())))
    for row, law in zip(masses, chosen, strict=True):
        row[: law.mass.size] = law.mass
    starts, steps, atoms = (np.array([law[i] for law in chosen]) for i in (0, 1, 3))
    chunk = max(1, _AT_ONCE // sizes.size)  # no call of a kernel is long, so that Ctrl-C is heard
    parts = [slice(first, first + chunk) for first in range(0, len(chosen), chunk)]
    result = np.concatenate(
        [
            kernels.evaluate(
                starts[i], steps[i], masses[i], lengths[i], atoms[i], float(n), sizes, times, _NODES, tables
            )
            for i in parts
        ]
    )
    slope = np.abs(np.gradient(np.array([law.expected for law in chosen]), eta))
    return result[:, 0] + np.log(np.maximum(slope, 1e-300) / np.log(k)), result[:, 1], result[:, 2]


def law_posterior(seen: Fingerprint, k: int, family: str) -> Components:
    """The posterior of the entropy under one of `LAWS`, with weights comparable to those of the Dirichlet priors."""
    n = seen.n
    unseen = k - seen.states
    sizes, times = seen.sizes, seen.times.astype(np.float64)
    if unseen > 0:
        sizes, times = np.insert(sizes, 0, 0), np.insert(times, 0, float(unseen))
    small = seen.sizes <= kernels.SMALL
    size = seen.sizes.astype(np.float64)
    # The kernel leaves out n! of small counts, nⁿ e^{−n} of large ones
    left_out = np.where(small, scipy.special.gammaln(size + 1.0), size * np.log(size) - size) @ seen.times
    constant = left_out - scipy.special.gammaln(n) + 0.5 * np.log(2.0 * np.pi)

    tables = kernels.large_tables(sizes, float(n), _NODES, _WEIGHTS)

    def evaluate(eta: Array) -> tuple[Array, Array, Array]:
        density, mean, variance = _evaluate(family, eta, k, n, sizes, times, tables)
        return density + constant, mean, variance

    return refine(evaluate, *(_SHAPES if family != "some" else (-float(np.log(k)), 0.0)))


def posterior(seen: Fingerprint, k: int) -> Components:
    """The posterior of the entropy with k states, k ≥ 2: NSB's and those of `LAWS`, weighed by their evidence."""
    return join([dirichlet.posterior(seen, k), *(law_posterior(seen, k, family) for family in LAWS)])
