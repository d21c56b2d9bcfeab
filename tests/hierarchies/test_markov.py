import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rgnet.hierarchies.markov import enlarge


def random_kernels(seed, steps):
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    states = rng.integers(1, 4, size=steps + 1)
    kernels = []
    for i in range(steps):
        memory = int(rng.integers(1, min(i + 1, 3) + 1))
        kernels.append(rng.dirichlet(np.ones(states[i + 1]), size=tuple(states[i + 1 - memory : i + 1])))
    return rng.dirichlet(np.ones(states[0])), kernels


def direct(prior, kernels):
    """The joint distribution of all variables, by enumeration."""
    states = [len(prior)] + [k.shape[-1] for k in kernels]
    joint = np.empty(states)
    for y in itertools.product(*map(range, states)):
        p = prior[y[0]]
        for i, kernel in enumerate(kernels):
            p *= kernel[y[i + 2 - kernel.ndim : i + 2]]
        joint[y] = p
    return joint


def through(enlarged):
    """The same from the Markov chain: paths z_0 → … → z_n, read variable by variable."""
    chain, joint = enlarged.chain, np.zeros(enlarged.states)
    maps = [enlarged.read(i) for i in range(enlarged.steps + 1)]
    for z in itertools.product(*map(range, chain.alphabet)):
        p = chain.prior[z[0]]
        for i, matrix in enumerate(chain.matrices):
            p *= matrix[z[i], z[i + 1]]
        joint[tuple(m[k] for m, k in zip(maps, z, strict=True))] += p
    return joint


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_joint_distribution_is_that_of_enumeration(seed):
    prior, kernels = random_kernels(seed, steps=4)
    assert through(enlarge(prior, kernels)) == pytest.approx(direct(prior, kernels), abs=1e-14)


def test_only_what_is_still_needed_is_carried():
    prior, kernel = [0.5, 0.5], np.full((2, 2, 2), 0.5)
    chain = enlarge(prior, [np.eye(2), kernel, np.eye(2), np.eye(2)])
    assert chain.first == (0, 0, 2, 3, 4)
    assert chain.chain.alphabet == (2, 4, 2, 2, 2)
    assert chain.read(0, level=1).tolist() == [0, 0, 1, 1]
    assert chain.read(1).tolist() == [0, 1, 0, 1]
    with pytest.raises(ValueError, match=r"z_2 carries y_2 … y_2, not y_1"):
        chain.read(1, level=2)


def test_samples_follow_the_kernels():
    parity = np.zeros((2, 2, 2))  # y_2 is the parity of y_0 and y_1, which no chain of y's alone can do
    for a, b in itertools.product((0, 1), repeat=2):
        parity[a, b, a ^ b] = 1.0
    enlarged = enlarge([0.3, 0.7], [[[0.5, 0.5], [0.5, 0.5]], parity])
    data = enlarged.sample(20_000, seed=4)
    assert set(data) == {"y_0", "y_1", "y_2"}
    assert np.array_equal(data["y_2"], data["y_0"] ^ data["y_1"])
    counts = np.bincount(data["y_0"].values * 2 + data["y_1"].values, minlength=4)
    assert stats.chisquare(counts, 20_000 * np.array([0.15, 0.15, 0.35, 0.35])).pvalue > 1e-3
    assert float(enlarged.chain.mutual_information(0, 2)) == pytest.approx(0.0, abs=1e-13)


def test_fractions_stay_exact():
    half = Fraction(1, 2)
    kernel = np.full((2, 2, 2), half, dtype=object)
    enlarged = enlarge([half, half], [[[half, half], [half, half]], kernel])
    assert enlarged.chain.rational
    assert enlarged.chain.sufficient(0).count == 1


@pytest.mark.parametrize(
    ("kernels", "order", "words"),
    [
        ([], None, r"at least one step"),
        ([np.full((2, 2, 2), 0.5)], None, r"kernels\[0\] has 3 axes, so y_1 depends on 2 variables; it may on 1 … 1"),
        ([np.eye(2), np.full((2, 2, 2), 0.5)], 1, r"kernels\[1\] has 3 axes"),
        ([np.full((2, 2), 0.4)], None, r"row 0 of kernels\[0\] sums to 0.8, -0.2 off"),
        ([np.eye(2), np.full((2, 3, 2), 0.5)], None, r"kernels\[1\] has shape \(2, 3, 2\); it must be \(2, 2, any\)"),
    ],
)
def test_impossible_kernels(kernels, order, words):
    with pytest.raises(ValueError, match=words):
        enlarge([0.5, 0.5], kernels, order)
