"""Free parameters of Hamiltonians: formulae against listing, and published numbers of toroidal arrays."""

import itertools
import math

import pytest

from rgnet.cheap import counts

TORI = [(a, b) for a in range(1, 5) for b in range(1, 5) if a * b > 1]


@pytest.mark.parametrize("symmetry", counts.SYMMETRIES)
def test_burnside_equals_listing_on_every_torus_up_to_four_by_four(symmetry):
    for shape in (*TORI, *[(n,) for n in range(2, 17)], (2, 2, 3)):
        assert counts.orbits(shape, symmetry) == counts.listed_orbits(shape, symmetry), shape


def test_published_numbers():
    # Toroidal binary arrays, OEIS A179043, and with reflections and transposition, A255016 (Ethier 2013); they count
    # the empty set too
    assert [sum(counts.orbits((n, n))) for n in (2, 3, 4)] == [7, 64, 4156]
    assert [sum(counts.orbits((n, n), "space group")) for n in (2, 3, 4)] == [6, 26, 805]
    # Binary necklaces and bracelets, OEIS A000031 and A000029
    assert [sum(counts.orbits(n)) for n in range(2, 9)] == [3, 4, 6, 8, 14, 20, 36]
    assert [sum(counts.orbits(n, "space group")) for n in range(2, 9)] == [3, 4, 6, 8, 13, 18, 30]


def test_groups_hold_each_permutation_once():
    assert len(counts.group((2, 2), "translations")) == 4
    assert len(counts.group((2, 2), "space group")) == 8  # reflections are translations there
    assert len(counts.group((4, 4), "space group")) == 128
    assert len(counts.group((3, 4), "space group")) == 48


def test_without_symmetry_there_are_all():
    assert counts.general(16) == 2**16 - 1
    for shape in ((3,), (2, 3)):
        n = math.prod(shape)
        assert sum(counts.orbits(shape, "none")[1:]) == counts.general(n) == 2**n - 1
        assert [sum(counts.orbits(shape, "none")[1 : d + 1]) for d in range(1, n + 1)] == [
            counts.general(n, d) for d in range(1, n + 1)
        ]
    assert counts.general(5, 9) == 31


@pytest.mark.parametrize(("shape", "reach"), [((5, 5), 1), ((5, 5), 2), ((3, 4), 1), ((9,), 4), ((3, 3, 3), 1)])
def test_local_ones(shape, reach):
    for degree, symmetry in itertools.product((1, 2, 3), counts.SYMMETRIES):
        if symmetry == "space group" and len(set(shape)) > 1:
            continue
        assert counts.local(shape, degree, reach, symmetry) == counts.listed_local(shape, degree, reach, symmetry)


def test_locality_is_linear_and_translations_make_it_constant():
    linear = [counts.local((side, side), 4, 1) for side in range(3, 9)]
    assert [value / side**2 for value, side in zip(linear, range(3, 9), strict=True)] == [counts.classes(2, 4, 1)] * 6
    assert {counts.local((side, side), 4, 1, "translations") for side in range(3, 9)} == {10}
    assert {counts.local((side, side), 4, 1, "space group") for side in range(3, 9)} == {5}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: counts.general(0), "n=0: give a whole number"),
        (lambda: counts.orbits((4, 4), "rotations"), "symmetry='rotations': it is one of none, translations"),
        (lambda: counts.listed_orbits((5, 5)), r"2\^25 sets of sites are too many to list.*use orbits"),
        (lambda: counts.local((4, 4), 2, 2), "can close around a side of at most 4"),
        (lambda: counts.local((5, 6), 2, 1, "space group"), "needs equal sides"),
        (lambda: counts.listed_local((8, 8), 2, 1), r"64 sites.*use local\(\)"),
        (lambda: counts.orbits((23, 23)), r"529 sites.*use local\(\)"),
    ],
)
def test_what_cannot_be_counted(call, message):
    with pytest.raises(ValueError, match=message):
        call()
