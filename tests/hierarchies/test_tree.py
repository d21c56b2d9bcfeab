import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rgnet.hierarchies import _tree_grid, _tree_posterior, tree_exact, tree_sufficient
from rgnet.hierarchies.chain import Chain
from rgnet.hierarchies.tree import Tree
from rgnet.information import discrete
from rgnet.information.samples import InformationWarning

SHAPES = [(2, (2, 2)), (1, (3,)), (3, (1, 2, 1)), (2, (1, 3)), (2, (2, 1)), (4, (1, 1, 1, 1)), (2, (3, 1))]


def as_chain(tree):
    """Enumeration: the chain whose states number the configurations of each level in C order."""
    matrices = []
    for k in range(tree.depth):
        rows = []
        for states in itertools.product(range(tree.alphabet[k]), repeat=tree.level_sizes[k]):
            row = np.ones(1)
            for state in states:
                for _ in range(tree.branchings[k]):
                    row = np.kron(row, tree.channels[k][state])
            rows.append(row)
        matrices.append(np.array(rows))
    return Chain(tree.prior, matrices)


def configurations(tree, level):
    sites, states = tree.level_sizes[level], tree.alphabet[level]
    return np.indices((states,) * sites).reshape(sites, -1).T


def site_marginals(tree, table, level):
    """Single-site marginals (configurations of the data, sites, states) from the table p(y_level | y_n)."""
    states = configurations(tree, level)
    return np.stack([table @ (states == a) for a in range(tree.alphabet[level])], axis=-1)


@st.composite
def trees(draw, zeros=False, near_ties=True):
    depth, branching = draw(st.sampled_from(SHAPES))
    rng = np.random.default_rng(np.random.SeedSequence(draw(st.integers(0, 2**32))))
    q = draw(st.integers(2, 3))
    changing = draw(st.booleans()) and q**4 < 20
    sizes = [q] + [int(rng.integers(2, 4)) if changing else q for _ in range(depth)]
    concentration = draw(st.sampled_from([0.3, 1.0, 5.0]))
    channels = [rng.dirichlet(np.full(b, concentration), size=a) for a, b in itertools.pairwise(sizes)]
    if zeros:
        channels = [np.where(c < 0.2, 0.0, c) / np.where(c < 0.2, 0.0, c).sum(axis=1, keepdims=True) for c in channels]
    if not near_ties:  # tiny entries make posteriors that differ by about the tolerance of either route
        channels = [(np.round(20 * c) + 1) / (np.round(20 * c) + 1).sum(axis=1, keepdims=True) for c in channels]
    if not changing:
        channels = [channels[0]] * depth
    return Tree(depth, branching, rng.dirichlet(np.ones(q)), channels)


# Sampling


def test_shapes_and_types():
    tree = Tree.symmetric(3, branching=(2, 1, 3), flip=0.1, q=3)
    assert (tree.steps, tree.level_sizes, tree.alphabet) == (3, (1, 2, 2, 6), (3, 3, 3, 3))
    data = tree.sample(10, seed=1)
    assert {k: v.dims for k, v in data.items()} == {
        "y_0": ("draw",),
        "y_1": ("draw", "site_1"),
        "y_2": ("draw", "site_2"),
        "y_3": ("draw", "site_3"),
    }
    assert all(v.dtype == np.uint8 for v in data.values())
    assert all(isinstance(value, (str, int, float)) for value in data.attrs.values())
    assert (data.attrs["hierarchy"], data.attrs["seed"]) == ("Tree", 1)


@pytest.mark.parametrize(
    "tree",
    [
        Tree.symmetric(2, flip=0.2),
        Tree(2, 2, [0.3, 0.7], [[0.9, 0.1], [0.75, 0.25]]),
        Tree(2, 2, [0.0, 1.0], [[0.5, 0.5], [1.0, 0.0]]),
        Tree(2, (1, 2), [0.2, 0.3, 0.5], [[0.8, 0.2, 0.0], [0.1, 0.7, 0.2], [1 / 3, 1 / 3, 1 / 3]]),
        Tree(2, (2, 1), [0.4, 0.6], [[[0.2, 0.3, 0.5], [0.6, 0.0, 0.4]], [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]]),
    ],
    ids=["symmetric", "asymmetric", "certain", "three", "changing"],
)
def test_sampled_frequencies_of_all_levels_together(tree):
    n, chain = 300_000, as_chain(tree)
    data = tree.sample(n, seed=7)
    code = np.zeros(n, dtype=int)
    for k, q in enumerate(tree.alphabet):
        for column in data[f"y_{k}"].values.reshape(n, -1).T:
            code = code * q + column
    expected = chain.prior
    for matrix in chain.matrices:
        expected = (expected.reshape(-1, matrix.shape[0])[:, :, None] * matrix).ravel()
    counts = np.bincount(code, minlength=expected.size)
    possible = expected > 0
    assert counts[~possible].sum() == 0
    if possible.sum() > 1:
        assert stats.chisquare(counts[possible], n * expected[possible]).pvalue > 1e-3


def test_flips_are_exact_and_independent_between_draws():
    tree = Tree.symmetric(1, branching=500, flip=0.2)
    data = tree.sample(40_000, seed=3)
    flipped = data["y_1"].values != data["y_0"].values[:, None]
    assert stats.binomtest(int(flipped.sum()), flipped.size, 0.2).pvalue > 1e-3
    pairs = flipped[:-1] * 2 + flipped[1:]  # neighbouring draws share machine words
    assert (
        stats.chisquare(np.bincount(pairs[::2].ravel()), pairs[::2].size * np.outer([0.8, 0.2], [0.8, 0.2]).ravel())[1]
        > 1e-3
    )


def test_draws_do_not_depend_on_how_many_or_which_levels():
    for tree in (Tree.symmetric(6), Tree.symmetric(4, q=3)):
        long, short = tree.sample(3000, seed=1), tree.sample(1100, seed=1)
        assert long.isel(draw=slice(1100)).equals(short)
        some = tree.sample(1100, seed=1, levels=(0, tree.depth))
        assert list(some) == ["y_0", f"y_{tree.depth}"]
        assert np.array_equal(some["y_0"], short["y_0"])
        assert np.array_equal(some[f"y_{tree.depth}"], short[f"y_{tree.depth}"])


# Posterior


@settings(max_examples=40, deadline=None)
@given(trees(zeros=True))
def test_posterior_is_that_of_enumeration(tree):
    chain, data = as_chain(tree), configurations(tree, tree.depth)
    possible = chain.marginals[-1] > 0
    for level in range(tree.depth + 1):
        exact = site_marginals(tree, chain.posterior_table(level)[possible], level)
        for p in (
            tree.posterior(data[possible], level).reshape(exact.shape),
            _tree_posterior.logarithmic(tree, data[possible], level),
        ):
            assert p == pytest.approx(exact, abs=1e-12)
    if not possible.all():
        first = int(np.argmin(possible))
        with pytest.raises(ValueError, match=f"draw {first} of the data has probability zero"):
            tree.posterior(data, 0)
        assert np.isnan(_tree_posterior.logarithmic(tree, data, 0)[~possible]).all()


def test_extreme_trees_keep_their_posterior():
    tree = Tree.symmetric(1, branching=4000, flip=1e-3)
    data = np.zeros((2, 4000), dtype=int)
    data[0, :2000] = 1  # as many on each side, each side overwhelming
    data[1, :1999] = 1
    odds = np.log(0.999 / 0.001)
    p = tree.posterior(data)
    assert p[0] == pytest.approx([0.5, 0.5], abs=1e-9)
    assert p[1, 1] == pytest.approx(1 / (1 + np.exp(2 * odds)), rel=1e-9)
    tiny = Tree(2, 2, [0.5, 0.5], [[1 - 1e-200, 1e-200], [1e-200, 1 - 1e-200]])
    assert tiny.posterior(np.array([[0, 0, 1, 1]]))[0] == pytest.approx([0.5, 0.5])
    long = Tree.symmetric(500, branching=1, flip=1e-3)
    assert long.posterior([[1]])[0, 1] == pytest.approx(0.5 + 0.5 * 0.998**500)


def test_labelled_data():
    tree = Tree.symmetric(3)
    data = tree.sample(50, seed=2)
    root, middle = tree.posterior(data), tree.posterior(data["y_3"], level=2)
    assert isinstance(root, xr.DataArray)
    assert root.dims == ("draw", "state")
    assert middle.dims == ("draw", "site_2", "state")
    assert np.array_equal(middle, tree.posterior(data["y_3"].values, level=2))
    assert tree.posterior(data, 3).argmax("state").equals(data["y_3"].astype(int))


# Mutual information


@settings(max_examples=40, deadline=None)
@given(trees(zeros=True))
def test_mutual_information_of_all_levels_is_that_of_enumeration(tree):
    chain = as_chain(tree)
    for a, b in itertools.combinations_with_replacement(range(tree.depth + 1), 2):
        exact = float(chain.mutual_information(a, b))
        estimate = tree.mutual_information(b, a)
        assert float(estimate) == pytest.approx(exact, abs=1e-12)
        assert estimate.kind == "exact"
        lower, upper = tree_exact.bounds(tree, a, b)
        assert lower <= exact <= upper
        assert upper - lower < 1e-9  # nothing was put on the grid


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 4), st.sampled_from([4, 9]), st.sampled_from([0.3, 2.0]))
def test_bounds_hold_on_coarse_grids(seed, q, grid, concentration):
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    channel = rng.dirichlet(np.full(q, concentration), size=q)
    if seed % 3 == 0:
        channel = np.where(channel < 0.1, 0.0, channel)
        channel /= channel.sum(axis=1, keepdims=True)
    tree = Tree(2, 3, rng.dirichlet(np.ones(q)), channel)
    for a in (0, 1):
        exact = tree_exact.exact(tree, a, 2)
        lower, upper = tree_exact.bounds(tree, a, 2, grid=grid)
        assert lower <= exact <= upper
        assert upper - lower < 0.5


@pytest.mark.parametrize("q", [2, 3, 4])
@pytest.mark.parametrize("upper", [False, True])
def test_the_grid_keeps_probabilities(q, upper):
    rng = np.random.default_rng(np.random.SeedSequence(q))
    one, other = (rng.dirichlet(np.full(m, 0.2), size=q).T for m in (30, 40))
    push = _tree_grid._line if q == 2 else _tree_grid._simplex
    out = push(one, other, 6, upper)
    assert out.sum(axis=0) == pytest.approx(1.0)
    assert out.min() >= 0
    exact = tree_exact.information(np.full(q, 1 / q), tree_exact.products(one, other))
    assert (tree_exact.information(np.full(q, 1 / q), out) - exact) * (1 if upper else -1) > 0


def test_work_done_in_pieces_gives_the_same(monkeypatch):
    rng = np.random.default_rng(np.random.SeedSequence(1))
    trees = [Tree.symmetric(5), Tree(2, (2, 3), [0.2, 0.3, 0.5], rng.dirichlet(np.ones(3), size=3))]
    data = [tree.sample(200, levels=(tree.depth,)) for tree in trees]

    def everything():
        for tree, x in zip(trees, data, strict=True):
            monkeypatch.setattr(tree_exact, "GRID", {2: 40, 3: 8})
            yield from (tree_exact.exact(tree, 0, tree.depth), *tree_exact.bounds(tree))
            yield from (tree.posterior(x, level).values.sum(axis=0).ravel()[0] for level in range(tree.depth))
            yield float(tree.sufficient()(x).values @ np.arange(200.0))

    monkeypatch.setattr(_tree_grid, "LISTED", 100)  # products go to the grid unmerged
    whole = list(everything())
    for module, name, value in (
        (tree_exact, "_CHUNK", 500),
        (_tree_grid, "_PAIRS", 300),
        (_tree_posterior, "_WORK", 1.0),
        (tree_sufficient, "_CELLS", 100),
    ):
        monkeypatch.setattr(module, name, value)
    assert list(everything()) == pytest.approx(whole, abs=1e-9)


@pytest.mark.parametrize(("depth", "value"), [(1, 0.31921179105599595), (4, 0.0749), (5, 0.0506187)])
def test_symmetric_binary_trees(depth, value):
    tree = Tree.symmetric(depth)
    assert float(tree.mutual_information(0, depth)) == pytest.approx(value, rel=1e-3)
    if depth == 1:  # two children: 2 h(0.32) and so on, by hand
        joint = 0.5 * np.array([[0.64, 0.16, 0.16, 0.04], [0.04, 0.16, 0.16, 0.64]])
        assert float(tree.mutual_information(0, 1)) == pytest.approx(
            np.sum(joint * np.log(joint / np.outer([0.5, 0.5], joint.sum(0)))), rel=1e-12
        )


def test_depth_eight_between_bounds_that_agree():
    estimate = Tree.symmetric(8).mutual_information(0, 8)
    lower, upper = estimate.interval
    assert estimate.kind == "estimate"
    assert "rigorous" in estimate.method
    assert lower < 0.017134775 < upper  # a grid of 2^14 cells gives 0.01713475
    assert upper - lower < 1e-5


@pytest.mark.slow
def test_depth_six_and_finer_grids():
    tree = Tree.symmetric(6)
    exact = tree_exact.exact(tree, 0, 6)
    assert exact == pytest.approx(0.03487, abs=5e-6)
    widths = []
    for grid in (256, 1024, 4096):
        lower, upper = tree_exact.bounds(tree, grid=grid)
        assert lower < exact < upper
        widths.append(upper - lower)
    assert widths[0] > widths[1] > widths[2]
    assert widths[2] < 1e-7


def test_deep_or_wide_trees():
    twelve, ten = (tree_exact.bounds(Tree.symmetric(depth), grid=250) for depth in (12, 10))
    assert twelve[1] < ten[0]  # information falls
    below, above = Tree.symmetric(30, flip=0.2), Tree.symmetric(30, flip=0.05)
    assert (below.kesten_stigum, above.kesten_stigum) == pytest.approx((0.72, 1.62))
    assert (below.reconstructible, above.reconstructible) == (False, True)
    assert tree_exact.bounds(below, grid=150)[1] < 1e-3
    assert tree_exact.bounds(above, grid=150)[0] > 0.1
    with pytest.raises(ValueError, match=r"5 states: density evolution needs at most 4"):
        Tree.symmetric(8, q=5).mutual_information(0, 8)


def test_kesten_stigum_of_other_channels():
    assert Tree.symmetric(2, branching=3, flip=0.3, q=4).kesten_stigum == pytest.approx(3 * 0.6**2)
    assert Tree(2, 2, [0.5, 0.5], [[0.9, 0.1], [0.4, 0.6]]).kesten_stigum == pytest.approx(2 * 0.25)
    with pytest.raises(ValueError, match="change from level to level"):
        _ = Tree.symmetric(2, branching=(2, 3)).kesten_stigum


# Sufficient statistics


def same_partition(one, other):
    return len(set(zip(one, other, strict=True))) == len(set(one)) == len(set(other))


@settings(max_examples=40, deadline=None)
@given(trees(near_ties=False))
def test_sufficient_labels_are_those_of_enumeration(tree):
    chain, data = as_chain(tree), configurations(tree, tree.depth)
    for level in range(tree.depth + 1):
        statistic, exact = tree.sufficient(level), chain.sufficient(level)
        labels = statistic(data)
        assert same_partition(labels.tolist(), exact.labels.tolist())
        assert np.array_equal(statistic.labels, labels)
        assert len(np.unique(labels)) <= statistic.count
        if level == 0:
            assert statistic.count == exact.count


def test_labels_of_symmetric_trees(monkeypatch):
    counts = [Tree.symmetric(depth).sufficient().count for depth in range(1, 6)]
    assert counts == [3, 5, 13, 85, 3613]
    deep = Tree.symmetric(5)
    data = deep.sample(4000, seed=1)
    labels = deep.sufficient()(data)
    assert labels.dims == ("draw",)
    monkeypatch.setattr(tree_sufficient, "ENTRIES", 1000)
    seen = deep.sufficient()
    assert seen.count is None
    assert seen.labels is None
    first = seen(data["y_5"].values)
    assert same_partition(first.tolist(), labels.values.tolist())
    assert np.array_equal(seen(data["y_5"].values[::-1]), first[::-1])  # labels stay from call to call
    more = seen(deep.sample(100, seed=2)["y_5"].values)
    assert np.array_equal(
        np.concatenate([first, more]), seen(np.concatenate([data["y_5"], deep.sample(100, 2)["y_5"]]))
    )
    monkeypatch.setattr(tree_sufficient, "ENTRIES", 10)
    with pytest.raises(ValueError, match=r"ask for level=0"):
        deep.sufficient(1)


def test_labels_of_many_sites():
    tree = Tree.symmetric(7)  # 64 sites of 3 labels do not fit an integer
    data = tree.sample(30, seed=1)["y_7"].values
    statistic = tree.sufficient(6)
    assert statistic.count is None
    labels = statistic(np.concatenate([data, data]))
    assert np.array_equal(labels[:30], labels[30:])
    assert len(np.unique(labels)) == 30
    swapped = data.reshape(30, 64, 2)[:, :, ::-1].reshape(30, 128)
    assert np.array_equal(statistic(swapped), labels[:30])


def test_impossible_leaves_have_no_label():
    tree = Tree(2, 2, [0.5, 0.5], np.eye(2))
    statistic = tree.sufficient()
    assert statistic.count == 2
    assert (statistic.labels >= 0).sum() == 2
    with pytest.raises(ValueError, match=r"draw 1 of the data has probability zero"):
        statistic([[1, 1, 1, 1], [0, 1, 1, 1]])
    with pytest.raises(ValueError, match=r"level=1 has configurations of probability zero"):
        tree.sufficient(1)


@pytest.mark.slow
def test_estimates_through_labels_and_from_raw_configurations():
    tree = Tree.symmetric(4)
    statistic, exact = tree.sufficient(), float(tree.mutual_information(0, 4))
    errors = []
    for seed in range(200):
        data = tree.sample(10_000, seed=seed)
        errors.append(float(discrete.mutual_information(data["y_0"], statistic(data))) - exact)
    assert abs(np.mean(errors)) <= 0.0015
    assert np.sqrt(np.mean(np.square(errors))) <= 0.0045
    with pytest.warns(InformationWarning):
        raw = discrete.mutual_information(data["y_0"].values, data["y_4"].values, method="plug-in")
    assert float(raw) > exact + 0.3
