"""Flattening linear networks: counts on real factorizations."""

import math

import numpy as np
import pytest
from scipy.linalg import dft
from scipy.optimize import minimize_scalar

from rgnet.cheap import linear
from rgnet.cheap.errors import CheapError


@pytest.mark.parametrize("n", [2, 4, 8, 64, 256])
def test_butterflies_are_the_fourier_transform(n):
    found = linear.butterflies(n)
    levels = int(math.log2(n))
    assert np.abs(found.product.toarray() - dft(n)).max() < 1e-12
    assert found.synapses == (2 * n,) * levels
    assert found.flat_synapses == n * n
    assert found.cost == found.expected == n / (2 * levels)


def test_a_fourier_network_of_real_numbers():
    found = linear.butterflies(16)
    x = np.random.default_rng(0).standard_normal((3, 16)) + 1j * np.random.default_rng(1).standard_normal((3, 16))
    y = found.network()(np.concatenate([x.real, x.imag], axis=1))
    assert np.allclose(y[:, :16] + 1j * y[:, 16:], np.fft.fft(x), atol=1e-13)
    assert found.network().depth == 3  # hidden layers, of four
    assert found.network(flat=True).depth == 0
    # In each row of the matrix: 2 real weights where the root is ±1 or ±i, else 4
    plain = sum(1 for j in range(16) for k in range(16) if j * k % 4 == 0)
    assert found.network(flat=True).synapses == 2 * plain + 4 * (256 - plain)


@pytest.mark.parametrize("k", [1, 3, 8, 20])
def test_low_rank(k):
    rng = np.random.default_rng(k)
    matrix = rng.standard_normal((24, k)) @ rng.standard_normal((k, 24))
    found, columns = linear.low_rank(matrix, k), linear.low_rank(matrix, columns=True)
    for item in (found, columns):
        assert np.abs(item.product.toarray() - matrix).max() < 1e-10
        assert np.allclose(item.network()(np.eye(24)), matrix.T, atol=1e-10)
        assert item.cost == item.expected
    assert found.cost == 24 / (2 * k)
    assert sum(columns.synapses) == 2 * 24 * k - k * k + k


def test_the_cost_of_sparse_products_by_enumeration():
    """Expected non-zeros of a product of two 2 × 2 matrices, summed over all 2^8 patterns."""
    p, total, weights = 0.3, 0.0, 0.0
    for code in range(256):
        a, b = np.array([(code >> k) & 1 for k in range(8)]).reshape(2, 2, 2)
        probability = p ** (a.sum() + b.sum()) * (1 - p) ** (8 - a.sum() - b.sum())
        total += probability * np.count_nonzero(a @ b)
        weights += probability * (a.sum() + b.sum())
    assert linear.expected_cost(2, p) == pytest.approx(total / weights, rel=1e-12)


def test_sparse_products_agree_with_the_formula_within_scatter():
    z = []
    for index, (n, p) in enumerate([(12, 0.1), (12, 0.4), (40, 0.05), (40, 0.2)]):
        rng = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(index,)))
        drawn = [linear.sparse_product(n, p, rng) for _ in range(100)]
        excess = np.array([item.flat_synapses - item.expected * sum(item.synapses) for item in drawn])
        z.append(excess.mean() / excess.std(ddof=1) * 10)
    assert np.abs(z).max() < 3.3  # Student's t of 99, 1 % over four comparisons
    assert np.abs(z).max() > 0.1


def test_the_costliest_density():
    n = 10_000
    found = minimize_scalar(
        lambda c: -linear.expected_cost(1000, c / math.sqrt(1000)), bounds=(0.5, 2), method="bounded"
    )
    assert found.x == pytest.approx(linear.BEST_DENSITY, rel=1e-2)
    assert -found.fun == pytest.approx(0.319 * math.sqrt(1000), rel=2e-3)
    with pytest.raises(CheapError, match="n=10000"):
        linear.expected_cost(n, 0.1)
    assert linear.expected_cost(5, 1.0) == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linear.butterflies(12), "power of two"),
        (lambda: linear.butterflies(1), "power of two"),
        (lambda: linear.butterflies(8192), "power of two"),
        (lambda: linear.sparse_product(8, 0.0, np.random.default_rng(0)), "probability above 0"),
        (lambda: linear.sparse_product(0, 0.1, np.random.default_rng(0)), "the side"),
        (lambda: linear.low_rank(np.eye(4), 2), "rank=2 for a matrix of numerical rank 4"),
        (lambda: linear.low_rank(np.zeros((3, 3))), "not zero"),
        (lambda: linear.low_rank([1.0, 2.0]), "a table of finite numbers"),
        (lambda: linear.low_rank([[np.nan]]), "finite"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(CheapError, match=message):
        make()
