"""Enumeration against closed forms, direct sums and its own numbering."""

import itertools

import numpy as np
import pytest

import rgnet as rg
from rgnet import exact
from rgnet.exact import chain1d, ising2d

SQUARE = rg.Ising((4, 4), K=ising2d.K_c)


def free_spins(h):
    return lambda x: -h * x.reshape(len(x), -1).sum(axis=1)


@pytest.mark.parametrize("values", [(-1, 1), (0, 1, 2), (-1, 0, 1), (0.5, -0.25)])
def test_states_are_numbered_as_product_runs(values):
    shape = (2, 3)
    expected = np.array(list(itertools.product(values, repeat=6))).reshape(-1, *shape)
    every = exact.states(shape, values=values)
    np.testing.assert_array_equal(every, expected)
    assert every.dtype == (np.float64 if 0.5 in values else np.int8)
    np.testing.assert_array_equal(exact.states(shape, 17, 30, values), expected[17:30])


def test_log_Z_of_free_spins_is_exact():
    assert exact.log_Z(free_spins(0.7), 17) == pytest.approx(17 * np.log(2 * np.cosh(0.7)), rel=1e-14)
    three = exact.log_Z(lambda x: x.sum(axis=1), 5, values=(0, 1, 2))
    assert three == pytest.approx(5 * np.log(1 + np.exp(-1) + np.exp(-2)), rel=1e-14)


def test_chain_and_square_lattice_are_their_closed_forms():
    ring = rg.Ising(12, K=-0.6, h=0.3)
    assert exact.log_Z(ring.energy, 12) == pytest.approx(float(chain1d.log_Z(-0.6, 0.3, 12)), rel=1e-14)
    assert exact.log_Z(SQUARE.energy, (4, 4)) == pytest.approx(15.521915458755, abs=1e-12)
    p = exact.distribution(SQUARE.energy, (4, 4))
    assert p.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(
        np.log(p[7] / p[500]), -SQUARE.energy(exact.states((4, 4))[[7, 500]]) @ [1, -1], rtol=1e-12
    )


def test_moments_are_derivatives_of_log_Z():
    def sums(x):
        return np.column_stack([exact.marginals.bond_sum(x, SQUARE.boundary), x.sum(axis=(1, 2))])

    mean, covariance = exact.moments(SQUARE.energy, sums, (4, 4))
    assert mean[0] / 16 == pytest.approx(-float(ising2d.energy(SQUARE.K, (4, 4))), rel=1e-12)
    assert mean[1] == pytest.approx(0, abs=1e-12)
    assert covariance[0, 0] / 16 == pytest.approx(
        float(ising2d.specific_heat(SQUARE.K, (4, 4))) / SQUARE.K**2, rel=1e-12
    )
    assert covariance[0, 1] == pytest.approx(0, abs=1e-10)
    ring = rg.Ising(17, K=0.4, h=0.2)  # more than one chunk
    mean, covariance = exact.moments(ring.energy, lambda x: x.sum(axis=1), 17)
    assert mean / 17 == pytest.approx(float(chain1d.magnetization(0.4, 0.2, 17)), rel=1e-13)
    assert covariance[0, 0] / 17 == pytest.approx(float(chain1d.susceptibility(0.4, 0.2, 17)), rel=1e-12)


def test_a_large_mean_costs_no_digits_of_the_covariance():
    _, covariance = exact.moments(free_spins(0.7), lambda x: 1e8 + x[:, 0], 17)
    assert covariance[0, 0] == pytest.approx(1 - np.tanh(0.7) ** 2, rel=1e-6)


def test_forbidden_states_have_probability_zero():
    p = exact.distribution(lambda x: np.where(x[:, 0] > 0, 0.0, np.inf), 3)
    np.testing.assert_array_equal(p, [0] * 4 + [0.25] * 4)


def test_bad_input_is_refused():
    with pytest.raises(
        ValueError, match=r"has 2\^25 = 3.36e\+07 states.*at most 2\^24.*give at most 24 sites, or sample"
    ):
        exact.log_Z(SQUARE.energy, (5, 5))
    with pytest.raises(ValueError, match="give at most 15 sites"):
        exact.states(16, values=(0, 1, 2))
    with pytest.raises(ValueError, match=r"values=\(1, 1\): a site takes two or more different values"):
        exact.states(4, values=(1, 1))
    with pytest.raises(ValueError, match="start=3, stop=99"):
        exact.states(4, 3, 99)
    with pytest.raises(ValueError, match="returned shape \\(2,\\); return one number a state"):
        exact.log_Z(lambda x: np.zeros(2), 4)
    with pytest.raises(ValueError, match="the function is NaN for 16 of 16 states"):
        exact.log_Z(lambda x: np.full(len(x), np.nan), 4)
    with pytest.raises(ValueError, match="at least one state needs a finite energy"):
        exact.log_Z(lambda x: np.full(len(x), np.inf), 4)


@pytest.mark.slow
def test_the_largest_lattice():
    model = rg.Ising((4, 6), K=0.4)
    assert exact.log_Z(model.energy, model.shape) == pytest.approx(float(ising2d.log_Z(0.4, (4, 6))), rel=1e-14)
