"""Clusters by reflections: ergodic for clock models of any q, exact, and unbiased where they improve on M²."""

import itertools

import numpy as np
import pytest
import scipy.sparse.csgraph

import rgnet as rg
from rgnet import stats
from rgnet.models.clock import Clock
from rgnet.models.on import ON
from rgnet.models.xy import XY
from rgnet.updates.embedding_clock import projections

EDGES = ((0, 1), (1, 2), (2, 0))  # a triangle: frustrated for K < 0
SITES = 3


def transition_matrix(q, K, h, mirrors, single):
    """P of one move on the triangle, by enumeration of mirrors, bonds and flips; Wolff's if ``single``."""
    states = list(itertools.product(range(q), repeat=SITES))
    number = {state: k for k, state in enumerate(states)}
    P = np.zeros((len(states), len(states)))
    for (k, state), m in itertools.product(enumerate(states), mirrors):
        a = projections(q)[m][list(state)]
        field = -h * np.sin(np.pi * m / q)
        laid = [1 - np.exp(min(0.0, -2 * K * a[i] * a[j])) for i, j in EDGES]
        for bonds in itertools.product((0, 1), repeat=len(EDGES)):
            p = np.prod([x if on else 1 - x for x, on in zip(laid, bonds, strict=True)]) / len(mirrors)
            if p == 0:
                continue
            pairs = [pair for pair, on in zip(EDGES, bonds, strict=True) if on]
            graph = np.zeros((SITES, SITES))
            graph[tuple(np.array(pairs, dtype=int).reshape(-1, 2).T)] = 1
            n_clusters, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
            sums = np.bincount(label, weights=a)
            if single:
                for c in range(n_clusters):
                    share = p * (label == c).mean()
                    accept = min(1.0, np.exp(-2 * field * sums[c]))
                    P[k, number[_reflected(state, m, q, label == c)]] += share * accept
                    P[k, k] += share * (1 - accept)
            else:
                flip = 1 / (1 + np.exp(2 * field * sums))
                for chosen in itertools.product((0, 1), repeat=n_clusters):
                    weight = np.prod([x if on else 1 - x for x, on in zip(flip, chosen, strict=True)])
                    P[k, number[_reflected(state, m, q, np.array(chosen)[label] == 1)]] += p * weight
    return np.array(states), P


def _reflected(state, m, q, where):
    return tuple(int((m - x) % q) if on else x for x, on in zip(state, where, strict=True))


@pytest.mark.parametrize("single", [True, False], ids=["wolff", "swendsen-wang"])
@pytest.mark.parametrize("q", [2, 3, 4, 5, 6])
@pytest.mark.parametrize(("K", "h"), [(0.7, 0.0), (-0.6, 0.4), (0.0, 0.0)])
def test_all_mirrors_are_ergodic_and_exact(q, K, h, single):
    states, P = transition_matrix(q, K, h, range(q), single)
    angle = 2 * np.pi * states / q
    weight = K * sum(np.cos(angle[:, i] - angle[:, j]) for i, j in EDGES) + h * np.cos(angle).sum(axis=1)
    p = np.exp(weight) / np.exp(weight).sum()
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(p @ P, p, atol=1e-12)
    assert scipy.sparse.csgraph.connected_components(P, connection="strong")[0] == 1
    assert (np.linalg.matrix_power(P, 12) > 0).all()  # and without a period


@pytest.mark.parametrize("q", [4, 6])
def test_mirrors_through_directions_alone_would_not_be(q):
    """The trap is real: every site keeps the parity of its direction, 2³ classes that are never left."""
    _, P = transition_matrix(q, 0.7, 0.0, range(0, q, 2), single=False)
    assert scipy.sparse.csgraph.connected_components(P, connection="strong")[0] == 2**SITES
    _, P = transition_matrix(q - 1, 0.7, 0.0, range(0, q - 1, 2), single=False)
    assert scipy.sparse.csgraph.connected_components(P, connection="strong")[0] == 1


def test_projections():
    for q in (2, 3, 4, 7):
        m, x = np.indices((q, q))
        r = np.pi * m / q + np.pi / 2
        np.testing.assert_allclose(projections(q), np.cos(2 * np.pi * x / q - r), atol=1e-14)
        np.testing.assert_allclose((projections(q) ** 2).mean(axis=0), 0.5)  # spread evenly
        np.testing.assert_allclose(projections(q)[m, (m - x) % q], -projections(q)[m, x], atol=1e-14)


@pytest.mark.parametrize("name", ["wolff", "swendsen-wang"])
@pytest.mark.parametrize("q", [2, 3, 4, 5])
@pytest.mark.parametrize(("K", "h"), [(0.7, 0.0), (-0.6, 0.4)])
def test_kernels_of_clocks_agree_with_enumeration(q, K, h, name):
    model = Clock(rg.Graph(EDGES), q=q, K=K, h=h)
    data = rg.sample(model, 3000, chains=4, update=name, warmup=50, thin=4, seed=q)
    states = np.array(list(itertools.product(range(q), repeat=SITES)), dtype=np.int8)
    H = model.energy(states)
    p = np.exp(-H) / np.exp(-H).sum()
    for value, exact in (
        (data["energy"], H),
        (data["magnetization"][..., 0], model.observe(states)["magnetization"][:, 0]),
    ):
        if np.ptp(exact) > 1e-9:
            assert abs(stats.mean(value).z((p * exact).sum())) < 4.2  # 32 comparisons


@pytest.mark.parametrize("name", ["wolff", "swendsen-wang"])
@pytest.mark.parametrize(
    "model",
    [
        XY((6, 6), K=0.9),
        pytest.param(XY((4, 4), K=0.5, lattice="triangular"), marks=pytest.mark.slow),
        pytest.param(XY((4, 5), K=-0.8, boundary="free"), marks=pytest.mark.slow),
        ON((4, 4), n=3, K=1.0),
        pytest.param(ON((6,), n=5, K=1.0), marks=pytest.mark.slow),
        Clock((4, 4), q=5, K=0.9),
        pytest.param(Clock((4, 4), q=4, K=0.9), marks=pytest.mark.slow),
    ],
    ids=lambda model: f"{type(model).__name__}-{model.shape}-{model.K}",
)
def test_improved_estimator(model, name):
    """⟨cluster_m2⟩ = ⟨M²⟩, with a smaller variance."""
    data = rg.sample(model, 1500, chains=4, update=name, warmup=100, thin=2, seed=11)
    plain = (data["magnetization"] ** 2).sum(data["magnetization"].dims[-1])
    improved = data["cluster_m2"]
    a, b = stats.mean(plain), stats.mean(improved)
    assert abs(a.value - b.value) < 4 * np.hypot(a.stderr, b.stderr)
    with_field = {"q": model.q} if isinstance(model, Clock) else {"n": model.n} if isinstance(model, ON) else {}
    other = type(model)((4,), K=1.0, h=0.5, **with_field)
    assert "cluster_m2" not in rg.sample(other, 2, update=name, warmup=2, thin=1, seed=1)


@pytest.mark.parametrize("name", ["wolff", "swendsen-wang"])
def test_clusters_are_physical(name):
    """A sweep is about N sites: beyond K_KT, half the lattice is one cluster; at K = 0 every cluster is one site."""
    if name == "wolff":
        hot = rg.sample(XY((8, 8), K=0.0), 2, update=name, warmup=20, thin=1, seed=1)
        cold = rg.sample(XY((16, 16), K=2.0), 2, update=name, warmup=50, thin=1, seed=1)
        assert hot.attrs["clusters_per_sweep"] == 64
        assert 2 <= cold.attrs["clusters_per_sweep"] <= 5
    data = rg.sample(Clock((6, 6), q=3, K=0.8), 8, chains=2, update=name, warmup=10, thin=2, seed=4)
    first = rg.sample(Clock((6, 6), q=3, K=0.8), 3, chains=2, update=name, warmup=10, thin=2, seed=4)
    second = rg.sample(Clock((6, 6), q=3, K=0.8), 5, resume=first)
    np.testing.assert_array_equal(np.concatenate([first["spin"], second["spin"]], axis=1), data["spin"])
