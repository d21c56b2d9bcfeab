"""Neighbours, counts and the estimators on them, against all pairs of distances."""

import numpy as np
import pytest
from scipy.special import digamma

from rgnet.information.continuous import knn, ksg, mixed
from rgnet.information.continuous.differential import local_values as entropy_values

SIZES = [(5, 1), (17, 1), (300, 1), (257, 2), (400, 3), (150, 7), (90, 30)]


def cloud(n, d, seed, decimals=None):
    rng = np.random.default_rng(np.random.SeedSequence(11, spawn_key=(n, d, seed)))
    x = rng.normal(size=(n, d)) * np.exp(rng.normal(size=d))
    return x if decimals is None else np.round(x, decimals)


def pairs(x):
    """Distances of all pairs, as computed; infinite of a point to itself."""
    distances = np.abs(x[:, None] - x[None]).max(axis=-1)
    np.fill_diagonal(distances, np.inf)
    return distances


def within(x, radii, closed=False):
    distances = pairs(x)
    return (distances <= radii[:, None] if closed else distances < radii[:, None]).sum(axis=1)


def brute_ksg(x, y, k, algorithm):
    joint = np.maximum(pairs(x), pairs(y))
    nearest = np.argsort(joint, axis=1, kind="stable")[:, :k]
    if algorithm == 1:
        radius = np.take_along_axis(joint, nearest[:, -1:], axis=1)[:, 0]
        counts = within(x, radius) + 1, within(y, radius) + 1
        return digamma(k) + digamma(len(x)) - digamma(counts[0]) - digamma(counts[1])
    counts = [within(z, np.take_along_axis(pairs(z), nearest, axis=1).max(axis=1), closed=True) for z in (x, y)]
    return digamma(k) - 1 / k + digamma(len(x)) - digamma(counts[0]) - digamma(counts[1])


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize(("n", "d"), SIZES)
def test_neighbours_are_those_of_all_pairs(n, d, decimals):
    x = cloud(n, d, 0, decimals)
    for k in (1, 3, 4):
        distances, indices = knn.neighbours(x, k)
        expected = np.argsort(pairs(x), axis=1, kind="stable")[:, :k]  # ties: lower index first
        assert np.array_equal(indices, expected)
        assert np.array_equal(distances, np.take_along_axis(pairs(x), expected, axis=1))


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize(("n", "d"), SIZES)
def test_counts_are_exact_at_the_boundary(n, d, decimals, closed):
    """Radii that are distances of the cloud itself: a boundary point counts exactly when it should."""
    x = cloud(n, d, 1, decimals)
    for which in (0, n // 2, n - 2):
        radii = np.sort(pairs(x), axis=1)[:, which]
        assert np.array_equal(knn.counts(x, radii, closed=closed), within(x, radii, closed))
    assert not knn.counts(x, np.zeros(n)).any()


def test_queries_apart_from_the_points():
    x, q = cloud(500, 3, 2), cloud(40, 3, 3)
    distances = np.abs(q[:, None] - x[None]).max(axis=-1)
    assert np.array_equal(knn.neighbours_of(q, x, 5), np.sort(distances, axis=1)[:, :5])
    radii = np.sort(distances, axis=1)[:, 20].copy()
    assert (knn.counts_of(q, x, radii) == 20).all()
    assert (knn.counts_of(q, x, radii, closed=True) == 21).all()
    column, places = x[:, :1], q[:, :1]
    expected = (np.abs(places - column.T) < 0.3).sum(axis=1)
    assert np.array_equal(knn.counts_of(places, column, np.full(40, 0.3)), expected)


@pytest.mark.parametrize("algorithm", [1, 2])
@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize(("d_x", "d_y", "n"), [(1, 1, 400), (2, 1, 300), (2, 2, 200), (3, 3, 150), (10, 15, 60)])
def test_ksg_is_brute_force(d_x, d_y, n, k, algorithm):
    x = cloud(n, d_x, 4)
    y = 0.7 * x[:, :1] + cloud(n, d_y, 5)
    for a, b in ((x, y), (np.round(x, 1), np.round(y, 1))):
        if (np.sort(np.maximum(pairs(a), pairs(b)), axis=1)[:, k - 1] == 0).any():
            with pytest.raises(ValueError, match=rf"coincide with {k} others.*mixture"):
                ksg.local_values(a, b, k, algorithm)
            continue
        expected = brute_ksg(a, b, k, algorithm)
        np.testing.assert_allclose(ksg.local_values(a, b, k, algorithm), expected, rtol=0, atol=1e-13)


def test_entropy_is_brute_force():
    x = cloud(300, 2, 6)
    radii = np.sort(pairs(x), axis=1)[:, 3]
    expected = digamma(300) - digamma(4) + 2 * np.log(2 * radii)
    np.testing.assert_allclose(entropy_values(x, 4), expected, rtol=0, atol=1e-13)


def test_ross_is_brute_force():
    y = cloud(240, 2, 7)
    labels = np.repeat([0, 1, 2], [200, 37, 3])
    expected = np.empty(240)
    for i in range(240):
        own = np.flatnonzero(labels == labels[i])
        near = min(5, len(own) - 1)
        radius = np.sort(pairs(y)[i, own])[near - 1]
        m = (pairs(y)[i] <= radius).sum()
        expected[i] = digamma(240) + digamma(near) - digamma(len(own)) - digamma(m)
    np.testing.assert_allclose(mixed.ross_local_values(labels, y, 5), expected, rtol=0, atol=1e-13)


def test_ross_is_brute_force_where_values_repeat():
    y = np.round(cloud(240, 2, 7), 0)
    labels = np.repeat([0, 1, 2], [200, 37, 3])
    expected = np.empty(240)
    for i in range(240):
        own = np.flatnonzero(labels == labels[i])
        radius = np.sort(pairs(y)[i, own])[min(5, len(own) - 1) - 1]
        alike, m = ((pairs(y)[i, which] <= radius).sum() + (radius == 0) for which in (own, slice(None)))
        expected[i] = digamma(240) + digamma(alike) - digamma(len(own)) - digamma(m)
    np.testing.assert_allclose(mixed.ross_local_values(labels, y, 5), expected, rtol=0, atol=1e-13)


def test_gao_is_brute_force():
    """With atoms in both variables: a part of the draws coincide, exactly."""
    x, y = cloud(200, 1, 8), cloud(200, 1, 9)
    x[:80], y[:80] = np.round(x[:80]), np.round(y[:80])
    d_x, d_y = pairs(x), pairs(y)
    joint = np.maximum(d_x, d_y)
    radius = np.sort(joint, axis=1)[:, 2]
    alike = np.where(radius == 0, (joint == 0).sum(axis=1), (joint < radius[:, None]).sum(axis=1)) + 1
    assert (radius == 0).sum() > 20
    n_x, n_y = (np.where(radius == 0, within(z, radius, True), within(z, radius)) for z in (x, y))
    expected = digamma(alike) + digamma(200) - digamma(n_x + 1) - digamma(n_y + 1)
    np.testing.assert_allclose(mixed.gao_local_values(x, y, 3), expected, rtol=0, atol=1e-13)


def test_gao_is_ksg_for_continuous_variables_and_ross_for_a_label():
    x, y = cloud(300, 2, 10), cloud(300, 1, 11)
    np.testing.assert_allclose(mixed.gao_local_values(x, y, 3), ksg.local_values(x, y, 3), rtol=0, atol=1e-13)
    labels = np.arange(300) % 3
    apart = 1e6 * labels[:, None].astype(float)
    expected = mixed.ross_local_values(labels, x, 3)
    np.testing.assert_allclose(mixed.gao_local_values(apart, x, 3), expected, rtol=0, atol=1e-12)
