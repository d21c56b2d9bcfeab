"""Exact dimers: formulae, transfer matrix and listing against a recursion that shares nothing with them."""

import itertools
import math

import numpy as np
import pytest

from rgnet.exact import dimers
from rgnet.models import Dimers

CASES = [
    ((2, 2), "periodic"), ((2, 4), "periodic"), ((4, 2), "periodic"), ((4, 4), "periodic"), ((2, 6), "periodic"),
    ((2, 3), "free"), ((4, 3), "free"), ((3, 4), "free"), ((1, 4), "free"), ((4, 4), "free"),
    ((4, 3), ("periodic", "free")), ((3, 4), ("free", "periodic")), ((2, 3), ("periodic", "free")),
    ((4, 4), ("free", "periodic")), ((5, 2), ("free", "periodic")), ((1, 4), ("free", "periodic")),
]  # fmt: skip


def bonds_of(shape, boundary):
    """Every bond as (site, axis, other site)."""
    names = (boundary,) * 2 if isinstance(boundary, str) else boundary
    for site in itertools.product(*map(range, shape)):
        for axis in (0, 1):
            other = list(site)
            other[axis] += 1
            if other[axis] == shape[axis] and names[axis] == "free":
                continue
            other[axis] %= shape[axis]
            yield site, axis, tuple(other)


def recursion(shape, boundary):
    """Every covering as a set of bonds (site, axis): cover the first uncovered site in every possible way."""
    bonds = list(bonds_of(shape, boundary))
    found = []

    def cover(left, chosen):
        if not left:
            found.append(frozenset(chosen))
            return
        first = min(left)
        for site, axis, other in bonds:
            if first in (site, other) and site in left and other in left:
                cover(left - {site, other}, [*chosen, (site, axis)])

    cover(frozenset(itertools.product(*map(range, shape))), [])
    return found


def facing(covering, shape, boundary):
    """N_∥ by its definition: plaquettes, two bonds of one axis each, both occupied."""
    count = 0
    for site, across, other in bonds_of(shape, boundary):  # one edge of a plaquette; its parallels stand on its ends
        along = 1 - across
        count += (site, along) in covering and (other, along) in covering
    return count


@pytest.mark.parametrize(("shape", "boundary"), CASES)
def test_listing_and_energy_are_those_of_the_recursion(shape, boundary):
    found = recursion(shape, boundary)
    listed = dimers.coverings(shape, boundary)
    assert listed.dtype == np.int8
    as_bonds = [frozenset((tuple(map(int, site)), int(x[tuple(site)])) for site in np.argwhere(x < 2)) for x in listed]
    assert len(set(as_bonds)) == len(as_bonds)
    assert set(as_bonds) == set(found)
    np.testing.assert_array_equal(
        Dimers(shape, K=-1.0, boundary=boundary).energy(listed), [facing(c, shape, boundary) for c in as_bonds]
    )


@pytest.mark.parametrize(("shape", "boundary"), CASES)
@pytest.mark.parametrize("K", [0.0, 0.8, -1.3])
def test_the_transfer_matrix_sums_over_all_coverings(shape, boundary, K):
    pairs = np.array([facing(c, shape, boundary) for c in recursion(shape, boundary)])
    p = np.exp(K * pairs)
    mean = (p * pairs).sum() / p.sum()
    variance = (p * (pairs - mean) ** 2).sum() / p.sum()
    result = dimers.parallel(shape, K, boundary)
    np.testing.assert_allclose(result, (math.log(p.sum()), mean, variance), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("shape", "boundary", "number"),
    # Kasteleyn (1961); on the torus of side 2 the two bonds between two sites are two
    [
        ((2, 2), "free", 2), ((4, 4), "free", 36), ((6, 6), "free", 6728), ((8, 8), "free", 12988816),
        ((2, 2), "periodic", 8), ((4, 4), "periodic", 272), ((6, 6), "periodic", 90176),
        ((8, 8), "periodic", 311853312), ((3, 3), "free", 0),
    ],
)  # fmt: skip
def test_known_numbers(shape, boundary, number):
    assert dimers.count(shape, boundary) == number


@pytest.mark.parametrize(("shape", "boundary"), [((6, 6), "periodic"), ((10, 4), "periodic"), ((9, 6), "free")])
def test_kasteleyns_products_are_the_transfer_matrix(shape, boundary):
    np.testing.assert_allclose(
        dimers.parallel(shape, 0.0, boundary).log_Z, dimers.log_count(shape, boundary), rtol=1e-12
    )
    np.testing.assert_allclose(dimers.log_count(shape, boundary), dimers.log_count(shape[::-1], boundary), rtol=1e-12)


def test_the_entropy_is_catalans():
    assert abs(dimers.log_count((400, 400)) / 400**2 - dimers.ENTROPY) < 1e-5
    # Free: edges cost in proportion to the perimeter, which two sizes remove
    small, large = (dimers.log_count((side, side), "free") / side for side in (400, 800))
    assert abs((large - small) / 400 - dimers.ENTROPY) < 1e-5


def test_deep_in_the_columns_and_without_overflow():
    result = dimers.parallel((8, 4), 400.0)
    np.testing.assert_allclose(result.mean, 16.0, rtol=1e-12)
    np.testing.assert_allclose(result.log_Z, 400.0 * 16 + math.log(4), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dimers.count((4, 4, 4)), r"give two sides"),
        (lambda: dimers.count((12, 12)), r"more than 2\^40; use log_count"),
        (lambda: dimers.log_count((3, 4)), r"tori with even sides; for others use parallel"),
        (lambda: dimers.log_count((4, 4), ("free", "periodic")), r"free rectangles"),
        (lambda: dimers.parallel((3, 3), 0.1, "free"), r"there is no covering"),
        (lambda: dimers.parallel((10, 10), 0.1), r"give one side of at most 8"),
        (lambda: dimers.coverings((4, 10)), r"give one side of at most 8"),
        (lambda: dimers.coverings((8, 8), "free"), r"more than 2\^21"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
