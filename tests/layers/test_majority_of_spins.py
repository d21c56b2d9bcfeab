"""Majorities of int8 spins ±1 have kernels of their own: the same signs and the same coins as for any numbers."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet.layers import majority

SPINS = np.array([-1, 1], dtype=np.int8)


def spins(shape, seed):
    return np.random.default_rng(seed).choice(SPINS, size=shape)


@st.composite
def cases(draw):
    ndim = draw(st.integers(1, 4))
    b = draw(st.integers(2, (9, 4, 4, 3)[ndim - 1]))
    shape = tuple(b * draw(st.integers(1, (60, 8, 3, 2)[ndim - 1])) for _ in range(ndim))
    batch = draw(st.sampled_from([(), (1,), (5,), (2, 3)]))
    return b, (*batch, *shape), ndim, draw(st.sampled_from(["random", "first"])), draw(st.integers(0, 2**32))


@settings(max_examples=80, deadline=None)
@given(cases())
@example((2, (3, 40, 20_000), 2, "random", 0))  # a row longer than a group of block sums
@example((63, (2, 63), 1, "random", 1))
@example((64, (2, 64), 1, "random", 1))
@example((2, (0, 4, 4), 2, "random", 1))
def test_they_are_those_of_plain_numbers(case):
    b, shape, ndim, ties, seed = case
    x = spins(shape, seed)
    layer = rg.Majority(b, ties)
    one, other = np.random.default_rng(seed), np.random.default_rng(seed)
    y = layer(x, one, ndim=ndim)
    np.testing.assert_array_equal(y, layer(x.astype(np.int64), other, ndim=ndim))
    assert y.dtype == np.int8
    assert one.bit_generator.state == other.bit_generator.state


def test_the_kernel_is_what_runs(monkeypatch):
    calls = []
    real = majority._majority_of_spins
    monkeypatch.setattr(majority, "_majority_of_spins", lambda *a: calls.append(real(*a)) or calls[-1])
    y = rg.Majority(2)(spins((7, 8, 8), 0), 1, ndim=2)
    assert calls[0] is y


@pytest.mark.parametrize("ties", ["random", "first"])
def test_calls_in_parts_toss_the_same_coins(monkeypatch, ties):
    x = spins((50, 8, 12), 5)
    whole = rg.Majority(2, ties)(x, 3, ndim=2)
    monkeypatch.setattr(majority, "_SPINS_PER_CALL", 700)
    np.testing.assert_array_equal(whole, rg.Majority(2, ties)(x, 3, ndim=2))


@pytest.mark.parametrize("value", [0, 2, -2, 127, -128, -127, -3, 3])
@pytest.mark.parametrize("place", [(0, 0, 0), (10, 3, 7), (19, 7, 4)])
@pytest.mark.parametrize("b", [2, 4])
def test_other_values_are_found_and_taken_as_they_are(value, place, b):
    x = spins((20, 8, 8), value + 300)
    x[place] = value
    y = rg.Majority(b)(x, 6, ndim=2)
    np.testing.assert_array_equal(y, rg.Majority(b)(x.astype(np.int64), 6, ndim=2))


def test_arrays_in_any_order():
    x = spins((4, 6, 8, 10), 7)
    for view in (x[::2], x[..., ::-1], x.transpose(1, 0, 3, 2), np.asfortranarray(x)):
        expected = rg.Majority(2)(np.ascontiguousarray(view).astype(np.int64), 8, ndim=2)
        np.testing.assert_array_equal(rg.Majority(2)(view, 8, ndim=2), expected)


def test_coins_are_fair_and_independent_of_place():
    """2·10⁵ ties of blocks that are all tied: the sum of coins, and of neighbours' products, within 4 σ."""
    x = np.tile(np.array([[1, -1], [-1, 1]], dtype=np.int8), (200, 10, 100))
    y = rg.Majority(2)(x, 9, ndim=2).astype(int)
    bound = 4 * np.sqrt(y.size)
    assert abs(y.sum()) < bound
    assert all(abs((y * np.roll(y, 1, axis)).sum()) < bound for axis in range(3))
