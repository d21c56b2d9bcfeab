"""Geometry against direct counting."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rgnet import lattice

shapes = st.lists(st.integers(2, 5), min_size=1, max_size=3).map(tuple)


@st.composite
def lattices(draw):
    shape = draw(shapes)
    boundary = tuple(draw(st.sampled_from(lattice.BOUNDARIES)) for _ in shape)
    return shape, boundary


@given(lattices())
def test_neighbors_are_mutual(case):
    shape, boundary = case
    table = lattice.nearest_neighbors(shape, boundary)
    sites = int(np.prod(shape))
    for axis in range(len(shape)):
        forward, backward = table[2 * axis], table[2 * axis + 1]
        for site in range(sites):
            if forward[site] < sites:
                assert backward[forward[site]] == site


@given(lattices())
def test_colors_differ_between_neighbors(case):
    shape, boundary = case
    n_colors, along = lattice.axis_colors(shape, boundary)
    color = sum(np.meshgrid(*along, indexing="ij")).ravel() % n_colors
    sites = color.size
    for row in lattice.nearest_neighbors(shape, boundary):
        inside = row < sites
        assert np.all(color[inside] != color[row[inside]])


@pytest.mark.parametrize(
    ("shape", "boundary", "bonds"), [((2, 2), "periodic", 8), ((2, 2), "free", 4), ((3, 4), "free", 17)]
)
def test_every_bond_is_seen_from_both_ends(shape, boundary, bonds):
    """A periodic side of two has two bonds between its two sites."""
    table = lattice.nearest_neighbors(shape, (boundary,) * 2)
    assert np.count_nonzero(table < np.prod(shape)) == 2 * bonds


def test_pad_wraps_or_vanishes():
    x = np.arange(1, 7).reshape(2, 3)
    padded = lattice.pad(x, 2, 2, ("periodic", "free"))
    assert padded.shape == (6, 7)
    for i, j in itertools.product(range(6), range(7)):
        inside = 0 <= j - 2 < 3
        assert padded[i, j] == (x[(i - 2) % 2, j - 2] if inside else 0)


def test_block_members_cover_every_site_once():
    x = np.arange(2 * 6 * 4).reshape(2, 6, 4)
    members = np.stack(list(lattice.block_members(x, 2, 2)), axis=-1)
    assert members.shape == (2, 3, 2, 4)
    assert sorted(members.ravel()) == sorted(x.ravel())
    assert sorted(members[0, 0, 0]) == [0, 1, 4, 5]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((0, 4), "0 is not"),
        ((-3,), "-3 is not"),
        ((4.0, 4), "4.0 is not"),
        ((True, 4), "True is not"),
        ((), "one whole number of at least 1"),
        ("64", "one whole number of at least 1"),
        ((1, 1), "has one site"),
        (1, "has one site"),
    ],
)
def test_impossible_shapes(shape, message):
    with pytest.raises(ValueError, match="shape=") as caught:
        lattice.check_shape(shape)
    assert message in str(caught.value)


@pytest.mark.parametrize("boundary", ["open", ("periodic",), ("periodic", "fixed"), 3])
def test_impossible_boundaries(boundary):
    with pytest.raises(ValueError, match='"periodic" or "free"'):
        lattice.check_boundary(boundary, (4, 4))


def test_periodic_side_of_one():
    with pytest.raises(ValueError, match="its own neighbour; drop that side or make it free"):
        lattice.check_boundary("periodic", (1, 8))
    assert lattice.check_boundary(("free", "periodic"), (1, 8)) == ("free", "periodic")


def test_coarse_shape_names_sides_that_would_do():
    assert lattice.coarse_shape((6, 9), 3) == (2, 3)
    with pytest.raises(ValueError, match="2 does not divide 9; 8 or 10 would do"):
        lattice.coarse_shape((6, 9), 2, "Majority(b=2)")
    with pytest.raises(ValueError, match="16 does not divide 9; 16 would do"):
        lattice.coarse_shape((9,), 16)


def test_dims():
    assert lattice.dims(2) == ("x", "y")
    assert lattice.dims(4) == ("x", "y", "z", "w")
    assert lattice.dims(5) == ("x1", "x2", "x3", "x4", "x5")
