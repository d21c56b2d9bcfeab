"""Operator sums against sums over explicit bonds and products."""

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import rgnet as rg
from rgnet import operators as ops


def direct_sum(x, item, boundary):
    """The definition, site by site and term by term."""
    total = 0
    for site in itertools.product(*map(range, x.shape)):
        for term in item.terms:
            product = 1
            for offset in term:
                place = []
                for s, o, side, name in zip(site, offset, x.shape, boundary, strict=True):
                    if name == "free" and not 0 <= s + o < side:
                        product = 0
                    place.append((s + o) % side)
                product = product * x[tuple(place)]
            total += product
    return total


@st.composite
def cases(draw):
    ndim = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, 5)) for _ in range(ndim))
    boundary = tuple(draw(st.sampled_from(["periodic", "free"])) for _ in range(ndim))
    kind = draw(st.sampled_from([np.int8, np.int64, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.choice([-1, 1], size=(2, *shape)).astype(kind)
    if kind is np.float64:
        x *= rng.normal(size=x.shape)
    return x, boundary


@settings(max_examples=60, deadline=None)
@given(cases())
def test_sums_are_their_definition(case):
    x, boundary = case
    ndim = x.ndim - 1
    real = x.dtype.kind == "f"
    chosen = ops.defaults(ndim, "even", real=real) + ops.defaults(ndim, "odd", real=real)
    result = ops.sums(x, chosen, boundary)
    expected = [[direct_sum(c, item, boundary) for item in chosen] for c in x]
    assert result.dtype == (np.float64 if real else np.int64)
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


def test_batch_axes_and_chunks():
    """More configurations than fit one chunk, and two batch axes."""
    x = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.int8), size=(3, 50, 64, 64))
    chosen = ops.resolve(["nn", "m"], 2)
    result = ops.sums(x, chosen)
    wide = x.astype(int)
    nn = (wide * (np.roll(wide, 1, -1) + np.roll(wide, 1, -2))).sum((-1, -2))
    np.testing.assert_array_equal(result[..., 0], nn)
    np.testing.assert_array_equal(result[..., 1], wide.sum((-1, -2)))


def test_large_integers_do_not_overflow():
    x = np.full((1, 4), 100, dtype=np.int8)
    assert ops.sums(x, ops.resolve(["nn", "phi4"], 1)).tolist() == [[40_000, 400_000_000]]


@pytest.mark.parametrize(
    ("ndim", "name", "terms"),
    [
        (1, "nnn", {((0,), (2,))}),
        (2, "nn", {((0, 0), (1, 0)), ((0, 0), (0, 1))}),
        (2, "nnn", {((0, 0), (1, 1)), ((0, 0), (1, -1))}),
        (2, "third", {((0, 0), (2, 0)), ((0, 0), (0, 2))}),
        (3, "third", None),
        (3, "fourth", {((0, 0, 0), (2, 0, 0)), ((0, 0, 0), (0, 2, 0)), ((0, 0, 0), (0, 0, 2))}),
    ],
)
def test_pairs_are_named_by_distance(ndim, name, terms):
    item = ops.named(name, ndim)
    if terms is None:
        assert all(sum(s * s for s in term[1]) == 3 for term in item.terms)
        assert len(item.terms) == 4
    else:
        assert set(item.terms) == terms


@pytest.mark.parametrize(
    ("name", "count", "parity"),
    [("nn", 2, "even"), ("plaquette", 1, "even"), ("m", 1, "odd"), ("corner", 4, "odd"), ("straight", 2, "odd"),
     ("diagonal", 2, "odd"), ("fourth", 4, "even"), ("phi4", 1, "even"), ("phi3", 1, "odd")],
)  # fmt: skip
def test_orbits_on_the_square_lattice(name, count, parity):
    item = ops.named(name, 2)
    assert len(item.terms) == count
    assert item.parity == parity


def test_plaquettes_of_the_cubic_lattice_have_three_orientations():
    assert len(ops.named("plaquette", 3).terms) == 3


def test_order_of_the_standard_sets_is_that_of_the_literature():
    assert [o.name for o in ops.defaults(2, "even")] == ["nn", "nnn", "plaquette", "third"]
    assert [o.name for o in ops.defaults(2, "odd")] == ["m", "corner", "straight", "diagonal"]


def test_user_operator_is_symmetrised_or_not():
    knight = ops.operator("knight", [(0, 0), (1, 2)])
    assert len(knight.terms) == 4
    assert len(ops.operator("bond", [(0, 0), (1, 0)], symmetrize=False).terms) == 1
    assert ops.operator("moved", [(5, 5), (6, 5)]).terms == ops.named("nn", 2).terms


@pytest.mark.parametrize("offsets", [[], [(0, 0), (1,)], [(0.5, 0)], [()], 3, [("a", "b")]])
def test_impossible_offsets(offsets):
    with pytest.raises(ValueError, match="offsets are one or more vectors of whole numbers"):
        ops.operator("bad", offsets)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["nearest"], 2), "operator 'nearest' is unknown; known are nn, nnn"),
        ((["plaquette"], 1), "needs at least 2 dimensions, the lattice has 1"),
        ((["fourth"], 4), "ambiguous in 4 dimensions"),
        (([], 2), "give at least one operator"),
        ((["nn", "nn"], 2), "two share a name"),
        ((["nn", ops.operator("x", [(0,), (1,)])], 2), "is made for 1 dimensions, the lattice has 2"),
    ],
)
def test_unresolvable(arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.resolve(*arguments)


def test_coinciding_factors_cancel():
    third = ops.named("third", 2)
    assert {ops.distinct_factors(t, (2, 2), ("periodic",) * 2) for t in third.terms} == {()}
    assert ops.distinct_factors(((0, 0), (2, 0)), (2, 2), ("free",) * 2) == ((0, 0), (2, 0))


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (4, 3)])
@pytest.mark.parametrize("boundary", ["periodic", "free"])
def test_local_terms_are_the_change_under_a_flip(shape, boundary):
    """S(x) − S(x with s_i flipped) = 2 s_i Σ products: by definition of the local field."""
    rng = np.random.default_rng(1)
    names = (boundary,) * 2
    for item in (*ops.defaults(2, "even"), *ops.defaults(2, "odd")):
        x = rng.choice([-1, 1], size=shape)
        for site in itertools.product(*map(range, shape)):
            field = 0
            for product in ops.local_terms(item, shape, names):
                value = 1
                for offset in product:
                    place = [s + o for s, o in zip(site, offset, strict=True)]
                    if boundary == "free" and not all(0 <= p < side for p, side in zip(place, shape, strict=True)):
                        value = 0
                        break
                    value *= x[tuple(p % side for p, side in zip(place, shape, strict=True))]
                field += value
            flipped = x.copy()
            flipped[site] *= -1
            change = ops.sums(x, [item], names)[0] - ops.sums(flipped, [item], names)[0]
            assert change == 2 * x[site] * field


def test_measure_and_select():
    x = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.int8), size=(2, 3, 4, 4))
    data = xr.Dataset({"spin": (("chain", "draw", "x", "y"), x)}, attrs={"level": 0, "scale": 1})
    sums = ops.measure(data, ["nn", "m", "nnn"])
    assert sums.dims == ("chain", "draw", "operator")
    chosen = ops.measured(sums, ["m", "nn"])
    assert list(chosen.operator.values) == ["m", "nn"]
    np.testing.assert_array_equal(chosen.sel(operator="m"), x.sum((-1, -2)))
    assert ops.loads(chosen.attrs["operators"]) == ops.resolve(["m", "nn"], 2)
    with pytest.raises(ValueError, match="'plaquette' was not measured on this level"):
        ops.measured(sums, ["plaquette"])
    with pytest.raises(ValueError, match="no variable 'spin'"):
        ops.measure(xr.Dataset({"a": ("draw", [1, 2])}), ["nn"])


def test_json_round_trip():
    items = (*ops.defaults(3, "even"), ops.operator("mine", [(0, 0, 0), (3, 1, 0)]))
    assert ops.loads(ops.dumps(items)) == items


def test_public_name():
    assert rg.Operator is ops.Operator


def test_a_product_that_folds_while_it_reaches_across_a_free_side():
    """Across the periodic side of two its first two spins cancel, but the term is absent where they lie outside."""
    term = ((0, 0), (2, 0), (0, 1))
    with pytest.raises(ValueError, match="give the periodic side more sites"):
        ops.distinct_factors(term, (2, 5), ("periodic", "free"))
    assert ops.distinct_factors(term, (3, 5), ("periodic", "free")) == ((0, 0), (0, 1), (2, 0))
    assert ops.distinct_factors(term, (2, 5), ("periodic", "periodic")) == ((0, 1),)
