import itertools
from fractions import Fraction

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rgnet.hierarchies.chain import Chain

CHAIN = Chain([0.2, 0.5, 0.3], [[[0.7, 0.3], [0.1, 0.9], [0.5, 0.5]], [[0.6, 0.4, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]]])


def random_chain(seed, steps=4, most=6, sparse=False):
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    sizes = rng.integers(1, most + 1, size=steps + 1)
    tables = [rng.dirichlet(np.full(b, 0.5), size=a) for a, b in itertools.pairwise(sizes)]
    if sparse:
        tables = [np.where(t < 0.1, 0.0, t) / np.where(t < 0.1, 0.0, t).sum(axis=1, keepdims=True) for t in tables]
    return Chain(rng.dirichlet(np.ones(sizes[0])), tables)


def test_levels_and_shapes():
    assert (CHAIN.steps, CHAIN.level_sizes, CHAIN.alphabet) == (2, (1, 1, 1), (3, 2, 4))
    assert CHAIN.joint(0, 2).shape == (3, 4)
    assert CHAIN.joint(2, 0).shape == (4, 3)
    assert CHAIN.joint(1, 2) == pytest.approx(CHAIN.marginals[1][:, None] * CHAIN.matrices[1])


def test_two_states_by_hand():
    chain = Chain([0.5, 0.5], [[[0.9, 0.1], [0.2, 0.8]]])
    assert chain.posterior(np.array([0, 1])) == pytest.approx(np.array([[0.9, 0.2], [0.1, 0.8]]) / [[1.1], [0.9]])
    joint = np.array([[0.45, 0.05], [0.1, 0.4]])
    information = np.sum(joint * np.log(joint / np.outer(joint.sum(1), joint.sum(0))))
    estimate = chain.mutual_information(0, 1)
    assert float(estimate) == pytest.approx(information, rel=1e-13)
    assert (estimate.kind, estimate.unit, estimate.stderr) == ("exact", "nats", 0.0)
    assert float(chain.mutual_information(0, 0)) == pytest.approx(np.log(2))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_data_processing_inequality(seed, sparse):
    chain = random_chain(seed, sparse=sparse)
    table = np.array([[float(chain.mutual_information(a, b)) for b in range(5)] for a in range(5)])
    assert table == pytest.approx(table.T, abs=1e-12)
    for a in range(5):
        assert np.all(np.diff(table[a, a:]) <= 1e-12)  # further from the cause, less is known of it
        assert np.all(np.diff(table[: a + 1, a]) >= -1e-12)
    assert np.all(table >= -1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_posterior_sums_to_one_and_averages_to_the_prior(seed):
    chain = random_chain(seed)
    for level in range(chain.steps + 1):
        table = chain.posterior_table(level)
        possible = chain.marginals[-1] > 0
        assert table[possible].sum(axis=1) == pytest.approx(1.0)
        assert chain.marginals[-1][possible] @ table[possible] == pytest.approx(chain.marginals[level])


def test_sampled_frequencies():
    n = 200_000
    data = CHAIN.sample(n, seed=5)
    assert set(data) == {"y_0", "y_1", "y_2"}
    assert data["y_2"].dims == ("draw",)
    assert data["y_2"].dtype == np.uint8
    joint = (CHAIN.marginals[0][:, None, None] * CHAIN.matrices[0][:, :, None] * CHAIN.matrices[1]).ravel()
    code = (data["y_0"].values.astype(int) * 2 + data["y_1"].values) * 4 + data["y_2"].values
    counts = np.bincount(code, minlength=joint.size)
    assert counts[joint == 0].sum() == 0
    assert stats.chisquare(counts[joint > 0], n * joint[joint > 0]).pvalue > 1e-3


def test_large_alphabet_is_sampled_rightly():
    rng = np.random.default_rng(np.random.SeedSequence(1))
    chain = Chain([1.0], [rng.dirichlet(np.full(300, 0.3), size=1)])
    x = chain.sample(300_000, seed=2)["y_1"].values
    assert x.dtype == np.uint16
    p = chain.matrices[0][0]
    counts = np.bincount(x, minlength=300)
    common = p * x.size > 10
    observed = np.append(counts[common], counts[~common].sum())
    assert stats.chisquare(observed, np.append(p[common], p[~common].sum()) * x.size).pvalue > 1e-3


def test_first_draws_and_levels_do_not_depend_on_what_else_is_drawn():
    long, short, some = CHAIN.sample(5000, seed=1), CHAIN.sample(70, seed=1), CHAIN.sample(70, seed=1, levels=(2,))
    assert np.array_equal(long["y_2"][:70], short["y_2"])
    assert np.array_equal(some["y_2"], short["y_2"])
    assert list(some) == ["y_2"]
    assert not np.array_equal(CHAIN.sample(70, seed=2)["y_2"], short["y_2"])


def test_posterior_of_labelled_data():
    data = CHAIN.sample(20, seed=3)
    p = CHAIN.posterior(data, level=1)
    assert isinstance(p, xr.DataArray)
    assert p.dims == ("draw", "state")
    assert np.array_equal(p, CHAIN.posterior(data["y_2"].values, level=1))
    assert np.array_equal(p, CHAIN.posterior(data["y_2"], level=1))


def test_sufficient_merges_equal_posteriors():
    third = [0.2, 0.3, 0.5]
    chain = Chain([0.4, 0.6], [[[0.1, 0.2, 0.7], [0.3, 0.6, 0.1]], [[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1.0]]])
    statistic = chain.sufficient(0)
    assert statistic.count == 2  # the first two states of y_1 are 1 : 3 and 2 : 6
    assert statistic.labels.tolist() == [0, 0, 0, 1]
    assert chain.sufficient(1).labels.tolist() == [0, 1, 1, 2]
    assert statistic(np.array([3, 0, 1])).tolist() == [1, 0, 0]
    assert statistic(chain.sample(5)).dims == ("draw",)
    useless = Chain([0.4, 0.6], [[third, third]])
    assert useless.sufficient(0).count == 1


def test_rational_chains_are_compared_exactly():
    half, tiny = Fraction(1, 2), Fraction(1, 10**15)
    near = Chain([half, half], [[[half, half - tiny, tiny], [half, half, Fraction(0)]]])
    assert near.rational
    assert near.sufficient(0).count == 3
    equal = Chain([half, half], [[[half, half], [half, half]], [[1, 0], [0, 1]]])
    assert equal.rational
    assert equal.sufficient(0).count == 1
    assert not Chain([1, 0], [[[1, 0], [0, 1]]]).rational


def test_posteriors_that_differ_by_1e5_stay_apart():
    chain = Chain([0.5, 0.5], [[[0.25, 0.25, 0.5], [0.25, 0.25 + 1.1e-5, 0.5 - 1.1e-5]]])
    assert chain.sufficient(0).count == 3


@pytest.mark.parametrize(
    ("prior", "matrices", "words"),
    [
        ([0.5, 0.6], [np.eye(2)], r"prior sums to 1.1, \+0.1 off"),
        ([0.5, 0.5], [[[0.9, 0.1], [0.3, 0.6]]], r"row 1 of matrices\[0\] sums to 0.9, -0.1 off"),
        ([0.5, 0.5], [[[1.1, -0.1], [0.5, 0.5]]], r"matrices\[0\]\[0, 1\] = -0.1"),
        ([0.5, 0.5], [np.eye(2), np.eye(3)], r"matrices\[1\] has shape \(3, 3\); it must be \(2, any\)"),
        ([0.5, np.nan], [np.eye(2)], r"prior\[1\] = nan"),
        ([0.5, 0.5], [], r"at least one step"),
        ([], [np.eye(2)], r"prior is empty"),
        (["a", "b"], [np.eye(2)], r"prior is not a rectangular array of numbers"),
        ([Fraction(1, 3), Fraction(1, 3)], [np.eye(2)], r"prior sums to 0.666666666667, -0.333 off"),
    ],
)
def test_impossible_parameters(prior, matrices, words):
    with pytest.raises(ValueError, match=words):
        Chain(prior, matrices)


def test_impossible_data():
    chain = Chain([1.0, 0.0], [[[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]])
    with pytest.raises(ValueError, match=r"draw 1 of the data has probability zero"):
        chain.posterior(np.array([0, 2]))
    with pytest.raises(ValueError, match=r"draw 1 of the data has probability zero"):
        chain.sufficient(0)(np.array([0, 2]))
    assert np.isnan(chain.posterior_table(0)[2]).all()
    with pytest.raises(ValueError, match=r"draw 2 of the data has a state outside 0 … 2"):
        chain.posterior(np.array([0, 1, 3]))
    with pytest.raises(ValueError, match=r"states are whole numbers"):
        chain.posterior(np.array([0.5]))
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        chain.posterior(np.zeros((2, 2), dtype=int))
    with pytest.raises(ValueError, match=r"level=3: the levels are 0"):
        chain.posterior(np.array([0]), level=3)
    with pytest.raises(ValueError, match=r"one of them must be draw"):
        chain.posterior(xr.DataArray([0], dims="x"))
    with pytest.raises(ValueError, match=r"the Dataset has no y_1"):
        chain.posterior(chain.sample(3, levels=(0,)))
    with pytest.raises(ValueError, match=r"n=0: a whole number of at least 1"):
        chain.sample(0)
