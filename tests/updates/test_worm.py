"""The worm: detailed balance of its exact transition matrix, every covering of small tori, energies."""

import math

import numpy as np
import pytest
import scipy.sparse.linalg
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import rgnet as rg
from rgnet import lattice, stats
from rgnet.exact import dimers as exact
from rgnet.models import Dimers
from rgnet.sampling import sample
from rgnet.updates import UPDATES, exact_for, resolve, worm

# Chi-square of the states, with thinning so that draws hardly depend on each other
STATES = [
    (Dimers((4, 4), K=0.0), 3),
    (Dimers((4, 4), K=0.5), 3),
    (Dimers((4, 4), K=-0.8), 3),
    (Dimers((4, 4), T=0.65), 8),
    (Dimers((2, 4), K=0.5), 4),
    (Dimers((4, 2), K=-0.5), 4),
    (Dimers((2, 2), K=0.7), 8),
    (Dimers((3, 4), K=0.6, boundary="free"), 4),
    (Dimers((4, 3), K=-0.6, boundary=("periodic", "free")), 4),
    (Dimers((2, 2), K=0.3, boundary="free"), 8),
]
MEANS = [
    (Dimers((8, 6), K=0.3), 3000),
    (Dimers((10, 6), K=0.0), 3000),
    (Dimers((8, 6), K=1.2), 3000),
    (Dimers((6, 6), K=-1.0), 3000),
    (Dimers((20, 4), K=0.7, boundary=("free", "periodic")), 3000),
    (Dimers((7, 6), K=0.7, boundary="free"), 3000),
]
P_LEAST = 1e-3 / (len(STATES) + len(MEANS))
weights = st.lists(st.sampled_from([1e-300, 0.01, 1.0, 1.0, 3.0, 100.0]), min_size=1, max_size=4)


@given(weights)
def test_transition_balances_and_seldom_bounces(w):
    w = np.array(w)
    p = worm.transition(w)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    flow = w[:, None] * p
    np.testing.assert_allclose(flow, flow.T, rtol=1e-12)
    if w.size > 1:
        off = p[~np.eye(w.size, dtype=bool)]
        assert (off > 0).all()
        assert np.count_nonzero(np.diag(p) > 1e-12) <= 1


def walks(model):
    """The exact matrix of one worm between all coverings: walks with one end are an absorbing Markov chain.

    A state of a walk is (tail, pivot, bond of entry, directions); pieces on the way are as `worm` describes them, with
    the number of facing dimers counted by definition: as the change of N_∥ when the dimer is put down.
    """
    near = lattice.nearest_neighbors(model.shape, model.boundary)[[0, 2, 1, 3]].T
    listed = [tuple(int(v) for v in x.ravel()) for x in exact.coverings(model.shape, model.boundary)]
    parallel = {}

    def number(directions):
        if directions not in parallel:
            x = np.array(directions, dtype=np.int8).reshape(model.shape)
            parallel[directions] = int(model.parallel(x))
        return parallel[directions]

    def step(state):
        tail, pivot, back, directions = state
        bonds = [b for b in range(4) if near[pivot, b] < model.n_sites]
        put = []
        for b in bonds:
            only = list(directions)
            k = near[pivot, b]
            if k != tail:  # what it displaces faces nothing of it, but other dimers: take it away first
                only[near[k, directions[k]]] = -1
                only[k] = -1
            without = number(tuple(only))
            only[pivot], only[k] = b, b ^ 2
            put.append(number(tuple(only)) - without)
        p = worm.transition(np.exp(model.K * np.array(put)))[bonds.index(back)]
        for b, chance in zip(bonds, p, strict=True):
            k, after = near[pivot, b], list(directions)
            after[pivot] = b
            if k == tail:
                after[tail] = b ^ 2
                yield chance, tuple(after)
            else:
                old, after[k] = after[k], b ^ 2
                following = int(near[k, old])
                after[following] = -1
                yield chance, (tail, following, old ^ 2, tuple(after))

    begin, states, number_of = {}, [], {}

    def index(state):
        if state not in number_of:
            number_of[state] = len(states)
            states.append(state)
        return number_of[state]

    for c in listed:
        for tail in range(model.n_sites):
            opened = list(c)
            pivot = int(near[tail, c[tail]])
            opened[tail] = opened[pivot] = -1
            begin[c, tail] = index((tail, pivot, c[tail] ^ 2, tuple(opened)))
    inside, outside = [], []
    done = 0
    while done < len(states):
        for chance, after in step(states[done]):
            if len(after) == 4 and isinstance(after[3], tuple):
                inside.append((done, index(after), chance))
            else:
                outside.append((done, listed.index(after), chance))
        done += 1

    def matrix_of(entries, columns):
        i, j, chance = zip(*entries, strict=True)
        return scipy.sparse.csc_array((chance, (i, j)), shape=(len(states), columns))

    walk = scipy.sparse.eye_array(len(states), format="csc") - matrix_of(inside, len(states))
    absorbed = scipy.sparse.linalg.splu(walk.tocsc()).solve(matrix_of(outside, len(listed)).toarray())
    matrix = np.array([absorbed[[begin[c, t] for t in range(model.n_sites)]].mean(axis=0) for c in listed])
    energy = model.energy(np.array(listed, dtype=np.int8).reshape(-1, *model.shape))
    return matrix, np.exp(-energy)


@pytest.mark.parametrize(
    "model",
    [
        Dimers((2, 4), K=0.7),
        Dimers((2, 2), K=-0.7),
        Dimers((3, 4), K=-0.9, boundary="free"),
        Dimers((4, 3), K=1.1, boundary=("periodic", "free")),
    ],
)
def test_detailed_balance_of_the_exact_matrix_and_every_covering_in_one_piece(model):
    matrix, weight = walks(model)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-9)
    flow = weight[:, None] * matrix
    np.testing.assert_allclose(flow, flow.T, atol=1e-12 * weight.max())
    assert (np.linalg.matrix_power(matrix + np.eye(len(matrix)), len(matrix)) > 0).all()
    # The kernel makes the same moves: how often it goes from one covering to each other
    listed = exact.coverings(model.shape, model.boundary)
    key = {x.tobytes(): i for i, x in enumerate(listed)}
    move = worm.update.prepare(model, 1)
    rng = np.random.Generator(np.random.PCG64(3))
    state = np.full(model.n_sites + model.shape[-1], -1, dtype=np.int8)
    state[: model.n_sites] = listed[0].ravel()
    out = np.empty((100_000, model.n_sites), dtype=np.int8)
    move.run(state[None], rng, 1, out[None], np.empty((1, len(out), 0)))
    path = np.array([key[x.tobytes()] for x in out])
    counts = np.zeros_like(matrix)
    np.add.at(counts, (path[:-1], path[1:]), 1)
    lazy = worm.IDLE * np.eye(len(matrix)) + (1 - worm.IDLE) * matrix
    expected = counts.sum(axis=1, keepdims=True) * lazy
    big = expected >= 10
    z2 = ((counts - expected)[big] ** 2 / expected[big]).sum()
    freedom = np.count_nonzero(big) - len(matrix)
    assert scipy.stats.chi2.sf(z2, freedom) > 1e-4
    assert counts[expected == 0].sum() == 0


@pytest.mark.parametrize(("model", "thin"), STATES)
def test_every_covering_comes_as_often_as_it_should(model, thin):
    listed = exact.coverings(model.shape, model.boundary)
    energy = model.energy(listed)
    p = np.exp(-(energy - energy.min()))
    p /= p.sum()
    data = sample(model, 12_500, chains=8, warmup=100, thin=thin, seed=5)
    place = 4 ** np.arange(model.n_sites, dtype=np.int64)
    keys = listed.reshape(len(listed), -1).astype(np.int64) @ place
    order = np.argsort(keys)
    drawn = data["spin"].values.reshape(-1, model.n_sites).astype(np.int64) @ place
    found = order[np.searchsorted(keys[order], drawn)]
    assert np.array_equal(keys[found], drawn)
    counts, expected = np.bincount(found, minlength=len(listed)), p * drawn.size
    # States of the same energy and flux that are too rare to judge alone are judged together
    small = expected < 20
    if small.any():
        _, cell = np.unique(np.round(energy[small], 9), return_inverse=True)
        counts = np.concatenate([counts[~small], np.bincount(cell, weights=counts[small])])
        expected = np.concatenate([expected[~small], np.bincount(cell, weights=expected[small])])
        keep = expected >= 5
        counts, expected = counts[keep], expected[keep]
    z2 = ((counts - expected) ** 2 / expected).sum()
    assert scipy.stats.chi2.sf(z2, len(counts) - 1) > P_LEAST


def test_an_error_of_two_percent_in_the_coupling_is_seen():
    data = sample(Dimers((4, 4), K=0.51), 12_500, chains=8, warmup=100, thin=3, seed=6)
    measured = stats.mean(data["parallel"])
    assert abs(measured.z(exact.parallel((4, 4), 0.5).mean)) > 5


@pytest.mark.parametrize(("model", "draws"), MEANS)
def test_parallel_pairs_are_those_of_the_transfer_matrix(model, draws):
    data = sample(model, draws, seed=7)
    measured = stats.mean(data["parallel"])
    assert abs(measured.z(exact.parallel(model.shape, model.K, model.boundary).mean)) <= scipy.stats.norm.isf(
        P_LEAST / 2
    )
    np.testing.assert_array_equal(data["energy"], -model.K * data["parallel"])


@pytest.mark.slow
def test_z_over_many_seeds_is_a_standard_normal():
    model = Dimers((8, 8), K=1.0)
    mean = exact.parallel(model.shape, model.K).mean
    z = np.array(
        [stats.mean(sample(model, 400, chains=2, seed=s, warmup=100, thin=2)["parallel"]).z(mean) for s in range(200)]
    )
    assert abs(z.mean()) <= 0.3
    assert 0.8 <= z.std(ddof=1) <= 1.25


def test_winding_sectors_have_their_weight():
    """On 4×4 and K = 0, the share of every (F_x, F_y), the staggered states among them."""
    listed = exact.coverings((4, 4))
    from rgnet.models.dimers import flux

    sectors, exact_counts = np.unique(flux(listed), axis=0, return_counts=True)
    assert abs(sectors).max() == 2
    data = sample(Dimers((4, 4), K=0.0), 12_500, chains=8, warmup=100, thin=3, seed=8)
    drawn = np.stack([data["flux_x"].values.ravel(), data["flux_y"].values.ravel()], axis=1)
    counts = np.array([(drawn == sector).all(axis=1).sum() for sector in sectors])
    assert counts.sum() == len(drawn)
    expected = exact_counts / len(listed) * len(drawn)
    assert scipy.stats.chi2.sf(((counts - expected) ** 2 / expected).sum(), len(counts) - 1) > 1e-4


def test_the_table_of_moves_and_models():
    dimers, ising = Dimers((4, 4), K=0.5), rg.Ising((4, 4), K=0.5)
    assert exact_for(dimers) == ("worm",)
    assert "worm" not in exact_for(ising)
    assert resolve("auto", dimers).name == "worm"
    for name in UPDATES:
        if name != "worm":
            with pytest.raises(ValueError, match=rf"'{name}' would not be exact: .*the model is Dimers; .* are worm"):
                sample(dimers, 2, update=name)
    with pytest.raises(ValueError, match=r"'worm' would not be exact: .*Dimers, and the model is Ising; exact here"):
        sample(ising, 2, update="worm")
    with pytest.raises(ValueError, match=r"did you mean 'worm'"):
        sample(dimers, 2, update="wurm")


@pytest.mark.parametrize("K", [1e300, 700.0, -10.0])
def test_strong_couplings(K):
    for boundary in ("periodic", "free"):
        model = Dimers((4, 4), K=K, boundary=boundary)
        data = sample(model, 5, chains=2, seed=2, warmup=20, thin=2)
        fewest, most = np.quantile(model.parallel(exact.coverings((4, 4), boundary)), [0, 1])
        np.testing.assert_array_equal(data["parallel"], most if K > 0 else fewest)


def test_couplings_with_which_worms_never_come_back():
    with pytest.raises(ValueError, match=r"K=-10\.1: .* give K of at least -10"):
        sample(Dimers((4, 4), K=-10.1), 2)


def test_a_sweep_is_about_one_pivot_a_site():
    model = Dimers((16, 16), K=0.5)
    data = sample(model, 5, seed=2, warmup=400, thin=1, chains=2)
    move = worm.update.prepare(model, 1)
    state = np.full(model.n_sites + 16, -1, dtype=np.int8)
    state[: model.n_sites] = data["spin"].values[0, -1].ravel()
    worms, pivots = worm.walk(state, np.random.Generator(np.random.PCG64(1)), 400 * model.n_sites, *move.tables)
    per_sweep = pivots / worms * data.attrs["worms_per_sweep"]
    assert 0.75 * model.n_sites < per_sweep < 1.25 * model.n_sites + pivots / worms
    assert math.isfinite(data.attrs["worms_per_sweep"])
