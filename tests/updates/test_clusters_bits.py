"""Clusters on bits against slow oracles: connected components by SciPy, probabilities, and how work is cut."""

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from rgnet import lattice
from rgnet.models import Ising, Potts
from rgnet.updates import _clusters_bits as bits
from rgnet.updates import _clusters_graph as graph
from rgnet.updates import _clusters_random as random
from rgnet.updates import _clusters_rows as rows
from rgnet.updates import swendsen_wang, wolff

PLACES = [
    ((5, 64), "periodic"),
    ((7, 65), "periodic"),
    ((1, 130), "free"),
    ((4, 12), ("free", "periodic")),
    ((3, 4, 100), "periodic"),
    ((2, 2, 2, 70), "periodic"),
    ((200,), "periodic"),
    ((6, 63), "free"),
    ((2, 128), "periodic"),
    ((40, 13), "periodic"),
    ((2, 2), "periodic"),
    ((30, 1), ("periodic", "free")),
]


def in_sites(words, length):
    """Bits of words (…, rows, words) as booleans (…, N)."""
    every = np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little")[..., :length]
    return every.reshape(*words.shape[:-2], -1).astype(bool)


def components(model, table, laid):
    """Number and labels of the components of planes of bonds, (1 + axes, N), by SciPy."""
    site = np.arange(model.n_sites)
    length = model.shape[-1]
    ahead = site - site % length + (site + 1) % length
    behind = [table.back[site // length, a] * length + site % length for a in range(table.back.shape[1])]
    one = np.concatenate([site[plane] for plane in laid])
    two = np.concatenate([other[plane] for other, plane in zip((ahead, *behind), laid, strict=True)])
    assert (two >= 0).all()
    pairs = scipy.sparse.coo_matrix((np.ones(len(one)), (one, two)), shape=(model.n_sites, model.n_sites))
    return connected_components(pairs, directed=False)


@pytest.mark.parametrize(("shape", "boundary"), PLACES)
def test_labels_are_the_connected_components(shape, boundary):
    rng = np.random.default_rng(1)
    model = Ising(shape, K=0.4, boundary=boundary)
    table, pairs, length = swendsen_wang._rows(model), lattice.bonds(model.geometry), shape[-1]
    n_rows, n_words = len(table.back), -(-length // 64)
    planes = np.empty((1, n_rows, n_words), dtype=np.uint64)
    bonds = np.empty((1 + table.back.shape[1], n_rows, n_words), dtype=np.uint64)
    start, first = np.empty((n_rows, n_words), dtype=np.uint64), np.empty((n_rows, n_words), dtype=np.int32)
    parent, sums = np.empty(model.n_sites, dtype=np.int32), np.empty(model.n_sites + 4, dtype=np.int32)
    where, lanes = np.empty(model.n_sites + 1, dtype=np.int32), np.empty((4, 16), dtype=np.uint64)
    for trial in range(12):
        x = rng.choice([-1, 1], size=model.n_sites) if trial % 3 else np.ones(model.n_sites)
        x = x.astype(np.int8)
        rows.pack(x, length, True, planes)
        assert (in_sites(planes[0], length) == (x > 0)).all()
        back = np.zeros_like(x)
        rows.unpack(planes, length, True, back)
        assert (back == x).all()
        bits.satisfied(planes, table.back, table.periodic, length, table.invert, bonds)
        assert bits.count(bonds) == (x[pairs[:, 0]] == x[pairs[:, 1]]).sum()
        random.seed(rng, lanes)
        random.thin(bonds.ravel(), random.threshold((0.2, 0.5, 0.8, 1.0)[trial % 4])[()], lanes)
        n_runs = bits.label(bonds, table.back, length, start, first, parent)
        assert (parent[:n_runs] <= np.arange(n_runs)).all()
        rows.cluster_sums(planes[0], length, True, False, start, parent, n_runs, where, sums)
        run = np.cumsum(in_sites(start, length)) - 1
        mine = parent[run]
        number, wanted = components(model, table, in_sites(bonds, length))
        assert len(np.unique(mine)) == number == len(np.unique(mine.astype(np.int64) * model.n_sites + wanted))
        np.testing.assert_array_equal(sums[:n_runs], np.bincount(mine, weights=x, minlength=n_runs))
        values = rng.integers(0, 256, size=model.n_sites // 8 * 8 + 128).astype(np.uint8)
        out, packed = np.empty(n_rows * n_words, dtype=np.uint64), np.empty(model.n_sites // 64 + 2, dtype=np.uint64)
        for bit in range(3):
            bits.spread(values.view(np.uint64), np.uint64(bit), n_runs, start.ravel(), first.ravel(), packed, out)
            found = in_sites(out.reshape(n_rows, n_words), length)
            assert (found == ((values[run] >> bit) & 1)).all()


def test_labels_on_a_graph_are_the_connected_components():
    rng = np.random.default_rng(2)
    model = Ising((7, 9), K=0.6, lattice="triangular", boundary=("free", "periodic"))
    table = swendsen_wang.pair_table(model)
    x, parent = np.ones(model.n_sites, dtype=np.int8), np.empty(model.n_sites, dtype=np.int32)
    lanes = np.empty((4, 16), dtype=np.uint64)
    for _ in range(20):
        random.seed(rng, lanes)
        again = lanes.copy()
        graph.lay(x, table, lanes, parent)
        words = np.empty((-(-len(table.pairs) // 16), 16), dtype=np.uint64)
        for row in words:
            random.draw(again, row)
        laid = words.ravel()[: len(table.pairs)] < table.likely  # the same random numbers, one by one
        one, two = table.pairs[laid].T
        pairs = scipy.sparse.coo_matrix((np.ones(len(one)), (one, two)), shape=(model.n_sites, model.n_sites))
        number, wanted = connected_components(pairs, directed=False)
        assert len(np.unique(parent)) == number
        assert len(np.unique(parent.astype(np.int64) * model.n_sites + wanted)) == number


def oracle(lanes):
    """xoshiro256++ of one lane in Python's whole numbers."""
    mask = 2**64 - 1
    a, b, c, d = (int(word) for word in lanes)
    while True:
        total = (a + d) & mask
        yield (((total << 23) | (total >> 41)) + a) & mask
        t = (b << 17) & mask
        c, d = c ^ a, d ^ b
        b, a = b ^ c, a ^ d
        c ^= t
        d = ((d << 45) | (d >> 19)) & mask


def test_lanes_are_xoshiro():
    lanes, out = np.empty((4, 5), dtype=np.uint64), np.empty(5, dtype=np.uint64)
    random.seed(np.random.default_rng(3), lanes)
    single, scalars = lanes[:, 2].copy(), [oracle(lanes[:, lane].tolist()) for lane in range(5)]
    for _ in range(20):
        random.draw(lanes, out)
        assert out.tolist() == [next(scalar) for scalar in scalars]
        assert random.one(single) == out[2]


@pytest.mark.parametrize("p", [0.0, 1e-3, 0.25, 0.5857864376269049, 1 / 3, 0.999, 1.0])
def test_bits_are_kept_with_their_probability(p):
    lanes, words = np.empty((4, 64), dtype=np.uint64), np.full(50_000, 2**64 - 1, dtype=np.uint64)
    random.seed(np.random.default_rng(4), lanes)
    random.thin(words, random.threshold(p)[()], lanes)
    by_place = np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=0).astype(float)
    number = 64 * len(words)
    if p in (0.0, 1.0):
        assert by_place.sum() == p * number
        return
    z = (by_place.sum() - p * number) / np.sqrt(p * (1 - p) * number)
    chi2 = (((by_place - p * len(words)) ** 2) / (p * (1 - p) * len(words))).sum()
    assert abs(z) < 4.5
    assert abs(chi2 - 64) < 4.5 * np.sqrt(128)


@pytest.mark.parametrize("q", [2, 3, 5, 8, 127])
def test_new_states_are_equally_likely(q):
    lanes, out = np.empty((4, 16), dtype=np.uint64), np.empty(200_064, dtype=np.uint8)
    random.seed(np.random.default_rng(5), lanes)
    random.states(out, 200_000, q, lanes)
    counts = np.bincount(out[:200_000], minlength=q)
    assert len(counts) == q
    expected = 200_000 / q
    assert abs(((counts - expected) ** 2 / expected).sum() - (q - 1)) < 4.5 * np.sqrt(2 * (q - 1))


@pytest.mark.parametrize("update", [swendsen_wang.update, wolff.update])
@pytest.mark.parametrize(
    "model",
    [
        Ising((9, 70), K=0.44),
        Ising((8, 8), K=0.4, h=0.1, boundary="free"),
        Ising((9, 9), K=-0.4),
        Potts((16, 16), q=3, K=1.0),
    ],
)
def test_how_work_is_cut_does_not_change_the_random_numbers(update, model):
    move = update.prepare(model, 1)
    width = 3 + 2 * isinstance(model, Potts) + (update is swendsen_wang.update)
    width = width if model.h == 0 else 2

    def run(pieces):
        rng, state = np.random.default_rng(6), np.zeros(model.n_sites + model.shape[-1], dtype=np.int8)
        state[: model.n_sites] = model.start(1, np.random.default_rng(7)).ravel()
        out, measured = np.empty((4, model.n_sites), dtype=np.int8), np.zeros((4, width))
        for begin, end in pieces:
            arguments = (*move.tables, *move.settings.values())
            move.record(state, rng, 2, out[begin:end], measured[begin:end], *arguments)
        nothing = np.empty((1, 0))
        move.record(state, rng, 3, nothing.astype(np.int8), nothing, *arguments)
        return out, measured, state, rng.bit_generator.state

    whole, parts = run([(0, 4)]), run([(0, 1), (1, 3), (3, 4)])
    for one, other in zip(whole[:3], parts[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole[3] == parts[3]
