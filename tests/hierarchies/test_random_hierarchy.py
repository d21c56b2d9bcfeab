"""The random hierarchy against full enumeration of its derivations."""

import itertools
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.hierarchies import ranking
from rgnet.hierarchies.random_hierarchy import RandomHierarchy

SMALL = [
    RandomHierarchy(3, 2, 2, 2, 3, seed=1),
    RandomHierarchy(2, 2, 2, 2, 2, seed=4, prior=[0.2, 0.8]),
    RandomHierarchy(4, 3, 2, 2, 5, seed=2),
    RandomHierarchy(3, 2, 3, 1, 4, seed=3, prior=[0.5, 0.25, 0.25, 0.0]),
]
NOISY = [
    RandomHierarchy(3, 2, 2, 2, 3, seed=1, noise=0.2),
    RandomHierarchy(2, 1, 2, 3, 2, seed=6, prior=[0.3, 0.7], noise=0.4),
    RandomHierarchy(2, 2, 3, 1, 4, seed=2, noise=1.0),
]


def derivations(h):
    """Every way of writing out a class: (probability, [y_0, …, y_L])."""
    result = [(p, [(c,)]) for c, p in enumerate(h.prior)]
    for rule in h.rules:
        longer = []
        for p, levels in result:
            for choice in itertools.product(range(h.m), repeat=len(levels[-1])):
                below = tuple(int(b) for a, r in zip(levels[-1], choice, strict=True) for b in rule[a, r])
                longer.append((p / h.m ** len(choice), [*levels, below]))
        result = longer
    return result


def joint(h, a, b):
    """{(y_a, y_b): probability} by brute force; b may be the noisy level."""
    table = {}
    for p, levels in derivations(h):
        ends = {levels[min(b, h.L)]: 1.0}
        if b > h.L:
            ends = {
                y: math.prod((1 - h.noise) * (x == z) + h.noise / h.v for x, z in zip(levels[h.L], y, strict=True))
                for y in itertools.product(range(h.v), repeat=h.s**h.L)
            }
        for y, q in ends.items():
            first = levels[a] if a <= h.L else y
            table[first, y] = table.get((first, y), 0.0) + p * q
    return table


def information(table):
    left, right = {}, {}
    for (x, y), p in table.items():
        left[x] = left.get(x, 0.0) + p
        right[y] = right.get(y, 0.0) + p
    return math.fsum(p * math.log(p / left[x] / right[y]) for (x, y), p in table.items() if p > 0)


def brute_posterior(h, likelihood, level):
    """Marginals of a clean level given p(evidence | y_L) (sites, v), over all derivations."""
    result = np.zeros((h.level_sizes[level], h.alphabet[level]))
    for p, levels in derivations(h):
        weight = p * math.prod(likelihood[i, x] for i, x in enumerate(levels[h.L]))
        for site, x in enumerate(levels[level]):
            result[site, x] += weight
    return result / result.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("h", SMALL + NOISY, ids=repr)
def test_rules_have_no_ambiguity(h):
    for k, rule in enumerate(h.rules):
        assert rule.shape == (h.classes if k == 0 else h.v, h.m, h.s)
        tuples = rule.reshape(-1, h.s)
        assert len(np.unique(tuples, axis=0)) == len(tuples)
        assert rule.min() >= 0
        assert rule.max() < h.v


@pytest.mark.parametrize("h", SMALL, ids=repr)
def test_sampled_frequencies_are_those_of_the_derivations(h):
    n = 40_000
    data = h.sample(n, seed=5)
    for level in range(h.L + 1):
        exact = {}
        for p, levels in derivations(h):
            exact[levels[level]] = exact.get(levels[level], 0.0) + p
        seen = data[f"y_{level}"].values.reshape(n, -1)
        kinds, counts = np.unique(seen, axis=0, return_counts=True)
        assert {tuple(map(int, row)) for row in kinds} <= {y for y, p in exact.items() if p > 0}
        p = np.array([exact[tuple(map(int, row))] for row in kinds])
        chi2 = ((counts - n * p) ** 2 / (n * p)).sum() + n * (1 - p.sum())
        assert chi2 < len(p) + 5 * math.sqrt(2 * len(p)) + 5


def test_the_levels_of_a_sample_belong_together_and_seeds_repeat():
    h = RandomHierarchy(8, 4, 2, 4, 8, seed=1)
    data = h.sample(500, seed=3)
    levels, _ = h.parse(data["y_4"].values)
    for k, level in enumerate(levels):
        assert np.array_equal(level.squeeze(), data[f"y_{k}"].values)
    assert data.identical(h.sample(500, seed=3))
    assert not data.equals(h.sample(500, seed=4))
    assert data["y_0"].dims == ("draw",)
    assert data["y_4"].dims == ("draw", "site_4")
    assert data["y_4"].dtype == np.int8
    assert h.level_sizes == (1, 2, 4, 8, 16)
    assert h.alphabet == (8, 8, 8, 8, 8)
    assert h.steps == 4
    assert h.p_star == 8 * 4**4
    assert all(isinstance(value, (str, int, float)) for value in data.attrs.values())


@pytest.mark.parametrize("h", SMALL, ids=repr)
def test_belief_propagation_equals_enumeration_of_soft_and_masked_evidence(h):
    rng = np.random.default_rng(0)
    sites = h.s**h.L
    soft = rng.random((6, sites, h.v)) + 0.01
    data = h.sample(6, seed=9)[f"y_{h.L}"].values.astype(np.int64)
    data[rng.random(data.shape) < 0.5] = -1
    hard = np.where((data == -1)[..., None], 1.0, (data[..., None] == np.arange(h.v)).astype(float))
    for level in range(h.L + 1):
        for evidence, likelihood in ((soft, soft), (data, hard)):
            found = h.posterior(evidence, level).reshape(6, h.level_sizes[level], h.alphabet[level])
            for row, exact in zip(found, likelihood, strict=True):
                assert np.allclose(row, brute_posterior(h, exact, level), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("h", NOISY, ids=repr)
def test_belief_propagation_through_noise(h):
    channel = (1 - h.noise) * np.eye(h.v) + h.noise / h.v
    data = h.sample(5, seed=2)[f"y_{h.L + 1}"].values.astype(np.int64)
    data[0, 0] = -1
    likelihood = np.where((data == -1)[..., None], 1.0, channel.T[data])
    for level in range(h.L + 1):
        found = h.posterior(data, level).reshape(5, h.level_sizes[level], h.alphabet[level])
        for row, exact in zip(found, likelihood, strict=True):
            assert np.allclose(row, brute_posterior(h, exact, level), rtol=1e-11, atol=1e-14)
    # The level of the data: what was seen is certain, what was not is predicted through the channel
    found = h.posterior(data, h.L + 1)
    assert np.allclose(found[1:], data[1:, :, None] == np.arange(h.v))
    clean = brute_posterior(h, likelihood[0], h.L)[0]
    if h.noise < 1:
        assert np.allclose(found[0, 0], clean @ channel)
    assert np.allclose(found.sum(axis=-1), 1)


@pytest.mark.parametrize("h", SMALL + NOISY, ids=repr)
def test_posteriors_are_calibrated_over_the_exact_distribution_of_the_data(h):
    """Σ_data p(data) p(y_0 | data) = p(y_0)."""
    table = joint(h, 0, h.steps)
    p = {}
    for (_, y), q in table.items():
        p[y] = p.get(y, 0.0) + q
    data = [y for y, q in p.items() if q > 0]
    posterior = h.posterior(np.array(data))
    assert np.allclose(np.array([p[y] for y in data]) @ posterior, h.prior, atol=1e-12)


def test_evidence_beyond_the_range_of_floats_keeps_its_digits():
    h = RandomHierarchy(4, 2, 2, 5, 4, seed=2)
    rng = np.random.default_rng(1)
    log_soft = rng.normal(size=(3, 32, 4)) * 100
    soft = np.exp(log_soft)  # down to e^{-300}
    found = [h.posterior(soft * scale) for scale in (1.0, 1e-100)]
    assert np.array_equal(found[0].argmax(axis=1), found[1].argmax(axis=1))
    assert np.allclose(np.log(found[0] + 1e-300), np.log(found[1] + 1e-300), rtol=1e-9, atol=1e-9)
    # The same, all in logarithms
    message = log_soft
    for rule in reversed(h.rules):
        pairs = message.reshape(3, -1, 2, message.shape[-1])
        terms = pairs[:, :, 0, rule[:, :, 0]] + pairs[:, :, 1, rule[:, :, 1]]
        message = np.logaddexp.reduce(terms, axis=-1)
    exact = message[:, 0] - np.logaddexp.reduce(message[:, 0], axis=1, keepdims=True)
    shown = found[0] > 0
    assert np.allclose(np.log(found[0][shown]), exact[shown], rtol=1e-10, atol=1e-10)


def test_deep_marginals_agree_with_enumeration_where_linear_sums_underflow():
    h = RandomHierarchy(3, 2, 2, 2, 3, seed=1)
    rng = np.random.default_rng(7)
    soft = 10.0 ** (-rng.random((20, 4, 3)) * 160)  # products of two fall below 1e-250
    for level in range(3):
        found = h.posterior(soft, level).reshape(20, h.level_sizes[level], 3)
        for row, evidence in zip(found, soft, strict=True):
            exact = brute_posterior(h, evidence / evidence.max(axis=1, keepdims=True), level)
            assert np.allclose(row, exact, rtol=1e-9, atol=1e-200)


@pytest.mark.parametrize("h", SMALL, ids=repr)
def test_ranks_are_a_bijection_on_all_data(h):
    assert h.count == h.classes * h.m ** sum(h.s**k for k in range(h.L))
    data = [h.unrank(c, i) for c in range(h.classes) for i in range(h.count_per_class)]
    assert len({tuple(map(int, y)) for y in data}) == h.count
    assert h.rank(np.array(data)) == [(c, i) for c in range(h.classes) for i in range(h.count_per_class)]
    assert {tuple(map(int, y)) for y in data} == {levels[-1] for _, levels in derivations(h)}


@pytest.mark.parametrize(("m", "s", "L"), [(5, 2, 9), (4, 3, 6), (7, 4, 5), (1, 2, 8)])
def test_ranks_of_any_size_return(m, s, L):
    h = RandomHierarchy(8, m, s, L, 6, seed=1)
    data = h.sample(3, seed=1)
    for y, label, (c, index) in zip(
        data[f"y_{L}"].values, data["y_0"].values, h.rank(data[f"y_{L}"].values), strict=True
    ):
        assert c == label
        assert isinstance(index, int)
        assert 0 <= index < h.count_per_class
        assert np.array_equal(h.unrank(c, index), y)
    last = h.unrank(5, h.count_per_class - 1)
    assert h.rank(last) == (5, h.count_per_class - 1)


@given(st.integers(1, 40), st.data())
def test_numbers_split_and_join(base, data):
    digits = data.draw(st.lists(st.integers(0, base - 1), min_size=1, max_size=300))
    number = ranking.join(np.array(digits), base)
    assert number == sum(d * base ** (len(digits) - 1 - i) for i, d in enumerate(digits))
    assert ranking.split(number, base, len(digits)).tolist() == digits


@pytest.mark.parametrize("h", SMALL, ids=repr)
def test_information_of_clean_levels_is_that_of_the_enumeration(h):
    for a in range(h.L + 1):
        for b in range(a, h.L + 1):
            found = h.mutual_information(b, a)
            assert found.kind == "exact"
            assert found.unit == "nats"
            assert found.value == pytest.approx(information(joint(h, a, b)), abs=1e-12)


@pytest.mark.parametrize("h", NOISY, ids=repr)
def test_information_through_noise_is_that_of_the_enumeration_and_never_grows(h):
    values = []
    for a in range(h.L + 2):
        found = h.mutual_information(a, h.L + 1)
        assert found.kind == "exact"
        assert found.value == pytest.approx(information(joint(h, a, h.L + 1)), abs=1e-11)
        values.append(found.value)
    assert all(x <= y + 1e-12 for x, y in itertools.pairwise(values))
    assert all(h.mutual_information(0, b).value <= h.mutual_information(0, b - 1).value + 1e-12 for b in (1, h.L + 1))


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_estimated_information_agrees_with_the_exact_one(level, monkeypatch):
    from rgnet.hierarchies import _random_hierarchy_inference as inference

    h = RandomHierarchy(3, 2, 2, 2, 3, seed=1, noise=0.2)
    exact = h.mutual_information(level, 3).value
    monkeypatch.setattr(inference, "MAX_STATES", 1)
    with pytest.raises(ValueError, match=r"give n="):
        h.mutual_information(level, 3)
    scores = [h.mutual_information(level, 3, n=2000, seed=s).z(exact) for s in range(20)]
    assert h.mutual_information(level, 3, n=2000).kind == "estimate"
    assert abs(np.mean(scores)) < 4 / math.sqrt(20)
    assert np.abs(scores).max() < 4
    assert 0.5 < np.std(scores) < 1.6


@pytest.mark.parametrize("h", SMALL + NOISY, ids=repr)
def test_sufficient_labels_are_equal_exactly_where_the_posteriors_are(h):
    for level in range(h.steps + 1):
        if level > 1 and h.noise > 0 and h.classes > 3:
            continue
        T = h.sufficient(level)
        rows = {}
        for (x, y), p in joint(h, level, h.steps).items():
            if p > 0:
                rows.setdefault(y, {})[x] = p
        data = sorted(rows)
        labels = T(np.array(data))
        posteriors = []
        states = sorted({x for row in rows.values() for x in row})
        for y in data:
            p = np.array([rows[y].get(x, 0.0) for x in states])
            posteriors.append(p / p.sum())
        close = np.abs(np.array(posteriors)[:, None] - np.array(posteriors)[None]).max(axis=-1) < 1e-9
        assert np.array_equal(close, labels[:, None] == labels[None])
        if 0.0 not in h.prior:
            assert T.count == len(set(labels.tolist()))
        assert T.labels is not None
        assert T.labels.size == h.v ** (h.s**h.L)
        assert np.array_equal(T.labels[np.array(data) @ h.v ** np.arange(h.s**h.L)[::-1]], labels)


def test_labelled_data_in_labelled_posteriors_out():
    h = RandomHierarchy(4, 2, 2, 3, 4, seed=2, noise=0.1)
    data = h.sample(7)
    assert h.posterior(data).dims == ("draw", "state")
    assert h.posterior(data["y_4"], 2).dims == ("draw", "site_2", "state")
    assert np.array_equal(h.posterior(data, 2).values, h.posterior(data["y_4"].values, 2))
    assert RandomHierarchy(4, 2, 2, 3, 4).sufficient()(RandomHierarchy(4, 2, 2, 3, 4).sample(5)).dims == ("draw",)


def test_equal_parameters_are_equal_hierarchies():
    h = RandomHierarchy(4, 2, 2, 3, 4, seed=2)
    assert h == RandomHierarchy(4, 2, 2, 3, 4, seed=2)
    assert all(map(np.array_equal, h.rules, RandomHierarchy(4, 2, 2, 3, 4, seed=2).rules))
    assert h != RandomHierarchy(4, 2, 2, 3, 4, seed=3)
    assert RandomHierarchy(32, 3, 10, 1, 3).rules[0].shape == (3, 3, 10)  # 32^10 tuples are never listed


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 4),
    st.integers(1, 3),
    st.integers(2, 3),
    st.integers(1, 2),
    st.integers(0, 10**6),
    st.floats(0.01, 0.9),
)
def test_data_processing_holds_for_random_rules(v, m, s, L, seed, noise):
    if m * v > v**s or v ** (s**L) > 1 << 12:
        return
    h = RandomHierarchy(v, m, s, L, v, seed=seed, noise=noise)
    table = [[h.mutual_information(a, b).value for b in range(h.steps + 1)] for a in range(h.steps + 1)]
    for a, b, c in itertools.combinations(range(h.steps + 1), 3):
        assert table[a][c] <= min(table[a][b], table[b][c]) + 1e-12


BAD = [
    ({"v": 4, "m": 5, "s": 2, "L": 2, "classes": 4}, r"v·m = 20 productions.*v\^s = 16.*m ≤ 4"),
    ({"v": 4, "m": 4, "s": 2, "L": 2, "classes": 5}, r"classes·m = 20 .*classes ≤ 4"),
    ({"v": 1, "m": 1, "s": 2, "L": 2, "classes": 2}, r"v=1: a whole number of at least 2"),
    ({"v": 2, "m": 1, "s": 2, "L": 0, "classes": 2}, r"L=0"),
    ({"v": 2.5, "m": 1, "s": 2, "L": 1, "classes": 2}, r"v=2.5"),
    ({"v": 2, "m": 1, "s": 2, "L": 40, "classes": 2}, r"sites of data; give a smaller L"),
    ({"v": 256, "m": 1, "s": 8, "L": 1, "classes": 2}, r"at most 2\^62"),
    ({"v": 2, "m": 1, "s": 2, "L": 1, "classes": 2, "prior": [0.5, 0.6]}, r"prior sums to 1.1"),
    ({"v": 2, "m": 1, "s": 2, "L": 1, "classes": 2, "prior": [0.5, 0.2, 0.3]}, r"prior has shape \(3,\)"),
    ({"v": 2, "m": 1, "s": 2, "L": 1, "classes": 2, "noise": 1.5}, r"noise=1.5"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_impossible_parameters_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomHierarchy(**arguments)


def test_bad_data_are_refused():
    h = RandomHierarchy(4, 2, 2, 2, 4, seed=1)
    with pytest.raises(ValueError, match=r"give \(n, 4\)"):
        h.posterior(np.zeros((3, 5), dtype=int))
    with pytest.raises(ValueError, match=r"symbols are 0 to 3"):
        h.posterior(np.full((3, 4), 4))
    with pytest.raises(ValueError, match=r"likelihoods of shape"):
        h.posterior(np.zeros((3, 4)))
    soft = np.ones((3, 4, 4))
    soft[1, 2] = 0
    with pytest.raises(ValueError, match=r"draw 1, site 2 are all 0"):
        h.posterior(soft)
    with pytest.raises(ValueError, match=r"negative or not finite"):
        h.posterior(np.full((3, 4, 4), np.nan))
    with pytest.raises(ValueError, match=r"dtype object"):
        h.posterior(np.full((3, 4), None))
    impossible = next(
        np.array(y) for y in itertools.product(range(4), repeat=4) if not any(y == d[1][-1] for d in derivations(h))
    )
    with pytest.raises(ValueError, match=r"draw 0 of the data .* no derivation"):
        h.posterior(impossible[None])
    with pytest.raises(ValueError, match=r"no rule produces|no production|a tuple"):
        h.rank(impossible)
    with pytest.raises(ValueError, match=r"levels are 0 \(the cause\) … 2|levels 0"):
        h.posterior(h.sample(3), 3)
    with pytest.raises(ValueError, match=r"from 0 to"):
        h.unrank(0, h.count_per_class)
    with pytest.raises(ValueError, match=r"label=4"):
        h.unrank(4, 0)
    with pytest.raises(ValueError, match=r"no variable y_2"):
        h.posterior(xr.Dataset())
    with pytest.raises(ValueError, match=r"n=0"):
        h.sample(0)
    with pytest.raises(ValueError, match=r"fully observed"):
        RandomHierarchy(2, 1, 2, 1, 2, noise=0.1).sufficient()(np.array([[-1, 0]]))
    with pytest.raises(ValueError, match=r"more than 64-bit labels"):
        RandomHierarchy(8, 8, 2, 6, 8).sufficient(6)
    with pytest.raises(ValueError, match=r"not listed"):
        RandomHierarchy(8, 8, 2, 4, 8, noise=0.1).sufficient()


def test_sizes_that_no_memory_holds():
    with pytest.raises(ValueError, match="2000000000 productions"):
        RandomHierarchy(10**9, 2, 2, 2, 2)
    with pytest.raises(ValueError, match=r"at most 2\^62"):
        RandomHierarchy(2, 2, 10**9, 2, 2)


@pytest.mark.parametrize("index", [1.7, True, "1", None])
def test_a_number_is_whole(index):
    with pytest.raises(ValueError, match="give a whole number from 0 to 2\\^3"):
        RandomHierarchy(4, 2, 2, 2, 2).unrank(0, index)
