"""All operators of a degree and range: counted by Burnside's lemma, by hand, and by brute force."""

import itertools

import pytest

from rgnet import operators as ops
from rgnet.operators.enumeration import count_operators, enumerate_operators

CASES = [
    (ndim, degree, reach, parity, real)
    for ndim, degree, reach in [(1, 5, 4), (2, 4, 2), (2, 3, 3), (3, 4, 1), (3, 2, 2)]
    for parity, real in [(None, False), ("even", False), ("odd", True), (None, True)]
]


@pytest.mark.parametrize(("ndim", "degree", "reach", "parity", "real"), CASES)
def test_as_many_as_burnside_counts(ndim, degree, reach, parity, real):
    found = enumerate_operators(ndim, degree, reach, parity=parity, real=real)
    assert len(found) == count_operators(ndim, degree, reach, parity=parity, real=real)
    assert len({item.name for item in found}) == len({frozenset(item.terms) for item in found}) == len(found)
    assert all(item.reach <= reach and item.degree <= degree and item.ndim == ndim for item in found)
    assert all(parity in (None, item.parity) for item in found)
    assert real or all(len(set(term)) == len(term) for item in found for term in item.terms)
    assert [item.degree for item in found] == sorted(item.degree for item in found)


def test_the_orbits_of_brute_force():
    """Every product in the window belongs to exactly one of them."""
    found = enumerate_operators(2, 3, 2)
    sites = list(itertools.product(range(3), repeat=2))
    products = [term for k in (1, 2, 3) for term in itertools.combinations(sites, k)]
    owners = {frozenset(item.terms): 0 for item in found}
    for term in products:
        owners[frozenset(ops.operator("", term).terms)] += 1
    assert len(owners) == len(found)
    assert min(owners.values()) >= 1


def test_known_names_and_their_order():
    assert [item.name for item in enumerate_operators(2, 4, 1)] == ["m", "nn", "nnn", "corner", "plaquette"]
    assert [item.name for item in enumerate_operators(2, 2, 2, parity="even")] == [
        "nn", "nnn", "third", "fourth", "fifth",
    ]  # fmt: skip
    assert [item.name for item in enumerate_operators(1, 3, 2)] == ["m", "nn", "nnn", "straight"]
    real = enumerate_operators(2, 4, 0, real=True)
    assert [item.name for item in real] == ["m", "phi2", "phi3", "phi4"]
    for item in (*enumerate_operators(3, 4, 1), *enumerate_operators(2, 4, 2, real=True), *real):
        if item.name in ops.NAMES:
            assert item == ops.named(item.name, item.ndim)


def test_other_names_say_what_they_are():
    names = [item.name for item in enumerate_operators(2, 4, 1, parity="even", real=True)]
    assert "00^3-01" in names
    far = enumerate_operators(1, 2, 11, parity="even")[-1]
    assert far.name == "0-11"
    assert enumerate_operators(2, 2, 10, parity="even")[-1].name == "0,0-10,10"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, 8, 6), "more than 262144; give a smaller degree or reach"),
        ((0, 2, 1), "ndim=0: give a whole number of at least 1"),
        ((2, 0, 1), "degree=0"),
        ((2, 2, -1), "reach=-1"),
        ((2, True, 1), "degree=True"),
    ],
)
def test_too_much_or_impossible(arguments, message):
    with pytest.raises(ValueError, match=message):
        enumerate_operators(*arguments)
    with pytest.raises(ValueError, match="parity='both': it is"):
        count_operators(2, 2, 1, parity="both")
