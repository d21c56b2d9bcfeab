"""Entropies from counts, against enumeration, quadrature and direct sums."""

import itertools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.information import entropies
from rgnet.information.entropies import _law_kernels as kernels
from rgnet.information.entropies import classical, coverage, dirichlet, fingerprint, laws
from rgnet.information.entropies.posterior import summary

GAMMA = 0.5772156649015329
counts_lists = st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(lambda c: sum(c) > 1)


def entropy_of(p):
    return float(scipy.special.entr(np.asarray(p)).sum())


def outcomes(n, p):
    """Every count vector of n draws from p with its probability."""
    for counts in itertools.product(range(n + 1), repeat=len(p)):
        if sum(counts) == n:
            yield counts, scipy.stats.multinomial.pmf(counts, n, p)


def test_fingerprint():
    seen = fingerprint([3, 0, 1, 1, 3, 3])
    assert seen.sizes.tolist() == [1, 3]
    assert seen.times.tolist() == [2, 3]
    assert (seen.n, seen.states, seen.seen(1), seen.seen(2)) == (11, 5, 2, 0)
    big = fingerprint([10**9, 10**9, 5])
    assert big.sizes.tolist() == [5, 10**9]
    assert fingerprint([2.0, 1.0]).n == 3
    with pytest.raises(ValueError, match=r"a count is -1"):
        fingerprint([1, -1])
    with pytest.raises(ValueError, match=r"whole number"):
        fingerprint([0.5])


@given(counts_lists)
@settings(deadline=None, max_examples=60)
def test_plug_in_is_scipys(counts):
    seen = fingerprint(counts)
    assert classical.plug_in(seen) == pytest.approx(scipy.stats.entropy(counts), abs=1e-13)


def test_grassbergers_numbers():
    first = -GAMMA - math.log(2.0)
    assert classical.grassberger_g([1, 2, 3, 4, 5]) == pytest.approx(
        [first, 2 + first, 2 + first, 2 + 2 / 3 + first, 2 + 2 / 3 + first], abs=1e-13
    )
    # Two draws of different states: ln 2 − G(1); of the same state: ln 2 − G(2)
    assert classical.grassberger(fingerprint([1, 1])) == pytest.approx(math.log(2) - first)
    assert classical.grassberger(fingerprint([2])) == pytest.approx(math.log(2) - 2 - first)


@given(counts_lists)
@settings(deadline=None, max_examples=40)
def test_jackknife_is_leaving_out_each_draw(counts):
    counts = np.array(counts)
    n = counts.sum()
    left = [scipy.stats.entropy(counts - np.eye(len(counts), dtype=int)[i]) for i in range(len(counts)) if counts[i]]
    mean = np.average(left, weights=counts[counts > 0])
    expected = n * scipy.stats.entropy(counts) - (n - 1) * mean
    assert classical.jackknife(fingerprint(counts)) == pytest.approx(expected, abs=1e-9)


@given(counts_lists)
@settings(deadline=None, max_examples=40)
def test_chao_wang_jost_is_its_formula(counts):
    seen = fingerprint(counts)
    n, one, two = seen.n, seen.seen(1), seen.seen(2)
    expected = sum(c / n * sum(1 / r for r in range(c, n)) for c in counts if c)
    if one:
        a = 2 * two / ((n - 1) * one + 2 * two) if two else 2 / ((n - 1) * (one - 1) + 2)
        if a < 1:
            tail = -math.log(a) - sum((1 - a) ** r / r for r in range(1, n))
            expected += one / n * (1 - a) ** (1 - n) * tail
    assert coverage.chao_wang_jost(seen) == pytest.approx(expected, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(("n", "share"), [(10**9, 1e-18), (10**6, 1e-3), (50, 0.9), (2, 1e-9)])
def test_the_tail_of_chao_wang_jost(n, share):
    quad = scipy.integrate.quad
    upper = quad(lambda v: math.exp(-v) / (n * share - n * (1 - share) * math.expm1(-v / n)), 1.0, 60.0)[0]
    lower = quad(
        lambda y: math.exp(y - math.exp(y)) / (n * share - n * (1 - share) * math.expm1(-math.exp(y) / n)),
        math.log(n * share * 1e-14),
        0.0,
        limit=500,
    )[0]
    assert coverage._tail(n, share) == pytest.approx((1 - share) * (upper + lower), rel=1e-6)


def test_chao_shen_and_shrinkage_by_hand():
    seen = fingerprint([3, 1, 2])
    p = (1 - 1 / 6) * np.array([3, 1, 2]) / 6
    assert coverage.chao_shen(seen) == pytest.approx(-(p * np.log(p) / (1 - (1 - p) ** 6)).sum())
    q = np.array([3, 1, 2, 0]) / 6
    weight = (1 - (q**2).sum()) / (5 * ((0.25 - q) ** 2).sum())
    assert classical.shrinkage(seen, 4) == pytest.approx(entropy_of(weight / 4 + (1 - weight) * q))
    assert classical.shrinkage(fingerprint([1, 1]), 9) == pytest.approx(math.log(9))


def test_bias_over_all_outcomes():
    p, n = [0.5, 0.3, 0.2], 12
    exact = entropy_of(p)
    bias = dict.fromkeys(entropies.FORMULAE, 0.0)
    for counts, weight in outcomes(n, p):
        seen = fingerprint(counts)
        for method in bias:
            bias[method] += weight * (entropies.estimate(seen, method).value - exact)
    assert bias["plug-in"] == pytest.approx(-2 / (2 * n), rel=0.25)
    bias["grassberger"] -= 1 / (2 * n)  # as published, it is for counts that are Poisson
    for method in ("miller-madow", "grassberger", "jackknife", "chao-wang-jost"):
        assert abs(bias[method]) < 0.25 * abs(bias["plug-in"]), method


def test_dirichlet_moments_are_integrals():
    # Two states: p ~ Beta(n_1 + β, n_2 + β)
    for beta in (0.01, 1.0, 300.0):
        law = scipy.stats.beta(7 + beta, 2 + beta)
        nodes = law.ppf((np.arange(200000) + 0.5) / 200000)
        h = scipy.special.entr(nodes) + scipy.special.entr(1 - nodes)
        mean, variance = dirichlet.moments(fingerprint([7, 2]), 2, beta)
        assert mean[0] == pytest.approx(h.mean(), rel=1e-5)
        assert variance[0] == pytest.approx(h.var(), rel=1e-3)


def test_dirichlet_moments_by_sampling():
    counts = np.array([5, 1, 0, 0, 2, 1])
    p = np.random.default_rng(1).dirichlet(counts + 0.4, size=400_000)
    h = scipy.special.entr(p).sum(axis=1)
    mean, variance = dirichlet.moments(fingerprint(counts), 6, 0.4)
    assert mean[0] == pytest.approx(h.mean(), abs=5 * h.std() / 600)
    assert variance[0] == pytest.approx(h.var(), rel=0.02)


def test_log_rising_is_stable():
    n = np.array([1, 2, 5, 1000])
    direct = [sum(math.log1p(i / x) for i in range(m)) for x in (1e-3, 7.0, 1e4, 1e12) for m in n]
    ours = [dirichlet.log_rising(x, n) for x in (1e-3, 7.0, 1e4, 1e12)]
    assert np.concatenate(ours) == pytest.approx(direct, rel=1e-9, abs=1e-13)


def test_nsb_is_its_integral():
    seen, k = fingerprint([4, 2, 1]), 8

    def parts(eta):
        beta = math.exp(eta)
        evidence = scipy.special.gammaln(k * beta) - scipy.special.gammaln(7 + k * beta)
        evidence += sum(scipy.special.gammaln(c + beta) - scipy.special.gammaln(beta) for c in (4, 2, 1))
        slope = k * beta * scipy.special.polygamma(1, k * beta + 1) - beta * scipy.special.polygamma(1, beta + 1)
        return math.exp(evidence + 12) * slope, dirichlet.moments(seen, k, beta)[0][0]

    below = scipy.integrate.quad(lambda eta: parts(eta)[0], -9, 9, limit=400)[0]
    above = scipy.integrate.quad(lambda eta: math.prod(parts(eta)), -9, 9, limit=400)[0]
    assert entropies.estimate(seen, "nsb", k).value == pytest.approx(above / below, rel=2e-3)


def test_nsb_finds_equal_probabilities():
    counts = np.random.default_rng(2).multinomial(10**7, np.full(100, 0.01))
    for method in ("nsb", "laws"):
        result = entropies.estimate(fingerprint(counts), method, 100)
        assert result.value == pytest.approx(math.log(100), abs=3e-5)
        assert result.interval[1] <= math.log(100) + 1e-15


def histogram_of_gamma(beta, k):
    """A gamma law in the form of `laws.Law`: the oracle of the kernel is the Dirichlet formula."""
    low, high = math.log(1e-9 / k), math.log(scipy.stats.gamma(beta).isf(1e-4 / k))
    edges = np.linspace(low, high, 1 + 3000)
    mass = np.diff(scipy.stats.gamma(beta).cdf(np.exp(edges)))
    step = edges[1] - edges[0]
    return edges[0] + step / 2 - math.log(k * beta), step, mass, scipy.stats.gamma(beta).cdf(math.exp(low))


@pytest.mark.parametrize(("beta", "n"), [(0.5, 60), (2.0, 300), (0.5, 20000)])
def test_the_kernel_reproduces_dirichlet(beta, n):
    k = 40
    rng = np.random.default_rng(np.random.SeedSequence(3, spawn_key=(n,)))
    seen = fingerprint(rng.multinomial(n, rng.dirichlet(np.full(k, beta))))
    unseen = k - seen.states
    sizes = np.insert(seen.sizes, 0, 0) if unseen else seen.sizes
    times = (np.insert(seen.times, 0, unseen) if unseen else seen.times).astype(float)
    start, step, mass, atom = histogram_of_gamma(beta, k)
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    tables = kernels.large_tables(sizes, float(n), nodes, weights)
    found = kernels.evaluate(
        np.array([start]), np.array([step]), mass[None], np.array([mass.size]), np.array([atom]), float(n),
        sizes, times, nodes, tables,
    )[0]  # fmt: skip
    mean, variance = dirichlet.moments(seen, k, beta)
    assert found[1] == pytest.approx(mean[0], abs=0.1 * math.sqrt(variance[0]))
    assert found[2] == pytest.approx(variance[0], rel=0.15)
    size = seen.sizes.astype(float)
    left_out = np.where(size <= kernels.SMALL, scipy.special.gammaln(size + 1), size * np.log(size) - size)
    evidence = found[0] + left_out @ seen.times - scipy.special.gammaln(n) + 0.5 * math.log(2 * math.pi)
    exact = seen.times @ dirichlet.log_rising(beta, seen.sizes) - dirichlet.log_rising(k * beta, n) - n * math.log(k)
    assert evidence == pytest.approx(exact, abs=0.1)


def test_the_law_of_some_states_is_its_sum():
    # Of k states each occurs with probability f, all those alike: the number m that do is binomial
    k, seen = 30, fingerprint([2, 1, 1, 1])
    log_evidence = laws.law_posterior(seen, k, "some").evidence
    f = np.linspace(0.0005, 0.9995, 1000)[:, None]
    m = np.arange(4, k + 1)
    terms = scipy.special.gammaln(k - 3) - scipy.special.gammaln(m - 3) - scipy.special.gammaln(k - m + 1)
    terms = terms + m * np.log(f) + (k - m) * np.log1p(-f) - 5 * np.log(m)
    density = np.exp(terms).sum(axis=1) / f[:, 0] / math.log(k)  # ξ = ln fk is uniform in (0, ln k)
    assert log_evidence == pytest.approx(math.log(density.mean()), abs=0.15)


def test_evidence_finds_the_law():
    rng = np.random.default_rng(4)
    k = 1000
    zipf = 1 / np.arange(1, k + 1)
    for p, family in (
        (zipf / zipf.sum(), "power"),
        (np.where(np.arange(k) < 100, 0.01, 0.0), "some"),
        (np.exp(s := 2 * rng.normal(size=k)) / np.exp(s).sum(), "log-normal"),
    ):
        seen = fingerprint(rng.multinomial(5000, p))
        found = {name: laws.law_posterior(seen, k, name).evidence for name in laws.LAWS}
        found["gamma"] = dirichlet.posterior(seen, k).evidence
        assert max(found, key=lambda name: found[name]) == family


@given(counts_lists, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=25)
def test_order_and_zeros_do_not_matter(counts, random):
    other = [*counts, 0, 0]
    random.shuffle(other)
    for method in entropies.METHODS:
        one = entropies.estimate(fingerprint(counts), method, 60)
        assert one == entropies.estimate(fingerprint(other), method, 60)
        assert math.isfinite(one.value)
        assert one.stderr >= 0


@pytest.mark.parametrize("method", entropies.METHODS)
def test_extremes(method):
    for counts, k in (([10**9, 1], 10**9), ([1], 10**9), ([1, 1], 2), ([10**9] * 3, 3), (np.ones(1000, int), 10**9)):
        result = entropies.estimate(fingerprint(counts), method, k)
        assert math.isfinite(result.value)
        assert -1.5 < result.value < math.log(k) + 3
    assert entropies.estimate(fingerprint([7]), method, 1).value == 0.0


def test_the_shortest_interval_reaches_the_end():
    # A density that rises up to ln k: the interval ends there, not 2.5 % before
    seen = fingerprint(np.full(100, 5))
    value, stderr, (low, high) = summary(dirichlet.posterior(seen, 100), math.log(100))
    assert low < value < high == pytest.approx(math.log(100), abs=1e-4)
    assert stderr > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("best", None), r"method='best'"),
        (("nsb", None), r"needs the number of states"),
        (("laws", 2), r"3 states were seen"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        entropies.estimate(fingerprint([1, 2, 3]), *arguments)
