"""Operator sums on words of 64 configurations against the sums of plain products, which have tests of their own."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rgnet import operators as ops
from rgnet.operators import _packed, summing

SPINS = np.array([-1, 1], dtype=np.int8)


def plain(x, chosen, boundary):
    """The sums as numbers of any size are summed."""
    out = np.zeros((len(x), len(chosen)), dtype=np.int64)
    summing._sums(x, chosen, boundary, out)
    return out


@st.composite
def cases(draw):
    ndim = draw(st.integers(1, 4))
    shape = tuple(draw(st.integers(1, (70, 12, 6, 4)[ndim - 1])) for _ in range(ndim))
    boundary = tuple(draw(st.sampled_from(["periodic", "free"])) for _ in range(ndim))
    offset = st.tuples(*(st.integers(-3, 3) for _ in range(ndim)))
    own = st.lists(offset, min_size=1, max_size=6)
    chosen = [ops.operator(f"o{k}", draw(own), symmetrize=draw(st.booleans())) for k in range(draw(st.integers(1, 3)))]
    n = draw(st.integers(1, 140))
    return shape, boundary, chosen, n, draw(st.integers(0, 2**32))


@settings(max_examples=80, deadline=None)
@given(cases())
@example(((2, 2), ("periodic", "periodic"), ops.defaults(2, "even"), 64, 0))
@example(((1, 3), ("free", "periodic"), ops.defaults(2, "odd"), 65, 1))
@example(((2, 1, 1), ("free", "free", "free"), [ops.operator("beyond", [(0, 0, 0), (3, 0, 0)])], 3, 2))
def test_any_operator_on_any_lattice(case):
    shape, boundary, chosen, n, seed = case
    x = np.random.default_rng(seed).choice(SPINS, size=(n, *shape))
    np.testing.assert_array_equal(ops.sums(x, chosen, boundary), plain(x, chosen, boundary))


def test_many_products_fill_the_counters():
    """All products −1, all +1, and one of each sign at either end, on a lattice of 10⁵ sites."""
    x = np.ones((130, 250, 400), dtype=np.int8)
    x[::2, ::2, ::2] = x[::2, 1::2, 1::2] = -1
    x[1], x[3] = -1, 1
    x[127, 0, 0] = x[129, -1, -1] = -1
    chosen = [*ops.defaults(2, "even"), *ops.defaults(2, "odd")]
    result = ops.sums(x, chosen)
    np.testing.assert_array_equal(result, plain(x, chosen, ("periodic", "periodic")))
    assert result[0, 0] == -2 * 10**5
    assert result[1, 4] == -(10**5)


@pytest.mark.parametrize("value", [0, 2, -2, 3, 127, -128, -127])
def test_other_values_are_summed_as_they_are(value):
    """One value in one of the packets of 64: only that packet goes the other way."""
    x = np.random.default_rng(value + 200).choice(SPINS, size=(200, 5, 6))
    x[70, 2, 3] = value
    chosen = ops.resolve(["nn", "corner", "phi2"], 2)
    np.testing.assert_array_equal(ops.sums(x, chosen, "free"), plain(x, chosen, ("free", "free")))


def test_parts_give_what_the_whole_gives():
    x = np.random.default_rng(3).choice(SPINS, size=(2, 150, 8, 8))
    chosen = ops.defaults(2, "even")
    whole = ops.sums(x, chosen)
    np.testing.assert_array_equal(whole[:, 37:101], ops.sums(x[:, 37:101], chosen))
    np.testing.assert_array_equal(whole, ops.sums(x[..., ::-1], chosen))  # not contiguous


def test_no_configurations():
    assert ops.sums(np.ones((0, 4, 4), dtype=np.int8), ops.defaults(2, "even")).shape == (0, 4)


def test_words_are_the_signs():
    x = np.random.default_rng(4).choice(SPINS, size=(64, 3000))
    words = np.empty(3000, dtype=np.uint64)
    assert _packed.pack(x, words)
    bits = np.unpackbits(words.view(np.uint8).reshape(3000, 8), axis=1, bitorder="little").T
    np.testing.assert_array_equal(bits, x < 0)
