"""Strassen's algorithm as networks, deep and flat."""

import math

import numpy as np
import pytest

from rgnet.cheap import fast_multiplication as fast
from rgnet.cheap.errors import CheapError


def whole(n, seed=0):
    return np.random.default_rng(seed).integers(-99, 100, (2, n, n))


@pytest.mark.parametrize("algorithm", [
    fast.strassen(1), fast.strassen(2), fast.strassen(2, 1), fast.strassen(3, 2), fast.strassen(4), fast.schoolbook(3),
    fast.strassen(1, base=3), fast.strassen(2, 2, base=2), fast.strassen(1, 1, base=2),
])  # fmt: skip
def test_products_of_whole_numbers_are_exact(algorithm):
    a, b = whole(algorithm.n)
    assert np.array_equal(algorithm(a, b), a @ b)


@pytest.mark.parametrize("algorithm", [
    fast.strassen(1), fast.strassen(2), fast.schoolbook(2), fast.strassen(1, base=2)
])  # fmt: skip
def test_brents_equations(algorithm):
    assert fast.brent_violation(algorithm) == 0


def test_a_wrong_algorithm_violates_them():
    good = fast.strassen(1)
    bad = fast.Bilinear(2, good.left, good.left, good.out, good.order)
    assert fast.brent_violation(bad) > 0


def test_counts():
    for level in range(1, 6):
        deep, flat, school = fast.strassen(level), fast.strassen(level, 1), fast.schoolbook(2**level)
        assert deep.multiplications == flat.multiplications == 7**level
        assert school.multiplications == 8**level
        assert deep.map_synapses == 12 * (7**level - 4**level) == fast.synapses_of(level)
        assert flat.map_synapses == 3 * 12**level == fast.synapses_of(level, flat=True)
        assert school.map_synapses == 3 * 8**level
        assert (deep.depth, flat.depth) == (2 * level - 1, 1)
    assert fast.strassen(2, base=4).map_synapses == fast.synapses_of(2, 4)
    assert fast.exponent({2**level: 7**level for level in range(1, 6)}) == pytest.approx(math.log2(7), rel=1e-12)


def test_more_layers_take_fewer_synapses():
    counts = [fast.strassen(4, layers).synapses for layers in (1, 2, 3, 4)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 3 * counts[-1]


@pytest.mark.parametrize("algorithm", [fast.strassen(2), fast.strassen(2, 1), fast.schoolbook(3)])
def test_networks_multiply_real_matrices(algorithm):
    n = algorithm.n
    a, b = np.random.default_rng(1).uniform(-1, 1, (2, n, n))
    network = algorithm.network()
    found = network(np.concatenate([a.ravel(), b.ravel()])).reshape(n, n)
    assert np.abs(found - a @ b).max() < 2e-6
    assert (network.neurons, network.synapses, network.depth) == (
        algorithm.neurons,
        algorithm.synapses,
        algorithm.depth,
    )
    coarse, fine = (
        np.abs(algorithm.network("exp", scale)(np.concatenate([a.ravel(), b.ravel()])).reshape(n, n) - a @ b).max()
        for scale in (2e-2, 1e-2)
    )
    assert coarse / fine == pytest.approx(4, rel=0.02)  # the gates' error is O(λ²)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fast.strassen(0), "levels=0"),
        (lambda: fast.strassen(7), "up to 64"),
        (lambda: fast.strassen(2, 3), "layers=3"),
        (lambda: fast.strassen(2, base=0), "base=0"),
        (lambda: fast.schoolbook(0), "the side"),
        (lambda: fast.strassen(1)(np.eye(3), np.eye(3)), "2 × 2"),
        (lambda: fast.strassen(1).network("tanh"), "σ_2 = 0"),
        (lambda: fast.brent_violation(fast.schoolbook(9)), "too many"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(CheapError, match=message):
        make()
