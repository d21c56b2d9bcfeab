"""Counts: merging equals counting all; keys of any kind; marginals; bad input."""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from rgnet.information.counts import Counts

symbols = st.lists(st.tuples(st.integers(-3, 5), st.integers(0, 10**12)), min_size=1, max_size=30)


def as_arrays(pairs):
    table = np.array(pairs, dtype=np.int64)
    return table[:, 0], table[:, 1]


@given(symbols, symbols)
@settings(deadline=None, max_examples=60)
def test_merging_is_counting_all(first, second):
    x, y = as_arrays(first), as_arrays(second)
    together = Counts.of(*(np.concatenate(pair) for pair in zip(x, y, strict=True)))
    assert Counts.of(*x) + Counts.of(*y) == together == Counts.of(*y) + Counts.of(*x)
    assert together.n == len(first) + len(second)
    direct = {}
    for pair in first + second:
        direct[pair] = direct.get(pair, 0) + 1
    assert {(int(a), int(b)): int(c) for a, b, c in zip(*together.keys, together.counts, strict=True)} == direct
    assert together.marginal(1) == Counts.of(np.concatenate([x[1], y[1]]))


@pytest.mark.parametrize(
    "x",
    [
        np.array([3, 1, 3, 2, 1, 3]),
        np.array([3, 1, 3, 2, 1, 3], dtype=np.int8) * 40,
        np.array([3, 1, 3, 2, 1, 3]) * 10**15,
        np.array([3, 1, 3, 2, 1, 3], dtype=np.uint64) + np.uint64(2**63),
        np.array(["c", "a", "c", "b", "a", "c"]),
        np.array([0.3, 0.1, 0.3, 0.2, 0.1, 0.3]),
    ],
)
def test_symbols_of_any_kind(x):
    counts = Counts.of(x)
    values, times = np.unique(x, return_counts=True)
    assert np.array_equal(counts.keys[0], values)
    assert counts.keys[0].dtype == x.dtype
    assert np.array_equal(counts.counts, times)
    assert (counts + counts).n == 12
    assert pickle.loads(pickle.dumps(counts)) == counts
    assert len(counts) == 3


def test_booleans_rows_and_datasets():
    bits = np.array([True, False, True, True])
    assert Counts.of(bits).counts.tolist() == [1, 3]
    rows = np.array([[1, -1], [1, 1], [1, -1]])
    counts = Counts.of(rows, np.array([0, 1, 0]))
    assert counts.keys[0].tolist() == [[1, -1], [1, 1]]
    assert counts.counts.tolist() == [2, 1]
    data = xr.DataArray(np.array([[0, 1, 1], [1, 1, 0]]), dims=("chain", "draw"))
    assert Counts.of(data).counts.tolist() == [2, 4]


def test_tables_go_both_ways():
    table = np.array([[3, 0, 1], [0, 2, 5]])
    counts = Counts.of_table(table)
    assert np.array_equal(counts.table(), table)
    assert counts.marginal(0).counts.tolist() == [4, 7]
    assert counts.marginal([1, 0]).table().T.tolist() == table.tolist()


def test_large_counts_stay_exact():
    big = Counts((np.array([0, 1]),), np.array([2**60 + 1, 3]))
    assert (big + big).counts.tolist() == [2**61 + 2, 6]
    assert big.marginal(0).n == 2**60 + 4


def test_many_distinct_symbols():
    x = np.random.default_rng(1).permutation(10**6) * 10**6
    counts = Counts.of(x)
    assert len(counts) == 10**6
    assert (counts.counts == 1).all()
    assert len(counts + counts) == 10**6


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int16])
@pytest.mark.parametrize("edge", [None, -1, 100, 20_000])
def test_long_arrays_are_counted_alike(dtype, edge):
    x = np.random.default_rng(2).integers(0, 100, 200_003)
    if edge is not None:
        x[-1] = x[7] = edge
    x = x.astype(dtype)
    values, times = np.unique(x, return_counts=True)
    for view in (x, x[::-1], np.stack([x, x], axis=1)[:, 1]):
        counts = Counts.of(view)
        assert np.array_equal(counts.keys[0], values)
        assert np.array_equal(counts.counts, times)
        assert counts.keys[0].dtype == dtype


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Counts.of(np.array([])), r"at least one draw"),
        (lambda: Counts.of(np.array([1, 2]), np.array([1])), r"2, 1 draws"),
        (lambda: Counts.of(np.array([1, None])), r"Python objects"),
        (lambda: Counts.of(np.array([1.0, np.nan])), r"not finite"),
        (lambda: Counts((np.array([1]),), np.array([0])), r"a count is 0"),
        (lambda: Counts((np.array([1]),), np.array([0.5])), r"whole numbers"),
        (lambda: Counts((np.array([1, 2]),), np.array([1])), r"give one each"),
        (lambda: Counts((np.array([1, 2, 1]),), np.array([1, 2, 3])), r"3 keys of which 2 are different"),
        (lambda: Counts((np.array([1, 1]), np.array([2, 2])), np.array([1, 2])), r"2 keys of which 1 are different"),
        (lambda: Counts.of([1, 2]) + Counts.of(["1", "2"]), r"kinds numbers and text"),
        (lambda: Counts.of([1, 2], ["a", "b"]) + Counts.of(["a", "b"], [1, 2]), r"kinds numbers and text"),
        (lambda: Counts.of_table(np.zeros((2, 2), dtype=int)), r"at least one draw"),
        (lambda: Counts.of_table([[1, -1]]), r"not negative"),
        (lambda: Counts.of([1, 2]) + Counts.of([1, 2], [1, 2]), r"same variables"),
        (lambda: Counts.of([1, 2]).marginal(1), r"numbered from 0"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_same_symbols_in_other_variables_are_distinct():
    counts = Counts((np.array([1, 1, 2]), np.array([1, 2, 1])), np.array([1, 2, 3]))
    assert counts == Counts.of([1, 1, 1, 2, 2, 2], [1, 2, 2, 1, 1, 1])
    assert (Counts.of([1, 2]) + Counts.of([1.0, 2.5])).n == 4
